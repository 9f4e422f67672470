//! The phone's end of the load, and the book in which both ends of a call record their times.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use switchboard_actors::carrier::fake::{self, Echo, Line, Request, Said};
use switchboard_actors::carrier::{Capabilities, Incoming, Outgoing, Packets};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::metronome::{Metronome, beats};
use super::wire::{self, FrameWriter, Frames, Kind};

/// Length of one phone frame.
const FRAME_MS: usize = 20;

/// Times of one call, and the tally of its latencies.
pub(super) struct CallBook {
    /// The pace of both ends.
    pub(super) metronome: Rc<Metronome>,
    /// Phone frames in transit: end position in ms, and when each was sent.
    up: RefCell<VecDeque<(usize, Instant)>>,
    /// Deltas in transit: start position in ms, and when each was sent.
    down: RefCell<VecDeque<(usize, Instant)>>,
    spoken_ms: Cell<usize>,
    /// Samples of the current answer that the phone has received.
    got: Cell<usize>,
    /// Marks that are not yet played, and when each will be.
    marks: RefCell<VecDeque<(Instant, Echo)>>,
    /// When the phone will have played everything it received.
    silent_at: Cell<Option<Instant>>,
    /// When the model sent `speech_started`. Set while the phone waits for its `clear`.
    pub(super) speech_started: Cell<Option<Instant>>,
    /// When an engine sent the last end of a turn, the first words or the first audio of its answer.
    /// Taken by whoever receives what the service makes of it.
    pub(super) engine_sent: Cell<Option<Instant>>,
    /// Whether the phone waits for the first audio of an answer.
    pub(super) awaits_audio: Cell<bool>,
    /// Set by the load to make the model's end interrupt.
    pub(super) interrupt: Cell<bool>,
    /// Set when either end has ended the call.
    pub(super) closed: Cell<bool>,
    pub(super) tally: Rc<Tally>,
}

/// Latencies of all calls in µs, recorded while `measuring`.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) measuring: Cell<bool>,
    pub(super) up: RefCell<Vec<u32>>,
    pub(super) down: RefCell<Vec<u32>>,
    pub(super) clear: RefCell<Vec<u32>>,
    /// From the end of a turn to the request for its answer.
    pub(super) asked: RefCell<Vec<u32>>,
    /// From the first words of an answer to the request for its voice.
    pub(super) said: RefCell<Vec<u32>>,
    /// From the first audio of an answer to the phone.
    pub(super) heard: RefCell<Vec<u32>>,
    pub(super) frames_up: Cell<u64>,
    pub(super) frames_down: Cell<u64>,
}

impl Tally {
    pub(super) fn take(&self, into: &RefCell<Vec<u32>>, took: Duration) {
        if self.measuring.get() {
            into.borrow_mut().push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
    }
}

impl CallBook {
    pub(super) fn new(metronome: Rc<Metronome>, tally: Rc<Tally>) -> Rc<Self> {
        Rc::new(Self {
            metronome,
            up: RefCell::default(),
            down: RefCell::default(),
            spoken_ms: Cell::default(),
            got: Cell::default(),
            marks: RefCell::default(),
            silent_at: Cell::default(),
            speech_started: Cell::default(),
            engine_sent: Cell::default(),
            awaits_audio: Cell::default(),
            interrupt: Cell::default(),
            closed: Cell::default(),
            tally,
        })
    }

    fn phone_spoke(&self, end_ms: usize, now: Instant) {
        self.up.borrow_mut().push_back((end_ms, now));
    }

    /// Records that the model's end has received `ms` of the caller's audio in total.
    pub(super) fn model_heard(&self, ms: usize, now: Instant) {
        let mut up = self.up.borrow_mut();
        while up.front().is_some_and(|(end, _)| *end <= ms) {
            let Some((_, sent)) = up.pop_front() else { break };
            self.tally.take(&self.tally.up, now - sent);
            self.tally.frames_up.set(self.tally.frames_up.get() + 1);
        }
    }

    pub(super) fn answer_begins(&self) {
        self.down.borrow_mut().clear();
        self.spoken_ms.set(0);
        self.got.set(0);
    }

