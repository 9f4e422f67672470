//! The media stream: the carrier's WebSocket, an actor of its own, and one end of the line.
//!
//! The only file that names `actix-web-actors`.
//!
//! [`line::stream`] decides which messages are valid, what the call is notified of and how the
//! stream ends. This file has the stream's socket, wire and timer.
//!
//! [`line::stream`]: switchboard_actors::line::stream

use std::io;
use std::sync::{Arc, OnceLock};

use actix::{Actor, ActorContext, AsyncContext, Handler, Message, StreamHandler};
use actix_http::ws::{Item, ProtocolError};
use actix_rt::Arbiter;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use actix_web_actors::ws::{self, CloseCode, CloseReason, WebsocketContext};
use bytestring::ByteString;
use futures_util::StreamExt as _;
use futures_util::stream::pending;
use log::{debug, warn};
use switchboard_actors::alarm::{Alarm, TimeUp};
use switchboard_actors::audio::intake::{FormatMismatch, Intake};
use switchboard_actors::carrier::webhook_api::Arrival;
use switchboard_actors::carrier::{Carrier, Incoming, Outgoing, StreamStart, Wire};
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::ids::CarrierCallId;
use switchboard_actors::line::events as line;
use switchboard_actors::line::messages::{FromCaller, Line, LineAttached, ToLine};
use switchboard_actors::line::stream::{self, Broken, Stream, StreamAction, StreamEvent};
use switchboard_actors::socket::fragments::{Fragments, Kind};
use switchboard_actors::socket::{self, Half};
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::supervisor::messages::Refusal;
use tokio::sync::oneshot;

use super::admission::{self, PendingStream};
use super::app::{AppState, StreamRules, address_of, named};
use super::limiter::Ticket;
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
    let StreamRules { max_message, stall_timeout: patience, .. } = app.stream;
    let stream = MediaStream::new(carrier, arrival, app, ticket);
    let carrier_call = Arc::clone(&stream.carrier_call);
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
    carrier: Carrier,
    /// How the stream is admitted.
    arrival: Arrival,
    app: Data<AppState>,
    /// The logic.
    stream: Stream,
    /// The actions that the logic requests; empty outside [`Self::step`].
    actions: Vec<StreamAction>,
    /// The carrier's call, once `start` has named it. The connection shares it, for the log.
    carrier_call: Arc<OnceLock<CarrierCallId>>,
    /// Its slot in the limiter, until the stream is in a call or closes.
    ticket: Option<Ticket>,
    /// Signals the admission task that the call has taken the line. If dropped, the socket closed
    /// before.
    taken: Option<oneshot::Sender<()>>,
    /// The call that is notified of the line, once it has taken it.
    call: Option<LineAttached>,
    /// Repairs unusual frames; set from `start` on.
    intake: Option<Intake>,
    /// The format mismatches so far.
    mismatches: Vec<FormatMismatch>,
    fragments: Fragments,
    /// The timer of the stream; set once the actor has started.
    alarm: Option<Alarm>,
    /// The codec of the carrier's messages.
    wire: Box<dyn Wire>,
    /// The buffers of outgoing messages.
    out: Outgoing,
}

impl MediaStream {
    fn new(carrier: Carrier, arrival: Arrival, app: Data<AppState>, ticket: Ticket) -> Self {
        Self {
            stream: Stream::new(carrier.capabilities(), app.stream.start_timeout, clock::now()),
            actions: Vec::new(),
            carrier,
            arrival,
            carrier_call: Arc::default(),
            ticket: Some(ticket),
            taken: None,
            call: None,
            intake: None,
            mismatches: Vec::new(),
            fragments: Fragments::new(app.stream.max_message),
            app,
            alarm: None,
            wire: carrier.wire(),
            out: Outgoing::default(),
        }
    }

    /// Passes an event to the logic and carries out the resulting actions.
    fn step(&mut self, event: StreamEvent, ctx: &mut WebsocketContext<Self>) {
        let mut actions = std::mem::take(&mut self.actions);
        self.stream.handle(event, clock::now(), &mut actions);
        for action in actions.drain(..) {
            self.perform(action, ctx);
        }
        self.actions = actions;
        if let (Some(alarm), Some(at)) = (&self.alarm, self.stream.deadline()) {
            alarm.ring_by(at);
        }
    }

