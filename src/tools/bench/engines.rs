//! The engines' end of the load: ears that tell the turns themselves, a chat model, and a voice. Each
//! answers at once and notes when, so that what remains is the service's own part of a turn.
//!
//! The words carry the number of the call, by which the chat model and the voice know whose they are.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::spawn_local;

use super::metronome::beats;
use super::phone::CallBook;
use super::wire::{self, FrameWriter, Frames, Kind};

/// Ears that wait for their phone.
pub(super) struct Ears {
    frames: Frames,
    writer: FrameWriter,
}

/// The calls by their number, as the engines know them.
pub(super) type Books = Rc<RefCell<Vec<Rc<CallBook>>>>;

/// Listens on a port for the sockets and requests of all engines. Returns the ears through the
/// channel, in the order of their upgrades.
pub(super) async fn listen(books: Books) -> io::Result<(u16, mpsc::UnboundedReceiver<Ears>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let (ready, ears) = mpsc::unbounded_channel();
    spawn_local(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (ready, books) = (ready.clone(), Rc::clone(&books));
            // A connection that breaks ends its own task, and shows as answers that are missing.
            spawn_local(async move { serve(socket, &ready, &books).await });
        }
    });
    Ok((port, ears))
}

async fn serve(socket: TcpStream, ready: &mpsc::UnboundedSender<Ears>, books: &Books) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (mut read, write) = socket.into_split();
    let head = wire::head(&mut read).await?;
    let path = head.split(' ').nth(1).unwrap_or_default();
    if path.starts_with("/v2/listen") {
        let (frames, writer) = wire::upgraded(&head, read, write).await?;
        send(&writer, &json!({"type": "Connected", "request_id": "bench", "sequence_id": 0})).await?;
        let _ = ready.send(Ears { frames, writer });
        return Ok(());
    }
    if path.starts_with("/tts/websocket") {
        let (frames, writer) = wire::upgraded(&head, read, write).await?;
        return speak(frames, &writer, books).await;
    }
    think(head, read, write, books).await
}

/// Runs the ears of call `number` until their socket ends: a turn is told every [`TURN_EVERY`].
pub(super) async fn carry(ears: Ears, book: Rc<CallBook>, number: usize, first: u64) {
    let Ears { mut frames, writer } = ears;
    let telling = spawn_local(tell(writer.clone(), Rc::clone(&book), number, first));
    let mut heard = 0;
    while let Ok(Some((kind, payload))) = frames.next().await {
        match kind {
            Kind::Binary => {
                heard += payload.len();
                book.model_heard(heard / 8, Instant::now());
            }
            Kind::Ping => {
                let mut pong = Vec::new();
                wire::frame(&mut pong, 10, payload, false);
                if writer.write(&pong).await.is_err() {
                    break;
                }
            }
            Kind::Close => break,
            Kind::Text | Kind::Other => {}
        }
    }
    telling.abort();
}

async fn tell(writer: FrameWriter, book: Rc<CallBook>, number: usize, first: u64) -> io::Result<()> {
    for turn in 0u64.. {
        book.metronome.until(first + turn * beats(TURN_EVERY)).await;
        let words = format!("{CALL}{number} asks question {turn} now.");
        let told = |event: &str, transcript: &str| {
            json!({"type": "TurnInfo", "event": event, "turn_index": turn, "transcript": transcript,
                "words": [], "end_of_turn_confidence": 0.9})
        };
        send(&writer, &told("StartOfTurn", "")).await?;
        send(&writer, &told("Update", &words)).await?;
        tokio::time::sleep(SAID).await;
        book.engine_sent.set(Some(Instant::now()));
        send(&writer, &told("EndOfTurn", &words)).await?;
    }
    Ok(())
}

/// Answers the requests of a connection.
async fn think(mut head: String, mut read: OwnedReadHalf, mut write: OwnedWriteHalf, books: &Books) -> io::Result<()> {
    loop {
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            if name.eq_ignore_ascii_case("content-length") { value.trim().parse().ok() } else { None }
        });
        let mut body = vec![0; length.unwrap_or(0)];
        read.read_exact(&mut body).await?;
        let now = Instant::now();
        let number = number_behind(&String::from_utf8_lossy(&body), CALL);
        let book = number.and_then(|number| books.borrow().get(number).cloned());
        if let Some(book) = &book
            && let Some(sent) = book.engine_sent.take()
        {
            book.tally.take(&book.tally.asked, now - sent);
        }
        write
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            .await?;
        // A sentence is known to be one by what follows.
        let first = format!("{ANSWER}{} is on its way to you. Is ", number.unwrap_or_default());
        if let Some(book) = &book {
            book.engine_sent.set(Some(Instant::now()));
        }
        write.write_all(&chunk(&delta(&first))).await?;
        // The rest is another piece for the voice.
        tokio::time::sleep(REST_AFTER).await;
        let usage = json!({"choices": [], "usage": {"prompt_tokens": 400, "completion_tokens": 20}});
        let rest = [
            delta("there anything else that you would like to know?"),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
            usage,
        ];
        let mut out: Vec<u8> = rest.iter().flat_map(chunk).collect();
        out.extend_from_slice(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
        write.write_all(&out).await?;
        head = wire::head(&mut read).await?;
    }
}

