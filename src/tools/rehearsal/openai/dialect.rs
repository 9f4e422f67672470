//! Servers that speak the protocol in a dialect, played by translation: the client's events become
//! those of the GA protocol, and the server's become those of the dialect. Pure.
//!
//! `?dialect=` in the URL chooses one. Each is as its vendor's pages have it, and what it does not
//! have is refused or ignored as there.

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::tools::rehearsal::outgoing::Out;
use crate::tools::rehearsal::protocol::ServerSession;

/// A dialect.
#[derive(Debug)]
struct Row {
    word: &'static str,
    /// The client's event in the GA protocol; `None` if it is ignored or answered by itself.
    read: fn(Value, &mut VecDeque<Out>) -> Option<Value>,
    /// The server's event in the dialect: none, one, or several.
    write: fn(Value, &mut Said) -> Vec<Value>,
}

const ROWS: [Row; 5] = [
    Row { word: "partial", read: read_partial, write: write_partial },
    Row { word: "beta", read: read_flat, write: write_beta },
    Row { word: "xai", read: read_xai, write: write_xai },
    Row { word: "azure_voice_live", read: read_flat, write: write_beta },
    Row { word: "inworld", read: read_inworld, write: write_inworld },
];

/// What was said so far, for events that repeat it.
#[derive(Debug, Default)]
struct Said {
    events: u64,
    item: String,
    words: String,
}

/// A session that is translated.
pub(super) struct Translated {
    inner: Box<dyn ServerSession>,
    row: &'static Row,
    said: Said,
    queue: VecDeque<Out>,
}

/// The session in this dialect.
///
/// # Errors
/// The dialect is unknown.
pub(super) fn translated(word: &str, inner: Box<dyn ServerSession>) -> Result<Box<dyn ServerSession>, String> {
    let row = ROWS.iter().find(|row| row.word == word).ok_or_else(|| format!("unknown dialect {word:?}"))?;
    Ok(Box::new(Translated { inner, row, said: Said::default(), queue: VecDeque::new() }))
}

impl ServerSession for Translated {
    fn hear_text(&mut self, text: &str, now: Instant) {
        let audio = text.starts_with(r#"{"type":"input_audio_buffer.append""#);
        let event = if audio { None } else { serde_json::from_str(text).ok() };
        match event {
            Some(event) => {
                if let Some(event) = (self.row.read)(event, &mut self.queue) {
                    self.inner.hear_text(&event.to_string(), now);
                }
            }
            None => self.inner.hear_text(text, now),
        }
    }

    fn hear_binary(&mut self, bytes: &[u8], now: Instant) {
        self.inner.hear_binary(bytes, now);
    }

    fn hear_pong(&mut self) {
        self.inner.hear_pong();
    }

    fn next_out(&mut self) -> Option<Out> {
        loop {
            if let Some(out) = self.queue.pop_front() {
                return Some(out);
            }
            let out = self.inner.next_out()?;
            let Out::Event(text) = &out else { return Some(out) };
            // Rehearsed garbage is no JSON.
            let Ok(event) = serde_json::from_str(text) else { return Some(out) };
            self.said.events += 1;
            let events = (self.row.write)(event, &mut self.said);
            self.queue.extend(events.into_iter().map(|event| Out::Event(event.to_string().into())));
        }
    }

    fn waiting(&self) -> usize {
        self.queue.len() + self.inner.waiting()
    }

    fn deadline(&self) -> Instant {
        self.inner.deadline()
    }

    fn tick(&mut self, now: Instant) {
        self.inner.tick(now);
    }
}

fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap_or_default()
}

/// Removes a key and returns its value.
fn take(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut()?.remove(key)
}

/// Refuses an event that the dialect does not have.
fn refuse(event: &Value, queue: &mut VecDeque<Out>) {
    let message = format!("Invalid value: '{}'.", kind(event));
    let error = json!({"type": "invalid_request_error", "code": "invalid_value", "message": message,
        "event_id": event["event_id"]});
    queue.push_back(Out::Event(json!({"type": "error", "error": error}).to_string().into()));
}

/// A transcription setting of another vendor.
fn transcription(found: Option<Value>, language: &str) -> Value {
    let Some(found) = found.filter(Value::is_object) else { return Value::Null };
    let code = found[language].as_str().and_then(|code| code.split('-').next()).map(str::to_owned);
    let mut ours = json!({"model": "gpt-4o-transcribe"});
    if let Some(code) = code {
        ours["language"] = json!(code);
    }
    ours
}

