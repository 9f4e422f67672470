//! Smartflo of Tata Tele and Acefone, one platform: the Voice Bot channel's stream, its dynamic
//! endpoint, and the token that stands in for signatures, which it has none of.

mod control;
mod fake;
mod settings;
mod webhook_api;
mod wire;

use std::time::Duration;

use self::fake::SmartfloFake;
use self::wire::SmartfloWire;
use super::{
    AudioFormat, ByClear, Capabilities, Carrier, Chunk, Clear, Encoding, Flow, Handover, Keys, Length, Liveness, Marks,
    Messages, OurClose, Pacing, Pings, Seat, SecondStart, TheirClose,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&SEAT);

/// Its seat.
pub(super) static SEAT: Seat = Seat {
    capabilities: CAPABILITIES,
    title: "Smartflo",
    routes: webhook_api::ROUTES,
    settings: settings::SETTINGS,
    secrets: settings::SECRETS,
    calls_callees: false,
    invites_callees: false,
    payload: None,
    check: settings::check,
    describe: settings::describe,
    is_answered: settings::is_answered,
    open: settings::open,
    wire: || Box::<SmartfloWire>::default(),
    packets: None,
    fake: Some(&SmartfloFake),
};

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
