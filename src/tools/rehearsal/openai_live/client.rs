//! Reads client events. Pure.

use serde::Deserialize;
use serde_json::Value;

use super::shapes;
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::schema;

/// A client event.
#[derive(Debug)]
pub(super) enum Incoming<'a> {
    /// `session.input_audio.append`, by far the most frequent event. Its base64 is borrowed from the
    /// message.
    Append(&'a str),
    /// Any other event, checked.
    Event(Value),
}

/// A refused event, with its id.
#[derive(Debug)]
pub(super) struct Refused {
    /// The reason.
    pub(super) fault: Fault,
    /// The `event_id` of the client's event.
    pub(super) event_id: Option<String>,
}

/// Reads one text message.
pub(super) fn read(text: &str) -> Result<Incoming<'_>, Refused> {
    if let Ok(Append { kind: "session.input_audio.append", audio, event_id }) = serde_json::from_str(text)
        && event_id.is_none_or(|id| id.len() <= 512)
    {
        return Ok(Incoming::Append(audio));
    }
    let event: Value = serde_json::from_str(text).map_err(|error| {
        let fault = Fault::request("invalid_event", format!("The message is not valid JSON: {error}."));
        Refused { fault, event_id: None }
    })?;
    match check(&event) {
        Ok(()) => Ok(Incoming::Event(event)),
        Err(fault) => Err(Refused { fault, event_id: event["event_id"].as_str().map(str::to_owned) }),
    }
}

/// The refusal of a binary message.
pub(super) fn binary() -> Fault {
    Fault::request("invalid_event", "Expected a text WebSocket message, but received a binary one.")
}

fn check(event: &Value) -> Result<(), Fault> {
    if !event.is_object() {
        return Err(Fault::request("invalid_event", "Expected a JSON object."));
    }
    let kind = event["type"].as_str().ok_or_else(|| Fault::missing("type"))?;
    let immutable = |key: &&str| kind == "session.update" && event["session"].get(key).is_some();
    if let Some(key) = shapes::IMMUTABLE.into_iter().find(immutable) {
        let fault = Fault::request("immutable_field_update", format!("'{key}' cannot change after the start."));
        return Err(fault.at(format!("session.{key}")));
    }
    match shapes::shape(kind) {
        Some(shape) => schema::check(event, shape, ""),
        None => Err(Fault::unsupported("type", kind, shapes::names())),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Append<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    audio: &'a str,
    event_id: Option<&'a str>,
}
