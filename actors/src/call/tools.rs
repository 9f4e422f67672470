//! The tools that the model may call, and their results. Pure.
//!
//! A tool call is outside input: the model chooses its name, arguments and frequency. Every call
//! gets an answer, in words that the model can pass on to the caller. Each call runs at most once.
//! Built-in tools are answered here. The shell calls an operator's tool, and its answer comes back
//! as an event.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::ids::{ResponseId, ToolCallId};
use crate::profile::CallProfile;
use crate::realtime::report::ToolCall;
use crate::tools::plan::{ToolPlan, failure};

/// One call's tools.
#[derive(Debug, Default)]
pub(super) struct Tools {
    /// The calls that have run, the newest last.
    run: VecDeque<ToolCallId>,
    /// Operators' tools whose answer is awaited.
    asked: Vec<Asked>,
    rounds: Rounds,
}

/// Responses that called tools.
#[derive(Debug, Default)]
struct Rounds {
    /// The last such response.
    last: Option<ResponseId>,
    /// Their number since the model last spoke.
    wordless: u32,
    /// Their number since the caller last spoke.
    of_turn: u32,
}

/// What happens to the calls of one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// The calls run.
    Usual,
    /// The calls do not run: the model has to speak first.
    Speak {
        /// Whether it is the first such call.
        first: bool,
    },
    /// The model was asked to speak and still only calls tools.
    End,
}

#[derive(Debug)]
struct Asked {
    call: ToolCall,
    /// When the caller is asked to wait; `None` once they were.
    filler_due: Option<Instant>,
}

/// What a tool call needs.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The call has an answer at once.
    Answer(Answer),
    /// The shell calls an operator's tool.
    Ask {
        /// The tool.
        plan: Arc<ToolPlan>,
        /// The arguments, which fit its schema.
        arguments: Map<String, Value>,
    },
}

/// The result for the model, and the effect on the call.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    /// The result: a short JSON object.
    pub(super) output: String,
    /// Whether the model speaks on it.
    pub(super) speak: bool,
    /// The effect on the call.
    pub(super) effect: Option<Effect>,
}

/// The effect of a tool on the call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Hang up after the current speech was heard.
    HangUp,
    /// Transfer the caller, if that is permitted; the tool is answered once the result is known.
    Transfer {
        /// The destination's name.
        destination: String,
        /// The reason.
        reason: String,
        /// A summary of the call so far, for the callee.
        summary: String,
    },
    /// Continue in this language of the profile.
    SwitchLanguage(String),
    /// Give the call to another agent; the tool is answered to that one.
    HandOver {
        /// The agent's name.
        agent: String,
        /// What it should know.
        summary: String,
    },
    /// Save an answer of the caller.
    Answered {
        /// The question's key.
        key: String,
        /// The answer.
        value: Value,
        /// `captured`, `verified` if the caller has confirmed it, or `needs_to_be_validated` if it
        /// does not fit its question.
        status: &'static str,
    },
}

impl Tools {
    /// Runs a tool; `None` if this tool call has run already.
    pub(super) fn run(&mut self, call: &ToolCall, profile: &CallProfile, now: Instant) -> Option<Outcome> {
        if self.run.contains(&call.id) {
            return None;
        }
        if self.run.len() == MOST_REMEMBERED {
            self.run.pop_front();
        }
        self.run.push_back(call.id.clone());
        let outcome = match profile.tools.get(&call.name) {
            Some(plan) => self.ask(call, plan, now),
            None => built_in(&call.name, &call.arguments, profile).map(Outcome::Answer),
        };
        Some(
            outcome.unwrap_or_else(|problem| {
                Outcome::Answer(Answer { output: failure(&problem), speak: true, effect: None })
            }),
        )
    }