    fn perform(&mut self, action: StreamAction, ctx: &mut WebsocketContext<Self>) {
        use StreamAction as A;
        match action {
            A::Ask(start) => self.ask(*start, ctx),
            A::ConfirmTaken => {
                // The receiver is gone only if this thread is shutting down.
                let _ = self.taken.take().map(|taken| taken.send(()));
                self.ticket = None;
            }
            A::Frame(frame) => {
                if let Some(intake) = &mut self.intake {
                    intake.plain();
                }
                self.hand_on(FromCaller(frame));
            }
            A::MismatchedFrame(mismatched) => {
                if let Some(frame) = self.intake.as_mut().and_then(|intake| intake.mismatched(mismatched)) {
                    self.hand_on(FromCaller(frame));
                }
            }
            A::Playout(signal) => {
                if let Some(call) = &self.call {
                    call.playout.do_send(signal);
                }
            }
            A::Report(report) => {
                if let Some(call) = &self.call {
                    call.reports.do_send(report);
                }
            }
            A::Write(command) => {
                self.wire.write(&command, &mut self.out);
                self.send(ctx);
            }
            A::Ping => ctx.ping(b""),
            A::TellMalformed(problem) => {
                let (carrier, carrier_call) = (self.carrier.name(), self.named());
                emit(line::Event::MalformedMessage { carrier, carrier_call, problem: &problem });
            }
            A::TellRefused(reason) => emit(Event::CallRefused { reason, carrier_call: self.named() }),
            A::TellEarly(frames) => debug!(frames; "audio before `start` dropped"),
            A::Close { code, reason } => self.close(code, &reason, ctx),
            A::Stop => ctx.stop(),
        }
    }

    /// Returns the carrier's call id, once it is known.
    fn named(&self) -> Option<&str> {
        self.carrier_call.get().map(CarrierCallId::as_str)
    }

    /// Handles one message of the carrier.
    fn hear(&mut self, message: Incoming<'_>, ctx: &mut WebsocketContext<Self>) {
        let read = self.stream.read(message, &mut *self.wire, &mut self.out);
        self.send(ctx);
        self.step(StreamEvent::Message(read), ctx);
    }

    /// Sends the encoded messages. Messages after a close frame are dropped with the socket.
    fn send(&mut self, ctx: &mut WebsocketContext<Self>) {
        if self.out.is_empty() {
            return;
        }
        if !self.stream.is_closing() {
            for message in self.out.messages() {
                match message {
                    Incoming::Text(text) => ctx.text(text),
                    Incoming::Binary(bytes) => ctx.binary(Bytes::copy_from_slice(bytes)),
                }
            }
        }
        self.out.clear();
    }

    /// Passes a frame to the call. Frames are perishable: a full mailbox drops this one. A closed
    /// mailbox means that the call is ending, and the call reports its end itself.
    fn hand_on(&mut self, frame: FromCaller) {
        let Some(call) = &self.call else { return };
        if let Err(actix::prelude::SendError::Full(_)) = call.frames.try_send(frame) {
            self.stream.frames_dropped(1);
        }
    }

    /// Asks the Supervisor for a call on this thread.
    fn ask(&mut self, start: StreamStart, ctx: &mut WebsocketContext<Self>) {
        // It is set once: a second `start` requests no admission.
        let _ = self.carrier_call.set(start.carrier_call.clone());
        self.intake = Some(Intake::new(start.format.hears));
        let (taken, line_taken) = oneshot::channel();
        self.taken = Some(taken);
        let me = ctx.address();
        let pending = PendingStream {
            carrier: self.carrier,
            arrival: self.arrival.clone(),
            start,
            line: Line { to_line: me.clone().recipient(), attach: me.clone().recipient() },
            arbiter: Arbiter::current(),
            line_taken,
        };
        let app = self.app.clone();
        actix_rt::spawn(async move {
            if let Err(refusal) = admission::apply(&app, pending).await {
                me.do_send(Refused(refusal));
            }
        });
    }

    /// Sends a close frame. A call that waits for the line is notified that there is none.
    fn close(&mut self, code: stream::CloseCode, reason: &str, ctx: &mut WebsocketContext<Self>) {
        (self.taken, self.ticket) = (None, None);
        let (carrier_call, code) = (named(self.named()), close_code(code));
        debug!(carrier_call, code:? = code, reason; "closing the stream");
        ctx.close(Some(CloseReason { code, description: Some(reason.to_owned()) }));
    }

    /// Reports the format mismatches since the last report.
    fn report_mismatches(&mut self) {
        let Some(intake) = &mut self.intake else { return };
        for (mismatch, times) in intake.take_findings() {
            let again = self.mismatches.contains(&mismatch);
            if !again {
                self.mismatches.push(mismatch);
            }
            if mismatch == FormatMismatch::UnknownRate {
                self.stream.frames_dropped(times);
            }
            let (carrier, carrier_call) = (self.carrier.name(), self.carrier_call.get().map(CarrierCallId::as_str));
            emit(line::Event::LineMismatched { carrier, carrier_call, what: mismatch.word(), times, again });
        }
    }

