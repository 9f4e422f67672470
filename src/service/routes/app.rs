//! The application state: shared with the handlers as app data, and constant once the listeners are
//! bound, but for the settings in force.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::HttpRequest;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::webhook_api::{Proof, WebhookApi};
use switchboard_actors::events::emit;
use switchboard_actors::ids::logged;
use switchboard_actors::line::identity::Direction;
use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::pool::actor::Keep;
use switchboard_actors::supervisor::actor::Supervisor;
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::supervisor::messages::{ExpectedCall, Refusal};
use switchboard_actors::transcript::recent::RecentCalls;
use switchboard_actors::transcript::writer::Unwritable;
use url::Url;

use super::answered::AnsweredCalls;
use super::deliveries::Deliveries;
use super::guard;
use super::hints::Hints;
use super::limiter::ConnectionLimiter;
use super::watching::Watching;
use crate::service::board::Board;
use crate::service::cluster::Fleet;
use crate::service::cluster::messages::{ReadSpending, TakeLine};
use crate::service::live::{InForce, Live};
use crate::service::operators::Operators;
use crate::service::operators::audit::Audit;
use crate::service::overload::Overload;
use crate::service::reload::ReloadOrder;
use crate::service::shutdown::DrainOrder;
use crate::service::telemetry::Metrics;
use crate::tools::records::Archive;

/// The state that all handlers share.
pub struct AppState {
    /// The Supervisor, which admits calls.
    pub supervisor: Addr<Supervisor>,
    /// Chooses the profile of a call, by its numbers and parameters.
    pub profiles: ProfileFor,
    /// The profile of an agent and a language that an operator has named for a call over a carrier.
    pub named: NamedFor,
    /// The settings in force, which a reload replaces.
    pub live: Live,
    /// The order to read the configuration again.
    pub reload: ReloadOrder,
    /// Our address as carriers see it. Signed URLs and stream URLs are built from it and from
    /// nothing else.
    pub public_url: Url,
    /// The webhook API of each configured carrier.
    pub webhook_apis: HashMap<Carrier, Arc<dyn WebhookApi>>,
    /// The same with addresses that lead to this node of the cluster; empty without a cluster.
    pub answers: HashMap<Carrier, Arc<dyn WebhookApi>>,
    /// The other nodes, if there is a cluster.
    pub fleet: Option<Fleet>,
    /// Most calls of one caller at once; `None` is any number.
    pub calls_per_caller: Option<usize>,
    /// The limiter of sockets that have not presented a token yet.
    pub limiter: Arc<ConnectionLimiter>,
    /// Who may use the admin listener.
    pub operators: Arc<Operators>,
    /// What they did.
    pub audit: Audit,
    /// The webhook deliveries.
    pub deliveries: Deliveries,
    /// The name of this node; its host's without a cluster.
    pub node: String,
    /// The threads that fall behind; `None` if nothing follows from it.
    pub overload: Option<Overload>,
    /// The order to drain.
    pub drain: DrainOrder,
    /// The folder of recordings; `None` if calls are not recorded.
    pub recordings: Option<Arc<Path>>,
    /// Whether the disk rejects records.
    pub unwritable: Unwritable,
    /// The standby sessions that the threads of calls keep from the start, and the signal to stop
    /// that.
    pub waiting: Option<Keep>,
    /// Calls that ended recently.
    pub recent: RecentCalls,
    /// The records of past calls; `None` if the system had no thread for their index.
    pub archive: Option<Archive>,
    /// The readers of calls' events.
    pub watching: Watching,
    /// The events of all calls.
    pub board: Board,
    /// Calls that an answer document has connected.
    pub answered: AnsweredCalls,
    /// Hints that are logged at most once in a while.
    pub hints: Hints,
    /// The metrics.
    pub metrics: Metrics,
    /// When the service started.
    pub started: Instant,
}

