//! Errors of the server.

use std::borrow::Cow;

use crate::realtime::fields::Fields;

/// An error, of an `error` event or of a failed response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ErrorInfo<'a> {
    /// The type: `invalid_request_error`, `server_error`, …
    pub kind: Option<Cow<'a, str>>,
    /// The code, which is more specific than the type. The server sometimes sends null.
    pub code: Option<Cow<'a, str>>,
    /// The message for people.
    pub message: Option<Cow<'a, str>>,
    /// The field that the error is about.
    pub param: Option<Cow<'a, str>>,
    /// Our id of the event that the error is about.
    pub about: Option<Cow<'a, str>>,
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

    pub(super) fn of_event(event: &Fields<'a>) -> Self {
        let own = Self::of_fields(&event.object("error"));
        let about = own.about.or_else(|| event.text("client_event_id"));
        let message = own.message.or_else(|| event.words("error"));
        Self { about, message, ..own }
    }

    pub(super) fn of_fields(error: &Fields<'a>) -> Self {
        let filled = |name: &str| error.text(name).filter(|text| !text.is_empty());
        Self {
            kind: filled("type"),
            code: filled("code"),
            message: error.words("message"),
            param: filled("param"),
            about: filled("client_event_id"),
        }
    }
}
