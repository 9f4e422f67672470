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

use self::fake::TelnyxFake;
use self::wire::TelnyxWire;
use super::{
    AudioFormat, ByClear, Capabilities, Carrier, Chunk, Clear, Flow, Handover, Keys, Length, Liveness, Marks, Messages,
    OurClose, Pacing, Pings, Seat, SecondStart, TheirClose,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&SEAT);

/// Its seat.
pub(super) static SEAT: Seat = Seat {
    capabilities: CAPABILITIES,
    title: "Telnyx",
    routes: webhook_api::ROUTES,
    settings: settings::SETTINGS,
    secrets: settings::SECRETS,
    calls_callees: true,
    invites_callees: true,
    payload: None,
    check: settings::check,
    describe: settings::describe,
    is_answered: settings::is_answered,
    open: settings::open,
    wire: || Box::<TelnyxWire>::default(),
    packets: None,
    fake: Some(&TelnyxFake),
};

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
