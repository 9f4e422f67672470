use super::*;

#[test]
fn a_key_stops_what_runs_and_drops_what_waits() {
    let mut harness = Harness::ready();
    let asked = harness.order(request(ResponsePurpose::Greeting, None));
    created(&mut harness, "r1", &request_in(&asked));
    assert!(harness.order(request(ResponsePurpose::Notice, None)).sent.is_empty(), "it waits");
    let stopped = harness.order(ModelOrder::Overtake);
    assert_eq!((&stopped.sent[0]["type"], &stopped.sent[0]["response_id"]), (&json!("response.cancel"), &json!("r1")));
    assert!(
        harness.order(request(ResponsePurpose::Keypad, Some("Say seven."))).sent.is_empty(),
        "until that has stopped"
    );
    let next = done(&mut harness, "r1", &request_in(&asked));
    assert_eq!(next.sent.len(), 1);
    assert_eq!(next.sent[0]["response"]["metadata"]["purpose"], "keypad");
}

#[test]
fn a_requested_response_that_had_not_begun_is_dropped() {
    let mut harness = Harness::ready();
    let asked = harness.order(request(ResponsePurpose::Greeting, None));
    assert_eq!(harness.order(ModelOrder::Overtake).sent[0]["type"], "response.cancel");
    harness.order(request(ResponsePurpose::Keypad, None));
    assert!(created(&mut harness, "r1", &request_in(&asked)).reports.is_empty(), "the call does not wait for it");
    assert!(harness.audio("r1", "i1", 480).audio.is_empty());
    let over = done(&mut harness, "r1", &request_in(&asked));
    let sent: Vec<_> = over.sent.iter().map(|event| event["type"].as_str().expect("a type")).collect();
    assert_eq!(sent, ["conversation.item.delete", "response.create"], "nor is it part of the conversation");
    let next = created(&mut harness, "r2", &request_in(&over));
    assert!(matches!(next.reports[..], [ModelReport::ResponseStarted { .. }]));
    assert_eq!(harness.audio("r2", "i2", 480).audio.len(), 1);
}

#[test]
fn an_answer_that_the_server_owed_is_stopped_when_it_begins_and_the_keys_answer_is_not() {
    let mut harness = Harness::ready();
    let greeting = harness.order(request(ResponsePurpose::Greeting, None));
    created(&mut harness, "r1", &request_in(&greeting));
    done(&mut harness, "r1", &request_in(&greeting));
    harness.hear(json!({"type": "input_audio_buffer.speech_started", "item_id": "u"}));
    harness.hear(json!({"type": "input_audio_buffer.speech_stopped", "item_id": "u"}));
    assert!(harness.order(ModelOrder::Overtake).sent.is_empty(), "nothing runs yet");
    let asked = harness.order(request(ResponsePurpose::Keypad, None));
    let own = created(&mut harness, "r2", &json!({}));
    assert!(own.reports.is_empty(), "{own:?}");
    assert_eq!((&own.sent[0]["type"], &own.sent[0]["response_id"]), (&json!("response.cancel"), &json!("r2")));
    assert!(harness.audio("r2", "i2", 480).audio.is_empty());
    let about = asked.sent[0]["event_id"].as_str();
    harness.error("conversation_already_has_active_response", "busy", about);
    let again = done(&mut harness, "r2", &json!({}));
    let create = again.sent.last().expect("asked again");
    assert_eq!(
        (&create["type"], &create["response"]["metadata"]["purpose"]),
        (&json!("response.create"), &json!("keypad"))
    );
}

#[test]
fn the_answer_to_what_the_caller_says_after_the_key_is_heard() {
    let mut harness = Harness::ready();
    harness.hear(json!({"type": "input_audio_buffer.speech_started", "item_id": "u"}));
    harness.hear(json!({"type": "input_audio_buffer.speech_stopped", "item_id": "u"}));
    harness.order(ModelOrder::Overtake);
    harness.hear(json!({"type": "input_audio_buffer.speech_started", "item_id": "v"}));
    harness.hear(json!({"type": "input_audio_buffer.speech_stopped", "item_id": "v"}));
    assert!(matches!(created(&mut harness, "r1", &json!({})).reports[..], [ModelReport::ResponseStarted { .. }]));
}

fn created(harness: &mut Harness, response: &str, metadata: &Value) -> Seen {
    harness.hear(json!({"type": "response.created", "response": {"id": response, "metadata": metadata}}))
}

fn done(harness: &mut Harness, response: &str, metadata: &Value) -> Seen {
    harness
        .hear(json!({"type": "response.done", "response": {"id": response, "status": "cancelled", "metadata": metadata,
        "status_details": {"type": "cancelled", "reason": "client_cancelled"}}}))
}

/// The metadata of the requested response.
fn request_in(seen: &Seen) -> Value {
    seen.sent.last().expect("something was sent")["response"]["metadata"].clone()
}
