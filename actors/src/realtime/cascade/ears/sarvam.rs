//! Sarvam's realtime transcription. Pure.
//!
//! An utterance has a number, and its words come in the order partial, end of speech, final: the
//! end of speech alone has no words yet.

use std::time::{Duration, Instant};

use url::Url;

use super::deepgram::{encoding, seconds};
use super::words::TurnWords;
use super::{EarsPlan, Heard, ToEars};
use crate::realtime::cascade::address::{indian, socket};
use crate::realtime::cascade::failure::{Failure, Part};
use crate::realtime::fields::Fields;

/// The address of a stream.
pub(super) fn url(plan: &EarsPlan) -> Url {
    let mut url = socket(&plan.url, PATH);
    let (rate, endpointing) = (plan.format.rate_hz.to_string(), plan.endpointing.as_millis().to_string());
    let mut query = url.query_pairs_mut();
    query
        .append_pair("language_code", &language(&plan.language))
        .append_pair("model", &plan.model)
        .append_pair("stream_type", "fast")
        .append_pair("mode", "transcribe")
        .append_pair("endpointing", "vad")
        .append_pair("encoding", encoding(plan.format.encoding))
        .append_pair("sample_rate", &rate)
        .append_pair("silence_duration_ms", &endpointing);
    // The older model refuses them.
    if plan.model.ends_with(":v4") && !plan.keywords.is_empty() {
        let words: Vec<&str> = plan.keywords.iter().map(String::as_str).filter(fits).take(MOST_WORDS).collect();
        query.append_pair("keyterms", &serde_json::Value::from(words).to_string());
    }
    drop(query);
    url
}

fn fits(word: &&str) -> bool {
    word.chars().count() <= LONGEST_WORD
}

/// The engine's name of a language. Odia has another one here than elsewhere.
fn language(language: &str) -> String {
    match language {
        "" | "auto" => "auto".to_owned(),
        "od" | "od-IN" => "or-IN".to_owned(),
        other => indian(other),
    }
}

/// A stream.
#[derive(Debug)]
pub struct Sarvam {
    words: TurnWords,
    /// The utterance in progress.
    current: Option<u64>,
    /// The last utterance of which nothing more is heard: it is final, or its turn was taken.
    done: Option<u64>,
    /// When something was sent last.
    sent: Instant,
}

impl Sarvam {
    /// A stream that was opened at `now`.
    pub fn new(now: Instant) -> Self {
        Self { words: TurnWords::default(), current: None, done: None, sent: now }
    }

    pub(super) fn hear_server(&mut self, text: &str, out: &mut Vec<Heard>) {
        let Ok(fields) = Fields::read(text) else { return };
        let utterance = fields.count("utterance_idx", u32::MAX).unwrap_or_default();
        let is_done = self.done.is_some_and(|done| utterance <= done);
        let words = || fields.words("text").unwrap_or_default();
        match fields.id("event").as_ref() {
            "session.begin" => out.push(Heard::Ready),
            "vad.speech_start" if !is_done => {
                self.current = Some(utterance);
                out.push(Heard::SpeechBegan { has_words: false });
            }
            "transcript.partial" if !is_done => {
                self.current = Some(utterance);
                if self.words.guess(&words()) && !self.words.are_none() {
                    out.push(Heard::Words { text: self.words.all(), are_settled: false });
                }
            }
            "transcript.final" if !is_done => {
                self.done = Some(utterance);
                self.words.settle(&words());
                if !self.words.are_none() {
                    out.push(Heard::Words { text: self.words.all(), are_settled: true });
                }
                // Another utterance may have begun meanwhile. One without words is over too.
                if self.current.is_none_or(|current| current <= utterance) {
                    out.push(Heard::UtteranceOver { text: self.words.all() });
                }
            }
            "error" => {
                let (code, message) = (fields.id("code"), fields.words("message").unwrap_or_default());
                out.push(if fields.text("is_fatal").as_deref() == Some("true") {
                    Heard::Failed(Failure::of_words(Part::Ears, &code, &message))
                } else {
                    Heard::Complained { code: code.into_owned(), message: message.into_owned() }
                });
            }
            "session.end" => out.extend(seconds(&fields, "audio_duration_s").map(Heard::Used)),
            _ => {}
        }
    }

