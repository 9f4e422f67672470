//! The latency of a turn's answer, part by part, as the caller hears it. Pure; part of [`super`].

use std::time::{Duration, Instant};

use crate::ids::ResponseId;
use crate::latency::TurnLatency;

/// The turn that is being timed, and the number of turns.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    turns: u64,
    open: Option<Lap>,
}

#[derive(Debug)]
struct Lap {
    reported: Instant,
    latency: TurnLatency,
    /// The end of the last known part.
    last: Instant,
    response: Option<ResponseId>,
    /// The parts of the chat model and of the voice, if a response told them.
    parts: Option<(ResponseId, Duration, Duration)>,
    /// When a filler was sent, in milliseconds after the end of the turn.
    filled: Option<u64>,
}

impl Stopwatch {
    /// The model reported the end of the caller's turn. An earlier turn that is still open was
    /// never answered.
    pub(super) fn turn_ended(&mut self, now: Instant) {
        self.turns += 1;
        let latency = TurnLatency { turn: self.turns, ..TurnLatency::default() };
        self.open = Some(Lap { reported: now, latency, last: now, response: None, parts: None, filled: None });
    }

    /// Notes how long before that report the caller's last frame of speech came.
    pub(super) fn last_voice(&mut self, ago: Duration) {
        if let Some(lap) = &mut self.open {
            lap.latency.end_of_speech_ms.get_or_insert(millis(ago));
        }
    }

    /// How long the chat model and the voice took until the first audio of `response`.
    pub(super) fn parts_took(&mut self, response: &ResponseId, mind: Duration, voice: Duration) {
        if let Some(lap) = &mut self.open {
            lap.parts = Some((response.clone(), mind, voice));
        }
    }

    /// The first audio of a response arrived. It is the answer if the turn has none yet.
    pub(super) fn first_audio(&mut self, response: &ResponseId, now: Instant) {
        if let Some(lap) = self.open.as_mut().filter(|lap| lap.response.is_none()) {
            lap.response = Some(response.clone());
            lap.latency.first_delta_ms = Some(millis(now.saturating_duration_since(lap.last)));
            lap.last = now;
        }
    }

    /// The first frame of `response` was sent. Returns the time since the end of the turn if it is
    /// the answer.
    pub(super) fn first_sent(&mut self, response: &ResponseId, now: Instant) -> Option<Duration> {
        let lap = self.open.as_mut().filter(|lap| lap.response.as_ref().is_none_or(|r| r == response))?;
        if lap.latency.first_sent_ms.is_some() {
            return None;
        }
        lap.response = Some(response.clone());
        lap.latency.first_sent_ms = Some(millis(now.saturating_duration_since(lap.last)));
        lap.last = now;
        Some(now.saturating_duration_since(lap.reported))
    }

    /// The caller heard the first audio of `response`: the measurement is complete.
    pub(super) fn first_heard(&mut self, response: &ResponseId, now: Instant) -> Option<TurnLatency> {
        let lap = self.open.take_if(|lap| lap.response.as_ref() == Some(response))?;
        let mut latency = lap.latency;
        latency.first_heard_ms = Some(millis(now.saturating_duration_since(lap.last)));
        let since_reported = millis(now.saturating_duration_since(lap.reported));
        latency.total_ms = latency.end_of_speech_ms.map(|before| before + since_reported);
        let engines = lap.parts.filter(|(of, ..)| of == response).map(|(_, mind, voice)| (millis(mind), millis(voice)));
        if let Some((mind, voice)) = engines {
            latency.ears_ms = latency.end_of_speech_ms;
            (latency.mind_ms, latency.voice_ms) = (Some(mind), Some(voice));
        }
        let (mind, voice) = engines.unwrap_or_default();
        latency.ours_ms = match (engines, latency.first_sent_ms) {
            // The time before the first audio is a part of the model alone.
            (None, sent) => sent,
            (Some(_), Some(sent)) => {
                Some((latency.first_delta_ms.unwrap_or_default() + sent).saturating_sub(mind + voice))
            }
            (Some(_), None) => None,
        };
        latency.playout_ms = latency.first_heard_ms;
        latency.filler_ms = lap.filled.map(|waited| latency.end_of_speech_ms.unwrap_or_default() + waited);
        Some(latency)
    }

    /// The audio of `response` is inaudible: the answer is still to come.
    pub(super) fn disown(&mut self, response: &ResponseId) {
        if let Some(lap) = self.open.as_mut().filter(|lap| lap.response.as_ref() == Some(response)) {
            (lap.response, lap.last) = (None, lap.reported);
            (lap.latency.first_delta_ms, lap.latency.first_sent_ms) = (None, None);
        }
    }

    /// A recording of ours is sent while the answer is awaited.
    pub(super) fn filled(&mut self, now: Instant) {
        if let Some(lap) = &mut self.open {
            let waited = millis(now.saturating_duration_since(lap.reported));
            lap.filled = lap.filled.or(Some(waited));
        }
    }

    /// The caller continues: the pending answer will not be heard.
    pub(super) fn abandon(&mut self) {
        self.open = None;
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
