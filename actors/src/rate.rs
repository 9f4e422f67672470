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

/// Bounds the log lines about what a stranger can cause any number of times, and counts the rest.
#[derive(Debug)]
pub struct LineLimit {
    written: RateWindow,
    withheld: u64,
}

impl LineLimit {
    /// Nothing was written yet.
    pub const fn new() -> Self {
        Self { written: RateWindow::new(LINE_SPAN), withheld: 0 }
    }

    /// Whether one more line may be written; `Some` is how many were withheld before it.
    pub fn take(&mut self, now: Instant) -> Option<u64> {
        if self.written.take(MOST_LINES, now) {
            return Some(std::mem::take(&mut self.withheld));
        }
        self.withheld += 1;
        None
    }
}

impl Default for LineLimit {
    fn default() -> Self {
        Self::new()
    }
}

/// The span in which [`MOST_LINES`] lines of one kind are written.
pub const LINE_SPAN: Duration = Duration::from_secs(60);
/// Fewer would hide calls that a busy service refuses for a reason; more would let a stranger fill
/// the disk.
pub const MOST_LINES: usize = 60;

#[cfg(test)]
mod tests;
