//! What we hear. The type first, then the payload, field by field: unknown types and fields survive, and a known event is never
//! lost over one of its fields, because compatible servers leave out, rename and reshape what they like.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{Fields, elements, text as text_of, without_odd_numbers};
use super::{EventId, usage};
use crate::realtime::report::{TranscriptionUsage, Usage};

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

/// The session as the server has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionInfo<'a> {
    /// `sess_…`.
    pub id: Option<Cow<'a, str>>,
    /// The format of the caller's audio.
    pub input: Option<FormatInfo<'a>>,
    /// The format of the agent's audio.
    pub output: Option<FormatInfo<'a>>,
    /// When it ends, in seconds since 1970.
    pub expires_at: Option<f64>,
}

impl<'a> SessionInfo<'a> {
    fn of(session: &Fields<'a>) -> Self {
        let audio = session.object("audio");
        let format = |direction: &str, beta: &str| {
            let written = audio.object(direction).raw("format").or_else(|| session.raw(beta));
            written.and_then(FormatInfo::of)
        };
        Self {
            id: session.text("id"),
            input: format("input", "input_audio_format"),
            output: format("output", "output_audio_format"),
            expires_at: session.number("expires_at"),
        }
    }
}

/// A format as the server names it.
#[derive(Debug, Clone, PartialEq)]
pub struct FormatInfo<'a> {
    /// `audio/pcm`, `audio/pcmu`, `audio/pcma`; another one as it is written.
    pub kind: Cow<'a, str>,
    /// Samples per second.
    pub rate: Option<u32>,
}

impl<'a> FormatInfo<'a> {
    /// An object with a type and a rate, or a word as the beta had it. Of another shape it says nothing.
    fn of(raw: &'a RawValue) -> Option<Self> {
        let fields = Fields::of(Some(raw));
        let kind = text_of(raw).or_else(|| fields.text("type"))?;
        let rate = fields.count("rate", u32::MAX).and_then(|rate| u32::try_from(rate).ok());
        let known = |spelling: &&(&str, &str)| spelling.0.eq_ignore_ascii_case(&kind);
        Some(match FORMATS.iter().find(known) {
            Some((_, ours)) => Self { kind: Cow::Borrowed(ours), rate },
            None => Self { kind, rate },
        })
    }
}

/// Spellings of the formats that we ask for.
const FORMATS: [(&str, &str); 10] = [
    ("pcm16", "audio/pcm"),
    ("pcm", "audio/pcm"),
    ("pcm_s16le", "audio/pcm"),
    ("audio/pcm16", "audio/pcm"),
    ("audio/l16", "audio/pcm"),
    ("g711_ulaw", "audio/pcmu"),
    ("pcmu", "audio/pcmu"),
    ("audio/x-mulaw", "audio/pcmu"),
    ("g711_alaw", "audio/pcma"),
    ("pcma", "audio/pcma"),
];

/// An error, by itself or inside a failed response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ErrorInfo<'a> {
    /// `invalid_request_error`, `server_error`, …
    pub kind: Option<Cow<'a, str>>,
    /// The finer word; old sessions leave it null.
    pub code: Option<Cow<'a, str>>,
    /// For people.
    pub message: Option<Cow<'a, str>>,
    /// The field it is about.
    pub param: Option<Cow<'a, str>>,
    /// The client event it is about.
    pub event_id: Option<Cow<'a, str>>,
    /// Whether the server says which event it is about, be it that it is about none. One that never does may mean any.
    pub names_event: bool,
}

impl<'a> ErrorInfo<'a> {
    /// The finest word there is.
    pub fn word(&self) -> &str {
        self.code.as_deref().or(self.kind.as_deref()).unwrap_or("unknown")
    }

    /// What was said, or nothing.
    pub fn text(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// The error of an `error` event: in a field of its own, or beside its type.
    fn of_event(event: &Fields<'a>) -> Self {
        let own = event.raw("error").map(Self::of).unwrap_or_default();
        // The event's own type and id say nothing of the error.
        let about = event.text("event_id").filter(|id| EventId::parse(id).is_some());
        let beside = Self { kind: None, event_id: about, names_event: false, ..Self::of_fields(event) };
        own.or(beside)
    }

    /// An error of any shape: an object, a text, a number, a list of such.
    fn of(raw: &'a RawValue) -> Self {
        match raw.get().as_bytes().first() {
            Some(b'{') => {
                let fields = Fields::of(Some(raw));
                let inner = fields.raw("error").map(Self::of).unwrap_or_default();
                Self::of_fields(&fields).or(inner)
            }
            Some(b'[') => elements(raw).into_iter().map(Self::of).reduce(Self::or).unwrap_or_default(),
            _ => Self::of_text(text_of(raw).unwrap_or_default()),
        }
    }

    fn of_fields(fields: &Fields<'a>) -> Self {
        let filled = |text: Option<Cow<'a, str>>| text.filter(|text| !text.is_empty());
        let message = SAYING.into_iter().find_map(|name| filled(fields.words(name)));
        Self {
            kind: filled(fields.text("type")),
            code: filled(fields.text("code")),
            message,
            param: filled(fields.text("param")),
            event_id: filled(fields.text("event_id")),
            names_event: fields.has("event_id"),
        }
    }

    /// One word is a kind as well, a code that stands beside it is finer.
    fn of_text(text: Cow<'a, str>) -> Self {
        let word = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let kind = word.then(|| text.clone());
        Self { kind, message: Some(text).filter(|text| !text.is_empty()), ..Self::default() }
    }

    /// What `self` leaves open as `other` has it.
    fn or(self, other: Self) -> Self {
        Self {
            kind: self.kind.or(other.kind),
            code: self.code.or(other.code),
            message: self.message.or(other.message),
            param: self.param.or(other.param),
            event_id: self.event_id.or(other.event_id),
            names_event: self.names_event || other.names_event,
        }
    }
}

/// Where an error's words stand.
const SAYING: [&str; 5] = ["message", "detail", "msg", "error_description", "reason"];

/// An event about an item.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemRef<'a> {
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
}

