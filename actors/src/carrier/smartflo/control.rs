//! The REST API of the panel (<https://docs.smartflo.tatatelebusiness.com>, "Call options"): puts a
//! live call through to somebody, or ends it. Pure.

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::settings::API_TOKEN;
use crate::carrier::control::{Ask, CarrierAnswer, Control, Method, Request, Target};
use crate::ids::{CarrierCallId, Private};

/// The API for one account.
#[derive(Debug)]
pub(super) struct SmartfloApi {
    /// The root of the API, without the path of a version.
    pub(super) api_url: Url,
    /// The panel's token.
    pub(super) token: Private<String>,
    /// Whom callers are put through to where a transfer names no number: a number, an extension or a
    /// department.
    pub(super) transfer_to: Option<String>,
}

impl Control for SmartfloApi {
    fn ask(&self, request: Request<'_>, call: &CarrierCallId) -> Option<Ask> {
        Some(match request {
            Request::HandOver(to) => {
                let to = match to {
                    // The panel writes numbers without the sign.
                    Some(Target::Number(number)) => number.expose().trim_start_matches('+'),
                    Some(Target::Sip(_) | Target::Client(_)) => return None,
                    Some(Target::Carrier) | None => self.transfer_to.as_deref()?,
                };
                self.post("options", &json!({"type": TRANSFER, "call_id": call.as_str(), "intercom": to}))
            }
            Request::HangUp => self.post("hangup", &json!({"call_id": call.as_str()})),
        })
    }

    fn judge(&self, status: u16, body: &[u8]) -> CarrierAnswer {
        // A refusal may come with a status of success.
        let refused = serde_json::from_slice::<Value>(body).is_ok_and(|answer| answer["success"] == json!(false));
        match status {
            200..300 if refused => {
                CarrierAnswer::Failed { reason: "the carrier's API refused the request: is the call over?".to_owned() }
            }
            200..300 => CarrierAnswer::Done,
            404 | 410 => CarrierAnswer::Gone,
            401 | 403 => {
                let reason = format!(
                    "the carrier's API refused our token (HTTP {status}): renew {API_TOKEN}, it may have expired"
                );
                CarrierAnswer::Failed { reason }
            }
            _ => CarrierAnswer::Failed { reason: format!("the carrier's API answered HTTP {status}") },
        }
    }
}

impl SmartfloApi {
    fn post(&self, command: &str, body: &Value) -> Ask {
        let mut url = self.api_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["v1", "call", command]);
        }
        Ask {
            method: Method::Post,
            url,
            headers: vec![("authorization", Private::new(format!("Bearer {}", self.token.expose())))],
            content_type: Some("application/json"),
            body: Private::new(body.to_string()),
            timeout: PATIENCE,
        }
    }
}

/// The option that puts a call through; others let somebody listen in, whisper or barge in.
const TRANSFER: &str = "4";
/// The time limit of a request. The caller hears nothing meanwhile.
const PATIENCE: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests;
