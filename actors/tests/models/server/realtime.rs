//! A server of the Realtime API: sessions, items, responses. It generates five times faster than
//! the phone plays, detects turns, answers them and stops for the caller.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Base, Deed, Known, Message, Noticed, Server, base64, from_base64, ms, words_for, words_within};

pub(crate) struct Realtime {
    base: Base,
    configured: bool,
    /// The running response.
    running: Option<Running>,
    /// The agent's items, with the audio that was sent of each, in ms.
    items: BTreeMap<String, u64>,
    /// The item of the caller's turn.
    turn: Option<String>,
    calls: Vec<String>,
    answered: Vec<String>,
    /// Whether the session has its voice one level up, as in a dialect.
    lifted: bool,
    /// The last text of the system there.
    told: Option<String>,
}

struct Running {
    id: String,
    ends: Instant,
}

impl Realtime {
    pub(crate) fn new(base: Base) -> Self {
        let (items, calls, answered) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { base, configured: false, running: None, items, turn: None, calls, answered, lifted: false, told: None }
    }

    fn refuse(&mut self, event: &Value, code: &str, now: Instant) {
        let about = event["event_id"].clone();
        let error = json!({"type": "invalid_request_error", "code": code, "message": code, "event_id": about});
        self.base.send(now, &json!({"type": "error", "error": error}));
    }

    fn configure(&mut self, session: &Value, now: Instant) {
        if let Some(prompt) = session["instructions"].as_str() {
            self.base.knows.push(Known::Prompt(prompt.to_owned()));
        }
        self.lifted |= session.get("voice").is_some();
        let mut session = session.clone();
        session["id"] = json!("sess_1");
        self.base.send(now + ms(20), &json!({"type": "session.updated", "session": session}));
        self.configured = true;
    }

    fn listen(&mut self, audio: &[u8], now: Instant) {
        let at = self.base.ears.ms;
        match self.base.ears.hear(audio) {
            Some(Noticed::Began) => {
                let item = format!("item_c{}", self.base.next_number());
                let event = json!({"type": "input_audio_buffer.speech_started", "audio_start_ms": at, "item_id": item});
                self.base.send(now, &event);
                self.turn = Some(item);
                self.cancel("turn_detected", now);
            }
            Some(Noticed::Ended) => self.turn_ended(now),
            None => {}
        }
    }

