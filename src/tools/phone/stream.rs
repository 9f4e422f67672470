//! One media stream in real time: sends 20 ms of the caller every 20 ms, and feeds the service's
//! audio into the playout.

use std::collections::VecDeque;
use std::time::Duration;

use actix_codec::{Decoder, Encoder, Framed};
use actix_http::ws::{CloseCode, CloseReason, Codec, Frame, Message, ProtocolError};
use awc::BoxedSocket;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use switchboard_actors::carrier::fake::{self, Echo, Fake, Line, Said, Violation};
use switchboard_actors::carrier::{Incoming, Outgoing};
use switchboard_actors::socket;
use switchboard_actors::socket::fragments::{Fragments, Kind};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::caller::{Caller, FRAME, Goodbye, Heard};
use super::handset::{Handset, Order, Phase};
use super::options::PhoneOptions;
use super::packets::PacketCodec;
use super::playout::{Playout, duration_of};
use super::summary::{Summary, Warning};

/// The inputs of one stream. Parts that belong to the call are borrowed for the stream's lifetime.
pub(super) struct Stream<'a> {
    /// The call's options.
    pub(super) options: &'a PhoneOptions,
    /// The carrier that is played.
    pub(super) fake: &'static dyn Fake,
    /// The carrier's end of the stream.
    pub(super) line: Box<dyn Line>,
    /// The simulated caller.
    pub(super) caller: &'a mut Caller,
    /// Collects counts and warnings.
    pub(super) summary: &'a mut Summary,
    /// Reports progress and receives orders.
    pub(super) handset: &'a mut Handset,
    /// When the call was dialled.
    pub(super) dialled: Instant,
    /// When the `start` of the call's first stream was sent; the caller's clock. `None` if this
    /// stream is the first.
    pub(super) origin: Option<Instant>,
    /// What the caller heard in earlier streams.
    pub(super) heard: Heard,
    /// Custom parameters.
    pub(super) parameters: std::collections::BTreeMap<String, String>,
}

/// The result of one stream.
#[derive(Debug)]
pub(super) struct StreamOutcome {
    /// How the stream ended.
    pub(super) end: StreamEnd,
    /// When its `start` was sent.
    pub(super) started: Instant,
    /// What the caller has heard so far, on the call's clock.
    pub(super) heard: Heard,
    /// The recording, beginning at `started`.
    pub(super) recording: Vec<i16>,
}

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// The caller hung up.
    HungUp(Goodbye),
    /// The call reached its maximum length.
    TooLong,
    /// The carrier's API redirected the call to this document.
    Redirected(url::Url),
    /// The service closed the socket with a close frame.
    Closed {
        /// The close code, if one was sent.
        code: Option<u16>,
        /// The reason in the close frame.
        reason: String,
    },
    /// The socket was lost without a close frame.
    Dropped(String),
    /// The service sent data that is not WebSocket.
    Violated(String),
}

/// Plays a stream to its end.
pub(super) async fn play<C: Carries>(socket: Framed<BoxedSocket, C>, stream: Stream<'_>) -> StreamOutcome {
    let (sink, mut incoming) = socket.split();
    let (out, queue) = mpsc::channel(LONGEST_BACKLOG);
    let sender = actix_rt::spawn(send(sink, queue));
    let mut session = Session::open(stream, out);
    let end = session.converse(&mut incoming).await;
    session.hang_up(&end);
    let left = session.stream.options.longest.saturating_sub(session.stream.dialled.elapsed());
    let patience = if session.stream.line.closes() { LONGEST_GOODBYE } else { left };
    let outcome = session.finish(end);
    // The sender ends once everything is sent, because the session's end of the queue is gone.
    let ended_by_us = matches!(outcome.end, StreamEnd::HungUp(_) | StreamEnd::TooLong | StreamEnd::Redirected(_));
    if timeout(LONGEST_GOODBYE, sender).await.is_ok() && ended_by_us {
        let closed = async {
            while let Some(Ok(frame)) = incoming.next().await
                && !matches!(frame, Frame::Close(_))
            {}
        };
        // A service that does not answer the close in time is abandoned.
        let _ = timeout(patience, closed).await;
    }
    outcome
}