    /// Counts the response of `call`. Calls that end or transfer the call always run.
    pub(super) fn round(&mut self, call: &ToolCall) -> Round {
        let rounds = &mut self.rounds;
        let first = rounds.last.as_ref() != Some(&call.response);
        if first {
            rounds.last = Some(call.response.clone());
            rounds.wordless += 1;
            rounds.of_turn += 1;
        }
        let over = rounds.wordless.saturating_sub(MOST_WORDLESS).max(rounds.of_turn.saturating_sub(MOST_OF_A_TURN));
        match over {
            _ if matches!(&*call.name, "end_call" | "transfer_call" | "hand_over") => Round::Usual,
            0 => Round::Usual,
            1 => Round::Speak { first },
            _ => Round::End,
        }
    }

    /// The model has spoken.
    pub(super) fn spoken(&mut self) {
        self.rounds.wordless = 0;
    }

    /// The caller has spoken.
    pub(super) fn turn_anew(&mut self) {
        self.rounds = Rounds::default();
    }

    /// Returns the tool that `name` means. Models add name spaces, such as `functions.`,
    /// `default_api:` and `tools/`. If the whole name is no tool of this agent and the last part
    /// is, that tool is meant.
    pub(super) fn name_of<'a>(&self, name: &'a str, profile: &CallProfile) -> &'a str {
        let name = name.trim();
        let offered = offered(profile);
        let is_tool = |name: &str| profile.tools.contains_key(name) || offered.contains(&name);
        if is_tool(name) {
            return name;
        }
        let behind_sign = name.rsplit(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_' && sign != '-').next();
        let behind_lines = name.rsplit("__").next();
        [behind_sign, behind_lines].into_iter().flatten().find(|part| is_tool(part)).unwrap_or(name)
    }

    fn ask(&mut self, call: &ToolCall, plan: &Arc<ToolPlan>, now: Instant) -> Result<Outcome, String> {
        if self.asked.len() >= MOST_ASKED {
            return Err("too many tools are being asked at once; wait for their answers".to_owned());
        }
        let arguments = plan.arguments(&call.arguments)?;
        self.asked.push(Asked { call: call.clone(), filler_due: Some(now + FILLED_AFTER) });
        Ok(Outcome::Ask { plan: Arc::clone(plan), arguments })
    }

    /// An operator's tool has answered. Returns its tool call, unless the call no longer waits for
    /// it.
    pub(super) fn answered(&mut self, id: &ToolCallId) -> Option<ToolCall> {
        let place = self.asked.iter().position(|asked| asked.call.id == *id)?;
        Some(self.asked.swap_remove(place).call)
    }

    /// Whether an operator's tool is awaited.
    pub(super) fn are_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// When the agent asks the caller to wait for a tool.
    pub(super) fn filler_due(&self) -> Option<Instant> {
        self.asked.iter().filter_map(|asked| asked.filler_due).min()
    }

    /// Whether to ask the caller to wait now; once per tool.
    pub(super) fn fill(&mut self, now: Instant) -> bool {
        let due = self.asked.iter_mut().filter_map(|asked| asked.filler_due.take_if(|due| *due <= now));
        due.count() > 0
    }
}

/// Whether the model is offered a tool of this name.
pub(super) fn is_known(name: &str, profile: &CallProfile) -> bool {
    profile.tools.contains_key(name) || offered(profile).contains(&name)
}

/// The names of the tools that the model is offered.
fn offered(profile: &CallProfile) -> Vec<&str> {
    profile.model.common.tools.iter().map(|tool| tool.name.as_str()).collect()
}

fn built_in(name: &str, arguments: &str, profile: &CallProfile) -> Result<Answer, String> {
    let arguments = read(arguments)?;
    match name {
        "end_call" => Ok(done(&json!({"ok": true}), false, Effect::HangUp)),
        "switch_language" => switch_language(&arguments, profile),
        "save_answer" => save_answer(&arguments, profile),
        "transfer_call" => transfer_call(&arguments),
        "hand_over" => hand_over(&arguments, profile),
        "send_dtmf" => Err("keys cannot be sent on this line".to_owned()),
        _ => Err(match offered(profile) {
            names if names.is_empty() => "there is no such tool; no tools are configured".to_owned(),
            names => format!("there is no such tool; the tools are: {}", names.join(", ")),
        }),
    }
}

/// The destination must be in the table; the reason is free text.
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