    pub(super) fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<ToEars>) {
        self.sent = now;
        let mut message = String::with_capacity(audio.len() / 3 * 4 + 48);
        message.push_str(r#"{"event":"audio_input","audio":""#);
        base64_simd::STANDARD.encode_append(audio, &mut message);
        message.push_str(r#""}"#);
        out.push(ToEars::AudioText(message));
    }

    pub(super) fn close(out: &mut Vec<ToEars>) {
        out.push(ToEars::Text(r#"{"event":"end"}"#.into()));
    }

    pub(super) fn turn_taken(&mut self) {
        // The final words of an utterance whose partial words were taken come later.
        if !self.words.interim().is_empty() {
            self.done = self.done.max(self.current);
        }
        self.words.clear();
    }

    pub(super) fn deadline(&self) -> Instant {
        self.sent + KEEP_ALIVE
    }

    pub(super) fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ToEars>) {
        if self.deadline() <= now {
            self.sent = now;
            out.push(ToEars::Text(r#"{"event":"ping"}"#.into()));
        }
    }
}

const PATH: &str = "/speech-to-text-realtime/ws";
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The limits of the engine for words to listen for.
const MOST_WORDS: usize = 50;
const LONGEST_WORD: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::testing::{plan, words};
    use super::*;
    use crate::clock;

    fn event(kind: &str, utterance: u64, text: &str) -> String {
        format!(r#"{{"event":"{kind}","utterance_idx":{utterance},"text":"{text}"}}"#)
    }

    fn heard(sarvam: &mut Sarvam, messages: &[String]) -> Vec<Heard> {
        let mut out = Vec::new();
        messages.iter().for_each(|message| sarvam.hear_server(message, &mut out));
        out
    }

    fn over(text: &str) -> Heard {
        Heard::UtteranceOver { text: text.into() }
    }

    #[test]
    fn the_address_has_the_engines_names() {
        let mut plan = plan("https://api.sarvam.ai");
        plan.model = "saaras:v4".into();
        let address = url(&plan);
        let expected = "wss://api.sarvam.ai/speech-to-text-realtime/ws?language_code=hi-IN&model=saaras%3Av4";
        assert!(address.as_str().starts_with(expected), "{address}");
        assert!(address.query_pairs().any(|(name, value)| name == "keyterms" && value == r#"["Pune","Kothrud & Co"]"#));
        plan.model = "saaras:v3-realtime".into();
        assert!(!url(&plan).as_str().contains("keyterms"));
        assert_eq!((language("od").as_str(), language("ta-IN").as_str()), ("or-IN", "ta-IN"));
    }

    #[test]
    fn an_utterance_is_over_when_its_final_words_are_there() {
        let mut sarvam = Sarvam::new(clock::now());
        let out = heard(
            &mut sarvam,
            &[
                r#"{"event":"session.begin","request_id":"a"}"#.into(),
                event("vad.speech_start", 0, ""),
                event("transcript.partial", 0, "मुझे एक"),
                event("vad.speech_end", 0, ""),
            ],
        );
        assert_eq!(out, [Heard::Ready, Heard::SpeechBegan { has_words: false }, words("मुझे एक", false)]);
        let out = heard(&mut sarvam, &[event("transcript.final", 0, "मुझे एक टेबल चाहिए।")]);
        assert_eq!(out, [words("मुझे एक टेबल चाहिए।", true), over("मुझे एक टेबल चाहिए।")]);
        let out = heard(&mut sarvam, &[event("transcript.partial", 0, "late"), event("transcript.partial", 1, "दो")]);
        assert_eq!(out, [words("मुझे एक टेबल चाहिए। दो", false)]);
    }

    #[test]
    fn late_final_words_of_a_taken_turn_are_not_heard_twice() {
        let mut sarvam = Sarvam::new(clock::now());
        heard(&mut sarvam, &[event("vad.speech_start", 4, ""), event("transcript.partial", 4, "हाँ")]);
        sarvam.turn_taken();
        assert_eq!(heard(&mut sarvam, &[event("transcript.final", 4, "हाँ।")]), []);
        assert_eq!(heard(&mut sarvam, &[event("transcript.final", 5, "ठीक है।")]).len(), 2);
        assert_eq!(heard(&mut sarvam, &[event("transcript.final", 6, "")]).len(), 2, "the turn is not taken yet");
    }

    #[test]
    fn an_utterance_without_words_is_over_too() {
        let mut sarvam = Sarvam::new(clock::now());
        let out = heard(&mut sarvam, &[event("vad.speech_end", 0, ""), event("transcript.final", 0, " ")]);
        assert_eq!(out, [over("")]);
    }

    #[test]
    fn an_error_is_the_end_only_if_it_is_fatal() {
        let mut sarvam = Sarvam::new(clock::now());
        let error =
            |is_fatal| format!(r#"{{"event":"error","code":"invalid_config","is_fatal":{is_fatal},"message":"x"}}"#);
        let out = heard(
            &mut sarvam,
            &[error(false), error(true), r#"{"event":"session.end","audio_duration_s":58.9}"#.into()],
        );
        assert!(matches!(&out[..], [Heard::Complained { .. }, Heard::Failed(_), Heard::Used(58_900)]), "{out:?}");
    }

    #[test]
    fn audio_is_text_and_an_idle_stream_is_kept() {
        let (mut sarvam, mut out) = (Sarvam::new(clock::now()), Vec::new());
        let now = clock::now();
        sarvam.hear_caller(&[0xFF, 0xFE, 0xFD], now, &mut out);
        assert_eq!(out, [ToEars::AudioText(r#"{"event":"audio_input","audio":"//79"}"#.into())]);
        sarvam.deadline_passed(now + KEEP_ALIVE, &mut out);
        assert_eq!(out[1], ToEars::Text(r#"{"event":"ping"}"#.into()));
    }
}
