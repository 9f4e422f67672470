//! The caller: their audio as the clock, their turns and their words.

use serde_json::json;

use super::Rig;
use super::rig::{LOUD, SILENT};
use crate::realtime::messages::{ModelOrder, TextRole};

#[test]
fn the_clock_never_stops_while_the_line_does() {
    let mut rig = Rig::running();
    rig.line(5_000, LOUD);
    rig.pass(40_000);
    rig.line(5_000, LOUD);
    rig.pass(3_000);
    let off = rig.sent_ms as i64 - rig.ms() as i64;
    assert!(off.abs() <= 200, "{off} ms");
    assert!(rig.loss.is_none());
    rig.check();
}

#[test]
fn a_turn_of_the_caller_has_a_beginning_an_end_and_words() {
    let mut rig = Rig::running();
    rig.line(600, SILENT);
    let from = rig.ms();
    rig.line(800, LOUD);
    rig.caller_words(" my", from + 200);
    rig.line(700, SILENT);
    rig.caller_words(" order", from + 600);
    rig.line(1_500, SILENT);
    assert_eq!(
        rig.reported(),
        [
            "live1_c1 speaks",
            "live1_c1 after nothing",
            "live1_c1 says “ my”",
            "live1_c1 stops",
            "live1_c1 says “ order”",
            "live1_c1 said “my order”",
            "live1_c1 = my order",
        ]
    );
    rig.check();
}

#[test]
fn noise_owes_nothing() {
    let mut rig = Rig::running();
    rig.line(600, SILENT);
    rig.line(300, LOUD);
    rig.line(3_000, SILENT);
    let reported = rig.reported();
    assert!(
        reported.contains(&"NothingOwed".to_owned()) && reported.contains(&"live1_c1 said “”".to_owned()),
        "{reported:?}"
    );
    rig.line(6_000, SILENT);
    assert!(rig.said().is_empty(), "and the model is not asked for an answer");
}

#[test]
fn invented_words_of_the_caller_are_dropped() {
    let mut rig = Rig::running();
    rig.line(6_000, SILENT);
    rig.caller_words(" I want to cancel", rig.ms() - 1_000);
    assert_eq!(rig.reported(), ["complains phantom_words"]);
}

#[test]
fn both_sides_may_speak_at_once() {
    let mut rig = Rig::running();
    rig.line(600, SILENT);
    rig.model = Some(LOUD);
    rig.line(1_000, LOUD);
    rig.model = Some(SILENT);
    rig.line(3_000, SILENT);
    let reported = rig.reported();
    let place =
        |event: &str| reported.iter().position(|it| it == event).unwrap_or_else(|| panic!("{event}: {reported:?}"));
    assert!(place("live1_r1 begins") < place("live1_r1 ends Completed"));
    assert!(place("live1_c1 speaks") < place("live1_c1 stops"));
    assert!(rig.said().is_empty(), "nothing stops the model: it decides by itself");
    rig.check();
}

#[test]
fn an_answer_that_does_not_come_is_asked_for() {
    let mut rig = Rig::running();
    rig.line(600, SILENT);
    let from = rig.ms();
    rig.line(800, LOUD);
    rig.caller_words(" hello", from + 200);
    rig.line(6_000, SILENT);
    assert!(rig.said().is_empty());
    rig.line(1_000, SILENT);
    assert!(rig.said().iter().any(|event| event.contains("answer what they said last")));
    rig.check();
}

#[test]
fn words_outlive_the_session() {
    let mut rig = Rig::running();
    rig.line(600, SILENT);
    let from = rig.ms();
    rig.line(800, LOUD);
    rig.caller_words(" bye", from + 200);
    rig.order(ModelOrder::Close);
    rig.caller_words(" now", from + 400);
    rig.server(&json!({"type": "session.closed", "reason": "close_requested", "usage": {"seconds": 3}}));
    assert!(rig.reported().contains(&"live1_c1 = bye now".to_owned()));
    assert!(rig.closed);
}

#[test]
fn texts_reach_the_model_as_what_they_are() {
    let mut rig = Rig::running();
    let texts = [
        (TextRole::User, "4 2"),
        (TextRole::Assistant, "Hello!"),
        (TextRole::System, "They heard half."),
        (TextRole::Instruction, "Be brief."),
        (TextRole::System, ""),
    ];
    for (role, text) in texts {
        rig.order(ModelOrder::AddText { role, text: text.to_owned() });
    }
    assert_eq!(
        rig.said(),
        [
            "thinking.append The caller entered: 4 2",
            "instructions.append The caller has just been told: “Hello!”",
            "thinking.append They heard half.",
            "instructions.append Be brief.",
        ]
    );
    rig.check();
}

#[test]
fn a_change_reaches_the_voice_and_the_model_behind_it() {
    let mut rig = Rig::running();
    let tools = Some(vec![crate::realtime::openai_live::plan::sample::tool("other")]);
    let instructions = Some("Speak German.".to_owned());
    rig.order(ModelOrder::Configure { backend: None, instructions, transcription: None, language: None, tools });
    let responses = rig.sent[0]["session"]["delegation"]["responses"].clone();
    assert!(responses["instructions"].as_str().is_some_and(|text| text.starts_with("Speak German.")));
    assert_eq!(responses["tools"][0]["name"], "other");
    let said = rig.said();
    assert_eq!(said[0], "update");
    assert!(said[1].starts_with("instructions.append From now on") && said[1].ends_with("Speak German."));
    let of_its_own = Some(Some("Look things up in German.".to_owned()));
    rig.order(ModelOrder::Configure {
        backend: of_its_own,
        instructions: None,
        transcription: None,
        language: None,
        tools: None,
    });
    let responses = rig.sent[0]["session"]["delegation"]["responses"].clone();
    assert!(responses["instructions"].as_str().is_some_and(|text| text.starts_with("Look things up in German.")));
    assert_eq!(rig.said(), ["update"], "the voice keeps its prompt");
    rig.order(ModelOrder::Configure {
        backend: None,
        instructions: None,
        transcription: Some(None),
        language: None,
        tools: None,
    });
    assert!(rig.said().is_empty());
    rig.check();
}
