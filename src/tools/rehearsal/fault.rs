//! What the API says no with.

use serde_json::{Value, json};

/// One refusal, as it stands in an `error` event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// `error.type`.
    pub(super) kind: &'static str,
    /// `error.code`.
    pub(super) code: &'static str,
    /// For people.
    pub(super) message: String,
    /// The path of the field at fault.
    pub(super) param: Option<String>,
}

impl Fault {
    /// An `invalid_request_error`, which is what a client's mistakes are.
    pub(super) fn request(code: &'static str, message: impl Into<String>) -> Self {
        Self { kind: "invalid_request_error", code, message: message.into(), param: None }
    }

    /// Names the field at fault.
    pub(super) fn at(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// A field that has to be there and is not.
    pub(super) fn missing(path: &str) -> Self {
        Self::request("missing_required_parameter", format!("Missing required parameter: '{path}'.")).at(path)
    }

    /// A field that does not exist.
    pub(super) fn unknown(path: &str) -> Self {
        Self::request("unknown_parameter", format!("Unknown parameter: '{path}'.")).at(path)
    }

    /// A value out of a closed list that is not in it.
    pub(super) fn unsupported<'a>(path: &str, got: &str, supported: impl Iterator<Item = &'a str>) -> Self {
        let supported: Vec<String> = supported.map(|word| format!("'{word}'")).collect();
        let message = format!("Invalid value: '{got}'. Supported values are: {}.", supported.join(", "));
        Self::request("invalid_value", message).at(path)
    }

    /// The `error` object, naming the client event that caused it.
    pub(super) fn object(&self, client_event: Option<&str>) -> Value {
        json!({
            "type": self.kind,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": client_event,
        })
    }
}
