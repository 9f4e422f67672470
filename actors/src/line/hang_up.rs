//! Decides who hangs up at the carrier when a call is over, and when. This is the only place that
//! decides it. Pure.
//!
//! Closing our end of a stream ends some carriers' calls, lets others continue with the carrier's
//! document, and leaves others up, silent and billed ([`OurClose`]). That capability, the ending of
//! the call, and whether the carrier's API is available determine two things: what happens before
//! the close, and whether the carrier has to confirm the end and is asked for it if it does not.
//! The call does the first, the Supervisor's watchdog the second, and the stream waits for both.
#![doc = include_str!("hang_up.md")]

use std::time::Duration;

use crate::carrier::{Capabilities, OurClose};
use crate::ending::Ending;

/// How a call that is over is ended at the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What happens before we close the stream.
    pub before_close: BeforeClose,
    /// Whether the carrier has to confirm that the call is over. If it does not, it is asked to
    /// hang up over its API.
    pub confirmed: bool,
}

/// What happens before we close a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeforeClose {
    /// Nothing: the close is enough.
    Nothing,
    /// A hang-up command is sent on the stream.
    InBand,
    /// The carrier is asked over its API and gets a moment to hang up. If the stream were closed
    /// first, this carrier would leave the caller on a silent line.
    Request,
}

/// The plan for a call with this ending, on the stream of a carrier with capabilities `can`.
/// `takes_requests`: the carrier's API is available.
pub const fn plan(ending: Ending, can: &Capabilities, takes_requests: bool) -> Plan {
    let before_close = match (where_the_caller_is(ending), can.our_close) {
        (Caller::Gone | Caller::OffStream, _) => BeforeClose::Nothing,
        (Caller::OnStream, OurClose::LeavesCallUp) if takes_requests => BeforeClose::Request,
        (Caller::OnStream, OurClose::IsFault) => BeforeClose::InBand,
        (Caller::OnStream, OurClose::EndsCall | OurClose::DocumentGoesOn | OurClose::LeavesCallUp) => {
            BeforeClose::Nothing
        }
    };
    let confirmed = match (where_the_caller_is(ending), can.our_close) {
        // A carrier that is asked before the close has its request already.
        (Caller::Gone, _) | (Caller::OnStream, OurClose::LeavesCallUp) => false,
        // A lost stream looks the same whether the call has ended with it or is still up. A carrier
        // that leaves calls up has to confirm the end, like the others.
        (Caller::OffStream, _)
        | (Caller::OnStream, OurClose::EndsCall | OurClose::DocumentGoesOn | OurClose::IsFault) => takes_requests,
    };
    Plan { before_close, confirmed }
}

/// How long a stream whose call is gone without a close waits for one. The call's last order may
/// still be in the stream's mailbox. Where the carrier is asked to hang up first, that request gets
/// its time.
pub const fn stream_waits(can: &Capabilities) -> Duration {
    match can.our_close {
        OurClose::LeavesCallUp => LONGEST_REQUEST,
        OurClose::EndsCall | OurClose::DocumentGoesOn | OurClose::IsFault => LAST_ORDER,
    }
}

/// Where an ending leaves the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// Off the line, or with another person: never hang up on them.
    Gone,
    /// The stream is gone, and the carrier may still have the caller on the line.
    OffStream,
    /// On our stream.
    OnStream,
}

const fn where_the_caller_is(ending: Ending) -> Caller {
    match ending {
        // The process of an interrupted call is gone, and its streams with it.
        Ending::CallerHungUp | Ending::Transferred | Ending::Interrupted => Caller::Gone,
        Ending::LineLost => Caller::OffStream,
        Ending::LineSilent
        | Ending::AgentHungUp
        | Ending::OperatorHungUp
        | Ending::AnsweringMachine
        | Ending::Declined
        | Ending::CallerSilent
        | Ending::DurationLimit
        | Ending::SpendLimit
        | Ending::ModelLost
        | Ending::ModelRefused
        | Ending::Drained
        | Ending::Crashed => Caller::OnStream,
    }
}

/// The longest that an order may lie in the mailbox of a stream whose thread is held up.
const LAST_ORDER: Duration = Duration::from_secs(1);

/// The longest that one request may take, with a margin.
const LONGEST_REQUEST: Duration = Duration::from_secs(12);

#[cfg(test)]
mod tests;
