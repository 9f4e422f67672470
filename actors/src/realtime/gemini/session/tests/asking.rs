//! Requests to speak, and texts for the model.

use super::*;

#[test]
fn requests_are_answered_one_at_a_time_by_the_next_run() {
    let mut harness = Harness::ready();
    let seen = harness.speak(ResponsePurpose::Notice, Some("Say exactly: “One.”"));
    assert_eq!(seen.text(), ("[Say exactly: “One.”]".to_owned(), true));
    assert!(harness.speak(ResponsePurpose::Goodbye, None).sent.is_empty(), "one is on its way");
    assert!(harness.audio(100).sent.is_empty());
    assert!(harness.content(json!({"generationComplete": true})).sent.is_empty(), "a text would stop the playout");
    let seen = harness.turn_complete();
    assert_eq!(seen.text(), ("[Say goodbye to the caller now.]".to_owned(), true));
}

#[test]
fn every_purpose_has_its_words() {
    for purpose in ResponsePurpose::ALL {
        let mut harness = Harness::ready();
        let (text, answer) = harness.speak(purpose, None).text();
        assert!(answer && text.len() > 10 && text.starts_with('[') && text.ends_with(']'), "{text}");
    }
    let mut harness = Harness::ready();
    assert!(harness.speak(ResponsePurpose::Spoken, Some("Say why.")).text().0.contains("call no tool"));
}

/// Trap: on some models a text of the conversation after its beginning closes the socket.
#[test]
fn a_model_without_texts_is_asked_by_realtime_input() {
    let mut harness = Harness::of("gemini-3.1-flash-live-preview");
    let seen = harness.order(ModelOrder::AddText { role: TextRole::System, text: "It is noon.".to_owned() });
    assert!(seen.sent.is_empty(), "it would be answered");
    let seen = harness.speak(ResponsePurpose::Notice, Some("Hurry."));
    assert_eq!(seen.one(), &json!({"realtimeInput": {"text": "[It is noon.]\n[Hurry.]"}}));
}

/// Trap: a text stops what is being generated.
#[test]
fn texts_wait_while_something_is_generated_or_owed() {
    let fact = || ModelOrder::AddText { role: TextRole::System, text: "It is noon.".to_owned() };
    let mut harness = Harness::ready();
    assert_eq!(harness.order(fact()).text(), ("[It is noon.]".to_owned(), false));
    harness.audio(100);
    assert!(harness.order(fact()).sent.is_empty());
    harness.content(json!({"generationComplete": true}));
    assert_eq!(harness.turn_complete().text(), ("[It is noon.]".to_owned(), false));
    harness.content(json!({"inputTranscription": {"text": "A table?", "finished": true}}));
    assert!(harness.order(fact()).sent.is_empty(), "the server is about to answer");
    let seen = harness.pass(Timer::TurnUnanswered);
    assert_eq!(seen.text(), ("[It is noon.]\n[Answer the caller now.]".to_owned(), true));
    let mut harness = Harness::ready();
    harness.caller("I need");
    assert_eq!(harness.order(fact()).text().0, "[It is noon.]", "the caller has just begun");
    harness.wait(1_500);
    assert!(harness.order(fact()).sent.is_empty(), "the answer may begin at any time");
}

/// What was heard of an answer is told by a note, as nothing can be cut.
#[test]
fn a_note_about_what_was_heard_reaches_the_model_before_its_next_answer() {
    let mut harness = Harness::ready();
    harness.audio(500);
    harness.content(json!({"interrupted": true}));
    let note = ModelOrder::AddText { role: TextRole::System, text: "They have heard only: “Your”.".to_owned() };
    assert_eq!(harness.order(note).text(), ("[They have heard only: “Your”.]".to_owned(), false));
    let item = ItemId::new("item_1_1");
    let cut = harness.order(ModelOrder::TruncateItem { item: item.clone(), heard: Duration::from_secs(1) });
    let deleted = harness.order(ModelOrder::DeleteItem { item });
    assert!(cut.sent.is_empty() && deleted.sent.is_empty(), "the protocol has neither");
}

#[test]
fn texts_of_all_roles_are_reported_apart_by_brackets() {
    for (role, expected) in [
        (TextRole::System, "[Hi.]"),
        (TextRole::Instruction, "[Hi.]"),
        (TextRole::User, "Hi."),
        (TextRole::Assistant, "[You have said to the caller: Hi.]"),
    ] {
        let seen = Harness::ready().order(ModelOrder::AddText { role, text: "Hi.".to_owned() });
        assert_eq!(seen.text().0, expected);
        assert_eq!(seen.one()["clientContent"]["turns"][0]["role"], "user");
    }
}

