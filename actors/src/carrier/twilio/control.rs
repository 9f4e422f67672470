//! The REST API of both dialects (<https://www.twilio.com/docs/voice/api/call-resource>): redirects a
//! live call to another document, ends it, or places a call (`place`). Pure.

mod place;

use std::time::Duration;

use base64_simd::STANDARD;
use serde::Deserialize;
use url::Url;
use url::form_urlencoded::Serializer;

use super::dialect::Dialect;
use crate::carrier::control::{Ask, CarrierAnswer, Control, Method, NotPlaced, Placed, Placing, Request, Target};
use crate::ids::{CarrierCallId, Private};

/// The REST API for one account.
#[derive(Debug, Clone)]
pub(super) struct TwilioApi {
    pub(super) dialect: &'static Dialect,
    /// `https://api.twilio.com`, or a space; `None` asks nothing.
    pub(super) api_url: Option<Url>,
    /// The account's id.
    pub(super) account: String,
    /// The account's token.
    pub(super) auth_token: Private<String>,
    /// Our document for a call whose stream has ended. A transferred call is redirected there.
    pub(super) after_stream: String,
    /// Our document for the callee of a warm transfer who has answered.
    pub(super) briefing: String,
    /// Our status callback for that callee's call.
    pub(super) callee_status: String,
}

impl Control for TwilioApi {
    fn ask(&self, request: Request<'_>, call: &CarrierCallId) -> Option<Ask> {
        let mut form = Serializer::new(String::new());
        match request {
            Request::HandOver(_) => form.append_pair("Url", &self.after_stream).append_pair("Method", "POST"),
            Request::HangUp => form.append_pair("Status", "completed"),
        };
        self.form(&["Calls", &format!("{}.json", call.as_str())], form)
    }

    fn judge(&self, status: u16, body: &[u8]) -> CarrierAnswer {
        judge(self.dialect, status, body)
    }

    fn place(&self, placing: &Placing) -> Option<Ask> {
        self.begin(placing)
    }

    fn judge_placed(&self, status: u16, body: &[u8]) -> Result<Placed, NotPlaced> {
        place::judge(self.dialect, status, body).map(Placed::Named)
    }

    fn look(&self) -> Option<Ask> {
        let mut url = self.resource(&[])?;
        // The account itself: https://www.twilio.com/docs/iam/api/account
        url.set_path(&format!("{}.json", url.path().trim_end_matches('/')));
        Some(Ask::read(url, self.authorization(), PATIENCE))
    }

    fn invite(&self, call: &CarrierCallId, target: &Target, from: Private<String>, ring: Duration) -> Option<Placing> {
        self.call_in(call, target, from, ring)
    }
}

impl TwilioApi {
    /// A form request to a resource of the account.
    fn form(&self, path: &[&str], mut form: Serializer<'_, String>) -> Option<Ask> {
        Some(Ask {
            method: Method::Post,
            url: self.resource(path)?,
            headers: vec![("authorization", self.authorization())],
            content_type: Some("application/x-www-form-urlencoded"),
            body: Private::new(form.finish()),
            timeout: PATIENCE,
        })
    }

    /// `Basic` authorization, as the API requires.
    fn authorization(&self) -> Private<String> {
        let pair = format!("{}:{}", self.account, self.auth_token.expose());
        Private::new(format!("Basic {}", STANDARD.encode_to_string(pair)))
    }

    /// The address of a resource of the account.
    fn resource(&self, rest: &[&str]) -> Option<Url> {
        let mut url = self.api_url.clone()?;
        // The operator may have written the API's whole address.
        let (path, own) = (url.path().trim_end_matches('/').to_owned(), self.dialect.api_path);
        url.set_path(&format!("{}{own}", path.strip_suffix(own).unwrap_or(&path)));
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["2010-04-01", "Accounts", &self.account]).extend(rest);
        }
        Some(url)
    }
}

/// Interprets an answer of the API. If the call does not exist or is not in progress, it is over:
/// that was either intended or cannot be changed.
fn judge(dialect: &Dialect, status: u16, body: &[u8]) -> CarrierAnswer {
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
                "the carrier's API refused our credentials (HTTP {status}): check {} and {}",
                dialect.account, dialect.api_token
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
