//! What the CallActor hears: reports from the line, the audio and the model, and orders from outside.

use std::time::Duration;

use actix::{Message, MessageResponse, Recipient};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::meter::Usd;
use super::transfer::{Destination, DialOutcome, TransferRefusal};
use super::watch::Watcher;
use crate::audio::diagnosis::Diagnosis;
use crate::audio::messages::{FromCaller, ItemPlayout, MarkEchoed, ToLine};
use crate::ids::{ItemId, Private, ResponseId, StreamId, ToolCallId};
use crate::incident::{Incident, IncidentKind, Incidents};
use crate::realtime::messages::WishPurpose;
use crate::wire::AudioFormat;

/// The media-stream actor's ear, as the CallActor needs it.
#[derive(Debug, Clone)]
pub struct Line {
    /// Commands for the carrier.
    pub to_line: Recipient<ToLine>,
    /// Where the stream is told whom to feed.
    pub attach: Recipient<LineAttached>,
}

/// The stream's new neighbours; the media-stream actor hears it once, after admission, and flushes what it held.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct LineAttached {
    /// Where the caller's frames go.
    pub frames: Recipient<FromCaller>,
    /// Where mark echoes go.
    pub marks: Recipient<MarkEchoed>,
    /// Where everything else goes.
    pub reports: Recipient<LineReport>,
}

/// What the line tells the call, apart from audio.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum LineReport {
    /// The caller pressed a key.
    KeyPressed(char),
    /// The carrier asks that what the caller said and nobody has answered yet be forgotten.
    InputDiscarded,
    /// The carrier said that the stream is over.
    Stopped,
    /// The carrier has closed the socket in order, without a word on the stream: it is done with it. [`LineReport::Closed`]
    /// follows.
    Left,
    /// The socket is gone, with or without a close frame; after this nothing comes any more.
    Closed,
    /// Something, audio or anything else, came from the carrier since the last of these; at most one a second. What a line that
    /// has gone silent does not say.
    Alive,
    /// A message that could not be read was ignored.
    Garbled,
    /// So many caller frames were dropped because the pipeline's mailbox was full.
    FramesDropped(u64),
    /// Something went wrong on the line, for the record; operators have been told.
    Incident(Incident),
    /// The carrier says, beside the stream, that the call itself is over.
    CallOver,
}

/// What the AudioPipeline tells the call.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum AudioReport {
    /// The first frame of this item was sent to the carrier.
    PlayoutStarted {
        /// Its response.
        response: ResponseId,
        /// The item.
        item: ItemId,
    },
    /// The first 20 ms of this item were heard: what the caller calls the answer. Once an item.
    FirstHeard {
        /// Its response.
        response: ResponseId,
        /// The item.
        item: ItemId,
        /// From sending its first frame until now; what waited at the carrier before it is in it.
        after_sent: Duration,
    },
    /// Everything of this item was heard.
    ItemHeard(ItemPlayout),
    /// Nothing is queued and everything sent was heard: the agent is silent.
    PlayoutDrained,
    /// The answer at once to [`crate::audio::messages::AudioOrder::TellWhenDrained`].
    Queued {
        /// How long what is queued or sent and was not yet heard will play; for a paused playout, from when it goes on.
        remaining: Duration,
    },
    /// The answer to the end of a [`crate::audio::messages::AudioOrder::CallerTurn`]; none if the caller was never heard.
    LastVoice {
        /// How long ago the last of the caller's frames arrived that had the energy of speech.
        ago: Duration,
    },
    /// The answer to [`crate::audio::messages::AudioOrder::ClearPlayout`]: every item that was not yet heard whole, in playing order.
    Interrupted(Vec<ItemPlayout>),
    /// The playout queue reached its bound: the model said more than a call may hold; what came after was dropped.
    PlayoutOverflowed {
        /// The item that was cut.
        item: ItemId,
    },
    /// So many caller frames were dropped on the way to the model.
    FramesDropped(u64),
    /// What the caller's audio is like: once voice was judged, then again from time to time with the packets' numbers.
    Diagnosed(Box<Diagnosis>),
}

