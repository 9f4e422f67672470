//! Three fictitious carriers for the tests of playout.

use std::time::Duration;

use switchboard_actors::carrier::{
    AudioFormat, ByClear, Capabilities, Chunk, Clear, Flow, Keys, Length, Liveness, Marks, Messages, OurClose, Pacing,
    Pings, SecondStart, TheirClose,
};

/// A carrier that buffers audio, echoes marks, and clears at once.
pub(crate) const BUFFERS: Capabilities = Capabilities {
    name: "buffers",
    pacing: Pacing::CarrierBuffers,
    marks: Marks::Echoed { by_clear: ByClear::Echoes, longest_name: 512, most_pending: 64 },
    clear: Clear::Sure { late: Duration::ZERO },
    keys: Keys::Reported,
    chunk: Chunk::ANY,
    handover: None,
    our_close: OurClose::DocumentGoesOn,
    their_close: TheirClose::LosesStream,
    liveness: Liveness::AnyMessage,
    messages: Messages::Text,
    subprotocols: &[],
    hears: &[AudioFormat::MULAW_8K],
    says: &[AudioFormat::MULAW_8K],
    lead: Duration::from_millis(400),
    flow: Flow::Free,
    keeps_open_with: None,
    pings: Pings::Answered,
    second_start: SecondStart::Ignored,
};

/// A carrier that plays audio as it arrives, 20 ms at a time, without marks or a clear.
pub(crate) const PACED: Capabilities = Capabilities {
    name: "paced",
    pacing: Pacing::WePace,
    marks: Marks::None,
    clear: Clear::None,
    keys: Keys::Unreported,
    chunk: Chunk::steps_of(Length::Time(Duration::from_millis(20))),
    ..BUFFERS
};

/// A carrier like [`PACED`] that may drop its queue on request, or may not.
pub(crate) const UNSURE: Capabilities = Capabilities {
    name: "unsure",
    clear: Clear::Unsure,
    lead: Duration::from_millis(200),
    chunk: Chunk::steps_of(Length::Time(Duration::from_millis(10))),
    ..PACED
};
