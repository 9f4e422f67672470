//! What the RealtimeLlm reports: what the model does, what it says, what it costs, and why it is gone.

use std::time::Duration;

use actix::Message;
use serde::{Deserialize, Serialize};

use super::messages::ResponsePurpose;
use crate::ids::{ItemId, Private, ResponseId, ToolCallId};
use crate::incident::{Incident, IncidentKind};

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
        purpose: Option<ResponsePurpose>,
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
    RequestGivenUp {
        /// What it was for; `None` is the server's own answer to what the caller said.
        purpose: Option<ResponsePurpose>,
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

/// Words, from the RealtimeLlm as they come: any order, any delay.
#[derive(Debug, Clone, PartialEq, Eq, Message, Serialize, Deserialize)]
#[rtype(result = "()")]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// An item took its place in the conversation, behind `previous` (or first).
    Placed {
        /// The item.
        item: ItemId,
        /// Who speaks in it.
        speaker: Speaker,
        /// The item before it.
        previous: Option<ItemId>,
    },
    /// The transcript of a caller's item; whole, final. `None` when transcription failed.
    CallerSaid {
        /// The user item.
        item: ItemId,
        /// What was said.
        text: Option<String>,
    },
    /// A piece of what the agent says, ahead of its audio.
    AgentSays {
        /// The response.
        response: ResponseId,
        /// The item.
        item: ItemId,
        /// The next words.
        delta: String,
    },
    /// The sound of an agent's item had no level: whatever was played of it, nobody heard it.
    Inaudible {
        /// The item.
        item: ItemId,
    },
    /// All the agent's item says; replaces the pieces.
    AgentSaid {
        /// The response.
        response: ResponseId,
        /// The item.
        item: ItemId,
        /// The whole text as generated.
        text: String,
    },
}

/// Who speaks in an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person on the phone.
    Caller,
    /// The model.
    Agent,
    /// Us: a system item. Not part of the conversation in the record.
    System,
}
