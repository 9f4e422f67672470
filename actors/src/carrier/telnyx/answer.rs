//! Our documents for the webhooks, in TeXML
//! (<https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs>). Pure.

use std::io;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::BytesText;
use url::Url;

use crate::carrier::address::{public_url, socket_url, with_query};
use crate::carrier::control::Target;
use crate::carrier::spoken;
use crate::carrier::webhook_api::{Dial, Side};
use crate::carrier::xml::{self, Dialled, legal, response};

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
    let url = |path, query: &[_]| with_query(public_url(public, path), query);
    let whisper = dial.whispers.then(|| url("/telnyx/whisper", &call));
    let noun = match dial.target {
        Target::Number(number) => ("Number", number.expose().as_str()),
        Target::Sip(address) => ("Sip", address.expose().as_str()),
        // TeXML knows no clients, and no transfer that the carrier has a target for.
        Target::Client(_) | Target::Carrier => return xml::hang_up(),
    };
    xml::dial(&Dialled {
        noun,
        caller_id: dial.caller_id,
        ring: dial.timeout.clamp(SHORTEST_RING, LONGEST_RING),
        result: &url("/telnyx/dial-result", &[]),
        answered: &url("/telnyx/status", &call),
        whisper: whisper.as_deref(),
    })
}

/// Says the whisper or briefing to the callee and waits for a key press. `path` receives the key;
/// `language` is the language of the words.
pub(super) fn ask_to_take(public: &Url, path: &str, query: &[(&str, &str)], words: &str, language: &str) -> String {
    xml::ask_to_take(&with_query(public_url(public, path), query), |xml| say(xml, words, language))
}

/// Puts one side into the conference `room`, which ends when the first of the two leaves. For the
/// caller, the carrier then asks what follows; the callee's call is over.
pub(super) fn meet(public: &Url, room: &str, side: Side) -> String {
    xml::conference(&public_url(public, "/telnyx/dial-result"), room, side)
}

/// The polite refusal of a call that we cannot take now.
pub(super) fn refuse(language: &str, words: Option<&str>) -> String {
    let (text, tag) = words.map_or_else(|| spoken::refusal(language), |words| (words, language));
    xml::last_words(|xml| say(xml, text, tag))
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

/// The ring times that `<Dial>` takes.
const SHORTEST_RING: Duration = Duration::from_secs(5);
const LONGEST_RING: Duration = Duration::from_secs(120);
