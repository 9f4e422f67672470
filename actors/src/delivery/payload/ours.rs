//! Our own shape. Pure.
//!
//! `{version, id, type, timestamp, data: {call, ending?, duration_ms?, status?, record?}}`, described by
//! `switchboard.schema.json` beside this file. `data.record` is the whole transcript file of the contract. Fields may be added
//! within a version; none is ever renamed or removed.

use serde::Serialize;
use serde_json::Value;

use super::{Material, completion};
use crate::delivery::case::rfc3339;

/// The JSON Schema of what this shape produces.
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
            },
            ending: notice.ending.as_ref().map(|close| Ending { reason: &close.reason, by: &close.by }),
            duration_ms: notice.ending.as_ref().map(|close| close.duration_ms),
            status: material.record.map(|record| completion(Some(record))),
            record: material.record,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Payload;
    use super::super::testing::{material, material_of, record};
    use super::*;
    use crate::delivery::notice::{Kind, Notice};
    use crate::delivery::testing::card;
    use crate::ending::Ending;

    #[test]
    fn every_kind_fits_the_schema_that_is_shipped() {
        let schema = schema();
        let card = card();
        for kind in [Kind::CallStarted, Kind::CallEnded, Kind::CallTransferred] {
            let ending = (kind != Kind::CallStarted).then_some(Ending::Transferred);
            let notice = Notice::of_call(kind, &card, card.started_at, ending);
            let body = read(&material_of(&notice, None, |material| Payload::Switchboard.body(material).expect("JSON")));
            assert_fits(&schema, &body);
            assert_eq!((&body["type"], &body["id"]), (&kind.name().into(), &notice.id.as_str().into()));
        }
        let body = read(&material(&record(), |material| Payload::Switchboard.body(material).expect("JSON")));
        assert_fits(&schema, &body);
        assert_eq!(body["data"]["record"], record());
        assert_eq!(body["data"]["status"], "partial");
    }

    #[test]
    fn the_schema_refuses_what_is_not_ours() {
        let schema = schema();
        let good = read(&material(&record(), |material| Payload::Switchboard.body(material).expect("JSON")));
        for (pointer, value) in [
            ("/version", json!(2)),
            ("/type", json!("call.imagined")),
            ("/id", json!("msg.1")),
            ("/timestamp", json!("yesterday")),
            ("/data/call/id", json!(null)),
            ("/data/duration_ms", json!(-1)),
            ("/data/status", json!("perhaps")),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is there")) = value;
            assert!(!schema.is_valid(&bad), "{pointer}");
        }
    }

    fn schema() -> jsonschema::Validator {
        let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
        jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
    }

    fn assert_fits(schema: &jsonschema::Validator, body: &Value) {
        let problems: Vec<String> =
            schema.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(problems.is_empty(), "{problems:#?}\n{body:#}");
    }

    fn read(body: &[u8]) -> Value {
        serde_json::from_slice(body).expect("JSON")
    }
}