/// The agent must be one to which this one may give the call.
fn hand_over(arguments: &Map<String, Value>, profile: &CallProfile) -> Result<Answer, String> {
    let agent = text(arguments, "agent")?;
    if !profile.hand_over.contains(&agent) {
        return Err(format!(
            "the call cannot be given to that agent; the agents are: {}",
            profile.hand_over.join(", ")
        ));
    }
    let summary = arguments.get("summary").and_then(Value::as_str).unwrap_or_default();
    let summary = summary.chars().take(LONGEST_SUMMARY).collect();
    Ok(Answer { output: String::new(), speak: false, effect: Some(Effect::HandOver { agent, summary }) })
}

/// Accepts the code or the English name.
fn switch_language(arguments: &Map<String, Value>, profile: &CallProfile) -> Result<Answer, String> {
    let asked = text(arguments, "language")?;
    let known = profile
        .languages
        .iter()
        .find(|(code, language)| code.eq_ignore_ascii_case(&asked) || language.name.eq_ignore_ascii_case(&asked));
    let Some((code, language)) = known else {
        let codes: Vec<&str> = profile.languages.keys().map(String::as_str).collect();
        return Err(format!("this agent does not speak that language; it speaks: {}", codes.join(", ")));
    };
    let output =
        json!({"ok": true, "language": language.name, "note": format!("Go on in {} from now on.", language.name)});
    Ok(done(&output, true, Effect::SwitchLanguage(code.clone())))
}

fn save_answer(arguments: &Map<String, Value>, profile: &CallProfile) -> Result<Answer, String> {
    let key = text(arguments, "key")?;
    let value = match arguments.get("value") {
        Some(Value::String(words)) => words.trim().to_owned(),
        Some(number @ (Value::Number(_) | Value::Bool(_))) => number.to_string(),
        _ => return Err("`value` is missing or is no text".to_owned()),
    };
    if key.len() > LONGEST_KEY || value.len() > LONGEST_ANSWER {
        return Err("the key or the value is too long".to_owned());
    }
    let question = profile.questions.iter().find(|question| question.key == key);
    if question.is_none() && !profile.questions.is_empty() {
        let keys: Vec<&str> = profile.questions.iter().map(|question| question.key.as_str()).collect();
        return Err(format!("there is no such question; the keys are: {}", keys.join(", ")));
    }
    let (value, status, output) = match question.map_or(Ok(value.clone()), |question| question.accept(&value)) {
        Ok(written) => {
            let confirmed = arguments.get("confirmed").and_then(Value::as_bool).unwrap_or_default();
            (written, if confirmed { "verified" } else { "captured" }, json!({"ok": true}).to_string())
        }
        // The value is kept as it was said: it helps the reader of the record.
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

/// Parses the model's arguments; an empty text is an empty object.
fn read(arguments: &str) -> Result<Map<String, Value>, String> {
    if arguments.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(arguments).map_err(|error| format!("the arguments are not a JSON object: {error}"))
}

/// Most remembered calls. The RealtimeLlm already reports each call once; this is a second
/// safeguard.
const MOST_REMEMBERED: usize = 256;
/// Most responses in a row that call tools without speech. A look-up that leads to another takes
/// two or three; more is a loop, which costs money until the call ends.
const MOST_WORDLESS: u32 = 8;
/// Most responses that call tools until the caller speaks, whatever is said in between. Fillers
/// count as speech too.
const MOST_OF_A_TURN: u32 = 24;
/// Most operators' tools at once. A model asks for two or three; more is an error of the model.
const MOST_ASKED: usize = 8;
/// The wait for a tool before the caller is asked to wait. Shorter would speak for nothing; longer
/// would be dead air.
const FILLED_AFTER: Duration = Duration::from_millis(800);
/// Most characters of a transfer's reason.
const LONGEST_REASON: usize = 200;
/// Most characters of a transfer's summary: half a minute of speech. More would make the caller
/// wait while it is read out.
const LONGEST_SUMMARY: usize = 400;
/// Most bytes of an answer's key.
const LONGEST_KEY: usize = 128;
/// Most bytes of an answer.
const LONGEST_ANSWER: usize = 4096;

#[cfg(test)]
mod tests;