/// What the RealtimeLlm tells the call.
#[derive(Debug, Clone, PartialEq, Message)]
#[rtype(result = "()")]
pub enum ModelReport {
    /// The session is configured; caller audio flows.
    Ready {
        /// The server's id of the session.
        session: String,
        /// From dialling to `session.updated`.
        setup: Duration,
    },
    /// Another model than before answers from here on: the one of a fallback, or the first again.
    Serves {
        /// Its name.
        model: String,
    },
    /// The server heard the caller begin to speak.
    SpeechStarted {
        /// The future user item.
        item: ItemId,
    },
    /// The server heard the caller's turn end.
    SpeechStopped {
        /// The user item.
        item: ItemId,
    },
    /// A response began, ours or the server's own.
    ResponseStarted {
        /// The response.
        response: ResponseId,
    },
    /// A response ended: completed, cancelled, failed or incomplete.
    ResponseFinished {
        /// The response.
        response: ResponseId,
        /// How.
        outcome: ResponseOutcome,
        /// What it cost.
        usage: Option<Usage>,
    },
    /// A response is about to be told as ended, and the caller hears nothing of it although something was owed to them.
    AnswerMissed {
        /// The response.
        response: ResponseId,
        /// What is the matter with it.
        kind: IncidentKind,
        /// Whether it is asked for again. It may also wait for another session: then [`Self::Muted`] follows.
        again: bool,
    },
    /// What was asked for again turned out to be no answer that anybody waits for: the caller's turn was noise.
    NothingOwed,
    /// The session does not speak, however often it is asked. Whatever takes its place is asked for what it owes.
    Muted {
        /// What it was to say; `None` is the server's own answer to the caller.
        purpose: Option<WishPurpose>,
        /// In a word.
        reason: String,
    },
    /// The first audio of a response came; reported once per response, and not for one without audio.
    FirstAudio {
        /// The response.
        response: ResponseId,
    },
    /// What the caller says, as transcription gives it: that there are words at all, and which. Pieces come while the caller
    /// speaks or after, where the server sends them; the last one comes for every turn that is transcribed.
    CallerWords {
        /// The user item.
        item: ItemId,
        /// A piece, never empty; or, when it is the last one, everything. Empty when nothing was understood.
        text: Private<String>,
        /// Nothing follows for this item.
        last: bool,
    },
    /// Transcription of a turn of the caller failed: no words of it will come.
    WordsFailed {
        /// The user item.
        item: ItemId,
    },
    /// Transcription of a turn of the caller was charged for.
    TranscriptionUsed(TranscriptionUsage),
    /// The model calls a tool; reported once per `call`.
    ToolCalled(ToolCall),
    /// The model was asked to speak, retries included, and will not: the caller is owed something else to hear.
    WishGivenUp {
        /// What it was for; `None` is the server's own answer to what the caller said.
        purpose: Option<WishPurpose>,
        /// The server's code, or ours.
        reason: String,
    },
    /// Something went wrong on the model's side, for the record; operators have been told.
    Incident(Incident),
    /// A non-fatal error of the server, for the log and the counters.
    Complained {
        /// `error.code`, or `error.type` where there is none.
        code: String,
        /// What was said.
        message: String,
    },
    /// The session is gone, and another one is being opened. What was being said stays as it is until that is there.
    Faltered(ModelLoss),
    /// Another session has taken the place of the one before, knows what was said and heard, and says what is owed.
    Resumed {
        /// The server's id of the session.
        session: String,
        /// How long there was no session; zero for one that was replaced in time.
        gap: Duration,
        /// Whether it was asked to speak.
        answering: bool,
    },
    /// The session will expire, and a fresh one stands beside it: at the next quiet moment, [`ModelOrder::Rotate`].
    ///
    /// [`ModelOrder::Rotate`]: crate::realtime::messages::ModelOrder::Rotate
    Renewable,
    /// The session is gone or never came up, and no other one is to be had.
    Lost(ModelLoss),
}

/// How a response ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseOutcome {
    /// Said to its end.
    Completed,
    /// Cancelled by the caller's speech or by us.
    Cancelled,
    /// Cut by a limit or a filter; the reason as it came.
    Incomplete(String),
    /// The server could not; the code as it came.
    Failed(String),
}

/// A function call of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The response it came in.
    pub response: ResponseId,
    /// Its id: a tool runs at most once for each.
    pub id: ToolCallId,
    /// The tool's name. Outside input.
    pub name: String,
    /// The arguments as the model wrote them: JSON by promise only. Outside input.
    pub arguments: String,
}

/// Why the model is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelLoss {
    /// Whether another try could help.
    pub class: LossClass,
    /// The server's words, or the network's.
    pub reason: String,
}

/// Whether another try could help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LossClass {
    /// Network or server trouble, a dropped socket: dial again.
    Retryable,
    /// The session's time is over (60 minutes): a new one.
    Expired,
    /// Key, model, quota, configuration: trying again is no use and may cost.
    Fatal,
}

impl LossClass {
    /// The word in logs and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retryable => "retryable",
            Self::Expired => "expired",
            Self::Fatal => "fatal",
        }
    }
}

/// Tokens of one response, as the server counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Text tokens in, cached ones included.
    pub input_text: u64,
    /// Audio tokens in, cached ones included.
    pub input_audio: u64,
    /// Of the text tokens in, those from the cache.
    pub cached_text: u64,
    /// Of the audio tokens in, those from the cache.
    pub cached_audio: u64,
    /// Image tokens in, cached ones included.
    pub input_image: u64,
    /// Of the image tokens in, those from the cache.
    pub cached_image: u64,
    /// Text tokens out.
    pub output_text: u64,
    /// Audio tokens out.
    pub output_audio: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input_text += other.input_text;
        self.input_audio += other.input_audio;
        self.cached_text += other.cached_text;
        self.cached_audio += other.cached_audio;
        self.input_image += other.input_image;
        self.cached_image += other.cached_image;
        self.output_text += other.output_text;
        self.output_audio += other.output_audio;
    }
}

