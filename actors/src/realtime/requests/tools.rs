//! Function calls that wait for their results, grouped by response. Several results of one response
//! lead to one response request, and only after that response has ended.

use std::collections::VecDeque;
use std::time::Instant;

use super::PATIENCE;
use crate::ids::{ResponseId, ToolCallId};

/// The open function calls.
#[derive(Debug, Default)]
pub(super) struct ToolCalls {
    batches: VecDeque<Batch>,
}

/// The calls of one response.
#[derive(Debug)]
struct Batch {
    response: ResponseId,
    /// Calls without a result.
    open: Vec<ToolCallId>,
    /// Calls with a result that the model has not spoken about: those whose result the server has
    /// not placed yet.
    unplaced: Vec<ToolCallId>,
    /// The time since which results wait here.
    answered: Option<Instant>,
    /// Whether any of the waiting results needs a response.
    speak: bool,
    /// Whether the response has ended: no more calls will come.
    done: bool,
    /// Whether the wait for the other calls is over.
    hasty: bool,
}

impl ToolCalls {
    pub(super) fn called(&mut self, response: ResponseId, call: ToolCallId) {
        if let Some(batch) = self.batches.iter_mut().find(|batch| batch.response == response) {
            if !batch.open.contains(&call) {
                batch.open.push(call);
            }
            return;
        }
        if self.batches.len() >= MOST_BATCHES {
            self.batches.pop_front();
        }
        self.batches.push_back(Batch {
            response,
            open: vec![call],
            unplaced: Vec::new(),
            answered: None,
            speak: false,
            done: false,
            hasty: false,
        });
    }

    pub(super) fn awaits(&self, call: &ToolCallId) -> bool {
        self.batches.iter().any(|batch| batch.open.contains(call))
    }

    /// Whether results that need a response wait for the end of the response that called them.
    pub(super) fn owe_an_answer(&self) -> bool {
        self.batches.iter().any(|batch| batch.speak)
    }

    /// Whether `response` has called a tool.
    pub(super) fn called_in(&self, response: &ResponseId) -> bool {
        self.batches.iter().any(|batch| batch.response == *response)
    }

    pub(super) fn answered(&mut self, call: &ToolCallId, speak: bool, now: Instant) {
        let Some(batch) = self.batches.iter_mut().find(|batch| batch.open.contains(call)) else { return };
        batch.open.retain(|open| open != call);
        batch.unplaced.push(call.clone());
        batch.answered.get_or_insert(now);
        batch.speak |= speak;
    }

    pub(super) fn output_placed(&mut self, call: &ToolCallId) {
        for batch in &mut self.batches {
            batch.unplaced.retain(|unplaced| unplaced != call);
        }
    }

    pub(super) fn response_done(&mut self, response: &ResponseId) {
        if let Some(batch) = self.batches.iter_mut().find(|batch| batch.response == *response) {
            batch.done = true;
        }
    }

    pub(super) fn give_up_on_siblings(&mut self, now: Instant) {
        for batch in &mut self.batches {
            batch.hasty |= batch.answered.is_some_and(|since| since + PATIENCE <= now);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.batches
            .iter()
            .filter(|batch| !batch.ready())
            .filter_map(|batch| batch.answered)
            .min()
            .map(|at| at + PATIENCE)
    }

    /// The results that need a response now.
    pub(super) fn take_ready(&mut self) -> Option<Vec<ToolCallId>> {
        let mut spoken = None;
        for batch in &mut self.batches {
            if !batch.ready() {
                continue;
            }
            let calls = std::mem::take(&mut batch.unplaced);
            (batch.answered, batch.hasty) = (None, false);
            if std::mem::take(&mut batch.speak) {
                spoken = Some(calls);
                break;
            }
        }
        self.batches.retain(|batch| !(batch.done && batch.open.is_empty() && batch.answered.is_none()));
        spoken
    }
}

impl Batch {
    fn ready(&self) -> bool {
        self.answered.is_some() && (self.hasty || self.done && self.open.is_empty())
    }
}

/// The number of responses with open calls that are remembered. A tool that never answers leaves
/// one behind.
const MOST_BATCHES: usize = 64;
