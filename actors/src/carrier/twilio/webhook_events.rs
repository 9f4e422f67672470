//! Reads the forms of both dialects' webhooks
//! (<https://www.twilio.com/docs/voice/twiml#request-parameters>). Pure.

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
pub(super) fn read(role: Role, form: &Form, query: &str) -> Result<WebhookEvent, Refused> {
    let read = match role {
        Role::Arrives => arrives(form, query),
        Role::StreamEnded => stream_ended(form),
        Role::DialEnded => dial_ended(form),
        Role::Whisper => parent(form, query)
            .and_then(|call| call.ok_or(FormError::Missing { name: "ParentCallSid" }))
            .map(|call| WebhookEvent::Whisper { call }),
        Role::WhisperTaken => Ok(WebhookEvent::WhisperTaken { taken: is_pressed(form) }),
        Role::CalleeAnswered => caller(query).map(|call| WebhookEvent::CalleeAnswered { call }),
        Role::CalleeTaken => caller(query).map(|call| WebhookEvent::CalleeTaken { call, taken: is_pressed(form) }),
        Role::CalleeStatus => {
            caller(query).map(|call| WebhookEvent::CalleeStatus { call, outcome: callee_outcome(form) })
        }
        Role::Status => status(form, query),
        Role::StreamStatus => stream_status(form),
        Role::Stream | Role::AsksWhom => Ok(WebhookEvent::Nothing),
    };
    read.map_err(|error| Refused::unreadable(format!("the form cannot be used: {error}")))
}

fn arrives(form: &Form, query: &str) -> Result<WebhookEvent, FormError> {
    let call = CarrierCallId::new(form.id("CallSid")?);
    let account = Some(form.id("AccountSid")?.to_owned());
    let query = Form::parse(query.as_bytes())?;
    if let Some(name) = query.value("outbound") {
        return Ok(WebhookEvent::PickedUp { name: name.to_owned(), call, answered_by: answered_by(form) });
    }
    let status = form.value("CallStatus").unwrap_or_default();
    if let Some(by) = detected(form) {
        return Ok(WebhookEvent::Detected { call, by });
    }
    if is_status(form) {
        return Ok(WebhookEvent::Misdirected { call, over: is_terminal(status), status: status.to_owned() });
    }
    let direction = direction(form);
    Ok(WebhookEvent::Arrives(Arriving {
        call,
        account,
        direction,
        from: number(form, "From"),
        to: number(form, "To"),
        parameters: query.pairs().to_vec(),
        in_progress: is_in_progress(status),
        // Another dialler has placed the call.
        answered_by: answered_by(form).filter(|_| direction == Direction::Outbound),
    }))
}

/// Whether a webhook is a notification and not a question: a callback that was configured with the
/// wrong address.
fn is_status(form: &Form) -> bool {
    const CALLBACKS: [&str; 5] =
        ["CallbackSource", "RecordingStatus", "StreamEvent", "StatusCallbackEvent", "TranscriptionEvent"];
    const WITHOUT_STATUS: [&str; 4] = ["AnsweredBy", "RecordingSid", "ConferenceSid", "TranscriptionSid"];
    let any = |names: &[&str]| names.iter().any(|name| form.value(name).is_some());
    match form.value("CallStatus") {
        Some(status) => is_terminal(status) || any(&CALLBACKS),
        None => any(&CALLBACKS) || any(&WITHOUT_STATUS),
    }
}

fn stream_ended(form: &Form) -> Result<WebhookEvent, FormError> {
    let status = form.value("CallStatus").unwrap_or_default();
    Ok(WebhookEvent::StreamEnded(StreamEnding {
        call: CarrierCallId::new(form.id("CallSid")?),
        over: is_terminal(status),
        in_progress: is_in_progress(status),
        direction: direction(form),
        from: number(form, "From"),
        to: number(form, "To"),
    }))
}

fn dial_ended(form: &Form) -> Result<WebhookEvent, FormError> {
    let call = CarrierCallId::new(form.id("CallSid")?);
    // The caller has hung up, so no call can come back.
    let over = is_terminal(form.value("CallStatus").unwrap_or_default());
    Ok(WebhookEvent::DialEnded { call, outcome: (!over).then(|| dial_outcome(form)) })
}

/// The result of a dialled leg. An answer alone does not mean that the two were joined.
fn dial_outcome(form: &Form) -> DialOutcome {
    let joined = match form.value("DialBridged") {
        Some(bridged) => bridged != "false",
        // SignalWire says only how long they have talked.
        None => form.value("DialCallDuration") != Some("0"),
    };
    match form.value("DialCallStatus").unwrap_or_default() {
        "completed" | "answered" if joined => DialOutcome::Bridged,
        "completed" | "answered" => DialOutcome::NotTaken,
        status => unanswered(status),
    }
}

/// The result of a warm transfer's callee leg, once it has ended.
fn callee_outcome(form: &Form) -> Option<DialOutcome> {
    let status = form.value("CallStatus").unwrap_or_default();
    let outcome = if status == "completed" { DialOutcome::Bridged } else { unanswered(status) };
    is_terminal(status).then_some(outcome)
}

/// The result of an unanswered leg.
fn unanswered(status: &str) -> DialOutcome {
    match status {
        "busy" => DialOutcome::Busy,
        "no-answer" | "canceled" => DialOutcome::NoAnswer,
        _ => DialOutcome::Failed,
    }
}

