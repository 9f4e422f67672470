//! The whole service in-process, and a small carrier that can misbehave exactly as a test needs.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod api;
pub mod receiver;
pub mod stage;

use std::f64::consts::TAU;
use std::path::Path;
use std::time::Duration;

use actix_codec::Framed;
use actix_web::web::Bytes;
use awc::BoxedSocket;
use awc::error::WsClientError;
use awc::ws::{CloseCode, Codec, Frame, Message};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use switchboard::service::Service;
use switchboard::service::config::{Config, Sources};
use switchboard_actors::carrier::twilio::trust::sign;
use tempfile::TempDir;
use tokio::time::timeout;

/// Maximum wait for anything that must happen.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The auth token of services that require signatures.
pub const AUTH_TOKEN: &str = "test_auth_token_0123456789abcdef";
/// The account of every call.
pub const ACCOUNT: &str = "AC00000000000000000000000000000002";

/// A service on free loopback ports, with its records in a temporary folder.
pub struct Running {
    /// The service.
    pub service: Service,
    /// The folder of its records.
    pub records: TempDir,
}

/// Starts a service without signature verification.
pub async fn start(overrides: &[(&str, &str)]) -> Running {
    let mut all = vec![("twilio.verify", "off")];
    all.extend_from_slice(overrides);
    start_with(&[], &all).await
}

/// Starts a service that requires signatures.
pub async fn start_signed(overrides: &[(&str, &str)]) -> Running {
    let mut all = vec![("twilio.verify", "require")];
    all.extend_from_slice(overrides);
    start_with(&[("TWILIO_AUTH_TOKEN", AUTH_TOKEN)], &all).await
}

/// Starts a service with these variables and keys.
pub async fn start_with(variables: &[(&str, &str)], overrides: &[(&str, &str)]) -> Running {
    let records = tempfile::tempdir().expect("a temporary folder");
    let dir = records.path().to_str().expect("a plain path").to_owned();
    let mut all = vec![
        ("server.bind", "127.0.0.1:0"),
        ("server.public_url", "http://127.0.0.1:0"),
        ("admin.bind", "127.0.0.1:0"),
        ("server.workers", "1"),
        // Whether calls are taken must not depend on what else the machine does.
        ("server.overload", "off"),
        ("realtime.provider", "rehearsal"),
        ("records.dir", dir.as_str()),
        ("spend.file", ""),
    ];
    all.extend_from_slice(overrides);
    let sources = Sources::default().variables(variables).overrides(&all);
    let config = Config::from_sources(&sources).unwrap_or_else(|error| panic!("a test's configuration: {error}"));
    Running { service: Service::build(config).await.expect("a service"), records }
}

impl Running {
    /// The URL of `path` at the public listener.
    pub fn public(&self, path: &str) -> String {
        format!("{}{path}", self.service.public_url().as_str().trim_end_matches('/'))
    }

    /// The URL of `path` at the admin listener.
    pub fn admin(&self, path: &str) -> String {
        format!("{}{path}", self.service.admin_url())
    }

    /// The media stream's URL.
    pub fn stream(&self) -> String {
        self.public("/ws").replacen("http", "ws", 1)
    }

    /// Stops the service without waiting for calls.
    pub async fn stop(self) {
        self.service.stop(Duration::ZERO).await;
    }

    /// Posts the voice webhook of `call`, unsigned.
    pub async fn voice(&self, call: &str) -> Answer {
        post(&self.public("/twilio/voice"), &incoming(call), None).await
    }

    /// Announces `call` and returns the token of its stream.
    pub async fn announce(&self, call: &str) -> String {
        self.voice(call).await.token()
    }

    /// The calls as shown by `/calls`.
    pub async fn calls(&self) -> Vec<Value> {
        let answer = get(&self.admin("/calls"), &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["calls"].as_array().expect("a list").clone()
    }

    /// Waits until `/calls` shows this number of calls.
    pub async fn until_calls(&self, number: usize) {
        let waiting = async {
            while self.calls().await.len() != number {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "there should be {number} calls");
    }
}

/// An HTTP answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The `Content-Type`.
    pub kind: String,
    /// The headers.
    pub headers: awc::http::header::HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    /// Asserts that the answer is a problem document (RFC 9457) with this status, and returns its
    /// detail.
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.kind, "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], status);
        assert!(body["title"].is_string());
        body["detail"].as_str().expect("a detail").to_owned()
    }

