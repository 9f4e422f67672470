//! What operators are told once in a while: a thing that is set up wrong is wrong for every call.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// One for each thing that may be said.
#[derive(Debug, Default)]
pub struct Hints {
    /// A callback is sent to the address of calls.
    pub(super) callback_at_voice: Hint,
    /// A signature fits another address than ours.
    pub(super) other_address: Hint,
    /// A socket's request came without its upgrade.
    pub(super) no_upgrade: Hint,
}

/// When something was said last.
#[derive(Debug, Default)]
pub(super) struct Hint(Mutex<Option<Instant>>);

impl Hint {
    /// Whether it is to be said again; then it counts as said.
    pub(super) fn due(&self, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = said.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE);
        if due {
            *said = Some(now);
        }
        due
    }
}

/// The pause between two times. Shorter fills the log of a busy service, longer is missed by whoever is looking for the cause.
const PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_said_once_in_a_while() {
        let (hint, now) = (Hint::default(), switchboard_actors::clock::now());
        assert_eq!([hint.due(now), hint.due(now), hint.due(now + PAUSE)], [true, false, true]);
    }
}
