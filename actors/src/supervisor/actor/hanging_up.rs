//! What the Supervisor does about calls that have ended without their carrier's word on it.

use actix::{ActorFutureExt, AsyncContext, Context, Handler};

use super::Supervisor;
use crate::carrier::control::{self, CarrierAnswer, Request};
use crate::clock;
use crate::events::emit;
use crate::supervisor::events::Event;
use crate::supervisor::hangup_watchdog::Unconfirmed;
use crate::supervisor::messages::CarrierLetGo;

impl Supervisor {
    /// Tells the carriers that have not confirmed the end of a call of ours in time.
    fn back_up(&mut self, ctx: &mut Context<Self>) {
        for unconfirmed in self.hangup_watchdog.due(clock::now()) {
            let Some(api) = self.apis.get(&unconfirmed.carrier).cloned() else { continue };
            let asked = async move {
                let answer = control::http::ask(&*api, Request::HangUp, &unconfirmed.call).await;
                (unconfirmed, answer)
            };
            let answered = |(unconfirmed, answer), this: &mut Self, ctx: &mut Context<Self>| {
                this.told_to_hang_up(&unconfirmed, &answer);
                this.settle(ctx);
                this.arm_watchdog(ctx);
            };
            ctx.spawn(actix::fut::wrap_future::<_, Self>(asked).map(answered));
        }
        self.arm_watchdog(ctx);
    }

    fn told_to_hang_up(&mut self, unconfirmed: &Unconfirmed, answer: &CarrierAnswer) {
        let (carrier, call) = (unconfirmed.carrier.name(), unconfirmed.call.as_str());
        match answer {
            CarrierAnswer::Done => emit(Event::HangUpForced { carrier, call, result: "done", reason: "" }),
            // It was over already, which is what was wanted.
            CarrierAnswer::Gone => emit(Event::HangUpForced { carrier, call, result: "gone", reason: "" }),
            CarrierAnswer::Failed { reason } => {
                let result = if unconfirmed.is_last() { "given_up" } else { "failed" };
                return emit(Event::HangUpForced { carrier, call, result, reason });
            }
        }
        self.hangup_watchdog.confirmed(&unconfirmed.call, clock::now());
    }

    pub(super) fn arm_watchdog(&mut self, ctx: &mut Context<Self>) {
        let next = self.hangup_watchdog.deadline();
        if self.watchdog_armed.as_ref().map(|(at, _)| *at) == next {
            return;
        }
        if let Some((_, timer)) = self.watchdog_armed.take() {
            ctx.cancel_future(timer);
        }
        self.watchdog_armed = next.map(|at| {
            let time_up = |this: &mut Self, ctx: &mut Context<Self>| {
                this.watchdog_armed = None;
                this.back_up(ctx);
                this.settle(ctx);
            };
            (at, ctx.run_later(at.saturating_duration_since(clock::now()), time_up))
        });
    }
}

impl Handler<CarrierLetGo> for Supervisor {
    type Result = ();

    fn handle(&mut self, CarrierLetGo(carrier_call): CarrierLetGo, ctx: &mut Self::Context) {
        self.hangup_watchdog.confirmed(&carrier_call, clock::now());
        self.arm_watchdog(ctx);
        self.settle(ctx);
    }
}
