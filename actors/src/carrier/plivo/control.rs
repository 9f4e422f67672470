//! The REST API of both dialects (<https://www.plivo.com/docs/voice/api/call>): sends a live call to
//! another document, ends it, or places a call. Pure.

use std::time::Duration;

use base64_simd::STANDARD;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::dialect::{Dialect, Which};
use crate::carrier::address::with_query;
use crate::carrier::control::{Ask, CarrierAnswer, Control, Method, NotPlaced, Placed, Placing, Request, Target};
use crate::ids::{CarrierCallId, Private};

/// The API for one account.
#[derive(Debug)]
pub(super) struct PlivoApi {
    pub(super) dialect: &'static Dialect,
    /// The root of the API, without the path of a version.
    pub(super) api_url: Url,
    /// The account's id.
    pub(super) account: Private<String>,
    /// The account's token.
    pub(super) auth_token: Private<String>,
    /// Our document for a call whose stream has ended.
    pub(super) after_stream: String,
    /// Our document for the callee of a warm transfer.
    pub(super) briefing: String,
    /// Our status callback for that callee.
    pub(super) callee_status: String,
}

impl Control for PlivoApi {
    fn ask(&self, request: Request<'_>, call: &CarrierCallId) -> Option<Ask> {
        let path = ["Call", call.as_str(), ""];
        Some(match request {
            Request::HandOver(_) => {
                let body = json!({"legs": "aleg", "aleg_url": self.after_stream, "aleg_method": "POST"});
                self.request(Method::Post, &path, Some(body))
            }
            Request::HangUp => self.request(Method::Delete, &path, None),
        })
    }

    fn judge(&self, status: u16, _: &[u8]) -> CarrierAnswer {
        match status {
            200..300 => CarrierAnswer::Done,
            404 => CarrierAnswer::Gone,
            401 | 403 => CarrierAnswer::Failed { reason: self.bad_credentials(status) },
            _ => CarrierAnswer::Failed { reason: format!("the carrier's API answered HTTP {status}") },
        }
    }

    fn place(&self, placing: &Placing) -> Option<Ask> {
        let digits = |number: &Private<String>| number.expose().trim_start_matches('+').to_owned();
        let mut body = json!({
            "from": digits(&placing.from),
            "to": digits(&placing.to),
            "answer_url": placing.document,
            "answer_method": "POST",
            "hangup_url": placing.status,
            "hangup_method": "POST",
            "ring_timeout": placing.ring.as_secs(),
        });
        // Without an address of its own, the result comes with the request for the document. The
        // carrier cannot wait for the end of a machine's greeting.
        if placing.machine.is_some() {
            body["machine_detection"] = json!("true");
        }
        Some(self.request(Method::Post, &["Call", ""], Some(body)))
    }

    fn judge_placed(&self, status: u16, body: &[u8]) -> Result<Placed, NotPlaced> {
        #[derive(Deserialize)]
        struct Fired {
            request_uuid: String,
        }
        let reason = match status {
            200..300 => match (self.dialect.which, serde_json::from_slice::<Fired>(body)) {
                (Which::Vobiz, Ok(fired)) if is_id(&fired.request_uuid) => {
                    return Ok(Placed::Named(CarrierCallId::new(&fired.request_uuid)));
                }
                // The call's id comes with its first webhook; `request_uuid` is another one.
                (Which::Plivo, Ok(_)) => return Ok(Placed::Unnamed),
                (Which::Plivo | Which::Vobiz, _) => "the carrier's answer names no request".to_owned(),
            },
            401 | 403 => self.bad_credentials(status),
            402 => "the carrier answered HTTP 402: the account has no balance".to_owned(),
            429 => "the carrier answered HTTP 429: too many calls at once for the account".to_owned(),
            // The message may quote the number.
            _ => format!("the carrier answered HTTP {status}"),
        };
        Err(NotPlaced { busy: status == 429, code: 0, reason })
    }

    fn look(&self) -> Option<Ask> {
        // The account itself: https://www.plivo.com/docs/account/api/account
        Some(self.request(Method::Get, &[""], None))
    }

    fn invite(&self, call: &CarrierCallId, target: &Target, from: Private<String>, ring: Duration) -> Option<Placing> {
        // A person whose call has no name yet could not be hung up on when the caller is gone.
        if self.dialect.which == Which::Plivo {
            return None;
        }
        let to = match target {
            Target::Number(to) | Target::Sip(to) => to.clone(),
            Target::Client(_) | Target::Carrier => return None,
        };
        let of_caller = |url: &str| with_query(url.to_owned(), &[("call", call.as_str())]);
        let (document, status) = (of_caller(&self.briefing), of_caller(&self.callee_status));
        Some(Placing { to, from, document, status, ring, machine: None })
    }
}

impl PlivoApi {
    /// A request to a resource of the account. Its path has a slash at the end.
    fn request(&self, method: Method, path: &[&str], body: Option<serde_json::Value>) -> Ask {
        let mut url = self.api_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let version: &[&str] = match self.dialect.which {
                Which::Plivo => &["v1", "Account"],
                Which::Vobiz => &["api", "v1", "Account"],
            };
            segments.pop_if_empty().extend(version).push(self.account.expose()).extend(path);
        }
        Ask {
            method,
            url,
            headers: self.credentials(),
            content_type: body.is_some().then_some("application/json"),
            body: Private::new(body.map_or_else(String::new, |body| body.to_string())),
            timeout: PATIENCE,
        }
    }

    fn credentials(&self) -> Vec<(&'static str, Private<String>)> {
        match self.dialect.which {
            Which::Plivo => {
                let pair = format!("{}:{}", self.account.expose(), self.auth_token.expose());
                vec![("authorization", Private::new(format!("Basic {}", STANDARD.encode_to_string(pair))))]
            }
            Which::Vobiz => {
                vec![("x-auth-id", self.account.clone()), ("x-auth-token", self.auth_token.clone())]
            }
        }
    }

    fn bad_credentials(&self, status: u16) -> String {
        let Dialect { auth_id, auth_token, .. } = self.dialect;
        format!("the carrier's API refused our credentials (HTTP {status}): check {auth_id} and {auth_token}")
    }
}

/// Whether a text can be an id of a call.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The time limit of a request. The caller hears nothing meanwhile.
const PATIENCE: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests;