impl<'a> ItemRef<'a> {
    fn of(event: &Fields<'a>) -> Self {
        Self { item_id: event.id("item_id") }
    }
}

/// `input_audio_buffer.committed`.
#[derive(Debug, Clone, PartialEq)]
pub struct Committed<'a> {
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
    /// The item before it.
    pub previous_item_id: Option<Cow<'a, str>>,
}

impl<'a> Committed<'a> {
    fn of(event: &Fields<'a>) -> Self {
        Self { item_id: event.id("item_id"), previous_item_id: event.text("previous_item_id") }
    }
}

/// `conversation.item.added`.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemPlaced<'a> {
    /// The item.
    pub item: ItemInfo<'a>,
    /// The item before it.
    pub previous_item_id: Option<Cow<'a, str>>,
}

impl<'a> ItemPlaced<'a> {
    fn of(event: &Fields<'a>) -> Self {
        Self { item: ItemInfo::of(&event.object("item")), previous_item_id: event.text("previous_item_id") }
    }
}

/// An item, as far as we look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ItemInfo<'a> {
    /// `item_…`.
    pub id: Option<Cow<'a, str>>,
    /// `message`, `function_call`, `function_call_output`, …
    pub kind: Option<Cow<'a, str>>,
    /// `user`, `assistant`, `system`; of messages.
    pub role: Option<Cow<'a, str>>,
    /// `completed`, `incomplete`, `in_progress`.
    pub status: Option<Cow<'a, str>>,
    /// Of function calls and their results; a call's own id where the server gives it no other.
    pub call_id: Option<Cow<'a, str>>,
    /// Of function calls.
    pub name: Option<Cow<'a, str>>,
    /// Of function calls: JSON, whether it came in a string or as it is.
    pub arguments: Option<Cow<'a, str>>,
    /// Of messages: whether something is written in one of its parts.
    pub has_text: bool,
}

impl<'a> ItemInfo<'a> {
    fn of(item: &Fields<'a>) -> Self {
        let written = |part: &RawValue| Fields::of(Some(part)).text("text").is_some_and(|text| !text.trim().is_empty());
        let filled = |text: Option<Cow<'a, str>>| text.filter(|text| !text.is_empty());
        Self {
            id: item.text("id"),
            kind: item.text("type"),
            role: item.text("role"),
            status: item.text("status"),
            call_id: filled(item.text("call_id")).or_else(|| item.text("id")),
            name: item.text("name"),
            arguments: item.json("arguments"),
            has_text: item.list("content").into_iter().any(written),
        }
    }
}

/// `response.output_item.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct OutputItem<'a> {
    /// The response; empty where the server does not say.
    pub response_id: Cow<'a, str>,
    /// The item.
    pub item: ItemInfo<'a>,
}

impl<'a> OutputItem<'a> {
    fn of(event: &Fields<'a>) -> Self {
        Self { response_id: event.id("response_id"), item: ItemInfo::of(&event.object("item")) }
    }
}

/// `…input_audio_transcription.delta`.
#[derive(Debug, Clone, PartialEq)]
pub struct CallerDelta<'a> {
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
    /// The piece. Some servers send events without one.
    pub delta: Option<Cow<'a, str>>,
}

impl<'a> CallerDelta<'a> {
    fn of(event: &Fields<'a>) -> Self {
        // A number is no piece of speech.
        let worded = event.raw("delta").is_some_and(|raw| raw.get().starts_with(['"', '{', '[']));
        Self { item_id: event.id("item_id"), delta: event.words("delta").filter(|_| worded) }
    }
}

/// `…input_audio_transcription.completed`.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcribed<'a> {
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
    /// What was said; empty where there is nothing to be read.
    pub transcript: Cow<'a, str>,
    /// What it cost.
    pub usage: Option<TranscriptionUsage>,
}

