//! A carrier's HTTP requests to us, and our answers, in carrier-independent terms. Pure.
//!
//! A [`WebhookApi`] reads a request (signature or token, account, form or query) into
//! [`WebhookEvent`], and writes an [`Answer`] as the carrier's [`Document`]. Between the two are
//! the service's routes, which are the same for every carrier.

mod answer;
mod event;

use std::fmt;
use std::net::SocketAddr;

use chrono::{DateTime, Utc};

pub use self::answer::{Answer, Callbacks, Dial, Document, Side, Taker};
pub use self::event::{
    AnsweredBy, Arriving, Connecting, DialOutcome, Direction, StatusUpdate, StreamEnding, StreamFailure, StreamUpdate,
    WebhookEvent,
};
use super::StreamStart;
use crate::ids::{CarrierCallId, Private};

/// A carrier's HTTP interface to us, opened with its settings and secrets.
pub trait WebhookApi: fmt::Debug + Send + Sync {
    /// How a request is authenticated as the carrier's.
    fn proof(&self) -> Proof;

    /// Authenticates and reads a request to one of the carrier's routes.
    ///
    /// # Errors
    /// When it is not the carrier's, or cannot be read.
    fn judge(&self, role: Role, request: &Request<'_>) -> Result<WebhookEvent, Refused>;

    /// Authenticates the upgrade of a stream.
    ///
    /// # Errors
    /// When it is not the carrier's.
    fn upgrade(&self, request: &Request<'_>) -> Result<Arrival, Refused>;

    /// The document for an answer.
    fn answer(&self, answer: &Answer<'_>) -> Document;

    /// The address that a request was signed for, if it is not ours. This is the most common
    /// configuration error. The request is still refused.
    fn fitting_address(&self, role: Role, request: &Request<'_>) -> Option<Fitting> {
        let _ = (role, request);
        None
    }

    /// Where its streams come, if they are no WebSockets.
    fn own_listener(&self) -> Option<OwnListener> {
        None
    }

    /// Moves data from a stream's `start` to the fields that the settings say.
    fn sort(&self, start: &mut StreamStart) {
        let _ = start;
    }

    /// The account that calls must name, if it is known.
    fn account(&self) -> Option<&str> {
        None
    }

    /// The addresses of our document and status callback for a call that we place under `name`;
    /// `None` if the carrier places no calls.
    fn callbacks(&self, name: &CarrierCallId) -> Option<Callbacks> {
        let _ = name;
        None
    }
}

/// A TCP listener for a carrier's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnListener {
    /// The setting with its address, dotted.
    pub key: &'static str,
    /// The address.
    pub address: SocketAddr,
}

/// The parameter of our addresses that holds our name of a call that we placed.
pub const OUTBOUND: &str = "outbound";

/// How a request is authenticated as the carrier's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Its signature.
    Signature,
    /// A token in the URL that the carrier was given.
    Token,
    /// Nothing. Only direct connections from this machine are served, and only while every
    /// address of the service is loopback.
    ThisMachine,
}

/// One path of a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Its methods.
    pub verbs: &'static [Verb],
    /// The whole path, which begins with the carrier's name. A path from an earlier version stays
    /// valid.
    pub path: &'static str,
    /// Its purpose.
    pub role: Role,
}

/// A method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
}

impl Verb {
    /// Its name on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// The purpose of a carrier's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Its stream, as a WebSocket upgrade.
    Stream,
    /// An inbound call: the carrier asks what to do with it.
    Arrives,
    /// A stream has ended: the carrier asks how the call continues.
    StreamEnded,
    /// The carrier asks whom to dial, after it was told to go on to that.
    AsksWhom,
    /// A dialled leg has ended: the carrier asks how the call continues.
    DialEnded,
    /// A dialled leg was answered: the whisper is requested.
    Whisper,
    /// The callee of a dialled leg accepts or declines the call.
    WhisperTaken,
    /// The callee of a warm transfer has answered: the briefing is requested.
    CalleeAnswered,
    /// The callee of a warm transfer accepts or declines the call.
    CalleeTaken,
    /// The state of their line has changed.
    CalleeStatus,
    /// The state of a call has changed.
    Status,
    /// The status of a stream.
    StreamStatus,
}

/// A request as received.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its method.
    pub verb: Verb,
    /// Its unmodified target: path and query.
    pub target: &'a str,
    /// Its headers.
    pub headers: &'a dyn Headers,
    /// Its body.
    pub body: &'a [u8],
    /// Whether it came directly from this machine: no proxy, no web page.
    pub is_local: bool,
    /// When it arrived. Some carriers sign the time, so that a recorded request is good for minutes.
    pub at: DateTime<Utc>,
}

impl<'a> Request<'a> {
    /// Its path.
    pub fn path(&self) -> &'a str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Its query, without the question mark.
    pub fn query(&self) -> &'a str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.value(name)
    }

    /// Whether its body is a form.
    pub fn is_form(&self) -> bool {
        self.header("content-type")
            .and_then(|kind| kind.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
    }
}

/// The headers of a request.
pub trait Headers {
    /// The value of a header, by its lower-case name; `None` also if it is not text.
    fn value(&self, name: &str) -> Option<&str>;
}

impl Headers for [(&str, &str)] {
    fn value(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

impl Headers for Vec<(&str, &str)> {
    fn value(&self, name: &str) -> Option<&str> {
        self.as_slice().value(name)
    }
}

impl<const MANY: usize> Headers for [(&str, &str); MANY] {
    fn value(&self, name: &str) -> Option<&str> {
        self.as_slice().value(name)
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status of our answer.
    pub status: u16,
    /// The text of our answer. It reveals nothing new to a stranger.
    pub detail: String,
    /// The metric label and log text; `None` for an authentic request that cannot be read.
    pub stranger: Option<Stranger>,
    /// The carrier's id of the call, if the request has one.
    pub carrier_call: Option<String>,
}

/// A request that is not the carrier's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// The label in metrics.
    pub reason: &'static str,
    /// Why, for the log.
    pub why: String,
    /// Whether the signature is for another address or by another secret: see
    /// [`WebhookApi::fitting_address`].
    pub mismatch: bool,
}

impl Refused {
    /// For a request that cannot be read.
    pub fn unreadable(detail: impl Into<String>) -> Self {
        Self { status: 400, detail: detail.into(), stranger: None, carrier_call: None }
    }

    /// For a request that is not the carrier's.
    pub fn stranger(detail: &str, reason: &'static str, why: impl Into<String>, carrier_call: Option<&str>) -> Self {
        let stranger = Stranger { reason, why: why.into(), mismatch: false };
        Self {
            status: 403,
            detail: detail.to_owned(),
            stranger: Some(stranger),
            carrier_call: carrier_call.map(str::to_owned),
        }
    }
}

/// An address that matches a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitting {
    /// The matching address, without its query.
    pub fits: String,
    /// Our address that did not match.
    pub tried: String,
}

/// How a stream was announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A webhook announced its call. The stream shows the token from then, in its upgrade or in
    /// `start` as the parameter `token`.
    Announced {
        /// The token in its upgrade.
        token: Option<Private<String>>,
        /// The other parameters of its URL, which our document wrote.
        parameters: Vec<(String, String)>,
    },
    /// It was not announced; the token in its URL authenticates it.
    Authenticated {
        /// The other parameters of the URL.
        parameters: Vec<(String, String)>,
    },
}
