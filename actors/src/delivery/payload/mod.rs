//! The bodies that receivers get, one file a shape. Pure.
//!
//! A shape is a function from a notice (and its record, where there is one) to JSON, beside a few facts: its name, which kinds
//! of notice it can tell, and what it calls itself. Another shape is another file and another line in [`Payload`].

mod numbers;
mod ours;
mod singleinterface;
mod waybeo;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use super::notice::{Kind, Notice};

/// The shape of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Our own.
    Switchboard,
    /// Waybeo's result record.
    WaybeoDataRecord,
    /// SingleInterface's body, version 2.0.
    SingleInterfaceV2,
}

/// What a shape is made from.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// What happened.
    pub notice: &'a Notice,
    /// The call's record, for notices that have one.
    pub record: Option<&'a Value>,
    /// A moment on the clock of the wall where the service stands, for shapes whose times name no zone.
    pub local: fn(DateTime<Utc>) -> NaiveDateTime,
}

impl Payload {
    /// Every shape.
    pub const ALL: [Self; 3] = [Self::Switchboard, Self::WaybeoDataRecord, Self::SingleInterfaceV2];

    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Switchboard => "switchboard",
            Self::WaybeoDataRecord => "waybeo_data_record",
            Self::SingleInterfaceV2 => "singleinterface_v2",
        }
    }

    /// The kinds of notice that it can tell.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Switchboard => &Kind::ALL,
            Self::WaybeoDataRecord | Self::SingleInterfaceV2 => &[Kind::TranscriptReady],
        }
    }

    /// Whether its receivers check signatures; such a shape is never sent unsigned.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Switchboard)
    }

    /// The `User-Agent` of the request, which old receivers may look at.
    pub const fn user_agent(self) -> &'static str {
        match self {
            Self::Switchboard => concat!("Switchboard/", env!("CARGO_PKG_VERSION")),
            Self::WaybeoDataRecord => "VoiceAgent-Waybeo/2.0",
            Self::SingleInterfaceV2 => "VoiceAgent-Webhook/1.0",
        }
    }

    /// The body.
    ///
    /// # Errors
    /// When it cannot be written, which is so for no JSON value.
    pub fn body(self, material: Material<'_>) -> serde_json::Result<Vec<u8>> {
        match self {
            Self::Switchboard => numbers::write(&ours::body(material)),
            Self::WaybeoDataRecord => numbers::write(&waybeo::body(material)),
            Self::SingleInterfaceV2 => numbers::write(&singleinterface::body(material)),
        }
    }
}

/// How complete a record's answers are: its own word, or what its answers say.
fn completion(record: Option<&Value>) -> &str {
    let none = "none";
    let Some(record) = record else { return none };
    match record["analytics"]["completion"].as_str() {
        Some(word) => word,
        // The record was written by another program.
        None if record["answers"].as_object().is_some_and(|answers| !answers.is_empty()) => "partial",
        None => none,
    }
}

#[cfg(test)]
mod testing;
