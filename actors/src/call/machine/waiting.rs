//! A model that lets the caller wait: first a recorded word, and then another session. Part of [`super`].
//!
//! However a server fails, it looks the same from the caller's end: an answer is due and nothing is heard. So this asks for no
//! reason: it measures what the caller hears. What the session itself finds out sooner is in `missed`.

use std::time::{Duration, Instant};

use super::{CallMachine, State};
use crate::call::steps::{CallAction, Note};
use crate::ids::ItemId;
use crate::incident::{Incident, IncidentKind};
use crate::realtime::report::{LossClass, ModelLoss};
use crate::transcript::messages::Fact;

/// How long the caller has waited.
#[derive(Debug, Default)]
pub(super) struct Wait {
    /// Since when they hear nothing although something is due; `None` while they do.
    silent_since: Option<Instant>,
    /// Since when something is due and the model is not heard. Lines of ours do not end it.
    due_since: Option<Instant>,
    /// Lines played in this wait.
    lines: u32,
    /// Sessions that were replaced for it, until one is heard.
    replaced: usize,
}

impl Wait {
    /// One more session is replaced, of `servers`; how the model is lost, where that were one too many.
    pub(super) fn replace(&mut self, servers: usize) -> Option<ModelLoss> {
        self.replaced += 1;
        let reason = || "no session gives an answer".to_owned();
        let most = servers.saturating_sub(1).max(LEAST_REPLACED);
        (self.replaced > most).then(|| ModelLoss { class: LossClass::Retryable, reason: reason() })
    }
}

impl CallMachine {
    /// Starts and stops the clock. An outage has its own.
    pub(super) fn check_wait(&mut self, now: Instant) {
        let due = match self.state {
            State::Connecting => true,
            // An answer to keys, to a prompt or to a tool that took its time is owed while the caller has the word, too.
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => {
                self.turn.is_owed() || self.turn.is_generating()
            }
            State::Closing(_) | State::Reconnecting(_) | State::Transferring(_) | State::Ended(_) => false,
        };
        if !due || self.outage.is_some() || self.caller_speaking {
            (self.wait.silent_since, self.wait.due_since) = (None, None);
        } else if self.turn.is_sounding() {
            self.wait.silent_since = None;
        } else {
            self.wait.silent_since.get_or_insert(now);
            self.wait.due_since.get_or_insert(now);
        }
    }

    /// An answer of the model was heard: its session is a good one.
    pub(super) fn session_is_heard(&mut self) {
        self.wait.replaced = 0;
    }

    /// The model begins to be heard, or the caller has the word, or another session: another wait may follow.
    pub(super) fn wait_anew(&mut self) {
        self.wait = Wait { replaced: self.wait.replaced, ..Wait::default() };
    }

    pub(super) fn wait_due(&self) -> Option<Instant> {
        let patience = match self.wait.lines {
            0 => BEFORE_A_LINE,
            _ => BETWEEN_LINES,
        };
        let line = self.wait.silent_since?.checked_add(patience);
        line.into_iter().chain(self.lost_due()).min()
    }

    /// When the session counts as lost. There is none to be replaced while the first is dialled; that has its own end.
    fn lost_due(&self) -> Option<Instant> {
        let since = self.wait.due_since.filter(|_| self.state != State::Connecting)?;
        since.checked_add(self.profile.limits.model_answer)
    }

    /// A line of ours; where lines do not help, a session that may.
    pub(super) fn end_the_wait(&mut self, now: Instant) {
        self.wait.silent_since = Some(now);
        if self.lost_due().is_some_and(|at| at <= now) {
            (self.wait.lines, self.wait.due_since) = (0, Some(now));
            let detail = format!("no answer within {:?}", self.profile.limits.model_answer);
            self.tell(Note::Incident(Incident::new(IncidentKind::ModelMute, detail)));
            return self.replace_session(now);
        }
        self.wait.lines += 1;
        self.play_filler();
    }

    /// The recorded words for one who waits: the language's filler, or the apology where that alone has a recording.
    pub(super) fn play_filler(&mut self) {
        let filler = self.spoken().and_then(|l| Some((l.filler.clone(), l.filler_sound.clone()?)));
        let Some((text, pcm)) = filler else {
            if self.wait.lines <= 1 {
                self.apologise();
            }
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
/// Sessions replaced in a row before the model is given up, where there are no more servers than that: two that do not answer are
/// no accident.
const LEAST_REPLACED: usize = 1;

#[cfg(test)]
mod tests {
    use CallAction as A;

    use super::super::outages::profile_with_sounds;
    use super::super::tests::{Harness, drained, playing, ready, response_started, speech_started, speech_stopped};
    use super::*;
    use crate::audio::messages::CLIP_RESPONSE;
    use crate::call::steps::{CallEvent, Timer};
    use crate::realtime::messages::ModelOrder;

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
        assert!(waited(&mut call, BETWEEN_LINES).contains(&A::Order(ModelOrder::Replace)));
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
        let waits = |call: &Harness| call.machine.deadline().is_some_and(|(_, timer)| timer == Timer::Wait);
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
        let mut call = Harness::of(profile_with_sounds());
        assert!(lines(&waited(&mut call, BEFORE_A_LINE)));
        assert_eq!(call.state(), "connecting");
    }

    fn waited(call: &mut Harness, patience: Duration) -> Vec<CallAction> {
        call.on(CallEvent::TimeUp);
        let (at, timer) = call.machine.deadline().expect("something is awaited");
        assert_eq!((at - call.now, timer), (patience, Timer::Wait));
        call.now = at;
        call.on(CallEvent::TimeUp)
    }

    fn lines(done: &[CallAction]) -> bool {
        done.iter().any(|action| matches!(action, A::PlayPcm { .. }))
    }

    fn held() -> Harness {
        let mut call = Harness::of(profile_with_sounds());
        call.on(ready());
        call.says("greet");
        call.on(drained());
        call
    }
}