/// What transcription of the caller used, as the server counted it: some models are charged by the minute, some by the token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptionUsage {
    /// Audio transcribed by models that are charged by time.
    pub audio_ms: u64,
    /// Text tokens in.
    pub input_text: u64,
    /// Audio tokens in.
    pub input_audio: u64,
    /// Tokens out.
    pub output_text: u64,
}

impl std::ops::AddAssign for TranscriptionUsage {
    fn add_assign(&mut self, other: Self) {
        self.audio_ms += other.audio_ms;
        self.input_text += other.input_text;
        self.input_audio += other.input_audio;
        self.output_text += other.output_text;
    }
}

/// How long the answer to one turn of the caller took, part by part. The parts follow one another; one that is absent was not
/// observed, or never came because the caller went on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLatency {
    /// Which turn, from 1.
    pub turn: u64,
    /// From the caller's last frame of speech until the model told the end of the turn.
    pub end_of_speech_ms: Option<u64>,
    /// From there to the first audio of the answer.
    pub first_delta_ms: Option<u64>,
    /// From there to the first frame sent to the carrier.
    pub first_sent_ms: Option<u64>,
    /// From there until the first frame was heard.
    pub first_heard_ms: Option<u64>,
    /// All of it: from the caller's last frame of speech until the answer was heard. A filler of ours is no answer.
    pub total_ms: Option<u64>,
    /// From the caller's last frame of speech until a filler of ours was sent to them, where one was.
    #[serde(default)]
    pub filler_ms: Option<u64>,
}

impl TurnLatency {
    /// How long the caller waited for the answer, as far as it was observed.
    pub fn waited(&self) -> Duration {
        let parts = [self.end_of_speech_ms, self.first_delta_ms, self.first_sent_ms, self.first_heard_ms];
        Duration::from_millis(self.total_ms.unwrap_or_else(|| parts.into_iter().flatten().sum()))
    }
}

/// Send the caller to a destination of the table, by name. From the admin endpoint; the answer says whether it is under way.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "Result<(), TransferRefusal>")]
pub struct TransferTo(pub String);

/// The carrier asks how the call goes on: its stream has ended, or a destination that it dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Next")]
pub struct WhatNext(pub Option<DialOutcome>);

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
        /// The code of the language that the call is held in.
        language: String,
    },
    /// The caller waits in a conference for a person who is being called.
    Meet,
    /// The caller comes back to the agent, over another stream.
    Return,
    /// It is over.
    HangUp,
}

/// The carrier's word on the person whom a warm transfer calls. Answered with what they are told (the briefing, or nothing more), or with
/// `None` when nobody waits for them any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Option<String>")]
pub struct OfPerson(pub PersonNews);

/// What the carrier says of that person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonNews {
    /// They, or a machine of theirs, have answered.
    Answered,
    /// They have pressed the key.
    Took,
    /// Their line is down.
    Ended(DialOutcome),
}

/// Somebody, or something, has answered the destination that the carrier dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct DialAnswered;

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
    pub format: AudioFormat,
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

/// Record silence and no keys from now on, or everything again; from the admin endpoint. Answers whether the call's sound is recorded at
/// all; its keys are withheld either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "bool")]
pub struct PauseRecording(pub bool);

/// Show the call as it is now, for `/calls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "CallSnapshot")]
pub struct Inspect;

/// Tell this watcher what happens from now on. The CallActor tells of states and passes the watcher on to its Transcript, which tells of
/// words and facts. What is told ends with the call.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Watch(pub Watcher);

/// What was said so far, for `GET /calls/{id}`: as `conversation` of the record. Empty where the one who writes is gone.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Value")]
pub struct ReadWords;

/// One of the call's actors is gone without having been told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct OrganLost(pub Organ);

/// The actors that a call owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Organ {
    /// The AudioPipeline.
    Audio,
    /// The RealtimeLlm.
    Model,
    /// The Transcript.
    Transcript,
}

impl Organ {
    /// The word in logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Model => "model",
            Self::Transcript => "transcript",
        }
    }
}

/// One call as `/calls` shows it (contract §4).
#[derive(Debug, Clone, PartialEq, Serialize, MessageResponse)]
pub struct CallSnapshot {
    /// Ours, a UUID.
    pub id: String,
    /// `twilio`, `waybeo`.
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

/// What `GET /calls/{id}` adds: `latency`, `incidents`, `diagnosis`, `usage`; grows with the product.
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
    /// What the caller's audio is like; absent until it was judged.
    pub diagnosis: Option<Diagnosis>,
}
