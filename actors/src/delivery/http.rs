//! One try: one POST, bounded in time and size, followed nowhere.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::plan::EndpointPlan;
use super::schedule::Answer;
use crate::clock;
use crate::http::client;
use crate::tools::http::resolve;

/// What is sent.
#[derive(Debug)]
pub struct Letter {
    /// The event's id, the same in every try.
    pub id: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends a letter; how it went, and that in words without anything private.
pub async fn post(endpoint: &EndpointPlan, letter: Letter) -> (Answer, String) {
    match actix_rt::time::timeout(endpoint.timeout, exchange(endpoint, letter)).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(problem)) => (Answer::Unreached, problem),
        Err(_) => (Answer::Unreached, format!("no answer within {} s", endpoint.timeout.as_secs_f32())),
    }
}

async fn exchange(endpoint: &EndpointPlan, letter: Letter) -> Result<(Answer, String), String> {
    // The address that was checked is the one that is dialled: a second look-up could answer differently.
    let address = resolve(&endpoint.url, |address| endpoint.may_reach(address)).await?;
    let timestamp = clock::wall().timestamp();
    let mut request = client()
        .post(endpoint.url.as_str())
        .address(address)
        .timeout(endpoint.timeout)
        .insert_header(("content-type", "application/json"))
        .insert_header(("user-agent", endpoint.payload.user_agent()))
        .insert_header(("webhook-id", letter.id.as_str()))
        .insert_header(("webhook-timestamp", timestamp.to_string()));
    if let Some(secrets) = &endpoint.secrets {
        request = request.insert_header(("webhook-signature", secrets.sign(&letter.id, timestamp, &letter.body)));
    }
    if let Some(bearer) = &endpoint.bearer {
        request = request.insert_header(("authorization", format!("Bearer {}", bearer.expose())));
    }
    let mut answer = request.send_body(letter.body).await.map_err(|error| unreached(&error).to_owned())?;
    let status = answer.status();
    if status.is_success() {
        // An answer that is cut short may come from a receiver that died on the way: it is not believed.
        let header = answer.headers().get("content-length").and_then(|value| value.to_str().ok());
        let promised: usize = header.and_then(|text| text.trim().parse().ok()).unwrap_or_default();
        let body = answer.body().limit(LARGEST_ANSWER).await.map_err(|error| {
            if matches!(error, awc::error::PayloadError::Overflow) {
                format!("the answer is longer than {} KiB", LARGEST_ANSWER >> 10)
            } else {
                "the answer was cut short".to_owned()
            }
        })?;
        // awc takes the connection's end for the body's.
        if body.len() < promised {
            return Err("the answer was cut short".to_owned());
        }
        return Ok((Answer::Accepted, format!("HTTP {}", status.as_u16())));
    }
    let header = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
    let retry_after = header.and_then(|text| pause(text, clock::wall()));
    let told = if status.is_redirection() {
        format!("HTTP {}: redirects are not followed; put the final address into webhooks.endpoints", status.as_u16())
    } else {
        format!("HTTP {}", status.as_u16())
    };
    Ok((Answer::Refused { status: status.as_u16(), retry_after }, told))
}

/// `Retry-After` in either of its forms: seconds, or a date.
fn pause(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    // A date that has passed asks for nothing.
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

/// What went wrong, in words of ours: the error's own may hold addresses.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else awc may name, the connection did not hold")]
fn unreached(error: &awc::error::SendRequestError) -> &'static str {
    use awc::error::{ConnectError, SendRequestError as E};
    match error {
        E::Connect(ConnectError::Timeout) | E::Timeout => "no answer in time",
        E::Connect(ConnectError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
            "the TLS handshake failed: its certificate is not trusted, or it speaks no TLS"
        }
        E::Connect(_) => "cannot be connected to",
        E::Response(_) | E::H2(_) => "the answer is no HTTP, or was cut short",
        _ => "the connection broke off",
    }
}

/// The most of an answer that is read. Receivers say "ok"; a stream without an end would keep a place for ever.
const LARGEST_ANSWER: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_may_be_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-11-21T06:00:00Z").expect("a time").to_utc();
        for (text, expected) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sat, 21 Nov 2026 06:01:30 GMT", Some(90)),
            ("Sat, 21 Nov 2026 05:00:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("", None),
        ] {
            assert_eq!(pause(text, now), expected.map(Duration::from_secs), "{text:?}");
        }
    }
}
