//! Tests of a session in virtual time: what a client sends and what it receives.

use super::testing::*;
use super::*;

#[test]
fn a_session_opens_with_the_defaults_of_the_live_service() {
    let client = Client::new("");
    let session = &find(&client.events, "session.created")["session"];
    assert_eq!(session["audio"]["input"]["format"], json!({"type": "audio/pcm", "rate": 24000}));
    assert_eq!(session["audio"]["output"]["voice"], "alloy");
    assert_eq!(
        session["audio"]["input"]["turn_detection"],
        json!({"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 200,
            "idle_timeout_ms": null, "create_response": true, "interrupt_response": true})
    );
    assert_eq!(session["expires_at"], 1_700_003_600u64);
    assert!(session["id"].as_str().unwrap().starts_with("sess_"));
}

#[test]
fn one_bad_key_discards_the_whole_update() {
    let mut client = Client::new("");
    let events = client.update(&json!({"instructions": "new", "voice": "alloy"}));
    let error = &find(&events, "error")["error"];
    assert_eq!(
        (&error["code"], &error["param"], &error["event_id"]),
        (&json!("unknown_parameter"), &json!("session.voice"), &json!("mine"))
    );
    let events = client.update(&json!({}));
    assert_ne!(find(&events, "session.updated")["session"]["instructions"], "new");
}

#[test]
fn a_spoken_response_comes_in_the_order_of_the_reference() {
    let mut client = Client::new("");
    let mut events = client.create(&json!({"metadata": {"client_event_id": "greet-1"}}));
    events.extend(client.wait(5_000));
    let mut order = kinds(&events);
    order.retain(|kind| !kind.ends_with(".delta"));
    assert_eq!(
        order,
        [
            "response.created",
            "response.output_item.added",
            "conversation.item.added",
            "response.content_part.added",
            "response.output_audio.done",
            "response.output_audio_transcript.done",
            "response.content_part.done",
            "conversation.item.done",
            "response.output_item.done",
            "response.done",
            "rate_limits.updated",
        ]
    );
    let deltas: String = events
        .iter()
        .filter(|event| event["type"] == "response.output_audio_transcript.delta")
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(deltas, "Hello, this is Switchboard. How can I help you?");
    let response = &find(&events, "response.done")["response"];
    assert_eq!(response["status"], "completed");
    assert_eq!(response["metadata"]["client_event_id"], "greet-1");
    for key in ["status_details", "conversation_id", "output_modalities", "max_output_tokens", "audio", "usage"] {
        assert!(response.get(key).is_some(), "{key}");
    }
    let ms = audio_of(&events).len() as u64 / 48;
    assert_eq!(response["usage"]["output_token_details"]["audio_tokens"], ms.div_ceil(50));
}

#[test]
fn audio_comes_in_a_burst_at_the_set_speed() {
    let mut client = Client::new("answer_ms:10000");
    client.create(&Value::Null);
    let half = audio_of(&client.wait(250)).len() / 48;
    assert!((4_800..=5_300).contains(&half), "{half} ms of audio in 250 ms");
}

#[test]
fn a_turn_is_answered_with_the_callers_own_audio() {
    let mut client = Client::new("");
    client.update(&pcmu());
    client.speak(&SILENCE, 50);
    let mut events = client.speak(&voice(), 50);
    events.extend(client.speak(&SILENCE, 50));
    let mut order = kinds(&events);
    order
        .retain(|kind| kind.starts_with("input_audio_buffer") || matches!(*kind, "response.created" | "response.done"));
    assert_eq!(
        order,
        [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "response.created",
            "response.done",
        ]
    );
    let started = find(&events, "input_audio_buffer.speech_started");
    assert_eq!(started["audio_start_ms"], 700);
    let committed = find(&events, "input_audio_buffer.committed");
    assert_eq!(committed["item_id"], started["item_id"]);
    let heard = audio_of(&events);
    let spoken = voice().repeat(50);
    assert!(heard.windows(spoken.len()).any(|window| window == spoken), "the very bytes come back");
    let transcript = find(&events, "conversation.item.input_audio_transcription.completed");
    assert_eq!(transcript["item_id"], started["item_id"]);
    assert_eq!(transcript["transcript"], "[caller speech, 1.5 s] some words");
    assert!(transcript["usage"]["total_tokens"].as_u64() > Some(15));
}

