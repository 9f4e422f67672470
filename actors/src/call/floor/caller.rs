//! The caller's side of the floor: speech, words, silence. Pure; part of [`super`].

use std::time::Instant;

use super::barge_in::Verdict;
use super::missed::CutShort;
use super::{Floor, Holder, Interrupter, Phase, Protection, Silence};
use crate::call::no_input::{NoInputStep, TurnWords};
use crate::call::shared::{Shared, Stage, exactly};
use crate::call::steps::{CallAction, Note};
use crate::ids::ItemId;
use crate::profile::InterruptionPlan;
use crate::profile::nods::Nods;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest};
use crate::words::holds_words;

impl Floor {
    /// The model's turn detection reports the start of the caller's speech.
    pub(in crate::call) fn caller_spoke(&mut self, item: &ItemId, stage: Stage, call: &mut Shared) {
        self.turn.caller_begins();
        self.wait.begin_anew();
        match stage {
            // The model detected this speech before caller audio was withheld from it. Protected
            // audio is not interrupted.
            Stage::Talking if self.protection != Protection::Over => {}
            Stage::Talking if self.turn.is_sounding() => {
                let verdict = self.barge_in.speech_started(item, &self.interruption(call), call.now);
                self.rule(verdict, stage, call);
            }
            Stage::Talking => self.listen(call),
            // The last words are said to their end, unless the caller may revoke them. In the other
            // stages no model hears the caller.
            Stage::TakenOver
            | Stage::Closing
            | Stage::Connecting
            | Stage::Broken
            | Stage::Transferring
            | Stage::Ended => {}
        }
    }

    /// The model's turn detection reports the end of the caller's speech. Counts it as a turn if it
    /// was one.
    pub(in crate::call) fn caller_stopped(&mut self, item: &ItemId, stage: Stage, call: &mut Shared) {
        self.turn.caller_ends();
        call.act(CallAction::CallerTurn { open: false });
        let judged = !self.barge_in.is_pending();
        self.barge_in.speech_stopped(&self.interruption(call), call.now);
        if judged {
            self.turn_taken(Some(item), stage, call);
        } else if !self.barge_in.is_pending() {
            call.tell(Note::InterruptionDismissed);
        }
    }

    /// Which caller speech stops what is heard now. A model that decides alone hears nothing of a
    /// recording, and does not stop it.
    pub(super) fn interruption(&self, call: &Shared) -> InterruptionPlan {
        let plan = call.interruption();
        if self.turn.is_recorded() { plan.without_model() } else { plan }
    }

    /// Transcription returns the caller's words: all of them if this is the `last` event, or
    /// another piece.
    pub(in crate::call) fn caller_words(
        &mut self,
        item: &ItemId,
        text: &str,
        last: bool,
        stage: Stage,
        call: &mut Shared,
    ) {
        let text = self.pieces.join(item, text, last).to_owned();
        let words = if holds_words(&text) { TurnWords::Words } else { TurnWords::Noise };
        if last && self.no_input.turn_transcribed(item, words, call.now) {
            // The words were late and are no longer missing.
            call.tally.turns_without_words = call.tally.turns_without_words.saturating_sub(1);
        }
        if words == TurnWords::Words {
            self.no_input.caller_answered(call.now);
            let none = Nods::default();
            let nods = call.spoken().map_or(&none, |language| &language.never_interrupts);
            let verdict = self.barge_in.words(item, &text, last, nods, call.now);
            self.rule(verdict, stage, call);
        }
    }

    /// Transcription has failed: the words are unknown, but the caller did speak.
    pub(in crate::call) fn words_failed(&mut self, item: &ItemId, call: &mut Shared) {
        if !self.no_input.turn_transcribed(item, TurnWords::Failed, call.now) {
            words_missing("failed", 1, call);
        }
    }

    /// Carries out the verdict on the caller's speech.
    fn rule(&mut self, verdict: Verdict, stage: Stage, call: &mut Shared) {
        match verdict {
            Verdict::GoOn => {}
            Verdict::Pause => call.act(CallAction::PausePlayout),
            Verdict::Resume => {
                call.act(CallAction::ResumePlayout);
                call.tell(Note::InterruptionDismissed);
            }
            // The caller cannot interrupt the last words.
            Verdict::Interrupt if stage != Stage::Talking => {}
            Verdict::Interrupt => {
                self.listen(call);
                if !self.turn.is_caller_speaking() {
                    // Words confirmed the interruption after the speech had ended.
                    self.turn_taken(None, stage, call);
                }
            }
        }
    }

