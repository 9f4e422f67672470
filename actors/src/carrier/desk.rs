//! What a carrier asks of us and tells us over HTTP, and what it is answered, in our own words. Pure.
//!
//! A [`Desk`] reads a request (signature or token, account, form or query) into [`Heard`], and writes an [`Answer`] as the carrier's
//! [`Document`]. Between the two stand the service's routes, which are the same for every carrier.

mod answer;
mod heard;

use std::fmt;

pub use self::answer::{Answer, Callbacks, Dial, Document, Side, Taker};
pub use self::heard::{
    AnsweredBy, Arriving, Connecting, DialOutcome, Direction, Heard, StatusNews, StreamEnding, StreamFailure,
    StreamNews,
};
use super::StreamStart;
use crate::ids::{CarrierCallId, Private};

/// A carrier's side of our HTTP, opened with its settings and secrets.
pub trait Desk: fmt::Debug + Send + Sync {
    /// What proves that a request is the carrier's.
    fn proof(&self) -> Proof;

    /// Judges a request to one of the carrier's routes, and says what it asks or tells.
    ///
    /// # Errors
    /// When it is not the carrier's, or cannot be read.
    fn judge(&self, role: Role, request: &Request<'_>) -> Result<Heard, Refused>;

    /// Judges the upgrade of a stream.
    ///
    /// # Errors
    /// When it is not the carrier's.
    fn upgrade(&self, request: &Request<'_>) -> Result<Arrival, Refused>;

    /// The document for an answer.
    fn answer(&self, answer: &Answer<'_>) -> Document;

    /// The address that a request was signed for, where it is not ours: the commonest trouble of all. The request is not taken for it.
    fn fitting_address(&self, role: Role, request: &Request<'_>) -> Option<Fitting> {
        let _ = (role, request);
        None
    }

    /// Puts what a stream told of itself where the settings say that it belongs.
    fn sort(&self, start: &mut StreamStart) {
        let _ = start;
    }

    /// The account that calls have to name, where it is known.
    fn account(&self) -> Option<&str> {
        None
    }

    /// Where a call that we begin under `name` asks for its document and tells how it went; `None` for a carrier that begins no calls.
    fn callbacks(&self, name: &CarrierCallId) -> Option<Callbacks> {
        let _ = name;
        None
    }
}

/// What proves that a request is the carrier's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// It signs its requests.
    Signature,
    /// It shows a token that it was given in its URL.
    Token,
    /// Nothing does: only direct connections from this machine are served, and only while every address of the service is loopback.
    ThisMachine,
}

/// One path of a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Its methods.
    pub verbs: &'static [Verb],
    /// The whole path, which begins with the carrier's name. A carrier that was told another one keeps it.
    pub path: &'static str,
    /// What it is for.
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
    /// The word on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What a path of a carrier is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Its stream, an upgrade.
    Stream,
    /// A call comes in, and its carrier asks where to.
    Arrives,
    /// A stream has ended, and the carrier asks how the call goes on.
    StreamEnded,
    /// A dialled leg has ended, and the carrier asks how the call goes on.
    DialEnded,
    /// Somebody has answered a dialled leg, and is told what the call is about.
    Whisper,
    /// They take the call, or do not.
    WhisperTaken,
    /// The person whom a warm transfer calls has answered, and is told what the call is about.
    PersonAnswered,
    /// They take the call, or do not.
    PersonTaken,
    /// Their line has changed its state.
    PersonStatus,
    /// A call has changed its state.
    Status,
    /// News of a stream.
    StreamStatus,
}

/// A request as it came.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Its method.
    pub verb: Verb,
    /// Its target as it was written: path and query.
    pub target: &'a str,
    /// Its headers.
    pub headers: &'a dyn Headers,
    /// Its body.
    pub body: &'a [u8],
    /// Whether it came from this machine, through no proxy and out of no web page.
    pub is_local: bool,
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

    /// A header.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.value(name)
    }
}

/// The headers of a request.
pub trait Headers {
    /// The value of a header, by its name in small letters; `None` also for what is no text.
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
    /// The status of the answer.
    pub status: u16,
    /// What the other side is told; a stranger is told no more than they knew.
    pub told: String,
    /// The label in metrics and what the log says of it; `None` for a request of the carrier's that cannot be read.
    pub stranger: Option<Stranger>,
    /// The carrier's id of the call, where the request names one.
    pub carrier_call: Option<String>,
}

/// A request that is not the carrier's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// The label in metrics.
    pub reason: &'static str,
    /// Why, for the log.
    pub why: String,
    /// It is signed for another address or by another secret: see [`Desk::fitting_address`].
    pub mismatch: bool,
}

impl Refused {
    /// Of a request that cannot be read.
    pub fn unreadable(told: impl Into<String>) -> Self {
        Self { status: 400, told: told.into(), stranger: None, carrier_call: None }
    }

    /// Of a request that is not the carrier's.
    pub fn stranger(told: &str, reason: &'static str, why: impl Into<String>, carrier_call: Option<&str>) -> Self {
        let stranger = Stranger { reason, why: why.into(), mismatch: false };
        Self {
            status: 403,
            told: told.to_owned(),
            stranger: Some(stranger),
            carrier_call: carrier_call.map(str::to_owned),
        }
    }
}

/// An address that a signature fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitting {
    /// The address, without its query.
    pub fits: String,
    /// Ours, that was tried.
    pub tried: String,
}

/// How a stream came to be here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    /// A webhook announced its call; it shows the token that was given then, in its `start` as the parameter `token` where the upgrade
    /// has not shown it.
    Announced {
        /// The token that its upgrade shows.
        token: Option<Private<String>>,
    },
    /// Nobody did; the token in its URL says whose it is.
    Vouched {
        /// What else the URL says.
        parameters: Vec<(String, String)>,
    },
}
