//! Twilio: Media Streams, TwiML, request signatures, and its REST API.

mod answer;
pub mod control;
mod fake;
mod settings;
pub mod trust;
pub mod webhook_api;
mod webhook_events;
mod wire;

use std::time::Duration;

use url::Url;

use self::fake::TwilioFake;
use self::wire::TwilioWire;
use super::fake::Fake;
use super::settings::{Described, Finding, Given, Opened, Secret, Setting};
use super::webhook_api::Route;
use super::{
    AudioFormat, ByClear, Capabilities, Carrier, Chunk, Clear, Flow, Handover, Keys, Liveness, Marks, Messages,
    OurClose, Pacing, Pings, Seat, SecondStart, TheirClose, Wire,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&Twilio);

/// Its seat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Twilio;

impl Seat for Twilio {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn title(&self) -> &'static str {
        "Twilio"
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

    fn is_answered(&self, _: &Given<'_>) -> bool {
        true
    }

    fn open(&self, given: &Given<'_>, public: &Url) -> Option<Opened> {
        Some(settings::open(given, public))
    }

    fn wire(&self) -> Box<dyn Wire> {
        Box::<TwilioWire>::default()
    }

    fn fake(&self) -> Option<&'static dyn Fake> {
        Some(&TwilioFake)
    }
}

const CAPABILITIES: Capabilities = Capabilities {
    name: "twilio",
    messages: Messages::Text,
    subprotocols: &[],
    hears: &[AudioFormat::MULAW_8K],
    says: &[AudioFormat::MULAW_8K],
    pacing: Pacing::CarrierBuffers,
    lead: Duration::from_millis(400),
    chunk: Chunk::ANY,
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
    second_start: SecondStart::Ignored,
};
