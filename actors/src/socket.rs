//! A WebSocket to a carrier or a model, and the buffers of its messages.
//!
//! A socket owns no buffers while the peer sends whole messages and reads what it is sent. Both
//! directions pass through buffers of the thread, which stay in the processor's cache. The socket
//! keeps only leftovers: a part of a message, or data that the peer does not read. Its owner
//! handles [`fragments`] and pings.
//!
//! The [`head`] of a frame is compared with the limit before the frame is buffered.

pub mod fragments;
pub mod head;

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::{fmt, io};

use actix_codec::{AsyncWrite as _, Decoder as _, FramedParts};
use actix_http::ws::{self, CloseReason, Item, OpCode, Parser, ProtocolError};
use awc::BoxedSocket;
use bytes::{Bytes, BytesMut};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio_util::io::poll_read_buf;

use self::fragments::{Kind, Part};
use self::head::{LONGEST_HEAD, Refused};
use crate::frame::Frame;

/// An open socket: WebSocket messages out, frames in.
pub struct Socket {
    io: BoxedSocket,
    codec: ws::Codec,
    /// The most bytes of a frame.
    most: usize,
    /// Bytes that were read and not decoded yet.
    unread: BytesMut,
    /// Whether `unread` is a part of the thread's buffer, which is not free in the meantime.
    lent: bool,
    /// Bytes that were encoded and not written yet, from `written` on.
    unwritten: BytesMut,
    written: usize,
    /// Bytes that the system has accepted for the peer, over the socket's life.
    taken: u64,
    read_state: ReadState,
}

/// Whether more frames may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadState {
    /// More frames.
    Open,
    /// The peer has closed its end; unread bytes may still hold frames.
    Ended,
    /// After a violation no bytes count as frames.
    Spoilt,
}

impl fmt::Debug for Socket {
    /// Shows only the sizes: speech is private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({} unread, {} unwritten)", self.unread.len(), self.unwritten.len() - self.written)
    }
}

impl Socket {
    /// Creates a socket on `parts`, for frames of at most `most` bytes. Bytes that the parts have
    /// read come first.
    pub fn new(parts: FramedParts<BoxedSocket, ws::Codec>, most: usize) -> Self {
        let FramedParts { io, codec, read_buf, write_buf, .. } = parts;
        Self {
            io,
            codec: codec.max_size(most),
            most,
            unread: read_buf,
            lent: false,
            unwritten: write_buf,
            written: 0,
            taken: 0,
            read_state: ReadState::Open,
        }
    }

    /// Returns the next frame of the bytes read.
    fn decode(&mut self) -> Result<Option<ws::Frame>, ProtocolError> {
        if self.unread.is_empty() {
            return Ok(None);
        }
        head::judge(&self.unread, self.most).map_err(|refused| match refused {
            Refused::TooLong(_) => ProtocolError::Overflow,
            Refused::Control(length) => ProtocolError::InvalidLength(usize::try_from(length).unwrap_or(usize::MAX)),
        })?;
        let frame = self.codec.decode(&mut self.unread)?;
        // No valid incomplete frame is this long.
        if frame.is_none() && self.unread.len() > self.most + LONGEST_HEAD {
            return Err(ProtocolError::Overflow);
        }
        Ok(frame)
    }

    /// Reads and discards what a peer sends after a violation was reported to it. With unread bytes
    /// the system would send a reset on close, which can overtake the report. Ready once the peer
    /// has closed its end, or if there was no violation.
    fn poll_drain(&mut self, task: &mut Context<'_>) -> Poll<()> {
        while self.read_state == ReadState::Spoilt {
            self.unread.clear();
            if !matches!(ready!(self.poll_read(task)), Ok(true)) {
                self.read_state = ReadState::Ended;
            }
        }
        Poll::Ready(())
    }

    /// Reads the available bytes, after those left from the last read; `false` at the end.
    fn poll_read(&mut self, task: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if !self.unread.is_empty() {
            if std::mem::take(&mut self.lent) {
                self.unread = BytesMut::from(&self.unread[..]);
            }
            self.unread.reserve(READ_AT_ONCE);
            return poll_read_buf(Pin::new(&mut self.io), task, &mut self.unread).map_ok(|bytes| bytes > 0);
        }
        // Even an empty part of the thread's buffer blocks its reuse.
        self.unread = BytesMut::new();
        READ.with_borrow_mut(|buffer| {
            buffer.reserve(READ_AT_ONCE);
            let read = poll_read_buf(Pin::new(&mut self.io), task, buffer);
            if !buffer.is_empty() {
                (self.unread, self.lent) = (buffer.split(), true);
            }
            read.map_ok(|bytes| bytes > 0)
        })
    }

    fn poll_write(&mut self, task: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        while self.written < self.unwritten.len() {
            let bytes = ready!(Pin::new(&mut self.io).poll_write(task, &self.unwritten[self.written..]))?;
            if bytes == 0 {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::WriteZero).into()));
            }
            self.written += bytes;
            self.taken += bytes as u64;
        }
        if self.written == 0 {
            return Poll::Ready(Ok(()));
        }
        self.written = 0;
        let mut buffer = std::mem::take(&mut self.unwritten);
        if buffer.capacity() <= LARGEST_KEPT {
            buffer.clear();
            WRITE.with_borrow_mut(|kept| *kept = buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl Stream for Socket {
    type Item = Result<ws::Frame, ProtocolError>;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if this.read_state == ReadState::Spoilt {
                return Poll::Ready(None);
            }
            if let Some(frame) = this.decode().transpose() {
                if frame.is_err() {
                    (this.unread, this.read_state) = (BytesMut::new(), ReadState::Spoilt);
                }
                return Poll::Ready(Some(frame));
            }
            if this.read_state == ReadState::Ended {
                return Poll::Ready(None);
            }
            if !ready!(this.poll_read(task))? {
                this.read_state = ReadState::Ended;
            }
        }
    }
}

