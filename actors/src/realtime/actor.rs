//! The RealtimeLlm actor: the shell around the sessions of one call ([`super::session`]) and their sockets.

pub mod canary;
mod failover;
mod legs;
pub mod refusals;
pub mod warm;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::WeakRecipient;
use actix::dev::SendError;
use actix::prelude::*;

use self::failover::{Outage, PendingAudio};
use self::legs::{FromSocket, Leg, LegId, SocketBroke};
use super::backlog::{Backlog, Playable};
use super::failover_plan::FailoverPlan;
use super::history::History;
use super::messages::{AudioReplaced, ModelOrder};
use super::plan::SessionPlan;
use super::session::{SessionAction, SessionEvent};
use super::turn_audio::TurnAudio;
use crate::alarm::{Alarm, TimeUp};
use crate::child::{Child, ChildLost};
use crate::clock;
use crate::events::{Event, emit};
use crate::frame::Frame;
use crate::ids::CallTag;
use crate::line::messages::{FromModel, ItemComplete, ModelBound};
use crate::realtime::report::{ModelReport, Words};

/// What a RealtimeLlm is started with.
#[derive(Debug)]
pub struct LlmSetup {
    /// The call, for the log.
    pub call: CallTag,
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
    pub lost: WeakRecipient<ChildLost>,
}

/// One call's model. Dials when it starts, and again when a session is lost or about to expire; ends when it is told to, when no
/// session is to be had any more (told as [`ModelReport::Lost`]), or when the call is gone: a forgotten session is billed.
#[derive(Debug)]
pub struct RealtimeLlm {
    setup: LlmSetup,
    /// The configuration in force, for sessions to come.
    plan: Arc<SessionPlan>,
    /// How often it was changed.
    changes: u32,
    /// The session in use, the one that is to follow it, and those that only wait for the caller's last words.
    legs: Vec<Leg>,
    in_use: Option<LegId>,
    next: Option<LegId>,
    last_leg: u64,
    failover_plan: FailoverPlan,
    /// The next dial that is planned: when, and which candidate.
    redial: Option<(Instant, usize)>,
    /// There is no session; at first, because there was none yet.
    outage: Option<Outage>,
    /// The model that the call believes to be answered by.
    served_by: String,
    /// A session has been in use.
    came_up: bool,
    /// A session that had waited was lost before it could be used: what else waits is not trusted either.
    dial_anew: bool,
    /// The session in use was asked to speak when it took over.
    answering: bool,
    /// Told to close: a loss is an end.
    closing: bool,
    /// Orders that wait for a session.
    orders: VecDeque<ModelOrder>,
    /// Caller audio that waits for a session.
    held: PendingAudio,
    history: History,
    turns: TurnAudio,
    backlog: Backlog,
    /// The session's actions, kept for their buffer.
    actions: Vec<SessionAction>,
    /// From the actor's start on.
    alarm: Option<Alarm>,
    /// The call knows that we go.
    told: bool,
}

impl RealtimeLlm {
    /// Not yet started; `start()` it on the call's own thread, and it dials.
    pub fn new(setup: LlmSetup) -> Self {
        let plan = Arc::clone(&setup.plan);
        let bytes_per_ms = plan.format.bytes_per_ms();
        Self {
            failover_plan: FailoverPlan::new(plan.candidates(), plan.resilience.patience),
            changes: 0,
            legs: Vec::new(),
            in_use: None,
            next: None,
            last_leg: 0,
            redial: None,
            outage: Some(Outage::at_the_start(clock::now())),
            served_by: plan.model.clone(),
            came_up: false,
            dial_anew: false,
            answering: false,
            closing: false,
            orders: VecDeque::new(),
            held: PendingAudio::new(bytes_per_ms),
            history: History::new(plan.format),
            turns: TurnAudio::new(plan.format),
            backlog: Backlog::new(LONGEST_BACKLOG_MS * bytes_per_ms),
            actions: Vec::new(),
            alarm: None,
            told: false,
            plan,
            setup,
        }
    }
}

impl Actor for RealtimeLlm {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.alarm = Some(Alarm::new(ctx.address().downgrade().recipient()));
        self.begin(ctx);
        self.arm();
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if !self.told
            && let Some(call) = self.setup.lost.upgrade()
        {
            call.do_send(ChildLost(Child::Model));
        }
    }
}

impl RealtimeLlm {
    /// An event of one of the sessions; nothing where that is gone already.
    fn step(&mut self, leg: LegId, event: SessionEvent<'_>, ctx: &mut Context<Self>) {
        let Some(found) = self.legs.iter_mut().find(|known| known.id == leg) else { return };
        let mut actions = std::mem::take(&mut self.actions);
        found.session.handle(event, clock::now(), &mut actions);
        self.perform_all(leg, actions, ctx);
        self.arm();
    }

    fn perform_all(&mut self, leg: LegId, mut actions: Vec<SessionAction>, ctx: &mut Context<Self>) {
        for action in actions.drain(..) {
            self.perform(leg, action, ctx);
        }
        self.actions = actions;
    }

