//! A carrier's questions and notifications, in carrier-independent terms. Pure.

use serde::{Deserialize, Serialize};

use crate::ids::{CarrierCallId, Private};

/// A carrier's question or notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookEvent {
    /// An inbound call: reserve a place and wait for a stream that shows its token.
    Arrives(Arriving),
    /// A call to be connected to a stream that authenticates itself: nothing is reserved.
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
    /// A call that we placed was answered.
    PickedUp {
        /// Our name of the call.
        name: String,
        /// The carrier's id of the call.
        call: CarrierCallId,
        /// Who or what has answered, if the carrier found out.
        answered_by: Option<AnsweredBy>,
    },
    /// The carrier has detected who answered a call, while the call goes on.
    Detected {
        /// The call.
        call: CarrierCallId,
        /// Who or what.
        by: AnsweredBy,
    },
    /// A call notification that was sent to the address for new calls by mistake.
    Misdirected {
        /// The call.
        call: CarrierCallId,
        /// Whether it is over.
        over: bool,
        /// The carrier's word for its state.
        status: String,
    },
    /// A stream has ended: how does the call continue?
    StreamEnded(StreamEnding),
    /// Whom to dial for this call? Nothing changes in it.
    AsksWhom {
        /// The call.
        call: CarrierCallId,
    },
    /// A dialled leg has ended: how does the call continue?
    DialEnded {
        /// The call.
        call: CarrierCallId,
        /// The leg's result; `None` if the caller has hung up.
        outcome: Option<DialOutcome>,
    },
    /// A dialled leg was answered: the whisper is requested.
    Whisper {
        /// The caller's call.
        call: CarrierCallId,
    },
    /// The callee of a dialled leg accepts or declines the call.
    WhisperTaken {
        /// Whether they accept.
        taken: bool,
    },
    /// The callee of a warm transfer has answered: the briefing is requested.
    CalleeAnswered {
        /// The caller's call.
        call: CarrierCallId,
    },
    /// The callee of a warm transfer accepts or declines the call.
    CalleeTaken {
        /// The caller's call.
        call: CarrierCallId,
        /// Whether they accept.
        taken: bool,
    },
    /// The state of their line has changed.
    CalleeStatus {
        /// The caller's call.
        call: CarrierCallId,
        /// The result, once their line has ended.
        outcome: Option<DialOutcome>,
    },
    /// A leg that a call has dialled was answered.
    LegAnswered {
        /// The caller's call.
        call: CarrierCallId,
    },
    /// The state of a call has changed.
    Status(StatusUpdate),
    /// The status of a stream.
    Stream(StreamUpdate),
    /// A notification without effect.
    Nothing,
}

/// An inbound call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arriving {
    /// The carrier's id of the call.
    pub call: CarrierCallId,
    /// The carrier's account, which the stream has to repeat.
    pub account: Option<String>,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number; may be empty.
    pub from: Private<String>,
    /// The dialled number; may be empty.
    pub to: Private<String>,
    /// Further parameters of the URL.
    pub parameters: Vec<(String, String)>,
    /// Whether it was answered already.
    pub in_progress: bool,
    /// Who or what has answered, if the carrier found out.
    pub answered_by: Option<AnsweredBy>,
}

/// A call to be connected to a stream that authenticates itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connecting {
    /// The carrier's id of the call; may be empty.
    pub call: String,
    /// Whether this is the first request of a new call.
    pub is_new: bool,
    /// The carrier's word for the reason of the request.
    pub said: String,
    /// The stream's name in the document.
    pub name: String,
    /// The caller's number, if given.
    pub from: Option<Private<String>>,
    /// The dialled number, if given.
    pub to: Option<Private<String>>,
    /// Parameters of the URL, to be passed on to the stream.
    pub parameters: Vec<(String, String)>,
}

/// A call whose stream has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEnding {
    /// The call.
    pub call: CarrierCallId,
    /// Whether it is over.
    pub over: bool,
    /// Whether a person is on the line.
    pub in_progress: bool,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number; may be empty.
    pub from: Private<String>,
    /// The dialled number; may be empty.
    pub to: Private<String>,
}

/// A changed call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusUpdate {
    /// The call.
    pub call: CarrierCallId,
    /// Our name of it, if we placed it.
    pub announced: Option<String>,
    /// The metric label of an unanswered call.
    pub unanswered: Option<&'static str>,
    /// Whether it is over.
    pub over: bool,
    /// The carrier's word for its state.
    pub status: String,
}

/// The status of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamUpdate {
    /// The call, if it is named.
    pub call: Option<String>,
    /// The stream.
    pub stream: String,
    /// The carrier's word for the event.
    pub event: Option<String>,
    /// Why it failed, if it did.
    pub failed: Option<StreamFailure>,
}

/// Why a stream failed at the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamFailure {
    /// The carrier's code.
    pub code: Option<u32>,
    /// Its meaning for the operator of this service.
    pub meaning: &'static str,
}

/// Who or what answered an outbound call, ours or another dialler's, as the carrier detected it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnsweredBy {
    /// A person.
    Human,
    /// An answering machine.
    Machine,
    /// A fax.
    Fax,
    /// The carrier could not find out.
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

    /// Whether no person listens.
    pub const fn is_machine(self) -> bool {
        matches!(self, Self::Machine | Self::Fax)
    }
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The caller called us.
    Inbound,
    /// We called them.
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

/// The result of a dialled destination, as the carrier reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialOutcome {
    /// The two were joined and have finished.
    Bridged,
    /// It was answered, but the two were never joined: an answering machine, or a callee who
    /// declined.
    NotTaken,
    /// The line was busy.
    Busy,
    /// It rang and was not answered.
    NoAnswer,
    /// The call could not be connected.
    Failed,
}
