//! A transfer, from top to bottom: requested, granted, announced, carried out, and undone if no
//! callee takes the call. Pure; part of [`super`].
//!
//! In a cold transfer the carrier dials the destination, after a request of ours or as the answer
//! to its own question how the call continues. In a warm transfer the caller waits in a conference
//! while the callee is called, is briefed and joins by pressing a key. The callee is called once
//! the carrier has the conference, never before: if that call fails, the caller must be somewhere
//! to be brought back from. If the callee does not join, the carrier takes the caller out of the
//! conference.
//!
//! `progress` has the request, the step and its deadline.

pub(super) mod progress;

use std::time::{Duration, Instant};

use serde_json::json;

use self::progress::{ASKING, By, CalleeState, Progress, Request, Step, Transfer};
use super::{Awaiting, Exit, LastWords, Way};
use crate::call::conversation::Conversation;
use crate::call::floor::Interrupter;
use crate::call::line_link::{RETURNING, may_reconnect};
use crate::call::messages::{Briefing, Next};
use crate::call::shared::{Recording, Shared, Stage, exactly};
use crate::call::steps::{CallAction, Note};
use crate::call::transfer::{DialOutcome, TransferRefusal, permitted};
use crate::carrier::Handover;
use crate::carrier::control::CarrierAnswer;
use crate::ending::Ending;
use crate::ids::CarrierCallId;
use crate::line::messages::LineReport;
use crate::profile::destinations::Destination;
use crate::realtime::messages::{ResponsePurpose, TextRole};
use crate::tools::plan::failure;

/// First: a transfer is requested and granted.
impl Exit {
    /// Whether the caller may be transferred to `destination` now.
    ///
    /// # Errors
    /// Why not.
    pub(in crate::call) fn may_transfer(
        &self,
        destination: &str,
        now: Instant,
        talk: &Conversation,
    ) -> Result<(), TransferRefusal> {
        let call = &talk.call;
        let moment = call.means.started_at + now.saturating_duration_since(call.started);
        let to = permitted(&call.profile.transfers, destination, handover(call), moment)?;
        if to.briefing.is_some() && !call.means.requests {
            // The callee could not be called, and the caller could not be taken out of the
            // conference.
            return Err(TransferRefusal::Unreachable);
        }
        match (self.stage(talk), &self.request) {
            (Stage::Talking, Request::None) => Ok(()),
            _ => Err(TransferRefusal::WrongState { state: self.state(talk) }),
        }
    }

    /// Requests a transfer to a destination.
    pub(in crate::call) fn transfer_asked(
        &mut self,
        destination: String,
        reason: String,
        summary: String,
        by: By,
        talk: &mut Conversation,
    ) {
        let transfer = Transfer { destination, reason, summary, by, callee: CalleeState::Uncalled, outcome: None };
        let cut = matches!(&transfer.by, By::Model(asked) if talk.floor.was_cut(asked));
        match self.may_transfer(&transfer.destination, talk.call.now, talk) {
            Ok(()) if cut => self.refuse(&transfer, "called_off", "the caller spoke, so the call goes on", talk),
            Ok(()) => {
                let destination = transfer.destination.clone();
                let most_an_hour = talk.call.profile.transfers.get(&destination).map_or(0, |it| it.most_an_hour);
                talk.call.act(CallAction::AskTransferPermit { destination, most_an_hour });
                self.request = Request::Asked(transfer);
            }
            Err(refusal) => self.refuse(&transfer, refusal.word(), &refusal.to_string(), talk),
        }
    }

    /// Transfers a caller without a model to the configured fallback. Returns `false` if there is
    /// none or it is not allowed.
    pub(super) fn falls_back(&mut self, talk: &mut Conversation) -> bool {
        let Some(destination) = talk.call.profile.on_model_loss.clone() else { return false };
        self.transfer_asked(destination, "the model was lost".to_owned(), String::new(), By::Fallback, talk);
        !matches!(self.request, Request::None)
    }

    /// The Supervisor has counted the transfer.
    pub(in crate::call) fn transfer_permit_given(&mut self, granted: bool, talk: &mut Conversation) {
        let transfer = match std::mem::replace(&mut self.request, Request::None) {
            Request::None => return,
            Request::Asked(transfer) | Request::Granted(transfer) => transfer,
        };
        // Without a model nothing is cut: the queued audio plays.
        if granted && talk.floor.must_be_heard() && !talk.model.is_gone() {
            self.request = Request::Granted(transfer);
            return;
        }
        let refusal = self.may_transfer(&transfer.destination, talk.call.now, talk).err();
        if let Some(refusal) = refusal.or((!granted).then_some(TransferRefusal::TooMany)) {
            self.refuse(&transfer, refusal.word(), &refusal.to_string(), talk);
            if talk.model.is_gone() && self.stage(talk) == Stage::Talking {
                // No model is left to speak with the caller.
                self.close(Ending::ModelLost, Awaiting::Silence, talk);
            }
            return;
        }
        self.announce(transfer, talk);
    }

