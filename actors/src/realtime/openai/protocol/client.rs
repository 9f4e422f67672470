//! Client events: what this crate sends to the server.
//!
//! The types cover only the client events that a phone agent needs, out of eleven. They contain no
//! key that the server could refuse: one wrong key makes the server reject the whole
//! `session.update` (<https://platform.openai.com/docs/api-reference/realtime-client-events>).

mod items;
mod parts;
mod session;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::items::{AudioPart, Item, TextPart};
pub use self::parts::CUSTOM_VOICE;
pub use self::session::{Change, Format, Session};
use super::EventId;
use crate::frame::Frame;
use crate::realtime::openai::options::ResponseToolChoice;
use crate::realtime::openai::plan::OpenAiPlan;
use crate::realtime::plan::Common;

/// A client event. [`ClientEvent::to_json`] writes it.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub enum ClientEvent<'a> {
    /// Configures the session.
    #[serde(rename = "session.update")]
    SessionUpdate {
        /// Our id of the event.
        event_id: EventId,
        /// The settings to change. The server keeps the settings whose keys are absent.
        session: Session<'a>,
    },
    /// Changes the session.
    #[serde(rename = "session.update")]
    SessionChange {
        /// Our id of the event.
        event_id: EventId,
        /// The settings to change.
        session: Change<'a>,
    },
    /// Asks for a response.
    #[serde(rename = "response.create")]
    ResponseCreate {
        /// Our id of the event.
        event_id: EventId,
        /// The settings of this response that differ from the session's.
        response: Response<'a>,
    },
    /// Stops a response.
    #[serde(rename = "response.cancel")]
    ResponseCancel {
        /// Our id of the event.
        event_id: EventId,
        /// The response to stop; `None` stops the running one.
        #[serde(skip_serializing_if = "Option::is_none")]
        response_id: Option<&'a str>,
    },
    /// Turns the caller's audio so far into an item, without requesting an answer.
    #[serde(rename = "input_audio_buffer.commit")]
    AudioCommit {
        /// Our id of the event.
        event_id: EventId,
    },
    /// Discards the caller's audio that is not yet an item.
    #[serde(rename = "input_audio_buffer.clear")]
    AudioClear {
        /// Our id of the event.
        event_id: EventId,
    },
    /// Appends an item to the conversation.
    #[serde(rename = "conversation.item.create")]
    ItemCreate {
        /// Our id of the event.
        event_id: EventId,
        /// The item to insert behind, or `root`; `None` appends at the end.
        #[serde(skip_serializing_if = "Option::is_none")]
        previous_item_id: Option<&'a str>,
        /// The item to append.
        item: Item<'a>,
    },
    /// Cuts an assistant item's audio and transcript.
    #[serde(rename = "conversation.item.truncate")]
    ItemTruncate {
        /// Our id of the event.
        event_id: EventId,
        /// The item to cut.
        item_id: &'a str,
        /// The index of its audio part, which is always the first.
        content_index: u32,
        /// The length to keep, from the beginning of the item, in milliseconds. It must not exceed
        /// the item's real length.
        audio_end_ms: u64,
    },
    /// Removes an item from the conversation.
    #[serde(rename = "conversation.item.delete")]
    ItemDelete {
        /// Our id of the event.
        event_id: EventId,
        /// The item to remove.
        item_id: &'a str,
    },
}

impl ClientEvent<'_> {
    /// The event as JSON.
    pub fn to_json(&self) -> String {
        // Serialization cannot fail: it writes strings, numbers and maps with string keys to
        // memory.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The first event of a session with `common` and `plan`, for display and for tests. The secrets of
/// tool servers are left out.
pub fn session_update(common: &Common, plan: &OpenAiPlan) -> serde_json::Value {
    let session = Session::fresh(common, plan);
    let event = ClientEvent::SessionUpdate { event_id: EventId::Configure(1), session };
    // The value is parsed from the text: a value made directly shows more digits of a number than
    // are sent.
    let mut event: serde_json::Value = serde_json::from_str(&event.to_json()).unwrap_or_default();
    let tools = event.pointer_mut("/session/tools").and_then(serde_json::Value::as_array_mut);
    for tool in tools.into_iter().flatten().filter(|tool| tool["type"] == "mcp") {
        if let Some(token) = tool.get_mut("authorization") {
            *token = "[private]".into();
        }
        for value in tool.get_mut("headers").and_then(serde_json::Value::as_object_mut).into_iter().flatten() {
            *value.1 = "[private]".into();
        }
    }
    event
}

/// The settings of one response that differ from the session's.
#[derive(Debug, Serialize)]
pub struct Response<'a> {
    /// The instructions of this response. They replace the session's, so the session's are repeated
    /// in them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<&'a str>,
    /// The tool choice of this response; `None` uses the session's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ResponseToolChoice>,
    /// The assistant's message to speak in these very words, where the server takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_generated_assistant_message: Option<Item<'a>>,
    /// The metadata, which the server repeats in `response.created` and `response.done`; `None` for
    /// a server that takes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata<'a>>,
}

/// Metadata that identifies our own responses. The API allows 64 characters per key and 512 per
/// value.
#[derive(Debug, Serialize)]
pub struct Metadata<'a> {
    /// What the response is for.
    pub purpose: &'a str,
    /// The number of the request that the response answers. It stays the same when the request is
    /// repeated.
    #[serde(rename = "wish")]
    pub request: &'a str,
}

/// The event for one frame of caller audio. It avoids serde, and it allocates nothing once the
/// frame pool is warm.
pub fn append(number: u64, audio: &[u8]) -> Frame {
    let mut out = Frame::with_room(audio.len().div_ceil(3) * 4 + MOST_AROUND_AUDIO);
    out.extend_from_slice(br#"{"type":"input_audio_buffer.append","event_id":"audio-"#);
    write_number(number, &mut out);
    out.extend_from_slice(br#"","audio":""#);
    base64_simd::STANDARD.encode_append(audio, &mut *out);
    out.extend_from_slice(br#""}"#);
    out
}

/// The bytes of an append event around its audio, with the longest number.
const MOST_AROUND_AUDIO: usize = 96;

fn write_number(mut number: u64, out: &mut Frame) {
    let mut digits = [0u8; 20];
    let mut first = digits.len();
    for place in digits.iter_mut().rev() {
        // The remainder of a division by ten is one digit.
        *place = b'0' + (number % 10) as u8;
        number /= 10;
        first -= 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}
