//! The model's end of the load: a GA server that accepts the configuration, receives audio and
//! speaks at real-time pace.

use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::metronome::beats;
use super::phone::CallBook;
use super::wire::{self, FrameWriter, Frames, Kind};

/// Length of the audio in one delta.
const DELTA: Duration = Duration::from_millis(100);

/// A configured model session that waits for its phone.
pub(super) struct Configured {
    pub(super) session: Session,
    pub(super) update_at: Instant,
}

/// One configured session.
pub(super) struct Session {
    frames: Frames,
    writer: FrameWriter,
    /// Bytes per millisecond of audio: 48 for PCM16 at 24 kHz, 8 for G.711.
    bytes_per_ms: usize,
}

/// Listens on a port. Returns the configured sessions through the channel, in the order of their
/// `session.update`.
pub(super) async fn listen() -> io::Result<(u16, mpsc::UnboundedReceiver<Configured>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let (ready, sessions) = mpsc::unbounded_channel();
    spawn_local(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let ready = ready.clone();
            spawn_local(async move {
                if let Ok(configured) = configure(socket).await {
                    let _ = ready.send(configured);
                }
            });
        }
    });
    Ok((port, sessions))
}

async fn configure(socket: TcpStream) -> io::Result<Configured> {
    let (mut frames, writer) = wire::accept(socket).await?;
    let format = json!({"type": "audio/pcm", "rate": 24000});
    let session = json!({"type": "realtime", "object": "realtime.session", "id": "sess_bench",
        "audio": {"input": {"format": format}, "output": {"format": format, "voice": "alloy"}}});
    send(&writer, &json!({"type": "session.created", "event_id": "event_1", "session": session})).await?;
    loop {
        let Some((kind, payload)) = frames.next().await? else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        if kind != Kind::Text {
            continue;
        }
        let event: Value = serde_json::from_slice(payload)?;
        if event["type"] == "session.update" {
            let update_at = Instant::now();
            let format = event["session"]["audio"]["input"]["format"]["type"].as_str().unwrap_or_default();
            let bytes_per_ms = if format == "audio/pcm" { 48 } else { 8 };
            send(&writer, &json!({"type": "session.updated", "event_id": "event_2", "session": event["session"]}))
                .await?;
            return Ok(Configured { session: Session { frames, writer, bytes_per_ms }, update_at });
        }
    }
}

/// Runs one call's session until its socket ends: receives the caller's audio and speaks all the
/// time.
pub(super) async fn carry(session: Session, book: Rc<CallBook>) {
    let Session { frames, writer, bytes_per_ms } = session;
    let speaking = spawn_local(speak(writer.clone(), Rc::clone(&book), bytes_per_ms));
    hear(frames, &writer, &book, bytes_per_ms).await;
    speaking.abort();
}

async fn hear(mut frames: Frames, writer: &FrameWriter, book: &CallBook, bytes_per_ms: usize) {
    let mut heard = 0usize;
    while let Ok(Some((kind, payload))) = frames.next().await {
        match kind {
            Kind::Text if payload.starts_with(br#"{"type":"input_audio_buffer.append""#) => {
                heard += audio_bytes(payload);
                book.model_heard(heard / bytes_per_ms, Instant::now());
            }
            Kind::Ping => {
                let mut pong = Vec::new();
                wire::frame(&mut pong, 10, payload, false);
                if writer.write(&pong).await.is_err() {
                    break;
                }
            }
            Kind::Close => break,
            Kind::Text | Kind::Binary | Kind::Other => {}
        }
    }
    book.closed.set(true);
}

/// Decoded length of the base64 at the end of the message (`…"audio":"…"}`), computed without
/// decoding.
fn audio_bytes(payload: &[u8]) -> usize {
    let Some(end) = payload.len().checked_sub(2) else { return 0 };
    let Some(start) = payload[..end].iter().rposition(|b| *b == b'"') else { return 0 };
    let text = &payload[start + 1..end];
    text.len() / 4 * 3 - text.iter().rev().take_while(|b| **b == b'=').count()
}

