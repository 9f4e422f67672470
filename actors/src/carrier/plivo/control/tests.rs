use serde_json::Value;

use super::*;
use crate::carrier::control::Machine;
use crate::carrier::plivo::{PLIVO, VOBIZ};

fn api(dialect: &'static Dialect, root: &str) -> PlivoApi {
    let private = |text: &str| Private::new(text.to_owned());
    PlivoApi {
        dialect,
        api_url: root.parse().expect("a URL"),
        account: private("MA1"),
        auth_token: private("secret"),
        after_stream: "https://voice.example.com/plivo/after-stream".to_owned(),
        briefing: "https://voice.example.com/plivo/person/briefing".to_owned(),
        callee_status: "https://voice.example.com/plivo/person/status".to_owned(),
    }
}

fn body(ask: &Ask) -> Value {
    serde_json::from_str(ask.body.expose()).expect("JSON")
}

#[test]
fn a_call_is_ended_and_sent_to_our_document() {
    let (plivo, vobiz) = (api(&PLIVO, "https://api.example.com/"), api(&VOBIZ, "https://api.example.com/x"));
    let call = CarrierCallId::new("c7");
    let ask = plivo.ask(Request::HangUp, &call).expect("a request");
    assert_eq!((ask.method, ask.url.as_str()), (Method::Delete, "https://api.example.com/v1/Account/MA1/Call/c7/"));
    assert_eq!((ask.headers[0].0, ask.headers[0].1.expose().as_str()), ("authorization", "Basic TUExOnNlY3JldA=="));
    assert!(ask.content_type.is_none() && !format!("{ask:?}").contains("TUEx"), "nothing secret is printed");
    let ask = vobiz.ask(Request::HandOver(None), &call).expect("a request");
    let url = "https://api.example.com/x/api/v1/Account/MA1/Call/c7/";
    assert_eq!((ask.method, ask.url.as_str()), (Method::Post, url));
    assert_eq!(body(&ask)["aleg_url"], "https://voice.example.com/plivo/after-stream");
    let headers: Vec<_> = ask.headers.iter().map(|(name, value)| (*name, value.expose().as_str())).collect();
    assert_eq!(headers, [("x-auth-id", "MA1"), ("x-auth-token", "secret")]);
    for (status, expected) in [(204, CarrierAnswer::Done), (202, CarrierAnswer::Done), (404, CarrierAnswer::Gone)] {
        assert_eq!(plivo.judge(status, b""), expected);
    }
    for status in [400, 401, 429, 500] {
        assert!(matches!(vobiz.judge(status, b""), CarrierAnswer::Failed { .. }), "{status}");
    }
}

#[test]
fn a_call_is_placed_and_only_one_of_the_two_names_it() {
    let number = |text: &str| Private::new(text.to_owned());
    let placing = Placing {
        to: number("+15550100009"),
        from: number("+15550100002"),
        document: "https://voice.example.com/plivo/answer?outbound=o".to_owned(),
        status: "https://voice.example.com/plivo/status?outbound=o".to_owned(),
        ring: Duration::from_secs(25),
        machine: Some(Machine::Detect),
    };
    let (plivo, vobiz) = (api(&PLIVO, "https://api.example.com"), api(&VOBIZ, "https://api.example.com"));
    let ask = plivo.place(&placing).expect("a request");
    assert_eq!(ask.url.as_str(), "https://api.example.com/v1/Account/MA1/Call/");
    let told = body(&ask);
    assert_eq!((&told["to"], &told["from"]), (&json!("15550100009"), &json!("15550100002")));
    assert_eq!((&told["ring_timeout"], &told["machine_detection"]), (&json!(25), &json!("true")));
    assert_eq!((&told["answer_url"], &told["hangup_url"]), (&json!(placing.document), &json!(placing.status)));
    let fired = br#"{"api_id":"a","message":"call fired","request_uuid":"r1"}"#;
    assert_eq!(plivo.judge_placed(201, fired), Ok(Placed::Unnamed));
    assert_eq!(vobiz.judge_placed(201, fired), Ok(Placed::Named(CarrierCallId::new("r1"))));
    for (status, busy, words) in [(402, false, "no balance"), (429, true, "too many"), (401, false, "VOBIZ_AUTH_ID")] {
        let refused = vobiz.judge_placed(status, b"{}").expect_err("refused");
        assert!(refused.busy == busy && refused.reason.contains(words), "{refused}");
    }
    assert!(vobiz.judge_placed(201, b"{}").is_err() && plivo.judge_placed(200, b"<html>").is_err());
}

#[test]
fn a_person_is_called_for_a_warm_transfer_where_the_call_has_a_name_at_once() {
    let target = Target::Number(Private::new("+15550100009".to_owned()));
    let invite = |api: PlivoApi| {
        let from = Private::new("+15550100002".to_owned());
        api.invite(&CarrierCallId::new("c&1"), &target, from, Duration::from_secs(20))
    };
    assert_eq!(invite(api(&PLIVO, "https://api.example.com")), None);
    let placing = invite(api(&VOBIZ, "https://api.example.com")).expect("a call");
    assert_eq!(placing.document, "https://voice.example.com/plivo/person/briefing?call=c%261");
}