/// Sends queued messages until the queue or the socket ends.
async fn send<C: Carries>(mut sink: SplitSink<Framed<BoxedSocket, C>, Message>, mut queue: mpsc::Receiver<Message>) {
    while let Some(message) = queue.recv().await {
        let last = matches!(message, Message::Close(_));
        if sink.send(message).await.is_err() {
            return;
        }
        if last {
            if !C::SAYS_CLOSE {
                // The end of the connection is the close. If it is gone already, so be it.
                let _ = sink.close().await;
            }
            return;
        }
    }
}

/// What carries the messages of a stream.
pub(super) trait Carries:
    Decoder<Item = Frame, Error = ProtocolError> + Encoder<Message, Error = ProtocolError> + 'static
{
    /// Whether a message says that it is closed. Otherwise the end of the connection is the close.
    const SAYS_CLOSE: bool;
}

impl Carries for Codec {
    const SAYS_CLOSE: bool = true;
}

impl Carries for PacketCodec {
    const SAYS_CLOSE: bool = false;
}

struct Session<'a> {
    stream: Stream<'a>,
    /// The line's next messages.
    said: Outgoing,
    playout: Playout,
    out: mpsc::Sender<Message>,
    started: Instant,
    origin: Instant,
    /// Frames sent so far. The next one is due 20 ms after the last.
    frames: u64,
    /// Echoes that `mark_delay` holds back.
    delayed: VecDeque<(Instant, Echo)>,
    fragments: Fragments,
    /// Whether the warning about discarded media was given. It is given once.
    overflow_warned: bool,
}

impl<'a> Session<'a> {
    /// Sends the opening messages and starts the stream.
    fn open(stream: Stream<'a>, out: mpsc::Sender<Message>) -> Self {
        let started = Instant::now();
        let mut session = Self {
            said: Outgoing::default(),
            playout: Playout::new(stream.options.record),
            out,
            started,
            origin: stream.origin.unwrap_or(started),
            frames: 0,
            delayed: VecDeque::new(),
            fragments: Fragments::new(LARGEST_MESSAGE),
            overflow_warned: false,
            stream,
        };
        let Stream { line, parameters, .. } = &mut session.stream;
        line.start(parameters, &mut session.said);
        session.say();
        session
    }

    async fn converse<C: Carries>(&mut self, incoming: &mut SplitStream<Framed<BoxedSocket, C>>) -> StreamEnd {
        loop {
            let wake = self.wake();
            tokio::select! {
                frame = incoming.next() => match frame {
                    None if !C::SAYS_CLOSE => return StreamEnd::Closed { code: None, reason: String::new() },
                    None => return StreamEnd::Dropped("the connection ended without a close frame".into()),
                    Some(Err(ProtocolError::Io(error))) => return StreamEnd::Dropped(error.to_string()),
                    Some(Err(error)) => return StreamEnd::Violated(error.to_string()),
                    Some(Ok(frame)) => if let Some(end) = self.hear(frame) { return end },
                },
                () = sleep_until(wake) => if let Some(end) = self.tick() { return end },
                order = self.stream.handset.next_order() => match order {
                    Order::HangUp => return StreamEnd::HungUp(Goodbye::CarrierEvent),
                    Order::Redirect(url) => return StreamEnd::Redirected(url),
                    // The order refers to a conference that the caller has already left.
                    Order::Left => {}
                },
            }
        }
    }

    /// When the next action is due: a frame, a mark or an echo.
    fn wake(&self) -> Instant {
        let frame = self.started + FRAME_TIME * (u32::try_from(self.frames).unwrap_or(u32::MAX) + 1);
        let mark = self.playout.next_mark().map(|at| self.started + at);
        let echo = self.delayed.front().map(|(at, _)| *at);
        [mark, echo].into_iter().flatten().fold(frame, Instant::min)
    }

