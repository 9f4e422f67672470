//! A transfer as data: what was asked for, how far it is, and what each step waits for. Pure; part of [`super`].

use std::time::{Duration, Instant};

use crate::call::line_link::RETURNING;
use crate::call::shared::Shared;
use crate::call::steps::{CallAction, Note};
use crate::call::transfer::DialOutcome;
use crate::ids::CarrierCallId;
use crate::profile::destinations::Destination;
use crate::realtime::report::ToolCall;
use crate::transcript::messages::{Fact, WITHHELD};

/// A transfer that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Transfer {
    /// Where to, a name of the table.
    pub(super) destination: String,
    /// Why, in the words of whoever asked.
    pub(super) reason: String,
    /// What the call was about so far, for the person who takes it.
    pub(super) summary: String,
    pub(super) by: By,
    /// The person who is called, where the transfer is a warm one.
    pub(super) person: Person,
    /// How the carrier's dialling went, once it has said so.
    pub(super) outcome: Option<DialOutcome>,
}

/// Who asked for a transfer.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::call) enum By {
    /// The model, by its tool; it is told what came of it.
    Model(ToolCall),
    /// The caller, by a key.
    Caller,
    /// A person at the admin endpoint.
    Operator,
    /// Nobody can speak with the caller any more: the configured fallback.
    Fallback,
}

/// The person whom a warm transfer calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Person {
    /// Not called yet, because the caller does not wait in the conference yet; or never, because the transfer is no warm one.
    Uncalled,
    /// The carrier has been told to call them and has not answered.
    Asked,
    /// The carrier calls them, under this name.
    Called(CarrierCallId),
    /// They have pressed the key and are joined with the caller.
    Took,
    /// Their line is down.
    Gone,
}

/// A transfer that has not begun.
#[derive(Debug)]
pub(super) enum Request {
    None,
    /// The Supervisor counts it.
    Asked(Transfer),
    /// It may be made, and waits for the end of the legal notice.
    Granted(Transfer),
}

/// A transfer that is being carried out.
#[derive(Debug)]
pub(super) struct HandOver {
    pub(super) transfer: Transfer,
    pub(super) step: Step,
    /// When the step is given up on.
    pub(super) until: Instant,
}

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The carrier has been told by a request whose answer is awaited.
    Asking,
    /// The destination rings.
    Ringing,
    /// Somebody, or something, has answered, and may be speaking with the caller.
    Answered,
    /// The caller waits in a conference that nobody joins: the carrier has been told so often to take them out of it.
    Recalling(u32),
    /// It did not, and will be told again.
    Pausing(u32),
    /// The caller comes back: the carrier has been told to open another stream.
    Returning,
}

impl HandOver {
    /// The carrier rings the destination.
    pub(super) fn ringing(transfer: Transfer, call: &Shared) -> Self {
        let mut on = Self { transfer, step: Step::Ringing, until: call.now };
        on.rings(call);
        on
    }

    pub(super) fn rings(&mut self, call: &Shared) {
        let destination = call.profile.transfers.get(&self.transfer.destination);
        let longest = destination.map_or(RINGING_GRACE, |destination| destination.timeout + RINGING_GRACE);
        (self.step, self.until) = (Step::Ringing, call.after(longest));
    }

