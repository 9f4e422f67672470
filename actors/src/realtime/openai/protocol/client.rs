//! What we send. Only what a phone agent needs of the eleven client events, and never a key the server would refuse: one
//! wrong key and a whole `session.update` is lost (<https://platform.openai.com/docs/api-reference/realtime-client-events>).

mod items;
mod session;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::items::{AudioPart, Item, TextPart};
pub use self::session::{CUSTOM_VOICE, Change, Format, Session};
use super::EventId;
use crate::frame::Frame;
use crate::realtime::openai::options::ResponseToolChoice;
use crate::realtime::openai::plan::OpenAiPlan;
use crate::realtime::plan::Common;

/// A client event, ready to be written with [`ClientEvent::to_json`].
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub enum ClientEvent<'a> {
    /// Configures the session.
    #[serde(rename = "session.update")]
    SessionUpdate {
        /// Ours.
        event_id: EventId,
        /// What to change; keys that are absent stay as they are.
        session: Box<Session<'a>>,
    },
    /// Changes the session.
    #[serde(rename = "session.update")]
    SessionChange {
        /// Ours.
        event_id: EventId,
        /// What to change.
        session: Change<'a>,
    },
    /// Asks for a response.
    #[serde(rename = "response.create")]
    ResponseCreate {
        /// Ours.
        event_id: EventId,
        /// What is different in this response.
        response: Response<'a>,
    },
    /// Stops a response.
    #[serde(rename = "response.cancel")]
    ResponseCancel {
        /// Ours.
        event_id: EventId,
        /// Which; the one that is running where it is absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        response_id: Option<&'a str>,
    },
    /// Makes an item of the caller's audio so far, without asking for an answer.
    #[serde(rename = "input_audio_buffer.commit")]
    AudioCommit {
        /// Ours.
        event_id: EventId,
    },
    /// Forgets the caller's audio that is not an item yet.
    #[serde(rename = "input_audio_buffer.clear")]
    AudioClear {
        /// Ours.
        event_id: EventId,
    },
    /// Appends an item to the conversation.
    #[serde(rename = "conversation.item.create")]
    ItemCreate {
        /// Ours.
        event_id: EventId,
        /// The item that it goes behind, or `root`; absent at the end.
        #[serde(skip_serializing_if = "Option::is_none")]
        previous_item_id: Option<&'a str>,
        /// The item.
        item: Item<'a>,
    },
    /// Cuts an assistant item's audio and transcript.
    #[serde(rename = "conversation.item.truncate")]
    ItemTruncate {
        /// Ours.
        event_id: EventId,
        /// The item.
        item_id: &'a str,
        /// Its audio part: always the first.
        content_index: u32,
        /// How much of it stays, from its own beginning; never more than it has.
        audio_end_ms: u64,
    },
    /// Takes an item out of the conversation.
    #[serde(rename = "conversation.item.delete")]
    ItemDelete {
        /// Ours.
        event_id: EventId,
        /// The item.
        item_id: &'a str,
    },
}

impl ClientEvent<'_> {
    /// The event as the server reads it.
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with string keys, straight into memory: nothing here can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The first event of a session with `common` and `plan`, as people and tests may see it: the secrets of tool servers are left out.
pub fn session_update(common: &Common, plan: &OpenAiPlan) -> serde_json::Value {
    let session = Box::new(Session::fresh(common, plan));
    let event = ClientEvent::SessionUpdate { event_id: EventId::Configure(1), session };
    // By its text: a value made directly would show more digits of a number than are sent.
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

/// What is different in one response.
#[derive(Debug, Serialize)]
pub struct Response<'a> {
    /// In place of the session's, which is why they are repeated in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<&'a str>,
    /// Whether a tool may or has to be called, where that is not as in the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ResponseToolChoice>,
    /// Comes back in `response.created` and `response.done`.
    pub metadata: Metadata<'a>,
}

/// How we know our responses again. At most 64 characters a key and 512 a value.
#[derive(Debug, Serialize)]
pub struct Metadata<'a> {
    /// What the response is for.
    pub purpose: &'a str,
    /// The request it answers; stays the same when the request is repeated.
    #[serde(rename = "wish")]
    pub request: &'a str,
}

/// The event for one frame of caller audio: no serde, and nothing allocated once frames are warm.
pub fn append(number: u64, audio: &[u8]) -> Frame {
    let mut out = Frame::with_room(audio.len().div_ceil(3) * 4 + MOST_AROUND_AUDIO);
    out.extend_from_slice(br#"{"type":"input_audio_buffer.append","event_id":"audio-"#);
    write_number(number, &mut out);
    out.extend_from_slice(br#"","audio":""#);
    base64_simd::STANDARD.encode_append(audio, &mut *out);
    out.extend_from_slice(br#""}"#);
    out
}

/// Bytes of an append event around its audio, with the longest number.
const MOST_AROUND_AUDIO: usize = 96;

fn write_number(mut number: u64, out: &mut Frame) {
    let mut digits = [0u8; 20];
    let mut first = digits.len();
    for place in digits.iter_mut().rev() {
        // The remainder of ten is one digit.
        *place = b'0' + (number % 10) as u8;
        number /= 10;
        first -= 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}
