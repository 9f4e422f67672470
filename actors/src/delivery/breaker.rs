//! The circuit breaker of one endpoint: a receiver that is down gets a pause and then one delivery
//! at a time. Pure.
//!
//! ```text
//! Closed ──failures in a row──▶ Open(until) ──time──▶ Trying ──success──▶ Closed
//!                                  ▲                     │
//!                                  └──failure: twice as long
//! ```

use std::time::{Duration, Instant};

/// When it opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerPlan {
    /// Failures in a row, over all deliveries, that open it. Fewer: one bad minute stops
    /// everything. More: a receiver that is down is flooded.
    pub threshold: u32,
    /// The first pause.
    pub first: Duration,
    /// The longest pause. Each pause is twice the one before.
    pub longest: Duration,
}

/// The breaker.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    plan: BreakerPlan,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Deliveries are sent. Counts failures in a row.
    Closed { failures: u32 },
    /// No delivery is sent until then.
    Open { until: Instant, pause: Duration },
    /// One delivery was sent. Its answer decides.
    Trying { pause: Duration },
}

/// What a failure or a success did to the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nothing.
    None,
    /// It opened, for this long.
    Opened(Duration),
    /// It closed.
    Closed,
}

impl Breaker {
    /// A closed breaker.
    pub(super) fn new(plan: BreakerPlan) -> Self {
        Self { plan, state: State::Closed { failures: 0 } }
    }

    /// Whether a delivery may be sent now. An open breaker whose pause is over admits one, and no
    /// other until it is answered.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until, pause } if until <= now => {
                self.state = State::Trying { pause };
                true
            }
            State::Open { .. } | State::Trying { .. } => false,
        }
    }

    /// The earliest time of the next delivery. `None`: at once, or after the answer to the admitted
    /// one.
    pub(super) fn opens_at(&self) -> Option<Instant> {
        match self.state {
            State::Open { until, .. } => Some(until),
            State::Closed { .. } | State::Trying { .. } => None,
        }
    }

    /// Whether an admitted delivery has to be answered first.
    pub(super) fn is_trying(&self) -> bool {
        matches!(self.state, State::Trying { .. })
    }

    /// The receiver answered and works.
    pub(super) fn succeeded(&mut self) -> Turn {
        let was = std::mem::replace(&mut self.state, State::Closed { failures: 0 });
        if matches!(was, State::Closed { .. }) { Turn::None } else { Turn::Closed }
    }

    /// The receiver did not answer, or answered with a failure of its own.
    pub(super) fn failed(&mut self, now: Instant) -> Turn {
        match self.state {
            State::Closed { failures } if failures + 1 < self.plan.threshold => {
                self.state = State::Closed { failures: failures + 1 };
                Turn::None
            }
            State::Closed { .. } => self.open(self.plan.first, now),
            State::Trying { pause } => self.open(pause.saturating_mul(2), now),
            // This delivery was sent before the breaker opened and changes nothing.
            State::Open { .. } => Turn::None,
        }
    }

    /// The admitted delivery was never sent: the next one is admitted instead.
    pub(super) fn unasked(&mut self, now: Instant) {
        if let State::Trying { pause } = self.state {
            self.state = State::Open { until: now, pause };
        }
    }

    fn open(&mut self, pause: Duration, now: Instant) -> Turn {
        let pause = pause.min(self.plan.longest);
        self.state = State::Open { until: now + pause, pause };
        Turn::Opened(pause)
    }
}

#[cfg(test)]
mod tests;
