//! What operators see: the log on stderr and the metrics recorder behind `/metrics`.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::Duration;

use env_logger::Env;
use env_logger::fmt::Formatter;
use log::kv::{Error, Key, Source, Value, VisitSource};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

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

/// Installs the metrics recorder and returns its handle; every call in a process returns the same one, so that tests may build
/// the service many times. Metrics without labels are there from the start, so that a dashboard sees 0 and not a gap.
///
/// A thread of its own folds the histograms' samples now and then: a service that nobody scrapes would keep each of them.
///
/// # Panics
/// When another recorder was installed in this process, which only this function does, or no thread can be had at the start.
pub fn install() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).expect("the only recorder of this process is installed here, once");
            describe();
            gauge!("switchboard_calls_active").set(0.0);
            let _ = (histogram!("switchboard_call_setup_seconds"), histogram!("switchboard_barge_in_seconds"));
            for direction in ["in", "out"] {
                counter!("switchboard_audio_frames_total", "direction" => direction).absolute(0);
            }
            for why in ["failed", "late"] {
                counter!("switchboard_transcriptions_missing_total", "why" => why).absolute(0);
            }
            fold_samples(handle.clone());
            handle
        })
        .clone()
}

fn recorder() -> metrics_exporter_prometheus::PrometheusRecorder {
    let buckets = [
        ("switchboard_call_setup_seconds", SETUP.as_slice()),
        ("switchboard_turn_latency_seconds", TURN.as_slice()),
        ("switchboard_barge_in_seconds", BARGE_IN.as_slice()),
        ("switchboard_model_gap_seconds", SETUP.as_slice()),
        ("switchboard_loop_lag_seconds", LAG.as_slice()),
    ];
    buckets
        .into_iter()
        .fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
            let matcher = Matcher::Full(name.to_owned());
            builder.set_buckets_for_metric(matcher, buckets).expect("the lists of buckets below are not empty")
        })
        .build_recorder()
}

fn fold_samples(handle: PrometheusHandle) {
    let fold = move || {
        loop {
            std::thread::sleep(FOLD_EVERY);
            handle.run_upkeep();
        }
    };
    let thread = std::thread::Builder::new().name("metrics".to_owned());
    thread.spawn(fold).expect("a process that has just begun can have a thread");
}

fn describe() {
    describe_gauge!("switchboard_calls_active", "Calls with a live stream.");
    describe_counter!("switchboard_calls_total", "Calls that ended, by carrier and ending.");
    describe_counter!("switchboard_calls_refused_total", "Webhooks, sockets and streams turned away, by reason.");
    describe_histogram!(
        "switchboard_call_setup_seconds",
        Unit::Seconds,
        "From a stream's start to the first frame sent to the caller."
    );
    describe_histogram!("switchboard_turn_latency_seconds", Unit::Seconds, "A caller's wait for an answer, by part.");
    describe_histogram!(
        "switchboard_barge_in_seconds",
        Unit::Seconds,
        "From the model's report that the caller speaks to our clear at the carrier."
    );
    describe_histogram!(
        "switchboard_loop_lag_seconds",
        Unit::Seconds,
        "How late a thread comes to what is due, by thread."
    );
    describe_counter!("switchboard_audio_frames_total", "Audio frames, in from callers and out to callers.");
    describe_counter!("switchboard_audio_frames_dropped_total", "Audio frames dropped, by direction and reason.");
    describe_counter!("switchboard_model_connects_total", "Model sessions: ok, or the class of their loss.");
    describe_counter!(
        "switchboard_model_takeovers_total",
        "Model sessions that took the place of another in a call: failover after a loss, rotation before an expiry."
    );
    describe_histogram!("switchboard_model_gap_seconds", Unit::Seconds, "How long a call had no model session.");
    describe_counter!(
        "switchboard_model_canary_total",
        "Sessions opened without a call: ok, or the class of their loss."
    );
    describe_gauge!("switchboard_model_reachable", "Whether the canary got a session: 1 or 0.");
    describe_counter!("switchboard_model_errors_total", "Complaints of the model's server, by code.");
    describe_counter!(
        "switchboard_transcriptions_missing_total",
        "Turns of callers without words: their transcription failed, or was not there after five seconds."
    );
    describe_gauge!(
        "switchboard_spend_usd_total",
        "US dollars spent since the start, by agent, model and variant; only grows."
    );
    describe_gauge!("switchboard_spend_day_usd", "US dollars spent today (UTC).");
    describe_gauge!("switchboard_spend_killed", "Whether the kill switch is on.");
    describe_counter!("switchboard_spend_limits_total", "Limits of what may be spent that were reached.");
    describe_counter!(
        "switchboard_variant_calls_total",
        "Calls that experiments concern, by variant, agent and ending."
    );
    describe_counter!("switchboard_records_total", "Records: written, recovered, deferred to their journal, failed.");
    describe_counter!("switchboard_records_failed_total", "Steps of a record that the disk refused; tried again.");
    describe_counter!("switchboard_journal_gaps_total", "Entries that did not go into a journal; the record has them.");
    describe_counter!("switchboard_records_removed_total", "Files removed by the limits of records, by kind.");
    describe_counter!("switchboard_incidents_total", "What went wrong in calls, by kind; the records say in which.");
    describe_counter!("switchboard_webhook_deliveries_total", "Webhook deliveries, by result.");
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
/// How often samples are folded: a turn leaves a few samples of 8 bytes, so little is kept between.
const FOLD_EVERY: Duration = Duration::from_secs(5);
/// Up to the longest wait for a model; a caller hangs up well before the last ones.
const SETUP: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 15.0];
/// Fine around 0.8 s, where an answer stops feeling immediate.
const TURN: [f64; 14] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0];
/// Ours alone, without network: tens of microseconds when all is well, a frame (20 ms) when something is wrong.
const BARGE_IN: [f64; 10] = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.1];
/// The runtime's timers are due to the millisecond; 2 ms at p99 is well, 20 ms is a frame late.
const LAG: [f64; 9] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use env_logger::Target;
    use log::{Level, Log, Record};

    use super::*;

    #[test]
    fn metrics_are_there_from_the_start_and_installed_once() {
        let handle = install();
        counter!("switchboard_calls_refused_total", "reason" => "full").increment(2);
        histogram!("switchboard_barge_in_seconds").record(0.000_2);
        for rendered in [handle.render(), install().render()] {
            for line in [
                "switchboard_calls_active 0",
                "switchboard_audio_frames_total{direction=\"in\"} 0",
                "switchboard_audio_frames_total{direction=\"out\"} 0",
                "switchboard_calls_refused_total{reason=\"full\"} 2",
                "switchboard_barge_in_seconds_bucket{le=\"0.0001\"} 0",
                "switchboard_barge_in_seconds_bucket{le=\"0.00025\"} 1",
                "# HELP switchboard_calls_active Calls with a live stream.",
            ] {
                assert!(rendered.lines().any(|rendered| rendered == line), "{line}\nis not in\n{rendered}");
            }
        }
    }

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
