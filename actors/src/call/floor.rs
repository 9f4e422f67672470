//! The floor: who speaks. Pure; one of the regions of [`super::machine`].
//!
//! Exactly one holds it: the caller, the agent, an answer that is due, or nobody ([`Holder`]). Speech of the caller over the agent
//! contests it (`barge_in` judges), silence leads to prompts ([`super::no_input`]), an answer that is due and not heard is waited for
//! (`wait`), keys are the caller's word (`keys`), and what has to be heard is protected (`opening`). What the caller really
//! hears and what the model makes meanwhile is the turn's business (`turn`). The floor knows of the other regions only the [`Stage`].
#![doc = include_str!("floor.md")]

mod barge_in;
mod keypad;
mod keys;
mod latency;
mod missed;
mod opening;
mod tooling;
mod turn;
pub(super) mod wait;

use std::time::{Duration, Instant};

use self::barge_in::{BargeInFilter, Verdict};
use self::keypad::Keypad;
pub(super) use self::keys::Entered;
use self::latency::Stopwatch;
use self::missed::CutShort;
use self::opening::{Phase, Protection, opening_protection};
pub(super) use self::tooling::Called;
pub(super) use self::turn::Interrupter;
use self::turn::{Turn, heard};
use self::wait::Wait;
pub(super) use self::wait::Waited;
use super::no_input::{NoInput, NoInputStep, Told};
use super::shared::{Shared, Stage, exactly};
use super::steps::{CallAction, Note};
use super::timers::{Timer, TimerTable};
use super::tools::Tools;
use crate::audio::messages::CLIP_RESPONSE;
use crate::audio::report::ItemPlayout;
use crate::ids::{ItemId, ResponseId};
use crate::profile::CallProfile;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest, TextRole};
use crate::words::{Pieces, holds_words};

/// Who holds the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// The caller speaks, and the agent is silent.
    Caller,
    /// The agent is heard; the caller may be speaking over it.
    Agent,
    /// Nobody is heard, and the agent owes an answer or makes one.
    Due,
    /// Nobody is heard and nothing is owed: the caller may speak.
    Silent,
}

/// What a line that breaks cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// The caller was speaking.
    Caller,
    /// The caller waited for an answer.
    Answer,
    /// The agent was being heard.
    Agent,
    /// Nobody was speaking.
    Nobody,
}

/// Whether somebody waited for a response that will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The caller did, in silence.
    Yes,
    /// Nobody, or the caller has the word.
    No,
}

/// What the silence of a caller leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// A prompt, or nothing yet.
    GoesOn,
    /// The goodbye.
    TooLong,
}

/// One call's floor.
#[derive(Debug)]
pub(super) struct Floor {
    phase: Phase,
    turn: Turn,
    barge_in: BargeInFilter,
    protection: Protection,
    no_input: NoInput,
    wait: Wait,
    keypad: Keypad,
    pub(super) tools: Tools,
    stopwatch: Stopwatch,
    cut_short: CutShort,
    /// What the caller says, as it comes.
    pieces: Pieces,
    /// When the caller is to be warned of the longest duration; `None` once it was done, or where the call is too short for it.
    warning: Option<Instant>,
}

impl Floor {
    pub(super) fn new(profile: &CallProfile, now: Instant) -> Self {
        let longest = profile.limits.max_duration;
        Self {
            phase: Phase::Talk,
            turn: Turn::default(),
            barge_in: BargeInFilter::default(),
            protection: opening_protection(profile),
            no_input: NoInput::new(profile.no_input.clone(), now),
            wait: Wait::default(),
            keypad: Keypad::default(),
            tools: Tools::default(),
            stopwatch: Stopwatch::default(),
            cut_short: CutShort::default(),
            pieces: Pieces::default(),
            warning: (longest > 2 * WARNED_AHEAD).then(|| now.checked_add(longest - WARNED_AHEAD)).flatten(),
        }
    }

    /// Who holds the floor.
    pub(super) fn holder(&self) -> Holder {
        match (self.turn.is_sounding(), self.turn.is_caller_speaking()) {
            (true, _) => Holder::Agent,
            (false, true) => Holder::Caller,
            (false, false) if self.turn.is_owed() || self.turn.is_generating() => Holder::Due,
            (false, false) => Holder::Silent,
        }
    }