impl Sink<Outgoing> for Socket {
    type Error = ProtocolError;

    fn poll_ready(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        if self.unwritten.len() < MOST_UNWRITTEN { Poll::Ready(Ok(())) } else { self.poll_write(task) }
    }

    fn start_send(mut self: Pin<&mut Self>, item: Outgoing) -> Result<(), ProtocolError> {
        if self.unwritten.is_empty() {
            self.unwritten = WRITE.with_borrow_mut(std::mem::take);
        }
        item.encode(&mut self.unwritten);
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        ready!(self.poll_write(task))?;
        Pin::new(&mut self.io).poll_flush(task).map_err(ProtocolError::from)
    }

    fn poll_close(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        ready!(self.poll_write(task))?;
        Pin::new(&mut self.io).poll_shutdown(task).map_err(ProtocolError::from)
    }
}

/// Splits an open socket into its writing and its reading half.
pub fn split(socket: Socket) -> (Half, Half) {
    let socket = Rc::new(RefCell::new(socket));
    (Half(Rc::clone(&socket)), Half(socket))
}

/// One half of a socket. Both halves are on the same thread; a lock between them would cost more
/// than the work it guards.
pub struct Half(Rc<RefCell<Socket>>);

impl Half {
    /// Bytes that the system has accepted, over the socket's life: while the number grows, the peer
    /// reads.
    pub fn taken(&self) -> u64 {
        self.0.borrow().taken
    }

    /// After a violation, ready once the peer has closed its end; otherwise ready at once.
    pub fn poll_drain(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.0.borrow_mut().poll_drain(task)
    }
}

impl fmt::Debug for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Half")
    }
}

impl Sink<Outgoing> for Half {
    type Error = ProtocolError;

    fn poll_ready(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        self.0.borrow_mut().poll_ready_unpin(task)
    }

    fn start_send(self: Pin<&mut Self>, item: Outgoing) -> Result<(), ProtocolError> {
        self.0.borrow_mut().start_send_unpin(item)
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        self.0.borrow_mut().poll_flush_unpin(task)
    }

    fn poll_close(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Result<(), ProtocolError>> {
        self.0.borrow_mut().poll_close_unpin(task)
    }
}

impl Stream for Half {
    type Item = Result<ws::Frame, ProtocolError>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.borrow_mut().poll_next_unpin(task)
    }
}

/// Returns a fragment as [`fragments::Fragments`] takes it.
pub fn part(item: &Item) -> (Part, &[u8]) {
    match item {
        Item::FirstText(bytes) => (Part::First(Kind::Text), bytes),
        Item::FirstBinary(bytes) => (Part::First(Kind::Binary), bytes),
        Item::Continue(bytes) => (Part::Next, bytes),
        Item::Last(bytes) => (Part::Last, bytes),
    }
}

/// What we write to the socket. Messages are masked, as those of a client.
#[derive(Debug)]
pub enum Outgoing {
    /// Whole frames that are encoded already.
    Frames(Bytes),
    /// A text message.
    Text(String),
    /// A text message with caller audio, in a buffer that returns to its pool.
    Audio(Frame),
    /// A binary message with caller audio, in such a buffer.
    Binary(Frame),
    /// A ping, to check that the server is alive.
    Ping,
    /// The answer to the server's ping.
    Pong(Bytes),
    /// A close frame.
    Close(CloseReason),
}

impl Outgoing {
    fn encode(self, out: &mut BytesMut) {
        match self {
            Self::Frames(bytes) => out.extend_from_slice(&bytes),
            Self::Text(text) => Parser::write_message(out, text, OpCode::Text, true, true),
            Self::Audio(text) => Parser::write_message(out, &text[..], OpCode::Text, true, true),
            Self::Binary(bytes) => Parser::write_message(out, &bytes[..], OpCode::Binary, true, true),
            Self::Ping => Parser::write_message(out, b"", OpCode::Ping, true, true),
            Self::Pong(payload) => Parser::write_message(out, payload, OpCode::Pong, true, true),
            Self::Close(reason) => Parser::write_close(out, Some(reason), true),
        }
    }
}

thread_local! {
    /// The thread's buffer for reading.
    static READ: RefCell<BytesMut> = RefCell::default();
    /// The thread's buffer for writing.
    static WRITE: RefCell<BytesMut> = RefCell::default();
}

/// Bytes per read: two usual deltas. Less would need more reads; more would gain nothing.
const READ_AT_ONCE: usize = 16 * 1024;
/// Most unwritten bytes of a socket before more is encoded.
const MOST_UNWRITTEN: usize = 8 * 1024;
/// A write buffer larger than this is freed.
const LARGEST_KEPT: usize = 16 * 1024;

#[cfg(test)]
mod tests;