impl<'a> Transcribed<'a> {
    fn of(event: &Fields<'a>) -> Self {
        Self {
            item_id: event.id("item_id"),
            transcript: event.words("transcript").or_else(|| event.words("text")).unwrap_or_default(),
            usage: usage::of_transcription(&event.object("usage")),
        }
    }
}

/// A piece of a part of an item: audio in base64, or words. Borrowed as long as nothing in it is escaped.
#[derive(Debug, Clone, PartialEq)]
pub struct Delta<'a> {
    /// The response; empty where the server does not say.
    pub response_id: Cow<'a, str>,
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
    /// The piece; empty where there is nothing to be read.
    pub delta: Cow<'a, str>,
}

impl<'a> Delta<'a> {
    fn of(event: &Fields<'a>) -> Self {
        let PartRef { response_id, item_id } = PartRef::of(event);
        Self { response_id, item_id, delta: event.words("delta").unwrap_or_default() }
    }
}

/// A part of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct PartRef<'a> {
    /// The response; empty where the server does not say.
    pub response_id: Cow<'a, str>,
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
}

impl<'a> PartRef<'a> {
    fn of(event: &Fields<'a>) -> Self {
        Self { response_id: event.id("response_id"), item_id: event.id("item_id") }
    }
}

/// `response.output_audio_transcript.done` and `response.output_text.done`.
#[derive(Debug, Clone, PartialEq)]
pub struct WordsDone<'a> {
    /// The response; empty where the server does not say.
    pub response_id: Cow<'a, str>,
    /// The item; empty where the server does not say.
    pub item_id: Cow<'a, str>,
    /// Which part of the item.
    pub content_index: Option<u32>,
    /// The whole text; `text` in the one event, `transcript` in the other. `None` where there is nothing to be read.
    pub transcript: Option<Cow<'a, str>>,
}

impl<'a> WordsDone<'a> {
    fn of(event: &Fields<'a>) -> Self {
        let PartRef { response_id, item_id } = PartRef::of(event);
        Self {
            response_id,
            item_id,
            content_index: event.count("content_index", u32::MAX).and_then(|index| u32::try_from(index).ok()),
            transcript: event.words("transcript").or_else(|| event.words("text")),
        }
    }
}

/// `response.function_call_arguments.done`.
#[derive(Debug, Clone, PartialEq)]
pub struct ArgumentsDone<'a> {
    /// The response; empty where the server does not say.
    pub response_id: Cow<'a, str>,
    /// The item.
    pub item_id: Option<Cow<'a, str>>,
    /// The call; its item where the server gives it no other name.
    pub call_id: Cow<'a, str>,
    /// The function; beta servers leave it out, then it is in the response's output.
    pub name: Option<Cow<'a, str>>,
    /// JSON, whether it came in a string or as it is.
    pub arguments: Cow<'a, str>,
}

impl<'a> ArgumentsDone<'a> {
    fn of(event: &Fields<'a>) -> Self {
        let item_id = event.text("item_id");
        Self {
            response_id: event.id("response_id"),
            call_id: event.text("call_id").or_else(|| item_id.clone()).unwrap_or_default(),
            item_id,
            name: event.text("name"),
            arguments: event.json("arguments").unwrap_or_default(),
        }
    }
}

/// A response, when it begins and when it ends.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResponseInfo<'a> {
    /// `resp_…`; empty where the server does not say.
    pub id: Cow<'a, str>,
    /// `in_progress`, `completed`, `cancelled`, `failed`, `incomplete`.
    pub status: Option<Cow<'a, str>>,
    /// Why it ended as it did: `turn_detected`, `client_cancelled`, `max_output_tokens`, `content_filter`.
    pub reason: Option<Cow<'a, str>>,
    /// Of failed ones.
    pub error: ErrorInfo<'a>,
    /// What it has said and called.
    pub output: Vec<ItemInfo<'a>>,
    /// The wish it answers, as we wrote it into its metadata.
    pub request: Option<u64>,
    /// What it cost; `None` where there is nothing to be read.
    pub usage: Option<Usage>,
}

impl<'a> ResponseInfo<'a> {
    fn of_event(event: &Fields<'a>) -> Self {
        let response = event.object("response");
        let details = response.object("status_details");
        let of_error = |fields: &Fields<'a>| fields.raw("error").map(ErrorInfo::of).unwrap_or_default();
        let error = of_error(&details)
            .or(response.raw("status_details").map(ErrorInfo::of).unwrap_or_default())
            .or(of_error(&response));
        let id = response.text("id").or_else(|| event.text("response_id")).or_else(|| event.text("response"));
        // Some servers tell what it cost beside the response.
        let usage = [&response, event].into_iter().find_map(|object| usage::of_response(&object.object("usage")));
        Self {
            id: id.unwrap_or_default(),
            status: response.text("status"),
            reason: details.text("reason").or_else(|| response.text("status_details")),
            error,
            output: response.list("output").into_iter().map(|item| ItemInfo::of(&Fields::of(Some(item)))).collect(),
            request: response.object("metadata").text("wish").and_then(|request| request.parse().ok()),
            usage,
        }
    }
}

#[cfg(test)]
mod tests;
