//! The time that the session has cost. The server's figures are cumulative, whole seconds and late;
//! our own count is the audio sent. Each part of the time is reported once. Pure.

/// The time of one session.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// The duration that was reported to the call, in ms.
    told_ms: u64,
    /// The server's last figure, in ms.
    served_ms: u64,
}

impl Meter {
    /// Records the server's figure in seconds. A figure below an earlier one is a mistake of the
    /// server.
    pub(super) fn served(&mut self, seconds: f64) {
        // The reader of the event has bounded the figure.
        self.served_ms = self.served_ms.max((seconds * 1_000.0).round() as u64);
    }

    /// What was not reported yet, while the session runs: by the server's figure, or by our count
    /// of the audio sent if that is larger, in ms.
    pub(super) fn take(&mut self, sent_ms: u64) -> u64 {
        let news = self.unreported(sent_ms);
        self.told_ms += news;
        news
    }

    /// What was not reported yet, in ms.
    pub(super) fn unreported(&self, sent_ms: u64) -> u64 {
        self.served_ms.max(sent_ms).saturating_sub(self.told_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cumulative_figures_are_never_added_up() {
        let mut meter = Meter::default();
        let mut all = 0;
        for seconds in [15.0, 30.0, 45.0, 30.0, 61.0] {
            meter.served(seconds);
            all += meter.take(0);
        }
        assert_eq!(all, 61_000);
    }

    #[test]
    fn the_larger_of_both_counts_is_charged() {
        let mut meter = Meter::default();
        assert_eq!(meter.take(20_000), 20_000);
        meter.served(15.0);
        assert_eq!(meter.take(20_500), 500);
        meter.served(31.5);
        assert_eq!(meter.take(21_000), 11_000);
    }
}
