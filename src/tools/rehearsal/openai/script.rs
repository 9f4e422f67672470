//! Decides what the rehearsal model says. Pure.
//!
//! | situation when a response is requested | answer |
//! |---|---|
//! | a `tool_choice` that names or requires a tool | a call of that tool |
//! | a user text "call tool NAME with {json}" | that call |
//! | a user text "… pressed 9 …" (9, 1, 2, 3, 5) | the key's calls, see [`pressed`] |
//! | mention of a goodbye in this response's instructions or metadata | the goodbye line |
//! | a turn of the caller that was not answered | the caller's own words |
//! | nothing said yet | the greeting |
//! | anything else: tool results, notices, texts | "Alright." |
//!
//! If the response's instructions contain words to be said, the text of the answer is these words,
//! as with a real model. The audio is that of the bundled line, because nothing is synthesised
//! here.

use serde_json::{Map, Value, json};

use super::item::{Body, Item};
use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::{Language, Line};

/// One part of an answer.
#[derive(Debug, Clone)]
pub(super) enum Saying {
    /// Spoken words.
    Speak {
        /// The words.
        text: String,
        /// The audio, in the format of the response.
        sound: Sound,
    },
    /// A function call.
    Call {
        /// The function's name.
        name: String,
        /// The arguments.
        arguments: Value,
    },
}

/// The inputs of an answer.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// The effective settings of the response.
    pub(super) settings: &'a Value,
    /// The additions of the response's own instructions to those of the session, and its metadata.
    pub(super) extra: String,
    /// The words that the response's instructions request, see [`asked_words`].
    pub(super) words: Option<&'a str>,
    /// The items that no response has answered yet, oldest first.
    pub(super) fresh: Vec<&'a Item>,
    /// Whether the model has said anything in this conversation.
    pub(super) spoken_before: bool,
    /// The language.
    pub(super) language: &'static Language,
    /// The format of the answer.
    pub(super) format: Format,
}

/// Returns the answer to a request.
pub(super) fn answer(ask: &Ask<'_>) -> Vec<Saying> {
    let tools = Tools::of(ask.settings);
    if let Some(forced) = tools.forced() {
        return vec![forced];
    }
    let newest = ask.fresh.iter().rev().find(|item| matches!(item.body, Body::Message { role: "user", .. }));
    if let Some(item) = newest {
        let text = item.text();
        if let Some(call) = ordered(&text, &tools) {
            return vec![call];
        }
        if let Some(sayings) = key_in(&text).and_then(|key| pressed(key, &tools, ask)) {
            return sayings;
        }
    }
    if mentions_goodbye(&ask.extra) {
        return vec![line(Line::Goodbye, ask)];
    }
    if let Some(sound) = newest.and_then(|item| item.sound()) {
        let own_words = sound.trimmed().in_format(ask.format);
        return vec![Saying::Speak { text: ask.language.repeated(own_words.ms()), sound: own_words }];
    }
    vec![line(if ask.spoken_before { Line::Alright } else { Line::Greeting }, ask)]
}

/// Returns the answer to a key, if the session has the tools for it.
fn pressed(key: char, tools: &Tools<'_>, ask: &Ask<'_>) -> Option<Vec<Saying>> {
    let one = |name: &str, arguments: Value| tools.has(name).then(|| vec![call(name, arguments)]);
    match key {
        // The goodbye is spoken before the call that ends the phone call.
        '9' => {
            let end = one("end_call", json!({"reason": "caller_done"}))?;
            Some([vec![line(Line::Goodbye, ask)], end].concat())
        }
        '1' => {
            let destination = tools.choices("transfer_call", "destination").next().unwrap_or("sales");
            let mut arguments = json!({"destination": destination, "reason": "customer_request"});
            if tools.parameters("transfer_call").is_some_and(|schema| !schema["properties"]["summary"].is_null()) {
                arguments["summary"] = "The caller pressed 1.".into();
            }
            one("transfer_call", arguments)
        }
        '2' => {
            let other = tools.choices("switch_language", "language").find(|code| *code != ask.language.code);
            let hindi = tools.choices("switch_language", "language").find(|code| *code == "hi");
            one("switch_language", json!({"language": hindi.or(other).unwrap_or("hi")}))
        }
        '3' => {
            let key = tools.choices("save_answer", "key").next().unwrap_or("answer");
            one("save_answer", json!({"key": key, "value": "rehearsed"}))
        }
        // Two calls in one response. Tools that end the phone call are used only if there are no
        // others.
        '5' => {
            let (ending, harmless): (Vec<_>, Vec<_>) =
                tools.names().partition(|name| matches!(*name, "end_call" | "transfer_call"));
            let names: Vec<_> = if harmless.is_empty() { ending } else { harmless };
            let calls: Vec<_> =
                names.iter().cycle().take(2).map(|name| call(name, tools.sample_arguments(name))).collect();
            (!calls.is_empty()).then_some(calls)
        }
        _ => None,
    }
}

