//! `switchboard demo`: runs the service and a caller in one process, places one complete call, and
//! verifies that the conversation happened.

mod likeness;
mod look_up;
mod records;
mod show;
mod turns;

use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
pub use likeness::Likeness;
pub use look_up::LookUp;
use serde::Serialize;
use serde_json::Value;
pub use show::Seen;
use show::Show;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::Part;
use switchboard_actors::realtime::seat::Provider;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::call::{CallReport, place_call};
use super::command::{CarrierName, CommandError};
use super::display::REDRAW;
use super::handset::Handset;
use super::options::{PhoneOptions, Target, carriers, default_carrier};
use super::playout::{AUDIBLE, duration_of, samples_in};
use super::speech::Sentence;
use super::summary::{Summary, Warning};
use super::wav;

/// Start the service with the rehearsal model, call it, and prove that the conversation happened.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = examples())]
pub struct DemoArgs {
    /// What the caller says instead of the bundled sentence: a WAV file of any rate
    #[arg(long, value_name = "FILE")]
    pub wav: Option<PathBuf>,
    /// Whose network the call comes from
    #[arg(long, default_value = default_carrier().name(), value_parser = CarrierName)]
    pub carrier: Carrier,
    /// Which protocol the built-in model speaks
    #[arg(long, value_name = "PROTOCOL", default_value = Provider::protocols().next().unwrap_or_default(),
        value_parser = clap::builder::PossibleValuesParser::new(Provider::protocols()))]
    pub model: String,
    /// The language both sides speak
    #[arg(long, default_value = "en", value_name = "CODE", value_parser = clap::builder::PossibleValuesParser::new(Sentence::languages()))]
    pub language: String,
    /// Where to write what the caller heard [default: next to the records]
    #[arg(long, value_name = "FILE")]
    pub heard: Option<PathBuf>,
    /// Where the records go
    #[arg(long, value_name = "DIR", default_value = "data/calls")]
    pub records: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

fn examples() -> String {
    let others = carriers().filter(|carrier| *carrier != default_carrier());
    let others: String = others.map(|carrier| format!("  switchboard demo --carrier {}\n", carrier.name())).collect();
    format!(
        "\
No keys and no network are needed: the service runs on free ports of this machine with the built-in rehearsal model, which greets \
the caller and says the caller's own words back. No config.toml is read: `switchboard serve` and `switchboard call` rehearse your own.

Exit code: 0 the caller heard the greeting and the answer and the records are complete, 1 not so, 2 bad usage.

Examples:
  switchboard demo
  switchboard demo --language hi --records /tmp/calls
{others}  switchboard demo --wav caller.wav --json"
    )
}

/// The service under demonstration, as far as the demo needs it.
pub trait Stage {
    /// The base URL for carriers: `http://127.0.0.1:port`.
    fn public_url(&self) -> String;
    /// The base URL for operators.
    fn admin_url(&self) -> String;
    /// The address of a carrier's own listener, if its streams are no WebSockets.
    fn packet_addr(&self, carrier: Carrier) -> Option<SocketAddr> {
        let _ = carrier;
        None
    }
    /// Stops the service after its records are written.
    fn stop(self, patience: Duration) -> impl Future<Output = ()>;
}

/// The result of the demo. `--json` prints this.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DemoReport {
    /// Whether every check passed.
    pub passed: bool,
    /// The checks that failed.
    pub problems: Vec<String>,
    /// The states the call went through, as reported by `/calls`.
    pub states: Vec<Seen>,
    /// Seconds of agent audio before the caller spoke.
    pub greeting_seconds: f64,
    /// How well the caller's own words were found in what they heard afterwards.
    pub words: Likeness,
    /// Time from the caller's last word to the beginning of the answer.
    pub answered_after_ms: Option<u64>,
    /// What the look-up said of the caller, as the record has it.
    pub variables: Value,
    /// Path of the transcript.
    pub transcript: Option<PathBuf>,
    /// Path of the queue file.
    pub queue: Option<PathBuf>,
    /// Path of the recording of what the caller heard.
    pub heard: PathBuf,
    /// The call as the phone saw it.
    pub call: Summary,
}

