//! What a carrier asks or tells, in our own words. Pure.

use serde::{Deserialize, Serialize};

use crate::ids::{CarrierCallId, Private};

/// What a carrier asks or tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A call comes in: a place is taken, and a stream that shows the place's token is awaited.
    Arrives(Arriving),
    /// A call comes in and is to be connected to a stream that vouches for itself: nothing is reserved.
    Connects(Connecting),
    /// Such a call is over, or only its stream.
    ConnectedEnded {
        /// The carrier's id of the call; may be empty.
        call: String,
        /// Whether the carrier asks how the call goes on.
        asks: bool,
        /// The carrier's own word.
        said: String,
    },
    /// Somebody, or something, has answered a call that we began.
    PickedUp {
        /// Our name of the call.
        name: String,
        /// The carrier's.
        call: CarrierCallId,
        /// Who has, where the carrier found out.
        answered_by: Option<AnsweredBy>,
    },
    /// The carrier has found out who answered a call, beside it.
    Detected {
        /// The call.
        call: CarrierCallId,
        /// Who.
        by: AnsweredBy,
    },
    /// News of a call, sent to the address of calls by mistake.
    Misdirected {
        /// The call.
        call: CarrierCallId,
        /// Whether it is over.
        over: bool,
        /// The carrier's word for its state.
        status: String,
    },
    /// A stream has ended: how does the call go on?
    StreamEnded(StreamEnding),
    /// A dialled leg has ended: how does the call go on?
    DialEnded {
        /// The call.
        call: CarrierCallId,
        /// How the leg went; `None` where the caller has hung up and nobody is left to come back.
        outcome: Option<DialOutcome>,
    },
    /// Somebody has answered a dialled leg: what are they told?
    Whisper {
        /// The caller's call.
        call: CarrierCallId,
    },
    /// They take the call, or do not.
    WhisperTaken {
        /// Whether they do.
        taken: bool,
    },
    /// The person whom a warm transfer calls has answered: what are they told?
    PersonAnswered {
        /// The caller's call.
        call: CarrierCallId,
    },
    /// They take the call, or do not.
    PersonTaken {
        /// The caller's call.
        call: CarrierCallId,
        /// Whether they do.
        taken: bool,
    },
    /// Their line has changed its state.
    PersonStatus {
        /// The caller's call.
        call: CarrierCallId,
        /// How it went, once it is down.
        outcome: Option<DialOutcome>,
    },
    /// Somebody has answered a leg that a call has dialled.
    LegAnswered {
        /// The caller's call.
        call: CarrierCallId,
    },
    /// A call has changed its state.
    Status(StatusNews),
    /// News of a stream.
    Stream(StreamNews),
    /// What changes nothing.
    Nothing,
}

/// A call that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arriving {
    /// The carrier's id of the call.
    pub call: CarrierCallId,
    /// The carrier's account, which the stream has to name again.
    pub account: Option<String>,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number; may be empty.
    pub from: Private<String>,
    /// The dialled number; may be empty.
    pub to: Private<String>,
    /// What else the URL said.
    pub parameters: Vec<(String, String)>,
    /// Whether somebody has answered it already.
    pub in_progress: bool,
    /// Who has, where the carrier found out.
    pub answered_by: Option<AnsweredBy>,
}

/// A call that is to be connected to a stream that vouches for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connecting {
    /// The carrier's id of the call; may be empty.
    pub call: String,
    /// Whether the request is that of a new call.
    pub is_new: bool,
    /// The carrier's word of why it asks.
    pub said: String,
    /// What the document calls the stream.
    pub name: String,
    /// The caller's number, where it is told.
    pub from: Option<Private<String>>,
    /// The dialled number, where it is told.
    pub to: Option<Private<String>>,
    /// What the URL said, for the stream to bring along.
    pub parameters: Vec<(String, String)>,
}

/// A call whose stream has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEnding {
    /// The call.
    pub call: CarrierCallId,
    /// Whether it is over.
    pub over: bool,
    /// Whether somebody is on the line.
    pub in_progress: bool,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number; may be empty.
    pub from: Private<String>,
    /// The dialled number; may be empty.
    pub to: Private<String>,
}

/// A call that has changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusNews {
    /// The call.
    pub call: CarrierCallId,
    /// Our name of it, where we have begun it.
    pub announced: Option<String>,
    /// The label of a call that nobody has answered.
    pub unanswered: Option<&'static str>,
    /// Whether it is over.
    pub over: bool,
    /// The carrier's word for its state.
    pub status: String,
}

/// News of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamNews {
    /// The call, where it is named.
    pub call: Option<String>,
    /// The stream.
    pub stream: String,
    /// The carrier's word for what happened.
    pub event: Option<String>,
    /// Why it failed, if it did.
    pub failed: Option<StreamFailure>,
}

/// Why a stream failed at the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamFailure {
    /// The carrier's code.
    pub code: Option<u32>,
    /// What it means to whoever runs this service.
    pub meaning: &'static str,
}

/// Who has answered a call that a machine has begun, ours or a dialler's, as the carrier found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// A person.
    Human,
    /// An answering machine.
    Machine,
    /// A fax.
    Fax,
    /// The carrier could not tell.
    Unknown,
}

impl AnsweredBy {
    /// The word in records, events and `/calls/{id}`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Machine => "machine",
            Self::Fax => "fax",
            Self::Unknown => "unknown",
        }
    }

    /// Whether nobody listens.
    pub const fn is_machine(self) -> bool {
        matches!(self, Self::Machine | Self::Fax)
    }
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The person called us.
    Inbound,
    /// We called the person.
    Outbound,
}

impl Direction {
    /// The word in records.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// How the carrier says that a dialled destination went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialOutcome {
    /// The two were joined, and have finished.
    Bridged,
    /// Somebody, or something, answered and the two were never joined: an answering machine, or a person who did not take the call.
    NotTaken,
    /// The line was busy.
    Busy,
    /// It rang and nobody came.
    NoAnswer,
    /// The call could not be put through.
    Failed,
}
