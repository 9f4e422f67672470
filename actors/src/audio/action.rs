//! The actions of the audio machines and the timers that they wait for. Pure.

use std::time::Instant;

use crate::audio::ears::Sound;
use crate::audio::report::AudioReport;
use crate::carrier::LineCommand;
use crate::frame::Frame;
use crate::recording::tape::Block;

/// An action for the shell. Actions are performed in the order given.
#[derive(Debug, PartialEq)]
pub enum AudioAction {
    /// Send this caller audio (model format) to the model. It is perishable.
    ToModel(Frame),
    /// Send this command to the carrier. Audio is perishable. All other commands are not.
    ToLine(LineCommand),
    /// Report this to the CallActor.
    Report(AudioReport),
    /// Send this piece to the recording. It is dropped when the disk has no room for it.
    Record(Block),
    /// Pass this sound to those who listen in.
    Overhear(Sound),
    /// Count dropped audio, summed over the last second.
    CountDrops {
        /// The direction and the reason.
        cause: DropCause,
        /// The number of 20 ms frames. A partial frame counts as a whole one.
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
    /// Agent audio of a response that the caller had already interrupted.
    Muted,
    /// Agent audio beyond the limit of a call.
    Overflow,
    /// Agent audio in a format not yet known, because no model was attached.
    Unexpected,
    /// Sound of a person that came faster than the caller can hear it.
    PersonAhead,
}

impl DropCause {
    /// All causes, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::ModelFull,
        Self::NotAttached,
        Self::LineFull,
        Self::Muted,
        Self::Overflow,
        Self::Unexpected,
        Self::PersonAhead,
    ];

    /// The direction's label: `in` from the caller, `out` to the caller, `person` from somebody who
    /// has taken the call over.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::ModelFull | Self::NotAttached => "in",
            Self::LineFull | Self::Muted | Self::Overflow | Self::Unexpected => "out",
            Self::PersonAhead => "person",
        }
    }

    /// The reason's label.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ModelFull | Self::LineFull => "mailbox_full",
            Self::NotAttached | Self::Unexpected => "not_attached",
            Self::Muted => "muted",
            Self::Overflow | Self::PersonAhead => "overflow",
        }
    }
}

/// A timer of an audio machine. The name goes to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioTimer {
    /// The carrier's buffer has room for the next piece of the queue.
    Refill,
    /// By the clock, the caller hears the beginning of an item.
    FirstHeard,
    /// By the clock, the caller has heard the oldest item, and no mark contradicts it.
    Heard,
    /// By the clock, the line is silent although the model never finished its item.
    Drained,
    /// The model went quiet in mid-item. The audio left in the resampler and in a partial frame is
    /// played out.
    Tail,
    /// The carrier went quiet while the caller's turn is open. Silence lets the turn end.
    Stall,
    /// The drops counted so far are reported.
    Drops,
    /// The carrier considers a line dead when we send no audio. Silence keeps it open.
    KeepOpen,
    /// The caller hears the next piece of the agent's sound, and so do those who listen in.
    Ears,
}

/// The earliest of several deadlines.
pub(super) fn earliest<const N: usize>(deadlines: [Option<(Instant, AudioTimer)>; N]) -> Option<(Instant, AudioTimer)> {
    deadlines.into_iter().flatten().min_by_key(|(when, _)| *when)
}
