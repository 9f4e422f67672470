//! Sarvam's Bulbul. Pure.
//!
//! The engine has no cancel and no names for utterances: a cancelled one is stopped by closing the
//! socket and opening another. It waits for more text until some is there, so that the first piece of
//! an answer, which is short, is flushed at once. The end of every flush is told.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use super::{Spoken, ToVoice, VoicePlan, codec, parts};
use crate::frame::Frame;
use crate::realtime::cascade::address::{indian, socket};
use crate::realtime::cascade::failure::{Failure, Part};
use crate::realtime::fields::Fields;

/// The address of a socket.
pub(super) fn url(plan: &VoicePlan) -> Url {
    let mut url = socket(&plan.url, PATH);
    url.query_pairs_mut().append_pair("model", &plan.model).append_pair("send_completion_event", "true");
    url
}

/// A socket.
#[derive(Debug)]
pub struct Sarvam {
    config: Value,
    is_configured: bool,
    /// The utterance that is being said.
    current: Option<Said>,
    /// What has to wait for the utterance that is being said.
    held: VecDeque<Held>,
    /// Whether the socket is given up, so that nothing of it is heard.
    is_left: bool,
    /// When something was sent last.
    sent: Instant,
}

/// An utterance that is being said.
#[derive(Debug)]
struct Said {
    utterance: u64,
    /// Whether all of its text was sent.
    is_complete: bool,
    /// Whether text was sent behind the last flush.
    is_unflushed: bool,
    /// The flushes whose end was not told.
    flushes: u32,
}

#[derive(Debug)]
enum Held {
    Say(u64, String),
    End(u64),
}

impl Sarvam {
    /// A socket that was opened at `now`.
    pub(super) fn new(plan: &VoicePlan, now: Instant) -> Self {
        let language = indian(&plan.language);
        let config = json!({
            "model": plan.model,
            // Older models know the first name, newer ones the second.
            "target_language_code": language,
            "language_code": language,
            "speaker": plan.voice,
            "speech_sample_rate": plan.format.rate_hz,
            "output_audio_codec": codec(plan.format.encoding),
            "min_buffer_size": 50,
            "max_chunk_length": 150,
        });
        Self { config, is_configured: false, current: None, held: VecDeque::new(), is_left: false, sent: now }
    }

    pub(super) fn say(&mut self, utterance: u64, text: &str, now: Instant, out: &mut Vec<ToVoice>) {
        if self.is_left || self.current.as_ref().is_some_and(|current| current.utterance != utterance) {
            if self.held.len() < MOST_HELD {
                self.held.push_back(Held::Say(utterance, text.to_owned()));
            }
            return;
        }
        if !std::mem::replace(&mut self.is_configured, true) {
            let config = self.config.clone();
            self.send(&json!({ "type": "config", "data": config }), now, out);
        }
        for part in parts(text, LONGEST_TEXT) {
            self.send(&json!({ "type": "text", "data": { "text": format!("{part} ") } }), now, out);
        }
        match &mut self.current {
            Some(current) => current.is_unflushed = true,
            None => {
                self.current = Some(Said { utterance, is_complete: false, is_unflushed: false, flushes: 1 });
                self.send(&json!({ "type": "flush" }), now, out);
            }
        }
    }

    /// No more text will come. Returns whether all audio has come already.
    pub(super) fn end(&mut self, utterance: u64, now: Instant, out: &mut Vec<ToVoice>) -> bool {
        if self.held.iter().any(|held| matches!(held, Held::Say(number, _) if *number == utterance)) {
            self.held.push_back(Held::End(utterance));
            return false;
        }
        let Some(current) = self.current.as_mut().filter(|current| current.utterance == utterance) else {
            return false;
        };
        current.is_complete = true;
        if std::mem::take(&mut current.is_unflushed) {
            current.flushes += 1;
            self.send(&json!({ "type": "flush" }), now, out);
        }
        self.current.take_if(|current| current.flushes == 0).is_some()
    }

