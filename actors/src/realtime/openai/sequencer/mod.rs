//! Keeps one response at a time, by the rules of this protocol. The queue of requests to speak
//! stands above the providers ([`Requests`]). Each request passes through here to the server. The
//! server's own responses may begin in any state. Pure.
//!
//! ```text
//! Free ──asked─▶ CreateRequested ──created──▶ Active ──done──▶ Free
//!                      │  refused: the request goes back       │
//!                      └────cancel──▶ CancelRequested ◀──cancel─┘ ──done or refused──▶ Free
//! ```
//!
//! Every wait for the server has a deadline ([`Timer`]).

mod events;
mod queries;

#[cfg(test)]
mod tests;

use std::time::Instant;

pub use self::events::{Refusal, SequencerAction, SequencerEvent, Timer, Unfinished};
use crate::ids::{ResponseId, ToolCallId};
use crate::realtime::requests::{Failure, Pending, Requests};

/// The state machine that keeps one response at a time.
#[derive(Debug, Default)]
pub struct Sequencer {
    state: State,
    requests: Requests,
    /// Whether the server is known to echo metadata. Until then a response without metadata counts
    /// as the requested one, unless a refusal shows otherwise.
    echoes: bool,
    /// Requests assumed fulfilled by a response that may not have been theirs, keyed by ticket.
    /// They are queued again if the server refuses them later.
    doubtful: Vec<(u64, Pending)>,
    last_ticket: u64,
}

#[derive(Debug, Default)]
enum State {
    /// No response runs, as far as we know.
    #[default]
    Free,
    /// A request is sent. `beside` is a response that came while the request was on its way.
    CreateRequested { create: Create, beside: Beside },
    /// A response runs.
    Active(Running),
    /// A cancellation is sent. `create` is a request that was unanswered at that time.
    CancelRequested { running: Option<Running>, create: Option<Create>, since: Instant },
}

#[derive(Debug)]
struct Create {
    ticket: u64,
    request: Pending,
    since: Instant,
    /// Whether its response repeats no metadata, although the server does so otherwise.
    unnamed: bool,
}

#[derive(Debug)]
enum Beside {
    Nothing,
    Running(Running),
    /// Another response began and ended.
    Over,
}

#[derive(Debug)]
struct Running {
    /// The response's id; `None` if only a refusal shows that a response runs.
    id: Option<ResponseId>,
    /// The request that it answers; `None` for the server's own response.
    request: Option<Pending>,
    /// The ticket of the request that it is assumed to answer, if the server did not name one.
    assumed: Option<u64>,
    /// The time of its last sign of life.
    sign: Instant,
}

impl Sequencer {
    /// Handles `event` and returns the resulting actions.
    pub fn handle(&mut self, event: SequencerEvent, now: Instant) -> Vec<SequencerAction> {
        use SequencerEvent as E;
        let mut actions = Vec::new();
        match event {
            E::Requested(request) => actions.extend(self.requests.ask(request).map(SequencerAction::Unspoken)),
            E::ToolCalled { response, call } => self.requests.tool_called(response, call),
            E::ToolAnswered { call, speak } => self.requests.tool_answered(&call, speak, now),
            E::OutputPlaced(call) => self.output_placed(&call),
            E::CallerSpoke | E::TurnWasNoise => self.requests.turn_overtaken(),
            E::CancelOrdered => self.cancel(now, &mut actions),
            E::Overtaken => {
                self.requests.clear();
                self.cancel(now, &mut actions);
            }
            E::Created { response, request } => self.created(response, request, now),
            E::Done { response, request, failure } => {
                self.requests.response_done(&response);
                self.done(&response, request, failure, now, &mut actions);
            }
            E::CreateRefused { ticket, refusal } => self.create_refused(ticket, refusal, now, &mut actions),
            E::CancelRefused => self.cancel_refused(),
            E::DeadlinePassed => self.deadline_passed(now, &mut actions),
        }
        self.go_on(now, &mut actions);
        actions
    }

    /// Records a sign of life of a response. It is a method and not an event because it runs for
    /// every delta.
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

    /// The outstanding request was made in a way that its response cannot name.
    pub fn goes_unnamed(&mut self) {
        if let State::CreateRequested { create, .. } = &mut self.state {
            create.unnamed = true;
        }
    }

