//! The API's refusals.

use serde_json::{Value, json};

/// One refusal, as sent in an `error` event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// `error.type`.
    pub(super) kind: &'static str,
    /// `error.code`.
    pub(super) code: &'static str,
    /// The message for people.
    pub(super) message: String,
    /// The path of the faulty field.
    pub(super) param: Option<String>,
}

impl Fault {
    /// An `invalid_request_error`: the type for a client's mistakes.
    pub(super) fn request(code: &'static str, message: impl Into<String>) -> Self {
        Self { kind: "invalid_request_error", code, message: message.into(), param: None }
    }

    /// Sets the faulty field.
    pub(super) fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// A required field is missing.
    pub(super) fn missing(path: &str) -> Self {
        Self::request("missing_required_parameter", format!("Missing required parameter: '{path}'.")).at(path)
    }

    /// A field is unknown.
    pub(super) fn unknown(path: &str) -> Self {
        Self::request("unknown_parameter", format!("Unknown parameter: '{path}'.")).at(path)
    }

    /// A value is not in the list of supported values.
    pub(super) fn unsupported<'a>(path: &str, got: &str, supported: impl Iterator<Item = &'a str>) -> Self {
        let supported: Vec<String> = supported.map(|word| format!("'{word}'")).collect();
        let message = format!("Invalid value: '{got}'. Supported values are: {}.", supported.join(", "));
        Self::request("invalid_value", message).at(path)
    }

    /// The `error` object, with the client event that caused it under the key `event`.
    pub(super) fn object(&self, event: &str, client_event: Option<&str>) -> Value {
        json!({
            "type": self.kind,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            event: client_event,
        })
    }
}
