//! The layers of a configuration and their order: built-in defaults, file, environment, overrides.
//! Pure.
//!
//! Every value remembers where it was written. Problems show that place, and rules can tell whether
//! a person chose a value or it is a default.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Origin, Problem};

/// A value and the place where it was written.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// A value as it was written, before a setting asks for its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    List(Vec<Node>),
    Table(BTreeMap<String, Node>),
    /// Text from outside TOML; the reader of the key decides what it means.
    Raw(String),
    /// A TOML value that no setting accepts (a date, an integer beyond 64 bits), as it was written.
    Other(String),
}

/// The prefix of variables that set configuration keys.
pub(super) const PREFIX: &str = "SWITCHBOARD__";

/// An environment variable and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    pub(super) value: String,
    /// The variable comes from `.env`.
    pub(super) dotenv: bool,
    /// The value was written in quotes, which are removed.
    pub(super) quoted: bool,
}

impl Variable {
    /// Makes a variable. `docker run --env-file` keeps a file's quotes, so they are removed; only
    /// in a value of a setting may they have a meaning (TOML).
    pub(super) fn new(name: &str, value: &str, dotenv: bool) -> Self {
        let bare = if name.starts_with(PREFIX) { value } else { unquoted(value) };
        Self { quoted: bare.len() < value.len(), value: bare.to_owned(), dotenv }
    }
}

/// Removes one pair of quotes around the whole text.
pub(super) fn unquoted(text: &str) -> &str {
    let trimmed = text.trim();
    let inside = |quote: char| trimmed.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

impl PartialEq for Node {
    /// Compares the values only: the same setting may be written in two places.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    /// A table without entries.
    pub(super) const fn empty(origin: Origin) -> Self {
        Self { value: Value::Table(BTreeMap::new()), origin }
    }

    /// The value at `key` of a table.
    pub(super) fn entry(&self, key: &str) -> Option<&Self> {
        if let Value::Table(entries) = &self.value { entries.get(key) } else { None }
    }

    /// The keys of a table.
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        let entries = if let Value::Table(entries) = &self.value { Some(entries) } else { None };
        entries.into_iter().flat_map(BTreeMap::keys)
    }

    /// Lays `over` on this node: tables are merged key by key, everything else is replaced.
    pub(super) fn lay(&mut self, over: Self) {
        // A file that began as a copy of the defaults repeats them; repeated values do not count as
        // chosen.
        if matches!(over.origin, Origin::File { .. }) && *self == over {
            return;
        }
        match (&mut self.value, over) {
            (Value::Table(below), Self { value: Value::Table(above), .. }) => {
                for (key, node) in above {
                    match below.get_mut(&key) {
                        Some(existing) => existing.lay(node),
                        None => {
                            below.insert(key, node);
                        }
                    }
                }
            }
            (_, over) => *self = over,
        }
    }

    /// Sets a single value at `path`.
    fn lay_at(&mut self, path: &[String], leaf: Self) {
        let mut over = leaf;
        for key in path.iter().rev() {
            let origin = over.origin.clone();
            over = Self { value: Value::Table(BTreeMap::from([(key.clone(), over)])), origin };
        }
        self.lay(over);
    }
}

/// Reads the built-in defaults.
pub(super) fn shipped(text: &str) -> (Node, Vec<Problem>) {
    document(text, "config.toml", &|_| Origin::Shipped)
}

/// Reads a file's text. All syntax errors are returned together with what could be read.
pub(super) fn file(path: &std::path::Path, text: &str) -> (Node, Vec<Problem>) {
    let name = path.display().to_string();
    let path: Arc<PathBuf> = Arc::new(path.to_owned());
    document(text, &name, &|at| Origin::File { path: path.clone(), line: line_of(text, at) })
}

fn document(text: &str, name: &str, place: &dyn Fn(usize) -> Origin) -> (Node, Vec<Problem>) {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut problems: Vec<Problem> = errors
        .iter()
        .map(|error| Problem {
            key: name.to_owned(),
            origin: place(error.span().map_or(0, |span| span.start)),
            message: format!("not TOML: {}", error.message().trim().replace('\n', ", ")),
        })
        .collect();
    // Further errors on a broken line follow from the first one.
    problems.dedup_by(|next, first| next.origin == first.origin);
    let origin = place(0);
    (Node { value: table_value(table.get_ref(), place), origin }, problems)
}

/// Reads `SWITCHBOARD__SECTION__KEY` variables and ignores others.
pub(super) fn variables(all: &BTreeMap<String, Variable>) -> (Node, Vec<Problem>) {
    let mut layer = Node::empty(Origin::Shipped);
    let mut problems = Vec::new();
    for (name, variable) in all {
        let Some(rest) = name.strip_prefix(PREFIX) else { continue };
        let origin = Origin::Variable { name: name.clone(), dotenv: variable.dotenv };
        let path: Vec<String> = rest.split("__").map(str::to_lowercase).collect();
        if path.iter().any(String::is_empty) {
            let message =
                format!("names no key; write section and key joined by two underscores, as {PREFIX}SERVER__BIND");
            problems.push(Problem { key: name.clone(), origin, message });
            continue;
        }
        layer.lay_at(&path, raw(&variable.value, &origin));
    }
    (layer, problems)
}

/// Reads pairs of a dotted key and a value.
pub(super) fn overrides(pairs: &[(String, String)]) -> Node {
    let mut layer = Node::empty(Origin::Override);
    for (key, value) in pairs {
        let path: Vec<String> = key.split('.').map(str::to_owned).collect();
        layer.lay_at(&path, raw(value, &Origin::Override));
    }
    layer
}

/// Reads text from outside TOML: a list or table if it parses as one; otherwise the reader of the
/// key decides.
fn raw(text: &str, origin: &Origin) -> Node {
    let trimmed = text.trim();
    if trimmed.starts_with(['[', '{', '"', '\''])
        && let Ok(value) = DeValue::parse(trimmed)
    {
        return node(&value, &|_| origin.clone());
    }
    Node { value: Value::Raw(text.to_owned()), origin: origin.clone() }
}

fn node(value: &Spanned<DeValue<'_>>, place: &dyn Fn(usize) -> Origin) -> Node {
    let origin = place(value.span().start);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.clone().into_owned()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Other(integer.to_string()),
        },
        DeValue::Float(float) => match float.as_str().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => Value::Other(float.to_string()),
        },
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(date) => Value::Other(date.to_string()),
        DeValue::Array(list) => Value::List(list.iter().map(|entry| node(entry, place)).collect()),
        DeValue::Table(table) => table_value(table, place),
    };
    Node { value, origin }
}

fn table_value(table: &DeTable<'_>, place: &dyn Fn(usize) -> Origin) -> Value {
    let entries = table.iter().map(|(key, value)| {
        // A person looks at the line of the key; a table's value may start elsewhere.
        let entry = Node { origin: place(key.span().start), ..node(value, place) };
        (key.get_ref().clone().into_owned(), entry)
    });
    Value::Table(entries.collect())
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}
