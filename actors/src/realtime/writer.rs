//! The socket's writing end: a bounded queue, and one task that writes all that is queued with one flush.
//!
//! The reader never waits for the writer. Caller audio is perishable: when a server does not read, the oldest goes and is
//! counted. What the session says otherwise is little and never dropped. A server that reads nothing for too long is lost.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, ProtocolError};
use bytes::Bytes;
use futures_util::{Sink, SinkExt as _};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::socket::Outgoing;
use crate::audio::frame::Frame;

/// The handle to a writing end. Dropping it says good-bye and closes the socket.
pub struct Writer {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    outbox: RefCell<Outbox>,
    wake: Notify,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("queued", &self.shared.outbox.borrow().queue.len()).finish()
    }
}

impl Writer {
    /// Starts a task that writes to `sink`; `broken` is told why when it cannot go on. `most_audio` is what may be queued, in
    /// bytes of audio events.
    pub fn start<S, F>(sink: S, most_audio: usize, broken: F) -> Self
    where
        S: Sink<Outgoing, Error = ProtocolError> + Unpin + 'static,
        F: FnOnce(String) + 'static,
    {
        let shared = Rc::new(Shared::default());
        shared.outbox.borrow_mut().most_audio = most_audio;
        let writing = Rc::clone(&shared);
        #[expect(clippy::disallowed_methods, reason = "the writer outlives its actor by one good-bye")]
        actix_rt::spawn(async move {
            if let Err(problem) = write_all(&writing, sink).await {
                broken(problem);
            }
        });
        Self { shared }
    }

    /// Queues a text message.
    pub fn send(&self, text: String) {
        self.queue(|outbox| outbox.queue.push_back(Outgoing::Text(text)));
    }

    /// Queues the answer to a ping, before everything else.
    pub fn pong(&self, payload: Bytes) {
        self.queue(|outbox| outbox.queue.push_front(Outgoing::Pong(payload)));
    }

    /// Queues a ping.
    pub fn ping(&self) {
        self.queue(|outbox| outbox.queue.push_back(Outgoing::Ping));
    }

    /// Queues an audio event; says how many older ones were dropped for it.
    pub fn audio(&self, text: Frame) -> u64 {
        let mut dropped = 0;
        self.queue(|outbox| dropped = outbox.push_audio(text));
        dropped
    }

    fn queue(&self, change: impl FnOnce(&mut Outbox)) {
        change(&mut self.shared.outbox.borrow_mut());
        self.shared.wake.notify_one();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue(|outbox| {
            // Nobody waits for what the caller said last.
            outbox.queue.retain(|queued| !matches!(queued, Outgoing::Audio(_)));
            let reason = CloseReason { code: CloseCode::Normal, description: None };
            outbox.queue.push_back(Outgoing::Close(reason));
            outbox.closed = true;
        });
    }
}

/// What waits to be written.
#[derive(Debug, Default)]
struct Outbox {
    queue: VecDeque<Outgoing>,
    audio_bytes: usize,
    most_audio: usize,
    closed: bool,
}

impl Outbox {
    fn push_audio(&mut self, text: Frame) -> u64 {
        let mut dropped = 0;
        while self.audio_bytes + text.len() > self.most_audio {
            let Some(oldest) = self.queue.iter().position(|queued| matches!(queued, Outgoing::Audio(_))) else { break };
            if let Some(Outgoing::Audio(old)) = self.queue.remove(oldest) {
                self.audio_bytes -= old.len();
                dropped += 1;
            }
        }
        self.audio_bytes += text.len();
        self.queue.push_back(Outgoing::Audio(text));
        dropped
    }

    fn take(&mut self, batch: &mut VecDeque<Outgoing>) {
        std::mem::swap(&mut self.queue, batch);
        self.audio_bytes = 0;
    }
}

