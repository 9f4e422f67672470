//! What a carrier is told beside its stream, over its own API: hand this call on, end that one. Pure, but for `http`, which asks.
//!
//! A carrier's API is a file of this folder and a row in each `match` of this page. Secrets stay in [`Private`] until they are written into
//! a request.

pub mod http;
mod twilio;
pub mod waybeo;

use std::time::Duration;

use url::Url;

pub use self::twilio::TwilioApi;
pub use self::waybeo::WaybeoApi;
use crate::call::steps::CarrierAnswer;
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

    /// What its answer means.
    pub fn judge(&self, status: u16, body: &[u8]) -> CarrierAnswer {
        match self {
            Self::Twilio(_) => twilio::judge(status, body),
            Self::Waybeo(_) => waybeo::judge(status),
        }
    }
}