    /// The stream token in a TwiML answer.
    pub fn token(&self) -> String {
        let (_, rest) = self.text.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("{}", self.text));
        rest.split('"').next().expect("a quote").to_owned()
    }
}

/// The transcripts in the folder `records` of the carrier's call `call`; of all calls if it is
/// empty.
pub fn transcripts(records: &Path, call: &str) -> Vec<Value> {
    let prefix = if call.is_empty() { "call_".to_owned() } else { format!("call_{call}_") };
    let paths = std::fs::read_dir(records).expect("the records").map(|entry| entry.expect("an entry").path());
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    paths
        .filter(|path| name(path).starts_with(&prefix) && name(path).ends_with("_transcript.json"))
        .map(|path| serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("JSON"))
        .collect()
}

/// The single transcript of a call, as [`transcripts`] finds it.
pub fn transcript(records: &Path, call: &str) -> Value {
    let mut found = transcripts(records, call);
    assert_eq!(found.len(), 1, "one record of {call}: {found:?}");
    found.remove(0)
}

/// A tone of this pitch in hertz that pulsates as a voice does, at 8 kHz.
pub fn voice(pitch: f64, milliseconds: u32) -> Vec<i16> {
    let samples = (0..milliseconds * 8).map(|n| {
        let t = f64::from(n) / 8000.0;
        let envelope = 0.6 + 0.4 * (TAU * 4.0 * t).sin();
        (9000.0 * envelope * (TAU * pitch * t).sin()) as i16
    });
    samples.collect()
}

/// The value of `series` in `/metrics`, named with its labels as shown there. 0 if it is missing.
pub fn counted(metrics: &str, series: &str) -> f64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.map_or(0.0, |value| value.parse().expect("a number"))
}

/// GETs `url`.
pub async fn get(url: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = awc::Client::new().get(url).timeout(PATIENCE);
    for header in headers {
        request = request.insert_header(*header);
    }
    read(request.send().await.expect("an answer")).await
}

/// POSTs a form, with a signature if one is given.
pub async fn post(url: &str, form: &str, signature: Option<&str>) -> Answer {
    let mut request = awc::Client::new().post(url).timeout(PATIENCE).content_type("application/x-www-form-urlencoded");
    if let Some(signature) = signature {
        request = request.insert_header(("X-Twilio-Signature", signature));
    }
    read(request.send_body(form.to_owned()).await.expect("an answer")).await
}

/// POSTs a body of any type.
pub async fn post_body(url: &str, kind: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = awc::Client::new().post(url).timeout(PATIENCE).content_type(kind);
    for header in headers {
        request = request.insert_header(*header);
    }
    read(request.send_body(body.to_owned()).await.expect("an answer")).await
}

async fn read<S>(mut response: awc::ClientResponse<S>) -> Answer
where
    S: futures_util::Stream<Item = Result<Bytes, awc::error::PayloadError>> + Unpin,
{
    let header = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let kind = header.unwrap_or_default().to_owned();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.body().await.expect("a body");
    Answer { status, kind, headers, text: String::from_utf8(body.to_vec()).expect("text") }
}

/// The form of an incoming call.
pub fn incoming(call: &str) -> String {
    format!(
        "AccountSid={ACCOUNT}&ApiVersion=2010-04-01&CallSid={call}&CallStatus=ringing&CallerName=&Direction=inbound\
         &From=%2B15550100001&To=%2B15550100002"
    )
}

/// The signature of `form` posted to `url`.
pub fn signed(url: &str, form: &str) -> String {
    let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    sign(AUTH_TOKEN, url, &pairs)
}

/// A carrier's media stream that does only what the test tells it to do.
pub struct FakeStream {
    socket: Framed<BoxedSocket, Codec>,
}

impl FakeStream {
    /// Opens a WebSocket at `url`.
    pub async fn open(url: &str) -> Self {
        Self::try_open(url, None).await.unwrap_or_else(|error| panic!("upgrade {url}: {error}"))
    }

