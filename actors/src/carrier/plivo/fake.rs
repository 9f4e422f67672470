//! Plivo and Vobiz, simulated (<https://www.plivo.com/docs/voice/xml/stream>). Pure.

mod document;
mod line;
mod request;
mod sign;

use url::Url;

use super::dialect::{Dialect, Which};
use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Documents, Fake, Line, Method, Part, Request, Setup, Usage};

/// The carrier's side of a call.
#[derive(Debug)]
pub(super) struct PlivoFake {
    dialect: &'static Dialect,
    documents: request::Xml,
}

pub(super) static PLIVO: PlivoFake =
    PlivoFake { dialect: &super::PLIVO, documents: request::Xml { which: Which::Plivo } };
pub(super) static VOBIZ: PlivoFake =
    PlivoFake { dialect: &super::VOBIZ, documents: request::Xml { which: Which::Vobiz } };

impl PlivoFake {
    /// The side of this dialect.
    pub(super) fn of(dialect: &Dialect) -> &'static Self {
        match dialect.which {
            Which::Plivo => &PLIVO,
            Which::Vobiz => &VOBIZ,
        }
    }
}

impl Fake for PlivoFake {
    fn carrier(&self) -> Carrier {
        match self.dialect.which {
            Which::Plivo => super::CARRIER,
            Which::Vobiz => super::CARRIER_VOBIZ,
        }
    }

    fn usage(&self) -> &'static Usage {
        match self.dialect.which {
            Which::Plivo => &Usage {
                account: "MAXXXXXXXXXXXXXXXXXX",
                address: "The answer URL, whose XML is obeyed",
                entry: "/plivo/answer",
                over: Some("/plivo/status"),
                examples: &["--carrier plivo --url http://127.0.0.1:8080/plivo/answer --say en --heard heard.wav"],
            },
            Which::Vobiz => &Usage {
                account: "MA_XXXXXXXX",
                address: "The answer URL, whose XML is obeyed",
                entry: "/vobiz/answer",
                over: Some("/vobiz/status"),
                examples: &["--carrier vobiz --url http://127.0.0.1:8080/vobiz/answer --say hi --dtmf 3s:1"],
            },
        }
    }

    fn setup(&self, part: Part<'_>) -> Setup {
        let (enabled, token) = match self.dialect.which {
            Which::Plivo => ("plivo.enabled", "PLIVO_AUTH_TOKEN"),
            Which::Vobiz => ("vobiz.enabled", "VOBIZ_AUTH_TOKEN"),
        };
        let played = matches!(part, Part::Played { .. });
        let secret = match part {
            Part::Played { secret } => secret,
            Part::Aside => None,
        };
        let secrets = secret.map(|secret| (token, secret.to_owned())).into_iter().collect();
        Setup { settings: vec![(enabled, played.to_string())], secrets }
    }

    fn call_id(&self, random: u128) -> String {
        uuid(random)
    }

    fn stream_id(&self, _: &str, random: u128) -> String {
        uuid(random.rotate_left(64))
    }

    fn documents(&self) -> Option<&'static dyn Documents> {
        Some(&Self::of(self.dialect).documents)
    }

    fn upgrade(&self, call: &Calling, stream: &Url) -> Request {
        let mut headers = vec![("sec-websocket-protocol", "audio.drachtio.org".to_owned())];
        if let Some(secret) = &call.secret {
            headers.extend(sign::headers(self.dialect.which, secret.expose(), &call.id, stream, true, &[]));
        }
        Request { method: Method::Get, url: stream.clone(), headers, body: None }
    }

    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line> {
        Box::new(line::PlivoLine::new(self.dialect.which, call, stream))
    }
}

/// An id in the carriers' form.
fn uuid(random: u128) -> String {
    let hex = format!("{random:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests;
