//! The carriers: what each can do, its wire (its JSON ⇄ [`LineEvent`], [`LineCommand`]) and its API ([`control`]), one folder a carrier.
//!
//! What is a carrier's own ends in its folder: what goes further is ours.

pub mod control;
mod json;
pub mod twilio;
pub mod waybeo;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::frame::Frame;
use crate::ids::{CarrierCallId, Private, StreamId};

/// A carrier whose media stream we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    /// Twilio Media Streams, bidirectional.
    Twilio,
    /// Waybeo's bot stream, which is Ozonetel's.
    Waybeo,
}

/// How a carrier's playout is fed and how we learn what was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// The carrier queues what it gets and plays it: we send ahead by a bounded lead and ask for marks.
    CarrierBuffers,
    /// The carrier cannot be trusted to clear: we send 20 ms frames on one monotonic origin with a small lead.
    WePace,
}

/// How a carrier hands a caller on to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// It asks for a document when its stream has ended, and the document names the destination.
    Document,
    /// It is told by a request of ours and knows the destination itself; its stream goes on until it has handed the caller on.
    Command,
}

/// What a carrier can do, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The name in records, labels and routes.
    pub name: &'static str,
    /// Who keeps the playout buffer.
    pub pacing: Pacing,
    /// It echoes marks when playout reaches them.
    pub marks: bool,
    /// It is asked to drop queued playout.
    pub clear: bool,
    /// It is known to do so. Where it is not, what was sent counts as heard, and is never sent again.
    pub clear_is_sure: bool,
    /// It reports keys pressed by the caller.
    pub dtmf_in: bool,
    /// Outgoing frames are whole multiples of this many samples.
    pub frame_multiple: usize,
    /// How it hands a caller on to a person; `None` where it cannot.
    pub handover: Option<Handover>,
    /// A stream that we close does not end the call: the carrier has to be told over its API, where that can be used.
    pub hangs_up_by_request: bool,
    /// Only the caller's audio proves that the caller is there: the carrier may keep the socket of a call that is over.
    pub media_is_life: bool,
}

/// How samples are written on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// G.711 mu-law, one byte a sample.
    MuLaw,
    /// G.711 A-law, one byte a sample.
    ALaw,
    /// Signed 16-bit little-endian.
    Pcm16,
}

impl Encoding {
    /// Bytes of one sample.
    pub const fn sample_bytes(self) -> usize {
        match self {
            Self::MuLaw | Self::ALaw => 1,
            Self::Pcm16 => 2,
        }
    }

    /// The byte that fills silence.
    pub const fn silence(self) -> u8 {
        match self {
            Self::MuLaw => 0xFF,
            Self::ALaw => 0xD5,
            Self::Pcm16 => 0,
        }
    }
}

/// The format of one direction of audio: mono always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AudioFormat {
    /// How samples are written.
    pub encoding: Encoding,
    /// Samples per second: 8000, 16000 or 24000.
    pub rate_hz: u32,
}

impl AudioFormat {
    /// A telephone line with mu-law.
    pub const MULAW_8K: Self = Self { encoding: Encoding::MuLaw, rate_hz: 8_000 };
    /// A telephone line with A-law.
    pub const ALAW_8K: Self = Self { encoding: Encoding::ALaw, rate_hz: 8_000 };
    /// A telephone line with PCM16.
    pub const PCM_8K: Self = Self { encoding: Encoding::Pcm16, rate_hz: 8_000 };
    /// The Realtime API's own format.
    pub const PCM_24K: Self = Self { encoding: Encoding::Pcm16, rate_hz: 24_000 };

    /// Bytes in one millisecond.
    pub const fn bytes_per_ms(self) -> usize {
        self.rate_hz as usize / 1000 * self.encoding.sample_bytes()
    }

    /// How long `bytes` of this format play.
    pub fn duration_of(self, bytes: usize) -> Duration {
        let samples = bytes / self.encoding.sample_bytes();
        Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(self.rate_hz))
    }
}

