//! Carriers' sections and secrets, read by the settings that each carrier declares. Pure; the
//! environment is a parameter.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::settings::{
    Described, Form, Given, Kind, Opened, Secret, Secrets, Setting, Settings, Term, Value,
};
use switchboard_actors::ids::Private;
use url::Url;

use super::kinds::{Expected, any_text, duration, flag, one_of, text, url};
use super::layers::{self, Node, Variable};
use super::problem::Origin;
use super::reader::{Reader, Section};
use super::server::Server;

/// The sections of all carriers, by carrier name.
#[derive(Debug, Clone, PartialEq)]
pub struct Carriers {
    settings: BTreeMap<&'static str, Settings>,
    /// The secrets of all carriers.
    secrets: Secrets,
    /// The setting that makes the service reachable from outside this machine.
    outside: Option<&'static str>,
    /// Whether callers are transferred to people, or people are called.
    transfers: bool,
}

impl Carriers {
    /// Reads every carrier's section and checks it.
    pub(super) fn read(top: &Section<'_>, server: Option<&Server>, secrets: &Secrets) -> Option<Self> {
        let mut settings = BTreeMap::new();
        let mut whole = true;
        for carrier in Carrier::all() {
            let section = top.table(carrier.name());
            let read = carrier.settings().iter().map(|setting| Some((setting.key, value(&section, setting)?)));
            // Every setting is read before a failure returns, so that every problem is reported.
            let read: Vec<Option<_>> = read.collect();
            let Some(read) = read.into_iter().collect::<Option<Settings>>() else {
                whole = false;
                continue;
            };
            if let Some(server) = server {
                let outside = server.outside();
                let given = Given { settings: &read, secrets, outside, transfers: false };
                for finding in carrier.check(&given) {
                    if finding.refuses {
                        section.problem(finding.key, finding.text);
                    } else {
                        section.note(finding.key, &finding.text);
                    }
                }
            }
            settings.insert(carrier.name(), read);
        }
        let outside = server?.outside();
        whole.then(|| Self { settings, secrets: secrets.clone(), outside, transfers: false })
    }

    /// Returns these sections for a service that transfers callers or calls people.
    pub(super) fn with_transfers(self, transfers: bool) -> Self {
        Self { transfers, ..self }
    }

    /// Everything that a carrier is opened, checked and described with.
    fn given(&self, carrier: Carrier) -> Given<'_> {
        // `read` has stored a section for every carrier.
        let settings = &self.settings[carrier.name()];
        Given { settings, secrets: &self.secrets, outside: self.outside, transfers: self.transfers }
    }

    /// The settings of a carrier's section.
    pub fn settings(&self, carrier: Carrier) -> &Settings {
        self.given(carrier).settings
    }

    /// A term of a carrier's calls, if that carrier has a setting for it.
    pub fn term(&self, carrier: Carrier, term: Term) -> Option<Duration> {
        let setting = carrier.settings().iter().find(|setting| setting.term == Some(term))?;
        self.settings(carrier).duration(setting.key)
    }

    /// A term that is the same for all carriers: the value of the first carrier that has a setting
    /// for it.
    pub fn first_term(&self, term: Term) -> Option<Duration> {
        Carrier::all().find_map(|carrier| self.term(carrier, term))
    }

    /// A carrier that could call people, having the secrets for it, if it were answered; `None` if
    /// another one calls them, or none has the secrets. Only the one `named` counts, if any is.
    pub(super) fn idle_caller(&self, named: Option<&str>) -> Option<Carrier> {
        let is_meant = |carrier: &Carrier| named.is_none_or(|name| carrier.name() == name);
        let has_all = |carrier: Carrier| carrier.secrets().iter().all(|it| !it.api || self.secrets.has(it));
        let mut callers =
            Carrier::all().filter(|carrier| carrier.calls_callees() && has_all(*carrier)).filter(is_meant).peekable();
        let first = *callers.peek()?;
        (!callers.any(|carrier| self.is_answered(carrier))).then_some(first)
    }

    /// Opens a carrier at our public address; `None` if the service does not answer that carrier.
    pub fn open(&self, carrier: Carrier, public: &Url) -> Option<Opened> {
        carrier.open(&self.given(carrier), public)
    }

    /// Whether the service answers a carrier.
    pub fn is_answered(&self, carrier: Carrier) -> bool {
        carrier.is_answered(&self.given(carrier))
    }

    /// Describes what would run for a carrier.
    pub(super) fn describe(&self, carrier: Carrier) -> Described {
        carrier.describe(&self.given(carrier))
    }

    /// The secrets that an enabled feature would use and that are not set, each with its purpose.
    pub fn missed_secrets(&self) -> Vec<(&'static str, &'static str)> {
        let missed = |secret: &&Secret| self.wants(secret.name) && !self.secrets.has(secret);
        Carrier::all_secrets().filter(missed).map(|secret| (secret.name, secret.help)).collect()
    }

    /// Whether an enabled feature would use a secret.
    pub(super) fn wants(&self, name: &str) -> bool {
        Carrier::all().any(|carrier| {
            let given = self.given(carrier);
            carrier.secrets().iter().any(|secret| secret.name == name && (secret.wanted)(&given))
        })
    }
}

