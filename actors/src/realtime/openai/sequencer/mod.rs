//! One response at a time. Every wish to speak goes through here; the server's own responses come in any state. Pure.
//!
//! ```text
//! Free ──wish──▶ CreateRequested ──created──▶ Active ──done──▶ Free
//!                      │  refused: the wish goes back          │
//!                      └────cancel──▶ CancelRequested ◀──cancel─┘ ──done or refused──▶ Free
//! ```
//!
//! A wish ends in exactly one way: its response ran, another response covered it, it was cancelled, or it is reported as
//! given up. Nothing waits for the server without a deadline ([`Timer`]).

mod events;
mod tools;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use self::events::{Failure, Refusal, Remedy, SequencerAction, SequencerEvent, Timer};
use self::tools::ToolCalls;
use crate::ids::{ResponseId, ToolCallId};
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};

/// The rule of one response at a time.
#[derive(Debug)]
pub struct Sequencer {
    state: State,
    requests: VecDeque<Pending>,
    tools: ToolCalls,
    /// Whether the server has been seen to echo metadata. Until then a response without is taken for the one we asked for,
    /// unless a refusal says otherwise.
    echoes: bool,
    /// Wishes whose response may have been another's: should the refusal still come, they go back. By ticket.
    doubtful: Vec<(u64, Pending)>,
    /// Wishes that this session does not fulfil; kept for the one that takes its place.
    muted: Vec<Pending>,
    /// Wishes in a row that were refused for what is wrong with them.
    refused: u32,
    last_ticket: u64,
    last_request: u64,
}

#[derive(Debug)]
enum State {
    /// Nothing runs, as far as we know.
    Free,
    /// We asked; `beside` is a response that came while our request was on its way.
    CreateRequested { create: Create, beside: Beside },
    /// A response runs.
    Active(Running),
    /// We asked for it to stop; `create` is a request that was not yet answered then.
    CancelRequested { running: Option<Running>, create: Option<Create>, since: Instant },
}

#[derive(Debug)]
struct Create {
    ticket: u64,
    request: Pending,
    since: Instant,
}

#[derive(Debug)]
enum Beside {
    Nothing,
    Running(Running),
    /// It came and went.
    Over,
}

#[derive(Debug)]
struct Running {
    /// `None` when we know only from a refusal that something runs.
    id: Option<ResponseId>,
    /// The wish it answers; `None` for the server's own.
    request: Option<Pending>,
    /// The request it is taken to answer, where the server did not say so.
    assumed: Option<u64>,
    /// When it last gave a sign of life.
    sign: Instant,
}

#[derive(Debug)]
struct Pending {
    number: u64,
    purpose: Option<ResponsePurpose>,
    instructions: Option<String>,
    failures: u32,
    silences: u32,
    not_before: Option<Instant>,
    cover: Cover,
}

/// Whether a response of the server's own makes the wish superfluous.
#[derive(Debug)]
enum Cover {
    /// Never: it has its own words to say.
    Never,
    /// Once all these results are in the conversation.
    Outputs(Vec<ToolCallId>),
    /// Always: it repeats the server's own answer.
    Always,
}

impl Pending {
    fn covered(&self) -> bool {
        match &self.cover {
            Cover::Never => false,
            Cover::Outputs(unplaced) => unplaced.is_empty(),
            Cover::Always => true,
        }
    }

    fn output_placed(&mut self, call: &ToolCallId) {
        if let Cover::Outputs(unplaced) = &mut self.cover {
            unplaced.retain(|waiting| waiting != call);
        }
    }
}

/// What a sequencer leaves undone.
#[derive(Debug)]
pub struct Unfinished<'a> {
    /// Wishes whose response did not begin, in order.
    pub requests: Vec<ResponseRequest>,
    /// An answer is due that nobody wished for by name.
    pub answer: bool,
    /// The response that runs and is not to be stopped, and its wish.
    pub running: Option<(Option<&'a ResponseId>, Option<ResponseRequest>)>,
    /// It has called a tool.
    pub called: bool,
}

impl Default for Sequencer {
    fn default() -> Self {
        Self {
            state: State::Free,
            requests: VecDeque::new(),
            tools: ToolCalls::default(),
            echoes: false,
            doubtful: Vec::new(),
            muted: Vec::new(),
            refused: 0,
            last_ticket: 0,
            last_request: 0,
        }
    }
}

