//! Server events: what this crate receives.
//!
//! An event is read by its type first, then field by field. Unknown types and unknown fields do no
//! harm, and one bad field never costs a known event, because compatible servers omit, rename and
//! reshape fields.

mod error;
mod items;
mod response;
mod session;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Deserialize;

pub use self::error::ErrorInfo;
pub use self::items::{
    ArgumentsDone, CallerDelta, Committed, Delta, ItemInfo, ItemPlaced, ItemRef, OutputItem, PartRef, Transcribed,
    WordsDone,
};
pub use self::response::ResponseInfo;
pub use self::session::{FormatInfo, SessionInfo};
use crate::realtime::fields::{Fields, without_non_finite};

/// A server event, borrowed from its message.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerEvent<'a> {
    /// The session was created.
    SessionCreated(SessionInfo<'a>),
    /// The session was configured; the payload is its current configuration.
    SessionUpdated(SessionInfo<'a>),
    /// The conversation was created. Some servers send it in place of, or before,
    /// [`Self::SessionCreated`].
    ConversationCreated,
    /// The server warns of something, and goes on.
    Warning(ErrorInfo<'a>),
    /// The server refused something or failed. The session seldom ends with it.
    Error(ErrorInfo<'a>),
    /// The caller began to speak.
    SpeechStarted(ItemRef<'a>),
    /// The caller's turn ended.
    SpeechStopped(ItemRef<'a>),
    /// The caller's turn became an item.
    Committed(Committed<'a>),
    /// An item took its place in the conversation.
    ItemPlaced(ItemPlaced<'a>),
    /// A piece of the caller's transcript.
    CallerWordsDelta(CallerDelta<'a>),
    /// The caller's transcript of one item as far as it is known.
    CallerWordsSoFar(Transcribed<'a>),
    /// The caller's transcript of one item.
    CallerTranscribed(Transcribed<'a>),
    /// Transcription of a caller's item failed.
    TranscriptionFailed(ItemRef<'a>),
    /// A response began.
    ResponseCreated(ResponseInfo<'a>),
    /// A response ended.
    ResponseDone(ResponseInfo<'a>),
    /// An item of a response began.
    OutputItemAdded(OutputItem<'a>),
    /// An item of a response is complete.
    OutputItemDone(OutputItem<'a>),
    /// A piece of audio in base64.
    AudioDelta(Delta<'a>),
    /// The end of an item's audio.
    AudioDone(PartRef<'a>),
    /// A piece of the agent's transcript or text.
    WordsDelta(Delta<'a>),
    /// The complete words of one part of an item.
    WordsDone(WordsDone<'a>),
    /// The arguments of a function call are complete. Servers without item events report calls only
    /// this way.
    ArgumentsDone(ArgumentsDone<'a>),
    /// An event without a use for us, known or unknown.
    Other(Cow<'a, str>),
}

/// The reason why a server event could not be read. It gives the place and never the content,
/// because an event may contain speech.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not a JSON object with a string `type`.
    #[error("read an event: not a JSON object with a `type`")]
    NotAnEvent,
    /// A known event that is not valid JSON.
    #[error("read a `{kind}` event: not JSON at column {column}")]
    Malformed {
        /// The event's type.
        kind: String,
        /// The column where the JSON becomes invalid.
        column: usize,
    },
}

/// Returns `text` as readable JSON if it has one of the known errors, such as `NaN` for a number.
pub fn mended(text: &str) -> Option<String> {
    without_non_finite(text)
}

impl<'a> ServerEvent<'a> {
    /// Reads one message.
    ///
    /// # Errors
    /// If the message is not an event, or is a known event that is not valid JSON; see [`mended`].
    /// An unknown event is [`ServerEvent::Other`].
    pub fn parse(text: &'a str) -> Result<Self, Unreadable> {
        use ServerEvent as S;
        let kind = kind_of(text)?;
        let fields = || Fields::read(text).map_err(|error| malformed(&kind, &error));
        Ok(match &*kind {
            "response.output_audio.delta" | "response.audio.delta" => {
                S::AudioDelta(without_audio(text).map_or_else(|| fields().map(|read| Delta::of(&read)), Ok)?)
            }
            "response.output_audio_transcript.delta"
            | "response.audio_transcript.delta"
            | "response.output_text.delta"
            | "response.text.delta" => S::WordsDelta(Delta::of(&fields()?)),
            "response.output_audio_transcript.done"
            | "response.audio_transcript.done"
            | "response.output_text.done"
            | "response.text.done" => S::WordsDone(WordsDone::of(&fields()?)),
            "response.output_audio.done" | "response.audio.done" => S::AudioDone(PartRef::of(&fields()?)),
            "session.created" => S::SessionCreated(SessionInfo::of(&fields()?.object("session"))),
            "session.updated" => S::SessionUpdated(SessionInfo::of(&fields()?.object("session"))),
            "conversation.created" => S::ConversationCreated,
            "warning" => S::Warning(ErrorInfo::of_warning(&fields()?)),
            "error" => S::Error(ErrorInfo::of_event(&fields()?)),
            "input_audio_buffer.speech_started" => S::SpeechStarted(ItemRef::of(&fields()?)),
            "input_audio_buffer.speech_stopped" => S::SpeechStopped(ItemRef::of(&fields()?)),
            "input_audio_buffer.committed" => S::Committed(Committed::of(&fields()?)),
            "conversation.item.added" | "conversation.item.created" => S::ItemPlaced(ItemPlaced::of(&fields()?)),
            "conversation.item.input_audio_transcription.delta" => S::CallerWordsDelta(CallerDelta::of(&fields()?)),
            "conversation.item.input_audio_transcription.updated" => S::CallerWordsSoFar(Transcribed::of(&fields()?)),
            "conversation.item.input_audio_transcription.completed" => {
                S::CallerTranscribed(Transcribed::of(&fields()?))
            }
            "conversation.item.input_audio_transcription.failed" => S::TranscriptionFailed(ItemRef::of(&fields()?)),
            "response.created" => S::ResponseCreated(ResponseInfo::of_event(&fields()?)),
            "response.done" => S::ResponseDone(ResponseInfo::of_event(&fields()?)),
            "response.output_item.added" => S::OutputItemAdded(OutputItem::of(&fields()?)),
            "response.output_item.done" => S::OutputItemDone(OutputItem::of(&fields()?)),
            "response.function_call_arguments.done" => S::ArgumentsDone(ArgumentsDone::of(&fields()?)),
            _ => S::Other(kind),
        })
    }
}

/// The event's type. Servers write it among the first fields, so the rest need not be read. Any
/// other place in the object works too.
fn kind_of(text: &str) -> Result<Cow<'_, str>, Unreadable> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    if let Some((_, rest)) = after_own(text, r#""type":""#)
        && let Some((kind, _)) = rest.split_once('"')
        && !kind.contains('\\')
    {
        return Ok(Cow::Borrowed(kind));
    }
    serde_json::from_str::<Kind<'_>>(text).map(|event| event.kind).map_err(|_| Unreadable::NotAnEvent)
}

/// Reads an audio event without the JSON reader touching the audio: a piece is thousands of
/// characters, and a JSON reader checks each. The audio is cut out at its closing quotation mark,
/// and the reader gets the rest. An event of an unexpected form is read field by field.
fn without_audio(text: &str) -> Option<Delta<'_>> {
    #[derive(Deserialize)]
    struct Ids<'a> {
        #[serde(borrow)]
        response_id: Cow<'a, str>,
        #[serde(borrow)]
        item_id: Cow<'a, str>,
    }
    let (before, audio) = after_own(text, r#""delta":""#)?;
    let end = memchr::memchr2(b'"', b'\\', audio.as_bytes())?;
    let (audio, after) = audio.split_at(end);
    // The value contains an escape, which only the JSON reader can undo.
    if after.starts_with('\\') {
        return None;
    }
    let rest = [before, after].concat();
    let Ids { response_id, item_id } = serde_json::from_str(&rest).ok()?;
    let owned = |id: Cow<'_, str>| Cow::Owned(id.into_owned());
    Some(Delta { response_id: owned(response_id), item_id: owned(item_id), delta: Cow::Borrowed(audio) })
}

/// Splits the text at the value of the event's own `field`. Within a string the field's quotation
/// marks would be escaped. A field of an inner object does not count.
fn after_own<'a>(text: &'a str, field: &str) -> Option<(&'a str, &'a str)> {
    let (before, after) = text.split_at(memchr::memmem::find(text.as_bytes(), field.as_bytes())? + field.len());
    (memchr::memrchr(b'{', before.as_bytes()) == Some(0)).then_some((before, after))
}

fn malformed(kind: &str, error: &serde_json::Error) -> Unreadable {
    // The reader's own message may repeat text of the event.
    Unreadable::Malformed { kind: kind.to_owned(), column: error.column() }
}
