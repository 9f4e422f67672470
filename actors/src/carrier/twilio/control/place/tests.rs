use super::*;
use crate::carrier::twilio::dialect::TWILIO;

#[test]
fn an_outbound_call_is_placed_with_our_document_and_status_callback() {
    let api = TwilioApi {
        dialect: &TWILIO,
        api_url: "https://api.example.com/".parse().ok(),
        account: "AC1".to_owned(),
        auth_token: Private::new("secret".to_owned()),
        after_stream: String::new(),
        briefing: String::new(),
        callee_status: String::new(),
    };
    let placing = Placing {
        to: Private::new("+15550100001".to_owned()),
        from: Private::new("+15550100002".to_owned()),
        document: "https://v.example.com/twilio/voice?outbound=r".to_owned(),
        status: "https://v.example.com/twilio/status?outbound=r".to_owned(),
        ring: Duration::from_secs(45),
        machine: Some(Machine::MessageEnd),
    };
    let ask = api.begin(&placing).expect("a request");
    assert_eq!(ask.url.as_str(), "https://api.example.com/2010-04-01/Accounts/AC1/Calls.json");
    let body = ask.body.expose();
    assert!(body.starts_with("To=%2B15550100001&From=%2B15550100002&Url=https%3A%2F%2Fv.example.com"), "{body}");
    assert!(body.ends_with("&Timeout=45&MachineDetection=DetectMessageEnd"), "{body}");
    assert!(!format!("{ask:?} {placing:?}").contains("5550100"), "nobody's number is printed");
    let plain = api.begin(&Placing { machine: None, ..placing }).expect("a request");
    assert!(!plain.body.expose().contains("Machine"));
}

#[test]
fn an_answer_names_the_call_or_says_why_there_is_none() {
    assert_eq!(judge(&TWILIO, 201, br#"{"sid":"CA7","status":"queued"}"#), Ok(CarrierCallId::new("CA7")));
    let why = |status, body: &[u8]| judge(&TWILIO, status, body).expect_err("no call");
    assert!(why(201, b"{}").reason.contains("names no call"));
    let refused = why(400, br#"{"code":21212,"message":"+1555 is bad"}"#);
    assert_eq!((refused.busy, refused.code), (false, 21_212));
    assert!(refused.reason.contains("`from`") && !refused.reason.contains("1555"));
    assert!(why(429, br#"{"code":20429}"#).busy && why(400, br#"{"code":10004}"#).busy);
    assert!(why(401, b"<html>").reason.contains("TWILIO_AUTH_TOKEN"));
    assert!(why(503, b"oops").reason.contains("HTTP 503"));
}
