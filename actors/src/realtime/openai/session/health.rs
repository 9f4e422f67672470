//! Checks that the server is alive and readable: pings in both directions, and unreadable messages.

use std::time::{Duration, Instant};

use super::{Session, SessionAction, Timer, complain};
use crate::realtime::report::LossClass;

/// How the server answers pings. RFC 6455, 5.5.3 requires an answer, but some servers send none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pongs {
    /// No ping was sent.
    Unasked,
    /// The first ping was sent and has no answer yet.
    Awaited { since: Instant },
    /// The server answers, and will do so until it is gone.
    Come,
    /// The server is alive and does not answer pings.
    Never,
}

impl Pongs {
    /// Records a message of the server. A message that arrives a full round trip after an
    /// unanswered ping shows that the server does not answer pings.
    pub(super) fn something_heard(&mut self, now: Instant) {
        if let Self::Awaited { since } = *self
            && now.saturating_duration_since(since) >= LONGEST_ROUND_TRIP
        {
            *self = Self::Never;
        }
    }
}

/// The numbers of unreadable messages in a row. A readable message between them proves that the
/// server is alive. Audio is counted separately, because other readable events do not help a caller
/// who hears nothing.
#[derive(Debug, Default)]
pub(super) struct Malformed {
    pub(super) events: u32,
    pub(super) audio: u32,
}

impl Session {
    /// The time to ping the server, or the time when it counts as dead.
    pub(super) fn health(&self) -> (Instant, Timer) {
        let brisk = self.common.ping_timeout;
        // Silence of a server that does not answer pings says little.
        if !brisk.is_zero() && self.pongs != Pongs::Never {
            return if self.pings == 0 {
                (self.heard + brisk / 2, Timer::Quiet)
            } else {
                (self.heard + brisk, Timer::Silent)
            };
        }
        let limit = self.common.silence_timeout;
        if self.pings < PINGS {
            (self.heard + limit * (self.pings + 1) / (PINGS + 1), Timer::Quiet)
        } else {
            (self.heard + limit, Timer::Silent)
        }
    }

    pub(super) fn ping(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.pings += 1;
        if self.pongs == Pongs::Unasked {
            self.pongs = Pongs::Awaited { since: now };
        }
        out.push(SessionAction::Ping);
    }

    /// Sends the first ping after the server accepted the configuration, so that its behaviour is
    /// known before it matters.
    pub(super) fn first_ping(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if !self.common.ping_timeout.is_zero() {
            self.ping(now, out);
        }
    }

    pub(super) fn malformed(&mut self, problem: &str, out: &mut Vec<SessionAction>) {
        self.malformed.events += 1;
        self.not_understood(problem, out);
    }

    pub(super) fn malformed_audio(&mut self, out: &mut Vec<SessionAction>) {
        self.malformed.audio += 1;
        self.not_understood("audio that is not base64", out);
    }

    fn not_understood(&mut self, problem: &str, out: &mut Vec<SessionAction>) {
        if self.malformed.events.max(self.malformed.audio) > MOST_MALFORMED {
            self.lose_for(LossClass::Retryable, "the server is not understood", out);
        } else {
            complain("unreadable_event", problem, out);
        }
    }
}

/// The longest round trip of a ping on a network that carries speech.
const LONGEST_ROUND_TRIP: Duration = Duration::from_millis(1_500);
/// The number of evenly spaced pings during a silence before the server counts as dead. Some
/// servers send no pings of their own, and a quiet caller is no reason to end a call.
const PINGS: u32 = 2;
/// The number of unreadable messages in a row before the session gives up on the server. A single
/// one is a bug; this many make a conversation impossible.
pub(super) const MOST_MALFORMED: u32 = 50;
