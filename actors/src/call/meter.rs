//! The cost of a call so far: the server's counts times the configured prices, compared with the
//! call's limits. Pure.
//!
//! **At most one turn too much.** The cost of a response is known when it has ended, and the
//! goodbye is a response too. So the hard limit counts as reached when another response like the
//! last one would exceed it. The goodbye then fits, and only a turn that costs more than the one
//! before it can exceed the limit, by no more than itself. Where time costs money, a part of it is
//! reported every second, and the goodbye counts as the time that it takes.

use crate::money::Usd;
use crate::profile::spending::{Budget, Price, SpendPlan};
use crate::realtime::report::{TranscriptionUsage, Usage};

/// The result of a call's spending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Within,
    /// The agent is asked to wrap up; returned once.
    WrapUp,
    /// The call is closed politely.
    Close,
}

/// The cost of a call so far.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    model: Price,
    transcription: Price,
    /// The call's limits. The soft one is taken out once the agent is asked to wrap up.
    budget: Budget,
    spent: Usd,
    /// What the last response cost, with what other models did for it: the best guess at the next.
    last: Usd,
    /// What other models have cost since.
    beside: Usd,
}

impl Meter {
    /// Nothing has been spent.
    pub(super) fn new(plan: &SpendPlan, model: &str, transcription: Option<&str>) -> Self {
        let transcription = transcription.map(|model| plan.prices.of(model)).unwrap_or_default();
        let model = plan.prices.of(model);
        Self { model, transcription, budget: plan.call, spent: Usd::ZERO, last: Usd::ZERO, beside: Usd::ZERO }
    }

    /// Another model answers from now on.
    pub(super) fn charge(&mut self, plan: &SpendPlan, model: &str) {
        self.model = plan.prices.of(model);
    }

    /// A response has ended. Returns its cost.
    pub(super) fn response(&mut self, usage: &Usage) -> Usd {
        let cost = self.model.of_response(usage);
        self.last = cost + std::mem::take(&mut self.beside);
        self.spent += cost;
        cost
    }

    /// A model other than the one that answers has worked. Returns the cost.
    pub(super) fn worked(&mut self, plan: &SpendPlan, model: &str, usage: &Usage) -> Usd {
        let cost = plan.prices.of(model).of_response(usage);
        self.spent += cost;
        self.beside += cost;
        cost
    }

    /// A turn of the caller was transcribed. Returns the cost.
    pub(super) fn transcribed(&mut self, usage: &TranscriptionUsage) -> Usd {
        let cost = self.transcription.of_transcription(usage);
        self.spent += cost;
        cost
    }

    /// Returns the consequence of the spending.
    pub(super) fn verdict(&mut self) -> Verdict {
        let (spent, next) = (self.spent, self.spent + self.last.max(self.goodbye()));
        if self.budget.hard.is_some_and(|limit| next >= limit) {
            Verdict::Close
        } else if self.budget.soft.take_if(|limit| spent >= *limit).is_some() {
            Verdict::WrapUp
        } else {
            Verdict::Within
        }
    }

    /// What the time of the goodbye costs; nothing where time is free.
    fn goodbye(&self) -> Usd {
        self.model.of_response(&Usage { session_ms: GOODBYE_MS, ..Usage::default() })
    }

    /// The cost so far.
    pub(super) fn spent(&self) -> Usd {
        self.spent
    }
}

/// The time that is kept for the goodbye, in ms: until it begins, its words, and the end of the
/// session. Shorter: the limit is exceeded by a long goodbye. Longer: calls end earlier than they have
/// to.
const GOODBYE_MS: u64 = 10_000;

#[cfg(test)]
mod tests;
