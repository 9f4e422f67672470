//! The exit: how a call ends (at once, or after the last words were heard) or is transferred. Pure;
//! one of the regions of [`super::machine`].
//!
//! Every ending goes through [`Exit::finish`], the only function that enters `ended`. The first
//! event names the ending; later events find the call ended and do nothing. Transfers have a file
//! of their own: `transfer`.
//!
//! | state | |
//! |---|---|
//! | staying | the call continues |
//! | requested | a transfer waits for the Supervisor's permit |
//! | granted | the permit is given, and the transfer waits for the end of the legal notice |
//! | closing | the call ends after its last words |
//! | announcing | the transfer begins after its last words |
//! | …, due, speaking, playing | the last words are requested, generated, played |
//! | …, proof | they were heard, as far as is known: a second report proves it |
//! | asking | the carrier is asked to redirect the caller |
//! | calling | the carrier is asked to call the callee of a warm transfer |
//! | ringing, answered | the destination or the callee rings, or has answered |
//! | recalling, pausing | the carrier is asked to redirect the caller back, or will be asked again |
//! | returning | another stream is expected for the caller |
#![doc = include_str!("exit.md")]

mod transfer;

use std::time::{Duration, Instant};

pub(super) use self::transfer::progress::By;
use self::transfer::progress::{Progress, Request, Transfer};
use super::conversation::Conversation;
use super::floor::Interrupter;
use super::line_link::say_it_broke;
use super::messages::{Detected, HangUp};
use super::shared::{Stage, exactly};
use super::steps::{CallAction, Note};
use super::timers::{Timer, TimerTable};
use crate::ending::Ending;
use crate::realtime::messages::{ResponsePurpose, TextRole};
use crate::transcript::messages::Fact;

/// One call's exit.
#[derive(Debug)]
pub(super) struct Exit {
    way: Way,
    /// A transfer that was requested and has not begun.
    request: Request,
}

/// The progress of the call's exit.
#[derive(Debug)]
enum Way {
    /// The call continues.
    Staying,
    /// The call ends after the last words were heard.
    Closing(Ending, LastWords),
    /// The transfer begins after the last words were heard.
    Announcing(Transfer, LastWords),
    /// The caller is being transferred; the end of the stream does not end the call.
    Transferring(Progress),
    /// The call is over.
    Ended(Ending, ReportedBy),
}

/// The last words that the exit waits for.
#[derive(Debug, Clone, Copy)]
struct LastWords {
    /// The end of the wait.
    until: Instant,
    awaiting: Awaiting,
}

/// The progress of the last words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    /// The goodbye was requested and has not begun.
    Goodbye,
    /// The last words are being generated.
    Words,
    /// The last words are playing. A report of silence may have been on its way when the last audio
    /// was queued, so the first report only leads to another question.
    Silence,
    /// The second question is open; its answer is proof.
    Proof,
}

/// The source of the report that the caller is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReportedBy {
    /// Only the stream, by its own end.
    Stream,
    /// Any other source.
    Other,
}

impl Exit {
    pub(super) const fn new() -> Self {
        Self { way: Way::Staying, request: Request::None }
    }

    /// Returns the stage of the conversation.
    pub(super) fn stage(&self, talk: &Conversation) -> Stage {
        match &self.way {
            Way::Ended(..) => Stage::Ended,
            Way::Transferring(_) => Stage::Transferring,
            _ if talk.line.is_broken() => Stage::Broken,
            Way::Closing(..) | Way::Announcing(..) => Stage::Closing,
            Way::Staying if talk.hands.are_a_persons() => Stage::TakenOver,
            Way::Staying if talk.model.is_dialling() => Stage::Connecting,
            Way::Staying => Stage::Talking,
        }
    }

