//! Client events: what this crate sends to the server.
//!
//! The types cover the events that a phone agent needs. The server refuses unknown keys, so none is
//! written that it does not know. Every event has an id, and every append has the key
//! `delegation_id`, null included.

mod session;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use self::session::{Change, Format, Message, Role, Session};
use super::EventId;
use crate::frame::Frame;
use crate::realtime::openai_live::plan::OpenAiLivePlan;
use crate::realtime::plan::Common;

/// A client event. [`ClientEvent::to_json`] writes it.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub enum ClientEvent<'a> {
    /// Starts the session. It is the first event of a socket.
    #[serde(rename = "session.start")]
    Start {
        /// Our id of the event.
        event_id: EventId,
        /// The complete configuration.
        session: Box<Session<'a>>,
    },
    /// Changes the model behind the voice. Nothing else of a session can change.
    #[serde(rename = "session.update")]
    Update {
        /// Our id of the event.
        event_id: EventId,
        /// The settings to change.
        session: Change<'a>,
    },
    /// An order of the developer. It stays in force.
    #[serde(rename = "session.instructions.append")]
    Instructions(Append<'a>),
    /// A fact that the model should know without saying it.
    #[serde(rename = "session.thinking.append")]
    Thinking(Append<'a>),
    /// Something that the model should say, in its own words.
    #[serde(rename = "session.commentary.append")]
    Commentary(Append<'a>),
    /// The result of a tool call of the model behind the voice.
    #[serde(rename = "response.item.create")]
    Output {
        /// Our id of the event.
        event_id: EventId,
        /// The result.
        item: FunctionOutput<'a>,
    },
    /// Lets the model behind the voice continue after all its tool calls were answered.
    #[serde(rename = "response.create")]
    GoOn {
        /// Our id of the event.
        event_id: EventId,
    },
    /// Ends the session. The server answers with the final usage.
    #[serde(rename = "session.close")]
    Close {
        /// Our id of the event.
        event_id: EventId,
    },
}

/// A text for the voice model.
#[derive(Debug, Serialize)]
pub struct Append<'a> {
    event_id: EventId,
    content: &'a str,
    /// Never left out: the server demands the key.
    delegation_id: Option<&'a str>,
}

impl<'a> Append<'a> {
    /// A text of at most [`MOST_APPENDED`] bytes; what exceeds them is cut off. Longer texts are
    /// first split by [`parts`]. `delegation` is the delegation that the text answers.
    pub fn new(number: u64, content: &'a str, delegation: Option<&'a str>) -> Self {
        Self { event_id: EventId::Append(number), content: clipped(content, MOST_APPENDED), delegation_id: delegation }
    }
}

/// The result of a tool call.
#[derive(Debug, Serialize)]
pub struct FunctionOutput<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    call_id: &'a str,
    output: &'a str,
}

impl<'a> FunctionOutput<'a> {
    /// The result `output` of `call`, which the caller of this function has bounded.
    pub const fn new(call: &'a str, output: &'a str) -> Self {
        Self { kind: "function_call_output", call_id: call, output }
    }
}

impl ClientEvent<'_> {
    /// The event as JSON.
    pub fn to_json(&self) -> String {
        // Serialization cannot fail: it writes strings, numbers and maps with string keys to
        // memory.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The first event of a session with `common` and `plan`, for display and for tests.
pub fn session_start(common: &Common, plan: &OpenAiLivePlan) -> serde_json::Value {
    let session = Box::new(Session::fresh(common, plan, &[], None));
    let event = ClientEvent::Start { event_id: EventId::Start, session };
    serde_json::to_value(event).unwrap_or_default()
}

/// The event for a piece of caller audio. It avoids serde, and it allocates nothing once the frame
/// pool is warm.
pub fn append_audio(number: u64, audio: &[u8]) -> Frame {
    let mut out = Frame::with_room(audio.len().div_ceil(3) * 4 + MOST_AROUND_AUDIO);
    out.extend_from_slice(br#"{"type":"session.input_audio.append","event_id":"audio-"#);
    write_number(number, &mut out);
    out.extend_from_slice(br#"","audio":""#);
    base64_simd::STANDARD.encode_append(audio, &mut *out);
    out.extend_from_slice(br#""}"#);
    out
}

/// Splits `text` into parts of at most [`MOST_APPENDED`] bytes: at the end of a sentence if there
/// is one, else between words, else between characters. Blank parts are left out, because the
/// server refuses them.
pub fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let fits = clipped(rest, MOST_APPENDED);
        let end = if fits.len() == rest.len() { rest.len() } else { break_in(fits) };
        let (part, after) = rest.split_at(end);
        parts.push(part.trim());
        rest = after.trim_start();
    }
    parts
}

/// Where to end a part that must end within `text`.
fn break_in(text: &str) -> usize {
    let half = text.len() / 2;
    let behind = |at: usize, c: char| at + c.len_utf8();
    let sentence = text.char_indices().rev().find(|(_, c)| matches!(c, '.' | '!' | '?' | '।' | '\n'));
    let word = text.char_indices().rev().find(|(_, c)| c.is_whitespace());
    let place = sentence.filter(|(at, _)| *at >= half).or_else(|| word.filter(|(at, _)| *at > 0));
    place.map_or(text.len(), |(at, c)| behind(at, c))
}

/// `text`, cut to at most `most` bytes between two characters.
pub fn clipped(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

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

/// The bytes of an append of audio around its audio, with the longest number.
const MOST_AROUND_AUDIO: usize = 96;
/// The longest text of one append, in bytes. The server takes 500 tokens, and no language has more
/// tokens than bytes. Longer: a refusal. Shorter: more events.
pub const MOST_APPENDED: usize = 480;
