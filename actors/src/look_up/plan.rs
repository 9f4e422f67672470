//! What is asked, and of whom. Pure.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::delivery::signature::Secrets;
use crate::ids::Private;
use crate::line::identity::Direction;
use crate::profile::values::Values;
use crate::tools::plan::is_public;

/// `[agents.<name>.lookup]`, checked at the start of the service.
#[derive(Debug, Clone, PartialEq)]
pub struct LookUpPlan {
    /// The server: `http` or `https`.
    pub url: url::Url,
    /// The limit from the request's first byte to the answer's last. Longer: callers wait in silence
    /// for a server that is down.
    pub timeout: Duration,
    /// How long an answer is good for the same caller; zero asks for every call.
    pub cache: Duration,
    /// The secrets that sign the request.
    pub secrets: Secrets,
    /// Private and loopback addresses that it may reach.
    pub allow_private: Vec<IpAddr>,
}

/// A call that is looked up.
#[derive(Debug, Clone)]
pub struct Question {
    /// The carrier's name.
    pub carrier: &'static str,
    /// The carrier's id of the call, or our name of a call that is not placed yet.
    pub carrier_call: String,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number.
    pub from: Private<String>,
    /// The dialled number.
    pub to: Private<String>,
    /// The agent that would answer.
    pub agent: String,
    /// The code of the language that it would begin in.
    pub language: String,
    /// The values that are known so far.
    pub variables: Values,
}

impl LookUpPlan {
    /// Whether it may connect to `address`: a public one, or a private one that is listed.
    pub fn may_reach(&self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        self.allow_private.contains(&address) || is_public(address)
    }
}

impl Question {
    /// The body of the request, in the form of our webhooks.
    pub fn body(&self, id: &str, now: DateTime<Utc>) -> Value {
        json!({
            "version": "1",
            "id": id,
            "type": "call.lookup",
            "timestamp": now.to_rfc3339_opts(SecondsFormat::Millis, true),
            "data": {
                "call": {
                    "carrier": self.carrier,
                    "carrier_call_id": self.carrier_call,
                    "direction": self.direction.word(),
                    "from": self.from.expose(),
                    "to": self.to.expose(),
                    "agent": self.agent,
                    "language": self.language,
                },
                "variables": self.variables,
            },
        })
    }
}
