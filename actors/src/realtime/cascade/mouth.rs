//! The voice of a call: gives the pieces of an answer to the engine that serves, and lets the next
//! one take over in the middle of an answer. Pure.
//!
//! ```text
//! Closed ──begin, warm──▶ Opening ──opened──▶ Open ──idle close──▶ Closed
//!                            └─ refused, broken ─┴─▶ the same engine again, the next one, or Lost
//! ```
//!
//! An engine that takes requests needs no socket: each piece is one request, one after the other.
//! After a take-over the sentence that was being said is said again from its start.

mod action;
mod utterance;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use self::action::{MouthAction, VoiceEngine};
use self::utterance::{Said, Utterance};
use super::engines::{Engines, Verdict};
use super::failure::{Failure, Part};
use super::playback::Pace;
use super::text::Piece;
use super::voice::{Speech, Spoken, ToVoice, Voice, VoicePlan, speech_request};
use super::wire::{RequestEvent, SocketEvent};
use crate::carrier::AudioFormat;
use crate::frame::Frame;

/// The voice of a call.
#[derive(Debug)]
pub struct Mouth {
    engines: Vec<VoiceEngine>,
    standings: Engines,
    format: AudioFormat,
    socket: Socket,
    /// The request that is running.
    request: Option<Running>,
    last_request: u64,
    current: Option<Utterance>,
    /// The last answers, of which the call may still ask what was heard.
    past: VecDeque<Utterance>,
    /// When a failed engine is tried again.
    retry_at: Option<Instant>,
    pace: Pace,
    /// Characters that were given to engines, which charge for them.
    characters: u64,
}

#[derive(Debug)]
enum Socket {
    Closed,
    Opening(Instant),
    Open(Box<Voice>),
}

#[derive(Debug)]
struct Running {
    number: u64,
    speech: Speech,
    /// The place of its piece in the last part of the answer, and its audio so far.
    place: usize,
    audio: Duration,
}

impl Mouth {
    /// A voice whose engines all give audio in `format`. There is at least one.
    pub fn new(engines: Vec<VoiceEngine>, format: AudioFormat) -> Self {
        Self {
            standings: Engines::new(Part::Voice, engines.len()),
            engines,
            format,
            socket: Socket::Closed,
            request: None,
            last_request: 0,
            current: None,
            past: VecDeque::new(),
            retry_at: None,
            pace: Pace::default(),
            characters: 0,
        }
    }

    /// Another language is spoken from here on, which these engines speak. An engine that speaks the
    /// language already goes on. Nothing is being said.
    pub fn change(&mut self, engines: &[VoiceEngine], now: Instant, out: &mut Vec<MouthAction>) {
        if self.engines == engines {
            return;
        }
        if !matches!(std::mem::replace(&mut self.socket, Socket::Closed), Socket::Closed) {
            out.push(MouthAction::Close);
        }
        self.engines = engines.to_vec();
        self.standings = Engines::new(Part::Voice, engines.len());
        (self.retry_at, self.pace) = (None, Pace::default());
        self.warm(now, out);
    }

    /// Whether an answer is being said.
    pub fn is_speaking(&self) -> bool {
        self.current.is_some()
    }

    /// The place of the engine that serves.
    pub fn engine(&self) -> usize {
        self.standings.current()
    }

    /// Whether the engine that serves can speak: its socket is open, or it needs none.
    pub fn is_open(&self) -> bool {
        let takes_requests = matches!(self.engines.get(self.engine()), Some(VoiceEngine::Requests { .. }));
        takes_requests || matches!(self.socket, Socket::Open(_))
    }

    /// Characters given to engines since this was asked last.
    pub fn take_characters(&mut self) -> u64 {
        std::mem::take(&mut self.characters)
    }

    /// Opens the socket before anything is said, so that the first answer does not wait for it.
    pub fn warm(&mut self, now: Instant, out: &mut Vec<MouthAction>) {
        if matches!(self.engines.get(self.engine()), Some(VoiceEngine::Socket { .. })) && self.retry_at.is_none() {
            self.open(now, out);
        }
    }

    /// Says a piece of an answer. Answers are numbered upwards; another one ends the one before.
    pub fn say(&mut self, utterance: u64, piece: Piece, now: Instant, out: &mut Vec<MouthAction>) {
        if self.current.as_ref().is_some_and(|current| current.number != utterance) {
            self.cancel(now, out);
        }
        let current = self.current.get_or_insert_with(|| Utterance::new(utterance));
        current.pieces.push(piece);
        current.awaited_since.get_or_insert(now);
        self.go_on(now, out);
    }

