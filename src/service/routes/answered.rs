//! Calls that an answer document has connected to a stream: their numbers, and whether they had
//! their stream.
//!
//! The carrier's stream names only the call's id. The request at the answer URL also has the
//! numbers; they are kept here by that id, in memory and out of every URL.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use switchboard_actors::ids::Private;

/// The calls, by the carrier's id.
#[derive(Debug, Default)]
pub struct AnsweredCalls(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    calls: HashMap<String, Answered>,
    /// The ids, the oldest first.
    order: VecDeque<(String, Instant)>,
}

#[derive(Debug)]
struct Answered {
    numbers: Numbers,
    stage: Stage,
}

/// The progress of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The stream has not started yet.
    Expected,
    /// The stream has started.
    Streams,
    /// The call is over.
    Over,
}

/// The numbers of a call, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    /// The caller's number.
    pub(super) from: Option<Private<String>>,
    /// The dialled number.
    pub(super) to: Option<Private<String>>,
}

impl AnsweredCalls {
    /// Handles the carrier's request for a document, and returns whether to connect the call. `new`
    /// marks the request of a new call.
    pub(super) fn begins(&self, id: &str, new: bool, numbers: Numbers, now: Instant) -> bool {
        if id.is_empty() || id.len() > LONGEST_ID {
            return true;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(now);
        match kept.calls.get_mut(id).map(|call| call.stage) {
            Some(Stage::Over) => false,
            Some(Stage::Expected) => true,
            // A repeated request of a new call changes nothing while its stream is open. Any other
            // request follows the stream.
            Some(Stage::Streams) => new,
            None => {
                kept.calls.insert(id.to_owned(), Answered { numbers, stage: Stage::Expected });
                kept.order.push_back((id.to_owned(), now));
                true
            }
        }
    }

    /// Whether a document has connected the call.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).calls.contains_key(id)
    }

    /// Marks that the call's stream has started, and returns its numbers.
    pub(super) fn streams(&self, id: &str) -> Option<Numbers> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let call = kept.calls.get_mut(id)?;
        call.stage = Stage::Streams;
        Some(call.numbers.clone())
    }

    /// Marks that the call is over, and drops its numbers.
    pub(super) fn over(&self, id: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = kept.calls.get_mut(id) {
            *call = Answered { numbers: Numbers::default(), stage: Stage::Over };
        }
    }
}

impl Kept {
    fn forget(&mut self, now: Instant) {
        let old = |(_, at): &(String, Instant)| now.saturating_duration_since(*at) >= MEMORY;
        while self.order.len() >= MOST || self.order.front().is_some_and(old) {
            let Some((id, _)) = self.order.pop_front() else { break };
            self.calls.remove(&id);
        }
    }
}

/// How long a call is remembered: longer than any call lasts.
const MEMORY: Duration = Duration::from_secs(4 * 60 * 60);
/// Most calls that are remembered. Beyond it the oldest is forgotten.
const MOST: usize = 16_384;
/// Most characters of an id.
const LONGEST_ID: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_new_call_is_connected_and_keeps_its_numbers_until_it_is_over() {
        let (calls, now) = (AnsweredCalls::default(), switchboard_actors::clock::now());
        let numbers = || Numbers { from: Some(Private::new("1".to_owned())), to: None };
        assert!(calls.begins("1", true, numbers(), now) && calls.begins("1", true, numbers(), now), "repeated");
        let from = |calls: &AnsweredCalls| calls.streams("1").and_then(|it| it.from).map(|it| it.expose().clone());
        assert_eq!(from(&calls), Some("1".to_owned()));
        assert!(calls.begins("1", true, numbers(), now) && !calls.begins("1", false, numbers(), now));
        calls.over("1");
        assert!(!calls.begins("1", true, numbers(), now) && from(&calls).is_none());
        assert!(calls.begins("1", true, numbers(), now + MEMORY), "long forgotten");
    }
}
