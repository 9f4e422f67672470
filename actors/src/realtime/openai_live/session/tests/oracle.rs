//! An independent judge of what this crate sends: the rules of the protocol, as the official types
//! and recordings have them. It knows nothing of the session.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The keys that each client event may have, and the keys that it must have.
const EVENTS: [(&str, &[&str], &[&str]); 10] = [
    ("session.start", &["session"], &["session"]),
    ("session.update", &["session"], &["session"]),
    ("session.input_audio.append", &["audio"], &["audio"]),
    ("session.instructions.append", APPEND, APPEND),
    ("session.thinking.append", APPEND, APPEND),
    ("session.commentary.append", APPEND, APPEND),
    ("response.item.create", &["item"], &["item"]),
    ("response.create", &[], &[]),
    ("session.close", &[], &[]),
    ("session.input_audio.mute", &[], &[]),
];
const APPEND: &[&str] = &["content", "delegation_id"];
const SESSION: &[&str] = &["model", "instructions", "audio", "delegation", "input", "safety_identifier", "store"];
const RESPONSES: &[&str] = &[
    "model",
    "instructions",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "text",
    "max_output_tokens",
    "service_tier",
];

/// What is wrong with a client event by itself.
pub(crate) fn check_client(event: &Value) -> Vec<String> {
    let mut bad = Vec::new();
    let kind = event["type"].as_str().unwrap_or_default();
    let Some((_, may, must)) = EVENTS.iter().find(|(known, ..)| *known == kind) else {
        return vec![format!("unknown event type `{kind}`")];
    };
    let envelope = ["type", "event_id"];
    keys(event, &[&envelope[..], may].concat(), kind, &mut bad);
    for key in *must {
        if event.get(key).is_none() {
            bad.push(format!("{kind} has no {key}"));
        }
    }
    if event["event_id"].as_str().is_none_or(str::is_empty) {
        bad.push(format!("{kind} has no event_id"));
    }
    match kind {
        "session.start" => session(&event["session"], &mut bad),
        "session.update" => {
            keys(&event["session"], &["delegation", "triggers"], "session.update", &mut bad);
            delegation(&event["session"]["delegation"], &mut bad);
        }
        "session.input_audio.append" if event["audio"].as_str().is_none_or(str::is_empty) => {
            bad.push("empty audio".to_owned());
        }
        "response.item.create" => {
            let item = &event["item"];
            keys(item, &["type", "call_id", "output"], "item", &mut bad);
            if item["type"] != "function_call_output" || item["output"].as_str().is_none() {
                bad.push("an item that is no output".to_owned());
            }
        }
        _ if may == &APPEND => {
            let content = event["content"].as_str().unwrap_or_default();
            if content.trim().is_empty() || content.len() > 480 {
                bad.push(format!("an append of {} bytes", content.len()));
            }
        }
        _ => {}
    }
    bad
}

fn session(session: &Value, bad: &mut Vec<String>) {
    keys(session, SESSION, "session", bad);
    if session["model"].as_str().is_none_or(str::is_empty) {
        bad.push("no model".to_owned());
    }
    keys(&session["audio"], &["format", "output"], "session.audio", bad);
    let format = &session["audio"]["format"];
    keys(format, &["type", "rate"], "session.audio.format", bad);
    let known = [("audio/pcm", 24_000), ("audio/pcm", 16_000), ("audio/pcmu", 8_000), ("audio/pcma", 8_000)];
    if !known.iter().any(|(kind, rate)| format["type"] == *kind && format["rate"] == *rate) {
        bad.push(format!("no such format: {format}"));
    }
    let input = session["input"].as_array().map(Vec::as_slice).unwrap_or_default();
    if input.len() > 128 {
        bad.push("more than 128 messages".to_owned());
    }
    for message in input {
        keys(message, &["type", "role", "content"], "input", bad);
        let parts = message["content"].as_array().map_or(0, Vec::len);
        let part = &message["content"][0];
        let kind = if message["role"] == "assistant" { "output_text" } else { "input_text" };
        let role = ["developer", "user", "assistant"].iter().any(|role| message["role"] == *role);
        if parts != 1 || part["type"] != kind || !role || part["text"].as_str().is_none_or(str::is_empty) {
            bad.push(format!("no such message: {message}"));
        }
    }
    delegation(&session["delegation"], bad);
}

