//! What operators see: the log on stderr and the metrics recorder behind `/metrics`.

mod process;
mod recorder;
mod table;

use std::io::{self, Write};

use env_logger::Env;
use env_logger::fmt::Formatter;
use log::kv::{Error, Key, Source, Value, VisitSource};

pub use recorder::{Metrics, begin_named, install};

/// Starts the log: our own crates from info up, everybody else from warn up, unless `RUST_LOG` says otherwise. Called again, or
/// where a test has set up a log of its own, it does nothing.
pub fn start_log() {
    // A log that is there already is as good.
    let _ = log_builder(Env::default()).try_init();
}

fn log_builder(env: Env<'_>) -> env_logger::Builder {
    let mut builder = env_logger::Builder::from_env(env.default_filter_or(FILTERS));
    builder.format_timestamp_millis().format_key_values(write_fields);
    builder
}

/// Fields behind the message as ` name=value`, on one line whatever a value holds: a stranger's text cannot forge a line.
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

/// What is logged unless `RUST_LOG` says otherwise. A filter names the beginning of a target: ours are `switchboard…`.
const FILTERS: &str = "warn,switchboard=info";

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use env_logger::Target;
    use log::{Level, Log, Record};

    use super::*;

    #[test]
    fn a_strangers_text_cannot_forge_a_line_of_the_log() {
        let line = logged("switchboard_actors::wire", Level::Warn, "read\n[ERROR forged]");
        assert_eq!(line.lines().count(), 1, "{line}");
        assert!(line.ends_with("refused problem=\"read\\n[ERROR forged]\"\n"), "{line}");
        assert!(logged("switchboard", Level::Info, "plain").ends_with(" problem=plain\n"));
    }

    #[test]
    fn others_are_heard_from_warnings_up() {
        assert_eq!(logged("actix_server", Level::Info, "x"), "");
        assert_ne!(logged("actix_server", Level::Warn, "x"), "");
        assert_ne!(logged("switchboard_actors", Level::Info, "x"), "");
        assert_eq!(logged("switchboard", Level::Debug, "x"), "");
    }

    fn logged(target: &str, level: Level, problem: &str) -> String {
        #[derive(Clone, Default)]
        struct Sink(Arc<Mutex<Vec<u8>>>);
        impl Write for Sink {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().expect("no test panics while it writes").extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let sink = Sink::default();
        // A variable that nobody sets, so that the tests hear what they expect whatever RUST_LOG is.
        let env = Env::new().filter("SWITCHBOARD_TEST_LOG").write_style("SWITCHBOARD_TEST_LOG_STYLE");
        let logger = log_builder(env).target(Target::Pipe(Box::new(sink.clone()))).build();
        let fields = [("problem", problem)];
        logger.log(
            &Record::builder()
                .target(target)
                .level(level)
                .args(format_args!("refused"))
                .key_values(&fields.as_slice())
                .build(),
        );
        let bytes = sink.0.lock().expect("no test panics while it writes").clone();
        String::from_utf8(bytes).expect("text")
    }
}
