//! Outgoing messages: their JSON. Pure.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::{Noise, Out, Outgoing};

/// The outgoing messages of one session.
#[derive(Debug)]
pub(super) struct Messages {
    outgoing: Outgoing,
}

impl Messages {
    /// No messages.
    pub(super) fn new(misbehaviour: Rc<Misbehaviour>) -> Self {
        Self { outgoing: Outgoing::new(&NOISE, misbehaviour) }
    }

    /// Returns the socket's next action.
    pub(super) fn next(&mut self) -> Option<Out> {
        // Its messages come in binary frames, as those of the service do.
        self.outgoing.next().map(|out| if let Out::Event(text) = out { Out::Binary(text) } else { out })
    }

    /// Number of actions that wait for the socket.
    pub(super) fn waiting(&self) -> usize {
        self.outgoing.waiting()
    }

    /// The queue itself, for pings and ends.
    pub(super) fn outgoing(&mut self) -> &mut Outgoing {
        &mut self.outgoing
    }

    /// Sends a message.
    pub(super) fn send(&mut self, message: &Value) {
        self.outgoing.push(message.to_string());
    }

    /// Sends a message about the conversation.
    pub(super) fn content(&mut self, content: &Value) {
        self.send(&json!({"serverContent": content}));
    }

    /// Sends a piece of audio, encoded as base64 directly into the message, and the words that go
    /// with it.
    pub(super) fn audio(&mut self, audio: &[u8], words: Option<&str>) {
        let encoder = base64_simd::STANDARD;
        let mut text = String::with_capacity(encoder.encoded_length(audio.len()) + 192);
        text.push_str(r#"{"serverContent":{"#);
        if let Some(words) = words {
            text.push_str(r#""outputTranscription":"#);
            text.push_str(&json!({"text": words}).to_string());
            text.push(',');
        }
        text.push_str(
            r#""modelTurn":{"role":"model","parts":[{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":""#,
        );
        encoder.encode_append(audio, &mut text);
        text.push_str(r#""}}]}}}"#);
        self.outgoing.push(text);
    }
}

/// What no server of this API sends.
static NOISE: Noise =
    Noise { garbage: r#"{"serverContent":{"modelTurn":"#, surprise: r#"{"rehearsalSurprise":{"of":[1,2,3]}}"# };
