//! What a carrier answers to a request of ours. Pure.

/// What a carrier answered to a request of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierAnswer {
    /// It does it.
    Done,
    /// The call was over already.
    Gone,
    /// It does not, or could not be reached.
    Failed {
        /// Why, for the log.
        reason: String,
    },
}
