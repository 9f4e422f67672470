//! Errors of the server, in all shapes that servers use.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::realtime::fields::{Fields, elements, text as text_of};
use crate::realtime::openai::protocol::EventId;

/// An error, either of an `error` event or of a failed response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ErrorInfo<'a> {
    /// The type: `invalid_request_error`, `server_error`, …
    pub kind: Option<Cow<'a, str>>,
    /// The code, which is more specific than the type. Old sessions leave it null.
    pub code: Option<Cow<'a, str>>,
    /// The message for people.
    pub message: Option<Cow<'a, str>>,
    /// The field that the error is about.
    pub param: Option<Cow<'a, str>>,
    /// The client event that the error is about.
    pub event_id: Option<Cow<'a, str>>,
    /// Whether the server names the event that its error is about, even as null. An error of a
    /// server that never names one may be about any event.
    pub names_event: bool,
}

impl<'a> ErrorInfo<'a> {
    /// The most specific word: the code, else the type.
    pub fn word(&self) -> &str {
        self.code.as_deref().or(self.kind.as_deref()).unwrap_or("unknown")
    }

    /// The message, or an empty text.
    pub fn text(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// The error of an `error` event, in its own field or beside the event's type.
    pub(super) fn of_event(event: &Fields<'a>) -> Self {
        let own = event.raw("error").map(Self::of).unwrap_or_default();
        // The event's own type and id are not the error's.
        let about = event.text("event_id").filter(|id| EventId::parse(id).is_some());
        let beside = Self { kind: None, event_id: about, names_event: false, ..Self::of_fields(event) };
        own.or(beside)
    }

    /// The content of a `warning` event.
    pub(super) fn of_warning(event: &Fields<'a>) -> Self {
        let own = event.raw("warning").map(Self::of).unwrap_or_default();
        own.or(Self { kind: None, event_id: None, ..Self::of_fields(event) })
    }

    /// An error of any shape: an object, a text, a number, or a list of these.
    pub(super) fn of(raw: &'a RawValue) -> Self {
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

    pub(super) fn of_fields(fields: &Fields<'a>) -> Self {
        let message = SAYING.into_iter().find_map(|name| fields.words(name).filter(|words| !words.is_empty()));
        Self {
            kind: fields.filled("type"),
            code: fields.filled("code"),
            message,
            param: fields.filled("param"),
            event_id: fields.filled("event_id"),
            names_event: fields.has("event_id"),
        }
    }

    /// A single word becomes the error's kind too. A code beside it is more specific.
    pub(super) fn of_text(text: Cow<'a, str>) -> Self {
        let word = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let kind = word.then(|| text.clone());
        Self { kind, message: Some(text).filter(|text| !text.is_empty()), ..Self::default() }
    }

    /// Fills the empty fields of `self` from `other`.
    pub(super) fn or(self, other: Self) -> Self {
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

/// The names of fields that hold an error's message.
const SAYING: [&str; 5] = ["message", "detail", "msg", "error_description", "reason"];
