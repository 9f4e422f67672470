//! Cartesia's Sonic. Pure.
//!
//! Every message of a context repeats all of its fields. A cancel stops what has not begun; what is
//! being made still comes and is dropped by its context.

use std::collections::BTreeMap;

use serde_json::json;
use url::Url;

use super::timing::{Script, Timing};
use super::{Spoken, ToVoice, VoicePlan, time_of_ms};
use crate::carrier::{AudioFormat, Encoding};
use crate::frame::Frame;
use crate::realtime::cascade::address::{short, socket};
use crate::realtime::cascade::failure::{Class, Failure, Part};
use crate::realtime::fields::{Fields, text};

/// The address of a socket. Without a version it is refused.
pub(super) fn url(plan: &VoicePlan) -> Url {
    let mut url = socket(&plan.url, "/tts/websocket");
    url.query_pairs_mut().append_pair("cartesia_version", VERSION);
    url
}

/// A socket.
#[derive(Debug)]
pub struct Cartesia {
    model: String,
    voice: String,
    language: String,
    format: AudioFormat,
    /// The utterances in progress.
    open: BTreeMap<u64, Script>,
}

impl Cartesia {
    /// A socket.
    pub(super) fn new(plan: &VoicePlan) -> Self {
        Self {
            model: plan.model.clone(),
            voice: plan.voice.clone(),
            language: short(&plan.language).to_owned(),
            format: plan.format,
            open: BTreeMap::new(),
        }
    }

    pub(super) fn say(&mut self, utterance: u64, text: &str, out: &mut Vec<ToVoice>) {
        self.open.entry(utterance).or_default().add(text);
        // Transcripts are joined as they are.
        self.send(utterance, &format!("{text} "), true, out);
    }

    pub(super) fn end(&self, utterance: u64, out: &mut Vec<ToVoice>) {
        if self.open.contains_key(&utterance) {
            self.send(utterance, "", false, out);
        }
    }

    pub(super) fn cancel(&mut self, utterance: u64, out: &mut Vec<ToVoice>) {
        if self.open.remove(&utterance).is_some() {
            out.push(ToVoice::Text(json!({ "context_id": name(utterance), "cancel": true }).to_string()));
        }
    }

    pub(super) fn hear_text(&mut self, message: &str, out: &mut Vec<Spoken>) {
        let Ok(fields) = Fields::read(message) else { return };
        let id = fields.id("context_id");
        let utterance = id.strip_prefix(PREFIX).and_then(|id| id.parse::<u64>().ok());
        if fields.id("type") == "error" {
            return self.failed(&fields, utterance, out);
        }
        let Some(utterance) = utterance else { return };
        let Some(script) = self.open.get_mut(&utterance) else { return };
        match fields.id("type").as_ref() {
            "chunk" => {
                let audio = fields.filled("data").and_then(|data| Frame::of_base64(&data).ok());
                out.extend(audio.map(|audio| Spoken::Audio { utterance, audio }));
            }
            "timestamps" => {
                let timings = timings(&fields.object("word_timestamps"), script);
                if !timings.is_empty() {
                    out.push(Spoken::Timings { utterance, timings });
                }
            }
            "done" => {
                self.open.remove(&utterance);
                out.push(Spoken::Ended { utterance });
            }
            _ => {}
        }
    }

    fn failed(&self, fields: &Fields<'_>, utterance: Option<u64>, out: &mut Vec<Spoken>) {
        // An error of an utterance that nobody wants any more is none.
        if utterance.is_some_and(|utterance| !self.open.contains_key(&utterance)) {
            return;
        }
        let code = fields.filled("error_code").or_else(|| fields.filled("title")).unwrap_or_default();
        let message = fields.words("message").unwrap_or_default();
        let mut failure = Failure::of_words(Part::Voice, &code, &message);
        if fields.count("status_code", 999) == Some(429) && failure.class == Class::Next {
            failure.class = Class::Retry { after: None };
        }
        out.push(Spoken::Failed(failure));
    }

    fn send(&self, utterance: u64, text: &str, goes_on: bool, out: &mut Vec<ToVoice>) {
        let encoding = match self.format.encoding {
            Encoding::MuLaw => "pcm_mulaw",
            Encoding::ALaw => "pcm_alaw",
            Encoding::Pcm16 => "pcm_s16le",
        };
        let message = json!({
            "model_id": self.model,
            "transcript": text,
            "continue": goes_on,
            "context_id": name(utterance),
            "voice": { "mode": "id", "id": self.voice },
            "language": self.language,
            "output_format": { "container": "raw", "encoding": encoding, "sample_rate": self.format.rate_hz },
            "add_timestamps": true,
            "use_normalized_timestamps": false,
            // The sentences are cut already.
            "max_buffer_delay_ms": 0,
        });
        out.push(ToVoice::Text(message.to_string()));
    }
}

