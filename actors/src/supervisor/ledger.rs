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
    /// What was spent when the other nodes' spending became unknown, if it is.
    apart: Option<Apart>,
}

/// The spending at the moment since which the other nodes' is unknown. This node may spend its share
/// of what was left then.
#[derive(Debug)]
struct Apart {
    nodes: u64,
    total: Usd,
    callers: HashMap<String, Usd>,
}

impl Apart {
    /// The part of `limit` that this node keeps to, where `spent` was spent by all nodes.
    fn share(&self, limit: Usd, spent: Usd) -> Usd {
        let left = limit.billionths().saturating_sub(spent.billionths());
        Usd::from_billionths(spent.billionths().saturating_add(left / self.nodes))
    }
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
        let killed = limits.killed;
        let mut ledger = Self { limits, killed, day, total: Usd::ZERO, callers: HashMap::new(), apart: None };
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
        let limits = self.limits_for(caller);
        let caller = caller.and_then(|caller| self.callers.get(caller)).copied().unwrap_or_default();
        if reached(limits.day.hard, self.total) || reached(limits.caller.hard, caller) {
            return Err(Refusal::Spent);
        }
        Ok(())
    }

    /// The limits that count for this node now.
    fn limits_for(&self, caller: Option<&str>) -> SpendLimits {
        let Some(apart) = &self.apart else { return self.limits };
        let then = caller.and_then(|caller| apart.callers.get(caller)).copied().unwrap_or_default();
        let share = |budget: Budget, then: Usd| Budget {
            soft: budget.soft.map(|limit| apart.share(limit, then)),
            hard: budget.hard.map(|limit| apart.share(limit, then)),
        };
        let SpendLimits { caller, day, killed } = self.limits;
        SpendLimits { caller: share(caller, then), day: share(day, apart.total), killed }
    }

    /// The other nodes' spending is unknown from now on, or known again. Repeating it changes
    /// nothing.
    pub(super) fn set_apart(&mut self, nodes: Option<usize>) {
        match nodes {
            None => self.apart = None,
            Some(nodes) if self.apart.is_none() => {
                let nodes = u64::try_from(nodes.max(1)).unwrap_or(u64::MAX);
                self.apart = Some(Apart { nodes, total: self.total, callers: self.callers.clone() });
            }
            Some(_) => {}
        }
    }

    /// All nodes have spent `total` on `day` by now, costs of this one included. Returns which calls
    /// a newly reached limit concerns.
    pub(super) fn all_spent(&mut self, total: Usd, day: i32) -> Reached {
        if day < self.day {
            return Reached::Nothing;
        }
        self.turn_to(day);
        let before = self.total;
        self.total = before.max(total);
        self.reached(None, (before, self.total), None)
    }

    /// The same of one caller.
    pub(super) fn caller_spent(&mut self, caller: &str, spent: Usd, day: i32) -> Reached {
        if day < self.day {
            return Reached::Nothing;
        }
        self.turn_to(day);
        let (before, _) = self.charge(caller, Usd::ZERO);
        let after = before.max(spent);
        self.callers.insert(caller.to_owned(), after);
        self.reached(Some(caller), (self.total, self.total), Some((before, after)))
    }

    /// Adds the cost of a call of `caller`. Returns which calls a newly reached limit concerns.
    pub(super) fn spent(&mut self, caller: Option<&str>, cost: Usd, day: i32) -> Reached {
        self.turn_to(day);
        let before = self.total;
        self.total += cost;
        let charged = caller.map(|caller| self.charge(caller, cost));
        self.reached(caller, (before, self.total), charged)
    }

    /// Which calls a limit concerns that lies between a total before and one after.
    fn reached(&self, caller: Option<&str>, day: (Usd, Usd), charged: Option<(Usd, Usd)>) -> Reached {
        let passed =
            |limit: Option<Usd>, (before, after): (Usd, Usd)| limit.is_some_and(|it| before < it && after >= it);
        let by_caller = |limit| charged.is_some_and(|charged| passed(limit, charged));
        let SpendLimits { caller: of_caller, day: of_day, .. } = self.limits_for(caller);
        if passed(of_day.hard, day) {
            Reached::DayHard
        } else if by_caller(of_caller.hard) {
            Reached::CallerHard
        } else if passed(of_day.soft, day) {
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
            if let Some(apart) = &mut self.apart {
                apart.total = Usd::ZERO;
                apart.callers.clear();
            }
        }
    }
}

/// The most callers remembered per day: about ten megabytes.
const MOST_CALLERS: usize = 100_000;

#[cfg(test)]
mod tests;
