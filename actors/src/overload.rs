//! What a thread does when it falls behind: first it gathers the caller's audio into larger messages
//! for the model, then it takes no more calls. [`Ladder`] decides from how late the thread's timers
//! run; pure. [`gather`] tells the calls of the thread.
//!
//! A message to the model costs the same whether it carries 20 or 60 ms, so gathering gives a busy
//! thread room, at the price of as much delay before the model hears the caller. It comes before
//! callers would notice, and goes when the thread has been calm for a while.

use std::cell::Cell;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How a thread keeps up. Each rung includes the ones before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rung {
    /// Each frame is a message of its own.
    #[default]
    Calm,
    /// Messages to the model carry 40 ms.
    Messages40,
    /// Messages to the model carry 60 ms.
    Messages60,
    /// No new calls are taken.
    Refusing,
}

impl Rung {
    /// Every rung, the calm one first.
    pub const ALL: [Self; 4] = [Self::Calm, Self::Messages40, Self::Messages60, Self::Refusing];

    /// The word for logs and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Messages40 => "messages_40ms",
            Self::Messages60 => "messages_60ms",
            Self::Refusing => "refusing",
        }
    }

    /// How many 20 ms frames one message to the model carries.
    pub const fn frames(self) -> u32 {
        match self {
            Self::Calm => 1,
            Self::Messages40 => 2,
            Self::Messages60 | Self::Refusing => 3,
        }
    }

    /// From which usual lateness on the thread stands on this rung.
    const fn late(self) -> Duration {
        match self {
            Self::Calm => Duration::ZERO,
            Self::Messages40 => Duration::from_millis(10),
            Self::Messages60 => Duration::from_millis(20),
            Self::Refusing => Duration::from_millis(60),
        }
    }

    const fn above(self) -> Option<Self> {
        match self {
            Self::Calm => Some(Self::Messages40),
            Self::Messages40 => Some(Self::Messages60),
            Self::Messages60 => Some(Self::Refusing),
            Self::Refusing => None,
        }
    }

    const fn below(self) -> Option<Self> {
        match self {
            Self::Calm => None,
            Self::Messages40 => Some(Self::Calm),
            Self::Messages60 => Some(Self::Messages40),
            Self::Refusing => Some(Self::Messages60),
        }
    }
}

/// The rung of one thread, from measurements of how late its timers run.
#[derive(Debug)]
pub struct Ladder {
    rung: Rung,
    /// When the rung was taken.
    since: Instant,
    /// Since when the thread is calmer than its rung asks for.
    calm_since: Option<Instant>,
    /// The newest measurements.
    late: VecDeque<Duration>,
}

impl Ladder {
    /// A thread that keeps up.
    pub fn new(now: Instant) -> Self {
        Self { rung: Rung::Calm, since: now, calm_since: None, late: VecDeque::with_capacity(SAMPLES) }
    }

    /// Takes a measurement. Returns the new rung if it changes.
    pub fn measured(&mut self, late: Duration, now: Instant) -> Option<Rung> {
        if self.late.len() == SAMPLES {
            self.late.pop_front();
        }
        self.late.push_back(late);
        let usual = self.usual()?;
        // A rung needs time to show its effect.
        let settled = now.saturating_duration_since(self.since) >= EFFECT;
        if let Some(above) = self.rung.above().filter(|above| usual >= above.late()) {
            self.calm_since = None;
            return settled.then(|| self.take(above, now));
        }
        if usual * 2 > self.rung.late() {
            self.calm_since = None;
            return None;
        }
        let below = self.rung.below()?;
        let calm_since = *self.calm_since.get_or_insert(now);
        (now.saturating_duration_since(calm_since) >= CALM).then(|| self.take(below, now))
    }

    /// The rung that the thread stands on.
    pub const fn rung(&self) -> Rung {
        self.rung
    }

    fn take(&mut self, rung: Rung, now: Instant) -> Rung {
        (self.rung, self.since, self.calm_since) = (rung, now, None);
        rung
    }

