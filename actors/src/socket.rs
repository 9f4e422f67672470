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
    reading: ReadState,
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
            reading: ReadState::Open,
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
        while self.reading == ReadState::Spoilt {
            self.unread.clear();
            if !matches!(ready!(self.poll_read(task)), Ok(true)) {
                self.reading = ReadState::Ended;
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
            if this.reading == ReadState::Spoilt {
                return Poll::Ready(None);
            }
            if let Some(frame) = this.decode().transpose() {
                if frame.is_err() {
                    (this.unread, this.reading) = (BytesMut::new(), ReadState::Spoilt);
                }
                return Poll::Ready(Some(frame));
            }
            if this.reading == ReadState::Ended {
                return Poll::Ready(None);
            }
            if !ready!(this.poll_read(task))? {
                this.reading = ReadState::Ended;
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
mod tests {
    use actix_codec::{Decoder as _, Framed};
    use actix_http::ws::Frame as F;
    use futures_util::FutureExt as _;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;

    const MOST_BYTES: usize = 1024 * 1024;

    /// Returns a socket and the server's end of it, whose buffer has `capacity` bytes.
    fn socket(capacity: usize) -> (Socket, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(capacity);
        let framed = Framed::new(Box::new(ours) as BoxedSocket, ws::Codec::new().client_mode().max_size(MOST_BYTES));
        (Socket::new(framed.into_parts(), MOST_BYTES), theirs)
    }

    /// Texts that fill less than a read, about one, and more.
    fn texts(tag: u8) -> Vec<String> {
        let text = |length: usize| char::from(tag).to_string().repeat(length);
        [1, 6_500, 125, 16_384, 60_000, 300].map(text).into()
    }

    #[actix_rt::test]
    async fn messages_come_whole_however_they_are_cut_and_sockets_do_not_mix() {
        for at_once in [1, 7, 1_000, 20_000, 200_000] {
            let (mut sockets, mut servers): (Vec<_>, Vec<_>) = (0..2).map(|_| socket(1 << 20)).unzip();
            let mut wires = [b'a', b'b'].map(|tag| {
                let mut wire = BytesMut::new();
                texts(tag).iter().for_each(|text| Parser::write_message(&mut wire, text, OpCode::Text, true, false));
                wire
            });
            let mut heard = [Vec::new(), Vec::new()];
            while heard.iter().any(|heard| heard.len() < 6) {
                // A task that never yields gets no more data.
                tokio::task::yield_now().await;
                for n in 0..2 {
                    let piece = wires[n].split_to(at_once.min(wires[n].len()));
                    servers[n].write_all(&piece).await.expect("room");
                    while let Some(frame) = sockets[n].next().now_or_never() {
                        let Some(Ok(F::Text(text))) = frame else { panic!("a text, not {frame:?}") };
                        heard[n].push(String::from_utf8(text.to_vec()).expect("text"));
                    }
                }
            }
            assert!(heard == [texts(b'a'), texts(b'b')], "{at_once} bytes at once");
            drop(servers);
            assert!(sockets[0].next().await.is_none(), "the end");
        }
    }

    #[actix_rt::test]
    async fn what_is_announced_beyond_the_limit_is_not_waited_for() {
        for (opcode, length) in [(1_u8, 1_u64 << 40), (2, 1 << 63), (0, MOST_BYTES as u64 + 1), (9, 126)] {
            let (mut socket, mut server) = socket(1 << 16);
            server.write_all(&[0x80 | opcode, 127]).await.expect("room");
            assert!(socket.next().now_or_never().is_none(), "a head that is on its way");
            server.write_all(&length.to_be_bytes()).await.expect("room");
            let refused = socket.next().await.expect("a verdict").expect_err("none of it has come");
            assert_eq!(matches!(refused, ProtocolError::Overflow), opcode != 9, "{refused}");
            assert!(socket.next().await.is_none(), "nothing that follows is a frame");
        }
    }

    proptest! {
        #[test]
        fn a_head_is_read_as_the_decoder_reads_it(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            most in 0_usize..300,
        ) {
            let mut wire = BytesMut::from(&bytes[..]);
            let decoded = ws::Codec::new().max_size(most).decode(&mut wire);
            match head::judge(&bytes, most) {
                // A frame that the head check refuses, the decoder refuses too.
                Err(_) => prop_assert!(!matches!(decoded, Ok(Some(_)))),
                Ok(Some(length)) if decoded.as_ref().is_ok_and(Option::is_some) => {
                    prop_assert_eq!(length, (bytes.len() - wire.len()) as u64);
                }
                Ok(_) => {}
            }
        }
    }

    #[actix_rt::test]
    async fn a_frame_that_trickles_in_is_kept_once_and_no_more() {
        let (mut socket, mut server) = socket(1 << 16);
        let mut wire = BytesMut::new();
        Parser::write_message(&mut wire, vec![7; MOST_BYTES], OpCode::Binary, true, false);
        for piece in wire.chunks(997) {
            server.write_all(piece).await.expect("room");
            tokio::task::yield_now().await;
            if let Some(frame) = socket.next().now_or_never() {
                assert!(matches!(frame, Some(Ok(F::Binary(bytes))) if bytes.len() == MOST_BYTES));
                return;
            }
            assert!(socket.unread.capacity() <= 2 * MOST_BYTES, "{} bytes kept", socket.unread.capacity());
        }
        panic!("the frame did not come");
    }

    #[actix_rt::test]
    async fn what_a_server_does_not_take_at_once_is_kept_in_order() {
        let (mut slow, mut server) = socket(64);
        let (mut quick, mut other) = socket(1 << 20);
        for text in texts(b'a') {
            // A socket that finishes in between does not affect the waiting data.
            let word = Outgoing::Text("word".to_owned());
            slow.feed(Outgoing::Text(text.clone())).now_or_never();
            quick.send(word).await.expect("taken");
            let mut codec = ws::Codec::new().max_size(MOST_BYTES);
            let mut wire = BytesMut::new();
            let frame = loop {
                tokio::task::yield_now().await;
                assert!(slow.flush().now_or_never().is_none_or(|flushed| flushed.is_ok()));
                server.read_buf(&mut wire).await.expect("bytes");
                if let Some(frame) = codec.decode(&mut wire).expect("a frame") {
                    break frame;
                }
            };
            assert_eq!(frame, F::Text(text.into()));
            assert!(wire.is_empty());
        }
        let mut words = BytesMut::new();
        while words.len() < 6 * 10 {
            other.read_buf(&mut words).await.expect("words");
        }
        let mut codec = ws::Codec::new();
        for _ in 0..6 {
            assert_eq!(codec.decode(&mut words).expect("a frame"), Some(F::Text("word".into())));
        }
    }
}
