//! What the model is to say, and what becomes of it: the queue of requests that every provider's
//! session keeps, whatever its protocol. Pure; knows no provider.
//!
//! One response at a time: a request waits until the session takes it ([`Requests::next`]), which it does
//! when nothing runs. What came to nothing comes back, is tried again, given up, or left to the session
//! that takes this one's place ([`Unspoken`]). Results of tools become one request for each response that
//! called them. Answers to the caller that wait are one answer.
//!
//! A request ends in exactly one way: its response ran, another response covered it, it was cancelled, or
//! it is reported as not spoken.

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
    /// In the order in which they are spoken.
    waiting: VecDeque<Pending>,
    tools: ToolCalls,
    /// Requests that this session does not fulfil; kept for the one that takes its place.
    muted: Vec<Pending>,
    /// Requests in a row that were refused for what is wrong with them.
    refused: u32,
    last_number: u64,
}

/// A request, from the moment it was made until it ends.
#[derive(Debug)]
pub struct Pending {
    /// Its number within the session; stays the same when it is tried again.
    pub number: u64,
    /// What it is for; `None` repeats the server's own answer.
    pub purpose: Option<ResponsePurpose>,
    /// Extra instructions for this response alone.
    pub instructions: Option<String>,
    failures: u32,
    silences: u32,
    not_before: Option<Instant>,
    cover: Cover,
}

/// Whether a response of the server's own makes a request superfluous.
#[derive(Debug)]
enum Cover {
    /// Never: it has its own words to say.
    Never,
    /// Once all these results are in the conversation.
    Outputs(Vec<ToolCallId>),
    /// Always: it repeats the server's own answer.
    Always,
}

/// Why a response could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The server's code.
    pub code: String,
    /// What to do about it.
    pub remedy: Remedy,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// A rate limit: wait as long as the server says, where it does.
    Wait(Option<Duration>),
    /// The server's own trouble: try once more; then another session may do better.
    TryOnce,
    /// It came to its end and there is nothing of it to hear: ask again, twice at most; then the session is of no use.
    AskAgain,
    /// Another try at this session would come to the same; another session may do better.
    Replace,
    /// It would fail again. Of a session that says nothing else either, another one is tried.
    GiveUp,
}

/// A request that is not spoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unspoken {
    /// Not at all.
    GivenUp {
        /// Its number.
        request: u64,
        /// What it was for; `None` is the server's own answer to the caller.
        purpose: Option<ResponsePurpose>,
        /// The server's code, or ours.
        reason: String,
    },
    /// Not by this session, which does not speak although it was asked to, often enough. Kept for whoever takes its place.
    Muted {
        /// Its number.
        request: u64,
        /// What it was for; `None` is the server's own answer to the caller.
        purpose: Option<ResponsePurpose>,
        /// The server's code, or ours.
        reason: String,
    },
}

/// What is left undone if the session ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Left {
    /// Requests whose response did not begin, in order.
    pub requests: Vec<ResponseRequest>,
    /// An answer is due that nobody asked for by name.
    pub answer: bool,
}

impl Pending {
    fn new(number: u64, purpose: Option<ResponsePurpose>, instructions: Option<String>, cover: Cover) -> Self {
        Self { number, purpose, instructions, failures: 0, silences: 0, not_before: None, cover }
    }

    /// When it may be tried; `None` is at any time.
    pub const fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// Whether a response that the server begins by itself makes it superfluous.
    pub const fn is_covered(&self) -> bool {
        match &self.cover {
            Cover::Never => false,
            Cover::Outputs(unplaced) => unplaced.is_empty(),
            Cover::Always => true,
        }
    }

    /// The server answers by itself: it need not be asked again.
    pub fn cover(&mut self) {
        self.cover = Cover::Always;
    }

    /// Whether it repeats the server's own answer, or is covered by that.
    pub const fn repeats_an_answer(&self) -> bool {
        matches!(self.cover, Cover::Always)
    }

    /// The server has put the result of `call` into the conversation.
    pub fn output_placed(&mut self, call: &ToolCallId) {
        if let Cover::Outputs(unplaced) = &mut self.cover {
            unplaced.retain(|waiting| waiting != call);
        }
    }

