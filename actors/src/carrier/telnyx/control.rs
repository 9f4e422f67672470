//! The REST API: ends a live call by Call Control
//! (<https://developers.telnyx.com/api-reference/call-commands/hangup-call>), and places calls by
//! TeXML (<https://developers.telnyx.com/api-reference/texml-rest-commands/create-a-connection-scoped-texml-call>).
//! Pure.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

use super::settings::API_KEY;
use crate::carrier::address::with_query;
use crate::carrier::control::{
    Ask, CarrierAnswer, Control, Machine, Method, NotPlaced, Placed, Placing, Request, Target,
};
use crate::ids::{CarrierCallId, Private};

/// The API for one account.
#[derive(Debug)]
pub(super) struct TelnyxApi {
    /// The root of the API, without the path of a version.
    pub(super) api_url: Url,
    /// The account's key.
    pub(super) api_key: Private<String>,
    /// The TeXML application over which calls are placed.
    pub(super) application: Option<String>,
    /// The account's id, which redirecting a call needs.
    pub(super) account: Option<String>,
    /// Our document for a call whose stream has ended.
    pub(super) after_stream: String,
    /// Our document for the callee of a warm transfer.
    pub(super) briefing: String,
    /// Our status callback for that callee.
    pub(super) callee_status: String,
}

impl Control for TelnyxApi {
    fn ask(&self, request: Request<'_>, call: &CarrierCallId) -> Option<Ask> {
        match request {
            // Without it, the verb after the stream asks for our document once the stream is closed.
            Request::HandOver(_) => self.redirect(call),
            // The same command again is ignored.
            Request::HangUp => Some(
                self.post(&["calls", call.as_str(), "actions", "hangup"], &json!({"command_id": "switchboard-hangup"})),
            ),
        }
    }

    fn judge(&self, status: u16, body: &[u8]) -> CarrierAnswer {
        let code = code_of(body);
        match (status, code) {
            (200..300, _) => CarrierAnswer::Done,
            (404, _) | (_, CALL_ENDED) => CarrierAnswer::Gone,
            (401 | 403, _) => CarrierAnswer::Failed { reason: bad_credentials(status) },
            _ => CarrierAnswer::Failed { reason: format!("the carrier's API answered HTTP {status}, code {code}") },
        }
    }

    fn place(&self, placing: &Placing) -> Option<Ask> {
        let mut body = json!({
            "To": placing.to.expose(),
            "From": placing.from.expose(),
            "Url": placing.document,
            "Method": "POST",
            // These are documented for the account's own calls, and known here by their older page.
            "StatusCallback": placing.status,
            "StatusCallbackMethod": "POST",
            "StatusCallbackEvent": "completed",
            "Timeout": placing.ring.as_secs().clamp(5, 120),
        });
        if let Some(machine) = placing.machine {
            body["MachineDetection"] = json!(match machine {
                Machine::Detect => "Enable",
                Machine::MessageEnd => "DetectMessageEnd",
            });
        }
        Some(self.post(&["texml", "calls", self.application.as_ref()?], &body))
    }

    fn look(&self) -> Option<Ask> {
        // https://developers.telnyx.com/api-reference/billing/get-user-balance-details
        Some(Ask {
            method: Method::Get,
            content_type: None,
            body: Private::default(),
            ..self.post(&["balance"], &Value::Null)
        })
    }

    fn judge_placed(&self, status: u16, body: &[u8]) -> Result<Placed, NotPlaced> {
        #[derive(Deserialize)]
        struct Queued {
            call_sid: String,
        }
        let code = code_of(body);
        let reason = match status {
            200..300 => match serde_json::from_slice::<Queued>(body) {
                Ok(queued) if is_id(&queued.call_sid) => {
                    return Ok(Placed::Named(CarrierCallId::new(&queued.call_sid)));
                }
                Ok(_) | Err(_) => "the carrier's answer names no call".to_owned(),
            },
            401 | 403 => bad_credentials(status),
            404 => {
                "the carrier answered HTTP 404: `telnyx.application` is no TeXML application of the account".to_owned()
            }
            // The message may quote the number; the code is enough.
            _ => format!("the carrier answered HTTP {status}, code {code}"),
        };
        Err(NotPlaced { busy: status == 429 || code == TOO_MANY_CALLS, code, reason })
    }

    fn invite(&self, call: &CarrierCallId, target: &Target, from: Private<String>, ring: Duration) -> Option<Placing> {
        // Without the account, nobody could be taken out of the conference again.
        self.application.as_ref().zip(self.account.as_ref())?;
        let to = match target {
            Target::Number(to) | Target::Sip(to) => to.clone(),
            Target::Client(_) | Target::Carrier => return None,
        };
        let of_caller = |url: &str| with_query(url.to_owned(), &[("call", call.as_str())]);
        let (document, status) = (of_caller(&self.briefing), of_caller(&self.callee_status));
        // A machine presses no key, which is more reliable than detecting one.
        Some(Placing { to, from, document, status, ring, machine: None })
    }
}

impl TelnyxApi {
    /// Sends a live call to our document: also one that waits in a conference.
    fn redirect(&self, call: &CarrierCallId) -> Option<Ask> {
        let path = ["texml", "Accounts", self.account.as_ref()?, "Calls", call.as_str()];
        let form = Serializer::new(String::new())
            .extend_pairs([("Url", self.after_stream.as_str()), ("Method", "POST")])
            .finish();
        Some(Ask {
            content_type: Some("application/x-www-form-urlencoded"),
            body: Private::new(form),
            ..self.post(&path, &Value::Null)
        })
    }

    fn post(&self, path: &[&str], body: &Value) -> Ask {
        let mut url = self.api_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v2").extend(path);
        }
        Ask {
            method: Method::Post,
            url,
            headers: vec![("authorization", Private::new(format!("Bearer {}", self.api_key.expose())))],
            content_type: Some("application/json"),
            body: Private::new(body.to_string()),
            timeout: PATIENCE,
        }
    }
}

fn bad_credentials(status: u16) -> String {
    format!("the carrier's API refused our credentials (HTTP {status}): check {API_KEY}")
}

/// The code of the first error in an answer; 0 if there is none.
fn code_of(body: &[u8]) -> u32 {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(default)]
        errors: Vec<Value>,
    }
    let errors = serde_json::from_slice::<Problem>(body).map(|problem| problem.errors).unwrap_or_default();
    let code = errors.first().map(|error| &error["code"]);
    code.and_then(|code| code.as_str().map_or_else(|| code.as_u64()?.try_into().ok(), |text| text.parse().ok()))
        .unwrap_or_default()
}

/// Whether a text can be an id of a call.
fn is_id(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// "Call has already ended".
const CALL_ENDED: u32 = 90_018;
/// "Channel limit exceeded".
const TOO_MANY_CALLS: u32 = 90_041;
/// The time limit of a request. The caller hears nothing meanwhile.
const PATIENCE: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests;
