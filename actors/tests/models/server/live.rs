//! A server of GPT-Live: both directions at once. The caller's audio is its clock: for every 100 ms
//! of it, 100 ms of the model's stream come back, silence included.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Base, Deed, Known, Message, Noticed, Server, base64, from_base64, ms, silence, words_for};

pub(crate) struct Live {
    base: Base,
    started: bool,
    /// The part of the stream that was sent, in ms.
    streamed: u64,
    /// The speeches to come, each with its begin, in ms of the stream.
    to_say: Vec<(u64, String)>,
    speech: Option<Speech>,
    /// Where the caller's turn began.
    turn_from: u64,
    calls: Vec<String>,
    answered: Vec<String>,
    seconds: u64,
}

struct Speech {
    words: String,
    from: u64,
    length: u64,
    /// The letters that were transcribed.
    written: usize,
}

impl Live {
    pub(crate) fn new(base: Base) -> Self {
        Self {
            base,
            started: false,
            streamed: 0,
            to_say: Vec::new(),
            speech: None,
            turn_from: 0,
            calls: Vec::new(),
            answered: Vec::new(),
            seconds: 0,
        }
    }

    fn session(&self) -> Value {
        let expires_at = self.base.expires_at.unwrap_or(7_200.0);
        json!({"id": "live_1", "expires_at": expires_at, "status": "active", "model": "gpt-live-1.1"})
    }

    fn start(&mut self, event: &Value, now: Instant) {
        if self.started {
            self.base.is_wrong("a second session.start");
        }
        self.started = true;
        let session = &event["session"];
        let prompt = session["instructions"].as_str().unwrap_or_default();
        self.base.knows.push(Known::Prompt(prompt.to_owned()));
        for message in session["input"].as_array().into_iter().flatten() {
            let role = message["role"].as_str().unwrap_or_default().to_owned();
            let text = message["content"][0]["text"].as_str().unwrap_or_default().to_owned();
            self.base.knows.push(Known::Text(role, text));
        }
        let started = json!({"type": "session.started", "event_id": "e", "client_event_id": event["event_id"],
            "session": self.session()});
        self.base.send(now + ms(100), &started);
    }

    fn listen(&mut self, audio: &[u8], now: Instant) {
        if audio.is_empty() {
            self.base.is_wrong("an empty append");
        }
        for piece in audio.chunks(20 * self.base.input.bytes_per_ms()) {
            match self.base.ears.hear(piece) {
                Some(Noticed::Began) => {
                    self.turn_from = self.base.ears.turn_from.unwrap_or_default();
                    // It finishes the syllable.
                    let stops = self.streamed;
                    if let Some(speech) = self.speech.as_mut().filter(|speech| speech.from < stops) {
                        speech.length = speech.length.min(stops + 100 - speech.from);
                    }
                    self.to_say.clear();
                }
                Some(Noticed::Ended) => self.turn_ended(now),
                None => {}
            }
            while self.streamed + 100 <= self.base.ears.ms {
                self.stream(now);
            }
        }
    }

    /// Sends the next 100 ms of the stream.
    fn stream(&mut self, now: Instant) {
        let at = self.streamed;
        if self.speech.is_none()
            && let Some(place) = self.to_say.iter().position(|(from, _)| *from <= at)
        {
            let (_, words) = self.to_say.remove(place);
            let length = self.base.says(&words);
            self.speech = Some(Speech { words, from: at, length, written: 0 });
        }
        let speaks = self.speech.as_ref().is_some_and(|speech| at < speech.from + speech.length);
        if speaks {
            self.transcribe(at, now);
        } else {
            self.speech = None;
        }
        let audio = if speaks { self.base.voice(100) } else { silence(self.base.output, 100) };
        self.base.send(now, &json!({"type": "session.output_audio.delta", "delta": base64(&audio)}));
        self.streamed += 100;
        if self.streamed.is_multiple_of(15_000) {
            self.seconds = self.streamed / 1000;
            let usage = json!({"type": "session.usage.updated", "event_id": "u", "usage": {"seconds": self.seconds}});
            self.base.send(now, &usage);
        }
    }

