//! Deepgram's Flux: the engine finds the turns. Pure.
//!
//! `transcript` is the whole turn each time, so it replaces. A turn is left hanging if audio stops
//! in the middle of it, and there is no keep-alive: silence is sent.

use std::time::{Duration, Instant};

use url::Url;

use super::deepgram::encoding;
use super::{EarsPlan, Heard, ToEars, silence};
use crate::carrier::AudioFormat;
use crate::frame::Frame;
use crate::realtime::cascade::address::{short, socket};
use crate::realtime::cascade::failure::{Failure, Part};
use crate::realtime::fields::Fields;

/// The address of a stream. It takes none of Listen's parameters.
pub(super) fn url(plan: &EarsPlan) -> Url {
    let mut url = socket(&plan.url, "/v2/listen");
    let rate = plan.format.rate_hz.to_string();
    let mut query = url.query_pairs_mut();
    query
        .append_pair("model", &plan.model)
        .append_pair("encoding", encoding(plan.format.encoding))
        .append_pair("sample_rate", &rate)
        .append_pair("eot_threshold", "0.7")
        .append_pair("mip_opt_out", "true");
    if plan.eager {
        query.append_pair("eager_eot_threshold", "0.4");
    }
    if plan.model.ends_with("-multi") {
        query.append_pair("language_hint", short(&plan.language));
    }
    for word in &plan.keywords {
        query.append_pair("keyterm", word);
    }
    drop(query);
    url
}

/// A stream.
#[derive(Debug)]
pub struct Flux {
    format: AudioFormat,
    /// The words of the turn in progress; `None` between turns.
    turn: Option<String>,
    /// Audio that waits to be a piece of 80 ms.
    waiting: Frame,
    /// When audio was sent last.
    sent: Instant,
    /// Audio sent, in bytes, which is what the engine charges for.
    bytes: u64,
}

impl Flux {
    /// A stream that was opened at `now`.
    pub fn new(plan: &EarsPlan, now: Instant) -> Self {
        Self { format: plan.format, turn: None, waiting: Frame::default(), sent: now, bytes: 0 }
    }

    /// The audio that the engine charges for, in ms. It does not say it itself.
    pub fn used_ms(&self) -> u64 {
        self.bytes / self.format.bytes_per_ms() as u64
    }

    pub(super) fn hear_server(&mut self, text: &str, out: &mut Vec<Heard>) {
        let Ok(fields) = Fields::read(text) else { return };
        match fields.id("type").as_ref() {
            "Connected" => out.push(Heard::Ready),
            "TurnInfo" => self.turn_info(&fields, out),
            "Error" => {
                let (code, message) = (fields.id("code"), fields.words("description").unwrap_or_default());
                out.push(Heard::Failed(Failure::of_words(Part::Ears, &code, &message)));
            }
            "ConfigureFailure" => out.push(Heard::Complained {
                code: fields.id("code").into_owned(),
                message: fields.words("description").unwrap_or_default().into_owned(),
            }),
            _ => {}
        }
    }

    fn turn_info(&mut self, fields: &Fields<'_>, out: &mut Vec<Heard>) {
        let text = fields.words("transcript").unwrap_or_default().trim().to_owned();
        match fields.id("event").as_ref() {
            "StartOfTurn" => {
                out.push(Heard::SpeechBegan { has_words: true });
                self.turn = Some(String::new());
                self.words(text, out);
            }
            "Update" if self.turn.is_some() => self.words(text, out),
            "EagerEndOfTurn" if self.turn.is_some() => {
                self.words(text.clone(), out);
                out.push(Heard::TurnEndsEagerly { text });
            }
            "TurnResumed" if self.turn.is_some() => {
                out.push(Heard::TurnResumed);
                self.words(text, out);
            }
            "EndOfTurn" => {
                self.turn = None;
                out.push(Heard::TurnOver { text });
            }
            _ => {}
        }
    }

    fn words(&mut self, text: String, out: &mut Vec<Heard>) {
        let known = self.turn.get_or_insert_default();
        if !text.is_empty() && *known != text {
            known.clone_from(&text);
            out.push(Heard::Words { text, are_settled: false });
        }
    }

