//! Warm transfers: the caller waits in a conference while a person is called, told what it is about, and joins by pressing a key. Nobody
//! does: the carrier is told to take the caller out of it, and the agent has them again. Part of [`super`].
//!
//! The person is called once the carrier has been given the conference, never before: a call that cannot be made brings the caller back,
//! and there has to be somewhere to bring them back from.

use std::time::Instant;

use super::{CallMachine, State};
use crate::call::steps::{CallAction, Note};
use crate::call::transfer::{
    ASKING, DialOutcome, PARTING, Person, RECALL_PAUSE, RECALLS, RETURNING, Stage, Transferring,
};
use crate::carrier::control::CarrierAnswer;
use crate::ending::Ending;
use crate::ids::CarrierCallId;
use crate::profile::destinations::Destination;

impl CallMachine {
    /// What a person who answers is told; `None` when nobody waits for them any more.
    pub fn briefing(&self) -> Option<String> {
        let words = self.waits_for_person().then(|| self.warm())??.briefing.as_ref()?;
        let transfer = self.transfer.as_ref()?;
        // What the agent says of a call is put in last: it is not searched for names of ours.
        let (before, after) = words.split_once("{summary}").unwrap_or((words, ""));
        let [before, after] = [before, after].map(|part| part.replace("{reason}", &transfer.reason));
        let briefing = if words.contains("{summary}") { before + &transfer.summary + &after } else { before };
        Some(briefing.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    /// Whether the caller waits for a person who has not taken the call.
    pub fn waits_for_person(&self) -> bool {
        let waiting = matches!(
            self.state,
            State::Transferring(Transferring { stage: Stage::Asking | Stage::Dialling { .. }, .. })
        );
        waiting && self.warm().is_some() && self.transfer.as_ref().is_some_and(|it| it.person != Person::Took)
    }

    /// The carrier has asked how the call goes on, and is given the conference, or the stream that brings the caller back.
    pub(super) fn next_asked(&mut self, now: Instant) {
        self.stream_ended(now);
        let State::Transferring(Transferring { stage, .. }) = self.state else { return };
        match (stage, &mut self.transfer) {
            (Stage::Recalling { .. }, _) => self.returns(now),
            (Stage::Asking | Stage::Dialling { .. }, Some(transfer)) if transfer.person == Person::Uncalled => {
                let destination = self.profile.transfers.get(&transfer.destination).filter(|to| to.briefing.is_some());
                let Some(Destination { target, caller_id, timeout, .. }) = destination.cloned() else { return };
                transfer.person = Person::Asked;
                self.out.push(CallAction::CallPerson { target, caller_id, ring: timeout });
                self.dial(now);
            }
            (Stage::Asking | Stage::Dialling { .. } | Stage::Returning, _) => {}
        }
    }

    pub(super) fn person_called(&mut self, answer: Result<CarrierCallId, String>, now: Instant) {
        let waits = self.waits_for_person();
        let Some(transfer) = self.transfer.as_mut().filter(|it| it.person == Person::Asked) else { return };
        match answer {
            Ok(call) => {
                transfer.person = Person::Called(call);
                if !waits {
                    self.drop_person();
                }
            }
            Err(reason) => {
                transfer.person = Person::Gone;
                self.tell(Note::CarrierRefused { reason });
                if waits {
                    self.recall(DialOutcome::Failed, now);
                }
            }
        }
    }

    pub(super) fn person_took(&mut self) {
        if self.waits_for_person()
            && let Some(transfer) = &mut self.transfer
        {
            transfer.person = Person::Took;
            self.dial_answered();
        }
    }

    pub(super) fn person_ended(&mut self, outcome: DialOutcome, now: Instant) {
        let State::Transferring(on @ Transferring { stage: Stage::Dialling { .. }, .. }) = self.state else { return };
        let Some(transfer) = &mut self.transfer else { return };
        match std::mem::replace(&mut transfer.person, Person::Gone) {
            Person::Asked | Person::Called(_) => {
                // A line that was up and is down again without the key was a machine's, or somebody's who did not want to.
                let outcome = if outcome == DialOutcome::Bridged { DialOutcome::NotTaken } else { outcome };
                self.recall(outcome, now);
            }
            // The conference ends with them, and the carrier says so; or they were gone before they were in it.
            Person::Took => {
                let until = now.checked_add(PARTING).unwrap_or(now);
                self.state = State::Transferring(Transferring { until, ..on });
            }
            before @ (Person::Uncalled | Person::Gone) => transfer.person = before,
        }
    }

    /// Nobody takes the call: the caller is to come out of the conference.
    pub(super) fn recall(&mut self, outcome: DialOutcome, now: Instant) {
        self.drop_person();
        self.told(outcome.word());
        if let Some(transfer) = &mut self.transfer {
            transfer.outcome = Some(outcome);
        }
        self.ask_back(1, now);
    }

    pub(super) fn ask_back(&mut self, tries: u32, now: Instant) {
        self.out.push(CallAction::AskHandover);
        // A time beyond what the clock can say is no time at all.
        let until = now.checked_add(ASKING).unwrap_or(now);
        self.state = State::Transferring(Transferring { stage: Stage::Recalling { tries, asked: true }, until });
    }

    pub(super) fn recall_answered(&mut self, answer: CarrierAnswer, tries: u32, now: Instant) {
        match answer {
            CarrierAnswer::Done => self.returns(now),
            CarrierAnswer::Gone => self.finish(Ending::CallerHungUp),
            CarrierAnswer::Failed { reason } => {
                self.tell(Note::CarrierRefused { reason });
                if tries >= RECALLS {
                    return self.finish(Ending::LineLost);
                }
                let until = now.checked_add(RECALL_PAUSE).unwrap_or(now);
                self.state =
                    State::Transferring(Transferring { stage: Stage::Recalling { tries, asked: false }, until });
            }
        }
    }

    /// How the carrier's word on the conference is to be understood: it ends as answered also when nobody was in it but the caller.
    pub(super) fn judged(&self, outcome: DialOutcome) -> DialOutcome {
        let joined = self.transfer.as_ref().is_none_or(|it| matches!(it.person, Person::Took | Person::Gone));
        if outcome == DialOutcome::Bridged && self.warm().is_some() && !joined {
            DialOutcome::NotTaken
        } else {
            outcome
        }
    }

    /// Whoever still rings or listens to the briefing has nobody to speak with.
    pub(super) fn drop_person(&mut self) {
        let Some(transfer) = &mut self.transfer else { return };
        if let Person::Called(call) = &transfer.person {
            self.out.push(CallAction::DropPerson(call.clone()));
            transfer.person = Person::Gone;
        }
    }

    fn returns(&mut self, now: Instant) {
        let until = now.checked_add(RETURNING).unwrap_or(now);
        self.state = State::Transferring(Transferring { stage: Stage::Returning, until });
    }

    /// The destination, where the transfer is a warm one.
    fn warm(&self) -> Option<&Destination> {
        let destination = self.profile.transfers.get(&self.transfer.as_ref()?.destination)?;
        destination.briefing.is_some().then_some(destination)
    }
}
