//! Reads the forms of the webhooks
//! (<https://www.plivo.com/docs/voice/concepts/request-and-callbacks>). Pure.

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
        Role::CalleeAnswered => caller(query).map(|call| WebhookEvent::CalleeAnswered { call }),
        Role::CalleeTaken => caller(query).map(|call| WebhookEvent::CalleeTaken { call, taken: is_pressed(form) }),
        Role::CalleeStatus => caller(query).map(|call| {
            let outcome = is_over(form).then(|| callee_outcome(status_of(form)));
            WebhookEvent::CalleeStatus { call, outcome }
        }),
        Role::Status => status(form, query),
        Role::StreamStatus => Ok(stream_status(form)),
        // The carrier itself asks the callee of a dialled leg for a key.
        Role::WhisperTaken | Role::AsksWhom | Role::Stream => Ok(WebhookEvent::Nothing),
    };
    read.map_err(|error| Refused::unreadable(format!("the form cannot be used: {error}")))
}

fn arrives(form: &Form, query: &Form) -> Result<WebhookEvent, FormError> {
    let call = CarrierCallId::new(form.id("CallUUID")?);
    let (status, event) = (status_of(form), form.value("Event").unwrap_or_default());
    // The address for new calls gets the news of a call where no other is configured.
    if is_over(form) || !["", "StartApp", "Ring", "Redirect"].contains(&event) {
        return Ok(WebhookEvent::Misdirected { call, over: is_over(form), status: status.to_owned() });
    }
    let answered_by = answered_by(form);
    if let Some(name) = query.value("outbound") {
        return Ok(WebhookEvent::PickedUp { name: name.to_owned(), call, answered_by });
    }
    let direction = direction(form);
    let fields = form.pairs() == query.pairs();
    Ok(WebhookEvent::Arrives(Arriving {
        call,
        account: None,
        direction,
        from: number(form, "From"),
        to: number(form, "To"),
        // The fields of a GET are in its query; they are no parameters of ours.
        parameters: query.pairs().iter().filter(|(name, _)| !fields || is_ours(name)).cloned().collect(),
        in_progress: status == IN_PROGRESS,
        // Another dialler has placed the call.
        answered_by: answered_by.filter(|_| direction == Direction::Outbound),
    }))
}

fn stream_ended(form: &Form) -> Result<WebhookEvent, FormError> {
    Ok(WebhookEvent::StreamEnded(StreamEnding {
        call: CarrierCallId::new(form.id("CallUUID")?),
        over: is_over(form),
        in_progress: status_of(form) == IN_PROGRESS,
        direction: direction(form),
        from: number(form, "From"),
        to: number(form, "To"),
    }))
}

fn dial_ended(form: &Form) -> Result<WebhookEvent, FormError> {
    let call = CarrierCallId::new(form.id("CallUUID")?);
    let dialled = form.value("DialStatus");
    // The caller has hung up, so no call can come back.
    let over = is_over(form) || dialled == Some("cancel");
    Ok(WebhookEvent::DialEnded { call, outcome: (!over).then(|| dial_outcome(form)) })
}

/// The result of a dialled leg, or of a conference.
fn dial_outcome(form: &Form) -> DialOutcome {
    match form.value("DialStatus") {
        Some("completed") => DialOutcome::Bridged,
        // The leg has an id once it was answered, and the key was not pressed.
        Some("no-answer" | "timeout") if form.value("DialBLegUUID").is_some() => DialOutcome::NotTaken,
        Some(status) => unanswered(status),
        None if form.value("ConferenceName").is_some() => DialOutcome::Bridged,
        None => DialOutcome::Failed,
    }
}

/// The result of a warm transfer's callee leg, once it has ended.
fn callee_outcome(status: &str) -> DialOutcome {
    if status == "completed" { DialOutcome::Bridged } else { unanswered(status) }
}

