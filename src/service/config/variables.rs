//! The program's own environment variables: which exist, whether a secret's value is well-formed,
//! and unknown names. Pure.

use std::collections::{BTreeMap, BTreeSet};

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::settings::{self, Secret};
use switchboard_actors::realtime::seat::Provider;

use super::layers::{Node, PREFIX, Value, Variable};
use super::problem::Origin;
use super::reader::Reader;

/// What a secret may contain besides printable ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Nothing else: one value.
    One,
    /// Several values, separated by commas.
    Listed,
    /// Several values, separated by commas, blanks or line ends.
    Several,
    /// The value of an authorization header: a scheme, one blank and a credential, or only the
    /// credential.
    Credentials,
    /// Words that a client sends: plain characters with blanks between them.
    Phrase,
    /// Words that are never sent as they are.
    Words,
}

/// Whether this program uses a name of `.env`. A line with such a name that cannot be read is
/// reported.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with(OWN) || name == "RUST_LOG" || secrets().any(|(known, _)| known == name)
}

/// Refuses secrets that were damaged in transit: other services would reject them, one call at a
/// time.
pub(super) fn check_secrets(variables: &BTreeMap<String, Variable>, tree: &Node, reader: &Reader) {
    for (name, form) in all_secrets(tree) {
        let Some(variable) = variables.get(name) else { continue };
        if variable.quoted && !variable.dotenv {
            reader.note(format!("{name}: is in quotes, which are not part of it and were removed"));
        }
        if form == Form::Phrase && variable.value.trim().contains(' ') {
            reader.note(format!("{name}: has a blank in it, which some clients cannot send"));
        }
        if let Some(found) = damage(&variable.value, form) {
            let origin = Origin::Variable { name: name.to_owned(), dotenv: variable.dotenv };
            let next = "expected plain ASCII; set it again as its owner shows it (the value is not shown)";
            reader.problem(name, origin, format!("found {found} in it, {next}"));
        }
    }
}

/// The variables of all secrets that the settings of `tree` or the program itself name.
pub(super) fn names_of_secrets(tree: &Node) -> BTreeSet<String> {
    all_secrets(tree).into_keys().map(str::to_owned).collect()
}

fn all_secrets(tree: &Node) -> BTreeMap<&str, Form> {
    let mut all: BTreeMap<&str, Form> = BTreeMap::new();
    name_secrets(tree, "", &mut all);
    for (name, form) in secrets() {
        all.insert(name, form);
    }
    all
}

/// What does not belong in a secret.
fn damage(value: &str, form: Form) -> Option<&'static str> {
    let value = value.trim();
    let quote = |c: char| matches!(c, '"' | '\'' | '`');
    let mut entries: Vec<&str> = vec![value];
    match form {
        Form::One | Form::Phrase | Form::Words => {}
        Form::Credentials => entries = value.splitn(2, ' ').collect(),
        // This covers entries written as `id = secret`, too.
        Form::Listed => entries = value.split([',', '=']).map(str::trim).collect(),
        Form::Several => entries = value.split([',', ' ', '\t', '\n', '\r']).collect(),
    }
    if entries.iter().any(|entry| entry.contains(['\n', '\r'])) {
        Some("a line break")
    } else if form != Form::Words
        && entries.iter().any(|entry| entry.contains(|c: char| c.is_whitespace() && (c != ' ' || form != Form::Phrase)))
    {
        Some("a blank")
    } else if value.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        Some("a sign that cannot be printed")
    } else if form != Form::Words && !value.is_ascii() {
        Some("a sign that is not ASCII")
    } else if value.starts_with(quote) || value.ends_with(quote) || (form != Form::Words && value.contains(quote)) {
        Some("a quote")
    } else {
        None
    }
}

/// Collects the variables that settings name as secrets.
fn name_secrets<'t>(node: &'t Node, key: &str, found: &mut BTreeMap<&'t str, Form>) {
    match &node.value {
        Value::Table(headers) if key == "headers" => {
            for (header, variable) in headers {
                if let Value::Text(name) | Value::Raw(name) = &variable.value {
                    let bearing = AUTHORIZATION.iter().any(|known| header.eq_ignore_ascii_case(known));
                    found.insert(name.trim(), if bearing { Form::Credentials } else { Form::Phrase });
                }
            }
        }
        Value::Table(entries) => entries.iter().for_each(|(key, entry)| name_secrets(entry, key, found)),
        Value::List(entries) => entries.iter().for_each(|entry| name_secrets(entry, key, found)),
        Value::Text(name) | Value::Raw(name) if key.ends_with("_env") => {
            let form = if key == "secret_env" { Form::Several } else { Form::One };
            found.insert(name.trim(), form);
        }
        Value::Text(_) | Value::Raw(_) | Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Other(_) => {}
    }
}

