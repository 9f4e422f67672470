//! How an answer is streamed: chunks in server-sent events, word by word. Pure.

use bytes::Bytes;
use serde_json::{Value, json};

use super::script::Part;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Ids;

/// The pieces of the body.
pub(super) fn pieces(
    request: &Value,
    says: &[Part],
    misbehaviour: &Misbehaviour,
    ids: &mut Ids,
    epoch_s: u64,
) -> Vec<Bytes> {
    let id = ids.next("chatcmpl");
    let mut deltas = vec![json!({"role": "assistant", "content": ""})];
    if Misbehaviour::on(misbehaviour.thoughts) {
        deltas.push(json!({"reasoning_content": "The caller wants something."}));
        let leaked = ["<thi", "nk>The caller wants some", "thing.</th", "ink>"];
        deltas.extend(leaked.map(|content| json!({"content": content})));
    }
    let mut calls = 0;
    for part in says {
        match part {
            Part::Words(text) => {
                let text = if Misbehaviour::on(misbehaviour.rich_text) { rich(text) } else { text.clone() };
                deltas.extend(text.split_inclusive(' ').map(|word| json!({"content": word})));
            }
            Part::Call { name, arguments } => {
                call(name, arguments, calls, misbehaviour, &ids.next("call"), &mut deltas);
                calls += 1;
            }
        }
    }
    let chunk = |choices: Value| {
        json!({
            "id": id, "object": "chat.completion.chunk", "created": epoch_s, "model": request["model"], "choices": choices,
        })
    };
    let finish = if calls > 0 && !Misbehaviour::on(misbehaviour.whole_calls) { "tool_calls" } else { "stop" };
    let told = deltas.iter().map(|delta| json!([{"index": 0, "delta": delta, "finish_reason": null}]));
    let end = json!([{"index": 0, "delta": {}, "finish_reason": finish}]);
    let mut chunks: Vec<Value> = told.chain([end]).map(chunk).collect();
    let is_bare = Misbehaviour::on(misbehaviour.bare_ends);
    if request["stream_options"]["include_usage"] == true && !is_bare {
        let mut last = chunk(json!([]));
        last["usage"] = usage(request, &deltas);
        chunks.push(last);
    }
    let event = |text: String| Bytes::from(format!("data: {text}\n\n"));
    // A comment, which servers send while they wait.
    let mut pieces = vec![Bytes::from_static(b": keep-alive\n\n")];
    pieces.extend(chunks.iter().map(Value::to_string).map(event));
    if !is_bare {
        pieces.push(event("[DONE]".to_owned()));
    }
    pieces
}

fn call(name: &str, arguments: &Value, index: usize, misbehaviour: &Misbehaviour, id: &str, deltas: &mut Vec<Value>) {
    let is_empty = Misbehaviour::on(misbehaviour.empty_arguments);
    let arguments = if is_empty { String::new() } else { arguments.to_string() };
    let piece = |index: usize, function: Value| json!({"tool_calls": [{"index": index, "function": function}]});
    let named = |index: usize, arguments: &str| {
        json!({"tool_calls": [{
            "index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments},
        }]})
    };
    if Misbehaviour::on(misbehaviour.whole_calls) {
        return deltas.push(named(0, &arguments));
    }
    deltas.push(named(index, ""));
    let half = arguments.ceil_char_boundary(arguments.len() / 2);
    let halves = [&arguments[..half], &arguments[half..]].into_iter().filter(|half| !half.is_empty());
    deltas.extend(halves.map(|half| piece(index, json!({"arguments": half}))));
}

/// The same text as models write it when nobody forbids it.
fn rich(text: &str) -> String {
    format!("**{text}** \u{1F642} See https://example.com/a_b for *more*.")
}

/// What the answer cost, by a rule of thumb: four characters are a token.
fn usage(request: &Value, deltas: &[Value]) -> Value {
    let characters = |value: &Value| value.to_string().chars().count();
    let prompt = (characters(&request["messages"]) + characters(&request["tools"])).div_ceil(4);
    let texts = deltas.iter().filter_map(|delta| delta["content"].as_str().map(str::len).or(Some(16)));
    let completion = texts.sum::<usize>().div_ceil(4);
    json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The deltas of the calls, and the end.
    fn streamed(rehearse: &str) -> (Vec<Value>, Value, String) {
        let request = json!({"model": "small", "messages": [], "stream_options": {"include_usage": true}});
        let find = Part::Call { name: "find".to_owned(), arguments: json!({"what": "tea"}) };
        let says = [Part::Words("One moment.".to_owned()), find.clone(), find];
        let misbehaviour = Misbehaviour::default().with(rehearse).unwrap();
        let pieces = pieces(&request, &says, &misbehaviour, &mut Ids::new(1), 0);
        let body: String = pieces.iter().map(|piece| std::str::from_utf8(piece).unwrap()).collect();
        let data = body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        let chunks: Vec<Value> = data.map(|data| serde_json::from_str(data).unwrap()).collect();
        let deltas = chunks.iter().map(|chunk| chunk["choices"][0]["delta"].clone());
        let calls = deltas.filter(|delta| delta["tool_calls"].is_array()).map(|it| it["tool_calls"][0].clone());
        let last = chunks.iter().find(|chunk| !chunk["choices"][0]["finish_reason"].is_null()).unwrap();
        (calls.collect(), last["choices"][0]["finish_reason"].clone(), body)
    }

    #[test]
    fn calls_come_in_pieces_with_an_index_each() {
        let (calls, finish, body) = streamed("");
        let indices: Vec<u64> = calls.iter().filter_map(|call| call["index"].as_u64()).collect();
        assert_eq!((indices, finish), (vec![0, 0, 0, 1, 1, 1], json!("tool_calls")));
        let arguments: String = calls[..3].iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
        assert_eq!(arguments, r#"{"what":"tea"}"#);
        assert!(body.ends_with("data: [DONE]\n\n") && body.contains(r#""choices":[],"#) && body.contains("\"usage\""));
    }

    #[test]
    fn open_servers_cheat() {
        let (calls, finish, body) = streamed("whole_calls:1,empty_arguments:1,bare_ends:1,thoughts:1");
        assert!(calls.iter().all(|call| call["index"] == 0 && call["function"]["arguments"] == ""));
        assert!(calls.len() == 2 && calls[0]["id"] != calls[1]["id"]);
        assert_eq!(finish, "stop");
        assert!(!body.contains("[DONE]") && !body.contains("usage") && body.contains("<thi"));
    }
}
