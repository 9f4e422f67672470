//! Reads a tree of values into final types and collects everything that is wrong with it. Pure.
//!
//! The reading code *is* the schema: a key is known because some code asks for it. When a
//! [`Section`] is dropped, it reports the keys that no code asked for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use switchboard_actors::carrier::Carrier;
use switchboard_actors::realtime::seat::Provider;

use super::kinds::{Expected, shown};
use super::layers::{Node, Value};
use super::problem::{Origin, Problem};

/// Collects problems, notes and known keys while a tree is read.
#[derive(Default)]
pub(super) struct Reader {
    findings: RefCell<Findings>,
}

#[derive(Default)]
struct Findings {
    problems: Vec<Problem>,
    notes: Vec<String>,
    unknown: Vec<Unknown>,
    known: BTreeSet<String>,
}

struct Unknown {
    section: String,
    pattern: String,
    key: String,
    origin: Origin,
}

/// One table of the tree.
pub(super) struct Section<'r> {
    reader: &'r Reader,
    /// The full name; empty at the top.
    path: String,
    /// The full name, with `<name>` in place of names that operators choose.
    pattern: String,
    entries: Option<&'r BTreeMap<String, Node>>,
    origin: Origin,
    asked: RefCell<BTreeSet<&'static str>>,
    excused: RefCell<BTreeSet<String>>,
    /// The keys are names that operators choose, so none is unknown.
    open: bool,
}

impl Reader {
    /// The section at the top of the tree.
    pub(super) fn top<'r>(&'r self, tree: &'r Node) -> Section<'r> {
        self.section(tree, String::new(), String::new())
    }

    /// Reports a problem.
    pub(super) fn problem(&self, key: impl Into<String>, origin: Origin, message: impl Into<String>) {
        self.findings.borrow_mut().problems.push(Problem { key: key.into(), origin, message: message.into() });
    }

    /// Notes a fact that an operator should know and that does not prevent the start.
    pub(super) fn note(&self, note: impl Into<String>) {
        self.findings.borrow_mut().notes.push(note.into());
    }

    /// Everything found: problems (empty if the configuration can be used), notes, and all known
    /// keys.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<String>, BTreeSet<String>) {
        let findings = self.findings.into_inner();
        let mut problems = findings.problems;
        problems.extend(findings.unknown.iter().map(|unknown| unknown.problem(&findings.known)));
        (problems, findings.notes, findings.known)
    }

    fn section<'r>(&'r self, node: &'r Node, path: String, pattern: String) -> Section<'r> {
        let entries = match &node.value {
            Value::Table(entries) => Some(entries),
            Value::Text(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Flag(_)
            | Value::List(_)
            | Value::Raw(_)
            | Value::Other(_) => {
                let message = format!("found {}, expected a table: [{path}]", shown(&node.value));
                self.problem(path.clone(), node.origin.clone(), message);
                None
            }
        };
        let origin = node.origin.clone();
        Section {
            reader: self,
            path,
            pattern,
            entries,
            origin,
            asked: RefCell::default(),
            excused: RefCell::default(),
            open: false,
        }
    }
}

