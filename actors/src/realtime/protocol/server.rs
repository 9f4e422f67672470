//! What we hear. The type first, then the payload; unknown types and fields survive, and of the known ones only what we
//! cannot do without is required, because compatible servers leave out the rest.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

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
    /// A known event without what it must have.
    #[error("read a `{kind}` event: {problem}")]
    Malformed {
        /// Its type.
        kind: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl<'a> ServerEvent<'a> {
    /// Reads one message.
    ///
    /// # Errors
    /// When it is no event, or a known one that lacks what it must have. An unknown one is [`ServerEvent::Other`].
    pub fn parse(text: &'a str) -> Result<Self, Unreadable> {
        use ServerEvent as S;
        let kind = kind_of(text)?;
        Ok(match &*kind {
            "response.output_audio.delta" | "response.audio.delta" => S::AudioDelta(audio_delta(&kind, text)?),
            "response.output_audio_transcript.delta"
            | "response.audio_transcript.delta"
            | "response.output_text.delta"
            | "response.text.delta" => S::WordsDelta(payload(&kind, text)?),
            "response.output_audio_transcript.done"
            | "response.audio_transcript.done"
            | "response.output_text.done"
            | "response.text.done" => S::WordsDone(payload(&kind, text)?),
            "response.output_audio.done" | "response.audio.done" => S::AudioDone(payload(&kind, text)?),
            "session.created" => S::SessionCreated(payload::<InSession<'_>>(&kind, text)?.session),
            "session.updated" => S::SessionUpdated(payload::<InSession<'_>>(&kind, text)?.session),
            "error" => S::Error(payload::<InError<'_>>(&kind, text)?.error),
            "input_audio_buffer.speech_started" => S::SpeechStarted(payload(&kind, text)?),
            "input_audio_buffer.speech_stopped" => S::SpeechStopped(payload(&kind, text)?),
            "input_audio_buffer.committed" => S::Committed(payload(&kind, text)?),
            "conversation.item.added" | "conversation.item.created" => S::ItemPlaced(payload(&kind, text)?),
            "conversation.item.input_audio_transcription.delta" => S::CallerWordsDelta(payload(&kind, text)?),
            "conversation.item.input_audio_transcription.completed" => S::CallerTranscribed(payload(&kind, text)?),
            "conversation.item.input_audio_transcription.failed" => S::TranscriptionFailed(payload(&kind, text)?),
            "response.created" => S::ResponseCreated(payload::<InResponse<'_>>(&kind, text)?.response),
            "response.done" => S::ResponseDone(payload::<InResponse<'_>>(&kind, text)?.response),
            "response.output_item.added" => S::OutputItemAdded(payload(&kind, text)?),
            "response.output_item.done" => S::OutputItemDone(payload(&kind, text)?),
            "response.function_call_arguments.done" => S::ArgumentsDone(payload(&kind, text)?),
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
/// taken out by the quotation mark that ends them, and the rest is read. What is not written as expected is read as it is.
fn audio_delta<'a>(kind: &str, text: &'a str) -> Result<Delta<'a>, Unreadable> {
    without_audio(text).map_or_else(|| payload(kind, text), Ok)
}

fn without_audio(text: &str) -> Option<Delta<'_>> {
    let (before, audio) = after_own(text, r#""delta":""#)?;
    let end = memchr::memchr2(b'"', b'\\', audio.as_bytes())?;
    let (audio, after) = audio.split_at(end);
    // An escape has to be undone.
    if after.starts_with('\\') {
        return None;
    }
    let rest = [before, after].concat();
    let Delta { response_id, item_id, .. } = serde_json::from_str::<Delta<'_>>(&rest).ok()?;
    let owned = |id: Cow<'_, str>| Cow::Owned(id.into_owned());
    Some(Delta { response_id: owned(response_id), item_id: owned(item_id), delta: Cow::Borrowed(audio) })
}

/// The text up to the value of the event's own `field`, and from there on. Within a string the field's quotation marks would be
/// escaped; one of an inner object is somebody else's.
fn after_own<'a>(text: &'a str, field: &str) -> Option<(&'a str, &'a str)> {
    let (before, after) = text.split_at(memchr::memmem::find(text.as_bytes(), field.as_bytes())? + field.len());
    (memchr::memrchr(b'{', before.as_bytes()) == Some(0)).then_some((before, after))
}

fn payload<'a, T: Deserialize<'a>>(kind: &str, text: &'a str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        // Only these quote nothing but our own field names; the others repeat the value.
        let problem = match error.classify() {
            serde_json::error::Category::Data if said.starts_with("missing field") => said,
            serde_json::error::Category::Data => format!("a field of another type at column {}", error.column()),
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => format!("not JSON at column {}", error.column()),
        };
        Unreadable::Malformed { kind: kind.to_owned(), problem }
    })
}

/// What may be absent, null or of a shape we do not know, without spoiling the event it is in.
pub fn lenient<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// [`lenient`] at once, where the type is small.
fn leniently<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Option::<&'de RawValue>::deserialize(deserializer).map(lenient)
}

#[derive(Deserialize)]
struct InSession<'a> {
    #[serde(borrow)]
    session: SessionInfo<'a>,
}

#[derive(Deserialize)]
struct InError<'a> {
    #[serde(borrow)]
    error: ErrorInfo<'a>,
}

#[derive(Deserialize)]
struct InResponse<'a> {
    #[serde(borrow)]
    response: ResponseInfo<'a>,
}

/// The session as the server has it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct SessionInfo<'a> {
    /// `sess_…`.
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    /// The two directions.
    #[serde(borrow, default)]
    pub audio: Option<AudioInfo<'a>>,
    /// When it ends, in seconds since 1970.
    #[serde(default, deserialize_with = "leniently")]
    pub expires_at: Option<f64>,
}

