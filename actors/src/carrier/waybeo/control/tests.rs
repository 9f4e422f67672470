use super::*;

#[test]
fn both_requests_carry_the_configured_word_and_the_call() {
    let api = WaybeoApi {
        api_url: "https://pbx.example.com/bot-call".parse().expect("a URL"),
        token: Private::new("secret".to_owned()),
        transfer_command: "transfer_call".to_owned(),
        hangup_command: "hangup_call".to_owned(),
    };
    let call = CarrierCallId::new("-74lJ3\"x");
    let ask = api.ask(Request::HandOver(None), &call).expect("a request");
    assert_eq!(ask.url.as_str(), "https://pbx.example.com/bot-call");
    assert_eq!(ask.body.expose(), r#"{"callId":"-74lJ3\"x","command":"transfer_call"}"#);
    assert_eq!(ask.headers[0].1.expose(), "Bearer secret");
    assert!(!format!("{api:?} {ask:?}").contains("secret"), "nothing secret is printed");
    let ask = api.ask(Request::HangUp, &call).expect("a request");
    assert!(ask.body.expose().contains(r#""command":"hangup_call""#));
}

#[test]
fn any_success_is_success_whatever_it_says() {
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(judge(status), CarrierAnswer::Done);
    }
    assert_eq!(judge(404), CarrierAnswer::Gone);
    for status in [100, 199, 300, 302, 400, 401, 429, 500, 503] {
        assert!(matches!(judge(status), CarrierAnswer::Failed { .. }), "{status}");
    }
}

#[test]
fn a_token_says_when_it_expires() {
    let token = |claims: &str| format!("e30.{}.sig", base64_simd::URL_SAFE_NO_PAD.encode_to_string(claims));
    assert_eq!(expiry(&token(r#"{"sub":"stream","iat":1700000000,"exp":1700003600}"#)), Some(1_700_003_600));
    assert_eq!(expiry(&token(r#"{"exp":1e300}"#)), Some(i64::MAX));
    for broken in ["", "opaque", "a.b.c", "e30.!.x", &token("{}"), &token("[]"), &token(r#"{"exp":"soon"}"#)] {
        assert_eq!(expiry(broken), None, "{broken}");
    }
}
