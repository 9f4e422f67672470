//! What the sequencer hears and says.

use crate::ids::{ResponseId, ToolCallId};
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::requests::{Failure, Unspoken};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequencerEvent {
    /// The call wants the model to speak.
    Requested(ResponseRequest),
    /// The model called a tool.
    ToolCalled {
        /// In this response.
        response: ResponseId,
        /// The call.
        call: ToolCallId,
    },
    /// A tool's result was sent.
    ToolAnswered {
        /// The call.
        call: ToolCallId,
        /// Whether the model should speak on it.
        speak: bool,
    },
    /// The server has put a tool's result into the conversation: responses that begin from now on know it.
    OutputPlaced(ToolCallId),
    /// The caller began to speak: what is still to be said on their last turn is overtaken.
    CallerSpoke,
    /// The caller's last turn was noise: nothing is to be said on it.
    TurnWasNoise,
    /// The call wants the running response stopped.
    CancelOrdered,
    /// The call wants nothing said of what was asked for until now.
    Overtaken,
    /// A response began.
    Created {
        /// The response.
        response: ResponseId,
        /// The request named in its metadata, if it is ours and the server echoes metadata.
        request: Option<u64>,
    },
    /// A response ended.
    Done {
        /// The response.
        response: ResponseId,
        /// The request named in its metadata.
        request: Option<u64>,
        /// Why it failed, if it failed.
        failure: Option<Failure>,
    },
    /// The server refused a request for a response.
    CreateRefused {
        /// Which; absent where the server does not say, then the one that is outstanding.
        ticket: Option<u64>,
        /// Why.
        refusal: Refusal,
    },
    /// The server found nothing to cancel.
    CancelRefused,
    /// The deadline has passed.
    DeadlinePassed,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A response is running already: a race that loses nothing.
    AlreadyActive,
    /// The response could not be had.
    Failed(Failure),
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequencerAction {
    /// Send a `response.create`.
    Create {
        /// Goes into the event's id.
        ticket: u64,
        /// Goes into the metadata.
        request: u64,
        /// What it is for; `None` repeats the server's own answer.
        purpose: Option<ResponsePurpose>,
        /// Extra instructions of the request.
        instructions: Option<String>,
    },
    /// Send a `response.cancel`.
    Cancel {
        /// Goes into the event's id.
        ticket: u64,
        /// Which; `None` is whatever runs.
        response: Option<ResponseId>,
    },
    /// A request is not spoken.
    Unspoken(Unspoken),
    /// A deadline passed and the state was mended; counted.
    Recovered(Timer),
}

/// What a sequencer leaves undone.
#[derive(Debug)]
pub struct Unfinished<'a> {
    /// Requests whose response did not begin, in order.
    pub requests: Vec<ResponseRequest>,
    /// An answer is due that nobody asked for by name.
    pub answer: bool,
    /// The response that runs and is not to be stopped, and its request.
    pub running: Option<(Option<&'a ResponseId>, Option<ResponseRequest>)>,
    /// It has called a tool.
    pub called: bool,
}

/// The deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// A request for a response was neither granted nor refused.
    CreateUnanswered,
    /// A cancelled response did not end.
    CancelUnanswered,
    /// A request waits behind a response that gives no sign of life.
    ResponseStalled,
    /// Some tools of a response have answered, the others are late.
    SiblingsLate,
    /// The wait before another try is over. Not a recovery.
    RetryDue,
}

impl Timer {
    /// The word in counters and in the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::CreateUnanswered => "create_unanswered",
            Self::CancelUnanswered => "cancel_unanswered",
            Self::ResponseStalled => "response_stalled",
            Self::SiblingsLate => "siblings_late",
            Self::RetryDue => "retry_due",
        }
    }
}