impl Sequencer {
    /// What `event` leads to.
    pub fn handle(&mut self, event: SequencerEvent, now: Instant) -> Vec<SequencerAction> {
        use SequencerEvent as E;
        let mut actions = Vec::new();
        match event {
            E::Requested(request) => self.requested(request, &mut actions),
            E::ToolCalled { response, call } => self.tools.called(response, call),
            E::ToolAnswered { call, speak } => self.tools.answered(&call, speak, now),
            E::OutputPlaced(call) => self.output_placed(&call),
            E::CallerSpoke | E::TurnWasNoise => self.overtaken(),
            E::CancelOrdered => self.cancel(now, &mut actions),
            E::Overtaken => {
                self.requests.clear();
                self.muted.clear();
                self.cancel(now, &mut actions);
            }
            E::Created { response, request } => self.created(response, request, now),
            E::Done { response, request, failure } => {
                self.tools.response_done(&response);
                self.done(&response, request, failure, now, &mut actions);
            }
            E::CreateRefused { ticket, refusal } => self.create_refused(ticket, refusal, now, &mut actions),
            E::CancelRefused => self.cancel_refused(),
            E::DeadlinePassed => self.deadline_passed(now, &mut actions),
        }
        self.go_on(now, &mut actions);
        actions
    }

    /// A response gave a sign of life. Called for every delta, so it is no event.
    pub fn stirred(&mut self, response: &str, now: Instant) {
        let running = match &mut self.state {
            State::Active(running)
            | State::CreateRequested { beside: Beside::Running(running), .. }
            | State::CancelRequested { running: Some(running), .. } => running,
            State::Free | State::CreateRequested { .. } | State::CancelRequested { .. } => return,
        };
        if running.id.as_ref().is_none_or(|id| id.as_str() == response) {
            running.sign = now;
        }
    }

    /// The response that runs, where its name is known.
    pub fn running(&self) -> Option<&ResponseId> {
        match &self.state {
            State::Active(running)
            | State::CreateRequested { beside: Beside::Running(running), .. }
            | State::CancelRequested { running: Some(running), .. } => running.id.as_ref(),
            State::Free | State::CreateRequested { .. } | State::CancelRequested { .. } => None,
        }
    }

    /// The ticket of a request to speak that the server has not answered.
    pub fn asked(&self) -> Option<u64> {
        match &self.state {
            State::CreateRequested { create, beside: Beside::Nothing } => Some(create.ticket),
            State::CreateRequested { .. } | State::Free | State::Active(_) | State::CancelRequested { .. } => None,
        }
    }

    /// Whether the model waits for the result of `call`: it called it and was not answered yet.
    pub fn awaits(&self, call: &ToolCallId) -> bool {
        self.tools.awaits(call)
    }

    /// Whether a response that begins now, with this `request` in its metadata, was told to stop before.
    pub fn stops(&self, request: Option<u64>) -> bool {
        match &self.state {
            State::CancelRequested { create: Some(create), .. } => match request {
                Some(number) => number == create.request.number,
                None => !self.echoes,
            },
            State::Free | State::CreateRequested { .. } | State::Active(_) | State::CancelRequested { .. } => false,
        }
    }

    /// Whether a response that begins now, without a wish in its metadata, may be one that we asked for.
    pub fn may_be_asked_for(&self) -> bool {
        matches!(self.state, State::CreateRequested { .. }) && !self.echoes
    }

