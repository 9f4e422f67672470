//! Spending: limits reported to calls, `/spend`, and the store.

use std::time::Duration;

use actix::{Addr, AsyncContext, Context, Handler};
use chrono::Datelike;

use super::Supervisor;
use crate::call::actor::CallActor;
use crate::call::messages::{HangUp, WrapUp};
use crate::call::report::Spent;
use crate::clock;
use crate::events::emit;
use crate::money::Usd;
use crate::supervisor::events::Event;
use crate::supervisor::ledger::Reached;
use crate::supervisor::messages::{CountCost, FleetApart, FleetSpent, Kill, LimitSpend, ShowSpend, SpendReport};
use crate::supervisor::report::CostCounted;

/// The current UTC day.
pub(super) fn today() -> i32 {
    clock::wall().date_naive().num_days_from_ce()
}

impl Supervisor {
    /// Reports a reached limit to the calls it concerns.
    fn tell_limit(&self, reached: Reached, caller: Option<&str>) {
        let of_caller = || caller.map(|caller| self.roster.of_caller(caller)).unwrap_or_default();
        let (limit, calls, close) = match reached {
            Reached::Nothing => return,
            Reached::CallerSoft => ("caller_soft", of_caller(), false),
            Reached::CallerHard => ("caller_hard", of_caller(), true),
            Reached::DaySoft => ("day_soft", self.roster.live(), false),
            Reached::DayHard => ("day_hard", self.roster.live(), true),
        };
        emit(Event::SpendLimitReached { limit, calls: calls.len() });
        calls.iter().for_each(|call| if close { call.do_send(HangUp::Spent) } else { call.do_send(WrapUp) });
    }

    /// Counts a cost to the day, and to a caller if it is one's.
    fn count(&mut self, caller: Option<&str>, cost: Usd, ctx: &mut Context<Self>) {
        let reached = self.ledger.spent(caller, cost, today());
        emit(Event::DaySpent { dollars: self.ledger.total(today()).dollars() });
        self.tell_limit(reached, caller);
        self.keep_spend(ctx);
        if let Some(sharers) = &self.sharers {
            sharers.costs.do_send(CostCounted { day: today(), caller: caller.map(str::to_owned), cost });
        }
    }

    pub(super) fn tell_spend(&mut self) {
        emit(Event::DaySpent { dollars: self.ledger.total(today()).dollars() });
        if self.ledger.is_killed() {
            emit(Event::SpendKilled { on: true });
        }
    }

    fn spend_report(&mut self) -> SpendReport {
        SpendReport {
            today: self.ledger.total(today()),
            callers: self.ledger.callers(),
            killed: self.ledger.is_killed(),
            limits: self.ledger.limits(),
        }
    }

    /// Writes the store a little later, once for all spending until then.
    fn keep_spend(&mut self, ctx: &mut Context<Self>) {
        if self.ledger.limits().need_spend_store() && !self.spend_store.stale {
            self.spend_store.stale = true;
            ctx.run_later(STORE_AFTER, |this, _| this.spend_store.write(&this.ledger.spend_store()));
        }
    }
}

impl Handler<Spent> for Supervisor {
    type Result = ();

    fn handle(&mut self, Spent { call, cost }: Spent, ctx: &mut Self::Context) {
        let caller = self.roster.caller_of(call);
        self.count(caller.as_deref(), cost, ctx);
    }
}

impl Handler<CountCost> for Supervisor {
    type Result = ();

    fn handle(&mut self, CountCost(cost): CountCost, ctx: &mut Self::Context) {
        self.count(None, cost, ctx);
    }
}

impl Handler<FleetSpent> for Supervisor {
    type Result = ();

    fn handle(&mut self, FleetSpent { day, total, callers }: FleetSpent, ctx: &mut Self::Context) {
        let before = self.ledger.total(today());
        let reached = self.ledger.all_spent(total, day);
        self.tell_limit(reached, None);
        for (caller, spent) in &callers {
            let reached = self.ledger.caller_spent(caller, *spent, day);
            self.tell_limit(reached, Some(caller));
        }
        let after = self.ledger.total(today());
        emit(Event::DaySpent { dollars: after.dollars() });
        if after != before || !callers.is_empty() {
            self.keep_spend(ctx);
        }
    }
}

impl Handler<FleetApart> for Supervisor {
    type Result = ();

    fn handle(&mut self, FleetApart { nodes }: FleetApart, _: &mut Self::Context) {
        self.ledger.set_apart(nodes);
        self.roster.set_apart(nodes);
    }
}

impl Handler<Kill> for Supervisor {
    type Result = SpendReport;

    fn handle(&mut self, Kill { on }: Kill, _: &mut Self::Context) -> SpendReport {
        if self.ledger.kill(on) {
            emit(Event::SpendKilled { on });
            // Writes at once: a restart must not undo the kill switch.
            self.spend_store.write(&self.ledger.spend_store());
            self.spend_store.flush();
        }
        if on {
            let live: Vec<Addr<CallActor>> = self.roster.live();
            live.iter().for_each(|call| call.do_send(HangUp::Spent));
        }
        self.spend_report()
    }
}

impl Handler<LimitSpend> for Supervisor {
    type Result = ();

    fn handle(&mut self, LimitSpend(limits): LimitSpend, ctx: &mut Self::Context) {
        let before = self.ledger.limits();
        self.ledger.limit(limits);
        if before.killed != limits.killed {
            let on = limits.killed;
            let _ = Handler::<Kill>::handle(self, Kill { on }, ctx);
        }
        self.keep_spend(ctx);
    }
}

impl Handler<ShowSpend> for Supervisor {
    type Result = SpendReport;

    fn handle(&mut self, _: ShowSpend, _: &mut Self::Context) -> SpendReport {
        self.spend_report()
    }
}

/// Delay of a write after spending. Longer: a crash forgets more. Shorter: every answer causes a
/// write.
const STORE_AFTER: Duration = Duration::from_secs(2);
