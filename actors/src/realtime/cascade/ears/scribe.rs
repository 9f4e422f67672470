//! ElevenLabs' Scribe. Pure.
//!
//! A partial transcript is the whole segment so far. A commit ends the segment; its words come
//! twice if times were asked for.

use url::Url;

use super::words::{TurnWords, behind};
use super::{EarsPlan, Heard, ToEars};
use crate::carrier::{AudioFormat, Encoding};
use crate::realtime::cascade::address::{short, socket};
use crate::realtime::cascade::failure::{Failure, Part};
use crate::realtime::fields::Fields;

/// The address of a stream.
pub(super) fn url(plan: &EarsPlan) -> Url {
    let mut url = socket(&plan.url, "/v1/speech-to-text/realtime");
    let silence = plan.endpointing.as_secs_f64().clamp(SHORTEST_SILENCE, LONGEST_SILENCE).to_string();
    let mut query = url.query_pairs_mut();
    query
        .append_pair("model_id", &plan.model)
        .append_pair("audio_format", &format(plan.format))
        .append_pair("commit_strategy", "vad")
        .append_pair("vad_silence_threshold_secs", &silence)
        .append_pair("language_code", short(&plan.language));
    let fits = |word: &&String| word.chars().count() <= LONGEST_WORD;
    for word in plan.keywords.iter().filter(fits).take(MOST_WORDS) {
        query.append_pair("keyterms", word);
    }
    drop(query);
    url
}

fn format(format: AudioFormat) -> String {
    let encoding = match format.encoding {
        Encoding::MuLaw => "ulaw",
        Encoding::ALaw => "alaw",
        Encoding::Pcm16 => "pcm",
    };
    format!("{encoding}_{}", format.rate_hz)
}

/// A stream.
#[derive(Debug)]
pub struct Scribe {
    rate_hz: u32,
    words: TurnWords,
    /// The words of the segment in progress that the last turn took.
    taken: String,
    /// The words of the last commit, until the next segment begins.
    committed: Option<String>,
    /// Whether a commit of ours waits for its answer.
    is_committing: bool,
}

impl Scribe {
    /// A stream.
    pub fn new(plan: &EarsPlan) -> Self {
        Self {
            rate_hz: plan.format.rate_hz,
            words: TurnWords::default(),
            taken: String::new(),
            committed: None,
            is_committing: false,
        }
    }

    pub(super) fn hear_server(&mut self, text: &str, out: &mut Vec<Heard>) {
        let Ok(fields) = Fields::read(text) else { return };
        let words = || fields.words("text").unwrap_or_default();
        match fields.id("message_type").as_ref() {
            "session_started" => out.push(Heard::Ready),
            "partial_transcript" => {
                let text = words();
                let said = behind(&text, &self.taken);
                if !said.is_empty() && self.words.guess(said) {
                    self.committed = None;
                    out.push(Heard::Words { text: self.words.all(), are_settled: false });
                }
            }
            "committed_transcript" | "committed_transcript_with_timestamps" => self.commit_came(&words(), out),
            "" => {}
            code => {
                let Some(message) = fields.words("error") else { return };
                out.push(if PASSING.contains(&code) {
                    Heard::Complained { code: code.to_owned(), message: message.into_owned() }
                } else {
                    Heard::Failed(Failure::of_words(Part::Ears, code, &message))
                });
            }
        }
    }

    fn commit_came(&mut self, text: &str, out: &mut Vec<Heard>) {
        if self.committed.as_deref() == Some(text) {
            return;
        }
        self.committed = Some(text.to_owned());
        self.words.settle(behind(text, &self.taken));
        self.taken.clear();
        if !self.words.are_none() {
            out.push(Heard::Words { text: self.words.all(), are_settled: true });
            out.push(Heard::UtteranceOver { text: self.words.all() });
        }
        if std::mem::take(&mut self.is_committing) {
            out.push(Heard::Committed);
        }
    }

    pub(super) fn hear_caller(&mut self, audio: &[u8], out: &mut Vec<ToEars>) {
        out.push(ToEars::AudioText(self.chunk(audio, false)));
    }

    pub(super) fn commit(&mut self, out: &mut Vec<ToEars>) -> bool {
        // Without words there is too little audio to commit.
        if self.words.interim().is_empty() {
            return false;
        }
        self.is_committing = true;
        out.push(ToEars::Text(self.chunk(&[], true)));
        true
    }

    pub(super) fn turn_taken(&mut self) {
        if !self.words.interim().is_empty() {
            if !self.taken.is_empty() {
                self.taken.push(' ');
            }
            self.taken.push_str(self.words.interim());
        }
        self.words.clear();
    }

