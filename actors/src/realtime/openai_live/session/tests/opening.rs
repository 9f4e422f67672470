//! The beginning and the end of a session, and everything that can end it.

use bytes::Bytes;
use serde_json::json;

use super::Rig;
use super::rig::{LOUD, SILENT};
use crate::ids::ToolCallId;
use crate::realtime::conversation::SessionEvent;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest, TextRole};
use crate::realtime::report::LossClass;
use crate::realtime::seed::{Handoff, Progress, Seed, SeedItem};

fn item(seed: Seed) -> SeedItem {
    SeedItem { id: "sb_seed_1".to_owned(), seed }
}

#[test]
fn an_open_socket_says_nothing_until_it_has_the_conversation() {
    let mut rig = Rig::dialling(|_, _| {});
    rig.on(SessionEvent::Opened);
    rig.pass(14_000);
    assert_eq!(rig.reported(), ["prepared"]);
    assert!(rig.said().is_empty());
    rig.on(SessionEvent::HandedOver(Handoff::default()));
    assert_eq!(rig.sent[0]["session"]["safety_identifier"], "hash");
    assert_eq!(rig.said(), ["start"]);
    rig.line(400, LOUD);
    assert_eq!(rig.sent_ms, 0, "audio before the start would be lost");
    rig.started();
    assert_eq!(rig.reported()[..2], ["expires at 1796000000", "ready live_abc"]);
    rig.check();
}

#[test]
fn audio_flows_from_the_start_on_and_an_append_has_a_place() {
    let mut rig = Rig::dialling(|_, _| {});
    rig.on(SessionEvent::Opened);
    rig.on(SessionEvent::HandedOver(Handoff::default()));
    rig.speak(ResponsePurpose::Greeting, "Say hello.");
    rig.tell("It is Monday.");
    assert_eq!(rig.said(), ["start"], "orders wait for the start");
    rig.started();
    let said = rig.said();
    assert!(said.contains(&"thinking.append It is Monday.".to_owned()), "{said:?}");
    assert!(
        said.iter()
            .any(|event| event.starts_with("commentary.append Speak first, now, then stop and listen. Say hello.")),
        "{said:?}"
    );
    assert_eq!(rig.oracle.ordered().len(), 1);
    rig.check();
}

#[test]
fn a_conversation_is_continued_with_what_was_heard() {
    let call = ToolCallId::new("c");
    let items = vec![
        item(Seed::Text(TextRole::System, "Left out.".to_owned())),
        item(Seed::Text(TextRole::User, "Where is it?".to_owned())),
        item(Seed::Call { call: call.clone(), name: "order_status".to_owned(), arguments: "{}".to_owned() }),
        item(Seed::Output { call, output: "shipped".to_owned() }),
        item(Seed::CallerAudio(vec![0; 10])),
        item(Seed::Text(TextRole::Assistant, "It is".to_owned())),
    ];
    let mut rig = Rig::dialling(|_, _| {});
    rig.on(SessionEvent::Opened);
    rig.on(SessionEvent::HandedOver(Handoff { items, ..Handoff::default() }));
    let input = rig.sent[0]["session"]["input"].as_array().expect("messages").clone();
    let roles: Vec<&str> = input.iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, ["developer", "user", "developer", "developer", "developer", "assistant"]);
    assert_eq!(input[3]["content"][0]["text"], "The result of the tool was: shipped");
    rig.check();
}

#[test]
fn the_newest_messages_are_kept_if_not_all_of_them_fit() {
    let text = |n: usize| item(Seed::Text(TextRole::User, format!("{n} {}", "x".repeat(n % 3_000))));
    let mut rig = Rig::dialling(|_, _| {});
    rig.on(SessionEvent::Opened);
    rig.on(SessionEvent::HandedOver(Handoff { items: (0..500).map(text).collect(), ..Handoff::default() }));
    let input = rig.sent[0]["session"]["input"].as_array().expect("messages").clone();
    let last = input.last().and_then(|message| message["content"][0]["text"].as_str()).unwrap_or_default();
    assert!(input.len() <= 128 && last.starts_with("499 "));
    rig.check();
}

