//! Asterisk by AudioSocket, for versions without the channel driver for WebSockets: linear audio over
//! a TCP connection of its own. It brings nothing but a UUID, which is our permit: the dialplan asks
//! for it with the call's numbers, and it is good once and for a short time.

mod fake;
mod settings;
mod webhook_api;
mod wire;

use std::time::Duration;

use self::fake::AudioSocketFake;
use self::wire::AudioSocketWire;
use super::asterisk;
use super::{
    AudioFormat, Capabilities, Carrier, Chunk, Clear, Flow, Handover, Keys, Length, Liveness, Marks, Messages,
    OurClose, Pacing, Pings, Seat, SecondStart, TheirClose,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&SEAT);

/// Its seat.
pub(super) static SEAT: Seat = Seat {
    capabilities: CAPABILITIES,
    title: "AudioSocket",
    routes: webhook_api::ROUTES,
    settings: settings::SETTINGS,
    secrets: asterisk::SECRETS,
    calls_callees: false,
    invites_callees: false,
    payload: None,
    check: settings::check,
    describe: settings::describe,
    is_answered: asterisk::is_answered,
    open: settings::open,
    wire: || Box::new(AudioSocketWire),
    packets: Some(wire::PACKETS),
    fake: Some(&AudioSocketFake),
};

const CAPABILITIES: Capabilities = Capabilities {
    name: "audiosocket",
    messages: Messages::TextAndBinary,
    subprotocols: &[],
    hears: &[AudioFormat::PCM_8K],
    says: &[AudioFormat::PCM_8K],
    // Each packet goes on to the caller as it comes, and nothing takes it back.
    pacing: Pacing::WePace,
    lead: Duration::from_millis(40),
    chunk: Chunk::exactly(Length::Time(FRAME)),
    marks: Marks::None,
    clear: Clear::None,
    flow: Flow::Free,
    keys: Keys::Reported,
    handover: Some(Handover::Document),
    // The end is a packet of its own; without it, older versions end the dialplan too.
    our_close: OurClose::IsFault,
    // The connection just ends.
    their_close: TheirClose::CallerHungUp,
    // Far ends with silence suppression send nothing while the caller is silent.
    liveness: Liveness::OpenSocket,
    // After two seconds without a packet in either direction the application gives the call up.
    keeps_open_with: Some(Duration::from_millis(500)),
    pings: Pings::Never,
    second_start: SecondStart::Ignored,
};

/// The time of one packet.
const FRAME: Duration = Duration::from_millis(20);
