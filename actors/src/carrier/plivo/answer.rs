//! Our documents for the webhooks of both dialects (<https://www.plivo.com/docs/voice/xml/overview>).
//! Pure.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;
use url::Url;

use super::dialect::{Dialect, Which};
use crate::carrier::address::{public_url, socket_url, with_query};
use crate::carrier::control::Target;
use crate::carrier::spoken;
use crate::carrier::webhook_api::{Dial, Role, Side};
use crate::carrier::xml::{self, legal, response};
use crate::ids::CarrierCallId;

/// The content type of an answer.
pub(super) const CONTENT_TYPE: &str = "application/xml";

/// The writer of a dialect's documents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Documents<'a> {
    /// The dialect.
    pub(super) dialect: &'static Dialect,
    /// Our public address. Every URL in a document is built from it.
    pub(super) public_url: &'a Url,
}

impl Documents<'_> {
    fn url(&self, role: Role, query: &[(&str, &str)]) -> String {
        with_query(public_url(self.public_url, self.dialect.path(role)), query)
    }

    /// Connects the call to our stream, whose query has these parameters. The element holds the
    /// document until the stream is over; then the carrier asks what follows.
    pub(super) fn connect_stream(&self, parameters: &[(&str, &str)]) -> String {
        let stream = with_query(socket_url(self.public_url, self.dialect.path(Role::Stream)), parameters);
        response(|xml| {
            xml.create_element("Stream")
                .with_attributes([
                    ("bidirectional", "true"),
                    ("keepCallAlive", "true"),
                    ("contentType", "audio/x-mulaw;rate=8000"),
                    ("statusCallbackUrl", self.url(Role::StreamStatus, &[]).as_str()),
                    ("statusCallbackMethod", "POST"),
                ])
                .write_text_content(BytesText::new(&stream))?;
            xml.create_element("Redirect")
                .with_attribute(("method", "POST"))
                .write_text_content(BytesText::new(&self.url(Role::StreamEnded, &[])))?;
            Ok(())
        })
    }

    /// Dials a destination. When the leg ends, or was never answered, `action` says what follows.
    pub(super) fn dial(&self, dial: &Dial<'_>) -> String {
        let call = [("call", dial.call.as_str())];
        let (result, status) = (self.url(Role::DialEnded, &[]), self.url(Role::Status, &call));
        let whisper = dial.whispers.then(|| self.url(Role::Whisper, &call));
        let timeout = dial.timeout.as_secs().to_string();
        let (noun, to) = match dial.target {
            Target::Number(number) => ("Number", number.expose().clone()),
            Target::Sip(address) => ("User", address.expose().clone()),
            Target::Client(identity) if self.dialect.which == Which::Plivo => {
                ("User", format!("sip:{}@phone.plivo.com", identity.expose()))
            }
            // Neither has a transfer of its own that knows a target, and the other one's clients
            // have no documented address.
            Target::Client(_) | Target::Carrier => return xml::hang_up(),
        };
        response(|xml| {
            let mut verb = xml.create_element("Dial").with_attributes([
                ("action", result.as_str()),
                ("method", "POST"),
                ("timeout", &timeout),
                ("callbackUrl", &status),
                ("callbackMethod", "POST"),
            ]);
            if let Some(number) = dial.caller_id {
                verb = verb.with_attribute(("callerId", &*legal(number.expose().trim_start_matches('+'))));
            }
            if let Some(whisper) = &whisper {
                verb = verb.with_attributes([("confirmSound", whisper.as_str()), ("confirmKey", TAKING_KEY)]);
            }
            verb.write_inner_content(|xml| {
                xml.create_element(noun).write_text_content(BytesText::new(&legal(&to)))?;
                Ok(())
            })?;
            Ok(())
        })
    }

    /// Asks the callee of a warm transfer to accept the call by a key, which no answering machine
    /// presses.
    pub(super) fn ask_to_take(&self, call: &CarrierCallId, words: &str, language: &str) -> String {
        let taken = self.url(Role::CalleeTaken, &[("call", call.as_str())]);
        let attributes: &[(&str, &str)] = match self.dialect.which {
            Which::Plivo => &[("timeout", "10"), ("numDigits", "1"), ("retries", "1")],
            Which::Vobiz => &[("inputType", "dtmf"), ("executionTimeout", "10"), ("numDigits", "1")],
        };
        let name = if self.dialect.which == Which::Plivo { "GetDigits" } else { "Gather" };
        xml::last_words(|xml| {
            xml.create_element(name)
                .with_attributes([("action", taken.as_str()), ("method", "POST")])
                .with_attributes(attributes.iter().copied())
                .write_inner_content(|xml| speak(xml, words, language))?;
            Ok(())
        })
    }

    /// Puts one side into the conference `room`, which ends when the first of the two leaves. For
    /// the caller, the carrier then asks what follows; the callee's call is over.
    pub(super) fn meet(&self, room: &str, side: Side) -> String {
        let result = self.url(Role::DialEnded, &[]);
        let begins = if side == Side::Callee { "true" } else { "false" };
        response(|xml| {
            let mut verb = xml.create_element("Conference").with_attributes([
                ("startConferenceOnEnter", begins),
                ("endConferenceOnExit", "true"),
                ("maxMembers", "2"),
            ]);
            if side == Side::Caller {
                verb = verb.with_attributes([("action", result.as_str()), ("method", "POST")]);
            }
            verb.write_text_content(BytesText::new(&room_name(room)))?;
            Ok(())
        })
    }
}

/// What the callee of a dialled leg is told; the carrier itself asks for the key.
pub(super) fn whisper(words: &str, language: &str) -> String {
    response(|xml| speak(xml, words, language))
}

/// The polite refusal of a call that we cannot take now.
pub(super) fn refuse(language: &str, words: Option<&str>) -> String {
    let (text, tag) = words.map_or_else(|| spoken::refusal(language), |words| (words, language));
    xml::last_words(|xml| speak(xml, text, tag))
}

fn speak(xml: &mut Writer<Vec<u8>>, words: &str, language: &str) -> io::Result<()> {
    let tag = spoken::tag(words, language);
    let mut speak = xml.create_element("Speak");
    if let Some(tag) = &tag {
        speak = speak.with_attribute(("language", &*legal(tag)));
    }
    speak.write_text_content(BytesText::new(&legal(words)))?;
    Ok(())
}

/// A conference's name has letters, digits and hyphens.
fn room_name(room: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    room.chars().map(allowed).collect()
}

/// The key with which the callee of a dialled leg accepts the call. The carrier knows one key only.
const TAKING_KEY: &str = "1";

#[cfg(test)]
mod tests;
