//! Deepgram's Aura. Pure.
//!
//! The engine has no names for utterances: audio belongs to the one that is being said. It takes
//! only 20 flushes a minute and ignores the others, so an answer gets one early flush, for its first
//! piece, and one at its end. After a `Clear` audio still comes until `Cleared`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::json;
use url::Url;

use super::{Spoken, ToVoice, VoicePlan, codec, parts};
use crate::frame::Frame;
use crate::realtime::cascade::address::socket;
use crate::realtime::cascade::failure::{Failure, Part};
use crate::realtime::fields::Fields;

/// The address of a socket. Its voice and format are fixed.
pub(super) fn url(plan: &VoicePlan) -> Url {
    let mut url = socket(&plan.url, "/v1/speak");
    let rate = plan.format.rate_hz.to_string();
    url.query_pairs_mut()
        .append_pair("model", if plan.voice.is_empty() { &plan.model } else { &plan.voice })
        .append_pair("encoding", codec(plan.format.encoding))
        .append_pair("sample_rate", &rate);
    url
}

/// A socket.
#[derive(Debug, Default)]
pub struct Aura {
    /// The utterance that is being said.
    current: Option<Utterance>,
    /// Whether a `Clear` waits for its answer. Audio until then is of the past.
    is_clearing: bool,
    /// What has to wait for `Cleared`, in order.
    held: VecDeque<Held>,
    /// The times of the flushes within the last minute.
    flushes: VecDeque<Instant>,
}

#[derive(Debug)]
struct Utterance {
    number: u64,
    /// Flushes that wait for their answer.
    flushing: u32,
    /// Whether all of its text is sent.
    is_complete: bool,
    /// Whether the flush at its end waits because there were too many.
    owes_flush: bool,
}

#[derive(Debug)]
enum Held {
    Say(u64, String),
    End(u64),
}

impl Aura {
    /// A socket.
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn say(&mut self, utterance: u64, text: &str, now: Instant, out: &mut Vec<ToVoice>) {
        let is_busy = self.current.as_ref().is_some_and(|current| current.number != utterance);
        if self.is_clearing || is_busy {
            if self.held.len() < MOST_HELD {
                self.held.push_back(Held::Say(utterance, text.to_owned()));
            }
            return;
        }
        for part in parts(text, LONGEST_TEXT) {
            send(&json!({ "type": "Speak", "text": format!("{part} ") }), out);
        }
        if self.current.is_none() {
            self.current = Some(Utterance { number: utterance, flushing: 0, is_complete: false, owes_flush: false });
            // The first piece has to sound at once; of the last flushes some are kept for ends.
            if self.flushes_left(now) > KEPT_FOR_ENDS {
                self.flush(now, out);
            }
        }
    }

    pub(super) fn end(&mut self, utterance: u64, now: Instant, out: &mut Vec<ToVoice>) {
        if self.held.iter().any(|held| matches!(held, Held::Say(number, _) if *number == utterance)) {
            return self.held.push_back(Held::End(utterance));
        }
        let Some(current) = self.current.as_mut().filter(|current| current.number == utterance) else { return };
        current.is_complete = true;
        current.owes_flush = true;
        self.pay_flush(now, out);
    }

    pub(super) fn cancel(&mut self, utterance: u64, out: &mut Vec<ToVoice>) {
        self.held.retain(|held| !matches!(held, Held::Say(number, _) | Held::End(number) if *number == utterance));
        if self.current.take_if(|current| current.number == utterance).is_some() {
            self.is_clearing = true;
            send(&json!({ "type": "Clear" }), out);
        }
    }

