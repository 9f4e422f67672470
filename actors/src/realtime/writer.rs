//! The writing end of a socket: a bounded queue that is written at once, or by a task when the
//! socket cannot accept it.
//!
//! The reader never waits for the writer. While the server reads, a queued message goes out within
//! the call that queues it, without a wake-up. When a message does not fit into the socket, a task
//! takes over until the queue is empty. Caller audio may be dropped: when a server does not read,
//! the oldest audio is dropped and counted. Other messages are few and never dropped. A server that
//! reads nothing for too long counts as lost.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_http::ws::{CloseCode, CloseReason, ProtocolError};
use bytes::Bytes;
use futures_util::Sink;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::frame::Frame;
use crate::socket::Outgoing;

/// The handle of a writing end. Dropping it closes the socket in an orderly way.
pub struct Writer {
    shared: Rc<Shared>,
}

struct Shared {
    outbox: RefCell<Outbox>,
    socket: RefCell<SocketSink>,
    /// Wakes the task when it has work.
    wake: Notify,
}

/// The socket and the messages on their way into it.
struct SocketSink {
    sink: Pin<Box<dyn Sink<Outgoing, Error = ProtocolError>>>,
    /// Messages from the queue that are not yet in the socket's buffer.
    batch: VecDeque<Outgoing>,
    /// The waker that the socket uses when it can accept more: the task's, from its first poll
    /// until it ends.
    task: Option<Waker>,
    /// Whether the task writes or is about to. Queued messages then wait for it.
    busy: bool,
    /// A failure outside the task, for the task to report.
    problem: Option<ProtocolError>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("queued", &self.shared.outbox.borrow().queue.len()).finish()
    }
}

impl Writer {
    /// Starts to write to `sink`. `broken` receives the reason when writing cannot continue.
    /// `most_audio` is the bound of the queue, in bytes of audio events.
    pub fn start<S, F>(sink: S, most_audio: usize, broken: F) -> Self
    where
        S: Sink<Outgoing, Error = ProtocolError> + 'static,
        F: FnOnce(String) + 'static,
    {
        let socket = SocketSink { sink: Box::pin(sink), batch: VecDeque::new(), task: None, busy: true, problem: None };
        let outbox = Outbox { most_audio, ..Outbox::default() };
        let shared =
            Rc::new(Shared { outbox: RefCell::new(outbox), socket: RefCell::new(socket), wake: Notify::new() });
        let writing = Rc::clone(&shared);
        #[expect(clippy::disallowed_methods, reason = "the writer outlives its actor by one good-bye")]
        actix_rt::spawn(async move {
            if let Err(problem) = write_all(&writing).await {
                broken(problem);
            }
        });
        Self { shared }
    }

    /// Queues a text message.
    pub fn send(&self, text: String) {
        self.queue(|outbox| outbox.queue.push_back(Outgoing::Text(text)));
    }

    /// Queues the answer to a ping in front of everything else.
    pub fn pong(&self, payload: Bytes) {
        self.queue(|outbox| outbox.queue.push_front(Outgoing::Pong(payload)));
    }

    /// Queues a ping.
    pub fn ping(&self) {
        self.queue(|outbox| outbox.queue.push_back(Outgoing::Ping));
    }

    /// Queues an audio event and returns the number of older ones that were dropped for it.
    pub fn audio(&self, text: Frame) -> u64 {
        let mut dropped = 0;
        self.queue(|outbox| dropped = outbox.push_audio(Outgoing::Audio(text)));
        dropped
    }

    /// Queues audio as a binary message and returns the number of older ones that were dropped for
    /// it.
    pub fn binary_audio(&self, bytes: Frame) -> u64 {
        let mut dropped = 0;
        self.queue(|outbox| dropped = outbox.push_audio(Outgoing::Binary(bytes)));
        dropped
    }

    /// Sets the bound of the queue, in bytes of audio events.
    pub fn limit_audio(&self, most_bytes: usize) {
        self.shared.outbox.borrow_mut().most_audio = most_bytes;
    }

    fn queue(&self, change: impl FnOnce(&mut Outbox)) {
        change(&mut self.shared.outbox.borrow_mut());
        if !self.shared.written_at_once() {
            self.shared.wake.notify_one();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue(|outbox| {
            // The session no longer needs the caller's last audio.
            outbox.queue.retain(|queued| audio_bytes(queued).is_none());
            let reason = CloseReason { code: CloseCode::Normal, description: None };
            outbox.queue.push_back(Outgoing::Close(reason));
            outbox.closed = true;
        });
    }
}

/// The messages that wait to be written.
#[derive(Debug, Default)]
struct Outbox {
    queue: VecDeque<Outgoing>,
    audio_bytes: usize,
    most_audio: usize,
    closed: bool,
}

impl Outbox {
    fn push_audio(&mut self, audio: Outgoing) -> u64 {
        let (mut dropped, bytes) = (0, audio_bytes(&audio).unwrap_or_default());
        while self.audio_bytes + bytes > self.most_audio {
            let Some(oldest) = self.queue.iter().position(|queued| audio_bytes(queued).is_some()) else { break };
            self.audio_bytes -= self.queue.remove(oldest).as_ref().and_then(audio_bytes).unwrap_or_default();
            dropped += 1;
        }
        self.audio_bytes += bytes;
        self.queue.push_back(audio);
        dropped
    }

