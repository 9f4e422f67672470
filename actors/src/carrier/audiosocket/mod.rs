//! Asterisk by AudioSocket, for versions without the channel driver for WebSockets: linear audio over
//! a TCP connection of its own. It brings nothing but a UUID, which is our permit: the dialplan asks
//! for it with the call's numbers, and it is good once and for a short time.

mod fake;
mod settings;
mod webhook_api;
mod wire;

use std::time::Duration;

use url::Url;

use self::fake::AudioSocketFake;
use self::wire::AudioSocketWire;
use super::asterisk;
use super::fake::Fake;
use super::settings::{Described, Finding, Given, Opened, Secret, Setting};
use super::webhook_api::Route;
use super::{
    AudioFormat, Capabilities, Carrier, Chunk, Clear, Flow, Handover, Keys, Length, Liveness, Marks, Messages,
    OurClose, Pacing, Packets, Pings, Seat, SecondStart, TheirClose, Wire,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&AudioSocket);

/// Its seat.
#[derive(Debug, Clone, Copy)]
pub(super) struct AudioSocket;

impl Seat for AudioSocket {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn title(&self) -> &'static str {
        "AudioSocket"
    }

    fn routes(&self) -> &'static [Route] {
        webhook_api::ROUTES
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn secrets(&self) -> &'static [Secret] {
        asterisk::SECRETS
    }

    fn check(&self, given: &Given<'_>) -> Vec<Finding> {
        settings::check(given)
    }

    fn describe(&self, given: &Given<'_>) -> Described {
        settings::describe(given)
    }

    fn is_answered(&self, given: &Given<'_>) -> bool {
        asterisk::is_answered(given)
    }

    fn open(&self, given: &Given<'_>, public: &Url) -> Option<Opened> {
        settings::open(given, public)
    }

    fn wire(&self) -> Box<dyn Wire> {
        Box::new(AudioSocketWire)
    }

    fn packets(&self) -> Option<Packets> {
        Some(wire::PACKETS)
    }

    fn fake(&self) -> Option<&'static dyn Fake> {
        Some(&AudioSocketFake)
    }
}

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
