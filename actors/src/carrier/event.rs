//! Events and commands of a carrier's stream, in carrier-independent terms. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::LineFormats;
use crate::frame::Frame;
use crate::ids::{CarrierCallId, Private, StreamId};

/// An event of a carrier's stream.
#[derive(Debug, Clone, PartialEq)]
pub enum LineEvent {
    /// The carrier's greeting; nothing is known about the call yet.
    Connected,
    /// The stream began: ids, format and parameters.
    Started(Box<StreamStart>),
    /// A frame of caller audio.
    Audio(CallerFrame),
    /// A frame in a format that differs from the announced one; see [`crate::audio::intake`].
    MismatchedAudio(MismatchedFrame),
    /// The caller pressed a key: `0`–`9`, `*`, `#`, `A`–`D`.
    KeyPressed(char),
    /// Playout has reached one of our marks, or a clear has passed it.
    MarkEchoed(String),
    /// The carrier has dropped its queued audio.
    Cleared,
    /// More audio has to wait, or may be sent again.
    Flow(FlowSignal),
    /// The carrier asks to drop the caller's unanswered input.
    InputDiscarded,
    /// The carrier reports the end of the stream.
    Stopped,
    /// An unknown kind of message, with its name; ignored and counted.
    Other(String),
}

/// Whether more audio has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowSignal {
    /// It has to wait: audio sent now is dropped.
    Hold,
    /// It may be sent again.
    Go,
}

/// The first real message of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamStart {
    /// The carrier's id of the stream. It goes into every outgoing message.
    pub stream: StreamId,
    /// The carrier's id of the call.
    pub carrier_call: CarrierCallId,
    /// The carrier's account, if given.
    pub account: Option<String>,
    /// The caller's number, if the stream has it.
    pub from: Option<Private<String>>,
    /// The dialled number, if the stream has it.
    pub to: Option<Private<String>>,
    /// The formats of the caller's frames and of ours.
    pub format: LineFormats,
    /// Custom parameters from our document or the stream's URL.
    pub parameters: BTreeMap<String, String>,
}

/// A frame of caller audio, in the line's format. Any length; 20 ms is usual.
#[derive(Debug, Clone, PartialEq)]
pub struct CallerFrame {
    /// Time since the stream began by the carrier's clock, if it has one. A gap means lost audio.
    pub timestamp: Option<Duration>,
    /// The samples in the line's encoding.
    pub payload: Frame,
}

/// A frame that deviates from the line's format in a way that can be corrected.
#[derive(Debug, Clone, PartialEq)]
pub struct MismatchedFrame {
    /// The frame, at `rate_hz`.
    pub frame: CallerFrame,
    /// The rate that this frame itself declares, if it differs from the line's.
    pub rate_hz: Option<u32>,
    /// The number of clamped out-of-range samples.
    pub clamped: u32,
}

/// A command for a carrier.
#[derive(Debug, Clone, PartialEq)]
pub enum LineCommand {
    /// Queue this audio (in the line's format) after what is queued.
    Play(Frame),
    /// Echo this name when playout has reached this point.
    Mark(String),
    /// Drop all queued audio now.
    Clear,
    /// The call is over: end it. Carriers that end calls by other means have no message for it.
    HangUp,
    /// We are done: close the stream. [`super::OurClose`] says what follows.
    Close,
}