/// The two directions of a session's audio.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct AudioInfo<'a> {
    /// From the caller.
    #[serde(borrow, default)]
    pub input: Option<DirectionInfo<'a>>,
    /// To the caller.
    #[serde(borrow, default)]
    pub output: Option<DirectionInfo<'a>>,
}

/// One direction.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct DirectionInfo<'a> {
    /// Its format.
    #[serde(borrow, default)]
    pub format: Option<FormatInfo<'a>>,
}

/// A format as the server names it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FormatInfo<'a> {
    /// `audio/pcm`, `audio/pcmu`, `audio/pcma`.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// Samples per second.
    #[serde(default)]
    pub rate: Option<u32>,
}

/// An error, by itself or inside a failed response.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ErrorInfo<'a> {
    /// `invalid_request_error`, `server_error`, …
    #[serde(borrow, rename = "type", default)]
    pub kind: Option<Cow<'a, str>>,
    /// The finer word; old sessions leave it null.
    #[serde(borrow, default)]
    pub code: Option<Cow<'a, str>>,
    /// For people.
    #[serde(borrow, default)]
    pub message: Option<Cow<'a, str>>,
    /// The field it is about.
    #[serde(borrow, default)]
    pub param: Option<Cow<'a, str>>,
    /// The client event it is about.
    #[serde(borrow, default)]
    pub event_id: Option<Cow<'a, str>>,
}

impl ErrorInfo<'_> {
    /// The finest word there is.
    pub fn word(&self) -> &str {
        self.code.as_deref().or(self.kind.as_deref()).unwrap_or("unknown")
    }

    /// What was said, or nothing.
    pub fn text(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }
}

/// An event about an item.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ItemRef<'a> {
    /// The item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
}

/// `input_audio_buffer.committed`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Committed<'a> {
    /// The item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// The item before it.
    #[serde(borrow, default)]
    pub previous_item_id: Option<Cow<'a, str>>,
}

/// `conversation.item.added`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ItemPlaced<'a> {
    /// The item.
    #[serde(borrow)]
    pub item: ItemInfo<'a>,
    /// The item before it.
    #[serde(borrow, default)]
    pub previous_item_id: Option<Cow<'a, str>>,
}

/// An item, as far as we look.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ItemInfo<'a> {
    /// `item_…`.
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    /// `message`, `function_call`, `function_call_output`, …
    #[serde(borrow, rename = "type", default)]
    pub kind: Option<Cow<'a, str>>,
    /// `user`, `assistant`, `system`; of messages.
    #[serde(borrow, default)]
    pub role: Option<Cow<'a, str>>,
    /// `completed`, `incomplete`, `in_progress`.
    #[serde(borrow, default)]
    pub status: Option<Cow<'a, str>>,
    /// Of function calls and their results.
    #[serde(borrow, default)]
    pub call_id: Option<Cow<'a, str>>,
    /// Of function calls.
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    /// Of function calls: JSON in a string.
    #[serde(borrow, default)]
    pub arguments: Option<Cow<'a, str>>,
}

