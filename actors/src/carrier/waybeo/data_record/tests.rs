use super::*;

#[test]
fn the_body_is_the_references() {
    for word in ["complete", "partial", "none"] {
        let body = (DATA_RECORD.body)("U1", word).expect("JSON");
        assert_eq!(
            String::from_utf8(body).expect("text"),
            format!(
                r#"{{"callId":"U1","command":"data_record","parameters":[{{"key":"bot_reference_id","value":"bot_U1"}},{{"key":"data_capture_status","value":"{word}"}}]}}"#
            )
        );
    }
}
