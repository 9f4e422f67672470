use serde_json::json;

use super::super::Payload;
use super::super::testing::{material, material_of, record};
use super::*;
use crate::delivery::notice::{Kind, Notice};
use crate::delivery::testing::summary;
use crate::ending::Ending;

#[test]
fn every_kind_fits_the_schema_that_is_shipped() {
    let schema = schema();
    let summary = summary();
    for kind in [Kind::CallStarted, Kind::CallEnded, Kind::CallTransferred] {
        let ending = (kind != Kind::CallStarted).then_some(Ending::Transferred);
        let notice = Notice::of_call(kind, &summary, summary.started_at, ending);
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
