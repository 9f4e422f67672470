//! Messages to the RealtimeLlm.

use std::sync::Arc;
use std::time::Duration;

use actix::{Message, Recipient};

use super::plan::{SessionPlan, Transcription};
use crate::ids::{ItemId, ToolCallId};
use crate::line::messages::{FromModel, ItemComplete};
use crate::tools::spec::ToolSpec;

/// An order of the CallActor. Orders are few by design and never dropped.
#[derive(Debug, Clone, PartialEq, Message)]
#[rtype(result = "()")]
pub enum ModelOrder {
    /// Asks the model to speak. The request goes through the queue of
    /// [`requests`](super::requests).
    Speak(ResponseRequest),
    /// The result of a tool call. Several results of one response lead to one answer.
    AnswerTool {
        /// The call that is answered.
        call: ToolCallId,
        /// The result as text, usually JSON.
        output: String,
        /// Whether the model should speak about the result.
        speak: bool,
    },
    /// Adds a text to the conversation without requesting a response.
    AddText {
        /// The role of the speaker.
        role: TextRole,
        /// The text.
        text: String,
    },
    /// Stop the running response, if one is running.
    CancelResponse,
    /// Stops the running response and drops every request and every answer owed by the server that
    /// has not begun. The reason is a key that the caller pressed, or a call without a listener.
    /// Later requests are spoken.
    Overtake,
    /// Cuts an item's audio and transcript to what the caller heard. The cut is never longer than
    /// the item.
    TruncateItem {
        /// The item.
        item: ItemId,
        /// How much of it the caller heard; more than zero.
        heard: Duration,
    },
    /// Deletes an item of which the caller heard nothing.
    DeleteItem {
        /// The item.
        item: ItemId,
    },
    /// Discards what the caller said and the model has not answered yet.
    DiscardInput,
    /// Changes the session from here on. A field that is `None` stays as it is. Voice and format
    /// cannot change any more.
    Configure {
        /// The complete prompt.
        instructions: Option<String>,
        /// The prompt of a model behind the voice, where the provider has one; `Some(None)` is the
        /// same as `instructions`.
        backend: Option<Option<String>>,
        /// Transcription of the caller; `Some(None)` turns it off.
        transcription: Option<Option<Transcription>>,
        /// The language that is spoken, by its code in the configuration.
        language: Option<String>,
        /// The complete list of tools.
        tools: Option<Vec<ToolSpec>>,
    },
    /// Another agent has the call from here on: later sessions follow this plan, and one of them
    /// replaces the session in use as soon as it is ready. It is given the result of the tool that
    /// asked for it, and speaks on it.
    HandOver {
        /// The plan of the other agent.
        plan: Arc<SessionPlan>,
        /// The tool call that is answered.
        call: ToolCallId,
        /// The result as text, usually JSON.
        output: String,
    },
    /// Neither side speaks and the queue is empty. A session that is about to expire is replaced
    /// now, if a standby session is ready.
    Rotate,
    /// The session in use owes an answer and does not give it. The session counts as lost, and
    /// another one continues.
    Replace,
    /// The call is over. The socket closes once the outstanding transcripts of the caller have
    /// arrived.
    Close,
}

/// Replaces the call's audio path: the model's audio goes to these recipients from now on. Sent by
/// the CallActor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct AudioReplaced {
    /// Where the model's audio goes.
    pub audio: Recipient<FromModel>,
    /// Where the end of an item's audio goes.
    pub items: Recipient<ItemComplete>,
}

/// A request for the model to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseRequest {
    /// Its purpose: the correlation id in `response.metadata` and in the log.
    pub purpose: ResponsePurpose,
    /// Extra instructions for this response alone. They are added to the session's instructions,
    /// which they would otherwise replace.
    pub instructions: Option<String>,
}

/// The purpose of a response request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponsePurpose {
    /// The first words of the call.
    Greeting,
    /// An answer to what the caller said, if the server does not answer by itself. A later request
    /// of this kind replaces one that still waits.
    Answer,
    /// An answer to tool results.
    ToolResult,
    /// An answer to keypad input (DTMF).
    Keypad,
    /// A no-input prompt because the caller is silent.
    IdlePrompt,
    /// A notice to the caller: a warning or a failed transfer.
    Notice,
    /// The last words before we hang up.
    Goodbye,
    /// Words to the caller in place of another tool call: no tool may be called.
    Spoken,
}

impl ResponsePurpose {
    /// Every purpose for which the configuration chooses the tools.
    pub const ALL: [Self; 7] =
        [Self::Greeting, Self::Answer, Self::ToolResult, Self::Keypad, Self::IdlePrompt, Self::Notice, Self::Goodbye];

    /// The purpose's word in `response.metadata` and in the log.
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
    /// Facts for the model.
    System,
    /// An instruction that holds for the rest of the call.
    Instruction,
    /// Text that counts as said by the caller.
    User,
    /// Text that counts as said by the agent: a pre-rendered greeting.
    Assistant,
}

/// Returns the model's instruction to say `words` verbatim.
pub fn exactly(words: &str) -> String {
    format!("{EXACTLY}{words}”")
}

/// The words that an instruction orders verbatim; `None` if it leaves the words to the model.
pub fn exact_words(instructions: &str) -> Option<&str> {
    let (_, words) = instructions.split_once(EXACTLY)?;
    words.strip_suffix('”').filter(|words| !words.trim().is_empty())
}

const EXACTLY: &str = "Say exactly these words and nothing else: “";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_ordered_verbatim_are_found_again() {
        assert_eq!(exact_words(&exactly("This call is “recorded”.")), Some("This call is “recorded”."));
        assert_eq!(exact_words(&format!("Say goodbye. {}", exactly("Bye."))), Some("Bye."));
        for other in ["Greet the caller.".to_owned(), format!("{} Go on from there.", exactly("Bye.")), exactly(" ")] {
            assert_eq!(exact_words(&other), None, "{other}");
        }
    }
}
