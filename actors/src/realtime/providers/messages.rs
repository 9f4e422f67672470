//! Messages to the [`Providers`](super::actor::Providers) actor.

use actix::{Message, Recipient};

use crate::realtime::breaker::Lesson;
use crate::realtime::breaker::Standing;
use crate::realtime::plan::ModelAddress;

/// Asks which of these models are worth a try. The answer has one standing for each, in order.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Standing>")]
pub struct Consult(pub Vec<ModelAddress>);

/// Reports what a call learned about a model.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Learn {
    /// The model that it concerns.
    pub address: ModelAddress,
    /// What was learned.
    pub lesson: Lesson,
}

/// Asks how many keys and models are blocked at present because they refuse us.
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub struct CountRefusals;

/// Registers a pool that keeps sessions for calls. The recipient is notified when the service stops
/// and the sessions must be released.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Keeps(pub Recipient<ReleaseSessions>);

/// Releases the waiting sessions: they are closed and no new ones are kept.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct ReleaseSessions;
