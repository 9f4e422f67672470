//! The body of a request to a chat model. Pure.

use serde_json::{Map, Value, json};

use super::history::History;
use crate::tools::spec::ToolSpec;

/// What a server wants to be asked, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatPlan {
    /// The model's name.
    pub model: String,
    /// The most tokens of an answer.
    pub most_tokens: Option<u32>,
    /// How the server calls that limit.
    pub limit_key: LimitKey,
    /// The temperature; some models take none.
    pub temperature: Option<f64>,
    /// The role of notes within the conversation.
    pub notes: NoteRole,
    /// Whether the server is asked for the usage, which some older servers refuse.
    pub asks_usage: bool,
    /// Further fields, as they are.
    pub extra: Map<String, Value>,
}

/// The field for the most tokens of an answer. Models that reason refuse the old one; older servers
/// do not know the new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LimitKey {
    /// `max_completion_tokens`.
    #[default]
    MaxCompletionTokens,
    /// `max_tokens`.
    MaxTokens,
}

/// The role of a note within the conversation. Some models take a system message at the start only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NoteRole {
    /// `system`.
    #[default]
    System,
    /// `user`.
    User,
}

impl NoteRole {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// What one request asks for, apart from the conversation.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// The prompt.
    pub instructions: &'a str,
    /// Extra instructions for this answer alone.
    pub extra: Option<&'a str>,
    /// The beginning of an answer that was cut off, if this request is for the rest of it.
    pub go_on: Option<&'a str>,
    /// The tools that may be called.
    pub tools: &'a [ToolSpec],
    /// Whether the answer has to be words.
    pub words_only: bool,
}

/// The body of a request.
pub fn body(plan: &ChatPlan, ask: &Ask<'_>, history: &mut History) -> Value {
    // What never changes comes first: servers cache the beginning.
    let mut messages = vec![json!({ "role": "system", "content": ask.instructions })];
    messages.extend(history.messages(plan.notes));
    if let Some(said) = ask.go_on {
        messages.push(json!({ "role": "assistant", "content": said }));
        messages.push(note(plan, GO_ON));
    }
    if let Some(extra) = ask.extra {
        messages.push(note(plan, extra));
    }
    let mut body = json!({ "model": plan.model, "stream": true, "messages": messages });
    if plan.asks_usage {
        body["stream_options"] = json!({ "include_usage": true });
    }
    if let Some(most) = plan.most_tokens {
        let key = match plan.limit_key {
            LimitKey::MaxCompletionTokens => "max_completion_tokens",
            LimitKey::MaxTokens => "max_tokens",
        };
        body[key] = most.into();
    }
    if let Some(temperature) = plan.temperature {
        body["temperature"] = temperature.into();
    }
    if !ask.tools.is_empty() {
        body["tools"] = ask.tools.iter().map(tool).collect();
        body["tool_choice"] = if ask.words_only { "none" } else { "auto" }.into();
    }
    for (key, value) in &plan.extra {
        body[key] = value.clone();
    }
    body
}

fn note(plan: &ChatPlan, text: &str) -> Value {
    json!({ "role": plan.notes.word(), "content": text })
}

fn tool(ToolSpec { name, description, parameters }: &ToolSpec) -> Value {
    let function = json!({ "name": name, "description": description, "parameters": parameters });
    json!({ "type": "function", "function": function })
}

/// Asks for the rest of an answer that was cut off.
const GO_ON: &str = "Your answer was cut off. Go on exactly behind its last word. Repeat nothing.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::cascade::mind::history::Note;

    fn plan() -> ChatPlan {
        ChatPlan {
            model: "small".into(),
            most_tokens: Some(400),
            limit_key: LimitKey::default(),
            temperature: None,
            notes: NoteRole::default(),
            asks_usage: true,
            extra: Map::new(),
        }
    }

    #[test]
    fn a_request_has_what_the_server_takes_and_no_more() {
        let tools =
            [ToolSpec { name: "find".into(), description: "Finds.".into(), parameters: json!({"type":"object"}) }];
        let mut history = History::default();
        history.caller("u1", "Is it free?");
        let ask = Ask { instructions: "Be brief.", tools: &tools, ..Ask::default() };
        assert_eq!(
            body(&plan(), &ask, &mut history),
            json!({
                "model": "small", "stream": true, "stream_options": {"include_usage": true},
                "max_completion_tokens": 400, "tool_choice": "auto",
                "tools": [{"type":"function","function":{"name":"find","description":"Finds.","parameters":{"type":"object"}}}],
                "messages": [{"role":"system","content":"Be brief."},{"role":"user","content":"Is it free?"}],
            })
        );
        let older = ChatPlan { limit_key: LimitKey::MaxTokens, asks_usage: false, temperature: Some(0.5), ..plan() };
        let ask = Ask { tools: &[], words_only: true, ..ask };
        let written = body(&older, &ask, &mut history);
        assert_eq!(written["max_tokens"], 400);
        assert_eq!(written["temperature"], 0.5);
        for absent in ["tools", "tool_choice", "stream_options", "max_completion_tokens"] {
            assert!(written.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn instructions_for_one_answer_and_the_rest_of_one_come_last() {
        let mut history = History::default();
        history.note(Note("The caller is Asha.".into()));
        history.caller("u1", "Is it free?");
        let mut plan = ChatPlan { notes: NoteRole::User, ..plan() };
        plan.extra.insert("reasoning_effort".into(), "none".into());
        let ask = Ask { go_on: Some("Yes, the"), extra: Some("In Hindi."), words_only: true, ..Ask::default() };
        let written = body(&plan, &ask, &mut history);
        let messages: Vec<_> =
            written["messages"].as_array().expect("a list").iter().map(|it| &it["content"]).collect();
        assert_eq!(messages, ["", "The caller is Asha.\nIs it free?", "Yes, the", GO_ON, "In Hindi."]);
        assert_eq!(written["reasoning_effort"], "none");
    }
}
