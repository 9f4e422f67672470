use super::*;

fn api(to: Option<&str>) -> SmartfloApi {
    let token = Private::new("TOKEN".to_owned());
    let api_url = "https://api.example.com/".parse().expect("a URL");
    SmartfloApi { api_url, token, transfer_to: to.map(str::to_owned) }
}

#[test]
fn a_call_is_put_through_or_ended() {
    let call = CarrierCallId::new("c7");
    let asked = |ask: &Ask| (ask.url.to_string(), serde_json::from_str::<Value>(ask.body.expose()).expect("JSON"));
    let ask = api(Some("sales")).ask(Request::HandOver(None), &call).expect("a request");
    let body = json!({"type": "4", "call_id": "c7", "intercom": "sales"});
    assert_eq!(asked(&ask), ("https://api.example.com/v1/call/options".to_owned(), body));
    assert_eq!(ask.headers[0].1.expose(), "Bearer TOKEN");
    assert!(!format!("{ask:?}").contains("TOKEN"), "nothing secret is printed");
    assert!(api(None).ask(Request::HandOver(None), &call).is_none(), "nobody to put it through to");
    let number = Target::Number(Private::new("+911140000000".to_owned()));
    for to in [None, Some("sales")] {
        let ask = api(to).ask(Request::HandOver(Some(&number)), &call).expect("a request");
        assert_eq!(asked(&ask).1["intercom"], "911140000000", "the transfer's own number comes first");
    }
    let ask = api(Some("sales")).ask(Request::HandOver(Some(&Target::Carrier)), &call).expect("a request");
    assert_eq!(asked(&ask).1["intercom"], "sales");
    let sip = Target::Sip(Private::new("sip:a@b.example.com".to_owned()));
    assert!(api(Some("sales")).ask(Request::HandOver(Some(&sip)), &call).is_none());
    let ask = api(None).ask(Request::HangUp, &call).expect("a request");
    assert_eq!(asked(&ask), ("https://api.example.com/v1/call/hangup".to_owned(), json!({"call_id": "c7"})));
}

#[test]
fn an_answer_is_judged_by_its_status_and_by_its_own_word() {
    let judge = |status, body: &str| api(None).judge(status, body.as_bytes());
    assert_eq!((judge(200, r#"{"success":true}"#), judge(200, "")), (CarrierAnswer::Done, CarrierAnswer::Done));
    assert_eq!((judge(404, ""), judge(410, "")), (CarrierAnswer::Gone, CarrierAnswer::Gone));
    for (status, body) in [(200, r#"{"success":false}"#), (401, ""), (500, "")] {
        assert!(matches!(judge(status, body), CarrierAnswer::Failed { .. }), "{status}");
    }
}
