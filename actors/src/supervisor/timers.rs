//! The deadlines of the Supervisor. Pure.

/// What the Supervisor waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next announced call's token expires.
    TokenExpiry,
    /// The drain's patience is over: live calls are ordered to hang up.
    DrainPatience,
    /// Calls that were ordered to hang up have had their time too.
    DrainGiveUp,
    /// A carrier has not confirmed in time that a call is over.
    HangupUnconfirmed,
}