    /// Opens a WebSocket at `url`, with a signature if one is given.
    pub async fn try_open(url: &str, signature: Option<&str>) -> Result<Self, WsClientError> {
        let mut request = awc::Client::new().ws(url);
        if let Some(signature) = signature {
            request = request.set_header("x-twilio-signature", signature);
        }
        let (_, socket) = request.connect().await?;
        Ok(Self { socket })
    }

    /// Opens a stream and sends `connected` and `start`.
    pub async fn start(url: &str, call: &str, token: Option<&str>) -> Self {
        let mut stream = Self::open(url).await;
        stream.say(&json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" })).await;
        stream.say(&start_message(call, token)).await;
        stream
    }

    /// Sends one JSON message.
    pub async fn say(&mut self, message: &Value) {
        self.send(Message::Text(message.to_string().into())).await;
    }

    /// Sends any message. If the socket is already closed, the test notices that by reading.
    pub async fn send(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    /// Reads messages until one has this `event`, and returns it.
    pub async fn hear(&mut self, event: &str) -> Value {
        let reading = async {
            while let Some(Ok(frame)) = self.socket.next().await {
                if let Frame::Text(bytes) = frame {
                    let message: Value = serde_json::from_slice(&bytes).expect("JSON");
                    if message["event"] == event {
                        return message;
                    }
                }
            }
            panic!("the socket ended before `{event}`");
        };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("no `{event}` came"))
    }

    /// The next JSON message; `None` once the service closes the socket.
    pub async fn next_text(&mut self) -> Option<Value> {
        while let Some(Ok(frame)) = self.socket.next().await {
            match frame {
                Frame::Text(bytes) => return Some(serde_json::from_slice(&bytes).expect("JSON")),
                Frame::Close(_) => {
                    let _ = self.socket.send(Message::Close(None)).await;
                    return None;
                }
                Frame::Binary(_) | Frame::Continuation(_) | Frame::Ping(_) | Frame::Pong(_) => {}
            }
        }
        None
    }

    /// The next binary message; `None` once the service closes the socket.
    pub async fn next_binary(&mut self) -> Option<Bytes> {
        while let Some(Ok(frame)) = self.socket.next().await {
            match frame {
                Frame::Binary(bytes) => return Some(bytes),
                Frame::Close(_) => {
                    let _ = self.socket.send(Message::Close(None)).await;
                    return None;
                }
                Frame::Text(_) | Frame::Continuation(_) | Frame::Ping(_) | Frame::Pong(_) => {}
            }
        }
        None
    }

    /// Reads until the service closes the socket, answers the close, and waits for the end of the
    /// connection. Returns the code and the reason.
    pub async fn closed(&mut self) -> (CloseCode, String) {
        let reading = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Frame::Close(Some(reason)))) => {
                        let _ = self.socket.send(Message::Close(None)).await;
                        while let Some(Ok(_)) = self.socket.next().await {}
                        return (reason.code, reason.description.unwrap_or_default());
                    }
                    Some(Ok(_)) => {}
                    other => panic!("the socket ended without a close frame: {other:?}"),
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("the service closes the socket")
    }
}

/// The `start` message of a stream.
pub fn start_message(call: &str, token: Option<&str>) -> Value {
    let stream = call.replacen("CA", "MZ", 1);
    let parameters = token.map_or_else(|| json!({}), |token| json!({ "token": token }));
    json!({
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": stream,
        "start": {
            "accountSid": ACCOUNT,
            "streamSid": stream,
            "callSid": call,
            "tracks": ["inbound"],
            "mediaFormat": { "encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1 },
            "customParameters": parameters,
        },
    })
}

/// A frame of silence.
pub fn silence(call: &str, number: u64) -> Value {
    let payload = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, [0xFF; 160]);
    json!({
        "event": "media",
        "sequenceNumber": (number + 2).to_string(),
        "streamSid": call.replacen("CA", "MZ", 1),
        "media": { "track": "inbound", "chunk": (number + 1).to_string(), "timestamp": (number * 20).to_string(), "payload": payload },
    })
}