    pub(super) fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<ToEars>) {
        self.sent = now;
        self.waiting.extend_from_slice(audio);
        if self.waiting.len() >= self.format.bytes_per_ms() * PIECE_MS {
            self.bytes += self.waiting.len() as u64;
            out.push(ToEars::Audio(std::mem::take(&mut self.waiting)));
        }
    }

    /// Ends the turn in progress. Without one the order would end the next one.
    pub(super) fn commit(&mut self, out: &mut Vec<ToEars>) -> bool {
        if self.turn.is_none() {
            return false;
        }
        out.push(ToEars::Text(r#"{"type":"ForceEndTurn"}"#.into()));
        true
    }

    pub(super) fn close(out: &mut Vec<ToEars>) {
        out.push(ToEars::Text(r#"{"type":"CloseStream"}"#.into()));
    }

    pub(super) fn turn_taken(&mut self) {
        self.turn = None;
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        Some(self.sent + LONGEST_GAP)
    }

    pub(super) fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ToEars>) {
        if self.sent + LONGEST_GAP > now {
            return;
        }
        // As much silence as time has passed, so that the engine's clock goes on.
        let passed = now.saturating_duration_since(self.sent).min(LONGEST_SILENCE);
        let passed_ms = usize::try_from(passed.as_millis()).unwrap_or_default();
        self.sent = now;
        self.waiting.extend_from_slice(&silence(self.format, passed_ms));
        self.bytes += self.waiting.len() as u64;
        out.push(ToEars::Audio(std::mem::take(&mut self.waiting)));
    }
}

/// The size of a piece that the engine recommends.
const PIECE_MS: usize = 80;
/// The time without audio after which silence is sent. Longer: a turn is left hanging.
const LONGEST_GAP: Duration = Duration::from_millis(400);
const LONGEST_SILENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::super::testing::{plan, words};
    use super::*;
    use crate::clock;

    fn flux() -> Flux {
        Flux::new(&plan("https://api.deepgram.com"), clock::now())
    }

    fn info(event: &str, transcript: &str) -> String {
        format!(r#"{{"type":"TurnInfo","event":"{event}","turn_index":0,"transcript":"{transcript}","words":[]}}"#)
    }

    fn heard(flux: &mut Flux, messages: &[String]) -> Vec<Heard> {
        let mut out = Vec::new();
        messages.iter().for_each(|message| flux.hear_server(message, &mut out));
        out
    }

    #[test]
    fn the_address_has_no_parameter_of_the_older_protocol() {
        let mut plan = plan("https://api.deepgram.com");
        for word in ["interim_results", "endpointing", "smart_format", "punctuate", "language", "eager"] {
            assert!(!url(&plan).as_str().contains(word), "{word}");
        }
        plan.model = "flux-general-multi".into();
        plan.eager = true;
        let address = url(&plan);
        assert!(address.as_str().contains("language_hint=hi") && address.as_str().contains("eager_eot_threshold=0.4"));
    }

    #[test]
    fn a_transcript_replaces_the_one_before() {
        let out = heard(
            &mut flux(),
            &[
                r#"{"type":"Connected","request_id":"a"}"#.into(),
                info("StartOfTurn", "Hello"),
                info("Update", "Hello"),
                info("Update", "Hello I need"),
                info("EndOfTurn", "Hello, I need a table."),
            ],
        );
        assert_eq!(
            out,
            [
                Heard::Ready,
                Heard::SpeechBegan { has_words: true },
                words("Hello", false),
                words("Hello I need", false),
                Heard::TurnOver { text: "Hello, I need a table.".into() },
            ]
        );
    }

    #[test]
    fn an_eager_end_may_be_taken_back() {
        let out = heard(
            &mut flux(),
            &[
                info("StartOfTurn", "A table"),
                info("EagerEndOfTurn", "A table"),
                info("TurnResumed", "A table for"),
                info("EagerEndOfTurn", "A table for two."),
                info("EndOfTurn", "A table for two."),
            ],
        );
        let eager = |text: &str| Heard::TurnEndsEagerly { text: text.into() };
        assert_eq!(
            out[2..],
            [
                eager("A table"),
                Heard::TurnResumed,
                words("A table for", false),
                words("A table for two.", false),
                eager("A table for two."),
                Heard::TurnOver { text: "A table for two.".into() },
            ]
        );
    }

    #[test]
    fn a_turn_is_ended_by_force_only_while_there_is_one() {
        let (mut flux, mut out) = (flux(), Vec::new());
        assert!(!flux.commit(&mut out) && out.is_empty());
        heard(&mut flux, &[info("Update", "late"), info("StartOfTurn", "Yes")]);
        assert!(flux.commit(&mut out));
        assert_eq!(out, [ToEars::Text(r#"{"type":"ForceEndTurn"}"#.into())]);
        heard(&mut flux, &[info("EndOfTurn", "Yes.")]);
        assert!(!flux.commit(&mut out));
    }

    #[test]
    fn audio_goes_in_pieces_of_80_ms_and_never_stops() {
        let (mut flux, mut out) = (flux(), Vec::new());
        let start = clock::now();
        for _ in 0..4 {
            flux.hear_caller(&[1; 160], start, &mut out);
        }
        assert!(matches!(&out[..], [ToEars::Audio(frame)] if frame.len() == 640));
        flux.hear_caller(&[1; 160], start, &mut out);
        assert_eq!(flux.deadline(), Some(start + LONGEST_GAP));
        flux.deadline_passed(start + LONGEST_GAP, &mut out);
        assert!(matches!(&out[1], ToEars::Audio(frame) if frame.len() == 160 + 3200));
        flux.deadline_passed(start + LONGEST_GAP, &mut out);
        assert_eq!((out.len(), flux.used_ms()), (2, 500));
    }

    #[test]
    fn an_error_is_the_end() {
        let out = heard(&mut flux(), &[r#"{"type":"Error","code":"INTERNAL_SERVER_ERROR","description":"x"}"#.into()]);
        assert!(matches!(&out[..], [Heard::Failed(_)]));
    }
}
