//! The links of a session that opens them itself ([`named`](super::named)): a task for each socket and
//! each request. They report to one queue, in the order in which things happen on each link.
//!
//! The queue is bounded: while the session does not keep up, nothing more is read. Dropping a link
//! closes its socket in an orderly way, or the connection of its request.

use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_rt::task::JoinHandle;
use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;

use super::conversation::Upgrade;
use super::dial::{self, NotOpened};
use super::incoming::Incoming;
use super::link::{Inbound, Link};
use super::named::{
    Head, LinkEvent, LinkName, LinkOrder, LinkRequest, Outbound, Reading, RequestEvent, RequestId, SocketEvent,
};
use super::writer::Writer;
use crate::http::kept::Kept;
use crate::http::{Answer, Request, connect_ahead};

/// The links of one session.
pub struct NamedLinks {
    report: mpsc::Sender<Named>,
    sockets: Vec<OpenedSocket>,
    requests: Vec<(RequestId, Task)>,
    /// The number of the last socket.
    last_socket: u64,
    /// The numbers of the sockets that are still wanted.
    wanted: Rc<RefCell<Vec<u64>>>,
    /// The connections of requests that are over, for the next ones.
    kept: Kept,
    /// A connection that is made ahead of its first request.
    connecting: Option<Task>,
}

/// What came of the links.
#[derive(Debug)]
pub struct NamedStream {
    reports: mpsc::Receiver<Named>,
    wanted: Rc<RefCell<Vec<u64>>>,
}

/// Something that came of a link.
#[derive(Debug)]
pub enum Named {
    /// Of a socket.
    Socket {
        /// The socket's name.
        link: LinkName,
        /// The socket's number.
        number: u64,
        /// What came.
        came: OfSocket,
    },
    /// Of a request.
    Request(RequestId, OfRequest),
}

/// What came of a socket.
#[derive(Debug)]
pub enum OfSocket {
    /// It is open.
    Opened,
    /// The upgrade was answered with this status.
    Refused(u16),
    /// A complete message.
    Message(Incoming),
    /// It broke. Nothing follows.
    Broke(String),
}

/// What came of a request.
#[derive(Debug)]
pub enum OfRequest {
    /// The head of the answer, and its body if it is read as a whole.
    Head(OwnHead, String),
    /// A piece of the body.
    Bytes(Bytes),
    /// The end of the body.
    End,
    /// The connection broke.
    Broken(String),
}

/// The head of an answer.
#[derive(Debug)]
pub struct OwnHead {
    status: u16,
    content_type: String,
    retry_after_ms: Option<String>,
    retry_after: Option<String>,
}

/// A socket that is open or being opened.
struct OpenedSocket {
    link: LinkName,
    number: u64,
    /// Filled once it is open.
    writer: Rc<RefCell<Option<Writer>>>,
    _task: Task,
}

