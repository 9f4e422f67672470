use serde_json::json;

use super::super::item::{AudioPart, Part};
use super::*;
use crate::tools::rehearsal::script::asked_words;
use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::Language;

fn message(role: &'static str, part: Part) -> Item {
    Item {
        id: "item_1".to_owned(),
        status: "completed",
        body: Body::Message { role, parts: vec![part] },
        answered: false,
    }
}

fn settings() -> Value {
    json!({"tool_choice": "auto", "tools": [
        {"type": "function", "name": "end_call", "parameters": {"type": "object", "properties": {"reason": {"type": "string"}}}},
        {"type": "function", "name": "transfer_call", "parameters": {"type": "object", "properties": {
            "destination": {"type": "string", "enum": ["support", "billing"]}, "reason": {"type": "string"}}}},
        {"type": "function", "name": "switch_language", "parameters": {"type": "object", "properties": {
            "language": {"type": "string", "enum": ["en", "ta"]}}}},
        {"type": "function", "name": "save_answer", "parameters": {"type": "object", "properties": {
            "key": {"type": "string"}, "value": {"type": "string"}}}},
    ]})
}

fn answers(settings: &Value, text: &str, extra: &str, spoken_before: bool) -> Vec<String> {
    let item = message("user", Part::Text(text.to_owned()));
    let fresh = if text.is_empty() { vec![] } else { vec![&item] };
    said(settings, fresh, extra, spoken_before)
}

fn said(settings: &Value, fresh: Vec<&Item>, extra: &str, spoken_before: bool) -> Vec<String> {
    let language = Language::of(None, "");
    let voice = Voice { words: asked_words(extra), language, format: Format::MuLaw };
    let ask = Ask { settings, extra: extra.to_owned(), fresh, spoken_before, voice };
    let short = |saying: &Saying| match saying {
        Saying::Speak { text, .. } => text.clone(),
        Saying::Call { name, arguments } => format!("{name} {arguments}"),
    };
    answer(&ask).iter().map(short).collect()
}

#[test]
fn the_first_words_are_the_greeting_and_later_ones_are_not() {
    assert!(answers(&settings(), "", "", false)[0].starts_with("Hello"));
    assert!(answers(&settings(), "Greet the caller.", "", false)[0].starts_with("Hello"));
    assert_eq!(answers(&settings(), "", "", true), ["Alright."]);
}

#[test]
fn keys_call_the_tools_that_the_session_has() {
    let settings = settings();
    let press = |key: &str| answers(&settings, &format!("The caller pressed {key} on the keypad."), "", true);
    assert_eq!(press("9"), ["Thank you, goodbye.", r#"end_call {"reason":"caller_done"}"#]);
    assert_eq!(press("1"), [r#"transfer_call {"destination":"support","reason":"customer_request"}"#]);
    assert_eq!(press("2"), [r#"switch_language {"language":"ta"}"#]);
    assert_eq!(press("3"), [r#"save_answer {"key":"answer","value":"rehearsed"}"#]);
    assert_eq!(press("5").len(), 2);
    for plain in ["7", "#", "91"] {
        assert_eq!(press(plain), ["Alright."]);
    }
    let none = json!({"tools": [], "tool_choice": "auto"});
    assert_eq!(answers(&none, "The caller pressed 9 on the keypad.", "", true), ["Alright."]);
}

#[test]
fn a_tool_can_be_ordered_by_text() {
    let order = r#"Please call tool save_answer with {"key":"age","value":"41"} now."#;
    assert_eq!(answers(&settings(), order, "", true), [r#"save_answer {"key":"age","value":"41"}"#]);
    assert_eq!(answers(&settings(), "call tool end_call.", "", true), ["end_call {}"]);
    assert_eq!(answers(&settings(), "call tool rm with {}", "", true), ["Alright."]);
}

#[test]
fn a_choice_of_tools_is_obeyed() {
    let mut settings = settings();
    settings["tool_choice"] = json!({"type": "function", "name": "switch_language"});
    assert_eq!(answers(&settings, "", "", true), [r#"switch_language {"language":"en"}"#]);
    settings["tool_choice"] = json!("required");
    assert_eq!(answers(&settings, "", "", true), [r#"end_call {"reason":"rehearsed"}"#]);
    settings["tool_choice"] = json!("none");
    assert_eq!(answers(&settings, "The caller pressed 9.", "", true), ["Alright."]);
}

#[test]
fn a_goodbye_is_said_where_this_response_asks_for_one() {
    assert_eq!(answers(&settings(), "", "Say goodbye, the line is closing.", true), ["Thank you, goodbye."]);
}

#[test]
fn words_that_are_asked_for_are_the_words_of_the_answer() {
    let exactly = "Say exactly these words and nothing else: “Calls are “recorded” here.”";
    assert_eq!(answers(&settings(), "", exactly, true), ["Calls are “recorded” here."]);
    assert_eq!(answers(&settings(), "", "Say goodbye. Say exactly these words: “नमस्ते।”", true), ["नमस्ते।"]);
    assert_eq!(
        answers(&settings(), "", "Greet the caller and add nothing:\n\nDeccan Motors.", false),
        ["Deccan Motors."]
    );
    for none in ["", "Say exactly these words: “”", "exactly these words", "add nothing: "] {
        assert_eq!(asked_words(none), None, "{none}");
    }
}

#[test]
fn a_turn_is_answered_with_the_callers_own_words() {
    let bytes: Vec<u8> = (0..8_000).map(|n| if n % 20 < 10 { 0x30 } else { 0xB0 }).collect();
    let sound = Sound { format: Format::MuLaw, bytes: bytes.into() };
    let turn = message("user", Part::Audio(AudioPart::heard(sound)));
    assert_eq!(said(&settings(), vec![&turn], "", false), ["[the caller's own words, 1.0 s]"]);
}
