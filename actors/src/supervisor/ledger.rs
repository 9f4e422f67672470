//! Spending per day, in total and per caller, and the limits on it. Pure.
//!
//! Days are UTC days. A caller is identified by a salted hash of their number; a withheld number
//! counts only towards the day. The number of remembered callers is bounded: the callers with the
//! lowest cost are forgotten first, because they are the furthest from a limit.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::messages::Refusal;
use crate::money::Usd;
use crate::profile::spending::Budget;

/// The spending limits over all calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpendLimits {
    /// The limits for one caller on one day.
    pub caller: Budget,
    /// The limits for all callers on one day.
    pub day: Budget,
    /// Whether the kill switch is on: no call is taken.
    pub killed: bool,
}

/// The spending of a day.
#[derive(Debug)]
pub(super) struct Ledger {
    limits: SpendLimits,
    killed: bool,
    /// Days of the common era.
    day: i32,
    total: Usd,
    callers: HashMap<String, Usd>,
}

/// The spending as it is stored on disk. Contains no telephone number.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendStore {
    day: i32,
    total_billionths: u64,
    killed: bool,
    callers: HashMap<String, u64>,
}

/// The calls that a newly reached limit concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// No call.
    Nothing,
    /// The calls of this caller should wrap up.
    CallerSoft,
    /// The calls of this caller are hung up.
    CallerHard,
    /// All calls should wrap up.
    DaySoft,
    /// All calls are hung up.
    DayHard,
}

impl SpendLimits {
    /// Whether a restart without a store would bypass these limits.
    pub fn need_spend_store(&self) -> bool {
        [self.caller, self.day].iter().any(|budget| budget.soft.is_some() || budget.hard.is_some())
    }
}

impl Ledger {
    pub(super) fn new(limits: SpendLimits, kept: Option<SpendStore>, day: i32) -> Self {
        let mut ledger = Self { limits, killed: limits.killed, day, total: Usd::ZERO, callers: HashMap::new() };
        if let Some(spend_store) = kept {
            // The kill switch stays thrown until an operator resets it.
            ledger.killed |= spend_store.killed;
            // The stored day is in the future: the clock was set back. The spending counts for
            // today until then.
            if spend_store.day >= day {
                ledger.day = spend_store.day;
                ledger.total = Usd::from_billionths(spend_store.total_billionths);
                let callers = spend_store.callers.into_iter().take(MOST_CALLERS);
                ledger.callers = callers.map(|(caller, spent)| (caller, Usd::from_billionths(spent))).collect();
            }
        }
        ledger
    }

    /// Whether a call may begin.
    pub(super) fn admit(&mut self, caller: Option<&str>, day: i32) -> Result<(), Refusal> {
        self.turn_to(day);
        if self.killed {
            return Err(Refusal::Killed);
        }
        let reached = |limit: Option<Usd>, spent: Usd| limit.is_some_and(|limit| spent >= limit);
        let caller = caller.and_then(|caller| self.callers.get(caller)).copied().unwrap_or_default();
        if reached(self.limits.day.hard, self.total) || reached(self.limits.caller.hard, caller) {
            return Err(Refusal::Spent);
        }
        Ok(())
    }

    /// Adds the cost of a call of `caller`. Returns which calls a newly reached limit concerns.
    pub(super) fn spent(&mut self, caller: Option<&str>, cost: Usd, day: i32) -> Reached {
        self.turn_to(day);
        let before = self.total;
        self.total += cost;
        let caller = caller.map(|caller| self.charge(caller, cost));
        let passed =
            |limit: Option<Usd>, before: Usd, after: Usd| limit.is_some_and(|limit| before < limit && after >= limit);
        let by_caller = |limit| caller.is_some_and(|(before, after)| passed(limit, before, after));
        let (of_day, of_caller) = (self.limits.day, self.limits.caller);
        if passed(of_day.hard, before, self.total) {
            Reached::DayHard
        } else if by_caller(of_caller.hard) {
            Reached::CallerHard
        } else if passed(of_day.soft, before, self.total) {
            Reached::DaySoft
        } else if by_caller(of_caller.soft) {
            Reached::CallerSoft
        } else {
            Reached::Nothing
        }
    }

    /// Sets the kill switch. Returns whether that changed anything.
    pub(super) fn kill(&mut self, on: bool) -> bool {
        std::mem::replace(&mut self.killed, on) != on
    }

    /// Puts other limits in force. The kill switch stays as it is.
    pub(super) fn limit(&mut self, limits: SpendLimits) {
        self.limits = limits;
    }

    pub(super) fn is_killed(&self) -> bool {
        self.killed
    }

    /// Today's spending.
    pub(super) fn total(&mut self, day: i32) -> Usd {
        self.turn_to(day);
        self.total
    }

    /// The number of callers with a cost today.
    pub(super) fn callers(&self) -> usize {
        self.callers.len()
    }

    pub(super) fn limits(&self) -> SpendLimits {
        self.limits
    }

    /// The spending in its stored form.
    pub(super) fn spend_store(&self) -> SpendStore {
        SpendStore {
            day: self.day,
            total_billionths: self.total.billionths(),
            killed: self.killed,
            callers: self.callers.iter().map(|(caller, spent)| (caller.clone(), spent.billionths())).collect(),
        }
    }

    /// Adds `cost` for `caller`. Returns the caller's total before and after.
    fn charge(&mut self, caller: &str, cost: Usd) -> (Usd, Usd) {
        if self.callers.len() >= MOST_CALLERS && !self.callers.contains_key(caller) {
            self.forget_the_cheap();
        }
        let spent = self.callers.entry(caller.to_owned()).or_default();
        let before = *spent;
        *spent += cost;
        (before, *spent)
    }

    fn forget_the_cheap(&mut self) {
        let mut amounts: Vec<Usd> = self.callers.values().copied().collect();
        let middle = amounts.len() / 2;
        let median = *amounts.select_nth_unstable(middle).1;
        self.callers.retain(|_, spent| *spent > median);
    }

    /// Starts a new day when the date has changed.
    fn turn_to(&mut self, day: i32) {
        if self.day < day {
            (self.day, self.total) = (day, Usd::ZERO);
            self.callers.clear();
        }
    }
}

/// The most callers remembered per day: about ten megabytes.
const MOST_CALLERS: usize = 100_000;

#[cfg(test)]
mod tests;
