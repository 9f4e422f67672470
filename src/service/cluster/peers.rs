//! Requests to other nodes, at their admin listeners. Each shows the cluster's token, and says for
//! whom it is made.

use std::time::Duration;

use actix_codec::Encoder as _;
use actix_http::ws::{Codec, Frame, Message};
use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, BytesMut};
use awc::error::WsClientError;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt as _, StreamExt as _, stream};
use serde_json::Value;
use switchboard_actors::http::kept::Kept;
use switchboard_actors::http::{Answer, Request, Unanswered};
use switchboard_actors::realtime::dial;
use switchboard_actors::socket::{self, Half, Outgoing, Socket};
use tokio::time::timeout;
use url::Url;

use super::fleet::Fleet;
use super::view::Beat;
use crate::service::operators::Operator;

/// Shows that a request is another node's.
pub(crate) const TOKEN: &str = "x-switchboard-cluster";
/// The name of the token of the person for whom a request is made.
pub(crate) const OPERATOR: &str = "x-switchboard-operator";
/// That token's role.
pub(crate) const ROLE: &str = "x-switchboard-role";

/// A request for another node.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Whether it reads; otherwise it is a POST.
    pub(crate) reads: bool,
    /// Its path and query.
    pub(crate) target: String,
    /// The headers that it had, as far as the other node needs them.
    pub(crate) headers: Vec<(String, String)>,
    /// Its body.
    pub(crate) body: Bytes,
}

/// Why another node has not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Silent {
    /// Its address is no URL.
    #[error("its address is no URL")]
    Address,
    /// It did not answer in time.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Late,
    /// There was no answer.
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
}

impl Asked {
    /// A request that reads.
    pub(crate) fn read(target: impl Into<String>) -> Self {
        Self { reads: true, target: target.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// The same, made for somebody.
    pub(crate) fn on_behalf_of(mut self, operator: &Operator) -> Self {
        self.headers.push((OPERATOR.to_owned(), operator.name.clone()));
        self.headers.push((ROLE.to_owned(), operator.role.word().to_owned()));
        self
    }
}

impl Fleet {
    /// Asks another node. The head of its answer has to come in time.
    pub(crate) async fn ask(&self, peer: &Beat, asked: Asked) -> Result<Answer, Silent> {
        let url: Url = format!("{}{}", peer.advertise, asked.target).parse().map_err(|_| Silent::Address)?;
        let mut request = if asked.reads { Request::get(url) } else { Request::post(url, asked.body) };
        for (name, value) in &asked.headers {
            request = request.header(name, value)?;
        }
        let request = request.header(TOKEN, self.token())?;
        let kept = KEPT.with(Kept::clone);
        let answer = timeout(PATIENCE, request.send_kept(&kept, |_| true)).await.map_err(|_| Silent::Late)?;
        Ok(answer?)
    }

    /// Asks every other node for JSON. Returns the answers, and the names of the nodes without one.
    pub(crate) async fn ask_all(&self, asked: &Asked) -> (Vec<(String, Value)>, Vec<String>) {
        let each = self.others().into_iter().map(|peer| {
            let asked = asked.clone();
            async move {
                let read = async {
                    let answer = self.ask(&peer, asked).await.ok().filter(|answer| answer.status == 200)?;
                    let body = timeout(PATIENCE, answer.body(LARGEST_LIST)).await.ok()?.ok()?;
                    serde_json::from_slice(&body).ok()
                };
                (read.await, peer.node)
            }
        });
        let (mut answers, mut silent) = (Vec::new(), Vec::new());
        for (answer, node) in join_all(each).await {
            match answer {
                Some(value) => answers.push((node, value)),
                None => silent.push(node),
            }
        }
        (answers, silent)
    }

    /// Asks every other node at once; the one that knows what is asked for answers. `Ok(None)` if all
    /// say that they do not know it.
    ///
    /// # Errors
    /// The name of a node that did not answer, and may be the one.
    pub(crate) async fn ask_whoever_has(&self, asked: &Asked) -> Result<Option<(Beat, Answer)>, String> {
        let mut each: FuturesUnordered<_> = self
            .others()
            .into_iter()
            .map(|peer| {
                let asked = asked.clone();
                async move {
                    let answer = self.ask(&peer, asked).await;
                    (peer, answer)
                }
            })
            .collect();
        let mut silent = None;
        while let Some((peer, answer)) = each.next().await {
            match answer {
                Ok(answer) if answer.status == 404 => {
                    // Read to its end, the connection is kept.
                    let _ = answer.beginning(SMALL).await;
                }
                Ok(answer) => return Ok(Some((peer, answer))),
                Err(_) => silent = Some(peer.node),
            }
        }
        silent.map_or(Ok(None), Err)
    }

    /// Opens a socket at another node.
    ///
    /// # Errors
    /// The status of its refusal; 503 if there was no answer.
    pub(crate) async fn open(&self, peer: &Beat, asked: &Asked) -> Result<(Option<String>, Socket), StatusCode> {
        let address = format!("{}{}", peer.advertise, asked.target).replacen("http", "ws", 1);
        let mut request = dial::client().ws(address).max_frame_size(LARGEST_MESSAGE).set_header(TOKEN, self.token());
        for (name, value) in &asked.headers {
            request = request.set_header(name.as_str(), value.as_str());
        }
        match timeout(PATIENCE, request.connect()).await {
            Ok(Ok((response, framed))) => {
                let chosen = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
                let chosen = chosen.and_then(|it| it.to_str().ok()).map(str::to_owned);
                Ok((chosen, Socket::new(framed.into_parts(), LARGEST_MESSAGE)))
            }
            Ok(Err(WsClientError::InvalidResponseStatus(status))) => {
                Err(StatusCode::from_u16(status.as_u16()).unwrap_or(StatusCode::BAD_GATEWAY))
            }
            Ok(Err(_)) | Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
        }
    }
}

/// Passes an answer of another node on, as it comes.
pub(crate) fn passed_on(answer: Answer) -> HttpResponse {
    let mut response = HttpResponse::build(StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY));
    for name in PASSED {
        if let Some(value) = answer.header(name) {
            response.insert_header((name, value));
        }
    }
    let length = answer.header("content-length").and_then(|length| length.parse::<u64>().ok());
    let body = stream::unfold(Some(answer), |answer| async move {
        let mut answer = answer?;
        match answer.piece().await? {
            Ok(bytes) => Some((Ok(bytes), Some(answer))),
            Err(problem) => Some((Err(std::io::Error::other(problem)), None)),
        }
    });
    match length {
        Some(length) => response.no_chunking(length).streaming(Box::pin(body)),
        None => response.streaming(Box::pin(body)),
    }
}

/// Joins two sockets: what one peer sends, the other one gets. Returns what is written to the first.
pub(crate) fn join(ours: Half, theirs: Socket) -> impl futures_util::Stream<Item = Result<Bytes, actix_web::Error>> {
    let (sink, frames) = socket::split(theirs);
    let joined =
        Joined { ours, sink, frames, to_ours: Codec::new(), to_theirs: Codec::new().client_mode(), over: false };
    stream::unfold(joined, |mut joined| async move {
        let written = joined.next().await?;
        Some((Ok(written), joined))
    })
}

struct Joined {
    ours: Half,
    sink: Half,
    frames: Half,
    to_ours: Codec,
    to_theirs: Codec,
    over: bool,
}

enum Step {
    FromOurs(Option<Frame>),
    FromTheirs(Option<Frame>),
}

impl Joined {
    /// The next bytes for our peer; `None` ends its connection.
    async fn next(&mut self) -> Option<Bytes> {
        while !self.over {
            let step = tokio::select! {
                frame = self.ours.next() => Step::FromOurs(frame.and_then(Result::ok)),
                frame = self.frames.next() => Step::FromTheirs(frame.and_then(Result::ok)),
            };
            match step {
                Step::FromOurs(Some(frame)) => {
                    let (message, last) = message(frame);
                    let bytes = encoded(&mut self.to_theirs, message)?;
                    if self.sink.send(Outgoing::Frames(bytes)).await.is_err() {
                        return None;
                    }
                    self.over = last && self.finish().await;
                }
                Step::FromTheirs(Some(frame)) => {
                    let (message, last) = message(frame);
                    self.over = last;
                    return encoded(&mut self.to_ours, message);
                }
                // The other end is told by the end of its connection.
                Step::FromOurs(None) | Step::FromTheirs(None) => return None,
            }
        }
        None
    }

