//! The phone's end of the load, and the book in which both ends of one call write down what happened when.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::metronome::{Metronome, beats};
use super::wire::{self, Frames, Kind, Pen};

/// One phone frame.
const FRAME_MS: usize = 20;

/// What happened when in one call, and where latencies go.
pub(super) struct CallBook {
    /// The pace of both ends.
    pub(super) metronome: Rc<Metronome>,
    /// Phone frames on their way: end position in ms and when they were sent.
    up: RefCell<VecDeque<(usize, Instant)>>,
    /// Deltas on their way: first position in ms and when they were sent.
    down: RefCell<VecDeque<(usize, Instant)>>,
    spoken_ms: Cell<usize>,
    /// Bytes that the phone has got of the current answer.
    got: Cell<usize>,
    /// Marks that the phone has not played up to yet, as frames, and when it will have.
    marks: RefCell<VecDeque<(Instant, Vec<u8>)>>,
    /// When the phone will have played all that it has got.
    silent_at: Cell<Option<Instant>>,
    /// When the model said `speech_started` and the phone waits for its `clear`.
    pub(super) speech_started: Cell<Option<Instant>>,
    /// The load asks the model's end to interrupt.
    pub(super) interrupt: Cell<bool>,
    /// The call is over, from either end.
    pub(super) closed: Cell<bool>,
    pub(super) tally: Rc<Tally>,
}

/// Latencies of all calls in µs, taken while `measuring`.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) measuring: Cell<bool>,
    pub(super) up: RefCell<Vec<u32>>,
    pub(super) down: RefCell<Vec<u32>>,
    pub(super) clear: RefCell<Vec<u32>>,
    pub(super) frames_up: Cell<u64>,
    pub(super) frames_down: Cell<u64>,
}

impl Tally {
    fn take(&self, into: &RefCell<Vec<u32>>, took: Duration) {
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
            interrupt: Cell::default(),
            closed: Cell::default(),
            tally,
        })
    }

    fn phone_spoke(&self, end_ms: usize, now: Instant) {
        self.up.borrow_mut().push_back((end_ms, now));
    }

    /// The model's end has got `ms` of the caller's audio in all.
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

    fn phone_heard(&self, bytes: usize, now: Instant) {
        self.got.set(self.got.get() + bytes);
        let from = self.silent_at.get().map_or(now, |at| at.max(now));
        self.silent_at.set(Some(from + Duration::from_micros(bytes as u64 * 125)));
        let ms = self.got.get() / 8;
        let mut down = self.down.borrow_mut();
        while down.front().is_some_and(|(start, _)| *start < ms) {
            let Some((_, sent)) = down.pop_front() else { break };
            self.tally.take(&self.tally.down, now - sent);
            self.tally.frames_down.set(self.tally.frames_down.get() + 1);
        }
    }

    /// A mark is echoed when all that came before it was played.
    fn marked(&self, payload: &[u8], now: Instant) {
        let mut echo = Vec::with_capacity(payload.len() + 16);
        wire::frame(&mut echo, 1, payload, true);
        self.marks.borrow_mut().push_back((self.silent_at.get().unwrap_or(now), echo));
    }

    /// What is queued is dropped, and its marks are echoed at once.
    fn cleared(&self, now: Instant) {
        self.silent_at.set(None);
        self.marks.borrow_mut().iter_mut().for_each(|(due, _)| *due = now);
        if let Some(started) = self.speech_started.take() {
            self.tally.take(&self.tally.clear, now - started);
        }
    }

    /// Appends the echoes that are due.
    fn echo(&self, now: Instant, out: &mut Vec<u8>) {
        let mut marks = self.marks.borrow_mut();
        let due = marks.iter().take_while(|(due, _)| *due <= now).count();
        for (_, echo) in marks.drain(..due) {
            out.extend_from_slice(&echo);
        }
    }
}

