//! One session of the call, and the states that all of them are in together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Sessions, SessionsAction};
use crate::realtime::capabilities::Capabilities;
use crate::realtime::conversation::Conversation;
use crate::realtime::plan::SessionPlan;
use crate::realtime::report::ModelLoss;
use crate::realtime::seed::CarryOver;

/// Which of a call's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegId(pub u64);

/// One session, from its dialling on.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) id: LegId,
    /// Where it was dialled, as the failover list numbers candidates.
    pub(super) candidate: usize,
    /// What it can do.
    pub(super) can: Capabilities,
    pub(super) session: Conversation,
    /// It had waited for a call before it was this one's.
    pub(super) had_waited: bool,
    /// When its socket was opened, by both clocks; the second in seconds since 1970.
    pub(super) opened: Option<(Instant, f64)>,
    /// How many of the changes of configuration it was dialled with.
    pub(super) changes: u32,
    /// It is configured otherwise than it should be, and cannot change.
    pub(super) outdated: bool,
    /// When another session is dialled to follow it, and when that takes its place at the latest.
    pub(super) renewal: Option<(Instant, Instant)>,
}

/// What the call has of the model.
#[derive(Debug)]
pub(super) enum State {
    /// No session.
    Down(Outage),
    /// A session has been given the conversation and has not said that it goes on with it.
    TakingOver(TakingOver),
    /// A session is in use.
    Up {
        /// Which.
        leg: LegId,
        /// From when on.
        since: Instant,
    },
    /// Told to close. The session in use waits for the caller's last words.
    Closing(LegId),
    /// Nothing follows.
    Over,
}

/// A time without a session.
#[derive(Debug)]
pub(super) struct Outage {
    pub(super) since: Instant,
    /// No session was in use yet.
    pub(super) first: bool,
    /// What the session before left undone.
    pub(super) unfinished: CarryOver,
}

impl Outage {
    pub(super) fn at_the_start(now: Instant) -> Self {
        Self { since: now, first: true, unfinished: CarryOver::default() }
    }
}

/// A session takes the place of another, or is the first.
#[derive(Debug)]
pub(super) struct TakingOver {
    pub(super) leg: LegId,
    /// It is the call's first.
    pub(super) first: bool,
    /// How long there was no session.
    pub(super) gap: Duration,
    /// It was asked to speak.
    pub(super) answering: bool,
}

/// The session that is to follow.
#[derive(Debug)]
pub(super) enum Standby {
    /// There is none.
    None,
    /// It is asked which candidate is worth a try; `after` is the loss that led to the question.
    Asking { question: u32, after: Option<ModelLoss> },
    /// A candidate is dialled at this time.
    Waiting { at: Instant, candidate: usize },
    /// It is on its way.
    Dialling(LegId),
    /// It is configured and waits to be used.
    Ready(LegId),
}

impl Standby {
    /// Its session, where there is one already.
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
        self.legs.push(Leg {
            id: leg,
            candidate,
            can: plan.capabilities(),
            session: Conversation::standby(&plan, now),
            had_waited: false,
            opened: None,
            changes: self.changes,
            outdated: false,
            renewal: None,
        });
        self.standby = Standby::Dialling(leg);
        out.push(SessionsAction::Dial { leg, plan, waiting_will_do: self.waiting_will_do });
    }

    /// The plan in force, with a candidate. While a caller waits, a server is given less time.
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
        if candidate == 0 { Arc::clone(&self.plan) } else { Arc::new(self.plan.with(provider.clone())) }
    }

    /// A session is over, and its socket is closed.
    pub(super) fn remove(&mut self, id: LegId, out: &mut Vec<SessionsAction>) -> Option<Leg> {
        let place = self.legs.iter().position(|leg| leg.id == id)?;
        out.push(SessionsAction::HangUp(id));
        Some(self.legs.remove(place))
    }
}

/// How long a server may take for each step while a caller waits in the middle of a call. Shorter fails on a slow network, longer
/// is a silence that the next candidate could have ended.
const IN_A_HURRY: Duration = Duration::from_secs(3);
