//! One session with its socket, as the actor holds it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use actix_http::ws::{Frame as WsFrame, ProtocolError};
use futures_util::{StreamExt as _, stream};

use super::RealtimeLlm;
use super::warm::{self, Warmed};
use crate::frame::Frame;
use crate::realtime::dial;
use crate::realtime::incoming::{Assembler, Incoming};
use crate::realtime::plan::SessionPlan;
use crate::realtime::report::ModelLoss;
use crate::realtime::session::{Session, SessionEvent};
use crate::realtime::writer::Writer;
use crate::{clock, socket};

/// Which of a call's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LegId(pub(super) u64);

/// One session with its socket.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    /// Where it was dialled, a number of the campaign's.
    pub(super) candidate: usize,
    pub(super) session: Session,
    link: Link,
    assembler: Assembler,
    /// The reading end, for as long as it is read.
    reader: Option<SpawnHandle>,
    /// Configured, and waiting to be used.
    pub(super) prepared: bool,
    /// It had waited for a call before it was this one's.
    pub(super) warm: bool,
    /// Since when it is in use.
    pub(super) used_since: Option<Instant>,
    /// Of the plan's changes, those that it was configured with.
    pub(super) changes: u32,
    /// When another one is to be dialled to follow it, and when that is to take its place at the latest.
    pub(super) renewal: Option<(Instant, Instant)>,
    most_audio: usize,
}

#[derive(Debug)]
enum Link {
    /// No socket yet.
    Dialling,
    /// Open, from the upgrade on.
    Live(Writer),
}

impl Leg {
    /// Sends the caller's audio; says how much older audio was dropped for it.
    pub(super) fn hear_caller(&mut self, audio: &Frame) -> u64 {
        let Link::Live(writer) = &self.link else { return 1 };
        if !self.session.is_ready() {
            return 1;
        }
        let text = self.session.write_audio(audio);
        writer.audio(text)
    }
}

/// Something from one of the sockets; `None` is its end.
#[derive(Debug)]
pub(super) struct FromSocket {
    leg: LegId,
    frame: Option<Result<WsFrame, ProtocolError>>,
}

/// A writer could not go on.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct SocketBroke {
    pub(super) leg: LegId,
    pub(super) problem: String,
}

impl RealtimeLlm {
    /// Dials `candidate`.
    pub(super) fn open(&mut self, candidate: usize, ctx: &mut Context<Self>) -> LegId {
        self.last_leg += 1;
        let id = LegId(self.last_leg);
        let plan = self.plan_for(candidate);
        self.legs.push(Leg {
            id,
            candidate,
            session: Session::standby(Arc::clone(&plan), clock::now()),
            link: Link::Dialling,
            assembler: Assembler::default(),
            reader: None,
            prepared: false,
            warm: false,
            used_since: None,
            changes: self.changes,
            renewal: None,
            // Base64 makes four bytes of three; the words around it are small change.
            most_audio: LONGEST_UNSENT_MS * plan.format.bytes_per_ms() * 4 / 3,
        });
        let dial_anew = self.dial_anew;
        let identifier = self.setup.safety_identifier.clone();
        let dial = async move {
            match if dial_anew { None } else { warm::take(&plan).await } {
                Some(warmed) => Ok(warmed),
                None => {
                    dial::dial(&plan, identifier.as_deref()).await.map(|socket| Warmed { socket, said: Vec::new() })
                }
            }
        };
        ctx.spawn(dial.into_actor(self).map(move |dialled, this, ctx| this.dialled(id, dialled, ctx)));
        id
    }

    /// The plan in force, at a candidate's. While a caller waits, a server is given less time.
    fn plan_for(&self, candidate: usize) -> Arc<SessionPlan> {
        let it = self.failover_plan.candidate(candidate);
        let in_a_hurry = self.came_up && self.in_use.is_none();
        let mut plan = Arc::clone(&self.plan);
        // Most calls need nothing else than what all calls of their agent share.
        if !in_a_hurry && it.endpoint == plan.endpoint && it.model == plan.model {
            return plan;
        }
        let changed = Arc::make_mut(&mut plan);
        (changed.endpoint, changed.model) = (it.endpoint.clone(), it.model.clone());
        if in_a_hurry {
            changed.connect_timeout = changed.connect_timeout.min(IN_A_HURRY);
            changed.created_timeout = changed.created_timeout.min(IN_A_HURRY);
            changed.updated_timeout = changed.updated_timeout.min(IN_A_HURRY);
        }
        plan
    }

