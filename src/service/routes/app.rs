//! What every door knows: handed to the handlers as app data, fixed once the listeners are bound.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::HttpRequest;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::desk::{Desk, Proof};
use switchboard_actors::ids::{Private, logged};
use switchboard_actors::line::identity::Direction;
use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::pool::actor::Keep;
use switchboard_actors::supervisor::actor::Supervisor;
use switchboard_actors::transcript::recent::RecentCalls;
use switchboard_actors::transcript::writer::Unwritable;
use url::Url;

use super::answered::AnsweredCalls;
use super::guard;
use super::health::ModelProbe;
use super::hints::Hints;
use super::limiter::ConnectionLimiter;
use super::outbound::Dialling;
use super::watching::Watching;
use crate::service::config::Voicemail;
use crate::service::telemetry::Metrics;

/// What every door knows.
pub struct AppState {
    /// Who admits calls.
    pub supervisor: Addr<Supervisor>,
    /// How a call is to be held, by who calls whom.
    pub profiles: ProfileFor,
    /// Our address as the carrier knows it; signed URLs and stream URLs are built from it and from nothing else.
    pub public_url: Url,
    /// The desk of each carrier that is answered.
    pub desks: HashMap<Carrier, Arc<dyn Desk>>,
    /// The agents that a URL may name.
    pub agents: BTreeSet<String>,
    /// What a stream may do.
    pub stream: StreamRules,
    /// Room for sockets that have not shown a token yet.
    pub limiter: Arc<ConnectionLimiter>,
    /// The admin's bearer token; none only while the admin listener is on loopback.
    pub admin_token: Option<Private<String>>,
    /// What calls are begun with; none while that is switched off.
    pub dialling: Option<Dialling>,
    /// What is done about an answering machine, whoever has begun the call.
    pub voicemail: Voicemail,
    /// The names of the transfer destinations.
    pub transfers: BTreeSet<String>,
    /// The folder of recordings; none where none are made.
    pub recordings: Option<Arc<Path>>,
    /// Whether the disk takes no records.
    pub unwritable: Unwritable,
    /// Whether the model's server can be reached.
    pub model: ModelProbe,
    /// What sessions the threads of calls keep from the start, and how they are told to end that.
    pub waiting: Option<Keep>,
    /// Calls that have ended lately.
    pub recent: RecentCalls,
    /// Who watches calls.
    pub watching: Watching,
    /// Calls that were connected by an answer document.
    pub answered: AnsweredCalls,
    /// What is said once in a while.
    pub hints: Hints,
    /// The counters.
    pub metrics: Metrics,
    /// When the service started.
    pub started: Instant,
}

/// Decides how a call is held.
pub type ProfileFor = Box<dyn Fn(&Asked<'_>) -> Arc<CallProfile> + Send + Sync>;

/// A call to be routed.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its carrier.
    pub carrier: Carrier,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number.
    pub from: &'a str,
    /// The dialled number.
    pub to: &'a str,
    /// The webhook's query, or the stream's parameters where there was no webhook.
    pub parameters: &'a [(String, String)],
}

/// What a stream may do.
#[derive(Debug, Clone, Copy)]
pub struct StreamRules {
    /// From the upgrade to `start`, and from `start` to the call's first sign of life. Longer keeps strangers at the door,
    /// shorter loses callers on a slow line.
    pub start_timeout: Duration,
    /// How long a peer may take nothing of what it is sent before its connection is cut.
    pub stall_timeout: Duration,
    /// The largest message, whole or in fragments, bytes.
    pub max_message: usize,
}

impl AppState {
    /// Whether only this machine is served: a carrier is answered that nothing proves, and none that signs.
    pub(super) fn is_of_this_machine(&self) -> bool {
        let any = |proof| self.desks.values().any(|desk| desk.proof() == proof);
        any(Proof::ThisMachine) && !any(Proof::Signature)
    }
}

/// The carrier's id of a call in a line of the log, `-` where nothing has named it.
pub(super) fn named(carrier_call: Option<&str>) -> String {
    carrier_call.map_or_else(|| "-".to_owned(), logged)
}

pub(super) fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// Whether the request came from this machine, through no proxy and out of no web page.
pub(super) fn is_local(request: &HttpRequest) -> bool {
    const PROXY_MARKS: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        && !PROXY_MARKS.iter().any(|mark| request.headers().contains_key(*mark))
        && guard::is_of_no_page(request)
}

/// The address to count a socket by: the peer's, or what our own proxy on this machine says of it. Used for nothing else.
pub(super) fn address_of(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let forwarded = || header(request, "x-forwarded-for")?.rsplit(',').next()?.trim().parse().ok();
    if peer.is_loopback() { forwarded().unwrap_or(peer) } else { peer }
}
