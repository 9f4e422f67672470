//! The messages that the cluster's actor accepts.

use actix::{Addr, Message};
use serde::{Deserialize, Serialize};
use switchboard_actors::ids::Private;
use switchboard_actors::supervisor::actor::Supervisor;
use switchboard_actors::transcript::writer::Looker;

/// The parts of the service that are told of the other nodes; sent once, before the first call.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Attach {
    /// The Supervisor.
    pub(crate) supervisor: Addr<Supervisor>,
    /// Who looks for the records that a dead node left in a folder that is shared.
    pub(crate) looker: Looker,
}

/// Reads what a caller has spent on all nodes. Answered once the Supervisor knows it, or cannot.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct ReadSpending {
    /// The caller's hash.
    pub(crate) caller: Option<String>,
}

/// A call of this caller is about to be answered. Answered with whether the caller may have one more,
/// as far as the other nodes are concerned.
#[derive(Message)]
#[rtype(result = "bool")]
pub(crate) struct TakeLine {
    /// The caller's hash.
    pub(crate) caller: String,
    /// The carrier's id of the call.
    pub(crate) call: String,
    /// Most calls of a caller at once, on all nodes.
    pub(crate) most: usize,
}

/// The kill switch was set on this node; the others follow.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct SwitchKill {
    /// The new state.
    pub(crate) on: bool,
}

/// A call is about to be placed.
#[derive(Message)]
#[rtype(result = "PlaceTaken")]
pub(crate) struct TakePlace {
    /// Our id of the call.
    pub(crate) call: String,
    /// Most such calls at once, on all nodes.
    pub(crate) most: u32,
    /// Most such calls a minute, on all nodes.
    pub(crate) per_minute: u32,
}

/// Whether a call may be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlaceTaken {
    /// It may, as far as the other nodes are concerned.
    Granted,
    /// Too many are on.
    TooMany,
    /// Too many were begun within a minute.
    TooFast,
    /// Redis is away: this node's share counts.
    Apart,
}

/// A call was not placed, or is over.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct FreePlace {
    /// Our id of the call.
    pub(crate) call: String,
}

/// A call was announced and may start on any node if this one dies.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct KeepPermit {
    /// The token that its stream shows.
    pub(crate) token: Private<String>,
    /// The call.
    pub(crate) call: Announced,
}

/// A stream shows a token that this node does not know. Answered with its call, if the node that
/// announced it is gone.
#[derive(Message)]
#[rtype(result = "Option<Announced>")]
pub(crate) struct TakePermit {
    /// The token.
    pub(crate) token: Private<String>,
}

/// A call that was announced by a webhook.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Announced {
    /// The process that announced it.
    pub(crate) process: String,
    /// The carrier's name.
    pub(crate) carrier: String,
    /// The carrier's id of the call.
    pub(crate) carrier_call: String,
    /// The carrier's account.
    pub(crate) account: Option<String>,
    /// Whether somebody calls us, or we them.
    pub(crate) inbound: bool,
    /// The caller's number.
    pub(crate) from: String,
    /// The dialled number.
    pub(crate) to: String,
    /// The webhook's parameters.
    pub(crate) parameters: Vec<(String, String)>,
}

/// The service stops: this node's entry goes.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Leave;