/// A task that ends when it is dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl NamedLinks {
    /// No links yet, and the stream of what will come of them.
    pub fn new() -> (Self, NamedStream) {
        let (report, reports) = mpsc::channel(QUEUE);
        let wanted = Rc::new(RefCell::new(Vec::new()));
        let stream = NamedStream { reports, wanted: Rc::clone(&wanted) };
        (
            Self {
                report,
                sockets: Vec::new(),
                requests: Vec::new(),
                last_socket: 0,
                wanted,
                kept: Kept::default(),
                connecting: None,
            },
            stream,
        )
    }

    /// Carries out an order. Returns the number of older pieces of audio that were dropped for it.
    pub fn perform(&mut self, order: LinkOrder) -> u64 {
        match order {
            LinkOrder::Open { link, upgrade, most_unsent } => self.open(link, upgrade, most_unsent),
            LinkOrder::Close(link) => self.close(link),
            LinkOrder::Send(link, message) => return self.send(link, message),
            LinkOrder::Connect(url) => self.connect(url),
            LinkOrder::Request(id, request) => self.request(id, request),
            LinkOrder::Abort(id) => self.requests.retain(|(known, _)| *known != id),
        }
        0
    }

    fn open(&mut self, link: LinkName, upgrade: Upgrade, most_unsent: usize) {
        self.close(link);
        self.last_socket += 1;
        let number = self.last_socket;
        let writer = Rc::new(RefCell::new(None));
        self.wanted.borrow_mut().push(number);
        let (report, filled) = (self.report.clone(), Rc::clone(&writer));
        let task = spawn(async move {
            let tell = async |came| report.send(Named::Socket { link, number, came }).await.is_ok();
            let mut incoming = match dial::open(upgrade).await {
                Ok(socket) => {
                    let (writer, incoming) = Link::of_socket(socket);
                    writer.limit_audio(most_unsent);
                    *filled.borrow_mut() = Some(writer);
                    incoming
                }
                Err(NotOpened::Status(status)) => {
                    tell(OfSocket::Refused(status)).await;
                    return;
                }
                Err(NotOpened::Lost(loss)) => {
                    tell(OfSocket::Broke(loss.reason)).await;
                    return;
                }
            };
            let mut goes_on = tell(OfSocket::Opened).await;
            while goes_on {
                let came = match incoming.next().await {
                    Inbound::Message(Incoming::Ping(payload)) => {
                        filled.borrow().iter().for_each(|writer| writer.pong(payload.clone()));
                        continue;
                    }
                    Inbound::Message(Incoming::Pong) | Inbound::Named(_) => continue,
                    Inbound::Message(message) => OfSocket::Message(message),
                    Inbound::Broke(problem) => OfSocket::Broke(problem),
                };
                let is_last = matches!(came, OfSocket::Message(Incoming::Close { .. }) | OfSocket::Broke(_));
                goes_on = tell(came).await && !is_last;
            }
            *filled.borrow_mut() = None;
        });
        self.sockets.push(OpenedSocket { link, number, writer, _task: task });
    }

    fn close(&mut self, link: LinkName) {
        let gone = self.sockets.extract_if(.., |socket| socket.link == link);
        gone.for_each(|socket| self.wanted.borrow_mut().retain(|wanted| *wanted != socket.number));
    }

    /// Sends on an open socket. A session sends nothing before it knows that the socket is open.
    fn send(&self, link: LinkName, message: Outbound) -> u64 {
        let Some(socket) = self.sockets.iter().find(|socket| socket.link == link) else { return 0 };
        let writer = socket.writer.borrow();
        match (&*writer, message) {
            (Some(writer), Outbound::Text(text)) => writer.send(text),
            (Some(writer), Outbound::AudioText(text)) => return writer.audio(text),
            (Some(writer), Outbound::AudioBytes(bytes)) => return writer.binary_audio(bytes),
            // It broke a moment ago, and the report is on its way.
            (None, _) => {}
        }
        0
    }

    fn connect(&mut self, url: Url) {
        let kept = self.kept.clone();
        // A server that is away is found out by the request itself.
        self.connecting = Some(spawn(async move {
            let _ = connect_ahead(&url, &kept, |_| true).await;
        }));
    }

    fn request(&mut self, id: RequestId, request: LinkRequest) {
        self.requests.retain(|(_, task)| !task.0.is_finished());
        let (report, kept) = (self.report.clone(), self.kept.clone());
        let task = spawn(async move {
            let tell = async |came| report.send(Named::Request(id, came)).await.is_ok();
            let limit = match request.reading {
                Reading::Stream => {
                    stream(request, &kept, tell).await;
                    return;
                }
                Reading::Whole(limit) => limit,
            };
            let came = match timeout(limit, whole(request, &kept)).await {
                Ok(Ok((head, body))) => OfRequest::Head(head, body),
                Ok(Err(problem)) => OfRequest::Broken(problem),
                Err(_) => OfRequest::Broken(format!("no answer within {limit:?}")),
            };
            tell(came).await;
        });
        self.requests.push((id, task));
    }
}

impl fmt::Debug for NamedLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sockets: Vec<LinkName> = self.sockets.iter().map(|socket| socket.link).collect();
        f.debug_struct("NamedLinks").field("sockets", &sockets).field("requests", &self.requests.len()).finish()
    }
}

impl Stream for NamedStream {
    type Item = Inbound;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Inbound>> {
        loop {
            let came = std::task::ready!(self.reports.poll_recv(task));
            // What a socket sent before it was closed is not for the one that took its place.
            if let Some(Named::Socket { number, .. }) = &came
                && !self.wanted.borrow().contains(number)
            {
                continue;
            }
            return Poll::Ready(came.map(Inbound::Named));
        }
    }
}

impl Named {
    /// The event for the session; `None` if it is of no interest.
    pub fn event(&self) -> Option<LinkEvent<'_>> {
        Some(match self {
            Self::Socket { link, came, .. } => LinkEvent::Socket(*link, came.event()?),
            Self::Request(id, came) => LinkEvent::Request(*id, came.event()),
        })
    }
}

