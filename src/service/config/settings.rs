//! The settings of a configuration as a flat list: what a reload has changed, and the version that
//! records show. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sha2::{Digest, Sha256};

use super::layers::{Node, Value, Variable};
use super::variables;

/// Every setting by its full key, and the secrets by their variables. A list is one setting.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The values in one spelling, wherever they were written.
    values: BTreeMap<String, String>,
    /// Hashes of the secrets: a change is noticed, and no secret is kept.
    secrets: BTreeMap<String, [u8; 32]>,
    version: String,
}

impl Settings {
    pub(super) fn of(tree: &Node, environment: &BTreeMap<String, Variable>) -> Self {
        let mut values = BTreeMap::new();
        flatten(tree, "", &mut values);
        let secret = |name: String| {
            let digest = Sha256::digest(environment.get(&name)?.value.trim()).into();
            Some((name, digest))
        };
        let secrets = variables::names_of_secrets(tree).into_iter().filter_map(secret).collect();
        let version = version(&values);
        Self { values, secrets, version }
    }

    /// Twelve hexadecimal digits that are the same for the same settings, whatever their source.
    /// Secrets and the content of files that settings name are no part of it.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The keys, and the variables of secrets, whose values differ.
    pub fn changes(&self, later: &Self) -> BTreeSet<String> {
        let mut changed = differences(&self.values, &later.values);
        changed.extend(differences(&self.secrets, &later.secrets));
        changed
    }

    /// Whether a setting of a section names `variable`.
    pub fn mention(&self, section: &str, variable: &str) -> bool {
        let of_section = |key: &str| key.split('.').next() == Some(section);
        self.values.iter().any(|(key, value)| of_section(key) && value.contains(variable))
    }

    /// These settings with the values that `running` has for `keys`.
    #[must_use]
    pub fn keeping(mut self, keys: &BTreeSet<String>, running: &Self) -> Self {
        for key in keys {
            keep(&mut self.values, key, &running.values);
            keep(&mut self.secrets, key, &running.secrets);
        }
        self.version = version(&self.values);
        self
    }
}

impl fmt::Debug for Settings {
    /// Values may be numbers of people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settings").field(&self.version).finish()
    }
}

fn keep<T: Clone>(values: &mut BTreeMap<String, T>, key: &str, running: &BTreeMap<String, T>) {
    match running.get(key) {
        Some(value) => values.insert(key.to_owned(), value.clone()),
        None => values.remove(key),
    };
}

fn differences<T: PartialEq>(before: &BTreeMap<String, T>, after: &BTreeMap<String, T>) -> BTreeSet<String> {
    let keys = before.keys().chain(after.keys());
    keys.filter(|key| before.get(*key) != after.get(*key)).cloned().collect()
}

fn version(values: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (key, value) in values {
        for text in [key, value] {
            // The length in front keeps two neighbours apart.
            hash.update(text.len().to_be_bytes());
            hash.update(text);
        }
    }
    hash.finalize()[..SHOWN].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn flatten(node: &Node, key: &str, values: &mut BTreeMap<String, String>) {
    match &node.value {
        Value::Table(entries) if !entries.is_empty() => {
            for (name, entry) in entries {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(entry, &key, values);
            }
        }
        Value::Table(_)
        | Value::Text(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Flag(_)
        | Value::List(_)
        | Value::Raw(_)
        | Value::Other(_) => {
            values.insert(key.to_owned(), spelling(&node.value));
        }
    }
}

/// One spelling for the same value, whether a file or a variable has it.
fn spelling(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Raw(text) | Value::Other(text) => text.trim().to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::List(entries) => {
            let entries: Vec<String> = entries.iter().map(|entry| format!("{:?}", spelling(&entry.value))).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::Table(entries) => {
            let entry = |(key, entry): (&String, &Node)| format!("{key} = {:?}", spelling(&entry.value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Bytes of the hash that the version shows: two versions of one service do not meet by chance.
const SHOWN: usize = 6;

#[cfg(test)]
mod tests {
    use super::super::{Config, Sources};

    fn settings(file: &str, variables: &[(&str, &str)]) -> super::Settings {
        let sources = Sources::default().file("my.toml", file).variables(variables);
        Config::from_sources(&sources).expect("a configuration").settings
    }

    #[test]
    fn the_same_settings_have_the_same_version_wherever_they_stand() {
        let file = settings("[server]\nmax_calls = 7\n[limits]\nmax_call_duration = \"20m\"", &[]);
        let variables =
            settings("", &[("SWITCHBOARD__SERVER__MAX_CALLS", "7"), ("SWITCHBOARD__LIMITS__MAX_CALL_DURATION", "20m")]);
        assert_eq!(file.version(), variables.version());
        assert_ne!(file.version(), settings("", &[]).version());
        assert!(file.version().len() == 12 && file.version().bytes().all(|sign| sign.is_ascii_hexdigit()));
    }

    #[test]
    fn a_change_is_named_by_its_key_and_a_secret_by_its_variable() {
        let before = settings("", &[("OPENAI_API_KEY", "sk-one")]);
        let after = settings(
            "[agents.default]\ngreeting = \"Ahoy!\"\n[[routes]]\nagent = \"default\"",
            &[("OPENAI_API_KEY", "sk-two")],
        );
        let changed: Vec<String> = before.changes(&after).into_iter().collect();
        assert_eq!(changed, ["OPENAI_API_KEY", "agents.default.greeting", "routes"]);
        assert!(before.changes(&before).is_empty());
        assert_eq!(
            settings("", &[("OPENAI_API_KEY", "sk-two")]).version(),
            before.version(),
            "secrets are no part of it"
        );
    }

    #[test]
    fn a_key_that_is_kept_has_the_value_that_runs() {
        let running = settings("", &[]);
        let wanted = settings("[server]\nmax_calls = 7\n[agents.default]\ngreeting = \"Ahoy!\"", &[]);
        let kept = wanted.keeping(&["server.max_calls".to_owned()].into(), &running);
        let only = settings("[agents.default]\ngreeting = \"Ahoy!\"", &[]);
        assert_eq!(kept, only);
        assert_eq!(kept.version(), only.version());
    }
}
