//! Tests of answers that the caller does not hear.

use super::calls::call_item;
use super::*;
use crate::incident::IncidentKind;

/// The server answers the caller with `done`, after `audio` bytes of sound at the given level.
fn answered(desk: &mut Desk, id: &str, audio: Option<(usize, u8)>, done: &Value) -> Seen {
    desk.hear(json!({"type": "response.created", "response": {"id": id, "metadata": null}}));
    if let Some((bytes, level)) = audio {
        let delta = base64_simd::STANDARD.encode_to_string([level, 0].repeat(bytes / 2));
        desk.hear(json!({"type": "response.output_audio.delta", "response_id": id, "item_id": format!("item_{id}"),
            "output_index": 0, "content_index": 0, "delta": delta}));
    }
    let mut response = json!({"id": id, "status": "completed", "output": []});
    response.as_object_mut().expect("an object").extend(done.as_object().expect("an object").clone());
    desk.hear(json!({"type": "response.done", "response": response}))
}

fn caller_spoke(desk: &mut Desk, item: &str) {
    desk.hear(json!({"type": "input_audio_buffer.speech_started", "item_id": item, "audio_start_ms": 0}));
    desk.hear(json!({"type": "input_audio_buffer.speech_stopped", "item_id": item, "audio_end_ms": 900}));
    desk.hear(json!({"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": null}));
}

fn transcribed(desk: &mut Desk, item: &str, text: &str) -> Seen {
    desk.hear(json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": item,
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
        let mut desk = Desk::ready();
        caller_spoke(&mut desk, "u1");
        let seen = answered(&mut desk, "r1", None, &done);
        assert_eq!(missed(&seen), Some((kind, true)), "{done}");
        assert!(matches!(seen.reports.last(), Some(ModelReport::ResponseFinished { .. })), "{done}");
        assert_eq!(seen.sent[0]["type"], "response.create", "{done}");
    }
}

#[test]
fn a_session_that_only_gives_empty_answers_leaves_what_it_owes_to_another() {
    let mut desk = Desk::ready();
    caller_spoke(&mut desk, "u1");
    answered(&mut desk, "r1", None, &json!({}));
    let again =
        |desk: &mut Desk, id: &str| answered(desk, id, None, &json!({"metadata": {"purpose": "answer", "wish": "1"}}));
    assert_eq!(missed(&again(&mut desk, "r2")), Some((IncidentKind::AnswerEmpty, true)));
    let retried = desk.pass(Timer::Sequencer(sequencer::Timer::RetryDue));
    assert_eq!(retried.sent[0]["type"], "response.create");
    let given_up = again(&mut desk, "r3");
    assert!(given_up.reports.iter().any(|report| matches!(report, ModelReport::Muted { .. })), "{given_up:?}");
    assert!(given_up.sent.is_empty() && desk.session.carry_over().answer);
}

#[test]
fn nothing_is_missed_where_nothing_is_owed() {
    let cancelled = json!({"status": "cancelled", "status_details": {"type": "cancelled", "reason": "turn_detected"}});
    for done in
        [cancelled, json!({"output": [call_item("completed")]}), json!({"output": [{"type": "mcp_call", "id": "m"}]})]
    {
        let mut desk = Desk::ready();
        caller_spoke(&mut desk, "u1");
        let seen = answered(&mut desk, "r1", None, &done);
        assert_eq!((missed(&seen), seen.sent.len()), (None, 0), "{done}");
    }
    let mut desk = Desk::ready();
    caller_spoke(&mut desk, "u1");
    desk.hear(json!({"type": "input_audio_buffer.speech_started", "item_id": "u2", "audio_start_ms": 0}));
    assert_eq!(missed(&answered(&mut desk, "r1", None, &json!({}))), None, "the caller goes on");
    let mut desk = Desk::ready();
    caller_spoke(&mut desk, "u1");
    desk.hear(json!({"type": "response.created", "response": {"id": "r1"}}));
    desk.order(ModelOrder::CancelResponse);
    let seen =
        desk.hear(json!({"type": "response.done", "response": {"id": "r1", "status": "completed", "output": []}}));
    assert_eq!(missed(&seen), None, "we stopped it");
}

