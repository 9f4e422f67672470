//! The timers of a call: a slot for each, filled by the regions; the earliest counts. Pure.

use std::time::Instant;

/// A call's timers, in the order in which they are handled when several are due at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// Connecting: the model's first session has not come up within `limits.model_setup`.
    ModelSetup,
    /// The caller's keys are taken as complete.
    Keypad,
    /// The caller is warned that the call will soon reach its longest duration.
    DurationWarning,
    /// Barge-in: speech of the caller over the agent is judged.
    Interruption,
    /// No input: the floor was silent for the time of the next step.
    Idle,
    /// A tool keeps the caller waiting.
    Filler,
    /// There is no model session and the caller waits in silence.
    Outage,
    /// An answer is due and the caller hears nothing.
    Wait,
    /// The greeting may be interrupted from now on.
    Protection,
    /// Closing: the last words have not been heard within `limits.goodbye`.
    Goodbye,
    /// Transferring: the carrier's next word has not come.
    Transfer,
    /// Reconnecting: the caller has not come back on another stream.
    Reconnect,
    /// The call has reached `limits.max_duration`.
    DurationLimit,
    /// Nothing came from the carrier for `limits.line_silence`.
    LineSilence,
}

/// Every timer, in its order.
const TIMERS: [Timer; 14] = [
    Timer::ModelSetup,
    Timer::Keypad,
    Timer::DurationWarning,
    Timer::Interruption,
    Timer::Idle,
    Timer::Filler,
    Timer::Outage,
    Timer::Wait,
    Timer::Protection,
    Timer::Goodbye,
    Timer::Transfer,
    Timer::Reconnect,
    Timer::DurationLimit,
    Timer::LineSilence,
];

impl Timer {
    /// The name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ModelSetup => "model_setup",
            Self::LineSilence => "line_silence",
            Self::Keypad => "keypad",
            Self::DurationWarning => "duration_warning",
            Self::DurationLimit => "duration_limit",
            Self::Protection => "protection",
            Self::Interruption => "interruption",
            Self::Idle => "idle",
            Self::Filler => "filler",
            Self::Outage => "outage",
            Self::Wait => "wait",
            Self::Goodbye => "goodbye",
            Self::Transfer => "transfer",
            Self::Reconnect => "reconnect",
        }
    }
}

/// When each timer runs out; empty places wait for nothing.
#[derive(Debug, Default)]
pub(super) struct TimerTable([Option<Instant>; TIMERS.len()]);

impl TimerTable {
    /// Waits for `timer` until `at`, or no more.
    pub(super) fn set(&mut self, timer: Timer, at: Option<Instant>) {
        self.0[timer as usize] = at;
    }

    /// The first to run out.
    pub(super) fn next(&self) -> Option<(Instant, Timer)> {
        let set = self.0.iter().zip(TIMERS).filter_map(|(at, timer)| at.map(|at| (at, timer)));
        set.min_by_key(|(at, _)| *at)
    }
}

#[cfg(test)]
mod tests;
