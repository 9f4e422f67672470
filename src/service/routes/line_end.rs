//! Our end of a carrier's stream, whatever carries it: its wire, its admission, its neighbours in
//! the call. The sockets are in [`super::stream`] and [`super::packets`].
//!
//! [`line::stream`] decides which messages are valid, what the call is notified of and how the
//! stream ends.
//!
//! [`line::stream`]: switchboard_actors::line::stream

use std::sync::{Arc, OnceLock};

use actix::{Message, Recipient};
use actix_rt::Arbiter;
use actix_web::web::Data;
use log::debug;
use switchboard_actors::alarm::{Alarm, TimeUp};
use switchboard_actors::audio::intake::{FormatMismatch, Intake};
use switchboard_actors::carrier::webhook_api::Arrival;
use switchboard_actors::carrier::{Carrier, Incoming, Outgoing, StreamStart, Wire};
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::ids::CarrierCallId;
use switchboard_actors::line::events as line;
use switchboard_actors::line::messages::{FromCaller, Line, LineAttached};
use switchboard_actors::line::stream::{CloseCode, Stream, StreamAction, StreamEvent};
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::supervisor::messages::Refusal;
use tokio::sync::oneshot;

use super::admission::{self, PendingStream};
use super::app::{AppState, named};
use super::limiter::Ticket;

/// The end of one stream.
pub(super) struct LineEnd {
    carrier: Carrier,
    /// How the stream is admitted.
    arrival: Arrival,
    app: Data<AppState>,
    /// The logic.
    stream: Stream,
    /// The actions that the logic requests; empty outside [`Self::step`].
    actions: Vec<StreamAction>,
    /// The carrier's call, once `start` has named it. The connection shares it, for the log.
    pub(super) carrier_call: Arc<OnceLock<CarrierCallId>>,
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
    /// The timer of the stream; set once the actor has started.
    alarm: Option<Alarm>,
    /// The codec of the carrier's messages.
    wire: Box<dyn Wire>,
    /// The buffers of outgoing messages.
    out: Outgoing,
}

/// What carries a stream, and the actor behind it.
pub(super) trait Transport {
    /// Sends one message.
    fn send(&mut self, message: Incoming<'_>);

    /// Asks the peer for a sign of life.
    fn ping(&mut self);

    /// Says that nothing follows.
    fn close(&mut self, code: CloseCode, reason: &str);

    /// Ends the actor.
    fn stop(&mut self);

    /// The actor's address for the call's messages.
    fn line(&self) -> Line;

    /// The actor's address for a refusal.
    fn refusals(&self) -> Recipient<Refused>;
}

/// The Supervisor refused the stream.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Refused(Refusal);

impl LineEnd {
    pub(super) fn new(carrier: Carrier, arrival: Arrival, app: Data<AppState>, ticket: Ticket) -> Self {
        Self {
            stream: Stream::new(carrier.capabilities(), app.now().stream.start_timeout, clock::now()),
            actions: Vec::new(),
            carrier,
            arrival,
            carrier_call: Arc::default(),
            ticket: Some(ticket),
            taken: None,
            call: None,
            intake: None,
            mismatches: Vec::new(),
            app,
            alarm: None,
            wire: carrier.wire(),
            out: Outgoing::default(),
        }
    }

    /// Sets the timer, which rings at `actor`.
    pub(super) fn started(&mut self, alarm: Alarm) {
        if let Some(at) = self.stream.deadline() {
            alarm.set(at);
        }
        self.alarm = Some(alarm);
    }

    /// Passes an event to the logic and carries out the resulting actions.
    pub(super) fn step(&mut self, event: StreamEvent, transport: &mut impl Transport) {
        let mut actions = std::mem::take(&mut self.actions);
        self.stream.handle(event, clock::now(), &mut actions);
        for action in actions.drain(..) {
            self.perform(action, transport);
        }
        self.actions = actions;
        if let (Some(alarm), Some(at)) = (&self.alarm, self.stream.deadline()) {
            alarm.ring_by(at);
        }
    }

