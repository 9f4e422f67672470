//! What operators see: the log on stderr and the metrics recorder behind `/metrics`.

use std::io::{self, Write};
use std::sync::OnceLock;

use env_logger::fmt::Formatter;
use log::LevelFilter;
use log::kv::{Error, Key, Source, Value, VisitSource};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Starts the log: our own crates from info up, everybody else from warn up, unless `RUST_LOG` says otherwise. Called again, or
/// where a test has set up a log of its own, it does nothing.
pub fn start_log() {
    let mut builder = env_logger::Builder::new();
    builder
        .filter_level(LevelFilter::Warn)
        .filter_module("switchboard", LevelFilter::Info)
        .parse_default_env()
        .format_timestamp_millis()
        .format_key_values(write_fields);
    // A log that is there already is as good.
    let _ = builder.try_init();
}

/// Installs the metrics recorder and returns its handle; every call in a process returns the same one, so that tests may build
/// the service many times. Metrics without labels are there from the start, so that a dashboard sees 0 and not a gap.
///
/// `PrometheusHandle::run_upkeep` has to be called now and then, or histograms keep every sample: each `/metrics` does it by
/// rendering, and whoever serves calls without being scraped does it on a timer.
///
/// # Panics
/// When another recorder was installed in this process, which only this function does.
pub fn install() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            let recorder = recorder();
            let handle = recorder.handle();
            metrics::set_global_recorder(recorder).expect("the only recorder of this process is installed here, once");
            describe();
            gauge!("switchboard_calls_active").set(0.0);
            for direction in ["in", "out"] {
                counter!("switchboard_audio_frames_total", "direction" => direction).absolute(0);
            }
            handle
        })
        .clone()
}

fn recorder() -> metrics_exporter_prometheus::PrometheusRecorder {
    let buckets = [
        ("switchboard_call_setup_seconds", SETUP.as_slice()),
        ("switchboard_turn_latency_seconds", TURN.as_slice()),
        ("switchboard_barge_in_seconds", BARGE_IN.as_slice()),
    ];
    buckets
        .into_iter()
        .fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
            let matcher = Matcher::Full(name.to_owned());
            builder.set_buckets_for_metric(matcher, buckets).expect("the lists of buckets below are not empty")
        })
        .build_recorder()
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
    describe_counter!("switchboard_audio_frames_total", "Audio frames, in from callers and out to callers.");
    describe_counter!("switchboard_audio_frames_dropped_total", "Audio frames dropped, by direction and reason.");
    describe_counter!("switchboard_model_connects_total", "Model sessions: ok, or the class of their loss.");
    describe_counter!("switchboard_model_errors_total", "Complaints of the model's server, by code.");
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

/// Up to the longest wait for a model; a caller hangs up well before the last ones.
const SETUP: [f64; 12] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 15.0];
/// Fine around 0.8 s, where an answer stops feeling immediate.
const TURN: [f64; 14] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 1.5, 2.5, 5.0, 10.0];
/// Ours alone, without network: tens of microseconds when all is well, a frame (20 ms) when something is wrong.
const BARGE_IN: [f64; 10] = [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.02, 0.1];
