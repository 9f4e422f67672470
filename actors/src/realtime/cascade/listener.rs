//! The ears of a call: gives the caller's audio to the engine that serves, finds the turns, and lets
//! the next engine take over in the middle of one. Pure.
//!
//! ```text
//! Closed ──audio, warm──▶ Opening ──opened──▶ Open: what waited is sent first, a little faster
//!    ▲                       │                 │     than it was spoken
//!    └── wait ◀── refused, closed, broken ─────┘
//! ```
//!
//! The audio of the turn in progress is kept, so that the next engine hears the turn from its start.
//! An engine that takes uploads has no socket: each utterance is one request.

mod action;
mod audio;

use std::time::{Duration, Instant};

pub use self::action::{EarsEngine, ListenerAction};
use self::audio::Audio;
use super::ears::{Ears, EarsPlan, Heard, ToEars, Upload, UploadEvent};
use super::engines::{Engines, Verdict};
use super::failure::{Failure, Head, Part};
use super::turns::{EagerCounts, TurnAction, TurnPolicy, Turns};
use super::wire::SocketEvent;
use crate::carrier::AudioFormat;

/// The ears of a call.
#[derive(Debug)]
pub struct Listener {
    engines: Vec<EarsEngine>,
    standings: Engines,
    format: AudioFormat,
    policy: TurnPolicy,
    turns: Turns,
    socket: Socket,
    /// The machine of an engine that takes uploads.
    upload: Option<Box<Upload>>,
    /// The audio of the turn in progress, or of the last moment.
    recent: Audio,
    /// Audio that waits for an engine.
    waiting: Audio,
    /// When more of what waits is sent.
    send_at: Option<Instant>,
    /// When a failed engine is tried again.
    retry_at: Option<Instant>,
    /// Whether no engine is left. Nothing is opened any more.
    is_lost: bool,
    /// Audio given to engines, in bytes, which charge for it.
    given: u64,
}

#[derive(Debug)]
enum Socket {
    Closed,
    Opening(Instant),
    Open(Box<Ears>),
}

impl Listener {
    /// Ears whose engines all take audio in `format`. There is at least one.
    pub fn new(engines: Vec<EarsEngine>, format: AudioFormat, language: &str, policy: TurnPolicy) -> Self {
        let mut listener = Self {
            standings: Engines::new(Part::Ears, engines.len()),
            engines,
            format,
            policy,
            turns: Turns::new(language, policy),
            socket: Socket::Closed,
            upload: None,
            recent: Audio::default(),
            waiting: Audio::default(),
            send_at: None,
            retry_at: None,
            is_lost: false,
            given: 0,
        };
        listener.adopt();
        listener
    }

    /// A detector of ours will say when the caller speaks.
    pub fn trust_detector(&mut self) {
        self.turns.trust_detector();
    }

    /// The caller speaks another language from here on, which these engines hear. An engine that
    /// knows the language already goes on. A turn in progress is heard again by the next one.
    pub fn change(
        &mut self,
        engines: &[EarsEngine],
        language: &str,
        policy: TurnPolicy,
        now: Instant,
        out: &mut Vec<ListenerAction>,
    ) {
        self.turns.speak(language);
        self.policy = policy;
        let is_other = self.engines != engines;
        if is_other {
            if !matches!(std::mem::replace(&mut self.socket, Socket::Closed), Socket::Closed) {
                out.push(ListenerAction::Close);
            }
            self.engines = engines.to_vec();
            self.standings = Engines::new(Part::Ears, engines.len());
            (self.send_at, self.retry_at, self.is_lost) = (None, None, false);
            if self.turns.is_turn() && self.upload.is_none() && self.waiting.bytes == 0 {
                self.waiting = std::mem::take(&mut self.recent);
            }
        }
        self.adopt();
        if is_other {
            self.go_on(now, out);
        }
    }

    /// The place of the engine that serves.
    pub fn engine(&self) -> usize {
        self.standings.current()
    }

    /// How many eager answers were begun, and what became of them.
    pub fn eager_counts(&self) -> EagerCounts {
        self.turns.counts()
    }

    /// Whether the caller is in the middle of a turn.
    pub fn is_turn(&self) -> bool {
        self.turns.is_turn()
    }

    /// Whether the engine that serves can hear: its socket is open, or it needs none.
    pub fn is_open(&self) -> bool {
        self.upload.is_some() || matches!(self.socket, Socket::Open(_))
    }

