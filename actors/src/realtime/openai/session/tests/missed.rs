//! Tests of answers that the caller does not hear.

use super::calls::call_item;
use super::*;
use crate::incident::IncidentKind;

/// The server answers the caller with `done`, after `audio` bytes of sound at the given level.
fn answered(harness: &mut Harness, id: &str, audio: Option<(usize, u8)>, done: &Value) -> Seen {
    harness.hear(json!({"type": "response.created", "response": {"id": id, "metadata": null}}));
    if let Some((bytes, level)) = audio {
        let delta = base64_simd::STANDARD.encode_to_string([level, 0].repeat(bytes / 2));
        harness.hear(json!({"type": "response.output_audio.delta", "response_id": id, "item_id": format!("item_{id}"),
            "output_index": 0, "content_index": 0, "delta": delta}));
    }
    let mut response = json!({"id": id, "status": "completed", "output": []});
    response.as_object_mut().expect("an object").extend(done.as_object().expect("an object").clone());
    harness.hear(json!({"type": "response.done", "response": response}))
}

fn caller_spoke(harness: &mut Harness, item: &str) {
    harness.hear(json!({"type": "input_audio_buffer.speech_started", "item_id": item, "audio_start_ms": 0}));
    harness.hear(json!({"type": "input_audio_buffer.speech_stopped", "item_id": item, "audio_end_ms": 900}));
    harness.hear(json!({"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": null}));
}

fn transcribed(harness: &mut Harness, item: &str, text: &str) -> Seen {
    harness.hear(json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": item,
        "content_index": 0, "transcript": text}))
}

fn missed(seen: &Seen) -> Option<(IncidentKind, bool)> {
    seen.reports.iter().find_map(|report| {
        if let ModelReport::AnswerMissed { kind, again, .. } = report { Some((*kind, *again)) } else { None }
    })
}

#[test]
fn an_answer_without_sound_is_asked_for_again_at_once_whatever_it_has_instead() {
    let message =
        |part: Value| json!({"output": [{"id": "m", "type": "message", "role": "assistant", "content": [part]}]});
    let incomplete =
        |reason: &str| json!({"status": "incomplete", "status_details": {"type": "incomplete", "reason": reason}});
    for (done, kind) in [
        (json!({}), IncidentKind::AnswerEmpty),
        (json!({"output": null}), IncidentKind::AnswerEmpty),
        (json!({"output": [{"type": "message", "content": []}]}), IncidentKind::AnswerEmpty),
        (message(json!({"type": "output_text", "text": "Nine to five."})), IncidentKind::AnswerTextOnly),
        (message(json!({"type": "output_audio", "transcript": "Nine to five."})), IncidentKind::AnswerEmpty),
        (incomplete("content_filter"), IncidentKind::AnswerFiltered),
        (incomplete("max_output_tokens"), IncidentKind::AnswerCut),
        (json!({"output": [call_item("incomplete")]}), IncidentKind::AnswerEmpty),
    ] {
        let mut harness = Harness::ready();
        caller_spoke(&mut harness, "u1");
        let seen = answered(&mut harness, "r1", None, &done);
        assert_eq!(missed(&seen), Some((kind, true)), "{done}");
        assert!(matches!(seen.reports.last(), Some(ModelReport::ResponseFinished { .. })), "{done}");
        assert_eq!(seen.sent[0]["type"], "response.create", "{done}");
    }
}

#[test]
fn a_session_that_only_gives_empty_answers_leaves_what_it_owes_to_another() {
    let mut harness = Harness::ready();
    caller_spoke(&mut harness, "u1");
    answered(&mut harness, "r1", None, &json!({}));
    let again = |harness: &mut Harness, id: &str| {
        answered(harness, id, None, &json!({"metadata": {"purpose": "answer", "wish": "1"}}))
    };
    assert_eq!(missed(&again(&mut harness, "r2")), Some((IncidentKind::AnswerEmpty, true)));
    let retried = harness.pass(Timer::Sequencer(sequencer::Timer::RetryDue));
    assert_eq!(retried.sent[0]["type"], "response.create");
    let given_up = again(&mut harness, "r3");
    assert!(given_up.reports.iter().any(|report| matches!(report, ModelReport::Muted { .. })), "{given_up:?}");
    assert!(given_up.sent.is_empty() && harness.session.carry_over().answer);
}

