//! A provider as the configuration knows it: a row for each word of `realtime.provider`. Pure.
//!
//! A row ([`Seat`]) is data. The provider's folder has it, and [`super::SEATS`] lists it.
//! Everything that depends on a provider before a call begins is asked here: its key, its URL, its
//! models and voices, the settings that it knows, and the plan that follows from them.

use std::collections::BTreeMap;
use std::fmt;

use url::Url;

use super::SEATS;
use super::conversation::ProviderPlan;
use super::named::LinkName;
use super::plan::Credential;
use super::price::Price;
use super::settings::{Given, KEYS};
use crate::complaints;
use crate::ids::Private;

/// The row of a provider.
pub struct Seat {
    /// The word of `realtime.provider`, which is also its name in records.
    pub word: &'static str,
    /// The word of `realtime.rehearsal_protocol` for which this row stands, if the model runs in
    /// this process as long as no URL is set. It needs no key. The embedded model has a row for
    /// each of its protocols, all with the same word.
    pub embedded: Option<&'static str>,
    /// The names that its servers know. Providers with the same names share them.
    pub names: &'static Names,
    /// Where the listed models are all that there are.
    pub models_at: Servers,
    /// Where the listed voices are all that there are.
    pub voices_at: Servers,
    /// The key that its servers take, if they take one.
    pub key: Option<Key>,
    /// Its servers' addresses.
    pub address: Address,
    /// The keys of `[realtime]` that it knows, out of [`KEYS`]. A table's own key stands for all of
    /// its keys.
    pub knows: &'static [&'static str],
    /// The keys of `[realtime]` that a model of this name lacks, so that its server refuses them.
    pub lacks: fn(&str) -> Option<Lack>,
    /// The engines that it joins, if it is made of several. Each has a server and a key of its own.
    pub engines: &'static [EngineSeat],
    /// Makes its part of a plan.
    pub plan: fn(Given<'_>) -> ProviderPlan,
}

/// The row of an engine, for a provider that joins several.
#[derive(Clone, Copy)]
pub struct EngineSeat {
    /// What it does.
    pub link: LinkName,
    /// The word of its `provider` setting.
    pub word: &'static str,
    /// Its name in metrics and logs, which says what it does too.
    pub name: &'static str,
    /// The key that its own servers take.
    pub key: Key,
    /// The API's base of its own servers.
    pub url: &'static str,
    /// The model where nobody chose one.
    pub model: &'static str,
    /// The voice where nobody chose one; empty if it does not speak.
    pub voice: &'static str,
}

/// The names of a provider's models and voices.
pub struct Names {
    /// Whose names they are, in prose.
    pub of: &'static str,
    /// The model where nobody chose one, which is also the example in messages.
    pub model: &'static str,
    /// The voice where nobody chose one.
    pub voice: &'static str,
    /// The models.
    pub models: &'static [Model],
    /// The voices.
    pub voices: &'static [&'static str],
    /// The beginning of the ids of an account's own voices.
    pub own_voice: Option<&'static str>,
    /// The models that transcribe the caller, if those are separate; the first is the default.
    pub transcribers: &'static [Transcriber],
    /// What models and transcribers charge, by their complete names.
    pub prices: &'static [(&'static str, Price)],
    /// The codes of its errors, each with a counter of its own.
    pub codes: &'static [&'static str],
}

/// A model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Model {
    /// Its name, without the date of a snapshot. Of models that are gone, the beginning.
    pub name: &'static str,
    /// Its future.
    pub future: Future,
}

/// A model that transcribes the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transcriber {
    /// Its name, without the date of a snapshot.
    pub name: &'static str,
    /// Whether it takes `languages` and `keywords`.
    pub keywords: bool,
    /// Whether it takes a `prompt`.
    pub prompt: bool,
    /// Its future.
    pub future: Future,
}

/// The future of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Future {
    /// Nothing is announced.
    Stays,
    /// It will be shut down.
    Leaves {
        /// The day, as `2027-01-20`.
        on: &'static str,
        /// The model that takes its place.
        successor: &'static str,
    },
    /// It cannot be used, for this reason, which follows its name.
    Unusable(&'static str),
}

/// Servers to which a list of names applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    /// None: names are taken as they are written.
    None,
    /// All.
    All,
    /// Those whose host ends so, and the provider's own. Other servers have names of their own.
    Ending(&'static str),
}

