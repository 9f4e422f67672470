//! Keeps the sessions that wait for calls on its thread. There is one for each thread, in actix's
//! registry. [`Pool`] decides; this actor dials, listens and hands over.
//!
//! A waiting session is not configured, because the configuration belongs to the call. The actor
//! pings each session and drops one that does not answer, sends anything, or closes. A session that
//! dies later, before a call uses it, is an ordinary loss: the call dials.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;
use send_wrapper::SendWrapper;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::clock;
use crate::events::emit;
use crate::realtime::breaker::Lesson;
use crate::realtime::conversation::{Conversation, ProviderPlan, SessionAction};
use crate::realtime::dial;
use crate::realtime::drive::drive;
use crate::realtime::events::Event;
use crate::realtime::incoming::Incoming;
use crate::realtime::link::{Inbound, Link};
use crate::realtime::plan::{ModelAddress, SessionPlan};
use crate::realtime::pool::Pool;
use crate::realtime::providers::actor::Providers;
use crate::realtime::providers::messages::{Keeps, Learn, ReleaseSessions};
use crate::realtime::report::{LossClass, ModelLoss};
use crate::realtime::seed::Opening;

/// An opened session that no call uses yet.
#[derive(Debug)]
pub struct OpenedSession {
    /// Its socket.
    pub link: Link,
    /// What the server has sent so far: the announcement of the session.
    pub said: Vec<Bytes>,
}

/// A waiting session, as the pool keeps it. The pool requests it through this channel; dropping the
/// channel closes the session.
#[derive(Debug)]
struct Waiting(oneshot::Sender<oneshot::Sender<OpenedSession>>);

/// Keeps the thread's sessions. It keeps none before [`Keep`] and none after [`ReleaseSessions`].
#[derive(Debug, Default)]
pub struct SessionPool {
    pool: Pool<Waiting>,
    /// The plan that sessions are opened with; `None` keeps none.
    plan: Option<Arc<SessionPlan>>,
    /// The actor that records refusals.
    providers: Option<Addr<Providers>>,
    ticking: Option<SpawnHandle>,
}

/// Starts to keep sessions on this thread, at once as many as the plan asks for. A plan that asks
/// for none keeps none.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Keep {
    /// The plan that sessions are opened with.
    pub plan: Arc<SessionPlan>,
    /// The actor that announces when sessions must be released.
    pub providers: Addr<Providers>,
}

/// Requests a session for this plan, now and in future. Sent on the same thread, because a socket
/// does not leave its thread.
#[derive(Debug, Message)]
#[rtype(result = "Option<SendWrapper<OpenedSession>>")]
pub struct Take(pub Arc<SessionPlan>);

impl SessionPool {
    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        let dead = self.pool.forget(|Waiting(ask)| ask.is_closed());
        (0..dead).for_each(|_| emit(Event::WarmSession { what: "dead", change: -1 }));
        release("old", self.pool.too_old(now));
        for provider in self.pool.to_open(now) {
            self.open(provider, ctx);
        }
    }

    /// Hands the first session that still waits with the model at `address` to `give`. Returns
    /// `false` if there is none.
    fn hand_over(&mut self, address: &ModelAddress, mut give: oneshot::Sender<OpenedSession>) -> bool {
        while let Some(Waiting(ask)) = self.pool.take(address, clock::now()) {
            match ask.send(give) {
                Ok(()) => return true,
                // That session is dead; the next one may be alive.
                Err(back) => give = back,
            }
            emit(Event::WarmSession { what: "dead", change: -1 });
        }
        false
    }

    fn open(&self, provider: ProviderPlan, ctx: &mut Context<Self>) {
        let Some(plan) = &self.plan else { return };
        let plan = Arc::new(plan.with(provider.clone()));
        ctx.spawn(opened(plan).into_actor(self).map(move |opened, this: &mut Self, ctx| {
            let now = clock::now();
            match opened {
                Ok(opened) => {
                    let (ask, asked) = oneshot::channel();
                    let unwanted = this.pool.opened(provider.address(), Waiting(ask), now);
                    if unwanted.is_none() {
                        emit(Event::WarmSession { what: "opened", change: 1 });
                    }
                    // If the session is unwanted, `ask` is dropped and the link closes.
                    ctx.spawn(tend(opened, asked).into_actor(this));
                }
                Err(loss) => {
                    emit(Event::WarmSession { what: "refused", change: 0 });
                    log::debug!(class = loss.class.word(), reason = loss.reason.as_str(); "no session that waits");
                    this.pool.failed(provider.address(), now);
                    // The refusal is known before a call meets it. The pool's own pauses cover
                    // other losses.
                    if let (LossClass::Fatal, Some(providers)) = (loss.class, &this.providers) {
                        let lesson = Lesson::Lost { scope: provider.scope_of(&loss), loss };
                        providers.do_send(Learn { address: provider.address().clone(), lesson });
                    }
                }
            }
        }));
    }
}