/// An order to say these words.
fn exactly(event: &Value, content: &Value) -> Value {
    let words = content["content"][0]["text"].as_str().unwrap_or_default();
    let instructions = format!("Say exactly these words and nothing else: “{words}”");
    json!({"type": "response.create", "event_id": event["event_id"], "response": {"instructions": instructions}})
}

fn read_partial(event: Value, queue: &mut VecDeque<Out>) -> Option<Value> {
    match kind(&event) {
        // They are acknowledged, and nothing is done.
        "conversation.item.truncate" | "conversation.item.delete" => {
            let done = format!("{}d", kind(&event));
            queue.push_back(Out::Event(json!({"type": done, "item_id": event["item_id"]}).to_string().into()));
            None
        }
        _ => Some(event),
    }
}

fn write_partial(mut event: Value, said: &mut Said) -> Vec<Value> {
    let left_out = ["response.created", "response.output_audio.done", "input_audio_buffer.speech_stopped"];
    let families =
        ["conversation.item.added", "conversation.item.done", "response.output_item.", "response.content_part."];
    let name = kind(&event);
    if left_out.contains(&name)
        || families.iter().any(|family| name.starts_with(family))
        || name == "input_audio_buffer.committed"
    {
        return Vec::new();
    }
    if name == "response.done" {
        take(&mut event["response"], "metadata");
        take(&mut event["response"], "usage");
    } else if name == "session.created" {
        event["session"] = json!({});
    }
    // Nor has it ids of its events.
    take(&mut event, "event_id");
    said.events += 1;
    vec![event]
}

/// The flat session and the older names.
fn read_flat(mut event: Value, _: &mut VecDeque<Out>) -> Option<Value> {
    match kind(&event) {
        "session.update" => {
            let flat = event["session"].take();
            event["session"] = nested(flat);
        }
        "response.create" => {
            if let Some(message) = take(&mut event["response"], "pre_generated_assistant_message") {
                return Some(exactly(&event, &message));
            }
            take(&mut event["response"], "metadata");
        }
        "conversation.item.create" => {
            for part in event["item"]["content"].as_array_mut().into_iter().flatten() {
                if part["type"] == "text" {
                    part["type"] = json!("output_text");
                }
            }
        }
        _ => {}
    }
    Some(event)
}

fn nested(mut flat: Value) -> Value {
    let mut session = Map::new();
    session.insert("type".to_owned(), json!("realtime"));
    let format = |found: Option<Value>| match found.as_ref().and_then(Value::as_str) {
        Some("g711_ulaw") => json!({"type": "audio/pcmu"}),
        Some("g711_alaw") => json!({"type": "audio/pcma"}),
        _ => json!({"type": "audio/pcm", "rate": 24000}),
    };
    let (mut input, mut output) = (Map::new(), Map::new());
    if let Some(voice) = take(&mut flat, "voice") {
        // Voices of others are played by one of ours.
        let ours = if voice == "cedar" { "cedar" } else { "marin" };
        output.insert("voice".to_owned(), json!(ours));
        input.insert("format".to_owned(), format(take(&mut flat, "input_audio_format")));
        output.insert("format".to_owned(), format(take(&mut flat, "output_audio_format")));
    }
    if let Some(found) = take(&mut flat, "input_audio_transcription") {
        input.insert("transcription".to_owned(), transcription(Some(found), "language"));
    }
    if let Some(mut turns) = take(&mut flat, "turn_detection") {
        take(&mut turns, "auto_truncate");
        if turns["type"].as_str().is_some_and(|kind| kind.contains("semantic")) {
            turns["type"] = json!("semantic_vad");
        }
        input.insert("turn_detection".to_owned(), turns);
    }
    session.insert("audio".to_owned(), json!({"input": input, "output": output}));
    for key in ["instructions", "tools", "tool_choice"] {
        if let Some(value) = take(&mut flat, key) {
            session.insert(key.to_owned(), value);
        }
    }
    if let Some(tokens) = take(&mut flat, "max_response_output_tokens") {
        session.insert("max_output_tokens".to_owned(), tokens);
    }
    Value::Object(session)
}

