//! Replaces a session that is about to expire with a fresh one, at a quiet moment if there is one
//! in time.

use std::time::{Duration, Instant};

use super::leg::Resumption;
use super::{Leg, LegId, Sessions, SessionsAction, Standby, State};
use crate::realtime::capabilities::SessionEnd;
use crate::realtime::seed::ResumptionHandle;

impl Sessions {
    /// Sets the expiry of a session that ends at a fixed time after its socket opened and never
    /// announces it.
    pub(super) fn ends_unsaid(&mut self, id: LegId) {
        if let Some(leg) = self.leg(id)
            && let SessionEnd::After(lasts) = leg.can.session_end
            && let Some((_, opened_epoch_s)) = leg.opened
        {
            self.expires(id, opened_epoch_s + lasts.as_secs_f64());
        }
    }

    /// Records when a session ends, in seconds since 1970.
    pub(super) fn expires(&mut self, id: LegId, epoch_s: f64) {
        let resilience = &self.plan.resilience;
        let (before, latest) = (resilience.rotate_before, resilience.rotate_latest);
        let Some(leg) = self.leg(id) else { return };
        let Some((opened, opened_epoch_s)) = leg.opened else { return };
        let left = epoch_s - opened_epoch_s;
        if leg.can.session_end == SessionEnd::Never
            || before.is_zero()
            || !(SHORTEST_SESSION_S..=LONGEST_SESSION_S).contains(&left)
        {
            return;
        }
        let left = Duration::from_secs_f64(left);
        let before = before.min(left / 2);
        let latest = latest.min(before / 2);
        leg.renewal = Some((opened + left - before, opened + left - latest));
    }

    /// Records that a session ends soon: a warning of its server, however long it has lasted.
    pub(super) fn ends_in(&mut self, id: LegId, left: Duration, now: Instant) {
        let resilience = &self.plan.resilience;
        let (before, latest) = (resilience.rotate_before, resilience.rotate_latest);
        let Some(leg) = self.leg(id) else { return };
        if leg.can.session_end == SessionEnd::Never || before.is_zero() || left > LONGEST_WARNING {
            return;
        }
        // The replacement is dialled at once, and takes over while the session still answers.
        leg.renewal = Some((now, now + left.saturating_sub(latest.min(left / 2))));
    }

    /// Keeps the handle of the session in use for the session that follows it.
    pub(super) fn resumable(&mut self, id: LegId, handle: ResumptionHandle) {
        if self.state.in_use() != Some(id) {
            return;
        }
        let Some(leg) = self.legs.iter().find(|leg| leg.id == id) else { return };
        let address = self.failover_plan.candidate(leg.candidate).address().clone();
        self.resumption = Some(Resumption { address, handle, known: self.history.mark() });
    }

    /// Drops the handle if the session that was opened with it has failed: another try with it
    /// would fail in the same way.
    pub(super) fn not_resumable(&mut self, gone: &Leg) {
        if gone.resumes.is_some() {
            self.resumption.take_if(|resumption| Some(resumption.known) == gone.resumes);
        }
    }

    /// The next deadline that follows from the expiry of the session in use.
    pub(super) fn renewal_due(&self) -> Option<Instant> {
        let State::Up { leg: in_use, .. } = self.state else { return None };
        let (begin, latest) = self.legs.iter().find(|leg| leg.id == in_use)?.renewal?;
        match self.standby {
            Standby::None => Some(begin),
            Standby::Asking { .. } => None,
            Standby::Waiting { .. } | Standby::Dialling(_) | Standby::Ready(_) => Some(latest),
        }
    }

    pub(super) fn renew_when_due(&mut self, now: Instant, out: &mut Vec<SessionsAction>) {
        if self.renewal_due().is_none_or(|at| at > now) {
            return;
        }
        match self.standby {
            Standby::None => self.seek(None, out),
            Standby::Ready(next) => self.take_over(next, now, out),
            // The only option is to wait for the session in use to end.
            Standby::Asking { .. } | Standby::Waiting { .. } | Standby::Dialling(_) => self.renew_later(now),
        }
    }

    /// Delays the renewal because no other session can be opened now.
    pub(super) fn renew_later(&mut self, now: Instant) {
        if let State::Up { leg, .. } = self.state
            && let Some(leg) = self.leg(leg)
            && let Some((begin, latest)) = &mut leg.renewal
        {
            *begin = now + RENEW_AGAIN;
            *latest = (*latest).max(now + RENEW_AGAIN);
        }
    }
}

/// The wait before the next session is dialled again.
const RENEW_AGAIN: Duration = Duration::from_secs(5);
/// The longest time before its end at which a server warns of it.
const LONGEST_WARNING: Duration = Duration::from_secs(3_600);
/// The shortest session that is worth replacing in time, in seconds.
const SHORTEST_SESSION_S: f64 = 2.0;
/// The longest expected session: one day. A server that announces more has a different clock.
const LONGEST_SESSION_S: f64 = 86_400.0;
