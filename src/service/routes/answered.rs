//! Calls that an answer document has connected to a stream: who called whom, and whether they have had it.
//!
//! The carrier announces nothing on its stream but the call's id. What its request at the answer URL says of the caller is kept here
//! by that id, in memory and out of every URL.

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
    /// The oldest first.
    order: VecDeque<(String, Instant)>,
}

#[derive(Debug)]
struct Answered {
    numbers: Numbers,
    stage: Stage,
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its stream has not come yet.
    Expected,
    /// It has.
    Streams,
    /// It is over.
    Over,
}

/// Who called whom, as far as it was said.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers {
    /// The caller's number.
    pub(super) from: Option<Private<String>>,
    /// The dialled number.
    pub(super) to: Option<Private<String>>,
}

impl AnsweredCalls {
    /// The carrier asks what to do with a call; whether it is to be connected. `new` says that its request is that of a new call.
    pub(super) fn begins(&self, id: &str, new: bool, numbers: Numbers, now: Instant) -> bool {
        if id.is_empty() || id.len() > LONGEST_ID {
            return true;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget(now);
        match kept.calls.get_mut(id).map(|call| call.stage) {
            Some(Stage::Over) => false,
            Some(Stage::Expected) => true,
            // A request that is repeated while its stream is on changes nothing; any other one follows the stream.
            Some(Stage::Streams) => new,
            None => {
                kept.calls.insert(id.to_owned(), Answered { numbers, stage: Stage::Expected });
                kept.order.push_back((id.to_owned(), now));
                true
            }
        }
    }

    /// The call's stream is here: who called whom.
    pub(super) fn streams(&self, id: &str) -> Option<Numbers> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let call = kept.calls.get_mut(id)?;
        call.stage = Stage::Streams;
        Some(call.numbers.clone())
    }

    /// The call is over; its numbers are not kept any longer.
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

/// How long a call is known: longer than any lasts.
const MEMORY: Duration = Duration::from_secs(4 * 60 * 60);
/// Calls that are known; of more the newest are.
const MOST: usize = 16_384;
/// Characters of an id.
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
