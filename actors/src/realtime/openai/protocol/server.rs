//! What we hear. The type first, then the payload, field by field: unknown types and fields survive, and a known event is never
//! lost over one of its fields, because compatible servers leave out, rename and reshape what they like.

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
use super::fields::{Fields, without_odd_numbers};

/// A server event, borrowing from its message.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerEvent<'a> {
    /// The session exists.
    SessionCreated(SessionInfo<'a>),
    /// The session has been configured; what it is now.
    SessionUpdated(SessionInfo<'a>),
    /// Something was refused or went wrong; seldom the end of the session.
    Error(ErrorInfo<'a>),
    /// The caller began to speak.
    SpeechStarted(ItemRef<'a>),
    /// The caller's turn ended.
    SpeechStopped(ItemRef<'a>),
    /// The caller's turn became an item.
    Committed(Committed<'a>),
    /// An item took its place in the conversation.
    ItemPlaced(ItemPlaced<'a>),
    /// A piece of what the caller said.
    CallerWordsDelta(CallerDelta<'a>),
    /// What the caller said.
    CallerTranscribed(Transcribed<'a>),
    /// Transcription of a caller's item failed.
    TranscriptionFailed(ItemRef<'a>),
    /// A response began.
    ResponseCreated(ResponseInfo<'a>),
    /// A response ended.
    ResponseDone(ResponseInfo<'a>),
    /// An item of a response began.
    OutputItemAdded(OutputItem<'a>),
    /// An item of a response is whole.
    OutputItemDone(OutputItem<'a>),
    /// A piece of audio, base64.
    AudioDelta(Delta<'a>),
    /// The end of an item's audio.
    AudioDone(PartRef<'a>),
    /// A piece of what the agent says or writes.
    WordsDelta(Delta<'a>),
    /// All that a part of an item says.
    WordsDone(WordsDone<'a>),
    /// A function call's arguments are whole: for servers that send no item events.
    ArgumentsDone(ArgumentsDone<'a>),
    /// Known or unknown, but of no use to us.
    Other(Cow<'a, str>),
}

/// Why a server event could not be read. Says where, never what: an event may hold speech.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Not a JSON object with a string `type`.
    #[error("read an event: not a JSON object with a `type`")]
    NotAnEvent,
    /// A known event that is no JSON.
    #[error("read a `{kind}` event: not JSON at column {column}")]
    Malformed {
        /// Its type.
        kind: String,
        /// Where it ceases to be.
        column: usize,
    },
}

/// `text` as it can be read, where it is one of the writings that are no JSON and yet understood: `NaN` for a number.
pub fn mended(text: &str) -> Option<String> {
    without_odd_numbers(text)
}

impl<'a> ServerEvent<'a> {
    /// Reads one message.
    ///
    /// # Errors
    /// When it is no event, or a known one that is no JSON; see [`mended`]. An unknown one is [`ServerEvent::Other`].
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
            // Nothing of it is needed but that it came.
            "session.created" => S::SessionCreated(SessionInfo::of(&fields()?.object("session"))),
            "session.updated" => S::SessionUpdated(SessionInfo::of(&fields()?.object("session"))),
            "error" => S::Error(ErrorInfo::of_event(&fields()?)),
            "input_audio_buffer.speech_started" => S::SpeechStarted(ItemRef::of(&fields()?)),
            "input_audio_buffer.speech_stopped" => S::SpeechStopped(ItemRef::of(&fields()?)),
            "input_audio_buffer.committed" => S::Committed(Committed::of(&fields()?)),
            "conversation.item.added" | "conversation.item.created" => S::ItemPlaced(ItemPlaced::of(&fields()?)),
            "conversation.item.input_audio_transcription.delta" => S::CallerWordsDelta(CallerDelta::of(&fields()?)),
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

/// The event's type. Servers write it among the first fields, so that the rest need not be looked at; anywhere else in the object
/// will do as well.
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

/// A piece of audio is thousands of characters in which there is nothing to be found, and a JSON reader looks at each. So they are
/// taken out by the quotation mark that ends them, and the rest is read. What is not written as expected is read field by field.
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
    // An escape has to be undone.
    if after.starts_with('\\') {
        return None;
    }
    let rest = [before, after].concat();
    let Ids { response_id, item_id } = serde_json::from_str(&rest).ok()?;
    let owned = |id: Cow<'_, str>| Cow::Owned(id.into_owned());
    Some(Delta { response_id: owned(response_id), item_id: owned(item_id), delta: Cow::Borrowed(audio) })
}

/// The text up to the value of the event's own `field`, and from there on. Within a string the field's quotation marks would be
/// escaped; one of an inner object is somebody else's.
fn after_own<'a>(text: &'a str, field: &str) -> Option<(&'a str, &'a str)> {
    let (before, after) = text.split_at(memchr::memmem::find(text.as_bytes(), field.as_bytes())? + field.len());
    (memchr::memrchr(b'{', before.as_bytes()) == Some(0)).then_some((before, after))
}

fn malformed(kind: &str, error: &serde_json::Error) -> Unreadable {
    // The reader's own words may repeat what it has read.
    Unreadable::Malformed { kind: kind.to_owned(), column: error.column() }
}