    /// The audio given to engines since this was asked last.
    pub fn take_given(&mut self) -> Duration {
        self.format.duration_of(usize::try_from(std::mem::take(&mut self.given)).unwrap_or(usize::MAX))
    }

    /// Opens the socket before the caller speaks.
    pub fn warm(&mut self, now: Instant, out: &mut Vec<ListenerAction>) {
        let is_due = self.retry_at.is_none() && !self.is_lost;
        if is_due && self.upload.is_none() && matches!(self.socket, Socket::Closed) {
            self.socket = Socket::Opening(now);
            out.push(ListenerAction::Open { engine: self.engine() });
        }
    }

    /// Takes a frame of caller audio.
    pub fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<ListenerAction>) {
        let most = if self.turns.is_turn() { LONGEST_BACKLOG } else { PRE_ROLL };
        self.recent.push(audio, self.format, most);
        if let Some(upload) = &mut self.upload {
            let mut events = Vec::new();
            upload.hear_caller(audio, &mut events);
            return self.uploaded(events, now, out);
        }
        match &mut self.socket {
            Socket::Open(ears) if self.send_at.is_none() => {
                self.given += audio.len() as u64;
                let mut to = Vec::new();
                ears.hear_caller(audio, now, &mut to);
                pass(to, out);
            }
            Socket::Open(_) | Socket::Opening(_) => self.waiting.push(audio, self.format, LONGEST_BACKLOG),
            Socket::Closed => {
                self.waiting.push(audio, self.format, LONGEST_BACKLOG);
                self.warm(now, out);
            }
        }
    }

    /// Our detector hears the caller begin or cease to speak.
    pub fn speech(&mut self, begins: bool, now: Instant, out: &mut Vec<ListenerAction>) {
        let (mut turns, mut events) = (Vec::new(), Vec::new());
        self.turns.speech(begins, now, &mut turns);
        if let Some(upload) = &mut self.upload {
            upload.speech(begins, &mut events);
        }
        self.turned(turns, out);
        self.uploaded(events, now, out);
    }

    /// The turn is over whatever was heard.
    pub fn force(&mut self, out: &mut Vec<ListenerAction>) {
        let mut turns = Vec::new();
        if let Socket::Open(ears) = &mut self.socket {
            let mut to = Vec::new();
            ears.commit(&mut to);
            pass(to, out);
        }
        self.turns.force(&mut turns);
        self.turned(turns, out);
    }

    /// What was said is not to be answered.
    pub fn discard(&mut self, out: &mut Vec<ListenerAction>) {
        let mut turns = Vec::new();
        self.turns.discard(&mut turns);
        self.turned(turns, out);
        self.turn_taken();
    }

    /// Something came of the socket.
    pub fn socket(&mut self, event: SocketEvent<'_>, now: Instant, out: &mut Vec<ListenerAction>) {
        let mut heard = Vec::new();
        match (event, &mut self.socket) {
            (SocketEvent::Opened, Socket::Opening(_)) => return self.opened(now, out),
            (SocketEvent::Text(text), Socket::Open(ears)) => ears.hear_server(text, &mut heard),
            (SocketEvent::Refused(head, body), Socket::Opening(_)) => {
                return self.failed(&Failure::of_status(Part::Ears, &head, body), now, out);
            }
            (SocketEvent::Closed(code, reason), Socket::Opening(_) | Socket::Open(_)) => {
                return self.failed(&Failure::of_close(Part::Ears, code, reason), now, out);
            }
            (SocketEvent::Broken(problem), Socket::Opening(_) | Socket::Open(_)) => {
                return self.failed(&Failure::of_network(Part::Ears, problem), now, out);
            }
            // Of a socket that was left; no engine sends binary messages.
            (
                SocketEvent::Opened
                | SocketEvent::Text(_)
                | SocketEvent::Binary(_)
                | SocketEvent::Refused(..)
                | SocketEvent::Closed(..)
                | SocketEvent::Broken(_),
                _,
            ) => {}
        }
        for heard in heard {
            self.heard(&heard, now, out);
        }
    }

    /// The answer to an upload came, with its whole body.
    pub fn answered(&mut self, number: u64, head: &Head<'_>, body: &str, now: Instant, out: &mut Vec<ListenerAction>) {
        let mut events = Vec::new();
        if let Some(upload) = &mut self.upload {
            upload.answered(number, head, body, &mut events);
        }
        self.uploaded(events, now, out);
    }

    /// The connection of an upload broke, or the answer took too long.
    pub fn upload_broken(&mut self, problem: &str, now: Instant, out: &mut Vec<ListenerAction>) {
        if self.upload.as_ref().is_some_and(|upload| upload.is_waiting()) {
            self.failed(&Failure::of_network(Part::Ears, problem), now, out);
        }
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        let socket = match &self.socket {
            Socket::Closed => None,
            Socket::Opening(since) => Some(*since + LONGEST_OPENING),
            Socket::Open(ears) => ears.deadline(),
        };
        [socket, self.send_at, self.retry_at, self.turns.deadline()].into_iter().flatten().min()
    }

    /// The deadline has passed.
    pub fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ListenerAction>) {
        if self.retry_at.take_if(|at| *at <= now).is_some() {
            self.go_on(now, out);
        }
        let mut to = Vec::new();
        match &mut self.socket {
            Socket::Opening(since) if *since + LONGEST_OPENING <= now => {
                let failure = Failure::of_network(Part::Ears, "the socket did not open in time");
                self.failed(&failure, now, out);
            }
            Socket::Open(ears) if ears.deadline().is_some_and(|at| at <= now) => ears.deadline_passed(now, &mut to),
            Socket::Closed | Socket::Opening(_) | Socket::Open(_) => {}
        }
        pass(to, out);
        if self.send_at.is_some_and(|at| at <= now) {
            self.send_waiting(now, out);
        }
        let mut turns = Vec::new();
        self.turns.deadline_passed(now, &mut turns);
        self.turned(turns, out);
    }

    /// Asks the engine for what is left and to close.
    pub fn close(&mut self, out: &mut Vec<ListenerAction>) {
        if let Socket::Open(ears) = &mut self.socket {
            let mut to = Vec::new();
            ears.close(&mut to);
            pass(to, out);
        }
    }

    fn opened(&mut self, now: Instant, out: &mut Vec<ListenerAction>) {
        let Some(EarsEngine::Socket { kind, plan }) = self.engines.get(self.engine()) else { return };
        self.socket = Socket::Open(Box::new(kind.open(plan, now)));
        self.send_waiting(now, out);
    }

    /// Sends a part of what waits, and the next part a little sooner than it was spoken.
    fn send_waiting(&mut self, now: Instant, out: &mut Vec<ListenerAction>) {
        let Socket::Open(ears) = &mut self.socket else { return };
        let (mut sent, mut to) = (0, Vec::new());
        while sent < self.format.bytes_per_ms() * PART_MS
            && let Some(frame) = self.waiting.pop()
        {
            sent += frame.len();
            ears.hear_caller(&frame, now, &mut to);
        }
        self.given += sent as u64;
        self.send_at = (self.waiting.bytes > 0).then(|| now + self.format.duration_of(sent) * 4 / 5);
        pass(to, out);
    }

    fn heard(&mut self, heard: &Heard, now: Instant, out: &mut Vec<ListenerAction>) {
        match heard {
            Heard::Failed(failure) => return self.failed(failure, now, out),
            Heard::Complained { code, message } => {
                let (code, message) = (code.clone(), message.clone());
                return out.push(ListenerAction::Complained { code, message });
            }
            // We count what we give.
            Heard::Used(_) => return,
            Heard::Ready
            | Heard::SpeechBegan { .. }
            | Heard::Words { .. }
            | Heard::UtteranceOver { .. }
            | Heard::TurnEndsEagerly { .. }
            | Heard::TurnResumed
            | Heard::TurnOver { .. }
            | Heard::Committed => self.standings.worked(),
        }
        let mut turns = Vec::new();
        self.turns.heard(heard, now, &mut turns);
        self.turned(turns, out);
    }

    fn turned(&mut self, turns: Vec<TurnAction>, out: &mut Vec<ListenerAction>) {
        let is_engines = self.policy_of_engine().is_engines;
        for action in turns {
            match action {
                TurnAction::Commit => {
                    // To an engine that finds the turns, the order would end one.
                    if let Socket::Open(ears) = &mut self.socket
                        && !is_engines
                    {
                        let mut to = Vec::new();
                        ears.commit(&mut to);
                        pass(to, out);
                    }
                    continue;
                }
                TurnAction::Answer { .. } | TurnAction::Nothing => self.turn_taken(),
                TurnAction::Started | TurnAction::Words(_) | TurnAction::AnswerEagerly(_) | TurnAction::TakeBack => {}
            }
            out.push(ListenerAction::Turn(action));
        }
    }

    fn turn_taken(&mut self) {
        if let Socket::Open(ears) = &mut self.socket {
            ears.turn_taken();
        }
        if let Some(upload) = &mut self.upload {
            upload.turn_taken();
        }
        self.recent.shorten(self.format, PRE_ROLL);
    }

    fn uploaded(&mut self, events: Vec<UploadEvent>, now: Instant, out: &mut Vec<ListenerAction>) {
        for event in events {
            match event {
                UploadEvent::Send(turn) => {
                    self.given += (turn.audio.as_millis() as u64) * self.format.bytes_per_ms() as u64;
                    out.push(ListenerAction::Upload { engine: self.engine(), turn });
                }
                UploadEvent::Words(text) => {
                    self.heard(&Heard::Words { text, are_settled: true }, now, out);
                }
                UploadEvent::Nothing => self.heard(&Heard::Committed, now, out),
                UploadEvent::Failed(failure) => self.failed(&failure, now, out),
            }
        }
    }

    fn failed(&mut self, failure: &Failure, now: Instant, out: &mut Vec<ListenerAction>) {
        if !matches!(std::mem::replace(&mut self.socket, Socket::Closed), Socket::Closed) {
            out.push(ListenerAction::Close);
        }
        // The next engine hears the turn from its start, unless its words are known: they would be
        // heard twice.
        let is_sent = self.send_at.take().is_none() && self.waiting.bytes == 0;
        if self.upload.is_none() && is_sent && !self.turns.has_all_words() {
            self.waiting = std::mem::take(&mut self.recent);
        }
        let before = self.engine();
        let at = match self.standings.failed(failure, now) {
            Verdict::Again(at) => at,
            Verdict::TakeOver { engine, at } => {
                out.push(ListenerAction::TookOver { engine, failure: failure.clone() });
                at
            }
            Verdict::Lost(failure) => {
                self.is_lost = true;
                return out.push(ListenerAction::Lost(failure));
            }
        };
        if self.engine() != before {
            self.adopt();
        }
        if at > now {
            self.retry_at = Some(at);
        } else {
            self.go_on(now, out);
        }
    }

    /// Tries the engine that serves.
    fn go_on(&mut self, now: Instant, out: &mut Vec<ListenerAction>) {
        let plan = self.upload_plan().cloned();
        match (&mut self.upload, plan) {
            (Some(upload), Some(plan)) => {
                let mut events = Vec::new();
                upload.again(plan, &mut events);
                // What waited for a socket is heard now.
                while let Some(frame) = self.waiting.pop() {
                    upload.hear_caller(&frame, &mut events);
                }
                self.uploaded(events, now, out);
            }
            (Some(_) | None, _) => self.warm(now, out),
        }
    }

    /// Makes the machine of the engine that serves, and follows its policy. Its plan is given it by
    /// `go_on`.
    fn adopt(&mut self) {
        let is_speech = self.turns.is_turn();
        match self.upload_plan().cloned() {
            Some(plan) if self.upload.is_none() => {
                let mut upload = Upload::new(plan);
                upload.speech(is_speech, &mut Vec::new());
                self.upload = Some(Box::new(upload));
            }
            Some(_) => {}
            None => self.upload = None,
        }
        self.turns.follow(self.policy_of_engine());
    }

    fn upload_plan(&self) -> Option<&EarsPlan> {
        match self.engines.get(self.engine())? {
            EarsEngine::Uploads { plan } => Some(plan),
            EarsEngine::Socket { .. } => None,
        }
    }

    fn policy_of_engine(&self) -> TurnPolicy {
        match self.engines.get(self.engine()) {
            Some(EarsEngine::Socket { kind, .. }) => TurnPolicy { is_engines: kind.finds_turns(), ..self.policy },
            // The whole utterance is sent when it is over, so its words come later.
            Some(EarsEngine::Uploads { .. }) | None => {
                TurnPolicy { is_engines: false, words: self.policy.words.max(SLOW_WORDS), ..self.policy }
            }
        }
    }
}

fn pass(to: Vec<ToEars>, out: &mut Vec<ListenerAction>) {
    out.extend(to.into_iter().map(ListenerAction::Send));
}

/// The most audio that waits for an engine. Longer: the answer comes to words long past.
const LONGEST_BACKLOG: Duration = Duration::from_secs(10);
/// Audio before a turn, which may hold its first sound.
const PRE_ROLL: Duration = Duration::from_millis(500);
/// Audio of what waits that is sent at once. Engines refuse audio much faster than it was spoken.
const PART_MS: usize = 100;
/// How long a socket may take to open.
const LONGEST_OPENING: Duration = Duration::from_secs(4);
/// How long the words of an upload are waited for.
const SLOW_WORDS: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests;
