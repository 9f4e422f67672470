//! The closed table of destinations that callers can be sent to. Pure.
//!
//! A destination is picked by its name and never by a number: what the model, a key or an operator says is only ever compared
//! with the names of the table.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hours::Hours;
use crate::carrier::control::Target;
use crate::ids::Private;

/// The table of `[transfers]`, by name.
pub type Destinations = BTreeMap<String, Destination>;

/// Somewhere a caller can be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Where it leads.
    pub target: Target,
    /// When it can be reached; `None` is always.
    pub hours: Option<Hours>,
    /// How long it may ring.
    pub timeout: Duration,
    /// What the caller is told before, word for word; `None` leaves it to what the agent has said.
    pub announce: Option<String>,
    /// The number the person called sees; `None` leaves it to the carrier, which shows the caller's.
    pub caller_id: Option<Private<String>>,
    /// What the person who answers is told before the two are joined; they press a key to take the call, which no answering machine
    /// does.
    pub whisper: Option<String>,
    /// Makes the transfer a warm one: the caller waits in a conference while the person is called and told this, and is joined by them
    /// when they press a key. `{reason}` and `{summary}` stand for what the agent has said of the call.
    pub briefing: Option<String>,
    /// The language in which that person is spoken to, by its code (`en`, `hi-IN`); `None` is the call's.
    pub language: Option<String>,
    /// Attempts within an hour, over all calls; more are refused.
    pub most_an_hour: u32,
}