    /// Returns the name of the call's state, as `/calls` shows it.
    pub(super) fn state(&self, talk: &Conversation) -> &'static str {
        match (self.stage(talk), &self.way) {
            (Stage::Connecting, _) => "connecting",
            (Stage::Talking, _) => talk.floor.name(),
            (Stage::TakenOver, _) => "taken_over",
            (Stage::Transferring, _) | (Stage::Closing, Way::Announcing(..)) => "transferring",
            (Stage::Closing, _) => "closing",
            (Stage::Broken, _) => "reconnecting",
            (Stage::Ended, _) => "ended",
        }
    }

    /// The state's name in the table.
    #[cfg(test)]
    pub(super) fn name(&self) -> String {
        match &self.way {
            Way::Staying => self.request.name().to_owned(),
            Way::Closing(_, words) => format!("closing, {}", words.awaiting.name()),
            Way::Announcing(_, words) => format!("announcing, {}", words.awaiting.name()),
            Way::Transferring(on) => on.name().to_owned(),
            Way::Ended(ending, _) => ending.reason().to_owned(),
        }
    }

    /// Why the call ended; `None` before its end.
    pub(super) const fn ending(&self) -> Option<Ending> {
        if let Way::Ended(ending, _) = &self.way { Some(*ending) } else { None }
    }

    /// Whether only the stream's own end reported that the caller is gone.
    pub(super) const fn ended_by_stream(&self) -> bool {
        matches!(&self.way, Way::Ended(_, ReportedBy::Stream))
    }

    /// The ending after the last words; `None` also before a transfer.
    pub(super) const fn closing(&self) -> Option<Ending> {
        if let Way::Closing(ending, _) = &self.way { Some(*ending) } else { None }
    }

    /// Whether the caller revokes the coming end or transfer by speaking. Only the agent's own
    /// decision is revocable, and only while the call could continue.
    pub(super) fn is_revocable(&self, talk: &Conversation) -> bool {
        let may_end = match &self.way {
            Way::Closing(ending, _) => *ending == Ending::AgentHungUp,
            Way::Announcing(transfer, _) => transfer.is_revocable(),
            Way::Staying | Way::Transferring(_) | Way::Ended(..) => false,
        };
        may_end && !talk.model.is_gone() && !talk.line.is_broken()
    }

    /// Sets the deadlines of the exit.
    pub(super) fn timers(&self, timers: &mut TimerTable) {
        match &self.way {
            Way::Closing(_, words) | Way::Announcing(_, words) => timers.set(Timer::Goodbye, Some(words.until)),
            Way::Transferring(on) => timers.set(Timer::Transfer, Some(on.until())),
            Way::Staying | Way::Ended(..) => {}
        }
    }
}

/// Steps towards the end.
impl Exit {
    /// Ends the call on an order from outside.
    pub(super) fn hang_up(&mut self, order: HangUp, talk: &mut Conversation) {
        let ending = match order {
            HangUp::Operator => Ending::OperatorHungUp,
            HangUp::Drain => Ending::Drained,
            HangUp::Spent => Ending::SpendLimit,
        };
        match self.stage(talk) {
            // An order outranks the agent's decision: the caller cannot revoke it by speaking.
            Stage::Closing if self.is_revocable(talk) => {
                if let Some(words) = self.words().copied() {
                    self.call_off(talk);
                    self.way = Way::Closing(ending, words);
                }
            }
            // The call is ending already.
            Stage::Closing | Stage::Ended => {}
            // The transfer needs the service no longer, unless the caller still waits for the
            // callee.
            Stage::Transferring if order != HangUp::Operator && !self.waits_for_callee(talk) => {
                self.finish(Ending::Transferred, talk);
            }
            // The person has said goodbye.
            Stage::TakenOver if order == HangUp::Operator => self.finish(ending, talk),
            Stage::TakenOver => {
                talk.take_back();
                self.say_goodbye(ending, talk);
            }
            // The caller cannot hear a goodbye.
            Stage::Broken | Stage::Transferring => self.finish(ending, talk),
            Stage::Connecting | Stage::Talking => self.say_goodbye(ending, talk),
        }
    }

