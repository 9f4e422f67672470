//! Our own format. Pure.
//!
//! `{version, id, type, timestamp, data: {call, ending?, duration_ms?, status?, record?}}`,
//! described by `switchboard.schema.json` beside this file. `data.record` is the whole transcript
//! file. Fields may be added within a version; none is ever renamed or removed.

use serde::Serialize;
use serde_json::Value;

use super::{Material, completion};
use crate::delivery::case::rfc3339;
use crate::profile::values::Values;

/// The JSON Schema of this format.
#[cfg(test)]
const SCHEMA: &str = include_str!("switchboard.schema.json");

#[derive(Serialize)]
pub(super) struct Body<'a> {
    version: &'static str,
    id: &'a str,
    r#type: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    call: Call<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ending: Option<Ending<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a Value>,
}

#[derive(Serialize)]
struct Call<'a> {
    id: &'a str,
    carrier: &'a str,
    carrier_call_id: &'a str,
    stream_id: &'a str,
    direction: &'a str,
    from: &'a str,
    to: &'a str,
    agent: &'a str,
    language: &'a str,
    model: &'a str,
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Values::is_empty")]
    variables: &'a Values,
}

#[derive(Serialize)]
struct Ending<'a> {
    reason: &'a str,
    by: &'a str,
}

pub(super) fn body(material: Material<'_>) -> Body<'_> {
    let notice = material.notice;
    let call = &notice.call;
    Body {
        version: "1",
        id: &notice.id,
        r#type: notice.kind.name(),
        timestamp: rfc3339(notice.at),
        data: Data {
            call: Call {
                id: &call.id,
                carrier: &call.carrier,
                carrier_call_id: &call.carrier_call_id,
                stream_id: &call.stream_id,
                direction: &call.direction,
                from: &call.from,
                to: &call.to,
                agent: &call.agent,
                language: &call.language,
                model: &call.model,
                started_at: call.started_at.map(rfc3339),
                variables: &call.variables,
            },
            ending: notice.ending.as_ref().map(|close| Ending { reason: &close.reason, by: &close.by }),
            duration_ms: notice.ending.as_ref().map(|close| close.duration_ms),
            status: material.record.map(|record| completion(Some(record))),
            record: material.record,
        },
    }
}

#[cfg(test)]
mod tests;
