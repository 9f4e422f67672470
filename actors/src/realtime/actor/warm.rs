//! Warm sessions: dialled and opened before a call needs them, so that a call's first sound does not wait for TLS. One keeper for
//! each thread; [`Pool`] decides, this dials, listens and hands over.
//!
//! A session that waits is not configured: that is the call's own. It is pinged, and one that does not answer, says anything or
//! closes is let go. What dies between that and a call's taking it is a loss like any other: the call dials.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix::prelude::*;
use actix_http::ws::{CloseCode, CloseReason};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::clock;
use crate::events::{Event, emit};
use crate::realtime::dial;
use crate::realtime::incoming::{Assembler, Incoming};
use crate::realtime::plan::{Candidate, SessionPlan};
use crate::realtime::pool::Pool;
use crate::realtime::report::{LossClass, ModelLoss};
use crate::realtime::session::{Session, SessionAction, SessionEvent};
use crate::socket::{Outgoing, Socket};

/// An opened session that is nobody's yet.
pub(super) struct Warmed {
    pub(super) socket: Socket,
    /// What the server said so far: that the session is there.
    pub(super) said: Vec<Bytes>,
}

impl fmt::Debug for Warmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Warmed").field("said", &self.said.len()).finish_non_exhaustive()
    }
}

/// Ends all keepers that were started with it.
#[derive(Debug, Clone, Default)]
pub struct Valve(Arc<AtomicBool>);