    fn tick(&mut self) -> Option<StreamEnd> {
        let now = Instant::now();
        let reached = self.playout.advance(now - self.started);
        self.played(reached, now);
        while self.delayed.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, echo)) = self.delayed.pop_front() {
                self.send_echo(&echo);
            }
        }
        self.listen();
        let mut level = None;
        while self.started + FRAME_TIME * (u32::try_from(self.frames).unwrap_or(u32::MAX) + 1) <= now {
            level = Some(self.speak());
        }
        if let Some(level) = level {
            self.show(now, level);
        }
        if now - self.stream.dialled >= self.stream.options.longest {
            return Some(StreamEnd::TooLong);
        }
        self.stream.caller.goodbye(now - self.origin, self.stream.heard).map(StreamEnd::HungUp)
    }

    /// Sends the caller's next 20 ms and the keys that are due. Returns the level of that audio.
    fn speak(&mut self) -> f32 {
        self.frames += 1;
        let at = FRAME_TIME * u32::try_from(self.frames).unwrap_or(u32::MAX);
        let now = self.started + at - self.origin;
        let frame = self.stream.caller.frame(now, self.stream.heard);
        self.stream.line.media(&frame, at, &mut self.said);
        if self.say() {
            self.stream.summary.frames_sent += 1;
        }
        for key in self.stream.caller.keys_due(now) {
            self.stream.line.key(key, &mut self.said);
            if !self.said.is_empty() {
                self.say();
                self.stream.summary.dtmf_sent.push(key);
            }
        }
        let power: f32 = frame.iter().map(|sample| f32::from(*sample).powi(2)).sum();
        (power / FRAME as f32).sqrt() / f32::from(i16::MAX)
    }

    /// Converts the playout's times to the caller's own clock.
    fn listen(&mut self) {
        let tally = self.playout.tally();
        let offset = self.started - self.origin;
        let at = |sample: Option<u64>| sample.map(|sample| offset + duration_of(sample));
        let heard = &mut self.stream.heard;
        heard.first = heard.first.or_else(|| at(tally.first_audible));
        heard.last = at(tally.last_audible).or(heard.last);
    }

    fn hear(&mut self, frame: Frame) -> Option<StreamEnd> {
        match frame {
            Frame::Text(bytes) => self.hear_text(&bytes),
            Frame::Binary(bytes) => self.hear_message(Incoming::Binary(&bytes)),
            Frame::Continuation(item) => {
                let (part, bytes) = socket::part(&item);
                match self.fragments.take(part, bytes) {
                    Ok(None) => {}
                    Ok(Some((Kind::Text, whole))) => self.hear_text(&whole),
                    Ok(Some((Kind::Binary, whole))) => self.hear_message(Incoming::Binary(&whole)),
                    Err(too_large) => return Some(StreamEnd::Violated(too_large.to_string())),
                }
            }
            Frame::Ping(bytes) => {
                self.queue(Message::Pong(bytes));
            }
            Frame::Pong(_) => {}
            Frame::Close(reason) => {
                let code = reason.as_ref().map(|reason| reason.code.into());
                let reason = reason.and_then(|reason| reason.description).unwrap_or_default();
                return Some(StreamEnd::Closed { code, reason });
            }
        }
        None
    }

    fn hear_text(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.hear_message(Incoming::Text(text)),
            Err(_) => self.complain(Violation::Malformed, "a text message that is not UTF-8 ignored"),
        }
    }

    fn hear_message(&mut self, message: Incoming<'_>) {
        let now = Instant::now();
        let at = now - self.started;
        let read = self.stream.line.read(message, &mut self.said);
        self.say();
        match read {
            Err(complaint) => self.stream.summary.warn(complaint.into()),
            Ok(Said::Media(samples)) => self.hear_media(samples, now),
            Ok(Said::Mark(name)) => match self.playout.mark(name, at) {
                Some(reached) => self.played(reached, now),
                None => self.complain(Violation::Invalid, "too many marks are pending; one ignored"),
            },
            Ok(Said::Clear) => {
                self.stream.summary.clears += 1;
                let pending = self.playout.clear(at);
                let can = self.stream.options.carrier.capabilities();
                self.echo(fake::echoes_of_clear(can, pending), now);
            }
            Ok(Said::HangUp) => {
                // The service closes the socket next, and the carrier goes on with its document.
                self.playout.clear(at);
            }
        }
    }

    fn hear_media(&mut self, samples: Vec<i16>, now: Instant) {
        self.stream.summary.media_received += 1;
        let reached = self.playout.append(samples, now - self.started);
        self.played(reached, now);
        let most = fake::most_queued(self.stream.options.carrier.capabilities());
        if most.is_some_and(|most| self.playout.queued() > most) {
            let text = "audio is sent far ahead of real time; this carrier has no message to drop it";
            self.stream.summary.warn(Warning::new(0, text));
        }
        if self.playout.tally().overflowed > 0 && !self.overflow_warned {
            self.overflow_warned = true;
            let text = "more than ten minutes of media are queued; what is over is discarded";
            self.complain(Violation::PlayoutFull, text);
        }
    }

    fn complain(&mut self, violation: Violation, text: &str) {
        self.stream.summary.warn(self.stream.fake.complaint(violation, text).into());
    }

    /// Echoes the marks that the playout has reached.
    fn played(&mut self, reached: Vec<String>, now: Instant) {
        self.echo(reached.into_iter().map(Echo::played).collect(), now);
    }

    fn echo(&mut self, echoes: Vec<Echo>, now: Instant) {
        let delay = self.stream.options.mark_delay;
        for echo in echoes {
            if delay.is_zero() {
                self.send_echo(&echo);
            } else {
                self.delayed.push_back((now + delay, echo));
            }
        }
    }

    fn send_echo(&mut self, echo: &Echo) {
        self.stream.line.mark(echo, &mut self.said);
        if !self.said.is_empty() && self.say() {
            self.stream.summary.marks_echoed += 1;
        }
    }

    /// Queues the line's messages. Returns whether all of them fitted.
    fn say(&mut self) -> bool {
        let said = std::mem::take(&mut self.said);
        let mut all = true;
        for message in said.messages() {
            all &= self.queue(match message {
                Incoming::Text(text) => Message::Text(text.to_owned().into()),
                Incoming::Binary(bytes) => Message::Binary(Bytes::copy_from_slice(bytes)),
            });
        }
        // Keeps the buffers for reuse.
        self.said = said;
        self.said.clear();
        all
    }

    /// Queues a message for the socket. If the service reads too slowly, drops the message and adds
    /// the carrier's warning.
    fn queue(&mut self, message: Message) -> bool {
        match self.out.try_send(message) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.complain(Violation::ReadsTooSlowly, "the service reads too slowly; messages to it are dropped");
                false
            }
            // The socket is gone; the reading side reports that shortly.
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }

    /// Closes the stream in the way that this end requires.
    fn hang_up(&mut self, end: &StreamEnd) {
        match end {
            StreamEnd::HungUp(_) | StreamEnd::TooLong | StreamEnd::Redirected(_) => {
                self.stream.line.stop(&mut self.said);
                self.say();
                if self.stream.line.closes() {
                    self.queue(Message::Close(Some(CloseReason::from(CloseCode::Normal))));
                }
            }
            StreamEnd::Closed { .. } => {
                self.queue(Message::Close(None));
            }
            StreamEnd::Dropped(_) | StreamEnd::Violated(_) => {}
        }
    }

    fn finish(mut self, end: StreamEnd) -> StreamOutcome {
        let reached = self.playout.advance(self.started.elapsed());
        // These marks were played, but the stream ended before their echoes could be sent.
        drop(reached);
        self.listen();
        let (tally, recording) = self.playout.finish();
        let summary = self.stream.summary;
        summary.heard_seconds += duration_of(tally.played).as_secs_f64();
        summary.unheard_seconds += duration_of(tally.dropped).as_secs_f64();
        summary.marks_cleared += tally.marks_cleared;
        StreamOutcome { end, started: self.started, heard: self.stream.heard, recording }
    }

    fn show(&self, now: Instant, caller_level: f32) {
        let tally = self.playout.tally();
        let summary = &self.stream.summary;
        self.stream.handset.show(|progress| {
            progress.phase = Phase::Talking;
            progress.elapsed = now - self.stream.dialled;
            progress.caller_level = caller_level;
            progress.agent_level = self.playout.level();
            progress.heard = Duration::from_secs_f64(summary.heard_seconds) + duration_of(tally.played);
            progress.queued = duration_of(self.playout.queued() as u64);
            progress.marks = summary.marks_echoed;
            progress.clears = summary.clears;
            progress.warnings = summary.warnings.iter().map(|warning| warning.count).sum();
        });
    }
}

/// Length of one frame.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// Maximum number of messages queued for the service: ten seconds of frames. Fewer: a short network
/// stall drops the caller's words. More: the service hears the caller with growing delay.
const LONGEST_BACKLOG: usize = 512;
/// Maximum size of a message after its fragments are joined.
const LARGEST_MESSAGE: usize = 16 * 1024 * 1024;
/// Time limit for the end of a stream: the queue is sent, then the service answers the close.
const LONGEST_GOODBYE: Duration = Duration::from_secs(2);
