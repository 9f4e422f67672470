//! Hints that are logged at most once in a while: a wrong setting is wrong for every call.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use switchboard_actors::rate::LineLimit;

/// The state of each hint.
#[derive(Debug, Default)]
pub struct Hints {
    /// A carrier sends a status callback to the address of calls.
    pub(super) callback_at_voice: Hint,
    /// A signature fits another address than ours.
    pub(super) other_address: Hint,
    /// A WebSocket request arrived without its upgrade.
    pub(super) no_upgrade: Hint,
    /// Why requests were refused. Strangers can cause any number of these lines.
    pub(super) refusals: Bounded,
}

/// Lines that are all logged unless there are too many for one reason.
#[derive(Debug, Default)]
pub(super) struct Bounded(Mutex<HashMap<&'static str, LineLimit>>);

impl Bounded {
    /// Whether to log one more line for `reason`.
    pub(super) fn due(&self, reason: &'static str, now: Instant) -> bool {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        limits.entry(reason).or_default().take(now).is_some()
    }
}

/// When a hint was last logged.
#[derive(Debug, Default)]
pub(super) struct Hint(Mutex<Option<Instant>>);

impl Hint {
    /// Whether to log the hint again; if so, it counts as logged.
    pub(super) fn due(&self, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = said.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE);
        if due {
            *said = Some(now);
        }
        due
    }
}

/// The pause between two logs of a hint. Shorter would fill the log of a busy service; longer would
/// hide the hint from the operator who looks for the cause.
const PAUSE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_for_one_reason_hides_no_other() {
        let (lines, now) = (Bounded::default(), switchboard_actors::clock::now());
        let written = (0..1_000).filter(|_| lines.due("web_page", now)).count();
        assert_eq!(written, switchboard_actors::rate::MOST_LINES);
        assert!(lines.due("bad_signature", now));
    }

    #[test]
    fn a_hint_is_said_once_in_a_while() {
        let (hint, now) = (Hint::default(), switchboard_actors::clock::now());
        assert_eq!([hint.due(now), hint.due(now), hint.due(now + PAUSE)], [true, false, true]);
    }
}
