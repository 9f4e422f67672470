//! Our documents for the webhooks, in TeXML
//! (<https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs>). Pure.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;
use url::Url;

use crate::carrier::address::{public_url, socket_url, with_query};
use crate::carrier::control::Target;
use crate::carrier::spoken;
use crate::carrier::webhook_api::{Dial, Side};
use crate::carrier::xml::{conference, legal, response};

/// The content type of an answer.
pub(super) const CONTENT_TYPE: &str = "application/xml";

/// Connects the call to our stream, whose address has these parameters. When the stream is over, the
/// verb after `<Connect>` asks what follows: `<Connect>` itself asks nobody.
pub(super) fn connect_stream(public: &Url, name: &str, parameters: &[(&str, &str)]) -> String {
    let stream = with_query(socket_url(public, "/telnyx/ws"), parameters);
    response(|xml| {
        xml.create_element("Connect").write_inner_content(|xml| {
            xml.create_element("Stream")
                .with_attributes([
                    ("url", stream.as_str()),
                    ("name", &legal(name)),
                    ("track", "inbound_track"),
                    ("codec", "PCMU"),
                    // Without this, only whole files could be played.
                    ("bidirectionalMode", "rtp"),
                    ("bidirectionalCodec", "PCMU"),
                    ("statusCallback", &public_url(public, "/telnyx/stream-status")),
                    ("statusCallbackMethod", "POST"),
                ])
                .write_empty()?;
            Ok(())
        })?;
        xml.create_element("Redirect")
            .with_attribute(("method", "POST"))
            .write_text_content(BytesText::new(&public_url(public, "/telnyx/after-stream")))?;
        Ok(())
    })
}

/// Dials a destination. When the leg ends, or was never answered, `action` says what follows.
pub(super) fn dial(public: &Url, dial: &Dial<'_>) -> String {
    let call = [("call", dial.call.as_str())];
    let (result, status) =
        (public_url(public, "/telnyx/dial-result"), with_query(public_url(public, "/telnyx/status"), &call));
    let whisper = dial.whispers.then(|| with_query(public_url(public, "/telnyx/whisper"), &call));
    let timeout = dial.timeout.as_secs().clamp(5, 120).to_string();
    let (noun, to) = match dial.target {
        Target::Number(number) => ("Number", number.expose().as_str()),
        Target::Sip(address) => ("Sip", address.expose().as_str()),
        // TeXML knows no clients, and no transfer that the carrier has a target for.
        Target::Client(_) | Target::Carrier => return hang_up(),
    };
    response(|xml| {
        let mut verb = xml.create_element("Dial").with_attributes([
            ("action", result.as_str()),
            ("method", "POST"),
            ("timeout", &timeout),
        ]);
        if let Some(number) = dial.caller_id {
            verb = verb.with_attribute(("callerId", &*legal(number.expose())));
        }
        verb.write_inner_content(|xml| {
            let mut noun = xml.create_element(noun).with_attributes([
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
pub(super) fn ask_to_take(public: &Url, path: &str, query: &[(&str, &str)], words: &str, language: &str) -> String {
    let taken = with_query(public_url(public, path), query);
    response(|xml| {
        xml.create_element("Gather")
            .with_attributes([
                ("action", taken.as_str()),
                ("method", "POST"),
                ("input", "dtmf"),
                ("numDigits", "1"),
                // Any key accepts the call. Without this, # would not count as a key.
                ("finishOnKey", ""),
                ("timeout", "10"),
            ])
            .write_inner_content(|xml| say(xml, words, language))?;
        xml.create_element("Hangup").write_empty()?;
        Ok(())
    })
}

/// Puts one side into the conference `room`, which ends when the first of the two leaves. For the
/// caller, the carrier then asks what follows; the callee's call is over.
pub(super) fn meet(public: &Url, room: &str, side: Side) -> String {
    conference(&public_url(public, "/telnyx/dial-result"), room, side)
}

/// Nothing more to do: the carrier continues with what follows the document.
pub(super) fn go_on() -> String {
    response(|_| Ok(()))
}

/// The polite refusal of a call that we cannot take now.
pub(super) fn refuse(language: &str) -> String {
    let (text, tag) = spoken::refusal(language);
    response(|xml| {
        say(xml, text, tag)?;
        xml.create_element("Hangup").write_empty()?;
        Ok(())
    })
}

/// Hangs up.
pub(super) fn hang_up() -> String {
    response(|xml| xml.create_element("Hangup").write_empty().map(|_| ()))
}

fn say(xml: &mut Writer<Vec<u8>>, words: &str, language: &str) -> io::Result<()> {
    let tag = spoken::tag(words, language);
    let mut say = xml.create_element("Say");
    if let Some(tag) = &tag {
        // The other plain voices speak American English alone.
        say = say.with_attributes([("voice", "alice"), ("language", &*legal(tag))]);
    }
    say.write_text_content(BytesText::new(&legal(words)))?;
    Ok(())
}
