//! The media stream: the carrier's WebSocket, an actor of its own, and one end of the line.
//!
//! The only file that names `actix-web-actors`. The stream itself is a [`LineEnd`].

use std::io;
use std::sync::Arc;

use actix::{Actor, ActorContext, AsyncContext, Handler, Recipient, StreamHandler};
use actix_http::ws::{Item, ProtocolError};
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use actix_web_actors::ws::{self, CloseCode, CloseReason, WebsocketContext};
use bytestring::ByteString;
use futures_util::StreamExt as _;
use futures_util::stream::pending;
use log::{debug, warn};
use switchboard_actors::alarm::{Alarm, TimeUp};
use switchboard_actors::carrier::webhook_api::Arrival;
use switchboard_actors::carrier::{Carrier, Incoming};
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::line::messages::{Line, LineAttached, ToLine};
use switchboard_actors::line::stream::{self, Broken, StreamEvent};
use switchboard_actors::socket::fragments::{Fragments, Kind};
use switchboard_actors::socket::{self, Half};
use switchboard_actors::supervisor::events::Event;

use super::app::{AppState, StreamRules, address_of};
use super::line_end::{LineEnd, MAILBOX, Refused, Transport};
use super::problem::Problem;
use super::upgrade::{self, Carried, Written};

/// Upgrades a request that was verified as the carrier's.
pub(super) fn upgrade(
    carrier: Carrier,
    arrival: Arrival,
    request: &HttpRequest,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let ticket = app.limiter.enter(address_of(request)).map_err(|crowded| {
        emit(Event::CallRefused { reason: "too_many_sockets", carrier_call: None });
        Problem::unavailable(crowded.to_string(), 1)
    })?;
    let subprotocols = carrier.capabilities().subprotocols;
    let mut response =
        ws::handshake_with_protocols(request, subprotocols).map(|mut response| response.finish()).map_err(|error| {
            without_upgrade(request, &app);
            Problem::bad_request(format!("expected a WebSocket upgrade: {error}"))
        })?;
    if !upgrade::is_offered(request) {
        without_upgrade(request, &app);
        return Err(Problem::bad_request("expected a WebSocket upgrade: `Upgrade: websocket` and no body"));
    }
    let StreamRules { max_message, stall_timeout: patience, .. } = app.now().stream;
    let end = LineEnd::new(carrier, arrival, app, ticket);
    let carrier_call = Some(Arc::clone(&end.carrier_call));
    let stream = MediaStream { end, fragments: Fragments::new(max_message) };
    let start = Box::new(move |frames: Half| -> Written {
        Box::pin(WebsocketContext::with_factory(pending::<Result<Bytes, PayloadError>>(), |ctx| {
            // Frames are read directly from the connection; a request's payload would add two
            // buffers.
            ctx.add_stream(frames.map(|frame| frame.and_then(message)));
            stream
        }))
    });
    response.extensions_mut().insert(Carried { start, max_message, patience, carrier_call });
    Ok(response)
}

/// Handles a carrier's request whose upgrade was lost on the way: only the proxy that removed it
/// sees our answer.
fn without_upgrade(request: &HttpRequest, app: &AppState) {
    emit(Event::CallRefused { reason: "no_upgrade", carrier_call: None });
    if app.hints.no_upgrade.due(clock::now()) {
        let version = request.version();
        warn!(path = request.path(), version:?; "a stream's request came without its upgrade header: the proxy in front must pass it on (nginx: `proxy_http_version 1.1`, `proxy_set_header Upgrade $http_upgrade`, `proxy_set_header Connection \"upgrade\"`)");
    }
}

/// Converts a frame to a message of the socket actor.
fn message(frame: ws::Frame) -> Result<ws::Message, ProtocolError> {
    Ok(match frame {
        ws::Frame::Text(text) => ws::Message::Text(
            ByteString::try_from(text)
                .map_err(|_| ProtocolError::Io(io::Error::new(io::ErrorKind::InvalidData, "text that is not UTF-8")))?,
        ),
        ws::Frame::Binary(bytes) => ws::Message::Binary(bytes),
        ws::Frame::Ping(bytes) => ws::Message::Ping(bytes),
        ws::Frame::Pong(bytes) => ws::Message::Pong(bytes),
        ws::Frame::Close(reason) => ws::Message::Close(reason),
        ws::Frame::Continuation(item) => ws::Message::Continuation(item),
    })
}

/// The socket of one carrier stream.
struct MediaStream {
    /// The stream.
    end: LineEnd,
    fragments: Fragments,
}

