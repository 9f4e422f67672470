//! What the [`Providers`](super::actor::Providers) actor hears.

use actix::{Message, Recipient};

use crate::realtime::breaker::Standing;
use crate::realtime::plan::ModelAddress;
use crate::realtime::sessions::Lesson;

/// Which of these models are worth a try? One answer each, in order.
#[derive(Debug, Message)]
#[rtype(result = "Vec<Standing>")]
pub struct Consult(pub Vec<ModelAddress>);

/// Something was found out about a model.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Learn {
    /// Which.
    pub address: ModelAddress,
    /// What.
    pub lesson: Lesson,
}

/// How many keys and models refuse us and are left alone for now?
#[derive(Debug, Message)]
#[rtype(result = "usize")]
pub struct CountRefusals;

/// These sessions wait for calls from now on; told to let them go when the service stops.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Keeps(pub Recipient<LetGo>);

/// No session waits for calls any more, and those that do are closed.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct LetGo;
