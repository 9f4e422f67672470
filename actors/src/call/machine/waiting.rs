//! A model that lets the caller wait: first a recorded word, and then another session. Part of [`super`].
//!
//! However a server fails, it looks the same from the caller's end: an answer is due and nothing is heard. So this asks for no
//! reason: it measures what the caller hears.

use std::time::{Duration, Instant};

use super::{CallMachine, State};
use crate::call::messages::{LossClass, ModelLoss};
use crate::call::steps::CallAction;
use crate::ids::ItemId;
use crate::realtime::messages::ModelOrder;
use crate::transcript::messages::Fact;

/// How long the caller has waited.
#[derive(Debug, Default)]
pub(super) struct Wait {
    /// Since when he hears nothing although something is due; `None` while he does.
    silent_since: Option<Instant>,
    /// Lines played in this wait.
    lines: u32,
    /// Sessions that were replaced for it, until one is heard.
    replaced: u32,
}

impl CallMachine {
    /// Starts and stops the clock. An outage has its own.
    pub(super) fn mind_the_wait(&mut self, now: Instant) {
        let due = match self.state {
            State::Connecting => true,
            State::Greeting | State::Thinking { .. } => self.turn.is_owed() || self.turn.is_generating(),
            State::Listening | State::Speaking | State::Closing(_) | State::Transferring(_) | State::Ended(_) => false,
        };
        if due && self.outage.is_none() && !self.caller_speaking && !self.turn.is_sounding() {
            self.wait.silent_since.get_or_insert(now);
        } else {
            self.wait.silent_since = None;
        }
    }

    /// The model is heard: the wait is over.
    pub(super) fn waited_enough(&mut self) {
        self.wait = Wait::default();
    }

    /// The caller has the word, or another session has: another wait may follow.
    pub(super) fn wait_anew(&mut self) {
        self.wait = Wait { replaced: self.wait.replaced, ..Wait::default() };
    }

    pub(super) fn wait_due(&self) -> Option<Instant> {
        let patience = match self.wait.lines {
            0 => BEFORE_A_LINE,
            _ => BETWEEN_LINES,
        };
        self.wait.silent_since?.checked_add(patience)
    }

    /// A line of ours; where lines do not help, a session that may.
    pub(super) fn end_the_wait(&mut self, now: Instant) {
        self.wait.silent_since = Some(now);
        // There is no session to be replaced while the first is dialled; that has its own end.
        if self.wait.lines >= MOST_LINES && self.state != State::Connecting {
            self.wait.lines = 0;
            self.wait.replaced += 1;
            if self.wait.replaced > MOST_REPLACED {
                let reason = "no session gives an answer".to_owned();
                return self.model_lost(ModelLoss { class: LossClass::Retryable, reason }, now);
            }
            return self.out.push(CallAction::Order(ModelOrder::Replace));
        }
        self.wait.lines += 1;
        self.play_filler();
    }

    /// The recorded words for one who waits.
    pub(super) fn play_filler(&mut self) {
        let Some((text, pcm)) = self.spoken().and_then(|l| Some((l.filler.clone(), l.filler_sound.clone()?))) else {
            return;
        };
        self.lines_played += 1;
        let item = ItemId::new(&format!("line_filler_{}", self.lines_played));
        self.record(Fact::LinePlayed { item: item.clone(), text });
        self.out.push(CallAction::PlayPcm { item, pcm });
    }
}

/// Silence before the first line. Shorter speaks into the pauses of a model that thinks, longer is taken for a dead line.
const BEFORE_A_LINE: Duration = Duration::from_secs(3);
/// Silence before another.
const BETWEEN_LINES: Duration = Duration::from_millis(3_800);
/// Lines before the session is given up: with their own length, a model has some twelve seconds to begin.
const MOST_LINES: u32 = 2;
/// Sessions replaced in a row before the model is given up: two that do not answer are no accident.
const MOST_REPLACED: u32 = 1;

#[cfg(test)]
mod tests {
    use CallAction as A;

    use super::super::outages::brief_with_sounds;
    use super::super::tests::{Held, drained, playing, ready, response_started, speech_started, speech_stopped};
    use super::*;
    use crate::audio::messages::CLIP_RESPONSE;
    use crate::call::steps::{CallEvent, Timer};

    #[test]
    fn a_caller_whose_answer_does_not_come_hears_a_word_and_then_gets_another_session() {
        let mut call = held();
        call.on(speech_started());
        call.on(speech_stopped());
        assert!(lines(&waited(&mut call, BEFORE_A_LINE)), "a first word");
        call.on(playing(CLIP_RESPONSE));
        call.on(drained());
        assert!(lines(&waited(&mut call, BETWEEN_LINES)), "a second");
        call.on(playing(CLIP_RESPONSE));
        call.on(drained());
        assert_eq!(waited(&mut call, BETWEEN_LINES), [A::Order(ModelOrder::Replace)]);
        for patience in [BEFORE_A_LINE, BETWEEN_LINES] {
            assert!(lines(&waited(&mut call, patience)), "while that is opened");
            call.on(playing(CLIP_RESPONSE));
            call.on(drained());
        }
        waited(&mut call, BETWEEN_LINES);
        assert_eq!(call.state(), "closing", "the next one did no better");
    }

    #[test]
    fn a_response_that_began_and_is_not_heard_is_waited_for_in_the_same_way() {
        let mut call = held();
        call.on(response_started("r2"));
        assert!(lines(&waited(&mut call, BEFORE_A_LINE)));
    }

    #[test]
    fn nobody_is_told_to_wait_who_has_the_word_or_is_being_spoken_to() {
        let waits = |call: &Held| call.machine.deadline().is_some_and(|(_, timer)| timer == Timer::Wait);
        let mut call = held();
        assert!(!waits(&call), "the caller may speak");
        call.on(speech_started());
        assert!(!waits(&call), "he does");
        call.on(speech_stopped());
        assert!(waits(&call));
        call.on(response_started("r2"));
        call.on(playing("r2"));
        assert!(!waits(&call), "he is answered");
    }

    #[test]
    fn a_caller_whose_first_session_is_slow_hears_a_word_too() {
        let mut call = Held::of(brief_with_sounds());
        assert!(lines(&waited(&mut call, BEFORE_A_LINE)));
        assert_eq!(call.state(), "connecting");
    }

    fn waited(call: &mut Held, patience: Duration) -> Vec<CallAction> {
        call.on(CallEvent::TimeUp);
        let (at, timer) = call.machine.deadline().expect("something is awaited");
        assert_eq!((at - call.now, timer), (patience, Timer::Wait));
        call.now = at;
        call.on(CallEvent::TimeUp)
    }

    fn lines(done: &[CallAction]) -> bool {
        done.iter().any(|action| matches!(action, A::PlayPcm { .. }))
    }

    fn held() -> Held {
        let mut call = Held::of(brief_with_sounds());
        call.on(ready());
        call.says("greet");
        call.on(drained());
        call
    }
}