/// Runs the demo. `start` builds the service from the built-in configuration, overridden by these
/// settings.
///
/// # Errors
/// Fails if the service does not start, the sound cannot be read, or a check of the call fails.
pub async fn run_demo<S, F>(args: DemoArgs, start: F) -> Result<DemoReport, CommandError>
where
    S: Stage,
    F: AsyncFnOnce(Vec<(&'static str, String)>) -> Result<S, CommandError>,
{
    let speech: Arc<[i16]> = match &args.wav {
        Some(path) => wav::read(path),
        None => Sentence::in_language(&args.language).map_or_else(|| Ok(Vec::new()), Sentence::samples),
    }
    .map_err(|error| CommandError::Usage(error.to_string()))?
    .into();
    if turns::loudest_dbfs(&speech) < QUIETEST_DBFS {
        let path = args.wav.clone().unwrap_or_default();
        let problem = format!("{} has no speech above {QUIETEST_DBFS} dBFS, so it would not be heard", path.display());
        return Err(CommandError::Usage(problem));
    }
    if let Some(path) = &args.heard {
        wav::may_write(path).map_err(|error| CommandError::Usage(error.to_string()))?;
    }
    let service = start(settings(&args)).await?;
    let entry = args.carrier.fake().map_or("/", |fake| fake.usage().entry);
    let listener = service.packet_addr(args.carrier).map(|address| format!("#{address}")).unwrap_or_default();
    let base = service.public_url();
    let address = format!("{}{entry}?language={}{listener}", base.trim_end_matches('/'), args.language);
    let url: Url = address.parse().map_err(|error| CommandError::Failed(format!("call {address}: {error}")))?;
    let options = PhoneOptions {
        carrier: args.carrier,
        speech: speech.clone(),
        answer_pause: Duration::from_secs(2),
        longest: LONGEST_DEMO,
        ..PhoneOptions::new(Target::Webhook(url))
    };
    let (states, CallReport { summary, heard }) =
        perform(&args, options, service.admin_url().trim_end_matches('/')).await;
    let records = written(&args.records, &summary.call_sid).await;
    service.stop(PATIENCE).await;

    let path = args.heard.clone().unwrap_or_else(|| beside(&args.records, &records, &summary.call_sid));
    let recorded = wav::write(&path, &heard);
    let evidence = Evidence { states, summary, heard: &heard, speech: &speech, records };
    let mut report = evidence.judge(args.wav.is_some(), path);
    report.problems.extend(recorded.err().map(|error| error.to_string()));
    report.passed = report.problems.is_empty();
    print(&report, &args);
    if report.passed {
        Ok(report)
    } else {
        Err(CommandError::Failed(format!("carry the call through: {}", report.problems.join("; "))))
    }
}

/// Returns where the recording lies if nobody says: beside the records and with their name, so that
/// `records erase` and the retention take it too.
fn beside(dir: &Path, records: &records::Records, call: &str) -> PathBuf {
    let transcript = records.transcript.as_deref();
    let stem = transcript.and_then(|path| path.to_str()?.strip_suffix("_transcript.json").map(str::to_owned));
    match stem {
        Some(stem) => format!("{stem}_heard.wav").into(),
        None => dir.join(format!("call_{call}_heard.wav")),
    }
}

/// The settings that differ from the built-in configuration.
fn settings(args: &DemoArgs) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("server.bind", "127.0.0.1:0".into()),
        ("server.public_url", "http://127.0.0.1:0".into()),
        ("admin.bind", "127.0.0.1:0".into()),
        ("realtime.provider", "rehearsal".into()),
        ("realtime.rehearsal_protocol", args.model.clone()),
        ("records.dir", args.records.display().to_string()),
        ("spend.file", String::new()),
    ];
    for (carrier, fake) in carriers().filter_map(|carrier| Some((carrier, carrier.fake()?))) {
        let part = if carrier == args.carrier { Part::Played { secret: None } } else { Part::Aside };
        settings.extend(fake.setup(part).settings);
    }
    settings
}

