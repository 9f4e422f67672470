//! The caller's side of the floor: speech, words, silence. Pure; part of [`super`].

use std::time::Instant;

use super::barge_in::Verdict;
use super::missed::CutShort;
use super::{Floor, Holder, Interrupter, Phase, Protection, Silence};
use crate::call::no_input::{NoInputStep, Told};
use crate::call::shared::{Shared, Stage, exactly};
use crate::call::steps::{CallAction, Note};
use crate::ids::ItemId;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest};
use crate::words::holds_words;

impl Floor {
    /// The model's turn detection heard the caller begin to speak.
    pub(in crate::call) fn caller_spoke(&mut self, item: &ItemId, stage: Stage, call: &mut Shared) {
        self.turn.caller_begins();
        self.wait.begin_anew();
        match stage {
            // Heard by the model before its end was taken away: what must not be interrupted is not.
            Stage::Talking if self.protection != Protection::Over => {}
            Stage::Talking if self.turn.is_sounding() => {
                let verdict = self.barge_in.speech_started(item, &call.profile.interruption, call.now);
                self.rule(verdict, stage, call);
            }
            Stage::Talking => self.listen(call),
            // The last words are said to their end, unless they are called off. No model hears the caller before it is attached, or
            // while somebody else is to.
            Stage::Closing | Stage::Connecting | Stage::Broken | Stage::HandedOn | Stage::Ended => {}
        }
    }

    /// The model's turn detection heard the caller's turn end; whether it was one.
    pub(in crate::call) fn caller_stopped(&mut self, item: &ItemId, stage: Stage, call: &mut Shared) {
        self.turn.caller_ends();
        call.act(CallAction::CallerTurn { open: false });
        let judged = !self.barge_in.is_pending();
        self.barge_in.speech_stopped(&call.profile.interruption, call.now);
        if judged {
            self.turn_taken(Some(item), stage, call);
        } else if !self.barge_in.is_pending() {
            call.tell(Note::InterruptionDismissed);
        }
    }

    /// Transcription heard what the caller says: all of it where this is the `last`, or another piece.
    pub(in crate::call) fn caller_words(
        &mut self,
        item: &ItemId,
        text: &str,
        last: bool,
        stage: Stage,
        call: &mut Shared,
    ) {
        let text = self.pieces.join(item, text, last).to_owned();
        let told = if holds_words(&text) { Told::Words } else { Told::Noise };
        if last && self.no_input.turn_told(item, told, call.now) {
            // It was late and is not missing any more.
            call.tally.turns_without_words = call.tally.turns_without_words.saturating_sub(1);
        }
        if told == Told::Words {
            self.no_input.caller_answered(call.now);
            let verdict = self.barge_in.words(item, &text);
            self.rule(verdict, stage, call);
        }
    }

    /// Transcription of what the caller said has failed: that they said something is known all the same.
    pub(in crate::call) fn words_failed(&mut self, item: &ItemId, call: &mut Shared) {
        if !self.no_input.turn_told(item, Told::Failed, call.now) {
            words_missing("failed", 1, call);
        }
    }

    /// Carries out what was judged of the caller's speech.
    fn rule(&mut self, verdict: Verdict, stage: Stage, call: &mut Shared) {
        match verdict {
            Verdict::GoOn => {}
            Verdict::Pause => call.act(CallAction::PausePlayout),
            Verdict::Resume => {
                call.act(CallAction::ResumePlayout);
                call.tell(Note::InterruptionDismissed);
            }
            // The last words are not the caller's to interrupt.
            Verdict::Interrupt if stage != Stage::Talking => {}
            Verdict::Interrupt => {
                self.listen(call);
                if !self.turn.is_caller_speaking() {
                    // Words confirmed it after the speech had ended.
                    self.turn_taken(None, stage, call);
                }
            }
        }
    }

    /// The caller has the word; whatever the agent was saying is interrupted.
    pub(in crate::call) fn listen(&mut self, call: &mut Shared) {
        let server_cancels = call.profile.model.capabilities().server_interrupts();
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

    /// The caller's turn is over and an answer is due. Without an item, its words are known already.
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
        // The agent is heard already, or about to be: there is nothing to wait for. Elsewhere nobody will answer.
        if stage != Stage::Talking || self.phase == Phase::Opening || self.turn.is_sounding() {
            return;
        }
        // A wish of ours may have begun meanwhile; the turn is timed all the same.
        self.stopwatch.turn_ended(call.now);
        if !call.profile.model.capabilities().server_answers() {
            call.order(ModelOrder::Speak(ResponseRequest { purpose: ResponsePurpose::Answer, instructions: None }));
        }
        self.turn.owe_an_answer();
    }

    /// Tells of turns whose transcript does not come. It may yet.
    pub(in crate::call) fn check_words(&mut self, call: &mut Shared) {
        let late = self.no_input.late_turns(call.now);
        if late > 0 {
            words_missing("late", late, call);
        }
    }

    /// Keeps the clocks: of silence, which is when nobody speaks, nothing is being made and nobody is waited for, and of the wait
    /// for an answer that is due. An outage has a clock of its own.
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

    /// The next step of the idle no_input has been reached.
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

    /// The caller's speech over the agent has lasted, or the agent has paused for it long enough.
    pub(in crate::call) fn judge_interruption(&mut self, stage: Stage, call: &mut Shared) {
        let verdict = self.barge_in.judge(call.now);
        self.rule(verdict, stage, call);
    }

    /// The caller has had the word: what was cut before is past.
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
