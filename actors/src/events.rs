//! How operators are told: what is worth telling is logged and counted by its room, in the room's `events.rs`, and nowhere else.
//!
//! Levels: what the caller would notice is info, what somebody should look at is warn, broken is error, a fork in the road is
//! debug. Metric names are those of the contract. Nothing here carries a number or speech.
//!
//! A line about a call has `call`, our id of it, and `carrier_call`, the carrier's: whoever was told one of the two finds every line.

use std::fmt;

/// Something worth telling.
pub trait Emit {
    /// Logs and counts it.
    fn emit(self);
}

/// Logs and counts `event`.
pub fn emit(event: impl Emit) {
    event.emit();
}

/// The target of every line, whichever room it is of: filters of the log name this one.
pub const TARGET: &str = "switchboard_actors::events";

/// A field that may have nothing in it: `-` then, so that each line has the same fields.
#[derive(Debug)]
pub struct Known<T>(pub Option<T>);

impl<T: fmt::Display> fmt::Display for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("-"),
        }
    }
}