fn delta(text: &str) -> Value {
    json!({"id": "bench", "object": "chat.completion.chunk", "model": "bench",
        "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": null}]})
}

/// An event of a stream, as a chunk of a body.
fn chunk(event: &Value) -> Vec<u8> {
    let text = format!("data: {event}\n\n");
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

/// Speaks whatever it is given: the same length for every text.
async fn speak(mut frames: Frames, writer: &FrameWriter, books: &Books) -> io::Result<()> {
    let audio = STANDARD.encode(vec![0x55u8; SPOKEN_MS * 8]);
    while let Some((kind, payload)) = frames.next().await? {
        let now = Instant::now();
        match kind {
            Kind::Text => {
                let message: Value = serde_json::from_slice(payload).unwrap_or_default();
                let text = message["transcript"].as_str().unwrap_or_default();
                let number = number_behind(text, ANSWER);
                let book = number.and_then(|number| books.borrow().get(number).cloned());
                if let Some(book) = &book
                    && let Some(sent) = book.engine_sent.take()
                {
                    book.tally.take(&book.tally.said, now - sent);
                }
                let id = &message["context_id"];
                if !text.trim().is_empty() {
                    if let Some(book) = &book {
                        book.awaits_audio.set(true);
                        book.engine_sent.set(Some(Instant::now()));
                    }
                    send(
                        writer,
                        &json!({"type": "chunk", "context_id": id, "data": audio, "done": false, "status_code": 206}),
                    )
                    .await?;
                }
                if message["continue"] == false {
                    send(writer, &json!({"type": "done", "context_id": id, "done": true, "status_code": 200})).await?;
                }
            }
            Kind::Ping => {
                let mut pong = Vec::new();
                wire::frame(&mut pong, 10, payload, false);
                writer.write(&pong).await?;
            }
            Kind::Close => break,
            Kind::Binary | Kind::Other => {}
        }
    }
    Ok(())
}

/// The number behind the last of these words.
fn number_behind(text: &str, words: &str) -> Option<usize> {
    let (_, behind) = text.rsplit_once(words)?;
    let digits = behind.bytes().take_while(u8::is_ascii_digit).count();
    behind[..digits].parse().ok()
}

async fn send(writer: &FrameWriter, message: &Value) -> io::Result<()> {
    let mut out = Vec::new();
    wire::frame(&mut out, 1, message.to_string().as_bytes(), false);
    writer.write(&out).await
}

/// What stands before the number of a call, in a question and in an answer.
const CALL: &str = "Caller number ";
const ANSWER: &str = "Your answer number ";
/// From one turn of a call to the next. Shorter: the caller interrupts the answer.
pub(super) const TURN_EVERY: Duration = Duration::from_millis(2_500);
/// How long a caller takes to ask.
const SAID: Duration = Duration::from_millis(400);
/// How long the chat model takes for the rest of its answer.
const REST_AFTER: Duration = Duration::from_millis(100);
/// The length of a piece of the voice.
const SPOKEN_MS: usize = 400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_the_last_number_in_its_words() {
        let body = r#"{"content":"Caller number 3 asks."},{"content":"Caller number 41 asks question 7 now."}"#;
        assert_eq!(number_behind(body, CALL), Some(41));
        assert_eq!(number_behind("Your answer number 12 is on its way", ANSWER), Some(12));
        assert_eq!((number_behind("Hello.", ANSWER), number_behind(CALL, CALL)), (None, None));
    }

    #[test]
    fn an_event_is_a_chunk_of_its_own_length() {
        let chunk = String::from_utf8(chunk(&json!({"a": 1}))).expect("text");
        assert_eq!(chunk, "f\r\ndata: {\"a\":1}\n\n\r\n");
        assert_eq!("data: [DONE]\n\n".len(), 0xe);
    }
}
