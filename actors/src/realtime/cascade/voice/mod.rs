//! Text to speech: the engines that speak, each a machine over its wire protocol. Pure.
//!
//! An answer is one utterance with a number of ours. Its pieces are said one after the other, each
//! followed by a space, because most engines join texts as they are. Audio that still comes after
//! an utterance was cancelled is dropped here, in each engine's own way.

mod aura;
mod cartesia;
mod contexts;
mod sarvam;
mod speech;
mod timing;
mod wav;

use std::time::{Duration, Instant};

use url::Url;

pub use self::aura::Aura;
pub use self::cartesia::Cartesia;
pub use self::contexts::Contexts;
pub use self::sarvam::Sarvam;
pub use self::speech::{Request, Speech, request as speech_request};
pub use self::timing::Timing;
pub use self::wav::{NotPcm, Pcm24k};
use super::failure::Failure;
use crate::carrier::{AudioFormat, Encoding};
use crate::frame::Frame;

/// What an engine is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct VoicePlan {
    /// The API's base.
    pub url: Url,
    /// The model's name.
    pub model: String,
    /// The voice's name or id.
    pub voice: String,
    /// The language, as a code or a tag.
    pub language: String,
    /// The format of the audio, where the engine lets us choose.
    pub format: AudioFormat,
    /// How the voice should speak, for engines that take instructions.
    pub instructions: Option<String>,
}

/// What an engine says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spoken {
    /// The engine is ready.
    Ready,
    /// Audio of an utterance.
    Audio {
        /// The utterance.
        utterance: u64,
        /// The audio.
        audio: Frame,
    },
    /// When words of an utterance are said.
    Timings {
        /// The utterance.
        utterance: u64,
        /// The words, in order.
        timings: Vec<Timing>,
    },
    /// All audio of an utterance has come.
    Ended {
        /// The utterance.
        utterance: u64,
    },
    /// A complaint of the engine, which goes on.
    Complained {
        /// The engine's code.
        code: String,
        /// Its words.
        message: String,
    },
    /// The engine failed. Nothing follows.
    Failed(Failure),
}

/// A message to an engine with a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToVoice {
    /// Send this text message.
    Text(String),
    /// The engine cannot be stopped: close the socket and open another one.
    Reopen,
}

/// The kinds of engines with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoiceKind {
    /// Deepgram's Aura.
    Aura,
    /// ElevenLabs' contexts, for the models of the second generation.
    ElevenLabs,
    /// ElevenLabs' contexts, for later models, which speak all languages.
    ElevenLabsDialogue,
    /// Cartesia's Sonic.
    Cartesia,
    /// Sarvam's Bulbul.
    Sarvam,
}

impl VoiceKind {
    /// The address of a socket.
    pub fn url(self, plan: &VoicePlan) -> Url {
        match self {
            Self::Aura => aura::url(plan),
            Self::ElevenLabs => contexts::url(plan, contexts::Dialect::Speech),
            Self::ElevenLabsDialogue => contexts::url(plan, contexts::Dialect::Dialogue),
            Self::Cartesia => cartesia::url(plan),
            Self::Sarvam => sarvam::url(plan),
        }
    }

    /// The header of the key, and what stands before the key in it.
    pub const fn key_header(self) -> (&'static str, &'static str) {
        match self {
            Self::Aura => ("authorization", "Token "),
            Self::ElevenLabs | Self::ElevenLabsDialogue => ("xi-api-key", ""),
            Self::Cartesia => ("x-api-key", ""),
            Self::Sarvam => ("api-subscription-key", ""),
        }
    }

    /// Whether the engine says when each word is said.
    pub const fn has_timings(self) -> bool {
        matches!(self, Self::ElevenLabs | Self::ElevenLabsDialogue | Self::Cartesia)
    }

    /// The machine of a socket that was opened at `now`.
    pub fn open(self, plan: &VoicePlan, now: Instant) -> Voice {
        match self {
            Self::Aura => Voice::Aura(Aura::new()),
            Self::ElevenLabs => Voice::Contexts(Contexts::new(plan, contexts::Dialect::Speech, now)),
            Self::ElevenLabsDialogue => Voice::Contexts(Contexts::new(plan, contexts::Dialect::Dialogue, now)),
            Self::Cartesia => Voice::Cartesia(Cartesia::new(plan)),
            Self::Sarvam => Voice::Sarvam(Sarvam::new(plan, now)),
        }
    }
}

/// An engine with a socket.
#[derive(Debug)]
pub enum Voice {
    /// Deepgram's Aura.
    Aura(Aura),
    /// ElevenLabs.
    Contexts(Contexts),
    /// Cartesia's Sonic.
    Cartesia(Cartesia),
    /// Sarvam's Bulbul.
    Sarvam(Sarvam),
}

