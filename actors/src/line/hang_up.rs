//! Who hangs up at the carrier when a call is over, and when: the one place that decides it. Pure.
//!
//! Our close of a stream ends some calls, lets others go on with the carrier's document, and leaves others up, silent and billed
//! ([`OurClose`]). From that, from how the call ended and from whether the carrier takes requests follows what goes before the close,
//! and whether the carrier's word on the end is waited for and asked for in the end. The call does the first, the Supervisor's watchdog
//! the second, the stream waits for both.
#![doc = include_str!("hang_up.md")]

use std::time::Duration;

use crate::carrier::{Capabilities, OurClose};
use crate::ending::Ending;

/// What is done at the carrier about a call that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What goes before our close of the stream.
    pub before_close: BeforeClose,
    /// The carrier has to say that the call is over; one that does not is told over its API.
    pub confirmed: bool,
}

/// What goes before our close of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeforeClose {
    /// Nothing: the close says all.
    Nothing,
    /// The stream is told to hang up.
    InBand,
    /// The carrier is asked over its API, and given a moment to do it: a carrier whose stream goes first leaves the caller on a
    /// silent line.
    Request,
}

/// The plan for a call that ended like `ending` on the stream of a carrier that can do `can`. `takes_requests`: its API can be used.
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
        // Only a carrier with an API can be told anything; one that is asked before the close was told by that.
        (Caller::Gone, _) | (_, OurClose::LeavesCallUp) => false,
        (Caller::OnStream | Caller::OffStream, OurClose::EndsCall | OurClose::DocumentGoesOn | OurClose::IsFault) => {
            takes_requests
        }
    };
    Plan { before_close, confirmed }
}

/// How long a stream whose call is gone without a word waits for whoever hangs up at the carrier; not at all where nobody does.
pub const fn stream_waits(can: &Capabilities) -> Option<Duration> {
    match can.our_close {
        OurClose::LeavesCallUp => Some(LONGEST_REQUEST),
        OurClose::EndsCall | OurClose::DocumentGoesOn | OurClose::IsFault => None,
    }
}

/// Where an ending leaves the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// With nobody, or with somebody else: never to be hung up on.
    Gone,
    /// The stream is gone, and the carrier may still have them on the line.
    OffStream,
    /// On our stream.
    OnStream,
}

const fn where_the_caller_is(ending: Ending) -> Caller {
    match ending {
        // The process that had an interrupted call is gone, and its streams with it.
        Ending::CallerHungUp | Ending::Transferred | Ending::Interrupted => Caller::Gone,
        Ending::LineLost => Caller::OffStream,
        Ending::LineSilent
        | Ending::AgentHungUp
        | Ending::OperatorHungUp
        | Ending::AnsweringMachine
        | Ending::CallerSilent
        | Ending::DurationLimit
        | Ending::SpendLimit
        | Ending::ModelLost
        | Ending::ModelRefused
        | Ending::Drained
        | Ending::Crashed => Caller::OnStream,
    }
}

/// As long as one request may last, and a little.
const LONGEST_REQUEST: Duration = Duration::from_secs(12);

#[cfg(test)]
mod tests;
