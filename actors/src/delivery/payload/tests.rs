use serde_json::json;

use super::*;

#[test]
fn a_carriers_own_body_tells_of_the_call_and_how_complete_its_answers_are() {
    for payload in Payload::all().filter(|payload| matches!(payload, Payload::Carrier(_))) {
        let fields = |record: &Value| {
            let body = testing::material(record, |material| payload.body(material)).expect("JSON");
            String::from_utf8(body).expect("text")
        };
        let whole = fields(&testing::record());
        assert!(whole.contains("U1") && whole.contains("partial"), "{}: {whole}", payload.name());
        let wordless = fields(&json!({"call_id": "U1", "conversation": [], "answers": {}}));
        assert!(wordless.contains(r#""none""#), "{}: {wordless}", payload.name());
    }
}

#[test]
fn no_two_shapes_have_one_name() {
    let names: std::collections::BTreeSet<_> = Payload::all().map(Payload::name).collect();
    assert_eq!(names.len(), Payload::all().count());
}
