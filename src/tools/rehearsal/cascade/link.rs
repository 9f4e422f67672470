//! What the sockets of all engines share: the queue, what is sent later, and the ends. Pure.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::Value;

use crate::tools::rehearsal::agenda::Agenda;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::{Noise, Out, Outgoing};
use crate::tools::rehearsal::protocol::{ServerSession, Visit};

/// An engine behind a socket.
pub(super) trait Engine {
    /// Handles a text message of the client.
    fn hear_text(&mut self, text: &str, link: &mut Link);
    /// Handles a binary message of the client.
    fn hear_binary(&mut self, bytes: &[u8], link: &mut Link);
}

/// A socket and the engine behind it.
#[derive(Debug)]
pub(super) struct Socket<E> {
    engine: E,
    link: Link,
}

/// The engine's end of a socket. Its times are in milliseconds since the socket opened.
#[derive(Debug)]
pub(super) struct Link {
    out: Outgoing,
    agenda: Agenda<(u64, Due)>,
    opened: Instant,
    now: Instant,
    idle: Idle,
    idle_since: Instant,
    is_over: bool,
    misbehaviour: Rc<Misbehaviour>,
}

/// How an engine ends a socket that is not used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Idle {
    /// After this time.
    pub(super) after: Duration,
    /// The close code.
    pub(super) code: u16,
    /// The reason.
    pub(super) reason: &'static str,
}

/// What an engine sends.
#[derive(Debug, Clone)]
pub(super) enum Message {
    /// A text message.
    Text(Value),
    /// A binary message.
    Audio(Bytes),
}

#[derive(Debug)]
enum Due {
    Send(Message),
    Close(u16, String),
    Drop,
}

impl<E: Engine> Socket<E> {
    /// Opens a socket to `engine`, which has sent `hello` if it greets.
    pub(super) fn open(engine: E, hello: Option<Value>, idle: Idle, visit: &Visit<'_>) -> Box<Self> {
        let mut link = Link::new(idle, Rc::clone(&visit.misbehaviour), visit.now);
        if let Some(hello) = hello {
            link.send(hello);
        }
        Box::new(Self { engine, link })
    }
}

impl Link {
    pub(super) fn new(idle: Idle, misbehaviour: Rc<Misbehaviour>, now: Instant) -> Self {
        let after = misbehaviour.idle_after_ms.map_or(idle.after, Duration::from_millis);
        let mut agenda = Agenda::new();
        if let Some(ms) = misbehaviour.close_after_ms {
            agenda.add(ms, (UNTAGGED, Due::Close(1011, "NET-0000 rehearsed".to_owned())));
        }
        if let Some(ms) = misbehaviour.drop_after_ms {
            agenda.add(ms, (UNTAGGED, Due::Drop));
        }
        Self {
            out: Outgoing::new(&NOISE, Rc::clone(&misbehaviour)),
            agenda,
            opened: now,
            now,
            idle: Idle { after, ..idle },
            idle_since: now,
            is_over: false,
            misbehaviour,
        }
    }

    /// What is rehearsed.
    pub(super) fn misbehaviour(&self) -> &Misbehaviour {
        &self.misbehaviour
    }

    /// The time.
    pub(super) fn ms(&self) -> u64 {
        u64::try_from(self.now.saturating_duration_since(self.opened).as_millis()).unwrap_or(u64::MAX)
    }

    /// The client used the socket.
    pub(super) fn touch(&mut self) {
        self.idle_since = self.now;
    }

    /// Sends a text message.
    pub(super) fn send(&mut self, message: Value) {
        self.push(Message::Text(message));
    }

    /// Sends a message at a time. [`Link::forget`] knows it by its tag.
    pub(super) fn send_at(&mut self, at_ms: u64, tag: u64, message: Message) {
        self.agenda.add(at_ms, (tag, Due::Send(message)));
    }

    /// Forgets the messages with a tag, except for the next ones, which are on their way already.
    /// Those are sent now.
    pub(super) fn forget(&mut self, tag: u64, on_their_way: usize) {
        let taken = self.agenda.extract(|(own, _)| *own == tag);
        for (_, due) in taken.into_iter().take(on_their_way) {
            self.perform(due);
        }
    }

    /// Whether messages with a tag wait.
    pub(super) fn has(&self, tag: u64) -> bool {
        self.agenda.any(|(own, _)| *own == tag)
    }