    pub(super) fn cancel(&mut self, utterance: u64, out: &mut Vec<ToVoice>) {
        self.held.retain(|held| !matches!(held, Held::Say(number, _) | Held::End(number) if *number == utterance));
        if self.current.take_if(|current| current.utterance == utterance).is_some() {
            self.is_left = true;
            out.push(ToVoice::Reopen);
        }
    }

    /// Another socket was opened, after a cancel or a loss. Appends what has to be said in it.
    pub fn reopened(&mut self, now: Instant, out: &mut Vec<ToVoice>) {
        (self.is_left, self.is_configured, self.current, self.sent) = (false, false, None, now);
        self.go_on(now, out);
    }

    pub(super) fn hear_text(&mut self, text: &str, now: Instant, out: &mut Vec<Spoken>, to: &mut Vec<ToVoice>) {
        let Ok(fields) = Fields::read(text) else { return };
        if self.is_left {
            return;
        }
        let data = fields.object("data");
        match fields.id("type").as_ref() {
            "audio" => {
                let audio = data.filled("audio").and_then(|audio| Frame::of_base64(&audio).ok());
                if let (Some(Said { utterance, .. }), Some(audio)) = (&self.current, audio) {
                    out.push(Spoken::Audio { utterance: *utterance, audio });
                }
            }
            "event" if data.id("event_type") == "final" => {
                let Some(current) = &mut self.current else { return };
                current.flushes = current.flushes.saturating_sub(1);
                let is_over = |current: &mut Said| current.is_complete && current.flushes == 0;
                if let Some(Said { utterance, .. }) = self.current.take_if(is_over) {
                    out.push(Spoken::Ended { utterance });
                    self.go_on(now, to);
                }
            }
            "error" => {
                let message = data.words("message").unwrap_or_default();
                out.push(Spoken::Failed(Failure::of_words(Part::Voice, &data.id("code"), &message)));
            }
            _ => {}
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.sent + KEEP_ALIVE
    }

    pub(super) fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ToVoice>) {
        if self.deadline() <= now && !self.is_left {
            self.send(&json!({ "type": "ping" }), now, out);
        }
    }

    fn go_on(&mut self, now: Instant, out: &mut Vec<ToVoice>) {
        for held in std::mem::take(&mut self.held) {
            match held {
                Held::Say(utterance, text) => self.say(utterance, &text, now, out),
                // What was said just now has not come yet.
                Held::End(utterance) => {
                    self.end(utterance, now, out);
                }
            }
        }
    }

    fn send(&mut self, message: &Value, now: Instant, out: &mut Vec<ToVoice>) {
        self.sent = now;
        out.push(ToVoice::Text(message.to_string()));
    }
}

