//! Server events: what this crate receives.
//!
//! An event is read by its type first, then field by field. Unknown types and fields do no harm,
//! and one bad field never costs a known event.

mod error;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Deserialize;

pub use self::error::ErrorInfo;
use crate::realtime::fields::{Fields, without_non_finite};
use crate::realtime::report::Usage;

/// A server event, borrowed from its message.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerEvent<'a> {
    /// The session is running.
    Started(SessionInfo<'a>),
    /// A change was accepted.
    Updated,
    /// A piece of the model's audio in base64, silence included.
    Audio(Cow<'a, str>),
    /// A piece of the caller's words.
    CallerWords(Fragment<'a>),
    /// A piece of the model's words.
    AgentWords(Fragment<'a>),
    /// An append of ours was placed on the timeline. That does not mean that it was said.
    Appended {
        /// Our id of the append.
        about: Option<Cow<'a, str>>,
    },
    /// The voice handed work over.
    Delegated {
        /// The id of the delegation.
        id: Cow<'a, str>,
        /// Whether the server's own model does the work, and not we.
        hosted: bool,
    },
    /// An event of the model behind the voice.
    Nested(Nested<'a>),
    /// The duration of the session so far, in seconds. It is cumulative.
    Used(Option<f64>),
    /// The server refused something or failed. A running session goes on.
    Error(ErrorInfo<'a>),
    /// The session is over.
    Closed {
        /// The reason.
        reason: Cow<'a, str>,
        /// The final duration in seconds.
        seconds: Option<f64>,
    },
    /// An event without a use for us, known or unknown.
    Other(Cow<'a, str>),
}

/// The session as the server describes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionInfo<'a> {
    /// The id; empty if absent.
    pub id: Cow<'a, str>,
    /// When the session ends, in seconds since 1970.
    pub expires_at: Option<f64>,
    /// The type of the audio format.
    pub format: Option<Cow<'a, str>>,
    /// The rate of the audio format.
    pub rate: Option<u64>,
}

/// A piece of a transcript, with its place in session time. Some servers omit the place.
#[derive(Debug, Clone, PartialEq)]
pub struct Fragment<'a> {
    /// The words, with the space before them.
    pub text: Cow<'a, str>,
    /// Where it begins, in ms.
    pub start_ms: Option<u64>,
    /// Where it ends, in ms.
    pub end_ms: Option<u64>,
}

/// An event of the model behind the voice.
#[derive(Debug, Clone, PartialEq)]
pub enum Nested<'a> {
    /// A response began.
    Created {
        /// Its id; empty if absent.
        response: Cow<'a, str>,
    },
    /// A function call is complete.
    Called {
        /// The id of the call.
        call: Cow<'a, str>,
        /// The function's name.
        name: Cow<'a, str>,
        /// The arguments as JSON.
        arguments: Cow<'a, str>,
    },
    /// A response ended.
    Ended {
        /// Its id; empty if absent.
        response: Cow<'a, str>,
        /// Whether it completed. The calls of any other response are void.
        completed: bool,
        /// What it cost.
        usage: Option<Usage>,
        /// Why it failed.
        error: ErrorInfo<'a>,
    },
    /// Anything else.
    Other,
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
            "session.output_audio.delta" => S::Audio(match audio_in(text) {
                Some(audio) => Cow::Borrowed(audio),
                None => fields()?.id("delta"),
            }),
            "session.input_transcript.delta" => S::CallerWords(Fragment::of(&fields()?)),
            "session.output_transcript.delta" => S::AgentWords(Fragment::of(&fields()?)),
            "session.commentary.appended" | "session.thinking.appended" | "session.instructions.appended" => {
                S::Appended { about: fields()?.text("client_event_id") }
            }
            "session.started" => S::Started(SessionInfo::of(&fields()?.object("session"))),
            "session.updated" => S::Updated,
            "session.delegation.created" => {
                let delegation = fields()?.object("delegation");
                let hosted = delegation.text("target").is_some_and(|target| target == "responses");
                S::Delegated { id: delegation.id("id"), hosted }
            }
            "response.event" => S::Nested(Nested::of(&fields()?.object("event"))),
            "session.usage.updated" => S::Used(seconds(&fields()?)),
            "session.closed" => {
                let fields = fields()?;
                S::Closed { reason: fields.id("reason"), seconds: seconds(&fields) }
            }
            "error" => S::Error(ErrorInfo::of_event(&fields()?)),
            _ => S::Other(kind),
        })
    }
}

