//! Both voices of a session: what the caller says, and what the model says.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::hearing::{Fragment, Heard};
use super::super::voice::Utterance;
use super::ending::Timer;
use super::{Due, LARGEST_EVENT, Session};
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::script::Saying;
use crate::tools::rehearsal::sound::Sound;

impl Session {
    /// Hears a piece of the caller's audio.
    pub(super) fn hear(&mut self, bytes: &[u8], now: Instant) {
        let mut heard = Vec::new();
        self.hearing.hear(bytes, self.clip.is_some(), self.settings.language(), &mut heard);
        for event in heard {
            match event {
                Heard::Words(_, _) if Misbehaviour::on(self.misbehaviour.no_transcripts) => {}
                Heard::Words(at, words) => {
                    let after = self.misbehaviour.transcripts_after_ms.unwrap_or(WORDS_AFTER_MS);
                    self.agenda.add(at + after, Due::Words(words));
                }
                Heard::Began => self.turn_began(now),
                Heard::Ended { sound, loud_ms } => self.turn_ended(sound, loud_ms, now),
            }
        }
        self.over_speech |= self.hearing.voice_ms().is_some() && self.voice.speaks();
        // The model decides by itself when to stop: not for a short sound that shows attention.
        let listens = self.over_speech && !Misbehaviour::on(self.misbehaviour.talk_on);
        if listens && self.hearing.voice_ms().is_some_and(|ms| ms >= self.stops_after()) {
            self.fall_silent();
        }
    }

    /// Falls silent. What was to be said is lost.
    pub(super) fn fall_silent(&mut self) {
        self.voice.stop();
        self.agenda.retain(|due| !matches!(due, Due::Say(_)));
        self.filtered = false;
    }

    /// Says something now.
    pub(super) fn say(&mut self, mut utterance: Utterance, at: u64) {
        // While the caller speaks, the model waits for its turn.
        if self.hearing.voice_ms().is_some() && !Misbehaviour::on(self.misbehaviour.talk_on) {
            return self.agenda.add(at + WAITS_MS, Due::Say(utterance));
        }
        self.said.0 += 1;
        if self.is_among(self.misbehaviour.empty_responses) {
            self.said.1 += 1;
            return;
        }
        if let Some(bytes) = self.misbehaviour.big_event_bytes {
            self.events.send("rehearsal.big", None, json!({"padding": "x".repeat(bytes.min(LARGEST_EVENT) as usize)}));
        }
        if self.is_among(self.misbehaviour.silent_responses) {
            utterance.sound = utterance.sound.silence();
        }
        if let Some(ms) = self.misbehaviour.answer_ms {
            utterance.sound = utterance.sound.lasting(ms);
        }
        self.filtered = self.is_among(self.misbehaviour.filtered_responses);
        self.voice.say(utterance);
    }

    /// The caller's own words.
    pub(super) fn repeated(&self, turn: &Sound) -> Saying {
        let sound = turn.in_format(self.settings.format());
        Saying::Speak { text: self.settings.language().repeated(sound.ms()), sound }
    }

    /// Answers the caller's last turn, or lets the backend do it.
    pub(super) fn answer(&mut self, at: u64) {
        let Some(turn) = self.unanswered.take() else { return };
        let answer = self.repeated(&turn);
        let delay = self.misbehaviour.first_audio_ms.unwrap_or_default();
        if self.turns_delegated < self.misbehaviour.delegate_turns.unwrap_or_default() {
            self.turns_delegated += 1;
            return self.agenda.add(at + DELEGATED_AFTER_MS + delay, Due::Delegate(vec![answer]));
        }
        self.plan(vec![answer], at + ANSWERED_AFTER_MS + delay);
    }

    /// Sends the next piece of the stream, with what belongs to it.
    pub(super) fn send_piece(&mut self, now: Instant) {
        self.pieces += 1;
        let held = self.misbehaviour.jitter_every.is_some_and(|every| self.pieces.is_multiple_of(every.max(1)));
        if held {
            self.events.hold_audio();
            self.endings.push((now + JITTER, Timer::Release));
        }
        let piece = self.voice.piece();
        self.events.send_audio(&piece.audio);
        for Fragment { text, start_ms, end_ms } in piece.words {
            let words = json!({"delta": text, "start_ms": start_ms, "end_ms": end_ms});
            self.events.send("session.output_transcript.delta", None, words);
        }
        let is_third = self.voice.pieces() == 3;
        if is_third && self.misbehaviour.drop_in_response == Some(self.said.0) {
            self.endings.push((now, Timer::Drop));
        }
        if is_third && std::mem::take(&mut self.filtered) {
            self.voice.stop();
            let message = "The answer was stopped by the content filter.";
            self.events.refuse(&Fault::request("content_filter", message), None);
        }
        if let Some(utterance) = piece.ended {
            self.utterance_ended(&utterance);
        }
    }

    fn utterance_ended(&mut self, utterance: &Utterance) {
        if utterance.clip {
            if let Some(about) = self.clip.take() {
                self.events.send("session.output_audio.fixture.played", about.as_deref(), json!({}));
            }
            return;
        }
        self.said.1 += 1;
        if self.misbehaviour.stall_after_responses == Some(self.said.1) {
            self.events.stall();
        }
    }

    fn turn_began(&mut self, now: Instant) {
        self.turns += 1;
        self.over_speech = self.voice.speaks();
        if self.misbehaviour.drop_at_speech == Some(self.turns) {
            self.endings.push((now, Timer::Drop));
        }
    }

    fn turn_ended(&mut self, sound: Sound, loud_ms: u64, now: Instant) {
        let is_attention = std::mem::take(&mut self.over_speech) && loud_ms < self.stops_after();
        if self.misbehaviour.drop_at_turn_end == Some(self.turns) {
            self.endings.push((now, Timer::Drop));
        }
        if is_attention {
            return;
        }
        self.unanswered = Some(sound);
        // While a task is open, the caller's next request waits.
        if !self.backend.is_busy() {
            self.answer(self.hearing.ms());
        }
    }

    /// Whether the new utterance is one of the `first` that misbehave.
    fn is_among(&self, first: Option<u64>) -> bool {
        let good = self.misbehaviour.good_responses.unwrap_or_default();
        (good + 1..=good + first.unwrap_or_default()).contains(&self.said.0)
    }

    fn stops_after(&self) -> u64 {
        self.misbehaviour.stops_after_ms.unwrap_or(STOPS_AFTER_MS)
    }
}

/// How long after they were said the caller's words are sent.
const WORDS_AFTER_MS: u64 = 500;
/// The caller's voice after which the model stops speaking.
const STOPS_AFTER_MS: u64 = 400;
/// The time from the end of a turn to its answer.
const ANSWERED_AFTER_MS: u64 = 100;
/// The time from the end of a turn to its delegation.
const DELEGATED_AFTER_MS: u64 = 500;
/// How long the model waits before it tries again to speak.
const WAITS_MS: u64 = 100;
/// A rehearsed hole in the stream.
const JITTER: Duration = Duration::from_millis(265);
