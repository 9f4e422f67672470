//! Hangs up over the carrier's API when the carrier has not confirmed the end of a call.

use actix::{ActorFutureExt, AsyncContext, Context, Handler};

use super::Supervisor;
use crate::alarm::TimeUp;
use crate::carrier::control::{self, CarrierAnswer, Request};
use crate::clock;
use crate::events::emit;
use crate::supervisor::events::Event;
use crate::supervisor::hangup_watchdog::Unconfirmed;
use crate::supervisor::messages::EndedByAnswer;

impl Supervisor {
    /// Asks the carriers that have not confirmed the end of a call in time to hang up.
    fn back_up(&mut self, ctx: &mut Context<Self>) {
        for unconfirmed in self.hangup_watchdog.due(clock::now()) {
            // Some APIs end no calls.
            let api = self.apis.get(&unconfirmed.carrier);
            let api = api.filter(|api| api.ask(Request::HangUp, &unconfirmed.call).is_some());
            let Some(api) = api.cloned() else { continue };
            let asked = async move {
                let answer = control::http::ask(&*api, Request::HangUp, &unconfirmed.call).await;
                (unconfirmed, answer)
            };
            let answered = |(unconfirmed, answer), this: &mut Self, _ctx: &mut Context<Self>| {
                this.hang_up_answered(&unconfirmed, &answer);
                this.settle();
            };
            ctx.spawn(actix::fut::wrap_future::<_, Self>(asked).map(answered));
        }
    }

    fn hang_up_answered(&mut self, unconfirmed: &Unconfirmed, answer: &CarrierAnswer) {
        let (carrier, call) = (unconfirmed.carrier.name(), unconfirmed.call.as_str());
        match answer {
            CarrierAnswer::Done => emit(Event::HangUpForced { carrier, call, result: "done", reason: "" }),
            // The call was over already.
            CarrierAnswer::Gone => emit(Event::HangUpForced { carrier, call, result: "gone", reason: "" }),
            CarrierAnswer::Failed { reason } => {
                let result = if unconfirmed.is_last() { "given_up" } else { "failed" };
                return emit(Event::HangUpForced { carrier, call, result, reason });
            }
        }
        self.hangup_watchdog.confirmed(&unconfirmed.call, clock::now());
    }
}

impl Handler<TimeUp> for Supervisor {
    type Result = ();

    fn handle(&mut self, _: TimeUp, ctx: &mut Self::Context) {
        self.back_up(ctx);
        self.settle();
    }
}

impl Handler<EndedByAnswer> for Supervisor {
    type Result = ();

    fn handle(&mut self, EndedByAnswer(carrier_call): EndedByAnswer, _: &mut Self::Context) {
        self.hangup_watchdog.confirmed(&carrier_call, clock::now());
        self.settle();
    }
}