#[test]
fn without_transcription_there_are_no_transcripts() {
    let mut client = Client::new("");
    client.update(&json!({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}));
    let mut events = client.speak(&voice(), 50);
    events.extend(client.speak(&SILENCE, 100));
    assert!(find(&events, "response.done")["response"]["status"] == "completed");
    assert!(!kinds(&events).iter().any(|kind| kind.contains("input_audio_transcription")));
}

#[test]
fn speech_interrupts_the_running_response() {
    let mut client = Client::new("answer_ms:60000,late_deltas:2");
    client.update(&pcmu());
    client.create(&Value::Null);
    client.wait(100);
    let events = client.speak(&voice(), 3);
    let after: Vec<_> =
        events.iter().skip_while(|event| event["type"] != "input_audio_buffer.speech_started").collect();
    let late = after.iter().filter(|event| event["type"] == "response.output_audio.delta").count();
    assert_eq!(late, 2);
    let item = &find(&events, "response.output_item.done")["item"];
    assert_eq!(item["status"], "incomplete");
    let response = &find(&events, "response.done")["response"];
    assert_eq!(response["status"], "cancelled");
    assert_eq!(response["status_details"], json!({"type": "cancelled", "reason": "turn_detected"}));
    // Truncation is possible only within the audio that was sent.
    let sent = audio_of(&client.events).len() as u64 / 8;
    let truncate = |ms| json!({"type": "conversation.item.truncate", "item_id": item["id"], "content_index": 0, "audio_end_ms": ms});
    let refused = client.send(&truncate(sent + 1));
    assert_eq!(
        find(&refused, "error")["error"]["message"],
        format!("Audio content of {sent}ms is already shorter than {}ms", sent + 1)
    );
    assert_eq!(find(&client.send(&truncate(sent)), "conversation.item.truncated")["audio_end_ms"], sent);
}

#[test]
fn a_session_that_does_not_interrupt_goes_on_speaking() {
    let mut client = Client::new("answer_ms:60000");
    let mut update = pcmu();
    update["audio"]["input"]["turn_detection"] = json!({"type": "server_vad", "interrupt_response": false});
    client.update(&update);
    client.create(&Value::Null);
    let mut events = client.speak(&voice(), 30);
    events.extend(client.speak(&SILENCE, 30));
    assert_eq!(error_code(&events), "conversation_already_has_active_response");
    assert!(!kinds(&events).contains(&"response.done"));
}

#[test]
fn there_is_one_response_of_the_conversation_at_a_time() {
    let mut client = Client::new("answer_ms:60000");
    client.create(&Value::Null);
    assert_eq!(error_code(&client.create(&Value::Null)), "conversation_already_has_active_response");
    let beside = client.create(&json!({"conversation": "none", "output_modalities": ["text"], "input": []}));
    assert_eq!(find(&beside, "response.created")["response"]["conversation_id"], Value::Null);
    assert!(!kinds(&beside).contains(&"conversation.item.added"), "nothing of it is kept");
    assert_eq!(find(&beside, "response.done")["response"]["status"], "completed");
}

#[test]
fn a_cancelled_response_ends_at_once_and_another_may_begin() {
    let mut client = Client::new("answer_ms:60000");
    assert_eq!(error_code(&client.send(&json!({"type": "response.cancel"}))), "response_cancel_not_active");
    client.create(&Value::Null);
    let events = client.send(&json!({"type": "response.cancel"}));
    assert_eq!(find(&events, "response.done")["response"]["status_details"]["reason"], "client_cancelled");
    assert!(kinds(&client.create(&Value::Null)).contains(&"response.created"));
}

