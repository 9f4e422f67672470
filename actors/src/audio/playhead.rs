//! The position of the carrier's playout, as far as it can be known from here. Pure.
//!
//! A carrier plays in real time from the moment audio is sent. When its buffer runs dry, it waits
//! and continues when the next piece is sent. That is the clock. An echoed mark proves that a
//! position was reached, so it moves the clock forward. It never moves the clock back, because a
//! late echo does not mean late playing.
//!
//! Positions are samples of the line, counted over the whole call.

use std::time::{Duration, Instant};

/// The clock of one call's playout.
#[derive(Debug)]
pub(super) struct Playhead {
    rate_hz: u32,
    /// All samples sent, padding included.
    sent: u64,
    /// The furthest position proved by an echo, or discarded by a clear.
    confirmed: u64,
    /// When the last sample sent will have been played. `None` until something was sent.
    ends: Option<Instant>,
}

impl Playhead {
    /// The playhead of a carrier before the first audio.
    pub(super) fn new(rate_hz: u32) -> Self {
        Self { rate_hz, sent: 0, confirmed: 0, ends: None }
    }

    /// Notes that `samples` were sent now.
    pub(super) fn sent(&mut self, samples: u64, now: Instant) {
        let start = self.ends.map_or(now, |ends| ends.max(now));
        self.sent += samples;
        self.ends = Some(start + self.duration_of(samples));
    }

    /// Notes an echo, which proves that everything up to `position` was played.
    pub(super) fn confirm(&mut self, position: u64, now: Instant) {
        self.confirmed = self.confirmed.max(position.min(self.sent));
        let ends = now + self.duration_of(self.sent - self.confirmed);
        if self.ends.is_some_and(|believed| believed > ends) {
            self.ends = Some(ends);
        }
    }

    /// Notes that the carrier discarded what it had not played.
    pub(super) fn cleared(&mut self, now: Instant) {
        self.confirmed = self.sent;
        self.ends = self.ends.map(|ends| ends.min(now));
    }

    /// The position after the last sample sent.
    pub(super) fn end(&self) -> u64 {
        self.sent
    }

    /// Samples sent that are still to play. A partly played sample counts.
    pub(super) fn ahead(&self, now: Instant) -> u64 {
        let left = self.ends.map_or(Duration::ZERO, |ends| ends.saturating_duration_since(now));
        // Seconds and the remainder are computed apart, because a division of 128 bits is a
        // function call and every frame needs this value.
        let rest = (u64::from(left.subsec_nanos()) * u64::from(self.rate_hz)).div_ceil(NANOS_PER_SECOND);
        left.as_secs().saturating_mul(self.rate_hz.into()).saturating_add(rest).min(self.sent)
    }

    /// Samples that have been played.
    pub(super) fn played(&self, now: Instant) -> u64 {
        (self.sent - self.ahead(now)).max(self.confirmed)
    }

    /// The furthest position that was certainly played, without the clock.
    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// When the clock reaches `position`. `None` while nothing was sent.
    pub(super) fn reaches(&self, position: u64) -> Option<Instant> {
        self.ends.and_then(|ends| ends.checked_sub(self.duration_of(self.sent.saturating_sub(position))))
    }

    /// When only `samples` are left to play. `None` while nothing was sent.
    pub(super) fn falls_to(&self, samples: u64) -> Option<Instant> {
        self.ends.and_then(|ends| ends.checked_sub(self.duration_of(samples)))
    }

    /// The play time of `samples`.
    pub(super) fn duration_of(&self, samples: u64) -> Duration {
        let rate_hz = u64::from(self.rate_hz);
        let rest = samples % rate_hz * NANOS_PER_SECOND / rate_hz;
        Duration::from_secs(samples / rate_hz) + Duration::from_nanos(rest)
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
