//! The bodies that receivers get, one file a shape. Pure.
//!
//! A shape is a function from a notice (and its record, where there is one) to JSON, beside a few facts: its name, which kinds
//! of notice it can tell, and what it calls itself. Another shape is another file and another line in [`Payload`]; a
//! carrier's is in its folder.

mod numbers;
mod ours;
mod singleinterface;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use super::notice::{Kind, Notice};
use crate::carrier::{self, Carrier};

/// The shape of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Our own.
    Switchboard,
    /// SingleInterface's body, version 2.0.
    SingleInterfaceV2,
    /// A carrier's own.
    Carrier(&'static carrier::settings::Payload),
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

    /// The kinds of notice that it can tell.
    pub const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Switchboard => &Kind::ALL,
            Self::Carrier(_) | Self::SingleInterfaceV2 => &[Kind::TranscriptReady],
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
            Self::Carrier(payload) => payload.user_agent,
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
            Self::Carrier(payload) => {
                (payload.body)(&material.notice.call.carrier_call_id, completion(material.record))
            }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_carriers_own_body_tells_of_the_call_and_how_complete_its_answers_are() {
        for payload in Payload::all().filter(|payload| matches!(payload, Payload::Carrier(_))) {
            let told = |record: &Value| {
                let body = testing::material(record, |material| payload.body(material)).expect("JSON");
                String::from_utf8(body).expect("text")
            };
            let whole = told(&testing::record());
            assert!(whole.contains("U1") && whole.contains("partial"), "{}: {whole}", payload.name());
            let wordless = told(&json!({"call_id": "U1", "conversation": [], "answers": {}}));
            assert!(wordless.contains(r#""none""#), "{}: {wordless}", payload.name());
        }
    }

    #[test]
    fn no_two_shapes_have_one_name() {
        let names: std::collections::BTreeSet<_> = Payload::all().map(Payload::name).collect();
        assert_eq!(names.len(), Payload::all().count());
    }
}
