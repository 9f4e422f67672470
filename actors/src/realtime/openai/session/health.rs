//! Whether the server is there and understood: its pings and ours, and what cannot be read of it.

use std::time::{Duration, Instant};

use super::{Session, SessionAction, Timer, complain};
use crate::realtime::report::LossClass;

/// How a server answers pings. Every server has to (RFC 6455, 5.5.3), and not every one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pongs {
    /// None was sent.
    Unasked,
    /// The first was sent and not answered yet.
    Awaited { since: Instant },
    /// It answers, and always will, unless it is gone.
    Come,
    /// It lives and does not answer.
    Never,
}

impl Pongs {
    /// Something was heard. What is said a round trip after a ping, and no pong before it, comes from one that does not answer.
    pub(super) fn something_heard(&mut self, now: Instant) {
        if let Self::Awaited { since } = *self
            && now.saturating_duration_since(since) >= LONGEST_ROUND_TRIP
        {
            *self = Self::Never;
        }
    }
}

/// What could not be read in a row. What is understood in between shows that the server is, and its audio is a matter of its own:
/// a caller who hears nothing is not helped by events.
#[derive(Debug, Default)]
pub(super) struct Malformed {
    pub(super) events: u32,
    pub(super) audio: u32,
}

impl Session {
    /// When the server is to be asked whether it lives, and when it is taken for dead.
    pub(super) fn health(&self) -> (Instant, Timer) {
        let brisk = self.common.ping_timeout;
        // Of a server that does not answer pings, silence says little.
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

    /// The server has taken over the configuration: whether it answers pings is found out before anything depends on it.
    pub(super) fn first_ping(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if !self.common.ping_timeout.is_zero() {
            self.ping(now, out);
        }
    }

    pub(super) fn garbled(&mut self, problem: &str, out: &mut Vec<SessionAction>) {
        self.garbled.events += 1;
        self.not_understood(problem, out);
    }

    pub(super) fn garbled_audio(&mut self, out: &mut Vec<SessionAction>) {
        self.garbled.audio += 1;
        self.not_understood("audio that is not base64", out);
    }

    fn not_understood(&mut self, problem: &str, out: &mut Vec<SessionAction>) {
        if self.garbled.events.max(self.garbled.audio) > MOST_GARBLED {
            self.lose_for(LossClass::Retryable, "the server is not understood", out);
        } else {
            complain("unreadable_event", problem, out);
        }
    }
}

/// The longest way of a ping and back on a network that carries speech.
const LONGEST_ROUND_TRIP: Duration = Duration::from_millis(1_500);
/// Pings of ours in a silence, evenly spread, before the server is taken for dead. Not every server pings by itself, and
/// a quiet caller is no reason to end a call.
const PINGS: u32 = 2;
/// Messages in a row that could not be read before the server is given up: one is a bug of somebody's, this many no conversation.
pub(super) const MOST_GARBLED: u32 = 50;
