//! The closed table of destinations for transfers. Pure.
//!
//! A destination is selected by name, never by number. A name from the model, a key or an operator
//! is only compared with the names in the table.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hours::Hours;
use crate::carrier::control::Target;
use crate::ids::Private;

/// The table of `[transfers]`, by name.
pub type Destinations = BTreeMap<String, Destination>;

/// A destination for transfers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its target.
    pub target: Target,
    /// When it can be reached; `None` is always.
    pub hours: Option<Hours>,
    /// How long it may ring.
    pub timeout: Duration,
    /// What is said to the caller first, word for word. `None` leaves it to the agent's own words.
    pub announce: Option<String>,
    /// The number that the callee sees; `None` leaves it to the carrier, which shows the caller's.
    pub caller_id: Option<Private<String>>,
    /// What is said to the callee before they are joined with the caller. The callee presses a key
    /// to accept, which no answering machine does.
    pub whisper: Option<String>,
    /// Makes this a warm transfer. The caller waits in a conference while the callee is called and
    /// hears this text. A key press of the callee joins the two. `{reason}` and `{summary}` are
    /// replaced with the agent's own words about the call.
    pub briefing: Option<String>,
    /// The language for the callee, by its code (`en`, `hi-IN`); `None` uses the call's.
    pub language: Option<String>,
    /// The most attempts per hour over all calls; more are refused.
    pub most_an_hour: u32,
}
