//! The tools that the model may call, and what it is told of each call. Pure.
//!
//! A tool call is outside input: its name, its arguments and its frequency are the model's. Every call is answered, in words
//! that the model can pass on to the caller; each runs at most once. Built-in tools are answered here; an operator's tool is asked by
//! the shell, and its answer comes back as an event.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::brief::Brief;
use super::messages::ToolCall;
use crate::ids::ToolCallId;
use crate::tools::plan::{ToolPlan, failure};

/// One call's tools.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// The calls that have been run, the newest last.
    run: VecDeque<ToolCallId>,
    /// Operators' tools that have been asked and have not answered.
    asked: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    call: ToolCall,
    since: Instant,
    /// The caller was told to wait.
    filled: bool,
}

/// What comes of a tool call.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is answered at once.
    Answer(Answer),
    /// The shell asks an operator's tool.
    Ask {
        /// The tool.
        plan: Arc<ToolPlan>,
        /// The arguments, which fit its schema.
        arguments: Map<String, Value>,
    },
}

/// What the model is told, and what the call does besides.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    /// What the model is told: a short JSON object.
    pub(super) output: String,
    /// Whether it is to speak on it.
    pub(super) speak: bool,
    /// What the call does besides.
    pub(super) effect: Option<Effect>,
}

/// What a tool does to the call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Hang up once what is being said has been heard.
    HangUp,
    /// Send the caller to a destination, should that be permitted; the call answers the tool once it knows.
    Transfer {
        /// Where to, by name.
        destination: String,
        /// Why.
        reason: String,
        /// What the call was about so far, for the person who takes it.
        summary: String,
    },
    /// Go on in this language of the brief.
    SwitchLanguage(String),
    /// Note an answer of the caller.
    Answered {
        /// The question's key.
        key: String,
        /// What was answered.
        value: Value,
        /// `captured`, `verified` where the caller has confirmed it, or `needs_to_be_validated` where it does not fit its question.
        status: &'static str,
    },
}

impl Tools {
    /// Runs a tool; `None` when this call of it has been run already.
    pub(super) fn run(&mut self, call: &ToolCall, brief: &Brief, now: Instant) -> Option<Outcome> {
        if self.run.contains(&call.id) {
            return None;
        }
        if self.run.len() == MOST_REMEMBERED {
            self.run.pop_front();
        }
        self.run.push_back(call.id.clone());
        let outcome = match brief.tools.get(&call.name) {
            Some(plan) => self.ask(call, plan, now),
            None => built_in(&call.name, &call.arguments, brief).map(Outcome::Answer),
        };
        Some(
            outcome.unwrap_or_else(|problem| {
                Outcome::Answer(Answer { output: failure(&problem), speak: true, effect: None })
            }),
        )
    }

    fn ask(&mut self, call: &ToolCall, plan: &Arc<ToolPlan>, now: Instant) -> Result<Outcome, String> {
        if self.asked.len() >= MOST_ASKED {
            return Err("too many tools are being asked at once; wait for their answers".to_owned());
        }
        let arguments = plan.arguments(&call.arguments)?;
        self.asked.push(Asked { call: call.clone(), since: now, filled: false });
        Ok(Outcome::Ask { plan: Arc::clone(plan), arguments })
    }

    /// An operator's tool has answered; the call it answers, unless nobody waits for it.
    pub(super) fn answered(&mut self, id: &ToolCallId) -> Option<ToolCall> {
        let place = self.asked.iter().position(|asked| asked.call.id == *id)?;
        Some(self.asked.swap_remove(place).call)
    }

    /// Whether an operator's tool is being waited for.
    pub(super) fn are_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// When the caller has waited long enough for a tool to be told so.
    pub(super) fn filler_due(&self) -> Option<Instant> {
        self.asked.iter().filter(|asked| !asked.filled).map(|asked| asked.since + FILLED_AFTER).min()
    }

    /// Whether the caller is to be told to wait now; once per tool.
    pub(super) fn fill(&mut self, now: Instant) -> bool {
        let mut due = false;
        for asked in self.asked.iter_mut().filter(|asked| !asked.filled && asked.since + FILLED_AFTER <= now) {
            asked.filled = true;
            due = true;
        }
        due
    }
}