    /// The legal notice was heard. Returns whether a transfer has waited for it.
    pub(in crate::call) fn notice_is_over(&mut self, talk: &mut Conversation) -> bool {
        let waited = matches!(self.request, Request::Granted(_));
        if waited {
            self.transfer_permit_given(true, talk);
        }
        waited
    }

    /// Refuses a transfer and reports that to the requester.
    fn refuse(&self, transfer: &Transfer, word: &'static str, reason: &str, talk: &mut Conversation) {
        let stage = self.stage(talk);
        transfer.write_down(word, &mut talk.call);
        match &transfer.by {
            By::Model(asked) => talk.answer_tool(asked, failure(reason), true, stage),
            By::Caller if stage == Stage::Talking => {
                let words = format!("Tell the caller in one short sentence that they cannot be put through: {reason}.");
                talk.floor.request(ResponsePurpose::Keypad, Some(words), &mut talk.call);
            }
            // An operator has an answer, or reads the log; the call continues as it was.
            By::Caller | By::Operator | By::Fallback => {}
        }
    }

    /// Drops the transfer, because the caller or an order came first.
    pub(in crate::call) fn call_off(&mut self, talk: &mut Conversation) {
        if let Way::Announcing(transfer, _) = &self.way {
            transfer.write_down("called_off", &mut talk.call);
            self.way = Way::Staying;
        }
        match std::mem::replace(&mut self.request, Request::None) {
            Request::None => {}
            Request::Asked(transfer) | Request::Granted(transfer) => {
                transfer.write_down("called_off", &mut talk.call);
            }
        }
    }
}

/// Second: the transfer is announced, and begins once the last words were heard.
impl Exit {
    fn announce(&mut self, transfer: Transfer, talk: &mut Conversation) {
        if let By::Model(asked) = &transfer.by {
            let answer = json!({"ok": true, "note": "The caller is put through once your last word was heard. Say nothing more."});
            talk.answer_tool(asked, answer.to_string(), false, Stage::Talking);
        }
        let announced = talk.call.profile.transfers.get(&transfer.destination).and_then(|it| it.announce.clone());
        let words = match (&transfer.by, announced) {
            // No model can speak; the apology plays to its end.
            _ if talk.model.is_gone() => None,
            (_, Some(words)) => Some(exactly(&words)),
            (By::Model(_), None) => None,
            (By::Caller | By::Operator | By::Fallback, None) => Some(ANNOUNCEMENT.to_owned()),
        };
        if !talk.model.is_gone() && !matches!(transfer.by, By::Model(_)) {
            talk.floor.interrupt(Interrupter::Us, &mut talk.call);
        }
        let awaiting = match &words {
            Some(_) => Awaiting::Goodbye,
            None if talk.floor.is_generating() => Awaiting::Words,
            None => Awaiting::Silence,
        };
        self.way = Way::Announcing(transfer, LastWords::new(awaiting, talk));
        if let Some(words) = words {
            talk.floor.request(ResponsePurpose::Goodbye, Some(words), &mut talk.call);
        }
    }

    /// The last words before the transfer were heard: the carrier dials.
    pub(super) fn begin(&mut self, transfer: Transfer, talk: &mut Conversation) {
        talk.call.act(CallAction::DetachModel);
        transfer.write_down("dialled", &mut talk.call);
        if talk.call.means.requests {
            let to = match handover(&talk.call) {
                Some(Handover::Command { .. }) => {
                    talk.call.profile.transfers.get(&transfer.destination).map(|to| to.target.clone())
                }
                // The carrier gets the destination when it asks what follows the stream.
                Some(Handover::Document) | None => None,
            };
            talk.call.act(CallAction::AskHandover(to));
            self.way = Way::Transferring(Progress { transfer, step: Step::Asking, until: talk.call.after(ASKING) });
        } else {
            talk.call.act(CallAction::ReleaseLine);
            self.way = Way::Transferring(Progress::ringing(transfer, &talk.call));
        }
    }