impl Voice {
    /// Says a piece of an utterance. Utterances are numbered upwards and follow each other.
    pub fn say(&mut self, utterance: u64, text: &str, now: Instant, out: &mut Vec<ToVoice>) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        match self {
            Self::Aura(voice) => voice.say(utterance, text, now, out),
            Self::Contexts(voice) => voice.say(utterance, text, now, out),
            Self::Cartesia(voice) => voice.say(utterance, text, out),
            Self::Sarvam(voice) => voice.say(utterance, text, now, out),
        }
    }

    /// No more text of the utterance will come. Returns whether all of its audio has come already;
    /// otherwise [`Spoken::Ended`] follows.
    pub fn end(&mut self, utterance: u64, now: Instant, out: &mut Vec<ToVoice>) -> bool {
        match self {
            Self::Aura(voice) => voice.end(utterance, now, out),
            Self::Contexts(voice) => voice.end(utterance, now, out),
            Self::Cartesia(voice) => voice.end(utterance, out),
            Self::Sarvam(voice) => return voice.end(utterance, now, out),
        }
        false
    }

    /// Nobody wants the rest of the utterance. Nothing of it is heard from here on.
    pub fn cancel(&mut self, utterance: u64, now: Instant, out: &mut Vec<ToVoice>) {
        match self {
            Self::Aura(voice) => voice.cancel(utterance, out),
            Self::Contexts(voice) => voice.cancel(utterance, now, out),
            Self::Cartesia(voice) => voice.cancel(utterance, out),
            Self::Sarvam(voice) => voice.cancel(utterance, out),
        }
    }

    /// Reads a text message.
    pub fn hear_text(&mut self, text: &str, now: Instant, out: &mut Vec<Spoken>, to: &mut Vec<ToVoice>) {
        match self {
            Self::Aura(voice) => voice.hear_text(text, now, out, to),
            Self::Contexts(voice) => voice.hear_text(text, now, out, to),
            Self::Cartesia(voice) => voice.hear_text(text, out),
            Self::Sarvam(voice) => voice.hear_text(text, now, out, to),
        }
    }

    /// Reads a binary message.
    pub fn hear_binary(&mut self, bytes: &[u8], out: &mut Vec<Spoken>) {
        match self {
            Self::Aura(voice) => voice.hear_binary(bytes, out),
            // The others send their audio as text.
            Self::Contexts(_) | Self::Cartesia(_) | Self::Sarvam(_) => {}
        }
    }

    /// The next time at which something has to be sent.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Aura(voice) => voice.deadline(),
            Self::Contexts(voice) => Some(voice.deadline()),
            Self::Cartesia(_) => None,
            Self::Sarvam(voice) => Some(voice.deadline()),
        }
    }

    /// The deadline has passed.
    pub fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ToVoice>) {
        match self {
            Self::Aura(voice) => voice.deadline_passed(now, out),
            Self::Contexts(voice) => voice.deadline_passed(now, out),
            Self::Cartesia(_) => {}
            Self::Sarvam(voice) => voice.deadline_passed(now, out),
        }
    }
}

/// An encoding as most engines name it.
const fn codec(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::MuLaw => "mulaw",
        Encoding::ALaw => "alaw",
        Encoding::Pcm16 => "linear16",
    }
}

/// The parts of `text`, each at most `most` characters, cut between words where there are any.
fn parts(text: &str, most: usize) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        let Some((limit, _)) = rest.char_indices().nth(most) else {
            return (!rest.is_empty()).then(|| std::mem::take(&mut rest));
        };
        let cut = rest[..limit].rfind(char::is_whitespace).filter(|at| *at > 0).unwrap_or(limit);
        let (part, behind) = rest.split_at(cut);
        rest = behind.trim_start();
        Some(part.trim_end())
    })
}

/// The time of `ms` milliseconds, as engines write them; absurd ones count as zero.
fn time_of_ms(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default().min(LONGEST_UTTERANCE)
}

/// No utterance is longer.
const LONGEST_UTTERANCE: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod testing {
    use super::*;

    pub(super) fn plan(url: &str) -> VoicePlan {
        VoicePlan {
            url: Url::parse(url).expect("a URL"),
            model: "small".into(),
            voice: "asha".into(),
            language: "hi".into(),
            format: AudioFormat::MULAW_8K,
            instructions: None,
        }
    }

    /// The messages as JSON.
    pub(super) fn sent(out: &mut Vec<ToVoice>) -> Vec<serde_json::Value> {
        let json = |message: ToVoice| match message {
            ToVoice::Text(text) => serde_json::from_str(&text).expect("JSON"),
            ToVoice::Reopen => "reopen".into(),
        };
        std::mem::take(out).into_iter().map(json).collect()
    }

    pub(super) fn audio(utterance: u64, bytes: &[u8]) -> Spoken {
        Spoken::Audio { utterance, audio: Frame::copy_of(bytes) }
    }

    #[test]
    fn a_long_text_is_cut_between_words() {
        assert_eq!(parts("one two three", 8).collect::<Vec<_>>(), ["one two", "three"]);
        assert_eq!(parts("नमस्तेनमस्ते", 6).collect::<Vec<_>>(), ["नमस्ते", "नमस्ते"]);
        assert_eq!(parts(" short ", 8).collect::<Vec<_>>(), ["short"]);
        assert_eq!(parts("", 8).count(), 0);
        assert_eq!(time_of_ms(f64::MAX), Duration::ZERO);
    }
}
