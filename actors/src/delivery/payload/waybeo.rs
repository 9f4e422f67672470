//! Waybeo's `data_record` (as its deployments take it; there is no public page): whether the call's questions were answered. Pure.
//!
//! `callId` is spelled so; another spelling is answered with 400. Sent for every call, those without words as `none`.

use serde::Serialize;

use super::{Material, completion};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    call_id: String,
    command: &'static str,
    parameters: [Parameter; 2],
}

#[derive(Serialize)]
struct Parameter {
    key: &'static str,
    value: String,
}

pub(super) fn body(material: Material<'_>) -> Body {
    let ucid = &material.notice.call.carrier_call_id;
    Body {
        call_id: ucid.clone(),
        command: "data_record",
        parameters: [
            Parameter { key: "bot_reference_id", value: format!("bot_{ucid}") },
            Parameter { key: "data_capture_status", value: completion(material.record).to_owned() },
        ],
    }
}

#[cfg(test)]
mod tests {
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
}
