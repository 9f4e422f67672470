//! Takes a connection out of HTTP after its upgrade; a task of its own then serves it.
//!
//! The request goes to the routes like any other. A route that accepts it puts a [`Carried`] into
//! its response. From then on the connection is a WebSocket between the peer and the stream's
//! actor, with no HTTP in between. An endless HTTP response would keep the state of an old request,
//! and three more buffers in the path of every message. Any other response is written, and the
//! connection closed.
//!
//! A peer that reads nothing is cut after [`Carried::patience`].

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use actix_codec::{Framed, FramedParts};
use actix_http::body::{BodySize, MessageBody};
use actix_http::{ConnectionType, Request, Response, h1, ws};
use actix_rt::net::TcpStream;
use actix_service::{IntoServiceFactory, Service, ServiceFactory, fn_factory, fn_service};
use actix_web::dev::ServiceResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse};
use awc::BoxedSocket;
use futures_util::{SinkExt, Stream, StreamExt as _};
use log::{debug, warn};
use switchboard_actors::events::emit;
use switchboard_actors::ids::CarrierCallId;
use switchboard_actors::socket::{self, Half, Outgoing, Socket};
use switchboard_actors::supervisor::events::Event;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Sleep, sleep, timeout};

use super::app::named;
use super::problem::Problem;
use crate::service::connections::ConnectionSlot;

/// What a route puts into its response to take the connection.
pub(super) struct Carried {
    /// Starts the stream's actor with the incoming frames; returns the outgoing ones, as whole
    /// frames.
    pub(super) start: Box<dyn FnOnce(Half) -> Written>,
    /// The largest accepted message, in bytes.
    pub(super) max_message: usize,
    /// How long the peer may read nothing.
    pub(super) patience: Duration,
    /// The carrier's call id, for the log; set once `start` has named it. `None` if the peer is no
    /// carrier: that it reads nothing loses no call.
    pub(super) carrier_call: Option<Arc<OnceLock<CarrierCallId>>>,
}

/// What an actor writes to its socket. The end of the stream closes the socket.
pub(super) type Written = Pin<Box<dyn Stream<Item = Result<Bytes, Error>>>>;

/// Marks requests whose connection can be taken.
struct Offered;

/// Whether the connection of `request` can be taken: the request is an upgrade to a WebSocket and
/// has no body.
pub(super) fn is_offered(request: &HttpRequest) -> bool {
    request.extensions().contains::<Offered>()
}

/// Accepts the upgrade of a request to a WebSocket.
///
/// # Errors
/// When it is none.
pub(super) fn handshake(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let refused = |why: &str| Problem::bad_request(format!("expected a WebSocket upgrade: {why}"));
    ws::verify_handshake(request.head()).map_err(|error| refused(&error.to_string()))?;
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).filter(|_| is_offered(request));
    let key = key.ok_or_else(|| refused("`Upgrade: websocket` and no body"))?;
    let accept = ws::hash_key(key.as_bytes());
    let accept = header::HeaderValue::from_bytes(&accept).map_err(|error| refused(&error.to_string()))?;
    let mut response = HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS);
    Ok(response.upgrade("websocket").insert_header((header::SEC_WEBSOCKET_ACCEPT, accept)).finish())
}

/// The service of upgrades: asks `app`, and serves the connections that a route takes.
pub(crate) fn upgrades<A, S, B>(
    app: impl Fn() -> A + 'static,
) -> impl ServiceFactory<
    (Request, Framed<TcpStream, h1::Codec>),
    Config = (),
    Response = (),
    Error = Error,
    InitError = S::InitError,
>
where
    A: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = (), Response = ServiceResponse<B>, Error = Error> + 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    fn_factory(move || {
        let app = app().into_factory().new_service(());
        async move {
            let app = Rc::new(app.await?);
            Ok(fn_service(move |(request, framed)| {
                let app = Rc::clone(&app);
                async move { answer(&*app, request, framed).await }
            }))
        }
    })
}