    /// Closes the socket after everything that was sent.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        if !std::mem::replace(&mut self.is_over, true) {
            self.out.close(code, reason);
        }
    }

    /// Closes the socket at a time.
    pub(super) fn close_at(&mut self, at_ms: u64, code: u16, reason: &str) {
        self.agenda.add(at_ms, (UNTAGGED, Due::Close(code, reason.to_owned())));
    }

    fn push(&mut self, message: Message) {
        if self.is_over {
            return;
        }
        match message {
            Message::Text(value) => self.out.push(value.to_string()),
            Message::Audio(audio) => self.out.push_audio(audio),
        }
    }

    fn perform(&mut self, due: Due) {
        match due {
            Due::Send(message) => self.push(message),
            Due::Close(code, reason) => self.close(code, &reason),
            Due::Drop => {
                self.is_over = true;
                self.out.drop_connection();
            }
        }
    }

    /// When something is due.
    fn deadline(&self) -> Instant {
        let idle_at = self.idle_since + self.idle.after;
        self.agenda.next_at().map_or(idle_at, |ms| idle_at.min(self.opened + Duration::from_millis(ms)))
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) {
        self.now = now;
        if self.is_over {
            // Nobody is told anything any more, so nothing is due.
            self.idle_since = now;
            self.agenda = Agenda::new();
            return;
        }
        while let Some((_, due)) = self.agenda.take(self.ms()) {
            self.perform(due);
        }
        if self.idle_since + self.idle.after <= now {
            self.close(self.idle.code, self.idle.reason);
        }
    }

    /// What was sent, for tests.
    #[cfg(test)]
    pub(super) fn take_sent(&mut self) -> Vec<Out> {
        std::iter::from_fn(|| self.out.next()).collect()
    }
}

impl<E: Engine> ServerSession for Socket<E> {
    fn hear_text(&mut self, text: &str, now: Instant) {
        self.link.tick(now);
        if !self.link.is_over {
            self.engine.hear_text(text, &mut self.link);
        }
    }

    fn hear_binary(&mut self, bytes: &[u8], now: Instant) {
        self.link.tick(now);
        if !self.link.is_over {
            self.engine.hear_binary(bytes, &mut self.link);
        }
    }

    fn hear_pong(&mut self) {}

    fn next_out(&mut self) -> Option<Out> {
        self.link.out.next()
    }

    fn waiting(&self) -> usize {
        self.link.out.waiting()
    }

    fn deadline(&self) -> Instant {
        self.link.deadline()
    }

    fn tick(&mut self, now: Instant) {
        self.link.tick(now);
    }
}

/// The tag of what is never forgotten.
pub(super) const UNTAGGED: u64 = u64::MAX;

static NOISE: Noise = Noise { garbage: "{\"type\":", surprise: r#"{"type":"Rehearsed","event":"rehearsed"}"# };

/// A client in virtual time, for tests.
#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// An engine and the link to it.
    pub(in crate::tools::rehearsal::cascade) struct Client<E> {
        pub(in crate::tools::rehearsal::cascade) engine: E,
        pub(in crate::tools::rehearsal::cascade) link: Link,
        now: Instant,
    }

    impl<E: Engine> Client<E> {
        pub(in crate::tools::rehearsal::cascade) fn new(engine: E, idle: Idle, rehearse: &str) -> Self {
            let now = Instant::now();
            let misbehaviour = Misbehaviour::default().with(rehearse).unwrap();
            Self { engine, link: Link::new(idle, Rc::new(misbehaviour), now), now }
        }

        /// Sends a text message and returns the immediate answers.
        pub(in crate::tools::rehearsal::cascade) fn text(&mut self, message: &Value) -> Vec<Out> {
            self.engine.hear_text(&message.to_string(), &mut self.link);
            self.link.take_sent()
        }

        /// Sends a binary message and returns the immediate answers.
        pub(in crate::tools::rehearsal::cascade) fn binary(&mut self, bytes: &[u8]) -> Vec<Out> {
            self.engine.hear_binary(bytes, &mut self.link);
            self.link.take_sent()
        }

        /// Lets time pass, and returns what comes meanwhile.
        pub(in crate::tools::rehearsal::cascade) fn wait(&mut self, ms: u64) -> Vec<Out> {
            let until = self.now + Duration::from_millis(ms);
            while self.now < until {
                self.now = self.link.deadline().clamp(self.now, until);
                self.link.tick(self.now);
                if self.link.deadline() <= self.now {
                    break;
                }
            }
            self.now = until;
            self.link.tick(until);
            self.link.take_sent()
        }

        /// Speaks for a time, in frames of 20 ms that `send` sends; silence has `byte` 0xFF.
        pub(in crate::tools::rehearsal::cascade) fn speak(
            &mut self,
            ms: u64,
            byte: u8,
            send: impl Fn(&mut Self, &[u8]) -> Vec<Out>,
        ) -> Vec<Out> {
            let frame: Vec<u8> = (0..160).map(|n| if n % 20 < 10 { byte } else { byte | 0x80 }).collect();
            let mut out = Vec::new();
            for _ in 0..ms / 20 {
                out.extend(send(self, &frame));
                out.extend(self.wait(20));
            }
            out
        }
    }

    /// The text messages as JSON, and the others as their kinds.
    pub(in crate::tools::rehearsal::cascade) fn told(outs: &[Out]) -> Vec<Value> {
        outs.iter()
            .map(|out| match out {
                Out::Event(text) => serde_json::from_str(text).unwrap_or(Value::Null),
                Out::Audio(audio) => serde_json::json!({ "audio": audio.len() }),
                Out::Close { code, reason } => serde_json::json!({ "close": code, "reason": reason }),
                Out::Binary(_) | Out::Ping | Out::Drop => Value::Null,
            })
            .collect()
    }
}
