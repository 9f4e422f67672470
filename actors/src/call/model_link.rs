//! The model link: whether there is a session that could answer. Pure; one of the regions of
//! [`super::machine`].
//!
//! Queued audio plays on through an outage. A caller who waits in silence hears a recorded line,
//! because no model can say one. A due answer stays due: the next session is asked for it. A
//! session that will expire is replaced in a quiet moment.
//!
//! | state | |
//! |---|---|
//! | dialling | the first session is being opened |
//! | up | there is a session |
//! | expiring | there is one that will end soon |
//! | down | a session was lost, and another one is being opened |
//! | gone | no session can be opened any more |
#![doc = include_str!("model_link.md")]

use std::time::{Duration, Instant};

use super::shared::Shared;
use super::steps::Note;
use super::timers::{Timer, TimerTable};
use crate::ending::Ending;
use crate::realtime::messages::ModelOrder;
use crate::realtime::report::{LossClass, ModelLoss};

/// The call's end of its model.
#[derive(Debug)]
pub(super) struct ModelLink {
    state: Link,
    /// Sessions replaced in a row because they gave no answer.
    replaced: usize,
}

/// Whether there is a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// The first one is being opened.
    Dialling,
    /// There is one.
    Up,
    /// The session will expire; a fresh one waits for a quiet moment.
    Expiring,
    /// One was lost, and another one is being opened.
    Down(Outage),
    /// No session can be opened any more.
    Gone,
}

/// A time without a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outage {
    /// Since when the caller has heard nothing; `None` while something plays.
    quiet_since: Option<Instant>,
    /// Lines played to fill it.
    lines: u32,
}

impl ModelLink {
    pub(super) const fn new() -> Self {
        Self { state: Link::Dialling, replaced: 0 }
    }

