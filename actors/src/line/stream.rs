//! A carrier's stream, from its upgrade to its end: what is allowed when, what the call is sent,
//! and how it ends. Pure.
//!
//! A stream waits for its `start`. It then asks for admission and buffers what comes meanwhile, and
//! is attached to its call. Any ending closes it once; it is closed cleanly if the peer can still
//! read the close frame. The call gets one report of the end: the first sign wins, and later ones
//! find the stream closed. Differences between carriers come as [`Capabilities`].
//!
//! The media-stream actor owns the socket, the wire and the clock. It passes in what comes,
//! performs the actions, and wakes the stream at its [`Stream::deadline`].
#![doc = include_str!("stream.md")]

mod close;

use std::borrow::Cow;
use std::time::{Duration, Instant};

pub use self::close::{Broken, CloseCode};
use super::hang_up;
use super::messages::{LineReport, PlayoutSignal};
use super::pre_start::PreStartBuffer;
use crate::carrier::{
    CallerFrame, Capabilities, Incoming, LineCommand, LineEvent, LineFormats, Liveness, Messages, MismatchedFrame,
    Outgoing, Pings, SecondStart, StreamStart, TheirClose, Wire, WireError,
};
use crate::ids::CarrierCallId;

/// One carrier's stream.
#[derive(Debug)]
pub struct Stream {
    can: Capabilities,
    start_timeout: Duration,
    state: State,
    /// The carrier's id of the call and the line's formats, once `start` has named them.
    named: Option<(CarrierCallId, LineFormats)>,
    /// Frames that came before `start`.
    early: u64,
    /// The number of unusable messages so far.
    malformed: u32,
    /// Frames dropped since the last report to the call.
    dropped: u64,
    /// Whether the carrier gave a sign of life since the last tick.
    heard: bool,
    /// When counters and liveness are checked next.
    tick: Instant,
    /// When the carrier is pinged next, if it is.
    ping: Instant,
}

/// The state of a stream.
#[derive(Debug)]
enum State {
    /// Upgraded; `start` has not come.
    AwaitingStart {
        /// The latest time for it.
        until: Instant,
    },
    /// Admission was requested, and the call has not taken the line yet.
    Asking {
        /// The latest time for it.
        until: Instant,
        /// The carrier's events meanwhile.
        buffer: PreStartBuffer,
    },
    /// The call has the line.
    Attached,
    /// The call is gone. Its close is on the way: in the mailbox, or behind a request to the
    /// carrier.
    Orphaned {
        /// The latest time for it.
        until: Instant,
    },
    /// A close frame was sent. Only its answer matters now.
    Closing {
        /// The latest time for it.
        until: Instant,
        /// Whether a call has to be notified of the end.
        attached: bool,
    },
    /// The stream is over.
    Ended,
}

/// An event of a stream.
#[derive(Debug)]
pub enum StreamEvent {
    /// A message of the carrier, decoded by its wire.
    Message(Result<LineEvent, WireError>),
    /// A frame that is not a whole message: a ping, a pong, a fragment.
    Frame,
    /// The call has taken the line.
    Taken,
    /// There is no call for this stream.
    Refused {
        /// Whether another attempt later may succeed.
        later: bool,
        /// Why, for the carrier's log.
        reason: String,
    },
    /// A command from the call.
    Command(LineCommand),
    /// A fragmented message violated the protocol.
    Broken(Broken),
    /// The socket violated the protocol: nothing that follows is reliable.
    Spoilt(Broken),
    /// The carrier's close frame.
    PeerClosed {
        /// Whether it reports no fault.
        in_order: bool,
    },
    /// The time of [`Stream::deadline`] has come or passed.
    TimeUp {
        /// Whether the call still accepts reports.
        call_is_there: bool,
    },
    /// The socket is gone.
    Gone,
}

/// An action for the media-stream actor.
#[derive(Debug, PartialEq)]
pub enum StreamAction {
    /// Request a call on this thread.
    Ask(Box<StreamStart>),
    /// Confirm to the asker that the line is taken. Otherwise [`Self::Close`] and [`Self::Stop`]
    /// release it.
    ConfirmTaken,
    /// Send a frame to the call, if it has room.
    Frame(CallerFrame),
    /// Correct a frame first, then send it on.
    MismatchedFrame(MismatchedFrame),
    /// Forward the carrier's playout report to the call.
    Playout(PlayoutSignal),
    /// Send a report to the call.
    Report(LineReport),
    /// Write this to the wire.
    Write(LineCommand),
    /// Send a ping: its answer shows that the carrier is there.
    Ping,
    /// Log a message that could not be used.
    TellMalformed(String),
    /// Log that the stream got no call, with this reason.
    TellRefused(&'static str),
    /// Log the number of frames that came before `start` and were dropped.
    TellEarly(u64),
    /// Send a close frame after what is queued.
    Close {
        /// Its code.
        code: CloseCode,
        /// Its reason, in words.
        reason: Cow<'static, str>,
    },
    /// Release the socket.
    Stop,
}

impl Stream {
    /// A stream that was upgraded at `now`, of a carrier with capabilities `can`. `start_timeout`
    /// limits the wait for `start`, and then for the call.
    pub fn new(can: &Capabilities, start_timeout: Duration, now: Instant) -> Self {
        Self {
            can: *can,
            start_timeout,
            state: State::AwaitingStart { until: now + start_timeout },
            named: None,
            early: 0,
            malformed: 0,
            dropped: 0,
            heard: false,
            tick: now + TICK,
            ping: now + PING_EVERY,
        }
    }