    /// Moves the queue to the end of `batch`.
    fn take(&mut self, batch: &mut VecDeque<Outgoing>) {
        batch.append(&mut self.queue);
        self.audio_bytes = 0;
    }
}

impl Shared {
    /// Writes the queue, unless the task does. Returns whether nothing is left for the task.
    fn written_at_once(&self) -> bool {
        let mut socket = self.socket.borrow_mut();
        let mut outbox = self.outbox.borrow_mut();
        if socket.busy || outbox.closed {
            return false;
        }
        let Some(task) = socket.task.take() else { return false };
        outbox.take(&mut socket.batch);
        let written = socket.poll(&mut Context::from_waker(&task));
        socket.task = Some(task);
        match written {
            Poll::Ready(Ok(())) => return true,
            Poll::Ready(Err(problem)) => socket.problem = Some(problem),
            Poll::Pending => {}
        }
        socket.busy = true;
        false
    }

    /// Gives the queue to the task. Returns whether no further messages will come.
    fn take_over(&self) -> Result<bool, ProtocolError> {
        let (mut socket, mut outbox) = (self.socket.borrow_mut(), self.outbox.borrow_mut());
        socket.busy = true;
        outbox.take(&mut socket.batch);
        socket.problem.take().map_or(Ok(outbox.closed), Err)
    }

    /// Ends the task's turn. Returns `false` while messages are queued.
    fn give_back(&self) -> bool {
        let outbox = self.outbox.borrow();
        let through = outbox.queue.is_empty() && !outbox.closed;
        self.socket.borrow_mut().busy = !through;
        through
    }

    /// Continues to write, for the task.
    fn poll(&self, task: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        let mut socket = self.socket.borrow_mut();
        socket.task.get_or_insert_with(|| task.waker().clone());
        socket.poll(task)
    }
}

impl SocketSink {
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        while !self.batch.is_empty() {
            ready!(self.sink.as_mut().poll_ready(task))?;
            if let Some(item) = self.batch.pop_front() {
                self.sink.as_mut().start_send(item)?;
            }
        }
        self.sink.as_mut().poll_flush(task)
    }
}

/// The size of a message, if it is audio.
fn audio_bytes(message: &Outgoing) -> Option<usize> {
    match message {
        Outgoing::Audio(audio) | Outgoing::Binary(audio) => Some(audio.len()),
        Outgoing::Frames(_) | Outgoing::Text(_) | Outgoing::Ping | Outgoing::Pong(_) | Outgoing::Close(_) => None,
    }
}

async fn write_all(shared: &Shared) -> Result<(), String> {
    loop {
        let closed = shared.take_over().map_err(|problem| format!("not written: {problem}"))?;
        let patience = if closed { GOODBYE } else { STALL };
        match timeout(patience, poll_fn(|task| shared.poll(task))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) if closed => return Ok(()),
            Ok(Err(problem)) => return Err(format!("not written: {problem}")),
            Err(_) => return Err(format!("the server has read nothing for {STALL:?}")),
        }
        if closed {
            // The socket is closed when this returns, whether or not the server answers the close.
            let close = poll_fn(|task| shared.socket.borrow_mut().sink.as_mut().poll_close(task));
            let _ = timeout(GOODBYE, close).await;
            return Ok(());
        }
        if shared.give_back() {
            shared.wake.notified().await;
        }
    }
}

/// How long a server may read nothing. Shorter: a brief network fault ends the session. Longer: the
/// caller talks to a dead session.
const STALL: Duration = Duration::from_secs(5);
/// How long an orderly close may take before the socket is dropped.
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
        assert_eq!((1..=5).map(|tag| outbox.push_audio(Outgoing::Audio(audio(tag)))).sum::<u64>(), 2);
        outbox.queue.push_back(Outgoing::Text("two".to_owned()));
        let left: Vec<String> = outbox
            .queue
            .iter()
            .map(|queued| match queued {
                Outgoing::Text(text) => text.clone(),
                Outgoing::Audio(frame) | Outgoing::Binary(frame) => frame[0].to_string(),
                Outgoing::Frames(_) | Outgoing::Ping | Outgoing::Pong(_) | Outgoing::Close(_) => "?".to_owned(),
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
        let (tell, broken) = tokio::sync::oneshot::channel();
        let writer = Writer::start(Stuck, 1_000, |problem| drop(tell.send(problem)));
        writer.send("first".to_owned());
        // The writer takes the message, so that everything else is queued behind a write that does
        // not end.
        tokio::task::yield_now().await;
        let dropped: u64 = (0..1_000).map(|_| writer.audio(audio(1))).sum();
        assert_eq!(dropped, 900);
        assert!(broken.await.expect("a result").contains("read nothing"));
    }

    #[actix::test]
    async fn closing_ends_even_if_the_server_reads_nothing() {
        tokio::time::pause();
        let (tell, broken) = tokio::sync::oneshot::channel::<String>();
        drop(Writer::start(Stuck, 1_000, |problem| drop(tell.send(problem))));
        assert!(broken.await.is_err(), "the task has ended, and nothing was wrong");
    }

    #[test]
    fn what_was_taken_to_be_written_does_not_count_any_more() {
        let mut outbox = outbox();
        let mut batch = VecDeque::new();
        for _ in 0..3 {
            assert_eq!((1..=3).map(|tag| outbox.push_audio(Outgoing::Audio(audio(tag)))).sum::<u64>(), 0);
            outbox.take(&mut batch);
            assert_eq!(batch.len(), 3);
            batch.clear();
        }
    }

    #[test]
    fn a_single_frame_larger_than_the_bound_is_not_lost() {
        let mut outbox = outbox();
        assert_eq!(outbox.push_audio(Outgoing::Audio(Frame::copy_of(&[0; 100]))), 0);
        assert_eq!(outbox.push_audio(Outgoing::Audio(audio(1))), 1);
    }
}
