//! What a carrier is told beside its stream, over its own API: hand this call on, end that one, begin one. Pure, but for `http`, which asks.
//!
//! Each carrier's own API is in its folder. Secrets stay in [`Private`] until they are written into
//! a request.

mod answer;
pub mod http;
mod target;

use std::time::Duration;

use url::Url;

pub use self::answer::CarrierAnswer;
pub use self::target::Target;
use super::twilio::control::{self as twilio, TwilioApi};
use super::waybeo::control::{self as waybeo, WaybeoApi};
use crate::ids::{CarrierCallId, Private};

/// A carrier's API and what is needed to use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CarrierApi {
    /// Twilio's REST API.
    Twilio(TwilioApi),
    /// Waybeo's `bot-call`.
    Waybeo(WaybeoApi),
}

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
    pub(crate) fn impossible() -> Self {
        Self { busy: false, code: 0, reason: "this carrier begins no calls".to_owned() }
    }
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Where to; always a POST.
    pub url: Url,
    /// `Authorization`.
    pub authorization: Private<String>,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body; may name people.
    pub body: Private<String>,
    /// Longest wait for the answer.
    pub timeout: Duration,
}

impl CarrierApi {
    /// The request that tells the carrier.
    pub fn ask(&self, request: Request, call: &CarrierCallId) -> Ask {
        match self {
            Self::Twilio(api) => api.ask(request, call),
            Self::Waybeo(api) => api.ask(request, call),
        }
    }

    /// The request that begins a call, for a carrier that begins calls.
    pub fn place(&self, placing: &Placing) -> Option<Ask> {
        match self {
            Self::Twilio(api) => Some(api.place(placing)),
            Self::Waybeo(_) => None,
        }
    }

    /// The call to the person whom the caller of `call` waits for in a conference, for a carrier that has conferences.
    pub fn invite(
        &self,
        call: &CarrierCallId,
        target: &Target,
        from: Private<String>,
        ring: Duration,
    ) -> Option<Placing> {
        match self {
            Self::Twilio(api) => api.invite(call, target, from, ring),
            Self::Waybeo(_) => None,
        }
    }

    /// What the answer to that means.
    ///
    /// # Errors
    /// When no call was begun.
    pub fn judge_placed(&self, status: u16, body: &[u8]) -> Result<CarrierCallId, NotPlaced> {
        match self {
            Self::Twilio(_) => twilio::place::judge(status, body),
            Self::Waybeo(_) => Err(NotPlaced::impossible()),
        }
    }

    /// What its answer means.
    pub fn judge(&self, status: u16, body: &[u8]) -> CarrierAnswer {
        match self {
            Self::Twilio(_) => twilio::judge(status, body),
            Self::Waybeo(_) => waybeo::judge(status),
        }
    }
}
