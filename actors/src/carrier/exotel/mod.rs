//! Exotel: the Voicebot applet's stream in both its spellings, its dynamic URL, and the token that
//! stands in for signatures, which Exotel has none of.

mod control;
mod fake;
mod settings;
mod webhook_api;
mod wire;

use std::time::Duration;

use self::fake::ExotelFake;
use self::wire::ExotelWire;
use super::{
    AudioFormat, ByClear, Capabilities, Carrier, Chunk, Clear, Encoding, Flow, Handover, Keys, Length, Liveness, Marks,
    Messages, OurClose, Pacing, Pings, Seat, SecondStart, TheirClose,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&SEAT);

/// Its seat.
pub(super) static SEAT: Seat = Seat {
    capabilities: CAPABILITIES,
    title: "Exotel",
    routes: webhook_api::ROUTES,
    settings: settings::SETTINGS,
    secrets: settings::SECRETS,
    calls_callees: true,
    invites_callees: false,
    payload: None,
    check: settings::check,
    describe: settings::describe,
    is_answered: settings::is_answered,
    open: settings::open,
    wire: || Box::<ExotelWire>::default(),
    packets: None,
    fake: Some(&ExotelFake),
};

const CAPABILITIES: Capabilities = Capabilities {
    name: "exotel",
    messages: Messages::Text,
    subprotocols: &[],
    hears: &[AudioFormat::PCM_8K, PCM_16K, AudioFormat::PCM_24K],
    says: &[AudioFormat::PCM_8K, PCM_16K, AudioFormat::PCM_24K],
    pacing: Pacing::CarrierBuffers,
    lead: Duration::from_millis(400),
    chunk: Chunk {
        step: Some(Length::Bytes(320)),
        // Shorter ones are dropped without a word.
        least: Some(Length::Bytes(3_200)),
        // The carrier takes 100,000 bytes; this is the last whole multiple.
        most: Some(Length::Bytes(99_840)),
        tail: Duration::ZERO,
    },
    marks: Marks::Echoed { by_clear: ByClear::Unknown, longest_name: wire::LONGEST_NAME, most_pending: 64 },
    clear: Clear::Sure { late: Duration::from_millis(100) },
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

const PCM_16K: AudioFormat = AudioFormat { encoding: Encoding::Pcm16, rate_hz: 16_000 };
