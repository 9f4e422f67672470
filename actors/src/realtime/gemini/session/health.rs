//! Checks that the server is alive and readable: pings in both directions, and unreadable messages.

use std::time::{Duration, Instant};

use super::{Session, SessionAction, Timer, complain};
use crate::realtime::plan::Common;
use crate::realtime::report::LossClass;

/// When the server was last heard, and how it answers pings.
#[derive(Debug)]
pub(super) struct Health {
    /// The time of the server's last sign of life.
    last: Instant,
    /// Pings sent since that time.
    pings: u32,
    pongs: Pongs,
}

/// How the server answers pings. RFC 6455, 5.5.3 requires an answer, but some proxies send none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pongs {
    /// No ping was sent.
    Unasked,
    /// The first ping was sent and has no answer yet.
    Awaited { since: Instant },
    /// The server answers, and will do so until it is gone.
    Come,
    /// The server is alive and does not answer pings.
    Never,
}

/// The numbers of unreadable messages in a row. Audio is counted separately, because other readable
/// messages do not help a caller who hears nothing.
#[derive(Debug, Default)]
pub(super) struct Unreadables {
    pub(super) messages: u32,
    pub(super) audio: u32,
}

impl Health {
    pub(super) const fn new(now: Instant) -> Self {
        Self { last: now, pings: 0, pongs: Pongs::Unasked }
    }

    /// Records a sign of life. A message that arrives a full round trip after an unanswered ping
    /// shows that the server does not answer pings.
    pub(super) fn heard(&mut self, now: Instant, is_pong: bool) {
        (self.last, self.pings) = (now, 0);
        if is_pong {
            self.pongs = Pongs::Come;
        } else if let Pongs::Awaited { since } = self.pongs
            && now.saturating_duration_since(since) >= LONGEST_ROUND_TRIP
        {
            self.pongs = Pongs::Never;
        }
    }

    pub(super) fn ping(&mut self, now: Instant) {
        self.pings += 1;
        if self.pongs == Pongs::Unasked {
            self.pongs = Pongs::Awaited { since: now };
        }
    }

    /// How long the server has been silent.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last)
    }

    /// The time to ping the server, or the time when it counts as dead.
    pub(super) fn deadline(&self, common: &Common) -> (Instant, Timer) {
        let brisk = common.ping_timeout;
        // Silence of a server that does not answer pings says little.
        if !brisk.is_zero() && self.pongs != Pongs::Never {
            return if self.pings == 0 {
                (self.last + brisk / 2, Timer::Quiet)
            } else {
                (self.last + brisk, Timer::Silent)
            };
        }
        let limit = common.silence_timeout;
        if self.pings < PINGS {
            (self.last + limit * (self.pings + 1) / (PINGS + 1), Timer::Quiet)
        } else {
            (self.last + limit, Timer::Silent)
        }
    }
}

impl Session {
    /// Sends the first ping after the server accepted the configuration, so that its behaviour is
    /// known before it matters.
    pub(super) fn first_ping(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if !self.common.ping_timeout.is_zero() {
            self.health.ping(now);
            out.push(SessionAction::Ping);
        }
    }

    pub(super) fn unreadable(&mut self, problem: &str, out: &mut Vec<SessionAction>) {
        self.unreadables.messages += 1;
        self.not_understood(problem, out);
    }

    pub(super) fn unreadable_audio(&mut self, out: &mut Vec<SessionAction>) {
        self.unreadables.audio += 1;
        self.not_understood("audio that is not base64", out);
    }

    fn not_understood(&mut self, problem: &str, out: &mut Vec<SessionAction>) {
        if self.unreadables.messages.max(self.unreadables.audio) > MOST_UNREADABLE {
            self.lose_for(LossClass::Retryable, "the server is not understood", out);
        } else {
            complain("unreadable_event", problem, out);
        }
    }
}

/// The longest round trip of a ping on a network that carries speech.
const LONGEST_ROUND_TRIP: Duration = Duration::from_millis(1_500);
/// The number of evenly spaced pings during a silence before the server counts as dead.
const PINGS: u32 = 2;
/// The number of unreadable messages in a row before the session gives up on the server. A single
/// one is a bug; this many make a conversation impossible.
pub(super) const MOST_UNREADABLE: u32 = 50;
