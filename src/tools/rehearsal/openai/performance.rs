//! One running response: opens its items, streams them at a pace, and closes them in the order of
//! the real server. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::conversation::Conversation;
use super::events::Events;
use super::item::{AudioPart, Body, Item, Part};
use super::streamed_item::{Kind, StreamedItem};
use super::usage::{self, Tokens, model_audio_tokens, text_tokens};
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::script::Saying;
use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::word_end;

/// How a response ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The response completed.
    Completed,
    /// The response was cancelled: `turn_detected` or `client_cancelled`.
    Cancelled(&'static str),
    /// The response reached `max_output_tokens`.
    CutOff,
    /// The response failed at once: rate limit.
    Failed,
    /// The content filter withheld the response.
    Filtered,
}

/// The parameters of a response.
#[derive(Debug)]
pub(super) struct Commission {
    /// The response's id: `resp_…`.
    pub(super) id: String,
    /// The conversation it belongs to. `None` means out of band: none of its items are kept.
    pub(super) conversation_id: Option<String>,
    /// The effective settings.
    pub(super) settings: Value,
    /// The format of its audio.
    pub(super) format: Format,
    /// What to say.
    pub(super) sayings: Vec<Saying>,
    /// The tokens of its input, and how many of them were cached.
    pub(super) input: (Tokens, Tokens),
    /// The pace.
    pub(super) pace: Pace,
}

/// A running response.
#[derive(Debug)]
pub(super) struct Performance {
    commission: Commission,
    sayings: VecDeque<Saying>,
    current: Option<StreamedItem>,
    /// Finished items, for `response.done`.
    output: Vec<Value>,
    spent: Tokens,
    /// Milliseconds of audio sent, for the idle timeout.
    audio_ms: u64,
    deltas: u64,
    next_at: Instant,
    /// Set by an interruption: the reason, and the number of late deltas still to send.
    stopping: Option<(&'static str, u32)>,
}

impl Performance {
    /// Begins a response and sends `response.created`.
    pub(super) fn begin(commission: Commission, events: &mut Events, now: Instant) -> Self {
        let performance = Self {
            sayings: commission.sayings.iter().cloned().collect(),
            current: None,
            output: Vec::new(),
            spent: Tokens::default(),
            audio_ms: 0,
            deltas: 0,
            next_at: now + commission.pace.first_audio,
            stopping: None,
            commission,
        };
        let response = performance.resource("in_progress", &Value::Null, &Value::Null);
        events.send("response.created", &json!({"response": response}));
        performance
    }

    /// The response's id.
    pub(super) fn id(&self) -> &str {
        &self.commission.id
    }

    /// Whether the response belongs to the conversation, which runs one response at a time.
    pub(super) fn in_conversation(&self) -> bool {
        self.commission.conversation_id.is_some()
    }

    /// When the next event is due.
    pub(super) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// Audio deltas sent so far.
    pub(super) fn deltas(&self) -> u64 {
        self.deltas
    }

    /// Whether the response calls a tool.
    pub(super) fn calls(&self) -> bool {
        self.commission.sayings.iter().any(|saying| matches!(saying, Saying::Call { .. }))
    }

    /// Ends the response because the caller speaks, after the deltas that are already in transit.
    pub(super) fn interrupt(&mut self, now: Instant) {
        self.stopping.get_or_insert(("turn_detected", self.commission.pace.late_deltas));
        self.next_at = now;
    }

    /// Ends the response at once because the client cancels it.
    pub(super) fn cancel(&mut self, now: Instant) {
        self.stopping = Some(("client_cancelled", 0));
        self.next_at = now;
    }

    /// Ends the response before it says anything.
    pub(super) fn end(self, outcome: Outcome, events: &mut Events) {
        self.finish(outcome, events);
    }

    /// Replaces the audio by silence of the same length.
    pub(super) fn silence(&mut self) {
        for saying in &mut self.sayings {
            if let Saying::Speak { sound, .. } = saying {
                *sound = sound.silence();
            }
        }
    }

