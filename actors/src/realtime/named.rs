//! The links of a session that has several: sockets with a name, and HTTP requests with a name and a
//! number. Pure.
//!
//! A session asks for them with [`LinkOrder`], and everything that comes of them is a [`LinkEvent`].
//! Their shell is [`super::named_link`].

use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::conversation::{Header, Upgrade};
use crate::frame::Frame;

/// The purpose of a link. Each has one socket at most, and any number of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkName {
    /// To what hears.
    Ears,
    /// To what thinks.
    Mind,
    /// To what speaks.
    Voice,
}

/// A request: its link, and its number on that link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    /// The link.
    pub link: LinkName,
    /// The number.
    pub number: u64,
}

/// What a session orders.
#[derive(Debug)]
pub enum LinkOrder {
    /// Open a socket, in place of any other of this name.
    Open {
        /// The name.
        link: LinkName,
        /// The request that opens it.
        upgrade: Upgrade,
        /// The bound for audio that the server does not read, in bytes of its messages.
        most_unsent: usize,
    },
    /// Close the socket of this name. Nothing more comes of it.
    Close(LinkName),
    /// Send a message on an open socket.
    Send(LinkName, Outbound),
    /// Connect to the server of requests that will follow, so that the first one need not wait for it.
    Connect(Url),
    /// Send an HTTP request.
    Request(RequestId, LinkRequest),
    /// Drop the connection of a request.
    Abort(RequestId),
}

/// A message for a socket.
#[derive(Debug)]
pub enum Outbound {
    /// A text message. It is never dropped.
    Text(String),
    /// A text message with caller audio. It may be dropped when the server does not read.
    AudioText(Frame),
    /// A binary message with caller audio. It may be dropped likewise.
    AudioBytes(Frame),
}

/// An HTTP request: a POST.
#[derive(Debug)]
pub struct LinkRequest {
    /// The address.
    pub url: Url,
    /// The headers, with that of the body's type.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Bytes,
    /// How the answer is read.
    pub reading: Reading,
}

/// How the answer to a request is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Piece by piece as it comes. The session limits the time.
    Stream,
    /// As a whole, which comes with its head; nothing follows. Without it in this time, the
    /// connection counts as broken.
    Whole(Duration),
}

/// What comes of a link.
#[derive(Debug, Clone, Copy)]
pub enum LinkEvent<'a> {
    /// Of a socket.
    Socket(LinkName, SocketEvent<'a>),
    /// Of a request.
    Request(RequestId, RequestEvent<'a>),
}

/// What comes of a socket.
#[derive(Debug, Clone, Copy)]
pub enum SocketEvent<'a> {
    /// It is open.
    Opened,
    /// The upgrade was refused.
    Refused(Head<'a>, &'a str),
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// The server closed it.
    Closed(Option<u16>, &'a str),
    /// It broke, or could not be dialled.
    Broken(&'a str),
}

/// What comes of a request.
#[derive(Debug, Clone, Copy)]
pub enum RequestEvent<'a> {
    /// The head of the answer, with its body if it is no success or is read as a whole.
    Head(Head<'a>, &'a str),
    /// A piece of the body.
    Bytes(&'a [u8]),
    /// The end of the body.
    End,
    /// The connection broke, or could not be made.
    Broken(&'a str),
}

/// What an HTTP answer says besides its body.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Head<'a> {
    /// The status.
    pub status: u16,
    /// `content-type`.
    pub content_type: &'a str,
    /// `retry-after-ms`.
    pub retry_after_ms: Option<&'a str>,
    /// `retry-after`, in seconds.
    pub retry_after: Option<&'a str>,
    /// A header with the reason, where an engine has one.
    pub error: Option<&'a str>,
}

impl Head<'_> {
    /// Whether the request succeeded.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// How long the server wants us to wait. A date instead of a number counts as absent.
    pub fn wait(&self) -> Option<Duration> {
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok());
        let seconds = number(self.retry_after_ms).map(|ms| ms / 1000.0).or_else(|| number(self.retry_after))?;
        (0.0..=LONGEST_WAIT).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
    }
}

/// The longest wait that a server may ask for, in seconds. A longer one is no wait within a call.
const LONGEST_WAIT: f64 = 600.0;
