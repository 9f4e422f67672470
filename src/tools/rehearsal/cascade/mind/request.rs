//! What the API accepts: the shape of a request, and the order of its messages. Pure.

use serde_json::Value;

use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::schema::Rule::{
    Any, Bool, Either, Int, List, Metadata, Number, Object, Tagged, Text, Word,
};
use crate::tools::rehearsal::schema::{self, Field, Rule, clearable, may, must};

/// Checks a request.
///
/// # Errors
/// The first thing that the API refuses.
pub(super) fn check(request: &Value) -> Result<(), Fault> {
    schema::check(request, &REQUEST, "")?;
    if request["stream"] != true {
        return Err(Fault::request("unsupported_value", "This server only streams.").at("stream"));
    }
    if !request["stream_options"].is_null() && request["stream"] != true {
        return Err(Fault::request("invalid_value", "'stream_options' requires 'stream'.").at("stream_options"));
    }
    if !request["tool_choice"].is_null() && request["tools"].as_array().is_none_or(Vec::is_empty) {
        let message = "'tool_choice' is only allowed when 'tools' are specified.";
        return Err(Fault::request("invalid_value", message).at("tool_choice"));
    }
    order(request["messages"].as_array().map(Vec::as_slice).unwrap_or_default())
}

/// Every call has its result before anything else, and nothing is empty.
fn order(messages: &[Value]) -> Result<(), Fault> {
    if messages.is_empty() {
        return Err(Fault::request("empty_array", "[] is too short - 'messages'").at("messages"));
    }
    let mut open: Vec<&str> = Vec::new();
    for (number, message) in messages.iter().enumerate() {
        let invalid = |text: String| Err(Fault::request("invalid_value", text).at(format!("messages[{number}]")));
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(place) = open.iter().position(|own| *own == id) else {
                return invalid(
                    "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.".to_owned(),
                );
            };
            open.remove(place);
            continue;
        }
        check_answered(&open, number)?;
        let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        if message["role"] == "assistant" && calls.is_empty() && message["content"].as_str().is_none_or(str::is_empty) {
            return invalid("an assistant message has neither content nor tool_calls".to_owned());
        }
        open = calls.iter().filter_map(|call| call["id"].as_str()).collect();
        for call in calls {
            let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
            if serde_json::from_str::<Value>(arguments).is_err() {
                return invalid(format!("the arguments of a call are no JSON: '{arguments}'"));
            }
        }
    }
    check_answered(&open, messages.len())
}

fn check_answered(open: &[&str], number: usize) -> Result<(), Fault> {
    if open.is_empty() {
        return Ok(());
    }
    let message = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(Fault::request("invalid_value", message).at(format!("messages[{number}]")))
}

const TEXT: Rule = Text(usize::MAX);
const REQUEST: Rule = Object(&[
    must("model", TEXT),
    must("messages", List(&MESSAGE)),
    clearable("stream", Bool),
    clearable("stream_options", Object(&[may("include_usage", Bool), may("include_obfuscation", Bool)])),
    may("tools", List(&TOOL)),
    may("tool_choice", Either(&[Word(&["auto", "none", "required"]), Object(&[TYPE, must("function", NAMED)])])),
    may("parallel_tool_calls", Bool),
    clearable("max_completion_tokens", Int(1, i64::MAX)),
    clearable("max_tokens", Int(1, i64::MAX)),
    clearable("temperature", Number(0.0, 2.0)),
    clearable("top_p", Number(0.0, 1.0)),
    clearable("reasoning_effort", Word(&["none", "minimal", "low", "medium", "high", "xhigh"])),
    clearable("verbosity", Word(&["low", "medium", "high"])),
    clearable("seed", Int(i64::MIN, i64::MAX)),
    clearable("stop", Either(&[TEXT, List(&TEXT)])),
    clearable("service_tier", TEXT),
    clearable("prompt_cache_key", TEXT),
    clearable("safety_identifier", TEXT),
    clearable("user", TEXT),
    clearable("metadata", Metadata),
    clearable("store", Bool),
]);
const TYPE: Field = must("type", Word(&["function"]));
const NAMED: Rule = Object(&[must("name", Text(64))]);
const ROLE: Field = must("role", TEXT);
const NAME: Field = may("name", TEXT);
const CONTENT: Field = must("content", Either(&[TEXT, List(&PART)]));
const PART: Rule = Tagged("type", &[("text", Object(&[must("type", TEXT), must("text", TEXT)]))]);
const MESSAGE: Rule = Tagged(
    "role",
    &[
        ("system", Object(&[ROLE, CONTENT, NAME])),
        ("developer", Object(&[ROLE, CONTENT, NAME])),
        ("user", Object(&[ROLE, CONTENT, NAME])),
        ("assistant", Object(&[ROLE, clearable("content", TEXT), may("tool_calls", List(&CALL)), NAME])),
        ("tool", Object(&[ROLE, CONTENT, must("tool_call_id", TEXT)])),
    ],
);
const CALL: Rule =
    Object(&[must("id", TEXT), TYPE, must("function", Object(&[must("name", Text(64)), must("arguments", TEXT)]))]);
const TOOL: Rule = Object(&[
    TYPE,
    must(
        "function",
        Object(&[must("name", Text(64)), may("description", TEXT), may("parameters", Any), clearable("strict", Bool)]),
    ),
]);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(messages: &Value, change: impl FnOnce(&mut Value)) -> Option<String> {
        let mut request = json!({"model": "small", "stream": true, "messages": messages});
        change(&mut request);
        check(&request).err().map(|fault| fault.param.unwrap_or_default())
    }

    fn called() -> Value {
        json!({"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "find", "arguments": "{}"}},
        ]})
    }

    #[test]
    fn a_call_has_its_result_before_anything_else() {
        let (user, tool) =
            (json!({"role": "user", "content": "Yes"}), json!({"role": "tool", "tool_call_id": "a", "content": "1"}));
        assert_eq!(refused(&json!([user, called(), tool, user]), |_| {}), None);
        assert_eq!(refused(&json!([user, called(), user, tool]), |_| {}).as_deref(), Some("messages[2]"));
        assert_eq!(refused(&json!([user, called()]), |_| {}).as_deref(), Some("messages[2]"));
        assert_eq!(refused(&json!([user, tool]), |_| {}).as_deref(), Some("messages[1]"));
        assert_eq!(refused(&json!([{"role": "assistant", "content": ""}]), |_| {}).as_deref(), Some("messages[0]"));
        assert_eq!(refused(&json!([]), |_| {}).as_deref(), Some("messages"));
    }

    #[test]
    fn an_unknown_key_and_a_flat_tool_are_refused() {
        let user = json!([{"role": "user", "content": "Yes"}]);
        let with = |key: &str, value: Value| refused(&user, |request| request[key] = value);
        assert_eq!(with("instructions", json!("Be brief.")).as_deref(), Some("instructions"));
        assert_eq!(with("tools", json!([{"type": "function", "name": "find"}])).as_deref(), Some("tools[0].name"));
        assert_eq!(with("tool_choice", json!("auto")).as_deref(), Some("tool_choice"));
        assert_eq!(with("stream", json!(false)).as_deref(), Some("stream"));
        assert_eq!(with("temperature", json!(0.5)), None);
    }
}
