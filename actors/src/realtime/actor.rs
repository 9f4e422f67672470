//! The RealtimeLlm actor: the shell around the sessions of one call ([`Sessions`]) and their
//! sockets. It dials, reads, writes and hands over. The sessions decide what follows.

mod links;
mod outlet;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::WeakRecipient;
use actix::prelude::*;
use uuid::Uuid;

use self::links::Links;
use self::outlet::Outlet;
use super::backlog::Playable;
use super::capabilities::Capabilities;
use super::clips::messages::FetchClip;
use super::clips::plan::ClipOrder;
use super::conversation::SessionEvent;
use super::link::{Inbound, Link};
use super::messages::{AudioReplaced, ModelOrder};
use super::plan::{ModelAddress, SessionPlan};
use super::pool::actor::{OpenedSession, waiting_or_new};
use super::providers::actor::Providers;
use super::providers::messages::{Consult, Learn};
use super::report::{ModelLoss, ModelReport, Words};
use super::sessions::{ClipAction, ClipFetched, LegId, Sessions, SessionsAction, SessionsEvent};
use crate::alarm::{Alarm, TimeUp};
use crate::audio::events::Event;
use crate::child::{Child, ChildLost};
use crate::clock;
use crate::events::emit;
use crate::ids::CallTag;
use crate::incident::{Incident, IncidentKind};
use crate::line::messages::{FromModel, ItemComplete, ModelBound};

/// The arguments of a new RealtimeLlm.
#[derive(Debug)]
pub struct LlmSetup {
    /// The call, for the log.
    pub call: CallTag,
    /// The session to open.
    pub plan: Arc<SessionPlan>,
    /// A salted hash of the caller, if configured. The provider may use it to tell callers apart.
    pub safety_identifier: Option<String>,
    /// The actor that knows the state of servers, keys and models.
    pub providers: Addr<Providers>,
    /// Where the model's audio goes.
    pub audio: Recipient<FromModel>,
    /// Where the end of an item's audio goes.
    pub items: Recipient<ItemComplete>,
    /// Where transcripts go.
    pub words: Recipient<Words>,
    /// Reports to the CallActor.
    pub to_call: WeakRecipient<ModelReport>,
    /// Notified when this actor is gone.
    pub lost: WeakRecipient<ChildLost>,
}

/// One call's model. The actor ends on an order, when no session can be opened any more (reported
/// as [`ModelReport::Lost`]), or when the call is gone: a forgotten session would be billed.
#[derive(Debug)]
pub struct RealtimeLlm {
    setup: LlmSetup,
    sessions: Sessions,
    links: Links,
    outlet: Outlet,
    /// The actions that the sessions request. The buffer is reused.
    actions: Vec<SessionsAction>,
    /// The alarm for all deadlines; set when the actor starts.
    alarm: Option<Alarm>,
    /// The reasons for lost frames that were reported to the call since the last dial.
    dropped_for: Vec<&'static str>,
    /// Whether the sessions ended in order, which the call then knows.
    ended: bool,
}

/// A message or failure of one of the sockets.
#[derive(Debug)]
struct FromLink(LegId, Inbound);

impl RealtimeLlm {
    /// A RealtimeLlm that is not started yet. It dials after `start()`, which belongs on the call's
    /// own thread.
    pub fn new(setup: LlmSetup) -> Self {
        let Capabilities { output, .. } = setup.plan.capabilities();
        Self {
            sessions: Sessions::new(Arc::clone(&setup.plan), clock::now()).of_caller(setup.safety_identifier.clone()),
            links: Links::default(),
            outlet: Outlet::new(setup.audio.clone(), setup.items.clone(), output),
            actions: Vec::new(),
            alarm: None,
            dropped_for: Vec::new(),
            ended: false,
            setup,
        }
    }

    fn handle(&mut self, event: SessionsEvent<'_>, ctx: &mut Context<Self>) {
        let mut actions = std::mem::take(&mut self.actions);
        self.sessions.handle(event, clock::now(), &mut actions);
        for action in actions.drain(..) {
            self.perform(action, ctx);
        }
        self.actions = actions;
    }

