//! The server's side of a session, which the test plays.

use actix_codec::Framed;
use actix_http::ws::{self, Codec, Message as WsMessage};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::soon;

/// The server's side of one connection.
pub(super) struct Peer {
    pub(super) socket: Framed<TcpStream, Codec>,
    pub(super) request: String,
}

pub(super) async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

pub(super) async fn read_request(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = soon(listener.accept()).await.expect("a connection");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(soon(stream.read_u8()).await.expect("a request"));
    }
    (stream, String::from_utf8(request).expect("text"))
}

impl Peer {
    pub(super) async fn accept(listener: &TcpListener) -> Self {
        let (mut stream, request) = read_request(listener).await;
        let key = header(&request, "sec-websocket-key").expect("a key").to_owned();
        let accept = String::from_utf8(ws::hash_key(key.as_bytes()).to_vec()).expect("text");
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        );
        stream.write_all(answer.as_bytes()).await.expect("written");
        Self { socket: Framed::new(stream, Codec::new().max_size(1 << 20)), request }
    }

    /// Accepts a connection and makes its session ready.
    pub(super) async fn ready(listener: &TcpListener) -> Self {
        let mut peer = Self::accept(listener).await;
        peer.say(&json!({"type": "session.created", "session": {"id": "sess_1"}})).await;
        assert_eq!(peer.hear().await["type"], "session.update");
        peer.say(&json!({"type": "session.updated", "session": {"id": "sess_1"}})).await;
        peer
    }

    pub(super) async fn say(&mut self, event: &Value) {
        self.send(WsMessage::Text(event.to_string().into())).await;
    }

    pub(super) async fn send(&mut self, message: WsMessage) {
        soon(self.socket.send(message)).await.expect("sent");
    }

    pub(super) async fn frame(&mut self) -> Option<ws::Frame> {
        soon(self.socket.next()).await.map(|frame| frame.expect("a frame"))
    }

    pub(super) async fn hear(&mut self) -> Value {
        let frame = self.frame().await;
        let Some(ws::Frame::Text(text)) = frame else { panic!("no text: {frame:?}") };
        serde_json::from_slice(&text).expect("JSON")
    }

    /// Checks that no message arrived. A pong does not overtake what was sent before its ping was
    /// read.
    pub(super) async fn heard_nothing(&mut self) -> bool {
        self.send(WsMessage::Ping("silence".into())).await;
        matches!(self.frame().await, Some(ws::Frame::Pong(_)))
    }
}

pub(super) fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    request.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}
