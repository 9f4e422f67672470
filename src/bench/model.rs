//! The model's end of the load: a GA server that configures, takes audio and speaks at real-time pace.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::phone::CallBook;
use super::wire::{self, Frames, Kind};

/// Audio in one delta.
const DELTA: Duration = Duration::from_millis(100);

/// A model session that has been configured and waits for its phone.
pub(super) struct Configured {
    pub(super) session: Session,
    pub(super) update_at: Instant,
}

/// One configured session.
pub(super) struct Session {
    frames: Frames,
    write: OwnedWriteHalf,
    /// Bytes of one sample's time: 48 a millisecond for PCM16 at 24 kHz, 8 for G.711.
    bytes_per_ms: usize,
}

/// Listens; every session that has been configured is handed over in the order of its `session.update`.
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
    let (mut frames, mut write) = wire::accept(socket).await?;
    let format = json!({"type": "audio/pcm", "rate": 24000});
    let session = json!({"type": "realtime", "object": "realtime.session", "id": "sess_bench",
        "audio": {"input": {"format": format}, "output": {"format": format, "voice": "alloy"}}});
    send(&mut write, &json!({"type": "session.created", "event_id": "event_1", "session": session})).await?;
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
            send(&mut write, &json!({"type": "session.updated", "event_id": "event_2", "session": event["session"]})).await?;
            return Ok(Configured { session: Session { frames, write, bytes_per_ms }, update_at });
        }
    }
}

/// Carries one call's session until its socket ends: hears the caller, speaks all the time.
pub(super) async fn carry(session: Session, book: Rc<CallBook>) {
    let Session { frames, write, bytes_per_ms } = session;
    let write = Rc::new(RefCell::new(Some(write)));
    let speaking = spawn_local(speak(Rc::clone(&write), Rc::clone(&book), bytes_per_ms));
    hear(frames, &write, &book, bytes_per_ms).await;
    speaking.abort();
}

async fn hear(mut frames: Frames, write: &Rc<RefCell<Option<OwnedWriteHalf>>>, book: &CallBook, bytes_per_ms: usize) {
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
                write_all(write, &pong).await;
            }
            Kind::Close => break,
            Kind::Text | Kind::Other => {}
        }
    }
    book.closed.set(true);
}

/// Decoded length of the base64 that ends the message (`…"audio":"…"}`), without decoding it.
fn audio_bytes(payload: &[u8]) -> usize {
    let Some(end) = payload.len().checked_sub(2) else { return 0 };
    let Some(start) = payload[..end].iter().rposition(|b| *b == b'"') else { return 0 };
    let text = &payload[start + 1..end];
    text.len() / 4 * 3 - text.iter().rev().take_while(|b| **b == b'=').count()
}

/// Speaks: one response after another, each until it is interrupted, a delta every 100 ms.
async fn speak(write: Rc<RefCell<Option<OwnedWriteHalf>>>, book: Rc<CallBook>, bytes_per_ms: usize) {
    let audio = STANDARD.encode(vec![0x55u8; 100 * bytes_per_ms]);
    let origin = tokio::time::Instant::now();
    let ticks = Cell::new(0u32);
    for n in 1u32.. {
        let (response, item) = (format!("resp_{n}"), format!("item_{n}"));
        let object = |status: &str, details: Value| {
            json!({"id": response, "object": "realtime.response", "status": status, "status_details": details, "output": [],
                "conversation_id": "conv_1", "output_modalities": ["audio"], "max_output_tokens": "inf", "metadata": null,
                "audio": {"output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy"}}, "usage": null})
        };
        let message = json!({"id": item, "object": "realtime.item", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
        let mut opening = Vec::new();
        for event in [
            json!({"type": "response.created", "event_id": "e", "response": object("in_progress", Value::Null)}),
            json!({"type": "response.output_item.added", "event_id": "e", "response_id": response, "output_index": 0, "item": message}),
            json!({"type": "conversation.item.added", "event_id": "e", "item": message, "previous_item_id": null}),
        ] {
            wire::frame(&mut opening, 1, event.to_string().as_bytes(), false);
        }
        write_all(&write, &opening).await;
        let delta = json!({"type": "response.output_audio.delta", "event_id": "event_9", "response_id": response, "item_id": item,
            "output_index": 0, "content_index": 0, "delta": audio})
        .to_string();
        let mut packet = Vec::new();
        wire::frame(&mut packet, 1, delta.as_bytes(), false);
        book.answer_begins();
        loop {
            tokio::time::sleep_until(origin + DELTA * ticks.get()).await;
            ticks.set(ticks.get() + 1);
            if book.interrupt.take() {
                let started = json!({"type": "input_audio_buffer.speech_started", "event_id": "e", "audio_start_ms": 1, "item_id": format!("item_u{n}")});
                let mut out = Vec::new();
                wire::frame(&mut out, 1, started.to_string().as_bytes(), false);
                book.speech_started.set(Some(Instant::now()));
                write_all(&write, &out).await;
                out.clear();
                let details = json!({"type": "cancelled", "reason": "turn_detected"});
                let done = json!({"type": "response.done", "event_id": "e", "response": object("cancelled", details)});
                let stopped = json!({"type": "input_audio_buffer.speech_stopped", "event_id": "e", "audio_end_ms": 2, "item_id": format!("item_u{n}")});
                wire::frame(&mut out, 1, done.to_string().as_bytes(), false);
                wire::frame(&mut out, 1, stopped.to_string().as_bytes(), false);
                tokio::time::sleep(Duration::from_millis(300)).await;
                write_all(&write, &out).await;
                ticks.set(u32::try_from(origin.elapsed().as_millis() / DELTA.as_millis()).unwrap_or(u32::MAX) + 1);
                break;
            }
            book.model_spoke(Instant::now());
            write_all(&write, &packet).await;
        }
    }
}

async fn send(write: &mut OwnedWriteHalf, event: &Value) -> io::Result<()> {
    let mut out = Vec::new();
    wire::frame(&mut out, 1, event.to_string().as_bytes(), false);
    write.write_all(&out).await
}

/// Writes through the shared half; the two tasks of a session are on one thread and never write at once.
async fn write_all(write: &Rc<RefCell<Option<OwnedWriteHalf>>>, bytes: &[u8]) {
    let Some(mut half) = write.borrow_mut().take() else { return };
    let done = half.write_all(bytes).await;
    if done.is_ok() {
        *write.borrow_mut() = Some(half);
    }
}