    fn turn_ended(&mut self, now: Instant) {
        let Some(item) = self.turn.take() else { return };
        let words = self.base.caller_words();
        let item = &json!(item);
        for event in [
            json!({"type": "input_audio_buffer.speech_stopped", "audio_end_ms": 1, "item_id": item}),
            json!({"type": "input_audio_buffer.committed", "item_id": item}),
            json!({"type": "conversation.item.added", "item": {"id": item, "type": "message", "role": "user",
                "content": [{"type": "input_audio"}]}}),
        ] {
            self.base.send(now, &event);
        }
        self.base.send(
            now + ms(400),
            &json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": item,
                "content_index": 0, "transcript": words}),
        );
        self.base.knows.push(Known::Text("user".to_owned(), words));
        match self.base.deed() {
            Deed::Says(words) => self.say(&words, &Value::Null, now + ms(200)),
            Deed::Calls(name, arguments) => self.call(name, &arguments, now + ms(200)),
            Deed::Nothing => {}
        }
    }

    /// Begins a response with these words.
    fn say(&mut self, words: &str, metadata: &Value, at: Instant) {
        let id = self.begin(metadata, at);
        let item = format!("item_a{}", self.base.next_number());
        let length = self.base.says(words);
        let added = json!({"id": item, "type": "message", "role": "assistant", "status": "in_progress", "content": []});
        let of = Some(id.as_str());
        let send = |base: &mut Base, at: Instant, event: Value, ms: u64| {
            base.schedule(at, Message::Text(event.to_string()), of, ms);
        };
        send(&mut self.base, at, json!({"type": "response.output_item.added", "response_id": id, "item": added}), 0);
        send(&mut self.base, at, json!({"type": "conversation.item.added", "item": added}), 0);
        let (mut at, mut left, mut written) = (at, length, 0);
        while left > 0 {
            let piece = left.min(200);
            // The words are a little ahead of their audio.
            let spoken = words_within(words, length - left + piece + 200);
            let delta = json!({"type": "response.output_audio_transcript.delta", "response_id": id, "item_id": item,
                "delta": &words[written..spoken]});
            send(&mut self.base, at, delta, 0);
            written = spoken;
            let audio = base64(&self.base.voice(piece));
            let delta = json!({"type": "response.output_audio.delta", "response_id": id, "item_id": item,
                "output_index": 0, "content_index": 0, "delta": audio});
            send(&mut self.base, at, delta, piece);
            left -= piece;
            at += ms(piece / 5);
        }
        let part = |kind: &str| json!({"type": kind, "response_id": id, "item_id": item, "transcript": words});
        send(&mut self.base, at, part("response.output_audio.done"), 0);
        send(&mut self.base, at, part("response.output_audio_transcript.done"), 0);
        let done = json!({"id": item, "type": "message", "role": "assistant", "status": "completed",
            "content": [{"type": "output_audio", "transcript": words}]});
        send(&mut self.base, at, json!({"type": "response.output_item.done", "response_id": id, "item": done}), 0);
        self.items.insert(item, 0);
        self.finish(&id, "completed", None, &json!([done]), length, at);
    }

    /// Begins a response that calls a tool.
    fn call(&mut self, name: &str, arguments: &Value, at: Instant) {
        let id = self.begin(&Value::Null, at);
        let call = self.base.next_call();
        let item = json!({"id": format!("item_f{}", self.base.next_number()), "type": "function_call",
            "status": "completed", "call_id": call, "name": name, "arguments": arguments.to_string()});
        let times = if self.base.mind.borrow().repeats_calls { 2 } else { 1 };
        for _ in 0..times {
            for kind in ["response.output_item.added", "response.output_item.done"] {
                let event = json!({"type": kind, "response_id": id, "item": item}).to_string();
                self.base.schedule(at, Message::Text(event), Some(&id), 0);
            }
        }
        self.calls.push(call);
        self.finish(&id, "completed", None, &json!([item]), 0, at);
    }

    fn begin(&mut self, metadata: &Value, at: Instant) -> String {
        let id = format!("resp_{}", self.base.next_number());
        let response = json!({"id": id, "status": "in_progress", "output": [], "metadata": metadata});
        let event = json!({"type": "response.created", "response": response}).to_string();
        self.base.schedule(at, Message::Text(event), Some(&id), 0);
        self.running = Some(Running { id: id.clone(), ends: at });
        id
    }

    fn finish(&mut self, id: &str, status: &str, reason: Option<&str>, output: &Value, length: u64, at: Instant) {
        let usage = json!({"input_tokens": 120, "output_tokens": 20 + length / 50,
            "input_token_details": {"text_tokens": 100, "audio_tokens": 20},
            "output_token_details": {"text_tokens": 20, "audio_tokens": length / 50}});
        let details = reason.map_or(Value::Null, |reason| json!({"type": status, "reason": reason}));
        let response = json!({"id": id, "status": status, "status_details": details, "output": output, "usage": usage});
        let event = json!({"type": "response.done", "response": response}).to_string();
        self.base.schedule(at, Message::Text(event), Some(id), 0);
        self.running = (status == "completed").then(|| Running { id: id.to_owned(), ends: at });
    }

    fn cancel(&mut self, reason: &str, now: Instant) {
        if let Some(running) = self.running.take().filter(|running| running.ends > now) {
            self.base.take_back(&running.id);
            self.finish(&running.id, "cancelled", Some(reason), &json!([]), 0, now);
        }
    }

    fn create(&mut self, event: &Value, now: Instant) {
        if self.running.as_ref().is_some_and(|running| running.ends > now) {
            return self.refuse(event, "conversation_already_has_active_response", now);
        }
        if self.calls.iter().any(|call| !self.answered.contains(call)) {
            self.base.is_wrong("a response was requested while a tool call is unanswered");
        }
        let response = &event["response"];
        if let Some(words) = response["pre_generated_assistant_message"]["content"][0]["text"].as_str() {
            return self.say_exactly(words, now);
        }
        // A dialect without instructions of a response is told them in a text before it.
        let told = self.told.take();
        let order = response["instructions"].as_str().map(str::to_owned).or(told).unwrap_or_default();
        self.base.knows.push(Known::Asked(order.clone()));
        self.say(&words_for(&order), &response["metadata"], now + ms(200));
    }

    /// Says words that a dialect orders as they are. The response repeats no metadata.
    fn say_exactly(&mut self, words: &str, now: Instant) {
        self.base.knows.push(Known::Asked(words.to_owned()));
        self.say(words, &Value::Null, now + ms(200));
    }

    fn create_item(&mut self, event: &Value, now: Instant) {
        let item = &event["item"];
        let text = |part: &Value| part["text"].as_str().map(str::to_owned);
        let content = item["content"].as_array().into_iter().flatten().filter_map(text).collect::<Vec<_>>().join(" ");
        match item["type"].as_str() {
            Some("force_message") => self.say_exactly(&content, now),
            Some("message") => {
                let role = item["role"].as_str().unwrap_or_default().to_owned();
                if self.lifted && role == "system" {
                    self.told = Some(content.clone());
                }
                self.base.knows.push(Known::Text(role, content));
            }
            Some("function_call") => {
                let name = item["name"].as_str().unwrap_or_default();
                self.base.knows.push(Known::Text("call".to_owned(), name.to_owned()));
                self.calls.push(item["call_id"].as_str().unwrap_or_default().to_owned());
            }
            Some("function_call_output") => {
                let call = item["call_id"].as_str().unwrap_or_default().to_owned();
                if self.answered.contains(&call) || !self.calls.contains(&call) {
                    self.base.is_wrong(format!("{call} is unknown or was answered before"));
                }
                let output = item["output"].as_str().unwrap_or_default().to_owned();
                self.answered.push(call.clone());
                self.base.knows.push(Known::Result(call, output));
            }
            other => self.base.is_wrong(format!("an item of type {other:?}")),
        }
        let mut item = item.clone();
        if item["id"].is_null() {
            item["id"] = json!(format!("item_x{}", self.base.next_number()));
        }
        self.base.send(now, &json!({"type": "conversation.item.added", "item": item}));
    }

    fn truncate(&mut self, event: &Value, now: Instant) {
        let (item, end) = (event["item_id"].as_str().unwrap_or_default(), event["audio_end_ms"].as_u64().unwrap_or(0));
        match self.items.get(item) {
            Some(sent) if end <= *sent => {
                self.base.knows.push(Known::Cut(item.to_owned(), end));
                self.base.send(
                    now,
                    &json!({"type": "conversation.item.truncated", "item_id": item, "content_index": 0,
                    "audio_end_ms": end}),
                );
            }
            Some(sent) => self.base.is_wrong(format!("{item} was cut at {end} ms and has {sent}")),
            // An item of another session.
            None => self.refuse(event, "item_truncate_invalid_item_id", now),
        }
    }
}