    /// The carrier has answered our request.
    pub(in crate::call) fn carrier_answered(&mut self, answer: CarrierAnswer, talk: &mut Conversation) {
        let Way::Transferring(on) = &mut self.way else { return };
        match (on.step, answer) {
            (Step::Asking, CarrierAnswer::Done) => on.rings(&talk.call),
            (Step::Recalling(_), CarrierAnswer::Done) => on.returns(&talk.call),
            (Step::Asking | Step::Recalling(_), CarrierAnswer::Gone) => self.finish(Ending::CallerHungUp, talk),
            (Step::Asking, CarrierAnswer::Failed { reason }) => {
                talk.call.tell(Note::CarrierRefused { reason });
                if handover(&talk.call) == Some(Handover::Document) {
                    // The carrier gets the destination when it asks what follows the stream.
                    talk.call.act(CallAction::ReleaseLine);
                    return on.rings(&talk.call);
                }
                on.transfer.write_down(DialOutcome::Failed.word(), &mut talk.call);
                self.come_back(talk);
            }
            (Step::Recalling(tries), CarrierAnswer::Failed { reason }) => {
                talk.call.tell(Note::CarrierRefused { reason });
                if tries >= RECALLS {
                    return self.finish(Ending::LineLost, talk);
                }
                (on.step, on.until) = (Step::Pausing(tries), talk.call.after(RECALL_PAUSE));
            }
            // The answer is too late to matter.
            (Step::Ringing | Step::Answered | Step::Pausing(_) | Step::Returning, _) => {}
        }
    }
}

/// Third: the carrier asks how the call continues, and gets an answer.
impl Exit {
    /// Returns how the call continues after the end of its stream or of a dialled leg.
    pub(in crate::call) fn next(&self, talk: &Conversation) -> Next {
        let stage = self.stage(talk);
        let Way::Transferring(Progress { transfer, step, .. }) = &self.way else {
            let another =
                matches!(stage, Stage::Connecting | Stage::Talking | Stage::TakenOver) && talk.line.is_offered();
            return if another || stage == Stage::Broken { Next::Return } else { Next::HangUp };
        };
        match (step, talk.call.profile.transfers.get(&transfer.destination)) {
            (Step::Recalling(_) | Step::Pausing(_) | Step::Returning, _) => Next::Return,
            (Step::Asking | Step::Ringing | Step::Answered, Some(to)) if to.briefing.is_some() => Next::Meet,
            (Step::Asking | Step::Ringing | Step::Answered, Some(destination)) => Next::Dial {
                name: transfer.destination.clone(),
                destination: Box::new(destination.clone()),
                reason: transfer.reason.clone(),
                language: spoken_to(destination, talk),
            },
            (Step::Asking | Step::Ringing | Step::Answered, None) => Next::HangUp,
        }
    }

    /// The carrier has asked how the call continues, and gets the answer of [`Self::next`].
    pub(in crate::call) fn next_asked(&mut self, talk: &mut Conversation) {
        match (self.stage(talk), &self.way) {
            (Stage::Closing | Stage::Broken, Way::Announcing(..)) => self.rings_before_all_was_heard(talk),
            (Stage::Connecting | Stage::Talking | Stage::TakenOver | Stage::Broken, _) if may_reconnect(&talk.call) => {
                talk.line.stream_offered(&talk.call);
            }
            _ => {}
        }
        let Way::Transferring(on) = &mut self.way else { return };
        match on.step {
            Step::Recalling(_) | Step::Pausing(_) => on.returns(&talk.call),
            Step::Asking | Step::Ringing | Step::Answered => on.call_callee(&mut talk.call),
            Step::Returning => {}
        }
    }

    /// The stream ended before the last words were heard. The caller hears the ringing instead of
    /// the rest of the announcement.
    fn rings_before_all_was_heard(&mut self, talk: &mut Conversation) {
        if self.stage(talk) == Stage::Closing {
            talk.line_breaks(Stage::Closing);
        }
        talk.line.mended();
        if let Way::Announcing(transfer, _) = std::mem::replace(&mut self.way, Way::Staying) {
            transfer.write_down("dialled", &mut talk.call);
            self.way = Way::Transferring(Progress::ringing(transfer, &talk.call));
        }
    }

    /// The dialled destination was answered, by a person or a machine.
    pub(in crate::call) fn dial_answered(&mut self) {
        if let Way::Transferring(Progress { step: step @ (Step::Asking | Step::Ringing), .. }) = &mut self.way {
            *step = Step::Answered;
        }
    }

