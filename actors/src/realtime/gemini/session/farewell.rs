//! The end of a session after an order to close: at once, or after the caller's last words.

use std::time::{Duration, Instant};

use super::{Phase, Session, SessionAction, SessionEvent};
use crate::realtime::gemini::protocol::server::ServerMessage;
use crate::realtime::report::Words;

impl Session {
    /// Closes the session because the call is over. A caller who hangs up has often just spoken, and
    /// their words are on their way.
    pub(super) fn close(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if !self.is_ready() || !self.caller.is_open() || !self.transcribes {
            return self.end(out);
        }
        // The end of the stream also ends a turn that is open.
        self.activity_ends(out);
        self.end_stream(out);
        let until = self.caller.settled_at().unwrap_or(now + LATE_WORDS);
        self.phase = Phase::Lingering { until };
    }

    /// Closes the socket without sending anything.
    pub(super) fn end(&mut self, out: &mut Vec<SessionAction>) {
        if let Some((item, text)) = self.caller.take().filter(|_| self.transcribes) {
            out.push(SessionAction::ToWords(Words::CallerSaid { item, text: Some(text) }));
        }
        self.phase = Phase::Over;
        out.push(SessionAction::Close);
    }

    /// Handles an event of a session that waits for the caller's last words.
    pub(super) fn linger(
        &mut self,
        until: Instant,
        event: SessionEvent<'_>,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        use SessionEvent as E;
        match event {
            E::Text(text) => self.hear_last_words(text, now, out),
            E::Binary(bytes) => self.hear_last_words(std::str::from_utf8(bytes).unwrap_or_default(), now, out),
            E::Ping(payload) => out.push(SessionAction::Pong(payload)),
            E::DeadlinePassed if now >= until => self.end(out),
            // No more words will arrive, and nothing else is awaited.
            E::Closed { .. } | E::Broken(_) => self.end(out),
            // The call gives no more orders.
            E::Opened
            | E::DialFailed(_)
            | E::Unintelligible
            | E::Pong
            | E::Link(_)
            | E::Ordered(_)
            | E::CallerSpeech { .. }
            | E::HandedOver(_)
            | E::DeadlinePassed => {}
        }
    }

    fn hear_last_words(&mut self, text: &str, now: Instant, out: &mut Vec<SessionAction>) {
        let Ok(message) = ServerMessage::parse(text) else { return };
        if let Some(words) = &message.content.heard {
            self.caller.append(words, now);
        }
        if message.content.heard_all {
            self.end(out);
        }
    }
}

/// The maximum wait for the caller's last words. A shorter wait loses them; a longer one pays for an
/// unused session. The Transcript waits equally long.
const LATE_WORDS: Duration = Duration::from_secs(2);
