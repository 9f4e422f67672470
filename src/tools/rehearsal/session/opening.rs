//! What a session begins with, and why one may not begin.

use std::rc::Rc;
use std::time::Duration;

use super::super::fault::Fault;
use super::super::misbehaviour::Misbehaviour;
use super::super::pace::Pace;

/// What a session begins with.
#[derive(Debug, Clone)]
pub(in crate::tools::rehearsal) struct Opening {
    /// `?model=`.
    pub(in crate::tools::rehearsal) model: Option<String>,
    /// The client asked for the retired beta protocol.
    pub(in crate::tools::rehearsal) beta: bool,
    /// How its audio is paced.
    pub(in crate::tools::rehearsal) pace: Pace,
    /// How long after a turn its transcript comes.
    pub(in crate::tools::rehearsal) transcript_after: Duration,
    /// How long a session may last.
    pub(in crate::tools::rehearsal) lifetime: Duration,
    /// How it misbehaves.
    pub(in crate::tools::rehearsal) misbehaviour: Rc<Misbehaviour>,
    /// What ids are drawn from.
    pub(in crate::tools::rehearsal) seed: u64,
    /// The wall clock, seconds since 1970, for `expires_at`.
    pub(in crate::tools::rehearsal) epoch_s: u64,
}

/// Why a connection is not served, and the code it is closed with.
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
