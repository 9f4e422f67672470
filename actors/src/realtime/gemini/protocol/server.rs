//! Server messages: what this crate receives (<https://ai.google.dev/api/live#server-messages>).
//!
//! A message is a union of fields, several of which may come together. Each is read on its own, in
//! camel case or in snake case; unknown ones do no harm, and one bad field costs no other.

mod cut;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use serde_json::value::RawValue;

use self::cut::{AudioPieces, cut_audio};
use super::usage;
use crate::realtime::fields::{Fields, elements, without_non_finite};
use crate::realtime::report::Usage;

/// A server message. Its audio is borrowed from the text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerMessage<'a> {
    /// The configuration was accepted; the session's id, empty if the server gave none.
    pub setup_complete: Option<String>,
    /// What the model says, and what it heard.
    pub content: Content<'a>,
    /// The model's tool calls.
    pub calls: Vec<FunctionCall>,
    /// The ids of tool calls whose results are not wanted any more.
    pub cancelled: Vec<String>,
    /// How soon the server closes the socket.
    pub go_away: Option<Duration>,
    /// A handle to continue the conversation from here; `None` if it cannot be continued from here.
    pub handle: Option<String>,
    /// The beginning or end of the caller's speech. Few servers report it.
    pub activity: Option<Activity>,
    /// The tokens of a turn or of a part of it.
    pub usage: Option<Usage>,
}

/// What the model says, and what it heard.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Content<'a> {
    /// Parts of the model's turn, in order.
    pub parts: Vec<Part<'a>>,
    /// The next words of the agent.
    pub spoken: Option<String>,
    /// The next words of the caller.
    pub heard: Option<String>,
    /// Whether the caller's words are complete.
    pub heard_all: bool,
    /// Whether the caller is being transcribed, ahead of the words themselves.
    pub hears: bool,
    /// The caller interrupted the model.
    pub interrupted: bool,
    /// The model has generated everything that it says.
    pub generation_complete: bool,
    /// The turn is over.
    pub turn_complete: bool,
    /// Why the turn ended, if it did not end as usual.
    pub reason: Option<String>,
    /// More follows by itself after the end of this turn.
    pub more_follows: bool,
}

/// A part of the model's turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// Audio in base64.
    Audio {
        /// The rate in Hz, if the server names one.
        rate_hz: Option<u32>,
        /// The audio.
        data: Cow<'a, str>,
    },
    /// A thought. It is never said and never recorded.
    Thought,
    /// Anything else, such as text, which an audio model does not say.
    Other,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionCall {
    /// Its id, if the server gave one.
    pub id: Option<String>,
    /// The tool's name.
    pub name: String,
    /// The arguments: JSON in a string.
    pub arguments: String,
}

/// The caller's speech as a server reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// It begins.
    Start,
    /// It ends.
    End,
}

/// The message is not a JSON object. The place is given and never the content, because a message may
/// contain speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read a message: not a JSON object at column {column}")]
pub struct Unreadable {
    /// The column where the JSON becomes invalid.
    pub column: usize,
}

impl<'a> ServerMessage<'a> {
    /// Reads one message.
    ///
    /// # Errors
    /// If it is not a JSON object.
    pub fn parse(text: &'a str) -> Result<Self, Unreadable> {
        if let Some((rest, audio)) = cut_audio(text)
            && let Ok(fields) = Fields::read(&rest)
        {
            return Ok(Self::of(&fields, &audio));
        }
        let unreadable = match Fields::read(text) {
            Ok(fields) => return Ok(Self::of(&fields, &AudioPieces::default())),
            Err(error) => Unreadable { column: error.column() },
        };
        let mended = without_non_finite(text).ok_or(unreadable)?;
        Fields::read(&mended).map(|fields| Self::of(&fields, &AudioPieces::default())).map_err(|_| unreadable)
    }

    fn of(fields: &Fields<'_>, audio: &AudioPieces<'a>) -> Self {
        let update = object(fields, "sessionResumptionUpdate");
        let activity = object(fields, "voiceActivity");
        Self {
            setup_complete: raw(fields, "setupComplete").map(|raw| {
                let complete = Fields::of(Some(raw));
                text(&complete, "sessionId").unwrap_or_default().into_owned()
            }),
            content: Content::of(&object(fields, "serverContent"), audio),
            calls: list(&object(fields, "toolCall"), "functionCalls").iter().filter_map(|raw| call(raw)).collect(),
            cancelled: texts(&object(fields, "toolCallCancellation"), "ids"),
            go_away: raw(fields, "goAway").map(|raw| time_left(&Fields::of(Some(raw)))),
            handle: text(&update, "newHandle")
                .filter(|handle| !handle.is_empty() && is_true(&update, "resumable"))
                .map(Cow::into_owned),
            activity: match text(&activity, "voiceActivityType").as_deref() {
                Some("ACTIVITY_START") => Some(Activity::Start),
                Some("ACTIVITY_END") => Some(Activity::End),
                _ => None,
            },
            usage: raw(fields, "usageMetadata").and_then(|raw| usage::of_turn(&Fields::of(Some(raw)))),
        }
    }