    /// Sends the words of the next 200 ms of a speech.
    fn transcribe(&mut self, at: u64, now: Instant) {
        let Some(speech) = self.speech.as_mut().filter(|speech| (at - speech.from).is_multiple_of(200)) else { return };
        let until = ((at - speech.from + 200) * 15 / 1000) as usize;
        let delta: String = speech.words.chars().skip(speech.written).take(until - speech.written).collect();
        speech.written = until;
        if !delta.is_empty() {
            let event = json!({"type": "session.output_transcript.delta", "event_id": "w", "delta": delta,
                "start_ms": at, "end_ms": at + 200});
            self.base.send(now, &event);
        }
    }

    fn turn_ended(&mut self, now: Instant) {
        let words = self.base.caller_words();
        let end = self.base.ears.ms.saturating_sub(500);
        if !words.is_empty() {
            let event = json!({"type": "session.input_transcript.delta", "event_id": "c", "delta": format!(" {words}"),
                "start_ms": self.turn_from, "end_ms": end.max(self.turn_from)});
            self.base.send(now + ms(100), &event);
        }
        self.base.knows.push(Known::Text("user".to_owned(), words));
        match self.base.deed() {
            Deed::Says(words) => self.to_say.push((self.streamed + 200, words)),
            Deed::Calls(name, arguments) => self.call(name, &arguments, now + ms(300)),
            Deed::Nothing => {}
        }
    }

    fn nested(&mut self, at: Instant, event: &Value) {
        let event = json!({"type": "response.event", "event_id": "n", "delegation_id": "deleg_1", "event": event});
        self.base.send(at, &event);
    }

    fn call(&mut self, name: &str, arguments: &Value, at: Instant) {
        let (call, response) = (self.base.next_call(), format!("resp_{}", self.base.next_number()));
        let delegation = json!({"id": "deleg_1", "type": "delegation", "target": "responses", "response_id": response});
        self.base.send(
            at,
            &json!({"type": "session.delegation.created", "event_id": "d", "offset_ms": 1, "delegation": delegation}),
        );
        self.nested(at, &json!({"type": "response.created", "response": {"id": response, "output": []}}));
        let item = json!({"type": "function_call", "id": "fc", "call_id": call, "name": name,
            "arguments": arguments.to_string(), "status": "completed"});
        let times = if self.base.mind.borrow().repeats_calls { 2 } else { 1 };
        for _ in 0..times {
            self.nested(at, &json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
        }
        self.calls.push(call);
        self.completed(&response, at + ms(20));
    }

    fn completed(&mut self, response: &str, at: Instant) {
        let usage = json!({"input_tokens": 300, "output_tokens": 20, "total_tokens": 320});
        let response = json!({"id": response, "output": [], "usage": usage});
        self.nested(at, &json!({"type": "response.completed", "response": response}));
    }

    fn append(&mut self, kind: &str, event: &Value, now: Instant) {
        let content = event["content"].as_str().unwrap_or_default().to_owned();
        if event.get("delegation_id").is_none() || content.trim().is_empty() || content.len() > 500 {
            self.base.is_wrong(format!("an append without its fields, or of {} bytes", content.len()));
        }
        if self.base.ears.ms == 0 {
            self.base.is_wrong("an append before any audio");
        }
        let (start, about) = (self.streamed, event["event_id"].clone());
        let appended = json!({"type": format!("session.{kind}.appended"), "event_id": "p", "client_event_id": about,
            "start_ms": start, "end_ms": start + 200});
        self.base.send(now + ms(700), &appended);
        match kind {
            "commentary" => {
                self.to_say.push((self.streamed + 800, words_for(&content)));
                self.base.knows.push(Known::Asked(content));
            }
            "instructions" if content.starts_with("Stop speaking") => {
                (self.speech, self.to_say) = (None, Vec::new());
            }
            "instructions" => self.base.knows.push(Known::Prompt(content)),
            _ => self.base.knows.push(Known::Text("developer".to_owned(), content)),
        }
    }

    fn output(&mut self, item: &Value) {
        let call = item["call_id"].as_str().unwrap_or_default().to_owned();
        if item["type"] != "function_call_output" || !self.calls.contains(&call) || self.answered.contains(&call) {
            self.base.is_wrong(format!("{call:?} is unknown or was answered before"));
        }
        let output = item["output"].as_str().unwrap_or_default().to_owned();
        self.answered.push(call.clone());
        self.base.knows.push(Known::Result(call, output));
    }

    fn go_on(&mut self, now: Instant) {
        if self.calls.iter().any(|call| !self.answered.contains(call)) {
            self.base.is_wrong("response.create while a call is unanswered");
        }
        let response = format!("resp_{}", self.base.next_number());
        self.nested(now, &json!({"type": "response.created", "response": {"id": response, "output": []}}));
        self.completed(&response, now + ms(200));
        let silent = matches!(self.base.knows.last(), Some(Known::Result(_, output)) if output.contains("nothing"));
        if !silent {
            self.to_say.push((self.streamed + 500, super::gemini::RESULT.to_owned()));
        }
    }
}

impl Server for Live {
    fn opened(&mut self, _: Instant) {}