    /// The median: one blocked moment is no overload. `None` while there are few measurements.
    fn usual(&self) -> Option<Duration> {
        if self.late.len() < SAMPLES / 2 {
            return None;
        }
        let mut sorted: Vec<Duration> = self.late.iter().copied().collect();
        let middle = sorted.len() / 2;
        Some(*sorted.select_nth_unstable(middle).1)
    }
}

thread_local! {
    static FRAMES: Cell<u32> = const { Cell::new(1) };
}

/// Tells the calls of this thread how many frames a message to the model carries from now on.
pub fn gather(frames: u32) {
    FRAMES.set(frames.max(1));
}

/// How many frames a message to the model carries on this thread.
pub fn gathered() -> u32 {
    FRAMES.get()
}

/// How many measurements count: two seconds, as a measurement is taken every 100 ms.
const SAMPLES: usize = 20;
/// How long a rung is given before the next one is taken. Shorter jumps over rungs that would do.
const EFFECT: Duration = Duration::from_secs(2);
/// How long a thread is calm before a rung is left. Shorter goes up and down with every burst.
const CALM: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    /// Measures every 100 ms for `seconds`; returns each change with its second.
    fn run(ladder: &mut Ladder, now: &mut Instant, late_ms: u64, seconds: u64) -> Vec<(u64, Rung)> {
        let begun = *now;
        let mut changes = Vec::new();
        for _ in 0..seconds * 10 {
            *now += Duration::from_millis(100);
            if let Some(rung) = ladder.measured(Duration::from_millis(late_ms), *now) {
                changes.push((now.duration_since(begun).as_secs(), rung));
            }
        }
        changes
    }

    #[test]
    fn each_rung_comes_after_the_one_before_and_goes_when_it_is_calm() {
        let mut now = clock::now();
        let mut ladder = Ladder::new(now);
        assert!(run(&mut ladder, &mut now, 3, 60).is_empty(), "a thread that keeps up changes nothing");
        let up = run(&mut ladder, &mut now, 100, 10);
        assert_eq!(up.iter().map(|(_, rung)| *rung).collect::<Vec<_>>(), Rung::ALL[1..]);
        assert!(up.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 2), "{up:?}");
        let down = run(&mut ladder, &mut now, 1, 60);
        assert_eq!(
            down.iter().map(|(_, rung)| *rung).collect::<Vec<_>>(),
            [Rung::Messages60, Rung::Messages40, Rung::Calm]
        );
        assert!(down[0].0 >= 10 && down.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 10), "{down:?}");
    }

    #[test]
    fn a_thread_stays_on_the_rung_that_helps() {
        let mut now = clock::now();
        let mut ladder = Ladder::new(now);
        assert_eq!(run(&mut ladder, &mut now, 15, 60).len(), 1);
        assert_eq!(ladder.rung(), Rung::Messages40);
        // Half as late as the rung's own limit, or more: it is needed still.
        assert!(run(&mut ladder, &mut now, 7, 60).is_empty());
        assert_eq!(run(&mut ladder, &mut now, 4, 15).len(), 1);
        assert_eq!(ladder.rung(), Rung::Calm);
    }

    #[test]
    fn one_blocked_moment_is_no_overload() {
        let mut now = clock::now();
        let mut ladder = Ladder::new(now);
        for _ in 0..20 {
            assert!(run(&mut ladder, &mut now, 2, 3).is_empty());
            now += Duration::from_millis(500);
            assert_eq!(ladder.measured(Duration::from_millis(500), now), None);
        }
    }

    #[test]
    fn a_load_that_swings_does_not_move_the_rung_with_every_swing() {
        let mut now = clock::now();
        let mut ladder = Ladder::new(now);
        let mut changes = 0;
        for _ in 0..30 {
            changes += run(&mut ladder, &mut now, 14, 4).len();
            changes += run(&mut ladder, &mut now, 2, 4).len();
        }
        assert_eq!(changes, 1);
    }

    #[test]
    fn messages_grow_with_the_rungs() {
        assert_eq!(Rung::ALL.map(Rung::frames), [1, 2, 3, 3]);
        gather(Rung::Messages60.frames());
        assert_eq!(gathered(), 3);
        gather(Rung::Calm.frames());
        assert_eq!(gathered(), 1);
    }
}