/// Chooses the profile of a call.
pub type ProfileFor = Box<dyn Fn(&Asked<'_>) -> Arc<CallProfile> + Send + Sync>;

/// Chooses the profile by carrier, agent, language and the other party's number, or says why there is
/// none.
pub type NamedFor = Box<dyn Fn(Carrier, &str, Option<&str>, &str) -> Result<Arc<CallProfile>, String> + Send + Sync>;

/// A call whose profile is requested.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its carrier.
    pub carrier: Carrier,
    /// Inbound or outbound.
    pub direction: Direction,
    /// The caller's number.
    pub from: &'a str,
    /// The dialled number.
    pub to: &'a str,
    /// The webhook's query, or the stream's parameters if there was no webhook.
    pub parameters: &'a [(String, String)],
}

/// The limits of a stream.
#[derive(Debug, Clone, Copy)]
pub struct StreamRules {
    /// Longest time from the upgrade to `start`, and from `start` to the call's first sign of life.
    /// Longer keeps unverified sockets open; shorter loses callers on a slow line.
    pub start_timeout: Duration,
    /// How long a peer may read nothing before its connection is cut.
    pub stall_timeout: Duration,
    /// The largest message, whole or in fragments, in bytes.
    pub max_message: usize,
}

impl AppState {
    /// Returns the settings in force at this moment.
    pub(super) fn now(&self) -> Arc<InForce> {
        self.live.now()
    }

    /// Judges a call by what its caller has on all nodes, before the Supervisor is asked, and lets the
    /// Supervisor know what the caller has spent. Without a cluster or a limit there is nothing to ask.
    ///
    /// # Errors
    /// When the caller has as many calls as one may have.
    pub(super) async fn enter(&self, call: &ExpectedCall) -> Result<(), Refusal> {
        self.read_spending(call.profile.caller.clone()).await;
        let (Some(fleet), Some(most), Some(caller)) = (&self.fleet, self.calls_per_caller, &call.profile.caller) else {
            return Ok(());
        };
        let asked = TakeLine { caller: caller.clone(), call: call.carrier_call.to_string(), most };
        match fleet.actor().send(asked).timeout(Duration::from_secs(2)).await {
            Ok(false) => {
                let refusal = Refusal::CallerBusy { most };
                emit(Event::CallRefused { reason: refusal.word(), carrier_call: Some(call.carrier_call.as_str()) });
                Err(refusal)
            }
            Ok(true) | Err(_) => Ok(()),
        }
    }

    async fn read_spending(&self, caller: Option<String>) {
        if let Some(fleet) = &self.fleet {
            // Its own time limit is shorter.
            let _ = fleet.actor().send(ReadSpending { caller }).timeout(Duration::from_secs(2)).await;
        }
    }

    /// Whether the service serves this machine only: a carrier without verification is configured,
    /// and none that signs.
    pub(super) fn is_of_this_machine(&self) -> bool {
        let any = |proof| self.webhook_apis.values().any(|webhook_api| webhook_api.proof() == proof);
        any(Proof::ThisMachine) && !any(Proof::Signature)
    }
}

/// Returns the carrier's call id for a log line; `-` if it is unknown.
pub(super) fn named(carrier_call: Option<&str>) -> String {
    carrier_call.map_or_else(|| "-".to_owned(), logged)
}

pub(super) fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers().get(name)?.to_str().ok()
}

/// Whether the request came from this machine, through no proxy and from no web page.
pub(super) fn is_local(request: &HttpRequest) -> bool {
    const PROXY_MARKS: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
    request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback())
        && !PROXY_MARKS.iter().any(|mark| request.headers().contains_key(*mark))
        && guard::is_of_no_page(request)
}

/// Returns the address that counts in the limiter: the peer's, or the one that our proxy on this
/// machine names. It serves no other purpose.
pub(super) fn address_of(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let forwarded = || header(request, "x-forwarded-for")?.rsplit(',').next()?.trim().parse().ok();
    if peer.is_loopback() { forwarded().unwrap_or(peer) } else { peer }
}
