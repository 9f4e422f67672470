//! The messages of the CallActor: reports from the line, the audio and the model, and orders from
//! outside.

use std::sync::{Arc, Mutex, PoisonError};

use actix::{Message, MessageResponse, Recipient};
use bytes::Bytes;
use serde::Serialize;

use super::steps::Steer;
use super::transfer::{DialOutcome, TransferRefusal};
use crate::audio::diagnosis::Diagnosis;
use crate::audio::messages::FromPerson;
use crate::audio::tap::Tap;
use crate::carrier::LineFormats;
use crate::carrier::webhook_api::AnsweredBy;
use crate::ids::{CarrierCallId, StreamId};
use crate::incident::Incidents;
use crate::latency::TurnLatency;
use crate::line::messages::Line;
use crate::money::Usd;
use crate::profile::destinations::Destination;
use crate::realtime::report::{TranscriptionUsage, Usage};

/// Transfers the caller to a destination of the table, by name. From the admin endpoint; the answer
/// says whether the transfer is under way.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), TransferRefusal>")]
pub struct TransferTo(pub String);

/// An operator steers the call. From the admin endpoint; the answer says whether it is done.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), SteerRefusal>")]
pub struct SteerCall(pub Steer);

/// Lets somebody listen to the call. From the admin endpoint; the answer says whether they do. The
/// sound ends with the call.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<(), SteerRefusal>")]
pub struct ListenIn(pub Tap);

/// A person takes the call over; the answer is where their sound goes. From the admin endpoint.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Microphone, SteerRefusal>")]
pub struct TakeOver {
    /// What the person hears.
    pub tap: Tap,
    /// The name of their token.
    pub by: String,
}

/// Where the sound of a person goes who has taken a call over. It stays the same when the caller
/// comes back on another stream.
#[derive(Debug, Clone, Default)]
pub struct Microphone(Arc<Mutex<Option<Recipient<FromPerson>>>>);

impl Microphone {
    /// Sends sound to the caller: mu-law at 8 kHz. Returns `false` if there is no room for it, or no
    /// line.
    pub fn speak(&self, mulaw: Bytes) -> bool {
        let to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        to.as_ref().is_some_and(|to| to.try_send(FromPerson(mulaw)).is_ok())
    }

    /// The sound goes to `to` from now on.
    pub(in crate::call) fn leads(&self, to: Option<Recipient<FromPerson>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }
}

/// Why an operator cannot steer the agent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SteerRefusal {
    /// The call is not in a state in which it is possible.
    #[error("the call is {state}; try again once the caller and the agent talk")]
    WrongState {
        /// Its state.
        state: &'static str,
    },
    /// The legal notice is heard to its end first.
    #[error("the legal notice is not over yet; try again after it")]
    NoticePlays,
    /// No model is left to speak.
    #[error("the model of this call is gone")]
    NoModel,
    /// A person talks with the caller.
    #[error("a person has taken this call over; try again once it is given back")]
    TakenOver,
    /// Too many people listen in already.
    #[error("too many listen to this call already")]
    Crowded,
}

/// The carrier asks how the call continues, because its stream or a dialled leg has ended. The
/// carrier carries out the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Next")]
pub struct NextAsked;

/// Returns how the call would continue if the carrier asked now. Changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Next")]
pub struct ReadNext;

/// How a call continues.
#[derive(Debug, Clone, PartialEq, Eq, MessageResponse)]
pub enum Next {
    /// The carrier dials the destination.
    Dial {
        /// The destination's name.
        name: String,
        /// The destination.
        destination: Box<Destination>,
        /// The reason, announced to the callee; may be empty.
        reason: String,
        /// The code of the language of announcements to the callee.
        language: String,
    },
    /// The caller waits in a conference for a callee who is being called.
    Meet,
    /// The caller returns to the agent, over another stream.
    Return,
    /// The call is over.
    HangUp,
}

/// Returns the announcement to the callee of a warm transfer; `None` if the caller no longer waits
/// for them. Changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Option<Briefing>")]
pub struct ReadBriefing;

/// The announcement to a callee before they meet the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Briefing {
    /// The text.
    pub words: String,
    /// The code of its language.
    pub language: String,
}

