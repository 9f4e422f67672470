//! What the session has cost, for servers that charge by its duration.

use std::time::Instant;

use super::{Session, SessionAction};
use crate::realtime::openai::dialects::Charged;
use crate::realtime::report::{ModelReport, Usage};

impl Session {
    /// Reports the time since the last report, if it is charged. Each part is reported once.
    pub(super) fn charge(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if self.plan.dialect.charged != Charged::Time {
            return;
        }
        let Some(until) = &mut self.charged_until else { return };
        let time = now.saturating_duration_since(*until);
        let session_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if session_ms > 0 {
            *until = now;
            out.push(SessionAction::Report(ModelReport::Used(Usage { session_ms, ..Usage::default() })));
        }
    }

    /// Whether the cost of a response is in its tokens.
    pub(super) fn is_charged_by_tokens(&self) -> bool {
        self.plan.dialect.charged == Charged::Tokens
    }
}
