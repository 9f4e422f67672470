use super::*;

fn api(application: Option<&str>) -> TelnyxApi {
    TelnyxApi {
        api_url: "https://api.example.com/x/".parse().expect("a URL"),
        api_key: Private::new("KEY".to_owned()),
        application: application.map(str::to_owned),
        account: application.map(|_| "f5586561".to_owned()),
        after_stream: "https://voice.example.com/telnyx/after-stream".to_owned(),
        briefing: "https://voice.example.com/telnyx/person/briefing".to_owned(),
        callee_status: "https://voice.example.com/telnyx/person/status".to_owned(),
    }
}

fn body(ask: &Ask) -> Value {
    serde_json::from_str(ask.body.expose()).expect("JSON")
}

#[test]
fn a_call_is_ended_by_its_id_and_one_that_is_over_is_gone() {
    let api = api(None);
    let call = CarrierCallId::new("v3:c7");
    let ask = api.ask(Request::HangUp, &call).expect("a request");
    assert_eq!(ask.url.as_str(), "https://api.example.com/x/v2/calls/v3:c7/actions/hangup");
    assert_eq!((ask.method, ask.headers[0].1.expose().as_str()), (Method::Post, "Bearer KEY"));
    assert!(!format!("{ask:?}").contains("KEY"), "nothing secret is printed");
    assert!(api.ask(Request::HandOver(None), &call).is_none(), "the verb after the stream is enough");
    let over = br#"{"errors":[{"code":"90018","title":"Call has already ended"}]}"#;
    for (status, body, expected) in [
        (200, &b"{}"[..], CarrierAnswer::Done),
        (404, b"", CarrierAnswer::Gone),
        (422, over, CarrierAnswer::Gone),
        (422, br#"{"errors":[{"code":90018}]}"#, CarrierAnswer::Gone),
    ] {
        assert_eq!(api.judge(status, body), expected, "{status}");
    }
    for (status, body) in [(401, &b""[..]), (422, br#"{"errors":[{"code":"10005"}]}"#), (500, b"<html>")] {
        assert!(matches!(api.judge(status, body), CarrierAnswer::Failed { .. }), "{status}");
    }
}

#[test]
fn a_call_is_placed_over_the_application() {
    let number = |text: &str| Private::new(text.to_owned());
    let placing = Placing {
        to: number("+15550100009"),
        from: number("+15550100002"),
        document: "https://voice.example.com/telnyx/answer?outbound=o1".to_owned(),
        status: "https://voice.example.com/telnyx/status?outbound=o1".to_owned(),
        ring: Duration::from_secs(2),
        machine: Some(Machine::MessageEnd),
    };
    let (none, api) = (api(None), api(Some("1293384261075731499")));
    assert!(none.place(&placing).is_none(), "without an application there is nothing to place it over");
    let ask = api.place(&placing).expect("a request");
    assert_eq!(ask.url.as_str(), "https://api.example.com/x/v2/texml/calls/1293384261075731499");
    let told = body(&ask);
    assert_eq!((&told["To"], &told["From"]), (&json!("+15550100009"), &json!("+15550100002")));
    assert_eq!((&told["Timeout"], &told["MachineDetection"]), (&json!(5), &json!("DetectMessageEnd")));
    let named = api.judge_placed(200, br#"{"call_sid":"v3:c9","from":"+1","status":"queued","to":"+2"}"#);
    assert_eq!(named, Ok(Placed::Named(CarrierCallId::new("v3:c9"))));
    for (status, body, busy) in
        [(200, &b"{}"[..], false), (200, br#"{"call_sid":""}"#, false), (401, b"", false), (429, b"", true)]
    {
        assert_eq!(api.judge_placed(status, body).expect_err("not placed").busy, busy, "{status}");
    }
}

#[test]
fn a_callee_is_invited_by_number_or_sip_address() {
    let (call, ring) = (CarrierCallId::new("v3:c 7"), Duration::from_secs(20));
    let private = |text: &str| Private::new(text.to_owned());
    let invite = |api: &TelnyxApi, target: &Target| api.invite(&call, target, private("+15550100002"), ring);
    let api_with = api(Some("1"));
    let placing = invite(&api_with, &Target::Number(private("+15550100009"))).expect("a call");
    assert_eq!(placing.document, "https://voice.example.com/telnyx/person/briefing?call=v3%3Ac+7");
    assert_eq!(placing.status, "https://voice.example.com/telnyx/person/status?call=v3%3Ac+7");
    assert!(invite(&api_with, &Target::Sip(private("sip:a@b"))).is_some());
    assert!(invite(&api_with, &Target::Client(private("a"))).is_none());
    let ask = api_with.ask(Request::HandOver(None), &CarrierCallId::new("v3:c7")).expect("a request");
    assert_eq!(ask.url.as_str(), "https://api.example.com/x/v2/texml/Accounts/f5586561/Calls/v3:c7");
    assert_eq!(ask.body.expose(), "Url=https%3A%2F%2Fvoice.example.com%2Ftelnyx%2Fafter-stream&Method=POST");
    assert!(invite(&api(None), &Target::Number(private("+15550100009"))).is_none());
}
