//! What every protocol's model says and calls: the bundled lines, the tools behind the keys, and the
//! orders that a text contains. Pure.

use serde_json::{Map, Value, json};

use super::sound::{Format, Sound};
use super::speech::{Language, Line};

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

/// How a line is spoken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Voice<'a> {
    /// The words that are requested in place of the line's own, see [`asked_words`].
    pub(super) words: Option<&'a str>,
    /// The language.
    pub(super) language: &'static Language,
    /// The format of the audio.
    pub(super) format: Format,
}

impl Voice<'_> {
    /// Speaks a bundled line.
    pub(super) fn line(&self, line: Line) -> Saying {
        let text = self.words.unwrap_or_else(|| self.language.text(line));
        Saying::Speak { text: text.to_owned(), sound: self.language.sound(line, self.format) }
    }
}

/// Returns the calls that a user's text orders, if the session has the tools for them: by name, or
/// by a key of the keypad.
pub(super) fn called_for(text: &str, tools: &Tools<'_>, voice: Voice<'_>) -> Option<Vec<Saying>> {
    let by_key = || key_in(text).and_then(|key| pressed(key, tools, voice));
    ordered(text, tools).map(|call| vec![call]).or_else(by_key)
}

/// Returns the answer to a key, if the session has the tools for it.
fn pressed(key: char, tools: &Tools<'_>, voice: Voice<'_>) -> Option<Vec<Saying>> {
    let one = |name: &str, arguments: Value| tools.has(name).then(|| vec![call(name, arguments)]);
    match key {
        // The goodbye is spoken before the call that ends the phone call.
        '9' => {
            let end = one("end_call", json!({"reason": "caller_done"}))?;
            Some([vec![voice.line(Line::Goodbye)], end].concat())
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
            let other = tools.choices("switch_language", "language").find(|code| *code != voice.language.code);
            let hindi = tools.choices("switch_language", "language").find(|code| *code == "hi");
            one("switch_language", json!({"language": hindi.or(other).unwrap_or("hi")}))
        }
        '3' => {
            let key = tools.choices("save_answer", "key").next().unwrap_or("answer");
            one("save_answer", json!({"key": key, "value": "rehearsed"}))
        }
        '4' => {
            let agent = tools.choices("hand_over", "agent").next().unwrap_or("sales");
            one("hand_over", json!({"agent": agent, "summary": "The caller pressed 4."}))
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

/// Whether a text asks for the last words of a call.
pub(super) fn mentions_goodbye(text: &str) -> bool {
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

fn call(name: &str, arguments: Value) -> Saying {
    Saying::Call { name: name.to_owned(), arguments }
}

/// The tools that a response may call.
pub(super) struct Tools<'a> {
    declared: Vec<(&'a str, &'a Value)>,
    choice: &'a Value,
}

impl<'a> Tools<'a> {
    /// Those of a settings object with `tools` and `tool_choice`.
    pub(super) fn of(settings: &'a Value) -> Self {
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

    /// The call that the choice of tools demands.
    pub(super) fn forced(&self) -> Option<Saying> {
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
