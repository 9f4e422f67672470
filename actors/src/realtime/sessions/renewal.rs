//! Replaces a session that is about to expire with a fresh one, at a quiet moment if there is one
//! in time.

use std::time::{Duration, Instant};

use super::{LegId, Sessions, SessionsAction, Standby, State};
use crate::realtime::capabilities::SessionEnd;

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
/// The shortest session that is worth replacing in time, in seconds.
const SHORTEST_SESSION_S: f64 = 2.0;
/// The longest expected session: one day. A server that announces more has a different clock.
const LONGEST_SESSION_S: f64 = 86_400.0;
