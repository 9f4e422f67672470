//! What operators are told of a stream: messages that cannot be read, audio that is odd.

use log::{debug, warn};
use metrics::counter;

use crate::events::{Emit, Known, TARGET};
use crate::ids::logged;

/// Something worth telling.
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
    /// Something of the carrier's audio was odd and was put right or dropped.
    LineMismatched {
        /// Its carrier's name.
        carrier: &'static str,
        /// The carrier's id of the call, once `start` has named it.
        carrier_call: Option<&'a str>,
        /// What: `first_packet_off_rate`, `packet_resampled`, `packet_of_unknown_rate`, `sample_clamped`.
        what: &'static str,
        /// How often since this was last told of the stream.
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
                    debug!(target: TARGET, carrier_call:%, carrier, what, times; "odd audio of the carrier again");
                } else {
                    warn!(target: TARGET, carrier_call:%, carrier, what, times; "odd audio of the carrier");
                }
            }
        }
    }
}