    /// Gives the caller the floor, and interrupts the agent.
    pub(in crate::call) fn listen(&mut self, call: &mut Shared) {
        let server_cancels = call.can.server_interrupts();
        if self.turn.interrupt(Interrupter::Caller { server_cancels }, call) {
            call.tally.barge_ins += 1;
        }
        self.barge_in.forget();
        self.stopwatch.abandon();
        self.turn_anew();
        self.caller_has_the_word();
    }

    pub(super) fn caller_has_the_word(&mut self) {
        self.phase = Phase::Talk;
        self.turn.steps_back();
    }

    /// The caller's turn is over and an answer is due. Without an item, its words are known
    /// already.
    fn turn_taken(&mut self, item: Option<&ItemId>, stage: Stage, call: &mut Shared) {
        call.tally.turns += 1;
        if !self.turn.is_sounding() {
            self.turn_anew();
        }
        match item {
            Some(item) if call.transcribes() => self.no_input.turn_ended(item, call.now),
            Some(_) => self.no_input.caller_answered(call.now),
            None => {}
        }
        // The agent is heard already or about to be, so no answer is awaited. In other stages no
        // answer comes.
        if stage != Stage::Talking || self.phase == Phase::Opening || self.turn.is_sounding() {
            return;
        }
        // A response that we requested may have begun meanwhile; the turn is timed all the same.
        self.stopwatch.turn_ended(call.now);
        if !call.can.server_answers() {
            call.order(ModelOrder::Speak(ResponseRequest { purpose: ResponsePurpose::Answer, instructions: None }));
        }
        self.turn.owe_an_answer();
    }

    /// Reports turns whose transcript is overdue. It may still come.
    pub(in crate::call) fn check_words(&mut self, call: &mut Shared) {
        let late = self.no_input.late_turns(call.now);
        if late > 0 {
            words_missing("late", late, call);
        }
    }

    /// Starts and stops the timers of silence and of a due answer. Silence means that neither side
    /// speaks, nothing is generated and no answer is awaited. An outage has a timer of its own.
    pub(in crate::call) fn check_clocks(&mut self, stage: Stage, outage: bool, now: Instant) {
        let nobody = stage == Stage::Talking
            && self.phase == Phase::Talk
            && self.holder() == Holder::Silent
            && !self.tools.are_asked()
            && !self.keypad.is_pressed();
        if nobody {
            self.no_input.floor_silent(now);
        } else {
            self.no_input.floor_taken();
        }
        self.check_wait(stage, outage, now);
    }

    /// Carries out the next step of the no-input prompts.
    pub(in crate::call) fn advance(&mut self, call: &mut Shared) -> Silence {
        match self.no_input.advance(call.now) {
            Some(NoInputStep::Goodbye) => Silence::TooLong,
            Some(NoInputStep::Prompt(step)) => {
                let words = call.spoken().and_then(|language| language.idle_prompt(step)).map(exactly);
                let words =
                    words.unwrap_or_else(|| "Ask in one short sentence whether the caller is still there.".into());
                self.request(ResponsePurpose::IdlePrompt, Some(words), call);
                Silence::GoesOn
            }
            None => Silence::GoesOn,
        }
    }

    /// The caller's speech over the agent has lasted long enough, or the agent's pause for it has.
    pub(in crate::call) fn judge_interruption(&mut self, stage: Stage, call: &mut Shared) {
        let verdict = self.barge_in.judge(call.now);
        self.rule(verdict, stage, call);
    }

    /// The caller has spoken: earlier cuts no longer matter.
    pub(super) fn turn_anew(&mut self) {
        self.cut_short = CutShort::default();
        self.turn.begins_anew();
        self.tools.turn_anew();
    }
}

fn words_missing(why: &'static str, turns: u64, call: &mut Shared) {
    let again = call.tally.turns_without_words > 0;
    call.tally.turns_without_words += turns;
    call.tell(Note::WordsMissing { why, turns, again });
}