/// Notes variables that look like ours and that nothing reads, as with one underscore instead of
/// two or a typing error.
pub(super) fn strangers(variables: &BTreeMap<String, Variable>, tree: &Node, keys: &BTreeSet<String>) -> Vec<String> {
    let strange = |name: &&String| {
        name.starts_with(OWN)
            && !name.starts_with(PREFIX)
            && !secrets().any(|(known, _)| known == name.as_str())
            && !INTERNAL.contains(&name.as_str())
            && !is_of_kubernetes(name)
            && !mentions(tree, name)
    };
    let note = |name: &String| {
        let meant = match nearest(name, keys) {
            Some(meant) => format!("; the nearest known one is {meant}"),
            None if name == "SWITCHBOARD_CONFIG" => "; a configuration file is named by `--config FILE`".to_owned(),
            None => format!("; settings are written as {PREFIX}SECTION__KEY"),
        };
        format!("{name}: nothing reads this variable{meant}")
    };
    variables.keys().filter(strange).map(note).collect()
}

/// The known variable that was probably meant.
fn nearest(name: &str, keys: &BTreeSet<String>) -> Option<String> {
    let bare = |name: &str| name.trim_start_matches("SWITCHBOARD").replace('_', "").to_uppercase();
    let settings = keys.iter().filter(|key| !key.contains('<'));
    let settings = settings.map(|key| format!("{PREFIX}{}", key.replace('.', "__").to_uppercase()));
    let known = secrets().map(|(known, _)| known.to_owned()).filter(|known| known.starts_with(OWN));
    let likeness = |known: &str| strsim::jaro_winkler(&bare(known), &bare(name));
    let all = known.chain(settings).map(|known| (likeness(&known), known));
    let (likeness, known) = all.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (likeness >= ALIKE).then_some(known)
}

/// Whether Kubernetes sets this variable, which it does in containers beside a service called
/// `switchboard`.
fn is_of_kubernetes(name: &str) -> bool {
    let of_port = |rest: &str| rest.is_empty() || rest.starts_with("_") && rest.contains(|c: char| c.is_ascii_digit());
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.split_once("_PORT").is_some_and(|(_, rest)| of_port(rest))
}

fn mentions(node: &Node, name: &str) -> bool {
    match &node.value {
        Value::Table(entries) => entries.values().any(|entry| mentions(entry, name)),
        Value::List(entries) => entries.iter().any(|entry| mentions(entry, name)),
        Value::Text(text) | Value::Raw(text) => text.trim() == name,
        Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Other(_) => false,
    }
}

/// The prefix of our own variables.
const OWN: &str = "SWITCHBOARD_";
/// Headers whose value is a scheme and a secret.
const AUTHORIZATION: [&str; 2] = ["Authorization", "Proxy-Authorization"];
/// Our own secrets.
const SECRETS: [(&str, Form); 5] = [
    ("SWITCHBOARD_ADMIN_TOKEN", Form::Phrase),
    ("SWITCHBOARD_WEBHOOK_SECRET", Form::Several),
    ("SWITCHBOARD_CLUSTER_TOKEN", Form::Phrase),
    ("SWITCHBOARD_CALLER_SALT", Form::Words),
    ("SWITCHBOARD_REDIS_PASSWORD", Form::Words),
];

/// The secrets that are read regardless of the settings.
fn secrets() -> impl Iterator<Item = (&'static str, Form)> {
    let form = |secret: &Secret| match secret.form {
        settings::Form::One => Form::One,
        settings::Form::Listed | settings::Form::Pairs => Form::Listed,
    };
    let keys = Provider::keys().map(|key| (key.variable, Form::One));
    SECRETS.into_iter().chain(keys).chain(Carrier::all_secrets().map(move |secret| (secret.name, form(secret))))
}

/// Variables that the program sets for itself when it restarts.
const INTERNAL: [&str; 1] = ["SWITCHBOARD_HUGE_PAGES_ASKED"];
/// From this similarity (Jaro-Winkler) on, a name counts as a misspelling.
const ALIKE: f64 = 0.88;
