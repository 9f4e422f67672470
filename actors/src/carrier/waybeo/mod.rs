//! Waybeo. Its bot stream is Ozonetel's.

mod answer;
pub mod control;
mod data_record;
mod fake;
mod settings;
pub mod webhook_api;
mod wire;

use std::time::Duration;

use self::fake::WaybeoFake;
use self::wire::WaybeoWire;
use super::{
    AudioFormat, Capabilities, Carrier, Chunk, Clear, Flow, Handover, Keys, Length, Liveness, Marks, Messages,
    OurClose, Pacing, Pings, Seat, SecondStart, TheirClose,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&SEAT);

/// Its seat.
pub(super) static SEAT: Seat = Seat {
    capabilities: CAPABILITIES,
    title: "Waybeo",
    routes: webhook_api::ROUTES,
    settings: settings::SETTINGS,
    secrets: settings::SECRETS,
    calls_callees: false,
    invites_callees: false,
    payload: Some(&data_record::DATA_RECORD),
    check: settings::check,
    describe: settings::describe,
    is_answered: settings::is_answered,
    open: settings::open,
    wire: || Box::<WaybeoWire>::default(),
    packets: None,
    fake: Some(&WaybeoFake),
};

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
