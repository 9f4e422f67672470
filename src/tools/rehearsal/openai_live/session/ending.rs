//! The ends of a session, and what else follows the wall clock.

use std::time::Instant;

use serde_json::json;

use super::{Due, Phase, Session};
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The client closed it.
    Requested,
    /// Its time is over, or no audio came.
    Expired,
    /// What was said was not allowed.
    Content,
}

/// Something that follows the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The start is complete.
    Started,
    /// The session ends.
    End(Ending),
    /// A rehearsed server error: a close with 1011.
    Close,
    /// The connection is dropped.
    Drop,
    /// Audio that was held back is sent.
    Release,
}

impl Ending {
    const fn word(self) -> &'static str {
        match self {
            Self::Requested => "close_requested",
            Self::Expired => "expired",
            Self::Content => "content",
        }
    }
}

impl Session {
    /// Ends the session by `session.closed`, for the client event `about`.
    pub(super) fn end(&mut self, ending: Ending, about: Option<&str>) {
        if !matches!(self.phase, Phase::Running | Phase::Starting(_)) {
            return;
        }
        self.events.release_audio();
        for due in self.agenda.extract(|due| matches!(due, Due::Appended(..))) {
            let Due::Appended(_, about) = due else { continue };
            let message = "The session ended before this text found its place.";
            let fault = Fault { kind: "server_error", ..Fault::request("context_injection_incomplete", message) };
            self.events.refuse(&fault, about.as_deref());
        }
        let session = self.settings.object(&self.id, self.expires_at);
        let usage = json!({"seconds": self.hearing.ms() / 1000});
        let closed = json!({"reason": ending.word(), "usage": usage, "session": session});
        self.events.send("session.closed", about, closed);
        self.phase = Phase::Over;
        self.endings.clear();
        self.events.close(1000, "");
    }

    /// Something follows the wall clock.
    pub(super) fn run_out(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Started => self.started(now),
            Timer::End(ending) => self.end(ending, None),
            Timer::Release => self.events.release_audio(),
            Timer::Close => {
                self.phase = Phase::Over;
                self.endings.clear();
                self.events.close(1011, "server_error");
            }
            Timer::Drop => {
                self.phase = Phase::Over;
                self.endings.clear();
                self.events.drop_connection();
            }
        }
    }

    pub(super) fn ping(&mut self, now: Instant) {
        self.ping_at = now + self.ping_every;
        if self.phase == Phase::Over {
            return;
        }
        if self.unanswered_ping && Misbehaviour::on(self.misbehaviour.require_pong) {
            return self.run_out(Timer::Close, now);
        }
        if !Misbehaviour::on(self.misbehaviour.no_pings) {
            self.unanswered_ping = true;
            self.events.ping();
        }
    }
}
