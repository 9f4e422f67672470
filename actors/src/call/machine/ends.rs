//! How a call ends: at once, or once the last words have been heard. Part of [`super`].

use std::time::{Duration, Instant};

use super::hearing::exactly;
use super::{CallMachine, State};
use crate::call::messages::HangUp;
use crate::call::steps::{CallAction, Note};
use crate::call::transfer::{By, Transfer};
use crate::call::turn::Interrupter;
use crate::child::Child;
use crate::ending::Ending;
use crate::ids::ItemId;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::report::{LossClass, ModelLoss};
use crate::transcript::messages::Fact;

/// An end that waits for the last words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closing {
    /// Why.
    pub(super) ending: Ending,
    /// Longest wait.
    pub(super) until: Instant,
    /// What for.
    pub(super) awaiting: Awaiting,
    /// Whether the caller calls it off by speaking: the agent's own wish to end a call, while it could go on.
    pub(super) revocable: bool,
}

/// What an end waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaiting {
    /// A goodbye has been asked for and has not begun.
    Goodbye,
    /// The last words are being generated.
    Words,
    /// They are being heard. A report of silence may have been on its way when the last audio was queued, so the first one only
    /// leads to another question: its answer is proof.
    Silence {
        /// Whether it has been reported once.
        reported: bool,
    },
}

impl CallMachine {
    pub(super) fn model_lost(&mut self, ModelLoss { class, reason }: ModelLoss, now: Instant) {
        self.tell(Note::ModelLost { class, reason });
        let ending = match class {
            LossClass::Retryable | LossClass::Expired => Ending::ModelLost,
            LossClass::Fatal => Ending::ModelRefused,
        };
        self.close_without_model(ending, now);
    }

    pub(super) fn child_lost(&mut self, child: Child, now: Instant) {
        self.tell(Note::ChildLost(child));
        match child {
            // A caller who comes back has another one.
            Child::Audio if matches!(self.state, State::Reconnecting(_) | State::Transferring(_)) => {}
            // Nothing can be heard any more.
            Child::Audio => self.finish(Ending::Crashed),
            Child::Model => self.close_without_model(Ending::Crashed, now),
            Child::Transcript if self.transcript_renewed => self.tell(Note::RecordLost),
            Child::Transcript => {
                self.transcript_renewed = true;
                self.out.push(CallAction::RenewTranscript);
            }
        }
    }

    pub(super) fn hang_up(&mut self, order: HangUp, now: Instant) {
        let ending = match order {
            HangUp::Operator => Ending::OperatorHungUp,
            HangUp::Drain => Ending::Drained,
            HangUp::Spent => Ending::SpendLimit,
        };
        match self.state {
            // An order outranks the agent's wish: the caller's word does not call it off.
            State::Closing(closing @ Closing { revocable: true, .. }) => {
                self.call_off();
                self.state = State::Closing(Closing { ending, revocable: false, ..closing });
            }
            // It ends already.
            State::Closing(_) | State::Ended(_) => {}
            // What the caller is being handed on to needs no service of ours, unless nobody is there.
            State::Transferring(_) if order != HangUp::Operator && !self.waits_for_person() => {
                self.finish(Ending::Transferred);
            }
            // Nobody is there to be told.
            State::Reconnecting(_) | State::Transferring(_) => self.finish(ending),
            State::Connecting | State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => {
                self.say_goodbye(ending, now);
            }
        }
    }

    /// Ends the call with a word to the caller; at once where there is no model to say it.
    pub(super) fn say_goodbye(&mut self, ending: Ending, now: Instant) {
        if self.state == State::Connecting {
            return self.finish(ending);
        }
        self.turn.interrupt(Interrupter::Us, now, &mut self.out);
        self.close(ending, Awaiting::Goodbye, now);
        self.request_goodbye();
    }

    /// The language's goodbye, said by the model.
    pub(super) fn request_goodbye(&mut self) {
        let words = self.spoken().map(|language| format!("Say goodbye. {}", exactly(&language.goodbye)));
        self.request(ResponsePurpose::Goodbye, Some(words.unwrap_or_else(|| GOODBYE.to_owned())));
    }

