//! The deadlines of the Supervisor. Pure.

/// What the Supervisor waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next announced call's token runs out.
    TokenExpiry,
    /// Draining calls have had their time and are told to hang up.
    DrainPatience,
    /// Calls that were told to hang up have had their time too.
    DrainGiveUp,
    /// A carrier has not confirmed in time that a call of ours is over.
    HangupUnconfirmed,
}
