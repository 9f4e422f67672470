//! The traps of the protocols that the session owns, from the link to what the call is told.

use super::*;

#[test]
fn final_words_that_come_after_their_turn_was_taken_are_not_heard_twice() {
    let mut rig = Rig::of(plan());
    rig.took();
    rig.result(0.0, "Is it free", false, false);
    // In noise the end of speech is not told; only the words tell that the caller ceased.
    rig.socket(LinkName::Ears, SocketEvent::Text(r#"{"type":"UtteranceEnd","last_word_end":1.0}"#));
    rig.pass(3_000);
    let took = rig.took();
    assert!(took.contains(&"caller: Is it free".to_owned()), "{took:?}");
    rig.result(0.0, "Is it free?", true, true);
    rig.pass(3_000);
    let took = rig.took();
    assert!(!took.iter().any(|it| it.contains("free")), "the late final words are those of the turn before: {took:?}");
    rig.order(ModelOrder::Overtake);
    rig.caller(4.0, "Hello?");
    assert!(rig.took().contains(&"caller: Hello?".to_owned()));
}

#[test]
fn texts_that_grow_are_told_once() {
    let mut rig = Rig::of(sample::sockets(EarsKind::Flux, VoiceKind::Cartesia));
    rig.took();
    let info = |event: &str, text: &str| {
        json!({"type": "TurnInfo", "event": event, "turn_index": 0, "transcript": text, "words": []}).to_string()
    };
    for (event, text) in
        [("StartOfTurn", "Is"), ("Update", "Is it"), ("Update", "Is it free"), ("EndOfTurn", "Is it free?")]
    {
        rig.socket(LinkName::Ears, SocketEvent::Text(&info(event, text)));
    }
    let took = rig.took();
    let said: Vec<&String> = took.iter().filter(|it| it.ends_with('…')).collect();
    assert_eq!(said, ["Is …", "it …", "free …"], "each word once");
    assert!(took.contains(&"caller: Is it free?".to_owned()), "{took:?}");
}

#[test]
fn an_idle_socket_that_the_voice_closed_is_no_fault() {
    let mut rig = Rig::of(plan());
    rig.took();
    rig.socket(LinkName::Voice, SocketEvent::Closed(Some(1000), "idle"));
    assert_eq!(rig.took(), Vec::<String>::new());
    rig.caller(0.0, "Is it free?");
    rig.took();
    rig.thinks("Yes, it is.");
    rig.done();
    assert_eq!(rig.took(), ["open Voice "]);
    rig.socket(LinkName::Voice, SocketEvent::Opened);
    assert_eq!(rig.took(), ["voice: Yes, it is. [en]", "voice: [en]"]);
}

#[test]
fn a_cut_answer_is_said_to_its_last_whole_sentence_and_asked_on_once() {
    let mut rig = Rig::of(plan());
    rig.caller(0.0, "Tell me.");
    rig.took();
    rig.thinks("It is free. We could also");
    rig.mind(RequestEvent::End);
    let took = rig.took();
    assert_eq!(took, ["voice: It is free. [en]", "ask Mind 2"]);
    assert_eq!(rig.told()[1], "assistant It is free.");
    rig.thinks("Shall I book it? And th");
    rig.mind(RequestEvent::Broken("reset"));
    let took = rig.took();
    assert_eq!(
        took,
        ["voice: Shall I book it? [en]", "voice: I am sorry, could you say that again? [en]", "voice: [en]"],
        "then it is a word of ours"
    );
    rig.sounds("u1", 40);
    rig.sounded("u1");
    assert!(rig.took().contains(&r#"Incomplete("cut_off")"#.to_owned()));
}

#[test]
fn a_busy_mind_is_asked_again_when_it_says() {
    let mut rig = Rig::of(plan());
    rig.caller(0.0, "Tell me.");
    rig.took();
    rig.mind(RequestEvent::Head(Head { status: 429, retry_after_ms: Some("200"), ..OK }, "{}"));
    rig.pass(190);
    assert_eq!(rig.took(), Vec::<String>::new());
    rig.pass(20);
    assert_eq!(rig.took(), ["ask Mind 2"]);
    rig.thinks("It is free.");
    rig.done();
    assert_eq!(rig.took(), ["voice: It is free. [en]", "voice: [en]"]);
}

#[test]
fn a_mind_that_is_busy_for_long_is_replaced_within_the_call() {
    let mut busy = plan();
    busy.mind.push(sample::mind());
    let mut rig = Rig::of(busy);
    rig.caller(0.0, "Tell me.");
    rig.took();
    rig.mind(RequestEvent::Head(Head { status: 429, retry_after: Some("20"), ..OK }, "{}"));
    assert_eq!(rig.took(), ["llm_replaced", "ask Mind 2"]);
}

#[test]
fn a_tool_is_called_without_arguments() {
    let mut rig = Rig::of(plan());
    rig.caller(0.0, "Look.");
    rig.took();
    rig.mind(RequestEvent::Head(OK, ""));
    let call = json!({"index": 0, "id": "a", "function": {"name": "find", "arguments": ""}});
    let chunk = json!({ "choices": [{ "delta": { "tool_calls": [call] }, "finish_reason": "stop" }] });
    rig.mind(RequestEvent::Bytes(format!("data: {chunk}\n\n").as_bytes()));
    rig.done();
    assert_eq!(rig.took(), ["calls find {} as session1_call_1_0", "ends"]);
    let call = ToolCallId::new("session1_call_1_0");
    rig.order(ModelOrder::AnswerTool { call, output: "found".to_owned(), speak: true });
    assert_eq!(rig.told(), ["user Look.", "assistant null", "tool found"]);
}

#[test]
fn an_interrupted_call_of_a_tool_has_a_result_in_the_next_request() {
    let mut rig = Rig::of(plan());
    rig.caller(0.0, "Look.");
    rig.mind(RequestEvent::Head(OK, ""));
    let call = json!({"index": 0, "id": "a", "function": {"name": "find", "arguments": "{}"}});
    let chunk = json!({ "choices": [{ "delta": { "tool_calls": [call] } }] });
    rig.mind(RequestEvent::Bytes(format!("data: {chunk}\n\n").as_bytes()));
    rig.done();
    rig.caller(3.0, "Wait.");
    let told = rig.told();
    assert!(told.len() == 4 && told[2].starts_with("tool ") && told[3] == "user Wait.", "{told:?}");
}

#[test]
fn audio_that_trails_after_a_cancel_is_dropped_and_the_model_learns_what_was_heard() {
    let mut rig = Rig::of(plan());
    rig.caller(0.0, "Tell me.");
    rig.thinks("One two three four five six seven eight. And");
    rig.sounds("u1", 2_000);
    let words: Vec<String> = "One two three four five six seven eight.".split(' ').map(str::to_owned).collect();
    let starts: Vec<f64> = (0..8).map(|at| f64::from(at) * 0.25).collect();
    let ends: Vec<f64> = (1..9).map(|at| f64::from(at) * 0.25).collect();
    let times = json!({"type": "timestamps", "context_id": "u1",
        "word_timestamps": {"words": words, "start": starts, "end": ends}});
    rig.socket(LinkName::Voice, SocketEvent::Text(&times.to_string()));
    rig.took();
    rig.order(ModelOrder::CancelResponse);
    rig.order(ModelOrder::TruncateItem { item: ItemId::new("item_1_agent1"), heard: Duration::from_millis(800) });
    let took = rig.took();
    assert!(took.contains(&"voice: cancel".to_owned()) && took.contains(&"abort Mind 1".to_owned()), "{took:?}");
    rig.sounds("u1", 200);
    rig.thinks("nine ten. ");
    assert_eq!(rig.took(), Vec::<String>::new(), "nothing of it is heard any more");
    rig.caller(5.0, "Wait.");
    assert_eq!(rig.told(), ["user Tell me.", "assistant One two three…", "user Wait."]);
    rig.took();
    rig.thinks("Yes?");
    rig.done();
    assert_eq!(rig.took(), ["voice: Yes? [en]", "voice: [en]"], "the next answer has a context of its own");
    rig.sounds("u1", 20);
    rig.sounds("u2", 20);
    let audio: Vec<String> = rig.took().into_iter().filter(|it| it.starts_with("audio")).collect();
    assert_eq!(audio, ["audio of response_1_2"]);
}

#[test]
fn a_voice_that_breaks_says_its_sentence_again() {
    let mut rig = Rig::of(plan());
    rig.caller(0.0, "Tell me.");
    rig.thinks("It is free. Shall I book it for you? ");
    rig.done();
    rig.sounds("u1", 300);
    rig.took();
    rig.socket(LinkName::Voice, SocketEvent::Broken("reset"));
    assert_eq!(rig.took(), ["close Voice", "open Voice "]);
    rig.socket(LinkName::Voice, SocketEvent::Opened);
    let took = rig.took();
    assert_eq!(took, ["voice: It is free. [en]", "voice: Shall I book it for you? [en]", "voice: [en]"]);
}

#[test]
fn ears_that_break_behind_the_last_words_do_not_hear_them_again() {
    let mut rig = Rig::of(plan());
    for _ in 0..20 {
        rig.pass(20);
        rig.session.hear_caller(&[0x55; 160], rig.now, &mut rig.out);
    }
    rig.result(0.0, "Is it free?", true, true);
    rig.took();
    rig.socket(LinkName::Ears, SocketEvent::Closed(Some(1011), "NET-0001"));
    rig.socket(LinkName::Ears, SocketEvent::Opened);
    rig.pass(500);
    let sent = |action: &SessionAction| matches!(action, SessionAction::ToLink(LinkOrder::Send(LinkName::Ears, _)));
    assert!(!rig.out.iter().any(sent), "{:?}", rig.out);
    let took = rig.took();
    assert!(took.contains(&"caller: Is it free?".to_owned()), "{took:?}");
    assert_eq!(took.iter().filter(|it| *it == "begins").count(), 1, "it is answered once");
}

#[test]
fn ears_that_break_hear_the_turn_from_its_start() {
    let mut rig = Rig::of(plan());
    rig.result(0.0, "Is it", false, false);
    for _ in 0..20 {
        rig.pass(20);
        rig.session.hear_caller(&[0x55; 160], rig.now, &mut rig.out);
    }
    rig.took();
    rig.socket(LinkName::Ears, SocketEvent::Closed(Some(1011), "NET-0001"));
    assert_eq!(rig.took(), ["close Ears", "open Ears en"]);
    rig.socket(LinkName::Ears, SocketEvent::Opened);
    rig.pass(1_000);
    let heard = |action: &SessionAction| match action {
        SessionAction::ToLink(LinkOrder::Send(LinkName::Ears, Outbound::AudioBytes(audio))) => audio.len() / 8,
        _ => 0,
    };
    assert_eq!(rig.out.iter().map(heard).sum::<usize>(), 400, "all that was spoken, in ms");
    rig.result(0.0, "Is it free?", true, true);
    rig.pass(500);
    assert!(rig.took().contains(&"caller: Is it free?".to_owned()));
}
