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
mod tests {
    use std::sync::{Arc, Mutex};

    use env_logger::Target;
    use log::{Level, Log as _};

    use super::*;

    #[test]
    fn a_strangers_text_cannot_forge_a_line_of_the_log() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = Log { format, ..Log::default() };
            let text = logged(
                &log,
                None,
                "switchboard::service::routes",
                Level::Warn,
                "refused\n[2026-01-01 INFO] all is well",
            );
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }

    #[test]
    fn others_are_heard_from_warnings_up() {
        let heard = |level, asked, target, of| !logged(&log(level), asked, target, of, "x").is_empty();
        let info = LevelFilter::Info;
        assert!(heard(info, None, "switchboard::service", Level::Info));
        assert!(heard(info, None, "switchboard_actors::call", Level::Info));
        assert!(!heard(info, None, "actix_server", Level::Info));
        assert!(heard(info, None, "actix_server", Level::Warn));
        assert!(heard(LevelFilter::Debug, None, "switchboard::service", Level::Debug));
        assert!(!heard(LevelFilter::Error, None, "actix_server", Level::Warn));
        for nothing in ["", " "] {
            assert!(heard(info, Some(nothing), "switchboard::service", Level::Info), "RUST_LOG set to nothing");
        }
        assert!(!heard(info, Some("error"), "switchboard::service", Level::Info));
        assert!(heard(info, Some("error"), LIFE, Level::Info), "that it lives is always said");
        assert!(heard(LevelFilter::Error, None, LIFE, Level::Info));
    }

    #[test]
    fn a_line_for_programs_is_one_object_with_its_fields() {
        let log = Log { format: LogFormat::Json, level: LevelFilter::Info };
        let text = logged(&log, None, "switchboard::service::routes", Level::Warn, "a \"quoted\" text");
        let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (object["level"].as_str(), object["target"].as_str()),
            (Some("WARN"), Some("switchboard::service::routes"))
        );
        assert_eq!(object["message"], "something happened");
        assert_eq!(object["problem"], "a \"quoted\" text");
        assert_eq!((object["number"].as_u64(), object["level_"].as_str()), (Some(3), Some("forged")));
        assert!(object["time"].as_str().is_some_and(|time| time.ends_with('Z')), "{object}");
    }

    fn log(level: LevelFilter) -> Log {
        Log { level, ..Log::default() }
    }

    /// What becomes of a record.
    fn logged(log: &Log, asked: Option<&str>, target: &str, level: Level, problem: &str) -> String {
        #[derive(Clone, Default)]
        struct Written(Arc<Mutex<Vec<u8>>>);
        impl Write for Written {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().expect("no panic").extend_from_slice(bytes);
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = Written::default();
        let mut builder = builder(log, asked);
        let logger = builder.target(Target::Pipe(Box::new(written.clone()))).build();
        let fields = [("problem", Value::from(problem)), ("number", Value::from(3)), ("level", Value::from("forged"))];
        let record = Record::builder()
            .target(target)
            .level(level)
            .args(format_args!("something happened"))
            .key_values(&fields)
            .build();
        logger.log(&record);
        let bytes = written.0.lock().expect("no panic").clone();
        String::from_utf8(bytes).expect("text")
    }
}
