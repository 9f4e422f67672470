//! The RealtimeLlm actor: the shell around [`super::session`] and its socket.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::WeakRecipient;
use actix::dev::SendError;
use actix::prelude::*;
use actix_http::ws::{Frame as WsFrame, ProtocolError};
use futures_util::StreamExt as _;

use super::backlog::{Backlog, Playable};
use super::messages::{AudioReplaced, ModelBound, ModelOrder};
use super::plan::SessionPlan;
use super::session::{Session, SessionAction, SessionEvent};
use super::socket::{self, Assembler, Incoming, Socket};
use super::writer::Writer;
use crate::audio::frame::Frame;
use crate::audio::messages::{FromModel, ItemComplete};
use crate::call::messages::{ModelLoss, ModelReport, Organ, OrganLost};
use crate::clock;
use crate::events::{Event, emit};
use crate::ids::CallId;
use crate::transcript::messages::Words;

/// What a RealtimeLlm is started with.
#[derive(Debug)]
pub struct LlmSetup {
    /// The call, for the log.
    pub call: CallId,
    /// The session to open.
    pub plan: Arc<SessionPlan>,
    /// `OpenAI-Safety-Identifier`: a salted hash of the caller, where one is configured.
    pub safety_identifier: Option<String>,
    /// Where the model's audio goes.
    pub audio: Recipient<FromModel>,
    /// Where the end of an item's audio goes.
    pub items: Recipient<ItemComplete>,
    /// Where words go.
    pub words: Recipient<Words>,
    /// Reports to the CallActor.
    pub to_call: WeakRecipient<ModelReport>,
    /// Told when this actor is gone.
    pub lost: WeakRecipient<OrganLost>,
}

/// One call's model session. Dials when it starts; ends when it is told to, when the session is lost (told as
/// [`ModelReport::Lost`]), or when the call is gone: a forgotten session is billed.
#[derive(Debug)]
pub struct RealtimeLlm {
    setup: LlmSetup,
    session: Session,
    link: Link,
    assembler: Assembler,
    backlog: Backlog,
    /// The session's actions, kept for their buffer.
    actions: Vec<SessionAction>,
    /// The one timer, and when it is due.
    timer: Option<(Instant, SpawnHandle)>,
    /// The call knows that we go.
    told: bool,
}

#[derive(Debug)]
enum Link {
    /// No socket yet.
    Dialling,
    /// Open, from the upgrade on.
    Live(Writer),
    /// Closed or closing; nothing is sent any more.
    Closing,
}

impl RealtimeLlm {
    /// Not yet started; `start()` it on the call's own thread, and it dials.
    pub fn new(setup: LlmSetup) -> Self {
        let session = Session::new(Arc::clone(&setup.plan), clock::now());
        let backlog = Backlog::new(LONGEST_BACKLOG_MS * setup.plan.format.bytes_per_ms());
        Self {
            setup,
            session,
            link: Link::Dialling,
            assembler: Assembler::default(),
            backlog,
            actions: Vec::new(),
            timer: None,
            told: false,
        }
    }
}

impl Actor for RealtimeLlm {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        let (plan, identifier) = (Arc::clone(&self.setup.plan), self.setup.safety_identifier.clone());
        let dial = async move { socket::dial(&plan, identifier.as_deref()).await };
        ctx.spawn(dial.into_actor(self).map(|dialled, this, ctx| this.dialled(dialled, ctx)));
        self.arm(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if !self.told
            && let Some(call) = self.setup.lost.upgrade()
        {
            call.do_send(OrganLost(Organ::Model));
        }
    }
}

impl RealtimeLlm {
    fn step(&mut self, event: SessionEvent<'_>, ctx: &mut Context<Self>) {
        let mut actions = std::mem::take(&mut self.actions);
        self.session.handle(event, clock::now(), &mut actions);
        for action in actions.drain(..) {
            self.perform(action, ctx);
        }
        self.actions = actions;
        self.arm(ctx);
    }

