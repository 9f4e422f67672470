//! Answers that the caller does not hear, and a session that gives no others. Part of [`super`].
//!
//! The session asks again by itself, as often as makes sense; the answer stays owed meanwhile. What it cannot be brought to say is
//! said by another one, and the caller hears a word of ours while that is opened.

use std::time::Instant;

use super::ends::{Awaiting, Closing};
use super::{CallMachine, State};
use crate::call::steps::{CallAction, Note};
use crate::ids::ResponseId;
use crate::incident::{Incident, IncidentKind};
use crate::realtime::messages::{ModelOrder, WishPurpose};

impl CallMachine {
    /// A response ends, and nothing of it is heard although something was owed.
    pub(super) fn answer_missed(&mut self, response: &ResponseId, kind: IncidentKind, again: bool, now: Instant) {
        let detail = match (kind, again) {
            (IncidentKind::AnswerSilent, _) => "an answer had its length and no level",
            (_, true) => "an answer with nothing to hear; asked for again",
            (_, false) => "an answer with nothing to hear",
        };
        self.tell(Note::Incident(Incident::new(kind, detail)));
        if kind == IncidentKind::AnswerSilent {
            self.turn.mute(response, now, &mut self.out);
            self.stopwatch.disown(response);
            self.notice_broken(Some(response));
            if self.state == State::Speaking {
                self.state = State::Thinking { caller_done: None };
            }
        }
        if again {
            self.turn.owe();
        }
    }

    /// The caller's turn was noise: the answer that was to be asked for again is not.
    pub(super) fn nothing_owed(&mut self) {
        self.turn.forgive();
        match self.state {
            State::Greeting | State::Thinking { .. } if self.turn.is_over() => self.state = State::Listening,
            State::Connecting
            | State::Greeting
            | State::Listening
            | State::Thinking { .. }
            | State::Speaking
            | State::Closing(_)
            | State::Transferring(_)
            | State::Ended(_) => {}
        }
    }

    /// The session does not speak: a word of ours, and another session.
    pub(super) fn session_is_mute(&mut self, purpose: Option<WishPurpose>, reason: &str, now: Instant) {
        let purpose_word = purpose.map_or("answer", WishPurpose::word);
        self.tell(Note::Incident(Incident::new(IncidentKind::ModelMute, format!("{purpose_word}: {reason}"))));
        match self.state {
            State::Closing(closing @ Closing { awaiting: Awaiting::Goodbye, .. })
                if purpose == Some(WishPurpose::Goodbye) =>
            {
                self.await_silence(closing);
            }
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => {
                self.turn.owe();
                if !self.turn.is_sounding() && !self.caller_speaking {
                    self.play_filler();
                }
                self.replace_session(now);
            }
            State::Connecting | State::Closing(_) | State::Transferring(_) | State::Ended(_) => {}
        }
    }