    /// Handles a fragment of a message.
    fn reassemble(&mut self, item: &Item, ctx: &mut WebsocketContext<Self>) {
        let (part, bytes) = socket::part(item);
        match self.fragments.take(part, bytes) {
            Ok(None) => self.step(StreamEvent::Frame, ctx),
            Ok(Some((Kind::Binary, whole))) => self.hear(Incoming::Binary(&whole), ctx),
            Ok(Some((Kind::Text, whole))) => match str::from_utf8(&whole) {
                Ok(text) => self.hear(Incoming::Text(text), ctx),
                Err(_) => self.step(StreamEvent::Broken(Broken::NotText), ctx),
            },
            Err(_) => self.step(StreamEvent::Broken(Broken::TooLarge), ctx),
        }
    }
}

impl Actor for MediaStream {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        let alarm = Alarm::new(ctx.address().downgrade().recipient());
        if let Some(at) = self.stream.deadline() {
            alarm.set(at);
        }
        self.alarm = Some(alarm);
    }

    fn stopped(&mut self, ctx: &mut Self::Context) {
        self.report_mismatches();
        self.step(StreamEvent::Gone, ctx);
    }
}

impl StreamHandler<Result<ws::Message, ProtocolError>> for MediaStream {
    fn handle(&mut self, message: Result<ws::Message, ProtocolError>, ctx: &mut Self::Context) {
        match message {
            Ok(ws::Message::Text(text)) => self.hear(Incoming::Text(&text), ctx),
            Ok(ws::Message::Continuation(item)) => self.reassemble(&item, ctx),
            Ok(ws::Message::Binary(bytes)) => self.hear(Incoming::Binary(&bytes), ctx),
            Ok(ws::Message::Ping(bytes)) => {
                ctx.pong(&bytes);
                self.step(StreamEvent::Frame, ctx);
            }
            Ok(ws::Message::Pong(_) | ws::Message::Nop) => self.step(StreamEvent::Frame, ctx),
            Ok(ws::Message::Close(reason)) => {
                let in_order = reason.is_none_or(|reason| reason.code == CloseCode::Normal);
                self.step(StreamEvent::PeerClosed { in_order }, ctx);
            }
            // The decoder cannot find the next frame.
            Err(error) => {
                debug!(problem:% = error; "the socket failed");
                let too_large = matches!(error, ProtocolError::Overflow);
                let rule = if too_large { Broken::TooLarge } else { Broken::Protocol };
                self.step(StreamEvent::Spoilt(rule), ctx);
            }
        }
    }
}

impl Handler<TimeUp> for MediaStream {
    type Result = ();

    fn handle(&mut self, _: TimeUp, ctx: &mut Self::Context) {
        self.report_mismatches();
        let call_is_there = self.call.as_ref().is_some_and(|call| call.reports.connected());
        self.step(StreamEvent::TimeUp { call_is_there }, ctx);
    }
}

impl Handler<LineAttached> for MediaStream {
    type Result = ();

    fn handle(&mut self, call: LineAttached, ctx: &mut Self::Context) {
        if self.taken.is_some() {
            self.call = Some(call);
            self.step(StreamEvent::Taken, ctx);
        }
    }
}

impl Handler<ToLine> for MediaStream {
    type Result = ();

    fn handle(&mut self, ToLine(command): ToLine, ctx: &mut Self::Context) {
        self.step(StreamEvent::Command(command), ctx);
    }
}

/// The Supervisor refused the stream.
#[derive(Message)]
#[rtype(result = "()")]
struct Refused(Refusal);

impl Handler<Refused> for MediaStream {
    type Result = ();

    fn handle(&mut self, Refused(refusal): Refused, ctx: &mut Self::Context) {
        let later = match refusal {
            Refusal::Full { .. }
            | Refusal::TooManyOutbound { .. }
            | Refusal::Draining
            | Refusal::Spent
            | Refusal::Killed => true,
            Refusal::BadToken | Refusal::WrongCall | Refusal::AlreadyOn | Refusal::CallOver => false,
        };
        self.step(StreamEvent::Refused { later, reason: refusal.to_string() }, ctx);
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

/// Commands that may wait for this socket: a lead of some 20 frames, their marks, and as many again
/// for a busy thread. Fewer would drop audio when the thread stutters; more would deliver speech
/// too late to be useful.
const MAILBOX: usize = 128;