/// Places the call and displays it until it is over.
async fn perform(args: &DemoArgs, options: PhoneOptions, admin_url: &str) -> (Vec<Seen>, CallReport) {
    let title = format!("Switchboard demo  {}  {}", args.carrier.name(), args.language);
    let mut show = Show::new(title);
    let (states, state) = watch::channel(None);
    let watching = actix_rt::spawn(watch_state(format!("{admin_url}/calls"), states));
    let (handset, remote) = Handset::new();
    let call = place_call(options, handset);
    tokio::pin!(call);
    let report = loop {
        tokio::select! {
            report = &mut call => break report,
            () = sleep(REDRAW) => {}
        }
        show.draw(&remote.progress(), state.borrow().as_deref());
    };
    watching.abort();
    (show.finish(), report)
}

/// Polls the admin listener for the call's state.
async fn watch_state(url: String, states: watch::Sender<Option<String>>) {
    let client = awc::Client::default();
    loop {
        let asked = async {
            let body = client.get(&url).send().await.ok()?.body().await.ok()?;
            let calls: Value = serde_json::from_slice(&body).ok()?;
            calls["calls"][0]["state"].as_str().map(ToOwned::to_owned)
        };
        if let Ok(Some(state)) = timeout(Duration::from_secs(1), asked).await {
            states.send_replace(Some(state));
        }
        sleep(POLL).await;
    }
}

/// Returns the call's records as soon as they are complete, or their state at the timeout.
async fn written(dir: &Path, id: &str) -> records::Records {
    let began = Instant::now();
    loop {
        let records = records::check(dir, id);
        if records.problems.is_empty() || began.elapsed() > PATIENCE {
            return records;
        }
        sleep(POLL).await;
    }
}

/// The data that a call is judged by.
struct Evidence<'a> {
    states: Vec<Seen>,
    summary: Summary,
    /// What the caller heard, from the stream's start.
    heard: &'a [i16],
    /// What the caller said.
    speech: &'a [i16],
    records: records::Records,
}

impl Evidence<'_> {
    /// Judges the call. For the user's own recording, which has pauses in it, one turn has to come
    /// back: the caller may talk over the answers to the others. `path` is where the recording is.
    fn judge(self, own_recording: bool, path: PathBuf) -> DemoReport {
        let mut call = self.summary;
        let mut problems = call.failures.clone();
        let warned = |warning: &Warning| format!("the carrier would warn: {} {}", warning.code, warning.text);
        problems.extend(call.warnings.iter().map(warned));
        let spoke_at = call.spoke_from_ms.map(|ms| samples_in(Duration::from_millis(ms)) as usize);
        let (before, after) = self.heard.split_at(spoke_at.unwrap_or(usize::MAX).min(self.heard.len()));
        let greeting = audible(before);
        if greeting < SHORTEST_GREETING {
            problems.push(format!(
                "the caller heard {greeting:.1} s of greeting, expected at least {SHORTEST_GREETING:.1} s"
            ));
        }
        let turns =
            if own_recording { turns::turns(self.speech) } else { std::iter::once(0..self.speech.len()).collect() };
        let found = turns.into_iter().map(|turn| (likeness::likeness(&self.speech[turn.clone()], after), turn.end));
        let best = found.max_by(|(one, _), (other, _)| one.share.total_cmp(&other.share));
        let (words, said_until) = best.unwrap_or_default();
        if words.share < SENTENCE_SHARE {
            problems.push(format!(
                "the caller heard {:.0} % of the own words come back, expected at least {:.0} %",
                words.share * 100.0,
                SENTENCE_SHARE * 100.0
            ));
        }
        problems.extend(self.records.problems);
        let spoke_for_ms = duration_of(said_until as u64).as_millis() as u64;
        call.heard_wav = Some(path.clone());
        DemoReport {
            passed: problems.is_empty(),
            problems,
            states: self.states,
            greeting_seconds: greeting,
            words,
            answered_after_ms: words.begins_ms.and_then(|begins| begins.checked_sub(spoke_for_ms)),
            variables: self.records.variables,
            transcript: self.records.transcript,
            queue: self.records.queue,
            heard: path,
            call,
        }
    }
}

