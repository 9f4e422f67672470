//! Silence in place of what a carrier leaves out: it sends nothing while the caller is silent, and a
//! model that hears nothing finds no end of a turn. Pure.

use std::time::{Duration, Instant};

/// How far the caller's time is covered, by their audio or by silence.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// `None` before the first known time.
    covered: Option<Instant>,
}

impl Quiet {
    /// Begins again, at the next known time.
    pub(super) const fn restart(&mut self) {
        self.covered = None;
    }

    /// Notes audio of `length`. Audio that comes at once covers the time to come.
    pub(super) fn heard(&mut self, length: Duration, now: Instant) {
        let covered = self.covered.map_or(now, |covered| covered + length);
        self.covered = Some(covered.clamp(now, now + MOST_AHEAD));
    }

    /// When silence is due; `None` until a time is known.
    pub(super) fn due(&self) -> Option<Instant> {
        Some(self.covered? + AFTER)
    }

    /// The length of the silence to insert now, if it is due.
    pub(super) fn silence(&mut self, now: Instant) -> Option<Duration> {
        let missing = now.saturating_duration_since(*self.covered.get_or_insert(now));
        if missing < AFTER {
            return None;
        }
        self.covered = Some(now);
        Some(missing.min(MOST))
    }
}

/// How long nothing comes before silence takes its place, and the length of its pieces. Shorter:
/// jitter of the network adds silence between words. Longer: the end of a turn is found late.
const AFTER: Duration = Duration::from_millis(100);
/// How much time a burst covers at most. More: silence after it is missing.
const MOST_AHEAD: Duration = Duration::from_millis(500);
/// The most silence at once, after a moment in which this process stood still.
const MOST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn silence_fills_the_time_without_audio_and_no_other() {
        let start = crate::clock::now();
        let mut quiet = Quiet::default();
        assert_eq!((quiet.silence(start), quiet.due()), (None, Some(start + AFTER)));
        for frame in 1..=50 {
            // Jitter of up to 60 ms adds nothing.
            let now = start + MS(frame * 20 + frame % 4 * 20);
            assert_eq!(quiet.silence(now), None, "{frame}");
            quiet.heard(MS(20), now);
        }
        let mut filled = Duration::ZERO;
        let mut now = quiet.due().expect("a time");
        let began = now - AFTER;
        while now <= began + MS(1_000) {
            filled += quiet.silence(now).expect("it is due");
            now = quiet.due().expect("a time");
        }
        assert_eq!(filled, MS(1_000), "the model hears the time pass as it does");
    }

    #[test]
    fn a_burst_and_a_standstill_are_bounded() {
        let start = crate::clock::now();
        let mut quiet = Quiet::default();
        quiet.silence(start);
        quiet.heard(MS(5_000), start);
        assert_eq!(quiet.due(), Some(start + MOST_AHEAD + AFTER));
        assert_eq!(quiet.silence(start + MS(60_000)), Some(MOST));
        assert_eq!(quiet.silence(start + MS(60_000)), None);
        quiet.restart();
        assert_eq!(quiet.due(), None);
    }
}