    fn perform(&mut self, action: StreamAction, transport: &mut impl Transport) {
        use StreamAction as A;
        match action {
            A::Ask(start) => self.ask(*start, transport),
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
                self.send(transport);
            }
            A::Ping => transport.ping(),
            A::TellMalformed(problem) => {
                let (carrier, carrier_call) = (self.carrier.name(), self.named());
                emit(line::Event::MalformedMessage { carrier, carrier_call, problem: &problem });
            }
            A::TellRefused(reason) => emit(Event::CallRefused { reason, carrier_call: self.named() }),
            A::TellEarly(frames) => debug!(frames; "audio before `start` dropped"),
            A::Close { code, reason } => self.close(code, &reason, transport),
            A::Stop => transport.stop(),
        }
    }

    /// Returns the carrier's call id, once it is known.
    fn named(&self) -> Option<&str> {
        self.carrier_call.get().map(CarrierCallId::as_str)
    }

    /// Handles one message of the carrier.
    pub(super) fn hear(&mut self, message: Incoming<'_>, transport: &mut impl Transport) {
        let read = self.stream.read(message, &mut *self.wire, &mut self.out);
        self.send(transport);
        self.step(StreamEvent::Message(read), transport);
    }

    /// Sends the encoded messages. Messages after a close are dropped with the socket.
    fn send(&mut self, transport: &mut impl Transport) {
        if self.out.is_empty() {
            return;
        }
        if !self.stream.is_closing() {
            for message in self.out.messages() {
                transport.send(message);
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
    fn ask(&mut self, start: StreamStart, transport: &impl Transport) {
        if !start.carrier_call.as_str().is_empty() {
            // It is set once: a second `start` requests no admission.
            let _ = self.carrier_call.set(start.carrier_call.clone());
        }
        self.intake = Some(Intake::new(start.format.hears));
        let (taken, line_taken) = oneshot::channel();
        self.taken = Some(taken);
        let refusals = transport.refusals();
        let pending = PendingStream {
            carrier: self.carrier,
            arrival: self.arrival.clone(),
            start,
            line: transport.line(),
            arbiter: Arbiter::current(),
            line_taken,
        };
        let app = self.app.clone();
        actix_rt::spawn(async move {
            if let Err(refusal) = admission::apply(&app, pending).await {
                refusals.do_send(Refused(refusal));
            }
        });
    }

    /// Closes the stream. A call that waits for the line is notified that there is none.
    fn close(&mut self, code: CloseCode, reason: &str, transport: &mut impl Transport) {
        (self.taken, self.ticket) = (None, None);
        let carrier_call = named(self.named());
        debug!(carrier_call, code:?, reason; "closing the stream");
        transport.close(code, reason);
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

    /// The actor has ended, and the socket with it.
    pub(super) fn gone(&mut self, transport: &mut impl Transport) {
        self.report_mismatches();
        self.step(StreamEvent::Gone, transport);
    }

    /// The timer has rung.
    pub(super) fn time_up(&mut self, _: TimeUp, transport: &mut impl Transport) {
        self.report_mismatches();
        let call_is_there = self.call.as_ref().is_some_and(|call| call.reports.connected());
        self.step(StreamEvent::TimeUp { call_is_there }, transport);
    }

    /// The call takes the line.
    pub(super) fn attached(&mut self, call: LineAttached, transport: &mut impl Transport) {
        if self.taken.is_some() {
            self.call = Some(call);
            self.step(StreamEvent::Taken, transport);
        }
    }

    /// The Supervisor refused the stream.
    pub(super) fn refused(&mut self, Refused(refusal): Refused, transport: &mut impl Transport) {
        let later = match refusal {
            Refusal::Full { .. }
            | Refusal::Overloaded
            | Refusal::TooManyOutbound { .. }
            | Refusal::Draining
            | Refusal::Spent
            | Refusal::CallerBusy { .. }
            | Refusal::Killed => true,
            Refusal::BadToken
            | Refusal::WrongCall
            | Refusal::AlreadyOn
            | Refusal::CallOver
            | Refusal::UnknownAgent
            | Refusal::Declined => false,
        };
        self.step(StreamEvent::Refused { later, reason: refusal.to_string() }, transport);
    }
}

/// Commands that may wait for a socket: a lead of some 20 frames, their marks, and as many again for
/// a busy thread. Fewer would drop audio when the thread stutters; more would deliver speech too
/// late to be useful.
pub(super) const MAILBOX: usize = 128;
