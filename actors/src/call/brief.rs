//! What a call is to be: decided by the routes before the stream comes, and fixed from then on. Pure.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ids::{CallId, CarrierCallId, Private, StreamId};
use crate::realtime::plan::SessionPlan;
use crate::wire::{AudioFormat, Carrier};

/// How a call is to be held: agent, language, model, limits. Shared by all calls of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Brief {
    /// The agent's name in the configuration.
    pub agent: String,
    /// The language's code.
    pub language: String,
    /// The model session.
    pub model: Arc<SessionPlan>,
    /// How the agent opens the call.
    pub greeting: Greeting,
    /// How long things may take.
    pub limits: Limits,
    /// How far ahead of real time audio is sent to a carrier that buffers.
    pub playout_lead: Duration,
}

/// How the agent opens the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// The model says it, following these instructions.
    Spoken(String),
    /// The caller speaks first.
    None,
}

/// How long things may take in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole call. Shorter cuts conversations, longer pays for forgotten handsets.
    pub max_duration: Duration,
    /// Nothing at all from the carrier for this long: the line is dead although its socket is open.
    pub line_silence: Duration,
    /// Longest wait for a goodbye to be heard before we hang up all the same.
    pub goodbye: Duration,
    /// Longest wait for the model's first session before the call is given up.
    pub model_setup: Duration,
}

/// Whose call it is: known once the stream has started.
#[derive(Debug, Clone)]
pub struct CallIdentity {
    /// Ours.
    pub id: CallId,
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's id of the call.
    pub carrier_call: CarrierCallId,
    /// The carrier's id of the stream.
    pub stream: StreamId,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number; may be withheld, may be no number at all.
    pub from: Private<String>,
    /// The dialled number.
    pub to: Private<String>,
    /// The line's format.
    pub line: AudioFormat,
    /// When the stream started, wall clock, for records.
    pub started_at: DateTime<Utc>,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The person called us.
    Inbound,
    /// We called the person.
    Outbound,
}

impl Direction {
    /// The word in records.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}
