//! The exit: how a call ends, at once or once the last words have been heard, or is handed on. Pure; one of the regions of
//! [`super::machine`].
//!
//! Every way to an end goes through [`Exit::finish`], the only one that enters `ended`: what arrives first names the ending, what
//! comes later finds the call ended and does nothing. The way to a person and back has a page of its own: `transfer`.
#![doc = include_str!("exit.md")]

mod hand_over;
mod transfer;

use std::time::{Duration, Instant};

pub(super) use self::hand_over::By;
use self::hand_over::{HandOver, Request, Transfer};
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
    /// A transfer that was asked for and has not begun.
    request: Request,
}

/// How far the call is on its way out.
#[derive(Debug)]
enum Way {
    /// It stays.
    Staying,
    /// It ends once the last words were heard.
    Closing(Ending, LastWords),
    /// The caller is handed on once the last words were heard.
    Announcing(Transfer, LastWords),
    /// The caller is being handed on; the end of the stream does not end the call.
    HandingOn(HandOver),
    /// It is over.
    Ended(Ending, ToldBy),
}

/// Words that are waited for.
#[derive(Debug, Clone, Copy)]
struct LastWords {
    /// No longer than until then.
    until: Instant,
    awaiting: Awaiting,
}

/// How far the last words are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaiting {
    /// They have been asked for and have not begun.
    Goodbye,
    /// They are being made.
    Words,
    /// They are being heard. A report of silence may have been on its way when the last audio was queued, so the first one only
    /// leads to another question.
    Silence,
    /// The answer to that is proof.
    Proof,
}

/// Who said that the caller is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ToldBy {
    /// The stream by its own end, and nobody else.
    Stream,
    /// Anybody or anything else.
    Other,
}

impl Exit {
    pub(super) const fn new() -> Self {
        Self { way: Way::Staying, request: Request::None }
    }

    /// Where the conversation stands.
    pub(super) fn stage(&self, talk: &Conversation) -> Stage {
        match &self.way {
            Way::Ended(..) => Stage::Ended,
            Way::HandingOn(_) => Stage::HandedOn,
            _ if talk.line.is_broken() => Stage::Broken,
            Way::Closing(..) | Way::Announcing(..) => Stage::Closing,
            Way::Staying if talk.model.is_dialling() => Stage::Connecting,
            Way::Staying => Stage::Talking,
        }
    }

    /// The name of the call's state, as `/calls` shows it.
    pub(super) fn state(&self, talk: &Conversation) -> &'static str {
        match (self.stage(talk), &self.way) {
            (Stage::Connecting, _) => "connecting",
            (Stage::Talking, _) => talk.floor.name(),
            (Stage::HandedOn, _) | (Stage::Closing, Way::Announcing(..)) => "transferring",
            (Stage::Closing, _) => "closing",
            (Stage::Broken, _) => "reconnecting",
            (Stage::Ended, _) => "ended",
        }
    }

    /// The state's name in the table.
    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        match &self.way {
            Way::Staying => self.request.name(),
            Way::Closing(..) => "closing",
            Way::Announcing(..) => "announcing",
            Way::HandingOn(on) => on.name(),
            Way::Ended(..) => "ended",
        }
    }

    /// Why the call ended, once it has.
    pub(super) const fn ending(&self) -> Option<Ending> {
        if let Way::Ended(ending, _) = &self.way { Some(*ending) } else { None }
    }

    /// Whether only the stream's own end said that the caller is gone.
    pub(super) const fn ended_by_stream(&self) -> bool {
        matches!(&self.way, Way::Ended(_, ToldBy::Stream))
    }

    /// How the call ends once its last words were heard; `None` also where it is handed on then.
    pub(super) const fn closing(&self) -> Option<Ending> {
        if let Way::Closing(ending, _) = &self.way { Some(*ending) } else { None }
    }

    /// Whether the caller calls off what is about to happen by speaking: the agent's own wish to end or hand on a call that could
    /// go on.
    pub(super) fn is_revocable(&self, talk: &Conversation) -> bool {
        let wish = match &self.way {
            Way::Closing(ending, _) => *ending == Ending::AgentHungUp,
            Way::Announcing(transfer, _) => transfer.is_revocable(),
            Way::Staying | Way::HandingOn(_) | Way::Ended(..) => false,
        };
        wish && !talk.model.is_gone() && !talk.line.is_broken()
    }

    /// What is waited for on the way out.
    pub(super) fn timers(&self, timers: &mut TimerTable) {
        match &self.way {
            Way::Closing(_, words) | Way::Announcing(_, words) => timers.set(Timer::Goodbye, Some(words.until)),
            Way::HandingOn(on) => timers.set(Timer::Transfer, Some(on.until())),
            Way::Staying | Way::Ended(..) => {}
        }
    }
}