    fn perform(&mut self, action: SessionAction, ctx: &mut Context<Self>) {
        match action {
            SessionAction::ToAudio(audio) => self.play(Playable::Audio(audio)),
            SessionAction::Complete(complete) => self.play(Playable::Complete(complete)),
            SessionAction::ToWords(words) => self.setup.words.do_send(words),
            SessionAction::Send(text) => self.write(|writer| writer.send(text)),
            SessionAction::Pong(payload) => self.write(|writer| writer.pong(payload)),
            SessionAction::Ping => self.write(Writer::ping),
            SessionAction::Report(report) => self.report(report),
            SessionAction::Lose(loss) => self.lose(loss, ctx),
            SessionAction::Close => self.close(ctx),
        }
    }

    /// One timer, armed only for what is earlier than what it is armed for: most deadlines move away with every message.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        let retry = (!self.backlog.is_empty()).then(|| now + OFFER_AGAIN);
        let deadline = self.session.deadline().map(|(at, _)| at);
        let due = [retry, deadline].into_iter().flatten().fold(now + LOOK_AFTER_CALL, Instant::min);
        if self.timer.as_ref().is_some_and(|(armed, _)| *armed <= due) {
            return;
        }
        let handle = ctx.run_later(due.saturating_duration_since(now), Self::timer_due);
        if let Some((_, old)) = self.timer.replace((due, handle)) {
            ctx.cancel_future(old);
        }
    }

    fn timer_due(&mut self, ctx: &mut Context<Self>) {
        self.timer = None;
        self.offer_again();
        if !self.setup.to_call.upgrade().is_some_and(|call| call.connected()) {
            self.step(SessionEvent::Ordered(ModelOrder::Close), ctx);
        }
        self.step(SessionEvent::DeadlinePassed, ctx);
    }

    fn dialled(&mut self, dialled: Result<Socket, ModelLoss>, ctx: &mut Context<Self>) {
        let socket = match dialled {
            Ok(socket) => socket,
            Err(loss) => return self.step(SessionEvent::DialFailed(loss), ctx),
        };
        let (sink, stream) = socket.split();
        let this = ctx.address().downgrade();
        let broken = move |problem| {
            if let Some(this) = this.upgrade() {
                this.do_send(SocketBroke(problem));
            }
        };
        // Base64 makes four bytes of three; the words around it are small change.
        let most_audio = LONGEST_UNSENT_MS * self.setup.plan.format.bytes_per_ms() * 4 / 3;
        self.link = Link::Live(Writer::start(sink, most_audio, broken));
        Self::add_stream(stream, ctx);
        self.step(SessionEvent::Opened, ctx);
    }

    fn heard(&mut self, frame: Result<WsFrame, ProtocolError>, ctx: &mut Context<Self>) {
        let incoming = match frame.and_then(|frame| self.assembler.take(frame)) {
            Ok(Some(incoming)) => incoming,
            Ok(None) => return,
            Err(problem) => return self.step(SessionEvent::Broken(&problem.to_string()), ctx),
        };
        match incoming {
            Incoming::Text(text) => match std::str::from_utf8(&text) {
                Ok(text) => self.step(SessionEvent::Text(text), ctx),
                Err(_) => self.step(SessionEvent::Unintelligible, ctx),
            },
            Incoming::Binary => self.step(SessionEvent::Unintelligible, ctx),
            Incoming::Ping(payload) => self.step(SessionEvent::Ping(payload), ctx),
            Incoming::Pong => self.step(SessionEvent::Pong, ctx),
            Incoming::Close { code, reason } => self.step(SessionEvent::Closed { code, reason: &reason }, ctx),
        }
    }

    fn speak(&mut self, audio: &Frame) {
        if self.session.is_lingering() {
            // The call is over; what was on its way means nothing any more.
            return;
        }
        let Link::Live(writer) = &self.link else { return self.dropped("in", "model_not_ready", 1) };
        if !self.session.is_ready() {
            return self.dropped("in", "model_not_ready", 1);
        }
        let mut text = Frame::take();
        self.session.write_audio(audio, &mut text);
        let dropped = writer.audio(text);
        if dropped > 0 {
            self.dropped("in", "model_not_reading", dropped);
        }
    }

    fn play(&mut self, playable: Playable) {
        let refused = if self.backlog.is_empty() { self.offer(playable) } else { Some(playable) };
        if let Some(playable) = refused
            && !self.backlog.push(playable)
        {
            self.dropped("out", "pipeline_not_taking", 1);
        }
    }

    /// Offers to the pipeline; what its full mailbox refuses comes back.
    fn offer(&self, playable: Playable) -> Option<Playable> {
        match playable {
            Playable::Audio(audio) => match self.setup.audio.try_send(audio) {
                Err(SendError::Full(audio)) => Some(Playable::Audio(audio)),
                // Without a pipeline there is nobody to hear it, and the call knows.
                Ok(()) | Err(SendError::Closed(_)) => None,
            },
            Playable::Complete(complete) => match self.setup.items.try_send(complete) {
                Err(SendError::Full(complete)) => Some(Playable::Complete(complete)),
                Ok(()) | Err(SendError::Closed(_)) => None,
            },
        }
    }

    fn offer_again(&mut self) {
        while let Some(first) = self.backlog.pop() {
            if let Some(refused) = self.offer(first) {
                return self.backlog.put_back(refused);
            }
        }
    }

    fn write(&self, write: impl FnOnce(&Writer)) {
        if let Link::Live(writer) = &self.link {
            write(writer);
        }
    }

    /// The call logs and counts what it is told; here only what it is not told is.
    fn report(&self, report: ModelReport) {
        if let Some(to_call) = self.setup.to_call.upgrade() {
            to_call.do_send(report);
        }
    }

    fn lose(&mut self, loss: ModelLoss, ctx: &mut Context<Self>) {
        self.report(ModelReport::Lost(loss));
        self.close(ctx);
    }

    fn close(&mut self, ctx: &mut Context<Self>) {
        self.told = true;
        // The writer says good-bye and closes the socket by itself.
        self.link = Link::Closing;
        ctx.stop();
    }

    fn dropped(&self, direction: &'static str, reason: &'static str, frames: u64) {
        emit(Event::AudioDropped { call: self.setup.call, direction, reason, frames });
    }
}