/// `response.output_item.*`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OutputItem<'a> {
    /// The response.
    #[serde(borrow)]
    pub response_id: Cow<'a, str>,
    /// The item.
    #[serde(borrow)]
    pub item: ItemInfo<'a>,
}

/// `…input_audio_transcription.delta`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct CallerDelta<'a> {
    /// The item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// The piece. Some servers send events without one.
    #[serde(borrow, default, deserialize_with = "leniently")]
    pub delta: Option<Cow<'a, str>>,
}

/// `…input_audio_transcription.completed`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Transcribed<'a> {
    /// The item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// What was said.
    #[serde(borrow)]
    pub transcript: Cow<'a, str>,
    /// What it cost.
    #[serde(default, deserialize_with = "leniently")]
    pub usage: Option<TranscriptionUsageInfo>,
}

/// A piece of a part of an item: audio in base64, or words. Borrowed as long as nothing in it is escaped.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Delta<'a> {
    /// The response.
    #[serde(borrow)]
    pub response_id: Cow<'a, str>,
    /// The item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// The piece.
    #[serde(borrow)]
    pub delta: Cow<'a, str>,
}

/// A part of an item.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PartRef<'a> {
    /// The response.
    #[serde(borrow)]
    pub response_id: Cow<'a, str>,
    /// The item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
}

/// `response.output_audio_transcript.done` and `response.output_text.done`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WordsDone<'a> {
    /// The response.
    #[serde(borrow)]
    pub response_id: Cow<'a, str>,
    /// The item.
    #[serde(borrow)]
    pub item_id: Cow<'a, str>,
    /// Which part of the item.
    #[serde(default)]
    pub content_index: Option<u32>,
    /// The whole text; `text` in the one event, `transcript` in the other.
    #[serde(borrow, alias = "text")]
    pub transcript: Cow<'a, str>,
}

/// `response.function_call_arguments.done`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ArgumentsDone<'a> {
    /// The response.
    #[serde(borrow)]
    pub response_id: Cow<'a, str>,
    /// The item.
    #[serde(borrow, default)]
    pub item_id: Option<Cow<'a, str>>,
    /// The call.
    #[serde(borrow)]
    pub call_id: Cow<'a, str>,
    /// The function; beta servers leave it out, then it is in the response's output.
    #[serde(borrow, default)]
    pub name: Option<Cow<'a, str>>,
    /// JSON in a string.
    #[serde(borrow)]
    pub arguments: Cow<'a, str>,
}

/// A response, when it begins and when it ends.
#[derive(Debug, Clone, Deserialize)]
pub struct ResponseInfo<'a> {
    /// `resp_…`.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// `in_progress`, `completed`, `cancelled`, `failed`, `incomplete`.
    #[serde(borrow, default)]
    pub status: Option<Cow<'a, str>>,
    /// [`StatusDetails`]; read with [`lenient`], as the rest is: the end of a response must never be missed.
    #[serde(borrow, default)]
    pub status_details: Option<&'a RawValue>,
    /// [`ItemInfo`]s.
    #[serde(borrow, default)]
    pub output: Option<&'a RawValue>,
    /// [`MetadataInfo`].
    #[serde(borrow, default)]
    pub metadata: Option<&'a RawValue>,
    /// [`UsageInfo`].
    #[serde(borrow, default)]
    pub usage: Option<&'a RawValue>,
}

impl PartialEq for ResponseInfo<'_> {
    fn eq(&self, other: &Self) -> bool {
        let raw = |raw: Option<&RawValue>| raw.map(|raw| raw.get().to_owned());
        self.id == other.id
            && self.status == other.status
            && raw(self.status_details) == raw(other.status_details)
            && raw(self.output) == raw(other.output)
            && raw(self.metadata) == raw(other.metadata)
            && raw(self.usage) == raw(other.usage)
    }
}

/// Why a response ended as it did.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct StatusDetails<'a> {
    /// `turn_detected`, `client_cancelled`, `max_output_tokens`, `content_filter`.
    #[serde(borrow, default)]
    pub reason: Option<Cow<'a, str>>,
    /// Of failed ones.
    #[serde(borrow, default)]
    pub error: Option<ErrorInfo<'a>>,
}

/// What we wrote into a response's metadata.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct MetadataInfo<'a> {
    /// The wish it answers.
    #[serde(borrow, default)]
    pub wish: Option<Cow<'a, str>>,
}