    fn perform(&mut self, leg: LegId, action: SessionAction, ctx: &mut Context<Self>) {
        match action {
            SessionAction::ToAudio(audio) => {
                self.history.audio(&audio);
                self.play(Playable::Audio(audio));
            }
            SessionAction::Complete(complete) => {
                self.history.audio_complete(&complete.item);
                self.play(Playable::Complete(complete));
            }
            SessionAction::ToWords(words) => self.tell_words(words),
            SessionAction::Send(text) => self.write(leg, |writer| writer.send(text)),
            SessionAction::Pong(payload) => self.write(leg, |writer| writer.pong(payload)),
            SessionAction::Ping => self.write(leg, super::writer::Writer::ping),
            SessionAction::Report(ModelReport::Ready { session, setup }) => self.ready(leg, session, setup),
            SessionAction::Report(report) => self.note_and_report(report),
            SessionAction::ExpiresAt(epoch_s) => self.expires(leg, epoch_s),
            SessionAction::Prepared => self.prepared(leg, ctx),
            SessionAction::Lose(loss) => self.lost(leg, loss, ctx),
            SessionAction::Close => self.closed(leg, ctx),
        }
    }

    /// One alarm for all deadlines.
    fn arm(&self) {
        let now = clock::now();
        let offer = (!self.backlog.is_empty()).then(|| now + OFFER_AGAIN);
        let redial = self.redial.map(|(at, _)| at);
        let sessions = self.legs.iter().filter_map(|leg| leg.session.deadline()).map(|(at, _)| at);
        let due = [offer, redial, self.renewal_due()].into_iter().flatten().chain(sessions);
        let due = due.fold(now + LOOK_AFTER_CALL, Instant::min);
        if let Some(alarm) = &self.alarm {
            alarm.ring_by(due);
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.offer_again();
        if !self.setup.to_call.upgrade().is_some_and(|call| call.connected()) {
            self.ordered(ModelOrder::Close, ctx);
        }
        let now = clock::now();
        let is_due = |leg: &&Leg| leg.session.deadline().is_some_and(|(at, _)| at <= now);
        let due: Vec<LegId> = self.legs.iter().filter(is_due).map(|leg| leg.id).collect();
        for leg in due {
            self.step(leg, SessionEvent::DeadlinePassed, ctx);
        }
        self.go_on_dialling(now, ctx);
        self.renew_when_due(now, ctx);
        self.arm();
    }

    fn speak(&mut self, audio: Frame) {
        let Some(leg) = self.in_use.and_then(|id| self.legs.iter_mut().find(|leg| leg.id == id)) else {
            return self.hold(audio);
        };
        if leg.session.is_lingering() {
            // The call is over; what was on its way means nothing any more.
            return;
        }
        self.turns.sent(&audio);
        let dropped = leg.hear_caller(&audio);
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

    fn tell_words(&mut self, words: Words) {
        self.history.words(&words);
        if let Words::CallerSaid { item, .. } = &words {
            self.turns.written(item);
        }
        self.setup.words.do_send(words);
    }

    /// The call logs and counts what it is told; here only what it is not told is.
    fn report(&self, report: ModelReport) {
        if let Some(to_call) = self.setup.to_call.upgrade() {
            to_call.do_send(report);
        }
    }

    /// All sessions are over.
    fn end(&mut self, ctx: &mut Context<Self>) {
        self.told = true;
        // Each writer says good-bye and closes its socket by itself.
        self.legs.clear();
        (self.in_use, self.next, self.redial) = (None, None, None);
        ctx.stop();
    }

    fn dropped(&self, direction: &'static str, reason: &'static str, frames: u64) {
        emit(Event::AudioDropped { call: &self.setup.call, direction, reason, frames });
    }
}

impl Handler<TimeUp> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, _: TimeUp, ctx: &mut Self::Context) {
        self.tick(ctx);
    }
}

impl Handler<AudioReplaced> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, AudioReplaced { audio, items }: AudioReplaced, _: &mut Self::Context) {
        (self.setup.audio, self.setup.items) = (audio, items);
    }
}

impl Handler<ModelBound> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, ModelBound(audio): ModelBound, _: &mut Self::Context) {
        self.speak(audio);
    }
}

impl Handler<ModelOrder> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, order: ModelOrder, ctx: &mut Self::Context) {
        self.ordered(order, ctx);
    }
}

impl Handler<SocketBroke> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, SocketBroke { leg, problem }: SocketBroke, ctx: &mut Self::Context) {
        self.step(leg, SessionEvent::Broken(&problem), ctx);
    }
}

impl StreamHandler<FromSocket> for RealtimeLlm {
    fn handle(&mut self, heard: FromSocket, ctx: &mut Self::Context) {
        self.heard(heard, ctx);
    }

    /// A session's end is not the actor's.
    fn finished(&mut self, _: &mut Self::Context) {}
}

/// Caller frames in the mailbox: the audio held while we dialled comes at once when the session is ready. Five seconds of
/// 20 ms frames; fewer cut the caller's first words, more would never be caught up with.
const MAILBOX: usize = 256;
/// Model audio that waits for a pipeline that does not take it: twice the longest burst in one read. The pipeline has its
/// own, larger bound; this one is for the moments in which it does not run.
const LONGEST_BACKLOG_MS: usize = 60_000;
/// When the pipeline is offered again what it refused. It empties its mailbox as soon as it runs.
const OFFER_AGAIN: Duration = Duration::from_millis(2);
/// How often we look whether there is still a call. A session without one costs money, and nobody would end it.
const LOOK_AFTER_CALL: Duration = Duration::from_secs(2);
