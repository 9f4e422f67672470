//! A carrier's stream, from its upgrade to its end: what it may say when, what the call is told of it, and how it ends. Pure.
//!
//! A stream awaits its `start`; then it asks to be admitted, and what it says meanwhile is held; then it is attached to its call.
//! Any of its ends closes it once, in order where somebody is there to read the close frame, and the call is told of the end once:
//! the first sign wins, the others find the stream closed. What a carrier's page says of it comes as [`Capabilities`].
//!
//! The shell owns the socket, the wire and the clock: it hands in what comes, does what is asked, and wakes the stream at its
//! [`Stream::deadline`].
#![doc = include_str!("stream.md")]

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::hang_up;
use super::messages::{LineReport, PlayoutSignal};
use super::pre_start::PreStartBuffer;
use crate::carrier::{
    CallerFrame, Capabilities, LineCommand, LineEvent, Liveness, MismatchedFrame, SecondStart, StreamStart, WireError,
};
use crate::ids::CarrierCallId;

/// One carrier's stream.
#[derive(Debug)]
pub struct Stream {
    can: Capabilities,
    start_timeout: Duration,
    state: State,
    /// The carrier's call, once `start` has named it.
    carrier_call: Option<CarrierCallId>,
    /// Frames that came before `start`.
    early: u64,
    /// Messages that could not be used, so far.
    malformed: u32,
    /// Frames dropped since the call was last told.
    dropped: u64,
    /// Whether the carrier gave a sign of life since the last tick.
    heard: bool,
    /// When counters and liveness are looked at.
    tick: Instant,
}

/// Where a stream stands.
#[derive(Debug)]
enum State {
    /// Upgraded; `start` has not come.
    AwaitingStart {
        /// No longer than until then.
        until: Instant,
    },
    /// A call was asked for and has not taken the line.
    Asking {
        /// No longer than until then.
        until: Instant,
        /// What the carrier says meanwhile.
        held: PreStartBuffer,
    },
    /// In the call.
    Attached,
    /// The call is gone; whoever hangs up at the carrier closes the stream behind that.
    Orphaned {
        /// No longer than until then.
        until: Instant,
    },
    /// A close frame is out; its answer is awaited, nothing else matters.
    Closing {
        /// No longer than until then.
        until: Instant,
        /// Whether a call has to be told of the end.
        attached: bool,
    },
    /// It is over.
    Ended,
}

/// What happens to a stream.
#[derive(Debug)]
pub enum StreamEvent {
    /// A message of the carrier, as its wire reads it.
    Message(Result<LineEvent, WireError>),
    /// A frame of the socket that is no whole message: a ping, its answer, a fragment.
    Frame,
    /// The call has taken the line.
    Taken,
    /// No call is to be had.
    Refused {
        /// Whether another try later may be luckier.
        later: bool,
        /// Why, for the carrier's log.
        reason: String,
    },
    /// The call orders something.
    Command(LineCommand),
    /// A fragmented message broke the rules.
    Broken(Broken),
    /// The socket broke the rules: nothing that follows can be believed.
    Spoilt(Broken),
    /// The carrier's close frame.
    PeerClosed {
        /// It names no fault.
        in_order: bool,
    },
    /// The time of [`Stream::deadline`] has come, or a later one.
    TimeUp {
        /// Whether the call hears reports.
        call_is_there: bool,
    },
    /// The socket is gone.
    Gone,
}