    pub(super) fn hear_text(&mut self, text: &str, now: Instant, out: &mut Vec<Spoken>, to: &mut Vec<ToVoice>) {
        let Ok(fields) = Fields::read(text) else { return };
        let message = || fields.words("description").unwrap_or_default();
        match fields.id("type").as_ref() {
            "Metadata" => out.push(Spoken::Ready),
            // A flush of an utterance that was cancelled is answered before `Cleared`.
            "Flushed" if !self.is_clearing => {
                let ended = self.current.take_if(|current| {
                    current.flushing = current.flushing.saturating_sub(1);
                    current.is_complete && current.flushing == 0 && !current.owes_flush
                });
                if let Some(Utterance { number, .. }) = ended {
                    out.push(Spoken::Ended { utterance: number });
                    self.go_on(now, to);
                }
            }
            "Cleared" if self.is_clearing => {
                self.is_clearing = false;
                self.go_on(now, to);
            }
            "Warning" => {
                out.push(Spoken::Complained { code: fields.id("code").into_owned(), message: message().into_owned() });
            }
            "Error" => out.push(Spoken::Failed(Failure::of_words(Part::Voice, &fields.id("code"), &message()))),
            _ => {}
        }
    }

    pub(super) fn hear_binary(&self, bytes: &[u8], out: &mut Vec<Spoken>) {
        if let Some(current) = self.current.as_ref().filter(|_| !self.is_clearing && !bytes.is_empty()) {
            out.push(Spoken::Audio { utterance: current.number, audio: Frame::copy_of(bytes) });
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let owes = self.current.as_ref().is_some_and(|current| current.owes_flush);
        self.flushes.front().filter(|_| owes).map(|first| *first + MINUTE)
    }

    pub(super) fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ToVoice>) {
        if self.deadline().is_some_and(|at| at <= now) {
            self.pay_flush(now, out);
        }
    }

    /// Says what had to wait.
    fn go_on(&mut self, now: Instant, out: &mut Vec<ToVoice>) {
        for held in std::mem::take(&mut self.held) {
            match held {
                Held::Say(utterance, text) => self.say(utterance, &text, now, out),
                Held::End(utterance) => self.end(utterance, now, out),
            }
        }
    }

    fn pay_flush(&mut self, now: Instant, out: &mut Vec<ToVoice>) {
        if self.flushes_left(now) > 0
            && let Some(current) = &mut self.current
        {
            current.owes_flush = false;
            self.flush(now, out);
        }
    }

    fn flush(&mut self, now: Instant, out: &mut Vec<ToVoice>) {
        if let Some(current) = &mut self.current {
            current.flushing += 1;
            self.flushes.push_back(now);
            send(&json!({ "type": "Flush" }), out);
        }
    }

    fn flushes_left(&mut self, now: Instant) -> usize {
        while self.flushes.front().is_some_and(|first| *first + MINUTE <= now) {
            self.flushes.pop_front();
        }
        MOST_FLUSHES.saturating_sub(self.flushes.len())
    }
}

fn send(message: &serde_json::Value, out: &mut Vec<ToVoice>) {
    out.push(ToVoice::Text(message.to_string()));
}