    /// Sends what is due, at most [`DELTAS_PER_STEP`] deltas. Returns `None` until the response has
    /// ended; then the outcome and the length of its audio in milliseconds.
    pub(super) fn step(&mut self, stage: &mut Stage<'_>, now: Instant) -> Option<(Outcome, u64)> {
        let mut left = DELTAS_PER_STEP;
        loop {
            if let Some((reason, late)) = self.stopping {
                return Some(self.stop(reason, late, stage));
            }
            if now < self.next_at {
                return None;
            }
            match self.current.take() {
                Some(current) if current.sent < current.length => {
                    if left == 0 {
                        self.current = Some(current);
                        return None;
                    }
                    left -= 1;
                    self.send_delta(current, stage);
                }
                Some(current) => {
                    if self.cut_off(&current) {
                        self.close(current, "incomplete", stage);
                        return Some(self.finish(Outcome::CutOff, stage.events));
                    }
                    self.close(current, "completed", stage);
                }
                None => match self.sayings.pop_front() {
                    Some(Saying::Speak { text, sound }) => self.open(text, sound, stage, now),
                    Some(Saying::Call { name, arguments }) => self.call(&name, &arguments, stage),
                    None => return Some(self.finish(Outcome::Completed, stage.events)),
                },
            }
        }
    }

    fn stop(&mut self, reason: &'static str, late: u32, stage: &mut Stage<'_>) -> (Outcome, u64) {
        if let Some(mut current) = self.current.take() {
            for _ in 0..late {
                if current.sent < current.length {
                    self.send_delta(current, stage);
                    let Some(same) = self.current.take() else { return self.finish(Outcome::Completed, stage.events) };
                    current = same;
                }
            }
            self.close(current, "incomplete", stage);
        }
        self.finish(Outcome::Cancelled(reason), stage.events)
    }

    fn open(&mut self, text: String, sound: Sound, stage: &mut Stage<'_>, now: Instant) {
        let item_id = stage.events.id("item");
        let output_index = self.output.len();
        let kind =
            if self.commission.settings["output_modalities"][0] == "text" { Kind::Written } else { Kind::Spoken };
        let item = Item {
            id: item_id.clone(),
            status: "in_progress",
            body: Body::Message { role: "assistant", parts: vec![] },
            answered: true,
        };
        self.add(item, stage);
        let part = match kind {
            Kind::Spoken => json!({"type": "audio", "transcript": ""}),
            Kind::Written => json!({"type": "text", "text": ""}),
        };
        let response_id = &self.commission.id;
        stage.events.send(
            "response.content_part.added",
            &json!({"response_id": response_id, "item_id": item_id, "output_index": output_index, "content_index": 0, "part": part}),
        );
        let ids = format!(
            r#""response_id":"{response_id}","item_id":"{item_id}","output_index":{output_index},"content_index":0"#
        );
        let length = match kind {
            Kind::Spoken => self.length_of(&sound),
            // Written words are paced too, so that a written answer can be cancelled midway.
            Kind::Written => text.len(),
        };
        let audio = sound.bytes;
        self.current =
            Some(StreamedItem { item_id, ids, text, text_sent: 0, audio, length, sent: 0, started: now, kind });
    }

    /// Number of bytes to send of a sound: all of it, the requested length (by repetition), or as
    /// much as the tokens allow.
    fn length_of(&self, sound: &Sound) -> usize {
        let per_ms = sound.format.bytes_per_ms();
        let asked = self.commission.pace.answer.map(|length| length.as_millis() as usize * per_ms);
        let length = asked.filter(|_| !sound.bytes.is_empty()).unwrap_or(sound.bytes.len());
        match self.tokens_left() {
            Some(tokens) => length.min(tokens as usize * 50 * per_ms),
            None => length,
        }
    }

    fn tokens_left(&self) -> Option<u64> {
        let most = self.commission.settings["max_output_tokens"].as_u64()?;
        Some(most.saturating_sub(self.spent.total()))
    }

