//! Waybeo's `bot-call` API (from its deployments; there is no public documentation): one address,
//! several commands. Pure.
//!
//! The target of a transfer is configured at Waybeo; the request names none. The command words
//! differ between its systems, so they are settings.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::carrier::control::{Ask, CarrierAnswer, Control, Method, Request};
use crate::ids::{CarrierCallId, Private};

/// Waybeo's API for one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaybeoApi {
    /// `https://…/bot-call`.
    pub api_url: Url,
    /// The bearer token: a JWT that is valid for about an hour.
    pub token: Private<String>,
    /// `transfer`, or `transfer_call` on newer systems.
    pub transfer_command: String,
    /// `hangup_call`.
    pub hangup_command: String,
}

impl Control for WaybeoApi {
    fn ask(&self, request: Request<'_>, call: &CarrierCallId) -> Option<Ask> {
        let command = match request {
            Request::HandOver(_) => &self.transfer_command,
            Request::HangUp => &self.hangup_command,
        };
        Some(Ask {
            method: Method::Post,
            url: self.api_url.clone(),
            headers: vec![("authorization", Private::new(format!("Bearer {}", self.token.expose())))],
            content_type: Some("application/json"),
            // `callId`: the API takes `call_id` for an absent one.
            body: Private::new(json!({ "command": command, "callId": call.as_str() }).to_string()),
            timeout: PATIENCE,
        })
    }

    fn judge(&self, status: u16, _: &[u8]) -> CarrierAnswer {
        judge(status)
    }
}

/// Interprets an answer of the API by its status. The rest of the answer is undocumented.
fn judge(status: u16) -> CarrierAnswer {
    match status {
        200..300 => CarrierAnswer::Done,
        404 | 410 => CarrierAnswer::Gone,
        401 | 403 => CarrierAnswer::Failed {
            reason: format!(
                "the carrier's API refused our token (HTTP {status}): renew WAYBEO_AUTH_TOKEN and restart, it may have expired"
            ),
        },
        _ => CarrierAnswer::Failed { reason: format!("the carrier's API answered HTTP {status}") },
    }
}

/// The expiry of a JWT in seconds since 1970; `None` if it has none. The signature is not verified:
/// the carrier does that, and we only warn in time.
pub fn expiry(token: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(claims.trim_end_matches('=')).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    // A time that does not fit becomes the largest one.
    Some(claims.exp as i64)
}

/// The time limit of a request, the same as in existing deployments.
const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
