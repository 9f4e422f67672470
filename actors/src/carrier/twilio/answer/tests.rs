use proptest::prelude::*;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::*;

#[test]
fn a_call_is_connected_as_the_reference_shows() {
    let public = url("https://voice.example.com");
    let document = connect_stream(&ConnectStream {
        public_url: &public,
        name: "5e1f",
        parameters: &[("token", "q7"), ("from", "+15550100001")],
    });
    assert_eq!(
        document,
        concat!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Response>"#,
            r#"<Connect action="https://voice.example.com/twilio/after-stream" method="POST">"#,
            r#"<Stream url="wss://voice.example.com/ws" name="5e1f" "#,
            r#"statusCallback="https://voice.example.com/twilio/stream-status" statusCallbackMethod="POST">"#,
            r#"<Parameter name="token" value="q7"/><Parameter name="from" value="+15550100001"/>"#,
            r#"</Stream></Connect><Hangup/></Response>"#
        )
    );
}

#[test]
fn a_plain_public_address_gets_a_plain_socket() {
    assert_eq!(socket_url(&url("http://127.0.0.1:8080"), "/ws"), "ws://127.0.0.1:8080/ws");
    assert_eq!(socket_url(&url("https://example.com/voice/"), "/ws"), "wss://example.com/voice/ws");
}

#[test]
fn a_refusal_is_said_in_the_language_of_the_call() {
    assert_eq!(refusal("hi").language, Some("hi-IN"));
    assert_eq!(refusal("ta-IN").language, Some("ta-IN"));
    assert_eq!(refusal("xx").language, Some("en-US"));
    for (code, tag, text) in spoken::REFUSALS {
        let parsed = parse(&say_and_hang_up(&refusal(code)));
        assert_eq!(parsed, [format!("Say language={tag}"), format!("'{text}'"), "Hangup".to_owned()]);
    }
}

#[test]
fn a_named_voice_stands_beside_the_language() {
    let say = Say { text: "Hello.", language: Some("en-US"), voice: Some("Polly.Joanna") };
    assert_eq!(parse(&say_and_hang_up(&say)), ["Say voice=Polly.Joanna language=en-US", "'Hello.'", "Hangup"]);
}

#[test]
fn hanging_up_is_one_verb() {
    assert_eq!(parse(&hang_up()), ["Hangup"]);
}

#[test]
fn an_answer_stays_far_below_what_the_carrier_takes() {
    for (code, ..) in spoken::REFUSALS {
        assert!(say_and_hang_up(&refusal(code)).len() < 4_000);
    }
}

proptest! {
    #[test]
    fn whatever_stands_in_a_parameter_comes_back_as_it_was(value in "\\PC{0,40}[<>&\"'\u{0}\u{1}\u{FFFF}]{0,4}") {
        let public = url("https://voice.example.com");
        let parameters = [("token", value.as_str())];
        let document = connect_stream(&ConnectStream { public_url: &public, name: &value, parameters: &parameters });
        let parsed = parse(&document);
        prop_assert_eq!(&parsed[2], &format!("Parameter name=token value={}", legal(&value)));
        let illegal = ['\u{0}', '\u{1}', '\u{FFFF}'];
        prop_assert!(!document.contains(illegal));
    }

    #[test]
    fn whatever_is_said_comes_back_as_it_was(text in "[a-z<>&\"']{1,40}") {
        let parsed = parse(&say_and_hang_up(&Say { text: &text, language: None, voice: None }));
        prop_assert_eq!(parsed, ["Say".to_owned(), format!("'{text}'"), "Hangup".to_owned()]);
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
