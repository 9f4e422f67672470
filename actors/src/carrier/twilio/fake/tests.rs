use std::collections::BTreeMap;

use super::*;
use crate::carrier::fake::{CarrierEvent, Complaint, Outcome, Verb};
use crate::carrier::twilio::answer;
use crate::carrier::twilio::trust::{self, Keys, Signed};
use crate::ids::Private;

const SECRET: &str = "test_auth_token_0123456789abcdef";

fn call() -> Calling {
    Calling {
        id: TWILIO.call_id(1),
        account: "AC00000000000000000000000000000002".to_owned(),
        from: "+15550100001".to_owned(),
        to: "+15550100002".to_owned(),
        answered: false,
        secret: Some(Private::new(SECRET.to_owned())),
        faults: Vec::new(),
        clock: || chrono::DateTime::UNIX_EPOCH,
    }
}

fn keys() -> Keys {
    Keys { auth_tokens: vec![Private::new(SECRET.to_owned())], ..Keys::default() }
}

fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[test]
fn ids_look_like_the_carriers() {
    assert_eq!(TWILIO.call_id(10), "CA0000000000000000000000000000000a");
    assert_eq!(TWILIO.stream_id("", u128::MAX), format!("MZ{}", "f".repeat(32)));
    assert_eq!(SIGNALWIRE.call_id(10), "00000000-0000-4000-8000-00000000000a");
    assert_eq!(SIGNALWIRE.stream_id("", 0), "ffffffff-ffff-4fff-8fff-ffffffffffff");
}

#[test]
fn what_is_asked_is_what_the_seat_trusts() {
    let url: Url = "https://voice.example.com/twilio/voice".parse().expect("an address");
    for get in [false, true] {
        let request = TWILIO.documents.request(&call(), &url, get, &CarrierEvent::Next);
        let form: Vec<(String, String)> = match &request.body {
            Some((_, body)) => url::form_urlencoded::parse(body.as_bytes()).into_owned().collect(),
            None => Vec::new(),
        };
        assert_eq!(form.is_empty(), get);
        let asked = trust::Request {
            url: request.url.as_str(),
            signed: Signed::Form(&form),
            signature: header(&request, "x-twilio-signature"),
            settings: None,
        };
        assert_eq!(trust::verify_webhook(&keys(), &asked), Ok(()), "{request:?}");
        let forged = trust::Request { url: "https://voice.example.com/twilio/other", ..asked };
        assert!(trust::verify_webhook(&keys(), &forged).is_err());
    }
    let stream: Url = "wss://voice.example.com/ws".parse().expect("an address");
    let upgrade = TWILIO.upgrade(&call(), &stream);
    let asked = trust::Request {
        url: stream.as_str(),
        signed: Signed::Nothing,
        signature: header(&upgrade, "x-twilio-signature"),
        settings: None,
    };
    assert_eq!(trust::verify_upgrade(&keys(), &asked), Ok(()));
    let unsigned = TWILIO.upgrade(&Calling { secret: None, ..call() }, &stream);
    assert_eq!(header(&unsigned, "x-twilio-signature"), None);
}

#[test]
fn the_seats_document_is_read_without_a_complaint() {
    let public = "https://voice.example.com".parse().expect("an address");
    let documents = answer::Documents { dialect: &super::super::TWILIO, public_url: &public };
    let document = documents.connect_stream("va-1", Some("q<7"), &[]);
    let read = TWILIO.documents.read(&document).expect("a document");
    assert_eq!(read.complaints, []);
    let Some(Verb::Connect { action: Some(_), stream }) = read.verbs.first() else { panic!("{read:?}") };
    assert_eq!(stream.parameters, BTreeMap::from([("token".to_owned(), "q<7".to_owned())]));
    let entry = format!("https://voice.example.com{}", TWILIO.usage().entry).parse().expect("an address");
    let address = TWILIO.documents.stream_address(&entry, stream).map(String::from);
    assert_eq!(address.as_deref(), Ok("wss://voice.example.com/ws"));
}

#[test]
fn the_result_of_a_dial_is_reported_in_twilios_words() {
    let url: Url = "https://voice.example.com/after".parse().expect("an address");
    let event = |event: &CarrierEvent| {
        let (_, body) = TWILIO.documents.request(&call(), &url, false, event).body.expect("a form");
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect::<BTreeMap<String, String>>()
    };
    for (outcome, word) in [
        (Outcome::Answered, "completed"),
        (Outcome::Declined, "completed"),
        (Outcome::Busy, "busy"),
        (Outcome::NoAnswer, "no-answer"),
        (Outcome::Failed, "failed"),
    ] {
        let fields = event(&CarrierEvent::Dialled { leg: "CA7".to_owned(), outcome, talked: None });
        assert_eq!((&*fields["DialCallStatus"], &*fields["DialBridged"]), (word, "false"));
        assert!(!fields.contains_key("DialCallDuration"));
    }
    let talked = Some(std::time::Duration::from_secs(2));
    let fields = event(&CarrierEvent::Dialled { leg: "CA7".to_owned(), outcome: Outcome::Answered, talked });
    assert_eq!((&*fields["DialBridged"], &*fields["DialCallDuration"]), ("true", "2"));
    assert_eq!(event(&CarrierEvent::Met { hung_up: true })["CallStatus"], "completed");
    assert_eq!(event(&CarrierEvent::Met { hung_up: false })["CallStatus"], "ringing");
    assert_eq!(event(&CarrierEvent::LegPressed { leg: "CA7".to_owned(), key: '1' })["Digits"], "1");
}

#[test]
fn a_violation_is_named_with_twilios_code() {
    let fake: &dyn Fake = &TWILIO;
    assert_eq!(fake.coded(Violation::StreamClosed), " (Twilio 31921)");
    let complaint = fake.complaint(Violation::PlayoutFull, "too much");
    assert_eq!(complaint, Complaint { code: 31931, text: "too much".to_owned() });
}