fn built_in(name: &str, arguments: &str, brief: &Brief) -> Result<Answer, String> {
    let arguments = read(arguments)?;
    match name {
        "end_call" => Ok(done(&json!({"ok": true}), false, Effect::HangUp)),
        "switch_language" => switch_language(&arguments, brief),
        "save_answer" => save_answer(&arguments, brief),
        "transfer_call" => transfer_call(&arguments),
        "send_dtmf" => Err("keys cannot be sent on this line".to_owned()),
        _ => Err("there is no such tool".to_owned()),
    }
}

/// Only a name that is in the table leads anywhere; any reason will do.
fn transfer_call(arguments: &Map<String, Value>) -> Result<Answer, String> {
    let destination = text(arguments, "destination")?;
    let words = |key, most| {
        let words = arguments.get(key).and_then(Value::as_str).unwrap_or_default();
        words.chars().take(most).collect()
    };
    let (reason, summary) = (words("reason", LONGEST_REASON), words("summary", LONGEST_SUMMARY));
    let effect = Effect::Transfer { destination, reason, summary };
    Ok(Answer { output: String::new(), speak: false, effect: Some(effect) })
}

/// Takes the code or the English name.
fn switch_language(arguments: &Map<String, Value>, brief: &Brief) -> Result<Answer, String> {
    let asked = text(arguments, "language")?;
    let known = brief
        .languages
        .iter()
        .find(|(code, language)| code.eq_ignore_ascii_case(&asked) || language.name.eq_ignore_ascii_case(&asked));
    let Some((code, language)) = known else {
        let codes: Vec<&str> = brief.languages.keys().map(String::as_str).collect();
        return Err(format!("this agent does not speak that language; it speaks: {}", codes.join(", ")));
    };
    let output =
        json!({"ok": true, "language": language.name, "note": format!("Go on in {} from now on.", language.name)});
    Ok(done(&output, true, Effect::SwitchLanguage(code.clone())))
}

fn save_answer(arguments: &Map<String, Value>, brief: &Brief) -> Result<Answer, String> {
    let key = text(arguments, "key")?;
    let value = match arguments.get("value") {
        Some(Value::String(words)) => words.trim().to_owned(),
        Some(number @ (Value::Number(_) | Value::Bool(_))) => number.to_string(),
        _ => return Err("`value` is missing or is no text".to_owned()),
    };
    if key.len() > LONGEST_KEY || value.len() > LONGEST_ANSWER {
        return Err("the key or the value is too long".to_owned());
    }
    let question = brief.questions.iter().find(|question| question.key == key);
    if question.is_none() && !brief.questions.is_empty() {
        let keys: Vec<&str> = brief.questions.iter().map(|question| question.key.as_str()).collect();
        return Err(format!("there is no such question; the keys are: {}", keys.join(", ")));
    }
    let (value, status, output) = match question.map_or(Ok(value.clone()), |question| question.accept(&value)) {
        Ok(written) => {
            let confirmed = arguments.get("confirmed").and_then(Value::as_bool).unwrap_or_default();
            (written, if confirmed { "verified" } else { "captured" }, json!({"ok": true}).to_string())
        }
        // Kept as it was said: better than nothing for whoever reads the record.
        Err(problem) => (value, "needs_to_be_validated", failure(&format!("{problem}; ask the caller again"))),
    };
    Ok(Answer { output, speak: true, effect: Some(Effect::Answered { key, value: Value::String(value), status }) })
}

fn done(output: &Value, speak: bool, effect: Effect) -> Answer {
    Answer { output: output.to_string(), speak, effect: Some(effect) }
}

fn text(arguments: &Map<String, Value>, name: &str) -> Result<String, String> {
    let value = arguments.get(name).and_then(Value::as_str).map(str::trim).filter(|value| !value.is_empty());
    value.map(str::to_owned).ok_or_else(|| format!("`{name}` is missing or is no text"))
}

/// Arguments as the model wrote them; none at all is an empty object.
fn read(arguments: &str) -> Result<Map<String, Value>, String> {
    if arguments.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(arguments).map_err(|error| format!("the arguments are not a JSON object: {error}"))
}

