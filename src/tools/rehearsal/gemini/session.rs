//! One conversation with a client: incoming messages, outgoing messages, and deadlines. Pure: the
//! socket supplies the time.
//!
//! ```text
//! AwaitSetup ──setup──▶ Ready ──(goAway)──▶ closed
//! ```

mod caller;
mod opening;
mod replies;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(super) use self::opening::Opening;
use super::answers::FORMAT;
use super::client::{self, Incoming};
use super::closes::Close;
use super::conversation::Conversation;
use super::handles::Handles;
use super::messages::Messages;
use super::run::Run;
use super::settings::Settings;
use crate::tools::rehearsal::input::Input;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::{Ids, Out};
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::protocol::ServerSession;

/// One conversation with a client.
#[derive(Debug)]
pub(super) struct Session {
    opening: Opening,
    /// The settings; `None` until the setup was accepted.
    settings: Option<Settings>,
    handles: &'static Handles,
    messages: Messages,
    ids: Ids,
    conversation: Conversation,
    input: Input,
    /// The rate of the caller's audio and what converts it.
    ear: caller::Ear,
    /// Whether the client has said that the caller speaks.
    in_activity: bool,
    /// Words of the caller that are to be sent.
    words: Vec<(Instant, String, bool)>,
    /// Whether the first words of the caller's turn were scheduled.
    words_begun: bool,
    /// Whether a history was announced and has not come.
    awaits_history: bool,
    run: Option<Run>,
    /// Whether an answer is due as soon as nothing is said and the caller is quiet.
    owes: bool,
    /// The calls that have no final result: id and name.
    open_calls: Vec<(String, String)>,
    /// The ids of calls that were taken back.
    cancelled_calls: Vec<String>,
    /// Usage that is told later than its turn.
    late_usage: Vec<(Instant, Value)>,
    pace: Pace,
    misbehaviour: Rc<Misbehaviour>,
    /// The scheduled ends of the connection, and the warning of one.
    ends: Vec<(Instant, End)>,
    ping_at: Instant,
    ping_every: Duration,
    /// Whether a ping is still unanswered.
    unanswered_ping: bool,
    heard_messages: u64,
    responses_begun: u64,
    responses_done: u64,
    /// Turns of the caller so far.
    turns_begun: u64,
    /// Whether the connection is over. Further messages are then ignored.
    closed: bool,
}

/// A scheduled end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// The client is told that the connection will end.
    Warn {
        /// How soon.
        left: Duration,
    },
    /// The maximum length of a connection is reached.
    Expire,
    /// The session is too long for a context that is not compressed.
    TooLong,
    /// A rehearsed close.
    Close,
    /// A rehearsed loss of the connection.
    Drop,
}

impl Session {
    /// Opens a connection, which waits for its setup.
    pub(super) fn open(opening: Opening, handles: &'static Handles, now: Instant) -> Self {
        let misbehaviour = Rc::clone(&opening.misbehaviour);
        let ping_every = misbehaviour.ping_every_ms.map_or(PING_EVERY, |ms| Duration::from_millis(ms.max(10)));
        let mut session = Self {
            settings: None,
            handles,
            messages: Messages::new(Rc::clone(&misbehaviour)),
            ids: Ids::new(opening.seed),
            conversation: Conversation::default(),
            input: Input::new(FORMAT, None),
            ear: caller::Ear::default(),
            in_activity: false,
            words: Vec::new(),
            words_begun: false,
            awaits_history: false,
            run: None,
            owes: false,
            open_calls: Vec::new(),
            cancelled_calls: Vec::new(),
            late_usage: Vec::new(),
            pace: opening.pace.with(&misbehaviour),
            ends: opening.ends(now),
            misbehaviour,
            ping_at: now + ping_every,
            ping_every,
            unanswered_ping: false,
            heard_messages: 0,
            responses_begun: 0,
            responses_done: 0,
            turns_begun: 0,
            closed: false,
            opening,
        };
        if let Some(busy) = session.misbehaviour.busy {
            let (code, reason) = if busy == 1 { (1011, "RESOURCE_EXHAUSTED") } else { (1013, "Try again later.") };
            session.close(&Close::new(code, reason));
        }
        session
    }

