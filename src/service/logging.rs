//! The log on stderr: its filters and its format.
//!
//! `RUST_LOG` (<https://docs.rs/env_logger>) overrides `log.level`. An empty `RUST_LOG`, as
//! deployment templates set it, counts as unset.

use std::io::{self, Write};
use std::sync::{PoisonError, RwLock};

use env_logger::Builder;
use env_logger::fmt::Formatter;
use log::kv::{Error, Key, Source, Value, VisitSource};
use log::{LevelFilter, Metadata, Record};
use serde_json::{Map, json};

use crate::service::config::{Log, LogFormat};

/// Starts the log. A second call, or a call after a test has installed its own logger, does
/// nothing.
pub fn start(log: &Log) {
    // An existing logger serves as well.
    if log::set_logger(&CURRENT).is_ok() {
        renew(log);
    }
}

/// Puts another level or format in force. `RUST_LOG` still overrides the level.
pub fn renew(log: &Log) {
    let next = builder(log, std::env::var("RUST_LOG").ok().as_deref()).build();
    log::set_max_level(next.filter());
    *CURRENT.0.write().unwrap_or_else(PoisonError::into_inner) = Some(next);
}

/// The log of the process. A lock is taken only for lines that the level lets through.
static CURRENT: Current = Current(RwLock::new(None));

struct Current(RwLock<Option<env_logger::Logger>>);

impl log::Log for Current {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        self.with(|logger| logger.enabled(about)).unwrap_or(false)
    }

    fn log(&self, record: &Record<'_>) {
        self.with(|logger| logger.log(record));
    }

    fn flush(&self) {
        self.with(env_logger::Logger::flush);
    }
}

impl Current {
    fn with<T>(&self, act: impl FnOnce(&env_logger::Logger) -> T) -> Option<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(act)
    }
}

/// Returns the filters and the format. `asked` is the value of `RUST_LOG`.
fn builder(log: &Log, asked: Option<&str>) -> Builder {
    let mut builder = Builder::new();
    builder.parse_filters(&filters(log.level, asked));
    match log.format {
        LogFormat::Text => builder.format_timestamp_millis().format_key_values(write_fields),
        LogFormat::Json => builder.format(write_object),
    };
    builder
}

/// Returns the filters. A filter matches the beginning of a target; ours are `switchboard…`. The
/// start and the stop of the service are always logged.
fn filters(level: LevelFilter, asked: Option<&str>) -> String {
    let asked = asked.map(str::trim).filter(|asked| !asked.is_empty());
    let others = level.min(LevelFilter::Warn);
    let filters = asked.map_or_else(|| format!("{others},switchboard={level}"), str::to_owned);
    // The part after a `/` is a pattern for the message. Without the split, our filter would become
    // a part of the pattern.
    match filters.split_once('/') {
        Some((filters, pattern)) => format!("{filters},{LIFE}=info/{pattern}"),
        None => format!("{filters},{LIFE}=info"),
    }
}

/// The target of the lines about the start, the readiness and the stop of the service.
pub const LIFE: &str = "switchboard::life";

/// Writes a record's fields as `name=value` on the record's line. Values with blanks, quotes or
/// control characters are quoted and escaped.
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

/// Writes a record as one JSON object with `time`, `level`, `target`, `message` and the record's
/// fields.
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
            // A field must not replace one of the four standard fields.
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
