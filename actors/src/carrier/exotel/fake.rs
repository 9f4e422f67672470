//! Exotel, simulated: the Voicebot applet with an address that its customer has typed in. Pure.

mod line;

use url::Url;

use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Fake, Line, Method, Part, Request, Setup, Usage};

/// Exotel's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExotelFake;

impl Fake for ExotelFake {
    fn carrier(&self) -> Carrier {
        super::CARRIER
    }

    fn usage(&self) -> &'static Usage {
        &Usage {
            account: "exotel1",
            address: "where the service is: /exotel/ws is added",
            entry: "/",
            over: None,
            examples: &["--carrier exotel --stream 'ws://127.0.0.1:8080/exotel/ws?token=t' --say hi --dtmf 3s:1"],
        }
    }

    fn setup(&self, part: Part<'_>) -> Setup {
        let enabled = matches!(part, Part::Played { .. });
        Setup { settings: vec![("exotel.enabled", enabled.to_string())], secrets: Vec::new() }
    }

    fn call_id(&self, random: u128) -> String {
        format!("{random:032x}")
    }

    fn stream_id(&self, _: &str, random: u128) -> String {
        format!("{:032x}", random.rotate_left(4))
    }

    fn stream_at(&self, at: Url) -> Result<Url, String> {
        let mut url = at;
        let socket = match url.scheme() {
            "https" => "wss",
            "http" => "ws",
            _ => return Ok(url),
        };
        let path = format!("{}/exotel/ws", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_scheme(socket).map_err(|()| format!("open the stream {url}: not a socket's address"))?;
        Ok(url)
    }

    fn upgrade(&self, _: &Calling, stream: &Url) -> Request {
        Request { method: Method::Get, url: stream.clone(), headers: Vec::new(), body: None }
    }

    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line> {
        Box::new(line::ExotelLine::new(call, stream))
    }
}
