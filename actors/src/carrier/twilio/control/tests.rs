use super::*;
use crate::carrier::twilio::dialect::{SIGNALWIRE, TWILIO};

fn api() -> TwilioApi {
    TwilioApi {
        dialect: &TWILIO,
        api_url: Some("https://api.example.com/".parse().expect("a URL")),
        account: "AC1".to_owned(),
        auth_token: Private::new("secret".to_owned()),
        after_stream: "https://voice.example.com/twilio/after-stream".to_owned(),
        briefing: "https://voice.example.com/twilio/person/briefing".to_owned(),
        callee_status: "https://voice.example.com/twilio/person/status".to_owned(),
    }
}

#[test]
fn a_space_is_asked_at_its_path_however_it_is_written() {
    for (written, asked) in [
        ("https://x.signalwire.com", "https://x.signalwire.com/api/laml/2010-04-01/Accounts/AC1/Calls/c7.json"),
        ("https://x.signalwire.com/", "https://x.signalwire.com/api/laml/2010-04-01/Accounts/AC1/Calls/c7.json"),
        ("https://x.example.com/api/laml/", "https://x.example.com/api/laml/2010-04-01/Accounts/AC1/Calls/c7.json"),
        ("http://127.0.0.1:9/a", "http://127.0.0.1:9/a/api/laml/2010-04-01/Accounts/AC1/Calls/c7.json"),
    ] {
        let api = TwilioApi { dialect: &SIGNALWIRE, api_url: written.parse().ok(), ..api() };
        let ask = api.ask(Request::HangUp, &CarrierCallId::new("c7")).expect("a request");
        assert_eq!((ask.url.as_str(), ask.body.expose().as_str()), (asked, "Status=completed"), "{written}");
    }
    let nowhere = TwilioApi { dialect: &SIGNALWIRE, api_url: None, ..api() };
    assert!(nowhere.ask(Request::HandOver(None), &CarrierCallId::new("c7")).is_none());
    let CarrierAnswer::Failed { reason } = nowhere.judge(401, b"") else { panic!() };
    assert!(reason.contains("SIGNALWIRE_PROJECT_ID and SIGNALWIRE_API_TOKEN"), "{reason}");
}

#[test]
fn a_call_is_handed_on_by_sending_it_to_our_document() {
    let ask = api().ask(Request::HandOver(None), &CarrierCallId::new("CA7")).expect("a request");
    assert_eq!(ask.url.as_str(), "https://api.example.com/2010-04-01/Accounts/AC1/Calls/CA7.json");
    assert_eq!(ask.body.expose(), "Url=https%3A%2F%2Fvoice.example.com%2Ftwilio%2Fafter-stream&Method=POST");
    assert_eq!(ask.headers[0].1.expose(), "Basic QUMxOnNlY3JldA==");
    assert!(!format!("{ask:?}").contains("QUMx"), "nothing secret is printed");
    let ask = api().ask(Request::HangUp, &CarrierCallId::new("CA7")).expect("a request");
    assert_eq!(ask.body.expose(), "Status=completed");
}

#[test]
fn a_call_that_is_over_is_no_failure() {
    assert_eq!(api().judge(200, b"{}"), CarrierAnswer::Done);
    assert_eq!(api().judge(404, br#"{"code":20404}"#), CarrierAnswer::Gone);
    assert_eq!(api().judge(404, b"<html>"), CarrierAnswer::Gone);
    assert_eq!(api().judge(400, br#"{"code":21220}"#), CarrierAnswer::Gone);
    for (status, body) in [(400, &br#"{"code":21205}"#[..]), (401, b""), (429, b""), (500, b"oops"), (503, b"{}")] {
        assert!(matches!(api().judge(status, body), CarrierAnswer::Failed { .. }), "{status}");
    }
}
