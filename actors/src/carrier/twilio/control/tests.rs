use super::*;

fn api() -> TwilioApi {
    TwilioApi {
        api_url: "https://api.example.com/".parse().expect("a URL"),
        account: "AC1".to_owned(),
        auth_token: Private::new("secret".to_owned()),
        after_stream: "https://voice.example.com/twilio/after-stream".to_owned(),
        callee: "https://voice.example.com/twilio/person".to_owned(),
    }
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
    assert_eq!(judge(200, b"{}"), CarrierAnswer::Done);
    assert_eq!(judge(404, br#"{"code":20404}"#), CarrierAnswer::Gone);
    assert_eq!(judge(404, b"<html>"), CarrierAnswer::Gone);
    assert_eq!(judge(400, br#"{"code":21220}"#), CarrierAnswer::Gone);
    for (status, body) in [(400, &br#"{"code":21205}"#[..]), (401, b""), (429, b""), (500, b"oops"), (503, b"{}")] {
        assert!(matches!(judge(status, body), CarrierAnswer::Failed { .. }), "{status}");
    }
}
