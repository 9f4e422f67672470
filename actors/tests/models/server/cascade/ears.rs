//! Ears with a socket, as Sarvam's: an utterance has a number, and its final words come after the end
//! of its speech.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use switchboard_actors::carrier::AudioFormat;
use switchboard_actors::realtime::named::LinkName;

use super::{Base, FromLink, ms, socket_name};
use crate::server::{Ears, Noticed, from_base64};

/// A stream that transcribes the caller.
pub(crate) struct ScribeOfCaller {
    ears: Ears,
    format: AudioFormat,
    utterance: u64,
    /// The final words that are not sent yet, and when they are.
    unsent: Option<(Instant, String)>,
}

impl ScribeOfCaller {
    pub(crate) fn new(format: AudioFormat) -> Self {
        Self { ears: Ears::ending_after(format, SILENCE_MS), format, utterance: 0, unsent: None }
    }

    pub(crate) fn opened(&mut self, base: &mut Base, at: Instant) {
        (self.ears, self.utterance) = (Ears::ending_after(self.format, SILENCE_MS), 0);
        self.send(base, at + ms(20), &json!({"event": "session.begin", "request_id": "r"}));
    }

    /// The socket is gone. What was not transcribed is heard by the next one.
    pub(crate) fn gone(&mut self, base: &mut Base) {
        if let Some((_, words)) = self.unsent.take() {
            let mut mind = base.mind.borrow_mut();
            if mind.caller_says.is_empty() {
                mind.caller_says = words;
            }
        }
    }

    pub(crate) fn hear(&mut self, text: &str, base: &mut Base, now: Instant) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        self.unsent.take_if(|(at, _)| *at <= now);
        match message["event"].as_str().unwrap_or_default() {
            "audio_input" => self.listen(&from_base64(&message["audio"]), base, now),
            "end" => {
                if self.ears.turn_from.is_some() {
                    self.ears.forget();
                    self.finish(base, now);
                }
                self.send(base, now + ms(120), &json!({"event": "session.end", "audio_duration_s": 1.0}));
                base.comes(now + ms(130), FromLink::Closed(LinkName::Ears, 1000), socket_name(LinkName::Ears));
            }
            "ping" => self.send(base, now + ms(10), &json!({"event": "pong"})),
            other => base.is_wrong(format!("the ears know no {other:?}")),
        }
    }

    fn listen(&mut self, audio: &[u8], base: &mut Base, now: Instant) {
        if audio.is_empty() {
            base.is_wrong("empty audio");
        }
        for piece in audio.chunks(20 * self.format.bytes_per_ms()) {
            match self.ears.hear(piece) {
                Some(Noticed::Began) => self.tell(base, now, "vad.speech_start", ""),
                Some(Noticed::Ended) => self.finish(base, now),
                None => {}
            }
        }
    }

    /// The utterance is over: its words come a little later.
    fn finish(&mut self, base: &mut Base, now: Instant) {
        let words = base.caller_words();
        self.tell(base, now, "vad.speech_end", "");
        self.tell(base, now + FINAL_AFTER, "transcript.final", &words);
        self.unsent = Some((now + FINAL_AFTER, words));
        self.utterance += 1;
    }

    fn tell(&self, base: &mut Base, at: Instant, event: &str, text: &str) {
        self.send(base, at, &json!({"event": event, "utterance_idx": self.utterance, "text": text}));
    }

    #[expect(clippy::unused_self, reason = "a method like its neighbours")]
    fn send(&self, base: &mut Base, at: Instant, message: &Value) {
        let message = FromLink::Text(LinkName::Ears, message.to_string());
        base.comes(at, message, socket_name(LinkName::Ears));
    }
}

/// The silence that ends an utterance.
const SILENCE_MS: u64 = 300;
/// How long after the end of speech its words come.
const FINAL_AFTER: Duration = ms(80);
