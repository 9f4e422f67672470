//! Tests of a session in virtual time: what a client sends and what it receives.

use super::testing::*;
use super::*;

fn end_call() -> Value {
    json!([{"type": "function", "name": "end_call", "description": "Ends the call.", "strict": false,
        "parameters": {"type": "object", "properties": {"reason": {"type": "string"}}}}])
}

#[test]
fn the_server_is_silent_until_the_start_and_starts_after_a_while() {
    let mut client = Client::silent("");
    assert!(client.wait(1_000).is_empty());
    assert!(client.send(&json!({"type": "session.start", "event_id": "s1", "session": start()})).is_empty());
    let events = client.wait(449);
    assert!(events.is_empty(), "{events:?}");
    let events = client.wait(1);
    let started = find(&events, "session.started");
    assert_eq!(started["client_event_id"], "s1");
    let session = &started["session"];
    assert_eq!((&session["model"], &session["status"]), (&json!("gpt-live-1.1"), &json!("active")));
    assert_eq!(session["audio"]["format"], json!({"type": "audio/pcmu", "rate": 8000}));
    assert_eq!(session["delegation"], json!({"type": "client", "acknowledgement_delay_ms": 0}));
    assert_eq!(session["expires_at"], 1_700_007_200u64);
    let events = client.send(&json!({"type": "session.start", "session": start()}));
    assert_eq!(error_code(&events), "invalid_event");
    assert!(!client.listen(1_000).is_empty(), "the session goes on");
}

#[test]
fn a_start_that_is_wrong_is_refused_and_the_connection_dropped() {
    let with = |path: &str, value: Value| {
        let mut session = start();
        *session.pointer_mut(path).unwrap() = value;
        session
    };
    let extra = |key: &str| {
        let mut session = start();
        session[key] = json!({});
        session
    };
    for (session, code, param) in [
        (extra("turn_detection"), "unknown_parameter", json!("session.turn_detection")),
        (json!({}), "missing_required_parameter", json!("session.model")),
        (
            with("/audio/format", json!({"type": "audio/pcm", "rate": 8000})),
            "integer_below_min_value",
            json!("session.audio.format.rate"),
        ),
        (
            with("/audio/format", json!({"type": "audio/pcm", "rate": 22_050})),
            "invalid_value",
            json!("session.audio.format.rate"),
        ),
        (
            with("/audio/format", json!({"type": "audio/pcmu"})),
            "missing_required_parameter",
            json!("session.audio.format.rate"),
        ),
        (with("/audio/output/voice", json!("onyx")), "forbidden", Value::Null),
        (
            with("/input", json!([{"type": "message", "role": "system", "content": []}])),
            "invalid_value",
            json!("session.input[0].role"),
        ),
        (with("/instructions", json!("x".repeat(70_000))), "invalid_value", json!("session.instructions")),
    ] {
        let mut client = Client::silent("");
        let events = client.send(&json!({"type": "session.start", "event_id": "s1", "session": session}));
        let error = &find(&events, "error")["error"];
        assert_eq!((error["code"].as_str().unwrap(), &error["param"]), (code, &param), "{error}");
        assert_eq!(error["client_event_id"], Value::Null);
        client.wait(1_999);
        assert!(!client.outs.contains(&Out::Drop));
        client.wait(1);
        assert_eq!(client.outs.last(), Some(&Out::Drop));
    }
    let mut client = Client::silent("");
    assert_eq!(error_code(&client.send(&json!({"type": "response.create"}))), "invalid_event");
}

#[test]
fn the_stream_follows_the_callers_audio_and_nothing_else() {
    let mut client = Client::running("");
    assert!(client.wait(3_000).is_empty());
    assert_eq!(loud(&client.listen(680)).len(), 0);
    assert_eq!(loud(&client.listen(20)), [false]);
    assert_eq!(loud(&client.listen(1_000)), [false; 10]);
    assert!(client.wait(3_000).is_empty());
    let burst = base64_simd::STANDARD.encode_to_string(vec![0xFF; 8_000]);
    let events = client.send(&json!({"type": "session.input_audio.append", "audio": burst}));
    assert_eq!(loud(&events), [false; 10]);
}

#[test]
fn without_audio_the_session_expires() {
    let mut client = Client::running("");
    client.listen(1_000);
    let events = client.wait(30_900);
    assert!(!kinds(&events).contains(&"session.closed".to_owned()));
    let events = client.wait(100);
    let closed = find(&events, "session.closed");
    assert_eq!((&closed["reason"], &closed["usage"]["seconds"]), (&json!("expired"), &json!(1)));
    assert_eq!(client.outs.last(), Some(&Out::Close { code: 1000, reason: String::new() }));
}

