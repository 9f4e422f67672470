//! What the rest of the service knows of the cluster, and how a node joins it.

use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use actix::Addr;
use log::{info, warn};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use switchboard_actors::clock;
use switchboard_actors::ids::Private;
use switchboard_actors::supervisor::messages::CallList;
use tokio::time::sleep;
use url::Url;
use uuid::Uuid;

use super::actor::Cluster;
use super::link::{EXPIRES, Link};
use super::view::{Beat, View};
use crate::service::live::Live;

/// A node that is about to join.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The Redis that the nodes share.
    pub(crate) redis_url: Private<String>,
    /// This node's name.
    pub(crate) node: String,
    /// Where the other nodes reach its admin listener.
    pub(crate) advertise: Url,
    /// What the nodes show each other.
    pub(crate) token: Private<String>,
    /// How many calls it takes at once.
    pub(crate) max_calls: usize,
}

/// Why a node cannot join.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The address is not one of Redis.
    #[error("use `cluster.url`: {0}")]
    Address(String),
    /// A living process has the name.
    #[error(
        "join the cluster as {node}: a node of this name is alive at {at}; give each its own `cluster.node`, or stop the other one"
    )]
    Twin {
        /// The name.
        node: String,
        /// The other one's address.
        at: String,
    },
}

/// This node among the others. Clones share it.
#[derive(Clone)]
pub struct Fleet(Arc<Shared>);

struct Shared {
    node: String,
    process: String,
    advertise: String,
    max_calls: usize,
    redis_url: Private<String>,
    token: Private<String>,
    digest: [u8; 32],
    view: RwLock<View>,
    actor: OnceLock<Addr<Cluster>>,
    /// The settings in force, once the service has them.
    configuration: OnceLock<Live>,
}

/// Takes this node's name in the cluster. A name whose process was killed is free after its entry
/// expires. A Redis that is away delays no start: the node works alone until it is there.
///
/// # Errors
/// When a living process has the name.
pub(crate) async fn join(plan: Plan) -> Result<Fleet, JoinError> {
    let link = Link::new(plan.redis_url.expose()).map_err(|problem| JoinError::Address(problem.to_string()))?;
    let fleet = Fleet(Arc::new(Shared {
        process: Uuid::new_v4().to_string(),
        advertise: plan.advertise.as_str().trim_end_matches('/').to_owned(),
        max_calls: plan.max_calls,
        digest: Sha256::digest(plan.token.expose()).into(),
        node: plan.node,
        redis_url: plan.redis_url,
        token: plan.token,
        view: RwLock::default(),
        actor: OnceLock::new(),
        configuration: OnceLock::new(),
    }));
    let beat = fleet.beat(None, Duration::ZERO, 0);
    let until = clock::now() + EXPIRES + EXPIRES / 2;
    let mut first: Option<Beat> = None;
    loop {
        let holder = match link.claim(&beat).await {
            Ok(None) => return Ok(fleet),
            Ok(Some(holder)) => holder,
            Err(problem) => {
                warn!(problem:%; "Redis does not answer (`cluster.url`); this node works alone until it does");
                fleet.view_mut().unheard();
                return Ok(fleet);
            }
        };
        let seen = first.get_or_insert_with(|| {
            info!(node = holder.node.as_str(); "another process had this name; waiting until its entry expires");
            holder.clone()
        });
        // A heartbeat since the first look: it is alive.
        if (&holder.id, holder.beat) != (&seen.id, seen.beat) || clock::now() >= until {
            return Err(JoinError::Twin { node: holder.node, at: holder.advertise });
        }
        sleep(LOOK_EVERY).await;
    }
}

impl Fleet {
    /// This node's name.
    pub fn node(&self) -> &str {
        &self.0.node
    }

    /// The other nodes: those that are there, or were when Redis answered last.
    pub fn others(&self) -> Vec<Beat> {
        self.view().others().cloned().collect()
    }

    /// Whether Redis does not answer, so that this node goes by its share of the limits.
    pub fn is_apart(&self) -> bool {
        self.view().is_apart()
    }

    /// The live calls of the other nodes, by their last heartbeats.
    pub(crate) fn active_elsewhere(&self) -> usize {
        self.view().others().map(|beat| beat.active).sum()
    }

    /// A node other than this one.
    pub(crate) fn find(&self, node: &str) -> Option<Beat> {
        self.view().find(node).cloned()
    }

    /// A node takes no connection.
    pub(crate) fn suspect(&self, peer: &Beat) {
        self.view_mut().suspect(peer);
    }

    /// Whether a process is one of the other nodes, as far as is known.
    pub(super) fn has_process(&self, id: &str) -> bool {
        self.view().has_process(id)
    }

    /// This node's part of a limit that all share.
    pub(crate) fn share(&self, limit: u32) -> u32 {
        self.view().share(limit)
    }

    /// The id of this process.
    pub(crate) fn process(&self) -> &str {
        &self.0.process
    }

    /// What nodes show each other.
    pub(super) fn token(&self) -> &str {
        self.0.token.expose()
    }

    /// Whether `shown` is what nodes show each other.
    pub(crate) fn is_token(&self, shown: &str) -> bool {
        // The comparison is of hashes, so its timing reveals not even the length.
        let digest: [u8; 32] = Sha256::digest(shown).into();
        digest.ct_eq(&self.0.digest).into()
    }

    /// The actor.
    pub(crate) fn actor(&self) -> &Addr<Cluster> {
        self.0.actor.get().expect("the service starts the actor before its listeners")
    }

    /// Sets the actor, once.
    pub(crate) fn runs(&self, actor: Addr<Cluster>) {
        let _ = self.0.actor.set(actor);
    }

    /// Sets where the version of the configuration is read, once.
    pub(crate) fn goes_by(&self, live: Live) {
        let _ = self.0.configuration.set(live);
    }

    pub(super) fn redis_url(&self) -> &str {
        self.0.redis_url.expose()
    }

    /// The heartbeat of this node.
    pub(super) fn beat(&self, list: Option<&CallList>, uptime: Duration, beat: u64) -> Beat {
        Beat {
            node: self.0.node.clone(),
            id: self.0.process.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            advertise: self.0.advertise.clone(),
            active: list.map_or(0, |list| list.calls.len()),
            max_calls: self.0.max_calls,
            draining: list.is_some_and(|list| list.draining),
            drain_left_s: list.and_then(|list| list.patience_left).map(|left| left.as_secs()),
            configuration: self.0.configuration.get().map(Live::version).unwrap_or_default(),
            uptime_s: uptime.as_secs(),
            beat,
        }
    }

    pub(super) fn view(&self) -> RwLockReadGuard<'_, View> {
        self.0.view.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view_mut(&self) -> RwLockWriteGuard<'_, View> {
        self.0.view.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often a node looks whether its name is free.
const LOOK_EVERY: Duration = Duration::from_millis(500);
