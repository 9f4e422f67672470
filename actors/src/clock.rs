//! The one place that reads the clock.
//!
//! Machines take `now` as an argument; actors get it here. It is tokio's clock, so a test that
//! pauses time pauses the machines too.
#![expect(clippy::disallowed_methods, reason = "the one place that asks what time it is")]

use std::time::Instant;

use chrono::{DateTime, Utc};

/// The monotonic time on tokio's clock, which a test may pause.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The wall clock, for records and ids only. Nothing is scheduled by it.
pub fn wall() -> DateTime<Utc> {
    Utc::now()
}
