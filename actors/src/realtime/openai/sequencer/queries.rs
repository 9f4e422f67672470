//! What the session asks its sequencer. Nothing here changes it. Pure; part of [`super`].

use std::time::Instant;

use super::{Beside, Running, Sequencer, State, Timer, Unfinished};
use crate::ids::{ResponseId, ToolCallId};
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::requests::{Left, PATIENCE, Pending};

impl Sequencer {
    /// The running response, if its id is known.
    pub fn running(&self) -> Option<&ResponseId> {
        match &self.state {
            State::Active(running)
            | State::CreateRequested { beside: Beside::Running(running), .. }
            | State::CancelRequested { running: Some(running), .. } => running.id.as_ref(),
            State::Free | State::CreateRequested { .. } | State::CancelRequested { .. } => None,
        }
    }

    /// The ticket of a request that the server has not answered.
    pub fn asked(&self) -> Option<u64> {
        match &self.state {
            State::CreateRequested { create, beside: Beside::Nothing } => Some(create.ticket),
            State::CreateRequested { .. } | State::Free | State::Active(_) | State::CancelRequested { .. } => None,
        }
    }

    /// Whether the model waits for the result of `call`: the model made the call and has no result
    /// yet.
    pub fn awaits(&self, call: &ToolCallId) -> bool {
        self.requests.awaits(call)
    }

    /// Whether a response that begins now, with this `request` in its metadata, was cancelled
    /// before it began.
    pub fn stops(&self, request: Option<u64>) -> bool {
        match &self.state {
            State::CancelRequested { create: Some(create), .. } => match request {
                Some(number) => number == create.request.number,
                None => !self.echoes || create.unnamed,
            },
            State::Free | State::CreateRequested { .. } | State::Active(_) | State::CancelRequested { .. } => false,
        }
    }

    /// Whether a response that begins now, without a request in its metadata, may be a requested
    /// one.
    pub fn may_be_asked_for(&self) -> bool {
        matches!(&self.state, State::CreateRequested { create, .. } if !self.echoes || create.unnamed)
    }

    /// The work that is unfinished if the session ends now.
    pub fn unfinished(&self) -> Unfinished<'_> {
        let (running, asked) = match &self.state {
            State::Free | State::CancelRequested { .. } => (None, None),
            State::Active(running) => (Some(running), None),
            State::CreateRequested { create, beside: Beside::Running(running) } => {
                (Some(running), Some(&create.request))
            }
            State::CreateRequested { create, .. } => (None, Some(&create.request)),
        };
        let Left { requests, answer } = self.requests.left(asked);
        Unfinished {
            requests,
            answer,
            running: running.map(|it| (it.id.as_ref(), it.request.as_ref().and_then(Pending::ordered))),
            called: running.and_then(|running| running.id.as_ref()).is_some_and(|id| self.requests.called_in(id)),
        }
    }

    /// Whether speech is still due: a request is sent or waits to be sent.
    pub fn owes(&self) -> bool {
        matches!(self.state, State::CreateRequested { .. }) || !self.requests.is_empty()
    }

    /// Whether `response` runs, as far as we know. `request` is the one that its metadata names.
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

    /// Whether `response` is being cancelled by us.
    pub fn is_stopping(&self, response: &ResponseId) -> bool {
        let State::CancelRequested { running, .. } = &self.state else { return false };
        running.as_ref().and_then(|running| running.id.as_ref()).is_none_or(|id| id == response)
    }

    /// Whether `response` has called a tool.
    pub fn called_in(&self, response: &ResponseId) -> bool {
        self.requests.called_in(response)
    }

    /// Whether `response` answers the caller, and not a request with another purpose.
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
            State::Free => self.requests.front().and_then(Pending::not_before).map(|at| (at, Timer::RetryDue)),
            State::CreateRequested { create, .. } => Some((create.since + PATIENCE, Timer::CreateUnanswered)),
            State::CancelRequested { since, .. } => Some((*since + PATIENCE, Timer::CancelUnanswered)),
            State::Active(running) => self.requests.front().map(|request| {
                let stalled = running.sign + PATIENCE;
                (request.not_before().map_or(stalled, |at| at.max(stalled)), Timer::ResponseStalled)
            }),
        };
        let siblings = self.requests.siblings_due().map(|at| (at, Timer::SiblingsLate));
        own.into_iter().chain(siblings).min_by_key(|(at, _)| *at)
    }
}
