//! Transfers: asked for, granted, announced, carried out, and undone when nobody takes the call. Part of [`super`].

use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::ends::{Awaiting, SILENCE};
use super::hearing::exactly;
use super::keys::Recording;
use super::{CallMachine, State};
use crate::call::messages::Next;
use crate::call::steps::{CallAction, Note};
use crate::call::transfer::{
    ASKING, By, DialOutcome, RETURNING, RINGING_GRACE, Stage, Transfer, TransferRefusal, Transferring, permitted,
};
use crate::call::turn::Interrupter;
use crate::carrier::Handover;
use crate::carrier::control::CarrierAnswer;
use crate::ending::Ending;
use crate::line::messages::LineReport;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};
use crate::tools::plan::failure;
use crate::transcript::messages::Fact;

/// What the call's line can do, and when it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Means {
    /// How its carrier hands a caller on.
    pub handover: Option<Handover>,
    /// Whether the carrier can be asked over its API.
    pub requests: bool,
    /// When the call's time began by the wall, for opening hours.
    pub started_at: DateTime<Utc>,
}

impl CallMachine {
    /// Whether the caller may be sent to `destination` now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_transfer(&self, destination: &str, now: Instant) -> Result<(), TransferRefusal> {
        let moment = self.means.started_at + now.saturating_duration_since(self.started);
        let to = permitted(&self.profile.transfers, destination, self.handover(), moment)?;
        if to.briefing.is_some() && !self.means.requests {
            // Nobody could be called, and nobody be taken out of the conference again.
            return Err(TransferRefusal::Unreachable);
        }
        let under_way = self.transfer.is_some();
        match self.state {
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking if !under_way => Ok(()),
            State::Connecting
            | State::Greeting
            | State::Listening
            | State::Thinking { .. }
            | State::Speaking
            | State::Closing(_)
            | State::Reconnecting(_)
            | State::Transferring(_)
            | State::Ended(_) => Err(TransferRefusal::WrongState { state: self.state.name() }),
        }
    }

    /// How the call goes on, once its stream or a dialled destination has ended.
    pub fn next(&self) -> Next {
        if matches!(self.state, State::Reconnecting(_)) || (self.has_line() && self.offered.is_some()) {
            return Next::Return;
        }
        let (State::Transferring(Transferring { stage, .. }), Some(transfer)) = (self.state, &self.transfer) else {
            return Next::HangUp;
        };
        match (stage, self.profile.transfers.get(&transfer.destination)) {
            (Stage::Returning | Stage::Recalling { .. }, _) => Next::Return,
            (Stage::Asking | Stage::Dialling { .. }, Some(destination)) if destination.briefing.is_some() => Next::Meet,
            (Stage::Asking | Stage::Dialling { .. }, Some(destination)) => Next::Dial {
                name: transfer.destination.clone(),
                destination: Box::new(destination.clone()),
                reason: transfer.reason.clone(),
                language: self.language.clone(),
            },
            (Stage::Asking | Stage::Dialling { .. }, None) => Next::HangUp,
        }
    }

    pub(super) fn transfer_asked(&mut self, transfer: Transfer, now: Instant) {
        let cut = matches!(&transfer.by, By::Model(call) if self.turn.was_cut(call));
        match self.may_transfer(&transfer.destination, now) {
            Ok(()) if cut => self.refuse(&transfer, "called_off", "the caller spoke, so the call goes on"),
            Ok(()) => {
                let destination = transfer.destination.clone();
                let most_an_hour = self.profile.transfers.get(&destination).map_or(0, |it| it.most_an_hour);
                self.out.push(CallAction::AskTransferPermit { destination, most_an_hour });
                self.transfer = Some(transfer);
            }
            Err(refusal) => self.refuse(&transfer, refusal.word(), &refusal.to_string()),
        }
    }

    /// The Supervisor has counted the transfer.
    pub(super) fn transfer_permit_given(&mut self, granted: bool, now: Instant) {
        if granted && self.transfer.is_some() && self.transfer_waits() {
            return;
        }
        let Some(transfer) = self.transfer.take() else { return };
        let refusal = self.may_transfer(&transfer.destination, now).err();
        if let Some(refusal) = refusal.or((!granted).then_some(TransferRefusal::TooMany)) {
            self.refuse(&transfer, refusal.word(), &refusal.to_string());
            let elsewhere = matches!(self.state, State::Closing(_) | State::Reconnecting(_) | State::Transferring(_));
            if self.mindless && !elsewhere {
                // Nobody is left who could speak with the caller.
                self.close(Ending::ModelLost, SILENCE, now);
            }
            return;
        }
        if let By::Model(call) = &transfer.by {
            let told = json!({"ok": true, "note": "The caller is put through once your last word was heard. Say nothing more."});
            self.answer_tool(call, told.to_string(), false);
        }
        let announced = self.profile.transfers.get(&transfer.destination).and_then(|it| it.announce.clone());
        let words = match (&transfer.by, announced) {
            // Nobody is there to say anything; the apology is heard to its end.
            _ if self.mindless => None,
            (_, Some(words)) => Some(exactly(&words)),
            (By::Model(_), None) => None,
            (By::Caller | By::Operator | By::Fallback, None) => Some(ANNOUNCEMENT.to_owned()),
        };
        if !self.mindless && !matches!(transfer.by, By::Model(_)) {
            self.turn.interrupt(Interrupter::Us, now, &mut self.out);
        }
        self.transfer = Some(transfer);
        match words {
            Some(words) => {
                self.close(Ending::Transferred, Awaiting::Goodbye, now);
                self.request(ResponsePurpose::Goodbye, Some(words));
            }
            None if self.turn.is_generating() => self.close(Ending::Transferred, Awaiting::Words, now),
            None => self.close(Ending::Transferred, SILENCE, now),
        }
    }

    /// The last word before the transfer was heard: the carrier is to ring.
    pub(super) fn hand_over(&mut self, now: Instant) {
        self.out.push(CallAction::DetachModel);
        self.told("dialled");
        if self.means.requests {
            self.out.push(CallAction::AskHandover);
            // A time beyond what the clock can say is no time at all.
            let until = now.checked_add(ASKING).unwrap_or(now);
            self.state = State::Transferring(Transferring { stage: Stage::Asking, until });
        } else {
            self.out.push(CallAction::ReleaseLine);
            self.dial(now);
        }
    }

    /// The carrier has answered a request of ours.
    pub(super) fn carrier_answered(&mut self, answer: CarrierAnswer, now: Instant) {
        match self.state {
            State::Transferring(Transferring { stage: Stage::Asking, .. }) => {}
            State::Transferring(Transferring { stage: Stage::Recalling { tries, asked: true }, .. }) => {
                return self.recall_answered(answer, tries, now);
            }
            // It comes too late to matter.
            State::Connecting
            | State::Greeting
            | State::Listening
            | State::Thinking { .. }
            | State::Speaking
            | State::Closing(_)
            | State::Reconnecting(_)
            | State::Transferring(_)
            | State::Ended(_) => return,
        }
        match answer {
            CarrierAnswer::Done => self.dial(now),
            CarrierAnswer::Gone => self.finish(Ending::CallerHungUp),
            CarrierAnswer::Failed { reason } => {
                self.tell(Note::CarrierRefused { reason });
                match self.handover() {
                    // What it was not told, it is told when it asks what follows the stream.
                    Some(Handover::Document) => {
                        self.out.push(CallAction::ReleaseLine);
                        self.dial(now);
                    }
                    Some(Handover::Command) | None => {
                        self.told(DialOutcome::Failed.word());
                        self.come_back(DialOutcome::Failed, now);
                    }
                }
            }
        }
    }

    pub(super) fn dial_answered(&mut self) {
        if let State::Transferring(on @ Transferring { stage: Stage::Asking | Stage::Dialling { .. }, .. }) = self.state
        {
            self.state = State::Transferring(Transferring { stage: Stage::Dialling { answered: true }, ..on });
        }
    }

    pub(super) fn dial_ended(&mut self, outcome: DialOutcome, now: Instant) {
        let State::Transferring(Transferring { stage: Stage::Asking | Stage::Dialling { .. }, .. }) = self.state else {
            return;
        };
        let outcome = self.judged(outcome);
        self.told(outcome.word());
        if outcome == DialOutcome::Bridged {
            return self.finish(Ending::Transferred);
        }
        self.drop_person();
        if let Some(transfer) = &mut self.transfer {
            transfer.outcome = Some(outcome);
        }
        let until = now.checked_add(RETURNING).unwrap_or(now);
        self.state = State::Transferring(Transferring { stage: Stage::Returning, until });
    }

    /// The caller is back on another stream.
    pub(super) fn line_returned(&mut self, now: Instant) {
        if !matches!(self.state, State::Reconnecting(_) | State::Transferring(_)) {
            return;
        }
        self.offered = None;
        self.earlier_lines += u32::from(std::mem::replace(&mut self.line_open, true));
        if let State::Reconnecting(broken) = self.state {
            return self.line_resumes(broken, now);
        }
        let outcome = self.transfer.as_ref().and_then(|transfer| transfer.outcome);
        self.come_back(outcome.unwrap_or(DialOutcome::Failed), now);
    }

    /// The line says that it ends while the caller is being handed on.
    pub(super) fn line_ends_beneath(&mut self, report: &LineReport, on: Transferring) {
        self.line_open &= *report != LineReport::Closed;
        let answered = on.stage == Stage::Dialling { answered: true };
        match (self.handover(), report) {
            (_, LineReport::CallOver) if answered => self.finish(Ending::Transferred),
            (_, LineReport::CallOver) => self.finish(Ending::CallerHungUp),
            // It has handed the caller on.
            (Some(Handover::Command), _) => {
                self.told(DialOutcome::Bridged.word());
                self.finish(Ending::Transferred);
            }
            // The stream ends so that the carrier can ring.
            (Some(Handover::Document) | None, _) => {}
        }
    }

    /// The carrier's next word has not come in its time.
    pub(super) fn transfer_overdue(&mut self, on: Transferring, now: Instant) {
        match on.stage {
            Stage::Asking => {
                let reason = "the carrier did not answer in time".to_owned();
                self.carrier_answered(CarrierAnswer::Failed { reason }, now);
            }
            Stage::Dialling { .. } if self.waits_for_person() => self.recall(DialOutcome::NotTaken, now),
            Stage::Recalling { tries, asked: false } => self.ask_back(tries + 1, now),
            Stage::Recalling { tries, asked: true } => {
                let reason = "the carrier did not answer in time".to_owned();
                self.recall_answered(CarrierAnswer::Failed { reason }, tries, now);
            }
            // It rang no longer than this: somebody is speaking with the caller, and nothing more is ours to do.
            Stage::Dialling { .. } => {
                self.told("handed_over");
                self.finish(Ending::Transferred);
            }
            Stage::Returning => self.finish(Ending::LineLost),
        }
    }

    /// The transfer will not be made, because the caller or an order came first.
    pub(super) fn call_off(&mut self) {
        if let Some(transfer) = self.transfer.take() {
            self.write_down(&transfer, "called_off");
        }
    }

    /// The carrier rings the destination.
    pub(super) fn dial(&mut self, now: Instant) {
        let ringing = self.transfer.as_ref().and_then(|transfer| self.profile.transfers.get(&transfer.destination));
        let longest = ringing.map_or(RINGING_GRACE, |destination| destination.timeout + RINGING_GRACE);
        let until = now.checked_add(longest).unwrap_or(now);
        self.state = State::Transferring(Transferring { stage: Stage::Dialling { answered: false }, until });
    }

    /// Nobody took the call: the agent has the caller again and knows why.
    fn come_back(&mut self, outcome: DialOutcome, now: Instant) {
        let destination = self.transfer.take().map(|transfer| transfer.destination).unwrap_or_default();
        self.line_heard = now;
        self.caller_speaking = false;
        self.turn.playout_drained();
        self.state = State::Listening;
        if self.mindless {
            self.apologise();
            return self.close(Ending::ModelLost, SILENCE, now);
        }
        self.out.push(CallAction::AttachModel);
        if self.recording == Recording::Paused {
            // Another line is recorded by another hand, which does not know.
            self.out.push(CallAction::PauseRecording(true));
        }
        let told = outcome.told();
        let text = format!("The transfer to {destination} did not come about: {told}. The caller is back with you.");
        self.out.push(CallAction::Order(ModelOrder::AddText { role: TextRole::System, text }));
        let words = format!(
            "Tell the caller in one or two short sentences that they could not be put through because {told}, and offer another way."
        );
        self.request(ResponsePurpose::Notice, Some(words));
    }

    /// Nobody is called; whoever asked is told.
    fn refuse(&mut self, transfer: &Transfer, word: &'static str, told: &str) {
        self.write_down(transfer, word);
        match &transfer.by {
            By::Model(call) => self.answer_tool(call, failure(told), true),
            By::Caller
                if !matches!(
                    self.state,
                    State::Closing(_) | State::Reconnecting(_) | State::Transferring(_) | State::Connecting
                ) =>
            {
                let words = format!("Tell the caller in one short sentence that they cannot be put through: {told}.");
                self.request(ResponsePurpose::Keypad, Some(words));
            }
            // An operator has been answered, or reads the log; the call goes on as it was.
            By::Caller | By::Operator | By::Fallback => {}
        }
    }

    /// Something came of the transfer that is under way.
    pub(super) fn told(&mut self, outcome: &'static str) {
        if let Some(transfer) = self.transfer.clone() {
            self.write_down(&transfer, outcome);
        }
    }

    fn write_down(&mut self, transfer: &Transfer, outcome: &'static str) {
        let Transfer { destination, reason, by, .. } = transfer;
        let destination: String = destination.chars().take(LONGEST_NAME).collect();
        self.record(Fact::TransferAsked {
            destination: destination.clone(),
            reason: reason.clone(),
            outcome: outcome.to_owned(),
        });
        // What is no name of the table is the model's own word and may be anything.
        let known = self.profile.transfers.contains_key(&destination);
        let destination = if known { destination } else { "unknown".to_owned() };
        self.tell(Note::TransferTold { destination, by: by.word(), outcome });
    }

    /// How this line hands a caller on, if it can at all: one that is told by requests needs somebody to tell.
    fn handover(&self) -> Option<Handover> {
        self.means.handover.filter(|handover| *handover == Handover::Document || self.means.requests)
    }
}

/// What the caller is told where nothing is configured and the agent has not said it.
const ANNOUNCEMENT: &str = "Tell the caller in one short sentence that they are being put through now. Ask nothing.";
/// Characters of a destination's name in the record; names of the table are shorter.
const LONGEST_NAME: usize = 64;
