//! The queue of response requests that every provider's session keeps, whatever its protocol. Pure;
//! it knows no provider.
//!
//! Responses run one at a time. A request waits until the session takes it ([`Requests::next`]),
//! which happens when no response runs. A request that fails is put back, tried again, given up, or
//! left to the session that replaces this one ([`Unspoken`]). Tool results become one request for
//! each response that called the tools. Several waiting answers to the caller become one.
//!
//! A request ends in exactly one way: its response ran, another response covered it, it was
//! cancelled, or it is reported as not spoken.

mod tools;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::tools::ToolCalls;
use super::messages::{ResponsePurpose, ResponseRequest};
use crate::ids::{ResponseId, ToolCallId};

/// The requests of one session.
#[derive(Debug, Default)]
pub struct Requests {
    /// Waiting requests, in the order in which they are spoken.
    waiting: VecDeque<Pending>,
    tools: ToolCalls,
    /// Requests that this session does not fulfil. They are kept for the session that replaces it.
    muted: Vec<Pending>,
    /// The number of consecutive requests that were refused because of their own content.
    refused: u32,
    last_number: u64,
}

/// A request, from the moment it was made until it ends.
#[derive(Debug)]
pub struct Pending {
    /// Its number within the session. It stays the same when the request is tried again.
    pub number: u64,
    /// Its purpose; `None` repeats the server's own answer.
    pub purpose: Option<ResponsePurpose>,
    /// Extra instructions for this response alone.
    pub instructions: Option<String>,
    failures: u32,
    silences: u32,
    not_before: Option<Instant>,
    cover: Cover,
}

/// Whether a response that the server begins by itself makes a request superfluous.
#[derive(Debug)]
enum Cover {
    /// Never: the request has its own words.
    Never,
    /// Once all these tool results are in the conversation.
    Outputs(Vec<ToolCallId>),
    /// Always: the request repeats the server's own answer.
    Always,
}

/// Why a response failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The server's code.
    pub code: String,
    /// The remedy for the failure.
    pub remedy: Remedy,
}

/// The remedy for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// A rate limit: wait as long as the server says, if it gives a time.
    Wait(Option<Duration>),
    /// A fault of the server: try once more, then use another session.
    TryOnce,
    /// The response ended without audible content: ask again, twice at most. After that the session
    /// counts as mute.
    AskAgain,
    /// Another try at this session would fail in the same way. Another session may succeed.
    Replace,
    /// The request would fail again. If the session refuses other requests too, another session is
    /// tried.
    GiveUp,
}

/// A request that is not spoken by this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unspoken {
    /// The request is given up.
    GivenUp {
        /// Its number.
        request: u64,
        /// Its purpose; `None` is the server's own answer to the caller.
        purpose: Option<ResponsePurpose>,
        /// The server's code, or ours.
        reason: String,
    },
    /// This session does not speak although it was asked repeatedly. The request is kept for the
    /// session that replaces it.
    Muted {
        /// Its number.
        request: u64,
        /// Its purpose; `None` is the server's own answer to the caller.
        purpose: Option<ResponsePurpose>,
        /// The server's code, or ours.
        reason: String,
    },
}

/// What remains unfinished if the session ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// Requests whose response did not begin, in order.
    pub requests: Vec<ResponseRequest>,
    /// Whether an answer is due that no request names.
    pub answer: bool,
}

impl Pending {
    fn new(number: u64, purpose: Option<ResponsePurpose>, instructions: Option<String>, cover: Cover) -> Self {
        Self { number, purpose, instructions, failures: 0, silences: 0, not_before: None, cover }
    }

    /// The earliest time for the next try; `None` means at any time.
    pub const fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// Whether a response that the server begins by itself makes the request superfluous.
    pub const fn is_covered(&self) -> bool {
        match &self.cover {
            Cover::Never => false,
            Cover::Outputs(unplaced) => unplaced.is_empty(),
            Cover::Always => true,
        }
    }

    /// Marks the request as covered by the server's own answer: it need not be sent again.
    pub fn cover(&mut self) {
        self.cover = Cover::Always;
    }

    /// Whether the request repeats the server's own answer or is covered by it.
    pub const fn repeats_an_answer(&self) -> bool {
        matches!(self.cover, Cover::Always)
    }

    /// Records that the server has put the result of `call` into the conversation.
    pub fn output_placed(&mut self, call: &ToolCallId) {
        if let Cover::Outputs(unplaced) = &mut self.cover {
            unplaced.retain(|waiting| waiting != call);
        }
    }

    /// The request as it was ordered; `None` for an answer of the server's own.
    pub fn ordered(&self) -> Option<ResponseRequest> {
        Some(ResponseRequest { purpose: self.purpose?, instructions: self.instructions.clone() })
    }