/// Towards the end.
impl Exit {
    /// Somebody outside wants the call to end.
    pub(super) fn hang_up(&mut self, order: HangUp, talk: &mut Conversation) {
        let ending = match order {
            HangUp::Operator => Ending::OperatorHungUp,
            HangUp::Drain => Ending::Drained,
            HangUp::Spent => Ending::SpendLimit,
        };
        match self.stage(talk) {
            // An order outranks the agent's wish: the caller's word does not call it off.
            Stage::Closing if self.is_revocable(talk) => {
                if let Some(words) = self.words().copied() {
                    self.call_off(talk);
                    self.way = Way::Closing(ending, words);
                }
            }
            // It ends already.
            Stage::Closing | Stage::Ended => {}
            // What the caller is being handed on to needs no service of ours, unless nobody is there.
            Stage::HandedOn if order != HangUp::Operator && !self.waits_for_person(talk) => {
                self.finish(Ending::Transferred, talk);
            }
            // Nobody is there to be told.
            Stage::Broken | Stage::HandedOn => self.finish(ending, talk),
            Stage::Connecting | Stage::Talking => self.say_goodbye(ending, talk),
        }
    }

    /// The carrier has found out who answered. A machine is hung up on, or left a message; what the carrier says again changes nothing.
    pub(super) fn detected(&mut self, Detected { by, told }: Detected, talk: &mut Conversation) {
        if talk.call.detail.answered_by.replace(by) == Some(by) {
            return;
        }
        talk.call.record(Fact::AnsweredBy(by));
        match (told, self.stage(talk)) {
            _ if !by.is_machine() => {}
            (None, _) => self.finish(Ending::AnsweringMachine, talk),
            (Some(told), stage) => talk.floor.leaves_a_message(told, stage, &mut talk.call),
        }
    }

    /// Ends the call with a word to the caller; at once where there is no model to say it.
    pub(super) fn say_goodbye(&mut self, ending: Ending, talk: &mut Conversation) {
        if self.stage(talk) == Stage::Connecting {
            return self.finish(ending, talk);
        }
        talk.floor.interrupt(Interrupter::Us, &mut talk.call);
        self.close(ending, Awaiting::Goodbye, talk);
        request_goodbye(talk);
    }

    /// The agent wishes to end the call, by its tool.
    pub(super) fn agent_hangs_up(&mut self, talk: &mut Conversation) {
        let awaiting = if talk.floor.is_generating() { Awaiting::Words } else { Awaiting::Silence };
        self.close(Ending::AgentHungUp, awaiting, talk);
    }

    /// The model is gone: what is queued is heard, and then the call ends or is handed on.
    pub(super) fn model_gone(&mut self, ending: Ending, talk: &mut Conversation) {
        let stage = self.stage(talk);
        talk.floor.model_lost();
        talk.model.gone();
        talk.call.act(CallAction::DetachModel);
        match stage {
            // Nobody needs it now; a caller who comes back does.
            Stage::Broken | Stage::HandedOn | Stage::Ended => {}
            // Asked again, the question is as good.
            Stage::Closing => self.await_silence(talk),
            Stage::Connecting | Stage::Talking => {
                talk.call.apologise();
                if !self.falls_back(talk) {
                    self.close(ending, Awaiting::Silence, talk);
                }
            }
        }
    }

    /// The first session has not come up in its time.
    pub(super) fn model_overdue(&mut self, talk: &mut Conversation) {
        let voice = talk.call.spoken().is_some_and(|language| language.apology_sound.is_some());
        if voice || talk.call.profile.on_model_loss.is_some() {
            self.model_gone(Ending::ModelLost, talk);
        } else {
            self.finish(Ending::ModelLost, talk);
        }
    }

    fn close(&mut self, ending: Ending, awaiting: Awaiting, talk: &mut Conversation) {
        self.way = Way::Closing(ending, LastWords::new(awaiting, talk));
    }

    /// The caller spoke or pressed a key, and the agent's wish to end the call or hand it on is not carried out.
    pub(super) fn goes_on(&mut self, did: &str, talk: &mut Conversation) {
        self.call_off(talk);
        self.way = Way::Staying;
        let text = format!("The caller {did} before the call was ended or handed on, so it goes on.");
        talk.call.add_text(TextRole::System, text);
    }

    /// The end, whatever led to it.
    pub(super) fn finish(&mut self, ending: Ending, talk: &mut Conversation) {
        self.finish_by(ending, ToldBy::Other, talk);
    }

    /// The end, as `by` told of it. The only way into [`Way::Ended`].
    pub(super) fn finish_by(&mut self, ending: Ending, by: ToldBy, talk: &mut Conversation) {
        if let Way::HandingOn(on) = &mut self.way {
            on.drop_person(&mut talk.call);
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
            Way::Staying | Way::HandingOn(_) | Way::Ended(..) => None,
        }
    }

    fn words_mut(&mut self) -> Option<&mut LastWords> {
        match &mut self.way {
            Way::Closing(_, words) | Way::Announcing(_, words) => Some(words),
            Way::Staying | Way::HandingOn(_) | Way::Ended(..) => None,
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
            // The last words are made: whatever the model makes from here on would only cost.
            talk.call.act(CallAction::CloseModel);
        }
        self.await_next(Awaiting::Silence);
        talk.tell_when_drained();
    }

    /// A response begins while the last words are waited for.
    pub(super) fn words_begin(&mut self) {
        if self.awaits(Awaiting::Goodbye) {
            self.await_next(Awaiting::Words);
        }
    }