const PATH: &str = "/text-to-speech/ws";
/// The most characters of a message that are recommended.
const LONGEST_TEXT: usize = 500;
const MOST_HELD: usize = 64;
/// The engine closes an idle socket after 60 s.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests {
    use super::super::testing::{audio, plan, sent};
    use super::*;
    use crate::clock;

    struct Rig(Sarvam, Vec<ToVoice>, Instant);

    impl Rig {
        fn new() -> Self {
            let now = clock::now();
            Self(Sarvam::new(&plan("https://api.sarvam.ai"), now), Vec::new(), now)
        }

        fn say(&mut self, utterance: u64, text: &str) {
            self.0.say(utterance, text, self.2, &mut self.1);
        }

        fn end(&mut self, utterance: u64) {
            self.0.end(utterance, self.2, &mut self.1);
        }

        fn hear(&mut self, text: &str) -> Vec<Spoken> {
            let mut out = Vec::new();
            self.0.hear_text(text, self.2, &mut out, &mut self.1);
            out
        }

        /// The kinds of what was sent, or its text.
        fn sent(&mut self) -> Vec<String> {
            let word = |it: Value| {
                let text = it["data"]["text"].as_str().or(it["type"].as_str()).or(it.as_str());
                text.unwrap_or_default().to_owned()
            };
            sent(&mut self.1).into_iter().map(word).collect()
        }
    }

    const AUDIO: &str = r#"{"type":"audio","data":{"content_type":"audio/mulaw","audio":"AQI=","request_id":"a"}}"#;
    const FINAL: &str = r#"{"type":"event","data":{"event_type":"final"}}"#;

    #[test]
    fn the_configuration_comes_first_and_names_the_codec() {
        let expected = "wss://api.sarvam.ai/text-to-speech/ws?model=small&send_completion_event=true";
        assert_eq!(url(&plan("https://api.sarvam.ai")).as_str(), expected);
        let mut rig = Rig::new();
        rig.say(1, "नमस्ते।");
        let config = sent(&mut rig.1).remove(0);
        assert_eq!(config["type"], "config");
        let data = &config["data"];
        assert_eq!((&data["output_audio_codec"], &data["speech_sample_rate"]), (&"mulaw".into(), &8000.into()));
        assert_eq!((&data["language_code"], &data["target_language_code"]), (&"hi-IN".into(), &"hi-IN".into()));
    }

    #[test]
    fn an_answer_ends_after_its_last_flush() {
        let mut rig = Rig::new();
        rig.say(1, "One.");
        assert_eq!(rig.sent(), ["config", "One. ", "flush"], "a short beginning does not wait for more");
        rig.say(1, "Two.");
        rig.end(1);
        assert_eq!(rig.sent(), ["Two. ", "flush"]);
        assert_eq!(rig.hear(FINAL), [], "the end of a part is none of the answer");
        assert_eq!(rig.hear(AUDIO), [audio(1, &[1, 2])]);
        rig.say(2, "Three.");
        rig.end(2);
        assert_eq!(rig.sent(), Vec::<String>::new());
        assert_eq!(rig.hear(FINAL), [Spoken::Ended { utterance: 1 }]);
        assert_eq!(rig.sent(), ["Three. ", "flush"], "all of it was flushed");
        assert_eq!(rig.hear(FINAL), [Spoken::Ended { utterance: 2 }]);
    }

    #[test]
    fn an_answer_whose_audio_has_come_ends_at_once() {
        let mut rig = Rig::new();
        rig.say(1, "One.");
        assert_eq!(rig.hear(FINAL), []);
        assert!(rig.0.end(1, rig.2, &mut rig.1), "nothing is left to come");
        assert_eq!(rig.sent(), ["config", "One. ", "flush"]);
    }

    #[test]
    fn a_cancelled_answer_costs_the_socket() {
        let mut rig = Rig::new();
        rig.say(1, "One.");
        rig.sent();
        rig.0.cancel(9, &mut rig.1);
        rig.0.cancel(1, &mut rig.1);
        assert_eq!(rig.sent(), ["reopen"]);
        assert_eq!(rig.hear(AUDIO), []);
        rig.say(2, "Two.");
        rig.end(2);
        rig.0.deadline_passed(rig.2 + KEEP_ALIVE, &mut rig.1);
        assert_eq!(rig.sent(), Vec::<String>::new());
        rig.0.reopened(rig.2, &mut rig.1);
        assert_eq!(rig.sent(), ["config", "Two. ", "flush"]);
        assert_eq!(rig.hear(AUDIO), [audio(2, &[1, 2])]);
    }

    #[test]
    fn an_idle_socket_is_kept_and_an_error_is_the_end() {
        let mut rig = Rig::new();
        rig.0.deadline_passed(rig.2 + KEEP_ALIVE, &mut rig.1);
        assert_eq!(rig.sent(), ["ping"]);
        rig.say(1, &"word ".repeat(250));
        assert_eq!(rig.sent().len(), 5, "three parts, the configuration, a flush");
        let spoken = rig.hear(r#"{"type":"error","data":{"message":"x","code":429}}"#);
        assert!(matches!(&spoken[..], [Spoken::Failed(_)]));
    }
}
