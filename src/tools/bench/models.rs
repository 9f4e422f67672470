//! What a call costs the service with each protocol of the model, in the same run.
//!
//! Simulated phones call a service of their own process; the embedded model speaks all the time, at
//! the pace of speech. The protocols take turns, round after round, so that a machine that becomes
//! slower does so for all of them.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde::Serialize;
use switchboard_actors::carrier::Carrier;
use tokio::task::{JoinHandle, spawn_local};

use super::load::{BenchArgs, BenchError, Served, free_port, serve, tempdir};
use super::played::Played;
use super::probe;
use crate::tools::phone::{CallReport, Handset, PhoneOptions, Remote, Target, place_call};
use crate::tools::rehearsal::{Rehearsal, RehearsalOptions};

/// The measurements of a run.
#[derive(Debug, Serialize)]
struct Comparison {
    /// The machine, in one line.
    machine: String,
    /// Concurrent calls.
    calls: usize,
    /// Measured seconds of each round.
    seconds: u64,
    /// One row per protocol. The first is what the others are compared with.
    models: Vec<Row>,
}

/// What a protocol costs.
#[derive(Debug, Serialize)]
struct Row {
    protocol: String,
    /// Processor time of the service in ms per second of a call: one figure per round.
    cpu_ms_per_call_s: Vec<f64>,
    median: f64,
    /// The median divided by that of the first row.
    ratio: f64,
}

/// Measures these protocols on `machine` and prints the comparison.
pub(super) async fn compare(
    args: &BenchArgs,
    protocols: &[String],
    machine: String,
    apart: bool,
) -> Result<ExitCode, BenchError> {
    let calls = args.steps.first().copied().unwrap_or(1).max(1);
    let mut measured = vec![Vec::new(); protocols.len()];
    for round in 0..args.rounds.max(1) {
        for (protocol, figures) in protocols.iter().zip(&mut measured) {
            let mut err = std::io::stderr().lock();
            // Progress that cannot be shown is no reason to stop.
            let _ = writeln!(err, "round {} of {}: {protocol}, {calls} calls", round + 1, args.rounds.max(1));
            drop(err);
            figures.push(measure(args, protocol, calls, apart).await?);
        }
    }
    let medians: Vec<f64> = measured.iter().map(|figures| median(figures)).collect();
    let rows = protocols.iter().zip(measured).zip(&medians).map(|((protocol, figures), median)| Row {
        protocol: protocol.clone(),
        cpu_ms_per_call_s: figures,
        median: *median,
        ratio: median / medians[0].max(f64::MIN_POSITIVE),
    });
    let models = rows.collect();
    let comparison = Comparison { machine, calls, seconds: args.seconds, models };
    // A closed stdout has no reader who misses anything.
    let _ = comparison.print(args.json, &mut std::io::stdout().lock());
    Ok(ExitCode::SUCCESS)
}

