//! A model that lets the caller wait: first a recorded word, and then another session. Pure; part of [`super`].
//!
//! However a server fails, it looks the same from the caller's end: an answer is due and nothing is heard. So this asks for no
//! reason: it measures what the caller hears. What the session itself finds out sooner is in `missed`.

use std::time::{Duration, Instant};

use super::Floor;
use crate::call::shared::{Shared, Stage};
use crate::call::steps::Note;
use crate::incident::{Incident, IncidentKind};

/// How long the caller has waited.
#[derive(Debug, Default)]
pub(super) struct Wait {
    /// Since when they hear nothing although something is due; `None` while they do.
    silent_since: Option<Instant>,
    /// Since when something is due and the model is not heard. Lines of ours do not end it.
    due_since: Option<Instant>,
    /// Lines played in this wait.
    lines: u32,
}

impl Wait {
    /// The model begins to be heard, or the caller has the word, or another session: another wait may follow.
    pub(super) fn begin_anew(&mut self) {
        *self = Self::default();
    }
}

/// What a wait that has lasted leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::call) enum Waited {
    /// The caller hears a line of ours.
    ForALine,
    /// The session counts as lost.
    ForTheModel,
}

impl Floor {
    /// Starts and stops the clock.
    pub(super) fn check_wait(&mut self, stage: Stage, outage: bool, now: Instant) {
        let due = match stage {
            Stage::Connecting => true,
            // An answer to keys, to a prompt or to a tool that took its time is owed while the caller has the word, too.
            Stage::Talking => self.turn.is_owed() || self.turn.is_generating(),
            Stage::Closing | Stage::Broken | Stage::HandedOn | Stage::Ended => false,
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

    /// When the caller has waited long enough.
    pub(in crate::call) fn wait_due(&self, stage: Stage, call: &Shared) -> Option<Instant> {
        let patience = match self.wait.lines {
            0 => BEFORE_A_LINE,
            _ => BETWEEN_LINES,
        };
        let line = self.wait.silent_since?.checked_add(patience);
        line.into_iter().chain(self.lost_due(stage, call)).min()
    }

    /// When the session counts as lost. There is none to be replaced while the first is dialled; that has its own end.
    fn lost_due(&self, stage: Stage, call: &Shared) -> Option<Instant> {
        let since = self.wait.due_since.filter(|_| stage != Stage::Connecting)?;
        since.checked_add(call.profile.limits.model_answer)
    }

    /// A line of ours; where lines do not help, a session that may.
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

    /// The recorded words for one who waits: the language's filler, or the apology where that alone has a recording.
    pub(in crate::call) fn play_filler(&self, call: &mut Shared) {
        if !call.play_filler() && self.wait.lines <= 1 {
            call.apologise();
        }
    }
}

/// Silence before the first line. Shorter speaks into the pauses of a model that thinks, longer is taken for a dead line.
pub(in crate::call) const BEFORE_A_LINE: Duration = Duration::from_secs(3);
/// Silence before another.
pub(in crate::call) const BETWEEN_LINES: Duration = Duration::from_millis(3_800);
