//! What a carrier tells us and what it is told on its stream, in our own words. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::LineFormats;
use crate::frame::Frame;
use crate::ids::{CarrierCallId, Private, StreamId};

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
    /// The carrier has dropped what was queued.
    Cleared,
    /// More audio is to wait, or may come again.
    Flow(FlowSignal),
    /// The carrier asks that what the caller said and nobody has answered yet be forgotten.
    InputDiscarded,
    /// The carrier says that the stream is over.
    Stopped,
    /// A kind of message that we do not know, with its name; ignored and counted.
    Other(String),
}

/// Whether more audio is to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowSignal {
    /// It is: what comes now is dropped.
    Hold,
    /// It may come again.
    Go,
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
    /// The formats of the caller's frames and of ours.
    pub format: LineFormats,
    /// Custom parameters: what our document or the stream's URL gave it to bring along.
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
    /// The call is over: end it. Carriers that are told so elsewhere have no message for it.
    HangUp,
    /// We are done: close the stream. What follows is [`super::OurClose`].
    Close,
}