    fn hear(&mut self, text: &str, now: Instant) -> Result<(), Close> {
        self.heard_messages += 1;
        match (client::read(text)?, self.settings.is_some()) {
            (Incoming::Message("setup", setup), false) => self.set_up(&setup, now),
            (Incoming::Message("setup", _), true) => Err(Close::new(1007, "setup must be the first message.")),
            (_, false) => Err(Close::new(1007, "The first message must be setup.")),
            (Incoming::Audio(blob), true) => self.hear_audio(&blob, now),
            (Incoming::Message("clientContent", content), true) => self.hear_content(&content, now),
            (Incoming::Message("realtimeInput", input), true) => self.hear_input(&input, now),
            (Incoming::Message("toolResponse", response), true) => self.hear_results(&response, now),
            (Incoming::Message("contextUpdate", update), true) => {
                self.settings.as_mut().map_or(Ok(()), |settings| settings.update(&update))
            }
            (Incoming::Message(..), true) => Err(Close::argument()),
        }
    }

    fn close(&mut self, close: &Close) {
        self.closed = true;
        self.messages.outgoing().close(close.code, &close.reason);
    }

    fn end(&mut self, end: End) {
        match end {
            End::Warn { left } => {
                let left = format!("{}s", left.as_secs_f64());
                return self.messages.send(&json!({"goAway": {"timeLeft": left}}));
            }
            End::Expire => self.close(&Close::new(1000, "")),
            End::TooLong => self.close(&Close::new(1008, "BidiGenerateContent session expired")),
            End::Close => {
                let internal = Close::new(1011, "Internal error encountered.");
                self.close(&self.misbehaviour.close_as.map_or(internal, Close::rehearsed));
            }
            End::Drop => self.messages.outgoing().drop_connection(),
        }
        self.closed = true;
    }

    fn ping(&mut self, now: Instant) {
        if self.unanswered_ping && Misbehaviour::on(self.misbehaviour.require_pong) {
            return self.close(&Close::new(1011, "keepalive ping timeout"));
        }
        if !Misbehaviour::on(self.misbehaviour.no_pings) {
            self.unanswered_ping = true;
            self.messages.outgoing().ping();
        }
        self.ping_at = now + self.ping_every;
    }

    /// Takes what is due of a list in the order of its times.
    fn take_due<T>(list: &mut Vec<(Instant, T)>, now: Instant) -> Vec<T> {
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(list).into_iter().partition(|(at, _)| *at <= now);
        *list = later;
        due.into_iter().map(|(_, it)| it).collect()
    }
}

impl ServerSession for Session {
    fn hear_text(&mut self, text: &str, now: Instant) {
        if self.closed {
            return;
        }
        if let Err(close) = self.hear(text, now) {
            self.close(&close);
        }
    }

    fn hear_binary(&mut self, bytes: &[u8], now: Instant) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.hear_text(text, now),
            Err(_) if self.closed => {}
            Err(_) => self.close(&Close::payload("Expected UTF-8.")),
        }
    }

    fn hear_pong(&mut self) {
        self.unanswered_ping = false;
    }

    fn next_out(&mut self) -> Option<Out> {
        self.messages.next()
    }

    fn waiting(&self) -> usize {
        self.messages.waiting()
    }

    fn deadline(&self) -> Instant {
        let ends = self.ends.iter().map(|(at, _)| *at);
        let words = self.words.iter().map(|(at, ..)| *at);
        let usage = self.late_usage.iter().map(|(at, _)| *at);
        let run = self.run.as_ref().and_then(Run::next_at);
        ends.chain(words).chain(usage).chain(run).fold(self.ping_at, Instant::min)
    }

    fn tick(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        let mut ends = Self::take_due(&mut self.ends, now);
        ends.sort_unstable();
        for end in ends {
            self.end(end);
            if self.closed {
                return;
            }
        }
        if self.ping_at <= now {
            self.ping(now);
        }
        self.send_words(now);
        for usage in Self::take_due(&mut self.late_usage, now) {
            self.messages.send(&json!({"usageMetadata": usage}));
        }
        self.perform(now);
    }
}

/// Ping interval of the server.
const PING_EVERY: Duration = Duration::from_secs(20);
