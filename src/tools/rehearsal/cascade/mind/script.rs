//! What the scripted model answers. Pure.
//!
//! | messages since the last answer | answer |
//! |---|---|
//! | a `tool_choice` that names or requires a tool | a call of that tool |
//! | a text "call tool NAME with {json}", or "… pressed 9 …" (9, 1, 2, 3, 5) | these calls, see `script` |
//! | instructions with words to be said | these words |
//! | instructions that mention a goodbye | the goodbye line |
//! | the results of tools | "Alright." |
//! | words of the caller | the same words |
//! | nothing, and nothing said yet | the greeting |
//! | anything else | "Alright." |

use serde_json::{Value, json};

use crate::tools::rehearsal::script::{Saying, Tools, Voice, asked_words, called_for, mentions_goodbye};
use crate::tools::rehearsal::sound::Format;
use crate::tools::rehearsal::speech::{Language, Line};

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// Words.
    Words(String),
    /// A call of a tool.
    Call {
        /// Its name.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
}

/// The answer to a request whose shape has been checked.
pub(super) fn answer(request: &Value) -> Vec<Part> {
    let settings = flat(request);
    let tools = Tools::of(&settings);
    let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let spoken = messages.iter().rposition(|message| message["role"] == "assistant");
    let (before, fresh) = messages.split_at(spoken.map_or(0, |place| place + 1));
    let instructions = messages.first().map(text).unwrap_or_default();
    // The instructions of the conversation order nothing by themselves.
    let fresh = if before.is_empty() { fresh.get(1..).unwrap_or_default() } else { fresh };
    let language = Language::of(None, &instructions);
    let voice = Voice { words: None, language, format: Format::MuLaw };
    if let Some(forced) = tools.forced() {
        return parts(vec![forced]);
    }
    if let Some(called) = fresh.iter().rev().find_map(|message| called_for(&text(message), &tools, voice)) {
        return parts(called);
    }
    let notes: Vec<String> = fresh.iter().filter(|message| is_note(message)).map(text).collect();
    if let Some(words) = notes.iter().rev().find_map(|note| asked_words(note)) {
        return vec![Part::Words(words.to_owned())];
    }
    let line = |line| parts(vec![voice.line(line)]);
    if notes.iter().any(|note| mentions_goodbye(note)) {
        return line(Line::Goodbye);
    }
    if fresh.iter().any(|message| message["role"] == "tool") {
        return line(Line::Alright);
    }
    if let Some(said) = fresh.iter().rev().find(|message| message["role"] == "user") {
        return vec![Part::Words(text(said))];
    }
    // A call alone says nothing.
    let has_spoken = before.iter().any(|message| message["role"] == "assistant" && message["content"].is_string());
    line(if has_spoken { Line::Alright } else { Line::Greeting })
}

/// The settings with tools in the form of the other protocols.
fn flat(request: &Value) -> Value {
    let tools: Vec<&Value> = request["tools"].as_array().into_iter().flatten().map(|tool| &tool["function"]).collect();
    let choice = &request["tool_choice"];
    json!({"tools": tools, "tool_choice": if choice.is_object() { &choice["function"] } else { choice }})
}

fn is_note(message: &Value) -> bool {
    message["role"] == "system" || message["role"] == "developer"
}

fn text(message: &Value) -> String {
    let content = &message["content"];
    let parts = content.as_array().into_iter().flatten().filter_map(|part| part["text"].as_str());
    content.as_str().into_iter().chain(parts).collect()
}

fn parts(sayings: Vec<Saying>) -> Vec<Part> {
    let part = |saying| match saying {
        Saying::Speak { text, .. } => Part::Words(text),
        Saying::Call { name, arguments } => Part::Call { name, arguments },
    };
    sayings.into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(messages: &Value) -> Vec<Part> {
        let tool =
            |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
        answer(&json!({"messages": messages, "tools": [tool("end_call"), tool("find")], "tool_choice": "auto"}))
    }

    fn words(text: &str) -> Vec<Part> {
        vec![Part::Words(text.to_owned())]
    }

    fn message(role: &str, content: &str) -> Value {
        json!({"role": role, "content": content})
    }

    #[test]
    fn a_call_goes_as_in_the_other_protocols() {
        let system = message("system", "You speak English.");
        let greeting = "Hello, this is Switchboard. How can I help you?";
        assert_eq!(answered(&json!([system])), words(greeting));
        assert_eq!(answered(&json!([system, message("system", "Greet the caller.")])), words(greeting));
        let said = message("assistant", greeting);
        let user = message("user", "A table for two.");
        assert_eq!(answered(&json!([system, said, user])), words("A table for two."));
        assert_eq!(answered(&json!([system, said, user, said, message("system", "Ask again.")])), words("Alright."));
        let last = message("system", "Say goodbye with exactly these words: “Until later.” Then hang up.");
        assert_eq!(answered(&json!([system, said, last])), words("Until later."));
        let last = message("system", "Say goodbye.");
        assert_eq!(answered(&json!([system, said, last])), words("Thank you, goodbye."));
        let hindi = message("system", "आप हिन्दी बोलते हैं।");
        assert_eq!(answered(&json!([hindi])), words("नमस्ते! मैं आपकी क्या मदद कर सकती हूँ?"));
    }

    #[test]
    fn keys_and_orders_call_tools_once() {
        let (system, said) = (message("system", "Be brief."), message("assistant", "Hello."));
        let pressed = message("system", "The caller pressed 9 on the keypad.");
        let [Part::Words(goodbye), Part::Call { name, .. }] = &answered(&json!([system, said, pressed]))[..] else {
            panic!("a goodbye and a call")
        };
        assert_eq!((goodbye.as_str(), name.as_str()), ("Thank you, goodbye.", "end_call"));
        let order = message("user", r#"Please call tool find with {"what":"tea"}."#);
        let call = vec![Part::Call { name: "find".to_owned(), arguments: json!({"what": "tea"}) }];
        assert_eq!(answered(&json!([system, said, order])), call);
        let made = json!({"role": "assistant", "content": null, "tool_calls": [{"id": "a"}]});
        let result = json!({"role": "tool", "tool_call_id": "a", "content": "{}"});
        assert_eq!(answered(&json!([system, said, order, made, result])), words("Alright."));
    }
}