#[test]
fn a_pressed_key_speaks_and_calls() {
    let mut client = Client::new("");
    client.update(&json!({"tools": [{"type": "function", "name": "end_call", "parameters": {"type": "object", "properties": {}}}]}));
    client.user_text("The caller pressed 9 on the keypad.");
    let mut events = client.create(&Value::Null);
    events.extend(client.wait(5_000));
    let output = find(&events, "response.done")["response"]["output"].clone();
    assert_eq!((&output[0]["type"], &output[1]["type"]), (&json!("message"), &json!("function_call")));
    assert_eq!(output[0]["content"][0]["transcript"], "Thank you, goodbye.");
    let call = &output[1];
    let done = find(&events, "response.function_call_arguments.done");
    assert_eq!(
        (&done["name"], &done["arguments"], &done["call_id"]),
        (&call["name"], &call["arguments"], &call["call_id"])
    );
    let item_done = events.iter().filter(|event| event["type"] == "response.output_item.done").nth(1).unwrap();
    assert_eq!(&item_done["item"], call);
    assert_eq!(call["arguments"], r#"{"reason":"caller_done"}"#);
    // The session accepts the result of the call and answers it with a short line.
    client.send(&json!({"type": "conversation.item.create", "item": {
        "type": "function_call_output", "call_id": call["call_id"], "output": "{}"}}));
    client.create(&Value::Null);
    let events = client.wait(3_000);
    assert_eq!(find(&events, "response.done")["response"]["output"][0]["content"][0]["transcript"], "Alright.");
}

#[test]
fn the_voice_is_locked_by_the_first_audio() {
    let mut client = Client::new("");
    client.create(&Value::Null);
    client.wait(3_000);
    let events = client.update(&json!({"audio": {"output": {"voice": "marin"}}}));
    assert_eq!(error_code(&events), "cannot_update_voice");
}

#[test]
fn a_client_without_turn_detection_commits_by_itself() {
    let mut client = Client::new("");
    let mut update = pcmu();
    update["audio"]["input"]["turn_detection"] = Value::Null;
    client.update(&update);
    let commit = json!({"type": "input_audio_buffer.commit"});
    client.speak(&voice(), 4);
    let empty = client.send(&commit);
    assert_eq!(error_code(&empty), "input_audio_buffer_commit_empty");
    let events = client.speak(&voice(), 20);
    assert!(events.is_empty());
    let committed = client.send(&commit);
    assert_eq!(
        kinds(&committed),
        ["input_audio_buffer.committed", "conversation.item.added", "conversation.item.done"]
    );
    client.create(&Value::Null);
    client.wait(3_000);
    assert!(audio_of(&client.events) == voice().repeat(24), "what was committed comes back, byte for byte");
    client.speak(&voice(), 10);
    assert_eq!(kinds(&client.send(&json!({"type": "input_audio_buffer.clear"}))), ["input_audio_buffer.cleared"]);
    assert_eq!(error_code(&client.send(&commit)), "input_audio_buffer_commit_empty");
}

#[test]
fn a_silent_caller_is_prompted_after_the_answer_has_been_played() {
    let mut client = Client::new("");
    let mut update = pcmu();
    update["audio"]["input"]["turn_detection"] = json!({"type": "server_vad", "idle_timeout_ms": 5000});
    client.update(&update);
    client.create(&Value::Null);
    client.wait(1_000);
    let early = client.speak(&SILENCE, 300);
    assert!(!kinds(&early).contains(&"input_audio_buffer.timeout_triggered"), "the greeting takes 2.7 s to play");
    let events = client.speak(&SILENCE, 100);
    let order = kinds(&events);
    assert_eq!(&order[..2], ["input_audio_buffer.timeout_triggered", "input_audio_buffer.committed"]);
    assert_eq!(find(&events, "response.done")["response"]["output"][0]["content"][0]["transcript"], "Alright.");
}

#[test]
fn written_answers_come_as_text() {
    let mut client = Client::new("");
    let mut events = client.create(&json!({"output_modalities": ["text"]}));
    events.extend(client.wait(1_000));
    assert_eq!(find(&events, "response.output_text.done")["text"], "Hello, this is Switchboard. How can I help you?");
    assert!(audio_of(&events).is_empty());
}

#[test]
fn an_answer_is_cut_at_its_most_tokens() {
    let mut client = Client::new("");
    client.create(&json!({"max_output_tokens": 20}));
    let events = client.wait(2_000);
    assert_eq!(audio_of(&client.events).len() / 48, 1_000);
    let response = &find(&events, "response.done")["response"];
    assert_eq!(response["status"], "incomplete");
    assert_eq!(response["status_details"]["reason"], "max_output_tokens");
}

#[test]
fn the_context_is_billed_again_and_mostly_cached() {
    let mut client = Client::new("");
    client.update(&json!({"instructions": "Answer shortly. ".repeat(100)}));
    client.create(&Value::Null);
    let first = find(&client.wait(3_000), "response.done")["response"]["usage"].clone();
    client.create(&Value::Null);
    let second = find(&client.wait(3_000), "response.done")["response"]["usage"].clone();
    assert_eq!(first["input_token_details"]["cached_tokens"], 0);
    let cached = second["input_token_details"]["cached_tokens"].as_u64().unwrap();
    assert!(cached >= 384 && cached <= second["input_tokens"].as_u64().unwrap(), "{cached}");
}

#[test]
fn bad_messages_are_answered_and_the_session_goes_on() {
    let mut client = Client::new("");
    client.session.hear_binary(b"{}", client.now);
    client.session.hear_text("{nonsense", client.now);
    client.session.hear_text(r#"{"type":"input_audio_buffer.append","audio":"!"}"#, client.now);
    client.collect();
    let codes: Vec<_> = client.events[1..].iter().map(|event| event["error"]["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["invalid_event", "invalid_json", "invalid_value"]);
    assert!(kinds(&client.update(&json!({}))).contains(&"session.updated"));
}

#[test]
fn a_connection_that_may_not_be_gets_an_error_and_a_close() {
    let close = |opening: &Opening| {
        let client = Client::opened(opening);
        let code = error_code(&client.events).to_owned();
        let Some(Out::Close { code: close, reason }) = client.last_out else { panic!("it was not closed") };
        (close, reason, code)
    };
    assert_eq!(close(&opening("reject:1013")).1, "insufficient_quota.credit_balance_exhausted");
    assert_eq!(close(&opening("reject:3000")).0, 3000);
    let (code, _, error) = close(&Opening { model: None, ..opening("") });
    assert_eq!((code, error.as_str()), (4000, "missing_model"));
    let (code, reason, _) = close(&Opening { beta: true, ..opening("") });
    assert_eq!((code, reason.as_str()), (4000, "invalid_request_error.beta_api_shape_disabled"));
}

#[test]
fn the_expiry_error_precedes_the_close() {
    let mut client = Client::new("");
    client.wait(3_599_000);
    assert!(!kinds(&client.events).contains(&"error"));
    let events = client.wait(2_000);
    assert_eq!(error_code(&events), "session_expired");
    assert!(matches!(client.last_out, Some(Out::Close { code: 1001, .. })));
    assert!(client.update(&json!({})).is_empty(), "nothing is heard any more");
}

#[test]
fn misbehaviour_is_as_ordered() {
    let mut failing = Client::new("fail_responses:2");
    for status in ["failed", "failed", "completed"] {
        let mut events = failing.create(&Value::Null);
        events.extend(failing.wait(4_000));
        assert_eq!(find(&events, "response.done")["response"]["status"], status);
    }
    let mut stalling = Client::new("stall_after_responses:1");
    stalling.create(&Value::Null);
    stalling.wait(4_000);
    assert!(stalling.create(&Value::Null).is_empty());
    assert!(Client::new("no_created").events.is_empty());
    assert!(Client::new("no_updated").update(&json!({})).is_empty());
    let big = Client::new("big_updated_bytes:200000").update(&json!({}));
    assert!(find(&big, "session.updated").to_string().len() > 200_000);
    let mut dropping = Client::new("drop_in_response:1");
    dropping.create(&Value::Null);
    dropping.wait(4_000);
    assert_eq!(dropping.last_out, Some(Out::Drop));
    let mut deaf = Client::new("require_pong");
    deaf.wait(41_000);
    assert!(matches!(deaf.last_out, Some(Out::Close { code: 1011, .. })));
}

#[test]
fn a_flood_is_not_kept_in_memory() {
    let mut session = Session::open(&opening("flood_ms:300000"), Instant::now());
    let now = Instant::now() + Duration::from_millis(10);
    session.hear_text(r#"{"type":"response.create"}"#, now);
    let mut most = session.waiting();
    let mut audio = 0;
    while session.waiting() > 0 || session.deadline() <= now {
        if session.waiting() == 0 {
            session.tick(now);
        }
        most = most.max(session.waiting());
        if let Some(Out::Event(text)) = session.next_out()
            && text.contains("output_audio.delta")
        {
            audio += 1;
        }
    }
    assert!(most < 40, "{most} events waited at once");
    assert!(audio >= 3_000, "{audio} deltas of 100 ms");
}

#[test]
fn items_can_be_put_in_retrieved_and_deleted() {
    let mut client = Client::new("");
    let added = client.user_text("hello");
    assert_eq!(kinds(&added), ["conversation.item.added", "conversation.item.done"]);
    let id = added[0]["item"]["id"].clone();
    let one = |kind: &str| json!({"type": kind, "item_id": id, "event_id": "mine"});
    let item = client.send(&one("conversation.item.retrieve"))[0]["item"].clone();
    assert_eq!(item["content"][0], json!({"type": "input_text", "text": "hello"}));
    assert_eq!(client.send(&one("conversation.item.delete"))[0]["item_id"], id);
    assert_eq!(error_code(&client.send(&one("conversation.item.delete"))), "item_delete_invalid_item_id");
    assert_eq!(error_code(&client.send(&one("conversation.item.retrieve"))), "item_retrieve_invalid_item_id");
}
