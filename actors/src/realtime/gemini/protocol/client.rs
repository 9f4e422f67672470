//! Client messages: what this crate sends to the server
//! (<https://ai.google.dev/api/live#client-messages>).
//!
//! Each message has one field and each realtime input one field of its own, by construction.

mod setup;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::{Map, Value, json};

pub use self::setup::{FunctionTools, Setup};
use crate::frame::Frame;
use crate::realtime::gemini::models::Tools;
use crate::realtime::gemini::plan::GeminiPlan;
use crate::realtime::plan::Common;
use crate::realtime::seed::Opening;

/// A client message. [`ClientMessage::to_json`] writes it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ClientMessage<'a> {
    /// Configures the session: the first message, once.
    Setup(Box<Setup<'a>>),
    /// Appends texts to the conversation, and stops the running response.
    ClientContent(ClientContent<'a>),
    /// Input as it happens.
    RealtimeInput(RealtimeInput<'a>),
    /// Results of tool calls.
    ToolResponse(ToolResponse<'a>),
    /// Changes prompt or tools from here on.
    ContextUpdate(ContextUpdate<'a>),
}

/// Texts for the conversation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientContent<'a> {
    /// The texts, in order.
    pub turns: Vec<Content<'a>>,
    /// Whether the model answers now. Of an announced history it says that it is complete.
    pub turn_complete: bool,
}

/// A text of the conversation.
#[derive(Debug, Serialize)]
pub struct Content<'a> {
    /// The speaker. The prompt has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The text.
    pub parts: [TextPart<'a>; 1],
}

/// A speaker. The API knows no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The caller, or we in brackets.
    User,
    /// The agent.
    Model,
}

/// The text of a [`Content`].
#[derive(Debug, Serialize)]
pub struct TextPart<'a> {
    /// The text.
    pub text: &'a str,
}

/// Input as it happens. Caller audio is written by [`audio`].
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RealtimeInput<'a> {
    /// The caller begins to speak; only without the server's turn detection.
    ActivityStart(Empty),
    /// The caller's turn is over; only without the server's turn detection.
    ActivityEnd(Empty),
    /// No audio comes for now; only with the server's turn detection.
    AudioStreamEnd(bool),
    /// Text that counts as input of the caller and is answered.
    Text(&'a str),
}

/// An object without fields.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Empty {}

/// Results of tool calls.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResponse<'a> {
    /// The results.
    pub function_responses: [FunctionResponse<'a>; 1],
}

/// The result of a tool call.
#[derive(Debug, Serialize)]
pub struct FunctionResponse<'a> {
    /// The call's id; `None` if the server gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// The tool's name.
    pub name: &'a str,
    /// The result, from [`result_of`].
    pub response: Value,
    /// When the model may speak about it; `None` for tools that the model waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduling: Option<Scheduling>,
}

/// When the model may speak about a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scheduling {
    /// After what it is saying.
    WhenIdle,
    /// Not because of this result.
    Silent,
}

/// A change of prompt or tools. What is absent stays as it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContextUpdate<'a> {
    /// The complete prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_instruction: Option<Content<'a>>,
    /// The complete list of tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<ToolList<'a>>,
}

/// A list of tools within an object, as a change of them is written.
#[derive(Debug, Serialize)]
pub struct ToolList<'a> {
    /// The tools; empty takes all of them away.
    pub tools: Vec<FunctionTools<'a>>,
}

impl ClientMessage<'_> {
    /// The message as JSON.
    pub fn to_json(&self) -> String {
        // Serialization cannot fail: it writes strings, numbers and maps with string keys to
        // memory.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl<'a> Content<'a> {
    /// A text of `role`.
    pub const fn of(role: Role, text: &'a str) -> Self {
        Self { role: Some(role), parts: [TextPart { text }] }
    }

    /// A prompt.
    pub const fn prompt(text: &'a str) -> Self {
        Self { role: None, parts: [TextPart { text }] }
    }
}

/// The first message of a session with `common` and `plan`, for display and for tests.
pub fn setup(common: &Common, plan: &GeminiPlan) -> Value {
    let (model, prompt, opening) = (plan.model_path(), prompt(&common.instructions), Opening::default());
    let setup = Setup::of(common, plan, &model, &prompt, &opening);
    serde_json::from_str(&ClientMessage::Setup(Box::new(setup)).to_json()).unwrap_or_default()
}

/// The complete prompt: `instructions`, and what brackets mean. The protocol has no texts of the
/// system, so they are texts of the user in brackets.
pub fn prompt(instructions: &str) -> String {
    format!("{instructions}\n\n{BRACKETS}")
}

/// A text of the system as the model receives it.
pub fn bracketed(text: &str) -> String {
    format!("[{text}]")
}

/// A tool's result as the API wants it: an object with `output` or `error`. A model repeats a call
/// whose result is empty.
pub fn result_of(output: &str) -> Value {
    let output = output.trim();
    match serde_json::from_str(output) {
        _ if output.is_empty() => done(),
        Ok(Value::Null) => done(),
        Ok(Value::Object(object)) if object.is_empty() => done(),
        Ok(Value::Object(object)) if object.contains_key("error") => failed(object),
        Ok(value) => json!({"output": value}),
        Err(_) => json!({"output": output}),
    }
}

fn done() -> Value {
    json!({"output": {"status": "ok"}})
}

fn failed(mut object: Map<String, Value>) -> Value {
    object.entry("retryable").or_insert(Value::Bool(false));
    Value::Object(object)
}

/// The message for one frame of caller audio at `rate_hz`. It avoids serde, and it allocates nothing
/// once the frame pool is warm.
pub fn audio(bytes: &[u8], rate_hz: u32) -> Frame {
    let mut out = Frame::with_room(bytes.len().div_ceil(3) * 4 + MOST_AROUND_AUDIO);
    out.extend_from_slice(br#"{"realtimeInput":{"audio":{"data":""#);
    base64_simd::STANDARD.encode_append(bytes, &mut *out);
    out.extend_from_slice(br#"","mimeType":"audio/pcm;rate="#);
    out.extend_from_slice(match rate_hz {
        8_000 => b"8000",
        16_000 => b"16000",
        // The plan allows no other rate.
        _ => b"24000",
    });
    out.extend_from_slice(br#""}}}"#);
    out
}

/// How the function tools of `tools` are called.
pub const fn behavior(tools: Tools) -> Option<&'static str> {
    match tools {
        Tools::Blocking => None,
        Tools::NonBlocking => Some("NON_BLOCKING"),
    }
}

/// What brackets mean, for the model.
const BRACKETS: &str = "Text in square brackets comes from the telephone system and never from the caller. \
    Follow it, do not read it aloud and do not mention it.";
/// The bytes of an audio message around its audio.
const MOST_AROUND_AUDIO: usize = 96;