/// Runs one round with one protocol. Returns the service's ms of processor time per second of a
/// call.
async fn measure(args: &BenchArgs, protocol: &str, calls: usize, apart: bool) -> Result<f64, BenchError> {
    let io = |what| move |source| BenchError::Io { what, source };
    let model = Rehearsal::start(RehearsalOptions::default()).await.map_err(io("start the model"))?;
    let talks_ms = (SET_UP + SETTLING + Duration::from_secs(args.seconds)).as_millis();
    let url = model.url_for(protocol).ok_or_else(|| BenchError::NoProtocol(protocol.to_owned()))?;
    let url = format!("{url}?rehearse=speed_percent:100,answer_ms:{talks_ms}");
    let records = tempdir::Dir::new().map_err(io("make a folder for records"))?;
    let log = args.out.join("service.log");
    let (mut service, webhook) = start(args, protocol, calls, &url, records.path(), &log, apart).await?;
    let phones: Vec<_> = (0..calls).map(|_| dial(args.carrier, &webhook, talks_ms)).collect();
    let talking = async {
        while !phones.iter().all(|(remote, _)| !remote.progress().heard.is_zero()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    if tokio::time::timeout(SET_UP, talking).await.is_err() {
        let number = phones.iter().filter(|(remote, _)| !remote.progress().heard.is_zero()).count();
        return Err(BenchError::SetUp { number, reason: format!("nothing was heard within {SET_UP:?}") });
    }
    tokio::time::sleep(SETTLING).await;
    let (pid, own) = (service.0.id(), std::process::id());
    let processor_time = |pid| probe::processor_time(pid).unwrap_or_default();
    let (before, own_before, began) = (processor_time(pid), processor_time(own), Instant::now());
    tokio::time::sleep(Duration::from_secs(args.seconds)).await;
    let (used, own_used, took) = (processor_time(pid) - before, processor_time(own) - own_before, began.elapsed());
    if !matches!(service.0.try_wait(), Ok(None)) {
        return Err(BenchError::Service("left during the load", log));
    }
    let busy_percent = (100.0 * own_used.as_secs_f64() / took.as_secs_f64()) as u32;
    if apart && busy_percent > 95 {
        return Err(BenchError::GeneratorBusy { calls, busy_percent });
    }
    phones.iter().for_each(|(remote, _)| remote.hang_up());
    let reports = join_all(phones.into_iter().map(|(_, call)| call)).await;
    for (number, report) in reports.into_iter().enumerate() {
        let failures = report.map_or_else(|error| vec![error.to_string()], |report| report.summary.failures);
        if let Some(reason) = failures.into_iter().next() {
            return Err(BenchError::SetUp { number, reason });
        }
    }
    model.stop().await;
    Ok(used.as_secs_f64() * 1000.0 / (calls as f64 * took.as_secs_f64()))
}

/// Starts a service with the model at `url`. Returns it and its voice webhook.
async fn start(
    args: &BenchArgs,
    protocol: &str,
    calls: usize,
    url: &str,
    records: &Path,
    log: &Path,
    apart: bool,
) -> Result<(Served, url::Url), BenchError> {
    let io = |what| move |source| BenchError::Io { what, source };
    let played = Played::new(args.carrier, false).map_err(io("play the carrier"))?;
    let (port, admin) = (free_port().map_err(io("find a port"))?, free_port().map_err(io("find a port"))?);
    let address = format!("127.0.0.1:{port}");
    let mut command = serve(&address, admin, records, calls, apart).map_err(io("find this program"))?;
    command
        .env("SWITCHBOARD__REALTIME__PROVIDER", "rehearsal")
        .env("SWITCHBOARD__REALTIME__REHEARSAL_PROTOCOL", protocol)
        .env("SWITCHBOARD__REALTIME__URL", url)
        .envs(played.environment())
        .env("RUST_LOG", "info");
    // Not every protocol has a choice of formats.
    if args.audio_format != DEFAULT_FORMAT {
        command.env("SWITCHBOARD__REALTIME__AUDIO_FORMAT", &args.audio_format);
    }
    let service = Served::start(command, &address, log).await?;
    played.entry(&address).map(|url| (service, url)).map_err(BenchError::NoCall)
}

/// Places a call of a caller who listens, on a line with noise.
fn dial(carrier: Carrier, webhook: &url::Url, talks_ms: u128) -> (Remote, JoinHandle<CallReport>) {
    let mut options = PhoneOptions::new(Target::Webhook(webhook.clone()));
    options.carrier = carrier;
    options.record = false;
    options.comfort_noise = true;
    options.longest = Duration::from_millis(u64::try_from(talks_ms).unwrap_or(u64::MAX)) + SET_UP;
    options.hangup_after = Some(options.longest);
    let (handset, remote) = Handset::new();
    (remote, spawn_local(place_call(options, handset)))
}

fn median(figures: &[f64]) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

impl Comparison {
    fn print(&self, json: bool, out: &mut impl std::io::Write) -> std::io::Result<()> {
        if json {
            return writeln!(out, "{}", serde_json::to_string_pretty(self).unwrap_or_default());
        }
        writeln!(out, "{}; {} calls, {} s a round\n", self.machine, self.calls, self.seconds)?;
        writeln!(out, "{:>12} {:>10} {:>7}  rounds", "model", "ms/call-s", "ratio")?;
        for row in &self.models {
            let rounds: Vec<String> = row.cpu_ms_per_call_s.iter().map(|figure| format!("{figure:.2}")).collect();
            writeln!(out, "{:>12} {:>10.2} {:>7.2}  {}", row.protocol, row.median, row.ratio, rounds.join(" "))?;
        }
        Ok(())
    }
}

/// Maximum wait until every caller hears the agent.
const SET_UP: Duration = Duration::from_secs(20);
/// The time between the last set-up and the measurement.
const SETTLING: Duration = Duration::from_secs(2);
/// The format of the configuration's default.
pub(super) const DEFAULT_FORMAT: &str = "pcm24k";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_model_is_what_the_others_are_compared_with() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[1.0, 3.0]), median(&[])), (2.0, 2.0, 0.0));
        let row = |protocol: &str, median, ratio| Row {
            protocol: protocol.to_owned(),
            cpu_ms_per_call_s: vec![median],
            median,
            ratio,
        };
        let models = vec![row("realtime", 2.0, 1.0), row("live", 2.2, 1.1)];
        let comparison = Comparison { machine: "a machine".to_owned(), calls: 8, seconds: 5, models };
        let mut text = Vec::new();
        comparison.print(false, &mut text).expect("a buffer");
        let text = String::from_utf8(text).expect("text");
        assert!(text.contains("live       2.20    1.10  2.20"), "{text}");
        let mut json = Vec::new();
        comparison.print(true, &mut json).expect("a buffer");
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(json["models"][1]["ratio"], 1.1);
    }
}
