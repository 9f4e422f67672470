//! Speech to text: the engines that hear the caller, each a machine over its wire protocol. Pure.
//!
//! Engines call three things final, and they are not the same: the words of a segment, an
//! utterance, and a turn. A machine here says [`Heard::Words`] for the first,
//! [`Heard::UtteranceOver`] for the second and [`Heard::TurnOver`] for the third. Its texts are
//! always whole: everything since the last turn was taken, however the engine sends it.

mod deepgram;
mod flux;
mod sarvam;
mod scribe;
mod upload;
mod words;

use std::time::{Duration, Instant};

use url::Url;

pub use self::deepgram::Listen;
pub use self::flux::Flux;
pub use self::sarvam::Sarvam;
pub use self::scribe::Scribe;
pub use self::upload::{Turn, Upload, UploadEvent, url as upload_url};
use super::failure::Failure;
use crate::carrier::AudioFormat;
use crate::frame::Frame;

/// What an engine is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub struct EarsPlan {
    /// The API's base.
    pub url: Url,
    /// The model's name.
    pub model: String,
    /// The caller's language, as a code or a tag.
    pub language: String,
    /// The format of the caller's audio.
    pub format: AudioFormat,
    /// The silence after which an utterance is over, for engines that decide it.
    pub endpointing: Duration,
    /// Words to listen for.
    pub keywords: Vec<String>,
    /// Whether the engine announces the end of a turn before it is certain.
    pub eager: bool,
}

/// What an engine heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The engine is ready.
    Ready,
    /// The caller began to speak.
    SpeechBegan {
        /// Whether a word was recognised. If not, it may be noise.
        has_words: bool,
    },
    /// The words of the turn so far.
    Words {
        /// All of them.
        text: String,
        /// Whether the engine will not change them any more.
        are_settled: bool,
    },
    /// The engine thinks that an utterance is over. The turn may go on.
    UtteranceOver {
        /// The words of the turn so far.
        text: String,
    },
    /// The engine thinks that the turn will be over soon.
    TurnEndsEagerly {
        /// The words of the turn so far.
        text: String,
    },
    /// The turn goes on after [`Heard::TurnEndsEagerly`].
    TurnResumed,
    /// The turn is over.
    TurnOver {
        /// The words of the turn.
        text: String,
    },
    /// Everything that was sent before a commit is transcribed.
    Committed,
    /// The audio that the engine charges for so far, in ms.
    Used(u64),
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

/// A message to an engine.
#[derive(Debug, Clone, PartialEq)]
pub enum ToEars {
    /// An order, as text. It is never dropped.
    Text(String),
    /// Audio, as a binary message. It may be dropped when the engine does not read.
    Audio(Frame),
    /// Audio inside a text message. It may be dropped likewise.
    AudioText(String),
}

/// The kinds of engines with a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarsKind {
    /// Deepgram's Listen v1.
    Listen,
    /// Deepgram's Flux.
    Flux,
    /// Sarvam's realtime transcription.
    Sarvam,
    /// ElevenLabs' Scribe.
    Scribe,
}

impl EarsKind {
    /// The address of a stream.
    pub fn url(self, plan: &EarsPlan) -> Url {
        match self {
            Self::Listen => deepgram::url(plan),
            Self::Flux => flux::url(plan),
            Self::Sarvam => sarvam::url(plan),
            Self::Scribe => scribe::url(plan),
        }
    }

    /// The header of the key, and what stands before the key in it.
    pub const fn key_header(self) -> (&'static str, &'static str) {
        match self {
            Self::Listen | Self::Flux => ("authorization", "Token "),
            Self::Sarvam => ("api-subscription-key", ""),
            Self::Scribe => ("xi-api-key", ""),
        }
    }

    /// Whether the engine finds the turns itself.
    pub const fn finds_turns(self) -> bool {
        matches!(self, Self::Flux)
    }

    /// The machine of a stream that was opened at `now`.
    pub fn open(self, plan: &EarsPlan, now: Instant) -> Ears {
        match self {
            Self::Listen => Ears::Listen(Listen::new(plan, now)),
            Self::Flux => Ears::Flux(Flux::new(plan, now)),
            Self::Sarvam => Ears::Sarvam(Sarvam::new(now)),
            Self::Scribe => Ears::Scribe(Scribe::new(plan)),
        }
    }
}