/// The most characters of a message.
const LONGEST_TEXT: usize = 1900;
/// The most flushes in a minute that the engine does.
const MOST_FLUSHES: usize = 20;
/// Flushes that are kept for the ends of answers, without which their ends are never told.
const KEPT_FOR_ENDS: usize = 8;
/// A minute, and a margin for the network.
const MINUTE: Duration = Duration::from_secs(61);
/// The most pieces that wait for an earlier utterance.
const MOST_HELD: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::testing::{audio, plan, sent};
    use super::*;
    use crate::clock;

    const FLUSHED: &str = r#"{"type":"Flushed","sequence_id":0}"#;
    const CLEARED: &str = r#"{"type":"Cleared","sequence_id":1}"#;

    struct Rig(Aura, Vec<Spoken>, Vec<ToVoice>, Instant);

    impl Rig {
        fn new() -> Self {
            Self(Aura::new(), Vec::new(), Vec::new(), clock::now())
        }

        fn say(&mut self, utterance: u64, text: &str) {
            self.0.say(utterance, text, self.3, &mut self.2);
        }

        fn end(&mut self, utterance: u64) {
            self.0.end(utterance, self.3, &mut self.2);
        }

        fn hear(&mut self, text: &str) -> Vec<Spoken> {
            self.0.hear_text(text, self.3, &mut self.1, &mut self.2);
            std::mem::take(&mut self.1)
        }

        fn sound(&mut self) -> Vec<Spoken> {
            self.0.hear_binary(&[1, 2], &mut self.1);
            std::mem::take(&mut self.1)
        }

        fn sent(&mut self) -> Vec<String> {
            let word =
                |it: serde_json::Value| it["text"].as_str().or(it["type"].as_str()).unwrap_or_default().to_owned();
            sent(&mut self.2).into_iter().map(word).collect()
        }
    }

    #[test]
    fn an_answer_is_flushed_at_its_first_piece_and_at_its_end() {
        assert!(
            url(&plan("https://api.deepgram.com"))
                .as_str()
                .ends_with("/v1/speak?model=asha&encoding=mulaw&sample_rate=8000")
        );
        let mut rig = Rig::new();
        rig.say(1, "Hello.");
        rig.say(1, "How are you?");
        rig.end(1);
        assert_eq!(rig.sent(), ["Hello. ", "Flush", "How are you? ", "Flush"]);
        assert_eq!(rig.sound(), [audio(1, &[1, 2])]);
        assert_eq!(rig.hear(FLUSHED), []);
        assert_eq!(rig.hear(FLUSHED), [Spoken::Ended { utterance: 1 }]);
    }

    #[test]
    fn audio_that_trails_after_a_cancel_is_dropped() {
        let mut rig = Rig::new();
        rig.say(1, "Hello.");
        rig.0.cancel(1, &mut rig.2);
        rig.say(2, "Yes?");
        rig.end(2);
        assert_eq!(rig.sent(), ["Hello. ", "Flush", "Clear"]);
        assert_eq!(rig.sound(), []);
        assert_eq!(rig.hear(FLUSHED), []);
        assert_eq!(rig.hear(CLEARED), []);
        assert_eq!(rig.sent(), ["Yes? ", "Flush", "Flush"]);
        assert_eq!(rig.sound(), [audio(2, &[1, 2])]);
        // What was never said needs no `Clear`.
        rig.say(3, "Later.");
        rig.0.cancel(3, &mut rig.2);
        assert_eq!(rig.sent(), Vec::<String>::new());
    }

    #[test]
    fn a_later_answer_waits_for_the_earlier_one() {
        let mut rig = Rig::new();
        rig.say(1, "One.");
        rig.end(1);
        rig.say(2, "Two.");
        rig.end(2);
        assert_eq!(rig.sent(), ["One. ", "Flush", "Flush"]);
        rig.hear(FLUSHED);
        assert_eq!(rig.hear(FLUSHED), [Spoken::Ended { utterance: 1 }]);
        assert_eq!(rig.sent(), ["Two. ", "Flush", "Flush"]);
    }

    #[test]
    fn no_more_is_flushed_than_the_engine_does() {
        let mut rig = Rig::new();
        for utterance in 1..=30 {
            rig.say(utterance, "Hi.");
            rig.end(utterance);
            rig.hear(FLUSHED);
            rig.hear(FLUSHED);
        }
        let flushes = rig.sent().iter().filter(|word| *word == "Flush").count();
        assert_eq!(flushes, MOST_FLUSHES);
        let due = rig.0.deadline().expect("a flush is owed");
        rig.0.deadline_passed(due, &mut rig.2);
        assert_eq!(rig.sent(), ["Flush"]);
        assert_eq!(rig.hear(FLUSHED).len(), 1);
    }

    #[test]
    fn a_long_piece_is_sent_in_parts_and_warnings_are_told() {
        let mut rig = Rig::new();
        rig.say(1, &"word ".repeat(500));
        assert_eq!(rig.sent().len(), 3);
        let out = rig.hear(r#"{"type":"Warning","code":"DATA-0001","description":"x"}"#);
        assert!(matches!(&out[..], [Spoken::Complained { .. }]));
        assert!(matches!(&rig.hear(r#"{"type":"Error","code":"NET-0000"}"#)[..], [Spoken::Failed(_)]));
    }
}