/// The carriers' sections as a configuration file has them: every setting with its reason and its
/// default. They are the lowest layer, and a part of the shipped `config.toml`.
pub fn sections() -> String {
    let mut text = String::new();
    for carrier in Carrier::all() {
        text += &format!("[{}]\n", carrier.name());
        for setting in carrier.settings() {
            text += &comment(setting.help);
            let quote = if matches!(setting.kind, Kind::Flag) { "" } else { "\"" };
            text += &format!("{} = {quote}{}{quote}\n", setting.key, setting.default);
        }
        text.push('\n');
    }
    text
}

/// The carriers' tables of `[audio]`, likewise.
pub fn level_tables() -> String {
    let mut text = String::new();
    for carrier in Carrier::all() {
        let (name, title) = (carrier.name(), carrier.title());
        text += &format!("[audio.{name}]\n");
        text += &comment(&format!(
            "How much louder the model is given what {title} brings, -24 to 24 dB; what would be too loud is bent, not cut. 0 touches nothing."
        ));
        text += "gain_in_db = 0.0\n";
        text += &comment(&format!("How much louder a caller over {title} hears the agent."));
        text += "gain_out_db = 0.0\n\n";
    }
    text
}

/// The carriers' built-in defaults.
pub(super) fn defaults() -> Node {
    let (tree, problems) = layers::shipped(&(sections() + &level_tables()));
    debug_assert!(problems.is_empty(), "{problems:?}");
    tree
}

/// A sentence as a comment of several lines.
fn comment(words: &str) -> String {
    let (mut text, mut line) = (String::new(), String::from("#"));
    for word in words.split(' ') {
        if line.len() + 1 + word.len() > WIDTH && line.len() > 1 {
            text = text + &line + "\n";
            line = String::from("#");
        }
        line = line + " " + word;
    }
    text + &line + "\n"
}

/// The longest line of a comment in `config.toml`, in bytes.
const WIDTH: usize = 130;

fn value(section: &Section<'_>, setting: &Setting) -> Option<Value> {
    match setting.kind {
        Kind::Flag => section.read(setting.key, flag).map(Value::Flag),
        Kind::Text => section.read(setting.key, text).map(Value::Text),
        Kind::AnyText => section.read(setting.key, any_text).map(Value::Text),
        Kind::Url => section.read(setting.key, url(&["https", "http"])).map(Value::Url),
        Kind::Duration { least, most } => section.read(setting.key, duration(least..=most)).map(Value::Duration),
        Kind::Word(words) => section.read(setting.key, one_of(words)).map(Value::Word),
    }
}

