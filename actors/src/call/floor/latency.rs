//! How long a turn's answer takes, part by part, measured at the caller's ear. Pure; part of [`super`].

use std::time::{Duration, Instant};

use crate::ids::ResponseId;
use crate::latency::TurnLatency;

/// The turn that is being timed, and the count of turns.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    turns: u64,
    open: Option<Lap>,
}

#[derive(Debug)]
struct Lap {
    told: Instant,
    latency: TurnLatency,
    /// The end of the last part that is known.
    last: Instant,
    response: Option<ResponseId>,
    /// When a filler was sent, from the end of the turn on.
    filled: Option<u64>,
}

impl Stopwatch {
    /// The model told the end of the caller's turn. A turn still open was never answered.
    pub(super) fn turn_ended(&mut self, now: Instant) {
        self.turns += 1;
        let latency = TurnLatency { turn: self.turns, ..TurnLatency::default() };
        self.open = Some(Lap { told: now, latency, last: now, response: None, filled: None });
    }

    /// The caller's last frame of speech came so long before the end of the turn was told.
    pub(super) fn last_voice(&mut self, ago: Duration) {
        if let Some(lap) = &mut self.open {
            lap.latency.end_of_speech_ms.get_or_insert(millis(ago));
        }
    }

    /// The first audio of a response came: of the answer, if the turn has none yet.
    pub(super) fn first_audio(&mut self, response: &ResponseId, now: Instant) {
        if let Some(lap) = self.open.as_mut().filter(|lap| lap.response.is_none()) {
            lap.response = Some(response.clone());
            lap.latency.first_delta_ms = Some(millis(now.saturating_duration_since(lap.last)));
            lap.last = now;
        }
    }

    /// The first frame of `response` was sent; how long after the end of the turn, if it is the answer.
    pub(super) fn first_sent(&mut self, response: &ResponseId, now: Instant) -> Option<Duration> {
        let lap = self.open.as_mut().filter(|lap| lap.response.as_ref().is_none_or(|r| r == response))?;
        if lap.latency.first_sent_ms.is_some() {
            return None;
        }
        lap.response = Some(response.clone());
        lap.latency.first_sent_ms = Some(millis(now.saturating_duration_since(lap.last)));
        lap.last = now;
        Some(now.saturating_duration_since(lap.told))
    }

    /// The first of `response` was heard: the lap is complete.
    pub(super) fn first_heard(&mut self, response: &ResponseId, now: Instant) -> Option<TurnLatency> {
        let lap = self.open.take_if(|lap| lap.response.as_ref() == Some(response))?;
        let mut latency = lap.latency;
        latency.first_heard_ms = Some(millis(now.saturating_duration_since(lap.last)));
        let since_told = millis(now.saturating_duration_since(lap.told));
        latency.total_ms = latency.end_of_speech_ms.map(|before| before + since_told);
        latency.filler_ms = lap.filled.map(|waited| latency.end_of_speech_ms.unwrap_or_default() + waited);
        Some(latency)
    }

    /// What was said in `response` cannot be heard: the answer is still to come.
    pub(super) fn disown(&mut self, response: &ResponseId) {
        if let Some(lap) = self.open.as_mut().filter(|lap| lap.response.as_ref() == Some(response)) {
            (lap.response, lap.last) = (None, lap.told);
            (lap.latency.first_delta_ms, lap.latency.first_sent_ms) = (None, None);
        }
    }

    /// A recording of ours is sent while the answer is awaited.
    pub(super) fn filled(&mut self, now: Instant) {
        if let Some(lap) = &mut self.open {
            let waited = millis(now.saturating_duration_since(lap.told));
            lap.filled = lap.filled.or(Some(waited));
        }
    }

    /// The caller goes on: what was to come will not be heard as an answer.
    pub(super) fn abandon(&mut self) {
        self.open = None;
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_turn_follow_one_another() {
        let (mut watch, start) = (Stopwatch::default(), crate::clock::now());
        let (answer, at) = (ResponseId::new("resp_1"), |ms| start + Duration::from_millis(ms));
        watch.turn_ended(start);
        watch.last_voice(Duration::from_millis(500));
        watch.first_audio(&answer, at(300));
        assert_eq!(watch.first_sent(&answer, at(302)), Some(Duration::from_millis(302)));
        assert_eq!(watch.first_heard(&ResponseId::new("resp_0"), at(303)), None, "an older answer is not this one");
        let latency = watch.first_heard(&answer, at(330)).expect("the answer was heard");
        let expected = TurnLatency {
            turn: 1,
            end_of_speech_ms: Some(500),
            first_delta_ms: Some(300),
            first_sent_ms: Some(2),
            first_heard_ms: Some(28),
            total_ms: Some(830),
            filler_ms: None,
        };
        assert_eq!(latency, expected);
        assert_eq!(watch.first_heard(&answer, at(340)), None);
    }

    #[test]
    fn a_filler_is_no_answer_and_stands_beside_it() {
        let (mut watch, start) = (Stopwatch::default(), crate::clock::now());
        let (answer, at) = (ResponseId::new("resp_1"), |ms| start + Duration::from_millis(ms));
        watch.turn_ended(start);
        watch.last_voice(Duration::from_millis(500));
        watch.filled(at(3_000));
        watch.filled(at(8_000));
        watch.first_audio(&answer, at(9_000));
        assert_eq!(watch.first_sent(&answer, at(9_010)), Some(Duration::from_millis(9_010)));
        let latency = watch.first_heard(&answer, at(9_040)).expect("the answer was heard");
        assert_eq!(
            (latency.first_delta_ms, latency.filler_ms, latency.total_ms),
            (Some(9_000), Some(3_500), Some(9_540))
        );
    }

    #[test]
    fn a_turn_the_caller_takes_back_is_not_timed() {
        let (mut watch, now) = (Stopwatch::default(), crate::clock::now());
        watch.turn_ended(now);
        watch.abandon();
        watch.first_audio(&ResponseId::new("r"), now);
        assert_eq!(watch.first_sent(&ResponseId::new("r"), now), None);
    }
}
