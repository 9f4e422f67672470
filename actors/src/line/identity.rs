//! Whose call it is: what the carrier told of it. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

pub use crate::carrier::desk::Direction;
use crate::carrier::{Carrier, LineFormats};
use crate::ids::{CallId, CallTag, CarrierCallId, Private, StreamId};

/// Whose call it is: known once the stream has started.
#[derive(Debug, Clone)]
pub struct CallIdentity {
    /// Ours.
    pub id: CallId,
    /// The carrier.
    pub carrier: Carrier,
    /// The carrier's id of the call.
    pub carrier_call: CarrierCallId,
    /// The carrier's id of the stream.
    pub stream: StreamId,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number; may be withheld, may be no number at all.
    pub from: Private<String>,
    /// The dialled number.
    pub to: Private<String>,
    /// The line's format.
    pub line: LineFormats,
    /// When the stream started, wall clock, for records.
    pub started_at: DateTime<Utc>,
    /// What else the carrier told of the call, as it came: parameters of its URL or stream. Kept in the record.
    pub parameters: Private<BTreeMap<String, String>>,
}

impl CallIdentity {
    /// Its names in the log.
    pub fn tag(&self) -> CallTag {
        CallTag::new(self.id, &self.carrier_call)
    }
}