impl OfSocket {
    fn event(&self) -> Option<SocketEvent<'_>> {
        Some(match self {
            Self::Opened => SocketEvent::Opened,
            Self::Refused(status) => SocketEvent::Refused(Head { status: *status, ..Head::default() }, ""),
            Self::Message(Incoming::Text(text)) => {
                std::str::from_utf8(text).map_or(SocketEvent::Binary(text), SocketEvent::Text)
            }
            Self::Message(Incoming::Binary(bytes)) => SocketEvent::Binary(bytes),
            Self::Message(Incoming::Close { code, reason }) => SocketEvent::Closed(*code, reason),
            Self::Message(Incoming::Ping(_) | Incoming::Pong) => return None,
            Self::Broke(problem) => SocketEvent::Broken(problem),
        })
    }
}

impl OfRequest {
    fn event(&self) -> RequestEvent<'_> {
        match self {
            Self::Head(head, body) => RequestEvent::Head(head.borrowed(), body),
            Self::Bytes(bytes) => RequestEvent::Bytes(bytes),
            Self::End => RequestEvent::End,
            Self::Broken(problem) => RequestEvent::Broken(problem),
        }
    }
}

impl OwnHead {
    fn of(answer: &Answer) -> Self {
        let header = |name| answer.header(name).map(str::to_owned);
        Self {
            status: answer.status,
            content_type: header("content-type").unwrap_or_default(),
            retry_after_ms: header("retry-after-ms"),
            retry_after: header("retry-after"),
        }
    }

    fn borrowed(&self) -> Head<'_> {
        Head {
            status: self.status,
            content_type: &self.content_type,
            retry_after_ms: self.retry_after_ms.as_deref(),
            retry_after: self.retry_after.as_deref(),
            error: None,
        }
    }
}

/// Sends a request and reports the answer piece by piece, until nobody listens.
async fn stream(request: LinkRequest, kept: &Kept, tell: impl AsyncFn(OfRequest) -> bool) {
    let mut answer = match answered(request, kept).await {
        Ok(answer) => answer,
        Err(problem) => {
            tell(OfRequest::Broken(problem)).await;
            return;
        }
    };
    let head = OwnHead::of(&answer);
    if !head.borrowed().is_success() {
        let body = timeout(ERROR_PATIENCE, answer.beginning(LONGEST_ERROR)).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        tell(OfRequest::Head(head, String::from_utf8_lossy(&body).into_owned())).await;
        return;
    }
    let mut goes_on = tell(OfRequest::Head(head, String::new())).await;
    while goes_on {
        goes_on = match answer.piece().await {
            Some(Ok(bytes)) => tell(OfRequest::Bytes(bytes)).await,
            Some(Err(problem)) => {
                tell(OfRequest::Broken(problem.to_string())).await;
                false
            }
            None => {
                tell(OfRequest::End).await;
                false
            }
        };
    }
}

/// Sends a request and reads the whole answer.
async fn whole(request: LinkRequest, kept: &Kept) -> Result<(OwnHead, String), String> {
    let answer = answered(request, kept).await?;
    let head = OwnHead::of(&answer);
    let body = answer.body(LONGEST_WHOLE).await.map_err(|problem| problem.to_string())?;
    Ok((head, String::from_utf8_lossy(&body).into_owned()))
}

async fn answered(LinkRequest { url, headers, body, .. }: LinkRequest, kept: &Kept) -> Result<Answer, String> {
    let mut request = Request::post(url, body);
    for header in headers {
        request = request
            .header(header.name, header.value.expose())
            .map_err(|_| format!("the {} cannot be carried in a header", header.what))?;
    }
    // The operator chose the servers, which may be private ones.
    request.send_kept(kept, |_| true).await.map_err(|problem| problem.to_string())
}

#[expect(clippy::disallowed_methods, reason = "a shell: the link's own work, which ends with the link")]
fn spawn(work: impl Future<Output = ()> + 'static) -> Task {
    Task(actix_rt::spawn(work))
}

/// Reports that wait for the session. Fewer: reading stops at every burst of audio. More: a session
/// that is stuck takes more memory.
const QUEUE: usize = 64;
/// The longest body of an answer that is read as a whole.
const LONGEST_WHOLE: usize = 1024 * 1024;
/// How much of the body of an error is read, and for how long.
const LONGEST_ERROR: usize = 16 * 1024;
const ERROR_PATIENCE: Duration = Duration::from_secs(2);