/// The result of an unanswered leg.
fn unanswered(status: &str) -> DialOutcome {
    match status {
        "busy" => DialOutcome::Busy,
        "no-answer" | "timeout" | "cancel" => DialOutcome::NoAnswer,
        _ => DialOutcome::Failed,
    }
}

/// For a leg that the call has dialled, only the answer matters; its end is reported at another
/// path.
fn status(form: &Form, query: &Form) -> Result<WebhookEvent, FormError> {
    if let Some(action) = form.value("DialAction") {
        let call = caller(query)?;
        return Ok(if action == "answer" { WebhookEvent::LegAnswered { call } } else { WebhookEvent::Nothing });
    }
    let call = CarrierCallId::new(form.id("CallUUID")?);
    let (status, over) = (status_of(form), is_over(form));
    if let Some(by) = answered_by(form).filter(|_| !over) {
        return Ok(WebhookEvent::Detected { call, by });
    }
    Ok(WebhookEvent::Status(StatusUpdate {
        call,
        announced: query.value("outbound").map(str::to_owned),
        unanswered: UNANSWERED.iter().find(|(word, _)| *word == status).map(|(_, label)| *label),
        over,
        status: status.to_owned(),
    }))
}

/// The names of the fields are not documented, and nothing waits for them.
fn stream_status(form: &Form) -> WebhookEvent {
    let event = form.value("Event").map(str::to_owned);
    let dropped = event.as_deref() == Some("DroppedStream");
    let meaning = "the carrier gave the stream up: it could not open `server.public_url` + the stream's path, or we read too slowly";
    WebhookEvent::Stream(StreamUpdate {
        call: form.value("CallUUID").map(str::to_owned),
        stream: ["StreamID", "StreamId", "StreamUUID"]
            .iter()
            .find_map(|name| form.value(name))
            .unwrap_or_default()
            .to_owned(),
        event,
        failed: dropped.then_some(StreamFailure { code: None, meaning }),
    })
}

/// The caller's call, for the webhook of somebody else's leg. We wrote it into the URL.
fn caller(query: &Form) -> Result<CarrierCallId, FormError> {
    query.id("call").map(CarrierCallId::new)
}

/// Whether the callee has pressed a key.
fn is_pressed(form: &Form) -> bool {
    form.value("Digits").is_some_and(|text| text.contains(|c: char| c.is_ascii_digit() || matches!(c, '*' | '#')))
}

/// Who or what has answered, if the carrier was asked to detect it.
fn answered_by(form: &Form) -> Option<AnsweredBy> {
    form.value("Machine").map(|machine| match machine.to_ascii_lowercase().as_str() {
        "true" => AnsweredBy::Machine,
        "false" => AnsweredBy::Human,
        _ => AnsweredBy::Unknown,
    })
}

fn direction(form: &Form) -> Direction {
    if form.value("Direction") == Some("outbound") { Direction::Outbound } else { Direction::Inbound }
}

fn number(form: &Form, name: &str) -> Private<String> {
    Private::new(form.value(name).unwrap_or_default().to_owned())
}

fn status_of(form: &Form) -> &str {
    form.value("CallStatus").unwrap_or_default()
}

fn is_over(form: &Form) -> bool {
    form.value("Event") == Some("Hangup") || OVER.contains(&status_of(form))
}

/// Whether a parameter of a GET's query is one that an operator writes into the answer URL: the
/// carrier's own begin with a capital letter.
fn is_ours(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Final `CallStatus` values.
const OVER: [&str; 7] = ["completed", "busy", "failed", "timeout", "no-answer", "cancel", "rejected"];
/// The `CallStatus` of an answered call.
const IN_PROGRESS: &str = "in-progress";
/// `CallStatus` values of an unanswered call, and their metric labels.
const UNANSWERED: [(&str, &str); 6] = [
    ("busy", "busy"),
    ("failed", "failed"),
    ("rejected", "failed"),
    ("no-answer", "no-answer"),
    ("timeout", "no-answer"),
    ("cancel", "canceled"),
];

#[cfg(test)]
mod tests;
