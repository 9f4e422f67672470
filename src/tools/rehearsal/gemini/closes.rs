//! The closes of the API. It has no error messages: whatever is wrong ends the connection with a
//! code and a reason. Pure.

use crate::tools::rehearsal::fault::Fault;

/// Why a connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Close {
    /// The close code.
    pub(super) code: u16,
    /// The reason, at most [`LONGEST_REASON`] bytes.
    pub(super) reason: String,
}

impl Close {
    /// A close whose reason is cut to what fits into a close frame.
    pub(super) fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
        Self { code, reason }
    }

    /// A message or a value that does not suit the model or the moment. The API says no more.
    pub(super) fn argument() -> Self {
        Self::new(1007, "Request contains an invalid argument.")
    }

    /// A feature that the model does not have.
    pub(super) fn not_implemented() -> Self {
        Self::new(1008, "Operation is not implemented, or supported, or enabled.")
    }

    /// A message that breaks the format of the API.
    pub(super) fn payload(problem: impl std::fmt::Display) -> Self {
        Self::new(1007, format!("Invalid JSON payload received. {problem}"))
    }

    /// A model that does not exist.
    pub(super) fn model(name: &str, version: &str) -> Self {
        let words = "is not found for API version";
        Self::new(1008, format!("{name} {words} {version}, or is not supported for bidiGenerateContent."))
    }

    /// A field that breaks its rule.
    pub(super) fn of(fault: &Fault) -> Self {
        let path = fault.param.as_deref().unwrap_or_default();
        if fault.code == "unknown_parameter" {
            let (parent, name) = path.rsplit_once('.').unwrap_or(("", path));
            return Self::payload(format_args!("Unknown name \"{name}\" at '{parent}': Cannot find field."));
        }
        Self::new(1007, format!("Invalid value at '{path}': {}", fault.message))
    }

    /// The close that a rehearsal asks for: a row of [`DOCUMENTED`], or a code alone.
    pub(super) fn rehearsed(number: u64) -> Self {
        let row = usize::try_from(number).ok().and_then(|number| DOCUMENTED.get(number));
        match row {
            Some((code, reason)) => Self::new(*code, *reason),
            None => Self::new(u16::try_from(number).unwrap_or(1011), ""),
        }
    }
}

/// The closes that were seen at the real service, with the words that tell them apart.
pub(super) const DOCUMENTED: [(u16, &str); 15] = [
    (1000, ""),
    (1007, "Request contains an invalid argument."),
    (1007, "API key not valid. Please pass a valid API key."),
    (1007, "Unsupported language code 'xx' for this model."),
    (1007, "The input token count exceeds the maximum number of tokens allowed."),
    (1007, "CONTENT_TYPE_AUDIO not supported while a function call is pending."),
    (1008, "models/retired is not found for API version v1beta, or is not supported for bidiGenerateContent."),
    (1008, "Operation is not implemented, or supported, or enabled."),
    (1008, "Your project has been denied access."),
    (1008, "BidiGenerateContent session expired"),
    (1011, "Internal error encountered."),
    (1011, "Deadline expired before operation could complete."),
    (1011, "You exceeded your current quota, please check your plan and billing details."),
    (1011, "RESOURCE_EXHAUSTED: try again later."),
    (1012, "The service is restarting."),
];

/// The longest reason in a close frame, in bytes (RFC 6455, 5.5).
pub(super) const LONGEST_REASON: usize = 123;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_a_close_frame_in_every_script() {
        let long = Close::payload("नमस्ते ".repeat(30));
        assert!(long.reason.len() <= LONGEST_REASON && long.reason.len() > LONGEST_REASON - 4);
        assert!(DOCUMENTED.iter().all(|(_, reason)| reason.len() <= LONGEST_REASON));
    }

    #[test]
    fn an_unknown_field_is_named_as_the_service_names_it() {
        let close = Close::of(&Fault::unknown("setup.generationConfig.foo"));
        let words =
            "Invalid JSON payload received. Unknown name \"foo\" at 'setup.generationConfig': Cannot find field.";
        assert_eq!((close.code, close.reason.as_str()), (1007, words));
    }
}