impl Valve {
    /// No more sessions are kept, and those that wait are closed.
    pub fn close(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_closed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A session that waits, as its keeper holds it: to be asked for, or to be dropped, which closes it.
#[derive(Debug)]
struct Waiting(oneshot::Sender<oneshot::Sender<Warmed>>);

thread_local! {
    /// The sessions of this thread.
    static POOL: RefCell<Pool<Waiting>> = RefCell::default();
    /// Their keeper, where there is one.
    static KEEPER: RefCell<Option<Addr<Keeper>>> = const { RefCell::new(None) };
}

/// Keeps the thread's sessions. Lives as long as its thread, or until its valve is closed.
#[derive(Debug)]
pub struct Keeper {
    plan: Arc<SessionPlan>,
    valve: Valve,
}

impl Keeper {
    /// Keeps sessions on this thread, those of `plan` from the start; nothing where the plan wants none.
    pub fn start_on_thread(plan: Arc<SessionPlan>, valve: Valve) {
        if plan.resilience.warm.sessions > 0 {
            let keeper = Self { plan, valve }.start();
            KEEPER.with_borrow_mut(|known| *known = Some(keeper));
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        if self.valve.is_closed() {
            let gone = POOL.with_borrow_mut(Pool::drain);
            let_go("drained", gone);
            KEEPER.with_borrow_mut(Option::take);
            return ctx.stop();
        }
        let now = clock::now();
        let dead = POOL.with_borrow_mut(|pool| pool.forget(|Waiting(ask)| ask.is_closed()));
        (0..dead).for_each(|_| emit(Event::WarmSession { what: "dead", change: -1 }));
        let_go("old", POOL.with_borrow_mut(|pool| pool.too_old(now)));
        for candidate in POOL.with_borrow_mut(|pool| pool.to_open(now)) {
            self.open(candidate, ctx);
        }
    }

    fn open(&self, candidate: Candidate, ctx: &mut Context<Self>) {
        let Candidate { endpoint, model } = candidate.clone();
        let plan = Arc::new(SessionPlan { endpoint, model, ..SessionPlan::clone(&self.plan) });
        ctx.spawn(opened(plan).into_actor(self).map(move |opened, this: &mut Self, ctx| {
            let now = clock::now();
            match opened {
                Ok(warmed) => {
                    let (ask, asked) = oneshot::channel();
                    let unwanted = POOL.with_borrow_mut(|pool| pool.opened(&candidate, Waiting(ask), now));
                    if unwanted.is_none() {
                        emit(Event::WarmSession { what: "opened", change: 1 });
                    }
                    // Dropped, it is asked for by nobody any more, and says good-bye.
                    ctx.spawn(tend(warmed, asked).into_actor(this));
                }
                Err(loss) => {
                    emit(Event::WarmSession { what: "refused", change: 0 });
                    log::debug!(class = loss.class.word(), reason = loss.reason.as_str(); "no warm session");
                    POOL.with_borrow_mut(|pool| pool.failed(&candidate, now));
                }
            }
        }));
    }
}

impl Actor for Keeper {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let first = Candidate { endpoint: self.plan.endpoint.clone(), model: self.plan.model.clone() };
        POOL.with_borrow_mut(|pool| pool.want(&first, self.plan.resilience.warm, clock::now()));
        self.tick(ctx);
        ctx.run_interval(LOOK_EVERY, Self::tick);
    }
}

/// A session for `plan`, if one waits on this thread; what is wanted is known from now on.
pub(super) async fn take(plan: &SessionPlan) -> Option<Warmed> {
    let warmth = plan.resilience.warm;
    if warmth.sessions == 0 || KEEPER.with_borrow(Option::is_none) {
        return None;
    }
    let candidate = Candidate { endpoint: plan.endpoint.clone(), model: plan.model.clone() };
    POOL.with_borrow_mut(|pool| pool.want(&candidate, warmth, clock::now()));
    while let Some(Waiting(ask)) = POOL.with_borrow_mut(|pool| pool.take(&candidate, clock::now())) {
        let (give, given) = oneshot::channel();
        if ask.send(give).is_ok()
            && let Ok(warmed) = given.await
        {
            emit(Event::WarmSession { what: "taken", change: -1 });
            return Some(warmed);
        }
        emit(Event::WarmSession { what: "dead", change: -1 });
    }
    emit(Event::WarmSession { what: "missed", change: 0 });
    None
}

fn let_go(what: &'static str, gone: Vec<Waiting>) {
    gone.into_iter().for_each(|Waiting(_)| emit(Event::WarmSession { what, change: -1 }));
}

/// Dials, and waits for the session to be there.
async fn opened(plan: Arc<SessionPlan>) -> Result<Warmed, ModelLoss> {
    let begun = clock::now();
    let mut socket = dial::dial(&plan, None).await?;
    let mut session = Session::standby(plan, begun);
    let (mut assembler, mut actions, mut said) = (Assembler::default(), Vec::new(), Vec::new());
    session.handle(SessionEvent::Opened, clock::now(), &mut actions);
    loop {
        for action in actions.drain(..) {
            match action {
                // It would be configured now: it is there.
                SessionAction::Send(_) => return Ok(Warmed { socket, said }),
                SessionAction::Pong(payload) => {
                    let _ = timeout(PATIENCE, socket.send(Outgoing::Pong(payload))).await;
                }
                SessionAction::Lose(loss) => return Err(loss),
                SessionAction::Ping
                | SessionAction::ToAudio(_)
                | SessionAction::Complete(_)
                | SessionAction::ToWords(_)
                | SessionAction::Report(_)
                | SessionAction::ExpiresAt(_)
                | SessionAction::Prepared
                | SessionAction::Close => {}
            }
        }
        let patience = session.deadline().map_or(PATIENCE, |(at, _)| at.saturating_duration_since(clock::now()));
        let Ok(heard) = timeout(patience, socket.next()).await else {
            session.handle(SessionEvent::DeadlinePassed, clock::now(), &mut actions);
            continue;
        };
        let incoming = match heard.map(|frame| frame.and_then(|frame| assembler.take(frame))) {
            Some(Ok(Some(incoming))) => incoming,
            Some(Ok(None)) => continue,
            Some(Err(problem)) => return Err(broken(&problem.to_string())),
            None => return Err(broken("the server went away without a close")),
        };
        let event = match &incoming {
            Incoming::Text(text) => {
                said.push(text.clone());
                std::str::from_utf8(text).map_or(SessionEvent::Unintelligible, SessionEvent::Text)
            }
            Incoming::Binary => SessionEvent::Unintelligible,
            Incoming::Ping(payload) => SessionEvent::Ping(payload.clone()),
            Incoming::Pong => SessionEvent::Pong,
            Incoming::Close { code, reason } => SessionEvent::Closed { code: *code, reason },
        };
        session.handle(event, clock::now(), &mut actions);
    }
}

/// Sits with a session that waits: answers and asks pings until it is asked for, dropped, or dead.
async fn tend(warmed: Warmed, mut asked: oneshot::Receiver<oneshot::Sender<Warmed>>) {
    let Warmed { mut socket, said } = warmed;
    let mut unanswered = false;
    loop {
        let heard = tokio::select! {
            ask = &mut asked => {
                let reason = CloseReason { code: CloseCode::Normal, description: None };
                match ask {
                    Ok(give) => {
                        let _ = give.send(Warmed { socket, said });
                    }
                    // Whether or not it hears it: it is closed.
                    Err(_) => drop(timeout(PATIENCE, socket.send(Outgoing::Close(reason))).await),
                }
                return;
            }
            heard = timeout(PING_EVERY, socket.next()) => heard,
        };
        let answer = match heard {
            Ok(Some(Ok(actix_http::ws::Frame::Ping(payload)))) => Outgoing::Pong(payload),
            Ok(Some(Ok(actix_http::ws::Frame::Pong(_)))) => {
                unanswered = false;
                continue;
            }
            // It has nothing to say to nobody: an error, an end.
            Ok(_) => return,
            Err(_) if unanswered => return,
            Err(_) => {
                unanswered = true;
                Outgoing::Ping
            }
        };
        if !matches!(timeout(PATIENCE, socket.send(answer)).await, Ok(Ok(()))) {
            return;
        }
    }
}

fn broken(problem: &str) -> ModelLoss {
    ModelLoss { class: LossClass::Retryable, reason: format!("the socket broke: {problem}") }
}

/// How often the pool is looked after. A call's place is filled again this soon.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often a session that waits is asked whether it lives; two questions without an answer are an answer.
const PING_EVERY: Duration = Duration::from_secs(5);
/// The longest wait for a write, and for anything that has no limit of its own.
const PATIENCE: Duration = Duration::from_secs(5);
