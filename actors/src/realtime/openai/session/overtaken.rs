//! Responses made obsolete by a key press of the caller: a response that the server owes, or one
//! that we requested and that has not begun. The caller does not hear them.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Session, SessionAction};
use crate::ids::ResponseId;
use crate::realtime::openai::sequencer::SequencerEvent;

/// Responses that the caller must not hear.
#[derive(Debug, Default)]
pub(super) struct Overtaken {
    /// Whether the server's own next answer is obsolete.
    answer: bool,
    /// The obsolete responses that have begun, the newest last.
    responses: VecDeque<ResponseId>,
}

impl Overtaken {
    /// Whether `response` is obsolete and must not be heard.
    pub(super) fn holds(&self, response: &str) -> bool {
        self.responses.iter().any(|overtaken| overtaken.as_str() == response)
    }

    /// Records that the caller speaks. The server's next answer is then about the new speech.
    pub(super) fn caller_spoke(&mut self) {
        self.answer = false;
    }
}

impl Session {
    /// Drops all current, requested and owed speech.
    pub(super) fn overtake(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.overtaken.answer |= std::mem::take(&mut self.unanswered);
        self.listen_until = None;
        self.sequence(SequencerEvent::Overtaken, now, out);
    }

    /// Returns whether the response that begins is obsolete, and makes sure that an obsolete one is
    /// stopped.
    pub(super) fn begins_overtaken(
        &mut self,
        id: &ResponseId,
        request: Option<u64>,
        out: &mut Vec<SessionAction>,
    ) -> bool {
        let asked_to_stop = self.sequencer.stops(request);
        let owed = request.is_none() && self.overtaken.answer && !self.sequencer.may_be_asked_for();
        if !asked_to_stop && !owed {
            return false;
        }
        if !asked_to_stop {
            self.overtaken.answer = false;
            self.stop_response(Some(id), out);
        }
        if self.overtaken.responses.len() >= MOST_OVERTAKEN {
            self.overtaken.responses.pop_front();
        }
        self.overtaken.responses.push_back(id.clone());
        true
    }

    /// Handles the end of a response: the items of an obsolete one are removed from the
    /// conversation.
    pub(super) fn forget_overtaken(&mut self, response: &ResponseId, out: &mut Vec<SessionAction>) {
        if self.overtaken.holds(response.as_str()) {
            for item in self.items.of(response) {
                self.delete(&item, out);
            }
        }
    }
}

/// The number of obsolete responses to remember. Their late events must still be dropped.
const MOST_OVERTAKEN: usize = 4;
