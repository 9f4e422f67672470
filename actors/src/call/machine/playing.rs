//! The agent's side: what is played, and what of it was heard. Part of [`super`].

use std::time::Instant;

use super::ends::{Awaiting, Closing};
use super::{CallMachine, MOST_TIMED, Protection, State};
use crate::audio::messages::CLIP_RESPONSE;
use crate::audio::report::AudioReport;
use crate::call::steps::{CallAction, Note};
use crate::call::turn::heard;
use crate::ids::ResponseId;
use crate::transcript::messages::Fact;

impl CallMachine {
    pub(super) fn audio(&mut self, report: AudioReport, now: Instant) {
        match (report, self.state) {
            (AudioReport::PlayoutStarted { response, .. }, state) => self.playout_started(&response, state, now),
            (AudioReport::FirstHeard { response, .. }, _) => self.answer_heard(&response, now),
            (AudioReport::LastVoice { ago }, _) => self.stopwatch.last_voice(ago),
            (AudioReport::ItemHeard(playout), _) => {
                if playout.response.as_str() != CLIP_RESPONSE && !self.turn.is_inaudible(&playout.response) {
                    self.session_is_heard();
                }
                self.out.push(heard(playout.clone()));
                self.heard_to_its_end(&playout, now);
            }
            (AudioReport::Queued { remaining }, State::Closing(closing)) => {
                self.expect_silence(closing, remaining, now);
            }
            // Asked for out of turn; the report of silence is what counts.
            (AudioReport::Queued { .. }, _) => {}
            (AudioReport::PlayoutDrained, state) => {
                self.outage_sounds(false, now);
                self.playout_drained(state, now);
            }
            (AudioReport::Interrupted(items), _) => self.turn.interrupted(items, now, &mut self.out),
            // The pipeline tells operators what it drops; an item that was cut is heard as far as it goes.
            (AudioReport::PlayoutOverflowed { .. }, _) => {}
            (AudioReport::FramesDropped(frames), _) => self.tally.dropped_frames += frames,
            (AudioReport::Diagnosed(diagnosis), _) => self.diagnosed(*diagnosis),
        }
    }

    /// The first of an answer reached the caller's ear.
    fn answer_heard(&mut self, response: &ResponseId, now: Instant) {
        if let Some(latency) = self.stopwatch.first_heard(response, now) {
            if self.detail.latency.len() == MOST_TIMED {
                self.detail.latency.remove(0);
            }
            self.detail.latency.push(latency);
            self.record(Fact::TurnTimed(latency));
            self.tell(Note::TurnMeasured(latency));
            let (waited, limit) = (latency.waited(), self.profile.limits.late_answer);
            if waited > limit {
                self.tell(Note::AnswerLate { waited, limit });
            }
        }
    }

    fn playout_started(&mut self, response: &ResponseId, state: State, now: Instant) {
        self.turn.playout_started();
        if response.as_str() != CLIP_RESPONSE {
            self.wait_anew();
        }
        self.outage_sounds(true, now);
        if self.protection == (Protection::Greeting { until: None }) {
            self.protection =
                Protection::Greeting { until: now.checked_add(self.profile.interruption.greeting_protection) };
        }
        let answered = if response.as_str() == CLIP_RESPONSE {
            self.stopwatch.filled(now);
            None
        } else {
            self.turn.speaks();
            self.tools.spoken();
            self.stopwatch.first_sent(response, now)
        };
        if self.tally.first_audio_ms.is_none() {
            let after = now.saturating_duration_since(self.started);
            self.tally.first_audio_ms = Some(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
            self.tell(Note::FirstAudioSent(after));
        }
        match state {
            State::Thinking { .. } => {
                self.out.extend(answered.map(|took| CallAction::Tell(Note::AnswerTimed(took))));
                self.state = State::Speaking;
            }
            // The agent went on while the caller's turn was open: a wish of ours, or a server that answers early.
            State::Listening => self.state = State::Speaking,
            // A long goodbye is given the time it takes to make.
            State::Closing(closing) => self.expect_words(closing, now),
            // It sounds as it should.
            State::Connecting | State::Greeting => {}
            // A filler is still being heard.
            State::Speaking => self.out.extend(answered.map(|took| CallAction::Tell(Note::AnswerTimed(took)))),
            State::Reconnecting(_) | State::Transferring(_) | State::Ended(_) => {}
        }
    }

    fn playout_drained(&mut self, state: State, now: Instant) {
        self.turn.playout_drained();
        self.go_on_with_what_was_cut();
        // Nothing is left to interrupt; whoever speaks has the word.
        self.barge_in.forget();
        self.all_was_heard(now);
        match state {
            State::Greeting | State::Thinking { .. } | State::Speaking if self.turn.is_over() => {
                self.state = State::Listening;
            }
            // The model pauses, or more was asked for.
            State::Speaking => self.state = State::Thinking { caller_done: None },
            State::Connecting | State::Greeting | State::Listening | State::Thinking { .. } => {}
            State::Closing(closing) => match closing.awaiting {
                Awaiting::Silence { reported: true } => self.closed(closing, now),
                Awaiting::Silence { reported: false } => {
                    self.enter(Closing { awaiting: Awaiting::Silence { reported: true }, ..closing });
                }
                // What was said before the last words.
                Awaiting::Goodbye | Awaiting::Words => {}
            },
            State::Reconnecting(_) | State::Transferring(_) | State::Ended(_) => {}
        }
    }
}
