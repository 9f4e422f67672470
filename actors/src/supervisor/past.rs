//! Calls that ended within some hours: a late message about one must not start it again. Pure.
//!
//! A webhook's signature has no date, so a recorded webhook stays valid. A carrier never reuses a
//! call's id; an ended call is remembered by 16 bytes of it.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use crate::ids::CarrierCallId;

/// How a call ended for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// The carrier or we ended it: nothing more has to be said.
    Ended,
    /// Its stream ended, and nothing else shows that the caller is gone.
    Stopped,
    /// Its stream was lost, or never came.
    Lost,
}

/// The ended calls.
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
    /// Adds an ended call. `again`: the carrier may send it to us once more, because its operator
    /// has redirected it.
    pub(super) fn add(&mut self, call: &CarrierCallId, left: Left, again: bool, now: Instant) {
        self.forget(now);
        let key = key(call);
        let entry = Entry { left, again_until: again.then(|| now + REDIRECTED) };
        if self.calls.insert(key, entry).is_none() {
            self.order.push_back((key, now));
        }
    }

    /// The carrier itself reports that the call is over.
    pub(super) fn confirmed(&mut self, call: &CarrierCallId) {
        if let Some(entry) = self.calls.get_mut(&key(call)) {
            *entry = Entry { left: Left::Ended, again_until: None };
        }
    }

    /// How the call ended, if it is over.
    pub(super) fn left(&self, call: &CarrierCallId) -> Option<Left> {
        self.calls.get(&key(call)).map(|entry| entry.left)
    }

    /// Whether a webhook of this call must not start it. `in_progress` is the webhook's own word
    /// about the call.
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

/// A 16-byte hash of a call's id. Only the carrier chooses ids, so a collision is a negligible
/// accident.
fn key(call: &CarrierCallId) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, call.as_str()).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// How long an ended call is remembered. Shorter: a recorded webhook can start it again sooner.
/// Longer: more memory.
const MEMORY: Duration = Duration::from_secs(12 * 60 * 60);
/// The most calls remembered, about 5 MB. With more within [`MEMORY`], the newest are remembered.
const MOST: usize = 65_536;
/// How long after its stream's end a redirected call may return: the carrier asks for its document
/// at once.
const REDIRECTED: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