/// For a leg that the call has dialled, only the answer matters; its end is reported at another
/// path.
fn status(form: &Form, query: &str) -> Result<WebhookEvent, FormError> {
    let status = form.value("CallStatus").unwrap_or_default();
    if let Some(call) = parent(form, query)? {
        return Ok(if is_in_progress(status) { WebhookEvent::LegAnswered { call } } else { WebhookEvent::Nothing });
    }
    let call = CarrierCallId::new(form.id("CallSid")?);
    if let Some(by) = detected(form) {
        return Ok(WebhookEvent::Detected { call, by });
    }
    Ok(WebhookEvent::Status(StatusUpdate {
        call,
        announced: Form::parse(query.as_bytes())?.value("outbound").map(str::to_owned),
        unanswered: UNANSWERED.into_iter().find(|it| *it == status),
        over: is_terminal(status),
        status: status.to_owned(),
    }))
}

fn stream_status(form: &Form) -> Result<WebhookEvent, FormError> {
    let event = form.value("StreamEvent").map(str::to_owned);
    // The carrier's own words may quote anything; the code and our own words are safe.
    let code = error_code(form.value("StreamError").unwrap_or_default());
    let meaning = code.and_then(explain).unwrap_or("see the carrier's error catalogue");
    let failed = (event.as_deref() == Some("stream-error")).then_some(StreamFailure { code, meaning });
    Ok(WebhookEvent::Stream(StreamUpdate {
        call: form.value("CallSid").map(str::to_owned),
        stream: form.id("StreamSid")?.to_owned(),
        event,
        failed,
    }))
}

/// The caller's call, for a webhook of a leg that it has dialled: as the form names it, or as we wrote
/// it into the URL for a carrier whose form may not.
fn parent(form: &Form, query: &str) -> Result<Option<CarrierCallId>, FormError> {
    match form.value("ParentCallSid") {
        Some(call) => Ok(Some(CarrierCallId::new(call))),
        None => Ok(Form::parse(query.as_bytes())?.value("call").map(CarrierCallId::new)),
    }
}

/// The caller's call, for a callee's webhook. We wrote it into the URL, and the carrier has signed
/// that.
fn caller(query: &str) -> Result<CarrierCallId, FormError> {
    Form::parse(query.as_bytes())?.id("call").map(CarrierCallId::new)
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
        "fax" => AnsweredBy::Fax,
        by if by.starts_with("machine") => AnsweredBy::Machine,
        _ => AnsweredBy::Unknown,
    })
}

/// The same, reported during the call (`AsyncAmdStatusCallback`). Such a form says nothing else
/// about the call.
fn detected(form: &Form) -> Option<AnsweredBy> {
    answered_by(form).filter(|_| form.value("CallStatus").is_none())
}

fn direction(form: &Form) -> Direction {
    match form.value("Direction") {
        Some("outbound-api" | "outbound-dial") => Direction::Outbound,
        _ => Direction::Inbound,
    }
}

fn number(form: &Form, name: &str) -> Private<String> {
    Private::new(form.value(name).unwrap_or_default().to_owned())
}

fn is_terminal(status: &str) -> bool {
    TERMINAL.contains(&status)
}

/// Whether this is the status of an answered call. The documentation of SignalWire has the second
/// word.
fn is_in_progress(status: &str) -> bool {
    matches!(status, "in-progress" | "answered")
}

/// The first five-digit number in `text`.
fn error_code(text: &str) -> Option<u32> {
    text.split(|c: char| !c.is_ascii_digit()).find(|digits| digits.len() == 5)?.parse().ok()
}

/// The meaning of a stream error for the operator of this service.
fn explain(code: u32) -> Option<&'static str> {
    Some(match code {
        31900 => "unknown error at the carrier",
        31901 => "connecting to the stream URL timed out: is `server.public_url` reachable from the internet?",
        31902 => "the stream URL refused the connection: is the proxy listening and does it pass `/ws` on?",
        31903 => "the socket was dropped: a proxy's read timeout, or this process died",
        31904 => "the stream URL's host is unreachable: check DNS and `server.public_url`",
        31910 => "TLS failed: the proxy's certificate must be publicly trusted and match `server.public_url`",
        31920 => {
            "the upgrade was not answered with 101: the signature was refused (`server.public_url` must be the URL the carrier calls), or the proxy does not pass upgrades"
        }
        31921 => "we closed the socket: the log of that moment says why",
        31922 => "the stream URL is not wss: `server.public_url` must be https",
        31923 => "the stream URL is malformed: check `server.public_url`",
        31924 => "WebSocket protocol violation: a proxy that compresses or changes frames",
        31930 => "the carrier dropped caller audio because we read too slowly: this process is overloaded",
        31931 => "more than 10 minutes of audio were queued at the carrier and the rest was dropped",
        31940..=31942 => "a connector or a track that this service does not use",
        31950 | 31951 => {
            "the carrier refused a message of ours as malformed: a fault of this service, please report it"
        }
        31953 => "no audio from the telephone network",
        31960 => "a quota of the carrier was reached",
        _ => return None,
    })
}

/// Final `CallStatus` values.
const TERMINAL: [&str; 5] = ["completed", "busy", "failed", "no-answer", "canceled"];
/// `CallStatus` values of an unanswered call.
const UNANSWERED: [&str; 4] = ["busy", "failed", "no-answer", "canceled"];

#[cfg(test)]
mod tests;