/// The writer could not go on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
struct SocketBroke(String);

impl Handler<AudioReplaced> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, AudioReplaced { audio, items }: AudioReplaced, _: &mut Self::Context) {
        (self.setup.audio, self.setup.items) = (audio, items);
    }
}

impl Handler<ModelBound> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, ModelBound(audio): ModelBound, _: &mut Self::Context) {
        self.speak(&audio);
    }
}

impl Handler<ModelOrder> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, order: ModelOrder, ctx: &mut Self::Context) {
        self.step(SessionEvent::Ordered(order), ctx);
    }
}

impl Handler<SocketBroke> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, SocketBroke(problem): SocketBroke, ctx: &mut Self::Context) {
        self.step(SessionEvent::Broken(&problem), ctx);
    }
}

impl StreamHandler<Result<WsFrame, ProtocolError>> for RealtimeLlm {
    fn handle(&mut self, frame: Result<WsFrame, ProtocolError>, ctx: &mut Self::Context) {
        self.heard(frame, ctx);
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        self.step(SessionEvent::Broken("the server went away without a close"), ctx);
    }
}

/// Caller frames in the mailbox: the audio held while we dialled comes at once when the session is ready. Five seconds of
/// 20 ms frames; fewer cut the caller's first words, more would never be caught up with.
const MAILBOX: usize = 256;
/// Caller audio that waits for a server that does not read. Shorter: what was held while dialling does not fit. Longer:
/// the model answers what was said five seconds ago.
const LONGEST_UNSENT_MS: usize = 5_000;
/// Model audio that waits for a pipeline that does not take it: twice the longest burst in one read. The pipeline has its
/// own, larger bound; this one is for the moments in which it does not run.
const LONGEST_BACKLOG_MS: usize = 60_000;
/// When the pipeline is offered again what it refused. It empties its mailbox as soon as it runs.
const OFFER_AGAIN: Duration = Duration::from_millis(2);
/// How often we look whether there is still a call. A session without one costs money, and nobody would end it.
const LOOK_AFTER_CALL: Duration = Duration::from_secs(2);
