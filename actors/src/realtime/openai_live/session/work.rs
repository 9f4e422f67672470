//! The work behind the voice: the tool calls of the server's own model, and delegations to us.
//! Pure.
//!
//! While a call of the server's model has no result, the caller's next request waits in silence. A
//! call without a result after [`GRACE`] is therefore answered with "started", and the result is
//! reported when it comes. All calls of a response are answered before the model is told to go on,
//! once, and not before the response has ended.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ids::ToolCallId;
use crate::realtime::openai_live::protocol::client::{FunctionOutput, clipped};

/// The work of one session.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// Calls of responses that were not told to go on.
    calls: Vec<Call>,
    /// The responses that run. The newest is the last.
    streaming: VecDeque<String>,
    /// Calls that were reported. Each is reported once.
    reported: VecDeque<String>,
    /// Calls that were answered with "started", or whose response failed: their results are
    /// reported.
    late: VecDeque<ToolCallId>,
    /// Delegations to us, oldest first.
    handed: VecDeque<Handed>,
    /// The results that the server may still refuse: the number of the event, and the call.
    sent: VecDeque<(u64, ToolCallId)>,
    /// What we have put into the input of the server's model: its bounds are for the whole session.
    items: usize,
    bytes: usize,
}

/// A call of the server's model.
#[derive(Debug)]
struct Call {
    id: ToolCallId,
    response: String,
    since: Instant,
    /// What it was answered with.
    output: Option<String>,
    /// Whether its response has completed.
    completed: bool,
}

/// A delegation to us.
#[derive(Debug)]
struct Handed {
    id: String,
    since: Instant,
    /// Since when our tool works on it. `None` while the caller's words are awaited.
    asked: Option<Instant>,
    /// Whether the model was told that the work has begun.
    started: bool,
}

/// How a result reaches the model.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// As the output of the call.
    Output(String),
    /// As a text of ours, because the call was already answered.
    Report,
    /// As a text for this delegation.
    Delegation(String),
    /// Not at all: nothing waits for it.
    Nowhere,
}

impl Work {
    /// A response of the server's model began.
    pub(super) fn began(&mut self, response: &str) {
        if self.streaming.len() >= MOST_STREAMING {
            self.streaming.pop_front();
        }
        self.streaming.push_back(response.to_owned());
    }

    /// The server's model calls a tool. Returns whether that is new.
    pub(super) fn called(&mut self, call: &str, now: Instant) -> bool {
        if !self.is_new(call) {
            return false;
        }
        let response = self.streaming.back().cloned().unwrap_or_default();
        let id = ToolCallId::new(call);
        self.calls.push(Call { id, response, since: now, output: None, completed: false });
        true
    }

    /// A response ended. Returns the results that were lost with it, because it did not complete.
    pub(super) fn ended(&mut self, response: &str, completed: bool) -> Vec<String> {
        let unnamed = response.is_empty();
        self.streaming.retain(|running| !(unnamed || running.is_empty() || running == response));
        let concerns = |call: &Call| unnamed || call.response.is_empty() || call.response == response;
        if completed {
            self.calls.iter_mut().filter(|call| concerns(call)).for_each(|call| call.completed = true);
            return Vec::new();
        }
        let (void, kept) = std::mem::take(&mut self.calls).into_iter().partition(|call| concerns(call));
        self.calls = kept;
        let void: Vec<Call> = void;
        void.into_iter()
            .filter_map(|call| {
                if call.output.is_none() {
                    self.report_later(call.id.clone());
                }
                call.output.filter(|output| output != STARTED)
            })
            .collect()
    }