    /// Lets what is queued be heard and ends the call, whose model is gone.
    pub(super) fn close_without_model(&mut self, ending: Ending, now: Instant) {
        self.turn.model_lost();
        self.mindless = true;
        self.out.push(CallAction::DetachModel);
        match self.state {
            // Nobody needs it now; a caller who comes back does.
            State::Reconnecting(_) | State::Transferring(_) => {}
            // Asked again, the question is as good.
            State::Closing(closing) => self.await_silence(Closing { revocable: false, ..closing }),
            State::Ended(_) => {}
            State::Connecting | State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => {
                self.apologise();
                if !self.falls_back(now) {
                    self.close(ending, SILENCE, now);
                }
            }
        }
    }

    /// Sends a caller whom no model hears to where the configuration says; `false` where it says nothing or that may not be.
    fn falls_back(&mut self, now: Instant) -> bool {
        let Some(destination) = self.profile.on_model_loss.clone() else { return false };
        if self.state == State::Connecting {
            self.state = State::Listening;
        }
        let reason = "the model was lost".to_owned();
        self.transfer_asked(Transfer::new(destination, reason, By::Fallback), now);
        self.transfer.is_some()
    }

    /// The caller hears a voice although no model speaks; `false` where the language has no recording.
    pub(super) fn apologise(&mut self) -> bool {
        let Some((text, pcm)) = self.spoken().and_then(|l| Some((l.apology.clone(), l.apology_sound.clone()?))) else {
            return false;
        };
        self.lines_played += 1;
        let item = ItemId::new(&format!("line_apology_{}", self.lines_played));
        self.record(Fact::LinePlayed { item: item.clone(), text });
        self.out.push(CallAction::PlayPcm { item, pcm });
        true
    }

    pub(super) fn close(&mut self, ending: Ending, awaiting: Awaiting, now: Instant) {
        // A time beyond what the clock can say is no time at all.
        let until = now.checked_add(self.profile.limits.goodbye).unwrap_or(now);
        let revocable = ending == Ending::AgentHungUp
            || (ending == Ending::Transferred && self.transfer.as_ref().is_some_and(Transfer::is_revocable));
        self.enter(Closing { ending, until, awaiting, revocable });
    }

    /// The last words were heard, or have had their time.
    pub(super) fn closed(&mut self, closing: Closing, now: Instant) {
        if closing.ending == Ending::Transferred { self.hand_over(now) } else { self.finish(closing.ending) }
    }

    /// What is queued and unheard will play for `remaining`: the longest wait begins behind it.
    pub(super) fn expect_silence(&mut self, closing: Closing, remaining: Duration, now: Instant) {
        if let Awaiting::Silence { .. } = closing.awaiting {
            let until = now.checked_add(remaining + self.profile.limits.goodbye).unwrap_or(now);
            self.state = State::Closing(Closing { until, ..closing });
        }
    }

    /// The last words are being made and heard: the wait for their end begins anew.
    pub(super) fn expect_words(&mut self, closing: Closing, now: Instant) {
        if let Awaiting::Words = closing.awaiting {
            let until = now.checked_add(self.profile.limits.goodbye).unwrap_or(now).max(closing.until);
            self.state = State::Closing(Closing { until, ..closing });
        }
    }

    pub(super) fn await_silence(&mut self, closing: Closing) {
        if closing.ending == Ending::SpendLimit {
            // The last words are made: whatever the model makes from here on would only cost.
            self.out.push(CallAction::CloseModel);
        }
        self.enter(Closing { awaiting: SILENCE, ..closing });
    }

    pub(super) fn enter(&mut self, closing: Closing) {
        self.state = State::Closing(closing);
        if let Awaiting::Silence { .. } = closing.awaiting {
            self.out.push(CallAction::TellWhenDrained);
        }
    }

    /// The end, whatever led to it. The only way into [`State::Ended`].
    pub(super) fn finish(&mut self, ending: Ending) {
        self.drop_person();
        self.state = State::Ended(ending);
        self.out.extend([
            CallAction::CloseLine,
            CallAction::CloseModel,
            CallAction::FinishAudio,
            CallAction::FinishRecord { ending, tally: self.tally() },
            CallAction::TellSupervisor { ending },
            CallAction::Stop,
        ]);
    }
}

/// The wait for silence, as it begins.
pub(super) const SILENCE: Awaiting = Awaiting::Silence { reported: false };
/// What the model is told to say when the call has to end.
pub(super) const GOODBYE: &str = "Say goodbye in one short sentence, because the call ends now. Ask nothing.";