    fn given_up(&self, reason: String) -> Unspoken {
        Unspoken::GivenUp { request: self.number, purpose: self.purpose, reason }
    }
}

impl Requests {
    /// Queues a request of the call. Returns it as given up if the queue is full.
    pub fn ask(&mut self, request: ResponseRequest) -> Option<Unspoken> {
        let pending = Pending::new(self.next_number(), Some(request.purpose), request.instructions, Cover::Never);
        if self.waiting.len() >= MOST_REQUESTS {
            return Some(pending.given_up("too_many_wishes".to_owned()));
        }
        self.waiting.push_back(pending);
        None
    }

    /// Records that the model called a tool.
    pub fn tool_called(&mut self, response: ResponseId, call: ToolCallId) {
        self.tools.called(response, call);
    }

    /// Records that a tool's result was sent; `speak` asks for a response to it.
    pub fn tool_answered(&mut self, call: &ToolCallId, speak: bool, now: Instant) {
        self.tools.answered(call, speak, now);
    }

    /// Records that the server has put a tool's result into the conversation. Responses that begin
    /// from now on know it.
    pub fn output_placed(&mut self, call: &ToolCallId) {
        self.tools.output_placed(call);
        self.waiting.iter_mut().for_each(|request| request.output_placed(call));
    }

    /// Records that a response has ended: no more tool calls will come in it.
    pub fn response_done(&mut self, response: &ResponseId) {
        self.tools.response_done(response);
    }

    /// Drops the answers to the caller's last turn: the caller spoke on, or the turn was noise.
    pub fn turn_overtaken(&mut self) {
        self.waiting.retain(|request| !request.repeats_an_answer());
        self.muted.retain(|request| !request.repeats_an_answer());
    }