    fn perform(&mut self, action: SessionsAction, ctx: &mut Context<Self>) {
        use SessionsAction as A;
        match action {
            A::ToAudio(audio) => self.play(Playable::Audio(audio)),
            A::Complete(complete) => self.play(Playable::Complete(complete)),
            A::SendAudio(leg, message) => {
                let frames = self.links.writing(leg).map_or(1, |writing| writing.audio(message));
                self.dropped("in", "model_not_reading", frames);
            }
            A::Send(leg, text) => self.links.write(leg, |writing| writing.send(text)),
            A::ToLink(leg, order) => {
                let frames = self.links.writing(leg).map_or(0, |writing| writing.perform(order));
                self.dropped("in", "model_not_reading", frames);
            }
            A::Pong(leg, payload) => self.links.write(leg, |writing| writing.pong(payload)),
            A::Ping(leg) => self.links.write(leg, |writing| writing.ping()),
            A::ToWords(words) => self.setup.words.do_send(words),
            // The call logs and counts its reports. This actor only emits what is not reported.
            A::Report(report) => {
                if let Some(call) = self.setup.to_call.upgrade() {
                    call.do_send(report);
                }
            }
            A::AudioDropped { reason, frames } => self.dropped("in", reason, frames),
            A::Clip(ClipAction::Fetch { question, order }) => self.fetch_clip(question, order, ctx),
            A::Clip(ClipAction::Due { result, reason }) => {
                emit(super::events::Event::ClipDue { call: &self.setup.call, result, reason: &reason });
            }
            A::Consult { question, addresses } => self.consult(question, addresses, ctx),
            A::Learn { address, lesson } => self.setup.providers.do_send(Learn { address, lesson }),
            A::Dial { leg, plan, waiting_will_do } => {
                let most_unsent = most_unsent(&plan);
                let identifier = self.setup.safety_identifier.clone();
                let dial = waiting_or_new(plan, identifier, waiting_will_do).into_actor(self);
                let task = ctx.spawn(dial.map(move |opened, this, ctx| this.dialled(leg, opened, most_unsent, ctx)));
                self.links.dialling(leg, task);
                self.dropped_for.clear();
            }
            A::HangUp(leg) => {
                // The writer closes the socket by itself.
                if let Some(task) = self.links.remove(leg) {
                    ctx.cancel_future(task);
                }
            }
            A::End => {
                self.ended = true;
                ctx.stop();
            }
        }
    }

    fn consult(&self, question: u32, addresses: Vec<ModelAddress>, ctx: &mut Context<Self>) {
        let answer = self.setup.providers.send(Consult(addresses)).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| {
            // An answer is missing only when the service ends. In that case nothing counts against
            // any candidate.
            let standings = answer.unwrap_or_default();
            this.handle(SessionsEvent::Advised { question, standings: &standings, chance: chance() }, ctx);
            this.arm();
        }));
    }

    fn fetch_clip(&self, question: u64, order: ClipOrder, ctx: &mut Context<Self>) {
        let answer = self.setup.providers.send(FetchClip(order)).into_actor(self);
        ctx.spawn(answer.map(move |answer, this, ctx| {
            let made = answer.unwrap_or_else(|_| Err("the service stops".to_owned()));
            this.handle(SessionsEvent::ClipFetched(ClipFetched { question, made }), ctx);
            this.arm();
        }));
    }

    /// `most_unsent` is the bound for audio that waits for a server that does not read, in bytes of
    /// its messages.
    fn dialled(
        &mut self,
        leg: LegId,
        opened: Result<OpenedSession, ModelLoss>,
        most_unsent: usize,
        ctx: &mut Context<Self>,
    ) {
        let event = match opened {
            Ok(OpenedSession { link: Link { writing, reading }, said }) => {
                if !self.links.knows(leg) {
                    return;
                }
                writing.limit_audio(most_unsent);
                let task = ctx.add_stream(futures_util::StreamExt::map(reading, move |heard| FromLink(leg, heard)));
                self.links.open(leg, writing, task);
                let epoch_s = clock::wall().timestamp_millis() as f64 / 1000.0;
                SessionsEvent::Dialled { leg, said, epoch_s }
            }
            Err(loss) => SessionsEvent::Session { leg, event: SessionEvent::DialFailed(loss) },
        };
        self.handle(event, ctx);
        self.arm();
    }

    /// Sets one alarm for all deadlines.
    fn arm(&self) {
        let now = clock::now();
        let offer = self.outlet.waits().then(|| now + OFFER_AGAIN);
        let due = offer.into_iter().chain(self.sessions.deadline()).fold(now + LOOK_AFTER_CALL, Instant::min);
        if let Some(alarm) = &self.alarm {
            alarm.ring_by(due);
        }
    }

    fn play(&mut self, playable: Playable) {
        if !self.outlet.play(playable) {
            self.dropped("out", "pipeline_not_taking", 1);
        }
    }

    /// Records lost frames: operators see each loss, the call's record shows each reason once for
    /// each session.
    fn dropped(&mut self, direction: &'static str, reason: &'static str, frames: u64) {
        if frames == 0 {
            return;
        }
        emit(Event::AudioDropped { call: &self.setup.call, direction, reason, frames });
        if !self.dropped_for.contains(&reason) {
            self.dropped_for.push(reason);
            let incident = Incident::new(IncidentKind::AudioDropped, format!("{direction}: {reason}"));
            if let Some(call) = self.setup.to_call.upgrade() {
                call.do_send(ModelReport::Incident(incident));
            }
        }
    }
}

