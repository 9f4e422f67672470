//! A carrier's capabilities, as data. Code that depends on them asks these, never for the carrier
//! itself. Pure.

use std::time::Duration;

use super::AudioFormat;

/// A carrier's capabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The name in records, metric labels, settings and routes: lower-case letters.
    pub name: &'static str,
    /// The types of its stream's messages.
    pub messages: Messages,
    /// Accepted WebSocket subprotocols. If the upgrade offers any, the first offered one that is
    /// listed is taken.
    pub subprotocols: &'static [&'static str],
    /// Formats of the caller's audio. The format in `start` overrides the requested one.
    pub hears: &'static [AudioFormat],
    /// Formats of our audio.
    pub says: &'static [AudioFormat],
    /// Which side keeps the playout buffer.
    pub pacing: Pacing,
    /// How far ahead of real time audio is sent at most, unless a setting overrides it.
    pub lead: Duration,
    /// The size of an audio message.
    pub chunk: Chunk,
    /// Whether it reports playout by echoing marks.
    pub marks: Marks,
    /// Whether queued playout can be cleared.
    pub clear: Clear,
    /// Whether it asks us to pause audio.
    pub flow: Flow,
    /// Whether it reports the caller's key presses.
    pub keys: Keys,
    /// How it transfers a caller to a person; `None` if it cannot.
    pub handover: Option<Handover>,
    /// What our close of its stream causes.
    pub our_close: OurClose,
    /// What a close of the stream by the carrier means.
    pub their_close: TheirClose,
    /// What shows that the call is still live.
    pub liveness: Liveness,
    /// Silence is sent after this long without our audio, because the carrier would take the line
    /// for dead.
    pub keeps_open_with: Option<Duration>,
    /// Whether it may be sent a WebSocket ping. Its own pings are always answered.
    pub pings: Pings,
    /// What a second `start` of a call means.
    pub second_start: SecondStart,
}

/// The types of a stream's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Messages {
    /// Text only; a binary message counts as unreadable.
    Text,
    /// Text, and audio in binary messages.
    TextAndBinary,
}

/// How a carrier's playout is fed, and how we know what was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// The carrier queues and plays audio: we send ahead by a bounded lead and request marks.
    CarrierBuffers,
    /// The carrier cannot be trusted to clear: we send 20 ms frames on one monotonic clock, with a
    /// small lead.
    WePace,
}

/// A length of audio, in the unit of the carrier's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Bytes of the payload before base64.
    Bytes(u32),
    /// The playing time.
    Time(Duration),
}

impl Length {
    /// The number of samples of `format` with at least this length.
    pub fn samples(self, format: AudioFormat) -> u64 {
        match self {
            Self::Bytes(bytes) => u64::from(bytes).div_ceil(format.encoding.sample_bytes() as u64),
            Self::Time(time) => (time.as_nanos() as u64 * u64::from(format.rate_hz)).div_ceil(1_000_000_000),
        }
    }
}

/// The size of an audio message. If an utterance ends too early for it, the format's silence fills
/// the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// A message is a whole multiple of this; `None` allows any number of samples.
    pub step: Option<Length>,
    /// The minimum of a message; `None` has no minimum.
    pub least: Option<Length>,
    /// The maximum of a message; `None` has no maximum.
    pub most: Option<Length>,
    /// Silence that must follow an utterance, or its end is not played.
    pub tail: Duration,
}

impl Chunk {
    /// Any number of samples.
    pub const ANY: Self = Self { step: None, least: None, most: None, tail: Duration::ZERO };

    /// Whole multiples of `step`.
    pub const fn steps_of(step: Length) -> Self {
        Self { step: Some(step), ..Self::ANY }
    }

    /// Exactly `length`, always.
    pub const fn exactly(length: Length) -> Self {
        Self { step: Some(length), least: Some(length), most: Some(length), tail: Duration::ZERO }
    }
}

/// Whether a carrier reports playout by echoing marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// It has no marks: only the clock shows what was heard.
    None,
    /// It echoes a mark when playout has reached it.
    Echoed {
        /// What a clear does to pending marks. We settle ours at our own clear in any case, and
        /// ignore a later echo.
        by_clear: ByClear,
        /// The longest name, in bytes.
        longest_name: usize,
        /// The most pending marks.
        most_pending: usize,
    },
}

/// What a clear does to pending marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByClear {
    /// The carrier echoes them at once.
    Echoes,
    /// The carrier never echoes them.
    Drops,
    /// The carrier echoes them, labelled as not played.
    Labels,
    /// The carrier's documentation does not say.
    Unknown,
}

/// Whether queued playout can be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// It cannot: what was sent is heard.
    None,
    /// The carrier may or may not drop it on request. Sent audio counts as heard and is never sent
    /// again.
    Unsure,
    /// The carrier drops it.
    Sure {
        /// The most that still plays: the chunk that has begun.
        late: Duration,
    },
}

/// Whether a carrier asks us to pause audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It accepts all audio within our lead.
    Free,
    /// It sends hold and go ([`super::LineEvent::Flow`]).
    HoldAndGo,
}

/// Whether a carrier reports the caller's key presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// It reports them.
    Reported,
    /// It does not report them.
    Unreported,
}

/// How a carrier transfers a caller to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// It requests a document when its stream has ended, and the document names the destination.
    Document,
    /// It takes a command over its API and knows a destination itself. Its stream continues until
    /// the transfer.
    Command {
        /// Whether the command can also name a number.
        numbers: bool,
    },
}

/// What our close of a carrier's stream causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OurClose {
    /// The call ends.
    EndsCall,
    /// The carrier continues with its document, and requests one from us or hangs up.
    DocumentGoesOn,
    /// The call stays up, silent and billed. It is first ended over the API, if that is available.
    LeavesCallUp,
    /// It counts as a failure. A hang-up is sent on the stream first
    /// ([`super::LineCommand::HangUp`]).
    IsFault,
}

/// What a close of a stream by the carrier means, in order and without a message before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TheirClose {
    /// The stream is lost: a message would say that the caller has hung up.
    LosesStream,
    /// The caller has hung up: no message says so.
    CallerHungUp,
}

/// What shows that a call is still live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Any message of its stream.
    AnyMessage,
    /// Only the caller's audio: the carrier may keep the socket of an ended call open.
    AudioOnly,
    /// The open socket: the carrier sends nothing while the caller is silent. If it answers pings
    /// ([`Pings`]), it is pinged, and the answers count instead.
    OpenSocket,
}

/// Whether a carrier may be sent a WebSocket ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pings {
    /// It answers them.
    Answered,
    /// It must not be sent one: a ping breaks the call.
    Never,
}

/// What a second `start` of a call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondStart {
    /// A mistake, which is ignored.
    Ignored,
    /// A new stream of the call, with an empty playout buffer, on the old socket or another one. A
    /// call that was announced shows its token again.
    NewStream,
}

#[cfg(test)]
mod tests;
