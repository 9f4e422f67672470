use super::*;
use crate::call::testing;
use crate::profile::{AnswerKind, Question, Validation};
use crate::tools::spec::ToolSpec;

#[test]
fn end_call_hangs_up_without_another_response() {
    let answer = answer("end_call", r#"{"reason":"done"}"#, &testing::profile());
    assert_eq!(answer, Answer { output: r#"{"ok":true}"#.to_owned(), speak: false, effect: Some(Effect::HangUp) });
}

#[test]
fn a_call_runs_once() {
    let (mut tools, profile, now) = (Tools::default(), testing::profile(), crate::clock::now());
    assert!(tools.run(&call("a", "end_call", ""), &profile, now).is_some());
    assert!(tools.run(&call("a", "end_call", ""), &profile, now).is_none());
    assert!(tools.run(&call("b", "end_call", ""), &profile, now).is_some());
}

#[test]
fn whatever_the_model_writes_is_answered_in_words() {
    for (name, arguments) in [
        ("no_such_tool", "{}"),
        ("", ""),
        ("end_call", "{"),
        ("end_call", "[1]"),
        ("end_call", "null"),
        ("transfer_call", r#"{"reason":"sales"}"#),
        ("switch_language", "{}"),
        ("switch_language", r#"{"language":"klingon"}"#),
        ("save_answer", r#"{"key":"name"}"#),
        ("save_answer", r#"{"key":"colour","value":"red"}"#),
        ("send_dtmf", "\u{0}"),
    ] {
        let answer = answer(name, arguments, &profile());
        let output: Value = serde_json::from_str(&answer.output).expect("JSON");
        assert_eq!(output["ok"], false, "{name} {arguments}");
        assert!(output["error"].as_str().is_some_and(|error| error.len() > 10), "{name} {arguments}");
        assert!(answer.speak && answer.effect.is_none());
    }
}

#[test]
fn a_name_space_in_front_of_a_tool_is_left_out() {
    let mut profile = profile();
    let tools = ["switch_language", "end_call", "order_status"].map(|name| ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({}),
    });
    Arc::make_mut(&mut profile.model).common_mut().tools = tools.to_vec();
    let tools = Tools::default();
    for (asked, meant) in [
        ("functions.switch_language", "switch_language"),
        ("default_api.order_status", "order_status"),
        ("default_api:end_call", "end_call"),
        ("tools/order_status", "order_status"),
        ("a.b/c::order_status", "order_status"),
        ("mcp__crm__order_status", "order_status"),
        (" switch_language ", "switch_language"),
        ("functions.send_money", "functions.send_money"),
        ("functions.transfer_call", "functions.transfer_call"),
        ("switch_language.now", "switch_language.now"),
        ("", ""),
    ] {
        assert_eq!(tools.name_of(asked, &profile), meant);
    }
    let answer = answer("lookup_hours", "{}", &profile);
    assert!(answer.output.contains("switch_language, end_call, order_status"), "{}", answer.output);
}

#[test]
fn tools_that_are_called_for_ever_have_an_end() {
    let mut tools = Tools::default();
    let mut round = |number: usize, name: &str| {
        tools.round(&ToolCall { response: ResponseId::new(&number.to_string()), ..call(&number.to_string(), name, "") })
    };
    assert!((0..8).all(|number| round(number, "look") == Round::Usual));
    assert_eq!(round(8, "end_call"), Round::Usual, "an end is always heard");
    assert_eq!(round(8, "look"), Round::Speak { first: false });
    assert_eq!(round(9, "look"), Round::End);
    let mut tools = Tools::default();
    let mut last = Round::Usual;
    for number in 0..100 {
        tools.spoken();
        last = tools.round(&ToolCall { response: ResponseId::new(&number.to_string()), ..call("a", "look", "") });
        if last != Round::Usual {
            assert_eq!((number, last), (24, Round::Speak { first: true }), "fillers do not make it any better");
            break;
        }
    }
    assert_ne!(last, Round::Usual);
}

#[test]
fn a_language_is_switched_by_code_or_name() {
    for asked in ["hi", "Hindi", "HINDI"] {
        let answer = answer("switch_language", &format!(r#"{{"language":"{asked}"}}"#), &profile());
        assert_eq!(answer.effect, Some(Effect::SwitchLanguage("hi".to_owned())));
        assert!(answer.speak);
    }
}

#[test]
fn an_answer_that_does_not_fit_is_noted_and_asked_for_again() {
    let good = answer("save_answer", r#"{"key":"mail","value":"a@example.com"}"#, &profile());
    assert!(matches!(good.effect, Some(Effect::Answered { status: "captured", .. })));
    let sure = answer("save_answer", r#"{"key":"mail","value":"a@example.com","confirmed":true}"#, &profile());
    assert!(matches!(sure.effect, Some(Effect::Answered { status: "verified", .. })));
    let bad = answer("save_answer", r#"{"key":"mail","value":"a at example"}"#, &profile());
    assert!(matches!(bad.effect, Some(Effect::Answered { status: "needs_to_be_validated", .. })));
    assert!(bad.output.contains("ask the caller again"));
}

#[test]
fn what_is_remembered_is_bounded() {
    let (mut tools, profile, now) = (Tools::default(), testing::profile(), crate::clock::now());
    for number in 0..2 * MOST_REMEMBERED {
        tools.run(&call(&number.to_string(), "end_call", ""), &profile, now);
    }
    assert_eq!(tools.run.len(), MOST_REMEMBERED);
}

fn answer(name: &str, arguments: &str, profile: &CallProfile) -> Answer {
    let outcome = Tools::default().run(&call("a", name, arguments), profile, crate::clock::now());
    let Some(Outcome::Answer(answer)) = outcome else { panic!("no answer to {name}") };
    answer
}

fn profile() -> CallProfile {
    let mail = Question {
        key: "mail".to_owned(),
        label: "e-mail".to_owned(),
        kind: AnswerKind::Email,
        validation: Validation::default(),
    };
    CallProfile { languages: testing::hindi(), questions: vec![mail], ..testing::profile() }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        response: ResponseId::new("resp_1"),
        id: ToolCallId::new(id),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    }
}
