//! What a key of the caller's overtakes: a response that the server owes, or has not begun yet although we asked for it. Nobody hears it.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Session, SessionAction};
use crate::ids::ResponseId;
use crate::realtime::openai::sequencer::SequencerEvent;

/// Responses that nobody is to hear.
#[derive(Debug, Default)]
pub(super) struct Overtaken {
    /// The server's own next answer is one.
    answer: bool,
    /// Those that have begun, the newest last.
    responses: VecDeque<ResponseId>,
}

impl Overtaken {
    /// Whether nobody is to hear `response`.
    pub(super) fn holds(&self, response: &str) -> bool {
        self.responses.iter().any(|overtaken| overtaken.as_str() == response)
    }

    /// The caller speaks: what the server owes from here on is the answer to that.
    pub(super) fn caller_spoke(&mut self) {
        self.answer = false;
    }
}

impl Session {
    /// What is being said, wished for or owed is not wanted any more.
    pub(super) fn overtake(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.overtaken.answer |= std::mem::take(&mut self.unanswered);
        self.listen_until = None;
        self.sequence(SequencerEvent::Overtaken, now, out);
    }

    /// Whether the response that begins was overtaken before it did. It is stopped.
    pub(super) fn begins_overtaken(
        &mut self,
        id: &ResponseId,
        request: Option<u64>,
        out: &mut Vec<SessionAction>,
    ) -> bool {
        let told_to_stop = self.sequencer.stops(request);
        let owed = request.is_none() && self.overtaken.answer && !self.sequencer.may_be_asked_for();
        if !told_to_stop && !owed {
            return false;
        }
        if !told_to_stop {
            self.overtaken.answer = false;
            self.stop_response(Some(id), out);
        }
        if self.overtaken.responses.len() >= MOST_OVERTAKEN {
            self.overtaken.responses.pop_front();
        }
        self.overtaken.responses.push_back(id.clone());
        true
    }

    /// A response has ended: what came of one that nobody heard is taken out of the conversation.
    pub(super) fn forget_overtaken(&mut self, response: &ResponseId, out: &mut Vec<SessionAction>) {
        if self.overtaken.holds(response.as_str()) {
            for item in self.items.of(response) {
                self.delete(&item, out);
            }
        }
    }
}

/// Responses that are remembered: what is late of them is still to be dropped.
const MOST_OVERTAKEN: usize = 4;
