//! What the audio machines ask of their shell, and what they wait for. Pure.

use std::time::Instant;

use crate::audio::report::AudioReport;
use crate::carrier::LineCommand;
use crate::frame::Frame;
use crate::recording::tape::Block;

/// What the shell has to do, in the order given.
#[derive(Debug, PartialEq)]
pub enum AudioAction {
    /// Give this caller audio (model format) to the model: perishable.
    ToModel(Frame),
    /// Give this command to the carrier: audio is perishable, all other commands are not.
    ToLine(LineCommand),
    /// Report this to the CallActor.
    Report(AudioReport),
    /// Give this piece to the recording: dropped when the disk has no room for it.
    Record(Block),
    /// Count dropped audio, summed over the last second.
    CountDrops {
        /// Which direction, and why.
        cause: DropCause,
        /// How many frames of 20 ms, a part of one counted whole.
        frames: u64,
    },
}

/// Why audio was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropCause {
    /// Caller audio, because the model's end had no room.
    ModelFull,
    /// Caller audio that had become too old before a model was attached.
    NotAttached,
    /// Agent audio, because the line's end had no room.
    LineFull,
    /// Agent audio of a response the caller had already interrupted.
    Muted,
    /// Agent audio beyond what a call may hold.
    Overflow,
    /// Agent audio in a format not yet known: no model was attached.
    Unexpected,
}

impl DropCause {
    /// Every cause, in the order of its number.
    pub const ALL: [Self; 6] =
        [Self::ModelFull, Self::NotAttached, Self::LineFull, Self::Muted, Self::Overflow, Self::Unexpected];

    /// The direction's label: `in` from the caller, `out` to the caller.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::ModelFull | Self::NotAttached => "in",
            Self::LineFull | Self::Muted | Self::Overflow | Self::Unexpected => "out",
        }
    }

    /// The reason's label.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ModelFull | Self::LineFull => "mailbox_full",
            Self::NotAttached | Self::Unexpected => "not_attached",
            Self::Muted => "muted",
            Self::Overflow => "overflow",
        }
    }
}

/// What an audio machine waits for; the name goes to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioTimer {
    /// The carrier's buffer has room for the next piece of the queue.
    Refill,
    /// By the clock the caller hears the beginning of an item.
    FirstHeard,
    /// By the clock the oldest item has been heard, and no mark has said otherwise.
    Heard,
    /// By the clock the line is silent although the model never finished its item.
    Drained,
    /// The model went quiet in mid-item: what the resampler and a started frame still hold is played out.
    Tail,
    /// The carrier went quiet while the caller's turn is open: silence lets the turn end.
    Stall,
    /// Drops are counted together and reported now.
    Drops,
    /// The carrier takes a line without audio of ours for dead.
    KeepOpen,
}

/// The first of some deadlines.
pub(super) fn earliest<const N: usize>(deadlines: [Option<(Instant, AudioTimer)>; N]) -> Option<(Instant, AudioTimer)> {
    deadlines.into_iter().flatten().min_by_key(|(when, _)| *when)
}