    pub(super) fn model_spoke(&self, now: Instant) {
        let at = self.spoken_ms.get();
        self.down.borrow_mut().push_back((at, now));
        self.spoken_ms.set(at + 100);
    }

    fn phone_heard(&self, samples: usize, now: Instant) {
        if self.awaits_audio.take()
            && let Some(sent) = self.engine_sent.take()
        {
            self.tally.take(&self.tally.heard, now - sent);
        }
        self.got.set(self.got.get() + samples);
        let from = self.silent_at.get().map_or(now, |at| at.max(now));
        self.silent_at.set(Some(from + Duration::from_micros(samples as u64 * 125)));
        let ms = self.got.get() / 8;
        let mut down = self.down.borrow_mut();
        while down.front().is_some_and(|(start, _)| *start < ms) {
            let Some((_, sent)) = down.pop_front() else { break };
            self.tally.take(&self.tally.down, now - sent);
            self.tally.frames_down.set(self.tally.frames_down.get() + 1);
        }
    }

    /// Queues a mark. It is echoed once everything before it is played.
    fn marked(&self, name: String, now: Instant) {
        self.marks.borrow_mut().push_back((self.silent_at.get().unwrap_or(now), Echo::played(name)));
    }

    /// Drops the queued audio, and echoes its marks at once if the carrier does so.
    fn cleared(&self, can: &Capabilities, now: Instant) {
        self.silent_at.set(None);
        let mut marks = self.marks.borrow_mut();
        let pending = marks.drain(..).map(|(_, echo)| echo.name).collect();
        marks.extend(fake::echoes_of_clear(can, pending).into_iter().map(|echo| (now, echo)));
        if let Some(started) = self.speech_started.take() {
            self.tally.take(&self.tally.clear, now - started);
        }
    }

    /// Sends the echoes that are due.
    fn echo(&self, now: Instant, line: &mut dyn Line, said: &mut Outgoing) {
        let mut marks = self.marks.borrow_mut();
        let due = marks.iter().take_while(|(due, _)| *due <= now).count();
        for (_, echo) in marks.drain(..due) {
            line.mark(&echo, said);
        }
    }
}

/// The carrier's end of one call.
pub(super) struct Phone {
    frames: Frames,
    writer: FrameWriter,
    line: Box<dyn Line>,
    can: &'static Capabilities,
    envelope: Envelope,
    /// When the stream was open.
    pub(super) opened: Instant,
}

/// What a carrier's messages are put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Envelope {
    /// Frames of a WebSocket.
    Frame,
    /// Nothing: they are packets.
    Bare,
}

/// Opens and starts a stream. `packets` are those of a carrier without a WebSocket.
pub(super) async fn ring(
    address: &str,
    upgrade: &Request,
    packets: Option<Packets>,
    mut line: Box<dyn Line>,
    can: &'static Capabilities,
    parameters: &BTreeMap<String, String>,
) -> io::Result<Phone> {
    let target = match upgrade.url.query() {
        Some(query) => format!("{}?{query}", upgrade.url.path()),
        None => upgrade.url.path().to_owned(),
    };
    let headers: String = upgrade.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let connection = TcpStream::connect(address).await?;
    let ((frames, writer), envelope) = match packets {
        Some(packets) => (wire::packets(connection, packets)?, Envelope::Bare),
        None => (wire::open(connection, &target, &headers).await?, Envelope::Frame),
    };
    let opened = Instant::now();
    let (mut said, mut out) = (Outgoing::default(), Vec::new());
    line.start(parameters, &mut said);
    envelope.put_all(&said, &mut out);
    writer.write(&out).await?;
    Ok(Phone { frames, writer, line, can, envelope, opened })
}

/// Sends and receives until either side ends the call. `first` is the beat of its first frame.
pub(super) async fn carry(phone: Phone, book: Rc<CallBook>, first: u64) {
    let Phone { frames, writer, line, can, envelope, .. } = phone;
    let line = Rc::new(RefCell::new(line));
    let talking = spawn_local(talk(writer.clone(), envelope, Rc::clone(&line), Rc::clone(&book), first));
    listen(frames, &writer, envelope, &line, can, &book).await;
    talking.abort();
    book.closed.set(true);
}

