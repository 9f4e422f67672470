//! A small webhook receiver that can misbehave exactly as a test needs.

use std::collections::{BTreeMap, VecDeque};
use std::net::TcpListener as Reserved;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::PATIENCE;

/// How one request is answered.
#[derive(Debug, Clone, Copy)]
pub enum ReceiverBehaviour {
    /// With this status.
    Status(u16),
    /// With status 429 and this many seconds.
    RetryAfter(u64),
    /// Without an answer: the connection is closed.
    CloseAtOnce,
    /// With status 200 and half of the announced body.
    CloseMidBody,
    /// Without an answer: the connection stays open.
    Hang,
}

/// A received request.
#[derive(Debug, Clone)]
pub struct Received {
    /// When it arrived.
    pub at: Instant,
    /// The path.
    pub path: String,
    /// The headers, with names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as received.
    pub raw: String,
    /// The body as JSON.
    pub body: Value,
}

/// The receiver. It answers 200 once its manners are used up.
pub struct Receiver {
    /// The URL for webhooks.
    pub url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    manners: Mutex<VecDeque<ReceiverBehaviour>>,
    received: Mutex<Vec<Received>>,
    strange: Mutex<Vec<u8>>,
}

impl Receiver {
    /// Starts a receiver on a free port.
    pub async fn start(manners: Vec<ReceiverBehaviour>) -> Self {
        Self::at(0, manners).await
    }

    /// Reserves a port on which no server answers until the returned guard is dropped.
    pub fn reserve() -> (Reserved, u16) {
        let reserved = Reserved::bind("127.0.0.1:0").expect("a free port");
        let port = reserved.local_addr().expect("an address").port();
        // A bound port with a full queue does not refuse connections; a port without a listener
        // does.
        drop(reserved);
        let reserved = Reserved::bind("127.0.0.2:0").expect("a free port");
        (reserved, port)
    }

    /// Starts a receiver on this port.
    pub async fn at(port: u16, manners: Vec<ReceiverBehaviour>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared { manners: Mutex::new(manners.into()), ..Shared::default() });
        let sharing = Arc::clone(&shared);
        actix_rt::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let shared = Arc::clone(&sharing);
                actix_rt::spawn(async move { shared.serve(socket).await });
            }
        });
        Self { url, shared }
    }

    /// The requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().expect("no panic holds it").clone()
    }

    /// Waits for this number of requests and returns them.
    pub async fn until(&self, number: usize) -> Vec<Received> {
        let waiting = async {
            while self.received().len() < number {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let came = timeout(2 * PATIENCE, waiting).await;
        assert!(came.is_ok(), "{number} should come, there are {:#?}", self.received());
        self.received()
    }

    /// Waits for data that is not HTTP.
    pub async fn until_bytes(&self) -> Vec<u8> {
        let waiting = async {
            loop {
                let strange = self.shared.strange.lock().expect("no panic holds it").clone();
                if !strange.is_empty() {
                    return strange;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("something comes")
    }
}

impl Shared {
    async fn serve(&self, mut socket: TcpStream) {
        while let Some(received) = self.read(&mut socket).await {
            self.received.lock().expect("no panic holds it").push(received);
            let behaviour =
                self.manners.lock().expect("no panic holds it").pop_front().unwrap_or(ReceiverBehaviour::Status(200));
            let answer = match behaviour {
                ReceiverBehaviour::Status(302) => {
                    "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_owned()
                }
                ReceiverBehaviour::Status(204) => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
                ReceiverBehaviour::Status(status) => format!("HTTP/1.1 {status} Told\r\ncontent-length: 2\r\n\r\nok"),
                ReceiverBehaviour::RetryAfter(s) => {
                    format!("HTTP/1.1 429 Too Many Requests\r\nretry-after: {s}\r\ncontent-length: 0\r\n\r\n")
                }
                ReceiverBehaviour::CloseAtOnce => return,
                ReceiverBehaviour::CloseMidBody => {
                    let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
                    return;
                }
                ReceiverBehaviour::Hang => return tokio::time::sleep(Duration::from_secs(60)).await,
            };
            if socket.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    async fn read(&self, socket: &mut TcpStream) -> Option<Received> {
        let mut bytes = Vec::new();
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if socket.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
            if bytes.first().is_some_and(|first| !first.is_ascii_alphabetic()) {
                *self.strange.lock().expect("no panic holds it") = bytes;
                return None;
            }
        };
        let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
        let mut lines = text.lines();
        let path = lines.next()?.split(' ').nth(1)?.to_owned();
        let headers: BTreeMap<_, _> = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers.get("content-length").map_or(Ok(0), |length| length.parse()).ok()?;
        while bytes.len() < head + 4 + length {
            if socket.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
        let raw = String::from_utf8(bytes[head + 4..].to_vec()).ok()?;
        let body = if raw.is_empty() { Value::Null } else { serde_json::from_str(&raw).ok()? };
        Some(Received { at: Instant::now(), path, headers, raw, body })
    }
}

impl Received {
    /// The value of a header. Empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Whether the request has a current signature with this secret.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
        mac.update(
            format!("{}.{}.{}", self.header("webhook-id"), self.header("webhook-timestamp"), self.raw).as_bytes(),
        );
        let signature = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|found| found == signature)
    }
}