/// A rule of WebSockets that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A message is larger than one may be.
    TooLarge,
    /// Text that is not UTF-8.
    NotText,
    /// Any other.
    Protocol,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum StreamAction {
    /// Ask for a call on this thread.
    Ask(Box<StreamStart>),
    /// Tell whoever asked that the line is taken. What waits for it is let go with [`Self::Close`] and [`Self::Stop`] otherwise.
    ConfirmTaken,
    /// Hand a frame to the call, if it has room.
    Frame(CallerFrame),
    /// Put a frame right first, then hand it on.
    OddFrame(MismatchedFrame),
    /// Tell the call what the carrier says of its playout.
    Playout(PlayoutSignal),
    /// Tell the call.
    Report(LineReport),
    /// Write this on the wire.
    Write(LineCommand),
    /// Tell operators of a message that could not be used.
    TellMalformed(String),
    /// Tell operators that no call came of the stream, by this word.
    TellRefused(&'static str),
    /// Tell operators that so many frames came before `start` and were dropped.
    TellEarly(u64),
    /// Send a close frame behind what is queued.
    Close {
        /// What it says.
        code: CloseCode,
        /// Why, in words.
        reason: Cow<'static, str>,
    },
    /// Let the socket go.
    Stop,
}

/// What our close frame says (RFC 6455 §7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// 1000: in order.
    Normal,
    /// 1002: a rule of WebSockets is broken.
    Protocol,
    /// 1007: text is no text.
    Invalid,
    /// 1008: the peer does what it must not.
    Policy,
    /// 1009: a message is too large.
    Size,
    /// 1011: we cannot go on.
    Error,
    /// 1013: try again later.
    Again,
}

impl Stream {
    /// A stream that was upgraded at `now`, of a carrier that can do `can`. `start_timeout` is how long `start`, and then the call,
    /// may take.
    pub fn new(can: &Capabilities, start_timeout: Duration, now: Instant) -> Self {
        Self {
            can: *can,
            start_timeout,
            state: State::AwaitingStart { until: now + start_timeout },
            carrier_call: None,
            early: 0,
            malformed: 0,
            dropped: 0,
            heard: false,
            tick: now + TICK,
        }
    }

    /// What follows from `event`, behind what is in `out`.
    pub fn handle(&mut self, event: StreamEvent, now: Instant, out: &mut Vec<StreamAction>) {
        use StreamEvent as E;
        if matches!(self.state, State::Ended) {
            return;
        }
        match event {
            E::Message(Ok(event)) => self.message(event, now, out),
            E::Message(Err(problem)) => {
                self.frame();
                self.ignore(problem.to_string(), now, out);
            }
            E::Frame => self.frame(),
            E::Taken => self.taken(out),
            E::Refused { later, reason } => {
                self.close(if later { CloseCode::Again } else { CloseCode::Policy }, reason, now, out);
            }
            E::Command(command) => self.command(command, now, out),
            E::Broken(rule) => self.close_broken(rule, now, out),
            E::Spoilt(rule) => {
                self.close_broken(rule, now, out);
                self.end(out);
            }
            E::PeerClosed { in_order } => {
                if in_order && self.is_attached() {
                    out.push(StreamAction::Report(LineReport::Left));
                }
                self.close(CloseCode::Normal, "", now, out);
                self.end(out);
            }
            E::TimeUp { call_is_there } => self.time_passed(call_is_there, now, out),
            E::Gone => self.end(out),
        }
    }

    /// Frames found no room on their way to the call, or were of no use.
    pub const fn frames_dropped(&mut self, frames: u64) {
        self.dropped += frames;
    }

    /// Whether a close frame is out, behind which nothing is said.
    pub const fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing { .. } | State::Ended)
    }

    /// When [`StreamEvent::TimeUp`] is due; never once it is over.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::AwaitingStart { until } | State::Asking { until, .. } | State::Orphaned { until } => {
                Some(until.min(self.tick))
            }
            State::Attached => Some(self.tick),
            State::Closing { until, .. } => Some(until),
            State::Ended => None,
        }
    }

    /// Whether it is in a call, which may be gone already.
    const fn is_attached(&self) -> bool {
        matches!(self.state, State::Attached | State::Orphaned { .. })
    }
}

/// What the carrier says.
impl Stream {
    /// Any frame proves that the carrier is there, unless only audio does.
    fn frame(&mut self) {
        self.heard |= self.can.liveness != Liveness::AudioOnly;
    }

