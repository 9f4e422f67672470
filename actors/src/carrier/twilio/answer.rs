//! Our documents for Twilio's webhooks (<https://www.twilio.com/docs/voice/twiml>). Pure.

use quick_xml::events::BytesText;
use url::{Url, form_urlencoded};

use crate::carrier::address::{public_url, socket_url};
use crate::carrier::control::Target;
use crate::carrier::spoken;
use crate::carrier::webhook_api::{Dial, Side};
use crate::carrier::xml::{conference, legal, response};

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
    response(|twiml| {
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
    response(|twiml| {
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
    response(|twiml| {
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
    conference(&public_url(public, "/twilio/dial-result"), room, side)
}

/// Nothing more to do: the carrier continues with what follows the document.
pub(super) fn go_on() -> String {
    response(|_| Ok(()))
}

/// Says one sentence and hangs up.
pub(super) fn say_and_hang_up(say: &Say<'_>) -> String {
    response(|twiml| {
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
    response(|twiml| twiml.create_element("Hangup").write_empty().map(|_| ()))
}

/// The polite refusal of a call that we cannot take now.
pub(super) fn refusal(language: &str) -> Say<'static> {
    let (text, tag) = spoken::refusal(language);
    Say { text, language: Some(tag), voice: None }
}

#[cfg(test)]
mod tests;
