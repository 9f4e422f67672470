//! How often something may happen. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A rate limit over the last `span`. The window slides: each grant counts until it is a whole
/// `span` old.
#[derive(Debug)]
pub struct RateWindow {
    span: Duration,
    /// The grants within the span, the oldest first. There are never more than the largest limit
    /// that was passed in.
    granted: VecDeque<Instant>,
}

impl RateWindow {
    /// An empty window of `span`.
    pub const fn new(span: Duration) -> Self {
        Self { span, granted: VecDeque::new() }
    }

    /// Grants and counts one more, unless `most` were granted within the span. A refusal is not
    /// counted.
    pub fn take(&mut self, most: usize, now: Instant) -> bool {
        while self.granted.front().is_some_and(|at| now.saturating_duration_since(*at) >= self.span) {
            self.granted.pop_front();
        }
        let granted = self.granted.len() < most;
        if granted {
            self.granted.push_back(now);
        }
        granted
    }
}

#[cfg(test)]
mod tests;
