//! What a carrier asks a service, as data. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use url::Url;

use super::{Document, Fault, Invitation, StreamNoun};
use crate::ids::Private;

/// A simulated call, as its carrier knows it.
#[derive(Debug, Clone)]
pub struct Calling {
    /// The carrier's id of it.
    pub id: String,
    /// The account it belongs to.
    pub account: String,
    /// The caller's number.
    pub from: String,
    /// The dialled number.
    pub to: String,
    /// The call was taken: something was said, played, connected or dialled.
    pub answered: bool,
    /// What its requests are signed with; `None` leaves them unsigned.
    pub secret: Option<Private<String>>,
    /// What the carrier does wrong.
    pub faults: Vec<Fault>,
}

/// How a carrier asks for documents, and reads them.
pub trait Documents: Sync {
    /// Types of an answer that it reads, the first of them the usual one.
    fn content_types(&self) -> &'static [&'static str];

    /// The request that asks `to`, or tells it; `get` where a document said so.
    fn request(&self, call: &Calling, to: &Url, get: bool, told: &Told) -> Request;

    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it ([`super::Violation::BadDocument`]).
    fn read(&self, document: &str) -> Result<Document, String>;

    /// The address of a stream that the document at `document` names.
    ///
    /// # Errors
    /// Why the carrier does not open it; the words follow "failed to", with the carrier's code.
    fn stream_address(&self, document: &Url, stream: &StreamNoun) -> Result<Url, String>;

    /// What its API was asked, by which a service begins a call to a person.
    ///
    /// # Errors
    /// What is missing.
    fn invitation(&self, asked: &str) -> Result<Invitation, String>;
}

/// One request to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Where to, query included.
    pub url: Url,
    /// Its headers besides those of the body.
    pub headers: Vec<(&'static str, String)>,
    /// The body and its type; `None` of a `GET`.
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
    /// The word of it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// Why a service is asked for a document, or what it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The call wants its first document, or its next one.
    Next,
    /// Whoever was dialled for the caller has gone, or never came.
    Dialled {
        /// The id of the dialled leg.
        leg: String,
        /// How it went.
        outcome: Outcome,
        /// How long the two have talked, where they have.
        talked: Option<Duration>,
    },
    /// The conference that the caller waited in is over.
    Met {
        /// The caller has hung up.
        hung_up: bool,
    },
    /// Somebody, or something, has answered a dialled leg.
    LegAnswered {
        /// The leg's id.
        leg: String,
    },
    /// Who answered a dialled leg has pressed a key.
    LegPressed {
        /// The leg's id.
        leg: String,
        /// The key.
        key: char,
    },
    /// The person of this call, which the service began, has answered.
    PersonAnswered,
    /// They have pressed a key.
    PersonPressed {
        /// The key.
        key: char,
    },
    /// Their call is over.
    PersonGone {
        /// How it went.
        outcome: Outcome,
    },
    /// What has become of a stream.
    Stream {
        /// Its id.
        stream: String,
        /// Its name in the document.
        name: Option<String>,
        /// What has happened to it.
        stage: Stage,
        /// When.
        at: DateTime<Utc>,
    },
}

/// How somebody behaves who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They answer and talk.
    Answered,
    /// Something answers that does not take the call.
    Declined,
    /// Their line is busy.
    Busy,
    /// It rings and nobody comes.
    NoAnswer,
    /// They cannot be called.
    Failed,
}

/// What has happened to a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It is open.
    Started,
    /// It is over.
    Stopped,
    /// It could not be opened, for this reason.
    Failed(String),
}