    /// Our peer has closed: what the other one still says is not waited for.
    async fn finish(&mut self) -> bool {
        let _ = timeout(GOODBYE, self.sink.close()).await;
        true
    }
}

/// A frame as the message to send on, and whether it is the last one.
fn message(frame: Frame) -> (Message, bool) {
    let text = |bytes: Bytes| bytestring::ByteString::try_from(bytes).unwrap_or_default();
    match frame {
        Frame::Text(bytes) => (Message::Text(text(bytes)), false),
        Frame::Binary(bytes) => (Message::Binary(bytes), false),
        Frame::Ping(bytes) => (Message::Ping(bytes), false),
        Frame::Pong(bytes) => (Message::Pong(bytes), false),
        Frame::Close(reason) => (Message::Close(reason), true),
        Frame::Continuation(item) => (Message::Continuation(item), false),
    }
}

fn encoded(codec: &mut Codec, message: Message) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    codec.encode(message, &mut bytes).ok()?;
    Some(bytes.freeze())
}

thread_local! {
    /// The connections of this thread to other nodes.
    static KEPT: Kept = Kept::default();
}

/// The headers of an answer that are passed on.
const PASSED: [&str; 6] =
    ["content-type", "cache-control", "x-accel-buffering", "retry-after", "www-authenticate", "allow"];
/// How long another node may take to begin its answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a close may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// The largest list of a node's calls: some 30,000 calls.
const LARGEST_LIST: usize = 32 * 1024 * 1024;
/// A problem.
const SMALL: usize = 64 * 1024;
/// The largest message that passes between two sockets.
const LARGEST_MESSAGE: usize = 1024 * 1024;
