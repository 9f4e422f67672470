//! The log on stderr: which lines, and in which form.
//!
//! `RUST_LOG` (<https://docs.rs/env_logger>) goes before `log.level` where it says something; set to nothing, as templates have it,
//! it is not set.

use std::io::{self, Write};

use env_logger::Builder;
use env_logger::fmt::Formatter;
use log::kv::{Error, Key, Source, Value, VisitSource};
use log::{LevelFilter, Record};
use serde_json::{Map, json};

use crate::service::config::{Log, LogFormat};

/// Starts the log. Called again, or where a test has set up a log of its own, it does nothing.
pub fn start(log: &Log) {
    // A log that is there already is as good.
    let _ = builder(log, std::env::var("RUST_LOG").ok().as_deref()).try_init();
}

/// What is logged in which form. `asked` is `RUST_LOG`.
fn builder(log: &Log, asked: Option<&str>) -> Builder {
    let mut builder = Builder::new();
    builder.parse_filters(&filters(log.level, asked));
    match log.format {
        LogFormat::Text => builder.format_timestamp_millis().format_key_values(write_fields),
        LogFormat::Json => builder.format(write_object),
    };
    builder
}

/// A filter names the beginning of a target: ours are `switchboard…`. That the service starts and stops is always said.
fn filters(level: LevelFilter, asked: Option<&str>) -> String {
    let asked = asked.map(str::trim).filter(|asked| !asked.is_empty());
    let others = level.min(LevelFilter::Warn);
    let filters = asked.map_or_else(|| format!("{others},switchboard={level}"), str::to_owned);
    // Behind a `/` stands what a line has to contain, which would be read as part of the last filter.
    match filters.split_once('/') {
        Some((filters, pattern)) => format!("{filters},{LIFE}=info/{pattern}"),
        None => format!("{filters},{LIFE}=info"),
    }
}

/// The target of lines that say that the service starts, is there, and stops.
pub const LIFE: &str = "switchboard::life";

/// Writes a record's fields as `name=value`, each on the record's own line whatever is in it.
fn write_fields(formatter: &mut Formatter, fields: &dyn Source) -> io::Result<()> {
    struct Fields<'a>(&'a mut Formatter);
    impl<'kvs> VisitSource<'kvs> for Fields<'_> {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
            let text = value.to_string();
            let plain = !text.is_empty() && text.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != '"');
            if plain {
                write!(self.0, " {key}={text}")?;
            } else {
                write!(self.0, " {key}={text:?}")?;
            }
            Ok(())
        }
    }
    fields.visit(&mut Fields(formatter)).map_err(io::Error::other)
}

/// Writes a record as one JSON object: `time`, `level`, `target`, `message`, and its fields beside them.
fn write_object(formatter: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    struct Fields(Map<String, serde_json::Value>);
    impl<'kvs> VisitSource<'kvs> for Fields {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
            let value = if let Some(flag) = value.to_bool() {
                json!(flag)
            } else if let Some(number) = value.to_u64() {
                json!(number)
            } else if let Some(number) = value.to_i64() {
                json!(number)
            } else if let Some(number) = value.to_f64() {
                json!(number)
            } else {
                json!(value.to_string())
            };
            let taken = self.0.contains_key(key.as_str());
            // A field must not stand in for what every line has.
            let name = if taken { format!("{key}_") } else { key.to_string() };
            self.0.insert(name, value);
            Ok(())
        }
    }
    let mut object = Map::new();
    object.insert("time".to_owned(), formatter.timestamp_millis().to_string().into());
    object.insert("level".to_owned(), record.level().as_str().into());
    object.insert("target".to_owned(), record.target().into());
    object.insert("message".to_owned(), record.args().to_string().into());
    let mut fields = Fields(object);
    record.key_values().visit(&mut fields).map_err(io::Error::other)?;
    writeln!(formatter, "{}", serde_json::Value::Object(fields.0))
}

#[cfg(test)]
mod tests;
