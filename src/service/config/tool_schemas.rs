//! The built-in tools as the model sees them: descriptions and argument schemas, built from an
//! agent's settings. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use switchboard_actors::profile::{AnswerKind, Question, Validation};
use switchboard_actors::tools::spec::ToolSpec;

use super::agents::{Agent, Language};
use super::directory::Transfer;
use super::tools::BuiltIn;

/// The definition of a tool for the model. `None` if the tool could do nothing for this agent:
/// there is no destination, no second language, or no carrier that sends DTMF.
pub(super) fn offer(
    tool: BuiltIn,
    agent: &Agent,
    languages: &BTreeMap<String, Language>,
    transfers: &BTreeMap<String, Transfer>,
) -> Option<ToolSpec> {
    let (description, properties) = match tool {
        BuiltIn::EndCall => {
            (END_CALL.to_owned(), json!({"reason": text("Why the call is over, in a few English words.")}))
        }
        BuiltIn::TransferCall if transfers.is_empty() => return None,
        BuiltIn::TransferCall => (
            transfers.iter().fold(TRANSFER_CALL.to_owned(), |all, (name, to)| all + &destination(name, to, languages)),
            transfer_properties(transfers),
        ),
        BuiltIn::SwitchLanguage if agent.languages.len() < 2 => return None,
        BuiltIn::SwitchLanguage => {
            let spoken =
                agent.languages.iter().map(|code| (code.as_str(), languages.get(code).map(|it| it.name.as_str())));
            let properties = json!({"language": choice("The language to go on in.", agent.languages.iter())});
            (described(SWITCH_LANGUAGE, spoken), properties)
        }
        BuiltIn::SaveAnswer if agent.questions.is_empty() => (
            SAVE_ANSWER.to_owned(),
            json!({
                "key": text("What the answer is about, in small English letters and underscores, as `callback_number`."),
                "value": text(VALUE),
                "confirmed": flag(CONFIRMED),
            }),
        ),
        BuiltIn::SaveAnswer => {
            let asked: Vec<(&str, String)> =
                agent.questions.iter().map(|question| (question.key.as_str(), asked(question))).collect();
            let keys = agent.questions.iter().map(|question| &question.key);
            let key = choice("Which question it answers.", keys);
            let properties = json!({"key": key, "value": text(VALUE), "confirmed": flag(CONFIRMED)});
            (described(SAVE_ANSWER, asked.iter().map(|(key, what)| (*key, Some(what.as_str())))), properties)
        }
        BuiltIn::HandOver if agent.hand_over.is_empty() => return None,
        BuiltIn::HandOver => {
            let others = agent.hand_over.iter();
            let what = others.map(|(name, what)| (name.as_str(), Some(what.as_str()).filter(|what| !what.is_empty())));
            let properties = json!({
                "agent": choice("Who goes on with the call.", agent.hand_over.keys()),
                "summary": text(HAND_OVER_SUMMARY),
            });
            (described(HAND_OVER, what), properties)
        }
        // The carrier would have to send DTMF, and no known carrier can.
        BuiltIn::SendDtmf => return None,
    };
    let required: Vec<&String> =
        properties.as_object().into_iter().flat_map(|all| all.keys()).filter(|key| *key != "confirmed").collect();
    let parameters = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    Some(ToolSpec { name: tool.name().to_owned(), description, parameters })
}

/// A destination for the model. If the callee has a language of their own, the model writes reason
/// and summary in it.
fn destination(name: &str, to: &Transfer, languages: &BTreeMap<String, Language>) -> String {
    let what = to.description.as_deref().map(|what| format!(": {what}")).unwrap_or_default();
    let theirs = to.destination.language.as_deref().map(|code| {
        let base = code.split('-').next().unwrap_or_default();
        let spoken = languages.get(base).map_or(code, |language| &language.name);
        format!(" (write `reason` and `summary` in {spoken})")
    });
    format!("\n- {name}{what}{}", theirs.unwrap_or_default())
}

/// The arguments of a transfer, with a summary if some callee hears one.
fn transfer_properties(transfers: &BTreeMap<String, Transfer>) -> Value {
    let mut properties = json!({
        "destination": choice("Where to send the caller.", transfers.keys()),
        "reason": text("Why, in a few English words."),
    });
    if transfers.values().any(|to| to.destination.briefing.is_some()) {
        properties["summary"] = text(SUMMARY);
    }
    properties
}

/// A question for the model, with the form of its answers.
fn asked(question: &Question) -> String {
    let Validation { choices, length } = &question.validation;
    let form = match question.kind {
        AnswerKind::Text if choices.is_empty() => String::new(),
        AnswerKind::Text => format!("one of {}", choices.join(", ")),
        AnswerKind::Number => "a number in digits, without commas".to_owned(),
        AnswerKind::Digits if length.start() == length.end() => format!("{} digits", length.start()),
        AnswerKind::Digits => "digits alone".to_owned(),
        AnswerKind::Telephone => "a telephone number in digits, with `+` before a country".to_owned(),
        AnswerKind::Email => "an e-mail address".to_owned(),
        AnswerKind::Date => "a day as YYYY-MM-DD".to_owned(),
        AnswerKind::YesNo => "yes or no".to_owned(),
    };
    if form.is_empty() { question.label.clone() } else { format!("{} ({form})", question.label) }
}

/// A description followed by the choices, one per line.
fn described<'c>(description: &str, choices: impl Iterator<Item = (&'c str, Option<&'c str>)>) -> String {
    let lines = choices.map(|(name, what)| match what {
        Some(what) => format!("\n- {name}: {what}"),
        None => format!("\n- {name}"),
    });
    lines.fold(description.to_owned(), |all, line| all + &line)
}

fn text(description: &str) -> Value {
    json!({"type": "string", "description": description})
}

fn flag(description: &str) -> Value {
    json!({"type": "boolean", "description": description})
}

fn choice<'c>(description: &str, names: impl Iterator<Item = &'c String>) -> Value {
    json!({"type": "string", "enum": names.collect::<Vec<_>>(), "description": description})
}

const END_CALL: &str = "Hangs up the phone. Call it when the caller has said goodbye, has nothing more to ask, has reached \
    a wrong number, or is a machine. First say a short goodbye in the same turn, then call it: the line stays open until \
    the goodbye has been heard. Never call it while the caller still expects an answer.";
const SUMMARY: &str = "What the person should know before they take the call, in one or two short sentences: who calls and what was said so far. It is read to them.";
const TRANSFER_CALL: &str = "Transfers the caller to a person. Call it when the caller asks for a person or needs something \
    you cannot do. First tell the caller in one sentence that you are putting them through, then call it. If it fails you \
    are told why: say so and offer another way. Never say a telephone number. Destinations:";
const SWITCH_LANGUAGE: &str = "Goes on with the call in another language. Call it when the caller asks for another language, \
    or plainly cannot go on in this one; not for a single foreign word. Speak the new language from then on. Languages:";
const SAVE_ANSWER: &str = "Writes down something the caller has told you, after you have repeated it and the caller has \
    confirmed it. Call it again to correct an earlier answer. Go on with the conversation without mentioning it.";
const HAND_OVER: &str = "Gives the call to another agent of this company, who goes on with it. Call it when the caller needs what \
    another one is for. First tell the caller in one short sentence that a colleague goes on, then call it. Agents:";
const HAND_OVER_SUMMARY: &str =
    "What the colleague should know, in one or two short sentences: who calls, and what they want.";
const CONFIRMED: &str = "true when you have repeated the answer and the caller has said that it is right.";
const VALUE: &str = "The answer as the caller confirmed it. Digits as digits, e-mail addresses in their written form.";
