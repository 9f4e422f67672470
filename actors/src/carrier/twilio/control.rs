//! Twilio's REST API (<https://www.twilio.com/docs/voice/api/call-resource>): redirects a live call
//! to another document, ends it, or places a call (`place`). Pure.

mod place;

pub(super) use self::place::of_caller;

use std::time::Duration;

use base64_simd::STANDARD;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::carrier::control::{Ask, CarrierAnswer, Control, Method, NotPlaced, Placed, Placing, Request, Target};
use crate::ids::{CarrierCallId, Private};

/// Twilio's REST API for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TwilioApi {
    /// `https://api.twilio.com`.
    pub api_url: Url,
    /// `AC…`.
    pub account: String,
    /// The account's auth token.
    pub auth_token: Private<String>,
    /// Our document for a call whose stream has ended. A transferred call is redirected there.
    pub after_stream: String,
    /// The common beginning of the addresses of our documents and callbacks for the callee of a
    /// warm transfer.
    pub callee: String,
}

impl Control for TwilioApi {
    fn ask(&self, request: Request<'_>, call: &CarrierCallId) -> Option<Ask> {
        let mut form = Serializer::new(String::new());
        match request {
            Request::HandOver(_) => form.append_pair("Url", &self.after_stream).append_pair("Method", "POST"),
            Request::HangUp => form.append_pair("Status", "completed"),
        };
        Some(self.form(&format!("Calls/{}.json", call.as_str()), form))
    }

    fn judge(&self, status: u16, body: &[u8]) -> CarrierAnswer {
        judge(status, body)
    }

    fn place(&self, placing: &Placing) -> Option<Ask> {
        Some(self.begin(placing))
    }

    fn judge_placed(&self, status: u16, body: &[u8]) -> Result<Placed, NotPlaced> {
        place::judge(status, body).map(Placed::Named)
    }

    fn invite(&self, call: &CarrierCallId, target: &Target, from: Private<String>, ring: Duration) -> Option<Placing> {
        self.call_in(call, target, from, ring)
    }
}

impl TwilioApi {
    /// A form request to a resource of the account.
    fn form(&self, path: &str, mut form: Serializer<'_, String>) -> Ask {
        Ask {
            method: Method::Post,
            url: self.resource(path),
            headers: vec![("authorization", self.authorization())],
            content_type: Some("application/x-www-form-urlencoded"),
            body: Private::new(form.finish()),
            timeout: PATIENCE,
        }
    }

    /// `Basic` authorization, as the API requires.
    pub fn authorization(&self) -> Private<String> {
        let pair = format!("{}:{}", self.account, self.auth_token.expose());
        Private::new(format!("Basic {}", STANDARD.encode_to_string(pair)))
    }

    /// The address of a resource of the account.
    pub fn resource(&self, path: &str) -> Url {
        let mut url = self.api_url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/2010-04-01/Accounts/{}/{path}", self.account));
        url
    }
}

/// Interprets an answer of the API. If the call does not exist or is not in progress, it is over:
/// that was either intended or cannot be changed.
fn judge(status: u16, body: &[u8]) -> CarrierAnswer {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(default)]
        code: u32,
    }
    if (200..300).contains(&status) {
        return CarrierAnswer::Done;
    }
    // The message may quote what was sent; the code is enough.
    let code = serde_json::from_slice::<Problem>(body).map_or(0, |problem| problem.code);
    match (status, code) {
        (404, _) | (_, NOT_FOUND | NOT_IN_PROGRESS) => CarrierAnswer::Gone,
        (401 | 403, _) => CarrierAnswer::Failed {
            reason: format!(
                "the carrier's API refused our credentials (HTTP {status}): check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
            ),
        },
        _ => CarrierAnswer::Failed { reason: format!("the carrier's API answered HTTP {status}, code {code}") },
    }
}

/// "The requested resource was not found."
const NOT_FOUND: u32 = 20_404;
/// "Call is not in-progress. Cannot redirect."
const NOT_IN_PROGRESS: u32 = 21_220;
/// The time limit of a request. The caller hears nothing meanwhile, and the other way to transfer a
/// call needs no answer.
const PATIENCE: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests;
