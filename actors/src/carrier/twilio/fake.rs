//! Twilio and SignalWire, simulated (<https://www.twilio.com/docs/voice/twiml>). Pure.

mod document;
mod line;
mod request;
mod sign;

use url::Url;

use super::dialect::{Dialect, Which};
use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Documents, Fake, Line, Method, Part, Request, Setup, Usage, Violation};

/// The carrier's side of a call.
#[derive(Debug)]
pub(super) struct TwilioFake {
    dialect: &'static Dialect,
    documents: request::Twiml,
}

pub(super) static TWILIO: TwilioFake =
    TwilioFake { dialect: &super::TWILIO, documents: request::Twiml { which: Which::Twilio } };
pub(super) static SIGNALWIRE: TwilioFake =
    TwilioFake { dialect: &super::SIGNALWIRE, documents: request::Twiml { which: Which::SignalWire } };

impl Fake for TwilioFake {
    fn carrier(&self) -> Carrier {
        Carrier::of(&self.dialect.seat)
    }

    fn usage(&self) -> &'static Usage {
        match self.dialect.which {
            Which::Twilio => &Usage {
                account: "AC00000000000000000000000000000000",
                address: "The voice webhook, whose TwiML is obeyed",
                entry: "/twilio/voice",
                over: None,
                examples: &[
                    "--url http://127.0.0.1:8080/twilio/voice --say en --heard heard.wav",
                    "--url http://127.0.0.1:8080/twilio/voice --wav caller.wav",
                    "--stream ws://127.0.0.1:8080/ws --parameter token=t --dtmf 3s:1,5s:# --hangup-after 20s --json",
                    "--url http://127.0.0.1:8080/twilio/voice --wav caller.wav --calls 20 --ramp 5",
                ],
            },
            Which::SignalWire => &Usage {
                account: "00000000-0000-4000-8000-000000000000",
                address: "The webhook for calls of a number, whose cXML is obeyed",
                entry: "/signalwire/answer",
                over: Some("/signalwire/status"),
                examples: &["--carrier signalwire --url http://127.0.0.1:8080/signalwire/answer --wav caller.wav"],
            },
        }
    }

    fn setup(&self, part: Part<'_>) -> Setup {
        let (settings, secret): (Vec<_>, _) = match (self.dialect.which, part) {
            (Which::Twilio, Part::Played { secret: Some(secret) }) => {
                (vec![("twilio.verify", "require")], Some(("TWILIO_AUTH_TOKEN", secret)))
            }
            (Which::Twilio, Part::Played { secret: None } | Part::Aside) => (vec![("twilio.verify", "off")], None),
            (Which::SignalWire, Part::Played { secret }) => {
                (vec![("signalwire.enabled", "true")], secret.map(|secret| ("SIGNALWIRE_SIGNING_KEY", secret)))
            }
            (Which::SignalWire, Part::Aside) => (vec![("signalwire.enabled", "false")], None),
        };
        Setup {
            settings: settings.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
            secrets: secret.into_iter().map(|(name, secret)| (name, secret.to_owned())).collect(),
        }
    }

    fn call_id(&self, random: u128) -> String {
        match self.dialect.which {
            Which::Twilio => format!("CA{random:032x}"),
            Which::SignalWire => uuid(random),
        }
    }

    fn stream_id(&self, _: &str, random: u128) -> String {
        match self.dialect.which {
            Which::Twilio => format!("MZ{random:032x}"),
            Which::SignalWire => uuid(!random),
        }
    }

    fn documents(&self) -> Option<&'static dyn Documents> {
        Some(match self.dialect.which {
            Which::Twilio => &TWILIO.documents,
            Which::SignalWire => &SIGNALWIRE.documents,
        })
    }

    fn upgrade(&self, call: &Calling, stream: &Url) -> Request {
        let mut headers = Vec::new();
        if self.dialect.which == Which::Twilio {
            headers.push(("user-agent", "Twilio.TmeWs/1.0".to_owned()));
            // The header is all lower case on an upgrade, unlike on a webhook. The address is signed
            // as it was given. The other carrier shows the document's token and no signature.
            let signature = call.secret.as_ref().map(|secret| sign::sign(secret.expose(), stream.as_str(), &[]));
            headers.extend(signature.map(|signature| ("x-twilio-signature", signature)));
        }
        Request { method: Method::Get, url: stream.clone(), headers, body: None }
    }

    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line> {
        Box::new(line::TwilioLine::new(self.dialect.which, call, stream))
    }

    fn code(&self, violation: Violation) -> Option<u32> {
        (self.dialect.which == Which::Twilio).then(|| code(violation))
    }
}

/// A version 4 UUID.
fn uuid(random: u128) -> String {
    let hex = format!("{random:032x}");
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

/// The error code in Twilio's debugger (<https://www.twilio.com/docs/api/errors>).
const fn code(violation: Violation) -> u32 {
    match violation {
        Violation::Unreachable => 11205,
        Violation::Refused => 11200,
        Violation::WrongType => 12300,
        Violation::Unreadable => 11750,
        Violation::BadDocument => 12100,
        Violation::BadAddress => 11100,
        Violation::StreamTimeout => 31901,
        Violation::StreamUnreachable => 31902,
        Violation::StreamDropped => 31903,
        Violation::StreamCertificate => 31910,
        Violation::NoUpgrade => 31920,
        Violation::StreamClosed => 31921,
        Violation::StreamViolated => 31924,
        Violation::ReadsTooSlowly => 31930,
        Violation::PlayoutFull => 31931,
        Violation::Malformed => 31950,
        Violation::Invalid => 31951,
    }
}

#[cfg(test)]
mod tests;