    /// Whether the message holds anything that is known.
    pub fn is_known(&self) -> bool {
        *self != Self::default()
    }
}

impl<'a> Content<'a> {
    fn of(fields: &Fields<'_>, audio: &AudioPieces<'a>) -> Self {
        let turn = object(fields, "modelTurn");
        let heard = object(fields, "inputTranscription");
        let words = |fields: &Fields<'_>| text(fields, "text").filter(|text| !text.is_empty()).map(Cow::into_owned);
        Self {
            parts: list(&turn, "parts").into_iter().map(|raw| Part::of(raw, audio)).collect(),
            spoken: words(&object(fields, "outputTranscription")),
            heard: words(&heard),
            heard_all: is_true(&heard, "finished"),
            hears: words(&object(fields, "interimInputTranscription")).is_some(),
            interrupted: is_true(fields, "interrupted"),
            generation_complete: is_true(fields, "generationComplete"),
            turn_complete: is_true(fields, "turnComplete"),
            reason: text(fields, "turnCompleteReason")
                .filter(|reason| !reason.ends_with("UNSPECIFIED"))
                .map(Cow::into_owned),
            more_follows: text(fields, "interactionStatus").as_deref() == Some("IN_PROGRESS"),
        }
    }
}

impl<'a> Part<'a> {
    fn of(part: &RawValue, audio: &AudioPieces<'a>) -> Self {
        let fields = Fields::of(Some(part));
        if is_true(&fields, "thought") {
            return Self::Thought;
        }
        let inline = object(&fields, "inlineData");
        let kind = text(&inline, "mimeType").unwrap_or_default();
        match text(&inline, "data") {
            Some(data) if kind.is_empty() || kind.starts_with("audio/") => {
                Self::Audio { rate_hz: rate_of(&kind), data: audio.piece(data) }
            }
            Some(_) | None => Self::Other,
        }
    }
}

/// The rate in a type such as `audio/pcm;rate=24000`.
fn rate_of(kind: &str) -> Option<u32> {
    let parameter = |part: &str| part.trim().strip_prefix("rate=")?.trim().parse().ok();
    kind.split(';').find_map(parameter)
}

fn call(raw: &RawValue) -> Option<FunctionCall> {
    let fields = Fields::of(Some(raw));
    let name = text(&fields, "name").filter(|name| !name.is_empty())?.into_owned();
    let id = text(&fields, "id").filter(|id| !id.is_empty()).map(Cow::into_owned);
    let arguments = fields.json("args").map_or_else(|| "{}".to_owned(), Cow::into_owned);
    Some(FunctionCall { id, name, arguments })
}

/// A duration such as `12.5s`; what cannot be read counts as no time.
fn time_left(fields: &Fields<'_>) -> Duration {
    let left = text(fields, "timeLeft").unwrap_or_default();
    let seconds = left.trim().trim_end_matches('s').parse().unwrap_or(0.0);
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// The value of the field that the API calls `name`, or of the same name in snake case.
pub(super) fn raw<'f>(fields: &Fields<'f>, name: &str) -> Option<&'f RawValue> {
    fields.raw(name).or_else(|| fields.raw(&snake_case(name)))
}

/// The object `name`; empty if there is none.
pub(super) fn object<'f>(fields: &Fields<'f>, name: &str) -> Fields<'f> {
    Fields::of(raw(fields, name))
}

/// The elements of the list `name`.
pub(super) fn list<'f>(fields: &Fields<'f>, name: &str) -> Vec<&'f RawValue> {
    raw(fields, name).map(elements).unwrap_or_default()
}

/// The short text `name`.
pub(super) fn text<'f>(fields: &Fields<'f>, name: &str) -> Option<Cow<'f, str>> {
    raw(fields, name).and_then(crate::realtime::fields::text)
}

fn texts(fields: &Fields<'_>, name: &str) -> Vec<String> {
    list(fields, name).into_iter().filter_map(crate::realtime::fields::text).map(Cow::into_owned).collect()
}

fn is_true(fields: &Fields<'_>, name: &str) -> bool {
    text(fields, name).as_deref() == Some("true")
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
