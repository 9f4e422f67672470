//! Limits the number of transfers to each destination per hour. Pure.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::rate::RateWindow;

/// The attempts of the last hour, by destination. The destinations are those of the configured
/// table, and the limits bound the attempts, so memory is bounded.
#[derive(Debug, Default)]
pub(super) struct TransferLimits(HashMap<String, RateWindow>);

impl TransferLimits {
    /// Counts an attempt. Returns `false` if `most_an_hour` were made within the last hour.
    pub(super) fn take(&mut self, destination: &str, most_an_hour: u32, now: Instant) -> bool {
        let attempts = self.0.entry(destination.to_owned()).or_insert_with(|| RateWindow::new(HOUR));
        attempts.take(usize::try_from(most_an_hour).unwrap_or(usize::MAX), now)
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests;
