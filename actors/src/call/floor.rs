//! The floor: who speaks. Pure; one of the regions of [`super::machine`].
//!
//! Exactly one of four holds it: the caller, the agent, a due answer, or silence ([`Holder`]).
//! Speech of the caller over the agent contests it (`barge_in` judges). Silence leads to prompts
//! ([`super::no_input`]). A due answer that is not heard has a deadline (`wait`). Keys are input of
//! the caller (`keys`). The opening is protected (`opening`). `turn` tracks what the caller hears
//! and what the model generates. Of the other regions the floor knows only the [`Stage`].
//!
//! | state | |
//! |---|---|
//! | greeting | the opening; the floor is not free yet |
//! | silent | nobody speaks, and no answer is due |
//! | caller | the caller speaks, and the agent is silent |
//! | due | the line is silent, and the agent owes or generates an answer |
//! | due, aside | the same during the caller's turn: the answer to a key, a prompt or a slow tool |
//! | agent | the agent is heard |
//! | agent, contested | the caller speaks over the agent, and barge-in is not judged yet |
#![doc = include_str!("floor.md")]

pub(super) mod agent;
mod barge_in;
mod caller;
mod keypad;
mod keys;
mod latency;
mod missed;
mod opening;
mod steered;
mod tooling;
mod turn;
pub(super) mod wait;

use std::time::{Duration, Instant};

use self::barge_in::BargeInFilter;
use self::keypad::Keypad;
pub(super) use self::keys::Entered;
use self::latency::Stopwatch;
use self::missed::CutShort;
use self::opening::{Phase, Protection, opening_protection};
pub(super) use self::tooling::Called;
pub(super) use self::turn::Interrupter;
use self::turn::Turn;
use self::wait::Wait;
pub(super) use self::wait::Waited;
use super::no_input::NoInput;
use super::privacy::PrivateAnswer;
use super::shared::{Shared, Stage};
use super::steps::CallAction;
use super::timers::{Timer, TimerTable};
use super::tools::Tools;
use crate::profile::CallProfile;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest};
use crate::words::Pieces;

/// Who holds the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// The caller speaks, and the agent is silent.
    Caller,
    /// The agent is heard; the caller may be speaking over it.
    Agent,
    /// The line is silent, and the agent owes or generates an answer.
    Due,
    /// The line is silent and no answer is due: the caller may speak.
    Silent,
}

/// What a broken line interrupted on the floor.
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

/// Whether the caller waited for a response that will not come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The caller waited in silence.
    Yes,
    /// The caller did not wait, or is speaking.
    No,
}

/// The result of a caller's silence.
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
    /// The caller's words as they are transcribed.
    pieces: Pieces,
    /// When the caller is warned of the longest duration; `None` once it was done, or if the call
    /// is too short for it.
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
            (false, false) if self.turn.is_due() => Holder::Due,
            (false, false) => Holder::Silent,
        }
    }

    /// Whether the caller speaks over the agent and barge-in is not judged yet.
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

    /// Pauses or resumes recording.
    pub(super) fn pause_recording(&mut self, paused: bool, call: &mut Shared) {
        let answer = match self.turn.generated() {
            Some(response) => PrivateAnswer::Begun(response.clone()),
            None if self.turn.is_owed() || self.turn.is_thinking() || self.turn.is_caller_speaking() => {
                PrivateAnswer::Owed
            }
            None => PrivateAnswer::None,
        };
        call.pause_recording(paused, answer);
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

    /// Whether nothing is heard, generated or due.
    pub(super) fn is_over(&self) -> bool {
        self.turn.is_over()
    }

    /// Whether the model has spoken since the caller last did.
    pub(super) fn has_spoken(&self) -> bool {
        self.turn.has_spoken()
    }

    /// Whether this is a quiet moment.
    pub(super) fn is_quiet(&self) -> bool {
        self.phase == Phase::Talk && self.turn.is_at_rest() && !self.barge_in.is_pending() && !self.tools.are_asked()
    }
}

/// What the other regions do to the floor.
impl Floor {
    /// The session is lost and another one is being opened: the end of the caller's turn is not
    /// reported any more.
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

    /// The model is gone, and with it the answer that it generated or owed.
    pub(super) fn model_lost(&mut self) {
        self.turn.model_lost();
    }

    /// What a line that breaks now would interrupt.
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

    /// The caller is on another, still silent stream.
    pub(super) fn comes_back(&mut self) {
        self.turn.caller_ends();
        self.turn.playout_drained();
        self.caller_has_the_word();
    }

    /// Clears the rest of a response that was cut: the new line would play it.
    pub(super) fn clear_what_was_cut(&self, call: &mut Shared) {
        if let Some(response) = self.turn.cut_response() {
            call.act(CallAction::ClearPlayout { response: Some(response) });
        }
    }

    /// Sets the deadlines of the floor during the conversation.
    pub(super) fn timers(&self, timers: &mut TimerTable, call: &Shared) {
        timers.set(Timer::Keypad, self.keypad.due().filter(|_| self.protection == Protection::Over));
        timers.set(Timer::DurationWarning, self.warning);
        timers.set(Timer::Interruption, self.barge_in.due());
        timers.set(Timer::Idle, self.no_input.deadline().filter(|_| !self.must_be_heard()));
        timers.set(Timer::Filler, self.tools.filler_due());
        timers.set(Timer::Wait, self.wait_due(Stage::Talking, call));
        timers.set(Timer::Protection, self.protected_until());
    }

    /// Sets the deadlines of the floor while the model is dialled.
    pub(super) fn connecting_timers(&self, timers: &mut TimerTable, call: &Shared) {
        timers.set(Timer::Wait, self.wait_due(Stage::Connecting, call));
    }
}

/// How long before the longest duration the caller is warned. Shorter leaves no time to finish;
/// longer spoils the rest of the call. Calls that may not last twice this long are not warned.
const WARNED_AHEAD: Duration = Duration::from_secs(30);