#[test]
fn noise_needs_no_answer() {
    let mut desk = Desk::ready();
    caller_spoke(&mut desk, "u1");
    transcribed(&mut desk, "u1", " … ");
    let seen = answered(&mut desk, "r1", None, &json!({}));
    assert_eq!((missed(&seen), seen.sent.len()), (None, 0), "known before");
    caller_spoke(&mut desk, "u2");
    answered(&mut desk, "r2", None, &json!({}));
    answered(&mut desk, "r3", None, &json!({"metadata": {"wish": "1"}}));
    let seen = transcribed(&mut desk, "u2", "");
    assert!(seen.reports.contains(&ModelReport::NothingOwed), "known after: {seen:?}");
    assert!(!desk.session.carry_over().answer);
}

#[test]
fn noise_that_the_server_leaves_alone_is_not_waited_for() {
    let mut desk = Desk::ready();
    caller_spoke(&mut desk, "u1");
    assert!(transcribed(&mut desk, "u1", "[BLANK_AUDIO]").reports.contains(&ModelReport::NothingOwed));
    caller_spoke(&mut desk, "u2");
    assert!(transcribed(&mut desk, "u2", ".").reports.contains(&ModelReport::NothingOwed), "noise after noise");
    assert!(!desk.session.carry_over().answer);
    caller_spoke(&mut desk, "u3");
    caller_spoke(&mut desk, "u4");
    let seen = transcribed(&mut desk, "u4", ".");
    assert!(!seen.reports.contains(&ModelReport::NothingOwed), "what was said before is owed: {seen:?}");
    assert!(desk.session.carry_over().answer);
    desk.hear(json!({"type": "response.created", "response": {"id": "r"}}));
    caller_spoke(&mut desk, "u5");
    let seen = transcribed(&mut desk, "u5", ".");
    assert!(!seen.reports.contains(&ModelReport::NothingOwed), "an answer is being made: {seen:?}");
}

#[test]
fn sound_without_level_is_no_answer_and_leaves_the_session_to_another() {
    let mut desk = Desk::ready();
    caller_spoke(&mut desk, "u1");
    let seen = answered(&mut desk, "r1", Some((96_000, 9)), &json!({}));
    assert_eq!(missed(&seen), Some((IncidentKind::AnswerSilent, false)));
    assert_eq!(seen.words, [Words::Inaudible { item: item("item_r1") }]);
    assert!(seen.reports.iter().any(|report| matches!(report, ModelReport::Muted { .. })), "{seen:?}");
    assert!(seen.sent.is_empty() && desk.session.carry_over().answer, "asked elsewhere");
    for (bytes, level) in [(96_000, 200), (40_000, 9)] {
        let mut desk = Desk::ready();
        caller_spoke(&mut desk, "u1");
        assert_eq!(missed(&answered(&mut desk, "r1", Some((bytes, level)), &json!({}))), None, "{bytes} of {level}");
    }
}

#[test]
fn sound_without_level_that_does_not_end_is_not_waited_for() {
    let mut desk = Desk::ready();
    caller_spoke(&mut desk, "u1");
    desk.hear(json!({"type": "response.created", "response": {"id": "r1"}}));
    let second = base64_simd::STANDARD.encode_to_string([5, 0].repeat(24_000));
    let mut reported = Vec::new();
    for _ in 0..10 {
        let seen = desk.hear(json!({"type": "response.output_audio.delta", "response_id": "r1", "item_id": "i1",
            "output_index": 0, "content_index": 0, "delta": second}));
        reported.extend(missed(&seen));
    }
    assert_eq!(reported, [(IncidentKind::AnswerSilent, false)], "reported once");
}