async fn write_all<S>(shared: &Shared, mut sink: S) -> Result<(), String>
where
    S: Sink<Outgoing, Error = ProtocolError> + Unpin,
{
    let mut batch = VecDeque::new();
    loop {
        let closed = {
            let mut outbox = shared.outbox.borrow_mut();
            outbox.take(&mut batch);
            outbox.closed
        };
        if batch.is_empty() {
            shared.wake.notified().await;
            continue;
        }
        let patience = if closed { GOODBYE } else { STALL };
        match timeout(patience, write_batch(&mut sink, &mut batch)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) if closed => return Ok(()),
            Ok(Err(problem)) => return Err(format!("not written: {problem}")),
            Err(_) => return Err(format!("the server has read nothing for {STALL:?}")),
        }
        if closed {
            // Whether or not the other side says good-bye as well: the socket is closed when this returns.
            let _ = timeout(GOODBYE, sink.close()).await;
            return Ok(());
        }
    }
}

async fn write_batch<S>(sink: &mut S, batch: &mut VecDeque<Outgoing>) -> Result<(), ProtocolError>
where
    S: Sink<Outgoing, Error = ProtocolError> + Unpin,
{
    while let Some(item) = batch.pop_front() {
        sink.feed(item).await?;
    }
    sink.flush().await
}

/// How long a server may read nothing. Shorter: a network's hiccup ends the session. Longer: the caller talks to nobody.
const STALL: Duration = Duration::from_secs(5);
/// How long a good-bye may take before the socket is dropped without.
const GOODBYE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    fn audio(tag: u8) -> Frame {
        Frame::copy_of(&[tag; 10])
    }

    fn outbox() -> Outbox {
        Outbox { most_audio: 30, ..Outbox::default() }
    }

    #[test]
    fn the_oldest_audio_goes_first_and_words_never() {
        let mut outbox = outbox();
        outbox.queue.push_back(Outgoing::Text("one".to_owned()));
        assert_eq!((1..=5).map(|tag| outbox.push_audio(audio(tag))).sum::<u64>(), 2);
        outbox.queue.push_back(Outgoing::Text("two".to_owned()));
        let left: Vec<String> = outbox
            .queue
            .iter()
            .map(|queued| match queued {
                Outgoing::Text(text) => text.clone(),
                Outgoing::Audio(frame) => frame[0].to_string(),
                Outgoing::Ping | Outgoing::Pong(_) | Outgoing::Close(_) => "?".to_owned(),
            })
            .collect();
        assert_eq!(left, ["one", "3", "4", "5", "two"]);
    }

    /// A server that never reads.
    struct Stuck;

    impl Sink<Outgoing> for Stuck {
        type Error = ProtocolError;

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
            Poll::Pending
        }

        fn start_send(self: Pin<&mut Self>, _: Outgoing) -> Result<(), ProtocolError> {
            unreachable!("it is never ready")
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
            Poll::Pending
        }
    }

    #[actix::test]
    async fn a_server_that_reads_nothing_is_given_up_and_costs_bounded_memory() {
        tokio::time::pause();
        let (tell, told) = tokio::sync::oneshot::channel();
        let writer = Writer::start(Stuck, 1_000, |problem| drop(tell.send(problem)));
        writer.send("first".to_owned());
        // Lets the writer take it, so that everything else is queued behind a write that does not end.
        tokio::task::yield_now().await;
        let dropped: u64 = (0..1_000).map(|_| writer.audio(audio(1))).sum();
        assert_eq!(dropped, 900);
        assert!(told.await.expect("told").contains("read nothing"));
    }

    #[actix::test]
    async fn a_good_bye_to_a_server_that_reads_nothing_ends_all_the_same() {
        tokio::time::pause();
        let (tell, told) = tokio::sync::oneshot::channel::<String>();
        drop(Writer::start(Stuck, 1_000, |problem| drop(tell.send(problem))));
        assert!(told.await.is_err(), "the task has ended, and nothing was wrong");
    }

    #[test]
    fn what_was_taken_to_be_written_does_not_count_any_more() {
        let mut outbox = outbox();
        let mut batch = VecDeque::new();
        for _ in 0..3 {
            assert_eq!((1..=3).map(|tag| outbox.push_audio(audio(tag))).sum::<u64>(), 0);
            outbox.take(&mut batch);
            assert_eq!(batch.len(), 3);
            batch.clear();
        }
    }

    #[test]
    fn a_single_frame_larger_than_the_bound_is_not_lost() {
        let mut outbox = outbox();
        assert_eq!(outbox.push_audio(Frame::copy_of(&[0; 100])), 0);
        assert_eq!(outbox.push_audio(audio(1)), 1);
    }
}
