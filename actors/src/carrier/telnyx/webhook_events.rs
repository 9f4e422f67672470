//! Reads the forms of the webhooks
//! (<https://developers.telnyx.com/api-reference/callbacks/texml-call-completed>). `CallSid` is the
//! `call_control_id` of the stream and of the API. Pure.

use crate::carrier::form::{Form, FormError};
use crate::carrier::webhook_api::{
    AnsweredBy, Arriving, DialOutcome, Direction, Refused, Role, StatusUpdate, StreamEnding, StreamFailure,
    StreamUpdate, WebhookEvent,
};
use crate::ids::{CarrierCallId, Private};

/// Reads a form at a path of `role`. The query is what we, or the operator, wrote into the URL.
///
/// # Errors
/// When a required field is missing.
pub(super) fn read(role: Role, form: &Form, query: &Form) -> Result<WebhookEvent, Refused> {
    let read = match role {
        Role::Arrives => arrives(form, query),
        Role::StreamEnded => stream_ended(form),
        Role::DialEnded => dial_ended(form),
        Role::Whisper => caller(query).map(|call| WebhookEvent::Whisper { call }),
        Role::WhisperTaken => Ok(WebhookEvent::WhisperTaken { taken: is_pressed(form) }),
        Role::CalleeAnswered => caller(query).map(|call| WebhookEvent::CalleeAnswered { call }),
        Role::CalleeTaken => caller(query).map(|call| WebhookEvent::CalleeTaken { call, taken: is_pressed(form) }),
        Role::CalleeStatus => caller(query).map(|call| {
            let status = status_of(form);
            WebhookEvent::CalleeStatus { call, outcome: is_over(status).then(|| outcome(status)) }
        }),
        Role::Status => status(form, query),
        Role::StreamStatus => Ok(stream_status(form)),
        Role::AsksWhom | Role::Stream => Ok(WebhookEvent::Nothing),
    };
    read.map_err(|error| Refused::unreadable(format!("the form cannot be used: {error}")))
}

fn arrives(form: &Form, query: &Form) -> Result<WebhookEvent, FormError> {
    let call = CarrierCallId::new(form.id("CallSid")?);
    let status = status_of(form);
    // The address for new calls gets the news of a call where no other is configured.
    if is_over(status) || form.value("CallbackSource").is_some() {
        return Ok(WebhookEvent::Misdirected { call, over: is_over(status), status: status.to_owned() });
    }
    let answered_by = answered_by(form);
    if let Some(name) = query.value("outbound") {
        return Ok(WebhookEvent::PickedUp { name: name.to_owned(), call, answered_by });
    }
    let direction = direction(form);
    Ok(WebhookEvent::Arrives(Arriving {
        call,
        // The stream does not repeat it.
        account: None,
        direction,
        from: number(form, "From"),
        to: number(form, "To"),
        parameters: query.pairs().to_vec(),
        in_progress: status == IN_PROGRESS,
        // Another dialler has placed the call.
        answered_by: answered_by.filter(|_| direction == Direction::Outbound),
    }))
}

fn stream_ended(form: &Form) -> Result<WebhookEvent, FormError> {
    let status = status_of(form);
    Ok(WebhookEvent::StreamEnded(StreamEnding {
        call: CarrierCallId::new(form.id("CallSid")?),
        over: is_over(status),
        in_progress: status == IN_PROGRESS,
        direction: direction(form),
        from: number(form, "From"),
        to: number(form, "To"),
    }))
}

fn dial_ended(form: &Form) -> Result<WebhookEvent, FormError> {
    let call = CarrierCallId::new(form.id("CallSid")?);
    // The caller has hung up, so no call can come back.
    let over = is_over(status_of(form));
    let status = form.value("DialCallStatus").unwrap_or_default();
    // An answer alone does not mean that the two were joined.
    let apart = form.value("DialCallDuration") == Some("0") || form.value("DialBridged") == Some("false");
    let outcome = outcome(status);
    let outcome = if apart && outcome == DialOutcome::Bridged { DialOutcome::NotTaken } else { outcome };
    Ok(WebhookEvent::DialEnded { call, outcome: (!over).then_some(outcome) })
}

