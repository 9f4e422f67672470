//! `switchboard call`: runs the simulated phone against a running service.

mod help;
mod table;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use switchboard_actors::carrier::fake::Fault;
use switchboard_actors::carrier::{Carrier, Keys};
use switchboard_actors::ids::Private;
use tokio::time::{Instant, sleep};
use url::Url;

use super::call::{CallReport, place_call};
use super::display::{self, Line};
use super::handset::{Handset, Progress, Remote};
use super::options::{DialOutcome, PhoneOptions, Target, default_carrier};
use super::playout::AUDIBLE;
use super::speech::Sentence;
use super::summary::Summary;
use super::wav;
use table::print;
pub(crate) use values::{CarrierName, carrier};
use values::{FaultName, key, parameter, ramp, said, socket_url, time, token, webhook_url};

/// Call a running service as the carrier would.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = help::examples(), group = clap::ArgGroup::new("target").required(true).args(["url", "stream"]))]
pub struct CallArgs {
    /// Where the service is called, as its carrier knows it
    #[arg(long, value_name = "URL", value_parser = webhook_url, help = help::url())]
    pub url: Option<Url>,
    /// Straight to the media stream, without asking a webhook
    #[arg(long, value_name = "URL", value_parser = socket_url)]
    pub stream: Option<Url>,
    /// Whose network the call comes from
    #[arg(long, default_value = default_carrier().name(), value_parser = CarrierName)]
    pub carrier: Carrier,
    /// What the caller says: a WAV file of any rate, mono or stereo
    #[arg(long, value_name = "FILE")]
    pub wav: Option<PathBuf>,
    /// What the caller says without --wav: the bundled sentence of this language, or nothing
    #[arg(long, value_name = "CODE", default_value = "en", conflicts_with = "wav", value_parser = clap::builder::PossibleValuesParser::new(said()))]
    pub say: String,
    /// Where to write what the caller heard: 8 kHz, from the start of the stream. Several calls get
    /// a number each
    #[arg(long, value_name = "FILE")]
    pub heard: Option<PathBuf>,
    /// When the caller begins to speak, after the start of the stream [default: when the greeting
    /// is over]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub speak_at: Option<Duration>,
    /// The caller's number
    #[arg(long, default_value = "+15550100001", value_name = "NUMBER")]
    pub from: String,
    /// The dialled number
    #[arg(long, default_value = "+15550100002", value_name = "NUMBER")]
    pub to: String,
    /// The account the call belongs to [default: one of the carrier's form]
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
    /// Keys the caller presses, each after the start of the stream: 3s:1,5s:#
    #[arg(long, value_name = "KEYS", value_delimiter = ',', value_parser = key)]
    pub dtmf: Vec<(Duration, char)>,
    /// When the caller hangs up, after the start of the stream [default: see below]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub hangup_after: Option<Duration>,
    /// Longest duration of a call
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub longest: Duration,
    /// Sign requests and the upgrade with this token, as the carrier does
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    pub auth_token: Option<Private<String>>,
    /// A custom parameter of the stream, with --stream; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter, conflicts_with = "url")]
    pub parameters: Vec<(String, String)>,
    /// How a dialled callee behaves
    #[arg(long, value_enum, default_value_t)]
    pub dial_outcome: DialOutcome,
    /// What the carrier does wrong
    #[arg(long = "fault", value_name = "FAULTS", value_delimiter = ',', value_parser = FaultName, help = help::faults())]
    pub faults: Vec<Fault>,
    /// Noise between the words instead of digital silence
    #[arg(long)]
    pub comfort_noise: bool,
    /// Certificate authorities (PEM) to trust in addition to the public ones
    #[arg(long, value_name = "FILE")]
    pub authorities: Option<PathBuf>,
    /// Number of concurrent calls
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub calls: u16,
    /// Calls placed per second, with --calls
    #[arg(long, value_name = "R", default_value_t = 10.0, value_parser = ramp)]
    pub ramp: f64,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

/// Why a command failed. The message follows "failed to".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The arguments are impossible; nothing was started.
    #[error("{0}")]
    Usage(String),
    /// The command failed while running.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// The process exit code for this error.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
        }
    }
}

/// Places the calls, displays them and prints their summaries.
///
/// # Errors
/// Fails if the sound file cannot be used, a call failed, or a recording cannot be written.
pub async fn run(args: CallArgs) -> Result<(), CommandError> {
    let options = args.options().map_err(CommandError::Usage)?;
    let count = usize::from(args.calls);
    if let Some(path) = &args.heard {
        let path = if count == 1 { path.clone() } else { numbered(path, 1) };
        wav::may_write(&path).map_err(|error| CommandError::Usage(error.to_string()))?;
    }
    let mut reports = place_all(&options, count, args.ramp).await;
    let mut problems = Vec::new();
    for (index, report) in reports.iter_mut().enumerate() {
        report.summary.answered_after_ms = answered_after(&report.summary, &report.heard);
        if let Some(path) = &args.heard {
            let path = if count == 1 { path.clone() } else { numbered(path, index + 1) };
            match wav::write(&path, &report.heard) {
                Ok(()) => report.summary.heard_wav = Some(path),
                Err(error) => problems.push(error.to_string()),
            }
        }
    }
    let summaries: Vec<Summary> = reports.into_iter().map(|report| report.summary).collect();
    // Every call was refused, so there is nothing to summarise.
    let unheard = summaries.iter().all(|summary| summary.failures.iter().any(|failure| is_refused(failure)));
    if args.json || !unheard {
        print(&summaries, args.json);
    }
    let failed = summaries.iter().filter(|summary| !summary.succeeded()).count();
    if failed > 0 {
        let first = summaries.iter().find_map(|summary| summary.failures.first()).map_or("", String::as_str);
        problems.insert(
            0,
            if count == 1 {
                first.to_owned()
            } else {
                format!("carry {failed} of {count} calls through; the first failed to {first}")
            },
        );
    }
    match problems.first() {
        None => Ok(()),
        Some(problem) if unheard => {
            Err(CommandError::Failed(format!("{problem}; nothing listens there: is `switchboard serve` running?")))
        }
        Some(problem) => Err(CommandError::Failed(problem.clone())),
    }
}

