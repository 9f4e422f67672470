//! A model session that was lost in the middle of a call, and the one that follows it. Part of [`super`].
//!
//! What was queued plays on. Who waits in silence hears a recorded line, because no model can say one. What was owed stays owed: the
//! session that follows is asked for it by whoever opened it.

use std::time::{Duration, Instant};

use super::ends::{Awaiting, Closing};
use super::{CallMachine, State};
use crate::call::steps::{CallAction, Note};
use crate::realtime::messages::ModelOrder;
use crate::realtime::report::ModelLoss;

/// A time without a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outage {
    /// Since when the caller has heard nothing; `None` while something plays.
    quiet_since: Option<Instant>,
    /// Lines played to fill it.
    lines: u32,
}

impl CallMachine {
    /// The session is gone, and another one is being opened.
    pub(super) fn model_faltered(&mut self, ModelLoss { class, reason }: ModelLoss, now: Instant) {
        self.tell(Note::ModelFaltered { class, reason });
        if self.state == State::Connecting {
            // There was none yet; the time for model setup runs.
            return;
        }
        // Nobody tells any more when the caller's turn ends.
        self.caller_speaking = false;
        self.out.push(CallAction::CallerTurn { open: false });
        if self.barge_in.is_pending() {
            self.out.push(CallAction::ResumePlayout);
        }
        self.barge_in.forget();
        self.notice_broken(None);
        self.turn.model_faltered();
        let quiet_since = (!self.turn.is_sounding()).then_some(now);
        self.outage.get_or_insert(Outage { quiet_since, lines: 0 });
        if let State::Closing(closing @ Closing { awaiting: Awaiting::Words, .. }) = self.state {
            // The last words end here.
            self.await_silence(closing);
        }
    }

    /// Another session goes on; `answering` says whether it was asked to speak.
    pub(super) fn model_resumed(&mut self, gap: Duration, answering: bool) {
        self.tell(Note::ModelResumed(gap));
        self.outage = None;
        self.wait_anew();
        self.renewable = false;
        self.turn.model_resumed(answering);
        if !matches!(
            self.state,
            State::Connecting | State::Closing(_) | State::Reconnecting(_) | State::Transferring(_)
        ) {
            // Should nothing be owed, the answer ends the agent's turn.
            self.out.push(CallAction::TellWhenDrained);
        }
    }

    /// A session that expires is replaced while nobody notices.
    pub(super) fn renew_if_quiet(&mut self) {
        let quiet = self.state == State::Listening
            && !self.caller_speaking
            && self.turn.is_over()
            && !self.barge_in.is_pending()
            && !self.tools.are_asked();
        if self.renewable && quiet {
            self.renewable = false;
            self.out.push(CallAction::Order(ModelOrder::Rotate));
        }
    }

    /// What plays breaks the silence; its end begins another.
    pub(super) fn outage_sounds(&mut self, sounding: bool, now: Instant) {
        if let Some(outage) = &mut self.outage {
            outage.quiet_since = (!sounding).then_some(now);
        }
    }

    /// When the silence of an outage has lasted long enough.
    pub(super) fn outage_due(&self) -> Option<Instant> {
        let outage = self.outage?;
        let patience = match outage.lines {
            0 if self.turn.is_owed() => WHILE_WAITING,
            0 => WHILE_LISTENING,
            1..MOST_LINES => BETWEEN_LINES,
            _ => return None,
        };
        outage.quiet_since?.checked_add(patience)
    }

    /// The caller waits in silence: a line of ours.
    pub(super) fn fill_the_outage(&mut self, now: Instant) {
        let Some(outage) = &mut self.outage else { return };
        outage.lines += 1;
        outage.quiet_since = Some(now);
        self.play_filler();
    }
}

/// Silence before the first line while an answer is owed. Shorter speaks into gaps that nobody would have noticed.
const WHILE_WAITING: Duration = Duration::from_millis(1_200);
/// Silence before the first line while the caller has the word: he may be thinking.
const WHILE_LISTENING: Duration = Duration::from_millis(3_500);
/// Silence before another line.
const BETWEEN_LINES: Duration = Duration::from_millis(3_800);
/// Lines in one outage. More is a queue without end; by then the model is given up.
const MOST_LINES: u32 = 3;
