//! The settings in force: what new calls begin with and what operators may use. A reload replaces
//! them whole; live calls keep the profiles that they began with.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::service::config::{Profiles, Voicemail};
use crate::service::routes::app::StreamRules;
use crate::service::routes::health::ModelProbe;
use crate::service::routes::look_up::LookUps;
use crate::service::routes::outbound::Dialling;

/// What follows from one configuration, and from nothing else.
pub struct InForce {
    /// The version of the configuration.
    pub version: String,
    /// The profiles of calls.
    pub profiles: Arc<Profiles>,
    /// The agents that a URL may name.
    pub agents: BTreeSet<String>,
    /// The names of the transfer destinations.
    pub transfers: BTreeSet<String>,
    /// The settings of outbound calls; `None` while they are disabled.
    pub dialling: Option<Dialling>,
    /// What happens when an answering machine picks up, on calls begun through the API or
    /// elsewhere.
    pub voicemail: Voicemail,
    /// The limits of a stream.
    pub stream: StreamRules,
    /// The configuration, as `check --json` prints it: secrets are present or absent.
    pub configuration: Value,
    /// Whether the model's server is reachable.
    pub model: ModelProbe,
    /// Who is asked about callers.
    pub look_ups: LookUps,
}

/// The settings in force, which a reload replaces. Clones share them.
#[derive(Clone)]
pub struct Live(Arc<RwLock<Arc<InForce>>>);

impl Live {
    /// Begins with these settings.
    pub fn new(first: InForce) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(first))))
    }

    /// Returns the settings of this moment. A request uses one answer from its beginning to its end.
    pub fn now(&self) -> Arc<InForce> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the version of the configuration in force.
    pub fn version(&self) -> String {
        self.now().version.clone()
    }

    /// Puts other settings in force.
    pub fn replace(&self, next: InForce) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}