    /// What is left undone if the session ends now.
    pub fn unfinished(&self) -> Unfinished<'_> {
        let request = |request: &Pending| {
            Some(ResponseRequest { purpose: request.purpose?, instructions: request.instructions.clone() })
        };
        let (running, asked) = match &self.state {
            State::Free | State::CancelRequested { .. } => (None, None),
            State::Active(running) => (Some(running), None),
            State::CreateRequested { create, beside: Beside::Running(running) } => {
                (Some(running), Some(&create.request))
            }
            State::CreateRequested { create, .. } => (None, Some(&create.request)),
        };
        let waiting = || self.muted.iter().chain(asked).chain(&self.requests);
        Unfinished {
            requests: waiting().filter_map(request).collect(),
            // Without a purpose it is the server's own answer that failed.
            answer: self.tools.owe_an_answer() || waiting().any(|request| request.purpose.is_none()),
            running: running.map(|running| (running.id.as_ref(), running.request.as_ref().and_then(request))),
            called: running.and_then(|running| running.id.as_ref()).is_some_and(|id| self.tools.called_in(id)),
        }
    }

    /// Whether something is still to be said: asked for, or waiting to be.
    pub fn owes(&self) -> bool {
        matches!(self.state, State::CreateRequested { .. }) || !self.requests.is_empty()
    }

    /// Whether `response` runs, as far as we know; `request` is the one that its metadata names.
    pub fn runs(&self, response: &ResponseId, request: Option<u64>) -> bool {
        let is = |running: &Running| running.id.as_ref().is_none_or(|id| id == response);
        match &self.state {
            State::Free => false,
            State::Active(running) | State::CancelRequested { running: Some(running), .. } => is(running),
            State::CreateRequested { create, beside } => {
                request == Some(create.request.number) || matches!(beside, Beside::Running(running) if is(running))
            }
            State::CancelRequested { running: None, .. } => true,
        }
    }

    /// Whether `response` is being stopped by us.
    pub fn is_stopping(&self, response: &ResponseId) -> bool {
        let State::CancelRequested { running, .. } = &self.state else { return false };
        running.as_ref().and_then(|running| running.id.as_ref()).is_none_or(|id| id == response)
    }

    /// Whether `response` has called a tool.
    pub fn called_in(&self, response: &ResponseId) -> bool {
        self.tools.called_in(response)
    }

    /// Whether `response` answers the caller, and not a wish with words of its own.
    pub fn answers_caller(&self, response: &ResponseId) -> bool {
        let running = match &self.state {
            State::Active(running) | State::CreateRequested { beside: Beside::Running(running), .. } => running,
            State::Free | State::CreateRequested { .. } | State::CancelRequested { .. } => return true,
        };
        let is = running.id.as_ref().is_none_or(|id| id == response);
        let purpose = running.request.as_ref().filter(|_| is).and_then(|request| request.purpose);
        matches!(purpose, None | Some(ResponsePurpose::Answer))
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        let own = match &self.state {
            State::Free => self.requests.front().and_then(|request| request.not_before).map(|at| (at, Timer::RetryDue)),
            State::CreateRequested { create, .. } => Some((create.since + PATIENCE, Timer::CreateUnanswered)),
            State::CancelRequested { since, .. } => Some((*since + PATIENCE, Timer::CancelUnanswered)),
            State::Active(running) => self.requests.front().map(|request| {
                let stalled = running.sign + PATIENCE;
                (request.not_before.map_or(stalled, |at| at.max(stalled)), Timer::ResponseStalled)
            }),
        };
        let siblings = self.tools.deadline().map(|at| (at, Timer::SiblingsLate));
        own.into_iter().chain(siblings).min_by_key(|(at, _)| *at)
    }

    fn requested(&mut self, request: ResponseRequest, actions: &mut Vec<SequencerAction>) {
        let number = self.next_request();
        if self.requests.len() >= MOST_REQUESTS {
            actions.push(SequencerAction::GaveUp {
                request: number,
                purpose: Some(request.purpose),
                reason: "too_many_wishes".to_owned(),
            });
            return;
        }
        self.requests.push_back(Pending {
            number,
            purpose: Some(request.purpose),
            instructions: request.instructions,
            failures: 0,
            silences: 0,
            not_before: None,
            cover: Cover::Never,
        });
    }

    /// Results of tools that are to be spoken on: one wish for all that wait.
    fn tools_ready(&mut self, calls: Vec<ToolCallId>) {
        let waiting = self.requests.iter_mut().find_map(|request| match &mut request.cover {
            Cover::Outputs(unplaced) => Some(unplaced),
            Cover::Never | Cover::Always => None,
        });
        if let Some(unplaced) = waiting {
            unplaced.extend(calls);
            return;
        }
        let number = self.next_request();
        self.requests.push_back(Pending {
            number,
            purpose: Some(ResponsePurpose::ToolResult),
            instructions: None,
            failures: 0,
            silences: 0,
            not_before: None,
            cover: Cover::Outputs(calls),
        });
    }

    fn output_placed(&mut self, call: &ToolCallId) {
        self.tools.output_placed(call);
        let asked = match &mut self.state {
            State::CreateRequested { create, .. } => Some(&mut create.request),
            State::Active(running) => running.request.as_mut(),
            State::Free | State::CancelRequested { .. } => None,
        };
        let doubtful = self.doubtful.iter_mut().map(|(_, request)| request);
        for request in self.requests.iter_mut().chain(asked).chain(doubtful) {
            request.output_placed(call);
        }
    }

    fn created(&mut self, id: ResponseId, request: Option<u64>, now: Instant) {
        let late = request.and_then(|number| self.take_request(number));
        if request.is_none() {
            self.cover_requests();
        }
        let running = |request| Running { id: Some(id), request, assumed: None, sign: now };
        self.state = match std::mem::replace(&mut self.state, State::Free) {
            State::CreateRequested { create, .. } if request == Some(create.request.number) => {
                self.echoes = true;
                self.doubtful.clear();
                State::Active(running(Some(create.request)))
            }
            State::CreateRequested { create, .. } if request.is_none() && !self.echoes => {
                State::Active(Running { assumed: Some(create.ticket), ..running(Some(create.request)) })
            }
            // The server's own, or a wish whose first request was slow. Ours will be refused.
            State::CreateRequested { create, .. } => {
                State::CreateRequested { create, beside: Beside::Running(running(late)) }
            }
            State::CancelRequested { create: Some(create), since, .. } if request == Some(create.request.number) => {
                State::CancelRequested { running: Some(running(Some(create.request))), create: None, since }
            }
            // Whatever ran is over, though its end was not told: there is one response at a time.
            State::Free | State::Active(_) | State::CancelRequested { .. } => State::Active(running(late)),
        };
    }

    /// The server answers by itself: wishes for the same answer are fulfilled.
    fn cover_requests(&mut self) {
        self.requests.retain(|request| !request.covered());
        if let State::CreateRequested { create, .. } = &mut self.state
            && create.request.covered()
        {
            // It is on its way and will be refused; then it need not be asked again.
            create.request.cover = Cover::Always;
        }
    }

    fn done(
        &mut self,
        id: &ResponseId,
        number: Option<u64>,
        failure: Option<Failure>,
        now: Instant,
        actions: &mut Vec<SequencerAction>,
    ) {
        let is = |running: &Running| running.id.as_ref().is_none_or(|known| known == id);
        self.state = match std::mem::replace(&mut self.state, State::Free) {
            State::Active(running) if is(&running) => {
                match (running.assumed, running.request, failure) {
                    (Some(ticket), Some(request), None) => self.doubt(ticket, request),
                    (_, request, failure) => self.ended(request, failure, now, actions),
                }
                State::Free
            }
            State::CreateRequested { create, beside: Beside::Running(running) } if is(&running) => {
                self.ended(running.request, failure, now, actions);
                State::CreateRequested { create, beside: Beside::Over }
            }
            // Its beginning was not told.
            State::CreateRequested { create, .. } if number == Some(create.request.number) => {
                self.ended(Some(create.request), failure, now, actions);
                State::Free
            }
            State::CancelRequested { running: Some(running), .. } if is(&running) => State::Free,
            State::CancelRequested { create: Some(create), .. } if number == Some(create.request.number) => State::Free,
            // The end of a response that we do not count on any more.
            other
            @ (State::Free | State::Active(_) | State::CreateRequested { .. } | State::CancelRequested { .. }) => other,
        };
    }

    /// A response ran, or failed and its wish is tried again or given up.
    fn ended(
        &mut self,
        request: Option<Pending>,
        failure: Option<Failure>,
        now: Instant,
        actions: &mut Vec<SequencerAction>,
    ) {
        let Some(failure) = failure else {
            // It speaks: what it did not say before is not wanted any more.
            self.muted.clear();
            self.refused = 0;
            return;
        };
        let mut request = request.unwrap_or_else(|| self.answer_again());
        request.failures += 1;
        let wait = match failure.remedy {
            Remedy::Wait(told) if request.failures <= MOST_RETRIES => {
                let doubled = FIRST_WAIT * 2u32.saturating_pow(request.failures - 1);
                Some(told.unwrap_or(doubled).min(LONGEST_WAIT))
            }
            Remedy::TryOnce if request.failures == 1 => Some(SHORT_WAIT),
            Remedy::AskAgain if request.failures == 1 => Some(Duration::ZERO),
            Remedy::AskAgain if request.failures <= MOST_ASKED_AGAIN => Some(ASKED_AGAIN_AFTER),
            Remedy::AskAgain | Remedy::TryOnce | Remedy::Replace => return self.mute(request, failure.code, actions),
            Remedy::Wait(_) | Remedy::GiveUp => None,
        };
        if failure.remedy == Remedy::GiveUp {
            self.refused += 1;
            if self.refused > MOST_REFUSED {
                return self.mute(request, failure.code, actions);
            }
        }
        match wait {
            Some(wait) => {
                request.not_before = (!wait.is_zero()).then(|| now + wait);
                self.requests.push_front(request);
            }
            None => actions.push(given_up(&request, failure.code)),
        }
    }

    /// Another session has to fulfil `request`.
    fn mute(&mut self, request: Pending, reason: String, actions: &mut Vec<SequencerAction>) {
        actions.push(SequencerAction::Muted { request: request.number, purpose: request.purpose, reason });
        if self.muted.len() < MOST_REQUESTS {
            self.muted.push(request);
        }
    }

    /// Nothing is to be said any more on the caller's last turn.
    fn overtaken(&mut self) {
        self.requests.retain(|request| !matches!(request.cover, Cover::Always));
        self.muted.retain(|request| !matches!(request.cover, Cover::Always));
    }

    /// The server's own answer failed: the caller is owed it all the same.
    fn answer_again(&mut self) -> Pending {
        Pending {
            number: self.next_request(),
            purpose: None,
            instructions: None,
            failures: 0,
            silences: 0,
            not_before: None,
            cover: Cover::Always,
        }
    }

    fn create_refused(
        &mut self,
        ticket: Option<u64>,
        refusal: Refusal,
        now: Instant,
        actions: &mut Vec<SequencerAction>,
    ) {
        self.state = match std::mem::replace(&mut self.state, State::Free) {
            State::CreateRequested { create, beside } if ticket.is_none_or(|ticket| ticket == create.ticket) => {
                let next = match (beside, &refusal) {
                    (Beside::Running(running), _) => State::Active(Running { sign: now, ..running }),
                    (Beside::Nothing, Refusal::AlreadyActive) => {
                        State::Active(Running { id: None, request: None, assumed: None, sign: now })
                    }
                    (Beside::Over, _) | (Beside::Nothing, Refusal::Failed(_)) => State::Free,
                };
                self.not_ours(Some(create.request), refusal, now, actions);
                next
            }
            State::Active(running) if running.assumed.is_some() && running.assumed == ticket => {
                self.not_ours(running.request, refusal, now, actions);
                State::Active(Running { request: None, assumed: None, ..running })
            }
            // It was to be cancelled anyway.
            State::CancelRequested { running, create: Some(create), since }
                if ticket.is_none_or(|ticket| ticket == create.ticket) =>
            {
                State::CancelRequested { running, create: None, since }
            }
            // Answers a request that we have taken for answered, or have given up waiting for.
            other
            @ (State::Free | State::Active(_) | State::CreateRequested { .. } | State::CancelRequested { .. }) => {
                let place = self.doubtful.iter().position(|(doubtful, _)| Some(*doubtful) == ticket);
                if let Some(place) = place {
                    let (_, request) = self.doubtful.remove(place);
                    self.not_ours(Some(request), refusal, now, actions);
                }
                other
            }
        };
    }

    /// A request came to nothing; where a response was taken for ours, it was the server's own.
    fn not_ours(
        &mut self,
        request: Option<Pending>,
        refusal: Refusal,
        now: Instant,
        actions: &mut Vec<SequencerAction>,
    ) {
        let Some(request) = request else { return };
        match refusal {
            Refusal::AlreadyActive if matches!(request.cover, Cover::Always) => {}
            Refusal::AlreadyActive => self.requests.push_front(request),
            Refusal::Failed(failure) => self.ended(Some(request), Some(failure), now, actions),
        }
    }

    fn doubt(&mut self, ticket: u64, request: Pending) {
        if self.doubtful.len() >= MOST_DOUBTFUL {
            self.doubtful.remove(0);
        }
        self.doubtful.push((ticket, request));
    }

    fn cancel(&mut self, now: Instant, actions: &mut Vec<SequencerAction>) {
        let (running, create) = match std::mem::replace(&mut self.state, State::Free) {
            State::Active(running) => (Some(running), None),
            State::CreateRequested { create, beside: Beside::Running(running) } => (Some(running), Some(create)),
            State::CreateRequested { create, .. } => (None, Some(create)),
            // Nothing runs, or it is being stopped.
            other @ (State::Free | State::CancelRequested { .. }) => {
                self.state = other;
                return;
            }
        };
        // With a request on its way, whatever it becomes is to be stopped: the server reads both in order.
        let response = match &create {
            Some(_) => None,
            None => running.as_ref().and_then(|running| running.id.clone()),
        };
        self.state = State::CancelRequested { running, create, since: now };
        let ticket = self.next_ticket();
        actions.push(SequencerAction::Cancel { ticket, response });
    }

    fn cancel_refused(&mut self) {
        if matches!(self.state, State::CancelRequested { .. }) {
            self.state = State::Free;
        }
    }

    fn deadline_passed(&mut self, now: Instant, actions: &mut Vec<SequencerAction>) {
        let Some((at, timer)) = self.deadline() else { return };
        if at > now {
            return;
        }
        match timer {
            Timer::CreateUnanswered => self.create_unanswered(now, actions),
            // The response is taken for over; should it run on, the next request is refused and we learn of it.
            Timer::CancelUnanswered => self.state = State::Free,
            Timer::ResponseStalled => self.probe(now, actions),
            Timer::SiblingsLate => self.tools.give_up_on_siblings(now),
            Timer::RetryDue => return,
        }
        actions.push(SequencerAction::Recovered(timer));
    }

    fn create_unanswered(&mut self, now: Instant, actions: &mut Vec<SequencerAction>) {
        let State::CreateRequested { mut create, beside } = std::mem::replace(&mut self.state, State::Free) else {
            return;
        };
        if let Beside::Running(running) = beside {
            self.state = State::Active(Running { sign: now, ..running });
        }
        create.request.silences += 1;
        if create.request.silences < MOST_SILENCES {
            self.requests.push_front(create.request);
        } else {
            self.mute(create.request, "no_answer".to_owned(), actions);
        }
    }

    /// Asks although a response seems to run: either its end was lost, or the refusal proves that it lives.
    fn probe(&mut self, now: Instant, actions: &mut Vec<SequencerAction>) {
        if let State::Active(running) = std::mem::replace(&mut self.state, State::Free) {
            self.request(Beside::Running(running), now, actions);
        }
    }

    fn go_on(&mut self, now: Instant, actions: &mut Vec<SequencerAction>) {
        while let Some(calls) = self.tools.take_ready() {
            self.tools_ready(calls);
        }
        self.join_answers();
        let due = self.requests.front().is_some_and(|request| request.not_before.is_none_or(|at| at <= now));
        if matches!(self.state, State::Free) && due {
            self.request(Beside::Nothing, now, actions);
        }
    }

    /// One answer to all that the caller has said meanwhile, in the place of the last.
    fn join_answers(&mut self) {
        let is_answer = |request: &Pending| request.purpose == Some(ResponsePurpose::Answer);
        let mut joined = self.requests.iter().filter(|request| is_answer(request)).count().saturating_sub(1);
        self.requests.retain(|request| {
            let joins = joined > 0 && is_answer(request);
            joined -= usize::from(joins);
            !joins
        });
    }

    fn request(&mut self, beside: Beside, now: Instant, actions: &mut Vec<SequencerAction>) {
        let Some(mut request) = self.requests.pop_front() else { return };
        request.not_before = None;
        let ticket = self.next_ticket();
        actions.push(SequencerAction::Create {
            ticket,
            request: request.number,
            purpose: request.purpose,
            instructions: request.instructions.clone(),
        });
        self.state = State::CreateRequested { create: Create { ticket, request, since: now }, beside };
    }

    fn take_request(&mut self, number: u64) -> Option<Pending> {
        if let Some(place) = self.doubtful.iter().position(|(_, request)| request.number == number) {
            self.echoes = true;
            return Some(self.doubtful.remove(place).1);
        }
        let place = self.requests.iter().position(|request| request.number == number)?;
        self.requests.remove(place)
    }

    fn next_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    fn next_request(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }
}

fn given_up(request: &Pending, reason: String) -> SequencerAction {
    SequencerAction::GaveUp { request: request.number, purpose: request.purpose, reason }
}

/// How long the server may owe an answer. Shorter: a slow server is asked twice. Longer: the caller hears three seconds of
/// nothing and speaks himself.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Tries after a rate limit. Fewer: a short peak costs the answer. More: the caller has hung up by then.
const MOST_RETRIES: u32 = 3;
/// Refusals in a row that are taken for the wish's own fault: after that the session can say nothing at all.
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
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// The wait after trouble of the server's own.
const SHORT_WAIT: Duration = Duration::from_millis(500);
/// Wishes whose answer is uncertain that are remembered. A refusal is at most a few responses late.
const MOST_DOUBTFUL: usize = 4;
/// Wishes that may wait. A call has one or two; more is a loop somewhere, and it is told.
const MOST_REQUESTS: usize = 16;
