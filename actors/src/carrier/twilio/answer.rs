//! Our documents for the webhooks of both dialects (<https://www.twilio.com/docs/voice/twiml>). Pure.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;
use url::Url;

use super::dialect::{Dialect, Which};
use crate::carrier::address::{public_url, socket_url, with_query};
use crate::carrier::control::Target;
use crate::carrier::spoken;
use crate::carrier::webhook_api::{Dial, Role, Side};
use crate::carrier::xml::{self, Dialled, legal, response};

/// The content type of an answer.
pub(super) const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// The writer of a dialect's documents.
#[derive(Debug, Clone, Copy)]
pub(super) struct Documents<'a> {
    pub(super) dialect: &'static Dialect,
    /// Our public address. Every URL in a document is built from it.
    pub(super) public_url: &'a Url,
}

impl Documents<'_> {
    fn url(&self, role: Role, query: &[(&str, &str)]) -> String {
        with_query(public_url(self.public_url, self.dialect.path(role)), query)
    }

    /// Connects the call to our stream, whose `name` comes back in status callbacks. Its `token` and
    /// the parameters come back in its `start`; they are visible in the carrier's logs. When the
    /// stream ends, the carrier asks what follows.
    pub(super) fn connect_stream(&self, name: &str, token: Option<&str>, parameters: &[(&str, &str)]) -> String {
        let (next, status) = (self.url(Role::StreamEnded, &[]), self.url(Role::StreamStatus, &[]));
        let stream = socket_url(self.public_url, self.dialect.path(Role::Stream));
        let in_start: Vec<_> =
            token.map(|token| ("token", token)).into_iter().chain(parameters.iter().copied()).collect();
        // Whether SignalWire signs an upgrade is not documented; the header for the token is.
        let (action, extra): (Vec<_>, Vec<_>) = match self.dialect.which {
            Which::Twilio => (vec![("action", next.as_str()), ("method", "POST")], vec![]),
            Which::SignalWire => {
                let bearer = token.map(|token| ("authBearerToken", legal(token).into_owned()));
                (vec![], [("codec", "PCMU@8000h".to_owned())].into_iter().chain(bearer).collect())
            }
        };
        response(|twiml| {
            twiml.create_element("Connect").with_attributes(action).write_inner_content(|twiml| {
                twiml
                    .create_element("Stream")
                    .with_attributes([("url", stream.as_str()), ("name", &legal(name))])
                    .with_attributes(extra.iter().map(|(name, value)| (*name, value.as_str())))
                    .with_attributes([("statusCallback", status.as_str()), ("statusCallbackMethod", "POST")])
                    .write_inner_content(|twiml| {
                        for (name, value) in &in_start {
                            twiml
                                .create_element("Parameter")
                                .with_attributes([("name", &*legal(name)), ("value", &*legal(value))])
                                .write_empty()?;
                        }
                        Ok(())
                    })?;
                Ok(())
            })?;
            match self.dialect.which {
                // For a carrier that does not ask.
                Which::Twilio => twiml.create_element("Hangup").write_empty()?,
                // Its `<Connect>` asks nobody.
                Which::SignalWire => {
                    let verb = twiml.create_element("Redirect").with_attribute(("method", "POST"));
                    verb.write_text_content(BytesText::new(&next))?
                }
            };
            Ok(())
        })
    }

    /// Dials a destination. When the leg ends, or was never answered, `action` says what follows.
    pub(super) fn dial(&self, dial: &Dial<'_>) -> String {
        let noun = match dial.target {
            Target::Number(number) => ("Number", number.expose().as_str()),
            Target::Sip(address) => ("Sip", address.expose().as_str()),
            Target::Client(identity) if self.dialect.which == Which::Twilio => ("Client", identity.expose().as_str()),
            // The other one has no clients. A transfer that the carrier has a target for is a command,
            // and neither has one.
            Target::Client(_) | Target::Carrier => return xml::hang_up(),
        };
        // Twilio names the caller's call in a leg's webhooks; the other one is not said to.
        let call: &[_] = match self.dialect.which {
            Which::Twilio => &[],
            Which::SignalWire => &[("call", dial.call.as_str())],
        };
        let whisper = dial.whispers.then(|| self.url(Role::Whisper, &[call, &[("destination", dial.name)]].concat()));
        xml::dial(&Dialled {
            noun,
            caller_id: dial.caller_id,
            ring: dial.timeout,
            result: &self.url(Role::DialEnded, &[]),
            answered: &self.url(Role::Status, call),
            whisper: whisper.as_deref(),
        })
    }

    /// Says the whisper or briefing to the callee and waits for a key press. The path for `role`
    /// receives the key; `language` is the language of the words.
    pub(super) fn ask_to_take(&self, role: Role, query: &[(&str, &str)], words: &str, language: &str) -> String {
        xml::ask_to_take(&self.url(role, query), |twiml| say(twiml, words, language))
    }

    /// Puts one side into the conference `room`, which ends when the first of the two leaves. For the
    /// caller, the carrier then asks what follows; the callee's call is over.
    pub(super) fn meet(&self, room: &str, side: Side) -> String {
        xml::conference(&self.url(Role::DialEnded, &[]), room, side)
    }
}

/// The polite refusal of a call that we cannot take now.
pub(super) fn refuse(language: &str, words: Option<&str>) -> String {
    let (text, tag) = words.map_or_else(|| spoken::refusal(language), |words| (words, language));
    xml::last_words(|twiml| say(twiml, text, tag))
}

fn say(twiml: &mut Writer<Vec<u8>>, words: &str, language: &str) -> io::Result<()> {
    let tag = spoken::tag(words, language);
    let mut say = twiml.create_element("Say");
    if let Some(tag) = &tag {
        say = say.with_attribute(("language", &*legal(tag)));
    }
    say.write_text_content(BytesText::new(&legal(words)))?;
    Ok(())
}

#[cfg(test)]
mod tests;