#[test]
fn a_greeting_is_acknowledged_and_said_with_its_words_on_the_grid() {
    let mut client = Client::running("");
    client.listen(1_000);
    client.append("commentary", "Speak first, now. Greet the caller.");
    let events = client.listen(840);
    assert!(loud(&events).iter().all(|loud| !loud));
    let mut events = [events, client.listen(4_000)].concat();
    let appended = find(&events, "session.commentary.appended").clone();
    assert_eq!(appended["client_event_id"], "Speak first, now. Greet the caller.");
    let start = appended["start_ms"].as_u64().unwrap();
    assert!((1_600..=2_000).contains(&start) && start.is_multiple_of(200), "{start}");
    assert!(words(&events, "output").starts_with(" Hello"), "{}", words(&events, "output"));
    events.retain(|event| event["type"] == "session.output_transcript.delta");
    let places: Vec<(u64, u64)> =
        events.iter().map(|event| (event["start_ms"].as_u64().unwrap(), event["end_ms"].as_u64().unwrap())).collect();
    assert!(places.windows(2).all(|two| two[0].1 <= two[1].0) && places.iter().all(|(from, to)| from + 200 == *to));
    client.append("thinking", "The caller is called Ada.");
    let events = client.listen(4_000);
    assert_eq!(kinds(&events).last().map(String::as_str), Some("session.thinking.appended"));
    assert!(loud(&events).iter().all(|loud| !loud), "a fact is not said");
}

#[test]
fn words_that_are_asked_for_are_said_without_the_order_around_them() {
    let mut client = Client::running("");
    client.listen(1_000);
    client.append(
        "commentary",
        "Speak first, now. Greet the caller and add nothing:\n\nHello, I am Ada. Then stop and listen.",
    );
    assert_eq!(words(&client.listen(4_000), "output"), " Hello, I am Ada.");
    client.append("instructions", "Stop speaking now.");
    client.append("instructions", "Say exactly these words: “We are open.”");
    let events = client.listen(1_900);
    assert!(loud(&events).iter().all(|loud| !loud), "an instruction takes longer");
    assert_eq!(words(&client.listen(4_000), "output"), " We are open.");
}

#[test]
fn the_callers_words_are_said_back_and_transcribed() {
    let mut client = Client::running("");
    client.listen(1_000);
    let during = client.speak(2_000);
    assert_eq!(words(&during, "input"), " [caller speech,", "words come while the caller speaks");
    let events = client.listen(4_000);
    let all = [during, events].concat();
    assert!(words(&all, "input").starts_with(" [caller speech, 2."), "{}", words(&all, "input"));
    assert!(words(&all, "output").starts_with(" [the caller's own words, 2."));
    let spoken = loud(&all).into_iter().filter(|loud| *loud).count();
    assert!((20..=24).contains(&spoken), "{spoken}");
}

#[test]
fn the_model_stops_for_words_and_not_for_attention() {
    let talks_on = |rehearse: &str, voice_ms: u64| {
        let mut client = Client::running(&format!("answer_ms:20000,{rehearse}"));
        client.listen(1_000);
        client.append("commentary", "Speak first, now.");
        client.listen(2_000);
        client.speak(voice_ms);
        let events = client.listen(600);
        // The line that is repeated has a pause in it.
        loud(&events).contains(&true)
    };
    assert!(talks_on("", 200), "a short sound shows attention");
    assert!(!talks_on("", 1_000));
    assert!(talks_on("talk_on:1", 1_000));
    assert!(talks_on("stops_after_ms:1500", 1_000));
}

