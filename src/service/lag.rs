//! Loop lag: how late a thread runs its timers. Lag shows a blocked handler or an overloaded core
//! before a caller hears it.

use std::time::Duration;

use log::warn;
use metrics::histogram;
use switchboard_actors::clock;
use switchboard_actors::rate::RateWindow;

/// Measures the thread that calls it, under this name, for as long as the thread runs.
pub fn watch(thread: String) {
    actix_rt::spawn(async move {
        let lag = histogram!("switchboard_loop_lag_seconds", "thread" => thread.clone());
        let mut warnings = RateWindow::new(WARNED_EVERY);
        loop {
            let due = clock::now() + EVERY;
            actix_rt::time::sleep_until(due.into()).await;
            let now = clock::now();
            let late = now.saturating_duration_since(due);
            lag.record(late.as_secs_f64());
            if late >= HEARD && warnings.take(1, now) {
                warn!(thread, late_ms = late.as_millis(); "the thread was held up: callers on it may hear a gap; see switchboard_loop_lag_seconds");
            }
        }
    });
}

/// The interval of the measurement: short enough for a meaningful p99 within a minute, long enough
/// to cost nothing.
const EVERY: Duration = Duration::from_millis(100);
/// Half the usual lead of playout. A longer lag eats into the audio that the caller is hearing.
const HEARD: Duration = Duration::from_millis(100);
/// The pause between two warnings about the same thread.
const WARNED_EVERY: Duration = Duration::from_secs(10);
