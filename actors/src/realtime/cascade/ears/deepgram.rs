//! Deepgram's Listen v1: transcribes segments; the turn is ours to find. Pure.
//!
//! The caller's turn is all final segments since the last turn, never the last message alone. The
//! end of an utterance comes as `speech_final`; where noise keeps that away, as `UtteranceEnd`.

use std::time::{Duration, Instant};

use url::Url;

use super::words::{TurnWords, behind};
use super::{EarsPlan, Heard, ToEars, silence};
use crate::carrier::{AudioFormat, Encoding};
use crate::frame::Frame;
use crate::realtime::cascade::address::{short, socket};
use crate::realtime::cascade::failure::{Failure, Part};
use crate::realtime::fields::Fields;

/// The address of a stream. Raw audio needs its encoding and rate in it.
pub(super) fn url(plan: &EarsPlan) -> Url {
    let mut url = socket(&plan.url, "/v1/listen");
    let (rate, endpointing) = (plan.format.rate_hz.to_string(), plan.endpointing.as_millis().to_string());
    let mut query = url.query_pairs_mut();
    query
        .append_pair("model", &plan.model)
        .append_pair("language", short(&plan.language))
        .append_pair("encoding", encoding(plan.format.encoding))
        .append_pair("sample_rate", &rate)
        .append_pair("channels", "1")
        .append_pair("interim_results", "true")
        .append_pair("endpointing", &endpointing)
        .append_pair("utterance_end_ms", SHORTEST_UTTERANCE_END)
        .append_pair("vad_events", "true")
        .append_pair("smart_format", "true")
        .append_pair("no_delay", "true")
        .append_pair("mip_opt_out", "true");
    // Older models know another word for it and refuse this one.
    for word in plan.keywords.iter().filter(|_| plan.model.starts_with("nova-3")) {
        query.append_pair("keyterm", word);
    }
    drop(query);
    url
}

/// The engine's word for an encoding.
pub(super) const fn encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::MuLaw => "mulaw",
        Encoding::ALaw => "alaw",
        Encoding::Pcm16 => "linear16",
    }
}

/// A stream.
#[derive(Debug)]
pub struct Listen {
    format: AudioFormat,
    words: TurnWords,
    /// Whether the engine has already said that the utterance with the last words is over.
    is_over: bool,
    /// The start of the segment in progress.
    segment: Option<f64>,
    /// The segment whose interim words were taken before it was final, and those words.
    taken: Option<(f64, String)>,
    /// When something was sent last, and whether audio was ever sent.
    sent: Instant,
    has_audio: bool,
}

impl Listen {
    /// A stream that was opened at `now`.
    pub fn new(plan: &EarsPlan, now: Instant) -> Self {
        Self {
            format: plan.format,
            words: TurnWords::default(),
            is_over: false,
            segment: None,
            taken: None,
            sent: now,
            has_audio: false,
        }
    }

    pub(super) fn hear_server(&mut self, text: &str, out: &mut Vec<Heard>) {
        let Ok(fields) = Fields::read(text) else { return };
        match fields.id("type").as_ref() {
            "Results" => self.results(&fields, out),
            "UtteranceEnd" if !self.is_over && !self.words.are_none() => self.utterance_over(out),
            "SpeechStarted" => out.push(Heard::SpeechBegan { has_words: false }),
            "Metadata" => out.extend(seconds(&fields, "duration").map(Heard::Used)),
            "Error" => {
                let (code, message) = (fields.id("variant"), fields.words("description").unwrap_or_default());
                out.push(Heard::Failed(Failure::of_words(Part::Ears, &code, &message)));
            }
            "ConfigureFailure" => out.push(Heard::Complained {
                code: fields.id("code").into_owned(),
                message: fields.words("description").unwrap_or_default().into_owned(),
            }),
            _ => {}
        }
    }

    fn results(&mut self, fields: &Fields<'_>, out: &mut Vec<Heard>) {
        let alternative = fields.object("channel").list("alternatives").into_iter().next();
        let transcript = Fields::of(alternative).words("transcript").unwrap_or_default();
        let is = |name| fields.text(name).as_deref() == Some("true");
        let start = fields.number("start").unwrap_or_default();
        let said = self.not_yet_taken(&transcript, start, is("is_final"));
        if is("is_final") {
            self.segment = None;
            if said.is_empty() {
                self.words.guess("");
            } else {
                self.words.settle(said);
                self.is_over = false;
                out.push(Heard::Words { text: self.words.all(), are_settled: true });
            }
        } else if !said.is_empty() && self.words.guess(said) {
            self.segment = Some(start);
            self.is_over = false;
            out.push(Heard::Words { text: self.words.all(), are_settled: false });
        }
        if is("speech_final") && !self.words.are_none() {
            self.utterance_over(out);
        }
        if is("from_finalize") {
            out.push(Heard::Committed);
        }
    }

