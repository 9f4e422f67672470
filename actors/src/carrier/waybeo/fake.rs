//! Waybeo, simulated: only its stream, with its known faults. Pure.

mod line;

use base64_simd::URL_SAFE_NO_PAD;
use url::Url;

use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Fake, Fault, Line, Method, Part, Request, Setup, Usage};

/// Waybeo's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct WaybeoFake;

impl Fake for WaybeoFake {
    fn carrier(&self) -> Carrier {
        super::CARRIER
    }

    fn usage(&self) -> &'static Usage {
        &Usage {
            account: "",
            address: "where the service is: /waybeo/ws is added",
            entry: "/",
            over: None,
            examples: &[
                "--carrier waybeo --stream 'ws://127.0.0.1:8080/waybeo/ws?token=t' --wav caller.wav --fault no-stop,no-close",
            ],
        }
    }

    fn faults(&self) -> &'static [Fault] {
        &[
            Fault::NoStop,
            Fault::NoClose,
            Fault::FirstAt16k,
            Fault::Unsigned,
            Fault::DuplicateStart,
            Fault::OtherStart,
            Fault::MediaFirst,
        ]
    }

    fn setup(&self, part: Part<'_>) -> Setup {
        let enabled = matches!(part, Part::Played { .. });
        Setup { settings: vec![("waybeo.enabled", enabled.to_string())], secrets: Vec::new() }
    }

    /// In the form of Waybeo's bridge: 21 characters, any of which may be a hyphen, even the first.
    fn call_id(&self, random: u128) -> String {
        let mut id = URL_SAFE_NO_PAD.encode_to_string(random.to_be_bytes());
        id.truncate(20);
        format!("-{id}")
    }

    fn stream_at(&self, at: Url) -> Result<Url, String> {
        let mut url = at;
        let socket = match url.scheme() {
            "https" => "wss",
            "http" => "ws",
            _ => return Ok(url),
        };
        let path = format!("{}/waybeo/ws", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_scheme(socket).map_err(|()| format!("open the stream {url}: not a socket's address"))?;
        Ok(url)
    }

    fn upgrade(&self, _: &Calling, stream: &Url) -> Request {
        Request { method: Method::Get, url: stream.clone(), headers: Vec::new(), body: None }
    }

    fn line(&self, call: &Calling, _: &str) -> Box<dyn Line> {
        Box::new(line::WaybeoLine::new(call))
    }
}

#[cfg(test)]
mod tests;
