//! `[[realtime.fallbacks]]`: other servers, keys, models and providers for failover. Pure; the
//! environment is a parameter.

use std::collections::BTreeMap;

use switchboard_actors::ids::Private;
use switchboard_actors::realtime::seat::Provider;
use url::Url;

use super::kinds::{any_text, text, url};
use super::layers::Variable;
use super::names::is_variable;
use super::provider::{At, dialect, provider, read_url};
use super::reader::Section;
use super::secrets::Secrets;

/// A server to use when the ones before it are not available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The provider, which makes its own plan.
    pub provider: Provider,
    /// The server's URL; `None` means the first server's, or the embedded model.
    pub url: Option<Url>,
    /// The dialect that the server speaks; `None` means the provider's own, or the first server's if
    /// this is that server.
    pub dialect: Option<&'static str>,
    /// The model (for some providers the deployment); `None` means the agent's own.
    pub model: Option<String>,
    /// The voice; `None` means the agent's own.
    pub voice: Option<String>,
    /// The key; `None` for a server that needs none.
    pub key: Option<Private<String>>,
    /// The variable that contains the key; `None` for a server that needs none.
    pub key_variable: Option<String>,
}

impl Fallback {
    /// Reads one fallback. What it leaves out is as with the first server, as far as its provider
    /// knows the same names. The embedded model speaks `protocol`.
    pub(super) fn read(
        section: &Section<'_>,
        first: Option<At<'_>>,
        protocol: &str,
        secrets: &Secrets,
        variables: &BTreeMap<String, Variable>,
    ) -> Option<Self> {
        let own = section.read_if_set("provider", provider(protocol));
        let address = section.read_if_set("url", url(&["wss", "ws"]));
        let spoken = section.read_if_set("dialect", dialect);
        let model = section.read_if_set("model", text);
        let voice = section.read_if_set("voice", text);
        let variable = section.read_if_set("key_env", any_text);
        let provider = own?.or(first.map(|first| first.provider))?;
        let (address, spoken, model, voice, first) = (address?, spoken?.flatten(), model?, voice?, first?);
        if spoken.is_some() && !provider.knows("dialect") {
            let word = provider.word();
            section.problem("dialect", format!("found a setting that provider {word:?} does not know; take it out"));
        }
        let is_same = provider == first.provider;
        let address = match (address, is_same) {
            // This is the first server, with another key or model.
            (None, true) => None,
            (address, _) => read_url(section, provider, address)?,
        };
        let at = At { provider, url: if is_same { address.as_ref().or(first.url) } else { address.as_ref() } };
        if let Some(model) = &model {
            at.check_model(section, "model", model);
        }
        if let Some(voice) = &voice {
            at.check_voice(section, voice);
        }
        let (key, key_variable) = key(section, provider, variable?, secrets, variables)?;
        let differs = address.is_some() || model.is_some() || voice.is_some() || section.has("key_env");
        if !differs && (is_same || !provider.is_embedded()) {
            section.refuse("found nothing that differs from the first server; expected url, model or key_env");
            return None;
        }
        let (names, foreign) = (provider.names(), !provider.shares_names_with(first.provider));
        let is_here = provider.is_embedded() && !is_same && address.is_none();
        let of_its_own = |name: &str| foreign.then(|| name.to_owned());
        let model = model.or_else(|| if is_here { Some(provider.word().to_owned()) } else { of_its_own(names.model) });
        let voice = voice.or_else(|| of_its_own(names.voice));
        Some(Self { provider, url: address, dialect: spoken, model, voice, key, key_variable })
    }

    /// Whether it is the embedded model, while the first server is one of `first`.
    pub fn is_here(&self, first: Provider) -> bool {
        self.provider.is_embedded() && self.url.is_none() && self.provider != first
    }
}

/// The key of a fallback and its variable: the one that it names, or its provider's own.
fn key(
    section: &Section<'_>,
    provider: Provider,
    variable: Option<String>,
    secrets: &Secrets,
    variables: &BTreeMap<String, Variable>,
) -> Option<(Option<Private<String>>, Option<String>)> {
    let refuse = |message: String| {
        section.problem("key_env", message);
        None
    };
    let (own, name) = match (provider.key(), variable) {
        (None, None) => return Some((None, None)),
        // The message does not repeat the value: it may be the key itself, written here by mistake.
        (None, Some(_)) => return refuse("found a key for a server that needs none; leave it out".to_owned()),
        (Some(own), None) => {
            let variable = own.variable;
            return match secrets.model_keys.of(provider) {
                Some(key) => Some((Some(key.clone()), Some(variable.to_owned()))),
                None => refuse(format!("missing, and {variable} is not set; name the variable that holds the key")),
            };
        }
        (Some(own), Some(name)) => (own.variable, name),
    };
    if !is_variable(&name) {
        return refuse(format!(
            "found no variable's name, expected one in capitals, as \"{own}_2\"; the key itself is never written in a file"
        ));
    }
    match variables.get(&name).map(|variable| variable.value.trim()).filter(|value| !value.is_empty()) {
        Some(value) => Some((Some(Private::new(value.to_owned())), Some(name))),
        None => refuse(format!("found {name}, which is not in the environment; set {name}")),
    }
}