#[test]
fn what_the_previous_session_owed_is_said() {
    let request = ResponseRequest { purpose: ResponsePurpose::Greeting, instructions: Some("Say hello.".to_owned()) };
    let handoff = Handoff { requests: vec![request], ..Handoff::default() };
    let mut rig = Rig::continuing(|_, _| {}, handoff);
    assert!(rig.said().iter().any(|event| event.contains("Say hello.")));
    let mut rig = Rig::continuing(|_, _| {}, Handoff { answer_unless_spoken: true, ..Handoff::default() });
    rig.line(2_000, SILENT);
    assert!(rig.said().iter().any(|event| event.contains("answer what they said last")));
    let mut rig = Rig::continuing(|_, _| {}, Handoff { answer_unless_spoken: true, ..Handoff::default() });
    rig.line(2_000, LOUD);
    assert!(!rig.said().iter().any(|event| event.contains("answer what they said last")), "the caller went on");
}

#[test]
fn an_error_in_place_of_the_start_ends_the_session_at_once() {
    for (error, class) in [
        (json!({"type": "invalid_request_error", "code": "unknown_parameter", "param": "session.x"}), LossClass::Fatal),
        (json!({"type": "insufficient_quota", "code": null, "message": "no credit"}), LossClass::Fatal),
        (json!({"type": "invalid_request_error", "code": "rate_limit_exceeded"}), LossClass::Retryable),
    ] {
        let mut rig = Rig::dialling(|_, _| {});
        rig.on(SessionEvent::Opened);
        rig.on(SessionEvent::HandedOver(Handoff::default()));
        rig.server(&json!({"type": "error", "event_id": "e", "error": error}));
        assert_eq!(rig.loss.as_ref().map(|loss| loss.class), Some(class), "{error}");
        rig.pass(2_000);
        rig.on(SessionEvent::Broken("the peer aborted the connection"));
        rig.check();
    }
}

#[test]
fn a_server_that_does_not_start_the_session_is_given_up() {
    let mut rig = Rig::dialling(|_, _| {});
    rig.on(SessionEvent::Opened);
    rig.on(SessionEvent::HandedOver(Handoff::default()));
    rig.pass(9_900);
    assert_eq!(rig.loss, None);
    rig.pass(200);
    assert_eq!(rig.loss.map(|loss| loss.class), Some(LossClass::Retryable));
}

#[test]
fn another_format_than_ours_would_be_noise() {
    let mut rig = Rig::dialling(|_, _| {});
    rig.on(SessionEvent::Opened);
    rig.on(SessionEvent::HandedOver(Handoff::default()));
    rig.server(&json!({"type": "session.started", "session": {"id": "l",
        "audio": {"format": {"type": "audio/pcm", "rate": 24_000}}}}));
    assert_eq!(rig.loss.map(|loss| loss.class), Some(LossClass::Fatal));
}

#[test]
fn the_end_of_the_call_is_said_to_the_server_and_the_final_usage_awaited() {
    let mut rig = Rig::running();
    rig.line(30_000, SILENT);
    rig.order(ModelOrder::Close);
    assert_eq!(rig.said(), ["close"]);
    rig.line(300, LOUD);
    rig.speak(ResponsePurpose::Notice, "late");
    assert!(!rig.closed && rig.said().is_empty(), "nothing follows the close");
    rig.server(&json!({"type": "error", "error": {"type": "server_error", "code": "context_injection_incomplete"}}));
    rig.server(&json!({"type": "session.closed", "reason": "close_requested", "usage": {"seconds": 33}}));
    assert!(rig.closed);
    assert_eq!(rig.used.0, 33_000, "the final usage counts");
    rig.oracle.end(rig.ms() as f64, true);
    rig.check();
}

