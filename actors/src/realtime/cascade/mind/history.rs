//! The conversation as the chat model is told it. Pure.
//!
//! An answer is in it as far as it was heard, not as it was generated. The results of tools are kept
//! with the answer that called them, because a server refuses a request in which anything stands
//! between a call and its result, or in which a result is missing.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::calls::Call;
use super::request::NoteRole;

/// A conversation.
#[derive(Debug, Default)]
pub struct History {
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// A text that nobody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note(pub String);

#[derive(Debug)]
enum Entry {
    Note(String),
    Caller { item: String, text: String },
    Agent { item: String, content: String, was_cut: bool, calls: Vec<Called> },
}

/// A call of a tool and its result.
#[derive(Debug)]
struct Called {
    /// Our own key of the call, which is unique in the conversation.
    key: String,
    call: Call,
    output: Option<String>,
    /// Whether the model was told that there is no result yet.
    is_told: bool,
}

impl History {
    /// Adds facts or instructions.
    pub fn note(&mut self, Note(text): Note) {
        self.add(Entry::Note(text));
    }

    /// Adds what the caller said. A later text of the same item replaces the earlier one.
    pub fn caller(&mut self, item: &str, text: &str) {
        let known = self.entries.iter_mut().rev().find_map(|entry| match entry {
            Entry::Caller { item: own, text } if own == item => Some(text),
            Entry::Caller { .. } | Entry::Agent { .. } | Entry::Note(_) => None,
        });
        match known {
            Some(known) => {
                self.bytes = self.bytes + text.len() - known.len();
                text.clone_into(known);
                self.shrink();
            }
            None => self.add(Entry::Caller { item: item.to_owned(), text: text.to_owned() }),
        }
    }

    /// Adds an answer, with the calls of tools that it ends with, each under a key that is unique in
    /// the conversation. An empty answer without calls is left out.
    pub fn agent(&mut self, item: &str, content: &str, calls: Vec<(String, Call)>) {
        if content.trim().is_empty() && calls.is_empty() {
            return;
        }
        let called = |(key, call)| Called { key, call, output: None, is_told: false };
        let calls = calls.into_iter().map(called).collect();
        self.add(Entry::Agent { item: item.to_owned(), content: content.to_owned(), was_cut: false, calls });
    }

    /// Gives the result of a call. A result that comes after the model was told that there is none
    /// becomes a note. Returns whether the call is known and was not answered before.
    pub fn answer_tool(&mut self, key: &str, output: &str) -> bool {
        let mut calls = self.entries.iter_mut().filter_map(|entry| match entry {
            Entry::Agent { calls, .. } => calls.iter_mut().find(|called| called.key == key),
            Entry::Note(_) | Entry::Caller { .. } => None,
        });
        let Some(called) = calls.next().filter(|called| called.output.is_none()) else { return false };
        if called.is_told {
            called.output = Some(UNFINISHED.to_owned());
            let note = format!("The result of the earlier call of `{}`: {output}", called.call.name);
            self.note(Note(note));
        } else {
            called.output = Some(output.to_owned());
            self.bytes += output.len();
            self.shrink();
        }
        true
    }

    /// Calls without a result will not get one.
    pub fn cancel_tools(&mut self) {
        for entry in &mut self.entries {
            let Entry::Agent { calls, .. } = entry else { continue };
            for called in calls.iter_mut().filter(|called| called.output.is_none()) {
                called.output = Some(CANCELLED.to_owned());
            }
        }
    }

    /// Cuts an answer to the `heard` first bytes of its content.
    pub fn cut(&mut self, item: &str, heard: usize) {
        let mut freed = 0;
        for entry in &mut self.entries {
            if let Entry::Agent { item: own, content, was_cut, .. } = entry
                && own == item
                && heard < content.len()
            {
                let at = (0..=heard).rev().find(|at| content.is_char_boundary(*at)).unwrap_or(0);
                freed += content.len() - at;
                content.truncate(at);
                *was_cut = true;
            }
        }
        self.bytes -= freed;
        let is_empty = |entry: &Entry| match entry {
            Entry::Agent { content, calls, .. } => content.trim().is_empty() && calls.is_empty(),
            Entry::Note(_) | Entry::Caller { .. } => false,
        };
        self.entries.retain(|entry| !is_empty(entry));
    }