/// Calls that are remembered. The RealtimeLlm reports each call once already; this is the second lock.
const MOST_REMEMBERED: usize = 256;
/// Operators' tools asked at once. A model asks two or three; more is one gone wrong.
const MOST_ASKED: usize = 8;
/// The wait for a tool after which the caller is told to wait. Shorter: a word for nothing. Longer: dead air.
const FILLED_AFTER: Duration = Duration::from_millis(800);
/// Characters of a transfer's reason.
const LONGEST_REASON: usize = 200;
/// Characters of a transfer's summary: half a minute of speech. More: the caller waits while it is read out.
const LONGEST_SUMMARY: usize = 400;
/// Bytes of an answer's key.
const LONGEST_KEY: usize = 128;
/// Bytes of an answer.
const LONGEST_ANSWER: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::brief::{AnswerKind, Greeting, LanguageBrief, Question, Validation};
    use crate::call::testing;
    use crate::ids::ResponseId;

    #[test]
    fn end_call_hangs_up_without_another_response() {
        let answer = answer("end_call", r#"{"reason":"done"}"#, &testing::brief());
        assert_eq!(answer, Answer { output: r#"{"ok":true}"#.to_owned(), speak: false, effect: Some(Effect::HangUp) });
    }

    #[test]
    fn a_call_runs_once() {
        let (mut tools, brief, now) = (Tools::default(), testing::brief(), crate::clock::now());
        assert!(tools.run(&call("a", "end_call", ""), &brief, now).is_some());
        assert!(tools.run(&call("a", "end_call", ""), &brief, now).is_none());
        assert!(tools.run(&call("b", "end_call", ""), &brief, now).is_some());
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
            let answer = answer(name, arguments, &brief());
            let output: Value = serde_json::from_str(&answer.output).expect("JSON");
            assert_eq!(output["ok"], false, "{name} {arguments}");
            assert!(output["error"].as_str().is_some_and(|error| error.len() > 10), "{name} {arguments}");
            assert!(answer.speak && answer.effect.is_none());
        }
    }

    #[test]
    fn a_language_is_switched_by_code_or_name() {
        for asked in ["hi", "Hindi", "HINDI"] {
            let answer = answer("switch_language", &format!(r#"{{"language":"{asked}"}}"#), &brief());
            assert_eq!(answer.effect, Some(Effect::SwitchLanguage("hi".to_owned())));
            assert!(answer.speak);
        }
    }

    #[test]
    fn an_answer_that_does_not_fit_is_noted_and_asked_for_again() {
        let good = answer("save_answer", r#"{"key":"mail","value":"a@example.com"}"#, &brief());
        assert!(matches!(good.effect, Some(Effect::Answered { status: "captured", .. })));
        let sure = answer("save_answer", r#"{"key":"mail","value":"a@example.com","confirmed":true}"#, &brief());
        assert!(matches!(sure.effect, Some(Effect::Answered { status: "verified", .. })));
        let bad = answer("save_answer", r#"{"key":"mail","value":"a at example"}"#, &brief());
        assert!(matches!(bad.effect, Some(Effect::Answered { status: "needs_to_be_validated", .. })));
        assert!(bad.output.contains("ask the caller again"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut tools, brief, now) = (Tools::default(), testing::brief(), crate::clock::now());
        for number in 0..2 * MOST_REMEMBERED {
            tools.run(&call(&number.to_string(), "end_call", ""), &brief, now);
        }
        assert_eq!(tools.run.len(), MOST_REMEMBERED);
    }

    fn answer(name: &str, arguments: &str, brief: &Brief) -> Answer {
        let outcome = Tools::default().run(&call("a", name, arguments), brief, crate::clock::now());
        let Some(Outcome::Answer(answer)) = outcome else { panic!("no answer to {name}") };
        answer
    }

    fn brief() -> Brief {
        let hindi = LanguageBrief {
            name: "Hindi".to_owned(),
            instructions: "Speak Hindi.".to_owned(),
            voice: "marin".to_owned(),
            transcription: None,
            greeting: Greeting::None,
            idle_prompts: vec!["…".to_owned()],
            goodbye: "…".to_owned(),
            apology: "…".to_owned(),
            apology_sound: None,
            filler_sound: None,
            filler: "…".to_owned(),
        };
        let mail = Question {
            key: "mail".to_owned(),
            label: "e-mail".to_owned(),
            kind: AnswerKind::Email,
            validation: Validation::default(),
        };
        Brief { languages: Arc::new([("hi".to_owned(), hindi)].into()), questions: vec![mail], ..testing::brief() }
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
