//! Keeps recently ended calls in memory, as their records show them, so that a call can be looked
//! up right after its end.
//!
//! The bounds are the newest 200 calls and 32 MiB. A call is entered when it begins. A call that
//! has ended and waits for its last words is therefore not reported as unknown.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::erasure::Erasures;
use crate::ids::{CallId, CallTag, CarrierCallId};

/// A handle to the recent calls. Its lock is taken when a call begins, when a call ends and when an
/// operator asks, never while audio waits.
#[derive(Debug, Clone)]
pub struct RecentCalls {
    calls: Arc<Mutex<Recent>>,
    erasures: Erasures,
}

/// The state of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remembered {
    /// The call has ended; holds the JSON of its transcript file.
    Ended(Arc<[u8]>),
    /// The call is live, or waits for its last words.
    Open,
}

impl RecentCalls {
    pub(super) fn new(records: &Path) -> Self {
        Self { calls: Arc::default(), erasures: Erasures::of(records) }
    }

    /// Looks a call up by our id or the carrier's. Returns `None` if the call is unknown or erased.
    /// Checks the disk for the mark of an erasure.
    pub fn find(&self, id: &str) -> Option<Remembered> {
        let (call, found) = self.locked().find(id)?;
        if self.erasures.has(&call.to_string()) {
            self.locked().forget(call);
            return None;
        }
        Some(found)
    }

    pub(super) fn opened(&self, call: CallId, carrier_call: &CarrierCallId) {
        self.locked().opened(call, carrier_call);
    }

    pub(super) fn ended(&self, call: &CallTag, record: Vec<u8>) {
        self.locked().ended(call.id(), record.into());
    }

    fn locked(&self) -> MutexGuard<'_, Recent> {
        // A panic leaves no half-changed entry: each entry changes in one step.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Recent {
    /// Newest last.
    calls: VecDeque<Call>,
    bytes: usize,
}

#[derive(Debug)]
struct Call {
    id: CallId,
    carrier_call: CarrierCallId,
    record: Option<Arc<[u8]>>,
}

impl Recent {
    fn opened(&mut self, id: CallId, carrier_call: &CarrierCallId) {
        if self.calls.iter().all(|call| call.id != id) {
            self.calls.push_back(Call { id, carrier_call: carrier_call.clone(), record: None });
        }
    }

    fn ended(&mut self, id: CallId, record: Arc<[u8]>) {
        let Some(at) = self.calls.iter().position(|call| call.id == id) else { return };
        let Some(mut call) = self.calls.remove(at) else { return };
        self.bytes -= call.record.take().map_or(0, |old| old.len());
        self.bytes += record.len();
        call.record = Some(record);
        self.calls.push_back(call);
        while self.bytes > MOST_BYTES || self.calls.iter().filter(|call| call.record.is_some()).count() > MOST_CALLS {
            let Some(oldest) = self.calls.iter().position(|call| call.record.is_some()) else { return };
            self.remove(oldest);
        }
    }

    fn find(&self, id: &str) -> Option<(CallId, Remembered)> {
        let ours = CallId::parse(id);
        let same = |call: &&Call| Some(call.id) == ours || call.carrier_call.as_str() == id;
        let call = self.calls.iter().rev().find(same)?;
        Some((call.id, call.record.clone().map_or(Remembered::Open, Remembered::Ended)))
    }

    fn forget(&mut self, id: CallId) {
        if let Some(at) = self.calls.iter().position(|call| call.id == id) {
            self.remove(at);
        }
    }

    fn remove(&mut self, at: usize) {
        let gone = self.calls.remove(at).and_then(|call| call.record);
        self.bytes -= gone.map_or(0, |record| record.len());
    }
}

/// The most ended calls kept: a busy hour of a small service. Older calls are in their records.
const MOST_CALLS: usize = 200;
/// The most bytes of records kept. The record of an hour's call takes some hundred KiB.
const MOST_BYTES: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests;