    /// The words of a segment without those that the last turn took before they were final.
    fn not_yet_taken<'a>(&mut self, transcript: &'a str, start: f64, is_final: bool) -> &'a str {
        let Some((segment, words)) = &self.taken else { return transcript.trim() };
        if start > segment + SAME_SEGMENT {
            self.taken = None;
            return transcript.trim();
        }
        let said = behind(transcript, words);
        if is_final {
            self.taken = None;
        }
        said
    }

    fn utterance_over(&mut self, out: &mut Vec<Heard>) {
        self.is_over = true;
        out.push(Heard::UtteranceOver { text: self.words.all() });
    }

    pub(super) fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<ToEars>) {
        (self.sent, self.has_audio) = (now, true);
        out.push(ToEars::Audio(Frame::copy_of(audio)));
    }

    pub(super) fn commit(out: &mut Vec<ToEars>) -> bool {
        out.push(ToEars::Text(r#"{"type":"Finalize"}"#.into()));
        true
    }

    pub(super) fn close(out: &mut Vec<ToEars>) {
        out.push(ToEars::Text(r#"{"type":"CloseStream"}"#.into()));
    }

    pub(super) fn turn_taken(&mut self) {
        if !self.words.interim().is_empty() {
            let before = self.taken.take().map(|(_, words)| words + " ").unwrap_or_default();
            self.taken = self.segment.map(|segment| (segment, before + self.words.interim()));
        }
        self.words.clear();
        self.is_over = true;
    }

    pub(super) fn deadline(&self) -> Instant {
        self.sent + KEEP_ALIVE
    }

    pub(super) fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ToEars>) {
        if self.deadline() > now {
            return;
        }
        self.sent = now;
        // A stream that never got audio is closed whatever else is sent.
        out.push(if self.has_audio {
            ToEars::Text(r#"{"type":"KeepAlive"}"#.into())
        } else {
            ToEars::Audio(silence(self.format, SILENCE_MS))
        });
    }
}

/// A field in seconds, as ms.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds")]
pub(super) fn seconds(fields: &Fields<'_>, name: &str) -> Option<u64> {
    let seconds = fields.number(name).filter(|seconds| (0.0..=LONGEST_STREAM).contains(seconds))?;
    Some((seconds * 1000.0) as u64)
}

/// The least that the engine takes, in ms.
const SHORTEST_UTTERANCE_END: &str = "1000";
/// Starts of messages of one segment differ by less than this, in seconds.
const SAME_SEGMENT: f64 = 0.05;
/// The time without audio after which a sign of life is sent. The engine closes after 10 s.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
const SILENCE_MS: usize = 100;
const LONGEST_STREAM: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::super::testing::{plan, words};
    use super::*;
    use crate::clock;

    fn listen() -> Listen {
        Listen::new(&plan("https://api.deepgram.com"), clock::now())
    }

    fn result(start: f64, transcript: &str, flags: &[&str]) -> String {
        let flags: String = flags.iter().map(|flag| format!(r#","{flag}":true"#)).collect();
        format!(
            r#"{{"type":"Results","start":{start},"channel":{{"alternatives":[{{"transcript":"{transcript}"}}]}}{flags}}}"#
        )
    }

    fn heard(listen: &mut Listen, messages: &[String]) -> Vec<Heard> {
        let mut out = Vec::new();
        messages.iter().for_each(|message| listen.hear_server(message, &mut out));
        out
    }

    fn over(text: &str) -> Heard {
        Heard::UtteranceOver { text: text.into() }
    }

    const FINAL: &str = "is_final";
    const SPEECH: &str = "speech_final";

    fn utterance_end() -> String {
        r#"{"type":"UtteranceEnd","channel":[0,1],"last_word_end":2.3}"#.into()
    }

    #[test]
    fn the_address_says_what_the_audio_is() {
        let mut plan = plan("https://api.deepgram.com");
        let address = url(&plan);
        assert!(
            address.as_str().starts_with(
                "wss://api.deepgram.com/v1/listen?model=small&language=hi&encoding=mulaw&sample_rate=8000"
            )
        );
        assert!(address.as_str().contains("endpointing=300") && !address.as_str().contains("keyterm"));
        plan.model = "nova-3".into();
        assert!(url(&plan).as_str().ends_with("keyterm=Pune&keyterm=Kothrud+%26+Co"));
    }

    #[test]
    fn a_turn_is_all_final_segments() {
        let out = heard(
            &mut listen(),
            &[
                result(0.0, "I need", &[]),
                result(0.0, "I need a table", &[FINAL]),
                result(1.0, "for", &[]),
                result(1.0, "for two.", &[FINAL, SPEECH]),
            ],
        );
        assert_eq!(
            out,
            [
                words("I need", false),
                words("I need a table", true),
                words("I need a table for", false),
                words("I need a table for two.", true),
                over("I need a table for two."),
            ]
        );
    }

    #[test]
    fn the_end_of_an_utterance_is_told_once() {
        let mut listen = listen();
        heard(&mut listen, &[result(0.0, "Yes.", &[FINAL, SPEECH])]);
        assert_eq!(heard(&mut listen, &[utterance_end()]), []);
        // Noise keeps `speech_final` away.
        let out = heard(&mut listen, &[result(1.0, "Please.", &[FINAL]), utterance_end(), utterance_end()]);
        assert_eq!(out, [words("Yes. Please.", true), over("Yes. Please.")]);
    }

    #[test]
    fn an_utterance_may_end_with_interim_words_alone() {
        let out = heard(&mut listen(), &[result(0.0, "Yes", &[]), utterance_end()]);
        assert_eq!(out, [words("Yes", false), over("Yes")]);
        assert_eq!(heard(&mut listen(), &[utterance_end(), result(0.0, "", &[FINAL, SPEECH])]), []);
    }

    #[test]
    fn a_late_final_segment_is_not_heard_twice() {
        let mut listen = listen();
        heard(&mut listen, &[result(1.0, "I need a table", &[]), utterance_end()]);
        listen.turn_taken();
        let out = heard(&mut listen, &[result(1.0, "I need a table.", &[FINAL, SPEECH])]);
        assert_eq!(out, []);
        let out = heard(&mut listen, &[result(2.5, "For two.", &[FINAL, SPEECH])]);
        assert_eq!(out, [words("For two.", true), over("For two.")]);
        // The caller went on in the same segment.
        listen.turn_taken();
        heard(&mut listen, &[result(4.0, "And a", &[])]);
        listen.turn_taken();
        let out = heard(&mut listen, &[result(4.0, "And a chair", &[]), result(4.0, "And a chair, please.", &[FINAL])]);
        assert_eq!(out, [words("chair", false), words("chair, please.", true)]);
    }

    #[test]
    fn empty_and_repeated_results_say_nothing() {
        let mut listen = listen();
        let out = heard(
            &mut listen,
            &[result(0.0, "", &[]), result(0.0, "", &[FINAL]), result(0.0, "Hm", &[]), result(0.0, "Hm", &[])],
        );
        assert_eq!(out, [words("Hm", false)]);
        assert_eq!(heard(&mut listen, &[result(0.0, "", &[FINAL, "from_finalize"])]), [Heard::Committed]);
        assert!(listen.words.are_none());
    }

    #[test]
    fn speech_and_charges_and_errors_are_told() {
        let out = heard(
            &mut listen(),
            &[
                r#"{"type":"SpeechStarted","channel":[0,1],"timestamp":9.5}"#.into(),
                r#"{"type":"Metadata","duration":25.9,"channels":1}"#.into(),
                r#"{"type":"ConfigureFailure","code":"CONFIGURE_ALREADY_PENDING"}"#.into(),
                r#"{"type":"Error","variant":"SchemaError","description":"could not parse"}"#.into(),
                "not JSON".into(),
                r#"{"type":"Later"}"#.into(),
            ],
        );
        assert!(matches!(
            &out[..],
            [Heard::SpeechBegan { has_words: false }, Heard::Used(25_900), Heard::Complained { .. }, Heard::Failed(_)]
        ));
    }

    #[test]
    fn a_stream_without_audio_gets_silence_and_later_a_sign_of_life() {
        let (mut listen, start) = (listen(), clock::now());
        let (mut out, later) = (Vec::new(), start + KEEP_ALIVE * 2);
        listen.deadline_passed(start, &mut out);
        assert_eq!(out, []);
        listen.deadline_passed(later, &mut out);
        assert!(matches!(&out[..], [ToEars::Audio(frame)] if frame.len() == 800 && frame[0] == 0xFF));
        listen.hear_caller(&[1; 160], later, &mut out);
        assert_eq!(listen.deadline(), later + KEEP_ALIVE);
        listen.deadline_passed(later + KEEP_ALIVE, &mut out);
        assert_eq!(out.last(), Some(&ToEars::Text(r#"{"type":"KeepAlive"}"#.into())));
    }
}