    fn cut_off(&self, current: &StreamedItem) -> bool {
        let wanted =
            self.commission.pace.answer.map_or(current.audio.len(), |length| {
                length.as_millis() as usize * self.commission.format.bytes_per_ms()
            });
        current.kind == Kind::Spoken && current.length < wanted
    }

    fn send_delta(&mut self, mut current: StreamedItem, stage: &mut Stage<'_>) {
        let events = &mut *stage.events;
        match current.kind {
            Kind::Written => {
                let to = word_end(&current.text, current.sent + TEXT_PER_DELTA);
                let delta = json!(current.text[current.sent..to]);
                events.send_delta("response.output_text.delta", &current.ids, &delta);
                current.sent = to;
                current.text_sent = to;
            }
            Kind::Spoken => {
                current.send_words(events);
                let from = current.sent % current.audio.len();
                let per_ms = self.commission.format.bytes_per_ms();
                let size = (self.commission.pace.delta.as_millis() as usize * per_ms).max(per_ms);
                let size = size.min(current.length - current.sent).min(current.audio.len() - from);
                events.send_audio(&current.ids, &current.audio[from..from + size]);
                current.sent += size;
                self.deltas += 1;
                stage.conversation.grow(&current.item_id, (current.sent / per_ms) as u64);
                if let Some(speed) = self.commission.pace.speed {
                    let ahead = Duration::from_secs_f64(current.sent as f64 / per_ms as f64 / 1000.0 / speed);
                    self.next_at = current.started + ahead;
                }
            }
        }
        self.current = Some(current);
    }

    fn close(&mut self, mut current: StreamedItem, status: &'static str, stage: &mut Stage<'_>) {
        let events = &mut *stage.events;
        let ms = current.sent / self.commission.format.bytes_per_ms();
        let (part, part_event) = match current.kind {
            Kind::Spoken => {
                if status == "completed" {
                    current.text_sent = current.text.len();
                }
                let transcript = current.text[..current.text_sent].to_owned();
                events.send("response.output_audio.done", &current.object(None));
                let done = current.object(Some(("transcript", json!(transcript))));
                events.send("response.output_audio_transcript.done", &done);
                self.audio_ms += ms as u64;
                self.spent.audio += model_audio_tokens(ms as u64);
                let whole = current.sent <= current.audio.len();
                let sound = Sound {
                    format: self.commission.format,
                    bytes: current.audio.slice(..current.sent.min(current.audio.len())),
                };
                let part_event = json!({"type": "audio", "transcript": transcript});
                let part = AudioPart {
                    ms: ms as u64,
                    transcript: Some(transcript),
                    sound: whole.then_some(sound),
                    cut: false,
                };
                (Part::Audio(part), part_event)
            }
            Kind::Written => {
                let text = current.text[..current.text_sent].to_owned();
                events.send("response.output_text.done", &current.object(Some(("text", json!(text)))));
                (Part::Text(text.clone()), json!({"type": "text", "text": text}))
            }
        };
        self.spent.text += text_tokens(&current.text[..current.text_sent]);
        events.send("response.content_part.done", &current.object(Some(("part", part_event))));
        let item = Item {
            id: current.item_id,
            status,
            body: Body::Message { role: "assistant", parts: vec![part] },
            answered: true,
        };
        self.done(item, stage);
    }

    fn call(&mut self, name: &str, arguments: &Value, stage: &mut Stage<'_>) {
        let (item_id, call_id) = (stage.events.id("item"), stage.events.id("call"));
        let output_index = self.output.len();
        let item = |status, arguments: String| Item {
            id: item_id.clone(),
            status,
            body: Body::Call { call_id: call_id.clone(), name: name.to_owned(), arguments },
            answered: true,
        };
        self.add(item("in_progress", String::new()), stage);
        let text = arguments.to_string();
        let ids = format!(
            r#""response_id":"{}","item_id":"{item_id}","output_index":{output_index},"call_id":"{call_id}""#,
            self.commission.id
        );
        let middle = text.floor_char_boundary(text.len() / 2);
        for delta in [&text[..middle], &text[middle..]] {
            stage.events.send_delta("response.function_call_arguments.delta", &ids, &json!(delta));
        }
        stage.events.send(
            "response.function_call_arguments.done",
            &json!({
                "response_id": self.commission.id, "item_id": item_id, "output_index": output_index,
                "call_id": call_id, "name": name, "arguments": text,
            }),
        );
        self.spent.text += text_tokens(name) + text_tokens(&text);
        self.done(item("completed", text), stage);
    }

