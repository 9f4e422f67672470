//! When silence is due on a line that the carrier considers dead if it gets no audio. Pure.

use std::time::{Duration, Instant};

/// The silence timer of one line.
#[derive(Debug)]
pub(super) struct KeepOpen {
    /// The longest time without playout.
    after: Duration,
    /// Samples of silence sent at once.
    samples: u64,
    /// The first known time. Nothing was played before it.
    began: Option<Instant>,
    /// Set while silence was sent last: when the speech before it was played. The inner value is
    /// `None` if there was no speech.
    silent: Option<Option<Instant>>,
}

impl KeepOpen {
    /// A timer before the first audio. Silence of `samples` is due when nothing was played for
    /// `after`.
    pub(super) const fn new(after: Duration, samples: u64) -> Self {
        Self { after, samples, began: None, silent: None }
    }

    /// Whether the time is counted yet.
    pub(super) const fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// Notes that audio other than silence was sent.
    pub(super) const fn speech_sent(&mut self) {
        self.silent = None;
    }

    /// Whether silence was sent last.
    pub(super) const fn is_silent(&self) -> bool {
        self.silent.is_some()
    }

    /// When the speech before the silence was played. `None` if there was no speech.
    pub(super) fn speech_ended(&self) -> Option<Instant> {
        self.silent.flatten()
    }

    /// When silence is due. `ends` is when all that was sent is played. `None` until the time is
    /// counted.
    pub(super) fn due(&self, ends: Option<Instant>) -> Option<Instant> {
        Some(ends.max(self.began)? + self.after)
    }

    /// The number of samples of silence to send now, if silence is due.
    pub(super) fn silence(&mut self, ends: Option<Instant>, now: Instant) -> Option<u64> {
        self.began.get_or_insert(now);
        if self.due(ends).is_none_or(|due| due > now) {
            return None;
        }
        self.silent.get_or_insert(ends);
        Some(self.samples)
    }
}