/// For a leg that the call has dialled, only the answer matters; its end is reported at another
/// path.
fn status(form: &Form, query: &Form) -> Result<WebhookEvent, FormError> {
    let status = status_of(form);
    if query.value("call").is_some() {
        let call = caller(query)?;
        return Ok(if status == IN_PROGRESS { WebhookEvent::LegAnswered { call } } else { WebhookEvent::Nothing });
    }
    if form.value("ParentCallSid").is_some() {
        return Ok(WebhookEvent::Nothing);
    }
    let call = CarrierCallId::new(form.id("CallSid")?);
    if let Some(by) = answered_by(form).filter(|_| status.is_empty()) {
        return Ok(WebhookEvent::Detected { call, by });
    }
    Ok(WebhookEvent::Status(StatusUpdate {
        call,
        announced: query.value("outbound").map(str::to_owned),
        unanswered: UNANSWERED.into_iter().find(|it| *it == status),
        over: is_over(status),
        status: status.to_owned(),
    }))
}

fn stream_status(form: &Form) -> WebhookEvent {
    let event = form.value("StreamEvent").map(str::to_owned);
    let failed = event.as_deref().is_some_and(|event| event.contains("error") || event.contains("failed"));
    let meaning = "the stream could not be opened or was dropped: does the proxy pass `/telnyx/ws` on, with its query?";
    WebhookEvent::Stream(StreamUpdate {
        call: form.value("CallSid").map(str::to_owned),
        stream: form.value("StreamSid").unwrap_or_default().to_owned(),
        event,
        failed: failed.then_some(StreamFailure { code: None, meaning }),
    })
}

/// The caller's call, for the webhook of somebody else's leg. We wrote it into the URL.
fn caller(query: &Form) -> Result<CarrierCallId, FormError> {
    query.id("call").map(CarrierCallId::new)
}

/// Whether the callee has pressed a key, including `#`.
fn is_pressed(form: &Form) -> bool {
    let key = |text: &str| text.contains(|c: char| c.is_ascii_digit() || matches!(c, '*' | '#'));
    ["Digits", "FinishedOnKey"].iter().any(|name| form.value(name).is_some_and(key))
}

/// Who or what has answered, if the carrier was asked to detect it.
fn answered_by(form: &Form) -> Option<AnsweredBy> {
    form.value("AnsweredBy").map(|by| match by {
        "human" => AnsweredBy::Human,
        "fax" | "fax_detected" => AnsweredBy::Fax,
        by if by.starts_with("machine") => AnsweredBy::Machine,
        _ => AnsweredBy::Unknown,
    })
}

/// The result of a leg that has ended, or of a conference.
fn outcome(status: &str) -> DialOutcome {
    match status {
        "completed" | "answered" => DialOutcome::Bridged,
        "busy" => DialOutcome::Busy,
        "no-answer" | "canceled" => DialOutcome::NoAnswer,
        _ => DialOutcome::Failed,
    }
}

fn direction(form: &Form) -> Direction {
    let outbound = form.value("Direction").is_some_and(|direction| direction.starts_with("outbound"));
    if outbound { Direction::Outbound } else { Direction::Inbound }
}

fn number(form: &Form, name: &str) -> Private<String> {
    Private::new(form.value(name).unwrap_or_default().to_owned())
}

fn status_of(form: &Form) -> &str {
    form.value("CallStatus").unwrap_or_default()
}

fn is_over(status: &str) -> bool {
    status == "completed" || UNANSWERED.contains(&status)
}

/// The `CallStatus` of an answered call.
const IN_PROGRESS: &str = "in-progress";
/// `CallStatus` values of an unanswered call.
const UNANSWERED: [&str; 4] = ["busy", "failed", "no-answer", "canceled"];

#[cfg(test)]
mod tests;
