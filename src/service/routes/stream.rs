//! The media stream: the carrier's WebSocket, an actor of its own, and one end of the line.
//!
//! The only file that names `actix-web-actors`.
//!
//! A stream is awaiting its `start`; then asking to be admitted, with what it hears held; then attached to its call; then
//! closing. The socket's end is told to the call exactly once, however it comes.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Handler, Message, Recipient, SpawnHandle, StreamHandler};
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
use switchboard_actors::carrier::{
    Carrier, Incoming, LineCommand, LineEvent, Liveness, OurClose, Outgoing, StreamStart, Wire, twilio,
};
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::ids::CarrierCallId;
use switchboard_actors::line::events as line;
use switchboard_actors::line::messages::{FromCaller, Line, LineAttached, LineReport, MarkEchoed, ToLine};
use switchboard_actors::socket::Half;
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::supervisor::messages::Refusal;
use tokio::sync::oneshot;

use super::admission::{self, Arrival, PendingStream};
use super::app::{AppState, StreamRules, address_of, named};
use super::limiter::Ticket;
use super::pre_start::PreStartBuffer;
use super::problem::Problem;
use super::reassembly::{Kind, Reassembly, TooLarge, Whole};
use super::upgrade::{self, Carried, Written};

/// `GET /ws`: Twilio Media Streams.
pub(super) async fn open(request: HttpRequest, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    app.accept_upgrade(&request)?;
    upgrade(twilio::CARRIER, Arrival::Announced, &request, app)
}

/// Upgrades a request that has been found to be the carrier's.
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
            // Read where the connection is read, instead of from a request's payload, through two buffers more.
            ctx.add_stream(frames.map(|frame| frame.and_then(message)));
            stream
        }))
    });
    response.extensions_mut().insert(Carried { start, max_message, patience, carrier_call });
    Ok(response)
}

/// A carrier's request whose upgrade was lost on the way: only whoever took it away sees our answer.
fn without_upgrade(request: &HttpRequest, app: &AppState) {
    emit(Event::CallRefused { reason: "no_upgrade", carrier_call: None });
    if app.hints.no_upgrade.due(clock::now()) {
        let version = request.version();
        warn!(path = request.path(), version:?; "a stream's request came without its upgrade: the proxy in front has to pass it on (nginx: `proxy_http_version 1.1`, `proxy_set_header Upgrade $http_upgrade`, `proxy_set_header Connection \"upgrade\"`)");
    }
}

/// A frame as the socket actor takes it.
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

/// One carrier's socket.
struct MediaStream {
    carrier: Carrier,
    /// How it came to be here.
    arrival: Arrival,
    app: Data<AppState>,
    phase: Phase,
    /// The carrier's call, once `start` has named it. The connection has it too, for the log.
    carrier_call: Arc<OnceLock<CarrierCallId>>,
    /// Puts odd frames right; from `start` on.
    intake: Option<Intake>,
    /// What was odd so far.
    mismatches: Vec<FormatMismatch>,
    /// Frames that came before `start`.
    early: u64,
    /// Ticks since the call was found to be gone without a word.
    orphaned: u32,
    reassembly: Reassembly,
    /// Messages that could not be read, so far.
    garbled: u32,
    /// Frames dropped since the call was last told.
    dropped: u64,
    /// Whether anything came since the last tick.
    heard: bool,
    /// The deadline of the phase, while it has one.
    deadline: Option<SpawnHandle>,
    /// Rings once a second; from the actor's start on.
    alarm: Option<Alarm>,
    /// Its wire.
    wire: Box<dyn Wire>,
    /// The buffers that outgoing messages are written in.
    out: Outgoing,
}

/// Where the stream stands.
enum Phase {
    /// Upgraded, `start` has not come; its place at the door.
    AwaitingStart(Ticket),
    /// The Supervisor has been asked; the call has not taken the line yet.
    Asking(Asking),
    /// In the call.
    Attached {
        /// Whom to tell.
        call: LineAttached,
    },
    /// A close frame is out; its answer is awaited for a moment, nothing else matters.
    Closing {
        /// Who is told of the end.
        reports: Option<Recipient<LineReport>>,
    },
}

