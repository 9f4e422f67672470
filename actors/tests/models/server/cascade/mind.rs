//! A chat model: each request has the whole conversation, and its answer comes in small pieces.

use std::time::Instant;

use serde_json::{Value, json};
use switchboard_actors::realtime::named::RequestId;

use super::{Base, FromLink, ms, request_name};
use crate::server::gemini::RESULT;
use crate::server::{Deed, Known, words_for};

/// The model.
#[derive(Debug, Default)]
pub(crate) struct Chat {
    /// The conversation that was asked about last, and what was done. A request that is repeated gets
    /// the same answer.
    last: Option<(Value, Deed)>,
    /// What was said of the answer in progress, and the rest of it.
    said: String,
}

impl Chat {
    pub(crate) fn asked(&mut self, id: RequestId, body: &Value, base: &mut Base, now: Instant) {
        let messages = body["messages"].as_array().cloned().unwrap_or_default();
        check(&messages, base);
        let is_order = is_order(&messages);
        learn(&messages, is_order, base);
        let deed = match &self.last {
            Some((before, deed)) if *before == body["messages"] => deed.clone(),
            _ if messages.iter().rev().take(2).any(|message| text(message).contains("Go on exactly behind")) => {
                self.rest(&messages)
            }
            _ => Self::deed(&messages, is_order, base),
        };
        self.last = Some((body["messages"].clone(), deed.clone()));
        match deed {
            Deed::Says(words) => {
                self.said.clone_from(&words);
                self.say(id, &words, base, now);
            }
            Deed::Calls(name, arguments) => self.call(id, name, &arguments, base, now),
            // It thinks for longer than the test lasts.
            Deed::Nothing => {}
        }
    }

    /// What it does about the last message.
    fn deed(messages: &[Value], is_order: bool, base: &mut Base) -> Deed {
        let last = messages.last().cloned().unwrap_or_default();
        match last["role"].as_str().unwrap_or_default() {
            "tool" => Deed::Says(RESULT.to_owned()),
            _ if is_order => Deed::Says(words_for(text(&last))),
            _ => base.deed(),
        }
    }

    /// What is left of an answer that was cut off.
    fn rest(&self, messages: &[Value]) -> Deed {
        let begun = messages.iter().rev().find(|message| message["role"] == "assistant").map(text);
        let rest = begun.and_then(|begun| self.said.strip_prefix(begun.trim_end())).unwrap_or(&self.said);
        Deed::Says(rest.to_owned())
    }

    fn say(&self, id: RequestId, words: &str, base: &mut Base, now: Instant) {
        let mut at = now + ms(150);
        head(id, base, at);
        chunk(id, &json!({"role": "assistant", "content": ""}), &Value::Null, base, at);
        for word in words.split_inclusive(' ') {
            at += ms(10);
            chunk(id, &json!({ "content": word }), &Value::Null, base, at);
        }
        finish(id, "stop", base, at + ms(10));
    }

    #[expect(clippy::unused_self, reason = "a method like its neighbours")]
    fn call(&self, id: RequestId, name: &str, arguments: &Value, base: &mut Base, now: Instant) {
        let at = now + ms(150);
        head(id, base, at);
        let call = base.next_call();
        let named = json!({"index": 0, "id": call, "type": "function", "function": {"name": name, "arguments": ""}});
        chunk(id, &json!({ "tool_calls": [named] }), &Value::Null, base, at);
        let arguments = arguments.to_string();
        let (first, second) = arguments.split_at(arguments.len() / 2);
        for part in [first, second] {
            // Some servers repeat the head of a call in every part.
            let repeats = base.mind.borrow().repeats_calls;
            let function = if repeats { json!({"name": name, "arguments": part}) } else { json!({"arguments": part}) };
            let mut part = json!({"index": 0, "function": function});
            if repeats {
                part["id"] = call.clone().into();
            }
            chunk(id, &json!({ "tool_calls": [part] }), &Value::Null, base, at + ms(10));
        }
        finish(id, "tool_calls", base, at + ms(20));
    }
}