    /// Handles the carrier's late detection of who answered. A machine is hung up on, or gets a
    /// message. A repeated detection changes nothing.
    pub(super) fn detected(&mut self, Detected { by, note }: Detected, talk: &mut Conversation) {
        if talk.call.detail.answered_by.replace(by) == Some(by) {
            return;
        }
        talk.call.record(Fact::AnsweredBy(by));
        match (note, self.stage(talk)) {
            _ if !by.is_machine() => {}
            (None, _) => self.finish(Ending::AnsweringMachine, talk),
            (Some(note), stage) => talk.floor.leaves_a_message(note, stage, &mut talk.call),
        }
    }

    /// Ends the call with a goodbye to the caller; at once before the model is up.
    pub(super) fn say_goodbye(&mut self, ending: Ending, talk: &mut Conversation) {
        if self.stage(talk) == Stage::Connecting {
            return self.finish(ending, talk);
        }
        talk.floor.interrupt(Interrupter::Us, &mut talk.call);
        self.close(ending, Awaiting::Goodbye, talk);
        request_goodbye(talk);
    }

    /// Ends the call on the agent's decision, by its tool.
    pub(super) fn agent_hangs_up(&mut self, talk: &mut Conversation) {
        let awaiting = if talk.floor.is_generating() {
            Awaiting::Words
        } else if talk.call.can.decides_alone() {
            // The tools of such a model are called behind its voice, which says nothing of the end.
            Awaiting::Goodbye
        } else {
            Awaiting::Silence
        };
        self.close(Ending::AgentHungUp, awaiting, talk);
        if awaiting == Awaiting::Goodbye {
            request_goodbye(talk);
        }
    }

    /// The model is gone: the queued audio plays, and then the call ends or is transferred.
    pub(super) fn model_gone(&mut self, ending: Ending, talk: &mut Conversation) {
        let stage = self.stage(talk);
        talk.floor.model_lost();
        talk.model.gone();
        talk.call.act(CallAction::DetachModel);
        match stage {
            // The model is not needed during a transfer; `come_back` deals with its loss. Nor is it
            // while a person talks; whoever gives the call back does.
            Stage::Broken | Stage::TakenOver | Stage::Transferring | Stage::Ended => {}
            // Requesting the drained report twice is harmless.
            Stage::Closing => self.await_silence(talk),
            Stage::Connecting | Stage::Talking => {
                talk.call.apologise();
                if !self.falls_back(talk) {
                    self.close(ending, Awaiting::Silence, talk);
                }
            }
        }
    }

    /// The first session did not come up in time.
    pub(super) fn model_overdue(&mut self, talk: &mut Conversation) {
        if talk.call.can_apologise() || talk.call.profile.on_model_loss.is_some() {
            self.model_gone(Ending::ModelLost, talk);
        } else {
            self.finish(Ending::ModelLost, talk);
        }
    }

    fn close(&mut self, ending: Ending, awaiting: Awaiting, talk: &mut Conversation) {
        self.way = Way::Closing(ending, LastWords::new(awaiting, talk));
    }

    /// The caller spoke or pressed a key: the agent's decision to end or transfer the call is
    /// dropped.
    pub(super) fn goes_on(&mut self, did: &str, talk: &mut Conversation) {
        self.call_off(talk);
        self.way = Way::Staying;
        let text = format!("The caller {did} before the call was ended or handed on, so it goes on.");
        talk.call.add_text(TextRole::Instruction, text);
    }

    /// Ends the call.
    pub(super) fn finish(&mut self, ending: Ending, talk: &mut Conversation) {
        self.finish_by(ending, ReportedBy::Other, talk);
    }

