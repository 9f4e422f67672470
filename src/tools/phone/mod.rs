//! The simulated phone: plays a carrier against any running service, exactly as the carrier would.
//!
//! It asks the voice webhook, obeys the TwiML it gets, opens the media stream, speaks 20 ms every 20 ms, keeps a playback
//! buffer with Twilio's own `mark` and `clear`, and writes down what the caller heard, sample by sample. Whatever Twilio would
//! only show in its debugger (31951: a field too many) is in the [`Summary`].
//!
//! It is the outside of the service and shares nothing with it but the list of carriers and the reading of sound files: its mu-law, its signatures and its
//! reading of messages are its own, so that a mistake of the service cannot agree with itself.
//!
//! | file | |
//! |---|---|
//! | `call` | one call from dialling to its end: webhooks, documents, streams |
//! | `stream` | one media stream in real time |
//! | `caller` | the person: when to speak, press, hang up (pure) |
//! | `playout` | Twilio's playback buffer (pure) |
//! | `line` | a carrier's messages, whichever it is (pure) |
//! | `twilio`, `twiml`, `sign`, `mulaw`, `waybeo` | the carriers' formats (pure) |
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
mod line;
mod mulaw;
mod options;
mod person;
mod playout;
mod sign;
mod speech;
mod stream;
mod summary;
mod twilio;
mod twiml;
mod waybeo;

pub use call::{CallReport, place_call};
pub(crate) use command::carrier;
pub use command::{CallArgs, CommandError, run};
pub use demo::{DemoArgs, DemoReport, Likeness, Seen, Stage, run_demo};
pub use handset::{Handset, Phase, Progress, Remote};
pub use options::{
    ANSWER_PAUSE, DEFAULT_ACCOUNT, DialOutcome, Fault, LONGEST_CALL, LONGEST_WAIT_FOR_ANSWER,
    LONGEST_WAIT_FOR_GREETING, POLITE_PAUSE, PhoneOptions, Target,
};
pub use person::{Invited, PersonReport, ring_person};
pub use summary::{EndedBy, HttpTiming, Summary, Transfer, Warning};

pub use crate::tools::wav;