    /// The dialled leg has ended.
    pub(in crate::call) fn dial_ended(&mut self, outcome: DialOutcome, talk: &mut Conversation) {
        let Way::Transferring(on) = &mut self.way else { return };
        if !matches!(on.step, Step::Asking | Step::Ringing | Step::Answered) {
            return;
        }
        let outcome = on.judged(outcome, &talk.call);
        on.transfer.write_down(outcome.word(), &mut talk.call);
        if outcome == DialOutcome::Bridged {
            return self.finish(Ending::Transferred, talk);
        }
        on.drop_callee(&mut talk.call);
        on.transfer.outcome = Some(outcome);
        on.returns(&talk.call);
    }

    /// The stream reports its end while the caller is being transferred.
    pub(in crate::call) fn line_ends_beneath(&mut self, report: &LineReport, talk: &mut Conversation) {
        let Way::Transferring(on) = &self.way else { return };
        match (handover(&talk.call), report) {
            (_, LineReport::CallOver) if on.step == Step::Answered => self.finish(Ending::Transferred, talk),
            (_, LineReport::CallOver) => self.finish(Ending::CallerHungUp, talk),
            // The carrier has transferred the caller.
            (Some(Handover::Command { .. }), _) => {
                on.transfer.write_down(DialOutcome::Bridged.word(), &mut talk.call);
                self.finish(Ending::Transferred, talk);
            }
            // The stream ends so that the carrier can dial.
            (Some(Handover::Document) | None, _) => {}
        }
    }

    /// The carrier's next report did not come in time.
    pub(in crate::call) fn transfer_overdue(&mut self, talk: &mut Conversation) {
        let waits = self.waits_for_callee(talk);
        let Way::Transferring(on) = &mut self.way else { return };
        match on.step {
            Step::Asking | Step::Recalling(_) => {
                let reason = "the carrier did not answer in time".to_owned();
                self.carrier_answered(CarrierAnswer::Failed { reason }, talk);
            }
            Step::Ringing | Step::Answered if waits => on.recall(DialOutcome::NotTaken, &mut talk.call),
            Step::Pausing(tries) => on.ask_back(tries + 1, &mut talk.call),
            // The carrier rings no longer than this: the caller is talking to the destination, and
            // the call is no longer ours.
            Step::Ringing | Step::Answered => {
                on.transfer.write_down("handed_over", &mut talk.call);
                self.finish(Ending::Transferred, talk);
            }
            Step::Returning => self.finish(Ending::LineLost, talk),
        }
    }
}

/// Returns the language of announcements to the destination.
fn spoken_to(destination: &Destination, talk: &Conversation) -> String {
    destination.language.as_ref().unwrap_or(&talk.call.language).clone()
}

/// Fourth, in a warm transfer: the callee is called, and joins or does not.
impl Exit {
    /// Whether the caller waits for a callee who has not taken the call.
    pub(in crate::call) fn waits_for_callee(&self, talk: &Conversation) -> bool {
        matches!(&self.way, Way::Transferring(on) if on.waits_for_callee(&talk.call))
    }

    /// The announcement to the callee; `None` if the caller no longer waits for them.
    pub(in crate::call) fn briefing(&self, talk: &Conversation) -> Option<Briefing> {
        let Way::Transferring(on) = &self.way else { return None };
        let destination = on.waits_for_callee(&talk.call).then(|| on.warm(&talk.call))??;
        let words = destination.briefing.as_ref()?;
        // The agent's summary goes in last, so that our placeholders in it are not replaced.
        let (before, after) = words.split_once("{summary}").unwrap_or((words, ""));
        let [before, after] = [before, after].map(|part| part.replace("{reason}", &on.transfer.reason));
        let briefing = if words.contains("{summary}") { before + &on.transfer.summary + &after } else { before };
        let words = briefing.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(Briefing { words, language: spoken_to(destination, talk) })
    }

    /// The carrier has answered our request to call the callee: its id of that call, or why there
    /// is none.
    pub(in crate::call) fn callee_called(&mut self, answer: Result<CarrierCallId, String>, talk: &mut Conversation) {
        let on = match &mut self.way {
            Way::Transferring(on) if on.transfer.callee == CalleeState::Asked => on,
            // The transfer is over, and nobody waits for them.
            Way::Transferring(_) | Way::Staying | Way::Closing(..) | Way::Announcing(..) | Way::Ended(..) => {
                return talk.call.out.extend(answer.ok().map(CallAction::DropCallee));
            }
        };
        let waits = on.waits_for_callee(&talk.call);
        match answer {
            Ok(callee) => {
                on.transfer.callee = CalleeState::Called(callee);
                if !waits {
                    on.drop_callee(&mut talk.call);
                }
            }
            Err(reason) => {
                on.transfer.callee = CalleeState::Gone;
                talk.call.tell(Note::CarrierRefused { reason });
                if waits {
                    on.recall(DialOutcome::Failed, &mut talk.call);
                }
            }
        }
    }

