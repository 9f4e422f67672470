//! Outbound calls: their permits and ids.

use actix::Handler;

use super::spending::today;
use super::{Supervisor, refused};
use crate::clock;
use crate::ids::{CallId, StreamToken};
use crate::supervisor::messages::{ExpectOutbound, Held, Identify, ListHeld, NotBegun, Permit, Refusal};

impl Handler<ExpectOutbound> for Supervisor {
    type Result = Result<Permit, Refusal>;

    fn handle(&mut self, asked: ExpectOutbound, _: &mut Self::Context) -> Self::Result {
        self.settle();
        let report = refused(&asked.call.carrier_call);
        self.ledger.admit(asked.call.profile.caller.as_deref(), today()).inspect_err(&report)?;
        let fresh = Permit { call: CallId::random(), token: StreamToken::random().into_inner() };
        let room = (asked.most, asked.ring);
        let answer = self.roster.expect_outbound(asked.call, fresh, room, clock::now()).inspect_err(report);
        self.arm();
        answer
    }
}

impl Handler<ListHeld> for Supervisor {
    type Result = Held;

    fn handle(&mut self, _: ListHeld, _: &mut Self::Context) -> Held {
        let now = clock::now();
        Held { begun: self.roster.begun(now), calls: self.roster.held(now) }
    }
}

impl Handler<Identify> for Supervisor {
    type Result = Option<Permit>;

    fn handle(&mut self, known: Identify, _: &mut Self::Context) -> Self::Result {
        let permit = self.roster.identify(known, clock::now());
        self.arm();
        permit
    }
}

impl Handler<NotBegun> for Supervisor {
    type Result = ();

    fn handle(&mut self, NotBegun(name): NotBegun, _: &mut Self::Context) {
        self.roster.not_begun(&name);
        self.arm();
    }
}
