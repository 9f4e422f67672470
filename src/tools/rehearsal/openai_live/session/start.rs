//! The start of a session, and the reasons to refuse it.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::hearing::Hearing;
use super::super::settings::Settings;
use super::super::voice::Voice;
use super::ending::Timer;
use super::{Phase, Session};
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;

impl Session {
    /// Handles a `session.start`.
    pub(super) fn start(&mut self, event: &Value, now: Instant) -> Result<(), Fault> {
        if let Some(fault) = refusal(&self.misbehaviour) {
            return Err(fault);
        }
        self.settings = Settings::start(&event["session"])?;
        let format = self.settings.format();
        self.hearing = Hearing::new(format);
        self.voice = Voice::new(format, self.misbehaviour.words_ahead_ms.unwrap_or_default());
        self.phase = Phase::Starting(event["event_id"].as_str().map(str::to_owned));
        self.endings.push((now + STARTS_AFTER, Timer::Started));
        Ok(())
    }

    /// The session runs from now on.
    pub(super) fn started(&mut self, now: Instant) {
        let Phase::Starting(about) = std::mem::replace(&mut self.phase, Phase::Running) else { return };
        self.audio_at = now;
        if !Misbehaviour::on(self.misbehaviour.no_created) {
            self.send_session("session.started", about.as_deref());
        }
    }

    /// Refuses the start. The error has no id of the client's event, and the connection is dropped a
    /// while later, without a close.
    pub(super) fn refuse_start(&mut self, fault: &Fault, now: Instant) {
        self.events.refuse(fault, None);
        self.phase = Phase::Over;
        self.endings = vec![(now + ABORTS_AFTER, Timer::Drop)];
    }
}

/// The rehearsed refusal of every start.
fn refusal(misbehaviour: &Misbehaviour) -> Option<Fault> {
    if misbehaviour.busy.is_some() {
        return Some(Fault::request("rate_limit_exceeded", "Too many sessions at once."));
    }
    Some(match misbehaviour.reject? {
        3000 => Fault::request("invalid_api_key", "Incorrect API key provided: rehearsal."),
        4000 | 4004 => Fault::request("model_not_found", "The model does not exist or you do not have access to it."),
        1013 => Fault {
            kind: "insufficient_quota",
            ..Fault::request("credit_balance_exhausted", "You exceeded your current quota.")
        },
        _ => Fault { kind: "server_error", ..Fault::request("server_error", "The server had an error.") },
    })
}

/// The time from a start to `session.started`.
const STARTS_AFTER: Duration = Duration::from_millis(450);
/// The time from a refused start to the end of the connection.
const ABORTS_AFTER: Duration = Duration::from_secs(2);
