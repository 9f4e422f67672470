//! Calls that are over, for some hours: whatever still comes of one begins no second. Pure.
//!
//! A webhook's signature has no date, so one that was kept is as good as new. A carrier names no call twice; a call that has
//! ended is known here by 16 bytes of its name.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::ids::CarrierCallId;

/// How a call left us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// The carrier or we ended it: there is nothing more to say.
    Ended,
    /// Its stream ended, and nothing else said that the caller is gone.
    Stopped,
    /// Its stream was lost, or never came.
    Lost,
}

/// The calls that are over.
#[derive(Debug, Default)]
pub(super) struct Past {
    calls: HashMap<u128, Entry>,
    /// The oldest first.
    order: VecDeque<(u128, Instant)>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    left: Left,
    /// Until when a call whose stream has ended may be sent to us again.
    again_until: Option<Instant>,
}

impl Past {
    /// A call is over. `again`: the carrier may send it to us once more, because its operator has redirected it.
    pub(super) fn add(&mut self, call: &CarrierCallId, left: Left, again: bool, now: Instant) {
        self.forget(now);
        let key = key(call);
        let entry = Entry { left, again_until: again.then(|| now + REDIRECTED) };
        if self.calls.insert(key, entry).is_none() {
            self.order.push_back((key, now));
        }
    }

    /// The carrier says itself that the call is over.
    pub(super) fn confirmed(&mut self, call: &CarrierCallId) {
        if let Some(entry) = self.calls.get_mut(&key(call)) {
            *entry = Entry { left: Left::Ended, again_until: None };
        }
    }

    /// How the call left us, if it is over.
    pub(super) fn left(&self, call: &CarrierCallId) -> Option<Left> {
        self.calls.get(&key(call)).map(|entry| entry.left)
    }

    /// Whether a webhook of this call begins nothing; `in_progress` is what it says of the call.
    pub(super) fn is_over(&self, call: &CarrierCallId, in_progress: bool, now: Instant) -> bool {
        let Some(entry) = self.calls.get(&key(call)) else { return false };
        !(in_progress && entry.again_until.is_some_and(|until| now < until))
    }

    fn forget(&mut self, now: Instant) {
        let old = |(_, at): &(u128, Instant)| now.saturating_duration_since(*at) >= MEMORY;
        while self.order.len() >= MOST || self.order.front().is_some_and(old) {
            let Some((key, _)) = self.order.pop_front() else { break };
            self.calls.remove(&key);
        }
    }
}

/// 16 bytes that stand for a name. Nobody but the carrier chooses names, so two that meet are an accident that does not happen.
fn key(call: &CarrierCallId) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, call.as_str()).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// How long a call that is over is known. Shorter: a webhook that was kept begins a call again sooner. Longer: more memory.
const MEMORY: Duration = Duration::from_secs(12 * 60 * 60);
/// Calls that are known, about 5 MB; a house that ends more within [`MEMORY`] knows the newest.
const MOST: usize = 65_536;
/// How long after its stream's end a redirected call may come again: the carrier asks for its document at once.
const REDIRECTED: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
