//! Tests of servers that write their events in another shape.

use super::*;
use crate::complaints::USAGE_UNREADABLE;
use crate::realtime::openai::session::health::MOST_MALFORMED;

#[test]
fn nothing_of_session_created_is_needed_but_its_coming() {
    for session in [
        json!({"audio": {"input": {"format": "pcm16"}, "output": {"format": "pcm16", "voice": "x"}}}),
        json!({"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000.0}}}}),
        json!({"audio": {"input": {"format": {"type": "opus", "rate": 48000}}}}),
        json!("sess_1"),
        json!(null),
    ] {
        let mut harness = Harness::opened();
        let seen = harness.hear(json!({"type": "session.created", "session": session}));
        assert_eq!(seen.sent[0]["type"], "session.update", "{session}");
    }
}

#[test]
fn the_format_we_asked_for_is_known_however_it_is_written() {
    for (format, taken) in [
        (json!("pcm16"), true),
        (json!({"type": "audio/pcm", "rate": 24000.0}), true),
        (json!({"type": "audio/pcm", "rate": "24000"}), true),
        (json!({"type": "audio/pcm", "rate": null}), true),
        (json!(7.5), false),
        (json!("g711_ulaw"), false),
        (json!({"type": "audio/pcm", "rate": 16000.0}), false),
    ] {
        let mut harness = Harness::with(|plan| plan.format = AudioFormat::PCM_24K);
        harness.on(SessionEvent::Opened);
        harness.hear(json!({"type": "session.created"}));
        let session = json!({"audio": {"input": {"format": format}, "output": {"format": format}}});
        let seen = harness.hear(json!({"type": "session.updated", "session": session}));
        assert_eq!(seen.lost.is_none(), taken, "{format}: {seen:?}");
    }
}

#[test]
fn an_error_of_any_shape_settles_the_configuration_at_once() {
    for error in [json!("backend send config: EOF"), json!(["no"]), json!({"message": ["no"]}), json!(null)] {
        let mut harness = Harness::updating();
        let seen = harness.hear(json!({"type": "error", "error": error, "code": "backend_error"}));
        assert_eq!(class(&seen), Some(LossClass::Retryable), "{error}");
        assert!(seen.lost.expect("a loss").reason.contains("backend_error"), "{error}");
    }
    // A server that sends an `event_id`, even null, means an error about something else.
    let mut harness = Harness::updating();
    let seen = harness.hear(json!({"type": "error", "error": {"code": "odd", "message": "m", "event_id": null}}));
    assert_eq!(class(&seen), None);
}

#[test]
fn an_error_of_any_shape_settles_a_request_to_speak_at_once() {
    let mut harness = Harness::ready();
    assert_eq!(harness.order(request(ResponsePurpose::Greeting, None)).sent[0]["type"], "response.create");
    let refused = harness.hear(json!({"type": "error", "error": "Model not validated", "code": "model_not_validated"}));
    assert_eq!(complaints(&refused), ["model_not_validated: Model not validated"]);
    let again = harness.pass(Timer::Sequencer(sequencer::Timer::RetryDue));
    assert_eq!(again.sent[0]["type"], "response.create");
    let refused = harness.hear(json!({"type": "error", "error": "Model not validated", "code": "model_not_validated"}));
    assert!(refused.reports.iter().any(|report| matches!(report, ModelReport::Muted { .. })), "{refused:?}");
}

#[test]
fn an_error_that_also_comes_when_nothing_was_asked_settles_nothing() {
    let mut harness = Harness::ready();
    harness.hear(json!({"type": "error", "error": "no such field: sound"}));
    harness.order(request(ResponsePurpose::Greeting, None));
    let seen = harness.hear(json!({"type": "error", "error": "no such field: sound"}));
    assert!(
        seen.sent.is_empty() && !seen.reports.iter().any(|report| matches!(report, ModelReport::RequestGivenUp { .. }))
    );
    assert_eq!(
        harness.session.deadline().map(|(_, timer)| timer),
        Some(Timer::Sequencer(sequencer::Timer::CreateUnanswered))
    );
}

#[test]
fn a_number_for_a_code_may_be_tried_again() {
    let mut harness = Harness::ready();
    harness.order(request(ResponsePurpose::Greeting, None));
    harness.hear(json!({"type": "response.created", "response": {"id": "r"}}));
    let error = json!({"type": "server_error", "code": 503, "message": "m"});
    let failed = harness.hear(json!({"type": "response.done", "response": {"id": "r", "status": "failed",
        "status_details": {"type": "failed", "error": error}}}));
    let outcome = ResponseOutcome::Failed("503".to_owned());
    let finished = ModelReport::ResponseFinished { response: ResponseId::new("r"), outcome, usage: None };
    assert!(failed.reports.contains(&finished), "{failed:?}");
    let again = harness.pass(Timer::Sequencer(sequencer::Timer::RetryDue));
    assert_eq!(again.sent[0]["type"], "response.create");
}

#[test]
fn a_call_with_an_object_for_arguments_runs_and_the_one_beside_it_too() {
    let mut harness = Harness::ready();
    let calls = json!([
        {"type": "function_call", "call_id": "a", "name": "switch_language", "arguments": {"language": "hi"}},
        {"type": "function_call", "call_id": "b", "name": "end_call", "arguments": "{}"}]);
    harness.hear(json!({"type": "response.created", "response": {"id": "r"}}));
    let seen =
        harness.hear(json!({"type": "response.done", "response": {"id": "r", "status": "completed", "output": calls}}));
    let called: Vec<_> = seen
        .reports
        .iter()
        .filter_map(|report| if let ModelReport::ToolCalled(call) = report { Some(call) } else { None })
        .map(|call| (call.name.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(called, [("switch_language", r#"{"language":"hi"}"#), ("end_call", "{}")]);
}

#[test]
fn events_that_cannot_be_read_do_not_add_up_over_a_call() {
    let mut harness = Harness::ready();
    for _ in 0..4 * MOST_MALFORMED {
        assert!(harness.on(SessionEvent::Text("garbage")).lost.is_none());
        let unusual = json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": null, "transcript": null});
        assert!(harness.hear(unusual).lost.is_none());
    }
    // Other readable events do not help a caller who hears nothing.
    let mut lost = None;
    for _ in 0..=MOST_MALFORMED {
        harness.hear(
            json!({"type": "response.output_audio_transcript.delta", "response_id": "r", "item_id": "i", "delta": "a"}),
        );
        let bad = json!({"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": "!"});
        lost = lost.or(harness.hear(bad).lost);
    }
    assert!(lost.is_some());
}

#[test]
fn what_a_server_does_not_name_belongs_to_the_response_that_runs() {
    let mut harness = Harness::ready();
    harness.hear(json!({"type": "response.created", "response": {"id": "r"}}));
    let heard = harness.hear(json!({"type": "response.output_audio.delta", "delta": "AAAA"}));
    assert_eq!(heard.audio, [("r".to_owned(), "item_of_r".to_owned(), vec![0, 0, 0])]);
    let done = harness.hear(json!({"type": "response.done", "response": "over"}));
    assert!(done.complete.is_empty() && !done.reports.is_empty(), "{done:?}");
    let done = harness.hear(json!({"type": "response.done"}));
    assert_eq!(done.complete, ["item_of_r"]);
}

#[test]
fn an_answer_that_sounded_and_has_no_readable_usage_is_estimated() {
    for usage in [json!(null), json!({}), json!({"input_tokens": 1e300, "output_tokens": -1}), json!("much")] {
        let mut harness = Harness::ready();
        let _ = harness.session.write_audio(&[0; 48_000]);
        harness.hear(json!({"type": "response.created", "response": {"id": "r"}}));
        harness.audio("r", "i", 96_000);
        let done = harness
            .hear(json!({"type": "response.done", "response": {"id": "r", "status": "completed", "usage": usage}}));
        let usage = used(&done).expect("an estimate");
        assert_eq!((usage.input_audio, usage.output_audio), (10, 40), "{usage:?}");
        assert!(complaints(&done)[0].starts_with(USAGE_UNREADABLE), "{done:?}");
    }
    // Without audio there is no estimate.
    let mut harness = Harness::ready();
    harness.hear(json!({"type": "response.created", "response": {"id": "r"}}));
    let done = harness.hear(json!({"type": "response.done", "response": {"id": "r", "status": "cancelled"}}));
    assert_eq!(used(&done), None);
}

fn used(seen: &Seen) -> Option<Usage> {
    seen.reports.iter().find_map(
        |report| {
            if let ModelReport::ResponseFinished { usage, .. } = report { *usage } else { None }
        },
    )
}

fn complaints(seen: &Seen) -> Vec<String> {
    let said = |report: &ModelReport| {
        if let ModelReport::Complained { code, message } = report { Some(format!("{code}: {message}")) } else { None }
    };
    seen.reports.iter().filter_map(said).collect()
}