/// Trap: the protocol cannot stop a response.
#[test]
fn a_cancelled_response_is_over_for_the_call_and_the_next_request_stops_it_at_the_server() {
    let mut harness = Harness::ready();
    harness.audio(500);
    let seen = harness.order(ModelOrder::CancelResponse);
    assert_eq!((seen.outcome(), seen.sent.len()), (Some(&ResponseOutcome::Cancelled), 0));
    assert!(harness.audio(500).audio.is_empty());
    let seen = harness.speak(ResponsePurpose::Goodbye, None);
    assert_eq!(seen.text(), ("[Say goodbye to the caller now.]".to_owned(), true));
    assert!(harness.audio(500).audio.is_empty(), "the old one still runs");
    let seen = harness.content(json!({"interrupted": true}));
    assert!(seen.reports.is_empty(), "our own text has stopped it, not the caller");
    harness.turn_complete();
    assert_eq!(harness.audio(20).names(), ["ResponseStarted", "FirstAudio"]);
}

#[test]
fn a_request_of_ours_that_stops_the_servers_playout_is_no_speech_of_the_caller() {
    let mut harness = Harness::ready();
    harness.audio(5_000);
    harness.turn_complete();
    harness.speak(ResponsePurpose::Notice, None);
    assert!(harness.content(json!({"interrupted": true})).reports.is_empty());
    assert_eq!(harness.audio(20).names(), ["ResponseStarted", "FirstAudio"]);
}

#[test]
fn a_cancelled_request_is_not_heard_and_does_not_cost_the_next_one() {
    let mut harness = Harness::ready();
    harness.speak(ResponsePurpose::Notice, None);
    harness.order(ModelOrder::CancelResponse);
    assert!(harness.speak(ResponsePurpose::Goodbye, None).sent.is_empty(), "its run would be taken for this one's");
    let seen = harness.audio(20);
    assert!(seen.reports.is_empty() && seen.audio.is_empty());
    assert_eq!(seen.text().0, "[Say goodbye to the caller now.]");
    harness.turn_complete();
    assert_eq!(harness.audio(20).names(), ["ResponseStarted", "FirstAudio"]);
}

#[test]
fn a_key_overtakes_what_was_said_requested_and_owed() {
    let mut harness = Harness::ready();
    harness.content(json!({"inputTranscription": {"text": "A table?", "finished": true}}));
    harness.order(ModelOrder::Overtake);
    let seen = harness.audio(100);
    assert!(seen.reports.is_empty() && seen.audio.is_empty(), "the owed answer is obsolete");
    harness.turn_complete();
    let seen = harness.speak(ResponsePurpose::Keypad, Some("They pressed 3."));
    assert_eq!(seen.text().0, "[They pressed 3.]");
    assert_eq!(harness.audio(100).names(), ["ResponseStarted", "FirstAudio"]);
    harness.speak(ResponsePurpose::Notice, None);
    let seen = harness.order(ModelOrder::Overtake);
    assert_eq!(seen.outcome(), Some(&ResponseOutcome::Cancelled));
    assert!(harness.turn_complete().sent.is_empty(), "and what waited is dropped");
}

#[test]
fn a_request_without_an_answer_is_repeated_and_then_left_to_another_session() {
    let mut harness = Harness::ready();
    harness.speak(ResponsePurpose::Notice, Some("One."));
    let begun = harness.now;
    assert_eq!(harness.pass(Timer::RequestUnanswered).text().0, "[One.]");
    assert_eq!(harness.now - begun, Duration::from_secs(6));
    assert_eq!(harness.pass(Timer::RequestUnanswered).text().0, "[One.]");
    harness.pass(Timer::Quiet);
    let seen = harness.pass(Timer::RequestUnanswered);
    assert_eq!(seen.names(), ["Complained", "Muted"]);
    let mut slow = Harness::of("gemini-3.8-live-extended-thinking");
    let begun = slow.now;
    slow.speak(ResponsePurpose::Notice, None);
    slow.pass(Timer::RequestUnanswered);
    assert_eq!(slow.now - begun, Duration::from_secs(8));
}

#[test]
fn a_discarded_input_is_put_right_in_words() {
    let mut harness = Harness::ready();
    let seen = harness.order(ModelOrder::DiscardInput);
    assert_eq!(seen.text(), ("[Ignore the caller's last words.]".to_owned(), false));
}

#[test]
fn prompt_and_tools_change_where_the_model_can() {
    let change = || ModelOrder::Configure {
        backend: None,
        language: None,
        instructions: Some("Be rude.".to_owned()),
        transcription: None,
        tools: Some(Vec::new()),
    };
    let seen = Harness::ready().order(change());
    let update = &seen.one()["contextUpdate"];
    assert!(update["systemInstruction"]["parts"][0]["text"].as_str().expect("a text").starts_with("Be rude.\n\n"));
    assert_eq!(update["tools"], json!({"tools": []}));
    assert!(Harness::of("gemini-3.1-flash-live-preview").order(change()).sent.is_empty(), "it would close the socket");
}

#[test]
fn an_answer_that_is_obsolete_and_never_comes_costs_no_later_one() {
    let mut harness = Harness::ready();
    harness.content(json!({"inputTranscription": {"text": "A table?", "finished": true}}));
    harness.order(ModelOrder::Overtake);
    harness.wait(6_000);
    let heard = harness.audio(20).names();
    assert!(heard.ends_with(&["ResponseStarted".to_owned(), "FirstAudio".to_owned()]), "{heard:?}");
}