/// Seconds in which something was audible, measured in pieces of 20 ms.
fn audible(samples: &[i16]) -> f64 {
    let loud = samples.chunks(160).filter(|piece| piece.iter().any(|sample| sample.unsigned_abs() > AUDIBLE));
    loud.count() as f64 * 0.02
}

/// Prints the report on stdout. A closed pipe does not count as a failed demo.
fn print(report: &DemoReport, args: &DemoArgs) {
    let text =
        if args.json { serde_json::to_string_pretty(report).unwrap_or_default() + "\n" } else { text(report, args) };
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn text(report: &DemoReport, args: &DemoArgs) -> String {
    let shown = |path: &Option<PathBuf>| path.as_ref().map_or("missing".into(), |path| path.display().to_string());
    let said = match &args.wav {
        Some(path) => path.display().to_string(),
        None => {
            Sentence::in_language(&args.language).map_or_else(String::new, |sentence| format!("“{}”", sentence.text))
        }
    };
    let states: Vec<&str> = report.states.iter().map(|seen| seen.state.as_str()).collect();
    let call = &report.call;
    let mut text = String::from("\n");
    let mut line = |label: &str, value: String| text.push_str(&format!("{label:<12}{value}\n"));
    line(
        "Call",
        format!(
            "{} ({}), {:.1} s, ended by the {}",
            call.call_sid,
            call.carrier,
            call.duration_ms as f64 / 1e3,
            call.ended_by.word()
        ),
    );
    line("States", states.join(" → "));
    let first = call.time_to_first_sound_ms.map_or("never".into(), |ms| format!("after {ms} ms"));
    line("Greeting", format!("{first}, {:.1} s of it heard", report.greeting_seconds));
    if let Some(name) = report.variables["caller_name"].as_str() {
        line("Look-up", format!("asked who is calling; it said {name}, and the agent greets by name"));
    }
    line("Caller", said);
    line(
        "Answer",
        format!(
            "{}, with {:.0} % of the caller's own words (correlation {:.2})",
            report.answered_after_ms.map_or("never".into(), |ms| format!("{ms} ms after the last word")),
            report.words.share * 100.0,
            report.words.correlation,
        ),
    );
    line("Transcript", shown(&report.transcript));
    line("Queue file", shown(&report.queue));
    line("Recording", report.heard.display().to_string());
    let verdict = if report.passed { "the call went through" } else { "the call did not go as it has to" };
    line("Verdict", verdict.into());
    text
}

/// Interval between two requests for the call's state.
const POLL: Duration = Duration::from_millis(100);
/// Maximum time to wait for the records, and for the service to stop.
const PATIENCE: Duration = Duration::from_secs(10);
/// Maximum length of a demo.
const LONGEST_DEMO: Duration = Duration::from_secs(120);
/// A recording whose loudest moment is below this counts as silence on a telephone line.
const QUIETEST_DBFS: f64 = -45.0;
/// A greeting shorter than this, in seconds, counts as a click.
const SHORTEST_GREETING: f64 = 0.5;
/// The share of a sentence that has to come back: all but its first or last piece.
const SENTENCE_SHARE: f64 = 0.7;

#[cfg(test)]
mod tests;
