//! What a carrier is configured with, as data: settings and secrets, what is wrong with them, and what is opened with them. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::control::Control;
use super::desk::Desk;
use crate::ids::Private;

/// A key of the carrier's section, which bears its name.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The key.
    pub key: &'static str,
    /// The shipped value, as a file writes it.
    pub default: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is for, and what other values do.
    pub help: &'static str,
    /// The term of calls that it sets, where it sets one.
    pub term: Option<Term>,
}

/// The kinds of values.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A text that says something.
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

/// What every carrier's calls have, and some let be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Term {
    /// How long a call's place and its single-use stream token are kept for its stream.
    TokenLifetime,
    /// How far ahead of real time audio is sent; without a setting the capabilities' own.
    Lead,
    /// How long the caller of a broken stream is waited for.
    LostSocket,
    /// No sign of life from the stream for this long: the line is dead. Without a setting `limits.line_silence`.
    LineSilence,
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a flag.
    Flag(bool),
    /// Of a text.
    Text(String),
    /// Of an address.
    Url(Url),
    /// Of a duration.
    Duration(Duration),
    /// Of a word.
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
    /// A flag; off where it is none.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.0.get(key), Some(Value::Flag(true)))
    }

    /// A text; empty where it is none.
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

/// A secret, which comes from the environment alone.
#[derive(Clone, Copy)]
pub struct Secret {
    /// The variable.
    pub name: &'static str,
    /// How it is written.
    pub form: Form,
    /// What it is for.
    pub help: &'static str,
    /// A setting whose name has all of these sounds like it; none where nothing does.
    pub sounds: &'static [&'static str],
    /// Whether it is of the operator's own making, so that it may be too short.
    pub own: bool,
    /// Whether the carrier's API cannot be used without it.
    pub api: bool,
    /// Whether something that is switched on would use it.
    pub wanted: fn(&Given<'_>) -> bool,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// How a secret is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One.
    One,
    /// Several, with commas between them.
    Listed,
    /// `id=secret`, several with commas between them.
    Pairs,
}

/// Secrets that are there, by their variables; of all carriers. Prints none of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secrets(BTreeMap<&'static str, Private<String>>);

impl FromIterator<(&'static str, Private<String>)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (&'static str, Private<String>)>>(secrets: I) -> Self {
        Self(secrets.into_iter().collect())
    }
}

impl Secrets {
    /// A secret as it was written.
    pub fn one(&self, name: &str) -> Option<&Private<String>> {
        self.0.get(name)
    }

    /// Several.
    pub fn listed(&self, name: &str) -> Vec<Private<String>> {
        let entries = self.written(name).split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(|entry| Private::new(entry.to_owned())).collect()
    }

    /// Several with an id each; what is no pair is left out.
    pub fn pairs(&self, name: &str) -> BTreeMap<String, Private<String>> {
        let pairs = self.written(name).split(',').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.map(|(id, secret)| (id.trim(), secret.trim()));
        let pairs = pairs.filter(|(id, secret)| !id.is_empty() && !secret.is_empty());
        pairs.map(|(id, secret)| (id.to_owned(), Private::new(secret.to_owned()))).collect()
    }

    /// Whether a secret is there.
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

/// What a carrier is opened, judged and described with.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Its settings.
    pub settings: &'a Settings,
    /// The secrets of all carriers.
    pub secrets: &'a Secrets,
    /// The setting by which the service can be reached from outside this machine; `None` while every address is loopback.
    pub outside: Option<&'static str>,
    /// Whether callers are handed on to people, or people are called.
    pub transfers: bool,
}

/// What is wrong with a carrier's settings and secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The key of its section.
    pub key: &'static str,
    /// What was found, what was expected, the next step.
    pub text: String,
    /// Whether nothing is started with it; else it is only told.
    pub refuses: bool,
}

/// What would run, for `check`.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// The heading of its line.
    pub heading: &'static str,
    /// In words.
    pub words: String,
    /// For machines; durations in milliseconds.
    pub facts: serde_json::Value,
}

/// A carrier that is answered.
#[derive(Debug)]
pub struct Opened {
    /// Its side of our HTTP.
    pub desk: Arc<dyn Desk>,
    /// Its API, where its secrets are there.
    pub control: Option<Arc<dyn Control>>,
    /// A secret that stops being good by itself.
    pub expiring: Option<Expiring>,
}

/// A secret that stops being good by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiring {
    /// Its variable.
    pub name: &'static str,
    /// When, in seconds since 1970.
    pub at: i64,
}

/// A body for webhooks in a carrier's own format, by its name in the configuration.
pub struct Payload {
    /// The name.
    pub name: &'static str,
    /// What it calls itself.
    pub user_agent: &'static str,
    /// The variable of the bearer that it is sent with, where an endpoint names none.
    pub bearer: &'static str,
    /// The body for the carrier's id of a call and how complete its answers are.
    ///
    /// # Errors
    /// When it cannot be written, which is so for no JSON value.
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
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_by_their_form() {
        let secrets: Secrets = [("A", "one, two,"), ("B", "k1=one=1, k2 = two,=,x"), ("C", ", ")]
            .map(|(name, value)| (name, Private::new(value.to_owned())))
            .into_iter()
            .collect();
        let shown = |all: Vec<Private<String>>| all.iter().map(|it| it.expose().clone()).collect::<Vec<_>>();
        assert_eq!(shown(secrets.listed("A")), ["one", "two"]);
        let pairs = secrets.pairs("B");
        assert_eq!((pairs["k1"].expose().as_str(), pairs["k2"].expose().as_str(), pairs.len()), ("one=1", "two", 2));
        let there = |name, form| {
            let wanted = |_: &Given<'_>| true;
            secrets.has(&Secret { name, form, help: "", sounds: &[], own: false, api: false, wanted })
        };
        assert!(there("A", Form::Listed) && there("C", Form::One));
        assert!(!there("C", Form::Listed) && !there("C", Form::Pairs) && !there("D", Form::One));
    }
}
