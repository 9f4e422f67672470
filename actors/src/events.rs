//! What operators see: each room logs and counts its events in its own `events.rs`, and nowhere
//! else.
//!
//! Levels: *info* is what the caller would notice, *warn* is what an operator should look at,
//! *error* is a failure, and *debug* is a decision on the way. Metric names are part of the
//! service's contract. No event carries a phone number or speech.
//!
//! A line about a call has `call`, our id, and `carrier_call`, the carrier's id. Either of the two
//! finds every line of the call.

use std::fmt;

/// Something that is logged and counted.
pub trait Emit {
    /// Logs and counts it.
    fn emit(self);
}

/// Logs and counts `event`.
pub fn emit(event: impl Emit) {
    event.emit();
}

/// The log target of every line, whichever room it is from. Log filters use this name.
pub const TARGET: &str = "switchboard_actors::events";

/// An optional field. It prints `-` when it is empty, so that every line has the same fields.
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