    /// Sends `response.output_item.added` and `conversation.item.added`.
    fn add(&self, item: Item, stage: &mut Stage<'_>) {
        let object = item.object(false);
        let added = json!({"response_id": self.commission.id, "output_index": self.output.len(), "item": object});
        stage.events.send("response.output_item.added", &added);
        if self.in_conversation() {
            let previous = stage.conversation.push(item);
            let added = json!({"item": object, "previous_item_id": previous});
            stage.events.send("conversation.item.added", &added);
        }
    }

    /// Sends `conversation.item.done` and `response.output_item.done`.
    fn done(&mut self, item: Item, stage: &mut Stage<'_>) {
        let object = item.object(false);
        if self.in_conversation() {
            let previous = stage.conversation.before(&item.id);
            stage.events.send("conversation.item.done", &json!({"item": object, "previous_item_id": previous}));
            // The client may have deleted the item while it was being spoken.
            stage.conversation.finish(item);
        }
        let done = json!({"response_id": self.commission.id, "output_index": self.output.len(), "item": object});
        stage.events.send("response.output_item.done", &done);
        self.output.push(object);
    }

    fn finish(&self, outcome: Outcome, events: &mut Events) -> (Outcome, u64) {
        let (input, cached) = self.commission.input;
        let usage = usage::of_response(input, cached, self.spent);
        let (status, details, usage) = match outcome {
            Outcome::Completed => ("completed", Value::Null, usage),
            Outcome::Cancelled(reason) => ("cancelled", json!({"type": "cancelled", "reason": reason}), usage),
            Outcome::CutOff => ("incomplete", json!({"type": "incomplete", "reason": "max_output_tokens"}), usage),
            Outcome::Filtered => ("incomplete", json!({"type": "incomplete", "reason": "content_filter"}), usage),
            Outcome::Failed => {
                let error = json!({
                    "type": "rate_limit_exceeded",
                    "code": "rate_limit_exceeded",
                    "message": "Rate limit reached for the rehearsal model. Please try again in 1.5s.",
                });
                ("failed", json!({"type": "failed", "error": error}), Value::Null)
            }
        };
        let response = self.resource(status, &details, &usage);
        events.send("response.done", &json!({"response": response}));
        (outcome, self.audio_ms)
    }

    /// The complete `response` object, with explicit nulls.
    fn resource(&self, status: &str, details: &Value, usage: &Value) -> Value {
        let settings = &self.commission.settings;
        let output = &settings["audio"]["output"];
        json!({
            "object": "realtime.response",
            "id": self.commission.id,
            "status": status,
            "status_details": details,
            "output": self.output,
            "conversation_id": self.commission.conversation_id,
            "output_modalities": settings["output_modalities"],
            "max_output_tokens": settings["max_output_tokens"],
            "audio": {"output": {"format": output["format"], "voice": voice_name(&output["voice"])}},
            "usage": usage,
            "metadata": settings["metadata"],
        })
    }
}

/// The parts of a session that a response changes.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    /// The conversation that receives its items.
    pub(super) conversation: &'a mut Conversation,
    /// The outgoing events.
    pub(super) events: &'a mut Events,
}

/// Returns the voice as a string, as the API's types require. A custom voice is an object with an
/// id.
fn voice_name(voice: &Value) -> &Value {
    voice.get("id").unwrap_or(voice)
}

/// Maximum number of deltas per step. A flood is thus written as fast as the socket accepts it and
/// not kept in memory.
const DELTAS_PER_STEP: u32 = 8;
/// Number of characters in one delta of a written answer.
const TEXT_PER_DELTA: usize = 12;
