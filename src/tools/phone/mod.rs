//! The simulated phone: plays a carrier against any running service, exactly as the carrier would.
//!
//! It asks the voice webhook, obeys the document it gets, opens the media stream, speaks 20 ms every 20 ms, keeps a playback
//! buffer with marks and clears, and writes down what the caller heard, sample by sample. Whatever the carrier would only show
//! in its debugger (a field too many) is in the [`Summary`].
//!
//! What is a carrier's own stands in its folder, as its fake
//! ([`switchboard_actors::carrier::fake`]): requests, documents, signatures, messages, ids and codes. Here is what is common:
//! sockets, clock, microphone, playout, display. Both share nothing with the service but the list of carriers, what these can
//! do, and the reading of sound files, so that a mistake of the service cannot agree with itself.
//!
//! | file | |
//! |---|---|
//! | `call` | one call from dialling to its end: webhooks, documents (`obey`), streams (`connect`), people (`transfer`) |
//! | `stream` | one media stream in real time |
//! | `caller` | the person: when to speak, press, hang up (pure) |
//! | `playout` | the carrier's playback buffer (pure) |
//! | `http`, `handset`, `summary`, `options` | what these stand on |
//! | `command`, `display` | `switchboard call` |
//! | `demo`, `speech` | `switchboard demo` and the callers it brings |

mod call;
mod caller;
mod command;
mod demo;
mod display;
mod handset;
mod http;
mod options;
mod person;
mod playout;
mod speech;
mod stream;
mod summary;

pub use call::{CallReport, place_call};
pub(crate) use command::carrier;
pub use command::{CallArgs, CommandError, run};
pub use demo::{DemoArgs, DemoReport, Likeness, Seen, Stage, run_demo};
pub use handset::{Handset, Phase, Progress, Remote};
pub use options::{
    ANSWER_PAUSE, DEFAULT_ACCOUNT, DialOutcome, LONGEST_CALL, LONGEST_WAIT_FOR_ANSWER, LONGEST_WAIT_FOR_GREETING,
    POLITE_PAUSE, PhoneOptions, Target, carriers, default_carrier,
};
pub use person::{Invited, PersonReport, ring_person};
pub use summary::{EndedBy, HttpTiming, Summary, Transfer, Warning};

pub use switchboard_actors::carrier::fake::Fault;

pub use crate::tools::wav;
