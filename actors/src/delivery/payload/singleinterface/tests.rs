use serde_json::json;

use super::super::Payload;
use super::super::testing::{material, record};
use super::*;

#[test]
fn the_body_is_the_references_key_by_key() {
    let body = material(&record(), |material| Payload::SingleInterfaceV2.body(material)).expect("JSON");
    let expected = concat!(
        r#"{"id":"bot_U1","call_ref_id":"U1","call_vendor":"Testing","recording_url":"","#,
        r#""start_time":"2025-10-17 16:50:00","end_time":"2025-10-17 16:51:04","Duration":65,"Store_code":10001,"#,
        r#""Customer_number":919800000000,"language":{"welcome":"hindi","conversational":"hindi"},"#,
        r#""dealer_routing":{"status":false,"reason":"Partial data collected - call ended","time":""},"#,
        r#""dropoff":{"time":"2025-10-17 16:50:14","action":"model"},"response_data":["#,
        r#"{"key_label":"What's your name","key_value":"name","key_response":"Asha","attempts":1,"attempts_details":"#,
        r#"[{"start_time":"2025-10-17 16:50:08","end_time":"2025-10-17 16:50:11","sequence":1}],"remarks":"verified"},"#,
        r#"{"key_label":"Which model you are looking for","key_value":"model","key_response":"","attempts":0,"#,
        r#""attempts_details":[],"remarks":"not_attempted"},"#,
        r#"{"key_label":"What is your email id","key_value":"email","key_response":"","attempts":0,"#,
        r#""attempts_details":[],"remarks":"not_attempted"}]}"#,
    );
    assert_eq!(String::from_utf8(body).expect("text"), expected);
}

#[test]
fn all_six_languages_are_reported_right() {
    for (code, name) in [
        ("en", "english"),
        ("hi", "hindi"),
        ("mr", "marathi"),
        ("te", "telugu"),
        ("ta", "tamil"),
        ("ml-IN", "malayalam"),
    ] {
        let mut record = record();
        record["language"] = "en".into();
        record["language_switches"] = json!([{"from": "en", "to": "hi"}, {"from": "hi", "to": code}]);
        let body = made(&record);
        assert_eq!(body["language"], json!({"welcome": "english", "conversational": name}));
    }
}

#[test]
fn the_first_reason_that_applies_is_given() {
    let reason = |record: &Value| made(record)["dealer_routing"].clone();
    let mut asked = record();
    asked["conversation"][1]["text"] = "Please connect me to a dealer".into();
    assert_eq!(reason(&asked), json!({"status": true, "reason": "User decided", "time": "2025-10-17 16:50:11"}));
    let mut transferred = record();
    transferred["transfers"] =
        json!([{"timestamp": "2025-10-17T11:20:20.000Z", "destination": "sales", "reason": "customer_request"}]);
    assert_eq!(reason(&transferred)["time"], "2025-10-17 16:50:20");
    let mut complete = record();
    complete["analytics"]["completion"] = "complete".into();
    assert_eq!(reason(&complete), json!({"status": true, "reason": "call completed", "time": ""}));
    let mut confused = record();
    confused["conversation"][0]["text"] = "Sorry, could you repeat that?".into();
    confused["conversation"][2]["text"] = "I am sorry?".into();
    assert_eq!(reason(&confused)["reason"], "Unable to understand answers");
    let mut tired = record();
    tired["analytics"]["questions"][0]["attempts"] = 7.into();
    assert_eq!(reason(&tired)["reason"], "Unable to understand answers");
    let mut none = record();
    none["analytics"]["completion"] = "none".into();
    assert_eq!(reason(&none)["reason"], "No data collected - call failed");
}

#[test]
fn where_the_caller_dropped_off_is_the_first_that_is_missing() {
    let mut silent = record();
    silent["conversation"] = json!([]);
    assert_eq!(made(&silent)["dropoff"], json!({"time": "", "action": "ivr"}));
    let mut complete = record();
    complete["analytics"]["completion"] = "complete".into();
    assert_eq!(made(&complete)["dropoff"]["action"], "");
}

#[test]
fn an_agent_without_questions_reports_the_references_three() {
    let mut bare = record();
    bare["analytics"] = json!({"completion": "none"});
    bare["from"] = "anonymous".into();
    bare["metadata"] = json!({"store_code": "S-204"});
    let body = made(&bare);
    let keys: Vec<_> = body["response_data"].as_array().expect("a list").iter().map(|it| &it["key_value"]).collect();
    assert_eq!(keys, ["name", "model", "email"]);
    assert_eq!((&body["Store_code"], &body["Customer_number"]), (&204.into(), &9_999_999_999_u64.into()));
}

fn made(record: &Value) -> Value {
    let body = material(record, |material| Payload::SingleInterfaceV2.body(material)).expect("JSON");
    serde_json::from_slice(&body).expect("JSON")
}
