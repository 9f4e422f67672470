//! What the neighbours on the line send each other: audio, marks, commands, and what the stream reports.
//!
//! Audio is perishable: it is sent with `try_send`, and what finds no room is dropped and counted.

use actix::{Message, Recipient};

use crate::carrier::{CallerFrame, FlowSignal, LineCommand};
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId};
use crate::incident::Incident;

/// A frame of the caller's voice, from the line. Perishable: sent with `try_send`, dropped and counted when full.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct FromCaller(pub CallerFrame);

/// What the carrier says of its playout, from the line.
#[derive(Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum PlayoutSignal {
    /// It reached one of our marks, or a clear passed over it.
    MarkEchoed(String),
    /// More audio is to wait, or may come again.
    Flow(FlowSignal),
}

/// Audio of a response, in the model's output format, from the RealtimeLlm. Comes in bursts many times faster than it
/// plays. Perishable only by the pipeline's own bound, which counts what it drops.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct FromModel {
    /// The response it belongs to; a muted response's audio is dropped.
    pub response: ResponseId,
    /// The item it belongs to.
    pub item: ItemId,
    /// The audio.
    pub audio: Frame,
}

/// The model has sent all audio of this item, from the RealtimeLlm.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ItemComplete {
    /// The response it belongs to.
    pub response: ResponseId,
    /// The item that is complete.
    pub item: ItemId,
}

/// A command for the carrier; the media-stream actor hears it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ToLine(pub LineCommand);

/// Caller audio in the model's input format, from the AudioPipeline. Perishable: `try_send`, dropped and counted.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ModelBound(pub Frame);

/// The media-stream actor's ear, as the CallActor needs it.
#[derive(Debug, Clone)]
pub struct Line {
    /// Commands for the carrier.
    pub to_line: Recipient<ToLine>,
    /// Where the stream is told whom to feed.
    pub attach: Recipient<LineAttached>,
}

/// The stream's new neighbours; the media-stream actor hears it once, after admission, and flushes what it held.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct LineAttached {
    /// Where the caller's frames go.
    pub frames: Recipient<FromCaller>,
    /// Where what the carrier says of its playout goes.
    pub playout: Recipient<PlayoutSignal>,
    /// Where everything else goes.
    pub reports: Recipient<LineReport>,
}

/// What the line tells the call, apart from audio.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum LineReport {
    /// The caller pressed a key.
    KeyPressed(char),
    /// The carrier asks that what the caller said and nobody has answered yet be forgotten.
    InputDiscarded,
    /// The carrier said that the stream is over.
    Stopped,
    /// The carrier has closed the socket in order, without a word on the stream: it is done with it. [`LineReport::Closed`]
    /// follows.
    Left,
    /// The socket is gone, with or without a close frame; after this nothing comes any more.
    Closed,
    /// Something, audio or anything else, came from the carrier since the last of these; at most one a second. What a line that
    /// has gone silent does not say.
    Alive,
    /// A message that could not be read was ignored.
    Malformed,
    /// So many caller frames were dropped because the pipeline's mailbox was full.
    FramesDropped(u64),
    /// Something went wrong on the line, for the record; operators have been told.
    Incident(Incident),
    /// The carrier says, beside the stream, that the call itself is over.
    CallOver,
}