impl Actor for SessionPool {
    type Context = Context<Self>;
}

impl Supervised for SessionPool {}

impl ArbiterService for SessionPool {}

impl Handler<Keep> for SessionPool {
    type Result = ();

    fn handle(&mut self, Keep { plan, providers }: Keep, ctx: &mut Self::Context) {
        // A plan whose own sessions cannot wait still has fallbacks whose sessions can.
        if plan.resilience.waiting.sessions == 0 {
            return;
        }
        providers.do_send(Keeps(ctx.address().recipient()));
        self.pool.want(&plan.provider, plan.waiting(), clock::now());
        self.plan = Some(plan);
        self.providers = Some(providers);
        self.tick(ctx);
        if self.ticking.is_none() {
            self.ticking = Some(ctx.run_interval(LOOK_EVERY, Self::tick));
        }
    }
}

impl Handler<ReleaseSessions> for SessionPool {
    type Result = ();

    fn handle(&mut self, _: ReleaseSessions, ctx: &mut Self::Context) {
        self.plan = None;
        release("drained", self.pool.drain());
        if let Some(ticking) = self.ticking.take() {
            ctx.cancel_future(ticking);
        }
    }
}

impl Handler<Take> for SessionPool {
    type Result = ResponseActFuture<Self, Option<SendWrapper<OpenedSession>>>;

    fn handle(&mut self, Take(plan): Take, _: &mut Self::Context) -> Self::Result {
        let wanted = plan.waiting();
        if wanted.sessions == 0 || self.plan.is_none() {
            return Box::pin(actix::fut::ready(None));
        }
        let now = clock::now();
        self.pool.want(&plan.provider, wanted, now);
        let (give, given) = oneshot::channel();
        if self.hand_over(plan.provider.address(), give) {
            let given = async { given.await.ok().map(SendWrapper::new) };
            return Box::pin(given.into_actor(self).map(|given, _, _| {
                let (what, change) = if given.is_some() { ("taken", -1) } else { ("dead", -1) };
                emit(Event::WarmSession { what, change });
                given
            }));
        }
        emit(Event::WarmSession { what: "missed", change: 0 });
        Box::pin(actix::fut::ready(None))
    }
}

fn release(what: &'static str, gone: Vec<Waiting>) {
    gone.into_iter().for_each(|Waiting(_)| emit(Event::WarmSession { what, change: -1 }));
}

/// Dials, and waits until the session is open.
async fn opened(plan: Arc<SessionPlan>) -> Result<OpenedSession, ModelLoss> {
    let begun = clock::now();
    let mut link = dial::dial(&plan, None).await?;
    let mut session = Conversation::standby(&plan, &Opening::default(), begun);
    // The next action would configure the session, so it is open.
    let said = drive(&mut link, &mut session, |action| matches!(action, SessionAction::Send(_))).await?;
    Ok(OpenedSession { link, said })
}

/// A session from the pool, or a new one. Called on the call's own thread, because a socket does
/// not leave its thread.
///
/// # Errors
/// The loss, classified, if a new session could not be opened.
pub async fn waiting_or_new(
    plan: Arc<SessionPlan>,
    safety_identifier: Option<String>,
    waiting_will_do: bool,
) -> Result<OpenedSession, ModelLoss> {
    if waiting_will_do
        && plan.waiting().sessions > 0
        && let Ok(Some(waiting)) = SessionPool::from_registry().send(Take(Arc::clone(&plan))).await
    {
        return Ok(waiting.take());
    }
    let link = dial::dial(&plan, safety_identifier.as_deref()).await?;
    Ok(OpenedSession { link, said: Vec::new() })
}

/// Tends a waiting session: answers and sends pings until the session is requested, dropped or
/// dead. The link closes when it is dropped.
async fn tend(mut opened: OpenedSession, mut asked: oneshot::Receiver<oneshot::Sender<OpenedSession>>) {
    let mut unanswered = false;
    loop {
        let heard = tokio::select! {
            ask = &mut asked => {
                if let Ok(give) = ask {
                    let _ = give.send(opened);
                }
                return;
            }
            heard = timeout(PING_EVERY, opened.link.reading.next()) => heard,
        };
        match heard {
            Ok(Inbound::Message(Incoming::Ping(payload))) => opened.link.writing.pong(payload),
            Ok(Inbound::Message(Incoming::Pong)) => unanswered = false,
            // A waiting session should receive no message: this is an error or the end.
            Ok(Inbound::Message(_) | Inbound::Broke(_) | Inbound::Named(_)) => return,
            Err(_) if unanswered => return,
            Err(_) => {
                unanswered = true;
                opened.link.writing.ping();
            }
        }
    }
}

/// How often the pool is checked. A session that a call took is replaced this soon.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often a waiting session is pinged. Two unanswered pings mean that it is dead.
const PING_EVERY: Duration = Duration::from_secs(5);
