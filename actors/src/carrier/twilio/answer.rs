//! Our documents for Twilio's webhooks (<https://www.twilio.com/docs/voice/twiml>). Pure.

use std::borrow::Cow;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use url::{Url, form_urlencoded};

use crate::carrier::address::{public_url, socket_url};
use crate::carrier::control::Target;
use crate::carrier::desk::{Dial, Side};
use crate::carrier::spoken;

/// The content type of a TwiML answer.
pub(super) const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// A call to be connected to a media stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct ConnectStream<'a> {
    /// Our public address. Every URL in the document is built from it.
    pub(super) public_url: &'a Url,
    /// The stream's name in status callbacks.
    pub(super) name: &'a str,
    /// `<Parameter>`s, which return in the stream's `start`. Visible in the carrier's logs.
    pub(super) parameters: &'a [(&'a str, &'a str)],
}

/// A sentence for the carrier's own voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Say<'a> {
    /// The words.
    pub(super) text: &'a str,
    /// BCP 47, such as `hi-IN`; `None` uses the carrier's default.
    pub(super) language: Option<&'a str>,
    /// The carrier's name of a voice; `None` uses its default for the language.
    pub(super) voice: Option<&'a str>,
}

/// Connects the call to our stream. When the stream ends, `<Connect action>` says what follows.
/// `<Hangup/>` follows it for a carrier that does not ask.
pub(super) fn connect_stream(connect: &ConnectStream<'_>) -> String {
    let url = |path| public_url(connect.public_url, path);
    document(|twiml| {
        twiml
            .create_element("Connect")
            .with_attributes([("action", url("/twilio/after-stream").as_str()), ("method", "POST")])
            .write_inner_content(|twiml| {
                twiml
                    .create_element("Stream")
                    .with_attributes([
                        ("url", socket_url(connect.public_url, "/ws").as_str()),
                        ("name", &legal(connect.name)),
                        ("statusCallback", &url("/twilio/stream-status")),
                        ("statusCallbackMethod", "POST"),
                    ])
                    .write_inner_content(|twiml| {
                        for (name, value) in connect.parameters {
                            twiml
                                .create_element("Parameter")
                                .with_attributes([("name", &*legal(name)), ("value", &*legal(value))])
                                .write_empty()?;
                        }
                        Ok(())
                    })?;
                Ok(())
            })?;
        twiml.create_element("Hangup").write_empty()?;
        Ok(())
    })
}

/// Dials a destination. When the leg ends, or was never answered, `action` says what follows.
pub(super) fn dial(public: &Url, dial: &Dial<'_>) -> String {
    let url = |path: &str| public_url(public, path);
    let (result, status) = (url("/twilio/dial-result"), url("/twilio/status"));
    let name: String = form_urlencoded::byte_serialize(dial.name.as_bytes()).collect();
    let whisper = dial.whispers.then(|| url(&format!("/twilio/whisper?destination={name}")));
    let timeout = dial.timeout.as_secs().to_string();
    let (noun, to) = match dial.target {
        Target::Number(number) => ("Number", number.expose().as_str()),
        Target::Sip(address) => ("Sip", address.expose().as_str()),
        Target::Client(identity) => ("Client", identity.expose().as_str()),
        // Only a carrier with a transfer command knows this target; Twilio has to be given a number
        // or address.
        Target::Carrier => return hang_up(),
    };
    document(|twiml| {
        let mut verb = twiml.create_element("Dial").with_attributes([
            ("action", result.as_str()),
            ("method", "POST"),
            ("timeout", &timeout),
        ]);
        if let Some(number) = dial.caller_id {
            verb = verb.with_attribute(("callerId", &*legal(number.expose())));
        }
        verb.write_inner_content(|twiml| {
            let mut noun = twiml.create_element(noun).with_attributes([
                ("statusCallback", status.as_str()),
                ("statusCallbackMethod", "POST"),
                ("statusCallbackEvent", "answered"),
            ]);
            if let Some(whisper) = &whisper {
                noun = noun.with_attributes([("url", whisper.as_str()), ("method", "POST")]);
            }
            noun.write_text_content(BytesText::new(&legal(to)))?;
            Ok(())
        })?;
        Ok(())
    })
}