    /// The state's name in the table.
    #[cfg(test)]
    pub(super) const fn name(&self) -> &'static str {
        match self.state {
            Link::Dialling => "dialling",
            Link::Up => "up",
            Link::Expiring => "expiring",
            Link::Down(_) => "down",
            Link::Gone => "gone",
        }
    }

    /// Whether the first session is being opened.
    pub(super) fn is_dialling(&self) -> bool {
        self.state == Link::Dialling
    }

    /// Whether a session was lost and another one is being opened.
    pub(super) const fn is_down(&self) -> bool {
        matches!(self.state, Link::Down(_))
    }

    /// Whether there is no model any more.
    pub(super) fn is_gone(&self) -> bool {
        self.state == Link::Gone
    }

    /// The session is configured. Returns whether it is the first; a repeated or late report
    /// changes nothing.
    pub(super) fn ready(&mut self, setup: Duration, call: &mut Shared) -> bool {
        call.detail.model_setup_ms = Some(u64::try_from(setup.as_millis()).unwrap_or(u64::MAX));
        call.tell(Note::ModelConnected(setup));
        let first = self.is_dialling();
        if first {
            self.state = Link::Up;
        }
        first
    }

    /// The session is lost and another one is being opened. Returns whether the conversation is now
    /// without one. Before the first session the setup timer runs instead.
    pub(super) fn faltered(&mut self, loss: ModelLoss, sounding: bool, call: &mut Shared) -> bool {
        call.tell(Note::ModelFaltered { class: loss.class, reason: loss.reason });
        match self.state {
            Link::Dialling | Link::Gone => false,
            Link::Down(_) => true,
            Link::Up | Link::Expiring => {
                self.state = Link::Down(Outage { quiet_since: (!sounding).then_some(call.now), lines: 0 });
                call.compare_speech(false);
                true
            }
        }
    }

    /// Another session has taken over.
    pub(super) fn resumed(&mut self, gap: Duration, call: &mut Shared) {
        call.tell(Note::ModelResumed(gap));
        match self.state {
            Link::Up | Link::Expiring => self.state = Link::Up,
            Link::Down(_) => {
                self.state = Link::Up;
                call.compare_speech(true);
            }
            // The session after a lost first one is reported as the first; a session after the last
            // is too late.
            Link::Dialling | Link::Gone => {}
        }
    }

    /// The session will expire.
    pub(super) fn expires(&mut self) {
        if self.state == Link::Up {
            self.state = Link::Expiring;
        }
    }

    /// A quiet moment, in which a session can be replaced unnoticed.
    pub(super) fn quiet_moment(&mut self, call: &mut Shared) {
        if self.state == Link::Expiring {
            self.state = Link::Up;
            call.order(ModelOrder::Rotate);
        }
    }

    /// The caller begins to hear something, or has heard everything: audio breaks the silence of an
    /// outage.
    pub(super) fn sounds(&mut self, sounding: bool, now: Instant) {
        if let Link::Down(outage) = &mut self.state {
            outage.quiet_since = (!sounding).then_some(now);
        }
    }

    /// A recorded line is about to fill the silence of an outage.
    pub(super) fn line_played(&mut self, now: Instant) {
        if let Link::Down(outage) = &mut self.state {
            outage.lines += 1;
            outage.quiet_since = Some(now);
        }
    }

    /// An answer of the model was heard: its session works.
    pub(super) fn heard(&mut self) {
        self.replaced = 0;
    }

    /// The session gives no answer and counts as lost: another one is asked for the due answer.
    /// After too many, the model is lost.
    pub(super) fn replace(&mut self, call: &mut Shared) -> Option<ModelLoss> {
        self.replaced += 1;
        let most = call.profile.model.candidates().len().saturating_sub(1).max(LEAST_REPLACED);
        if self.replaced > most {
            return Some(ModelLoss { class: LossClass::Retryable, reason: "no session gives an answer".to_owned() });
        }
        call.order(ModelOrder::Replace);
        None
    }

    /// The model is lost for good; how the call ends for it.
    pub(super) fn lost(&mut self, loss: ModelLoss, call: &mut Shared) -> Ending {
        let ending = match loss.class {
            LossClass::Retryable | LossClass::Expired => Ending::ModelLost,
            LossClass::Fatal => Ending::ModelRefused,
        };
        call.tell(Note::ModelLost { class: loss.class, reason: loss.reason });
        ending
    }

    /// No model is left to answer.
    pub(super) fn gone(&mut self) {
        self.state = Link::Gone;
    }

    /// The deadline of the first session.
    pub(super) fn setup_timer(&self, call: &Shared, timers: &mut TimerTable) {
        timers.set(Timer::ModelSetup, call.started.checked_add(call.profile.limits.model_setup));
    }

    /// When the silence of an outage has lasted long enough; `owed` says whether the caller waits
    /// for an answer.
    pub(super) fn outage_timer(&self, owed: bool, timers: &mut TimerTable) {
        let Link::Down(Outage { quiet_since: Some(since), lines }) = self.state else { return };
        let patience = match lines {
            0 if owed => WHILE_WAITING,
            0 => WHILE_LISTENING,
            1..MOST_LINES => BETWEEN_LINES,
            _ => return,
        };
        timers.set(Timer::Outage, since.checked_add(patience));
    }
}

/// Silence before the first line while an answer is due. Shorter: lines fill gaps that a caller
/// would not notice.
const WHILE_WAITING: Duration = Duration::from_millis(1_200);
/// Silence before the first line while the caller has the word: they may be thinking.
const WHILE_LISTENING: Duration = Duration::from_millis(3_500);
/// Silence before another line.
const BETWEEN_LINES: Duration = Duration::from_millis(3_800);
/// Lines in one outage. More is a queue without end; by then the model is given up.
const MOST_LINES: u32 = 3;
/// Sessions replaced in a row before the model is given up, unless more servers are configured: two
/// without an answer are no accident.
const LEAST_REPLACED: usize = 1;