    /// The callee has pressed the key and takes the call, if the caller still waits for them.
    pub(in crate::call) fn callee_accepted(&mut self, talk: &mut Conversation) {
        let mut next = Next::HangUp;
        if let Way::Transferring(on) = &mut self.way
            && on.waits_for_callee(&talk.call)
        {
            on.transfer.callee = CalleeState::Accepted;
            on.step = Step::Answered;
            next = Next::Meet;
        }
        talk.call.act(CallAction::Reply(next));
    }

    /// The callee's line has ended.
    pub(in crate::call) fn callee_ended(&mut self, outcome: DialOutcome, talk: &mut Conversation) {
        let Way::Transferring(on) = &mut self.way else { return };
        if !matches!(on.step, Step::Ringing | Step::Answered) {
            return;
        }
        match std::mem::replace(&mut on.transfer.callee, CalleeState::Gone) {
            CalleeState::Asked | CalleeState::Called(_) => {
                // The line was answered and ended without the key: by a machine, or by a callee who
                // declined.
                let outcome = if outcome == DialOutcome::Bridged { DialOutcome::NotTaken } else { outcome };
                on.recall(outcome, &mut talk.call);
            }
            // The carrier reports the conference's end next, or the callee hung up before they were
            // in it.
            CalleeState::Accepted => on.until = talk.call.after(PARTING),
            before @ (CalleeState::Uncalled | CalleeState::Gone) => on.transfer.callee = before,
        }
    }
}

/// Last: no callee took the call, and the caller returns.
impl Exit {
    /// The carrier has the document of another stream for the caller. It has ended whatever it
    /// dialled.
    pub(super) fn returns_by_itself(&mut self, talk: &mut Conversation) {
        let Way::Transferring(on) = &mut self.way else { return };
        let until = talk.call.after(RETURNING);
        if matches!(on.step, Step::Asking | Step::Ringing | Step::Answered) {
            on.drop_callee(&mut talk.call);
            on.transfer.write_down(DialOutcome::Failed.word(), &mut talk.call);
            on.until = until;
        }
        (on.step, on.until) = (Step::Returning, on.until.max(until));
    }

    /// The caller is back with the agent, who gets the reason.
    pub(super) fn come_back(&mut self, talk: &mut Conversation) {
        let Way::Transferring(Progress { transfer, .. }) = std::mem::replace(&mut self.way, Way::Staying) else {
            return;
        };
        talk.floor.comes_back();
        if talk.model.is_gone() {
            talk.call.apologise();
            return self.close(Ending::ModelLost, Awaiting::Silence, talk);
        }
        talk.call.attach_model();
        if talk.call.recording == Recording::Paused {
            // The new line has its own recorder, which does not know of the pause.
            talk.call.act(CallAction::PauseRecording(true));
        }
        let (to, reason) = (&transfer.destination, transfer.outcome.unwrap_or(DialOutcome::Failed).for_model());
        let text = format!("The transfer to {to} did not come about: {reason}. The caller is back with you.");
        talk.call.add_text(TextRole::Instruction, text);
        let words = format!(
            "Tell the caller in one or two short sentences that they could not be put through because {reason}, and offer another way."
        );
        talk.floor.request(ResponsePurpose::Notice, Some(words), &mut talk.call);
    }
}

/// How this line transfers a caller, if it can at all. A line that transfers by request needs the
/// carrier's API.
fn handover(call: &Shared) -> Option<Handover> {
    call.means.handover.filter(|handover| *handover == Handover::Document || call.means.requests)
}

/// The announcement if none is configured and the agent has not made one.
const ANNOUNCEMENT: &str = "Tell the caller in one short sentence that they are being put through now. Ask nothing.";
/// Most requests to the carrier to take a caller out of the conference, before they are given up.
const RECALLS: u32 = 5;
/// The pause between two such requests. Longer means more hold music; shorter would burden a
/// carrier in trouble.
const RECALL_PAUSE: Duration = Duration::from_secs(2);
/// How long after the end of a callee's line the carrier's report on the conference is awaited.
/// Without a report by then, the callee never joined.
const PARTING: Duration = Duration::from_secs(5);
