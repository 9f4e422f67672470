use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use std::time::Duration;

use super::*;
use crate::carrier::twilio::dialect::{SIGNALWIRE, TWILIO};
use crate::ids::{CarrierCallId, Private};

fn documents(public_url: &Url) -> Documents<'_> {
    Documents { dialect: &TWILIO, public_url }
}

#[test]
fn a_call_is_connected_as_the_reference_shows() {
    let public = url("https://voice.example.com");
    assert_eq!(
        documents(&public).connect_stream("5e1f", Some("q7"), &[("from", "+15550100001")]),
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#,
            r#"<Connect action="https://voice.example.com/twilio/after-stream" method="POST">"#,
            r#"<Stream url="wss://voice.example.com/ws" name="5e1f" "#,
            r#"statusCallback="https://voice.example.com/twilio/stream-status" statusCallbackMethod="POST">"#,
            r#"<Parameter name="token" value="q7"/><Parameter name="from" value="+15550100001"/>"#,
            r#"</Stream></Connect><Hangup/></Response>"#
        )
    );
    assert_eq!(
        Documents { dialect: &SIGNALWIRE, public_url: &public }.connect_stream("5e1f", Some("q7"), &[]),
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Response><Connect>"#,
            r#"<Stream url="wss://voice.example.com/signalwire/ws" name="5e1f" codec="PCMU@8000h" authBearerToken="q7" "#,
            r#"statusCallback="https://voice.example.com/signalwire/stream-status" statusCallbackMethod="POST">"#,
            r#"<Parameter name="token" value="q7"/></Stream></Connect>"#,
            r#"<Redirect method="POST">https://voice.example.com/signalwire/after-stream</Redirect></Response>"#
        )
    );
}

#[test]
fn a_leg_brings_the_callers_call_where_its_webhooks_do_not_name_it() {
    let (public, call) = (url("https://voice.example.com"), CarrierCallId::new("c 1"));
    let target = Target::Number(Private::new("+15550100009".to_owned()));
    let timeout = Duration::from_secs(20);
    let dial = Dial { call: &call, name: "a&b", target: &target, timeout, caller_id: None, whispers: true };
    let xml = documents(&public).dial(&dial);
    assert!(xml.contains(r#" statusCallback="https://voice.example.com/twilio/status" "#), "{xml}");
    assert!(xml.contains(r#" url="https://voice.example.com/twilio/whisper?destination=a%26b" "#), "{xml}");
    let other = Documents { dialect: &SIGNALWIRE, public_url: &public };
    let xml = other.dial(&dial);
    assert!(xml.contains(r#" statusCallback="https://voice.example.com/signalwire/status?call=c+1" "#), "{xml}");
    assert!(xml.contains("/signalwire/whisper?call=c+1&amp;destination=a%26b"), "{xml}");
    let alice = Target::Client(Private::new("alice".to_owned()));
    assert!(documents(&public).dial(&Dial { target: &alice, ..dial }).contains(">alice</Client>"));
    assert_eq!(other.dial(&Dial { target: &alice, ..dial }), xml::hang_up());
}

#[test]
fn a_plain_public_address_gets_a_plain_socket() {
    assert_eq!(socket_url(&url("http://127.0.0.1:8080"), "/ws"), "ws://127.0.0.1:8080/ws");
    assert_eq!(socket_url(&url("https://example.com/voice/"), "/ws"), "wss://example.com/voice/ws");
}

#[test]
fn a_refusal_is_said_in_the_language_of_the_call() {
    for (code, tag, text) in spoken::REFUSALS {
        let parsed = parse(&refuse(code, None));
        assert_eq!(parsed, [format!("Say language={tag}"), format!("'{text}'"), "Hangup".to_owned()]);
        assert!(refuse(code, None).len() < 4_000, "far below what the carrier takes");
    }
    assert_eq!(refuse("ta-IN", None), refuse("ta", None));
    assert_eq!(refuse("xx", None), refuse("en", None));
}

#[test]
fn hanging_up_is_one_verb() {
    assert_eq!(parse(&xml::hang_up()), ["Hangup"]);
}

proptest! {
    #[test]
    fn whatever_stands_in_a_parameter_comes_back_as_it_was(value in "\\PC{0,40}[<>&\"'\u{0}\u{1}\u{FFFF}]{0,4}") {
        let public = url("https://voice.example.com");
        let document = documents(&public).connect_stream(&value, Some(&value), &[]);
        let parsed = parse(&document);
        prop_assert_eq!(&parsed[2], &format!("Parameter name=token value={}", legal(&value)));
        let illegal = ['\u{0}', '\u{1}', '\u{FFFF}'];
        prop_assert!(!document.contains(illegal));
    }

    #[test]
    fn whatever_is_said_comes_back_as_it_was(text in "[a-z<>&\"']{1,40}") {
        let public = url("https://voice.example.com");
        let parsed = parse(&documents(&public).ask_to_take(Role::WhisperTaken, &[], &text, "xx"));
        prop_assert_eq!(&parsed[1..], ["Say".to_owned(), format!("'{text}'"), "Hangup".to_owned()]);
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a test's URL")
}

/// The elements in `<Response>` with their attributes, and the texts, in order.
fn parse(document: &str) -> Vec<String> {
    let mut reader = Reader::from_str(document);
    let (mut found, mut text) = (Vec::new(), String::new());
    loop {
        let event = reader.read_event().expect("well-formed");
        if let Event::Text(piece) = &event {
            text.push_str(&piece.xml10_content());
        } else if let Event::GeneralRef(name) = &event {
            let character = name.resolve_char_ref().expect("a character").map(String::from);
            let entity = || quick_xml::escape::resolve_predefined_entity(&name.xml10_content()).map(str::to_owned);
            text.push_str(&character.or_else(entity).expect("a known entity"));
        } else if !text.is_empty() {
            found.push(format!("'{}'", std::mem::take(&mut text)));
        }
        if let Event::Start(element) | Event::Empty(element) = &event {
            found.push(describe(element));
        } else if let Event::Eof = event {
            break;
        }
    }
    assert_eq!(found.remove(0), "Response");
    found
}

fn describe(element: &BytesStart<'_>) -> String {
    let mut words = vec![element.name().as_ref().to_owned()];
    for attribute in element.attributes() {
        let attribute = attribute.expect("an attribute");
        let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).expect("escaped");
        words.push(format!("{}={value}", attribute.key.as_ref()));
    }
    words.join(" ")
}