fn delegation(delegation: &Value, bad: &mut Vec<String>) {
    keys(delegation, &["type", "acknowledgement_delay_ms", "responses"], "delegation", bad);
    let responses = &delegation["responses"];
    keys(responses, RESPONSES, "delegation.responses", bad);
    if delegation["type"] == "client" && !responses.is_null() {
        bad.push("responses of a client".to_owned());
    }
    for tool in responses["tools"].as_array().into_iter().flatten() {
        keys(tool, &["type", "name", "description", "parameters", "strict"], "tool", bad);
    }
}

fn keys(object: &Value, known: &[&str], place: &str, bad: &mut Vec<String>) {
    for key in object.as_object().into_iter().flat_map(serde_json::Map::keys) {
        if !known.contains(&key.as_str()) {
            bad.push(format!("unknown key {place}.{key}"));
        }
    }
}

/// Rules over both directions of one session, in wire order.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    pub(crate) bad: Vec<String>,
    start_sent: bool,
    started: bool,
    closing: bool,
    ended: bool,
    mode: String,
    bytes_per_ms: f64,
    ids: BTreeSet<String>,
    delegations: BTreeSet<String>,
    /// The calls of the server's model, with their responses and whether they are answered.
    calls: BTreeMap<String, (String, bool)>,
    running: Vec<String>,
    sent_ms: f64,
    first_audio_ms: Option<f64>,
    last_audio_ms: f64,
    items: usize,
    item_bytes: usize,
    ordered: Vec<(f64, String)>,
}

/// How far the caller's audio may be from real time, in ms.
const LEAD_MS: f64 = 1_200.0;
/// The longest hole in the caller's audio, in ms.
const HOLE_MS: f64 = 200.0;

impl Sequence {
    fn wrong(&mut self, what: impl Into<String>) {
        self.bad.push(what.into());
    }

