//! The Supervisor's answers to a carrier that asks for a call's document.

use actix::Handler;

use super::spending::today;
use super::{Supervisor, refused};
use crate::call::messages::StreamOffered;
use crate::clock;
use crate::events::emit;
use crate::ids::{CallId, CarrierCallId, StreamToken};
use crate::line::messages::LineReport;
use crate::supervisor::events::Event;
use crate::supervisor::messages::{AfterStream, Aftermath, Expect, ExpectReturn, KnowsToken, Permit, Refusal, Word};
use crate::supervisor::past::Left;

impl Handler<Expect> for Supervisor {
    type Result = Result<Permit, Refusal>;

    fn handle(&mut self, Expect { call, word }: Expect, _: &mut Self::Context) -> Self::Result {
        self.settle();
        // A live call that returns continues, whatever the budget and however full the service is.
        let report = refused(&call.carrier_call);
        let in_progress = word == Word::InProgress;
        if in_progress && let Some(permit) = self.offer(&call.carrier_call) {
            return Ok(permit);
        }
        if word != Word::Stream && self.past.is_over(&call.carrier_call, in_progress, clock::now()) {
            return Err(Refusal::CallOver).inspect_err(&report);
        }
        self.ledger.admit(call.profile.caller.as_deref(), today()).inspect_err(&report)?;
        let fresh = Permit { call: CallId::random(), token: StreamToken::random().into_inner() };
        let answer = self.roster.expect(call, fresh, in_progress, clock::now()).inspect_err(report);
        self.arm();
        answer
    }
}

impl Handler<AfterStream> for Supervisor {
    type Result = Aftermath;

    fn handle(&mut self, AfterStream(call): AfterStream, _: &mut Self::Context) -> Aftermath {
        if let Some(on) = self.roster.find(call.as_str()) {
            return Aftermath::On(on);
        }
        if let Some(expected) = self.roster.stream_failed(&call) {
            emit(Event::CallRefused { reason: "no_stream", carrier_call: Some(call.as_str()) });
            self.past.add(&call, Left::Lost, false, clock::now());
            self.settle();
            return Aftermath::NeverCame { language: expected.profile.language.clone() };
        }
        match self.past.left(&call) {
            Some(Left::Ended) => Aftermath::Over,
            Some(Left::Stopped | Left::Lost) | None => Aftermath::Lost,
        }
    }
}

impl Handler<ExpectReturn> for Supervisor {
    type Result = Option<Permit>;

    fn handle(&mut self, ExpectReturn(carrier_call): ExpectReturn, _: &mut Self::Context) -> Self::Result {
        let token = StreamToken::random().into_inner();
        self.roster.expect_return(&carrier_call, token, clock::now())
    }
}

impl Handler<KnowsToken> for Supervisor {
    type Result = bool;

    fn handle(&mut self, KnowsToken(token): KnowsToken, _: &mut Self::Context) -> bool {
        self.roster.knows(token.expose())
    }
}

impl Supervisor {
    /// A permit for another stream of a live call's caller.
    fn offer(&mut self, call: &CarrierCallId) -> Option<Permit> {
        let on = self.roster.find(call.as_str())?;
        let permit = self.roster.expect_return(call, StreamToken::random().into_inner(), clock::now())?;
        on.do_send(StreamOffered);
        Some(permit)
    }

    /// The carrier reports that its call is over.
    pub(super) fn carrier_ended(&mut self, call: &CarrierCallId) {
        if self.roster.stream_failed(call).is_some() {
            self.past.add(call, Left::Ended, false, clock::now());
        }
        if let Some(live) = self.roster.carrier_ended(call) {
            live.do_send(LineReport::CallOver);
        }
        self.past.confirmed(call);
        self.hangup_watchdog.confirmed(call, clock::now());
        self.settle();
    }
}