impl<'r> Section<'r> {
    /// The full name of a key of this section.
    pub(super) fn name(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Reads a required key. `None` means that a problem was reported.
    pub(super) fn read<T>(&self, key: &'static str, kind: impl Fn(&Node) -> Result<T, Expected>) -> Option<T> {
        match self.entry(key) {
            Some(node) => self.convert(key, node, kind),
            None => {
                // A section that is no table was already reported as a whole.
                if self.entries.is_some() {
                    self.reader.problem(self.name(key), Origin::Nowhere, "missing; it has no default, so set it");
                }
                None
            }
        }
    }

    /// Reads an optional key. The outer `None` means that a problem was reported.
    pub(super) fn read_if_set<T>(
        &self,
        key: &'static str,
        kind: impl Fn(&Node) -> Result<T, Expected>,
    ) -> Option<Option<T>> {
        match self.entry(key) {
            Some(node) => self.convert(key, node, kind).map(Some),
            None => Some(None),
        }
    }

    /// A table within this one; empty if it is missing.
    pub(super) fn table(&self, key: &'static str) -> Section<'r> {
        let (path, pattern) = (self.name(key), join(&self.pattern, key));
        match self.entry(key) {
            Some(node) => self.reader.section(node, path, pattern),
            None => Section {
                reader: self.reader,
                path,
                pattern,
                entries: None,
                origin: Origin::Nowhere,
                asked: RefCell::default(),
                excused: RefCell::default(),
                open: false,
            },
        }
    }

    /// A section over `node`, a table already merged with its base, at `key`. Its keys are known by
    /// the names of another section, `pattern`.
    pub(super) fn laid<'s>(&self, key: &str, node: &'s Node, pattern: &str) -> Section<'s>
    where
        'r: 's,
    {
        self.reader.section(node, self.name(key), pattern.to_owned())
    }

    /// Counts a key as known, because its problem was reported in other words.
    pub(super) fn excuse(&self, key: &str) {
        self.excused.borrow_mut().insert(key.to_owned());
    }

    /// The tables within a table whose keys are names that operators choose.
    pub(super) fn named(&self, key: &'static str) -> Vec<(String, Section<'r>)> {
        let mut table = self.table(key);
        table.open = true;
        let entries = table.entries.into_iter().flatten();
        entries
            .map(|(name, node)| {
                let section = self.reader.section(node, table.name(name), join(&table.pattern, "<name>"));
                (name.clone(), section)
            })
            .collect()
    }

    /// The values of a table whose keys operators choose, each of the same kind. `None` as a value
    /// means that a problem was reported.
    pub(super) fn values<T>(
        &self,
        key: &'static str,
        kind: impl Fn(&Node) -> Result<T, Expected>,
    ) -> (Section<'r>, Vec<(String, Option<T>)>) {
        let mut table = self.table(key);
        table.open = true;
        let read = |(name, node): (&String, &Node)| (name.clone(), table.convert(name, node, &kind));
        let values = table.entries.into_iter().flatten().map(read).collect();
        (table, values)
    }

    /// The tables of a list of tables; empty if it is missing.
    pub(super) fn listed(&self, key: &'static str) -> Vec<Section<'r>> {
        let Some(node) = self.entry(key) else { return Vec::new() };
        let Value::List(entries) = &node.value else {
            let message = format!("found {}, expected a list of tables: [[{}]]", shown(&node.value), self.name(key));
            self.reader.problem(self.name(key), node.origin.clone(), message);
            return Vec::new();
        };
        let pattern = join(&self.pattern, key);
        let section = |(at, entry)| self.reader.section(entry, format!("{}[{at}]", self.name(key)), pattern.clone());
        entries.iter().enumerate().map(section).collect()
    }

    /// The tables of a list of tables, or the one table that stands there instead.
    pub(super) fn one_or_listed(&self, key: &'static str) -> Vec<Section<'r>> {
        let is_list = |node: &Node| matches!(node.value, Value::List(_));
        if self.entry(key).is_some_and(is_list) { self.listed(key) } else { vec![self.table(key)] }
    }

    /// Whether a key is set in any layer. This question does not make the key known.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.is_some_and(|entries| entries.contains_key(key))
    }

    /// Whether a person set this key, that is, not only the built-in defaults. The key may lead
    /// into a table of this section: `turn_detection.type`.
    pub(super) fn chosen(&self, key: &str) -> bool {
        self.node(key).is_some_and(|node| node.origin != Origin::Shipped)
    }

    /// Reports a problem with a key of this section, which may lead into a table.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) {
        let node = self.node(key);
        let origin = node.map_or(Origin::Nowhere, |node| node.origin.clone());
        self.reader.problem(self.name(key), origin, message);
    }

    /// Reports a problem with this section as a whole.
    pub(super) fn refuse(&self, message: impl Into<String>) {
        self.reader.problem(self.path.clone(), self.origin.clone(), message);
    }

    /// Notes something about a key of this section.
    pub(super) fn note(&self, key: &str, note: &str) {
        self.reader.note(format!("{}: {note}", self.name(key)));
    }

    fn node(&self, key: &str) -> Option<&'r Node> {
        let entries = self.entries?;
        let inside = || {
            let (table, rest) = key.split_once('.')?;
            rest.split('.').try_fold(entries.get(table)?, |node, key| node.entry(key))
        };
        entries.get(key).or_else(inside)
    }

