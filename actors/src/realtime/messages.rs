//! What the RealtimeLlm hears.

use std::time::Duration;

use actix::{Message, Recipient};

use super::plan::Transcription;
use crate::ids::{ItemId, ToolCallId};
use crate::line::messages::{FromModel, ItemComplete};
use crate::tools::spec::ToolSpec;

/// An order of the CallActor. Few by design, never dropped.
#[derive(Debug, Clone, PartialEq, Message)]
#[rtype(result = "()")]
pub enum ModelOrder {
    /// Say something: goes through the queue of [`requests`](super::requests).
    Speak(ResponseRequest),
    /// The result of a tool call. Several results of one response lead to one answer.
    AnswerTool {
        /// The call that is answered.
        call: ToolCallId,
        /// The result, as text (JSON by habit).
        output: String,
        /// Whether the model should speak on it.
        speak: bool,
    },
    /// Put a text into the conversation without asking for a response.
    AddText {
        /// Who says it.
        role: TextRole,
        /// What is said.
        text: String,
    },
    /// Stop the running response, if one is running.
    CancelResponse,
    /// A key of the caller's comes first, or nobody is there to hear: what runs is stopped, and what was asked for, or is owed by the server, and has not begun is not
    /// said any more. What is asked for from here on is.
    Overtake,
    /// Cut an item's audio and transcript to what was heard. Never longer than the item.
    TruncateItem {
        /// The item.
        item: ItemId,
        /// What the caller heard of it; more than zero.
        heard: Duration,
    },
    /// Take an item of which nothing was heard out of the conversation.
    DeleteItem {
        /// The item.
        item: ItemId,
    },
    /// Forget what the caller said and nobody has answered yet.
    DiscardInput,
    /// Change the session from here on. What is `None` stays as it is. Neither voice nor format can be changed any more.
    Configure {
        /// The whole prompt.
        instructions: Option<String>,
        /// Transcription of the caller; `Some(None)` turns it off.
        transcription: Option<Option<Transcription>>,
        /// All tools.
        tools: Option<Vec<ToolSpec>>,
    },
    /// Nobody speaks and nothing is queued: a session that is about to expire is replaced now, if a fresh one stands beside it.
    Rotate,
    /// The session in use owes an answer and does not give it: it is taken for lost, and another one goes on.
    Replace,
    /// The call is over: close the socket, once the words of the caller that are still to come have come.
    Close,
}

/// The call has another audio path: the model's audio goes there from now on. From the CallActor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AudioReplaced {
    /// Where the model's audio goes.
    pub audio: Recipient<FromModel>,
    /// Where the end of an item's audio goes.
    pub items: Recipient<ItemComplete>,
}

/// Something that the model is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseRequest {
    /// What it is for: the correlation id in `response.metadata`, and the log.
    pub purpose: ResponsePurpose,
    /// Extra instructions for this response alone; added to the session's, which they would otherwise replace.
    pub instructions: Option<String>,
}

/// What something that is to be said is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponsePurpose {
    /// The first words of the call.
    Greeting,
    /// An answer to what the caller said, where the server does not answer by itself. A later one takes the place of one that
    /// still waits.
    Answer,
    /// An answer to tool results.
    ToolResult,
    /// An answer to something typed on the keypad.
    Keypad,
    /// A prompt because the caller is silent.
    IdlePrompt,
    /// Something that has to be told: a warning, a failed transfer.
    Notice,
    /// The last words before we hang up.
    Goodbye,
    /// Words to the caller in the place of another tool call: no tool may be called.
    Spoken,
}

impl ResponsePurpose {
    /// Every purpose whose choice of tools is the configuration's.
    pub const ALL: [Self; 7] =
        [Self::Greeting, Self::Answer, Self::ToolResult, Self::Keypad, Self::IdlePrompt, Self::Notice, Self::Goodbye];

    /// The word in `response.metadata` and in the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Answer => "answer",
            Self::ToolResult => "tool_result",
            Self::Keypad => "keypad",
            Self::IdlePrompt => "idle_prompt",
            Self::Notice => "notice",
            Self::Goodbye => "goodbye",
            Self::Spoken => "spoken",
        }
    }
}

/// The role of a text item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextRole {
    /// Facts and orders for the model.
    System,
    /// As if the caller had said it.
    User,
    /// As if the agent had said it: a pre-rendered greeting.
    Assistant,
}