/// The key of a provider. It comes from the environment only.
#[derive(Clone, Copy)]
pub struct Key {
    /// The variable that holds it by default.
    pub variable: &'static str,
    /// How it is sent.
    pub sent: Sent,
    /// The beginning of every key, if there is one. A setting that begins so holds a key by
    /// mistake.
    pub begins: Option<&'static str>,
}

/// How a key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// As a bearer token.
    Bearer,
    /// As an API key in a header of the provider's own.
    ApiKey,
}

/// The addresses of a provider's servers.
#[derive(Clone, Copy)]
pub struct Address {
    /// The address where none is set; `None` if it has to be set, or if the model is embedded.
    pub default: Option<&'static str>,
    /// An example for messages.
    pub example: &'static str,
    /// What is wrong with an address, and what was expected.
    pub refuses: fn(&Url) -> Option<&'static str>,
}

/// Settings that a model lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lack {
    /// The keys of `[realtime]`.
    pub keys: &'static [&'static str],
    /// The reason, which follows the model's name.
    pub why: &'static str,
}

/// What is known of a model's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is listed, or names are not listed for its server.
    Known(Future),
    /// It is not listed.
    Unknown,
}

/// A provider, by its word. It is compared by it: the embedded model is one provider, whatever
/// protocol it speaks.
#[derive(Clone, Copy)]
pub struct Provider(&'static Seat);

impl Provider {
    /// The provider of a row.
    pub const fn of(seat: &'static Seat) -> Self {
        Self(seat)
    }

    /// Every provider, in the order of their listing. The embedded model speaks its first protocol.
    pub fn all() -> impl Iterator<Item = Self> {
        let is_first = |at: usize, seat: &Seat| SEATS[..at].iter().all(|before| before.word != seat.word);
        SEATS.into_iter().enumerate().filter(move |(at, seat)| is_first(*at, seat)).map(|(_, seat)| Self(seat))
    }

    /// The protocols of the embedded model, as words of `realtime.rehearsal_protocol`. The first is
    /// the default.
    pub fn protocols() -> impl Iterator<Item = &'static str> {
        SEATS.into_iter().filter_map(|seat| seat.embedded)
    }

    /// The same provider; if it is the embedded model, with this protocol.
    #[must_use]
    pub fn speaking(self, protocol: &str) -> Self {
        let row = SEATS.into_iter().find(|seat| seat.word == self.word() && seat.embedded == Some(protocol));
        row.map_or(self, Self)
    }

    /// The provider with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::all().find(|provider| provider.word() == word)
    }

    /// The provider that is proposed to operators: the first one that takes a key. The shipped
    /// defaults are of its names.
    pub fn usual() -> Self {
        Self::all().find(|provider| provider.key().is_some()).unwrap_or(Self(SEATS[0]))
    }

    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        self.0.word
    }

    /// Whether the model runs in this process, as long as no URL is set.
    pub const fn is_embedded(self) -> bool {
        self.0.embedded.is_some()
    }

    /// The names that its servers know.
    pub const fn names(self) -> &'static Names {
        self.0.names
    }

    /// Whether its servers know the same models, and so the same names, as those of `other`.
    pub fn shares_names_with(self, other: Self) -> bool {
        let (own, others) = (self.names(), other.names());
        own.of == others.of && own.models == others.models
    }

    /// The key that its servers take, if they take one.
    pub const fn key(self) -> Option<&'static Key> {
        self.0.key.as_ref()
    }

    /// The addresses of its servers.
    pub const fn address(self) -> &'static Address {
        &self.0.address
    }

    /// Whether it knows a key of `[realtime]`. Keys that depend on no provider are known to all.
    pub fn knows(self, key: &str) -> bool {
        let table = key.split('.').next();
        !KEYS.contains(&key) || self.0.knows.iter().any(|known| *known == key || Some(*known) == table)
    }

    /// The keys of `[realtime]` that a model of this name lacks.
    pub fn lacks(self, model: &str) -> Option<Lack> {
        (self.0.lacks)(model)
    }

    /// What is known of a model's name at a server; without a URL, at the provider's own.
    pub fn standing(self, url: Option<&Url>, model: &str) -> Standing {
        if !self.0.models_at.has(url) {
            return Standing::Known(Future::Stays);
        }
        let fits = |known: &&Model| match known.future {
            Future::Unusable(_) => model.starts_with(known.name),
            Future::Stays | Future::Leaves { .. } => undated(model) == known.name,
        };
        let known = self.names().models.iter().find(fits);
        known.map_or(Standing::Unknown, |known| Standing::Known(known.future))
    }

    /// Whether a server has a voice; without a URL, the provider's own.
    pub fn has_voice(self, url: Option<&Url>, voice: &str) -> bool {
        let names = self.names();
        let own = || names.own_voice.is_some_and(|beginning| voice.starts_with(beginning));
        !self.0.voices_at.has(url) || names.voices.contains(&voice) || own()
    }

    /// The engines that it joins, if it is made of several.
    pub const fn engines(self) -> &'static [EngineSeat] {
        self.0.engines
    }

    /// The provider that joins engines. Its word is the name of their section.
    pub fn of_engines() -> Option<Self> {
        Self::all().find(|provider| !provider.engines().is_empty())
    }

    /// The credential of a server with this key.
    pub fn credential(self, key: Option<&Private<String>>) -> Credential {
        let key_or_nothing = || key.cloned().unwrap_or_else(|| Private::new(String::new()));
        match self.key().map(|key| key.sent) {
            None => Credential::None,
            Some(Sent::Bearer) => Credential::Bearer(key_or_nothing()),
            Some(Sent::ApiKey) => Credential::ApiKey(key_or_nothing()),
        }
    }

    /// Makes its part of a plan. Settings that it does not know are left out.
    pub fn plan(self, given: Given<'_>) -> ProviderPlan {
        (self.0.plan)(given)
    }

    /// The keys of all providers, each variable once.
    pub fn keys() -> impl Iterator<Item = &'static Key> {
        let of_engines = |provider: Self| provider.engines().iter().map(|engine| &engine.key);
        let keys = move || Self::all().filter_map(Self::key).chain(Self::all().flat_map(of_engines));
        let is_first = move |at: usize, key: &Key| keys().take(at).all(|before| before.variable != key.variable);
        keys().enumerate().filter(move |(at, key)| is_first(*at, key)).map(|(_, key)| key)
    }

    /// The variable that a text was probably meant for, because it begins as a provider's keys do.
    pub fn key_beginning(text: &str) -> Option<&'static Key> {
        Self::keys().find(|key| key.begins.is_some_and(|beginning| text.starts_with(beginning)))
    }

    /// The variable for a misplaced key: that of the provider whose word is in the setting's
    /// lower-case name.
    pub fn key_sounding(setting: &str) -> Option<&'static str> {
        let named = Self::all().filter(|provider| setting.contains(provider.word()));
        named.filter_map(Self::key).map(|key| key.variable).next()
    }

    /// Every code with a counter of its own: those of the providers, and ours.
    pub fn codes() -> Vec<&'static str> {
        let mut codes: Vec<&str> = Vec::new();
        for code in Self::all().flat_map(|provider| provider.names().codes).chain(&complaints::CODES) {
            if !codes.contains(code) {
                codes.push(code);
            }
        }
        codes
    }

    /// The counter for an error with `code`.
    pub fn counter_of(code: &str) -> &'static str {
        let mut known = Self::all().flat_map(|provider| provider.names().codes).chain(&complaints::CODES);
        known.find(|known| **known == code).copied().unwrap_or(complaints::OTHER)
    }
}