/// The words with their times, in seconds from the beginning of the context.
fn timings(fields: &Fields<'_>, script: &mut Script) -> Vec<Timing> {
    let list = |name| fields.list(name).into_iter().filter_map(text);
    let number = |text: std::borrow::Cow<'_, str>| text.parse::<f64>().ok().map(|seconds| time_of_ms(seconds * 1000.0));
    let times = list("start").map(number).zip(list("end").map(number));
    let words = list("words").zip(times);
    let timing = |(word, (start, end)): (std::borrow::Cow<'_, str>, _)| {
        let bytes = script.place(&word)?;
        Some(Timing { bytes, start: start?, end: end? })
    };
    words.filter_map(timing).collect()
}

fn name(utterance: u64) -> String {
    format!("{PREFIX}{utterance}")
}

const PREFIX: char = 'u';
const VERSION: &str = "2026-08-14";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{audio, plan, sent};
    use super::*;

    fn cartesia() -> (Cartesia, Vec<ToVoice>) {
        (Cartesia::new(&plan("https://api.cartesia.ai")), Vec::new())
    }

    fn heard(cartesia: &mut Cartesia, message: &str) -> Vec<Spoken> {
        let mut out = Vec::new();
        cartesia.hear_text(message, &mut out);
        out
    }

    #[test]
    fn every_message_of_a_context_has_the_same_fields() {
        assert_eq!(
            url(&plan("https://api.cartesia.ai")).as_str(),
            "wss://api.cartesia.ai/tts/websocket?cartesia_version=2026-08-14"
        );
        let (mut cartesia, mut out) = cartesia();
        cartesia.say(1, "Your table is", &mut out);
        cartesia.say(1, "booked.", &mut out);
        cartesia.end(1, &mut out);
        let mut messages = sent(&mut out);
        let said: Vec<_> = messages.iter().map(|it| (it["transcript"].clone(), it["continue"].clone())).collect();
        assert_eq!(
            said,
            [("Your table is ".into(), true.into()), ("booked. ".into(), true.into()), ("".into(), false.into())]
        );
        for message in &mut messages {
            message["transcript"].take();
            message["continue"].take();
        }
        assert!(messages.iter().all(|message| *message == messages[0]), "{messages:?}");
        assert_eq!(messages[0]["output_format"], json!({"container":"raw","encoding":"pcm_mulaw","sample_rate":8000}));
        assert_eq!(messages[0]["max_buffer_delay_ms"], 0);
    }

    #[test]
    fn audio_that_trails_after_a_cancel_is_dropped() {
        let (mut cartesia, mut out) = cartesia();
        cartesia.say(1, "Hello.", &mut out);
        let chunk = r#"{"type":"chunk","context_id":"u1","data":"AQI=","done":false}"#;
        assert_eq!(heard(&mut cartesia, chunk), [audio(1, &[1, 2])]);
        out.clear();
        cartesia.cancel(1, &mut out);
        cartesia.cancel(1, &mut out);
        assert_eq!(sent(&mut out), [json!({"context_id":"u1","cancel":true})]);
        assert_eq!(heard(&mut cartesia, chunk), []);
        assert_eq!(heard(&mut cartesia, r#"{"type":"done","context_id":"u1","done":true}"#), []);
        assert_eq!(heard(&mut cartesia, r#"{"type":"error","context_id":"u1","message":"cancelled"}"#), []);
    }

    #[test]
    fn times_count_from_the_beginning_of_the_context() {
        let (mut cartesia, mut out) = cartesia();
        cartesia.say(1, "Your table.", &mut out);
        let spoken = heard(
            &mut cartesia,
            r#"{"type":"timestamps","context_id":"u1","word_timestamps":{"words":["Your","table."],"start":[0.0,0.28],"end":[0.25,0.61]}}"#,
        );
        let timing =
            |bytes, start, end| Timing { bytes, start: Duration::from_millis(start), end: Duration::from_millis(end) };
        assert_eq!(
            spoken,
            [Spoken::Timings { utterance: 1, timings: vec![timing(0..4, 0, 250), timing(5..11, 280, 610)] }]
        );
        assert_eq!(heard(&mut cartesia, r#"{"type":"done","context_id":"u1"}"#), [Spoken::Ended { utterance: 1 }]);
    }

    #[test]
    fn an_error_says_whether_to_wait() {
        let (mut cartesia, _) = cartesia();
        let class = |cartesia: &mut Cartesia, status: u16, code: &str| {
            let message = format!(r#"{{"type":"error","status_code":{status},"error_code":"{code}","message":"x"}}"#);
            match &heard(cartesia, &message)[..] {
                [Spoken::Failed(failure)] => failure.class,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(class(&mut cartesia, 429, "x"), Class::Retry { after: None });
        assert!(matches!(class(&mut cartesia, 402, "quota_exceeded"), Class::Fatal(_)));
        assert_eq!(class(&mut cartesia, 500, "x"), Class::Next);
    }
}