async fn answer<S, B>(app: &S, request: Request, mut framed: Framed<TcpStream, h1::Codec>) -> Result<(), Error>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    request.extensions_mut().insert(Offered);
    // The request counts as in progress until the connection ends: a stream waits for no request.
    let _served = request.conn_data::<Rc<ConnectionSlot>>().map(ConnectionSlot::serve);
    let mut response = match app.call(request).await {
        Ok(response) => response,
        Err(error) => {
            let (head, body) = Response::from(error).into_parts();
            return refuse(head, body, framed).await;
        }
    };
    let carried = response.response_mut().extensions_mut().remove::<Carried>();
    let (head, body) = Response::from(response).into_parts();
    let Some(carried) = carried else { return refuse(head, body, framed).await };
    framed.send(h1::Message::Item((head, BodySize::None))).await?;
    let FramedParts { io, read_buf, .. } = framed.into_parts();
    let parts = FramedParts::with_read_buf(Box::new(io) as BoxedSocket, ws::Codec::new(), read_buf);
    let socket = Socket::new(parts, carried.max_message);
    let (sink, frames) = socket::split(socket);
    let Carried { start, patience, carrier_call, .. } = carried;
    let connection =
        Connection { written: Some(start(frames)), sink, patience, carrier_call, stall: None, failed: None };
    // A task of its own: its polls bypass the state of the HTTP request. The outer task waits for
    // it, because the server counts that one.
    if let Ok(Err(problem)) = actix_rt::spawn(connection).await {
        debug!(problem:% = problem; "the connection failed");
    }
    Ok(())
}

/// Writes a response that does not take the connection, and closes it: the bytes after an upgrade
/// are not HTTP.
async fn refuse<B: MessageBody>(
    mut head: Response<()>,
    body: B,
    mut framed: Framed<TcpStream, h1::Codec>,
) -> Result<(), Error> {
    head.head_mut().set_connection_type(ConnectionType::Close);
    let goodbye = async {
        framed.send(h1::Message::Item((head, body.size()))).await?;
        let mut body = pin!(body);
        while let Some(chunk) = poll_fn(|task| body.as_mut().poll_next(task)).await {
            let Ok(chunk) = chunk else { break };
            framed.send(h1::Message::Chunk(Some(chunk))).await?;
        }
        framed.send(h1::Message::Chunk(None)).await?;
        SinkExt::<h1::Message<(Response<()>, BodySize)>>::close(&mut framed).await?;
        // With unread bytes the system would send a reset on close, which can overtake the
        // response.
        let mut unread = [0; 1024];
        while framed.io_mut().read(&mut unread).await? > 0 {}
        Ok(())
    };
    timeout(GOODBYE, goodbye).await.unwrap_or(Ok(()))
}

/// A socket, and the actor behind it.
struct Connection {
    /// `None` once the actor has ended.
    written: Option<Written>,
    sink: Half,
    patience: Duration,
    /// The carrier's call id, if the peer is a carrier.
    carrier_call: Option<Arc<OnceLock<CarrierCallId>>>,
    /// Runs while data waits for the peer. It restarts whenever the peer reads; the number is what
    /// the peer had read by then.
    stall: Option<(Pin<Box<Sleep>>, u64)>,
    /// Why the peer takes nothing any more, and how long what it had sent before is still read.
    failed: Option<(ws::ProtocolError, Pin<Box<Sleep>>)>,
}

impl Future for Connection {
    type Output = Result<(), ws::ProtocolError>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.failed.is_none() {
            match this.poll_both(task) {
                Poll::Ready(Err(problem)) => this.failed = Some((problem, Box::pin(sleep(GOODBYE)))),
                other @ (Poll::Ready(Ok(())) | Poll::Pending) => return other,
            }
        }
        this.poll_last_read(task)
    }
}

