//! A sample call for the tests of this room, with fictitious numbers.

use chrono::DateTime;

use super::messages::CallSummary;
use crate::ids::{CallId, CarrierCallId, Private, StreamId};
use crate::line::identity::Direction;
use crate::profile::values::Values;

/// An inbound call that began on 17 October 2025, 11:20 UTC.
pub(super) fn summary() -> CallSummary {
    CallSummary {
        id: CallId::random(),
        carrier: "testing",
        carrier_call: CarrierCallId::new("CA1"),
        stream: StreamId::new("MZ1"),
        direction: Direction::Inbound,
        from: Private::new("+15550100001".to_owned()),
        to: Private::new("+15550100002".to_owned()),
        agent: "reception".to_owned(),
        language: "hi".to_owned(),
        model: "rehearsal-1".to_owned(),
        started_at: DateTime::from_timestamp_millis(1_760_700_000_000).expect("a time"),
        variables: Values::default(),
    }
}
