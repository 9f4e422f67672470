//! The barge-in filter: whether the caller's speech is an interruption. A cough or an "mm-hm" must
//! not stop an answer. Pure; part of [`super`].
//!
//! The plan decides about speech over the agent: it counts at once, or after it has lasted, or (if
//! the answer pauses meanwhile) once words or continued speech confirm it. Speech that ends before
//! it counted is ignored. Words that only show that somebody listens (`never_interrupts` of the
//! language) never confirm it, if the transcript is there in time; otherwise its length decides.

use std::time::{Duration, Instant};

use crate::ids::ItemId;
use crate::profile::nods::Nods;
use crate::profile::{InterruptionPlan, InterruptionPolicy};

/// One call's barge-in filter.
#[derive(Debug, Default)]
pub(super) struct BargeInFilter {
    /// Speech of the caller that is not judged yet.
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    item: ItemId,
    /// When it counts, if it lasts; when the answer resumes, once it has ended.
    due: Instant,
    speech: Speech,
}

/// The state of speech that is not judged yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    /// The speech continues.
    Lasts,
    /// The speech has ended, and the paused answer waits for words.
    Ended,
}

/// The consequence for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// None, yet or at all.
    GoOn,
    /// Stop sending; the speech may be an interruption.
    Pause,
    /// Continue where the caller stopped hearing.
    Resume,
    /// The caller interrupts.
    Interrupt,
}

impl BargeInFilter {
    /// The caller began to speak while the agent was heard, or was about to be.
    pub(super) fn speech_started(&mut self, item: &ItemId, plan: &InterruptionPlan, now: Instant) -> Verdict {
        if plan.policy == InterruptionPolicy::Model {
            return Verdict::GoOn;
        }
        let paused = matches!(plan.policy, InterruptionPolicy::PauseAndConfirm { .. });
        if !paused && plan.min_speech.is_zero() {
            return Verdict::Interrupt;
        }
        let lasts = if paused { plan.min_speech.max(LEAST_CONFIRMING) } else { plan.min_speech };
        self.pending = Some(Pending { item: item.clone(), due: now + lasts, speech: Speech::Lasts });
        if paused { Verdict::Pause } else { Verdict::GoOn }
    }

    /// The caller's turn ended. [`Self::is_pending`], read before, says whether it counted as a
    /// turn.
    pub(super) fn speech_stopped(&mut self, plan: &InterruptionPlan, now: Instant) {
        let resume_after = match plan.policy {
            InterruptionPolicy::PauseAndConfirm { resume_after } => Some(resume_after),
            InterruptionPolicy::Immediate | InterruptionPolicy::Model => None,
        };
        match (self.pending.as_mut(), resume_after) {
            (Some(pending), Some(resume_after)) => {
                pending.due = now + resume_after;
                pending.speech = Speech::Ended;
            }
            // Too short to count; the answer was not touched.
            (Some(_), None) => self.pending = None,
            (None, _) => {}
        }
    }

    /// Transcription found words in `item`; `text` is all that is known of them so far, and all there
    /// is if it is the `last` of them. `nods` are the words that never interrupt.
    pub(super) fn words(&mut self, item: &ItemId, text: &str, last: bool, nods: &Nods, now: Instant) -> Verdict {
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.item == *item) else {
            return Verdict::GoOn;
        };
        match (nods.are_all_of(text), pending.speech) {
            (false, _) => {
                self.pending = None;
                Verdict::Interrupt
            }
            // Nothing is left to wait for.
            (true, Speech::Ended) if last => {
                self.pending = None;
                Verdict::Resume
            }
            (true, Speech::Lasts) => {
                pending.due = pending.due.max(now + LEAST_CONFIRMING);
                Verdict::GoOn
            }
            (true, Speech::Ended) => Verdict::GoOn,
        }
    }

    /// Whether speech is waiting to be judged.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Drops the pending speech: no audio is left to interrupt.
    pub(super) fn forget(&mut self) {
        self.pending = None;
    }

    /// When pending speech is judged.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.due)
    }

    /// Judges the pending speech by time, once it is due.
    pub(super) fn judge(&mut self, now: Instant) -> Verdict {
        match self.pending.take_if(|pending| pending.due <= now) {
            Some(Pending { speech: Speech::Ended, .. }) => Verdict::Resume,
            Some(Pending { speech: Speech::Lasts, .. }) => Verdict::Interrupt,
            None => Verdict::GoOn,
        }
    }
}

/// How long speech must last to confirm an interruption during a pause. Shorter would let a cough
/// confirm it. Longer would let the pause end while the caller speaks.
const LEAST_CONFIRMING: Duration = Duration::from_millis(600);

#[cfg(test)]
mod tests;
