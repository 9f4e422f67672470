//! Twilio, simulated (<https://www.twilio.com/docs/voice/twiml>). Pure.

mod document;
mod line;
mod request;
mod sign;

use url::Url;

use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Documents, Fake, Line, Method, Part, Request, Setup, Usage, Violation};

/// Twilio's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct TwilioFake;

impl Fake for TwilioFake {
    fn carrier(&self) -> Carrier {
        super::CARRIER
    }

    fn usage(&self) -> &'static Usage {
        &Usage {
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
        }
    }

    fn setup(&self, part: Part<'_>) -> Setup {
        let verify = |word: &str| vec![("twilio.verify", word.to_owned())];
        match part {
            Part::Played { secret: Some(secret) } => {
                Setup { settings: verify("require"), secrets: vec![("TWILIO_AUTH_TOKEN", secret.to_owned())] }
            }
            Part::Played { secret: None } | Part::Aside => Setup { settings: verify("off"), secrets: Vec::new() },
        }
    }

    fn call_id(&self, random: u128) -> String {
        format!("CA{random:032x}")
    }

    fn stream_id(&self, _: &str, random: u128) -> String {
        format!("MZ{random:032x}")
    }

    fn documents(&self) -> Option<&'static dyn Documents> {
        Some(&request::Twiml)
    }

    fn upgrade(&self, call: &Calling, stream: &Url) -> Request {
        let mut headers = vec![("user-agent", "Twilio.TmeWs/1.0".to_owned())];
        if let Some(secret) = &call.secret {
            // The header is all lower case on an upgrade, unlike on a webhook. The address is
            // signed as it was given.
            headers.push(("x-twilio-signature", sign::sign(secret.expose(), stream.as_str(), &[])));
        }
        Request { method: Method::Get, url: stream.clone(), headers, body: None }
    }

    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line> {
        Box::new(line::TwilioLine::new(call, stream))
    }

    fn code(&self, violation: Violation) -> Option<u32> {
        Some(code(violation))
    }
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