/// A stream that asks to be admitted.
struct Asking {
    held: PreStartBuffer,
    /// Tells the one who asks that the call has taken the line; dropped, it tells that the socket was gone before.
    taken: oneshot::Sender<()>,
    _ticket: Ticket,
}

impl MediaStream {
    fn new(carrier: Carrier, arrival: Arrival, app: Data<AppState>, ticket: Ticket) -> Self {
        Self {
            carrier,
            arrival,
            carrier_call: Arc::default(),
            intake: None,
            mismatches: Vec::new(),
            early: 0,
            orphaned: 0,
            reassembly: Reassembly::new(app.stream.max_message),
            app,
            phase: Phase::AwaitingStart(ticket),
            garbled: 0,
            dropped: 0,
            heard: false,
            deadline: None,
            alarm: None,
            wire: carrier.wire(),
            out: Outgoing::default(),
        }
    }

    /// One message of the carrier.
    fn hear(&mut self, message: Incoming<'_>, ctx: &mut WebsocketContext<Self>) {
        let read = self.wire.read(message, &mut self.out);
        self.send(ctx);
        let event = match read {
            Ok(event) => event,
            Err(problem) => return self.ignore(&problem.to_string(), ctx),
        };
        let Some(event) = self.fit(event) else { return };
        match (&mut self.phase, event) {
            (Phase::Closing { .. }, _) | (_, LineEvent::Connected | LineEvent::Other(_)) => {}
            (Phase::AwaitingStart(_), LineEvent::Started(start)) => self.ask(*start, ctx),
            // Some carriers cannot wait. It is bounded by the time that `start` has.
            (Phase::AwaitingStart(_), LineEvent::Audio(_)) => self.early += 1,
            (Phase::AwaitingStart(_), _) => self.ignore("a message before `start`", ctx),
            (_, LineEvent::Started(start)) if self.carrier_call.get() != Some(&start.carrier_call) => {
                self.close(CloseCode::Policy, "a `start` of another call", ctx);
            }
            (_, LineEvent::Started(_)) => self.ignore("a second `start`", ctx),
            (Phase::Asking(asking), event) => asking.held.push(event),
            (Phase::Attached { .. }, event) => self.pass(event),
        }
    }

    /// Sends what the wire has written.
    fn send(&mut self, ctx: &mut WebsocketContext<Self>) {
        if self.out.is_empty() {
            return;
        }
        if !matches!(self.phase, Phase::Closing { .. }) {
            for message in self.out.messages() {
                match message {
                    Incoming::Text(text) => ctx.text(text),
                    Incoming::Binary(bytes) => ctx.binary(Bytes::copy_from_slice(bytes)),
                }
            }
        }
        self.out.clear();
    }

    /// Frames as the line was said to carry them; `None` for one that is of no use.
    fn fit(&mut self, event: LineEvent) -> Option<LineEvent> {
        let lively = matches!(event, LineEvent::Audio(_) | LineEvent::OddAudio(_));
        self.heard |= lively || self.carrier.capabilities().liveness != Liveness::AudioOnly;
        let Some(intake) = &mut self.intake else {
            // Nothing is known of the line yet, so nothing is odd about it.
            return Some(if let LineEvent::OddAudio(odd) = event { LineEvent::Audio(odd.frame) } else { event });
        };
        if let LineEvent::OddAudio(odd) = event {
            return intake.odd(odd).map(LineEvent::Audio);
        }
        if let LineEvent::Audio(_) = event {
            intake.plain();
        }
        Some(event)
    }

    /// Asks the Supervisor for a call on this thread.
    fn ask(&mut self, start: StreamStart, ctx: &mut WebsocketContext<Self>) {
        if self.early > 0 {
            debug!(frames = self.early; "audio before `start` dropped");
        }
        // It is set once: a second `start` is not asked for.
        let _ = self.carrier_call.set(start.carrier_call.clone());
        self.intake = Some(Intake::new(start.format.hears));
        let (taken, line_taken) = oneshot::channel();
        let asking =
            |ticket| Phase::Asking(Asking { held: PreStartBuffer::new(start.format.hears), taken, _ticket: ticket });
        match std::mem::replace(&mut self.phase, Phase::Closing { reports: None }) {
            Phase::AwaitingStart(ticket) => self.phase = asking(ticket),
            // `hear` asks while awaiting `start` and never else.
            other @ (Phase::Asking(_) | Phase::Attached { .. } | Phase::Closing { .. }) => return self.phase = other,
        }
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
        self.arm("attach_timeout", ctx);
    }

