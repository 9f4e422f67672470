//! Secrets: from the environment only, never shown. Pure; the environment is a parameter.

use std::collections::BTreeMap;

use switchboard_actors::carrier::{self, Carrier};
use switchboard_actors::ids::Private;
use switchboard_actors::realtime::seat::{Keys, Provider};

use super::carriers;
use super::layers::Variable;

/// The secrets of the service. They print as `[private]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets {
    /// The keys of the models' providers, by the variables that the providers declare.
    pub model_keys: Keys,
    /// The carriers' secrets, by the variables that the carriers declare.
    pub carriers: carrier::settings::Secrets,
    /// `SWITCHBOARD_ADMIN_TOKEN`: the bearer token of the admin listener.
    pub admin_token: Option<Private<String>>,
    /// `SWITCHBOARD_WEBHOOK_SECRET`: the key that signs deliveries.
    pub webhook_secret: Option<Private<String>>,
    /// `SWITCHBOARD_CLUSTER_TOKEN`: what the nodes of a cluster show each other.
    pub cluster_token: Option<Private<String>>,
    /// `SWITCHBOARD_CALLER_SALT`: the salt for hashes of callers' numbers; without it each start
    /// makes its own.
    pub caller_salt: Option<Private<String>>,
}

impl Secrets {
    pub(super) fn read(variables: &BTreeMap<String, Variable>) -> Self {
        // A variable with an empty value, as in templates of `.env`, counts as not set.
        let value =
            |name: &str| variables.get(name).map(|variable| variable.value.trim()).filter(|value| !value.is_empty());
        let secret = |name: &str| value(name).map(|value| Private::new(value.to_owned()));
        Self {
            model_keys: Provider::keys().filter_map(|key| Some((key.variable, secret(key.variable)?))).collect(),
            carriers: carriers::read_secrets(variables),
            admin_token: secret("SWITCHBOARD_ADMIN_TOKEN"),
            webhook_secret: secret("SWITCHBOARD_WEBHOOK_SECRET"),
            cluster_token: secret("SWITCHBOARD_CLUSTER_TOKEN"),
            caller_salt: secret("SWITCHBOARD_CALLER_SALT"),
        }
    }

    /// The salt for hashes of callers' numbers. Without one of their own, the nodes of a cluster take
    /// the token that they share: a caller's hash is the same on all of them.
    pub fn salt(&self) -> Option<&Private<String>> {
        self.caller_salt.as_ref().or(self.cluster_token.as_ref())
    }

    /// Which variables are set, by name.
    pub fn present(&self) -> Vec<(&'static str, bool)> {
        let carriers = Carrier::all_secrets().map(|secret| (secret.name, self.carriers.has(secret)));
        Provider::keys()
            .map(|key| (key.variable, self.model_keys.in_variable(key.variable).is_some()))
            .chain(carriers)
            .chain([
                ("SWITCHBOARD_ADMIN_TOKEN", self.admin_token.is_some()),
                ("SWITCHBOARD_WEBHOOK_SECRET", self.webhook_secret.is_some()),
                ("SWITCHBOARD_CLUSTER_TOKEN", self.cluster_token.is_some()),
                ("SWITCHBOARD_CALLER_SALT", self.caller_salt.is_some()),
            ])
            .collect()
    }
}