    /// As it was ordered; `None` for an answer of the server's own.
    pub fn ordered(&self) -> Option<ResponseRequest> {
        Some(ResponseRequest { purpose: self.purpose?, instructions: self.instructions.clone() })
    }

    fn given_up(&self, reason: String) -> Unspoken {
        Unspoken::GivenUp { request: self.number, purpose: self.purpose, reason }
    }
}

impl Requests {
    /// The call wants something said.
    pub fn ask(&mut self, request: ResponseRequest) -> Option<Unspoken> {
        let pending = Pending::new(self.next_number(), Some(request.purpose), request.instructions, Cover::Never);
        if self.waiting.len() >= MOST_REQUESTS {
            return Some(pending.given_up("too_many_wishes".to_owned()));
        }
        self.waiting.push_back(pending);
        None
    }

    /// The model called a tool.
    pub fn tool_called(&mut self, response: ResponseId, call: ToolCallId) {
        self.tools.called(response, call);
    }

    /// A tool's result was sent; `speak` asks for words on it.
    pub fn tool_answered(&mut self, call: &ToolCallId, speak: bool, now: Instant) {
        self.tools.answered(call, speak, now);
    }

    /// The server has put a tool's result into the conversation: responses that begin from now on know it.
    pub fn output_placed(&mut self, call: &ToolCallId) {
        self.tools.output_placed(call);
        self.waiting.iter_mut().for_each(|request| request.output_placed(call));
    }

    /// A response has ended: no more calls will come in it.
    pub fn response_done(&mut self, response: &ResponseId) {
        self.tools.response_done(response);
    }

    /// Nothing is to be said any more on the caller's last turn: they spoke on, or it was noise.
    pub fn turn_overtaken(&mut self) {
        self.waiting.retain(|request| !request.repeats_an_answer());
        self.muted.retain(|request| !request.repeats_an_answer());
    }

