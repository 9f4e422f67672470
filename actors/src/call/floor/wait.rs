//! A model that keeps the caller waiting: first a recorded line, and then another session. Pure;
//! part of [`super`].
//!
//! All failures of a server look the same to the caller: an answer is due and nothing is heard. So
//! this file ignores the cause and measures what the caller hears. Failures that the session
//! detects sooner are in `missed`.

use std::time::{Duration, Instant};

use super::Floor;
use crate::call::shared::{Shared, Stage};
use crate::call::steps::Note;
use crate::incident::{Incident, IncidentKind};

/// How long the caller has waited.
#[derive(Debug, Default)]
pub(super) struct Wait {
    /// Since when the caller hears nothing although something is due; `None` while they hear
    /// something.
    silent_since: Option<Instant>,
    /// Since when something is due and the model is not heard. Recorded lines do not end it.
    due_since: Option<Instant>,
    /// Lines played in this wait.
    lines: u32,
}

impl Wait {
    /// Resets the wait: the model is heard, the caller speaks, or another session has taken over.
    pub(super) fn begin_anew(&mut self) {
        *self = Self::default();
    }
}

/// The consequence of a long wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::call) enum Waited {
    /// The caller hears a recorded line.
    ForALine,
    /// The session counts as lost.
    ForTheModel,
}

impl Floor {
    /// Starts and stops the timer.
    pub(super) fn check_wait(&mut self, stage: Stage, outage: bool, now: Instant) {
        let due = match stage {
            Stage::Connecting => true,
            // An answer to keys, to a prompt or to a slow tool is also due during the caller's
            // turn.
            Stage::Talking => self.turn.is_due(),
            Stage::TakenOver | Stage::Closing | Stage::Broken | Stage::Transferring | Stage::Ended => false,
        };
        if !due || outage || self.turn.is_caller_speaking() {
            (self.wait.silent_since, self.wait.due_since) = (None, None);
        } else if self.turn.is_sounding() {
            self.wait.silent_since = None;
        } else {
            self.wait.silent_since.get_or_insert(now);
            self.wait.due_since.get_or_insert(now);
        }
    }

    /// Returns when the caller has waited long enough.
    pub(in crate::call) fn wait_due(&self, stage: Stage, call: &Shared) -> Option<Instant> {
        let patience = match self.wait.lines {
            0 => BEFORE_A_LINE,
            _ => BETWEEN_LINES,
        };
        let line = self.wait.silent_since?.checked_add(patience);
        line.into_iter().chain(self.lost_due(stage, call)).min()
    }

    /// Returns when the session counts as lost. While the first session is dialled none can be
    /// replaced; it has a deadline of its own.
    fn lost_due(&self, stage: Stage, call: &Shared) -> Option<Instant> {
        let since = self.wait.due_since.filter(|_| stage != Stage::Connecting)?;
        since.checked_add(call.profile.limits.model_answer)
    }

    /// Plays a recorded line; if lines do not help, asks for another session.
    pub(in crate::call) fn end_the_wait(&mut self, stage: Stage, call: &mut Shared) -> Waited {
        self.wait.silent_since = Some(call.now);
        if self.lost_due(stage, call).is_some_and(|at| at <= call.now) {
            (self.wait.lines, self.wait.due_since) = (0, Some(call.now));
            let detail = format!("no answer within {:?}", call.profile.limits.model_answer);
            call.tell(Note::Incident(Incident::new(IncidentKind::ModelMute, detail)));
            return Waited::ForTheModel;
        }
        self.wait.lines += 1;
        self.play_filler(call);
        Waited::ForALine
    }

    /// Plays the recorded line for a waiting caller: the language's filler, or the apology if only
    /// that has a recording.
    pub(in crate::call) fn play_filler(&self, call: &mut Shared) {
        if !call.play_filler() && self.wait.lines <= 1 {
            call.apologise();
        }
    }
}

/// Silence before the first line. Shorter would speak into the pauses of a model that thinks;
/// longer would sound like a dead line.
pub(in crate::call) const BEFORE_A_LINE: Duration = Duration::from_secs(3);
/// Silence before another line.
pub(in crate::call) const BETWEEN_LINES: Duration = Duration::from_millis(3_800);