    /// Chooses how the result of a call reaches the model.
    pub(super) fn answer(&mut self, call: &ToolCallId, output: &str) -> Way {
        if let Some(place) = self.handed.iter().position(|handed| handed.id == call.as_str()) {
            return self.handed.remove(place).map_or(Way::Nowhere, |handed| Way::Delegation(handed.id));
        }
        if self.calls.iter().any(|open| open.id == *call && open.output.is_none()) {
            return Way::Output(self.bounded(call, output));
        }
        match self.late.iter().position(|late| late == call) {
            Some(place) => {
                self.late.remove(place);
                Way::Report
            }
            None => Way::Nowhere,
        }
    }

    /// Records that `call` was answered with `output` by the event of this number.
    pub(super) fn answered(&mut self, call: &ToolCallId, output: &str, number: u64) {
        if self.sent.len() >= MOST_SENT {
            self.sent.pop_front();
        }
        self.sent.push_back((number, call.clone()));
        self.items += 1;
        self.bytes += size_of_item(call, output);
        if let Some(open) = self.calls.iter_mut().find(|open| open.id == *call) {
            open.output = Some(output.to_owned());
        }
        if output == STARTED {
            self.report_later(call.clone());
        }
    }

    /// The server has refused the result in the event of this number. Returns the call, which is
    /// open again; `None` if even the smallest result was refused.
    pub(super) fn refused(&mut self, number: u64) -> Option<ToolCallId> {
        let place = self.sent.iter().position(|(sent, _)| *sent == number)?;
        let (_, call) = self.sent.remove(place)?;
        let open = self.calls.iter_mut().find(|open| open.id == call)?;
        let smaller = open.output.as_deref() != Some(TINY);
        open.output = None;
        smaller.then_some(call)
    }

    /// The calls that have waited long enough for their results. They are answered with
    /// [`STARTED`].
    pub(super) fn overdue(&self, now: Instant) -> Vec<ToolCallId> {
        let due = |call: &&Call| call.output.is_none() && call.since + GRACE <= now;
        self.calls.iter().filter(due).map(|call| call.id.clone()).collect()
    }

    /// Whether the server's model can go on: returned once for each round of calls.
    pub(super) fn goes_on(&mut self) -> bool {
        let goes = !self.calls.is_empty()
            && self.streaming.is_empty()
            && self.calls.iter().all(|call| call.completed && call.output.is_some());
        if goes {
            self.calls.clear();
        }
        goes
    }

    /// The work was handed to us. Returns whether that is new.
    pub(super) fn handed(&mut self, id: &str, now: Instant) -> bool {
        let new = self.is_new(id);
        if new {
            self.handed.push_back(Handed { id: id.to_owned(), since: now, asked: None, started: false });
        }
        new
    }

    /// Begins the next delegation, and returns its id. `settled` is whether the caller's words are all known.
    pub(super) fn begin_next(&mut self, settled: bool, now: Instant) -> Option<String> {
        let ready = |handed: &&mut Handed| {
            let waited = now.saturating_duration_since(handed.since);
            handed.asked.is_none() && (settled && waited >= WORDS_AFTER || waited >= LONGEST_WORDS)
        };
        let handed = self.handed.iter_mut().find(ready)?;
        handed.asked = Some(now);
        Some(handed.id.clone())
    }

    /// Returns the delegations that take a while, once each: the model is told that their work has
    /// begun.
    pub(super) fn announce(&mut self, now: Instant) -> Vec<String> {
        let takes = |handed: &&mut Handed| !handed.started && handed.asked.is_some_and(|at| at + GRACE <= now);
        self.handed
            .iter_mut()
            .filter(takes)
            .map(|handed| {
                handed.started = true;
                handed.id.clone()
            })
            .collect()
    }

    /// Forgets a delegation that no tool works on.
    pub(super) fn forget(&mut self, id: &str) {
        self.handed.retain(|handed| handed.id != id);
    }

    /// Calls of an earlier session whose results are still to come.
    pub(super) fn inherit(&mut self, calls: Vec<ToolCallId>) {
        for call in calls {
            self.keys_in_words(call.as_str());
            self.report_later(call);
        }
    }

