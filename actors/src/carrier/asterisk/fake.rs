//! Asterisk, simulated: a channel that a dialplan has dialled to us. Pure.

mod line;

use base64_simd::STANDARD;
use url::Url;

use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Fake, Line, Method, Part, Request, Setup, Usage};

/// Asterisk's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsteriskFake;

impl Fake for AsteriskFake {
    fn carrier(&self) -> Carrier {
        super::CARRIER
    }

    fn usage(&self) -> &'static Usage {
        &Usage {
            account: "pbx1",
            address: "where the service is: /asterisk/ws is added",
            entry: "/",
            over: None,
            examples: &[
                "--carrier asterisk --stream ws://127.0.0.1:8080/asterisk/ws --auth-token t --say hi --dtmf 3s:1",
            ],
        }
    }

    fn setup(&self, part: Part<'_>) -> Setup {
        let enabled = matches!(part, Part::Played { .. });
        let secret = match part {
            Part::Played { secret } => secret,
            Part::Aside => None,
        };
        let secrets = secret.map(|secret| ("ASTERISK_STREAM_TOKEN", secret.to_owned())).into_iter().collect();
        Setup { settings: vec![("asterisk.enabled", enabled.to_string())], secrets }
    }

    /// A unique id: seconds, a dot, and the number of the channel.
    fn call_id(&self, random: u128) -> String {
        format!("17{:08}.{}", (random >> 64) as u64 % 100_000_000, random as u64 % 1_000_000)
    }

    fn stream_at(&self, at: Url) -> Result<Url, String> {
        let mut url = at;
        let socket = match url.scheme() {
            "https" => "wss",
            "http" => "ws",
            _ => return Ok(url),
        };
        let path = format!("{}/asterisk/ws", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.set_scheme(socket).map_err(|()| format!("open the stream {url}: not a socket's address"))?;
        Ok(url)
    }

    fn upgrade(&self, call: &Calling, stream: &Url) -> Request {
        let mut headers = vec![("sec-websocket-protocol", "media".to_owned())];
        if let Some(secret) = &call.secret {
            let pair = format!("{}:{}", call.account, secret.expose());
            headers.push(("authorization", format!("Basic {}", STANDARD.encode_to_string(pair))));
        }
        // The dialplan's `v(call=…,from=…,to=…)`.
        let mut url = stream.clone();
        url.query_pairs_mut().extend_pairs([("call", &call.id), ("from", &call.from), ("to", &call.to)]);
        Request { method: Method::Get, url, headers, body: None }
    }

    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line> {
        Box::new(line::AsteriskLine::new(call, stream))
    }
}