impl<'a> SessionInfo<'a> {
    fn of(session: &Fields<'a>) -> Self {
        let format = session.object("audio").object("format");
        Self {
            id: session.id("id"),
            expires_at: session.number("expires_at"),
            format: format.text("type"),
            rate: format.count("rate", 192_000),
        }
    }
}

impl<'a> Fragment<'a> {
    fn of(event: &Fields<'a>) -> Self {
        let at = |name: &str| event.number(name).filter(|ms| (0.0..=LONGEST_MS).contains(ms)).map(|ms| ms as u64);
        Self { text: event.words("delta").unwrap_or_default(), start_ms: at("start_ms"), end_ms: at("end_ms") }
    }
}

impl<'a> Nested<'a> {
    fn of(event: &Fields<'a>) -> Self {
        let response = || event.object("response").text("id").unwrap_or_default();
        match event.text("type").as_deref() {
            Some("response.created") => Self::Created { response: response() },
            Some("response.output_item.done") => {
                let item = event.object("item");
                let complete = item.text("status").is_none_or(|status| status == "completed");
                if item.text("type").as_deref() != Some("function_call") || !complete {
                    return Self::Other;
                }
                let arguments = item.json("arguments").unwrap_or_default();
                Self::Called { call: item.id("call_id"), name: item.id("name"), arguments }
            }
            Some(kind @ ("response.completed" | "response.failed" | "response.incomplete" | "response.cancelled")) => {
                let inner = event.object("response");
                Self::Ended {
                    response: response(),
                    completed: kind == "response.completed",
                    usage: usage_of(&inner.object("usage")),
                    error: ErrorInfo::of_fields(&inner.object("error")),
                }
            }
            _ => Self::Other,
        }
    }
}

/// The tokens of a response of the model behind the voice: text alone.
fn usage_of(usage: &Fields<'_>) -> Option<Usage> {
    let read = |fields: &Fields<'_>, name: &str| fields.count(name, MOST_TOKENS).unwrap_or_default();
    let usage = Usage {
        input_text: read(usage, "input_tokens"),
        cached_text: read(&usage.object("input_tokens_details"), "cached_tokens"),
        output_text: read(usage, "output_tokens"),
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

/// The duration in the event's `usage`.
fn seconds(event: &Fields<'_>) -> Option<f64> {
    event.object("usage").number("seconds").filter(|seconds| (0.0..=MOST_SECONDS).contains(seconds))
}

/// The event's type. Servers write it among the first fields, so the rest need not be read. Any
/// other place in the object works too.
fn kind_of(text: &str) -> Result<Cow<'_, str>, Unreadable> {
    #[derive(Deserialize)]
    struct Kind<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
    }
    if let Some(rest) = after_own(text, r#""type":""#)
        && let Some((kind, _)) = rest.split_once('"')
        && !kind.contains('\\')
    {
        return Ok(Cow::Borrowed(kind));
    }
    serde_json::from_str::<Kind<'_>>(text).map(|event| event.kind).map_err(|_| Unreadable::NotAnEvent)
}

/// The audio of an audio event, without the JSON reader touching it. A primary socket's event has
/// no other field of use. `None` if the event has an unexpected form.
fn audio_in(text: &str) -> Option<&str> {
    let audio = after_own(text, r#""delta":""#)?;
    let end = memchr::memchr2(b'"', b'\\', audio.as_bytes())?;
    let (audio, after) = audio.split_at(end);
    // An escape can only be undone by the JSON reader.
    after.starts_with('"').then_some(audio)
}

/// The text behind the event's own `field`. Within a string the field's quotation marks would be
/// escaped. A field of an inner object does not count.
fn after_own<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    let at = memchr::memmem::find(text.as_bytes(), field.as_bytes())?;
    let (before, after) = text.split_at(at + field.len());
    (memchr::memrchr(b'{', before.as_bytes()) == Some(0)).then_some(after)
}

fn malformed(kind: &str, error: &serde_json::Error) -> Unreadable {
    // The reader's own message may repeat text of the event.
    Unreadable::Malformed { kind: kind.to_owned(), column: error.column() }
}

/// A place in session time that no session reaches, in ms.
const LONGEST_MS: f64 = MOST_SECONDS * 1_000.0;
/// A duration that no session reaches, in seconds.
const MOST_SECONDS: f64 = 24.0 * 3600.0;
/// More tokens than any model reads or writes in one response. A larger number is a mistake of the
/// server, and it would end a call by its spending limit.
const MOST_TOKENS: u32 = 10_000_000;
