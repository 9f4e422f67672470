//! `[[realtime.fallbacks]]`: other servers, keys, models and providers for failover. Pure; the
//! environment is a parameter.

use std::collections::BTreeMap;

use switchboard_actors::ids::Private;
use switchboard_actors::realtime::seat::Provider;
use url::Url;

use super::keys::{self, Given, ServerKey};
use super::kinds::{any_text, text, url};
use super::layers::Variable;
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
        (first, first_key): (Option<At<'_>>, Option<&ServerKey>),
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
        let (key, key_variable) = match keys::read(section, provider, variable?, secrets, variables)? {
            Given::Key(found) => (Some(found.key), Some(found.variable)),
            Given::NotNeeded => (None, None),
            Given::Missing(_) if is_same && first_key.is_some() => {
                first_key.map(|found| (found.key.clone(), found.variable.clone())).unzip()
            }
            Given::Missing(variable) => {
                let next = "name the variable that holds the key";
                section.problem("key_env", format!("missing, and {variable} is not set; {next}"));
                return None;
            }
        };
        let differs = address.is_some() || model.is_some() || voice.is_some() || section.has("key_env");
        let has_address = !provider.is_embedded() && provider.engines().is_empty();
        if !differs && (is_same || has_address) {
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