/// Says the whisper or briefing to the callee and waits for a key press, which no answering machine
/// gives. `path` receives the key; `language` is the language of the words.
pub(super) fn ask_to_take(public: &Url, path: &str, words: &str, language: &str) -> String {
    let (taken, tag) = (public_url(public, path), spoken::tag(words, language));
    document(|twiml| {
        twiml
            .create_element("Gather")
            .with_attributes([
                ("action", taken.as_str()),
                ("method", "POST"),
                ("input", "dtmf"),
                ("numDigits", "1"),
                // Any key accepts the call. Without this, # would not count as a key.
                ("finishOnKey", ""),
                ("timeout", "10"),
            ])
            .write_inner_content(|twiml| {
                let mut say = twiml.create_element("Say");
                if let Some(tag) = &tag {
                    say = say.with_attribute(("language", &*legal(tag)));
                }
                say.write_text_content(BytesText::new(&legal(words)))?;
                Ok(())
            })?;
        twiml.create_element("Hangup").write_empty()?;
        Ok(())
    })
}

/// Puts one side into the conference `room`, which ends when the first of the two leaves. For the
/// caller, the carrier then asks what follows; the callee's call is over.
pub(super) fn meet(public: &Url, room: &str, side: Side) -> String {
    let result = public_url(public, "/twilio/dial-result");
    let begins = if side == Side::Person { "true" } else { "false" };
    document(|twiml| {
        let verb = twiml.create_element("Dial");
        let verb = match side {
            Side::Caller => verb.with_attributes([("action", result.as_str()), ("method", "POST")]),
            Side::Person => verb,
        };
        verb.write_inner_content(|twiml| {
            let noun = twiml.create_element("Conference").with_attributes([
                ("beep", "false"),
                ("startConferenceOnEnter", begins),
                ("endConferenceOnExit", "true"),
                ("maxParticipants", "2"),
            ]);
            noun.write_text_content(BytesText::new(&legal(room)))?;
            Ok(())
        })?;
        Ok(())
    })
}

/// Nothing more to do: the carrier continues with what follows the document.
pub(super) fn go_on() -> String {
    document(|_| Ok(()))
}

/// Says one sentence and hangs up.
pub(super) fn say_and_hang_up(say: &Say<'_>) -> String {
    document(|twiml| {
        let mut element = twiml.create_element("Say");
        if let Some(voice) = say.voice {
            element = element.with_attribute(("voice", &*legal(voice)));
        }
        if let Some(language) = say.language {
            element = element.with_attribute(("language", &*legal(language)));
        }
        element.write_text_content(BytesText::new(&legal(say.text)))?;
        twiml.create_element("Hangup").write_empty()?;
        Ok(())
    })
}

/// Hangs up.
pub(super) fn hang_up() -> String {
    document(|twiml| twiml.create_element("Hangup").write_empty().map(|_| ()))
}

/// The polite refusal of a call that we cannot take now.
pub(super) fn refusal(language: &str) -> Say<'static> {
    let (text, tag) = spoken::refusal(language);
    Say { text, language: Some(tag), voice: None }
}

fn document(body: impl FnOnce(&mut Writer<Vec<u8>>) -> io::Result<()>) -> String {
    let mut writer = Writer::new(Vec::new());
    let written = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).and_then(|()| {
        writer.create_element("Response").write_inner_content(body)?;
        Ok(())
    });
    written.expect("writing to memory does not fail");
    String::from_utf8(writer.into_inner()).expect("the writer writes the UTF-8 that it was given")
}

/// `text` without the characters that XML 1.0 forbids even when escaped.
fn legal(text: &str) -> Cow<'_, str> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}');
    if text.chars().all(allowed) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().filter(|&c| allowed(c)).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use quick_xml::Reader;
    use quick_xml::events::BytesStart;

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
}