#[test]
fn a_key_calls_a_tool_in_the_order_of_the_wire() {
    let mut client = Client::hosted("", &end_call());
    client.listen(1_000);
    client.append("thinking", "The caller entered: The caller pressed 9 on the keypad.");
    client.append("commentary", "Speak first, now. Answer what the caller entered on the keypad.");
    let events = client.listen(1_400);
    let mut order = kinds(&events);
    order.retain(|kind| !kind.ends_with("appended"));
    assert_eq!(
        order,
        [
            "session.delegation.created",
            "/response.created",
            "/response.output_item.added",
            "/response.output_item.done",
            "/response.output_item.added",
            "/response.function_call_arguments.delta",
            "/response.function_call_arguments.done",
            "/response.output_item.done",
            "/response.completed",
        ]
    );
    let delegation = &find(&events, "session.delegation.created")["delegation"];
    assert_eq!(delegation["target"], "responses");
    let called = |event: &&Value| event["event"]["item"]["status"] == "completed";
    let item = &events.iter().find(called).unwrap()["event"]["item"];
    assert_eq!((&item["name"], &item["arguments"]), (&json!("end_call"), &json!(r#"{"reason":"caller_done"}"#)));
    let completed = events.iter().find(|event| event["event"]["type"] == "response.completed").unwrap();
    assert_eq!(completed["event"]["response"]["output"], json!([]));
    assert!(completed["event"]["response"]["usage"]["total_tokens"].is_u64());

    let create = json!({"type": "response.create", "event_id": "r1"});
    let refused = client.send(&create);
    assert_eq!(error_code(&refused), "function_call_outputs_required");
    assert_eq!(find(&refused, "error")["error"]["client_event_id"], "r1");
    let output = |call: &Value| json!({"type": "response.item.create", "item": {"type": "function_call_output", "call_id": call, "output": "{}"}});
    assert_eq!(error_code(&client.send(&output(&json!("call_x")))), "invalid_value");
    assert!(client.send(&output(&item["call_id"])).is_empty());
    assert_eq!(error_code(&client.send(&output(&item["call_id"]))), "invalid_value", "answered once");
    let events = [client.send(&create), client.listen(3_000)].concat();
    assert_eq!(kinds(&events)[0], "/response.created");
    assert!(kinds(&events).contains(&"/response.output_text.delta".to_owned()));
    assert_eq!(words(&events, "output"), " Thank you, goodbye.");
}

#[test]
fn while_a_call_is_open_the_caller_waits_and_hears_that_work_has_begun() {
    let mut client = Client::hosted("", &end_call());
    client.listen(1_000);
    client.append("commentary", "call tool end_call with {}");
    let opened = client.listen(3_000);
    assert_eq!(words(&opened, "output"), " One moment.");
    client.speak(1_000);
    let events = client.listen(4_000);
    assert!(loud(&events).iter().all(|loud| !loud), "the caller waits");
    let call = opened.iter().find(|event| event["event"]["item"]["status"] == "completed").unwrap();
    let item = json!({"type": "function_call_output", "call_id": call["event"]["item"]["call_id"], "output": r#"{"say":"nothing"}"#});
    client.send(&json!({"type": "response.item.create", "item": item}));
    client.send(&json!({"type": "response.create"}));
    let events = client.listen(4_000);
    assert!(words(&events, "output").starts_with(" [the caller's own words"), "{}", words(&events, "output"));
}

#[test]
fn the_backends_input_is_bounded() {
    let mut client = Client::hosted("", &json!([]));
    let message = |text: &str| json!({"type": "response.item.create", "item": {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}});
    let long = "x".repeat(20_000);
    assert!(client.send(&message(&long)).is_empty());
    assert_eq!(error_code(&client.send(&message(&long))), "response_input_buffer_full");
    for _ in 0..127 {
        assert!(client.send(&message("y")).is_empty());
    }
    assert_eq!(error_code(&client.send(&message("y"))), "response_input_buffer_full");
    let events = [client.send(&json!({"type": "response.create"})), client.listen(3_000)].concat();
    assert_eq!(words(&events, "output"), " Alright.");
}

#[test]
fn a_delegation_to_the_client_is_answered_by_a_text() {
    let mut client = Client::running("delegate_turns:1");
    assert_eq!(error_code(&client.send(&json!({"type": "response.create"}))), "invalid_event");
    client.listen(1_000);
    client.speak(1_000);
    let events = client.listen(2_000);
    let delegation = &find(&events, "session.delegation.created")["delegation"];
    assert_eq!((&delegation["target"], &delegation["response_id"]), (&json!("client"), &Value::Null));
    let answer = |id: &Value| json!({"type": "session.commentary.append", "event_id": "c1", "content": "It ships tomorrow.", "delegation_id": id});
    assert_eq!(error_code(&client.send(&answer(&json!("deleg_x")))), "invalid_value");
    assert!(client.send(&answer(&delegation["id"])).is_empty());
    let events = client.listen(3_000);
    assert_eq!(words(&events, "output"), " It ships tomorrow.");
}

#[test]
fn only_the_backend_can_be_updated() {
    let mut client = Client::hosted("", &end_call());
    let update = |session: Value| json!({"type": "session.update", "event_id": "u1", "session": session});
    let changed = client.send(&update(
        json!({"delegation": {"type": "responses", "responses": {"instructions": "New.", "tools": []}}}),
    ));
    let responses = &find(&changed, "session.updated")["session"]["delegation"]["responses"];
    assert_eq!(
        (&responses["instructions"], &responses["tools"], &responses["model"]),
        (&json!("New."), &json!([]), &json!("gpt-5.6-luna"))
    );
    for (session, code) in [
        (json!({"instructions": "x"}), "immutable_field_update"),
        (json!({"delegation": null}), "immutable_field_update"),
        (json!({"delegation": {"type": "client"}}), "immutable_field_update"),
        (json!({"voice": "marin"}), "unknown_parameter"),
        (json!({}), "missing_required_parameter"),
    ] {
        assert_eq!(error_code(&client.send(&update(session.clone()))), code, "{session}");
    }
}

#[test]
fn what_is_appended_is_held_against_the_rules() {
    let mut client = Client::running("");
    let append = |content: &str| json!({"type": "session.thinking.append", "content": content, "delegation_id": null});
    for (event, code, param) in [
        (json!({"type": "session.thinking.append", "content": "x"}), "missing_required_parameter", "delegation_id"),
        (append("  "), "invalid_value", "content"),
        (append(&"x".repeat(2_001)), "invalid_value", "content"),
        (json!({"type": "session.input_audio.append", "audio": ""}), "invalid_audio", "audio"),
        (json!({"type": "session.input_audio.append", "audio": "?"}), "invalid_audio", "audio"),
        (json!({"type": "session.output_audio.fixture.play", "audio": "AAAA"}), "invalid_audio", "audio"),
        (json!({"type": "response.cancel"}), "invalid_value", "type"),
    ] {
        let events = client.send(&event);
        let error = &find(&events, "error")["error"];
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{event}");
    }
    assert!(client.send(&append(&"x".repeat(2_000))).is_empty());
}

#[test]
fn a_clip_silences_the_model_and_deafens_it() {
    let mut client = Client::running("answer_ms:20000");
    client.listen(1_000);
    client.append("commentary", "Speak first, now.");
    client.listen(2_000);
    let clip: Vec<u8> = (0..24_000u32).flat_map(|n| if n / 20 % 2 == 0 { [0, 0x20] } else { [0, 0xE0] }).collect();
    let play = json!({"type": "session.output_audio.fixture.play", "event_id": "f1", "audio": base64_simd::STANDARD.encode_to_string(clip)});
    assert_eq!(find(&client.send(&play), "session.output_audio.fixture.playing")["client_event_id"], "f1");
    assert_eq!(error_code(&client.send(&play)), "invalid_event", "one at a time");
    assert_eq!(error_code(&client.append("thinking", "x")), "invalid_event");
    let events = [client.speak(800), client.listen(1_500)].concat();
    assert_eq!(find(&events, "session.output_audio.fixture.played")["client_event_id"], "f1");
    assert_eq!(loud(&events).iter().filter(|loud| **loud).count(), 10);
    assert!(words(&events, "input").is_empty() && words(&events, "output").is_empty());
}

#[test]
fn usage_is_whole_seconds_and_the_close_settles_it() {
    let mut client = Client::running("");
    let events = client.listen(31_000);
    let seconds: Vec<u64> = events.iter().filter_map(|event| event["usage"]["seconds"].as_u64()).collect();
    assert_eq!(seconds, [15, 30]);
    client.append("thinking", "never placed");
    let events = client.send(&json!({"type": "session.close", "event_id": "bye"}));
    let error = &find(&events, "error")["error"];
    assert_eq!(
        (&error["code"], &error["client_event_id"]),
        (&json!("context_injection_incomplete"), &json!("never placed"))
    );
    let closed = find(&events, "session.closed");
    assert_eq!((&closed["reason"], &closed["client_event_id"]), (&json!("close_requested"), &json!("bye")));
    assert_eq!(closed["usage"]["seconds"], 31);
    assert!(client.send(&json!({"type": "session.close"})).is_empty() && client.listen(1_000).is_empty());
}

#[test]
fn it_misbehaves_on_request() {
    let mut client = Client::running("jitter_every:5");
    let events = client.listen(1_100);
    assert_eq!(loud(&events).len(), 4, "the fifth piece is held back");
    assert_eq!(loud(&client.listen(160)).len(), 0);
    assert_eq!(loud(&client.listen(20)).len(), 0);
    assert_eq!(loud(&client.listen(100)).len(), 3, "and comes with what followed it");

    let mut client = Client::silent("reject:4000,null_codes:1");
    let events = client.start(&start());
    assert_eq!(find(&events, "error")["error"]["code"], Value::Null);

    let mut client = Client::running("content_after_ms:2000");
    assert_eq!(find(&client.listen(2_000), "session.closed")["reason"], "content");

    let mut client = Client::running("drop_after_ms:2000");
    client.listen(2_000);
    assert_eq!(client.outs.last(), Some(&Out::Drop));

    let mut client = Client::running("filtered_responses:1");
    client.listen(1_000);
    client.append("commentary", "Speak first, now.");
    let events = client.listen(3_000);
    assert_eq!(error_code(&events), "content_filter");
    assert_eq!(loud(&events).iter().filter(|loud| **loud).count(), 3);

    let mut client = Client::running("phantom_words:1");
    client.listen(1_000);
    client.append("thinking", "x");
    assert_eq!(words(&client.listen(2_000), "input"), " thank you for watching");
}