    /// When the step is given up on.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    /// The state's name in the table.
    #[cfg(test)]
    pub(super) const fn name(&self) -> &'static str {
        match self.step {
            Step::Asking => "asking",
            Step::Ringing => "ringing",
            Step::Answered => "answered",
            Step::Recalling(_) => "recalling",
            Step::Pausing(_) => "pausing",
            Step::Returning => "returning",
        }
    }

    /// The destination, where the transfer is a warm one.
    pub(super) fn warm<'c>(&self, call: &'c Shared) -> Option<&'c Destination> {
        call.profile.transfers.get(&self.transfer.destination).filter(|to| to.briefing.is_some())
    }

    pub(super) fn waits_for_person(&self, call: &Shared) -> bool {
        matches!(self.step, Step::Asking | Step::Ringing | Step::Answered)
            && self.warm(call).is_some()
            && self.transfer.person != Person::Took
    }

    /// The caller waits in the conference: the person is called, once.
    pub(super) fn call_person(&mut self, call: &mut Shared) {
        if self.transfer.person != Person::Uncalled {
            return;
        }
        let Some(Destination { target, caller_id, timeout, .. }) = self.warm(call).cloned() else { return };
        self.transfer.person = Person::Asked;
        call.act(CallAction::CallPerson { target, caller_id, ring: timeout });
        self.rings(call);
    }

    /// How the carrier's word on the conference is to be understood: it ends as answered also when nobody was in it but the caller.
    pub(super) fn judged(&self, outcome: DialOutcome, call: &Shared) -> DialOutcome {
        let joined = matches!(self.transfer.person, Person::Took | Person::Gone);
        if outcome == DialOutcome::Bridged && self.warm(call).is_some() && !joined {
            DialOutcome::NotTaken
        } else {
            outcome
        }
    }

    /// Whoever still rings or listens to the briefing has nobody to speak with.
    pub(super) fn drop_person(&mut self, call: &mut Shared) {
        if let Person::Called(person) = &self.transfer.person {
            call.act(CallAction::DropPerson(person.clone()));
            self.transfer.person = Person::Gone;
        }
    }

    /// Nobody takes the call: the caller is to come out of the conference.
    pub(super) fn recall(&mut self, outcome: DialOutcome, call: &mut Shared) {
        self.drop_person(call);
        self.transfer.write_down(outcome.word(), call);
        self.transfer.outcome = Some(outcome);
        self.ask_back(1, call);
    }

    pub(super) fn ask_back(&mut self, tries: u32, call: &mut Shared) {
        call.act(CallAction::AskHandover);
        (self.step, self.until) = (Step::Recalling(tries), call.after(ASKING));
    }

    pub(super) fn returns(&mut self, call: &Shared) {
        (self.step, self.until) = (Step::Returning, call.after(RETURNING));
    }
}

impl Transfer {
    /// Whether the caller calls it off by speaking before it is carried out.
    pub(super) const fn is_revocable(&self) -> bool {
        match self.by {
            By::Model(_) | By::Caller => true,
            By::Operator | By::Fallback => false,
        }
    }

    /// Something came of it: the record's line and the audit's.
    pub(super) fn write_down(&self, outcome: &'static str, call: &mut Shared) {
        let known = call.profile.transfers.contains_key(&self.destination);
        let private = !known && matches!(&self.by, By::Model(asked) if call.is_withheld(asked));
        let named = if private { WITHHELD } else { &self.destination };
        let destination: String = named.chars().take(LONGEST_NAME).collect();
        call.record(Fact::TransferAsked {
            destination: destination.clone(),
            reason: self.reason.clone(),
            outcome: outcome.to_owned(),
        });
        // What is no name of the table is the model's own word and may be anything.
        let destination = if known { destination } else { "unknown".to_owned() };
        call.tell(Note::TransferTold { destination, by: self.by.word(), outcome });
    }
}

impl By {
    /// The word in the audit line.
    pub(super) const fn word(&self) -> &'static str {
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
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::None => "staying",
            Self::Asked(_) => "requested",
            Self::Granted(_) => "granted",
        }
    }
}

/// Characters of a destination's name in the record; names of the table are shorter.
const LONGEST_NAME: usize = 64;
/// Longest wait for the carrier to answer our request. It is asked again or done without; the caller hears silence meanwhile.
pub(super) const ASKING: Duration = Duration::from_secs(12);
/// How much longer than the destination may ring the carrier's word on it is awaited. When nothing is said by then, somebody is
/// speaking with the caller.
const RINGING_GRACE: Duration = Duration::from_secs(30);