    /// Nothing is to be said of what was asked for until now.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.muted.clear();
    }

    /// The server answers by itself: requests for the same answer are fulfilled.
    pub fn cover(&mut self) {
        self.waiting.retain(|request| !request.is_covered());
    }

    /// What is to be said next, if it may be tried now. The session takes it when nothing runs.
    pub fn next(&mut self, now: Instant) -> Option<Pending> {
        let due = self.waiting.front()?.not_before.is_none_or(|at| at <= now);
        if due { self.pop() } else { None }
    }

    /// What is to be said next, whenever it was to be tried.
    pub fn pop(&mut self) -> Option<Pending> {
        let mut request = self.waiting.pop_front()?;
        request.not_before = None;
        Some(request)
    }

    /// It came to nothing through no fault of its own: it is the first again.
    pub fn put_back(&mut self, request: Pending) {
        self.waiting.push_front(request);
    }

    /// Takes out the request of this number, if it waits.
    pub fn take(&mut self, number: u64) -> Option<Pending> {
        let place = self.waiting.iter().position(|request| request.number == number)?;
        self.waiting.remove(place)
    }

    /// A response ran, or failed and its request is tried again or not spoken. Without a `request` it was the server's own
    /// answer, which the caller is owed all the same.
    pub fn ended(&mut self, request: Option<Pending>, failure: Option<Failure>, now: Instant) -> Option<Unspoken> {
        let Some(failure) = failure else {
            // It speaks: what it did not say before is not wanted any more.
            self.muted.clear();
            self.refused = 0;
            return None;
        };
        let mut request = request.unwrap_or_else(|| Pending::new(self.next_number(), None, None, Cover::Always));
        request.failures += 1;
        let wait = match failure.remedy {
            Remedy::Wait(told) if request.failures <= MOST_RETRIES => {
                let doubled = FIRST_WAIT * 2u32.saturating_pow(request.failures - 1);
                Some(told.unwrap_or(doubled).min(LONGEST_WAIT))
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

    /// The session was asked and did not answer within [`PATIENCE`].
    pub fn unanswered(&mut self, mut request: Pending) -> Option<Unspoken> {
        request.silences += 1;
        if request.silences < MOST_SILENCES {
            self.put_back(request);
            None
        } else {
            Some(self.mute(request, "no_answer".to_owned()))
        }
    }

    /// Another session has to fulfil `request`.
    fn mute(&mut self, request: Pending, reason: String) -> Unspoken {
        let unspoken = Unspoken::Muted { request: request.number, purpose: request.purpose, reason };
        if self.muted.len() < MOST_REQUESTS {
            self.muted.push(request);
        }
        unspoken
    }

    /// Results of tools that are complete become requests, and answers that wait become one. After every event.
    pub fn settle(&mut self) {
        while let Some(calls) = self.tools.take_ready() {
            self.tools_ready(calls);
        }
        self.join_answers();
    }

    /// Results of tools that are to be spoken on: one request for all that wait.
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

    /// One answer to all that the caller has said meanwhile, in the place of the last.
    fn join_answers(&mut self) {
        let is_answer = |request: &Pending| request.purpose == Some(ResponsePurpose::Answer);
        let mut joined = self.waiting.iter().filter(|request| is_answer(request)).count().saturating_sub(1);
        self.waiting.retain(|request| {
            let joins = joined > 0 && is_answer(request);
            joined -= usize::from(joins);
            !joins
        });
    }

    /// Some tools of a response have answered; until then the others are waited for.
    pub fn siblings_due(&self) -> Option<Instant> {
        self.tools.deadline()
    }

    /// The others are not waited for any more.
    pub fn give_up_on_siblings(&mut self, now: Instant) {
        self.tools.give_up_on_siblings(now);
    }

    /// The first that waits.
    pub fn front(&self) -> Option<&Pending> {
        self.waiting.front()
    }

    /// All that wait, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Pending> {
        self.waiting.iter()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The number of the last request that was made.
    pub const fn last_number(&self) -> u64 {
        self.last_number
    }

    /// Whether the model waits for the result of `call`: it called it and was not answered yet.
    pub fn awaits(&self, call: &ToolCallId) -> bool {
        self.tools.awaits(call)
    }

    /// Whether `response` has called a tool.
    pub fn called_in(&self, response: &ResponseId) -> bool {
        self.tools.called_in(response)
    }

    /// What is left undone if the session ends now; `asked` is what it was asked for and has not begun.
    pub fn left(&self, asked: Option<&Pending>) -> Left {
        let left = || self.muted.iter().chain(asked).chain(&self.waiting);
        Left {
            requests: left().filter_map(Pending::ordered).collect(),
            // Without a purpose it is the server's own answer that failed.
            answer: self.tools.owe_an_answer() || left().any(|request| request.purpose.is_none()),
        }
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

/// How long a server may owe an answer. Shorter: a slow server is asked twice. Longer: the caller hears three seconds of
/// nothing and speaks themselves.
pub const PATIENCE: Duration = Duration::from_millis(2_500);
/// Tries after a rate limit. Fewer: a short peak costs the answer. More: the caller has hung up by then.
const MOST_RETRIES: u32 = 3;
/// Refusals in a row that are taken for the request's own fault: after that the session can say nothing at all.
const MOST_REFUSED: u32 = 1;
/// Times that a response with nothing to hear is asked for again: the first at once, so that nobody notices.
const MOST_ASKED_AGAIN: u32 = 2;
/// The wait before the second: transcription of the turn may say by then that it was noise. Longer is heard as a pause.
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(900);
/// Requests that stay without any answer before the session is taken for mute.
const MOST_SILENCES: u32 = 3;
/// The first wait after a rate limit that names none; doubles.
const FIRST_WAIT: Duration = Duration::from_millis(1_500);
/// The longest wait after a rate limit, whatever the server advises: nobody waits longer in silence.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The wait after trouble of the server's own.
const SHORT_WAIT: Duration = Duration::from_millis(500);
/// Requests that may wait. A call has one or two; more is a loop somewhere, and it is told.
pub(super) const MOST_REQUESTS: usize = 16;
