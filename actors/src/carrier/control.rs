//! Requests to a carrier's own API, outside the stream: transfer a call, end it, place one. Pure,
//! except `http`, which sends them.
//!
//! Each carrier's API is in its folder. Secrets stay in [`Private`] until they are written into a
//! request.

mod answer;
pub mod http;
mod target;

use std::fmt;
use std::time::Duration;

use url::Url;

pub use self::answer::CarrierAnswer;
pub use self::target::Target;
use crate::ids::{CarrierCallId, Private};

/// A request about a live call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'a> {
    /// Take the call off its stream and transfer it: to a target that the command names, or to the one
    /// that the carrier knows or asks for.
    HandOver(Option<&'a Target>),
    /// End the call.
    HangUp,
}

/// An outbound call to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    /// The number to call.
    pub to: Private<String>,
    /// The number that the callee sees.
    pub from: Private<String>,
    /// The address of our document for the answered call.
    pub document: String,
    /// The address of the status callback for the end of the call.
    pub status: String,
    /// How long it may ring.
    pub ring: Duration,
    /// Whether to detect an answering machine.
    pub machine: Option<Machine>,
}

/// How an answering machine is detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// Our document is requested as soon as the machine is detected.
    Detect,
    /// Fetch the document after the machine's greeting ends.
    MessageEnd,
}

/// Why a call was not placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotPlaced {
    /// Whether the carrier accepts no more calls at the moment.
    pub busy: bool,
    /// The carrier's error code; 0 if it gave none.
    pub code: u32,
    /// The cause, and what to do about it. Contains no phone numbers.
    pub reason: String,
}

impl NotPlaced {
    /// The error for a carrier that places no calls.
    pub fn impossible() -> Self {
        Self { busy: false, code: 0, reason: "this carrier begins no calls".to_owned() }
    }
}

/// A call that was placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// The carrier returned its id.
    Named(CarrierCallId),
    /// Its id comes with its first webhook.
    Unnamed,
}

/// One HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// Its headers besides those of the body: `Authorization`, or another one that authenticates
    /// us.
    pub headers: Vec<(&'static str, Private<String>)>,
    /// `Content-Type`; `None` without a body.
    pub content_type: Option<&'static str>,
    /// The body. It may contain personal data.
    pub body: Private<String>,
    /// The longest wait for the answer.
    pub timeout: Duration,
}

impl Ask {
    /// A request that reads something and changes nothing.
    pub fn read(url: Url, authorization: Private<String>, timeout: Duration) -> Self {
        Self {
            method: Method::Get,
            url,
            headers: vec![("authorization", authorization)],
            content_type: None,
            body: Private::default(),
            timeout,
        }
    }
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

/// A carrier's API with its credentials. Pure: it builds requests and interprets answers.
pub trait Control: fmt::Debug + Send + Sync {
    /// Builds the request; `None` if the API does not support it.
    fn ask(&self, request: Request<'_>, call: &CarrierCallId) -> Option<Ask>;

    /// Interprets the answer to it.
    fn judge(&self, status: u16, body: &[u8]) -> CarrierAnswer;

    /// Builds the request that places a call; `None` if the carrier places no calls.
    fn place(&self, placing: &Placing) -> Option<Ask> {
        let _ = placing;
        None
    }

    /// Interprets the answer to it.
    ///
    /// # Errors
    /// When no call was placed.
    fn judge_placed(&self, status: u16, body: &[u8]) -> Result<Placed, NotPlaced> {
        let _ = (status, body);
        Err(NotPlaced::impossible())
    }

    /// Builds the request that reads something of the account and changes nothing, to find out whether
    /// the API takes our credentials; `None` if it has no such request.
    fn look(&self) -> Option<Ask> {
        None
    }

    /// Interprets the answer to it. `Gone` means that there is no such account.
    fn judge_look(&self, status: u16, body: &[u8]) -> CarrierAnswer {
        self.judge(status, body)
    }

    /// The call to the callee of a warm transfer, while the caller of `call` waits in a conference;
    /// `None` if the carrier has no conferences.
    fn invite(&self, call: &CarrierCallId, target: &Target, from: Private<String>, ring: Duration) -> Option<Placing> {
        let _ = (call, target, from, ring);
        None
    }
}
