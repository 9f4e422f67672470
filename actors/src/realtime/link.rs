//! The socket of a session: a [`Writer`] and a stream of complete messages. A failure of either end
//! arrives as the last element of the stream.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Stream, StreamExt};
use tokio::sync::oneshot;

use super::conversation::SessionEvent;
use super::incoming::{Incoming, MOST_BYTES};
use super::writer::Writer;
use crate::socket::fragments::Fragments;
use crate::socket::{self, Half, Socket};

/// An open socket. Dropping the writer closes it in an orderly way.
#[derive(Debug)]
pub struct Link {
    /// The writing end.
    pub writer: Writer,
    /// The reading end.
    pub incoming: IncomingStream,
}

impl Link {
    /// The link over `socket`.
    pub fn new(socket: Socket) -> Self {
        let (sink, frames) = socket::split(socket);
        let (broken, breaks) = oneshot::channel();
        let writer = Writer::start(sink, usize::MAX, |problem| drop(broken.send(problem)));
        let incoming =
            IncomingStream { frames, fragments: Fragments::new(MOST_BYTES), breaks: Some(breaks), ended: false };
        Self { writer, incoming }
    }
}

/// An element of a link's stream.
#[derive(Debug)]
pub enum Inbound {
    /// A complete message.
    Message(Incoming),
    /// The link broke. Nothing follows.
    Broke(String),
}

impl Inbound {
    /// The event for the session of the link.
    pub fn event(&self) -> SessionEvent<'_> {
        match self {
            Self::Message(Incoming::Text(text)) => {
                std::str::from_utf8(text).map_or(SessionEvent::Unintelligible, SessionEvent::Text)
            }
            Self::Message(Incoming::Binary(bytes)) => SessionEvent::Binary(bytes),
            Self::Message(Incoming::Ping(payload)) => SessionEvent::Ping(payload.clone()),
            Self::Message(Incoming::Pong) => SessionEvent::Pong,
            Self::Message(Incoming::Close { code, reason }) => SessionEvent::Closed { code: *code, reason },
            Self::Broke(problem) => SessionEvent::Broken(problem),
        }
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
