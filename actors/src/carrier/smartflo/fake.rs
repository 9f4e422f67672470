//! Smartflo, simulated: the Voice Bot channel with an address that its customer has typed in. Pure.

mod line;

use url::Url;

use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Fake, Line, Method, Part, Request, Setup, Usage};

/// Smartflo's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct SmartfloFake;

impl Fake for SmartfloFake {
    fn carrier(&self) -> Carrier {
        super::CARRIER
    }

    fn usage(&self) -> &'static Usage {
        &Usage {
            account: "smartflo1",
            address: "where the service is: /smartflo/ws is added",
            entry: "/",
            over: None,
            examples: &["--carrier smartflo --stream 'ws://127.0.0.1:8080/smartflo/ws?token=t' --say ta --dtmf 3s:1"],
        }
    }

    fn setup(&self, part: Part<'_>) -> Setup {
        let enabled = matches!(part, Part::Played { .. });
        Setup { settings: vec![("smartflo.enabled", enabled.to_string())], secrets: Vec::new() }
    }

    fn call_id(&self, random: u128) -> String {
        // A time and a number, as its switches write them.
        format!("{}.{}", 1_700_000_000 + (random >> 64) % 1_000_000, random % 100_000_000)
    }

    fn stream_id(&self, call: &str, _: u128) -> String {
        format!("{call}-s")
    }

    fn stream_at(&self, at: Url) -> Result<Url, String> {
        let mut url = at;
        let socket = match url.scheme() {
            "https" => "wss",
            "http" => "ws",
            _ => return Ok(url),
        };
        let path = format!("{}/smartflo/ws", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_scheme(socket).map_err(|()| format!("open the stream {url}: not a socket's address"))?;
        Ok(url)
    }

    fn upgrade(&self, _: &Calling, stream: &Url) -> Request {
        Request { method: Method::Get, url: stream.clone(), headers: Vec::new(), body: None }
    }

    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line> {
        Box::new(line::SmartfloLine::new(call, stream))
    }
}
