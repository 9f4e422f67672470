//! A carrier's configuration, as data: settings and secrets, their problems, and what is opened
//! with them. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::control::Control;
use super::webhook_api::WebhookApi;
use crate::ids::Private;

/// A key of the carrier's section, which has the carrier's name.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// The default, as written in a file.
    pub default: &'static str,
    /// The accepted values.
    pub kind: Kind,
    /// Its purpose, and the effect of other values.
    pub help: &'static str,
    /// The property of calls that it sets, if any.
    pub term: Option<Term>,
}

/// The kinds of values.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A non-empty text.
    Text,
    /// A text that may be empty.
    AnyText,
    /// The address of an HTTP API.
    Url,
    /// A duration.
    Duration {
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// One of these words.
    Word(&'static [&'static str]),
}

/// Properties of every carrier's calls. Some carriers have a setting for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// How long a call's place and its single-use stream token are reserved for its stream.
    TokenLifetime,
    /// How far ahead of real time audio is sent. Without a setting, the capability applies.
    Lead,
    /// How long a call whose stream broke waits for the caller's return.
    LostSocket,
    /// The line is dead after this long without a sign of life from the stream. Without a setting,
    /// `limits.line_silence` applies.
    LineSilence,
}

/// A parsed value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A flag.
    Flag(bool),
    /// A text.
    Text(String),
    /// An address.
    Url(Url),
    /// A duration.
    Duration(Duration),
    /// A word.
    Word(&'static str),
}

/// The values of a carrier's settings, by their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<&'static str, Value>);

impl FromIterator<(&'static str, Value)> for Settings {
    fn from_iter<I: IntoIterator<Item = (&'static str, Value)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Extend<(&'static str, Value)> for Settings {
    fn extend<I: IntoIterator<Item = (&'static str, Value)>>(&mut self, values: I) {
        self.0.extend(values);
    }
}

impl Settings {
    /// A flag; `false` if it is not set.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.0.get(key), Some(Value::Flag(true)))
    }

    /// A text; empty if it is not set.
    pub fn text(&self, key: &str) -> &str {
        match self.0.get(key) {
            Some(Value::Text(text)) => text,
            Some(Value::Word(word)) => word,
            Some(Value::Flag(_) | Value::Url(_) | Value::Duration(_)) | None => "",
        }
    }

    /// An address.
    pub fn url(&self, key: &str) -> Option<&Url> {
        match self.0.get(key) {
            Some(Value::Url(url)) => Some(url),
            Some(Value::Flag(_) | Value::Text(_) | Value::Duration(_) | Value::Word(_)) | None => None,
        }
    }

    /// A duration.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.0.get(key) {
            Some(Value::Duration(duration)) => Some(*duration),
            Some(Value::Flag(_) | Value::Text(_) | Value::Url(_) | Value::Word(_)) | None => None,
        }
    }
}

/// A secret. It comes from the environment only.
#[derive(Clone, Copy)]
pub struct Secret {
    /// The variable.
    pub name: &'static str,
    /// Its syntax.
    pub form: Form,
    /// Its purpose.
    pub help: &'static str,
    /// If a setting's name has all of these sounds, it was probably meant for this secret. Empty
    /// matches nothing.
    pub sounds: &'static [&'static str],
    /// Whether the operator chooses it, so that it may be too short.
    pub own: bool,
    /// Whether the carrier's API needs it.
    pub api: bool,
    /// Whether an enabled feature would use it.
    pub wanted: fn(&Given<'_>) -> bool,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The syntax of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One value.
    One,
    /// Several values, separated by commas.
    Listed,
    /// `id=secret` pairs, separated by commas.
    Pairs,
}

/// The given secrets of all carriers, by their variables. Prints none of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<&'static str, Private<String>>);

impl FromIterator<(&'static str, Private<String>)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (&'static str, Private<String>)>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

impl Secrets {
    /// A secret, unchanged.
    pub fn one(&self, name: &str) -> Option<&Private<String>> {
        self.0.get(name)
    }

    /// The values of a list.
    pub fn listed(&self, name: &str) -> Vec<Private<String>> {
        let entries = self.written(name).split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(|entry| Private::new(entry.to_owned())).collect()
    }

    /// The values of pairs, by id. Anything that is not a pair is left out.
    pub fn pairs(&self, name: &str) -> BTreeMap<String, Private<String>> {
        let pairs = self.written(name).split(',').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(id, secret)| (id.trim(), secret.trim()));
        let pairs = pairs.filter(|(id, secret)| !id.is_empty() && !secret.is_empty());
        pairs.map(|(id, secret)| (id.to_owned(), Private::new(secret.to_owned()))).collect()
    }

    /// Whether a secret is given.
    pub fn has(&self, secret: &Secret) -> bool {
        match secret.form {
            Form::One => self.one(secret.name).is_some(),
            Form::Listed => !self.listed(secret.name).is_empty(),
            Form::Pairs => !self.pairs(secret.name).is_empty(),
        }
    }

    fn written(&self, name: &str) -> &str {
        self.one(name).map_or("", |secret| secret.expose().as_str())
    }
}

/// The inputs for opening, checking and describing a carrier.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Its settings.
    pub settings: &'a Settings,
    /// The secrets of all carriers.
    pub secrets: &'a Secrets,
    /// The setting that makes the service reachable from outside this machine; `None` while every
    /// address is loopback.
    pub outside: Option<&'static str>,
    /// Whether calls are transferred to people, or people are called.
    pub transfers: bool,
}

/// A problem of a carrier's settings and secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The key of its section.
    pub key: &'static str,
    /// What was found, what was expected, and the next step.
    pub text: String,
    /// Whether the service refuses to start with it; otherwise it is only reported.
    pub refuses: bool,
}

/// A description of the resulting configuration, for `check`.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The heading of its line.
    pub heading: &'static str,
    /// The description for people.
    pub words: String,
    /// The description for programs; durations in milliseconds.
    pub facts: serde_json::Value,
}

/// A carrier whose calls are accepted.
#[derive(Debug)]
pub struct Opened {
    /// Its HTTP interface.
    pub webhook_api: Arc<dyn WebhookApi>,
    /// Its API, if its secrets are given.
    pub control: Option<Arc<dyn Control>>,
    /// A secret with an expiry date.
    pub expiring: Option<Expiring>,
}

/// A secret with an expiry date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiring {
    /// Its variable.
    pub name: &'static str,
    /// Its expiry, in seconds since 1970.
    pub at: i64,
}

/// A body for webhooks in a carrier's own format, by its name in the configuration.
pub struct Payload {
    /// The name.
    pub name: &'static str,
    /// Its `User-Agent`.
    pub user_agent: &'static str,
    /// The variable of its bearer token, for endpoints without one of their own.
    pub bearer: &'static str,
    /// Builds the body from the carrier's id of a call and the completeness of its answers.
    ///
    /// # Errors
    /// When it cannot be serialized, which does not happen for JSON values.
    pub body: fn(&str, &str) -> serde_json::Result<Vec<u8>>,
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Payload {}

#[cfg(test)]
mod tests;