    fn dialled(&mut self, id: LegId, dialled: Result<Warmed, ModelLoss>, ctx: &mut Context<Self>) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == id) else { return };
        let Warmed { socket, said } = match dialled {
            Ok(warmed) => warmed,
            Err(loss) => return self.step(id, SessionEvent::DialFailed(loss), ctx),
        };
        if !said.is_empty() {
            // Another would be dialled in less time than a server usually may take.
            leg.session.hurry(WARM_PATIENCE);
            leg.warm = true;
        }
        let (sink, frames) = socket::split(socket);
        let this = ctx.address().downgrade();
        let broken = move |problem| {
            if let Some(this) = this.upgrade() {
                this.do_send(SocketBroke { leg: id, problem });
            }
        };
        leg.link = Link::Live(Writer::start(sink, leg.most_audio, broken));
        let frames = frames.map(move |frame| FromSocket { leg: id, frame: Some(frame) });
        let end = stream::once(async move { FromSocket { leg: id, frame: None } });
        leg.reader = Some(ctx.add_stream(frames.chain(end)));
        self.step(id, SessionEvent::Opened, ctx);
        for text in said.iter().filter_map(|text| std::str::from_utf8(text).ok()) {
            self.step(id, SessionEvent::Text(text), ctx);
        }
    }

    pub(super) fn heard(&mut self, FromSocket { leg: id, frame }: FromSocket, ctx: &mut Context<Self>) {
        let Some(leg) = self.legs.iter_mut().find(|leg| leg.id == id) else { return };
        let Some(frame) = frame else {
            return self.step(id, SessionEvent::Broken("the server went away without a close"), ctx);
        };
        let incoming = match frame.and_then(|frame| leg.assembler.take(frame)) {
            Ok(Some(incoming)) => incoming,
            Ok(None) => return,
            Err(problem) => return self.step(id, SessionEvent::Broken(&problem.to_string()), ctx),
        };
        match incoming {
            Incoming::Text(text) => match std::str::from_utf8(&text) {
                Ok(text) => self.step(id, SessionEvent::Text(text), ctx),
                Err(_) => self.step(id, SessionEvent::Unintelligible, ctx),
            },
            Incoming::Binary => self.step(id, SessionEvent::Unintelligible, ctx),
            Incoming::Ping(payload) => self.step(id, SessionEvent::Ping(payload), ctx),
            Incoming::Pong => self.step(id, SessionEvent::Pong, ctx),
            Incoming::Close { code, reason } => {
                self.step(id, SessionEvent::Closed { code, reason: &reason }, ctx);
            }
        }
    }

    pub(super) fn write(&self, id: LegId, write: impl FnOnce(&Writer)) {
        if let Some(Leg { link: Link::Live(writer), .. }) = self.legs.iter().find(|leg| leg.id == id) {
            write(writer);
        }
    }

    /// A session is over; its writer says good-bye and closes the socket by itself.
    pub(super) fn remove(&mut self, id: LegId, ctx: &mut Context<Self>) -> Option<Leg> {
        let place = self.legs.iter().position(|leg| leg.id == id)?;
        let mut leg = self.legs.remove(place);
        if let Some(reader) = leg.reader.take() {
            ctx.cancel_future(reader);
        }
        Some(leg)
    }
}

/// Caller audio that waits for a server that does not read. Shorter: what was held while dialling does not fit. Longer:
/// the model answers what was said five seconds ago.
const LONGEST_UNSENT_MS: usize = 5_000;
/// How long a session that had waited may take to be configured; one that cannot is as good as dead.
const WARM_PATIENCE: Duration = Duration::from_millis(1_500);
/// How long a server may take for each step while a caller waits in the middle of a call. Shorter fails on a slow network, longer
/// is a silence that the next candidate could have ended.
const IN_A_HURRY: Duration = Duration::from_secs(3);