    fn output_placed(&mut self, call: &ToolCallId) {
        self.requests.output_placed(call);
        let asked = match &mut self.state {
            State::CreateRequested { create, .. } => Some(&mut create.request),
            State::Active(running) => running.request.as_mut(),
            State::Free | State::CancelRequested { .. } => None,
        };
        let doubtful = self.doubtful.iter_mut().map(|(_, request)| request);
        asked.into_iter().chain(doubtful).for_each(|request| request.output_placed(call));
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
            State::CreateRequested { create, .. } if request.is_none() && (!self.echoes || create.unnamed) => {
                State::Active(Running { assumed: Some(create.ticket), ..running(Some(create.request)) })
            }
            // It is the server's own response, or belongs to a request whose first try was slow.
            // The server will refuse the outstanding request.
            State::CreateRequested { create, .. } => {
                State::CreateRequested { create, beside: Beside::Running(running(late)) }
            }
            State::CancelRequested { create: Some(create), since, .. } if request == Some(create.request.number) => {
                State::CancelRequested { running: Some(running(Some(create.request))), create: None, since }
            }
            // Any earlier response is over, even if its end was not reported: there is one response
            // at a time.
            State::Free | State::Active(_) | State::CancelRequested { .. } => State::Active(running(late)),
        };
    }

    /// Marks requests for the same answer as fulfilled, because the server answers on its own.
    fn cover_requests(&mut self) {
        self.requests.cover();
        if let State::CreateRequested { create, .. } = &mut self.state
            && create.request.is_covered()
        {
            // The request is on its way, and the server will refuse it.
            create.request.cover();
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
            // The beginning of this response was not reported.
            State::CreateRequested { create, .. } if number == Some(create.request.number) => {
                self.ended(Some(create.request), failure, now, actions);
                State::Free
            }
            State::CancelRequested { running: Some(running), .. } if is(&running) => State::Free,
            State::CancelRequested { create: Some(create), .. } if number == Some(create.request.number) => State::Free,
            // The end of a response that the sequencer no longer waits for.
            other
            @ (State::Free | State::Active(_) | State::CreateRequested { .. } | State::CancelRequested { .. }) => other,
        };
    }

    fn ended(
        &mut self,
        request: Option<Pending>,
        failure: Option<Failure>,
        now: Instant,
        actions: &mut Vec<SequencerAction>,
    ) {
        actions.extend(self.requests.ended(request, failure, now).map(SequencerAction::Unspoken));
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
            // The refused request was being cancelled anyway.
            State::CancelRequested { running, create: Some(create), since }
                if ticket.is_none_or(|ticket| ticket == create.ticket) =>
            {
                State::CancelRequested { running, create: None, since }
            }
            // The refusal is about a request that counts as answered, or that the sequencer no
            // longer waits for.
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

    /// Handles a refused request. If a response counted as its answer, that response was the
    /// server's own.
    fn not_ours(
        &mut self,
        request: Option<Pending>,
        refusal: Refusal,
        now: Instant,
        actions: &mut Vec<SequencerAction>,
    ) {
        let Some(request) = request else { return };
        match refusal {
            Refusal::AlreadyActive if request.repeats_an_answer() => {}
            Refusal::AlreadyActive => self.requests.put_back(request),
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
            // Nothing runs, or the response is already being cancelled.
            other @ (State::Free | State::CancelRequested { .. }) => {
                self.state = other;
                return;
            }
        };
        // While a request is on its way, its response must be stopped under any id. The server
        // reads both events in order.
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
            // The response counts as over. If it runs on, the server refuses the next request, and
            // the sequencer learns of it.
            Timer::CancelUnanswered => self.state = State::Free,
            Timer::ResponseStalled => self.probe(now, actions),
            Timer::SiblingsLate => self.requests.give_up_on_siblings(now),
            Timer::RetryDue => return,
        }
        actions.push(SequencerAction::Recovered(timer));
    }

    fn create_unanswered(&mut self, now: Instant, actions: &mut Vec<SequencerAction>) {
        let State::CreateRequested { create, beside } = std::mem::replace(&mut self.state, State::Free) else {
            return;
        };
        if let Beside::Running(running) = beside {
            self.state = State::Active(Running { sign: now, ..running });
        }
        actions.extend(self.requests.unanswered(create.request).map(SequencerAction::Unspoken));
    }

    /// Sends a request although a response seems to run. Either the response's end was lost, or the
    /// refusal proves that it still runs.
    fn probe(&mut self, now: Instant, actions: &mut Vec<SequencerAction>) {
        if let State::Active(running) = std::mem::replace(&mut self.state, State::Free)
            && let Some(request) = self.requests.pop()
        {
            self.request(request, Beside::Running(running), now, actions);
        }
    }

    fn go_on(&mut self, now: Instant, actions: &mut Vec<SequencerAction>) {
        self.requests.settle();
        if matches!(self.state, State::Free)
            && let Some(request) = self.requests.next(now)
        {
            self.request(request, Beside::Nothing, now, actions);
        }
    }

    fn request(&mut self, request: Pending, beside: Beside, now: Instant, actions: &mut Vec<SequencerAction>) {
        let ticket = self.next_ticket();
        actions.push(SequencerAction::Create {
            ticket,
            request: request.number,
            purpose: request.purpose,
            instructions: request.instructions.clone(),
        });
        self.state = State::CreateRequested { create: Create { ticket, request, since: now, unnamed: false }, beside };
    }

    fn take_request(&mut self, number: u64) -> Option<Pending> {
        if let Some(place) = self.doubtful.iter().position(|(_, request)| request.number == number) {
            self.echoes = true;
            return Some(self.doubtful.remove(place).1);
        }
        self.requests.take(number)
    }

    fn next_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }
}

/// The number of requests with an uncertain answer to remember. A refusal is at most a few
/// responses late.
const MOST_DOUBTFUL: usize = 4;
