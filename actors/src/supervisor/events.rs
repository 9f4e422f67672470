//! Log events and counters of calls that are admitted, missed or refused, and of spending.

use std::cell::RefCell;
use std::collections::HashMap;

use log::{error, info, warn};
use metrics::{counter, gauge};

use crate::clock;
use crate::events::{Emit, Known, TARGET};
use crate::ids::{CallTag, logged};
use crate::rate::LineLimit;

/// Something that is logged and counted.
#[derive(Debug)]
pub enum Event<'a> {
    /// A webhook, a socket or a stream was refused.
    CallRefused {
        /// One word: `full`, `draining`, `bad_token`, `bad_signature`, …
        reason: &'static str,
        /// The carrier's id of the call, if a message has named it. Outside input.
        carrier_call: Option<&'a str>,
    },
    /// An announced call's stream did not come in time. Its place is free again.
    StreamMissed {
        /// The call.
        call: &'a CallTag,
    },
    /// The carrier did not confirm in time that a call is over, and was asked over its API to end
    /// it.
    HangUpForced {
        /// Its carrier's name.
        carrier: &'static str,
        /// The carrier's id of the call.
        call: &'a str,
        /// `done`; `gone` if it was over already; `failed` if it is tried again; `given_up`.
        result: &'static str,
        /// Why it failed; empty if it did not.
        reason: &'a str,
    },
    /// A call that we placed was not answered, or not by a callee that the agent speaks to.
    OutboundEnded {
        /// The call.
        call: &'a CallTag,
        /// The carrier's word: `busy`, `no-answer`, `failed`, `canceled`. `machine` for an
        /// answering machine that was hung up on; `refused`.
        status: &'static str,
    },
    /// Today's spending has changed.
    DaySpent {
        /// US dollars.
        dollars: f64,
    },
    /// A spending limit was reached.
    SpendLimitReached {
        /// `caller_soft`, `caller_hard`, `day_soft`, `day_hard`.
        limit: &'static str,
        /// How many calls it was reported to.
        calls: usize,
    },
    /// The kill switch changed.
    SpendKilled {
        /// `true`: no call is taken from now on. `false`: calls are taken again.
        on: bool,
    },
    /// The store of spending cannot be read or written.
    SpendStoreFailed {
        /// Why.
        problem: &'a str,
    },
}

impl Emit for Event<'_> {
    fn emit(self) {
        match self {
            Self::CallRefused { reason, carrier_call } => {
                counter!("switchboard_calls_refused_total", "reason" => reason).increment(1);
                if let Some(withheld) = may_write(reason) {
                    if withheld > 0 {
                        warn!(target: TARGET, reason, times = withheld; "calls refused without a line of their own");
                    }
                    warn!(target: TARGET, carrier_call:% = Known(carrier_call.map(logged)), reason; "call refused");
                }
            }
            Self::StreamMissed { call } => {
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(); "the stream of an announced call did not come");
            }
            Self::HangUpForced { carrier, call, result, reason } => {
                counter!("switchboard_hangups_forced_total", "result" => result).increment(1);
                warn!(target: TARGET, carrier, carrier_call:% = logged(call), result, reason; "the carrier did not confirm the end of a call and was asked to hang up");
            }
            Self::OutboundEnded { call, status } => {
                counter!("switchboard_outbound_unanswered_total", "status" => status).increment(1);
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), status; "outbound call not answered");
            }
            Self::DaySpent { dollars } => gauge!("switchboard_spend_day_usd").set(dollars),
            Self::SpendLimitReached { limit, calls } => {
                counter!("switchboard_spend_limits_total", "limit" => limit).increment(1);
                warn!(target: TARGET, limit, calls; "spend limit reached");
            }
            Self::SpendKilled { on } => {
                gauge!("switchboard_spend_killed").set(if on { 1.0 } else { 0.0 });
                warn!(target: TARGET, on; "spend kill switch set");
            }
            Self::SpendStoreFailed { problem } => {
                error!(target: TARGET, problem; "the spending is not saved");
            }
        }
    }
}

/// Whether a refusal may be logged, and how many were not before it: anybody can be refused, as
/// often as they like.
fn may_write(reason: &'static str) -> Option<u64> {
    REFUSED.with_borrow_mut(|refused| refused.entry(reason).or_default().take(clock::now()))
}

thread_local! {
    /// The refusals that this thread logged, by reason.
    static REFUSED: RefCell<HashMap<&'static str, LineLimit>> = RefCell::default();
}
