//! The rules of transfer destinations, and the carrier's results. Pure.
//!
//! A destination is chosen by its name and never by a number: the words of the model, the keys and
//! the operator's order are only compared with the names of the table. `exit/transfer.rs` describes
//! a transfer from the request to the caller's return.

use crate::carrier::Handover;
use crate::carrier::control::Target;
pub use crate::carrier::webhook_api::DialOutcome;
use crate::profile::destinations::{Destination, Destinations};
use chrono::{DateTime, Utc};

/// Why a transfer is refused before any call was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferRefusal {
    /// The table has no such name.
    #[error("there is no destination of this name; the destinations are: {known}")]
    Unknown {
        /// The known names.
        known: String,
    },
    /// The destination is closed at this time.
    #[error("nobody can be reached there at this time")]
    Shut,
    /// The line cannot transfer to such a destination.
    #[error("callers on this line cannot be sent there")]
    Unreachable,
    /// The call is not in a state from which it can be transferred.
    #[error("the call is {state} and cannot be transferred now")]
    WrongState {
        /// Its state.
        state: &'static str,
    },
    /// Too many transfers to this destination within an hour.
    #[error("too many calls were sent there within the last hour")]
    TooMany,
}

impl TransferRefusal {
    /// The word in the record and the audit line.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_destination",
            Self::Shut => "outside_hours",
            Self::Unreachable => "unreachable",
            Self::WrongState { .. } => "wrong_state",
            Self::TooMany => "too_many",
        }
    }
}

impl DialOutcome {
    /// The word in the record and the audit line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bridged => "answered",
            Self::NotTaken => "not_taken",
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Failed => "failed",
        }
    }

    /// The result for the model.
    pub(super) const fn for_model(self) -> &'static str {
        match self {
            Self::Bridged => "the person has finished",
            Self::NotTaken => "nobody took the call",
            Self::Busy => "the line is busy",
            Self::NoAnswer => "nobody answers",
            Self::Failed => "the call could not be put through",
        }
    }
}

/// Returns the table's entry for `name`, if a caller may be transferred there now over a line with
/// this kind of handover.
pub(super) fn permitted<'d>(
    destinations: &'d Destinations,
    name: &str,
    handover: Option<Handover>,
    moment: DateTime<Utc>,
) -> Result<&'d Destination, TransferRefusal> {
    let Some(destination) = destinations.get(name) else {
        let known: Vec<&str> = destinations.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(TransferRefusal::Unknown { known });
    };
    if destination.hours.as_ref().is_some_and(|hours| !hours.open_at(moment)) {
        return Err(TransferRefusal::Shut);
    }
    match (handover, &destination.target) {
        (Some(Handover::Document), Target::Number(_) | Target::Sip(_) | Target::Client(_))
        | (Some(Handover::Command { numbers: true }), Target::Number(_))
        | (Some(Handover::Command { .. }), Target::Carrier) => Ok(destination),
        (Some(Handover::Document), Target::Carrier)
        | (Some(Handover::Command { numbers: false }), Target::Number(_))
        | (Some(Handover::Command { .. }), Target::Sip(_) | Target::Client(_))
        | (None, _) => Err(TransferRefusal::Unreachable),
    }
}

#[cfg(test)]
mod tests;