    fn hear(&mut self, event: &Value, now: Instant) {
        let kind = event["type"].as_str().unwrap_or_default();
        if !self.started && kind != "session.start" {
            self.base.is_wrong(format!("{kind} came before the start"));
        }
        if event["event_id"].as_str().is_none_or(str::is_empty) {
            self.base.is_wrong(format!("{kind} has no event_id"));
        }
        match kind {
            "session.start" => self.start(event, now),
            "session.input_audio.append" => self.listen(&from_base64(&event["audio"]), now),
            "session.instructions.append" => self.append("instructions", event, now),
            "session.thinking.append" => self.append("thinking", event, now),
            "session.commentary.append" => self.append("commentary", event, now),
            "session.update" => {
                let session = self.session();
                self.base.send(now + ms(150), &json!({"type": "session.updated", "event_id": "s", "session": session}));
            }
            "session.input_audio.mute" | "session.input_audio.unmute" => {}
            "response.item.create" => self.output(&event["item"]),
            "response.create" => self.go_on(now),
            "session.close" => {
                let seconds = self.base.ears.ms as f64 / 1000.0;
                let closed = json!({"type": "session.closed", "event_id": "z", "client_event_id": event["event_id"],
                    "reason": "close_requested", "usage": {"seconds": seconds}, "session": self.session()});
                self.base.send(now + ms(20), &closed);
                self.base.ended = true;
            }
            other => self.base.is_wrong(format!("no such event: {other:?}")),
        }
    }

    /// The end is known from the first message.
    fn ends_in(&mut self, _: Duration, _: Instant) {}

    fn garbage(&self) -> Vec<Message> {
        let long = "x".repeat(5_000_000);
        let texts = [
            "{".to_owned(),
            "null".to_owned(),
            json!({"type": 7}).to_string(),
            json!({"type": "session.output_audio.delta", "delta": "*"}).to_string(),
            json!({"type": "no.such.event", "text": long}).to_string(),
            json!({"type": "session.thinking.appended", "client_event_id": long}).to_string(),
            json!({"type": "response.event", "event": {"type": "response.output_item.done", "item": null}}).to_string(),
        ];
        texts.into_iter().map(Message::Text).chain([Message::Binary(vec![0xFF; 64])]).collect()
    }

    fn base(&mut self) -> &mut Base {
        &mut self.base
    }
}
