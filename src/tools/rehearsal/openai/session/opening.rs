//! The opening of a session, and the reasons to refuse it.

use std::rc::Rc;
use std::time::Duration;

use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::pace::Pace;

/// The inputs of a new session.
#[derive(Debug, Clone)]
pub(in crate::tools::rehearsal) struct Opening {
    /// The value of `?model=`.
    pub(in crate::tools::rehearsal) model: Option<String>,
    /// Whether the client requested the retired beta protocol.
    pub(in crate::tools::rehearsal) beta: bool,
    /// The pace of its audio.
    pub(in crate::tools::rehearsal) pace: Pace,
    /// Delay of a transcript after its turn.
    pub(in crate::tools::rehearsal) transcript_after: Duration,
    /// Maximum length of the session.
    pub(in crate::tools::rehearsal) lifetime: Duration,
    /// The misbehaviour to rehearse.
    pub(in crate::tools::rehearsal) misbehaviour: Rc<Misbehaviour>,
    /// The seed for ids.
    pub(in crate::tools::rehearsal) seed: u64,
    /// The wall clock in seconds since 1970, for `expires_at`.
    pub(in crate::tools::rehearsal) epoch_s: u64,
}

/// Why a connection is refused, and its close code.
pub(super) fn refusal(opening: &Opening) -> Option<(u16, Fault)> {
    if let Some(code) = opening.misbehaviour.reject {
        let code = u16::try_from(code).unwrap_or(1011);
        let fault = match code {
            3000 => Fault::request("invalid_api_key", "Incorrect API key provided: rehearsal."),
            4000 => Fault::request("invalid_model", "Model is not supported in realtime mode.").at("model"),
            4004 => Fault::request("model_not_found", "The model does not exist or you do not have access to it."),
            1013 => Fault {
                kind: "insufficient_quota",
                ..Fault::request("credit_balance_exhausted", "You exceeded your current quota.")
            },
            _ => Fault { kind: "server_error", ..Fault::request("server_error", "The server had an error.") },
        };
        return Some((code, fault));
    }
    if opening.beta {
        let message = "The Realtime Beta API is no longer supported. Please use the GA API.";
        return Some((4000, Fault::request("beta_api_shape_disabled", message)));
    }
    match opening.model.as_deref() {
        None | Some("") => {
            Some((4000, Fault::request("missing_model", "You must provide a model parameter.").at("model")))
        }
        Some(_) => None,
    }
}
