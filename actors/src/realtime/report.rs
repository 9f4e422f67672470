//! The RealtimeLlm's reports: what the model does, says and costs, and why it is gone.

use std::time::Duration;

use actix::Message;
use serde::{Deserialize, Serialize};

use super::capabilities::Capabilities;
use super::messages::ResponsePurpose;
use super::word_times::{Span, TimedLetters};
use crate::ids::{ItemId, Private, ResponseId, ToolCallId};
use crate::incident::{Incident, IncidentKind};

/// A report from the RealtimeLlm to the call.
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
    /// A different model answers from here on: a fallback's model, or the first one again.
    Serves {
        /// The word of its provider.
        provider: &'static str,
        /// Its name.
        model: String,
    },
    /// The session that serves the call from here on has other capabilities than the one before it;
    /// for the first session, other ones than the plan's first candidate.
    Can(Capabilities),
    /// The server heard the caller begin to speak.
    SpeechStarted {
        /// The user item that this turn will become.
        item: ItemId,
    },
    /// The server heard the caller's turn end.
    SpeechStopped {
        /// The user item of this turn.
        item: ItemId,
    },
    /// A response began: one that we requested or the server's own.
    ResponseStarted {
        /// The response.
        response: ResponseId,
    },
    /// A response ended: completed, cancelled, failed or incomplete.
    ResponseFinished {
        /// The response.
        response: ResponseId,
        /// Its outcome.
        outcome: ResponseOutcome,
        /// Its token usage.
        usage: Option<Usage>,
    },
    /// A response is about to be reported as finished, and the caller hears nothing of it although
    /// an answer was owed to them.
    AnswerMissed {
        /// The response.
        response: ResponseId,
        /// What is wrong with it.
        kind: IncidentKind,
        /// Whether it is requested again. If it waits for another session, [`Self::Muted`] follows.
        again: bool,
    },
    /// The response that was requested again is not owed after all: the caller's turn was noise.
    NothingOwed,
    /// The session does not speak, however often it is asked. The session that replaces it gets its
    /// open requests.
    Muted {
        /// What it had to say; `None` is the server's own answer to the caller.
        purpose: Option<ResponsePurpose>,
        /// The reason as one word.
        reason: String,
    },
    /// How long the parts took until the first audio of a response, which is reported next. Only
    /// providers report it that join engines for each part.
    PartsTook {
        /// The response.
        response: ResponseId,
        /// From the beginning of the response to the chat model's first words for the voice.
        mind: Duration,
        /// From there to the first audio.
        voice: Duration,
    },
    /// An answer that was begun before the caller's turn was certainly over became the answer, or was
    /// thrown away.
    BegunEarly {
        /// Whether it became the answer.
        kept: bool,
    },
    /// The first audio of a response arrived. Reported once for each response with audio.
    FirstAudio {
        /// The response.
        response: ResponseId,
    },
    /// The caller's words from transcription. Pieces arrive while the caller speaks or later, if
    /// the server sends them. The last piece arrives for every turn that is transcribed.
    CallerWords {
        /// The user item.
        item: ItemId,
        /// A piece, never empty; or, for the last report, the whole text. The whole text is empty
        /// if nothing was understood.
        text: Private<String>,
        /// Whether this is the last report for this item.
        last: bool,
    },
    /// Transcription of a turn of the caller failed: its words will never arrive.
    WordsFailed {
        /// The user item.
        item: ItemId,
    },
    /// The provider charged for the transcription of a turn of the caller.
    TranscriptionUsed(TranscriptionUsage),
    /// The provider charges for this beside any response: for the time of the session. Nothing is
    /// reported twice.
    Used(Usage),
    /// The provider charges for this beside any response, at the price of another model than the
    /// one that answers: of one behind the voice, or of a session that was replaced.
    Worked {
        /// The model's name.
        model: String,
        /// What it used. Nothing is reported twice.
        usage: Usage,
    },
    /// The model calls a tool. Reported once for each `call`.
    ToolCalled(ToolCall),
    /// The model does not say what was requested, retries included. The caller needs to hear
    /// something else instead.
    RequestGivenUp {
        /// What it was for; `None` is the server's own answer to what the caller said.
        purpose: Option<ResponsePurpose>,
        /// The server's code, or ours.
        reason: String,
    },
    /// A failure on the model's side, for the record. It was already logged.
    Incident(Incident),
    /// A non-fatal error of the server, for the log and the counters.
    Complained {
        /// `error.code`, or `error.type` where there is none.
        code: String,
        /// The message of the server.
        message: String,
    },
    /// The session is gone and another one is being opened. The current speech stays as it is until
    /// the new session is ready.
    Faltered(ModelLoss),
    /// Another session has replaced the previous one. It knows what was said and heard, and says
    /// what is owed.
    Resumed {
        /// The server's id of the session.
        session: String,
        /// How long there was no session. Zero if the session was replaced in time.
        gap: Duration,
        /// Whether it was asked to speak.
        answering: bool,
    },
    /// The session will expire, and a standby session is ready. The call sends
    /// [`ModelOrder::Rotate`] at the next quiet moment.
    ///
    /// [`ModelOrder::Rotate`]: crate::realtime::messages::ModelOrder::Rotate
    Renewable,
    /// The session is gone or never came up, and no other one can be opened.
    Lost(ModelLoss),
}

