//! What the CallActor hears: reports from the line, the audio and the model, and orders from outside.

use actix::{Message, MessageResponse};
use serde::Serialize;

use super::transfer::{DialOutcome, TransferRefusal};
use crate::audio::diagnosis::Diagnosis;
use crate::carrier::LineFormats;
use crate::carrier::desk::AnsweredBy;
use crate::ids::StreamId;
use crate::incident::Incidents;
use crate::latency::TurnLatency;
use crate::line::messages::Line;
use crate::money::Usd;
use crate::profile::destinations::Destination;
use crate::realtime::report::{TranscriptionUsage, Usage};

/// Send the caller to a destination of the table, by name. From the admin endpoint; the answer says whether it is under way.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), TransferRefusal>")]
pub struct TransferTo(pub String);

/// The carrier asks how the call goes on: its stream has ended, or a destination that it dialled. What it is answered, it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Next")]
pub struct NextAsked(pub Option<DialOutcome>);

/// Show how the call would go on, should the carrier ask now. Changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Next")]
pub struct ReadNext;

/// How a call goes on.
#[derive(Debug, Clone, PartialEq, Eq, MessageResponse)]
pub enum Next {
    /// Its destination is dialled.
    Dial {
        /// The destination's name.
        name: String,
        /// The destination.
        destination: Box<Destination>,
        /// Why the caller is sent there, for whoever answers; may be empty.
        reason: String,
        /// The code of the language in which whoever answers is spoken to.
        language: String,
    },
    /// The caller waits in a conference for a person who is being called.
    Meet,
    /// The caller comes back to the agent, over another stream.
    Return,
    /// It is over.
    HangUp,
}

/// Show what the person whom a warm transfer calls is told once they answer; `None` when nobody waits for them any more. Changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Option<Briefing>")]
pub struct ReadBriefing;

/// What a person is told before they meet the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Briefing {
    /// The words.
    pub words: String,
    /// The code of the language in which they are said.
    pub language: String,
}

/// The carrier's word on that person. Answered with how they go on: they meet the caller, or hang up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Next")]
pub struct OfPerson(pub PersonNews);

/// What the carrier says of that person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonNews {
    /// They have pressed the key.
    Took,
    /// Their line is down.
    Ended(DialOutcome),
}

/// Somebody, or something, has answered the destination that the carrier dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct DialAnswered;

/// The carrier has found out who answered, while the call is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Detected {
    /// Who.
    pub by: AnsweredBy,
    /// What the model is told where it is a machine; `None` ends the call without a word.
    pub told: Option<&'static str>,
}

/// The carrier was given another stream for the caller, though the first was not over: the call goes on over that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct StreamOffered;

/// The caller is back: another stream of the same carrier call.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct LineReturned {
    /// The new stream's ear.
    pub line: Line,
    /// The carrier's id of it.
    pub stream: StreamId,
    /// Its format.
    pub format: LineFormats,
}

/// End the call. From the admin endpoint, or from the Supervisor when a drain runs out of patience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum HangUp {
    /// An operator asked for it.
    Operator,
    /// The service stops.
    Drain,
    /// Nothing more may be spent: by its caller, on this day, or at all.
    Spent,
}

/// Bring the call to an end: what may be spent is almost spent. From the Supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct WrapUp;

/// Examine the line's audio again, from the admin endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Examine;

/// Record silence, no keys and no words from now on, or everything again; from the admin endpoint. Answers whether the call's sound is recorded at
/// all; its keys and words are withheld either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "bool")]
pub struct PauseRecording(pub bool);

/// Show the call as it is now, for `/calls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "CallSnapshot")]
pub struct Inspect;

/// One call as `/calls` shows it.
#[derive(Debug, Clone, PartialEq, Serialize, MessageResponse)]
pub struct CallSnapshot {
    /// Ours, a UUID.
    pub id: String,
    /// The carrier's name.
    pub carrier: &'static str,
    /// `CallSid` or `ucid`.
    pub carrier_call_id: String,
    /// The carrier's stream.
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
    /// RFC 3339, UTC.
    pub started_at: String,
    /// Since the stream's `start`.
    pub duration_ms: u64,
    /// Caller turns so far.
    pub turns: u64,
    /// Interruptions of the agent so far.
    pub barge_ins: u64,
    /// Frames dropped, both directions.
    pub dropped_frames: u64,
    /// What it has cost so far, US dollars.
    pub cost_usd: Usd,
    /// The experiment whose variant it is, or `control`.
    pub variant: Option<String>,
    /// Only in `GET /calls/{id}`.
    pub detail: CallDetail,
}

/// What `GET /calls/{id}` adds: `latency`, `incidents`, `diagnosis`, `usage`, `answered_by`; grows with the product.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CallDetail {
    /// From the stream's `start` to the first frame sent to the caller.
    pub first_audio_ms: Option<u64>,
    /// From dialling the model to a configured session.
    pub model_setup_ms: Option<u64>,
    /// Tokens so far.
    pub usage: Usage,
    /// What transcription of the caller used so far.
    pub transcription_usage: TranscriptionUsage,
    /// The newest turns, timed part by part.
    pub latency: Vec<TurnLatency>,
    /// What went wrong so far.
    pub incidents: Incidents,
    /// Who has answered, where the carrier found out while the call is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_by: Option<AnsweredBy>,
    /// What the caller's audio is like; absent until it was judged.
    pub diagnosis: Option<Diagnosis>,
}
