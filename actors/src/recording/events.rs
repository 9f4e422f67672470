//! Log events and counters of recordings.

use log::{error, info};
use metrics::counter;

use crate::events::{Emit, TARGET};
use crate::ids::CallTag;

/// Something that is logged and counted.
#[derive(Debug)]
pub enum Event<'a> {
    /// A call's recording is complete.
    RecordingWritten {
        /// The call.
        call: &'a CallTag,
        /// The file.
        path: &'a str,
        /// How long it plays.
        length_ms: u64,
    },
    /// A call's recording ended before its call.
    RecordingFailed {
        /// The call.
        call: &'a CallTag,
        /// The file.
        path: &'a str,
        /// Why, and what to do about it.
        problem: &'a str,
    },
}

impl Emit for Event<'_> {
    fn emit(self) {
        match self {
            Self::RecordingWritten { call, path, length_ms } => {
                counter!("switchboard_recordings_total", "result" => "written").increment(1);
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), path, length_ms; "recording written");
            }
            Self::RecordingFailed { call, path, problem } => {
                counter!("switchboard_recordings_total", "result" => "failed").increment(1);
                error!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), path, problem; "recording failed");
            }
        }
    }
}
