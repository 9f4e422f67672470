//! What a carrier can do, as data. Whoever needs to know asks these, never which carrier it is. Pure.

use std::time::Duration;

use super::AudioFormat;

/// What a carrier can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// The name in records, labels, settings and routes: lower-case letters.
    pub name: &'static str,
    /// What its stream's messages may be.
    pub messages: Messages,
    /// Subprotocols that are taken when its upgrade offers one, the first of them that it offers.
    pub subprotocols: &'static [&'static str],
    /// Formats of the caller's audio; what `start` says outranks what was asked for.
    pub hears: &'static [AudioFormat],
    /// Formats of our audio.
    pub says: &'static [AudioFormat],
    /// Who keeps the playout buffer.
    pub pacing: Pacing,
    /// How far ahead of real time audio is sent at most, where no setting says otherwise.
    pub lead: Duration,
    /// The size of a message of audio.
    pub chunk: Chunk,
    /// Whether playout is told by echoed marks.
    pub marks: Marks,
    /// Whether queued playout can be taken back.
    pub clear: Clear,
    /// Whether it tells when we are to wait with more audio.
    pub flow: Flow,
    /// Whether it reports keys that the caller presses.
    pub keys: Keys,
    /// How it hands a caller on to a person; `None` where it cannot.
    pub handover: Option<Handover>,
    /// What follows when we close its stream.
    pub our_close: OurClose,
    /// What proves that the call is still there.
    pub liveness: Liveness,
    /// Silence is sent after this long without audio of ours, or it takes the line for dead.
    pub keeps_open_with: Option<Duration>,
    /// Whether it may be sent a WebSocket ping. Its own are always answered.
    pub pings: Pings,
    /// What a second `start` of a call is.
    pub second_start: SecondStart,
}

/// What a stream's messages may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Messages {
    /// Text alone; a binary message is counted as unreadable.
    Text,
    /// Text, and audio in binary messages.
    TextAndBinary,
}

/// How a carrier's playout is fed and how we learn what was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// The carrier queues what it gets and plays it: we send ahead by a bounded lead and ask for marks.
    CarrierBuffers,
    /// The carrier cannot be trusted to clear: we send 20 ms frames on one monotonic origin with a small lead.
    WePace,
}

/// A length of audio, as a carrier's page gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Bytes of the payload, before base64.
    Bytes(u32),
    /// How long it plays.
    Time(Duration),
}

impl Length {
    /// Samples of `format` that are this long, at least.
    pub fn samples(self, format: AudioFormat) -> u64 {
        match self {
            Self::Bytes(bytes) => u64::from(bytes).div_ceil(format.encoding.sample_bytes() as u64),
            Self::Time(time) => (time.as_nanos() as u64 * u64::from(format.rate_hz)).div_ceil(1_000_000_000),
        }
    }
}

/// The size of a message of audio. What is sent is filled up with the format's silence where an utterance ends too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// A message is a whole multiple of this; `None` takes any number of samples.
    pub step: Option<Length>,
    /// A message has at least this; `None` takes the shortest.
    pub least: Option<Length>,
    /// A message has at most this; `None` takes the longest that we send.
    pub most: Option<Length>,
    /// Silence that has to follow an utterance for its end to be played.
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

/// Whether playout is told by echoed marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// There are none: the clock alone says what was heard.
    None,
    /// A mark comes back when playout has reached it.
    Echoed {
        /// What a clear does to those that are awaited. Ours are settled at our own clear whatever it is, and a later echo is ignored.
        by_clear: ByClear,
        /// Bytes of a name at most.
        longest_name: usize,
        /// Marks awaited at most.
        most_pending: usize,
    },
}

/// What a clear does to the marks that are awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByClear {
    /// They come back at once.
    Echoes,
    /// They never come back.
    Drops,
    /// They come back and say that they were not played.
    Labels,
    /// The carrier's documentation does not say.
    Unknown,
}

/// Whether queued playout can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// It cannot: what was sent is heard.
    None,
    /// The carrier is asked to drop it and may not. What was sent counts as heard, and is never sent again.
    Unsure,
    /// The carrier drops it.
    Sure {
        /// What is played all the same, at most: the chunk that has begun.
        late: Duration,
    },
}

/// Whether a carrier tells when we are to wait with more audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It takes all that comes within our lead.
    Free,
    /// It says hold and go on ([`super::LineEvent::Flow`]).
    HoldAndGo,
}

/// Whether a carrier reports keys that the caller presses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// It does.
    Reported,
    /// It does not.
    Unreported,
}

/// How a carrier hands a caller on to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handover {
    /// It asks for a document when its stream has ended, and the document names the destination.
    Document,
    /// It is told by a request of ours and knows the destination itself; its stream goes on until it has handed the caller on.
    Command,
}

/// What follows when we close a carrier's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OurClose {
    /// The call ends.
    EndsCall,
    /// The carrier goes on with its document, and asks us for one or hangs up.
    DocumentGoesOn,
    /// The call stays up, silent and billed: it is ended over the API first, where that can be used.
    LeavesCallUp,
    /// It counts as a fault: the stream is told to hang up first ([`super::LineCommand::HangUp`]).
    IsFault,
}

/// What proves that a call is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// Any message of its stream.
    AnyMessage,
    /// The caller's audio alone: the carrier may keep the socket of a call that is over.
    AudioOnly,
    /// The open socket: the carrier sends nothing while the caller is silent.
    OpenSocket,
}

/// Whether a carrier may be sent a WebSocket ping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pings {
    /// It answers them.
    Answered,
    /// Never: it breaks the call.
    Never,
}

/// What a second `start` of a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecondStart {
    /// A mistake, which is ignored.
    Ignored,
    /// A new stream of the call, on its old socket or on another.
    NewStream,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_samples_of_the_format_it_is_asked_for() {
        let ms = |ms| Length::Time(Duration::from_millis(ms));
        assert_eq!(ms(20).samples(AudioFormat::MULAW_8K), 160);
        assert_eq!(ms(20).samples(AudioFormat::PCM_24K), 480);
        assert_eq!(Length::Bytes(3200).samples(AudioFormat::PCM_8K), 1600);
        assert_eq!(Length::Bytes(3200).samples(AudioFormat::MULAW_8K), 3200);
        assert_eq!(Length::Bytes(3).samples(AudioFormat::PCM_8K), 2, "half a sample is none");
    }
}