    /// Whether the caller speaks over the agent, and it is not judged yet.
    #[cfg(test)]
    pub(super) fn is_contested(&self) -> bool {
        self.barge_in.is_pending()
    }

    /// The state's name, as `/calls` shows it.
    pub(super) fn name(&self) -> &'static str {
        match self.phase {
            Phase::Opening => "greeting",
            Phase::Talk if self.turn.is_sounding() => "speaking",
            Phase::Talk if self.turn.is_thinking() => "thinking",
            Phase::Talk => "listening",
        }
    }

    /// Asks the model to say something.
    pub(super) fn request(&mut self, purpose: ResponsePurpose, instructions: Option<String>, call: &mut Shared) {
        self.turn.owe();
        call.order(ModelOrder::Speak(ResponseRequest { purpose, instructions }));
    }

    pub(super) const fn is_owed(&self) -> bool {
        self.turn.is_owed()
    }

    pub(super) fn is_generating(&self) -> bool {
        self.turn.is_generating()
    }

    pub(super) const fn is_sounding(&self) -> bool {
        self.turn.is_sounding()
    }

    /// Whether nothing is being heard, generated or owed.
    pub(super) fn is_over(&self) -> bool {
        self.turn.is_over()
    }

    /// Whether the model has said something since the caller last had the word.
    pub(super) fn has_spoken(&self) -> bool {
        self.turn.has_spoken()
    }

    /// Whether nobody would notice anything.
    pub(super) fn is_quiet(&self) -> bool {
        self.phase == Phase::Talk && self.turn.is_at_rest() && !self.barge_in.is_pending() && !self.tools.are_asked()
    }
}