    fn message(&mut self, event: LineEvent, now: Instant, out: &mut Vec<StreamAction>) {
        self.frame();
        self.heard |= matches!(event, LineEvent::Audio(_) | LineEvent::OddAudio(_));
        match (&mut self.state, event) {
            (State::Closing { .. } | State::Ended, _) | (_, LineEvent::Connected | LineEvent::Other(_)) => {}
            (State::AwaitingStart { .. }, LineEvent::Started(start)) => self.ask(start, now, out),
            // Some carriers cannot wait. It is bounded by the time that `start` has.
            (State::AwaitingStart { .. }, LineEvent::Audio(_) | LineEvent::OddAudio(_)) => self.early += 1,
            (State::AwaitingStart { .. }, _) => self.ignore("a message before `start`".to_owned(), now, out),
            (_, LineEvent::Started(start)) => self.second_start(&start, now, out),
            (State::Asking { held, .. }, event) => held.push(event),
            (State::Attached | State::Orphaned { .. }, event) => out.extend(passed(event)),
        }
    }

    fn ask(&mut self, start: Box<StreamStart>, now: Instant, out: &mut Vec<StreamAction>) {
        if self.early > 0 {
            out.push(StreamAction::TellEarly(self.early));
        }
        self.carrier_call = Some(start.carrier_call.clone());
        self.state = State::Asking { until: now + self.start_timeout, held: PreStartBuffer::new(start.format.hears) };
        out.push(StreamAction::Ask(start));
    }

    fn second_start(&mut self, start: &StreamStart, now: Instant, out: &mut Vec<StreamAction>) {
        if self.carrier_call.as_ref() != Some(&start.carrier_call) {
            return self.close(CloseCode::Policy, "a `start` of another call", now, out);
        }
        match self.can.second_start {
            SecondStart::Ignored => self.ignore("a second `start`".to_owned(), now, out),
            // The wire has its name; the call goes on upon it.
            SecondStart::NewStream => {}
        }
    }

    /// A message that could not be used: ignored and counted; a peer that sends nothing else is let go.
    fn ignore(&mut self, problem: String, now: Instant, out: &mut Vec<StreamAction>) {
        if self.is_closing() {
            return;
        }
        self.malformed += 1;
        if self.malformed <= MALFORMED_TOLD {
            out.push(StreamAction::TellMalformed(problem));
        }
        if self.is_attached() {
            out.push(StreamAction::Report(LineReport::Malformed));
        }
        if self.malformed >= MOST_MALFORMED {
            self.close(CloseCode::Policy, "too many unreadable messages", now, out);
        }
    }
}

/// What the call says.
impl Stream {
    fn taken(&mut self, out: &mut Vec<StreamAction>) {
        // Closing already: the call learns of the end from whoever asked.
        let State::Asking { held, .. } = &mut self.state else { return };
        let (events, dropped) = std::mem::take(held).release();
        self.state = State::Attached;
        self.dropped += dropped;
        out.push(StreamAction::ConfirmTaken);
        out.extend(events.into_iter().filter_map(passed));
    }

    fn command(&mut self, command: LineCommand, now: Instant, out: &mut Vec<StreamAction>) {
        // Before the call has the line and after its end there is nothing to be said.
        if !self.is_attached() {
            return;
        }
        if command == LineCommand::Close {
            return self.close(CloseCode::Normal, "the call is over", now, out);
        }
        out.push(StreamAction::Write(command));
    }
}

/// Time, and the end.
impl Stream {
    fn time_passed(&mut self, call_is_there: bool, now: Instant, out: &mut Vec<StreamAction>) {
        match self.state {
            State::AwaitingStart { until } if until <= now => {
                out.push(StreamAction::TellRefused("start_timeout"));
                self.close(CloseCode::Policy, "no `start` within limits.start_timeout", now, out);
            }
            State::Asking { until, .. } if until <= now => {
                out.push(StreamAction::TellRefused("attach_timeout"));
                self.close(CloseCode::Error, "the call could not be started in time", now, out);
            }
            State::Orphaned { until } if until <= now => self.close(CloseCode::Error, CALL_OVER, now, out),
            State::Closing { until, .. } if until <= now => self.end(out),
            State::Attached if self.tick <= now => self.look_at_call(call_is_there, now, out),
            State::AwaitingStart { .. }
            | State::Asking { .. }
            | State::Attached
            | State::Orphaned { .. }
            | State::Closing { .. }
            | State::Ended => {}
        }
        if self.tick <= now {
            self.tick = now + TICK;
        }
    }

