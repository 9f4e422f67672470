use serde_json::json;

use super::super::Payload;
use super::super::testing::{material, record};

#[test]
fn the_body_is_the_references() {
    let mut record = record();
    for word in ["complete", "partial", "none"] {
        record["analytics"]["completion"] = word.into();
        let body = material(&record, |material| Payload::WaybeoDataRecord.body(material));
        assert_eq!(
            String::from_utf8(body.expect("JSON")).expect("text"),
            format!(
                r#"{{"callId":"U1","command":"data_record","parameters":[{{"key":"bot_reference_id","value":"bot_U1"}},{{"key":"data_capture_status","value":"{word}"}}]}}"#
            )
        );
    }
}

#[test]
fn a_call_without_words_is_none() {
    let record = json!({"call_id": "U1", "conversation": [], "answers": {}});
    let body = material(&record, |material| Payload::WaybeoDataRecord.body(material)).expect("JSON");
    assert!(String::from_utf8(body).expect("text").contains(r#""value":"none""#));
}