/// An engine with a socket.
#[derive(Debug)]
pub enum Ears {
    /// Deepgram's Listen v1.
    Listen(Listen),
    /// Deepgram's Flux.
    Flux(Flux),
    /// Sarvam's realtime transcription.
    Sarvam(Sarvam),
    /// ElevenLabs' Scribe.
    Scribe(Scribe),
}

impl Ears {
    /// Reads a text message.
    pub fn hear_server(&mut self, text: &str, out: &mut Vec<Heard>) {
        match self {
            Self::Listen(ears) => ears.hear_server(text, out),
            Self::Flux(ears) => ears.hear_server(text, out),
            Self::Sarvam(ears) => ears.hear_server(text, out),
            Self::Scribe(ears) => ears.hear_server(text, out),
        }
    }

    /// Sends a frame of caller audio.
    pub fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<ToEars>) {
        // To some engines an empty message means the end.
        if audio.is_empty() {
            return;
        }
        match self {
            Self::Listen(ears) => ears.hear_caller(audio, now, out),
            Self::Flux(ears) => ears.hear_caller(audio, now, out),
            Self::Sarvam(ears) => ears.hear_caller(audio, now, out),
            Self::Scribe(ears) => ears.hear_caller(audio, out),
        }
    }

    /// Asks for the words of everything that was sent. Returns whether an answer may be awaited.
    pub fn commit(&mut self, out: &mut Vec<ToEars>) -> bool {
        match self {
            Self::Listen(_) => Listen::commit(out),
            Self::Flux(ears) => ears.commit(out),
            // Its own detector decides; an order to flush is refused.
            Self::Sarvam(_) => false,
            Self::Scribe(ears) => ears.commit(out),
        }
    }

    /// The turn was taken with the words so far. Later words belong to the next one.
    pub fn turn_taken(&mut self) {
        match self {
            Self::Listen(ears) => ears.turn_taken(),
            Self::Flux(ears) => ears.turn_taken(),
            Self::Sarvam(ears) => ears.turn_taken(),
            Self::Scribe(ears) => ears.turn_taken(),
        }
    }

    /// Asks the engine for what is left and to close.
    pub fn close(&self, out: &mut Vec<ToEars>) {
        match self {
            Self::Listen(_) => Listen::close(out),
            Self::Flux(_) => Flux::close(out),
            Self::Sarvam(_) => Sarvam::close(out),
            Self::Scribe(_) => {}
        }
    }

    /// The next time at which something has to be sent although nobody speaks.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Listen(ears) => Some(ears.deadline()),
            Self::Flux(ears) => ears.deadline(),
            Self::Sarvam(ears) => Some(ears.deadline()),
            Self::Scribe(_) => None,
        }
    }

    /// The deadline has passed.
    pub fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ToEars>) {
        match self {
            Self::Listen(ears) => ears.deadline_passed(now, out),
            Self::Flux(ears) => ears.deadline_passed(now, out),
            Self::Sarvam(ears) => ears.deadline_passed(now, out),
            Self::Scribe(_) => {}
        }
    }
}

/// Silence in a format.
fn silence(format: AudioFormat, ms: usize) -> Frame {
    let bytes = format.bytes_per_ms() * ms;
    let mut frame = Frame::with_room(bytes);
    frame.resize(bytes, format.encoding.silence());
    frame
}

#[cfg(test)]
mod testing {
    use super::*;

    pub(super) fn plan(url: &str) -> EarsPlan {
        EarsPlan {
            url: Url::parse(url).expect("a URL"),
            model: "small".into(),
            language: "hi".into(),
            format: AudioFormat::MULAW_8K,
            endpointing: Duration::from_millis(300),
            keywords: vec!["Pune".into(), "Kothrud & Co".into()],
            eager: false,
        }
    }

    pub(super) fn words(text: &str, are_settled: bool) -> Heard {
        Heard::Words { text: text.into(), are_settled }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::plan;
    use super::*;
    use crate::clock;

    #[test]
    fn an_empty_frame_is_not_sent() {
        for kind in [EarsKind::Listen, EarsKind::Flux, EarsKind::Sarvam, EarsKind::Scribe] {
            let (mut ears, mut out) = (kind.open(&plan("http://127.0.0.1:9"), clock::now()), Vec::new());
            ears.hear_caller(&[], clock::now(), &mut out);
            assert_eq!(out, [], "{kind:?}");
            ears.hear_caller(&[0; 640], clock::now(), &mut out);
            assert_eq!(out.len(), 1, "{kind:?}");
        }
    }
}
