//! Telnyx: TeXML, the media stream over WebSocket, Ed25519 signatures, and its REST API.

mod answer;
mod control;
mod fake;
mod order;
mod settings;
mod trust;
mod webhook_api;
mod webhook_events;
mod wire;

use std::time::Duration;

use url::Url;

use self::fake::TelnyxFake;
use self::wire::TelnyxWire;
use super::fake::Fake;
use super::settings::{Described, Finding, Given, Opened, Secret, Setting};
use super::webhook_api::Route;
use super::{
    AudioFormat, ByClear, Capabilities, Carrier, Chunk, Clear, Flow, Handover, Keys, Length, Liveness, Marks, Messages,
    OurClose, Pacing, Pings, Seat, SecondStart, TheirClose, Wire,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&Telnyx);

/// Its seat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Telnyx;

impl Seat for Telnyx {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn title(&self) -> &'static str {
        "Telnyx"
    }

    fn routes(&self) -> &'static [Route] {
        webhook_api::ROUTES
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn secrets(&self) -> &'static [Secret] {
        settings::SECRETS
    }

    fn calls_callees(&self) -> bool {
        true
    }

    fn invites_callees(&self) -> bool {
        true
    }

    fn check(&self, given: &Given<'_>) -> Vec<Finding> {
        settings::check(given)
    }

    fn describe(&self, given: &Given<'_>) -> Described {
        settings::describe(given)
    }

    fn is_answered(&self, given: &Given<'_>) -> bool {
        settings::is_answered(given)
    }

    fn open(&self, given: &Given<'_>, public: &Url) -> Option<Opened> {
        settings::open(given, public)
    }

    fn wire(&self) -> Box<dyn Wire> {
        Box::<TelnyxWire>::default()
    }

    fn fake(&self) -> Option<&'static dyn Fake> {
        Some(&TelnyxFake)
    }
}

const CAPABILITIES: Capabilities = Capabilities {
    name: "telnyx",
    messages: Messages::Text,
    subprotocols: &[],
    // The codec of the call's own leg, which differs by country.
    hears: &[AudioFormat::MULAW_8K, AudioFormat::ALAW_8K],
    // What our document asks for, whatever the leg has.
    says: &[AudioFormat::MULAW_8K],
    pacing: Pacing::CarrierBuffers,
    lead: Duration::from_millis(400),
    chunk: Chunk {
        // A shorter piece is refused or clipped.
        step: Some(Length::Time(Duration::from_millis(20))),
        least: Some(Length::Time(Duration::from_millis(20))),
        most: Some(Length::Time(Duration::from_secs(30))),
        tail: Duration::ZERO,
    },
    marks: Marks::Echoed { by_clear: ByClear::Echoes, longest_name: wire::LONGEST_NAME, most_pending: 64 },
    clear: Clear::Sure { late: Duration::ZERO },
    flow: Flow::Free,
    keys: Keys::Reported,
    handover: Some(Handover::Document),
    our_close: OurClose::DocumentGoesOn,
    their_close: TheirClose::LosesStream,
    liveness: Liveness::AnyMessage,
    keeps_open_with: None,
    pings: Pings::Answered,
    second_start: SecondStart::NewStream,
};