impl Server for Realtime {
    fn opened(&mut self, now: Instant) {
        let session = json!({"id": "sess_1", "type": "realtime", "expires_at": self.base.expires_at});
        self.base.send(now, &json!({"type": "session.created", "session": session}));
    }

    fn hear(&mut self, event: &Value, now: Instant) {
        let kind = event["type"].as_str().unwrap_or_default();
        if !self.configured && kind != "session.update" {
            self.base.is_wrong(format!("{kind} came before the configuration"));
        }
        match kind {
            "session.update" => self.configure(&event["session"], now),
            "input_audio_buffer.append" => self.listen(&from_base64(&event["audio"]), now),
            "input_audio_buffer.clear" => {
                self.base.ears.forget();
                self.turn = None;
                self.base.send(now, &json!({"type": "input_audio_buffer.cleared"}));
            }
            "input_audio_buffer.commit" => self.turn_ended(now),
            "conversation.item.create" => self.create_item(event, now),
            "conversation.item.truncate" => self.truncate(event, now),
            "conversation.item.delete" => {
                let item = event["item_id"].as_str().unwrap_or_default().to_owned();
                self.base.send(now, &json!({"type": "conversation.item.deleted", "item_id": item}));
                self.base.knows.push(Known::Deleted(item));
            }
            "response.create" => self.create(event, now),
            "response.cancel" if self.running.as_ref().is_some_and(|running| running.ends > now) => {
                self.cancel("client_cancelled", now);
            }
            "response.cancel" => self.refuse(event, "response_cancel_not_active", now),
            other => self.base.is_wrong(format!("no such event: {other:?}")),
        }
    }

    fn due_messages(&mut self, now: Instant) -> Vec<Message> {
        let due = self.base.take_due(now);
        for (message, ms) in due.iter().filter(|(_, ms)| *ms > 0) {
            let Message::Text(text) = message else { continue };
            let event: Value = serde_json::from_str(text).unwrap_or_default();
            if let Some(sent) = event["item_id"].as_str().and_then(|item| self.items.get_mut(item)) {
                *sent += ms;
            }
        }
        due.into_iter().map(|(message, _)| message).collect()
    }

    /// The end is known from the first message.
    fn ends_in(&mut self, _: Duration, _: Instant) {}

    fn garbage(&self) -> Vec<Message> {
        let long = "x".repeat(5_000_000);
        let texts = [
            "{".to_owned(),
            "null".to_owned(),
            json!({"type": 7}).to_string(),
            json!({"type": "response.output_audio.delta", "delta": "*", "response_id": 3}).to_string(),
            json!({"type": "no.such.event", "text": long}).to_string(),
            json!({"type": "response.output_audio_transcript.delta", "delta": long}).to_string(),
            json!({"type": "conversation.item.added", "item": {"type": "message", "content": long}}).to_string(),
            json!({"type": "response.output_item.done", "item": null}).to_string(),
        ];
        texts.into_iter().map(Message::Text).chain([Message::Binary(vec![0xFF; 64])]).collect()
    }

    fn base(&mut self) -> &mut Base {
        &mut self.base
    }
}
