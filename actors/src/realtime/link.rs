//! The link of a session: its writing end and a stream of what comes. Most sessions have one socket: a
//! [`Writer`] and complete messages, and a failure of either end arrives as the last element of the
//! stream. A session that opens its links itself has [`NamedLinks`].

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::sync::oneshot;

use super::conversation::SessionEvent;
use super::incoming::{Incoming, MOST_BYTES};
use super::named::LinkOrder;
use super::named_link::{Named, NamedLinks, NamedStream};
use super::writer::Writer;
use crate::frame::Frame;
use crate::socket::fragments::Fragments;
use crate::socket::{self, Half, Socket};

/// An open link.
#[derive(Debug)]
pub struct Link {
    /// The writing end. Dropping it closes the link in an orderly way.
    pub writing: Writing,
    /// The reading end.
    pub reading: Reading,
}

/// The writing end of a link.
#[derive(Debug)]
pub enum Writing {
    /// One socket.
    Socket(Writer),
    /// The links that the session opens.
    Named(NamedLinks),
}

/// The reading end of a link.
#[derive(Debug)]
pub enum Reading {
    /// One socket.
    Socket(Box<IncomingStream>),
    /// The links that the session opens.
    Named(NamedStream),
}

impl Link {
    /// The link over `socket`.
    pub fn new(socket: Socket) -> Self {
        let (writer, incoming) = Self::of_socket(socket);
        Self { writing: Writing::Socket(writer), reading: Reading::Socket(Box::new(incoming)) }
    }

    /// A link that the session fills with links of its own.
    pub fn named() -> Self {
        let (links, stream) = NamedLinks::new();
        Self { writing: Writing::Named(links), reading: Reading::Named(stream) }
    }

    /// The two ends of `socket`.
    pub(super) fn of_socket(socket: Socket) -> (Writer, IncomingStream) {
        let (sink, frames) = socket::split(socket);
        let (broken, breaks) = oneshot::channel();
        let writer = Writer::start(sink, usize::MAX, |problem| drop(broken.send(problem)));
        let incoming =
            IncomingStream { frames, fragments: Fragments::new(MOST_BYTES), breaks: Some(breaks), ended: false };
        (writer, incoming)
    }
}

impl Writing {
    /// Queues a text message.
    pub fn send(&self, text: String) {
        if let Self::Socket(writer) = self {
            writer.send(text);
        }
    }

    /// Queues an audio event and returns the number of older ones that were dropped for it.
    pub fn audio(&self, text: Frame) -> u64 {
        if let Self::Socket(writer) = self { writer.audio(text) } else { 1 }
    }

    /// Queues the answer to a ping in front of everything else.
    pub fn pong(&self, payload: Bytes) {
        if let Self::Socket(writer) = self {
            writer.pong(payload);
        }
    }

    /// Queues a ping.
    pub fn ping(&self) {
        if let Self::Socket(writer) = self {
            writer.ping();
        }
    }

    /// Carries out an order to one of the session's links. Returns the number of older pieces of
    /// audio that were dropped for it.
    pub fn perform(&mut self, order: LinkOrder) -> u64 {
        if let Self::Named(links) = self { links.perform(order) } else { 0 }
    }

    /// Sets the bound of the queue, in bytes of audio events.
    pub fn limit_audio(&self, most_bytes: usize) {
        if let Self::Socket(writer) = self {
            writer.limit_audio(most_bytes);
        }
    }
}

impl Reading {
    /// What comes next. After the end of a socket it reports the failure on every call.
    pub async fn next(&mut self) -> Inbound {
        StreamExt::next(self).await.unwrap_or_else(|| Inbound::Broke(GONE.to_owned()))
    }
}

impl Stream for Reading {
    type Item = Inbound;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Inbound>> {
        match self.get_mut() {
            Self::Socket(incoming) => incoming.poll_next_unpin(task),
            Self::Named(stream) => stream.poll_next_unpin(task),
        }
    }
}

/// An element of a link's stream.
#[derive(Debug)]
pub enum Inbound {
    /// A complete message.
    Message(Incoming),
    /// The link broke. Nothing follows.
    Broke(String),
    /// Something came of a link that the session opened.
    Named(Named),
}

impl Inbound {
    /// The event for the session of the link; `None` if it is of no interest.
    pub fn event(&self) -> Option<SessionEvent<'_>> {
        Some(match self {
            Self::Message(Incoming::Text(text)) => {
                std::str::from_utf8(text).map_or(SessionEvent::Unintelligible, SessionEvent::Text)
            }
            Self::Message(Incoming::Binary(bytes)) => SessionEvent::Binary(bytes),
            Self::Message(Incoming::Ping(payload)) => SessionEvent::Ping(payload.clone()),
            Self::Message(Incoming::Pong) => SessionEvent::Pong,
            Self::Message(Incoming::Close { code, reason }) => SessionEvent::Closed { code: *code, reason },
            Self::Broke(problem) => SessionEvent::Broken(problem),
            Self::Named(named) => return named.event().map(SessionEvent::Link),
        })
    }
}

/// The reading end.
pub struct IncomingStream {
    frames: Half,
    fragments: Fragments,
    /// Reports why the writing end failed.
    breaks: Option<oneshot::Receiver<String>>,
    ended: bool,
}

impl IncomingStream {
    /// The next message. After the end it reports the failure on every call.
    pub async fn next(&mut self) -> Inbound {
        StreamExt::next(self).await.unwrap_or_else(|| Inbound::Broke(GONE.to_owned()))
    }

    fn poll_frames(&mut self, task: &mut Context<'_>) -> Poll<Inbound> {
        loop {
            let frame = ready!(self.frames.poll_next_unpin(task));
            let frame = match frame {
                Some(Ok(frame)) => frame,
                Some(Err(problem)) => return Poll::Ready(Inbound::Broke(problem.to_string())),
                None => return Poll::Ready(Inbound::Broke(GONE.to_owned())),
            };
            return Poll::Ready(match Incoming::of(frame, &mut self.fragments) {
                Ok(Some(message)) => Inbound::Message(message),
                Ok(None) => continue,
                Err(problem) => Inbound::Broke(problem.to_string()),
            });
        }
    }
}

impl Stream for IncomingStream {
    type Item = Inbound;

    fn poll_next(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Inbound>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let mut heard = self.poll_frames(task);
        if heard.is_pending()
            && let Some(breaks) = &mut self.breaks
            && let Poll::Ready(problem) = Pin::new(breaks).poll(task)
        {
            self.breaks = None;
            // A writer that ended in order has no failure to report.
            heard = problem.map_or(Poll::Pending, |problem| Poll::Ready(Inbound::Broke(problem)));
        }
        self.ended = matches!(heard, Poll::Ready(Inbound::Broke(_)));
        heard.map(Some)
    }
}

impl fmt::Debug for IncomingStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingStream").field("ended", &self.ended).finish_non_exhaustive()
    }
}

const GONE: &str = "the server went away without a close";
