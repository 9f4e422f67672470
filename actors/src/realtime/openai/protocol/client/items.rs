//! Items that this crate adds to the conversation.

use serde::Serialize;

use crate::realtime::messages::TextRole;

/// An item to add to the conversation.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub enum Item<'a> {
    /// A text message with a role.
    #[serde(rename = "message")]
    Message {
        /// Our id of the item, at most 32 characters.
        id: &'a str,
        /// The role: `system`, `user` or `assistant`.
        role: &'static str,
        /// The text.
        content: [TextPart<'a>; 1],
    },
    /// A message of the assistant in these very words. The id of such a message is the server's.
    #[serde(rename = "message")]
    Exact {
        /// The role: always `assistant`.
        role: &'static str,
        /// The words.
        content: [TextPart<'a>; 1],
    },
    /// A message that is spoken at once, in these very words.
    #[serde(rename = "force_message")]
    Forced {
        /// The role: always `assistant`.
        role: &'static str,
        /// The words.
        content: [TextPart<'a>; 1],
        /// Whether the caller is heard meanwhile.
        interruptible: bool,
    },
    /// The result of a tool call.
    #[serde(rename = "function_call_output")]
    FunctionCallOutput {
        /// The id of the tool call.
        call_id: &'a str,
        /// The result, always as a string.
        output: &'a str,
    },
    /// A tool call that another session's model made.
    #[serde(rename = "function_call")]
    FunctionCall {
        /// The id of the tool call.
        call_id: &'a str,
        /// The name of the tool.
        name: &'a str,
        /// The arguments: JSON in a string.
        arguments: &'a str,
    },
    /// The caller's speech from another session.
    #[serde(rename = "message")]
    CallerAudio {
        /// Our id of the item, at most 32 characters.
        id: &'a str,
        /// The role: always `user`.
        role: &'static str,
        /// The audio.
        content: [AudioPart; 1],
    },
}

impl<'a> Item<'a> {
    /// A text item. The assistant's parts are of the type `assistant_part` and all others are
    /// `input_text`; the server refuses anything else.
    pub fn text(id: &'a str, role: TextRole, text: &'a str, assistant_part: &'static str) -> Self {
        let (role, kind) = match role {
            TextRole::System | TextRole::Instruction => ("system", "input_text"),
            TextRole::User => ("user", "input_text"),
            TextRole::Assistant => ("assistant", assistant_part),
        };
        Self::Message { id, role, content: [TextPart { kind, text }] }
    }

    /// An item that the server speaks at once, word for word.
    pub fn forced(text: &'a str) -> Self {
        Self::Forced { role: "assistant", content: [TextPart { kind: "text", text }], interruptible: true }
    }

    /// A message to speak word for word.
    pub fn exact(text: &'a str) -> Self {
        Self::Exact { role: "assistant", content: [TextPart { kind: "text", text }] }
    }
}

impl<'a> Item<'a> {
    /// An item with the caller's speech, in the session's input format.
    pub fn caller_audio(id: &'a str, audio: &[u8]) -> Self {
        let audio = base64_simd::STANDARD.encode_to_string(audio);
        Self::CallerAudio { id, role: "user", content: [AudioPart { kind: "input_audio", audio }] }
    }
}

/// The audio part of an item.
#[derive(Debug, Serialize)]
pub struct AudioPart {
    #[serde(rename = "type")]
    kind: &'static str,
    audio: String,
}

/// The text part of an item.
#[derive(Debug, Serialize)]
pub struct TextPart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}
