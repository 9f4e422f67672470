//! What the model says by itself, and what it is asked to say.

use serde_json::json;

use super::Rig;
use super::rig::{LOUD, SILENT};
use crate::realtime::messages::{ModelOrder, ResponsePurpose};

#[test]
fn the_endless_stream_becomes_responses_with_words() {
    let mut rig = Rig::running();
    rig.model = Some(LOUD);
    rig.line(300, SILENT);
    rig.agent_words(" Of");
    rig.line(300, SILENT);
    rig.agent_words(" course.");
    rig.model = Some(SILENT);
    rig.line(1_000, SILENT);
    assert_eq!(
        rig.reported(),
        [
            "live1_r1 begins",
            "live1_a1 after nothing",
            "live1_r1 sounds",
            "live1_a1 + Of",
            "live1_a1 + course.",
            "live1_a1 = Of course.",
            "live1_a1 complete",
            "live1_r1 ends Completed",
        ]
    );
    // The margin before it and the end of the last word, and none of the endless silence.
    assert!((700..=900).contains(&rig.played_ms), "{} ms", rig.played_ms);
    rig.check();
}

#[test]
fn output_is_never_stretched() {
    let mut rig = Rig::running();
    for _ in 0..100 {
        rig.model = Some(LOUD);
        rig.line(700, SILENT);
        rig.model = Some(SILENT);
        rig.line(500, SILENT);
    }
    rig.line(1_000, SILENT);
    // Two minutes of words and pauses are at most two minutes of audio.
    assert!(rig.played_ms <= 100 * 1_200 + 200, "{} ms", rig.played_ms);
    assert!(rig.reported().iter().all(|event| !event.contains("audio_late")));
    rig.check();
}

#[test]
fn a_wish_is_an_order_and_is_done_when_it_was_said() {
    let mut rig = Rig::running();
    rig.speak(ResponsePurpose::Notice, "Say one.");
    rig.speak(ResponsePurpose::Notice, "Say two.");
    let one = ["commentary.append Speak first, now, then stop and listen. Say one."];
    assert_eq!(rig.said(), one, "one at a time");
    rig.ack();
    rig.line(1_000, SILENT);
    rig.model_speaks(600);
    assert_eq!(rig.said(), ["commentary.append Speak first, now, then stop and listen. Say two."]);
    rig.model_speaks(600);
    assert!(rig.reported().iter().all(|event| !event.contains("given up")));
    rig.check();
}

#[test]
fn an_acknowledged_append_is_not_a_spoken_one() {
    let mut rig = Rig::running();
    rig.speak(ResponsePurpose::Notice, "Say one.");
    rig.said();
    rig.line(700, SILENT);
    rig.server(&json!({"type": "session.commentary.appended", "client_event_id": "append-1"}));
    rig.line(3_200, SILENT);
    assert!(rig.reported().is_empty());
    rig.line(200, SILENT);
    assert_eq!(rig.reported(), ["given up Some(Notice): no_answer"]);
}

#[test]
fn a_greeting_that_does_not_come_is_ordered_again_once() {
    let mut rig = Rig::running();
    rig.speak(ResponsePurpose::Greeting, "Say hello.");
    rig.line(6_000, SILENT);
    let orders = rig.said().iter().filter(|event| event.contains("Say hello.")).count();
    assert_eq!((orders, rig.reported().len()), (2, 0));
    rig.line(4_000, SILENT);
    assert_eq!(rig.reported(), ["mute Some(Greeting): no_answer"]);
    rig.check();
}

#[test]
fn a_wish_waits_until_the_model_has_finished() {
    let mut rig = Rig::running();
    rig.model = Some(LOUD);
    rig.line(500, SILENT);
    rig.speak(ResponsePurpose::Notice, "Say one.");
    rig.line(500, SILENT);
    assert!(rig.said().is_empty());
    rig.model = Some(SILENT);
    rig.line(1_000, SILENT);
    assert_eq!(rig.said().len(), 1);
}

#[test]
fn a_long_order_is_sent_in_parts_one_after_the_other() {
    let mut rig = Rig::running();
    rig.speak(ResponsePurpose::Notice, &"Say this sentence to the caller. ".repeat(40));
    assert_eq!(rig.said().len(), 1);
    rig.server(&json!({"type": "session.commentary.appended", "client_event_id": "append-1"}));
    assert_eq!(rig.said().len(), 1);
    rig.line(1_600, SILENT);
    assert_eq!(rig.said().len(), 1, "a missing acknowledgement does not hold the rest back");
    rig.check();
}

#[test]
fn a_refused_order_is_given_up() {
    let mut rig = Rig::running();
    rig.speak(ResponsePurpose::Notice, "Say one.");
    rig.server(&json!({"type": "error", "error": {"type": "invalid_request_error", "code": "invalid_value",
        "param": "content", "client_event_id": "append-1"}}));
    assert_eq!(rig.reported(), ["complains invalid_value", "given up Some(Notice): invalid_value"]);
}

#[test]
fn a_key_overtakes_what_is_said_and_what_was_to_be_said() {
    let mut rig = Rig::running();
    rig.model = Some(LOUD);
    rig.line(500, SILENT);
    rig.speak(ResponsePurpose::Notice, "Say one.");
    rig.reported();
    rig.order(ModelOrder::Overtake);
    assert_eq!(rig.reported()[..2], ["live1_a1 complete", "live1_r1 ends Cancelled"]);
    assert!(rig.said()[0].starts_with("instructions.append Stop speaking now"));
    let played = rig.played_ms;
    rig.line(1_000, SILENT);
    assert_eq!(rig.played_ms, played, "what the model still says is not heard");
    rig.speak(ResponsePurpose::Keypad, "");
    rig.model = Some(SILENT);
    rig.line(600, SILENT);
    assert!(rig.said().iter().any(|event| event.contains("keypad")));
    rig.model_speaks(500);
    assert!(rig.played_ms > played);
    rig.check();
}

#[test]
fn withheld_words_are_apologised_for() {
    let mut rig = Rig::running();
    rig.server(&json!({"type": "error", "error": {"type": "moderation_error", "code": null}}));
    rig.line(100, SILENT);
    assert!(rig.said().iter().any(|event| event.contains("Apologise briefly")));
    assert!(rig.loss.is_none());
}

#[test]
fn what_was_heard_is_reported_in_words() {
    let mut rig = Rig::running();
    rig.tell("The caller interrupted you. Of what you said last they have heard only: “It is”.");
    assert!(rig.said()[0].starts_with("thinking.append The caller interrupted you."));
    rig.check();
}
