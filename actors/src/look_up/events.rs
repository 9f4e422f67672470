//! Log events and counters of look-ups.

use std::time::Duration;

use log::{debug, warn};
use metrics::{counter, histogram};

use crate::events::{Emit, TARGET};
use crate::ids::logged;

/// Something that is logged and counted.
#[derive(Debug)]
pub enum Event<'a> {
    /// A call was looked up before its first word.
    LookedUp {
        /// The agent's name.
        agent: &'a str,
        /// The carrier's id of the call.
        carrier_call: &'a str,
        /// `found`, `known` (asked before), `declined`, `late`, `unreached`, `http_error`,
        /// `bad_answer`.
        result: &'static str,
        /// How long the caller waited for it.
        took: Duration,
        /// Why there is no answer.
        problem: Option<String>,
    },
}

impl Emit for Event<'_> {
    fn emit(self) {
        let Self::LookedUp { agent, carrier_call, result, took, problem } = self;
        counter!("switchboard_lookups_total", "result" => result).increment(1);
        histogram!("switchboard_lookup_seconds").record(took.as_secs_f64());
        let carrier_call = logged(carrier_call);
        match problem {
            Some(problem) => {
                warn!(target: TARGET, agent, carrier_call, result, problem:%; "the look-up gave nothing, and the call goes on without it");
            }
            None => debug!(target: TARGET, agent, carrier_call, result, took:?; "call looked up"),
        }
    }
}
