//! A line that a carrier takes for dead while nothing is said on it: when silence has to be sent. Pure.

use std::time::{Duration, Instant};

/// The silence of one line.
#[derive(Debug)]
pub(super) struct KeepOpen {
    /// The longest that nothing may be played.
    after: Duration,
    /// Samples of silence sent at once.
    samples: u64,
    /// When time was first known: nothing was played before.
    began: Option<Instant>,
    /// While silence was sent last: when the speech before it was played. `None` inside where there was none.
    silent: Option<Option<Instant>>,
}

impl KeepOpen {
    /// Nothing was sent yet. Silence of `samples` is due when nothing was played for `after`.
    pub(super) const fn new(after: Duration, samples: u64) -> Self {
        Self { after, samples, began: None, silent: None }
    }

    /// Whether its time is counted.
    pub(super) const fn has_begun(&self) -> bool {
        self.began.is_some()
    }

    /// Something else than silence was sent.
    pub(super) const fn speech_sent(&mut self) {
        self.silent = None;
    }

    /// Whether silence was sent last.
    pub(super) const fn is_silent(&self) -> bool {
        self.silent.is_some()
    }

    /// When the speech before that was played; `None` where there was none.
    pub(super) fn speech_ended(&self) -> Option<Instant> {
        self.silent.flatten()
    }

    /// When silence is due; `ends` is when all that was sent is played. `None` before the time was counted.
    pub(super) fn due(&self, ends: Option<Instant>) -> Option<Instant> {
        Some(ends.max(self.began)? + self.after)
    }

    /// The samples of silence to be sent now, if it is due.
    pub(super) fn silence(&mut self, ends: Option<Instant>, now: Instant) -> Option<u64> {
        self.began.get_or_insert(now);
        if self.due(ends).is_none_or(|due| due > now) {
            return None;
        }
        self.silent.get_or_insert(ends);
        Some(self.samples)
    }
}
