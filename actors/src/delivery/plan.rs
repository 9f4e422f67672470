//! The endpoints and their settings: `[webhooks]`, validated before the service opens a port. Pure.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::notice::Kind;
use super::payload::Payload;
use super::schedule::RetryPlan;
use super::signature::Secrets;
use crate::ids::Private;
use crate::tools::plan::is_public;

/// The settings of all deliveries.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryPlan {
    /// The folder of records (`records.dir`); deliveries are kept in `deliveries` within it.
    pub records: PathBuf,
    /// The receivers.
    pub endpoints: Vec<EndpointPlan>,
    /// When a failed delivery is tried again.
    pub retry: RetryPlan,
    /// How long a completed delivery can still be looked up.
    pub keep: Duration,
    /// The Redis whose queue several nodes share, with its password. `None` keeps everything on
    /// this node's disk.
    pub redis_url: Option<Private<String>>,
}

/// One receiver.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointPlan {
    /// Its name in logs and on disk.
    pub name: String,
    /// Its URL: `http` or `https`.
    pub url: url::Url,
    /// The events that it subscribes to.
    pub events: Vec<Kind>,
    /// The shape of the body.
    pub payload: Payload,
    /// The secrets that sign deliveries. `None` sends unsigned, for receivers that do not check
    /// signatures.
    pub secrets: Option<Secrets>,
    /// Sent as `Authorization: Bearer`.
    pub bearer: Option<Private<String>>,
    /// Further headers, for gateways; their values come from the environment.
    pub headers: Vec<(String, Private<String>)>,
    /// The time from a try's first byte to the answer's last.
    pub timeout: Duration,
    /// The most concurrent tries.
    pub concurrency: usize,
    /// Private and loopback addresses that it may connect to.
    pub allow_private: Vec<IpAddr>,
}

impl DeliveryPlan {
    /// Whether any endpoint subscribes to this kind.
    pub fn wants(&self, kind: Kind) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.events.contains(&kind))
    }
}

impl EndpointPlan {
    /// Whether it may connect to `address`: a public one, or a private one that is listed.
    pub fn may_reach(&self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        self.allow_private.contains(&address) || is_public(address)
    }
}
