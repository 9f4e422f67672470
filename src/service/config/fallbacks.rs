//! `[[realtime.fallbacks]]`: other servers, keys and models for failover. Pure; the environment is
//! a parameter.

use std::collections::BTreeMap;

use switchboard_actors::ids::Private;
use url::Url;

use super::kinds::{any_text, text, url, word};
use super::layers::Variable;
use super::names::is_variable;
use super::provider::{House, PROVIDERS, Provider, read_url};
use super::reader::Section;
use super::secrets::Secrets;

/// A server to use when the ones before it are not available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The provider, which also decides how we authenticate.
    pub provider: Provider,
    /// The server's URL; `None` means the first server's.
    pub url: Option<Url>,
    /// The model (for Azure the deployment); `None` means the agent's own.
    pub model: Option<String>,
    /// The key; `None` for a server that needs none.
    pub key: Option<Private<String>>,
    /// The variable that contains the key; `None` for a server that needs none.
    pub key_variable: Option<String>,
}

impl Fallback {
    /// Reads one fallback. What it leaves out is as with the first server, whose provider is
    /// `first`.
    pub(super) fn read(
        section: &Section<'_>,
        first: Option<Provider>,
        secrets: &Secrets,
        variables: &BTreeMap<String, Variable>,
    ) -> Option<Self> {
        let provider = section.read_if_set("provider", word(PROVIDERS));
        let address = section.read_if_set("url", url(&["wss", "ws"]));
        let model = section.read_if_set("model", text);
        let variable = section.read_if_set("key_env", any_text);
        let (provider, address, model) = (provider?.or(first)?, address?, model?);
        let address = match (address, provider == first?) {
            // This is the first server, with another key or model.
            (None, true) => None,
            (address, _) => read_url(section, provider, address)?,
        };
        if let Some(model) = &model {
            House::of(provider, address.as_ref()).check_model(section, "model", model);
        }
        let (key, key_variable) = match (provider, variable?) {
            (Provider::Rehearsal, None) => (None, None),
            (Provider::Rehearsal, Some(_)) => {
                // The message does not repeat the value: it may be the key itself, written here by
                // mistake.
                section.problem("key_env", "found one for a server that takes no key; leave it out");
                return None;
            }
            (Provider::OpenAi | Provider::Azure, name) => {
                let variable = name.clone().unwrap_or_else(|| FIRST_KEY.to_owned());
                (Some(key(section, name, secrets, variables)?), Some(variable))
            }
        };
        if address.is_none() && model.is_none() && !section.has("key_env") {
            section.refuse("found nothing that differs from the first server; expected url, model or key_env");
            return None;
        }
        Some(Self { provider, url: address, model, key, key_variable })
    }
}

/// The variable that contains the first server's key.
pub(super) const FIRST_KEY: &str = "OPENAI_API_KEY";

/// The key of a fallback: the value of the variable it names, or the first server's key.
fn key(
    section: &Section<'_>,
    variable: Option<String>,
    secrets: &Secrets,
    variables: &BTreeMap<String, Variable>,
) -> Option<Private<String>> {
    let refuse = |message: String| {
        section.problem("key_env", message);
        None
    };
    let Some(name) = variable else {
        return match &secrets.openai_api_key {
            Some(key) => Some(key.clone()),
            None => refuse("missing, and OPENAI_API_KEY is not set; name the variable that holds the key".to_owned()),
        };
    };
    if !is_variable(&name) {
        let next = "found no variable's name, expected one in capitals, as \"OPENAI_API_KEY_2\"; the key itself never stands in a file";
        return refuse(next.to_owned());
    }
    match variables.get(&name).map(|variable| variable.value.trim()).filter(|value| !value.is_empty()) {
        Some(value) => Some(Private::new(value.to_owned())),
        None => refuse(format!("found {name}, which is not in the environment; set {name}")),
    }
}
