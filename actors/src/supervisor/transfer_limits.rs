//! How many callers were sent to each destination within the hour. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The attempts of the last hour, by destination. Destinations are the table's, so their number is bounded; so are the attempts, by what is
/// allowed.
#[derive(Debug, Default)]
pub(super) struct TransferLimits(HashMap<String, VecDeque<Instant>>);

impl TransferLimits {
    /// Counts an attempt; `false` when `most_an_hour` have been made within the last hour.
    pub(super) fn take(&mut self, destination: &str, most_an_hour: u32, now: Instant) -> bool {
        let attempts = self.0.entry(destination.to_owned()).or_default();
        while attempts.front().is_some_and(|at| now.saturating_duration_since(*at) >= HOUR) {
            attempts.pop_front();
        }
        let granted = attempts.len() < usize::try_from(most_an_hour).unwrap_or(usize::MAX);
        if granted {
            attempts.push_back(now);
        }
        granted
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_an_hour_and_no_more_and_each_destination_by_itself() {
        let (mut transfer_limits, start) = (TransferLimits::default(), crate::clock::now());
        let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
        assert!(transfer_limits.take("sales", 2, at(0)));
        assert!(transfer_limits.take("sales", 2, at(10)));
        assert!(!transfer_limits.take("sales", 2, at(59)));
        assert!(transfer_limits.take("service", 2, at(59)));
        assert!(transfer_limits.take("sales", 2, at(60)), "the first is an hour old");
        assert!(!transfer_limits.take("sales", 2, at(61)), "a refused attempt does not count, a granted one does");
        assert!(!transfer_limits.take("none", 0, at(0)));
    }
}