impl Names {
    /// The transcriber of this name.
    pub fn transcriber(&self, name: &str) -> Option<&'static Transcriber> {
        self.transcribers.iter().find(|known| undated(name) == known.name)
    }
}

impl Servers {
    fn has(self, url: Option<&Url>) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Ending(ending) => url.is_none_or(|url| url.host_str().is_some_and(|host| host.ends_with(ending))),
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl PartialEq for Provider {
    fn eq(&self, other: &Self) -> bool {
        self.word() == other.word()
    }
}

impl Eq for Provider {}

/// The given keys of all providers, by their default variables. Prints none of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys(BTreeMap<&'static str, Private<String>>);

impl FromIterator<(&'static str, Private<String>)> for Keys {
    fn from_iter<I: IntoIterator<Item = (&'static str, Private<String>)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl Keys {
    /// The key of a provider; `None` if it is not given, or if the provider takes none.
    pub fn of(&self, provider: Provider) -> Option<&Private<String>> {
        self.in_variable(provider.key()?.variable)
    }

    /// The key in a default variable.
    pub fn in_variable(&self, variable: &str) -> Option<&Private<String>> {
        self.0.get(variable)
    }
}

/// A name without the date of its snapshot, `-2025-08-28`.
pub fn undated(name: &str) -> &str {
    let date = |text: &str| text.len() == 11 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let at = name.len().saturating_sub(11);
    name.split_at_checked(at).filter(|(_, behind)| date(behind)).map_or(name, |(name, _)| name)
}

#[cfg(test)]
mod tests;