    /// A response ends, and no other one has begun since.
    pub(super) fn words_end(&mut self, talk: &mut Conversation) {
        if !self.awaits(Awaiting::Words) {
            // The answer interrupted for the goodbye; or a question that is on its way already.
            return;
        }
        if talk.floor.is_owed() {
            // What was to be said last is asked for again.
            self.await_next(Awaiting::Goodbye);
        } else if self.closing() == Some(Ending::AgentHungUp) && !talk.floor.has_spoken() {
            // The model ends the call and has said nothing: nobody is left without a goodbye.
            self.await_next(Awaiting::Goodbye);
            request_goodbye(talk);
        } else {
            self.await_silence(talk);
        }
    }

    /// The last words will not be said, if they were what `purpose` was for.
    pub(super) fn words_given_up(&mut self, purpose: Option<ResponsePurpose>, talk: &mut Conversation) {
        if self.awaits(Awaiting::Goodbye) && purpose == Some(ResponsePurpose::Goodbye) {
            self.await_silence(talk);
        }
    }

    /// The session that said the last words is gone: they end here.
    pub(super) fn words_break_off(&mut self, talk: &mut Conversation) {
        if self.awaits(Awaiting::Words) {
            self.await_silence(talk);
        }
    }

    /// What is queued and unheard will play for `remaining`: the longest wait begins behind it.
    pub(super) fn expect_silence(&mut self, remaining: Duration, talk: &Conversation) {
        let until = talk.call.after(remaining + talk.call.profile.limits.goodbye);
        if let Some(words) = self.words_mut().filter(|it| matches!(it.awaiting, Awaiting::Silence | Awaiting::Proof)) {
            words.until = until;
        }
    }

    /// The last words are being made and heard: the wait for their end begins anew.
    pub(super) fn expect_words(&mut self, talk: &Conversation) {
        let until = talk.call.after(talk.call.profile.limits.goodbye);
        if let Some(words) = self.words_mut().filter(|words| words.awaiting == Awaiting::Words) {
            words.until = words.until.max(until);
        }
    }

    /// All was heard that was queued.
    pub(super) fn all_was_heard(&mut self, talk: &mut Conversation) {
        match self.words().map(|words| words.awaiting) {
            Some(Awaiting::Silence) => {
                self.await_next(Awaiting::Proof);
                talk.tell_when_drained();
            }
            Some(Awaiting::Proof) => self.closed(talk),
            // What was said before the last words.
            Some(Awaiting::Goodbye | Awaiting::Words) | None => {}
        }
    }

    /// The last words were heard, or have had their time.
    pub(super) fn closed(&mut self, talk: &mut Conversation) {
        match std::mem::replace(&mut self.way, Way::Staying) {
            Way::Closing(ending, _) => self.finish(ending, talk),
            Way::Announcing(transfer, _) => self.hand_over(transfer, talk),
            way @ (Way::Staying | Way::HandingOn(_) | Way::Ended(..)) => self.way = way,
        }
    }
}

/// The line beneath a call that stays.
impl Exit {
    /// The caller is back on another stream.
    pub(super) fn line_returned(&mut self, talk: &mut Conversation) {
        match self.stage(talk) {
            Stage::Broken => self.line_mended(talk),
            Stage::HandedOn => {
                talk.line.returned(talk.call.now);
                self.come_back(talk);
            }
            Stage::Connecting | Stage::Talking | Stage::Closing | Stage::Ended => {}
        }
    }

    fn line_mended(&mut self, talk: &mut Conversation) {
        let gap = talk.line.gap(talk.call.now).unwrap_or_default();
        talk.call.tell(Note::LineBack(gap));
        talk.line.returned(talk.call.now);
        talk.floor.comes_back();
        talk.floor.clear_what_was_cut(&mut talk.call);
        if talk.model.is_gone() {
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

    /// The carrier has been given another stream for the caller.
    pub(super) fn stream_offered(&mut self, talk: &mut Conversation) {
        match self.stage(talk) {
            Stage::HandedOn => self.returns_by_itself(talk),
            Stage::Connecting | Stage::Talking | Stage::Broken => talk.line.stream_offered(&talk.call),
            Stage::Closing | Stage::Ended => {}
        }
    }
}

impl LastWords {
    /// The wait for them, as it begins.
    fn new(awaiting: Awaiting, talk: &mut Conversation) -> Self {
        if awaiting == Awaiting::Silence {
            talk.tell_when_drained();
        }
        Self { until: talk.call.after(talk.call.profile.limits.goodbye), awaiting }
    }
}

/// The language's goodbye, said by the model.
fn request_goodbye(talk: &mut Conversation) {
    let words = talk.call.spoken().map(|language| format!("Say goodbye. {}", exactly(&language.goodbye)));
    talk.floor.request(ResponsePurpose::Goodbye, Some(words.unwrap_or_else(|| GOODBYE.to_owned())), &mut talk.call);
}

/// What the model is told to say when the call has to end.
pub(super) const GOODBYE: &str = "Say goodbye in one short sentence, because the call ends now. Ask nothing.";
