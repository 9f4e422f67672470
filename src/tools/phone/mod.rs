//! The simulated phone: plays a carrier against any running service, exactly as the carrier would.
//!
//! The phone requests the voice webhook, obeys the document it gets, opens the media stream, speaks
//! 20 ms every 20 ms, keeps a playback buffer with marks and clears, and records what the caller
//! hears, sample by sample. Problems that the carrier would only show in its debugger (an unknown
//! field, for example) are listed in the [`Summary`].
//!
//! The carrier-specific parts are in the carrier's folder, as its fake
//! ([`switchboard_actors::carrier::fake`]): requests, documents, signatures, messages, ids and
//! codes. This folder has the common parts: sockets, clock, microphone, playout and display. Both
//! share only three things with the service: the list of carriers, their capabilities, and the
//! reading of sound files. A mistake of the service therefore cannot agree with itself.
//!
//! | file | |
//! |---|---|
//! | `call` | one call, dialling to end: documents (`obey`), streams (`connect`), `transfer` |
//! | `stream` | one media stream in real time; `packets`, if it is no WebSocket |
//! | `caller` | the simulated caller: when to speak, press keys and hang up (pure) |
//! | `playout` | the carrier's playback buffer (pure) |
//! | `http`, `handset`, `summary`, `options` | the parts that the others build on |
//! | `command`, `display` | `switchboard call` |
//! | `demo`, `speech` | `switchboard demo` and its bundled callers |

mod call;
mod callee;
mod caller;
mod command;
mod demo;
mod display;
mod handset;
mod http;
mod options;
mod packets;
mod playout;
mod speech;
mod stream;
mod summary;

pub use call::{CallReport, place_call};
pub use callee::{CalleeReport, Invited, ring_callee};
pub use command::{CallArgs, CommandError, run};
pub(crate) use command::{CarrierName, carrier};
pub use demo::{DemoArgs, DemoReport, Likeness, LookUp, Seen, Stage, run_demo};
pub use handset::{Handset, Phase, Progress, Remote};
pub use options::{
    ANSWER_PAUSE, DialOutcome, LONGEST_CALL, LONGEST_WAIT_FOR_ANSWER, LONGEST_WAIT_FOR_GREETING, POLITE_PAUSE,
    PhoneOptions, Target, carriers, default_carrier,
};
pub use summary::{EndedBy, HttpTiming, Summary, Transfer, Warning};

pub use switchboard_actors::carrier::fake::Fault;

pub use crate::tools::wav;