/// Reads the carriers' secrets. A variable with an empty value, as in templates of `.env`, counts
/// as not set.
pub(super) fn read_secrets(variables: &BTreeMap<String, Variable>) -> Secrets {
    let written = |name: &str| variables.get(name).map(|variable| variable.value.trim()).filter(|it| !it.is_empty());
    Carrier::all_secrets()
        .filter_map(|secret| Some((secret.name, Private::new(written(secret.name)?.to_owned()))))
        .collect()
}

/// Refuses lists of keys that cannot be read completely: part of the operator's keys would silently
/// be missing.
pub(super) fn check_pairs(variables: &BTreeMap<String, Variable>, secrets: &Secrets, reader: &Reader) {
    for secret in Carrier::all_secrets().filter(|secret| secret.form == Form::Pairs) {
        let Some(variable) = variables.get(secret.name) else { continue };
        let listed = variable.value.split(',').filter(|key| !key.trim().is_empty()).count();
        let read = secrets.pairs(secret.name).len();
        if listed != read {
            let found = format!("found {listed} entries, of which {read} are distinct and valid");
            let message = format!("{found}, expected `id=secret`, several separated by commas");
            let origin = Origin::Variable { name: secret.name.to_owned(), dotenv: variable.dotenv };
            reader.problem(secret.name, origin, message);
        }
    }
}

/// The first carrier that can call people, or only the one `named`, and the variables it lacks to do
/// so; `None` if some carrier has them all.
pub(super) fn lacks_calling(secrets: &Secrets, named: Option<&str>) -> Option<Lacking> {
    let is_meant = |carrier: &Carrier| named.is_none_or(|name| carrier.name() == name);
    lacks(secrets, |carrier| carrier.calls_callees() && is_meant(carrier))
}

/// The same for carriers that can call a person to a waiting caller.
pub(super) fn lacks_inviting(secrets: &Secrets) -> Option<Lacking> {
    lacks(secrets, |carrier| carrier.invites_callees())
}

fn lacks(secrets: &Secrets, can: impl Fn(&Carrier) -> bool) -> Option<Lacking> {
    let callers = || Carrier::all().filter(&can);
    let needs = |carrier: Carrier| carrier.secrets().iter().filter(|secret| secret.api);
    if callers().any(|carrier| needs(carrier).all(|secret| secrets.has(secret))) {
        return None;
    }
    let carrier = callers().next()?;
    let names: Vec<&str> = needs(carrier).map(|secret| secret.name).collect();
    Some(Lacking { carrier, variables: names.join(" and ") })
}

/// What is missing before people can be called.
pub(super) struct Lacking {
    /// The carrier that would place the calls.
    pub(super) carrier: Carrier,
    /// The variables that are not set.
    pub(super) variables: String,
}

/// Reads the name of a carrier that calls people; `None` for "auto".
pub(super) fn caller(node: &Node) -> Result<Option<&'static str>, Expected> {
    let callers = || Carrier::all().filter(|carrier| carrier.calls_callees());
    let listed = || callers().map(|it| format!(", \"{}\"", it.name())).collect::<String>();
    let expected = || Expected::new(format!("\"auto\"{}", listed()));
    match any_text(node).map_err(|_| expected())?.trim() {
        "auto" => Ok(None),
        name => callers().map(Carrier::name).find(|it| *it == name).map(Some).ok_or_else(expected),
    }
}

/// Reads the name of a carrier.
pub(super) fn name(node: &Node) -> Result<&'static str, Expected> {
    let listed = || Carrier::all().map(|it| format!("\"{}\"", it.name())).collect::<Vec<_>>().join(" or ");
    let found = any_text(node).map_err(|_| Expected::new(listed()))?;
    Carrier::named(found.trim()).map(Carrier::name).ok_or_else(|| Expected::new(listed()))
}