    /// No more pieces of the answer will come.
    pub fn end(&mut self, utterance: u64, now: Instant, out: &mut Vec<MouthAction>) {
        let Some(current) = self.current.as_mut().filter(|current| current.number == utterance) else { return };
        current.is_complete = true;
        current.awaited_since = Some(now);
        if current.pieces.is_empty() {
            return self.complete(out);
        }
        if let Socket::Open(voice) = &mut self.socket {
            let mut to = Vec::new();
            let has_come = voice.end(utterance, now, &mut to);
            self.pass(to, now, out);
            if has_come {
                return self.ended(utterance, now, out);
            }
        }
        self.go_on(now, out);
    }

    /// Nobody wants the rest of the answer that is being said.
    pub fn cancel(&mut self, now: Instant, out: &mut Vec<MouthAction>) {
        let Some(current) = self.current.take() else { return };
        if let Some(running) = self.request.take() {
            out.push(MouthAction::Abort { number: running.number });
        }
        if let Socket::Open(voice) = &mut self.socket {
            let mut to = Vec::new();
            voice.cancel(current.number, now, &mut to);
            self.pass(to, now, out);
        }
        self.keep(current);
    }

    /// Where the content of an answer is cut if so much of its audio was played, in bytes. `None` if
    /// the answer is too old to be known.
    pub fn heard_content(&self, utterance: u64, played: Duration) -> Option<usize> {
        let known = self.past.iter().chain(&self.current).find(|known| known.number == utterance)?;
        Some(known.heard_content(played, self.pace))
    }

    /// How many letters of an answer were heard if so much of its audio was played. `None` if the
    /// answer is too old to be known.
    pub fn heard_letters(&self, utterance: u64, played: Duration) -> Option<usize> {
        let known = self.past.iter().chain(&self.current).find(|known| known.number == utterance)?;
        Some(known.heard_letters(played, self.pace))
    }

