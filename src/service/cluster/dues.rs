//! Spending that the other nodes do not know yet. Pure.
//!
//! Each cost is added to the cluster's total once, also when an answer of Redis is lost: a batch
//! keeps its number until it is confirmed. What Redis had confirmed is the least that it may say
//! later; a Redis that comes back without its last writes is told again.

use std::collections::HashMap;

use switchboard_actors::money::Usd;

/// The field of all calls.
const ALL: &str = "*";

/// What this node owes, for one day.
#[derive(Debug, Default)]
pub(super) struct Dues {
    day: i32,
    fields: HashMap<String, Field>,
    /// The number of the batch that is on its way, or was last.
    number: u64,
    /// The batch that is not confirmed yet.
    sent: Option<Batch>,
}

/// One total.
#[derive(Debug, Default, Clone, Copy)]
struct Field {
    /// The total that Redis said last, in billionths of a dollar.
    known: u64,
    /// What it does not include yet.
    owed: u64,
}

/// Costs on their way to Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Batch {
    /// The UTC day.
    pub(super) day: i32,
    /// Its number; a number is counted once.
    pub(super) number: u64,
    /// The fields.
    pub(super) dues: Vec<Due>,
}

/// What is added to one total.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    /// The field.
    pub(super) field: String,
    /// The least that the total is before the addition.
    pub(super) floor: u64,
    /// What is added.
    pub(super) add: u64,
}

/// A total that Redis has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Total {
    /// The caller's hash; `None` for all calls.
    pub(super) caller: Option<String>,
    /// The spending of all nodes, with what this node still owes.
    pub(super) spent: Usd,
}

impl Dues {
    /// A cost of a call of `caller` on this node.
    pub(super) fn owe(&mut self, day: i32, caller: Option<&str>, cost: Usd) {
        if day > self.day {
            // What is left of yesterday no longer matters to any limit.
            *self = Self { day, number: self.number, ..Self::default() };
        }
        self.fields.entry(ALL.to_owned()).or_default().owed += cost.billionths();
        if let Some(caller) = caller {
            self.fields.entry(field_of(caller)).or_default().owed += cost.billionths();
        }
    }

    /// The next batch, or the one that was not confirmed; `None` if nothing is owed.
    pub(super) fn batch(&mut self) -> Option<Batch> {
        if self.sent.is_none() {
            let owed = self.fields.iter().filter(|(_, field)| field.owed > 0);
            let dues: Vec<Due> =
                owed.map(|(name, field)| Due { field: name.clone(), floor: field.known, add: field.owed }).collect();
            if !dues.is_empty() {
                self.number += 1;
                self.sent = Some(Batch { day: self.day, number: self.number, dues });
            }
        }
        self.sent.clone()
    }

    /// Redis has confirmed the batch with these totals, in its order. Returns what all have spent.
    pub(super) fn paid(&mut self, batch: &Batch, totals: &[u64]) -> Vec<Total> {
        if self.sent.as_ref().is_some_and(|sent| sent.number == batch.number) {
            self.sent = None;
        }
        if batch.day != self.day {
            return Vec::new();
        }
        let mut told = Vec::new();
        for (due, total) in batch.dues.iter().zip(totals) {
            let field = self.fields.entry(due.field.clone()).or_default();
            field.owed = field.owed.saturating_sub(due.add);
            field.known = field.known.max(*total);
            let spent = Usd::from_billionths(field.known + field.owed);
            told.push(Total { caller: due.field.strip_prefix(CALLER).map(str::to_owned), spent });
        }
        if self.fields.len() > MOST_FIELDS {
            self.fields.retain(|name, field| name == ALL || field.owed > 0);
        }
        told
    }

    /// Redis says a total of this day.
    pub(super) fn learn(&mut self, day: i32, caller: Option<&str>, total: u64) -> Option<Usd> {
        if day < self.day {
            return None;
        }
        if day > self.day {
            *self = Self { day, number: self.number, ..Self::default() };
        }
        let field = self.fields.entry(caller.map_or_else(|| ALL.to_owned(), field_of)).or_default();
        field.known = field.known.max(total);
        Some(Usd::from_billionths(field.known + field.owed))
    }
}

/// The field of a caller.
pub(super) fn field_of(caller: &str) -> String {
    format!("{CALLER}{caller}")
}

/// What a caller's field begins with.
const CALLER: &str = "c:";
/// Most totals that are remembered. Those of callers without a cost that is owed are forgotten first.
const MOST_FIELDS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(cents: u64) -> Usd {
        Usd::from_billionths(cents * 10_000_000)
    }

    fn sorted(batch: &Batch) -> Vec<(&str, u64, u64)> {
        let mut dues: Vec<_> =
            batch.dues.iter().map(|due| (due.field.as_str(), due.floor / 10_000_000, due.add / 10_000_000)).collect();
        dues.sort_unstable();
        dues
    }

    /// Confirms a batch; each total is `plus` cents above what the node itself knows.
    fn confirm(dues: &mut Dues, batch: &Batch, plus: u64) -> Vec<(Option<String>, Usd)> {
        let totals: Vec<u64> = batch.dues.iter().map(|due| due.floor + due.add + plus * 10_000_000).collect();
        let mut told: Vec<_> = dues.paid(batch, &totals).into_iter().map(|total| (total.caller, total.spent)).collect();
        told.sort();
        told
    }

    #[test]
    fn the_total_that_comes_back_counts_with_what_is_owed_since() {
        let mut dues = Dues::default();
        assert_eq!(dues.batch(), None);
        dues.owe(1, Some("x"), usd(2));
        let batch = dues.batch().expect("a cost");
        assert_eq!(sorted(&batch), [("*", 0, 2), ("c:x", 0, 2)]);
        dues.owe(1, None, usd(5));
        let told = confirm(&mut dues, &batch, 10);
        assert_eq!(told, [(None, usd(17)), (Some("x".to_owned()), usd(12))]);
        assert_eq!(sorted(&dues.batch().expect("the rest")), [("*", 12, 5)]);
    }

    #[test]
    fn an_unconfirmed_batch_is_the_same_one_again_and_nothing_is_lost() {
        let mut dues = Dues::default();
        dues.owe(1, None, usd(2));
        let first = dues.batch().expect("a cost");
        dues.owe(1, None, usd(3));
        assert_eq!(dues.batch(), Some(first.clone()), "its answer was lost");
        confirm(&mut dues, &first, 0);
        let second = dues.batch().expect("the rest");
        assert_eq!((second.number, sorted(&second)), (first.number + 1, vec![("*", 2, 3)]));
        confirm(&mut dues, &second, 0);
        assert_eq!(dues.batch(), None);
    }

    #[test]
    fn a_new_day_begins_at_nothing() {
        let mut dues = Dues::default();
        dues.owe(1, Some("x"), usd(2));
        assert_eq!(dues.learn(2, None, 7), Some(Usd::from_billionths(7)));
        assert_eq!((dues.batch(), dues.learn(1, None, 9)), (None, None));
        dues.owe(2, None, usd(1));
        assert_eq!(sorted(&dues.batch().expect("a cost")), [("*", 0, 1)]);
    }
}