    /// Once a second: what is counted is told, and a call that is gone without a word leaves its line.
    fn look_at_call(&mut self, call_is_there: bool, now: Instant, out: &mut Vec<StreamAction>) {
        if !call_is_there {
            // It may be hanging up at the carrier, and closes the line then.
            return match hang_up::stream_waits(&self.can) {
                Some(longest) => self.state = State::Orphaned { until: now + longest },
                None => self.close(CloseCode::Error, CALL_OVER, now, out),
            };
        }
        if std::mem::take(&mut self.heard) || self.can.liveness == Liveness::OpenSocket {
            out.push(StreamAction::Report(LineReport::Alive));
        }
        self.report_dropped(out);
    }

    fn report_dropped(&mut self, out: &mut Vec<StreamAction>) {
        if self.dropped > 0 {
            out.push(StreamAction::Report(LineReport::FramesDropped(std::mem::take(&mut self.dropped))));
        }
    }

    fn close_broken(&mut self, rule: Broken, now: Instant, out: &mut Vec<StreamAction>) {
        let (code, reason) = match rule {
            Broken::TooLarge => (CloseCode::Size, "a message larger than limits.max_message"),
            Broken::NotText => (CloseCode::Invalid, "text that is not UTF-8"),
            Broken::Protocol => (CloseCode::Protocol, "WebSocket protocol violation"),
        };
        self.close(code, reason, now, out);
    }

    /// A close frame goes out behind what is queued, and a moment is left for its answer, so that the carrier gets to read both.
    fn close(
        &mut self,
        code: CloseCode,
        reason: impl Into<Cow<'static, str>>,
        now: Instant,
        out: &mut Vec<StreamAction>,
    ) {
        if self.is_closing() {
            return;
        }
        self.state = State::Closing { until: now + LINGER, attached: self.is_attached() };
        out.push(StreamAction::Close { code, reason: reason.into() });
    }

    /// The end, whatever led to it. The only way into [`State::Ended`].
    fn end(&mut self, out: &mut Vec<StreamAction>) {
        let attached = match self.state {
            State::Ended => return,
            State::Closing { attached, .. } => attached,
            State::Attached | State::Orphaned { .. } => true,
            // Not admitted; or whoever asked tells the call, because nothing confirms that the line is taken.
            State::AwaitingStart { .. } | State::Asking { .. } => false,
        };
        self.state = State::Ended;
        if attached {
            self.report_dropped(out);
            out.push(StreamAction::Report(LineReport::Closed));
        }
        out.push(StreamAction::Stop);
    }
}

/// What the call is told of a message; `None` where it need not know.
fn passed(event: LineEvent) -> Option<StreamAction> {
    Some(match event {
        LineEvent::Audio(frame) => StreamAction::Frame(frame),
        LineEvent::OddAudio(frame) => StreamAction::OddFrame(frame),
        LineEvent::MarkEchoed(name) => StreamAction::Playout(PlayoutSignal::MarkEchoed(name)),
        LineEvent::Flow(signal) => StreamAction::Playout(PlayoutSignal::Flow(signal)),
        LineEvent::KeyPressed(key) => StreamAction::Report(LineReport::KeyPressed(key)),
        LineEvent::InputDiscarded => StreamAction::Report(LineReport::InputDiscarded),
        LineEvent::Stopped => StreamAction::Report(LineReport::Stopped),
        // What a clear takes back is settled when it is sent.
        LineEvent::Cleared => return None,
        // Dealt with before a message gets here.
        LineEvent::Connected | LineEvent::Started(_) | LineEvent::Other(_) => return None,
    })
}

const CALL_OVER: &str = "the call is over";
/// How often counters and liveness are looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long the answer to our close frame is awaited. Shorter: the close of the connection may overtake the last audio.
const LINGER: Duration = Duration::from_secs(1);
/// Unusable messages after which a peer is let go. Carriers send none; a few must not cost a caller the call.
const MOST_MALFORMED: u32 = 100;
/// Unusable messages of one stream that are logged one by one; the rest are only counted.
const MALFORMED_TOLD: u32 = 3;

#[cfg(test)]
mod tests;
