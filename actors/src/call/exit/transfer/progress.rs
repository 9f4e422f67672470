//! A transfer as data: the request, its progress, and the deadline of each step. Pure; part of
//! [`super`].

use std::time::{Duration, Instant};

use crate::call::line_link::RETURNING;
use crate::call::shared::Shared;
use crate::call::steps::{CallAction, Note};
use crate::call::transfer::DialOutcome;
use crate::ids::CarrierCallId;
use crate::profile::destinations::Destination;
use crate::realtime::report::ToolCall;
use crate::transcript::messages::{Fact, WITHHELD};

/// A transfer that was requested.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::call::exit) struct Transfer {
    /// The destination's name in the table.
    pub(in crate::call::exit) destination: String,
    /// The reason, in the words of the requester.
    pub(in crate::call::exit) reason: String,
    /// A summary of the call so far, for the callee.
    pub(in crate::call::exit) summary: String,
    pub(in crate::call::exit) by: By,
    /// The callee of a warm transfer.
    pub(in crate::call::exit) callee: CalleeState,
    /// The result of the carrier's dialling, once it is reported.
    pub(in crate::call::exit) outcome: Option<DialOutcome>,
}

/// Who requested a transfer.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::call) enum By {
    /// The model, by its tool; it gets the result.
    Model(ToolCall),
    /// The caller, by a key.
    Caller,
    /// An operator at the admin endpoint.
    Operator,
    /// The configured fallback, because no model can speak with the caller any more.
    Fallback,
}

/// The callee of a warm transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::call::exit) enum CalleeState {
    /// Not called. The caller is not in the conference yet, or the transfer is a cold one.
    Uncalled,
    /// The carrier was asked to call them and has not answered.
    Asked,
    /// The carrier is calling them; this is its id of that call.
    Called(CarrierCallId),
    /// The callee pressed the key and is joined with the caller.
    Accepted,
    /// The callee's line has ended.
    Gone,
}

/// A transfer that has not begun.
#[derive(Debug)]
pub(in crate::call::exit) enum Request {
    None,
    /// The Supervisor has not granted the permit yet.
    Asked(Transfer),
    /// The permit is granted; the transfer waits for the end of the legal notice.
    Granted(Transfer),
}

/// A transfer in progress.
#[derive(Debug)]
pub(in crate::call::exit) struct Progress {
    pub(in crate::call::exit) transfer: Transfer,
    pub(in crate::call::exit) step: Step,
    /// The deadline of the step.
    pub(in crate::call::exit) until: Instant,
}

/// The step of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::call::exit) enum Step {
    /// A request to the carrier is awaiting its answer.
    Asking,
    /// The destination rings.
    Ringing,
    /// The destination was answered by a person or a machine, who may be speaking with the caller.
    Answered,
    /// The caller waits in a conference without a callee. The number counts the requests to the
    /// carrier to take them out of it.
    Recalling(u32),
    /// The request failed, and will be repeated.
    Pausing(u32),
    /// The caller is returning: the carrier was asked to open another stream.
    Returning,
}

impl Progress {
    /// The carrier rings the destination.
    pub(in crate::call::exit) fn ringing(transfer: Transfer, call: &Shared) -> Self {
        let mut on = Self { transfer, step: Step::Ringing, until: call.now };
        on.rings(call);
        on
    }

    pub(in crate::call::exit) fn rings(&mut self, call: &Shared) {
        let destination = call.profile.transfers.get(&self.transfer.destination);
        let longest = destination.map_or(RINGING_GRACE, |destination| destination.timeout + RINGING_GRACE);
        (self.step, self.until) = (Step::Ringing, call.after(longest));
    }

    /// The deadline of the step.
    pub(in crate::call::exit) const fn until(&self) -> Instant {
        self.until
    }