impl MediaStream {
    /// Handles a fragment of a message.
    fn reassemble(&mut self, item: &Item, ctx: &mut WebsocketContext<Self>) {
        let (part, bytes) = socket::part(item);
        match self.fragments.take(part, bytes) {
            Ok(None) => self.end.step(StreamEvent::Frame, ctx),
            Ok(Some((Kind::Binary, whole))) => self.end.hear(Incoming::Binary(&whole), ctx),
            Ok(Some((Kind::Text, whole))) => match str::from_utf8(&whole) {
                Ok(text) => self.end.hear(Incoming::Text(text), ctx),
                Err(_) => self.end.step(StreamEvent::Broken(Broken::NotText), ctx),
            },
            Err(_) => self.end.step(StreamEvent::Broken(Broken::TooLarge), ctx),
        }
    }
}

impl Transport for WebsocketContext<MediaStream> {
    fn send(&mut self, message: Incoming<'_>) {
        match message {
            Incoming::Text(text) => self.text(text),
            Incoming::Binary(bytes) => self.binary(Bytes::copy_from_slice(bytes)),
        }
    }

    fn ping(&mut self) {
        WebsocketContext::ping(self, b"");
    }

    fn close(&mut self, code: stream::CloseCode, reason: &str) {
        let reason = CloseReason { code: close_code(code), description: Some(reason.to_owned()) };
        WebsocketContext::close(self, Some(reason));
    }

    fn stop(&mut self) {
        ActorContext::stop(self);
    }

    fn line(&self) -> Line {
        let me = self.address();
        Line { to_line: me.clone().recipient(), attach: me.recipient() }
    }

    fn refusals(&self) -> Recipient<Refused> {
        self.address().recipient()
    }
}

impl Actor for MediaStream {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.end.started(Alarm::new(ctx.address().downgrade().recipient()));
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        self.end.gone(ctx);
    }
}

impl StreamHandler<Result<ws::Message, ProtocolError>> for MediaStream {
    fn handle(&mut self, message: Result<ws::Message, ProtocolError>, ctx: &mut Self::Context) {
        match message {
            Ok(ws::Message::Text(text)) => self.end.hear(Incoming::Text(&text), ctx),
            Ok(ws::Message::Continuation(item)) => self.reassemble(&item, ctx),
            Ok(ws::Message::Binary(bytes)) => self.end.hear(Incoming::Binary(&bytes), ctx),
            Ok(ws::Message::Ping(bytes)) => {
                ctx.pong(&bytes);
                self.end.step(StreamEvent::Frame, ctx);
            }
            Ok(ws::Message::Pong(_) | ws::Message::Nop) => self.end.step(StreamEvent::Frame, ctx),
            Ok(ws::Message::Close(reason)) => {
                let in_order = reason.is_none_or(|reason| reason.code == CloseCode::Normal);
                self.end.step(StreamEvent::PeerClosed { in_order }, ctx);
            }
            // The decoder cannot find the next frame.
            Err(error) => {
                debug!(problem:% = error; "the socket failed");
                let too_large = matches!(error, ProtocolError::Overflow);
                let rule = if too_large { Broken::TooLarge } else { Broken::Protocol };
                self.end.step(StreamEvent::Spoilt(rule), ctx);
            }
        }
    }
}

impl Handler<TimeUp> for MediaStream {
    type Result = ();

    fn handle(&mut self, time_up: TimeUp, ctx: &mut Self::Context) {
        self.end.time_up(time_up, ctx);
    }
}

impl Handler<LineAttached> for MediaStream {
    type Result = ();

    fn handle(&mut self, call: LineAttached, ctx: &mut Self::Context) {
        self.end.attached(call, ctx);
    }
}

impl Handler<ToLine> for MediaStream {
    type Result = ();

    fn handle(&mut self, ToLine(command): ToLine, ctx: &mut Self::Context) {
        self.end.step(StreamEvent::Command(command), ctx);
    }
}

impl Handler<Refused> for MediaStream {
    type Result = ();

    fn handle(&mut self, refused: Refused, ctx: &mut Self::Context) {
        self.end.refused(refused, ctx);
    }
}

const fn close_code(code: stream::CloseCode) -> CloseCode {
    use stream::CloseCode as C;
    match code {
        C::Normal => CloseCode::Normal,
        C::Protocol => CloseCode::Protocol,
        C::Invalid => CloseCode::Invalid,
        C::Policy => CloseCode::Policy,
        C::Size => CloseCode::Size,
        C::Error => CloseCode::Error,
        C::Again => CloseCode::Again,
    }
}
