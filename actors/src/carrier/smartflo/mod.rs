//! Smartflo of Tata Tele and Acefone, one platform: the Voice Bot channel's stream, its dynamic
//! endpoint, and the token that stands in for signatures, which it has none of.

mod control;
mod fake;
mod settings;
mod webhook_api;
mod wire;

use std::time::Duration;

use url::Url;

use self::fake::SmartfloFake;
use self::wire::SmartfloWire;
use super::fake::Fake;
use super::settings::{Described, Finding, Given, Opened, Secret, Setting};
use super::webhook_api::Route;
use super::{
    AudioFormat, ByClear, Capabilities, Carrier, Chunk, Clear, Encoding, Flow, Handover, Keys, Length, Liveness, Marks,
    Messages, OurClose, Pacing, Pings, Seat, SecondStart, TheirClose, Wire,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&Smartflo);

/// Its seat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Smartflo;

impl Seat for Smartflo {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn title(&self) -> &'static str {
        "Smartflo"
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
        Box::<SmartfloWire>::default()
    }

    fn fake(&self) -> Option<&'static dyn Fake> {
        Some(&SmartfloFake)
    }
}

const CAPABILITIES: Capabilities = Capabilities {
    name: "smartflo",
    messages: Messages::Text,
    subprotocols: &[],
    // Some accounts stream linear samples.
    hears: &[AudioFormat::MULAW_8K, AudioFormat::PCM_8K, PCM_16K],
    says: &[AudioFormat::MULAW_8K, AudioFormat::PCM_8K, PCM_16K],
    pacing: Pacing::CarrierBuffers,
    lead: Duration::from_millis(400),
    // Others leave audible gaps.
    chunk: Chunk { step: Some(Length::Bytes(160)), least: Some(Length::Bytes(160)), most: None, tail: Duration::ZERO },
    marks: Marks::Echoed { by_clear: ByClear::Unknown, longest_name: wire::LONGEST_NAME, most_pending: 64 },
    clear: Clear::Sure { late: Duration::ZERO },
    flow: Flow::Free,
    keys: Keys::Reported,
    handover: Some(Handover::Command { numbers: true }),
    our_close: OurClose::IsFault,
    their_close: TheirClose::LosesStream,
    liveness: Liveness::AnyMessage,
    keeps_open_with: None,
    pings: Pings::Answered,
    second_start: SecondStart::NewStream,
};

const PCM_16K: AudioFormat = AudioFormat { encoding: Encoding::Pcm16, rate_hz: 16_000 };