    /// A client event at this time.
    pub(crate) fn client(&mut self, event: &Value, now_ms: f64) {
        self.bad.extend(check_client(event));
        let kind = event["type"].as_str().unwrap_or_default();
        let id = event["event_id"].as_str().unwrap_or_default().to_owned();
        if !self.ids.insert(id.clone()) {
            self.wrong(format!("event_id {id} used again"));
        }
        if self.ended || self.closing {
            self.wrong(format!("{kind} after the end"));
        }
        if kind == "session.start" {
            return self.start(&event["session"]);
        }
        if !self.started {
            self.wrong(format!("{kind} before session.started"));
        }
        match kind {
            "session.input_audio.append" => self.audio(event["audio"].as_str().unwrap_or_default(), now_ms),
            "response.item.create" => self.output(&event["item"]),
            "response.create" => self.goes_on(),
            "session.update" if event["session"]["delegation"]["type"] != self.mode.as_str() => {
                self.wrong("the type of delegation changed");
            }
            "session.close" => self.closing = true,
            _ if kind.ends_with(".append") => {
                if self.sent_ms == 0.0 {
                    self.wrong("an append before any audio");
                }
                let delegation = event["delegation_id"].as_str();
                if delegation.is_some_and(|id| self.mode != "client" || !self.delegations.contains(id)) {
                    self.wrong(format!("unknown delegation {delegation:?}"));
                }
                if kind == "session.commentary.append" && delegation.is_none() {
                    self.ordered.push((now_ms, event["content"].as_str().unwrap_or_default().to_owned()));
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, session: &Value) {
        if std::mem::replace(&mut self.start_sent, true) {
            self.wrong("a second session.start");
        }
        self.mode = session["delegation"]["type"].as_str().unwrap_or("client").to_owned();
        self.bytes_per_ms = match session["audio"]["format"]["rate"].as_f64() {
            Some(rate) if session["audio"]["format"]["type"] == "audio/pcm" => rate / 500.0,
            Some(rate) => rate / 1_000.0,
            None => 48.0,
        };
    }

    fn audio(&mut self, audio: &str, now_ms: f64) {
        let bytes = base64_simd::STANDARD.decode_to_vec(audio).unwrap_or_default();
        if bytes.is_empty() || self.bytes_per_ms > 8.0 && bytes.len() % 2 == 1 {
            self.wrong("audio that is none");
        }
        let began = *self.first_audio_ms.get_or_insert(now_ms);
        if now_ms - self.last_audio_ms > HOLE_MS && self.sent_ms > 0.0 {
            self.wrong(format!("a hole of {} ms in the caller's audio", now_ms - self.last_audio_ms));
        }
        self.last_audio_ms = now_ms;
        self.sent_ms += bytes.len() as f64 / self.bytes_per_ms;
        let lead = self.sent_ms - (now_ms - began);
        if lead.abs() > LEAD_MS {
            self.wrong(format!("audio {lead} ms ahead of real time"));
        }
    }

    fn output(&mut self, item: &Value) {
        if self.mode != "responses" {
            self.wrong("an output without a hosted model");
        }
        let call = item["call_id"].as_str().unwrap_or_default().to_owned();
        match self.calls.get_mut(&call) {
            None => self.wrong(format!("an output for the unknown call {call}")),
            Some((_, true)) => self.wrong(format!("the call {call} is answered twice")),
            Some((_, answered)) => *answered = true,
        }
        self.items += 1;
        self.item_bytes += item.to_string().len();
        if self.items > 128 || self.item_bytes > 32_768 {
            self.wrong("the input of the hosted model overflows");
        }
    }

    fn goes_on(&mut self) {
        if self.mode != "responses" {
            self.wrong("response.create without a hosted model");
        }
        if self.calls.values().any(|(_, answered)| !answered) {
            self.wrong("response.create with calls unanswered");
        }
        if !self.running.is_empty() {
            self.wrong("response.create while a response runs");
        }
        if self.calls.is_empty() {
            self.wrong("response.create without an answered call");
        }
        self.calls.clear();
    }

    /// A server event.
    pub(crate) fn server(&mut self, event: &Value) {
        let kind = event["type"].as_str().unwrap_or_default();
        match kind {
            "session.started" => self.started = true,
            "session.closed" => self.ended = true,
            "error" if !self.started => self.ended = true,
            "session.delegation.created" => {
                self.delegations.extend(event["delegation"]["id"].as_str().map(str::to_owned));
            }
            "response.event" => self.nested(&event["event"]),
            _ => {}
        }
    }

    fn nested(&mut self, event: &Value) {
        let id = event["response"]["id"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap_or_default() {
            "response.created" => self.running.push(id),
            "response.completed" => self.running.retain(|running| *running != id),
            "response.failed" | "response.incomplete" => {
                self.running.retain(|running| *running != id);
                self.calls.retain(|_, (response, _)| *response != id);
            }
            "response.output_item.done" if event["item"]["type"] == "function_call" => {
                let call = event["item"]["call_id"].as_str().unwrap_or_default().to_owned();
                let response = self.running.last().cloned().unwrap_or_default();
                self.calls.entry(call).or_insert((response, false));
            }
            _ => {}
        }
    }

    /// The socket is gone. `in_order` is whether the session was closed by an order of the call.
    pub(crate) fn end(&mut self, now_ms: f64, in_order: bool) {
        if in_order && self.started && !self.ended {
            self.wrong("no session.closed was awaited");
        }
        if self.started && !self.closing && now_ms - self.last_audio_ms > HOLE_MS {
            self.wrong(format!("the caller's audio stopped {} ms before the end", now_ms - self.last_audio_ms));
        }
    }

    /// The calls of the server's model that have no answer.
    pub(crate) fn unanswered(&self) -> usize {
        self.calls.values().filter(|(_, answered)| !answered).count()
    }

    /// Orders to speak, with their times.
    pub(crate) fn ordered(&self) -> &[(f64, String)] {
        &self.ordered
    }

    /// Whether the session has sent `session.close`.
    pub(crate) const fn is_closing(&self) -> bool {
        self.closing
    }
}

/// The oracle is of no use if it never complains: each broken sequence has its complaint.
mod checks_of_the_oracle {
    use serde_json::json;

    use super::*;

    fn start(delegation: &str) -> Value {
        json!({"type": "session.start", "event_id": "s", "session": {"model": "m",
            "audio": {"format": {"type": "audio/pcmu", "rate": 8_000}}, "delegation": {"type": delegation}, "input": []}})
    }

    fn audio(id: &str, ms: usize) -> Value {
        let audio = base64_simd::STANDARD.encode_to_string(vec![0xFF; ms * 8]);
        json!({"type": "session.input_audio.append", "event_id": id, "audio": audio})
    }

    fn append(id: &str, delegation: &Value) -> Value {
        json!({"type": "session.commentary.append", "event_id": id, "content": "Hello.", "delegation_id": delegation})
    }

    fn output(id: &str, call: &str) -> Value {
        let item = json!({"type": "function_call_output", "call_id": call, "output": "{}"});
        json!({"type": "response.item.create", "event_id": id, "item": item})
    }

    fn bare(kind: &str, id: &str) -> Value {
        json!({"type": kind, "event_id": id})
    }

    fn called(call: &str) -> Value {
        let item = json!({"type": "function_call", "call_id": call});
        json!({"type": "response.event", "event": {"type": "response.output_item.done", "item": item}})
    }

    fn nested(kind: &str) -> Value {
        json!({"type": "response.event", "event": {"type": kind, "response": {"id": "r"}}})
    }

    /// A sequence that has started with this kind of delegation and has sent 20 ms of audio.
    fn begun(delegation: &str) -> Sequence {
        let mut sequence = Sequence::default();
        sequence.client(&start(delegation), 0.0);
        sequence.server(&json!({"type": "session.started"}));
        sequence.client(&audio("a0", 20), 0.0);
        assert_eq!(sequence.bad, Vec::<String>::new());
        sequence
    }

    #[track_caller]
    fn complains(sequence: &Sequence, words: &str) {
        assert!(sequence.bad.iter().any(|bad| bad.contains(words)), "{words}: {:?}", sequence.bad);
    }

    #[test]
    fn every_broken_sequence_is_told() {
        let mut early = Sequence::default();
        early.client(&start("client"), 0.0);
        early.client(&audio("a", 20), 0.0);
        complains(&early, "before session.started");

        let mut silent = Sequence::default();
        silent.client(&start("client"), 0.0);
        silent.server(&json!({"type": "session.started"}));
        silent.client(&append("c", &Value::Null), 0.0);
        complains(&silent, "before any audio");

        let broken: [(&str, &str, Vec<Value>); 11] = [
            ("responses", "unknown delegation", vec![append("c", &json!("d"))]),
            ("client", "unknown delegation", vec![append("c", &json!("d"))]),
            ("client", "without a hosted model", vec![bare("response.create", "g")]),
            ("responses", "ahead of real time", vec![audio("b", 2_000)]),
            ("responses", "used again", vec![append("c", &Value::Null), append("c", &Value::Null)]),
            ("responses", "a second session.start", vec![start("responses")]),
            ("responses", "unknown call", vec![output("o", "x")]),
            ("responses", "after the end", vec![bare("session.close", "b"), append("c", &Value::Null)]),
            ("responses", "unknown event type", vec![bare("response.cancel", "c")]),
            (
                "responses",
                "no delegation_id",
                vec![json!({"type": "session.thinking.append", "event_id": "t", "content": "x"})],
            ),
            (
                "responses",
                "type of delegation changed",
                vec![json!({"type": "session.update", "event_id": "u", "session": {"delegation": {"type": "client"}}})],
            ),
        ];
        for (delegation, words, events) in broken {
            let mut sequence = begun(delegation);
            events.iter().for_each(|event| sequence.client(event, 0.0));
            complains(&sequence, words);
        }
    }

    #[test]
    fn holes_and_tools_out_of_turn_are_told() {
        let mut hole = begun("responses");
        hole.client(&audio("b", 20), 500.0);
        complains(&hole, "a hole of");
        hole.end(1_500.0, true);
        complains(&hole, "no session.closed");
        complains(&hole, "stopped 1000 ms before the end");

        let mut hasty = begun("responses");
        [nested("response.created"), called("x")].iter().for_each(|event| hasty.server(event));
        hasty.client(&bare("response.create", "g"), 10.0);
        complains(&hasty, "calls unanswered");
        complains(&hasty, "while a response runs");

        let mut twice = begun("responses");
        [nested("response.created"), called("x")].iter().for_each(|event| twice.server(event));
        twice.client(&output("o", "x"), 10.0);
        twice.client(&output("p", "x"), 10.0);
        complains(&twice, "answered twice");
    }
}
