//! A carrier's requests to a service, as data. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use url::Url;

use super::{Document, Fault, Invitation, StreamNoun};
use crate::ids::Private;

/// A simulated call, as its carrier sees it.
#[derive(Debug, Clone)]
pub struct Calling {
    /// The carrier's id of the call.
    pub id: String,
    /// Its account.
    pub account: String,
    /// The caller's number.
    pub from: String,
    /// The dialled number.
    pub to: String,
    /// Whether the call was answered: something was said, played, connected or dialled.
    pub answered: bool,
    /// The secret that signs its requests; `None` leaves them unsigned.
    pub secret: Option<Private<String>>,
    /// The faults that the carrier simulates.
    pub faults: Vec<Fault>,
    /// The wall clock, for carriers that sign the time of a request.
    pub clock: fn() -> DateTime<Utc>,
}

/// How a carrier requests and reads documents.
pub trait Documents: Sync {
    /// Accepted content types of an answer, the usual one first.
    fn content_types(&self) -> &'static [&'static str];

    /// Builds a request or notification to `to`; `get` if a document asked for that method.
    fn request(&self, call: &Calling, to: &Url, get: bool, event: &CarrierEvent) -> Request;

    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it ([`super::Violation::BadDocument`]).
    fn read(&self, document: &str) -> Result<Document, String>;

    /// The address of a stream in the document at `document`.
    ///
    /// # Errors
    /// Why the carrier does not open it. The words follow "failed to", with the carrier's code.
    fn stream_address(&self, document: &Url, stream: &StreamNoun) -> Result<Url, String>;

    /// Reads a request to its API by which a service calls a person.
    ///
    /// # Errors
    /// What is missing.
    fn invitation(&self, asked: &str) -> Result<Invitation, String>;
}

/// One request to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address, with its query.
    pub url: Url,
    /// Its headers besides those of the body.
    pub headers: Vec<(&'static str, String)>,
    /// The body and its type; `None` for a `GET`.
    pub body: Option<(&'static str, String)>,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
}

impl Method {
    /// Its name on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// The reason for a request to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierEvent {
    /// The call needs its first or its next document.
    Next,
    /// The call is over.
    Over,
    /// A dialled leg has ended, or was never answered.
    Dialled {
        /// The id of the dialled leg.
        leg: String,
        /// Its result.
        outcome: Outcome,
        /// How long the two have talked, if they have.
        talked: Option<Duration>,
    },
    /// The caller's conference is over.
    Met {
        /// Whether the caller has hung up.
        hung_up: bool,
    },
    /// A dialled leg was answered.
    LegAnswered {
        /// The leg's id.
        leg: String,
    },
    /// The callee of a dialled leg has pressed a key.
    LegPressed {
        /// The leg's id.
        leg: String,
        /// The key.
        key: char,
    },
    /// The callee of this call, which the service placed, has answered.
    CalleeAnswered,
    /// The callee has pressed a key.
    CalleePressed {
        /// The key.
        key: char,
    },
    /// The callee's call is over.
    CalleeGone {
        /// Its result.
        outcome: Outcome,
    },
    /// The status of a stream.
    Stream {
        /// Its id.
        stream: String,
        /// Its name in the document.
        name: Option<String>,
        /// Its stage.
        stage: Stage,
        /// The time.
        at: DateTime<Utc>,
    },
}

/// How a callee behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The callee answers and talks.
    Answered,
    /// An answering machine answers, or they decline.
    Declined,
    /// Their line is busy.
    Busy,
    /// It rings and is not answered.
    NoAnswer,
    /// The callee cannot be reached.
    Failed,
}

/// The stage of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It is open.
    Started,
    /// It is over.
    Stopped,
    /// It could not be opened, for this reason.
    Failed(String),
}
