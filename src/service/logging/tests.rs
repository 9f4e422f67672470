use std::sync::{Arc, Mutex};

use env_logger::Target;
use log::{Level, Log as _};

use super::*;

#[test]
fn a_strangers_text_cannot_forge_a_line_of_the_log() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let log = Log { format, ..Log::default() };
        let text =
            logged(&log, None, "switchboard::service::routes", Level::Warn, "refused\n[2026-01-01 INFO] all is well");
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

/// Returns the line that a record produces.
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