/// Tokens of a response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct UsageInfo {
    /// All that went in.
    pub input_tokens: Option<u64>,
    /// All that came out.
    pub output_tokens: Option<u64>,
    /// What went in.
    pub input_token_details: Option<TokenDetails>,
    /// What came out.
    pub output_token_details: Option<TokenDetails>,
}

/// What one transcription cost: `seconds` with some models, tokens with others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TranscriptionUsageInfo {
    /// Of audio.
    pub seconds: Option<f64>,
    /// All that went in.
    pub input_tokens: Option<u64>,
    /// All that came out.
    pub output_tokens: Option<u64>,
    /// What went in.
    pub input_token_details: Option<TokenDetails>,
}

/// Tokens by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct TokenDetails {
    /// Of text.
    pub text_tokens: Option<u64>,
    /// Of audio.
    pub audio_tokens: Option<u64>,
    /// Of images.
    pub image_tokens: Option<u64>,
    /// Of those, from the cache.
    pub cached_tokens_details: Option<CachedTokens>,
}

/// Tokens from the cache, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CachedTokens {
    /// Of text.
    pub text_tokens: Option<u64>,
    /// Of audio.
    pub audio_tokens: Option<u64>,
    /// Of images.
    pub image_tokens: Option<u64>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> ServerEvent<'_> {
        ServerEvent::parse(text).expect("a readable event")
    }

    #[test]
    fn an_audio_delta_borrows_its_audio() {
        let text = r#"{"type":"response.output_audio.delta","event_id":"e","response_id":"resp_1","item_id":"item_1",
            "output_index":0,"content_index":0,"delta":"AAAA","obfuscation":"xyz"}"#;
        let ServerEvent::AudioDelta(delta) = parse(text) else { panic!("not a delta") };
        assert!(matches!(delta.delta, Cow::Borrowed("AAAA")));
        assert_eq!((&*delta.item_id, &*delta.response_id), ("item_1", "resp_1"));
    }

    #[test]
    fn audio_is_read_wherever_it_stands_and_however_it_is_written() {
        for fields in [
            r#""delta":"AAAA","response_id":"resp_1","item_id":"item_1""#,
            r#""response_id":"resp_1","item_id":"item_1","delta":"AAAA""#,
            r#""response_id":"resp_1","item_id":"item_1","delta" : "AAAA""#,
            r#""x":{"delta":"BBBB"},"response_id":"resp_1","item_id":"item_1","delta":"AAAA""#,
            r#""x":"\"delta\":\"BBBB\"","response_id":"resp_1","item_id":"item_1","delta":"AAAA""#,
            r#""response_id":"resp_1","item_id":"item_1","delta":"AAAA","x":{"delta":"BBBB"}"#,
            r#""response_id":"resp_1","item_id":"item_1","delta":"\u0041AAA""#,
        ] {
            let text = format!(r#"{{"type":"response.output_audio.delta",{fields}}}"#);
            let ServerEvent::AudioDelta(delta) = parse(&text) else { panic!("not a delta") };
            let read = (&*delta.response_id, &*delta.item_id, &*delta.delta);
            assert_eq!(read, ("resp_1", "item_1", "AAAA"), "{fields}");
        }
        for fields in [
            r#""response_id":"resp_1","item_id":"item_1","delta":"AAAA"#,
            r#""response_id":"resp_1","item_id":"item_1","delta":"AAAA","delta":"BBBB""#,
            r#""response_id":"resp_1","item_id":"item_1","delta":"AAAA",,"x":1"#,
        ] {
            let text = format!(r#"{{"type":"response.output_audio.delta",{fields}}}"#);
            assert!(ServerEvent::parse(&text).is_err(), "{fields}");
        }
    }

    #[test]
    fn an_escaped_delta_is_read_all_the_same() {
        let text = r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AA\/A"}"#;
        let ServerEvent::AudioDelta(delta) = parse(text) else { panic!("not a delta") };
        assert_eq!(delta.delta, "AA/A");
    }

    #[test]
    fn the_beta_spellings_are_the_same_events() {
        let beta = r#"{"type":"response.audio.delta","response_id":"r","item_id":"i","delta":"AAAA"}"#;
        assert!(matches!(parse(beta), ServerEvent::AudioDelta(_)));
        let beta = r#"{"type":"response.audio_transcript.delta","response_id":"r","item_id":"i","delta":"hi"}"#;
        assert!(matches!(parse(beta), ServerEvent::WordsDelta(_)));
        let beta = r#"{"type":"response.text.done","response_id":"r","item_id":"i","text":"hi"}"#;
        assert!(matches!(parse(beta), ServerEvent::WordsDone(WordsDone { content_index: None, .. })));
        let beta = r#"{"type":"conversation.item.created","item":{"id":"i","type":"message","role":"user"}}"#;
        assert!(matches!(parse(beta), ServerEvent::ItemPlaced(_)));
    }

    #[test]
    fn the_type_may_stand_anywhere_and_be_escaped() {
        let text = r#" {"event_id":"e","item_id":"item_1","type":"input_audio_buffer.speech_started"}"#;
        assert!(matches!(parse(text), ServerEvent::SpeechStarted(ItemRef { item_id: Cow::Borrowed("item_1") })));
        let text = r#"{"error":{"type":"t","message":"m"},"type":"error"}"#;
        assert!(matches!(parse(text), ServerEvent::Error(_)));
        let text = r#"{"event_id":"\"type\":\"x\"","type":"error","error":{"type":"t","message":"m"}}"#;
        assert!(matches!(parse(text), ServerEvent::Error(_)));
        let text = r#"{"type":"err\u006fr","error":{"type":"t","message":"m"}}"#;
        assert!(matches!(parse(text), ServerEvent::Error(_)));
    }

    #[test]
    fn an_unknown_type_survives_with_its_name() {
        assert_eq!(
            parse(r#"{"type":"response.telepathy.delta","x":1}"#),
            ServerEvent::Other(Cow::Borrowed("response.telepathy.delta"))
        );
    }

    #[test]
    fn a_known_type_that_cannot_be_read_is_an_error_with_its_name_and_without_its_content() {
        let error = ServerEvent::parse(r#"{"type":"response.output_audio.delta","item_id":"i","delta":"AAAA"}"#);
        assert_eq!(
            error.expect_err("no response").to_string(),
            "read a `response.output_audio.delta` event: missing field `response_id` at line 1 column 67"
        );
        let error = ServerEvent::parse(r#"{"type":"error","error":"my card number is 4111"}"#).expect_err("no object");
        assert!(!error.to_string().contains("4111"), "{error}");
        assert!(error.to_string().contains("`error`"), "{error}");
    }

    #[test]
    fn what_is_no_event_is_an_error() {
        for text in ["", "null", "[]", "{}", r#"{"type":1}"#, r#"{"type":"error""#, "\u{0}", r#"{"type":""#] {
            assert!(ServerEvent::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_response_with_odd_extras_still_ends() {
        let text = r#"{"type":"response.done","response":{"id":"resp_1","status":"completed","status_details":"odd",
            "output":{"not":"a list"},"metadata":[1],"usage":{"input_tokens":-1}}}"#;
        let ServerEvent::ResponseDone(response) = parse(text) else { panic!("not done") };
        assert_eq!(response.id, "resp_1");
        assert_eq!(lenient::<StatusDetails<'_>>(response.status_details), None);
        assert_eq!(lenient::<Vec<ItemInfo<'_>>>(response.output), None);
        assert_eq!(lenient::<MetadataInfo<'_>>(response.metadata), None);
        assert_eq!(lenient::<UsageInfo>(response.usage), None);
    }

    #[test]
    fn nulls_are_as_good_as_absent() {
        let text = r#"{"type":"error","event_id":"e","error":{"type":"invalid_request_error","code":null,
            "message":"m","param":null,"event_id":null}}"#;
        let ServerEvent::Error(error) = parse(text) else { panic!("not an error") };
        assert_eq!((error.word(), error.text()), ("invalid_request_error", "m"));
        assert_eq!(error.event_id, None);
        let text = r#"{"type":"response.created","response":{"id":"r","status":"in_progress","status_details":null,
            "output":[],"conversation_id":null,"metadata":null,"usage":null}}"#;
        let ServerEvent::ResponseCreated(response) = parse(text) else { panic!("not created") };
        assert_eq!(lenient::<MetadataInfo<'_>>(response.metadata), None);
    }

    proptest! {
        #[test]
        fn nothing_a_server_sends_panics(text in r#"\{"type":"(error|response\.done|response\.output_audio\.delta|session\.updated)",.{0,80}\}?"#) {
            let _ = ServerEvent::parse(&text);
        }
    }
}
