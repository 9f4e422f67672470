//! Asterisk by its channel driver for WebSockets (`chan_websocket`): binary audio with control
//! texts in either of its two forms, a token instead of signatures, and a dialplan that asks how the
//! call goes on.

mod dialplan;
mod fake;
mod settings;
mod webhook_api;
mod wire;

use std::time::Duration;

pub(super) use self::dialplan::Dialplan;
use self::fake::AsteriskFake;
pub(super) use self::settings::{DIAL, SECRETS, STREAM_TOKEN, check, dialplan, is_answered};
use self::wire::AsteriskWire;
use super::{
    AudioFormat, ByClear, Capabilities, Carrier, Chunk, Clear, Encoding, Flow, Handover, Keys, Length, Liveness, Marks,
    Messages, OurClose, Pacing, Pings, Seat, SecondStart, TheirClose,
};

/// The carrier.
pub const CARRIER: Carrier = Carrier::of(&SEAT);

/// Its seat.
pub(super) static SEAT: Seat = Seat {
    capabilities: CAPABILITIES,
    title: "Asterisk",
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
    wire: || Box::<AsteriskWire>::default(),
    packets: None,
    fake: Some(&AsteriskFake),
};

const CAPABILITIES: Capabilities = Capabilities {
    name: "asterisk",
    messages: Messages::TextAndBinary,
    subprotocols: &["media"],
    hears: FORMATS,
    says: FORMATS,
    pacing: Pacing::CarrierBuffers,
    // What is queued is played in real time only: more would be latency.
    lead: Duration::from_millis(400),
    chunk: Chunk {
        // What exceeds whole frames of a message is lost.
        step: Some(Length::Time(FRAME)),
        least: Some(Length::Time(FRAME)),
        // Larger messages are read in too many pieces. This is a whole number of frames of every
        // format.
        most: Some(Length::Bytes(7_680)),
        tail: Duration::ZERO,
    },
    marks: Marks::Echoed { by_clear: ByClear::Drops, longest_name: wire::LONGEST_NAME, most_pending: 64 },
    clear: Clear::Sure { late: FRAME },
    flow: Flow::HoldAndGo,
    keys: Keys::Reported,
    handover: Some(Handover::Document),
    // The close ends the channel alone, and the dialplan goes on. The hang-up is said first, so that
    // the channel's cause is a normal end.
    our_close: OurClose::IsFault,
    // A caller who hangs up ends the channel, and nothing is said.
    their_close: TheirClose::CallerHungUp,
    // Far ends with silence suppression send nothing while the caller is silent.
    liveness: Liveness::OpenSocket,
    keeps_open_with: None,
    // Older versions hang up at a ping.
    pings: Pings::Never,
    second_start: SecondStart::Ignored,
};

/// The codecs of a channel that need no other converter than ours.
const FORMATS: &[AudioFormat] =
    &[AudioFormat::MULAW_8K, AudioFormat::ALAW_8K, AudioFormat::PCM_8K, PCM_16K, AudioFormat::PCM_24K];

const PCM_16K: AudioFormat = AudioFormat { encoding: Encoding::Pcm16, rate_hz: 16_000 };

/// The time of one message from Asterisk, and of one frame of its queue.
const FRAME: Duration = Duration::from_millis(20);
