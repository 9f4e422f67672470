//! What operators do with a live call: they let the agent speak, tell it things, and take the call
//! over. Part of [`super`].

use super::CallMachine;
use crate::call::hands::{GO_ON, TAKEN};
use crate::call::messages::SteerRefusal;
use crate::call::shared::{Recording, Stage};
use crate::call::steps::{CallAction, Note, Steer};
use crate::ending::Ending;
use crate::realtime::messages::TextRole;
use crate::transcript::messages::{Fact, Steered, WITHHELD};

impl CallMachine {
    /// Whether the agent may be ordered to say something now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_say(&self) -> Result<(), SteerRefusal> {
        match self.stage() {
            Stage::Talking if self.talk.model.is_gone() => Err(SteerRefusal::NoModel),
            Stage::Talking if self.talk.floor.must_be_heard() => Err(SteerRefusal::NoticePlays),
            Stage::Talking => Ok(()),
            Stage::TakenOver => Err(SteerRefusal::TakenOver),
            Stage::Connecting | Stage::Closing | Stage::Broken | Stage::Transferring | Stage::Ended => {
                Err(SteerRefusal::WrongState { state: self.state() })
            }
        }
    }

    /// Whether the agent may be told something now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_whisper(&self) -> Result<(), SteerRefusal> {
        match self.stage() {
            Stage::Talking | Stage::TakenOver | Stage::Broken if self.talk.model.is_gone() => {
                Err(SteerRefusal::NoModel)
            }
            Stage::Connecting | Stage::Talking | Stage::TakenOver | Stage::Broken => Ok(()),
            Stage::Closing | Stage::Transferring | Stage::Ended => {
                Err(SteerRefusal::WrongState { state: self.state() })
            }
        }
    }

    /// Whether a person may take the call over now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_take_over(&self) -> Result<(), SteerRefusal> {
        match self.stage() {
            _ if self.talk.hands.are_a_persons() => Err(SteerRefusal::TakenOver),
            Stage::Talking if self.talk.floor.must_be_heard() => Err(SteerRefusal::NoticePlays),
            Stage::Talking => Ok(()),
            Stage::Connecting
            | Stage::TakenOver
            | Stage::Closing
            | Stage::Broken
            | Stage::Transferring
            | Stage::Ended => Err(SteerRefusal::WrongState { state: self.state() }),
        }
    }

    /// Whether a person talks with the caller.
    pub fn is_taken_over(&self) -> bool {
        self.talk.hands.are_a_persons()
    }

    pub(super) fn steered(&mut self, order: Steer) {
        let call = &mut self.talk.call;
        let (act, by, text) = match &order {
            Steer::Say { text, by } => (Steered::Said, by, text.as_str()),
            Steer::Whisper { text, by } => (Steered::Whispered, by, text.as_str()),
            Steer::TakeOver { by } => (Steered::TookOver, by, ""),
            Steer::GiveBack { by } => (Steered::GaveBack, by, ""),
        };
        let private = call.recording == Recording::Paused && !text.is_empty();
        let text = if private { WITHHELD } else { text }.to_owned();
        let fact = Fact::Steered { act, by: by.clone(), text };
        match order {
            Steer::Say { .. } if self.may_say().is_err() => return,
            Steer::Say { text, .. } => self.talk.floor.says(&text, &mut self.talk.call),
            Steer::Whisper { .. } if self.may_whisper().is_err() => return,
            Steer::Whisper { text, .. } => self.talk.floor.is_told(&text, &mut self.talk.call),
            Steer::TakeOver { .. } if self.may_take_over().is_err() => return,
            Steer::TakeOver { .. } => self.taken_over(),
            Steer::GiveBack { .. } if !self.talk.hands.are_a_persons() => return,
            Steer::GiveBack { .. } => self.given_back(),
        }
        self.talk.call.record(fact);
    }

    /// A person talks with the caller from now on. The agent's words are cut.
    fn taken_over(&mut self) {
        let stage = self.stage();
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        exit.call_off(talk);
        // Only the greeting can be protected: the legal notice is heard first.
        talk.floor.end_protection(stage, &mut talk.call);
        talk.floor.yields(&mut talk.call);
        talk.hands.take();
        talk.call.act(CallAction::TakeOver(true));
        talk.call.add_text(TextRole::Instruction, TAKEN.to_owned());
        talk.call.tell(Note::TakenOver(true));
    }

    /// The agent has the call again, and goes on with it.
    fn given_back(&mut self) {
        let Some(told) = self.talk.take_back() else { return };
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        let stage = exit.stage(talk);
        if talk.model.is_gone() {
            // Without a line, the caller's return deals with its loss.
            if stage == Stage::Talking {
                exit.model_gone(Ending::ModelLost, talk);
            }
            return;
        }
        talk.call.add_text(TextRole::Instruction, told);
        if stage == Stage::Talking {
            talk.floor.goes_on(GO_ON, &mut talk.call);
        }
    }
}