    /// Takes `event` and appends the actions that follow to `out`.
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
                // A carrier that opens a call's stream again may do so after any close.
                let may_return = self.can.second_start == SecondStart::NewStream;
                if in_order && self.is_attached() && !may_return {
                    out.push(StreamAction::Report(match self.can.their_close {
                        TheirClose::LosesStream => LineReport::Left,
                        TheirClose::CallerHungUp => LineReport::Stopped,
                    }));
                }
                self.close(CloseCode::Normal, "", now, out);
                self.end(out);
            }
            E::TimeUp { call_is_there } => self.time_passed(call_is_there, now, out),
            E::Gone => self.end(out),
        }
    }

    /// Reads a message of the carrier with its wire, if it is of a type that the carrier sends. An
    /// immediate answer is written to `reply`.
    ///
    /// # Errors
    /// As [`Wire::read`]; [`WireError::Binary`] for a binary message of a carrier of text.
    pub fn read(
        &self,
        message: Incoming<'_>,
        wire: &mut dyn Wire,
        reply: &mut Outgoing,
    ) -> Result<LineEvent, WireError> {
        match (message, self.can.messages) {
            (Incoming::Binary(_), Messages::Text) => Err(WireError::Binary),
            (Incoming::Text(_), _) | (Incoming::Binary(_), Messages::TextAndBinary) => wire.read(message, reply),
        }
    }

    /// Counts frames that found no room on their way to the call, or were unusable.
    pub const fn frames_dropped(&mut self, frames: u64) {
        self.dropped += frames;
    }

    /// Whether a close frame was sent. Nothing may follow it.
    pub const fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing { .. } | State::Ended)
    }

    /// When [`StreamEvent::TimeUp`] is due; `None` once the stream is over.
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

    /// Whether it is attached to a call, which may be gone already.
    const fn is_attached(&self) -> bool {
        matches!(self.state, State::Attached | State::Orphaned { .. })
    }
}

/// Events of the carrier.
impl Stream {
    /// Any frame shows that the carrier is there, unless only audio counts for it.
    fn frame(&mut self) {
        self.heard |= self.can.liveness != Liveness::AudioOnly;
    }

    fn message(&mut self, event: LineEvent, now: Instant, out: &mut Vec<StreamAction>) {
        self.frame();
        self.heard |= matches!(event, LineEvent::Audio(_) | LineEvent::MismatchedAudio(_));
        match (&mut self.state, event) {
            (State::Closing { .. } | State::Ended, _) | (_, LineEvent::Connected | LineEvent::Other(_)) => {}
            (State::AwaitingStart { .. }, LineEvent::Started(start)) => self.ask(start, now, out),
            // Some carriers do not wait. The time limit of `start` bounds this.
            (State::AwaitingStart { .. }, LineEvent::Audio(_) | LineEvent::MismatchedAudio(_)) => self.early += 1,
            (State::AwaitingStart { .. }, _) => self.ignore("a message before `start`".to_owned(), now, out),
            (_, LineEvent::Started(start)) => self.second_start(&start, now, out),
            (State::Asking { buffer, .. }, event) => buffer.push(event),
            (State::Attached | State::Orphaned { .. }, event) => out.extend(passed(event)),
        }
    }

    fn ask(&mut self, start: Box<StreamStart>, now: Instant, out: &mut Vec<StreamAction>) {
        if self.early > 0 {
            out.push(StreamAction::TellEarly(self.early));
        }
        self.named = Some((start.carrier_call.clone(), start.format));
        self.state = State::Asking { until: now + self.start_timeout, buffer: PreStartBuffer::new(start.format.hears) };
        out.push(StreamAction::Ask(start));
    }