/// Sends one answer after another: an audio delta every 100 ms with its words, until each answer
/// ends or is interrupted.
async fn speak(writer: FrameWriter, book: Rc<CallBook>, bytes_per_ms: usize) -> io::Result<()> {
    let audio = STANDARD.encode(vec![0x55u8; 100 * bytes_per_ms]);
    let mut beat = book.metronome.after(Duration::ZERO);
    for n in 1u32.. {
        let answer = Answer::new(n);
        writer.write(&answer.opening()).await?;
        let (delta, words) = (answer.delta(&audio), answer.words());
        book.answer_begins();
        let mut interrupted = false;
        for piece in 0..ANSWER_DELTAS {
            book.metronome.until(beat).await;
            // After a delay the server continues at its normal pace. If it caught up instead, the
            // extra audio would correctly wait inside the service and be counted as latency.
            beat = book.metronome.now().max(beat) + beats(DELTA);
            interrupted = book.interrupt.take();
            if interrupted {
                book.speech_started.set(Some(Instant::now()));
                writer.write(&answer.speech_started()).await?;
                tokio::time::sleep(TURN).await;
                beat = book.metronome.after(Duration::ZERO);
                break;
            }
            book.model_spoke(Instant::now());
            writer.write(&delta).await?;
            if piece % 3 == 0 {
                writer.write(&words).await?;
            }
        }
        writer.write(&answer.ending(interrupted)).await?;
    }
    Ok(())
}

/// Deltas in one answer: six seconds, so that turns, records and item ends are part of the
/// measurement.
const ANSWER_DELTAS: u32 = 60;
/// Speaking time of a caller who interrupts.
const TURN: Duration = Duration::from_millis(300);

/// One response with its item, as a server sends them.
struct Answer {
    number: u32,
    response: String,
    item: String,
}

impl Answer {
    fn new(number: u32) -> Self {
        Self { number, response: format!("resp_{number}"), item: format!("item_{number}") }
    }

    fn object(&self, status: &str) -> Value {
        let pcm = json!({"type": "audio/pcm", "rate": 24000});
        json!({"id": self.response, "object": "realtime.response", "status": status, "status_details": null, "output": [],
            "conversation_id": "conv_1", "output_modalities": ["audio"], "max_output_tokens": "inf", "metadata": null,
            "audio": {"output": {"format": pcm, "voice": "alloy"}}, "usage": null})
    }

    fn message(&self, status: &str) -> Value {
        json!({"id": self.item, "object": "realtime.item", "type": "message", "role": "assistant", "status": status, "content": []})
    }

    /// An event about one part of the item.
    fn part(&self, kind: &str, key: &str, value: &str) -> Value {
        json!({"type": kind, "event_id": "event_9", "response_id": self.response, "item_id": self.item, "output_index": 0,
            "content_index": 0, key: value})
    }

    fn opening(&self) -> Vec<u8> {
        let message = self.message("in_progress");
        frames(&[
            json!({"type": "response.created", "event_id": "e", "response": self.object("in_progress")}),
            json!({"type": "response.output_item.added", "event_id": "e", "response_id": self.response, "output_index": 0, "item": message}),
            json!({"type": "conversation.item.added", "event_id": "e", "item": message, "previous_item_id": null}),
        ])
    }

    fn delta(&self, audio: &str) -> Vec<u8> {
        frames(&[self.part("response.output_audio.delta", "delta", audio)])
    }

    fn words(&self) -> Vec<u8> {
        frames(&[self.part("response.output_audio_transcript.delta", "delta", " words of the agent")])
    }

    fn speech_started(&self) -> Vec<u8> {
        let item = format!("item_u{}", self.number);
        frames(&[
            json!({"type": "input_audio_buffer.speech_started", "event_id": "e", "audio_start_ms": 1, "item_id": item}),
        ])
    }

    /// Events that end the answer: either completed, or interrupted by a caller whose turn is over
    /// too.
    fn ending(&self, interrupted: bool) -> Vec<u8> {
        if interrupted {
            let item = format!("item_u{}", self.number);
            return frames(&[
                json!({"type": "response.done", "event_id": "e", "response": self.object("cancelled")}),
                json!({"type": "input_audio_buffer.speech_stopped", "event_id": "e", "audio_end_ms": 2, "item_id": item}),
            ]);
        }
        frames(&[
            self.part("response.output_audio.done", "transcript", ""),
            self.part("response.output_audio_transcript.done", "transcript", "words of the agent"),
            json!({"type": "response.output_item.done", "event_id": "e", "response_id": self.response, "output_index": 0, "item": self.message("completed")}),
            json!({"type": "response.done", "event_id": "e", "response": self.object("completed")}),
        ])
    }
}

/// Encodes the events as consecutive frames.
fn frames(events: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        wire::frame(&mut out, 1, event.to_string().as_bytes(), false);
    }
    out
}

async fn send(writer: &FrameWriter, event: &Value) -> io::Result<()> {
    writer.write(&frames(std::slice::from_ref(event))).await
}