    /// Something came of the socket.
    pub fn socket(&mut self, event: SocketEvent<'_>, now: Instant, out: &mut Vec<MouthAction>) {
        let (mut spoken, mut to) = (Vec::new(), Vec::new());
        match (event, &mut self.socket) {
            (SocketEvent::Opened, Socket::Opening(_)) => return self.opened(now, out),
            (SocketEvent::Text(text), Socket::Open(voice)) => voice.hear_text(text, now, &mut spoken, &mut to),
            (SocketEvent::Binary(bytes), Socket::Open(voice)) => voice.hear_binary(bytes, &mut spoken),
            (SocketEvent::Refused(head, body), Socket::Opening(_)) => {
                return self.failed(&Failure::of_status(Part::Voice, &head, body), now, out);
            }
            (SocketEvent::Closed(code, reason), Socket::Opening(_) | Socket::Open(_)) => {
                return self.closed(&Failure::of_close(Part::Voice, code, reason), now, out);
            }
            (SocketEvent::Broken(problem), Socket::Opening(_) | Socket::Open(_)) => {
                return self.closed(&Failure::of_network(Part::Voice, problem), now, out);
            }
            // Of a socket that was left.
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
        self.pass(to, now, out);
        for spoken in spoken {
            self.spoken(spoken, now, out);
        }
    }

    /// Something came of a request.
    pub fn request(&mut self, number: u64, event: RequestEvent<'_>, now: Instant, out: &mut Vec<MouthAction>) {
        // A request that was aborted may still bring something.
        let Some(running) = self.request.as_mut().filter(|running| running.number == number) else { return };
        let mut spoken = Vec::new();
        match event {
            RequestEvent::Head(head, body) => running.speech.head(&head, body, now, &mut spoken),
            RequestEvent::Bytes(bytes) => running.speech.bytes(bytes, now, &mut spoken),
            RequestEvent::End => running.speech.end(&mut spoken),
            RequestEvent::Broken(problem) => running.speech.broken(problem, &mut spoken),
        }
        for spoken in spoken {
            self.spoken(spoken, now, out);
        }
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        let socket = match &self.socket {
            Socket::Closed => None,
            Socket::Opening(since) => Some(*since + LONGEST_OPENING),
            Socket::Open(voice) => voice.deadline(),
        };
        let request = self.request.as_ref().and_then(|running| running.speech.deadline());
        let awaited = self.awaited().map(|since| since + LONGEST_AWAITED);
        [socket, request, awaited, self.retry_at].into_iter().flatten().min()
    }

    /// The deadline has passed.
    pub fn deadline_passed(&mut self, now: Instant, out: &mut Vec<MouthAction>) {
        if self.retry_at.take_if(|at| *at <= now).is_some() {
            self.try_again(now, out);
        }
        let (mut spoken, mut to) = (Vec::new(), Vec::new());
        match &mut self.socket {
            Socket::Opening(since) if *since + LONGEST_OPENING <= now => {
                return self.failed(&Failure::of_network(Part::Voice, "the socket did not open in time"), now, out);
            }
            Socket::Open(voice) if voice.deadline().is_some_and(|at| at <= now) => voice.deadline_passed(now, &mut to),
            Socket::Closed | Socket::Opening(_) | Socket::Open(_) => {}
        }
        if let Some(running) = &mut self.request {
            running.speech.deadline_passed(now, &mut spoken);
        }
        self.pass(to, now, out);
        for spoken in spoken {
            self.spoken(spoken, now, out);
        }
        if self.awaited().is_some_and(|since| since + LONGEST_AWAITED <= now) {
            self.overdue(now, out);
        }
    }

    /// Since when the socket's engine owes audio or an end. A request has a limit of its own.
    fn awaited(&self) -> Option<Instant> {
        let is_open = matches!(self.socket, Socket::Open(_));
        self.current.as_ref().filter(|_| is_open && self.request.is_none())?.awaited_since
    }

    fn overdue(&mut self, now: Instant, out: &mut Vec<MouthAction>) {
        let has_all = self.current.as_ref().is_some_and(|current| {
            current.is_complete && current.parts.last().is_some_and(|said| !said.audio.is_zero())
        });
        if has_all {
            // The audio has stopped, and only its end was not told.
            let message = "the end of the audio was not told; went on without it".to_owned();
            out.push(MouthAction::Complained { code: "end_untold".to_owned(), message });
            self.complete(out);
        } else {
            self.failed(&Failure::of_network(Part::Voice, "no audio came in time"), now, out);
        }
    }

    /// Gives the engine what it can take now.
    fn go_on(&mut self, now: Instant, out: &mut Vec<MouthAction>) {
        if self.current.is_none() || self.retry_at.is_some() {
            return;
        }
        match self.engines.get(self.engine()) {
            Some(VoiceEngine::Socket { .. }) => match self.socket {
                Socket::Closed => self.open(now, out),
                Socket::Opening(_) => {}
                Socket::Open(_) => self.give(now, out),
            },
            Some(VoiceEngine::Requests { plan, response_format }) if self.request.is_none() => {
                let (plan, response_format) = (plan.clone(), response_format.clone());
                self.ask(&plan, &response_format, now, out);
            }
            Some(VoiceEngine::Requests { .. }) | None => {}
        }
    }

    fn open(&mut self, now: Instant, out: &mut Vec<MouthAction>) {
        if matches!(self.socket, Socket::Closed) {
            self.socket = Socket::Opening(now);
            out.push(MouthAction::Open { engine: self.engine() });
        }
    }

    fn opened(&mut self, now: Instant, out: &mut Vec<MouthAction>) {
        let Some(VoiceEngine::Socket { kind, plan }) = self.engines.get(self.engine()) else { return };
        self.socket = Socket::Open(Box::new(kind.open(plan, now)));
        if let Some(current) = &mut self.current {
            current.awaited_since = Some(now);
        }
        self.go_on(now, out);
    }

    /// Gives the socket's engine the pieces that it does not have yet.
    fn give(&mut self, now: Instant, out: &mut Vec<MouthAction>) {
        let (Socket::Open(voice), Some(current)) = (&mut self.socket, &mut self.current) else { return };
        let mut to = Vec::new();
        while let Some(piece) = current.pieces.get(current.given) {
            voice.say(current.number, &piece.text, now, &mut to);
            self.characters += piece.text.chars().count() as u64;
            current.given += 1;
            let piece = piece.clone();
            current.part().playback.say(piece);
            if current.is_complete && current.given == current.pieces.len() {
                voice.end(current.number, now, &mut to);
            }
        }
        self.pass(to, now, out);
    }

    /// Asks for the next piece.
    fn ask(&mut self, plan: &VoicePlan, response_format: &str, now: Instant, out: &mut Vec<MouthAction>) {
        let Some(current) = &mut self.current else { return };
        let Some(piece) = current.pieces.get(current.given).cloned() else {
            if current.is_complete {
                self.complete(out);
            }
            return;
        };
        self.last_request += 1;
        self.characters += piece.text.chars().count() as u64;
        let (number, request) = (self.last_request, speech_request(plan, &piece.text, response_format));
        current.given += 1;
        let place = current.part().playback.say(piece);
        self.request = Some(Running { number, speech: Speech::new(current.number, now), place, audio: Duration::ZERO });
        out.push(MouthAction::Request { number, engine: self.standings.current(), request });
    }

    fn spoken(&mut self, spoken: Spoken, now: Instant, out: &mut Vec<MouthAction>) {
        match spoken {
            Spoken::Ready => {}
            Spoken::Audio { utterance, audio } => self.sounds(utterance, audio, now, out),
            Spoken::Timings { utterance, timings } => {
                if let Some(current) = self.current.as_mut().filter(|current| current.number == utterance) {
                    let words = current.timed(&timings);
                    out.push(MouthAction::Timed { utterance, words });
                }
            }
            Spoken::Ended { utterance } => self.ended(utterance, now, out),
            Spoken::Complained { code, message } => out.push(MouthAction::Complained { code, message }),
            Spoken::Failed(failure) => self.failed(&failure, now, out),
        }
    }

    fn sounds(&mut self, utterance: u64, audio: Frame, now: Instant, out: &mut Vec<MouthAction>) {
        let Some(current) = self.current.as_mut().filter(|current| current.number == utterance) else { return };
        let duration = self.format.duration_of(audio.len());
        current.part().audio += duration;
        if let Some(running) = &mut self.request {
            running.audio += duration;
        }
        // Between the pieces of an answer there may be nothing to say.
        current.awaited_since = current.is_complete.then_some(now);
        self.standings.worked();
        out.push(MouthAction::Audio { utterance, audio });
    }

    /// The engine has said everything of an answer, or of a request.
    fn ended(&mut self, utterance: u64, now: Instant, out: &mut Vec<MouthAction>) {
        let Some(current) = self.current.as_mut().filter(|current| current.number == utterance) else { return };
        match self.request.take() {
            Some(Running { place, audio, .. }) => {
                current.part().playback.piece_took(place, audio, &mut self.pace);
                self.go_on(now, out);
            }
            None if current.is_complete => self.complete(out),
            // The engine ended an answer that goes on: it begins anew with the next piece.
            None => current.end_part(&mut self.pace),
        }
    }

    fn complete(&mut self, out: &mut Vec<MouthAction>) {
        let Some(mut current) = self.current.take() else { return };
        let Said { playback, audio } = current.part();
        playback.took(*audio, &mut self.pace);
        out.push(MouthAction::Complete { utterance: current.number });
        self.keep(current);
    }

    fn keep(&mut self, utterance: Utterance) {
        self.past.push_back(utterance);
        if self.past.len() > MOST_PAST {
            self.past.pop_front();
        }
    }

    /// The socket is gone. While nothing is said that is no fault.
    fn closed(&mut self, failure: &Failure, now: Instant, out: &mut Vec<MouthAction>) {
        if self.current.is_none() && matches!(self.socket, Socket::Open(_)) {
            self.socket = Socket::Closed;
        } else {
            self.failed(failure, now, out);
        }
    }

    fn failed(&mut self, failure: &Failure, now: Instant, out: &mut Vec<MouthAction>) {
        if !matches!(std::mem::replace(&mut self.socket, Socket::Closed), Socket::Closed) {
            out.push(MouthAction::Close);
        }
        if let Some(Running { number, .. }) = self.request.take() {
            out.push(MouthAction::Abort { number });
        }
        if let Some(current) = &mut self.current {
            current.begin_part(self.pace);
            current.awaited_since = Some(now);
        }
        let at = match self.standings.failed(failure, now) {
            Verdict::Again(at) => at,
            Verdict::TakeOver { engine, at } => {
                out.push(MouthAction::TookOver { engine, failure: failure.clone() });
                at
            }
            Verdict::Lost(failure) => {
                if let Some(current) = self.current.take() {
                    self.keep(current);
                }
                return out.push(MouthAction::Lost(failure));
            }
        };
        if at > now {
            self.retry_at = Some(at);
        } else {
            self.try_again(now, out);
        }
    }

    /// Tries the engine that serves. Without anything to say, its socket is opened all the same.
    fn try_again(&mut self, now: Instant, out: &mut Vec<MouthAction>) {
        if self.current.is_none() { self.warm(now, out) } else { self.go_on(now, out) }
    }

    fn pass(&mut self, to: Vec<ToVoice>, now: Instant, out: &mut Vec<MouthAction>) {
        for message in to {
            match message {
                ToVoice::Text(text) => out.push(MouthAction::Send(text)),
                ToVoice::Reopen => {
                    out.push(MouthAction::Close);
                    self.socket = Socket::Closed;
                    self.open(now, out);
                }
            }
        }
    }
}

/// How long a socket may take to open.
const LONGEST_OPENING: Duration = Duration::from_secs(4);
/// How long audio, or its end, is awaited. Shorter: a slow engine is given up. Longer: the caller
/// hears nothing for so long.
const LONGEST_AWAITED: Duration = Duration::from_secs(5);
/// The answers whose playback is kept.
const MOST_PAST: usize = 4;

#[cfg(test)]
mod tests;
