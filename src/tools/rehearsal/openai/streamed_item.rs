//! The item of a response while it is streamed. Pure.

use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};

use super::events::Events;
use crate::tools::rehearsal::speech::word_end;

/// An item that is open.
#[derive(Debug)]
pub(super) struct StreamedItem {
    /// The item's id: `item_…`.
    pub(super) item_id: String,
    /// `response_id`, `item_id`, `output_index`, `content_index` as JSON without braces.
    pub(super) ids: String,
    /// The whole text.
    pub(super) text: String,
    /// How much of the text has been sent, in bytes.
    pub(super) text_sent: usize,
    /// Its audio, in the format of the response.
    pub(super) audio: Bytes,
    /// Number of bytes of audio to send. Exceeds `audio` if the audio is repeated.
    pub(super) length: usize,
    /// Number of bytes sent: of audio, or of text if there is no audio.
    pub(super) sent: usize,
    /// When it was opened.
    pub(super) started: Instant,
    /// What is streamed.
    pub(super) kind: Kind,
}

/// What is streamed of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words and their audio.
    Spoken,
    /// Words alone.
    Written,
}

impl StreamedItem {
    /// Sends the words that are due. They run ahead of the audio at twice its speed.
    pub(super) fn send_words(&mut self, events: &mut Events) {
        let target = (self.text.len() as u64 * 2 * (self.sent as u64 + 1)).div_ceil(self.length.max(1) as u64) as usize;
        if self.text_sent >= self.text.len() || target <= self.text_sent {
            return;
        }
        let to = word_end(&self.text, target);
        let delta = json!(self.text[self.text_sent..to]);
        events.send_delta("response.output_audio_transcript.delta", &self.ids, &delta);
        self.text_sent = to;
    }

    /// The object of a `.done` event: the ids and one more field.
    pub(super) fn object(&self, field: Option<(&str, Value)>) -> Value {
        let mut object: Value = serde_json::from_str(&format!("{{{}}}", self.ids)).unwrap_or_default();
        if let Some((name, value)) = field {
            object[name] = value;
        }
        object
    }
}
