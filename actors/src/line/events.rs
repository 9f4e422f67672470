//! Log events and counters of a stream: unreadable messages, faulty audio.

use log::{debug, warn};
use metrics::counter;

use crate::events::{Emit, Known, TARGET};
use crate::ids::logged;

/// Something that is logged and counted.
#[derive(Debug)]
pub enum Event<'a> {
    /// A message of the carrier could not be read and was ignored.
    MalformedMessage {
        /// Its carrier's name.
        carrier: &'static str,
        /// The carrier's id of the call, once `start` has named it.
        carrier_call: Option<&'a str>,
        /// Why.
        problem: &'a str,
    },
    /// The carrier's audio was faulty and was corrected or dropped.
    LineMismatched {
        /// Its carrier's name.
        carrier: &'static str,
        /// The carrier's id of the call, once `start` has named it.
        carrier_call: Option<&'a str>,
        /// What: `first_packet_off_rate`, `packet_resampled`, `packet_of_unknown_rate`,
        /// `sample_clamped`.
        what: &'static str,
        /// How often since the last log line about this stream.
        times: u64,
        /// Whether the stream has shown it before.
        again: bool,
    },
}

impl Emit for Event<'_> {
    fn emit(self) {
        match self {
            Self::MalformedMessage { carrier, carrier_call, problem } => {
                warn!(target: TARGET, carrier_call:% = Known(carrier_call.map(logged)), carrier, problem; "carrier message ignored");
            }
            Self::LineMismatched { carrier, carrier_call, what, times, again } => {
                counter!("switchboard_line_oddities_total", "carrier" => carrier, "what" => what).increment(times);
                let carrier_call = Known(carrier_call.map(logged));
                if again {
                    debug!(target: TARGET, carrier_call:%, carrier, what, times; "mismatched audio from the carrier again");
                } else {
                    warn!(target: TARGET, carrier_call:%, carrier, what, times; "mismatched audio from the carrier");
                }
            }
        }
    }
}