    fn second_start(&mut self, start: &StreamStart, now: Instant, out: &mut Vec<StreamAction>) {
        let (same_call, same_format) = self
            .named
            .as_ref()
            .map_or((false, false), |(call, format)| (*call == start.carrier_call, *format == start.format));
        match self.can.second_start {
            _ if !same_call => self.close(CloseCode::Policy, "a `start` of another call", now, out),
            SecondStart::Ignored => self.ignore("a second `start`".to_owned(), now, out),
            SecondStart::NewStream if !same_format => {
                self.close(CloseCode::Policy, "a second `start` in another format", now, out);
            }
            // The wire has the new stream's id; the call continues on it.
            SecondStart::NewStream if self.is_attached() => {
                out.push(StreamAction::Playout(PlayoutSignal::Restarted));
            }
            // Nothing was said yet.
            SecondStart::NewStream => {}
        }
    }

    /// Ignores and counts an unusable message. A peer that sends too many is closed.
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

/// Events of the call.
impl Stream {
    fn taken(&mut self, out: &mut Vec<StreamAction>) {
        // Already closing: the asker reports the end to the call.
        let State::Asking { buffer, .. } = &mut self.state else { return };
        let (events, dropped) = std::mem::take(buffer).release();
        self.state = State::Attached;
        self.dropped += dropped;
        out.push(StreamAction::ConfirmTaken);
        out.extend(events.into_iter().filter_map(passed));
    }

    fn command(&mut self, command: LineCommand, now: Instant, out: &mut Vec<StreamAction>) {
        // Before the call has the line and after its end there is nothing to send.
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

    /// Once a second: reports the counters, and finds a call that is gone without an order.
    fn look_at_call(&mut self, call_is_there: bool, now: Instant, out: &mut Vec<StreamAction>) {
        if !call_is_there {
            // Its close may still be on the way: behind this event, or behind a request to the
            // carrier.
            self.state = State::Orphaned { until: now + hang_up::stream_waits(&self.can) };
            return;
        }
        let silence_is_a_sign = self.can.liveness == Liveness::OpenSocket && !self.pings();
        if std::mem::take(&mut self.heard) || silence_is_a_sign {
            out.push(StreamAction::Report(LineReport::Alive));
        }
        self.report_dropped(out);
        if self.pings() && self.ping <= now {
            self.ping = now + PING_EVERY;
            out.push(StreamAction::Ping);
        }
    }

    /// Whether the carrier is pinged: it sends nothing while the caller is silent, and a ping is
    /// the only way to tell that from a dead connection.
    fn pings(&self) -> bool {
        self.can.liveness == Liveness::OpenSocket && self.can.pings == Pings::Answered
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

    /// Sends a close frame after what is queued and waits a moment for its answer, so that the
    /// carrier can read both.
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

    /// Ends the stream, whatever the cause. Only this sets [`State::Ended`].
    fn end(&mut self, out: &mut Vec<StreamAction>) {
        let attached = match self.state {
            State::Ended => return,
            State::Closing { attached, .. } => attached,
            State::Attached | State::Orphaned { .. } => true,
            // Not admitted; or the asker reports the end to the call, because nothing confirms that
            // the line is taken.
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

/// What the call gets of an event; `None` if it does not need it.
fn passed(event: LineEvent) -> Option<StreamAction> {
    Some(match event {
        LineEvent::Audio(frame) => StreamAction::Frame(frame),
        LineEvent::MismatchedAudio(frame) => StreamAction::MismatchedFrame(frame),
        LineEvent::MarkEchoed(name) => StreamAction::Playout(PlayoutSignal::MarkEchoed(name)),
        LineEvent::Flow(signal) => StreamAction::Playout(PlayoutSignal::Flow(signal)),
        LineEvent::KeyPressed(key) => StreamAction::Report(LineReport::KeyPressed(key)),
        LineEvent::InputDiscarded => StreamAction::Report(LineReport::InputDiscarded),
        LineEvent::Stopped => StreamAction::Report(LineReport::Stopped),
        // A clear is settled when it is sent.
        LineEvent::Cleared => return None,
        // These were handled earlier.
        LineEvent::Connected | LineEvent::Started(_) | LineEvent::Other(_) => return None,
    })
}

const CALL_OVER: &str = "the call is over";
/// How often counters and liveness are checked.
const TICK: Duration = Duration::from_secs(1);
/// How often a carrier is pinged. Shorter: no use, a dead line is given up after longer. Longer:
/// more than one answer may be missing within `limits.line_silence`.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long the answer to our close frame is awaited. Shorter: closing the connection may overtake
/// the last audio.
const LINGER: Duration = Duration::from_secs(1);
/// Unusable messages after which a peer is closed. Carriers send none; a few must not cost a caller
/// the call.
const MOST_MALFORMED: u32 = 100;
/// Unusable messages per stream that are logged one by one; further ones are only counted.
const MALFORMED_TOLD: u32 = 3;

#[cfg(test)]
mod tests;
