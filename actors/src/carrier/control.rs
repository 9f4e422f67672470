//! What a carrier is told beside its stream, over its own API: hand this call on, end that one, begin one. Pure, but for `http`, which asks.
//!
//! Each carrier's own API is in its folder. Secrets stay in [`Private`] until they are written into
//! a request.

mod answer;
pub mod http;
mod target;

use std::fmt;
use std::time::Duration;

use url::Url;

pub use self::answer::CarrierAnswer;
pub use self::target::Target;
use crate::ids::{CarrierCallId, Private};

/// What a carrier is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Take the call off its stream and hand it on.
    HandOver,
    /// End the call.
    HangUp,
}

/// A call that is to be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placing {
    /// Who is called.
    pub to: Private<String>,
    /// The number they see.
    pub from: Private<String>,
    /// Our document for whoever answers.
    pub document: String,
    /// Who is told how the call ended.
    pub status: String,
    /// How long it may ring.
    pub ring: Duration,
    /// Whether an answering machine is looked for.
    pub machine: Option<Machine>,
}

/// How an answering machine is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// Our document is asked for as soon as it is known.
    Detect,
    /// Of a machine, once its own words are over.
    MessageEnd,
}

/// Why a call was not begun.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotPlaced {
    /// The carrier takes no more for the moment.
    pub busy: bool,
    /// Its code; 0 where it gave none.
    pub code: u32,
    /// Why, and what to do about it; without numbers.
    pub reason: String,
}

impl NotPlaced {
    /// Of a carrier that begins no calls.
    pub fn impossible() -> Self {
        Self { busy: false, code: 0, reason: "this carrier begins no calls".to_owned() }
    }
}

/// A call that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// The carrier names it at once.
    Named(CarrierCallId),
    /// Its name comes with its first webhook.
    Unnamed,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// How.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Its headers besides those of the body: `Authorization`, or whatever the carrier knows us by.
    pub headers: Vec<(&'static str, Private<String>)>,
    /// `Content-Type`; `None` where there is no body.
    pub content_type: Option<&'static str>,
    /// The body; may name people.
    pub body: Private<String>,
    /// Longest wait for the answer.
    pub timeout: Duration,
}

/// The method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

/// A carrier's API and what is needed to use it. Pure: it writes requests and reads answers.
pub trait Control: fmt::Debug + Send + Sync {
    /// The request that tells the carrier; `None` where its API cannot be told that.
    fn ask(&self, request: Request, call: &CarrierCallId) -> Option<Ask>;

    /// What the answer to that means.
    fn judge(&self, status: u16, body: &[u8]) -> CarrierAnswer;

    /// The request that begins a call, for a carrier that begins calls.
    fn place(&self, placing: &Placing) -> Option<Ask> {
        let _ = placing;
        None
    }

    /// What the answer to that means.
    ///
    /// # Errors
    /// When no call was begun.
    fn judge_placed(&self, status: u16, body: &[u8]) -> Result<Placed, NotPlaced> {
        let _ = (status, body);
        Err(NotPlaced::impossible())
    }

    /// The call to the person whom the caller of `call` waits for in a conference, for a carrier that has conferences.
    fn invite(&self, call: &CarrierCallId, target: &Target, from: Private<String>, ring: Duration) -> Option<Placing> {
        let _ = (call, target, from, ring);
        None
    }
}