impl CallArgs {
    /// Builds the options of one call.
    fn options(&self) -> Result<PhoneOptions, String> {
        let target = match (&self.url, &self.stream) {
            (Some(url), None) => Target::Webhook(url.clone()),
            (None, Some(url)) => Target::Stream(url.clone()),
            // Clap enforces this on the command line; other code may build the arguments itself.
            _ => return Err("choose what to call: --url or --stream, one of them".into()),
        };
        let faults = self.carrier.fake().map(|fake| fake.faults()).unwrap_or_default();
        if self.faults.iter().any(|fault| !faults.contains(fault)) {
            return Err(format!("--fault goes with --carrier {}", help::with_faults()));
        }
        if self.carrier.capabilities().keys == Keys::Unreported && !self.dtmf.is_empty() {
            return Err(format!("{} tells of no keys: leave --dtmf out", self.carrier.name()));
        }
        let speech: Arc<[i16]> = match &self.wav {
            Some(path) => wav::read(path).map_err(|error| error.to_string())?.into(),
            None => match Sentence::in_language(&self.say) {
                Some(sentence) => sentence.samples().map_err(|error| error.to_string())?.into(),
                None => Arc::new([]),
            },
        };
        Ok(PhoneOptions {
            carrier: self.carrier,
            speech,
            speak_at: self.speak_at,
            dtmf: self.dtmf.clone(),
            hangup_after: self.hangup_after,
            longest: self.longest,
            comfort_noise: self.comfort_noise,
            from: self.from.clone(),
            to: self.to.clone(),
            account: self.account.clone(),
            auth_token: self.auth_token.clone(),
            parameters: self.parameters.iter().cloned().collect(),
            dial_outcome: self.dial_outcome,
            faults: self.faults.clone(),
            record: self.heard.is_some() || self.calls <= MOST_LISTENED_TO,
            authorities: self.authorities.clone(),
            ..PhoneOptions::new(target)
        })
    }
}

/// Places `count` calls, `ramp` per second, and displays them until all are over.
async fn place_all(options: &PhoneOptions, count: usize, ramp: f64) -> Vec<CallReport> {
    let line = Line::new();
    let began = Instant::now();
    let mut remotes: Vec<Remote> = Vec::with_capacity(count);
    let mut running = Vec::with_capacity(count);
    let mut interrupts = 0;
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        let due = (began.elapsed().as_secs_f64() * ramp) as usize + 1;
        while interrupts == 0 && remotes.len() < due.min(count) {
            let (handset, remote) = Handset::new();
            remotes.push(remote);
            running.push(actix_rt::spawn(place_call(options.clone(), handset)));
        }
        let placed_all = remotes.len() == count || interrupts > 0;
        if placed_all && running.iter().all(|call| call.is_finished()) || interrupts > 1 {
            break;
        }
        tokio::select! {
            () = sleep(display::REDRAW) => {}
            // Without a signal handler, Ctrl-C ends the process as usual.
            Ok(()) = &mut interrupted => {
                interrupts += 1;
                interrupted.set(tokio::signal::ctrl_c());
                remotes.iter().for_each(Remote::hang_up);
                line.keep("hanging up; once more to leave at once");
            }
        }
        line.draw(show(&remotes, count));
    }
    line.clear();
    let mut reports = Vec::with_capacity(running.len());
    for call in running {
        if !call.is_finished() {
            call.abort();
        }
        reports.push(call.await.unwrap_or_else(|error| abandoned(&error.to_string())));
    }
    reports
}

fn show(remotes: &[Remote], expected: usize) -> String {
    let calls: Vec<Progress> = remotes.iter().map(Remote::progress).collect();
    match &calls[..] {
        [only] if expected == 1 => display::one_call(only),
        calls => display::many_calls(calls, expected),
    }
}

/// How long the caller waited for an answer: from their last word to the first sound after it.
fn answered_after(summary: &Summary, heard: &[i16]) -> Option<u64> {
    let silent_from = summary.spoke_until_ms?;
    let rest = heard.get(usize::try_from(silent_from).ok()?.checked_mul(8)?..)?;
    let pieces = rest.chunks(160).position(|piece| piece.iter().any(|sample| sample.unsigned_abs() > AUDIBLE));
    pieces.map(|pieces| pieces as u64 * 20)
}

/// Whether a failure says that nothing listens at the address.
fn is_refused(failure: &str) -> bool {
    failure.to_lowercase().contains("connection refused")
}

/// The report of a call that was abandoned midway.
fn abandoned(reason: &str) -> CallReport {
    let failures = vec![format!("finish the call: {reason}")];
    CallReport { summary: Summary { failures, ..Summary::default() }, heard: Vec::new() }
}

/// Inserts the number: `heard.wav` → `heard-0007.wav`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number:04}{extension}"))
}

/// Maximum number of concurrent calls whose audio is kept in memory to measure their answer times.
const MOST_LISTENED_TO: u16 = 20;

#[cfg(test)]
mod tests;
