//! A carrier of no company, for tests of what all carriers have in common.

use std::time::Duration;

use serde_json::Value;

use super::settings::Described;
use super::{
    AudioFormat, ByClear, CallerFrame, Capabilities, Carrier, Chunk, Clear, Flow, Handover, Incoming, Keys,
    LineCommand, LineEvent, Liveness, Marks, Messages, OurClose, Outgoing, Pacing, Pings, Seat, SecondStart,
    TheirClose, Wire, WireError,
};
use crate::frame::Frame;

/// A carrier of mu-law that keeps the playout buffer, echoes marks and asks for documents.
pub(crate) const CARRIER: Carrier = Carrier::of(&SEAT);

static SEAT: Seat = seat(CAPABILITIES);

/// The name of a test carrier.
pub(crate) const NAME: &str = "testing";

/// The same carrier with other capabilities.
pub(crate) fn carrier_with(change: impl FnOnce(&mut Capabilities)) -> Carrier {
    let mut can = CAPABILITIES;
    change(&mut can);
    Carrier::of(Box::leak(Box::new(seat(can))))
}

const CAPABILITIES: Capabilities = Capabilities {
    name: NAME,
    messages: Messages::TextAndBinary,
    subprotocols: &[],
    hears: &[AudioFormat::MULAW_8K],
    says: &[AudioFormat::MULAW_8K],
    pacing: Pacing::CarrierBuffers,
    lead: Duration::from_millis(400),
    chunk: Chunk::ANY,
    marks: Marks::Echoed { by_clear: ByClear::Echoes, longest_name: 512, most_pending: 64 },
    clear: Clear::Sure { late: Duration::ZERO },
    flow: Flow::Free,
    keys: Keys::Reported,
    handover: Some(Handover::Document),
    our_close: OurClose::DocumentGoesOn,
    their_close: TheirClose::LosesStream,
    liveness: Liveness::AnyMessage,
    keeps_open_with: None,
    pings: Pings::Answered,
    second_start: SecondStart::Ignored,
};

const fn seat(capabilities: Capabilities) -> Seat {
    Seat {
        capabilities,
        title: "Testing",
        routes: &[],
        settings: &[],
        secrets: &[],
        calls_callees: false,
        invites_callees: false,
        payload: None,
        check: |_| Vec::new(),
        describe: |_| Described { heading: "carriers", words: NAME.to_owned(), facts: Value::Null },
        is_answered: |_| true,
        open: |_, _| None,
        wire: || Box::new(TestWire),
        packets: None,
        fake: None,
    }
}

/// A wire with audio in binary messages, both ways, and nothing else.
pub(crate) struct TestWire;

impl Wire for TestWire {
    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<LineEvent, WireError> {
        Ok(match message {
            Incoming::Text(text) => LineEvent::Other(text.to_owned()),
            Incoming::Binary(bytes) => {
                LineEvent::Audio(CallerFrame { timestamp: None, payload: Frame::copy_of(bytes) })
            }
        })
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        if let LineCommand::Play(frame) = command {
            out.binary(|bytes| {
                bytes.extend_from_slice(frame);
                true
            });
        }
    }
}
