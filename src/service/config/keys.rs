//! `key_env`: the variable that holds the key of a model's server, for the first server and for
//! fallbacks. Pure; the environment is a parameter.

use std::collections::BTreeMap;

use switchboard_actors::ids::Private;
use switchboard_actors::realtime::seat::Provider;

use super::layers::Variable;
use super::names::is_variable;
use super::reader::Section;
use super::secrets::Secrets;

/// A key and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerKey {
    /// The key.
    pub key: Private<String>,
    /// The variable that holds it.
    pub variable: String,
}

/// What the environment gives a server.
pub(super) enum Given {
    /// Its key.
    Key(ServerKey),
    /// Nothing, because the provider takes no key.
    NotNeeded,
    /// Nothing, although the provider takes a key; its own variable.
    Missing(&'static str),
}

/// The key of a server: that in the variable which `key_env` names, or its provider's own.
pub(super) fn read(
    section: &Section<'_>,
    provider: Provider,
    variable: Option<String>,
    secrets: &Secrets,
    variables: &BTreeMap<String, Variable>,
) -> Option<Given> {
    let refuse = |message: String| {
        section.problem("key_env", message);
        None
    };
    let (own, name) = match (provider.key(), variable) {
        (None, None) => return Some(Given::NotNeeded),
        // The message does not repeat the value: it may be the key itself, written here by mistake.
        (None, Some(_)) => {
            let word = provider.word();
            return refuse(format!("found a key for provider {word:?}, whose servers need none; leave it out"));
        }
        (Some(own), None) => {
            let found = secrets.model_keys.of(provider).cloned();
            return Some(found.map_or(Given::Missing(own.variable), |key| {
                Given::Key(ServerKey { key, variable: own.variable.to_owned() })
            }));
        }
        (Some(own), Some(name)) => (own.variable, name),
    };
    if !is_variable(&name) {
        return refuse(format!(
            "found no variable's name, expected one in capitals, as \"{own}_2\"; the key itself is never written in a file"
        ));
    }
    match variables.get(&name).map(|variable| variable.value.trim()).filter(|value| !value.is_empty()) {
        Some(value) => Some(Given::Key(ServerKey { key: Private::new(value.to_owned()), variable: name })),
        None => refuse(format!("found {name}, which is not in the environment; set {name}")),
    }
}