    fn entry(&self, key: &'static str) -> Option<&'r Node> {
        self.asked.borrow_mut().insert(key);
        self.reader.findings.borrow_mut().known.insert(join(&self.pattern, key));
        self.entries?.get(key)
    }

    fn convert<T>(&self, key: &str, node: &Node, kind: impl Fn(&Node) -> Result<T, Expected>) -> Option<T> {
        kind(node)
            .map_err(|expected| {
                let message = expected.message(&node.value);
                self.reader.problem(self.name(key), node.origin.clone(), message);
            })
            .ok()
    }
}

impl Drop for Section<'_> {
    fn drop(&mut self) {
        if self.open {
            return;
        }
        let asked = self.asked.borrow();
        for (key, node) in self.entries.into_iter().flatten() {
            if !asked.contains(key.as_str()) && !self.excused.borrow().contains(key) {
                self.reader.findings.borrow_mut().unknown.push(Unknown {
                    section: self.path.clone(),
                    pattern: self.pattern.clone(),
                    key: key.clone(),
                    origin: node.origin.clone(),
                });
            }
        }
    }
}

impl Unknown {
    fn problem(&self, known: &BTreeSet<String>) -> Problem {
        let name = join(&self.section, &self.key);
        let message = match (secret_variable(&name), self.nearest(known)) {
            (Some(variable), Some(Nearest { name, alike: true })) => {
                format!("unknown key; the nearest known one is `{name}`; {SECRETS} ({variable})")
            }
            (Some(variable), _) => format!("{SECRETS}; take it out of here and set {variable}"),
            (None, Some(Nearest { name, alike: true })) => {
                format!("unknown key; the nearest known one is `{name}`")
            }
            (None, Some(Nearest { alike: false, .. }) | None) => {
                "unknown key; config.toml lists every key there is".to_owned()
            }
        };
        Problem { key: name, origin: self.origin.clone(), message }
    }

    /// The known key that was probably meant: a similar sibling, else the same key of another
    /// section, else the most similar sibling.
    fn nearest(&self, known: &BTreeSet<String>) -> Option<Nearest> {
        let siblings = known.iter().filter_map(|name| {
            let key = match self.pattern.as_str() {
                "" => name.as_str(),
                pattern => name.strip_prefix(pattern)?.strip_prefix('.')?,
            };
            (!key.contains('.')).then_some(key)
        });
        let (likeness, sibling) = siblings
            .map(|key| (strsim::jaro_winkler(key, &self.key), key))
            .max_by(|left, right| left.0.total_cmp(&right.0))?;
        let alike = likeness >= ALIKE;
        let elsewhere = known.iter().find(|name| name.rsplit('.').next() == Some(self.key.as_str()));
        match elsewhere {
            Some(elsewhere) if !alike => Some(Nearest { name: elsewhere.clone(), alike: true }),
            Some(_) | None => Some(Nearest { name: join(&self.section, sibling), alike }),
        }
    }
}

/// The known key that was probably meant.
struct Nearest {
    name: String,
    /// The similarity is high enough to be a misspelling.
    alike: bool,
}

/// The variable that a secret belongs in, if the name of the key suggests a secret. The value is
/// never read.
fn secret_variable(key: &str) -> Option<&'static str> {
    let key = key.to_lowercase();
    let has = |part: &str| key.contains(part);
    let secret = ["token", "secret", "api_key", "apikey", "password", "auth", "account_sid", "bearer"];
    if !secret.iter().any(|word| has(word)) {
        return None;
    }
    if let Some(variable) = Carrier::secret_sounding(&key) {
        return Some(variable);
    }
    Some(if has("admin") {
        "SWITCHBOARD_ADMIN_TOKEN"
    } else if has("webhook") {
        "SWITCHBOARD_WEBHOOK_SECRET"
    } else if let Some(variable) = Provider::key_sounding(&key) {
        variable
    } else if let Some(usual) = Provider::usual().key().filter(|_| has("realtime") || has("agents")) {
        usual.variable
    } else {
        "the variable that README lists for it"
    })
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

const SECRETS: &str = "secrets come only from the environment";
/// From this similarity (Jaro-Winkler) on, a key counts as a misspelling. If it were lower, a key
/// of the wrong section would be "corrected" to an unrelated one. If it were higher, a plain typing
/// error would be sent to another section.
const ALIKE: f64 = 0.85;