impl Connection {
    /// Writes what the actor says, and lets it read.
    fn poll_both(&mut self, task: &mut Context<'_>) -> Poll<Result<(), ws::ProtocolError>> {
        let this = self;
        loop {
            match this.sink.poll_flush_unpin(task)? {
                // The peer's unread data may still block a last word that is written.
                Poll::Ready(()) if this.written.is_none() => {}
                Poll::Ready(()) => this.stall = None,
                Poll::Pending if this.is_stalled(task) => return Poll::Ready(Ok(())),
                Poll::Pending => {}
            }
            let Some(written) = &mut this.written else {
                if this.sink.poll_close_unpin(task)?.is_pending() {
                    return Poll::Pending;
                }
                return if this.sink.poll_drain(task).is_ready() || this.is_stalled(task) {
                    Poll::Ready(Ok(()))
                } else {
                    Poll::Pending
                };
            };
            if this.sink.poll_ready_unpin(task)?.is_pending() {
                return Poll::Pending;
            }
            match written.poll_next_unpin(task) {
                Poll::Ready(Some(Ok(frames))) => this.sink.start_send_unpin(Outgoing::Frames(frames))?,
                // The actor has written its last word.
                Poll::Ready(Some(Err(_)) | None) => (this.written, this.stall) = (None, None),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Lets the actor read what the peer had sent before its connection failed: it may be a close,
    /// which says that the call has ended in order. What the actor says is lost.
    fn poll_last_read(&mut self, task: &mut Context<'_>) -> Poll<Result<(), ws::ProtocolError>> {
        while let (Some(written), Some((_, patience))) = (&mut self.written, &mut self.failed) {
            match written.poll_next_unpin(task) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => self.written = None,
                Poll::Pending if patience.as_mut().poll(task).is_ready() => self.written = None,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(self.failed.take().map_or(Ok(()), |(problem, _)| Err(problem)))
    }

    /// Whether the peer has exceeded its time; the time for a last word is short.
    fn is_stalled(&mut self, task: &mut Context<'_>) -> bool {
        let patience = if self.written.is_some() { self.patience } else { GOODBYE };
        let taken = self.sink.taken();
        let (stall, _) = match &mut self.stall {
            Some(stall) if stall.1 == taken => stall,
            stall => stall.insert((Box::pin(sleep(patience)), taken)),
        };
        let stalled = stall.as_mut().poll(task).is_ready();
        if let Some(carrier_call) = self.carrier_call.as_ref().filter(|_| stalled && self.written.is_some()) {
            let carrier_call = carrier_call.get().map(CarrierCallId::as_str);
            emit(Event::CallRefused { reason: "stalled", carrier_call });
            warn!(carrier_call = named(carrier_call); "a stream read nothing for {patience:?} and was closed");
        }
        stalled
    }
}

/// How long a last word may take. Shorter would lose it on a slow line; longer would keep a slot
/// for a peer that is gone.
const GOODBYE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use tokio::io::{AsyncReadExt as _, DuplexStream};
    use tokio::time::Instant;

    use super::*;

    /// Returns a connection whose actor writes endlessly into a buffer of 64 bytes, and the peer's
    /// end.
    fn connection(patience: Duration) -> (Connection, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64);
        let parts = FramedParts::with_read_buf(Box::new(ours) as _, ws::Codec::new(), actix_web::web::BytesMut::new());
        let (sink, _) = socket::split(Socket::new(parts, 1024));
        let frames = Bytes::from_static(&[0x89, 2, 1, 2]);
        let written: Written = Box::pin(stream::repeat_with(move || Ok(frames.clone())));
        (
            Connection {
                written: Some(written),
                sink,
                patience,
                carrier_call: Some(Arc::default()),
                stall: None,
                failed: None,
            },
            theirs,
        )
    }

    #[actix_rt::test]
    async fn a_peer_that_takes_nothing_is_cut_after_its_time() {
        tokio::time::pause();
        let (connection, _peer) = connection(Duration::from_secs(20));
        let begun = Instant::now();
        assert!(connection.await.is_ok());
        assert!((20..=21).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    }

    #[actix_rt::test]
    async fn a_peer_that_reads_slowly_is_not() {
        tokio::time::pause();
        let (connection, mut peer) = connection(Duration::from_secs(20));
        let connection = actix_rt::spawn(connection);
        for _ in 0..30 {
            sleep(Duration::from_secs(15)).await;
            peer.read_u8().await.expect("a byte");
        }
        assert!(!connection.is_finished());
        connection.abort();
    }

    #[actix_rt::test]
    async fn what_an_actor_said_last_is_written_before_the_end() {
        let (mut connection, mut peer) = connection(Duration::from_secs(20));
        let frames = Bytes::from(vec![0x42; 1_000]);
        connection.written = Some(Box::pin(stream::iter([Ok(frames.clone())])));
        let connection = actix_rt::spawn(connection);
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).await.expect("all of it");
        assert_eq!(heard, frames);
        assert!(matches!(connection.await, Ok(Ok(()))));
    }
}
