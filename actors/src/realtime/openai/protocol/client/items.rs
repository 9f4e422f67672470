//! Items that we put into the conversation.

use serde::Serialize;

use crate::realtime::messages::TextRole;

/// An item to put into the conversation.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub enum Item<'a> {
    /// A text in somebody's name.
    #[serde(rename = "message")]
    Message {
        /// Ours, at most 32 characters.
        id: &'a str,
        /// `system`, `user`, `assistant`.
        role: &'static str,
        /// The text.
        content: [TextPart<'a>; 1],
    },
    /// The result of a tool call.
    #[serde(rename = "function_call_output")]
    FunctionCallOutput {
        /// The call.
        call_id: &'a str,
        /// The result; a string whatever it holds.
        output: &'a str,
    },
    /// A tool call that another session's model made.
    #[serde(rename = "function_call")]
    FunctionCall {
        /// The call.
        call_id: &'a str,
        /// The tool.
        name: &'a str,
        /// Its arguments: JSON in a string.
        arguments: &'a str,
    },
    /// What the caller said in another session.
    #[serde(rename = "message")]
    CallerAudio {
        /// Ours, at most 32 characters.
        id: &'a str,
        /// `user`.
        role: &'static str,
        /// The audio.
        content: [AudioPart; 1],
    },
}

impl<'a> Item<'a> {
    /// A text item. The assistant's parts are `output_text`, the others' `input_text`: anything else is refused.
    pub fn text(id: &'a str, role: TextRole, text: &'a str) -> Self {
        let (role, kind) = match role {
            TextRole::System => ("system", "input_text"),
            TextRole::User => ("user", "input_text"),
            TextRole::Assistant => ("assistant", "output_text"),
        };
        Self::Message { id, role, content: [TextPart { kind, text }] }
    }
}

impl<'a> Item<'a> {
    /// What the caller said, in the session's input format.
    pub fn caller_audio(id: &'a str, audio: &[u8]) -> Self {
        let audio = base64_simd::STANDARD.encode_to_string(audio);
        Self::CallerAudio { id, role: "user", content: [AudioPart { kind: "input_audio", audio }] }
    }
}

/// A part of an item of the caller's audio.
#[derive(Debug, Serialize)]
pub struct AudioPart {
    #[serde(rename = "type")]
    kind: &'static str,
    audio: String,
}

/// A part of a text item.
#[derive(Debug, Serialize)]
pub struct TextPart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}
