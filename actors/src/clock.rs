//! The one place that asks what time it is.
//!
//! Machines take `now` as an argument; shells take it from here. It is tokio's clock, so that a paused test and the
//! machines agree on the hour.
#![expect(clippy::disallowed_methods, reason = "the one place that asks what time it is")]

use std::time::Instant;

use chrono::{DateTime, Utc};

/// The monotonic now, on tokio's clock (which a test may pause).
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The wall clock, for records and ids alone; nothing is ever scheduled by it.
pub fn wall() -> DateTime<Utc> {
    Utc::now()
}