/// The caller's side: speech, words, silence.
impl Floor {
    /// The model's turn detection heard the caller begin to speak.
    pub(super) fn caller_spoke(&mut self, item: &ItemId, stage: Stage, call: &mut Shared) {
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
    pub(super) fn caller_stopped(&mut self, item: &ItemId, stage: Stage, call: &mut Shared) {
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
    pub(super) fn caller_words(&mut self, item: &ItemId, text: &str, last: bool, stage: Stage, call: &mut Shared) {
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
    pub(super) fn words_failed(&mut self, item: &ItemId, call: &mut Shared) {
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
    pub(super) fn listen(&mut self, call: &mut Shared) {
        let server_cancels = call.profile.model.turn_detection.interrupts();
        if self.turn.interrupt(Interrupter::Caller { server_cancels }, call) {
            call.tally.barge_ins += 1;
        }
        self.barge_in.forget();
        self.stopwatch.abandon();
        self.turn_anew();
        self.caller_has_the_word();
    }

    fn caller_has_the_word(&mut self) {
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
        if !call.profile.model.turn_detection.answers() {
            call.order(ModelOrder::Speak(ResponseRequest { purpose: ResponsePurpose::Answer, instructions: None }));
        }
        self.turn.owe_an_answer();
    }

    /// Tells of turns whose transcript does not come. It may yet.
    pub(super) fn check_words(&mut self, call: &mut Shared) {
        let late = self.no_input.late_turns(call.now);
        if late > 0 {
            words_missing("late", late, call);
        }
    }

    /// Keeps the clocks: of silence, which is when nobody speaks, nothing is being made and nobody is waited for, and of the wait
    /// for an answer that is due. An outage has a clock of its own.
    pub(super) fn check_clocks(&mut self, stage: Stage, outage: bool, now: Instant) {
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
    pub(super) fn advance(&mut self, call: &mut Shared) -> Silence {
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
    pub(super) fn judge_interruption(&mut self, stage: Stage, call: &mut Shared) {
        let verdict = self.barge_in.judge(call.now);
        self.rule(verdict, stage, call);
    }

    /// The caller has had the word: what was cut before is past.
    fn turn_anew(&mut self) {
        self.cut_short = CutShort::default();
        self.turn.begins_anew();
        self.tools.turn_anew();
    }
}

/// The agent's side: what is made, what is played, and what of it was heard.
impl Floor {
    /// The model began a response.
    pub(super) fn response_started(&mut self, response: ResponseId, stage: Stage, call: &mut Shared) {
        self.notice_begins(&response);
        self.turn.response_started(response);
        if stage == Stage::Broken {
            // Nobody hears it.
            self.turn.interrupt(Interrupter::Us, call);
        }
    }

    /// The model ended a response.
    pub(super) fn response_finished(&mut self, response: &ResponseId, completed: bool) {
        self.turn.response_finished(response);
        if !completed {
            self.notice_broken(Some(response));
        }
    }

    /// The first audio of a response came.
    pub(super) fn first_audio(&mut self, response: &ResponseId, now: Instant) {
        self.turn.speaks();
        self.tools.spoken();
        self.stopwatch.first_audio(response, now);
    }

    /// The first of an item was sent to the caller.
    pub(super) fn playout_started(&mut self, response: &ResponseId, stage: Stage, call: &mut Shared) {
        let ours = response.as_str() == CLIP_RESPONSE;
        let awaited = stage == Stage::Talking && self.phase == Phase::Talk;
        self.turn.playout_started();
        if !ours {
            self.wait.begin_anew();
        }
        self.greeting_sounds(call);
        let answered = if ours {
            self.stopwatch.filled(call.now);
            None
        } else {
            self.turn.speaks();
            self.tools.spoken();
            self.stopwatch.first_sent(response, call.now)
        };
        call.first_audio_sent();
        if let Some(took) = answered.filter(|_| awaited) {
            call.tell(Note::AnswerTimed(took));
        }
    }

    /// The first of an answer reached the caller's ear.
    pub(super) fn first_heard(&mut self, response: &ResponseId, call: &mut Shared) {
        if let Some(latency) = self.stopwatch.first_heard(response, call.now) {
            call.turn_timed(latency);
        }
    }

    /// How long before its end was told the caller's last voice was heard.
    pub(super) fn last_voice(&mut self, ago: Duration) {
        self.stopwatch.last_voice(ago);
    }

    /// An item was heard to its end; whether the model said it.
    pub(super) fn item_heard(&self, playout: &ItemPlayout, call: &mut Shared) -> bool {
        call.record(heard(playout.clone()));
        playout.response.as_str() != CLIP_RESPONSE && !self.turn.is_inaudible(&playout.response)
    }

    /// The caller has heard everything there was; whether they were hearing something.
    pub(super) fn playout_drained(&mut self, stage: Stage, call: &mut Shared) -> bool {
        let was_sounding = self.turn.is_sounding();
        self.turn.playout_drained();
        if stage == Stage::Talking {
            self.go_on_with_what_was_cut(call);
        }
        // Nothing is left to interrupt; whoever speaks has the word.
        self.barge_in.forget();
        was_sounding
    }

    /// What was heard ends the agent's turn, or the model has paused in it.
    pub(super) fn settle(&mut self, was_sounding: bool) {
        if self.turn.settle(was_sounding) {
            self.phase = Phase::Talk;
        }
    }

    /// The playout was cleared, and this is what was heard of it.
    pub(super) fn interrupted(&mut self, items: Vec<ItemPlayout>, call: &mut Shared) {
        self.turn.interrupted(items, call);
    }

    /// Something else has to be said, or nothing any more.
    pub(super) fn interrupt(&mut self, by: Interrupter, call: &mut Shared) {
        self.turn.interrupt(by, call);
    }

    /// A response that was asked for will not come; whether the caller waited for it in silence.
    pub(super) fn request_given_up(&mut self) -> Awaited {
        let aside = self.turn.is_owed() && !self.turn.is_caller_speaking();
        let awaited = aside || self.phase == Phase::Opening || self.turn.is_thinking();
        self.turn.forgive();
        if awaited { Awaited::Yes } else { Awaited::No }
    }

    /// Every retry has failed: the caller is not left with nothing to hear.
    pub(super) fn leave_it_at_an_apology(&mut self, call: &mut Shared) {
        call.apologise();
        self.caller_has_the_word();
    }

    /// The caller's turn was noise: the answer that was to be asked for again is not.
    pub(super) fn nothing_owed(&mut self, stage: Stage) {
        self.turn.forgive();
        if stage == Stage::Talking && self.turn.is_over() {
            self.caller_has_the_word();
        }
    }

    /// The agent is told to bring the call to an end: to say so now, and to keep to it from here on.
    pub(super) fn wrap_up(&mut self, stage: Stage, call: &mut Shared) {
        // Otherwise nothing has been spent yet, or it ends already, or another person talks.
        if stage == Stage::Talking {
            call.add_text(TextRole::System, KEPT_IN_MIND.to_owned());
            self.request(ResponsePurpose::Notice, Some(SAID.to_owned()), call);
        }
    }

    /// The caller is told that the call will soon have to end.
    pub(super) fn warn(&mut self, call: &mut Shared) {
        self.warning = None;
        self.request(ResponsePurpose::Notice, Some(WARNING.to_owned()), call);
    }
}

/// What the other regions do to the floor.
impl Floor {
    /// The model's session is gone and another one is being opened: nobody tells any more when the caller's turn ends.
    pub(super) fn model_faltered(&mut self, call: &mut Shared) {
        self.turn.caller_ends();
        call.act(CallAction::CallerTurn { open: false });
        if self.barge_in.is_pending() {
            call.act(CallAction::ResumePlayout);
        }
        self.barge_in.forget();
        self.notice_broken(None);
        self.turn.model_faltered();
    }

    /// Another session goes on; `answering` says whether it was asked to speak.
    pub(super) fn model_resumed(&mut self, answering: bool) {
        self.wait.begin_anew();
        self.turn.model_resumed(answering);
    }

    /// The model is gone, and with it what it was generating or owed.
    pub(super) fn model_lost(&mut self) {
        self.turn.model_lost();
    }

    /// What a line that breaks now cuts.
    pub(super) fn cut(&self) -> Cut {
        if self.turn.is_caller_speaking() {
            Cut::Caller
        } else if self.turn.is_thinking() {
            Cut::Answer
        } else if self.turn.is_sounding() || self.turn.is_generating() {
            Cut::Agent
        } else if self.turn.is_owed() {
            Cut::Answer
        } else {
            Cut::Nobody
        }
    }

    /// The line is gone; whether the caller was speaking.
    pub(super) fn line_breaks(&mut self, stage: Stage, call: &mut Shared) -> bool {
        self.turn.interrupt(Interrupter::Us, call);
        self.turn.forgive();
        self.barge_in.forget();
        self.stopwatch.abandon();
        let was_speaking = self.turn.is_caller_speaking();
        if stage != Stage::Connecting {
            self.turn.caller_ends();
        }
        was_speaking
    }

    /// The caller is on another stream, on which nobody has spoken yet.
    pub(super) fn comes_back(&mut self) {
        self.turn.caller_ends();
        self.turn.playout_drained();
        self.caller_has_the_word();
    }

    /// What is still to come of a response that was cut would be heard on the new line.
    pub(super) fn clear_what_was_cut(&self, call: &mut Shared) {
        if let Some(response) = self.turn.cut_response() {
            call.act(CallAction::ClearPlayout { response: Some(response) });
        }
    }

    /// What is waited for, where and while the conversation goes on.
    pub(super) fn timers(&self, timers: &mut TimerTable, call: &Shared) {
        timers.set(Timer::Keypad, self.keypad.due().filter(|_| self.protection == Protection::Over));
        timers.set(Timer::DurationWarning, self.warning);
        timers.set(Timer::Interruption, self.barge_in.due());
        timers.set(Timer::Idle, self.no_input.deadline().filter(|_| !self.must_be_heard()));
        timers.set(Timer::Filler, self.tools.filler_due());
        timers.set(Timer::Wait, self.wait_due(Stage::Talking, call));
        timers.set(Timer::Protection, self.protected_until());
    }

    /// What is waited for while the model is dialled.
    pub(super) fn connecting_timers(&self, timers: &mut TimerTable, call: &Shared) {
        timers.set(Timer::Wait, self.wait_due(Stage::Connecting, call));
    }
}

fn words_missing(why: &'static str, turns: u64, call: &mut Shared) {
    let again = call.tally.turns_without_words > 0;
    call.tally.turns_without_words += turns;
    call.tell(Note::WordsMissing { why, turns, again });
}

/// What the model is told for the rest of a call whose budget is almost spent.
const KEPT_IN_MIND: &str = "This call has to come to its end soon. Keep every answer to one or two short sentences, begin nothing \
    new, and say goodbye as soon as what the caller needs is settled.";
/// What the model is told to say then.
const SAID: &str =
    "Tell the caller in one short sentence that this call has to come to its end soon, and ask for what matters most.";
/// How long before the longest duration the caller is told. Shorter: no time to come to an end. Longer: the rest of the call is
/// held under a threat. Calls that may not last twice this long are not warned.
const WARNED_AHEAD: Duration = Duration::from_secs(30);
/// What the model is told to say then.
pub(in crate::call) const WARNING: &str =
    "Tell the caller in one short sentence that this call will end in about half a minute, then go on.";
