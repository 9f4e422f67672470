//! How often something may happen. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A limit of so many times within the last `span`. It slides: a time counts until it is a whole `span` old.
#[derive(Debug)]
pub struct RateWindow {
    span: Duration,
    /// What was granted within the span, the oldest first; never more than the largest limit that was asked with.
    granted: VecDeque<Instant>,
}

impl RateWindow {
    /// A window of `span` in which nothing has happened yet.
    pub const fn new(span: Duration) -> Self {
        Self { span, granted: VecDeque::new() }
    }

    /// Grants and counts one more time, unless `most` were granted within the span. What is refused does not count.
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