    /// Deletes an item. The calls of an answer stay, because they happened.
    pub fn delete(&mut self, item: &str) {
        self.cut(item, 0);
        self.entries.retain(|entry| !matches!(entry, Entry::Caller { item: own, .. } if own == item));
        self.bytes = self.entries.iter().map(Entry::bytes).sum();
    }

    /// The messages of a request. Calls without a result are told to be unfinished.
    pub(super) fn messages(&mut self, notes: NoteRole) -> Vec<Value> {
        let mut messages: Vec<(&str, Value)> = Vec::new();
        for entry in &mut self.entries {
            match entry {
                Entry::Note(text) => push(&mut messages, notes.word(), text),
                Entry::Caller { text, .. } => push(&mut messages, USER, text),
                Entry::Agent { content, was_cut, calls, .. } => agent(&mut messages, content, *was_cut, calls),
            }
        }
        messages.into_iter().map(|(_, message)| message).collect()
    }

    fn add(&mut self, entry: Entry) {
        self.bytes += entry.bytes();
        self.entries.push_back(entry);
        self.shrink();
    }

    /// Forgets the oldest turns when the conversation is larger than a model takes.
    fn shrink(&mut self) {
        while self.bytes > LARGEST && self.entries.len() > KEPT {
            if let Some(oldest) = self.entries.pop_front() {
                self.bytes = self.bytes.saturating_sub(oldest.bytes());
            }
        }
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        match self {
            Self::Note(text) | Self::Caller { text, .. } => text.len(),
            Self::Agent { content, calls, .. } => {
                let called =
                    |called: &Called| called.call.arguments.len() + called.output.as_ref().map_or(0, String::len);
                content.len() + calls.iter().map(called).sum::<usize>()
            }
        }
    }
}

/// Appends a text. Texts of one role become one message, because many models demand that the roles
/// alternate.
fn push(messages: &mut Vec<(&'static str, Value)>, role: &'static str, text: &str) {
    match messages.last_mut() {
        Some((last, message)) if *last == role => {
            let joined = format!("{}\n{text}", message["content"].as_str().unwrap_or_default());
            message["content"] = joined.into();
        }
        _ => messages.push((role, json!({ "role": role, "content": text }))),
    }
}

fn agent(messages: &mut Vec<(&'static str, Value)>, content: &str, was_cut: bool, calls: &mut [Called]) {
    let content =
        if was_cut && !content.is_empty() { format!("{}{CUT}", content.trim_end()) } else { content.to_owned() };
    if calls.is_empty() {
        return push(messages, ASSISTANT, &content);
    }
    let written = calls.iter().map(|Called { call, .. }| {
        let function = json!({ "name": call.name, "arguments": call.arguments });
        json!({ "id": call.id, "type": "function", "function": function })
    });
    let content = if content.is_empty() { Value::Null } else { content.into() };
    let message = json!({ "role": ASSISTANT, "content": content, "tool_calls": written.collect::<Value>() });
    messages.push((CALLS, message));
    for called in calls {
        called.is_told |= called.output.is_none();
        let output = called.output.as_deref().unwrap_or(UNFINISHED);
        messages.push((TOOL, json!({ "role": TOOL, "tool_call_id": called.call.id, "content": output })));
    }
}

const USER: &str = "user";
const ASSISTANT: &str = "assistant";
const TOOL: &str = "tool";
/// Marks an answer with calls, which no text is joined to.
const CALLS: &str = "calls";
/// Follows an answer that the caller did not hear to its end.
const CUT: &str = "…";
/// The result of a call that was given up.
const CANCELLED: &str = r#"{"error":"cancelled"}"#;
/// The result of a call that still runs.
const UNFINISHED: &str = r#"{"status":"not finished"}"#;
/// The most bytes of a conversation: some 16,000 tokens, which small models still take.
const LARGEST: usize = 64 * 1024;
/// The newest entries, which stay whatever their size.
const KEPT: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: &str) -> Call {
        Call { id: id.into(), name: "find".into(), arguments: "{}".into() }
    }

    fn told(history: &mut History) -> Vec<String> {
        let line = |message: Value| {
            let calls = message["tool_calls"].as_array().map_or(0, Vec::len);
            let calls = if calls > 0 { format!(" +{calls}") } else { String::new() };
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            format!("{}{id}: {}{calls}", message["role"].as_str().unwrap_or("?"), message["content"])
        };
        history.messages(NoteRole::System).into_iter().map(line).collect()
    }

    #[test]
    fn the_model_is_told_what_was_heard() {
        let mut history = History::default();
        history.caller("u1", "Is it free?");
        history.agent("a1", "Yes, the table is free. Shall I book it?", vec![]);
        history.cut("a1", 10);
        history.agent("a2", "Never heard.", vec![]);
        history.cut("a2", 0);
        history.agent("a3", " ", vec![]);
        history.agent("a4", "नमस्ते", vec![]);
        history.cut("a4", 4);
        assert_eq!(told(&mut history), ["user: \"Is it free?\"", "assistant: \"Yes, the t…\\nन…\""]);
    }

    #[test]
    fn a_result_stands_behind_its_call_whatever_came_between() {
        let mut history = History::default();
        history.caller("u1", "Is it free?");
        history.agent("a1", "Let me look.", vec![("k1".into(), call("c")), ("k2".into(), call("d"))]);
        history.caller("u2", "Hello?");
        assert!(history.answer_tool("k2", "two"));
        assert!(history.answer_tool("k1", "one"));
        assert!(!history.answer_tool("k1", "again") && !history.answer_tool("k9", "unknown"));
        let expected = [
            "user: \"Is it free?\"",
            "assistant: \"Let me look.\" +2",
            "toolc: \"one\"",
            "toold: \"two\"",
            "user: \"Hello?\"",
        ];
        assert_eq!(told(&mut history), expected);
    }

    #[test]
    fn every_call_has_a_result_in_every_request() {
        let mut history = History::default();
        history.agent("a1", "", vec![("k1".into(), call("c")), ("k2".into(), call("d"))]);
        history.answer_tool("k1", "one");
        let lines = told(&mut history);
        assert_eq!(lines, ["assistant: null +2", "toolc: \"one\"", r#"toold: "{\"status\":\"not finished\"}""#]);
        history.answer_tool("k2", "two");
        assert_eq!(
            told(&mut history).last().expect("a note"),
            "system: \"The result of the earlier call of `find`: two\""
        );
        history.agent("a2", "", vec![("k3".into(), call("c"))]);
        history.cancel_tools();
        assert_eq!(told(&mut history).last().expect("a result"), r#"toolc: "{\"error\":\"cancelled\"}""#);
    }

    #[test]
    fn a_deleted_answer_keeps_its_calls() {
        let mut history = History::default();
        history.caller("u1", "x");
        history.agent("a1", "Let me look.", vec![("k1".into(), call("c"))]);
        history.answer_tool("k1", "one");
        history.delete("a1");
        history.delete("u1");
        assert_eq!(told(&mut history), ["assistant: null +1", "toolc: \"one\""]);
    }

    #[test]
    fn texts_of_one_role_are_one_message_and_a_later_text_replaces() {
        let mut history = History::default();
        history.note(Note("a".into()));
        history.note(Note("b".into()));
        history.caller("u1", "interim");
        history.caller("u2", "two");
        history.caller("u1", "one");
        assert_eq!(told(&mut history), ["system: \"a\\nb\"", "user: \"one\\ntwo\""]);
        let user = history.messages(NoteRole::User);
        assert_eq!(user.len(), 1, "{user:?}");
    }

    #[test]
    fn the_oldest_turns_are_forgotten_with_their_results() {
        let mut history = History::default();
        for number in 0..100 {
            history.caller(&format!("u{number}"), &"x".repeat(1000));
            history.agent(&format!("a{number}"), &"y".repeat(1000), vec![(format!("k{number}"), call("c"))]);
            history.answer_tool(&format!("k{number}"), &"z".repeat(1000));
        }
        let bytes: usize = history.entries.iter().map(Entry::bytes).sum();
        assert!(bytes == history.bytes && bytes <= LARGEST, "{bytes} {}", history.bytes);
        assert!(!told(&mut history)[0].starts_with("tool"));
    }
}
