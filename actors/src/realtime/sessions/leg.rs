//! One session of the call (a *leg*), and the states of all sessions together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::adapter::{Adapter, Formats};
use super::{Sessions, SessionsAction};
use crate::frame::Frame;
use crate::realtime::capabilities::Capabilities;
use crate::realtime::conversation::{Conversation, SessionAction};
use crate::realtime::plan::{ModelAddress, SessionPlan};
use crate::realtime::report::ModelLoss;
use crate::realtime::seed::{CarryOver, Opening, ResumptionHandle};

/// Identifies one of a call's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegId(pub u64);

/// One session, from its dial on.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    /// The candidate that was dialled, as numbered by the failover list.
    pub(super) candidate: usize,
    /// Its capabilities.
    pub(super) can: Capabilities,
    pub(super) session: Conversation,
    /// The converter of its audio, if its formats are not those of the call.
    pub(super) adapter: Option<Adapter>,
    /// Whether it came from the pool.
    pub(super) had_waited: bool,
    /// When its socket was opened, by both clocks. The second one is in seconds since 1970.
    pub(super) opened: Option<(Instant, f64)>,
    /// How much of the conversation its server knows by a handle, as a mark of the history.
    pub(super) resumes: Option<u64>,
    /// The number of configuration changes that it was dialled with.
    pub(super) changes: u32,
    /// Whether its configuration is outdated and cannot change.
    pub(super) outdated: bool,
    /// When its replacement is dialled, and when that takes over at the latest.
    pub(super) renewal: Option<(Instant, Instant)>,
}

impl Leg {
    /// Gives the session audio of the caller in the call's format. Returns `false` if it does not
    /// accept audio yet.
    pub(super) fn hear_caller(&mut self, audio: Frame, now: Instant, out: &mut Vec<SessionAction>) -> bool {
        let audio = match &mut self.adapter {
            Some(adapter) => adapter.for_session(audio),
            None => audio,
        };
        self.session.hear_caller(&audio, now, out)
    }
}

/// The newest handle with which the conversation can be resumed.
#[derive(Debug)]
pub(super) struct Resumption {
    /// The model that knows the handle.
    pub(super) address: ModelAddress,
    pub(super) handle: ResumptionHandle,
    /// The mark of the history up to which the server knows the conversation.
    pub(super) known: u64,
}

/// The state of the call's connection to the model.
#[derive(Debug)]
pub(super) enum State {
    /// No session.
    Down(Outage),
    /// A session has received the conversation and has not confirmed yet that it continues it.
    TakingOver(TakingOver),
    /// A session is in use.
    Up {
        /// The session.
        leg: LegId,
        /// The time since which it is in use.
        since: Instant,
    },
    /// The call ordered the end. The session in use waits for the caller's last words.
    Closing(LegId),
    /// All sessions are over. Nothing follows.
    Over,
}

/// A period without a session.
#[derive(Debug)]
pub(super) struct Outage {
    pub(super) since: Instant,
    /// Whether no session was in use before.
    pub(super) first: bool,
    /// What the previous session left unfinished.
    pub(super) unfinished: CarryOver,
}

impl Outage {
    pub(super) fn at_the_start(now: Instant) -> Self {
        Self { since: now, first: true, unfinished: CarryOver::default() }
    }
}

/// A session that replaces another or is the first.
#[derive(Debug)]
pub(super) struct TakingOver {
    pub(super) leg: LegId,
    /// Whether it is the call's first.
    pub(super) first: bool,
    /// How long there was no session.
    pub(super) gap: Duration,
    /// Whether it was asked to speak.
    pub(super) answering: bool,
}

/// The next session.
#[derive(Debug)]
pub(super) enum Standby {
    /// There is no next session.
    None,
    /// The candidates are being consulted; `after` is the loss that led to the question.
    Asking { question: u32, after: Option<ModelLoss> },
    /// A candidate will be dialled at this time.
    Waiting { at: Instant, candidate: usize },
    /// The next session is being dialled.
    Dialling(LegId),
    /// The next session is configured and ready for use.
    Ready(LegId),
}

impl Standby {
    /// Its session, if it has one.
    pub(super) const fn leg(&self) -> Option<LegId> {
        match self {
            Self::Dialling(leg) | Self::Ready(leg) => Some(*leg),
            Self::None | Self::Asking { .. } | Self::Waiting { .. } => None,
        }
    }
}

impl State {
    /// The session in use.
    pub(super) const fn in_use(&self) -> Option<LegId> {
        match self {
            Self::Up { leg, .. } | Self::Closing(leg) | Self::TakingOver(TakingOver { leg, .. }) => Some(*leg),
            Self::Down(_) | Self::Over => None,
        }
    }
}

impl Sessions {
    /// Dials `candidate`.
    pub(super) fn open(&mut self, candidate: usize, now: Instant, out: &mut Vec<SessionsAction>) {
        self.last_leg += 1;
        let leg = LegId(self.last_leg);
        let plan = self.plan_for(candidate);
        let address = self.failover_plan.candidate(candidate).address();
        let resumption = self.resumption.as_ref().filter(|resumption| resumption.address == *address);
        let opening = Opening {
            number: leg.0,
            continues: !self.history.is_empty(),
            resumption: resumption.map(|resumption| resumption.handle.clone()),
            caller: self.caller.clone(),
        };
        let can = plan.capabilities();
        let formats = Formats::of(&can);
        // A plan with a rate that cannot be converted was refused when it was checked.
        let adapter = Some(formats).filter(|formats| *formats != self.formats);
        let adapter = adapter.and_then(|formats| Adapter::between(self.formats, formats).ok());
        self.legs.push(Leg {
            id: leg,
            candidate,
            can,
            adapter,
            session: Conversation::standby(&plan, &opening, now),
            resumes: resumption.map(|resumption| resumption.known),
            had_waited: false,
            opened: None,
            changes: self.changes,
            outdated: false,
            renewal: None,
        });
        self.standby = Standby::Dialling(leg);
        out.push(SessionsAction::Dial { leg, plan, waiting_will_do: self.waiting_will_do });
    }

    /// The plan in force, with the given candidate. A server gets less time while a caller waits.
    fn plan_for(&self, candidate: usize) -> Arc<SessionPlan> {
        let provider = self.failover_plan.candidate(candidate);
        let caller_waits = matches!(self.state, State::Down(Outage { first: false, .. }));
        if caller_waits {
            let mut plan = self.plan.with(provider.hurried(IN_A_HURRY));
            let common = plan.common_mut();
            common.connect_timeout = common.connect_timeout.min(IN_A_HURRY);
            return Arc::new(plan);
        }
        // Most calls use their agent's plan unchanged and share it.
        let is_own = candidate == 0 && self.failover_plan.is_unchanged(candidate);
        if is_own { Arc::clone(&self.plan) } else { Arc::new(self.plan.with(provider.clone())) }
    }

    /// Removes a session and closes its socket.
    pub(super) fn remove(&mut self, id: LegId, out: &mut Vec<SessionsAction>) -> Option<Leg> {
        let place = self.legs.iter().position(|leg| leg.id == id)?;
        out.push(SessionsAction::HangUp(id));
        Some(self.legs.remove(place))
    }
}

/// How long a server may take for each step while a caller waits in the middle of a call. Shorter:
/// slow networks fail. Longer: a silence that the next candidate could have ended.
const IN_A_HURRY: Duration = Duration::from_secs(3);
