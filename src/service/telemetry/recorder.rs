//! The recorder behind `/metrics`, made from the table of metrics.

use std::fmt::Write;
use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Label, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::process;
use super::table::{Kind, METRICS, Metric, Values};
use crate::service::config::{CONTROL, Config};

/// A handle on everything counted so far.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Renders the text that Prometheus reads: every metric of the table with its help and type,
    /// even if it has no series yet.
    pub fn render(&self) -> String {
        let mut text = self.0.render();
        for metric in METRICS {
            let line = |kind: &str| format!("# TYPE {} {kind}\n", metric.name);
            match metric.kind {
                // The recorder's own counters hold whole numbers only.
                Kind::Amount => text = text.replacen(&line("gauge"), &line("counter"), 1),
                Kind::Counter | Kind::Gauge | Kind::Measurement | Kind::Histogram(_) => {}
            }
            let typed = line(metric.kind.word());
            if !text.contains(&typed) {
                let _ = write!(text, "# HELP {} {}\n{typed}\n", metric.name, metric.help);
            }
        }
        text
    }
}

/// Installs the metrics recorder and returns its handle. Every call in a process returns the same
/// handle, so that tests may build the service many times. Every metric exists from the start, with
/// every series whose labels are known: a dashboard sees 0 instead of a gap, and an alert on a rate
/// sees the first event.
///
/// A separate thread folds the histograms' samples every few seconds, since otherwise a service
/// that is not scraped would keep each sample. The same thread reads the state of the process.
/// Neither delays a call.
///
/// # Panics
/// If another recorder was installed in this process (only this function installs one), or if the
/// system grants no thread at the start.
pub fn install() -> Metrics {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        let recorder = recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).expect("the only recorder of this process is installed here, once");
        METRICS.iter().for_each(begin);
        gauge!("switchboard_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        process::look();
        look_after(handle.clone());
        handle
    });
    Metrics(handle.clone())
}

/// Starts the series whose labels come from `config` at 0.
pub fn begin_named(config: &Config) {
    let realtime = &config.realtime;
    let fallbacks = realtime.fallbacks.iter().filter_map(|fallback| fallback.model.as_ref());
    let routed = config.routes.iter().filter_map(|route| route.model.as_ref());
    let everywhere: Vec<&String> = realtime.fallback_models.iter().chain(fallbacks).chain(routed).collect();
    for (name, agent) in &config.agents {
        let concerning = config.experiments.iter().filter(|experiment| experiment.variants.contains_key(name));
        let mut variants: Vec<&str> = concerning.map(|experiment| experiment.name.as_str()).collect();
        variants.push(if variants.is_empty() { NO_VARIANT } else { CONTROL });
        for variant in variants {
            let own = agent.model.as_ref().unwrap_or(&realtime.model);
            for model in everywhere.iter().copied().chain([own]) {
                let labels = labels(&[("agent", name), ("model", model), ("variant", variant)]);
                let _ = gauge!("switchboard_spend_usd_total", labels);
            }
            if variant != NO_VARIANT {
                begin_named_by("switchboard_variant_calls_total", &[("variant", variant), ("agent", name)]);
            }
        }
    }
    for destination in config.transfers.keys() {
        begin_named_by("switchboard_transfers_total", &[("destination", destination)]);
    }
}

/// Starts every series of the counter `name` whose first labels are `named`.
fn begin_named_by(name: &'static str, named: &[(&'static str, &str)]) {
    let metric = METRICS.iter().find(|metric| metric.name == name).expect("a row of the table");
    let Some((last, Values::Known(values))) = metric.labels.last().map(|label| (label.name, &label.values)) else {
        return;
    };
    for value in values() {
        let _ = counter!(name, labels(&[named, &[(last, value)]].concat()));
    }
}

fn labels(pairs: &[(&'static str, &str)]) -> Vec<Label> {
    pairs.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect()
}

fn recorder() -> PrometheusRecorder {
    let with_buckets = |builder: PrometheusBuilder, metric: &Metric| match metric.kind {
        Kind::Histogram(buckets) => builder
            .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
            .expect("the lists of buckets in the table are not empty"),
        Kind::Counter | Kind::Amount | Kind::Gauge | Kind::Measurement => builder,
    };
    METRICS.iter().fold(PrometheusBuilder::new(), with_buckets).build_recorder()
}

/// Describes a metric and starts the series whose labels are known.
fn begin(metric: &Metric) {
    let (name, help) = (metric.name, metric.help);
    match metric.kind {
        Kind::Counter => describe_counter!(name, help),
        Kind::Amount | Kind::Gauge | Kind::Measurement => describe_gauge!(name, help),
        Kind::Histogram(_) => describe_histogram!(name, help),
    }
    for series in metric.series() {
        let pairs: Vec<_> = metric.labels.iter().map(|label| label.name).zip(series).collect();
        match metric.kind {
            Kind::Counter => drop(counter!(name, labels(&pairs))),
            Kind::Amount | Kind::Gauge => drop(gauge!(name, labels(&pairs))),
            Kind::Histogram(_) => drop(histogram!(name, labels(&pairs))),
            Kind::Measurement => {}
        }
    }
}

fn look_after(handle: PrometheusHandle) {
    let look = move || {
        loop {
            std::thread::sleep(LOOK_EVERY);
            handle.run_upkeep();
            process::look();
        }
    };
    let thread = std::thread::Builder::new().name("metrics".to_owned());
    thread.spawn(look).expect("a process that has just begun can have a thread");
}

/// The label value of a call without an experiment.
const NO_VARIANT: &str = "none";
/// How often samples are folded and the process is read. A turn leaves a few samples of 8 bytes, so
/// little accumulates in between.
const LOOK_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
