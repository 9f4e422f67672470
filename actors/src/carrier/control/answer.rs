//! A carrier's answer to one of our requests. Pure.

/// A carrier's answer to one of our requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierAnswer {
    /// It accepted the request.
    Done,
    /// The call was already over.
    Gone,
    /// It refused the request, or could not be reached.
    Failed {
        /// Why, for the log.
        reason: String,
    },
}