/// Opens a stream and says `connected` and `start`; gives the ends to [`carry`] and when the upgrade was answered.
pub(super) async fn ring(
    address: &str,
    target: &str,
    headers: &str,
    token: &str,
    call_sid: &str,
) -> io::Result<(Frames, Pen, Instant)> {
    let (frames, pen) = wire::open(TcpStream::connect(address).await?, target, headers).await?;
    let opened = Instant::now();
    let mut out = Vec::new();
    wire::frame(&mut out, 1, br#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#, true);
    let stream_sid = call_sid.replacen("CA", "MZ", 1);
    let start = json!({
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": ACCOUNT,
            "streamSid": stream_sid,
            "callSid": call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": token},
        },
        "streamSid": stream_sid,
    });
    wire::frame(&mut out, 1, start.to_string().as_bytes(), true);
    pen.write(&out).await?;
    Ok((frames, pen, opened))
}

/// The account that every phone of the bench belongs to.
pub(super) const ACCOUNT: &str = "AC00000000000000000000000000000000";

/// Talks and listens until either side ends the call; `first` is the beat of its first frame.
pub(super) async fn carry(frames: Frames, pen: Pen, call_sid: String, book: Rc<CallBook>, first: u64) {
    let talking = spawn_local(talk(pen.clone(), call_sid.replacen("CA", "MZ", 1), Rc::clone(&book), first));
    listen(frames, &pen, &book).await;
    talking.abort();
    book.closed.set(true);
}

async fn talk(pen: Pen, stream_sid: String, book: Rc<CallBook>, first: u64) {
    // Quiet noise: mu-law codes near zero, another every frame so that nothing is guessed.
    let payloads: Vec<String> = (0..8u8)
        .map(|seed| {
            let codes = (0..160u8).map(|n| 0x70 | (n.wrapping_mul(37).wrapping_add(seed * 11) & 0x8F));
            STANDARD.encode(Vec::from_iter(codes))
        })
        .collect();
    let (mut out, mut json) = (Vec::with_capacity(1024), Vec::with_capacity(512));
    for n in 0usize.. {
        book.metronome.until(first + n as u64 * beats(Duration::from_millis(FRAME_MS as u64))).await;
        if book.closed.get() {
            return;
        }
        json.clear();
        let (sequence, chunk, timestamp, payload) = (n + 2, n + 1, n * FRAME_MS, &payloads[n % payloads.len()]);
        let written = write!(
            json,
            r#"{{"event":"media","sequenceNumber":"{sequence}","media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{timestamp}","payload":"{payload}"}},"streamSid":"{stream_sid}"}}"#,
        );
        debug_assert!(written.is_ok(), "a vector takes everything");
        out.clear();
        let now = Instant::now();
        book.echo(now, &mut out);
        wire::frame(&mut out, 1, &json, true);
        book.phone_spoke((n + 1) * FRAME_MS, now);
        if pen.write(&out).await.is_err() {
            return;
        }
    }
}

async fn listen(mut frames: Frames, pen: &Pen, book: &CallBook) {
    while let Ok(Some((kind, payload))) = frames.next().await {
        let now = Instant::now();
        match kind {
            Kind::Text if payload.starts_with(br#"{"event":"media""#) => book.phone_heard(media_bytes(payload), now),
            Kind::Text if payload.starts_with(br#"{"event":"mark""#) => book.marked(payload, now),
            Kind::Text if payload.starts_with(br#"{"event":"clear""#) => book.cleared(now),
            Kind::Ping => {
                let mut pong = Vec::new();
                wire::frame(&mut pong, 10, payload, true);
                if pen.write(&pong).await.is_err() {
                    break;
                }
            }
            Kind::Close => break,
            Kind::Text | Kind::Other => {}
        }
        if book.closed.get() {
            break;
        }
    }
}

/// Decoded length of a media message's payload.
fn media_bytes(payload: &[u8]) -> usize {
    let Some(at) = payload.windows(11).position(|w| w == br#""payload":""#) else { return 0 };
    let text = &payload[at + 11..];
    let Some(end) = text.iter().position(|b| *b == b'"') else { return 0 };
    let text = &text[..end];
    text.len() / 4 * 3 - text.iter().rev().take_while(|b| **b == b'=').count()
}