    /// Ends the call, as reported by `by`. The only function that enters [`Way::Ended`].
    pub(super) fn finish_by(&mut self, ending: Ending, by: ReportedBy, talk: &mut Conversation) {
        if let Way::Transferring(on) = &mut self.way {
            on.drop_callee(&mut talk.call);
        }
        self.way = Way::Ended(ending, by);
        let tally = talk.call.tally();
        talk.call.out.extend([
            CallAction::CloseLine,
            CallAction::CloseModel,
            CallAction::FinishAudio,
            CallAction::FinishRecord { ending, tally },
            CallAction::TellSupervisor { ending },
            CallAction::Stop,
        ]);
    }
}

/// The last words.
impl Exit {
    fn words(&self) -> Option<&LastWords> {
        match &self.way {
            Way::Closing(_, words) | Way::Announcing(_, words) => Some(words),
            Way::Staying | Way::Transferring(_) | Way::Ended(..) => None,
        }
    }

    fn words_mut(&mut self) -> Option<&mut LastWords> {
        match &mut self.way {
            Way::Closing(_, words) | Way::Announcing(_, words) => Some(words),
            Way::Staying | Way::Transferring(_) | Way::Ended(..) => None,
        }
    }

    fn awaits(&self, awaiting: Awaiting) -> bool {
        self.words().is_some_and(|words| words.awaiting == awaiting)
    }

    fn await_next(&mut self, awaiting: Awaiting) {
        if let Some(words) = self.words_mut() {
            words.awaiting = awaiting;
        }
    }

    fn await_silence(&mut self, talk: &mut Conversation) {
        if self.closing() == Some(Ending::SpendLimit) {
            // The last words are generated: further output of the model would only cost.
            talk.call.act(CallAction::CloseModel);
        }
        self.await_next(Awaiting::Silence);
        talk.tell_when_drained();
    }

    /// A response begins while the exit waits for the last words.
    pub(super) fn words_begin(&mut self) {
        if self.awaits(Awaiting::Goodbye) {
            self.await_next(Awaiting::Words);
        }
    }

    /// A response ended, and no other one has begun since.
    pub(super) fn words_end(&mut self, talk: &mut Conversation) {
        if !self.awaits(Awaiting::Words) {
            // The response was the one interrupted for the goodbye, or the drained report is
            // requested already.
            return;
        }
        if talk.floor.is_owed() {
            // The last words are requested again.
            self.await_next(Awaiting::Goodbye);
        } else if self.closing() == Some(Ending::AgentHungUp) && !talk.floor.has_spoken() {
            // The model ended the call without a word: the caller gets a goodbye all the same.
            self.await_next(Awaiting::Goodbye);
            request_goodbye(talk);
        } else {
            self.await_silence(talk);
        }
    }

    /// The session gave up a request: if it was the goodbye, the last words are over.
    pub(super) fn words_given_up(&mut self, purpose: Option<ResponsePurpose>, talk: &mut Conversation) {
        if self.awaits(Awaiting::Goodbye) && purpose == Some(ResponsePurpose::Goodbye) {
            self.await_silence(talk);
        }
    }

    /// The session that said the last words is gone: the last words end here.
    pub(super) fn words_break_off(&mut self, talk: &mut Conversation) {
        if self.awaits(Awaiting::Words) {
            self.await_silence(talk);
        }
    }

    /// The queued audio will play for `remaining`: the longest wait starts after it.
    pub(super) fn expect_silence(&mut self, remaining: Duration, talk: &Conversation) {
        let until = talk.call.after(remaining + talk.call.profile.limits.goodbye);
        if let Some(words) = self.words_mut().filter(|it| matches!(it.awaiting, Awaiting::Silence | Awaiting::Proof)) {
            words.until = until;
        }
    }

    /// The last words are being generated and played: the wait for their end restarts.
    pub(super) fn expect_words(&mut self, talk: &Conversation) {
        let until = talk.call.after(talk.call.profile.limits.goodbye);
        if let Some(words) = self.words_mut().filter(|words| words.awaiting == Awaiting::Words) {
            words.until = words.until.max(until);
        }
    }