    /// Drops every request so far.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.muted.clear();
    }

    /// The server answers by itself: requests for the same answer are fulfilled.
    pub fn cover(&mut self) {
        self.waiting.retain(|request| !request.is_covered());
    }

    /// Takes the next request if it may be tried now. The session calls this when no response runs.
    pub fn next(&mut self, now: Instant) -> Option<Pending> {
        let due = self.waiting.front()?.not_before.is_none_or(|at| at <= now);
        if due { self.pop() } else { None }
    }

    /// Takes the next request, whatever its earliest time is.
    pub fn pop(&mut self) -> Option<Pending> {
        let mut request = self.waiting.pop_front()?;
        request.not_before = None;
        Some(request)
    }

    /// Puts a request back to the front because it failed through no fault of its own.
    pub fn put_back(&mut self, request: Pending) {
        self.waiting.push_front(request);
    }

    /// Removes the request with this number, if it waits.
    pub fn take(&mut self, number: u64) -> Option<Pending> {
        let place = self.waiting.iter().position(|request| request.number == number)?;
        self.waiting.remove(place)
    }

    /// A response ran, or it failed and its request is tried again or not spoken. Without a
    /// `request` it was the server's own answer, which is owed to the caller all the same.
    pub fn ended(&mut self, request: Option<Pending>, failure: Option<Failure>, now: Instant) -> Option<Unspoken> {
        let Some(failure) = failure else {
            // The session speaks: earlier requests that it did not fulfil are no longer wanted.
            self.muted.clear();
            self.refused = 0;
            return None;
        };
        let mut request = request.unwrap_or_else(|| Pending::new(self.next_number(), None, None, Cover::Always));
        request.failures += 1;
        let wait = match failure.remedy {
            Remedy::Wait(advertised) if request.failures <= MOST_RETRIES => {
                let doubled = FIRST_WAIT * 2u32.saturating_pow(request.failures - 1);
                Some(advertised.unwrap_or(doubled).min(LONGEST_WAIT))
            }
            Remedy::TryOnce if request.failures == 1 => Some(SHORT_WAIT),
            Remedy::AskAgain if request.failures == 1 => Some(Duration::ZERO),
            Remedy::AskAgain if request.failures <= MOST_ASKED_AGAIN => Some(ASKED_AGAIN_AFTER),
            Remedy::AskAgain | Remedy::TryOnce | Remedy::Replace => return Some(self.mute(request, failure.code)),
            Remedy::Wait(_) | Remedy::GiveUp => None,
        };
        if failure.remedy == Remedy::GiveUp {
            self.refused += 1;
            if self.refused > MOST_REFUSED {
                return Some(self.mute(request, failure.code));
            }
        }
        let Some(wait) = wait else { return Some(request.given_up(failure.code)) };
        request.not_before = (!wait.is_zero()).then(|| now + wait);
        self.put_back(request);
        None
    }

    /// The session did not answer the request within [`PATIENCE`].
    pub fn unanswered(&mut self, mut request: Pending) -> Option<Unspoken> {
        request.silences += 1;
        if request.silences < MOST_SILENCES {
            self.put_back(request);
            None
        } else {
            Some(self.mute(request, "no_answer".to_owned()))
        }
    }

    /// Leaves `request` to another session.
    fn mute(&mut self, request: Pending, reason: String) -> Unspoken {
        let unspoken = Unspoken::Muted { request: request.number, purpose: request.purpose, reason };
        if self.muted.len() < MOST_REQUESTS {
            self.muted.push(request);
        }
        unspoken
    }

    /// Turns complete tool results into requests and joins waiting answers into one. Called after
    /// every event.
    pub fn settle(&mut self) {
        while let Some(calls) = self.tools.take_ready() {
            self.tools_ready(calls);
        }
        self.join_answers();
    }

    /// Tool results that need a response: one request covers all that wait.
    fn tools_ready(&mut self, calls: Vec<ToolCallId>) {
        let waiting = self.waiting.iter_mut().find_map(|request| match &mut request.cover {
            Cover::Outputs(unplaced) => Some(unplaced),
            Cover::Never | Cover::Always => None,
        });
        if let Some(unplaced) = waiting {
            unplaced.extend(calls);
            return;
        }
        let number = self.next_number();
        self.waiting.push_back(Pending::new(number, Some(ResponsePurpose::ToolResult), None, Cover::Outputs(calls)));
    }

    /// Keeps only the last waiting answer to the caller. It covers everything that the caller has
    /// said since.
    fn join_answers(&mut self) {
        let is_answer = |request: &Pending| request.purpose == Some(ResponsePurpose::Answer);
        let mut joined = self.waiting.iter().filter(|request| is_answer(request)).count().saturating_sub(1);
        self.waiting.retain(|request| {
            let joins = joined > 0 && is_answer(request);
            joined -= usize::from(joins);
            !joins
        });
    }

    /// The deadline for the other tools of a response, once some of its tools have answered.
    pub fn siblings_due(&self) -> Option<Instant> {
        self.tools.deadline()
    }

    /// Stops waiting for the other tools.
    pub fn give_up_on_siblings(&mut self, now: Instant) {
        self.tools.give_up_on_siblings(now);
    }

    /// The first waiting request.
    pub fn front(&self) -> Option<&Pending> {
        self.waiting.front()
    }

    /// All waiting requests, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.waiting.iter()
    }

    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The number of the newest request.
    pub const fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Whether the model still waits for the result of `call`.
    pub fn awaits(&self, call: &ToolCallId) -> bool {
        self.tools.awaits(call)
    }

    /// Whether `response` has called a tool.
    pub fn called_in(&self, response: &ResponseId) -> bool {
        self.tools.called_in(response)
    }

    /// What remains unfinished if the session ends now. `asked` is the request that was sent to the
    /// server and has not begun.
    pub fn left(&self, asked: Option<&Pending>) -> Left {
        let left = || self.muted.iter().chain(asked).chain(&self.waiting);
        Left {
            requests: left().filter_map(Pending::ordered).collect(),
            // A request without a purpose is the server's own answer that failed.
            answer: self.tools.owe_an_answer() || left().any(|request| request.purpose.is_none()),
        }
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

/// How long a server may owe an answer. Shorter: a slow server is asked twice. Longer: the caller
/// hears three seconds of silence and speaks again.
pub const PATIENCE: Duration = Duration::from_millis(2_500);
/// The number of tries after a rate limit. Fewer: a short peak costs the answer. More: the caller
/// has hung up by then.
const MOST_RETRIES: u32 = 3;
/// The number of consecutive refusals that count as the request's own fault. After that the session
/// counts as mute.
const MOST_REFUSED: u32 = 1;
/// How often a response without audible content is requested again. The first time is immediate, so
/// that the caller does not notice.
const MOST_ASKED_AGAIN: u32 = 2;
/// The wait before the second repetition: by then transcription may show that the turn was noise.
/// Longer: the caller hears a pause.
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(900);
/// The number of unanswered requests before the session counts as mute.
const MOST_SILENCES: u32 = 3;
/// The first wait after a rate limit without a time; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(1_500);
/// The longest wait after a rate limit, whatever the server advises: a caller does not wait longer
/// in silence.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The wait after a fault of the server.
const SHORT_WAIT: Duration = Duration::from_millis(500);
/// The number of requests that may wait. A call has one or two; more is a loop somewhere, and it is
/// reported.
pub(super) const MOST_REQUESTS: usize = 16;
