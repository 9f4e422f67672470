//! A call's identity, as the carrier reported it. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use crate::carrier::webhook_api::Direction;
use crate::carrier::{Carrier, LineFormats};
use crate::ids::{CallId, CallTag, CarrierCallId, Private, StreamId};

/// A call's identity, known once the stream has started.
#[derive(Debug, Clone)]
pub struct CallIdentity {
    /// Our id.
    pub id: CallId,
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's id of the call.
    pub carrier_call: CarrierCallId,
    /// The carrier's id of the stream.
    pub stream: StreamId,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number. It may be withheld, or not a number at all.
    pub from: Private<String>,
    /// The dialled number.
    pub to: Private<String>,
    /// The line's format.
    pub line: LineFormats,
    /// When the stream started, by the wall clock, for records.
    pub started_at: DateTime<Utc>,
    /// Further data from the carrier, unchanged: parameters of its URL or stream. Kept in the
    /// record.
    pub parameters: Private<BTreeMap<String, String>>,
}

impl CallIdentity {
    /// The call's names in the log.
    pub fn tag(&self) -> CallTag {
        CallTag::new(self.id, &self.carrier_call)
    }
}
