//! The events and actions of the sequencer.

use crate::ids::{ResponseId, ToolCallId};
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::requests::{Failure, Unspoken};

/// An event for the sequencer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequencerEvent {
    /// The call wants the model to speak.
    Requested(ResponseRequest),
    /// The model called a tool.
    ToolCalled {
        /// The response that called it.
        response: ResponseId,
        /// The tool call.
        call: ToolCallId,
    },
    /// A tool's result was sent.
    ToolAnswered {
        /// The tool call.
        call: ToolCallId,
        /// Whether the model should speak about the result.
        speak: bool,
    },
    /// The server added a tool's result to the conversation. Responses that begin from now on know
    /// it.
    OutputPlaced(ToolCallId),
    /// The caller began to speak. Pending speech about their last turn is obsolete.
    CallerSpoke,
    /// The caller's last turn was noise and needs no answer.
    TurnWasNoise,
    /// The call stops the running response.
    CancelOrdered,
    /// The call drops every request made until now.
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
        /// The request named in its metadata, if any.
        request: Option<u64>,
        /// The reason of its failure; `None` if it did not fail.
        failure: Option<Failure>,
    },
    /// The server refused a request for a response.
    CreateRefused {
        /// The ticket of the refused request. `None` if the server does not name it; it is then the
        /// outstanding one.
        ticket: Option<u64>,
        /// The reason of the refusal.
        refusal: Refusal,
    },
    /// The server found nothing to cancel.
    CancelRefused,
    /// The deadline has passed.
    DeadlinePassed,
}

/// The reason why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A response is already running. Such a race loses nothing.
    AlreadyActive,
    /// The server could not give a response.
    Failed(Failure),
}

/// An action for the session to carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequencerAction {
    /// Send a `response.create`.
    Create {
        /// The ticket, which goes into the event's id.
        ticket: u64,
        /// The request's number, which goes into the metadata.
        request: u64,
        /// The purpose of the response; `None` repeats the server's own answer.
        purpose: Option<ResponsePurpose>,
        /// Extra instructions of the request.
        instructions: Option<String>,
    },
    /// Send a `response.cancel`.
    Cancel {
        /// The ticket, which goes into the event's id.
        ticket: u64,
        /// The response to cancel; `None` cancels the running one.
        response: Option<ResponseId>,
    },
    /// A request stays without speech.
    Unspoken(Unspoken),
    /// A deadline passed and the sequencer repaired its state. The recovery is counted.
    Recovered(Timer),
}

/// The unfinished work of a sequencer.
#[derive(Debug)]
pub struct Unfinished<'a> {
    /// Requests whose response did not begin, in order.
    pub requests: Vec<ResponseRequest>,
    /// Whether an answer is due that no request names.
    pub answer: bool,
    /// The running response, unless it is being stopped, and its request.
    pub running: Option<(Option<&'a ResponseId>, Option<ResponseRequest>)>,
    /// Whether the running response has called a tool.
    pub called: bool,
}

/// The deadlines of the sequencer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Timer {
    /// The server neither granted nor refused a request for a response.
    CreateUnanswered,
    /// A cancelled response did not end.
    CancelUnanswered,
    /// A request waits behind a response that shows no sign of life.
    ResponseStalled,
    /// Some tools of a response have answered and the others are late.
    SiblingsLate,
    /// The wait before another try is over. This is not a recovery.
    RetryDue,
}

impl Timer {
    /// The name of the timer in counters and in the log.
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