    /// When something is due.
    pub(super) fn due(&self) -> Option<Instant> {
        let calls = self.calls.iter().filter(|call| call.output.is_none()).map(|call| call.since + GRACE);
        let handed = self.handed.iter().filter_map(|handed| match handed.asked {
            None => Some(handed.since + LONGEST_WORDS),
            Some(at) => (!handed.started).then_some(at + GRACE),
        });
        calls.chain(handed).min()
    }

    /// Whether somebody works.
    pub(super) fn is_busy(&self) -> bool {
        !self.streaming.is_empty() || !self.calls.is_empty() || !self.handed.is_empty()
    }

    /// Whether the server's model works without having called a tool: its answer would be lost.
    pub(super) fn owes_an_answer(&self) -> bool {
        !self.streaming.is_empty() && self.calls.is_empty()
    }

    /// Whether results are still to come: each is reported when it comes.
    pub(super) const fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Whether the input of the server's model is nearly full. Another session has to continue.
    pub(super) const fn is_used_up(&self) -> bool {
        self.items >= MOST_ITEMS - SPARE_ITEMS || self.bytes >= MOST_BYTES - SPARE_BYTES
    }

    /// `output` cut to what the input of the server's model takes.
    fn bounded(&self, call: &ToolCallId, output: &str) -> String {
        let output = clipped(output, LONGEST_OUTPUT);
        let full = self.bytes + size_of_item(call, output) > MOST_BYTES - RESERVE_BYTES;
        if full { TINY.to_owned() } else { output.to_owned() }
    }

    fn is_new(&mut self, id: &str) -> bool {
        !id.is_empty() && !self.reported.iter().any(|reported| reported == id) && {
            self.keys_in_words(id);
            true
        }
    }

    fn keys_in_words(&mut self, id: &str) {
        if self.reported.len() >= MOST_TOLD {
            self.reported.pop_front();
        }
        self.reported.push_back(id.to_owned());
    }

    fn report_later(&mut self, call: ToolCallId) {
        if self.late.len() >= MOST_TOLD {
            self.late.pop_front();
        }
        self.late.push_back(call);
    }
}

/// The size of an item in the input of the server's model, in bytes of JSON.
fn size_of_item(call: &ToolCallId, output: &str) -> usize {
    serde_json::to_string(&FunctionOutput::new(call.as_str(), output)).map_or(output.len(), |json| json.len())
}

/// The answer to a call whose result is still to come.
pub(super) const STARTED: &str = r#"{"status":"started","note":"The result follows. Say only that you are on it."}"#;
/// The answer to a call if no other fits.
pub(super) const TINY: &str = r#"{"ok":true}"#;

/// How long a call waits for its result before it is answered with "started". Shorter: fast tools
/// are reported as slow ones. Longer: a silence that the caller hears.
const GRACE: Duration = Duration::from_millis(300);
/// The wait for the words behind a delegation: they come up to half a second after it.
const WORDS_AFTER: Duration = Duration::from_millis(600);
/// The longest wait for them. Delegations were seen 3.2 s ahead of the last words.
const LONGEST_WORDS: Duration = Duration::from_millis(3_500);
/// The longest result in bytes. Longer: a few of them fill the input of the server's model.
const LONGEST_OUTPUT: usize = 2_500;
/// The bounds of that input, for a whole session.
const MOST_ITEMS: usize = 128;
const MOST_BYTES: usize = 32_768;
/// What is left of the bounds when another session is sought.
const SPARE_ITEMS: usize = 8;
const SPARE_BYTES: usize = 4_096;
/// What is kept for tiny answers, so that no call stays open.
const RESERVE_BYTES: usize = 1_500;
/// The number of calls and delegations to remember.
const MOST_TOLD: usize = 256;
/// The number of results that the server may still refuse.
const MOST_SENT: usize = 16;
/// The number of responses that run at once. Usually it is one.
const MOST_STREAMING: usize = 8;

#[cfg(test)]
mod tests;