/// What a carrier told us, in our own words.
#[derive(Debug, Clone, PartialEq)]
pub enum LineEvent {
    /// The carrier greeted; nothing is known of the call yet.
    Connected,
    /// The stream began: ids, format and parameters.
    Started(Box<StreamStart>),
    /// A frame of the caller's voice.
    Audio(CallerFrame),
    /// A frame that is not quite what the line was said to carry; see [`crate::audio::intake`].
    OddAudio(MismatchedFrame),
    /// The caller pressed a key: `0`–`9`, `*`, `#`, `A`–`D`.
    KeyPressed(char),
    /// Playout reached a mark of ours, or a clear passed over it.
    MarkEchoed(String),
    /// The carrier asks that what the caller said and nobody has answered yet be forgotten.
    InputDiscarded,
    /// The carrier says that the stream is over.
    Stopped,
    /// A kind of message that we do not know, with its name; ignored and counted.
    Other(String),
}

/// The first real message of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamStart {
    /// The carrier's id of the stream; goes into every outgoing message.
    pub stream: StreamId,
    /// The carrier's id of the call.
    pub carrier_call: CarrierCallId,
    /// The carrier's account, where it names one.
    pub account: Option<String>,
    /// The caller's number, where the stream itself tells it.
    pub from: Option<Private<String>>,
    /// The dialled number, where the stream itself tells it.
    pub to: Option<Private<String>>,
    /// The format of the caller's frames and, for every carrier known so far, of ours.
    pub format: AudioFormat,
    /// Custom parameters: for Twilio the `<Parameter>`s of the TwiML.
    pub parameters: BTreeMap<String, String>,
}

/// A frame of the caller's voice, in the line's format. Any length; 20 ms is usual.
#[derive(Debug, Clone, PartialEq)]
pub struct CallerFrame {
    /// Milliseconds since the stream began by the carrier's clock, where it has one: a gap in these is lost audio.
    pub timestamp: Option<Duration>,
    /// The samples as the line writes them.
    pub payload: Frame,
}

/// A frame with something odd about it that can be helped.
#[derive(Debug, Clone, PartialEq)]
pub struct MismatchedFrame {
    /// The frame, at `rate_hz`.
    pub frame: CallerFrame,
    /// The rate that this frame declares for itself, where it is not the line's.
    pub rate_hz: Option<u32>,
    /// Samples that were out of range and have been clamped.
    pub clamped: u32,
}

/// What we tell a carrier.
#[derive(Debug, Clone, PartialEq)]
pub enum LineCommand {
    /// Queue this audio (line format) behind what is queued.
    Play(Frame),
    /// Echo this name when playout has reached this point.
    Mark(String),
    /// Drop everything queued, now.
    Clear,
    /// We are done: close the stream. What follows is the carrier's document (`<Hangup/>`, `<Dial>`).
    Close,
}

/// Why a carrier's message could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not a JSON object, or one without the field that names its kind.
    #[error("read the message: {0}")]
    Unreadable(String),
    /// A known kind whose content is not as the carrier's reference says.
    #[error("read a `{kind}` message: {problem}")]
    Malformed {
        /// The message's kind.
        kind: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A media format that we do not speak.
    #[error(
        "use media format `{encoding}` at {rate_hz} Hz with {channels} channels, expected G.711 or PCM16, 8, 16 or 24 kHz, mono"
    )]
    UnknownFormat {
        /// The encoding's name as it came.
        encoding: String,
        /// Samples per second.
        rate_hz: u32,
        /// Channels.
        channels: u8,
    },
}

impl Carrier {
    /// Every carrier.
    pub const ALL: [Self; 2] = [Self::Twilio, Self::Waybeo];

    /// What it can do.
    pub const fn capabilities(self) -> &'static Capabilities {
        match self {
            Self::Twilio => &twilio::wire::CAPABILITIES,
            Self::Waybeo => &waybeo::wire::CAPABILITIES,
        }
    }

    /// The name in records, labels and routes.
    pub const fn name(self) -> &'static str {
        self.capabilities().name
    }

    /// Reads one text message of the carrier.
    ///
    /// # Errors
    /// When it is not JSON, or a known kind with wrong content. An unknown kind is [`LineEvent::Other`].
    pub fn decode(self, text: &str) -> Result<LineEvent, WireError> {
        match self {
            Self::Twilio => twilio::wire::decode(text),
            Self::Waybeo => waybeo::wire::decode(text),
        }
    }

    /// Appends the message for `command` to `out`; `false` when this carrier has no message for it
    /// ([`LineCommand::Close`], a mark where there are none).
    pub fn encode(self, command: &LineCommand, stream: &StreamId, out: &mut String) -> bool {
        match self {
            Self::Twilio => twilio::wire::encode(command, stream, out),
            Self::Waybeo => waybeo::wire::encode(command, stream, out),
        }
    }
}
