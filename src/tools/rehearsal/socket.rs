//! One connection: a loop between a socket and a [`ServerSession`].

use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use actix_http::BoxedPayloadStream;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::{FromRequest as _, HttpRequest, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Closed, Item, ProtocolError};
use bytes::Bytes;
use futures_util::future::poll_fn;
use futures_util::{Sink, StreamExt};
use switchboard_actors::clock;
use switchboard_actors::socket::head::{Refused, Watch};

use super::log::ClientLog;
use super::outgoing::Out;
use super::protocol::ServerSession;

/// How a connection behaves.
#[derive(Debug, Default)]
pub(super) struct ConnectionBehaviour {
    /// Splits events into fragments of this many bytes.
    pub(super) fragment_bytes: Option<usize>,
    /// The time after which nothing is read any more.
    pub(super) deaf_at: Option<Instant>,
    /// Records the client's events, with the number of the connection.
    pub(super) log: Option<(ClientLog, u64)>,
}

/// Limits a client's frames to `most` bytes: a frame that announces more ends the connection before
/// any of it is buffered.
///
/// # Errors
/// Never fails in practice: the payload is put back into the same type of payload.
pub(super) async fn watched(request: &HttpRequest, body: web::Payload, most: usize) -> actix_web::Result<web::Payload> {
    let mut watch = Watch::default();
    let payload = body.into_inner().map(move |bytes| {
        let bytes = bytes?;
        watch.follow(&bytes, most).map_err(|refused| match refused {
            Refused::TooLong(_) => PayloadError::Overflow,
            Refused::Control(_) => PayloadError::EncodingCorrupted,
        })?;
        Ok(bytes)
    });
    let payload: BoxedPayloadStream = Box::pin(payload);
    web::Payload::from_request(request, &mut Payload::from(payload)).await
}

/// Runs a session until either side ends it.
pub(super) async fn carry(
    mut session: Box<dyn ServerSession>,
    behaviour: ConnectionBehaviour,
    mut sink: actix_ws::Session,
    mut stream: AggregatedMessageStream,
) {
    let mut timer = pin!(tokio::time::sleep(Duration::ZERO));
    let mut armed = None;
    loop {
        if session.waiting() == 0 {
            let now = clock::now();
            if session.deadline() <= now {
                session.tick(now);
            }
        }
        let idle = session.waiting() == 0;
        let deadline = session.deadline();
        if idle && armed != Some(deadline) {
            timer.as_mut().reset(deadline.into());
            armed = Some(deadline);
        }
        tokio::select! {
            ready = has_room(&mut sink), if !idle => {
                let Ok(()) = ready else { return };
                let Some(out) = session.next_out() else { continue };
                match send(out, behaviour.fragment_bytes, &mut sink).await {
                    Ok(Flow::On) => {}
                    Ok(Flow::Close(reason)) => {
                        // The client's answer to the close is not awaited, because it would change
                        // nothing.
                        let _ = sink.close(Some(reason)).await;
                        return;
                    }
                    Ok(Flow::Drop) | Err(Closed) => return,
                }
            }
            message = stream.next(), if session.waiting() < MOST_WAITING && behaviour.hears() => {
                match message {
                    Some(Ok(message)) => {
                        behaviour.note(&message);
                        match hear(message, session.as_mut(), &mut sink).await {
                            Ok(true) => {}
                            Ok(false) => {
                                let _ = sink.close(None).await;
                                return;
                            }
                            Err(Closed) => return,
                        }
                    }
                    Some(Err(error)) => {
                        let _ = sink.close(Some(reason_of(&error))).await;
                        return;
                    }
                    None => return,
                }
            }
            () = timer.as_mut(), if idle => armed = None,
        }
    }
}

impl ConnectionBehaviour {
    fn hears(&self) -> bool {
        self.deaf_at.is_none_or(|at| clock::now() < at)
    }

    fn note(&self, message: &AggregatedMessage) {
        let Some((log, connection)) = &self.log else { return };
        match message {
            AggregatedMessage::Text(text) => log.note(*connection, text),
            AggregatedMessage::Binary(bytes) => log.note(*connection, std::str::from_utf8(bytes).unwrap_or_default()),
            AggregatedMessage::Ping(_) | AggregatedMessage::Pong(_) | AggregatedMessage::Close(_) => {}
        }
    }
}

/// Waits until the socket accepts another message.
async fn has_room(sink: &mut actix_ws::Session) -> Result<(), Closed> {
    poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await
}

/// What happens after a message is sent.
enum Flow {
    On,
    Close(CloseReason),
    Drop,
}

async fn send(out: Out, fragment_bytes: Option<usize>, sink: &mut actix_ws::Session) -> Result<Flow, Closed> {
    match (out, fragment_bytes) {
        (Out::Event(text), None) => sink.text(text).await?,
        (Out::Event(text), Some(size)) => send_in_fragments(text.into_bytes(), Item::FirstText, size, sink).await?,
        (Out::Binary(text), None) => sink.binary(text.into_bytes()).await?,
        (Out::Binary(text), Some(size)) => send_in_fragments(text.into_bytes(), Item::FirstBinary, size, sink).await?,
        (Out::Audio(audio), None) => sink.binary(audio).await?,
        (Out::Audio(audio), Some(size)) => send_in_fragments(audio, Item::FirstBinary, size, sink).await?,
        (Out::Ping, _) => sink.ping(b"ping").await?,
        (Out::Close { code, reason }, _) => {
            return Ok(Flow::Close(CloseReason { code: CloseCode::from(code), description: Some(reason) }));
        }
        (Out::Drop, _) => return Ok(Flow::Drop),
    }
    Ok(Flow::On)
}

async fn send_in_fragments(
    mut rest: Bytes,
    first: impl FnOnce(Bytes) -> Item,
    size: usize,
    sink: &mut actix_ws::Session,
) -> Result<(), Closed> {
    let beginning = rest.split_to(size.min(rest.len()));
    sink.continuation(first(beginning)).await?;
    while rest.len() > size {
        sink.continuation(Item::Continue(rest.split_to(size))).await?;
    }
    sink.continuation(Item::Last(rest)).await
}

/// Handles a message. Returns whether the connection continues.
async fn hear(
    message: AggregatedMessage,
    session: &mut dyn ServerSession,
    sink: &mut actix_ws::Session,
) -> Result<bool, Closed> {
    match message {
        AggregatedMessage::Text(text) => session.hear_text(&text, clock::now()),
        AggregatedMessage::Binary(bytes) => session.hear_binary(&bytes, clock::now()),
        AggregatedMessage::Ping(bytes) => sink.pong(&bytes).await?,
        AggregatedMessage::Pong(_) => session.hear_pong(),
        AggregatedMessage::Close(_) => return Ok(false),
    }
    Ok(true)
}

fn reason_of(error: &ProtocolError) -> CloseReason {
    let cause = if let ProtocolError::Io(error) = error { error.get_ref() } else { None };
    let cause = cause.and_then(|cause| cause.downcast_ref::<PayloadError>());
    let overflowed = matches!(error, ProtocolError::Overflow) || matches!(cause, Some(PayloadError::Overflow));
    let code = if overflowed { CloseCode::Size } else { CloseCode::Protocol };
    CloseReason { code, description: Some(error.to_string()) }
}

/// Maximum number of events that wait for a client. Above it, the client is not read either: TCP
/// then slows it down.
const MOST_WAITING: usize = 256;