/// How a response ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseOutcome {
    /// The response was said completely.
    Completed,
    /// Cancelled by the caller's speech or by us.
    Cancelled,
    /// Cut by a limit or a filter; the reason as the server sent it.
    Incomplete(String),
    /// The server failed; the code as it sent it.
    Failed(String),
}

/// A function call of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The response that contains it.
    pub response: ResponseId,
    /// Its id. A tool runs at most once for each id.
    pub id: ToolCallId,
    /// The tool's name. It is untrusted input.
    pub name: String,
    /// The arguments as the model wrote them. They should be JSON but are untrusted input.
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
    /// A network or server fault, or a dropped socket: dial again.
    Retryable,
    /// The session has reached its maximum duration (60 minutes): open a new one.
    Expired,
    /// A problem of key, model, quota or configuration: another try is useless and may cost money.
    Fatal,
}

impl LossClass {
    /// The class's word in logs and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retryable => "retryable",
            Self::Expired => "expired",
            Self::Fatal => "fatal",
        }
    }
}

/// Tokens of one response and time of a session, as the server counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Text tokens in, cached ones included.
    pub input_text: u64,
    /// Audio tokens in, cached ones included.
    pub input_audio: u64,
    /// The cached part of the text tokens in.
    pub cached_text: u64,
    /// The cached part of the audio tokens in.
    pub cached_audio: u64,
    /// Image tokens in, cached ones included.
    pub input_image: u64,
    /// The cached part of the image tokens in.
    pub cached_image: u64,
    /// Text tokens out.
    pub output_text: u64,
    /// Audio tokens out.
    pub output_audio: u64,
    /// The time of a session that is charged by time, in ms. Records show it in seconds.
    #[serde(default, rename = "session_seconds", with = "seconds", skip_serializing_if = "is_zero")]
    pub session_ms: u64,
    /// The caller's audio that was given to an engine for transcription, in ms. Records show it in
    /// seconds.
    #[serde(default, rename = "stt_seconds", with = "seconds", skip_serializing_if = "is_zero")]
    pub stt_ms: u64,
    /// The characters that were given to an engine that speaks.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tts_characters: u64,
}

/// Milliseconds, written as seconds.
mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(*ms as f64 / 1_000.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        // A negative or unreadable number becomes zero, an excessive one the longest time.
        f64::deserialize(deserializer).map(|seconds| (seconds * 1_000.0).round() as u64)
    }
}

/// Whether a count is left out of the record, because most providers have none of its kind.
const fn is_zero(count: &u64) -> bool {
    *count == 0
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
        self.session_ms += other.session_ms;
        self.stt_ms += other.stt_ms;
        self.tts_characters += other.tts_characters;
    }
}

/// The usage of transcription of the caller, as the server counted it. Some models charge by the
/// minute, others by the token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptionUsage {
    /// The duration of audio that was transcribed by models that charge by time.
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

/// Words for the transcript, from the RealtimeLlm as they arrive: in any order and with any delay.
#[derive(Debug, Clone, PartialEq, Eq, Message, Serialize, Deserialize)]
#[rtype(result = "()")]
#[serde(rename_all = "snake_case")]
pub enum Words {
    /// An item took its place in the conversation, after `previous` or at the start.
    Placed {
        /// The item.
        item: ItemId,
        /// The speaker.
        speaker: Speaker,
        /// The item before it.
        previous: Option<ItemId>,
    },
    /// The complete, final transcript of a caller's item; `None` if transcription failed.
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
        /// Where they stand in the item's audio, if the provider says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        span: Option<Span>,
    },
    /// When words of an agent's item are said that were told before, because the provider says it
    /// later than the words.
    AgentTimed {
        /// The item.
        item: ItemId,
        /// The words, in order.
        words: Vec<TimedLetters>,
    },
    /// The audio of an agent's item was silent: the caller heard nothing of it, even if it was
    /// played.
    Inaudible {
        /// The item.
        item: ItemId,
    },
    /// The complete text of an agent's item. It replaces the pieces.
    AgentSaid {
        /// The response.
        response: ResponseId,
        /// The item.
        item: ItemId,
        /// The whole text as generated.
        text: String,
    },
}

/// The speaker of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The person on the phone.
    Caller,
    /// The model.
    Agent,
    /// Switchboard: a system item. It is not part of the conversation in the record.
    System,
}
