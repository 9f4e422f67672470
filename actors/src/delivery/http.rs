//! One try: one POST, bounded in time and size, without following redirects.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::plan::EndpointPlan;
use super::schedule::Answer;
use crate::clock;
use crate::http::{self, BadBody, Request, Unanswered};

/// What is sent.
#[derive(Debug)]
pub struct Letter {
    /// The event's id, the same in every try.
    pub id: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Sends a letter. Returns the answer, and a description of it without anything private.
pub async fn post(endpoint: &EndpointPlan, letter: Letter) -> (Answer, String) {
    let answered = async {
        let asked = actix_rt::time::timeout(endpoint.timeout, ask(endpoint, letter)).await;
        let answer = asked.map_err(|_| format!("no answer within {} s", endpoint.timeout.as_secs_f32()))??;
        judge(answer).await
    };
    answered.await.unwrap_or_else(|problem| (Answer::Unreached, problem))
}

/// Sends it and waits for the head of the answer.
async fn ask(endpoint: &EndpointPlan, letter: Letter) -> Result<http::Answer, String> {
    let request = request(endpoint, letter).map_err(|problem| problem.to_string())?;
    request.send(|address| endpoint.may_reach(address)).await.map_err(|problem| problem.to_string())
}

/// What the answer means.
async fn judge(answer: http::Answer) -> Result<(Answer, String), String> {
    let status = answer.status;
    let retry_after = answer.header("retry-after").and_then(|text| pause(text, clock::wall()));
    match status {
        200..=299 => {
            // A cut answer may come from a receiver that died before it had stored the event: it
            // does not count as accepted. Any other body (long, compressed, endless) does not undo
            // a 2xx.
            match actix_rt::time::timeout(LAST_WORDS, answer.body(MOST_READ)).await {
                Ok(Err(BadBody::CutShort)) => Err("the answer was cut short".to_owned()),
                Ok(Ok(_) | Err(BadBody::TooLong(_) | BadBody::Packed(_))) | Err(_) => {
                    Ok((Answer::Accepted, format!("HTTP {status}")))
                }
            }
        }
        300..=399 => {
            let detail =
                format!("HTTP {status}: redirects are not followed; put the final address into webhooks.endpoints");
            Ok((Answer::Refused { status, retry_after }, detail))
        }
        _ => Ok((Answer::Refused { status, retry_after }, format!("HTTP {status}"))),
    }
}

/// The signed request.
fn request(endpoint: &EndpointPlan, letter: Letter) -> Result<Request, Unanswered> {
    let timestamp = clock::wall().timestamp();
    let signature = endpoint.secrets.as_ref().map(|secrets| secrets.sign(&letter.id, timestamp, &letter.body));
    let mut request = Request::post(endpoint.url.clone(), letter.body);
    // The operator's headers come first, so that ours overwrite them: a receiver checks ours.
    for (name, value) in &endpoint.headers {
        request = request.header(name, value.expose())?;
    }
    request = request
        .header("content-type", "application/json")?
        .header("user-agent", endpoint.payload.user_agent())?
        .header("webhook-id", &letter.id)?
        .header("webhook-timestamp", &timestamp.to_string())?;
    if let Some(signature) = signature {
        request = request.header("webhook-signature", &signature)?;
    }
    if let Some(bearer) = &endpoint.bearer {
        request = request.header("authorization", &format!("Bearer {}", bearer.expose()))?;
    }
    Ok(request)
}

/// `Retry-After` in either of its forms: seconds, or a date.
fn pause(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    // A date in the past asks for no pause.
    Some((date.to_utc() - now).to_std().unwrap_or_default())
}

/// The most bytes read of an answer. Receivers say "ok"; some send a page.
const MOST_READ: usize = 64 * 1024;
/// How long to wait for the rest of a 2xx answer. Longer: an endless stream occupies a slot.
const LAST_WORDS: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
