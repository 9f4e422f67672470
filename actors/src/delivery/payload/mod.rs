//! The bodies of deliveries, one file per format. Pure.
//!
//! A format is a function from a notice (and its record, if there is one) to JSON, with a few
//! facts: its name, the kinds of notice that it supports, and its user agent. Another format is
//! another file and another line in [`Payload`]; a carrier's own format is in its folder.

mod numbers;
mod ours;
mod singleinterface;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use super::notice::{Kind, Notice};
use crate::carrier::{self, Carrier};

/// The format of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Our own format.
    Switchboard,
    /// SingleInterface's body, version 2.0.
    SingleInterfaceV2,
    /// A carrier's own format.
    Carrier(&'static carrier::settings::Payload),
}

/// The input of a format.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// What happened.
    pub notice: &'a Notice,
    /// The call's record, for notices that have one.
    pub record: Option<&'a Value>,
    /// Converts a time to the service's local time, for formats whose times name no zone.
    pub local: fn(DateTime<Utc>) -> NaiveDateTime,
}

impl Payload {
    /// Every format.
    pub fn all() -> impl Iterator<Item = Self> {
        let carriers = Carrier::all().filter_map(Carrier::payload).map(Self::Carrier);
        [Self::Switchboard].into_iter().chain(carriers).chain([Self::SingleInterfaceV2])
    }

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Switchboard => "switchboard",
            Self::Carrier(payload) => payload.name,
            Self::SingleInterfaceV2 => "singleinterface_v2",
        }
    }

    /// The kinds of notice that it supports.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Switchboard => &Kind::ALL,
            Self::Carrier(_) | Self::SingleInterfaceV2 => &[Kind::TranscriptReady],
        }
    }

    /// Whether its receivers check signatures. Such a format is never sent unsigned.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Switchboard)
    }

    /// The `User-Agent` of the request; old receivers may check it.
    pub const fn user_agent(self) -> &'static str {
        match self {
            Self::Switchboard => concat!("Switchboard/", env!("CARGO_PKG_VERSION")),
            Self::Carrier(payload) => payload.user_agent,
            Self::SingleInterfaceV2 => "VoiceAgent-Webhook/1.0",
        }
    }

    /// Builds the body.
    ///
    /// # Errors
    /// When it cannot be serialized, which does not happen for JSON values.
    pub fn body(self, material: Material<'_>) -> serde_json::Result<Vec<u8>> {
        match self {
            Self::Switchboard => numbers::write(&ours::body(material)),
            Self::Carrier(payload) => {
                (payload.body)(&material.notice.call.carrier_call_id, completion(material.record))
            }
            Self::SingleInterfaceV2 => numbers::write(&singleinterface::body(material)),
        }
    }
}

/// How complete a record's answers are: the record's own word, or a word derived from its answers.
fn completion(record: Option<&Value>) -> &str {
    let none = "none";
    let Some(record) = record else { return none };
    match record["analytics"]["completion"].as_str() {
        Some(word) => word,
        // Another program wrote the record.
        None if record["answers"].as_object().is_some_and(|answers| !answers.is_empty()) => "partial",
        None => none,
    }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests;
