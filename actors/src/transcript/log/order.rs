//! The order of items: by the item that each follows, and else by time. Pure; part of [`super`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use super::ConversationLog;
use super::entry::Entry;
use crate::ids::ItemId;

impl ConversationLog {
    /// All entries in order. Each chain of placings is walked from its head; the chains are merged
    /// by time.
    pub(super) fn ordered(&self) -> Vec<&Entry> {
        let mut by_time: Vec<&ItemId> = self.items.keys().collect();
        by_time.sort_by_key(|id| self.items[*id].at);

        let mut behind: BTreeMap<&ItemId, Vec<&ItemId>> = BTreeMap::new();
        let mut heads = Vec::new();
        for &id in &by_time {
            match self.items[id].previous.as_ref().filter(|previous| self.items.contains_key(*previous)) {
                Some(previous) => behind.entry(previous).or_default().push(id),
                None => heads.push(id),
            }
        }

        let mut seen = BTreeSet::new();
        // Entries that no head leads to form a circle. The walk of a circle starts at its earliest
        // entry.
        let chains: Vec<Vec<&Entry>> = heads
            .into_iter()
            .chain(by_time.iter().copied())
            .map(|head| self.chain(head, &behind, &mut seen))
            .filter(|chain| !chain.is_empty())
            .collect();
        merged(&chains)
    }

    fn chain<'a>(
        &'a self,
        head: &'a ItemId,
        behind: &BTreeMap<&'a ItemId, Vec<&'a ItemId>>,
        seen: &mut BTreeSet<&'a ItemId>,
    ) -> Vec<&'a Entry> {
        let mut chain = Vec::new();
        let mut next = vec![head];
        while let Some(id) = next.pop() {
            if seen.insert(id) {
                chain.push(&self.items[id]);
                next.extend(behind.get(id).into_iter().flatten().rev());
            }
        }
        chain
    }
}

fn merged<'a>(chains: &[Vec<&'a Entry>]) -> Vec<&'a Entry> {
    let mut out = Vec::new();
    let mut heads: BinaryHeap<Reverse<(Duration, usize, usize)>> =
        chains.iter().enumerate().map(|(chain, entries)| Reverse((entries[0].at, chain, 0))).collect();
    while let Some(Reverse((_, chain, place))) = heads.pop() {
        out.push(chains[chain][place]);
        if let Some(next) = chains[chain].get(place + 1) {
            heads.push(Reverse((next.at, chain, place + 1)));
        }
    }
    out
}
