//! What a carrier asks of us and tells us over HTTP, and what it is answered, in our own words. Pure.
//!
//! A [`Desk`] reads a request (signature or token, account, form or query) into [`Heard`], and writes an [`Answer`] as the carrier's
//! [`Document`]. Between the two stand the service's routes, which are the same for every carrier.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::StreamStart;
use super::control::Target;
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

/// What a carrier asks or tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A call comes in: a place is taken, and a stream that shows the place's token is awaited.
    Arrives(Arriving),
    /// A call comes in and is to be connected to a stream that vouches for itself: nothing is reserved.
    Connects(Connecting),
    /// Such a call is over, or only its stream.
    ConnectedEnded {
        /// The carrier's id of the call; may be empty.
        call: String,
        /// Whether the carrier asks how the call goes on.
        asks: bool,
        /// The carrier's own word.
        said: String,
    },
    /// Somebody, or something, has answered a call that we began.
    PickedUp {
        /// Our name of the call.
        name: String,
        /// The carrier's.
        call: CarrierCallId,
        /// Whether a machine has answered.
        machine: bool,
    },
    /// News of a call, sent to the address of calls by mistake.
    Misdirected {
        /// The call.
        call: CarrierCallId,
        /// Whether it is over.
        over: bool,
        /// The carrier's word for its state.
        status: String,
    },
    /// A stream has ended: how does the call go on?
    StreamEnded(StreamEnding),
    /// A dialled leg has ended: how does the call go on?
    DialEnded {
        /// The call.
        call: CarrierCallId,
        /// How the leg went; `None` where the caller has hung up and nobody is left to come back.
        outcome: Option<DialOutcome>,
    },
    /// Somebody has answered a dialled leg: what are they told?
    Whisper {
        /// The caller's call.
        call: CarrierCallId,
    },
    /// They take the call, or do not.
    WhisperTaken {
        /// Whether they do.
        taken: bool,
    },
    /// The person whom a warm transfer calls has answered: what are they told?
    PersonAnswered {
        /// The caller's call.
        call: CarrierCallId,
    },
    /// They take the call, or do not.
    PersonTaken {
        /// The caller's call.
        call: CarrierCallId,
        /// Whether they do.
        taken: bool,
    },
    /// Their line has changed its state.
    PersonStatus {
        /// The caller's call.
        call: CarrierCallId,
        /// How it went, once it is down.
        outcome: Option<DialOutcome>,
    },
    /// Somebody has answered a leg that a call has dialled.
    LegAnswered {
        /// The caller's call.
        call: CarrierCallId,
    },
    /// A call has changed its state.
    Status(StatusNews),
    /// News of a stream.
    Stream(StreamNews),
    /// What changes nothing.
    Nothing,
}

/// A call that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arriving {
    /// The carrier's id of the call.
    pub call: CarrierCallId,
    /// The carrier's account, which the stream has to name again.
    pub account: Option<String>,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number; may be empty.
    pub from: Private<String>,
    /// The dialled number; may be empty.
    pub to: Private<String>,
    /// What else the URL said.
    pub parameters: Vec<(String, String)>,
    /// Whether somebody has answered it already.
    pub in_progress: bool,
    /// Whether an answering machine has.
    pub machine: bool,
}

/// A call that is to be connected to a stream that vouches for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connecting {
    /// The carrier's id of the call; may be empty.
    pub call: String,
    /// Whether the request is that of a new call.
    pub is_new: bool,
    /// The carrier's word of why it asks.
    pub said: String,
    /// What the document calls the stream.
    pub name: String,
    /// The caller's number, where it is told.
    pub from: Option<Private<String>>,
    /// The dialled number, where it is told.
    pub to: Option<Private<String>>,
    /// What the URL said, for the stream to bring along.
    pub parameters: Vec<(String, String)>,
}

/// A call whose stream has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEnding {
    /// The call.
    pub call: CarrierCallId,
    /// Whether it is over.
    pub over: bool,
    /// Whether somebody is on the line.
    pub in_progress: bool,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number; may be empty.
    pub from: Private<String>,
    /// The dialled number; may be empty.
    pub to: Private<String>,
}