impl Actor for RealtimeLlm {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.alarm = Some(Alarm::new(ctx.address().downgrade().recipient()));
        self.handle(SessionsEvent::Started, ctx);
        self.arm();
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if !self.ended
            && let Some(call) = self.setup.lost.upgrade()
        {
            call.do_send(ChildLost(Child::Model));
        }
    }
}

impl Handler<TimeUp> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, _: TimeUp, ctx: &mut Self::Context) {
        self.outlet.offer_again();
        if !self.setup.to_call.upgrade().is_some_and(|call| call.connected()) {
            self.handle(SessionsEvent::Ordered(ModelOrder::Close), ctx);
        }
        self.handle(SessionsEvent::DeadlinePassed, ctx);
        self.arm();
    }
}

impl Handler<AudioReplaced> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, AudioReplaced { audio, items }: AudioReplaced, _: &mut Self::Context) {
        self.outlet.replace(audio, items);
    }
}

impl Handler<ModelBound> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, ModelBound(audio): ModelBound, ctx: &mut Self::Context) {
        self.handle(SessionsEvent::CallerAudio(audio), ctx);
    }
}

impl Handler<ModelOrder> for RealtimeLlm {
    type Result = ();

    fn handle(&mut self, order: ModelOrder, ctx: &mut Self::Context) {
        self.handle(SessionsEvent::Ordered(order), ctx);
        self.arm();
    }
}

impl StreamHandler<FromLink> for RealtimeLlm {
    fn handle(&mut self, FromLink(leg, heard): FromLink, ctx: &mut Self::Context) {
        if let Some(event) = heard.event() {
            self.handle(SessionsEvent::Session { leg, event }, ctx);
            self.arm();
        }
    }

    /// The end of a session does not end the actor.
    fn finished(&mut self, _: &mut Self::Context) {}
}

/// The bound for audio that waits for a server of this plan, in bytes of its messages. Base64 makes
/// four bytes of three. The JSON around them is negligible.
fn most_unsent(plan: &SessionPlan) -> usize {
    LONGEST_UNSENT_MS * plan.capabilities().input.bytes_per_ms() * 4 / 3
}

/// A random number from 0 to 1, for jitter.
#[expect(clippy::disallowed_methods, reason = "calls that were dropped together must not come back together")]
fn chance() -> f64 {
    Uuid::new_v4().as_u128() as f64 / u128::MAX as f64
}

/// The mailbox for caller frames. The audio that was kept while we dialled arrives at once when the
/// session is ready. The bound is five seconds of 20 ms frames. Fewer: the caller's first words are
/// cut. More: the model never catches up.
const MAILBOX: usize = 256;
/// The wait before audio that the pipeline refused is offered again. The pipeline empties its
/// mailbox as soon as it runs.
const OFFER_AGAIN: Duration = Duration::from_millis(2);
/// How often the actor checks that the call still exists. A session without a call costs money, and
/// nothing else would end it.
const LOOK_AFTER_CALL: Duration = Duration::from_secs(2);
/// The bound for caller audio that waits for a server that does not read. Shorter: the audio that
/// was kept while dialling does not fit. Longer: the model answers what was said five seconds ago.
const LONGEST_UNSENT_MS: usize = 5_000;
