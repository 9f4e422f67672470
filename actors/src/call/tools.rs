//! The tools that the model may call, and what it is told of each call. Pure.
//!
//! A tool call is outside input: its name, its arguments and its frequency are the model's. Every call is answered, in words
//! that the model can pass on to the caller; each runs at most once.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::messages::ToolCall;
use crate::ids::ToolCallId;

/// One call's tools.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// The calls that have been answered, the newest last.
    answered: VecDeque<ToolCallId>,
}

/// What comes of a tool call.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What the model is told: a short JSON object.
    pub(super) output: String,
    /// Whether it is to speak on it.
    pub(super) speak: bool,
    /// What the call does besides.
    pub(super) effect: Option<Effect>,
}

/// What a tool does to the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Hang up once what is being said has been heard.
    HangUp,
}

impl Tools {
    /// Runs a tool; `None` when this call of it has been answered already.
    pub(super) fn run(&mut self, call: &ToolCall) -> Option<Outcome> {
        if self.answered.contains(&call.id) {
            return None;
        }
        if self.answered.len() == MOST_REMEMBERED {
            self.answered.pop_front();
        }
        self.answered.push_back(call.id.clone());
        Some(run(&call.name, &call.arguments).unwrap_or_else(|problem| Outcome {
            output: json!({"ok": false, "error": problem}).to_string(),
            speak: true,
            effect: None,
        }))
    }
}

fn run(name: &str, arguments: &str) -> Result<Outcome, String> {
    let (_, tool) = TABLE.iter().find(|(known, _)| *known == name).ok_or("there is no such tool")?;
    tool(&read(arguments)?)
}

/// Arguments as the model wrote them; none at all is an empty object.
fn read(arguments: &str) -> Result<Map<String, Value>, String> {
    if arguments.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(arguments).map_err(|error| format!("the arguments are not a JSON object: {error}"))
}

type Tool = fn(&Map<String, Value>) -> Result<Outcome, String>;

/// The built-in tools.
const TABLE: [(&str, Tool); 5] = [
    ("end_call", |_| {
        Ok(Outcome { output: json!({"ok": true}).to_string(), speak: false, effect: Some(Effect::HangUp) })
    }),
    ("transfer_call", |_| Err("this call cannot be transferred".to_owned())),
    ("switch_language", |_| Err("the language of this call cannot be switched".to_owned())),
    ("save_answer", |_| Err("answers are not saved in this call".to_owned())),
    ("send_dtmf", |_| Err("keys cannot be sent on this line".to_owned())),
];

/// Answered calls that are remembered. The RealtimeLlm reports each call once already; this is the second lock.
const MOST_REMEMBERED: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ResponseId;

    #[test]
    fn end_call_hangs_up_without_another_response() {
        let outcome = Tools::default().run(&call("a", "end_call", r#"{"reason":"done"}"#)).expect("the first time");
        assert_eq!(
            outcome,
            Outcome { output: r#"{"ok":true}"#.to_owned(), speak: false, effect: Some(Effect::HangUp) }
        );
    }

    #[test]
    fn a_call_runs_once() {
        let mut tools = Tools::default();
        assert!(tools.run(&call("a", "end_call", "")).is_some());
        assert_eq!(tools.run(&call("a", "end_call", "")), None);
        assert!(tools.run(&call("b", "end_call", "")).is_some());
    }

    #[test]
    fn whatever_the_model_writes_is_answered_in_words() {
        for (name, arguments) in [
            ("no_such_tool", "{}"),
            ("", ""),
            ("end_call", "{"),
            ("end_call", "[1]"),
            ("end_call", "null"),
            ("transfer_call", r#"{"destination":"sales"}"#),
            ("send_dtmf", "\u{0}"),
        ] {
            let outcome = Tools::default().run(&call("a", name, arguments)).expect("the first time");
            let output: Value = serde_json::from_str(&outcome.output).expect("JSON");
            assert_eq!(output["ok"], false, "{name} {arguments}");
            assert!(output["error"].as_str().is_some_and(|error| error.len() > 10), "{name} {arguments}");
            assert!(outcome.speak && outcome.effect.is_none());
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut tools = Tools::default();
        for number in 0..2 * MOST_REMEMBERED {
            tools.run(&call(&number.to_string(), "end_call", ""));
        }
        assert_eq!(tools.answered.len(), MOST_REMEMBERED);
    }

    fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
        ToolCall {
            response: ResponseId::new("resp_1"),
            id: ToolCallId::new(id),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }
    }
}
