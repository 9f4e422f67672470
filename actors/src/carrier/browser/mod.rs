//! A call from an operator's browser: the console's page is the phone. It comes to the operators'
//! listener and not to the public one, so it has neither webhooks nor settings: who may call is
//! decided by the operator's role.

mod fake;
mod wire;

use std::time::Duration;

use self::fake::BrowserFake;
use self::wire::BrowserWire;
use super::settings::Described;
use super::{
    AudioFormat, ByClear, Capabilities, Chunk, Clear, Flow, Keys, Length, Liveness, Marks, Messages, OurClose, Pacing,
    Pings, Seat, SecondStart, TheirClose,
};

/// Its seat.
pub(super) static SEAT: Seat = Seat {
    capabilities: CAPABILITIES,
    title: "the console",
    routes: &[],
    settings: &[],
    secrets: &[],
    calls_callees: false,
    invites_callees: false,
    payload: None,
    check: |_| Vec::new(),
    describe: |_| Described {
        heading: "browser",
        words: "test calls from the console".to_owned(),
        facts: serde_json::Value::Null,
    },
    // Its calls need no webhook; the operators' listener takes them.
    is_answered: |_| false,
    open: |_, _| None,
    wire: || Box::new(BrowserWire),
    packets: None,
    fake: Some(&BrowserFake),
};

const CAPABILITIES: Capabilities = Capabilities {
    name: "browser",
    messages: Messages::TextAndBinary,
    subprotocols: &[],
    hears: &[AudioFormat::MULAW_8K],
    says: &[AudioFormat::MULAW_8K],
    // The page plays what it has, says how far it is, and drops the rest when it is told to.
    pacing: Pacing::CarrierBuffers,
    // The page keeps 400 ms at most.
    lead: Duration::from_millis(200),
    chunk: Chunk::exactly(Length::Time(FRAME)),
    marks: Marks::Echoed { by_clear: ByClear::Drops, longest_name: wire::LONGEST_NAME, most_pending: 64 },
    clear: Clear::Sure { late: FRAME },
    flow: Flow::Free,
    keys: Keys::Reported,
    handover: None,
    our_close: OurClose::EndsCall,
    their_close: TheirClose::CallerHungUp,
    // A browser answers pings by itself, also while its microphone is off.
    liveness: Liveness::OpenSocket,
    keeps_open_with: None,
    pings: Pings::Answered,
    second_start: SecondStart::Ignored,
};

/// The time of one message of audio.
const FRAME: Duration = Duration::from_millis(20);
