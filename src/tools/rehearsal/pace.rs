//! How fast a response is given. Pure.

use std::time::Duration;

use super::misbehaviour::Misbehaviour;

/// How fast a response is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Audio in one delta.
    pub(super) delta: Duration,
    /// Times faster than real time; `None` is all at once.
    pub(super) speed: Option<f64>,
    /// From `response.created` to the first audio.
    pub(super) first_audio: Duration,
    /// Every answer as long as this, where set.
    pub(super) answer: Option<Duration>,
    /// Deltas that still come after an interruption.
    pub(super) late_deltas: u32,
}

impl Pace {
    /// The same with what is rehearsed of it.
    pub(super) fn with(mut self, misbehaviour: &Misbehaviour) -> Self {
        if let Some(percent) = misbehaviour.speed_percent {
            self.speed = (percent > 0).then_some(percent as f64 / 100.0);
        }
        if let Some(ms) = misbehaviour.first_audio_ms {
            self.first_audio = Duration::from_millis(ms);
        }
        if let Some(deltas) = misbehaviour.late_deltas {
            self.late_deltas = u32::try_from(deltas).unwrap_or(u32::MAX);
        }
        self.answer = misbehaviour.answer_ms.map(Duration::from_millis).or(self.answer);
        self
    }
}