    /// Tells the call what the carrier said.
    fn pass(&mut self, event: LineEvent) {
        let Phase::Attached { call } = &self.phase else { return };
        match event {
            LineEvent::Audio(frame) => {
                // Perishable: a full mailbox costs this frame. A closed one means that the call is ending, and it says so.
                if let Err(actix::prelude::SendError::Full(_)) = call.frames.try_send(FromCaller(frame)) {
                    self.dropped += 1;
                }
            }
            LineEvent::MarkEchoed(name) => call.marks.do_send(MarkEchoed(name)),
            LineEvent::KeyPressed(key) => call.reports.do_send(LineReport::KeyPressed(key)),
            LineEvent::InputDiscarded => call.reports.do_send(LineReport::InputDiscarded),
            LineEvent::Stopped => call.reports.do_send(LineReport::Stopped),
            // What a clear takes back is settled when it is sent; what is held back is bounded by the lead.
            LineEvent::Cleared | LineEvent::Flow(_) => {}
            // `hear` and `fit` have dealt with these.
            LineEvent::Connected | LineEvent::Started(_) | LineEvent::Other(_) | LineEvent::OddAudio(_) => {}
        }
    }

    /// A message that could not be used: ignored and counted; a peer that sends nothing else is let go.
    fn ignore(&mut self, problem: &str, ctx: &mut WebsocketContext<Self>) {
        self.garbled += 1;
        if self.garbled <= GARBLED_TOLD {
            let (carrier, carrier_call) = (self.carrier.name(), self.carrier_call.get().map(CarrierCallId::as_str));
            emit(line::Event::MalformedMessage { carrier, carrier_call, problem });
        }
        if let Phase::Attached { call } = &self.phase {
            call.reports.do_send(LineReport::Malformed);
        }
        if self.garbled >= MOST_GARBLED {
            self.close(CloseCode::Policy, "too many unreadable messages", ctx);
        }
    }

    /// Sends a close frame behind what is queued and waits a moment for its answer, so that the carrier gets to read both.
    fn close(&mut self, code: CloseCode, reason: &str, ctx: &mut WebsocketContext<Self>) {
        let reports = match std::mem::replace(&mut self.phase, Phase::Closing { reports: None }) {
            Phase::Closing { reports } => return self.phase = Phase::Closing { reports },
            Phase::Attached { call } => Some(call.reports),
            Phase::AwaitingStart(_) | Phase::Asking(_) => None,
        };
        self.phase = Phase::Closing { reports };
        let carrier_call = named(self.carrier_call.get().map(CarrierCallId::as_str));
        debug!(carrier_call, code:? = code, reason; "closing the stream");
        ctx.close(Some(CloseReason { code, description: Some(reason.to_owned()) }));
        ctx.run_later(LINGER, |_, ctx| ctx.stop());
    }

    /// Gives the phase its deadline in place of the last one.
    fn arm(&mut self, reason: &'static str, ctx: &mut WebsocketContext<Self>) {
        if let Some(last) = self.deadline.take() {
            ctx.cancel_future(last);
        }
        self.deadline = Some(ctx.run_later(self.app.stream.start_timeout, move |this, ctx| {
            emit(Event::CallRefused { reason, carrier_call: this.carrier_call.get().map(CarrierCallId::as_str) });
            match &this.phase {
                Phase::AwaitingStart(_) => this.close(CloseCode::Policy, "no `start` within limits.start_timeout", ctx),
                Phase::Asking(_) => this.close(CloseCode::Error, "the call could not be started in time", ctx),
                Phase::Attached { .. } | Phase::Closing { .. } => {}
            }
        }));
    }

