//! Calls that we have ended and whose carrier has not confirmed it yet. Pure.
//!
//! A call is ended by closing its stream, with `<Hangup/>` as the next instruction. Any sign from
//! the carrier confirms the end: it asks what follows the stream, or it reports that the call is
//! over. A carrier that does not confirm within [`PATIENCE`] is asked to hang up over its API, a
//! few times at most. A caller must never stay on a line that no call serves.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::timers::Timer;
use crate::carrier::Carrier;
use crate::ids::CarrierCallId;

/// The calls whose end is not confirmed, and those whose end was confirmed recently.
#[derive(Debug, Default)]
pub(super) struct HangupWatchdog {
    /// Unsorted; as many as end within a few seconds.
    open: Vec<Unconfirmed>,
    /// Confirmations that may have come before the call reported its end; the oldest first.
    confirmed: VecDeque<(CarrierCallId, Instant)>,
}

/// A call that we have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unconfirmed {
    /// The call's carrier.
    pub(super) carrier: Carrier,
    /// The carrier's id of the call.
    pub(super) call: CarrierCallId,
    /// When the carrier is asked to hang up.
    due: Instant,
    /// How often it has been asked.
    attempts: u32,
}

impl HangupWatchdog {
    /// A call has ended. Returns whether its carrier is expected to confirm that
    /// ([`crate::line::hang_up`]).
    pub(super) fn ended(&mut self, carrier: Carrier, call: &CarrierCallId, now: Instant) -> bool {
        self.forget(now);
        let known = self.confirmed.iter().any(|(confirmed, _)| confirmed == call);
        let waits = !known && self.open.len() < MOST;
        if waits {
            self.open.push(Unconfirmed { carrier, call: call.clone(), due: now + PATIENCE, attempts: 0 });
        }
        waits
    }

    /// The carrier has confirmed that the call is over.
    pub(super) fn confirmed(&mut self, call: &CarrierCallId, now: Instant) {
        self.open.retain(|it| it.call != *call);
        self.forget(now);
        if self.confirmed.len() == MOST {
            self.confirmed.pop_front();
        }
        self.confirmed.push_back((call.clone(), now));
    }

    /// Whether the carrier has recently confirmed that the call is over.
    pub(super) fn is_confirmed(&self, call: &CarrierCallId) -> bool {
        self.confirmed.iter().any(|(confirmed, _)| confirmed == call)
    }

    /// The calls whose carriers must be asked to hang up now. Each is returned again later, until
    /// it is confirmed or was returned [`ATTEMPTS`] times.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Unconfirmed> {
        let mut due = Vec::new();
        for it in self.open.iter_mut().filter(|it| it.due <= now) {
            it.attempts += 1;
            it.due = now + AGAIN;
            due.push(it.clone());
        }
        self.open.retain(|it| it.attempts < ATTEMPTS);
        due
    }

    /// The process is about to end: carriers that have not been asked are asked soon.
    pub(super) fn hurry(&mut self, now: Instant) {
        for it in self.open.iter_mut().filter(|it| it.attempts == 0) {
            it.due = it.due.min(now + HURRY);
        }
    }

    /// When [`Self::due`] has to be called next.
    pub(super) fn deadline(&self) -> Option<(Instant, Timer)> {
        self.open.iter().map(|it| (it.due, Timer::HangupUnconfirmed)).min_by_key(|(due, _)| *due)
    }

    fn forget(&mut self, now: Instant) {
        while self.confirmed.front().is_some_and(|(_, at)| now.saturating_duration_since(*at) >= MEMORY) {
            self.confirmed.pop_front();
        }
    }
}

impl Unconfirmed {
    /// Whether this is the last attempt.
    pub(super) const fn is_last(&self) -> bool {
        self.attempts >= ATTEMPTS
    }
}

/// How long a carrier may take to confirm. Shorter: calls that end by themselves are ended twice.
/// Longer: the caller hears silence.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a carrier may take to confirm while the process waits for it. Shorter: it is asked while
/// its confirmation is on its way. Longer: a drained process stays for nothing.
const HURRY: Duration = Duration::from_secs(1);
/// The pause between two attempts; longer than one attempt takes.
const AGAIN: Duration = Duration::from_secs(5);
/// After this many failures the carrier is down; its own limits end the call.
const ATTEMPTS: u32 = 3;
/// How long a confirmation is remembered. It may precede the call's own end by the time of the last
/// words.
const MEMORY: Duration = Duration::from_secs(60);
/// The most unconfirmed calls, and the most confirmations. If more calls end within seconds, the
/// carrier has to end the rest.
const MOST: usize = 4096;

#[cfg(test)]
mod tests;
