//! The Supervisor actor: the shell around [`super::roster`].

use std::time::Duration;

use actix::{Actor, Context, Handler};

use super::messages::{Admit, CallEnded, CallTheRoll, CarrierEnded, Drain, Expect, Find, Permit, Refusal, Roll};
use crate::call::actor::CallActor;
use crate::ids::CallId;
use crate::transcript::writer::RecordWriter;

/// What the Supervisor is started with.
#[derive(Debug)]
pub struct SupervisorSetup {
    /// Places there are.
    pub max_calls: usize,
    /// How long an announced call's place and token are kept for its stream.
    pub token_lifetime: Duration,
    /// The disk, handed to each call.
    pub writer: RecordWriter,
}

/// Who is on.
#[derive(Debug)]
pub struct Supervisor {
    _setup: SupervisorSetup,
}

impl Supervisor {
    /// Not yet started.
    pub fn new(setup: SupervisorSetup) -> Self {
        Self { _setup: setup }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;
}
impl Handler<Expect> for Supervisor {
    type Result = Result<Permit, Refusal>;
    fn handle(&mut self, _: Expect, _: &mut Self::Context) -> Self::Result {
        Err(Refusal::Draining)
    }
}
impl Handler<Admit> for Supervisor {
    type Result = Result<CallId, Refusal>;
    fn handle(&mut self, _: Admit, _: &mut Self::Context) -> Self::Result {
        Err(Refusal::Draining)
    }
}
impl Handler<CallEnded> for Supervisor {
    type Result = ();
    fn handle(&mut self, _: CallEnded, _: &mut Self::Context) {}
}
impl Handler<CarrierEnded> for Supervisor {
    type Result = ();
    fn handle(&mut self, _: CarrierEnded, _: &mut Self::Context) {}
}
impl Handler<CallTheRoll> for Supervisor {
    type Result = Roll;
    fn handle(&mut self, _: CallTheRoll, _: &mut Self::Context) -> Roll {
        Roll { calls: Vec::new(), expected: 0, max_calls: 0, draining: false }
    }
}
impl Handler<Find> for Supervisor {
    type Result = Option<actix::Addr<CallActor>>;
    fn handle(&mut self, _: Find, _: &mut Self::Context) -> Self::Result {
        None
    }
}
impl Handler<Drain> for Supervisor {
    type Result = ();
    fn handle(&mut self, _: Drain, _: &mut Self::Context) {}
}