    /// The caller has heard the whole queue.
    pub(super) fn all_was_heard(&mut self, talk: &mut Conversation) {
        match self.words().map(|words| words.awaiting) {
            Some(Awaiting::Silence) => {
                self.await_next(Awaiting::Proof);
                talk.tell_when_drained();
            }
            Some(Awaiting::Proof) => self.closed(talk),
            // This was audio from before the last words.
            Some(Awaiting::Goodbye | Awaiting::Words) | None => {}
        }
    }

    /// The last words were heard, or their time is over.
    pub(super) fn closed(&mut self, talk: &mut Conversation) {
        match std::mem::replace(&mut self.way, Way::Staying) {
            Way::Closing(ending, _) => self.finish(ending, talk),
            Way::Announcing(transfer, _) => self.begin(transfer, talk),
            way @ (Way::Staying | Way::Transferring(_) | Way::Ended(..)) => self.way = way,
        }
    }
}

/// The line of a call that continues.
impl Exit {
    /// The caller is back on another stream.
    pub(super) fn line_returned(&mut self, talk: &mut Conversation) {
        match self.stage(talk) {
            Stage::Broken => self.line_mended(talk),
            Stage::Transferring => {
                talk.line.returned(talk.call.now);
                self.come_back(talk);
            }
            Stage::Connecting | Stage::Talking | Stage::TakenOver | Stage::Closing | Stage::Ended => {}
        }
    }

    fn line_mended(&mut self, talk: &mut Conversation) {
        let gap = talk.line.gap(talk.call.now).unwrap_or_default();
        talk.call.tell(Note::LineBack(gap));
        talk.line.returned(talk.call.now);
        talk.floor.comes_back();
        talk.floor.clear_what_was_cut(&mut talk.call);
        if talk.hands.are_a_persons() {
            talk.line.mended();
            talk.call.attach_model();
        } else if talk.model.is_gone() {
            talk.line.mended();
            talk.call.apologise();
            self.close(Ending::ModelLost, Awaiting::Silence, talk);
        } else if let Way::Announcing(..) = self.way {
            talk.line.mended();
            self.call_off(talk);
            let what = "then say that they were not put through yet, and offer to do it now";
            say_it_broke(what, &mut talk.floor, &mut talk.call);
        } else {
            talk.line.goes_on(talk.model.is_dialling(), &mut talk.floor, &mut talk.call);
        }
    }

    /// The carrier has the document of another stream for the caller.
    pub(super) fn stream_offered(&mut self, talk: &mut Conversation) {
        match self.stage(talk) {
            Stage::Transferring => self.returns_by_itself(talk),
            Stage::Connecting | Stage::Talking | Stage::TakenOver | Stage::Broken => {
                talk.line.stream_offered(&talk.call);
            }
            Stage::Closing | Stage::Ended => {}
        }
    }
}

#[cfg(test)]
impl Awaiting {
    /// The state's name in the table.
    const fn name(self) -> &'static str {
        match self {
            Self::Goodbye => "due",
            Self::Words => "speaking",
            Self::Silence => "playing",
            Self::Proof => "proof",
        }
    }
}

impl LastWords {
    /// Starts the wait for the last words.
    fn new(awaiting: Awaiting, talk: &mut Conversation) -> Self {
        if awaiting == Awaiting::Silence {
            talk.tell_when_drained();
        }
        Self { until: talk.call.after(talk.call.profile.limits.goodbye), awaiting }
    }
}

/// Requests the goodbye of the language from the model.
fn request_goodbye(talk: &mut Conversation) {
    let words = talk.call.spoken().map(|language| format!("Say goodbye. {}", exactly(&language.goodbye)));
    talk.floor.request(ResponsePurpose::Goodbye, Some(words.unwrap_or_else(|| GOODBYE.to_owned())), &mut talk.call);
}

/// The model's instructions for a goodbye when the call has to end.
pub(super) const GOODBYE: &str = "Say goodbye in one short sentence, because the call ends now. Ask nothing.";