impl Envelope {
    /// Appends the messages as client frames, or as they are.
    fn put_all(self, said: &Outgoing, out: &mut Vec<u8>) {
        for message in said.messages() {
            match (self, message) {
                (Self::Frame, Incoming::Text(text)) => wire::frame(out, 1, text.as_bytes(), true),
                (Self::Frame, Incoming::Binary(bytes)) => wire::frame(out, 2, bytes, true),
                (Self::Bare, Incoming::Text(text)) => out.extend_from_slice(text.as_bytes()),
                (Self::Bare, Incoming::Binary(bytes)) => out.extend_from_slice(bytes),
            }
        }
    }
}

async fn talk(
    writer: FrameWriter,
    envelope: Envelope,
    line: Rc<RefCell<Box<dyn Line>>>,
    book: Rc<CallBook>,
    first: u64,
) {
    // Quiet noise, different in every frame so that the service cannot predict it.
    let noise = |seed: u8, n: u8| i16::from(n.wrapping_mul(37).wrapping_add(seed * 11).cast_signed());
    let frames: Vec<Vec<i16>> = (0..8u8).map(|seed| (0..160u8).map(|n| noise(seed, n)).collect()).collect();
    let (mut said, mut out) = (Outgoing::default(), Vec::with_capacity(1024));
    for n in 0usize.. {
        book.metronome.until(first + n as u64 * beats(Duration::from_millis(FRAME_MS as u64))).await;
        if book.closed.get() {
            return;
        }
        said.clear();
        out.clear();
        let now = Instant::now();
        let sends = {
            let mut line = line.borrow_mut();
            book.echo(now, &mut **line, &mut said);
            let before = said.messages().count();
            line.media(&frames[n % frames.len()], Duration::from_millis((n * FRAME_MS) as u64), &mut said);
            said.messages().count() > before
        };
        envelope.put_all(&said, &mut out);
        // A carrier with longer packets keeps the frames until one is full.
        if sends {
            book.phone_spoke((n + 1) * FRAME_MS, now);
        }
        if writer.write(&out).await.is_err() {
            return;
        }
    }
}

async fn listen(
    mut frames: Frames,
    writer: &FrameWriter,
    envelope: Envelope,
    line: &RefCell<Box<dyn Line>>,
    can: &Capabilities,
    book: &CallBook,
) {
    let mut said = Outgoing::default();
    while let Ok(Some((kind, payload))) = frames.next().await {
        let now = Instant::now();
        match kind {
            Kind::Text | Kind::Binary => {
                let message = if matches!(kind, Kind::Binary) {
                    Incoming::Binary(payload)
                } else {
                    Incoming::Text(std::str::from_utf8(payload).unwrap_or_default())
                };
                hear(message, &mut **line.borrow_mut(), &mut said, can, book, now);
                if !said.is_empty() {
                    let mut out = Vec::new();
                    envelope.put_all(&said, &mut out);
                    said.clear();
                    if writer.write(&out).await.is_err() {
                        break;
                    }
                }
            }
            Kind::Ping => {
                let mut pong = Vec::new();
                wire::frame(&mut pong, 10, payload, true);
                if writer.write(&pong).await.is_err() {
                    break;
                }
            }
            Kind::Close => break,
            Kind::Other => {}
        }
        if book.closed.get() {
            break;
        }
    }
}

/// Handles one message of the service and puts the carrier's answers into `reply`. A message that
/// the carrier would refuse counts as no audio, and appears as missing frames.
fn hear(
    message: Incoming<'_>,
    line: &mut dyn Line,
    reply: &mut Outgoing,
    can: &Capabilities,
    book: &CallBook,
    now: Instant,
) {
    if let Some(samples) = line.samples_in(message) {
        return book.phone_heard(samples, now);
    }
    match line.read(message, reply) {
        Ok(Said::Media(samples)) => book.phone_heard(samples.len(), now),
        Ok(Said::Mark(name)) => book.marked(name, now),
        Ok(Said::Clear) => book.cleared(can, now),
        Ok(Said::HangUp) => {}
        Err(_) => {}
    }
}