#[test]
fn nothing_is_missed_where_nothing_is_owed() {
    let cancelled = json!({"status": "cancelled", "status_details": {"type": "cancelled", "reason": "turn_detected"}});
    for done in
        [cancelled, json!({"output": [call_item("completed")]}), json!({"output": [{"type": "mcp_call", "id": "m"}]})]
    {
        let mut harness = Harness::ready();
        caller_spoke(&mut harness, "u1");
        let seen = answered(&mut harness, "r1", None, &done);
        assert_eq!((missed(&seen), seen.sent.len()), (None, 0), "{done}");
    }
    let mut harness = Harness::ready();
    caller_spoke(&mut harness, "u1");
    harness.hear(json!({"type": "input_audio_buffer.speech_started", "item_id": "u2", "audio_start_ms": 0}));
    assert_eq!(missed(&answered(&mut harness, "r1", None, &json!({}))), None, "the caller goes on");
    let mut harness = Harness::ready();
    caller_spoke(&mut harness, "u1");
    harness.hear(json!({"type": "response.created", "response": {"id": "r1"}}));
    harness.order(ModelOrder::CancelResponse);
    let seen =
        harness.hear(json!({"type": "response.done", "response": {"id": "r1", "status": "completed", "output": []}}));
    assert_eq!(missed(&seen), None, "we stopped it");
}

#[test]
fn noise_needs_no_answer() {
    let mut harness = Harness::ready();
    caller_spoke(&mut harness, "u1");
    transcribed(&mut harness, "u1", " … ");
    let seen = answered(&mut harness, "r1", None, &json!({}));
    assert_eq!((missed(&seen), seen.sent.len()), (None, 0), "known before");
    caller_spoke(&mut harness, "u2");
    answered(&mut harness, "r2", None, &json!({}));
    answered(&mut harness, "r3", None, &json!({"metadata": {"wish": "1"}}));
    let seen = transcribed(&mut harness, "u2", "");
    assert!(seen.reports.contains(&ModelReport::NothingOwed), "known after: {seen:?}");
    assert!(!harness.session.carry_over().answer);
}

#[test]
fn noise_that_the_server_leaves_alone_is_not_waited_for() {
    let mut harness = Harness::ready();
    caller_spoke(&mut harness, "u1");
    assert!(transcribed(&mut harness, "u1", "[BLANK_AUDIO]").reports.contains(&ModelReport::NothingOwed));
    caller_spoke(&mut harness, "u2");
    assert!(transcribed(&mut harness, "u2", ".").reports.contains(&ModelReport::NothingOwed), "noise after noise");
    assert!(!harness.session.carry_over().answer);
    caller_spoke(&mut harness, "u3");
    caller_spoke(&mut harness, "u4");
    let seen = transcribed(&mut harness, "u4", ".");
    assert!(!seen.reports.contains(&ModelReport::NothingOwed), "what was said before is owed: {seen:?}");
    assert!(harness.session.carry_over().answer);
    harness.hear(json!({"type": "response.created", "response": {"id": "r"}}));
    caller_spoke(&mut harness, "u5");
    let seen = transcribed(&mut harness, "u5", ".");
    assert!(!seen.reports.contains(&ModelReport::NothingOwed), "an answer is being made: {seen:?}");
}

#[test]
fn sound_without_level_is_no_answer_and_leaves_the_session_to_another() {
    let mut harness = Harness::ready();
    caller_spoke(&mut harness, "u1");
    let seen = answered(&mut harness, "r1", Some((96_000, 9)), &json!({}));
    assert_eq!(missed(&seen), Some((IncidentKind::AnswerSilent, false)));
    assert_eq!(seen.words, [Words::Inaudible { item: item("item_r1") }]);
    assert!(seen.reports.iter().any(|report| matches!(report, ModelReport::Muted { .. })), "{seen:?}");
    assert!(seen.sent.is_empty() && harness.session.carry_over().answer, "asked elsewhere");
    for (bytes, level) in [(96_000, 200), (40_000, 9)] {
        let mut harness = Harness::ready();
        caller_spoke(&mut harness, "u1");
        assert_eq!(missed(&answered(&mut harness, "r1", Some((bytes, level)), &json!({}))), None, "{bytes} of {level}");
    }
}

#[test]
fn sound_without_level_that_does_not_end_is_not_waited_for() {
    let mut harness = Harness::ready();
    caller_spoke(&mut harness, "u1");
    harness.hear(json!({"type": "response.created", "response": {"id": "r1"}}));
    let second = base64_simd::STANDARD.encode_to_string([5, 0].repeat(24_000));
    let mut reported = Vec::new();
    for _ in 0..10 {
        let seen = harness.hear(json!({"type": "response.output_audio.delta", "response_id": "r1", "item_id": "i1",
            "output_index": 0, "content_index": 0, "delta": second}));
        reported.extend(missed(&seen));
    }
    assert_eq!(reported, [(IncidentKind::AnswerSilent, false)], "reported once");
}