    /// Once a second: what is counted is told, and a call that is gone without a word closes its line.
    fn tick(&mut self, ctx: &mut WebsocketContext<Self>) {
        self.report_mismatches();
        let Phase::Attached { call } = &self.phase else { return };
        if !call.reports.connected() {
            // It may be hanging up at the carrier, and closes the line then.
            self.orphaned += 1;
            if self.carrier.capabilities().our_close != OurClose::LeavesCallUp || self.orphaned > LONGEST_HANGUP {
                self.close(CloseCode::Error, "the call is over", ctx);
            }
            return;
        }
        let open = self.carrier.capabilities().liveness == Liveness::OpenSocket;
        if std::mem::take(&mut self.heard) || open {
            call.reports.do_send(LineReport::Alive);
        }
        if self.dropped > 0 {
            call.reports.do_send(LineReport::FramesDropped(std::mem::take(&mut self.dropped)));
        }
    }

    /// Tells what was odd about the frames since the last time.
    fn report_mismatches(&mut self) {
        let Some(intake) = &mut self.intake else { return };
        for (mismatch, times) in intake.take_findings() {
            let again = self.mismatches.contains(&mismatch);
            if !again {
                self.mismatches.push(mismatch);
            }
            if mismatch == FormatMismatch::UnknownRate {
                self.dropped += times;
            }
            let (carrier, carrier_call) = (self.carrier.name(), self.carrier_call.get().map(CarrierCallId::as_str));
            emit(line::Event::LineMismatched { carrier, carrier_call, what: mismatch.word(), times, again });
        }
    }

    /// A fragment of a message.
    fn reassemble(&mut self, item: &Item, ctx: &mut WebsocketContext<Self>) {
        let whole = match item {
            Item::FirstText(bytes) => self.reassembly.begin(Kind::Text, bytes).map(|()| None),
            Item::FirstBinary(bytes) => self.reassembly.begin(Kind::Binary, bytes).map(|()| None),
            Item::Continue(bytes) => self.reassembly.extend(bytes).map(|()| None),
            Item::Last(bytes) => self.reassembly.finish(bytes).map(Some),
        };
        match whole {
            Ok(None) => {}
            Ok(Some(Whole::Text(text))) => self.hear(Incoming::Text(&text), ctx),
            Ok(Some(Whole::Binary(bytes))) => self.hear(Incoming::Binary(&bytes), ctx),
            Ok(Some(Whole::NotUtf8)) => self.close(CloseCode::Invalid, "text that is not UTF-8", ctx),
            Err(TooLarge) => self.close(CloseCode::Size, "a message larger than limits.max_message", ctx),
        }
    }
}

impl Actor for MediaStream {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        let alarm = Alarm::new(ctx.address().downgrade().recipient());
        alarm.set(clock::now() + TICK);
        self.alarm = Some(alarm);
        self.arm("start_timeout", ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.report_mismatches();
        let reports = match &self.phase {
            Phase::Attached { call } => Some(&call.reports),
            Phase::Closing { reports } => reports.as_ref(),
            // Not admitted, or `admission` tells the call because `taken` is dropped.
            Phase::AwaitingStart(_) | Phase::Asking(_) => None,
        };
        if let Some(reports) = reports {
            if self.dropped > 0 {
                reports.do_send(LineReport::FramesDropped(self.dropped));
            }
            reports.do_send(LineReport::Closed);
        }
    }
}