    /// The session in use is taken for lost, and another one is asked for what it owes; once too often, the model is.
    pub(super) fn replace_session(&mut self, now: Instant) {
        match self.wait.replace(self.brief.model.candidates().len()) {
            Some(loss) => self.model_lost(loss, now),
            None => self.out.push(CallAction::Order(ModelOrder::Replace)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use CallAction as A;

    use super::super::outages::brief_with_sounds;
    use super::super::tests::{
        Held, drained, interrupted, key, missed, muted, playing, playout, ready, response_finished, response_started,
        speech_started, speech_stopped,
    };
    use super::*;
    use crate::audio::messages::CLIP_RESPONSE;
    use crate::call::steps::{CallEvent, Timer};
    use crate::ids::ItemId;

    #[test]
    fn an_answer_that_is_asked_for_again_stays_owed_and_its_wait_goes_on() {
        let mut call = held();
        call.on(speech_started());
        call.on(speech_stopped());
        let asked = call.now;
        call.pass(Duration::from_secs(2));
        call.on(response_started("r1"));
        let done = call.on(missed("r1", IncidentKind::AnswerEmpty, true));
        assert!(incidents(&done).contains(&IncidentKind::AnswerEmpty));
        call.on(response_finished("r1"));
        call.on(drained());
        assert_eq!(call.state(), "thinking");
        let (at, timer) = call.machine.deadline().expect("a deadline");
        assert_eq!((at - asked, timer), (Duration::from_secs(3), Timer::Wait), "a word of ours, in time");
    }

    #[test]
    fn a_session_that_does_not_speak_is_replaced_and_the_caller_hears_a_word() {
        let mut call = held();
        call.on(speech_started());
        call.on(speech_stopped());
        let done = call.on(muted(None));
        assert_eq!(incidents(&done), [IncidentKind::ModelMute]);
        assert!(done.iter().any(|action| matches!(action, A::PlayPcm { .. })), "a word at once");
        assert_eq!(done.last(), Some(&A::Order(ModelOrder::Replace)));
        assert!(call.machine.turn.is_owed(), "the next session is asked for it");
        call.on(muted(None));
        assert_eq!(call.state(), "closing", "the next one did no better");
    }

    #[test]
    fn with_more_servers_more_of_them_are_tried() {
        let mut brief = brief_with_sounds();
        let model = std::sync::Arc::make_mut(&mut brief.model);
        model.resilience.fallbacks = vec![model.candidates().remove(0); 2];
        let mut call = Held::of(brief);
        call.on(ready());
        for _ in 0..2 {
            assert_eq!(call.on(muted(Some(WishPurpose::Greeting))).last(), Some(&A::Order(ModelOrder::Replace)));
        }
        call.on(muted(Some(WishPurpose::Greeting)));
        assert_eq!(call.state(), "closing");
    }

    #[test]
    fn a_session_that_was_heard_is_a_good_one() {
        let mut call = held();
        for _ in 0..3 {
            assert_eq!(call.on(muted(None)).last(), Some(&A::Order(ModelOrder::Replace)));
            call.says("r2");
            call.on(CallEvent::Audio(crate::call::messages::AudioReport::ItemHeard(playout("r2", "i", 9_000, 9_000))));
            call.on(drained());
        }
    }

    #[test]
    fn sound_without_level_is_cleared_and_not_heard() {
        let mut call = held();
        call.on(response_started("r1"));
        call.on(playing("r1"));
        let done = call.on(missed("r1", IncidentKind::AnswerSilent, false));
        assert!(done.contains(&A::ClearPlayout { response: Some(ResponseId::new("r1")) }), "{done:?}");
        assert_eq!(call.state(), "thinking");
        call.on(response_finished("r1"));
        assert_eq!(call.on(muted(None)).last(), Some(&A::Order(ModelOrder::Replace)));
        let done = call.on(interrupted(vec![playout("r1", "i1", 3_000_000, 400_000)]));
        assert!(done.contains(&A::Order(ModelOrder::DeleteItem { item: ItemId::new("i1") })), "{done:?}");
        call.on(playing(CLIP_RESPONSE));
        call.on(drained());
        assert_eq!(call.on(muted(None)).last().map(|_| call.state()), Some("closing"), "it counts as no answer");
    }

    #[test]
    fn noise_leaves_the_caller_with_the_word() {
        let mut call = held();
        call.on(speech_started());
        call.on(speech_stopped());
        call.on(response_started("r1"));
        call.on(missed("r1", IncidentKind::AnswerEmpty, true));
        call.on(response_finished("r1"));
        call.on(CallEvent::Model(crate::call::messages::ModelReport::NothingOwed));
        assert_eq!(call.state(), "listening");
        assert!(call.machine.deadline().is_some_and(|(_, timer)| timer != Timer::Wait));
    }

    #[test]
    fn whatever_is_owed_while_the_caller_has_the_word_is_minded_too() {
        let mut call = held();
        assert_eq!(call.state(), "listening");
        call.on(key('5'));
        let (at, timer) = call.machine.deadline().expect("a deadline");
        assert_eq!(timer, Timer::Keypad);
        call.now = at;
        call.on(CallEvent::TimeUp);
        let asked = call.now;
        let mut replaced = None;
        for _ in 0..20 {
            let (at, timer) = call.machine.deadline().expect("a deadline");
            assert_eq!(timer, Timer::Wait);
            call.now = at;
            let done = call.on(CallEvent::TimeUp);
            if done.iter().any(|action| matches!(action, A::PlayPcm { .. })) {
                call.on(playing(CLIP_RESPONSE));
                call.pass(Duration::from_millis(1_300));
                call.on(drained());
            }
            if done.contains(&A::Order(ModelOrder::Replace)) {
                assert_eq!(incidents(&done), [IncidentKind::ModelMute]);
                replaced = Some(call.now - asked);
                break;
            }
        }
        assert_eq!(replaced, Some(call.machine.brief.limits.model_answer), "lines of ours are no answer");
    }

    fn incidents(done: &[CallAction]) -> Vec<IncidentKind> {
        let kind = |action: &CallAction| {
            if let A::Tell(Note::Incident(incident)) = action { Some(incident.kind) } else { None }
        };
        done.iter().filter_map(kind).collect()
    }

    fn held() -> Held {
        let mut call = Held::of(brief_with_sounds());
        call.on(ready());
        call.says("greet");
        call.on(drained());
        call
    }
}
