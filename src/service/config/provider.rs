//! The rules of providers for addresses, models, voices and settings, told as problems of a
//! section. The rules themselves are data of each provider. Pure.

use switchboard_actors::realtime::dialects;
use switchboard_actors::realtime::seat::{Future, Provider, Standing};
use switchboard_actors::realtime::settings::KEYS;
use url::Url;

use super::kinds::{Expected, any_text, is_loopback, quoted};
use super::layers::Node;
use super::reader::Section;

/// A server of a provider; without a URL, the provider's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'u> {
    pub(super) provider: Provider,
    pub(super) url: Option<&'u Url>,
}

impl At<'_> {
    /// Refuses models that cannot be used, and notes those that will be shut down.
    pub(super) fn check_model(self, section: &Section<'_>, key: &str, model: &str) {
        let names = self.provider.names();
        match self.provider.standing(self.url, model) {
            Standing::Known(Future::Stays) => {}
            Standing::Known(Future::Leaves { on, successor }) => section.note(key, &leaves(model, on, successor)),
            Standing::Known(Future::Unusable(why)) => {
                section.problem(key, format!("found {}, {why}; expected one like {:?}", quoted(model), names.model));
            }
            Standing::Unknown => {
                let of = names.of;
                section.note(key, &format!("this version knows no model {model} of {of}; is it spelled right?"));
            }
        }
    }

    /// Refuses unknown voices.
    pub(super) fn check_voice(self, section: &Section<'_>, voice: &str) {
        if !self.provider.has_voice(self.url, voice) {
            let names = self.provider.names();
            let own = names.own_voice.map(|own| format!(" or an own voice's id ({own}…)")).unwrap_or_default();
            let expected = format!("one of {}{own}", names.voices.join(", "));
            section.problem("voice", format!("found {}, expected {expected}", quoted(voice)));
        }
    }

    /// Refuses settings that a person chose and that neither the provider nor one of the fallbacks'
    /// knows. What a provider does not know is left out of its plan.
    pub(super) fn check_settings(self, section: &Section<'_>, fallbacks: &[Provider]) {
        let word = self.provider.word();
        for key in KEYS.into_iter().filter(|key| !self.provider.knows(key) && section.chosen(key)) {
            if let Some(fallback) = fallbacks.iter().find(|fallback| fallback.knows(key)) {
                let other = fallback.word();
                section.note(key, &format!("provider {word:?} does not know it; it counts for the fallback {other:?}"));
                continue;
            }
            let next = "take it out, or choose another provider";
            section.problem(key, format!("found a setting that provider {word:?} does not know; {next}"));
        }
    }
}

/// Checks the server's address, or fills in the provider's own. Retired addresses are refused.
/// Without one are the embedded model and a provider whose engines have their own.
#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: no address of its own")]
pub(super) fn read_url(section: &Section<'_>, provider: Provider, url: Option<Url>) -> Option<Option<Url>> {
    let address = provider.address();
    if let Some(url) = &url {
        if let Some(problem) = (address.refuses)(url) {
            section.problem("url", problem);
            return None;
        }
        if url.scheme() == "ws" && !is_loopback(url) && provider.key().is_some() {
            section.note(
                "url",
                "ws:// sends the key and the callers' speech unencrypted; keep it within a private network",
            );
        }
    }
    match (url, address.default) {
        (Some(url), _) => Some(Some(url)),
        (None, _) if provider.is_embedded() || !provider.engines().is_empty() => Some(None),
        (None, Some(default)) => Some(Url::parse(default).ok()),
        (None, None) => {
            let (example, word) = (address.example, provider.word());
            section.problem("url", format!("missing, expected {example} with realtime.provider = {word:?}"));
            None
        }
    }
}

/// Reads the word of a provider. The embedded model speaks `protocol`.
pub(super) fn provider(protocol: &str) -> impl Fn(&Node) -> Result<Provider, Expected> {
    move |node| {
        let listed = || one_of(Provider::all().map(Provider::word));
        let found = any_text(node).map_err(|_| listed())?;
        Provider::named(found.trim()).map(|it| it.speaking(protocol)).ok_or_else(listed)
    }
}

/// Reads the word of a protocol of the embedded model.
pub(super) fn protocol(node: &Node) -> Result<&'static str, Expected> {
    let listed = || one_of(Provider::protocols());
    let found = any_text(node).map_err(|_| listed())?;
    Provider::protocols().find(|word| *word == found.trim()).ok_or_else(listed)
}

fn one_of(words: impl Iterator<Item = &'static str>) -> Expected {
    Expected::new(words.map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or "))
}

/// Reads the word of a dialect; `auto` is the provider's own.
pub(super) fn dialect(node: &Node) -> Result<Option<&'static str>, Expected> {
    let known = dialects();
    let listed = || Expected::new(format!("\"auto\" or one of {}", known.join(", ")));
    let found = any_text(node).map_err(|_| listed())?;
    match found.trim() {
        "auto" => Ok(None),
        word => known.iter().find(|known| **known == word).map(|known| Some(*known)).ok_or_else(listed),
    }
}

/// The note about a model that will be shut down.
pub(super) fn leaves(model: &str, on: &str, successor: &str) -> String {
    format!("{model} is shut down on {on}; {successor} takes its place")
}

#[cfg(test)]
mod tests;