fn write_beta(mut event: Value, _: &mut Said) -> Vec<Value> {
    let name = kind(&event).to_owned();
    let name = match name.as_str() {
        "conversation.item.done" => return Vec::new(),
        "conversation.item.added" => "conversation.item.created".to_owned(),
        other => {
            other.replace("response.output_audio", "response.audio").replace("response.output_text", "response.text")
        }
    };
    if name.starts_with("session.") {
        let session = &mut event["session"];
        let audio = take(session, "audio").unwrap_or_default();
        for (direction, key) in [("input", "input_audio_format"), ("output", "output_audio_format")] {
            session[key] = json!(match audio[direction]["format"]["type"].as_str() {
                Some("audio/pcmu") => "g711_ulaw",
                Some("audio/pcma") => "g711_alaw",
                _ => "pcm16",
            });
        }
    } else if name == "response.created" || name == "response.done" {
        take(&mut event["response"], "metadata");
    } else if name == "response.function_call_arguments.done" {
        take(&mut event, "name");
    }
    event["type"] = json!(name);
    vec![event]
}

fn read_xai(mut event: Value, _: &mut VecDeque<Out>) -> Option<Value> {
    match kind(&event) {
        "session.update" => {
            let mut session = event["session"].take();
            let voice = take(&mut session, "voice");
            let turns = take(&mut session, "turn_detection");
            let mut audio = take(&mut session, "audio").unwrap_or_else(|| json!({}));
            for direction in ["input", "output"] {
                let format = &mut audio[direction]["format"];
                if format["type"] != "audio/pcm" {
                    take(format, "rate");
                }
                if format.is_null() {
                    take(&mut audio[direction], "format");
                }
            }
            if let Some(found) = take(&mut audio["input"], "transcription") {
                audio["input"]["transcription"] = transcription(Some(found), "language_hint");
            }
            if voice.is_some() {
                audio["output"]["voice"] = json!("marin");
            }
            if let Some(mut turns) = turns.filter(Value::is_object) {
                turns["create_response"] = json!(true);
                turns["interrupt_response"] = json!(true);
                audio["input"]["turn_detection"] = turns;
            }
            let mut ours = json!({"type": "realtime", "audio": audio});
            // Whatever else is there is ignored.
            for key in ["instructions", "tools"] {
                if let Some(value) = take(&mut session, key) {
                    ours[key] = value;
                }
            }
            event["session"] = ours;
        }
        "response.create" => {
            take(&mut event["response"], "instructions");
            take(&mut event["response"], "tool_choice");
        }
        "conversation.item.create" if event["item"]["type"] == "force_message" => {
            let item = event["item"].take();
            return Some(exactly(&event, &item));
        }
        _ => {}
    }
    Some(event)
}

fn write_xai(mut event: Value, said: &mut Said) -> Vec<Value> {
    let mut events = Vec::new();
    match kind(&event) {
        "session.created" => events.push(json!({"type": "conversation.created", "conversation": {"id": "conv_1"}})),
        "conversation.item.input_audio_transcription.delta" => {
            let item = event["item_id"].as_str().unwrap_or_default();
            if said.item != item {
                (said.item, said.words) = (item.to_owned(), String::new());
            }
            said.words.push_str(event["delta"].as_str().unwrap_or_default());
            event["type"] = json!("conversation.item.input_audio_transcription.updated");
            event["transcript"] = json!(said.words);
            take(&mut event, "delta");
        }
        "response.done" => event["response"]["usage"] = json!({}),
        _ => {}
    }
    if event.get("previous_item_id").is_some() {
        event["previous_item_id"] = json!("");
    }
    events.push(event);
    if said.events.is_multiple_of(10) {
        events.push(json!({"type": "ping", "timestamp": said.events}));
    }
    events
}

fn read_inworld(mut event: Value, queue: &mut VecDeque<Out>) -> Option<Value> {
    match kind(&event) {
        "conversation.item.truncate" | "conversation.item.delete" => {
            refuse(&event, queue);
            return None;
        }
        "session.update" => {
            let session = &mut event["session"];
            take(session, "model");
            if let Some(output) = session.pointer_mut("/audio/output").filter(|output| output.is_object()) {
                take(output, "model");
                output["voice"] = json!("marin");
            }
            if let Some(input) = session.pointer_mut("/audio/input").filter(|input| input.is_object())
                && let Some(found) = take(input, "transcription")
            {
                input["transcription"] = transcription(Some(found), "language");
            }
        }
        "response.create" => {
            take(&mut event["response"], "metadata");
        }
        _ => {}
    }
    Some(event)
}

fn write_inworld(event: Value, said: &mut Said) -> Vec<Value> {
    let ping = said.events.is_multiple_of(10).then(|| json!({"type": "ping"}));
    std::iter::once(event).chain(ping).collect()
}
