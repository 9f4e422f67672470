//! The item of a response that is being streamed. Pure.

use std::time::Instant;

use bytes::Bytes;
use serde_json::{Value, json};

use super::events::Events;

/// An item that is opened and not closed yet.
#[derive(Debug)]
pub(super) struct StreamedItem {
    /// `item_…`.
    pub(super) item_id: String,
    /// `response_id`, `item_id`, `output_index`, `content_index` as JSON without braces.
    pub(super) ids: String,
    /// All words of it.
    pub(super) text: String,
    /// How much of the text is out, in bytes.
    pub(super) told: usize,
    /// Its audio, in the format of the response.
    pub(super) audio: Bytes,
    /// How much audio there is to send; more than `audio` holds where it is repeated.
    pub(super) length: usize,
    /// How much is sent: bytes of audio, or of words where there is no audio.
    pub(super) sent: usize,
    /// When it was opened.
    pub(super) started: Instant,
    /// What is streamed.
    pub(super) kind: Kind,
}

/// What of an item is streamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words and their audio.
    Spoken,
    /// Words alone.
    Written,
}

impl StreamedItem {
    /// Sends the words that are due: they run ahead of the audio, twice as fast.
    pub(super) fn send_words(&mut self, events: &mut Events) {
        let target = (self.text.len() as u64 * 2 * (self.sent as u64 + 1)).div_ceil(self.length.max(1) as u64) as usize;
        if self.told >= self.text.len() || target <= self.told {
            return;
        }
        let to = word_end(&self.text, target);
        let delta = json!(self.text[self.told..to]);
        events.send_delta("response.output_audio_transcript.delta", &self.ids, &delta);
        self.told = to;
    }

    /// The object of a `.done` event: the ids, and one field more.
    pub(super) fn object(&self, field: Option<(&str, Value)>) -> Value {
        let mut object: Value = serde_json::from_str(&format!("{{{}}}", self.ids)).unwrap_or_default();
        if let Some((name, value)) = field {
            object[name] = value;
        }
        object
    }
}

/// The end of the word in which byte `at` falls, the space after it included.
pub(super) fn word_end(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    let at = text.ceil_char_boundary(at);
    text[at..].find(' ').map_or(text.len(), |space| at + space + 1)
}
