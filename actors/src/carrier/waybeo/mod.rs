//! Waybeo. Its bot stream is Ozonetel's.

mod answer;
pub mod control;
mod data_record;
mod fake;
mod settings;
pub mod webhook_api;
mod wire;

use std::time::Duration;

use url::Url;

use self::fake::WaybeoFake;
use self::wire::WaybeoWire;
use super::fake::Fake;
use super::settings::{Described, Finding, Given, Opened, Payload, Secret, Setting};
use super::webhook_api::Route;
use super::{
    AudioFormat, Capabilities, Carrier, Chunk, Clear, Flow, Handover, Keys, Length, Liveness, Marks, Messages,
    OurClose, Pacing, Pings, Seat, SecondStart, TheirClose, Wire,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&Waybeo);

/// Its seat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waybeo;

impl Seat for Waybeo {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn title(&self) -> &'static str {
        "Waybeo"
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

    fn payload(&self) -> Option<&'static Payload> {
        Some(&data_record::DATA_RECORD)
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
        Box::<WaybeoWire>::default()
    }

    fn fake(&self) -> Option<&'static dyn Fake> {
        Some(&WaybeoFake)
    }
}

const CAPABILITIES: Capabilities = Capabilities {
    name: "waybeo",
    messages: Messages::Text,
    subprotocols: &[],
    hears: &[AudioFormat::PCM_8K],
    says: &[AudioFormat::PCM_8K],
    pacing: Pacing::WePace,
    lead: Duration::from_millis(200),
    chunk: Chunk::steps_of(Length::Time(Duration::from_millis(10))),
    marks: Marks::None,
    clear: Clear::Unsure,
    flow: Flow::Free,
    keys: Keys::Unreported,
    handover: Some(Handover::Command { numbers: false }),
    our_close: OurClose::LeavesCallUp,
    their_close: TheirClose::LosesStream,
    liveness: Liveness::AudioOnly,
    keeps_open_with: None,
    pings: Pings::Answered,
    second_start: SecondStart::Ignored,
};