#[test]
fn what_was_said_last_is_transcribed_before_the_server_is_asked_for_the_end() {
    let mut rig = Rig::running();
    rig.model = Some(LOUD);
    rig.line(600, SILENT);
    rig.agent_words(" See you");
    rig.line(400, SILENT);
    rig.order(ModelOrder::Close);
    assert!(rig.said().is_empty(), "the words of the last half second follow");
    let sent_ms = rig.sent_ms;
    rig.pass(500);
    assert!(rig.sent_ms > sent_ms, "without audio of the caller the session stands still");
    rig.server(&json!({"type": "session.output_transcript.delta", "delta": " soon.", "start_ms": rig.ms() - 600,
        "end_ms": rig.ms() - 400}));
    assert!(rig.reported().contains(&"live1_a1 = See you soon.".to_owned()));
    rig.pass(300);
    assert_eq!(rig.said(), ["close"]);
    rig.server(&json!({"type": "session.closed", "reason": "close_requested", "usage": {"seconds": 2}}));
    assert!(rig.closed);
    rig.check();
}

#[test]
fn a_server_that_does_not_say_goodbye_is_not_waited_for_long() {
    let mut rig = Rig::running();
    rig.order(ModelOrder::Close);
    rig.model = None;
    rig.pass(4_900);
    assert!(!rig.closed);
    rig.pass(200);
    assert!(rig.closed && rig.loss.is_none());
    let mut rig = Rig::running();
    rig.order(ModelOrder::Close);
    rig.on(SessionEvent::Closed { code: Some(1000), reason: "" });
    assert!(rig.closed, "nor is a closed socket");
}

#[test]
fn an_unstarted_session_closes_without_a_word() {
    let mut rig = Rig::dialling(|_, _| {});
    rig.on(SessionEvent::Opened);
    rig.order(ModelOrder::Close);
    assert!(rig.closed && rig.sent.is_empty());
}

#[test]
fn every_end_of_the_server_has_its_class() {
    for (reason, class) in [
        ("expired", LossClass::Expired),
        ("content", LossClass::Retryable),
        ("connection_lost", LossClass::Retryable),
        ("client_request", LossClass::Retryable),
    ] {
        let mut rig = Rig::running();
        rig.server(&json!({"type": "session.closed", "reason": reason, "usage": {"seconds": 2}}));
        assert_eq!(rig.loss.map(|loss| loss.class), Some(class), "{reason}");
    }
    let mut rig = Rig::running();
    rig.on(SessionEvent::Closed { code: Some(1011), reason: "" });
    assert_eq!(rig.loss.map(|loss| loss.class), Some(LossClass::Retryable));
}

#[test]
fn a_fatal_error_ends_a_running_session_and_another_error_does_not() {
    let mut rig = Rig::running();
    rig.server(&json!({"type": "error", "error": {"type": "invalid_request_error", "code": "invalid_value"}}));
    assert_eq!(rig.reported(), ["complains invalid_value"]);
    rig.server(&json!({"type": "error", "error": {"type": "insufficient_quota", "code": null}}));
    assert_eq!(rig.loss.as_ref().map(|loss| loss.class), Some(LossClass::Fatal));
    assert_eq!(rig.said(), ["close"]);
    rig.check();
}

#[test]
fn a_stream_that_stops_is_a_sick_session() {
    let mut rig = Rig::running();
    rig.model = None;
    rig.line(2_800, SILENT);
    assert_eq!(rig.loss, None);
    rig.line(400, SILENT);
    assert!(rig.loss.as_ref().is_some_and(|loss| loss.reason.contains("no sound of the model")), "{:?}", rig.loss);
    rig.check();
}

#[test]
fn pings_are_answered_and_a_dead_socket_is_found() {
    let mut rig = Rig::dialling(|_, _| {});
    rig.on(SessionEvent::Opened);
    rig.on(SessionEvent::Ping(Bytes::from_static(b"x")));
    assert_eq!(rig.reported(), ["prepared", "pong"]);
    rig.pass(44_000);
    assert_eq!(rig.reported(), ["ping", "ping"]);
    rig.pass(2_000);
    assert_eq!(rig.loss.map(|loss| loss.class), Some(LossClass::Retryable));
}