impl StreamHandler<Result<ws::Message, ProtocolError>> for MediaStream {
    fn handle(&mut self, message: Result<ws::Message, ProtocolError>, ctx: &mut Self::Context) {
        self.heard |= self.carrier.capabilities().liveness != Liveness::AudioOnly;
        match message {
            Ok(ws::Message::Text(text)) => self.hear(Incoming::Text(&text), ctx),
            Ok(ws::Message::Continuation(item)) => self.reassemble(&item, ctx),
            Ok(ws::Message::Binary(bytes)) => self.hear(Incoming::Binary(&bytes), ctx),
            Ok(ws::Message::Ping(bytes)) => ctx.pong(&bytes),
            Ok(ws::Message::Pong(_) | ws::Message::Nop) => {}
            Ok(ws::Message::Close(reason)) => {
                let in_order = reason.is_none_or(|reason| reason.code == CloseCode::Normal);
                if let (true, Phase::Attached { call }) = (in_order, &self.phase) {
                    call.reports.do_send(LineReport::Left);
                }
                self.close(CloseCode::Normal, "", ctx);
                ctx.stop();
            }
            // After a violation the decoder does not find the next frame: nothing that follows can be believed.
            Err(error) => {
                let (code, reason) = if matches!(error, ProtocolError::Overflow) {
                    (CloseCode::Size, "a message larger than limits.max_message")
                } else {
                    (CloseCode::Protocol, "WebSocket protocol violation")
                };
                debug!(problem:% = error; "the socket failed");
                self.close(code, reason, ctx);
                ctx.stop();
            }
        }
    }
}

impl Handler<TimeUp> for MediaStream {
    type Result = ();

    fn handle(&mut self, _: TimeUp, ctx: &mut Self::Context) {
        self.tick(ctx);
        if let Some(alarm) = &self.alarm {
            alarm.set(clock::now() + TICK);
        }
    }
}

impl Handler<LineAttached> for MediaStream {
    type Result = ();

    fn handle(&mut self, call: LineAttached, ctx: &mut Self::Context) {
        let asking = match std::mem::replace(&mut self.phase, Phase::Closing { reports: None }) {
            Phase::Asking(asking) => asking,
            // Closing already: `taken` was dropped and the call learns of the end that way.
            other @ (Phase::AwaitingStart(_) | Phase::Attached { .. } | Phase::Closing { .. }) => {
                return self.phase = other;
            }
        };
        if let Some(deadline) = self.deadline.take() {
            ctx.cancel_future(deadline);
        }
        // Nobody listens only when the one who asks is gone with its thread; then so are we.
        let _ = asking.taken.send(());
        self.phase = Phase::Attached { call };
        let (events, dropped) = asking.held.release();
        self.dropped += dropped;
        for event in events {
            self.pass(event);
        }
    }
}

impl Handler<ToLine> for MediaStream {
    type Result = ();

    fn handle(&mut self, ToLine(command): ToLine, ctx: &mut Self::Context) {
        // Before the call has the line and after its end there is nothing to be said.
        let Phase::Attached { .. } = &self.phase else { return };
        if command == LineCommand::Close {
            return self.close(CloseCode::Normal, "the call is over", ctx);
        }
        self.wire.write(&command, &mut self.out);
        self.send(ctx);
    }
}

/// The Supervisor said no.
#[derive(Message)]
#[rtype(result = "()")]
struct Refused(Refusal);

impl Handler<Refused> for MediaStream {
    type Result = ();

    fn handle(&mut self, Refused(refusal): Refused, ctx: &mut Self::Context) {
        let code = match refusal {
            Refusal::Full { .. }
            | Refusal::TooManyOutbound { .. }
            | Refusal::Draining
            | Refusal::Spent
            | Refusal::Killed => CloseCode::Again,
            Refusal::BadToken | Refusal::WrongCall | Refusal::AlreadyOn | Refusal::CallOver => CloseCode::Policy,
        };
        self.close(code, &refusal.to_string(), ctx);
    }
}

/// Ticks that a call may take to hang up at its carrier after its own end: as long as one request may last, and a little.
const LONGEST_HANGUP: u32 = 12;
/// Commands that may wait for this socket: a lead of some 20 frames, their marks, and as much again for a busy thread. Fewer:
/// audio dropped when the thread stutters. More: speech that comes too late to be of use.
const MAILBOX: usize = 128;
/// How often counters and liveness are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long the answer to our close frame is awaited. Shorter: the close of the connection may overtake the last audio.
const LINGER: Duration = Duration::from_secs(1);
/// Unreadable messages after which a peer is let go. Carriers send none; a few must not cost a caller the call.
const MOST_GARBLED: u32 = 100;
/// Unreadable messages of one stream that are logged one by one; the rest are only counted.
const GARBLED_TOLD: u32 = 3;
