//! An Asterisk with AudioSocket, simulated: its dialplan asks for a UUID and connects with it. Pure.

mod line;

use url::Url;

use crate::carrier::Carrier;
use crate::carrier::fake::{Calling, Fake, Line, Method, Part, Request, Setup, Usage};

/// Asterisk's side of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct AudioSocketFake;

impl Fake for AudioSocketFake {
    fn carrier(&self) -> Carrier {
        super::CARRIER
    }

    fn usage(&self) -> &'static Usage {
        &Usage {
            account: "pbx1",
            address: "where the service is: /audiosocket/answer is added, and a #host:port says where its TCP listener is",
            entry: "/",
            over: None,
            examples: &["--carrier audiosocket --url 'http://127.0.0.1:8080/#127.0.0.1:9092' --auth-token t --say hi"],
        }
    }

    fn setup(&self, part: Part<'_>) -> Setup {
        let enabled = matches!(part, Part::Played { .. });
        let secret = match part {
            Part::Played { secret } => secret,
            Part::Aside => None,
        };
        let secrets = secret.map(|secret| ("ASTERISK_STREAM_TOKEN", secret.to_owned())).into_iter().collect();
        let bind = ("audiosocket.bind", "127.0.0.1:0".to_owned());
        Setup { settings: vec![("audiosocket.enabled", enabled.to_string()), bind], secrets }
    }

    /// A unique id: seconds, a dot, and the number of the channel.
    fn call_id(&self, random: u128) -> String {
        format!("17{:08}.{}", (random >> 64) as u64 % 100_000_000, random as u64 % 1_000_000)
    }

    /// A UUID, which the service gives out.
    fn stream_id(&self, _: &str, random: u128) -> String {
        let hex = format!("{:032x}", random & !(0xF000 << 64) | (0x4000 << 64));
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    fn permit(&self, call: &Calling, at: &Url) -> Option<Request> {
        let mut url = at.clone();
        url.set_path(&format!("{}/audiosocket/answer", at.path().trim_end_matches('/')));
        url.set_fragment(None);
        if let Some(secret) = &call.secret {
            url.query_pairs_mut().append_pair("token", secret.expose());
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([("from", &call.from), ("to", &call.to), ("call", &call.id)]);
        let body = Some(("application/x-www-form-urlencoded", form.finish()));
        Some(Request { method: Method::Post, url, headers: Vec::new(), body })
    }

    fn permitted(&self, at: &Url, answer: &str) -> Result<Url, String> {
        let uuid = answer.trim();
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        let is_uuid = groups == [8, 4, 4, 4, 12] && uuid.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
        if !is_uuid || uuid.as_bytes().get(14) != Some(&b'4') {
            return Err(format!("use the permit: {} bytes, expected a bare UUID v4", answer.len()));
        }
        let listener = match at.fragment() {
            Some(listener) => listener.to_owned(),
            None => format!("{}:9092", at.host_str().unwrap_or("127.0.0.1")),
        };
        format!("tcp://{listener}/{uuid}").parse().map_err(|problem| format!("open tcp://{listener}: {problem}"))
    }

    fn upgrade(&self, _: &Calling, stream: &Url) -> Request {
        Request { method: Method::Get, url: stream.clone(), headers: Vec::new(), body: None }
    }

    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line> {
        Box::new(line::AudioSocketLine::new(call, stream))
    }
}