    /// The state's name in the table.
    #[cfg(test)]
    pub(in crate::call::exit) const fn name(&self) -> &'static str {
        match self.step {
            Step::Asking => "asking",
            Step::Ringing if matches!(self.transfer.callee, CalleeState::Asked) => "calling",
            Step::Ringing => "ringing",
            Step::Answered => "answered",
            Step::Recalling(_) => "recalling",
            Step::Pausing(_) => "pausing",
            Step::Returning => "returning",
        }
    }

    /// The destination of a warm transfer; `None` for a cold one.
    pub(in crate::call::exit) fn warm<'c>(&self, call: &'c Shared) -> Option<&'c Destination> {
        call.profile.transfers.get(&self.transfer.destination).filter(|to| to.briefing.is_some())
    }

    pub(in crate::call::exit) fn waits_for_callee(&self, call: &Shared) -> bool {
        matches!(self.step, Step::Asking | Step::Ringing | Step::Answered)
            && self.warm(call).is_some()
            && self.transfer.callee != CalleeState::Accepted
    }

    /// The caller waits in the conference: the callee is called, once.
    pub(in crate::call::exit) fn call_callee(&mut self, call: &mut Shared) {
        if self.transfer.callee != CalleeState::Uncalled {
            return;
        }
        let Some(Destination { target, caller_id, timeout, .. }) = self.warm(call).cloned() else { return };
        self.transfer.callee = CalleeState::Asked;
        call.act(CallAction::CallCallee { target, caller_id, ring: timeout });
        self.rings(call);
    }

    /// Corrects the carrier's result of a conference: it counts as answered even if only the caller
    /// was in it.
    pub(in crate::call::exit) fn judged(&self, outcome: DialOutcome, call: &Shared) -> DialOutcome {
        let joined = matches!(self.transfer.callee, CalleeState::Accepted | CalleeState::Gone);
        if outcome == DialOutcome::Bridged && self.warm(call).is_some() && !joined {
            DialOutcome::NotTaken
        } else {
            outcome
        }
    }

    /// Hangs up on a callee who rings or listens to the briefing: the caller no longer waits.
    pub(in crate::call::exit) fn drop_callee(&mut self, call: &mut Shared) {
        if let CalleeState::Called(callee) = &self.transfer.callee {
            call.act(CallAction::DropCallee(callee.clone()));
            self.transfer.callee = CalleeState::Gone;
        }
    }

    /// No callee takes the call: the caller is taken out of the conference.
    pub(in crate::call::exit) fn recall(&mut self, outcome: DialOutcome, call: &mut Shared) {
        self.drop_callee(call);
        self.transfer.write_down(outcome.word(), call);
        self.transfer.outcome = Some(outcome);
        self.ask_back(1, call);
    }

    pub(in crate::call::exit) fn ask_back(&mut self, tries: u32, call: &mut Shared) {
        call.act(CallAction::AskHandover(None));
        (self.step, self.until) = (Step::Recalling(tries), call.after(ASKING));
    }

    pub(in crate::call::exit) fn returns(&mut self, call: &Shared) {
        (self.step, self.until) = (Step::Returning, call.after(RETURNING));
    }
}

impl Transfer {
    /// Whether the caller revokes the transfer by speaking before it begins.
    pub(in crate::call::exit) const fn is_revocable(&self) -> bool {
        match self.by {
            By::Model(_) | By::Caller => true,
            By::Operator | By::Fallback => false,
        }
    }

    /// Records a result in the record and in the audit line.
    pub(in crate::call::exit) fn write_down(&self, outcome: &'static str, call: &mut Shared) {
        let known = call.profile.transfers.contains_key(&self.destination);
        let private = !known && matches!(&self.by, By::Model(asked) if call.is_withheld(asked));
        let named = if private { WITHHELD } else { &self.destination };
        let destination: String = named.chars().take(LONGEST_NAME).collect();
        call.record(Fact::TransferAsked {
            destination: destination.clone(),
            reason: self.reason.clone(),
            outcome: outcome.to_owned(),
        });
        // An unknown name is the model's own text and may be anything.
        let destination = if known { destination } else { "unknown".to_owned() };
        call.tell(Note::TransferReported { destination, by: self.by.word(), outcome });
    }
}

impl By {
    /// The requester's name in the audit line.
    pub(in crate::call::exit) const fn word(&self) -> &'static str {
        match self {
            Self::Model(_) => "model",
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Fallback => "fallback",
        }
    }
}

#[cfg(test)]
impl Request {
    /// The state's name in the table.
    pub(in crate::call::exit) const fn name(&self) -> &'static str {
        match self {
            Self::None => "staying",
            Self::Asked(_) => "requested",
            Self::Granted(_) => "granted",
        }
    }
}

/// Most characters of a destination's name in the record; names of the table are shorter.
const LONGEST_NAME: usize = 64;
/// Longest wait for the carrier's answer to a request. The request is then repeated or skipped; the
/// caller hears silence meanwhile.
pub(in crate::call::exit) const ASKING: Duration = Duration::from_secs(12);
/// How long the carrier's result is awaited beyond the destination's ringing time. Without a result
/// by then, the caller is talking to the destination.
const RINGING_GRACE: Duration = Duration::from_secs(30);
