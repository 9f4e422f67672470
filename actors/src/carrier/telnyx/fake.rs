//! Telnyx, simulated: TeXML and the media stream of a leg with A-law
//! (<https://developers.telnyx.com/docs/voice/programmable-voice/texml-verbs/stream>). Pure.

mod alaw;
mod document;
mod line;
mod request;
mod sign;

use url::Url;

use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Documents, Fake, Fault, Line, Method, Part, Request, Setup, Usage};

/// Telnyx's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct TelnyxFake;

impl Fake for TelnyxFake {
    fn carrier(&self) -> Carrier {
        super::CARRIER
    }

    fn usage(&self) -> &'static Usage {
        &Usage {
            account: "00000000-0000-0000-0000-000000000001",
            address: "The voice URL, whose TeXML is obeyed; --auth-token is the seed of the key that signs, base64 of 32 bytes or any words",
            entry: "/telnyx/answer",
            over: Some("/telnyx/status"),
            examples: &["--carrier telnyx --url http://127.0.0.1:8080/telnyx/answer --say en --heard heard.wav"],
        }
    }

    fn faults(&self) -> &'static [Fault] {
        &[Fault::Shuffled]
    }

    fn setup(&self, part: Part<'_>) -> Setup {
        let secret = match part {
            Part::Played { secret } => secret,
            Part::Aside => None,
        };
        let key = secret.map(|secret| ("TELNYX_PUBLIC_KEY", sign::public_key(secret)));
        let enabled = matches!(part, Part::Played { .. });
        Setup { settings: vec![("telnyx.enabled", enabled.to_string())], secrets: key.into_iter().collect() }
    }

    fn call_id(&self, random: u128) -> String {
        format!("v3:{random:032x}_kFSe-aiQ")
    }

    fn stream_id(&self, _: &str, random: u128) -> String {
        let hex = format!("{random:032X}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    fn documents(&self) -> Option<&'static dyn Documents> {
        Some(&request::TeXml)
    }

    fn upgrade(&self, _: &Calling, stream: &Url) -> Request {
        // It is not signed.
        Request { method: Method::Get, url: stream.clone(), headers: Vec::new(), body: None }
    }

    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line> {
        Box::new(line::TelnyxLine::new(call, stream))
    }
}

#[cfg(test)]
mod tests;