/// "call tool NAME with {json}": an explicit order, for tests. The session must have declared the
/// tool.
fn ordered(text: &str, tools: &Tools<'_>) -> Option<Saying> {
    let (_, order) = text.split_once("call tool ")?;
    let (name, arguments) = order.split_once(" with ").unwrap_or((order, "{}"));
    let name = name.trim().trim_end_matches('.');
    let mut values = serde_json::Deserializer::from_str(arguments).into_iter::<Value>();
    let arguments = values.next()?.ok()?;
    tools.has(name).then(|| call(name, arguments))
}

/// The single key in a text such as "The caller pressed 9 on the keypad."
fn key_in(text: &str) -> Option<char> {
    let (_, after) = text.split_once("pressed")?;
    let from = after.find(|c: char| c.is_ascii_digit() || matches!(c, '*' | '#'))?;
    let mut keys = after[from..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
    let key = keys.next()?;
    keys.next().is_none().then_some(key)
}

fn mentions_goodbye(text: &str) -> bool {
    let text = text.to_lowercase();
    ["goodbye", "good-bye", "good bye", "farewell", "hang up", "end the call", "ending the call", "end this call"]
        .iter()
        .any(|word| text.contains(word))
}

/// The words that instructions request, in the style of the service's own: the text in “…” after
/// "exactly these words", or everything after "add nothing:".
pub(super) fn asked_words(instructions: &str) -> Option<&str> {
    let quoted = || {
        let (_, after) = instructions.split_once("exactly these words")?;
        let (words, _) = after.split_once('“')?.1.rsplit_once('”')?;
        Some(words)
    };
    let listed = || Some(instructions.split_once("add nothing:")?.1);
    quoted().or_else(listed).map(str::trim).filter(|words| !words.is_empty())
}

fn line(line: Line, ask: &Ask<'_>) -> Saying {
    let text = ask.words.unwrap_or_else(|| ask.language.text(line));
    Saying::Speak { text: text.to_owned(), sound: ask.language.sound(line, ask.format) }
}

fn call(name: &str, arguments: Value) -> Saying {
    Saying::Call { name: name.to_owned(), arguments }
}

/// The tools that a response may call.
struct Tools<'a> {
    declared: Vec<(&'a str, &'a Value)>,
    choice: &'a Value,
}

impl<'a> Tools<'a> {
    fn of(settings: &'a Value) -> Self {
        let choice = &settings["tool_choice"];
        let declared = settings["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|_| choice != "none")
            .filter_map(|tool| Some((tool["name"].as_str()?, &tool["parameters"])))
            .collect();
        Self { declared, choice }
    }

    fn forced(&self) -> Option<Saying> {
        let name = match self.choice["name"].as_str() {
            Some(name) => self.names().find(|declared| *declared == name)?,
            None if self.choice == "required" => self.names().next()?,
            None => return None,
        };
        Some(call(name, self.sample_arguments(name)))
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.declared.iter().map(|(name, _)| *name)
    }

    fn has(&self, name: &str) -> bool {
        self.names().any(|declared| declared == name)
    }

    fn parameters(&self, name: &str) -> Option<&'a Value> {
        self.declared.iter().find(|(declared, _)| *declared == name).map(|(_, parameters)| *parameters)
    }

    /// The values that a tool's schema allows for one of its parameters.
    fn choices(&self, name: &str, parameter: &str) -> impl Iterator<Item = &'a str> {
        let choices = self.parameters(name).and_then(|schema| schema["properties"][parameter]["enum"].as_array());
        choices.into_iter().flatten().filter_map(Value::as_str)
    }

    /// Sample arguments that a tool's schema accepts.
    fn sample_arguments(&self, name: &str) -> Value {
        let empty = Map::new();
        let schema = self.parameters(name);
        let properties = schema.and_then(|schema| schema["properties"].as_object()).unwrap_or(&empty);
        Value::Object(properties.iter().map(|(key, schema)| (key.clone(), sample(schema))).collect())
    }
}

fn sample(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => json!("rehearsed"),
    }
}

#[cfg(test)]
mod tests;