/// The callee of a warm transfer has pressed the key. The answer says how their call continues:
/// they meet the caller, or are hung up on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Next")]
pub struct CalleeAccepted;

/// The carrier's answer to the call of a warm transfer's callee: its name there, or why there is
/// none. The call sends it to itself.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub(in crate::call) struct CalleeCalled(pub(in crate::call) Result<CarrierCallId, String>);

/// The line of a warm transfer's callee has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct CalleeEnded(pub DialOutcome);

/// The dialled destination was answered, by a person or a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct DialAnswered;

/// The dialled leg has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct DialEnded(pub DialOutcome);

/// The carrier has detected who answered, during the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Detected {
    /// Who answered.
    pub by: AnsweredBy,
    /// The model's instructions if it is a machine; `None` ends the call without a word.
    pub note: Option<&'static str>,
}

/// The carrier has the document of another stream for the caller, before the end of the first: the
/// call continues on that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct StreamOffered;

/// The caller is back: another stream of the same carrier call.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LineReturned {
    /// The address of the new stream.
    pub line: Line,
    /// The carrier's id of the new stream.
    pub stream: StreamId,
    /// The format of the new stream.
    pub format: LineFormats,
}

/// Ends the call. From the admin endpoint, or from the Supervisor when a drain's time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum HangUp {
    /// An operator requested it.
    Operator,
    /// The service is stopping.
    Drain,
    /// A spending limit is reached: of the caller, of the day, or the kill switch.
    Spent,
}

/// Asks the agent to wrap up: a spending limit is almost reached. From the Supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct WrapUp;

/// Examines the line's audio again. From the admin endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Examine;

/// Pauses or resumes recording: of sound, keys and words. From the admin endpoint. The answer says
/// whether the call's sound is recorded at all; keys and words are withheld either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "bool")]
pub struct PauseRecording(pub bool);

/// Returns a snapshot of the call, for `/calls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "CallSnapshot")]
pub struct Inspect;

/// One call as `/calls` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, MessageResponse)]
pub struct CallSnapshot {
    /// Our id of the call, a UUID.
    pub id: String,
    /// The carrier's name.
    pub carrier: &'static str,
    /// The carrier's id of the call: `CallSid` or `ucid`.
    pub carrier_call_id: String,
    /// The carrier's id of the stream.
    pub stream_id: String,
    /// `inbound` or `outbound`.
    pub direction: &'static str,
    /// The caller's number.
    pub from: String,
    /// The dialled number.
    pub to: String,
    /// The agent's name in the configuration.
    pub agent: String,
    /// The language's code.
    pub language: String,
    /// The model's name.
    pub model: String,
    /// The state's name.
    pub state: &'static str,
    /// The start, in RFC 3339, UTC.
    pub started_at: String,
    /// The time since the stream's `start`.
    pub duration_ms: u64,
    /// The caller's turns so far.
    pub turns: u64,
    /// Interruptions of the agent so far.
    pub barge_ins: u64,
    /// Dropped frames so far, of both directions.
    pub dropped_frames: u64,
    /// The cost so far, in US dollars.
    pub cost_usd: Usd,
    /// The variant of the experiment, or `control`.
    pub variant: Option<String>,
    /// The version of the configuration that the call began with.
    pub configuration: Arc<str>,
    /// How long the caller waited for the newest answer that was heard.
    pub answer_ms: Option<u64>,
    /// Only in `GET /calls/{id}`.
    pub detail: CallDetail,
}

/// The further fields of `GET /calls/{id}`. The list grows with the product.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CallDetail {
    /// From the stream's `start` to the first frame sent to the caller.
    pub first_audio_ms: Option<u64>,
    /// From dialling the model to a configured session.
    pub model_setup_ms: Option<u64>,
    /// Tokens so far.
    pub usage: Usage,
    /// The usage of the caller's transcription so far.
    pub transcription_usage: TranscriptionUsage,
    /// The newest turns, with the parts of their latency.
    pub latency: Vec<TurnLatency>,
    /// The incidents so far.
    pub incidents: Incidents,
    /// Who answered, if the carrier detected it during the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
    /// The findings about the caller's audio; absent until it was examined.
    pub diagnosis: Option<Diagnosis>,
}
