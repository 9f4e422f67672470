//! The pace of a response. Pure.

use std::time::Duration;

use super::misbehaviour::Misbehaviour;
use super::server::RehearsalOptions;

/// The pace of a response.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Length of the audio in one delta.
    pub(super) delta: Duration,
    /// Speed as a multiple of real time. `None` sends everything at once.
    pub(super) speed: Option<f64>,
    /// Time from `response.created` to the first audio.
    pub(super) first_audio: Duration,
    /// Fixed length of every answer, if set.
    pub(super) answer: Option<Duration>,
    /// Number of deltas that are still sent after an interruption.
    pub(super) late_deltas: u32,
}

impl Pace {
    /// The pace of a server.
    pub(super) fn of(options: &RehearsalOptions) -> Self {
        Self {
            delta: options.delta,
            speed: Some(options.speed).filter(|speed| *speed > 0.0).map(|speed| speed.max(0.01)),
            first_audio: Duration::ZERO,
            answer: None,
            late_deltas: 1,
        }
    }

    /// The same pace, changed by the rehearsed misbehaviour.
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