#[test]
fn garbage_is_complained_of_and_too_much_of_it_ends_the_session() {
    let mut rig = Rig::running();
    for text in
        ["", "[]", "{", r#"{"type":"session.closed","usage":"#, r#"{"type":"session.output_audio.delta","delta":"§"}"#]
    {
        rig.on(SessionEvent::Text(text));
        assert_eq!(rig.reported(), ["complains unreadable_event"], "{text}");
    }
    rig.on(SessionEvent::Text(r#"{"type":"something.new","x":[1]}"#));
    rig.server(&json!({"type": "session.updated"}));
    for _ in 0..50 {
        rig.on(SessionEvent::Binary(b"x"));
    }
    assert_eq!(rig.loss, None);
    rig.on(SessionEvent::Unintelligible);
    assert!(rig.loss.is_some());
}

#[test]
fn a_lost_session_leaves_what_is_owed() {
    let mut rig = Rig::running();
    rig.speak(ResponsePurpose::Goodbye, "Say bye.");
    rig.speak(ResponsePurpose::Notice, "Say more.");
    let left = rig.session.carry_over();
    assert_eq!(left.requests.len(), 2, "neither has begun");
    rig.model = Some(LOUD);
    rig.line(500, SILENT);
    let left = rig.session.carry_over();
    let running = left.running.expect("a segment");
    assert_eq!((left.requests.len(), running.progress), (1, Progress::Partly));
    assert_eq!(running.request.map(|request| request.purpose), Some(ResponsePurpose::Goodbye));
    rig.model = Some(SILENT);
    rig.line(600, SILENT);
    assert_eq!(rig.session.carry_over().running.map(|running| running.progress), Some(Progress::Whole));
    let mut rig = Rig::running();
    rig.line(600, SILENT);
    rig.line(1_000, LOUD);
    assert!(rig.session.carry_over().turn_open);
    rig.line(1_000, SILENT);
    assert!(rig.session.carry_over().answer, "the caller was not answered");
}

#[test]
fn an_answer_that_the_work_gives_is_owed_once() {
    let mut rig = Rig::running();
    rig.speak(ResponsePurpose::Keypad, "");
    rig.tool_call("resp_1", "call_1");
    let left = rig.session.carry_over();
    assert_eq!((left.requests.len(), left.answer), (0, false), "its result is still to come");
    rig.completes("resp_1");
    rig.answer_tool("call_1", "{}", true);
    rig.nested(&json!({"type": "response.created", "response": {"id": "resp_2", "output": []}}));
    let left = rig.session.carry_over();
    assert_eq!((left.requests.len(), left.answer), (0, true), "it works on the answer");
    rig.completes("resp_2");
    let left = rig.session.carry_over();
    assert_eq!((left.requests.len(), left.answer), (0, true), "nothing was said yet");
    rig.speak(ResponsePurpose::Goodbye, "");
    assert_eq!(rig.session.carry_over().requests.len(), 1, "another wish stays");
}

#[test]
fn the_time_of_a_session_is_charged_once() {
    let mut rig = Rig::running();
    for seconds in [15, 30, 30, 45] {
        rig.line(15_000, SILENT);
        rig.server(&json!({"type": "session.usage.updated", "usage": {"seconds": seconds}}));
    }
    let sent = rig.sent_ms;
    assert!((rig.used.0..=rig.used.0 + 20_000).contains(&sent), "{} of {sent} ms", rig.used.0);
    rig.on(SessionEvent::Broken("gone"));
    assert_eq!(rig.used.0, sent, "a lost session costs what was sent");
}

#[test]
fn a_turn_that_is_lost_with_its_session_is_answered_by_the_next_one() {
    for (silence, open) in [(400, true), (700, false)] {
        let mut rig = Rig::running();
        rig.line(1_000, LOUD);
        rig.line(silence, SILENT);
        rig.reported();
        rig.on(SessionEvent::Broken("gone"));
        let left = rig.session.carry_over();
        assert_eq!((left.turn_open, left.answer), (open, !open));
        let reported = rig.reported();
        assert!(reported.iter().all(|event| !event.contains("said")), "its words are not known: {reported:?}");
    }
    let mut rig = Rig::running();
    rig.line(1_000, LOUD);
    rig.caller_words(" my order", 1_200);
    rig.reported();
    rig.on(SessionEvent::Broken("gone"));
    assert!(rig.reported().contains(&"live1_c1 said “my order”".to_owned()));
    assert!(rig.session.carry_over().turn_open);
}