/// A call that has changed its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusNews {
    /// The call.
    pub call: CarrierCallId,
    /// Our name of it, where we have begun it.
    pub announced: Option<String>,
    /// The label of a call that nobody has answered.
    pub unanswered: Option<&'static str>,
    /// Whether it is over.
    pub over: bool,
    /// The carrier's word for its state.
    pub status: String,
}

/// News of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamNews {
    /// The call, where it is named.
    pub call: Option<String>,
    /// The stream.
    pub stream: String,
    /// The carrier's word for what happened.
    pub event: Option<String>,
    /// Why it failed, if it did.
    pub failed: Option<StreamFailure>,
}

/// Why a stream failed at the carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamFailure {
    /// The carrier's code.
    pub code: Option<u32>,
    /// What it means to whoever runs this service.
    pub meaning: &'static str,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The person called us.
    Inbound,
    /// We called the person.
    Outbound,
}

impl Direction {
    /// The word in records.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// How the carrier says that a dialled destination went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DialOutcome {
    /// The two were joined, and have finished.
    Bridged,
    /// Somebody, or something, answered and the two were never joined: an answering machine, or a person who did not take the call.
    NotTaken,
    /// The line was busy.
    Busy,
    /// It rang and nobody came.
    NoAnswer,
    /// The call could not be put through.
    Failed,
}

/// What a carrier is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The call is connected to our stream.
    Stream {
        /// The stream's name.
        name: &'a str,
        /// The token that the stream is to show, for one that was announced.
        token: Option<&'a Private<String>>,
        /// What else it is to bring along.
        parameters: &'a [(String, String)],
    },
    /// A destination is dialled. When the other has gone, or never came, the carrier asks what follows.
    Dial(Dial<'a>),
    /// Whoever has answered is told what the call is about and asked for a key: no answering machine presses one.
    AskToTake {
        /// What they are told.
        words: &'a str,
        /// The code of the language that the words were put in.
        language: &'a str,
        /// Who has answered.
        taker: Taker<'a>,
    },
    /// Somebody is put into the conference of a call.
    Meet {
        /// The caller's call.
        call: &'a CarrierCallId,
        /// Who.
        side: Side,
    },
    /// What waits behind the document goes on.
    GoOn,
    /// Nobody can take the call now: that is said in the language of the call (`en`, `hi`, …), and the call ends.
    Refuse {
        /// The language's code.
        language: &'a str,
    },
    /// The call ends.
    HangUp,
    /// The news was heard.
    Nothing,
}

/// A destination that is to be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dial<'a> {
    /// The destination's name, for the callbacks.
    pub name: &'a str,
    /// Where it leads.
    pub target: &'a Target,
    /// How long it may ring.
    pub timeout: Duration,
    /// The number the person called sees; `None` leaves it to the carrier, which shows the caller's.
    pub caller_id: Option<&'a Private<String>>,
    /// Whether whoever answers is told something before the two are joined.
    pub whispers: bool,
}

/// Who is asked to take a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taker<'a> {
    /// Whoever has answered a dialled leg.
    Dialled,
    /// The person whom a warm transfer calls, for the caller of `call`.
    Person {
        /// The caller's call.
        call: &'a CarrierCallId,
    },
}

/// Who comes into a conference of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The caller, who waits there with the carrier's music.
    Caller,
    /// The person, with whom it begins.
    Person,
}

/// An answer as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`; `None` where there is no body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
    /// Whether nobody on the way may keep it: it has a secret in it that is good more than once.
    pub no_store: bool,
}

impl Document {
    /// A body of a kind.
    pub fn of(content_type: &'static str, body: String) -> Self {
        Self { status: 200, content_type: Some(content_type), body, no_store: false }
    }

    /// No body.
    pub const fn empty() -> Self {
        Self { status: 204, content_type: None, body: String::new(), no_store: false }
    }
}

/// The addresses that a call of ours is begun with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callbacks {
    /// Our document for whoever answers.
    pub document: String,
    /// Who is told how the call went.
    pub status: String,
}