/// Whether the last message is an order of ours, and not the caller's words or a result.
fn is_order(messages: &[Value]) -> bool {
    messages.len() > 1 && messages.last().is_some_and(|last| last["role"] == "system")
}

/// What is in the conversation and was not known.
fn learn(messages: &[Value], is_order: bool, base: &mut Base) {
    let prompt = |it: &&Known| matches!(it, Known::Prompt(_));
    for (at, message) in messages.iter().enumerate() {
        let (role, content) = (message["role"].as_str().unwrap_or_default(), text(message).to_owned());
        let known = match role {
            "system" if at == 0 => Known::Prompt(content),
            "tool" if content.contains("not finished") => continue,
            "tool" => Known::Result(message["tool_call_id"].to_string(), content),
            _ if is_order && at + 1 == messages.len() => Known::Asked(content),
            _ => Known::Text(role.to_owned(), content),
        };
        let is_known = match &known {
            Known::Prompt(_) => base.knows.iter().rev().find(prompt) == Some(&known),
            Known::Text(_, text) if text.is_empty() => true,
            Known::Asked(_) => false,
            Known::Text(..) | Known::Result(..) | Known::Cut(..) | Known::Deleted(_) => base.knows.contains(&known),
        };
        if !is_known {
            base.knows.push(known);
        }
    }
}

/// The rules that servers have about the order of messages.
fn check(messages: &[Value], base: &mut Base) {
    if messages.first().is_none_or(|first| first["role"] != "system") {
        base.is_wrong("the prompt does not come first");
    }
    let mut open: Vec<String> = Vec::new();
    for message in messages {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            match open.iter().position(|open| open == id) {
                Some(at) => drop(open.remove(at)),
                None => base.is_wrong(format!("a result of no call: {message}")),
            }
            continue;
        }
        if !open.is_empty() {
            base.is_wrong(format!("tool_call_ids did not have response messages: {open:?}"));
            open.clear();
        }
        if !["system", "user", "assistant"].contains(&role) {
            base.is_wrong(format!("a message of {role:?}"));
        }
        let calls = message["tool_calls"].as_array();
        if text(message).trim().is_empty() && calls.is_none_or(Vec::is_empty) {
            base.is_wrong(format!("an empty message: {message}"));
        }
        let ids = calls.into_iter().flatten().map(|call| call["id"].as_str().unwrap_or_default().to_owned());
        open.extend(ids);
    }
    if !open.is_empty() {
        base.is_wrong(format!("calls without results at the end: {open:?}"));
    }
}

fn text(message: &Value) -> &str {
    message["content"].as_str().unwrap_or_default()
}

fn head(id: RequestId, base: &mut Base, at: Instant) {
    base.comes(at, FromLink::Head(id, 200, "text/event-stream"), request_name(id));
}

fn chunk(id: RequestId, delta: &Value, finish: &Value, base: &mut Base, at: Instant) {
    let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
    let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [choice]});
    line(id, &chunk.to_string(), base, at);
}

/// The reason, then the usage in a chunk without choices, then the end.
fn finish(id: RequestId, reason: &str, base: &mut Base, at: Instant) {
    chunk(id, &json!({}), &reason.into(), base, at);
    let usage = json!({"prompt_tokens": 60, "completion_tokens": 10, "total_tokens": 70});
    line(id, &json!({"choices": [], "usage": usage}).to_string(), base, at);
    line(id, "[DONE]", base, at);
    base.comes(at, FromLink::End(id), request_name(id));
}

/// A line of the body. It comes in two pieces, as networks cut it.
fn line(id: RequestId, data: &str, base: &mut Base, at: Instant) {
    let line = format!("data: {data}\n\n").into_bytes();
    let (first, second) = line.split_at(line.len() / 3);
    for piece in [first, second] {
        base.comes(at, FromLink::Bytes(id, piece.to_vec()), request_name(id));
    }
}
