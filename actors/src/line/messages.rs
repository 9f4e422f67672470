//! Messages between neighbours on the line: audio, marks, commands, and the stream's reports.
//!
//! Audio is perishable: it is sent with `try_send`, and what finds no room is dropped and counted.

use actix::{Message, Recipient};

use crate::carrier::{CallerFrame, FlowSignal, LineCommand};
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId};
use crate::incident::Incident;

/// A frame of caller audio, from the line. Perishable: sent with `try_send`, dropped and counted
/// when the mailbox is full.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct FromCaller(pub CallerFrame);

/// The carrier's report about its playout, from the line.
#[derive(Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum PlayoutSignal {
    /// Playout has reached one of our marks, or a clear has passed it.
    MarkEchoed(String),
    /// More audio has to wait, or may be sent again.
    Flow(FlowSignal),
    /// Another stream of the call has replaced the first, with nothing queued: audio and marks that
    /// the first had not played are lost.
    Restarted,
}

/// Audio of a response, in the model's output format, from the RealtimeLlm. It comes in bursts,
/// many times faster than it plays. Only the pipeline's own bound drops it, and counts what it
/// drops.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct FromModel {
    /// The response it belongs to. Audio of a muted response is dropped.
    pub response: ResponseId,
    /// The item it belongs to.
    pub item: ItemId,
    /// The audio.
    pub audio: Frame,
}

/// The model has sent all audio of this item; from the RealtimeLlm.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ItemComplete {
    /// The response it belongs to.
    pub response: ResponseId,
    /// The item that is complete.
    pub item: ItemId,
}

/// A command for the carrier, to the media-stream actor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ToLine(pub LineCommand);

/// Caller audio in the model's input format, from the AudioPipeline. Perishable: `try_send`,
/// dropped and counted.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ModelBound(pub Frame);

/// The media-stream actor's mailboxes, for the CallActor.
#[derive(Debug, Clone)]
pub struct Line {
    /// Commands for the carrier.
    pub to_line: Recipient<ToLine>,
    /// Sets the stream's neighbours.
    pub attach: Recipient<LineAttached>,
}

/// The stream's new neighbours. The media-stream actor gets this once, after admission, and then
/// sends what it has buffered.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct LineAttached {
    /// Receives the caller's frames.
    pub frames: Recipient<FromCaller>,
    /// Receives the carrier's playout reports.
    pub playout: Recipient<PlayoutSignal>,
    /// Receives everything else.
    pub reports: Recipient<LineReport>,
}

/// The line's reports to the call, apart from audio.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum LineReport {
    /// The caller pressed a key.
    KeyPressed(char),
    /// The carrier asks to drop the caller's unanswered input.
    InputDiscarded,
    /// The carrier reported the end of the stream.
    Stopped,
    /// The carrier closed the socket cleanly, without a message on the stream: it is done with it.
    /// [`LineReport::Closed`] follows.
    Left,
    /// The socket is gone, with or without a close frame. Nothing follows.
    Closed,
    /// Something came from the carrier since the last of these reports; at most one a second. A
    /// line that has gone silent does not send it.
    Alive,
    /// An unreadable message was ignored.
    Malformed,
    /// The number of caller frames that were dropped because the pipeline's mailbox was full.
    FramesDropped(u64),
    /// An incident on the line, for the record. It is already logged.
    Incident(Incident),
    /// The carrier reports, outside the stream, that the call itself is over.
    CallOver,
}