    fn chunk(&self, audio: &[u8], commit: bool) -> String {
        let mut message = String::with_capacity(audio.len() / 3 * 4 + 112);
        message.push_str(r#"{"message_type":"input_audio_chunk","audio_base_64":""#);
        base64_simd::STANDARD.encode_append(audio, &mut message);
        message.push_str(&format!(r#"","commit":{commit},"sample_rate":{}}}"#, self.rate_hz));
        message
    }
}

/// Errors after which the stream goes on.
const PASSING: [&str; 4] = ["commit_throttled", "input_error", "insufficient_audio_activity", "chunk_size_exceeded"];
/// The limits of the engine.
const SHORTEST_SILENCE: f64 = 0.3;
const LONGEST_SILENCE: f64 = 3.0;
const MOST_WORDS: usize = 50;
const LONGEST_WORD: usize = 20;

#[cfg(test)]
mod tests {
    use super::super::testing::{plan, words};
    use super::*;

    fn scribe() -> Scribe {
        Scribe::new(&plan("https://api.elevenlabs.io"))
    }

    fn event(kind: &str, text: &str) -> String {
        format!(r#"{{"message_type":"{kind}","text":"{text}"}}"#)
    }

    fn heard(scribe: &mut Scribe, messages: &[String]) -> Vec<Heard> {
        let mut out = Vec::new();
        messages.iter().for_each(|message| scribe.hear_server(message, &mut out));
        out
    }

    fn over(text: &str) -> Heard {
        Heard::UtteranceOver { text: text.into() }
    }

    #[test]
    fn the_address_keeps_within_the_engines_limits() {
        let mut plan = plan("https://api.in.residency.elevenlabs.io");
        plan.endpointing = std::time::Duration::from_millis(100);
        plan.keywords.push("x".repeat(21));
        let address = url(&plan);
        let expected =
            "wss://api.in.residency.elevenlabs.io/v1/speech-to-text/realtime?model_id=small&audio_format=ulaw_8000";
        assert!(address.as_str().starts_with(expected), "{address}");
        assert!(address.as_str().contains("vad_silence_threshold_secs=0.3&language_code=hi"));
        assert_eq!(address.query_pairs().filter(|(name, _)| name == "keyterms").count(), 2);
    }

    #[test]
    fn a_segment_replaces_and_a_commit_counts_once() {
        let out = heard(
            &mut scribe(),
            &[
                r#"{"message_type":"session_started","session_id":"a"}"#.into(),
                event("partial_transcript", "I need"),
                event("partial_transcript", "I need a table"),
                event("committed_transcript", "I need a table."),
                event("committed_transcript_with_timestamps", "I need a table."),
                event("partial_transcript", "For two"),
            ],
        );
        assert_eq!(
            out,
            [
                Heard::Ready,
                words("I need", false),
                words("I need a table", false),
                words("I need a table.", true),
                over("I need a table."),
                words("I need a table. For two", false),
            ]
        );
    }

    #[test]
    fn a_late_commit_of_a_taken_turn_is_not_heard_twice() {
        let mut scribe = scribe();
        heard(&mut scribe, &[event("partial_transcript", "Yes please")]);
        scribe.turn_taken();
        assert_eq!(heard(&mut scribe, &[event("committed_transcript", "Yes, please.")]), []);
        let out = heard(&mut scribe, &[event("committed_transcript", "Yes, please.")]);
        assert_eq!(out, [], "the same commit again is the one with times");
        let out = heard(&mut scribe, &[event("partial_transcript", "And"), event("committed_transcript", "And tea.")]);
        assert_eq!(out, [words("And", false), words("And tea.", true), over("And tea.")]);
    }

    #[test]
    fn a_commit_is_asked_for_only_if_there_are_words() {
        let (mut scribe, mut out) = (scribe(), Vec::new());
        assert!(!scribe.commit(&mut out));
        heard(&mut scribe, &[event("partial_transcript", "Yes")]);
        assert!(scribe.commit(&mut out));
        let expected = r#"{"message_type":"input_audio_chunk","audio_base_64":"","commit":true,"sample_rate":8000}"#;
        assert_eq!(out, [ToEars::Text(expected.into())]);
        assert_eq!(heard(&mut scribe, &[event("committed_transcript", "Yes.")]).last(), Some(&Heard::Committed));
    }

    #[test]
    fn an_error_is_a_message_with_its_name() {
        let error = |kind: &str| format!(r#"{{"message_type":"{kind}","error":"text"}}"#);
        for passing in PASSING {
            let out = heard(&mut scribe(), &[error(passing)]);
            assert!(matches!(&out[..], [Heard::Complained { .. }]), "{passing}");
        }
        for fatal in ["auth_error", "quota_exceeded", "session_time_limit_exceeded", "transcriber_error", "error"] {
            assert!(matches!(&heard(&mut scribe(), &[error(fatal)])[..], [Heard::Failed(_)]), "{fatal}");
        }
        assert_eq!(heard(&mut scribe(), &["{}".into(), event("later", "x")]), []);
    }
}
