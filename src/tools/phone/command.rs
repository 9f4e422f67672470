//! `switchboard call`: the simulated phone against a running service.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use switchboard_actors::carrier::{Carrier, Keys, twilio};
use switchboard_actors::ids::Private;
use tokio::time::{Instant, sleep};
use url::Url;

use super::call::{CallReport, place_call};
use super::display::{self, Line};
use super::handset::{Handset, Progress, Remote};
use super::options::{DialOutcome, Fault, PhoneOptions, Target};
use super::playout::AUDIBLE;
use super::speech::Sentence;
use super::summary::Summary;
use super::wav;

/// Call a running service as the carrier would.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = EXAMPLES, group = clap::ArgGroup::new("target").required(true).args(["url", "stream"]))]
pub struct CallArgs {
    /// The voice webhook, whose TwiML is obeyed; with --carrier waybeo, where the service is: /waybeo/ws is added
    #[arg(long, value_name = "URL", value_parser = webhook_url)]
    pub url: Option<Url>,
    /// Straight to the media stream, without asking a webhook
    #[arg(long, value_name = "URL", value_parser = socket_url)]
    pub stream: Option<Url>,
    /// Whose network the call comes from
    #[arg(long, default_value = "twilio", value_parser = CarrierName)]
    pub carrier: Carrier,
    /// What the caller says: a WAV file of any rate, mono or stereo
    #[arg(long, value_name = "FILE")]
    pub wav: Option<PathBuf>,
    /// What the caller says without --wav: the bundled sentence of this language, or nothing
    #[arg(long, value_name = "CODE", default_value = "en", conflicts_with = "wav", value_parser = clap::builder::PossibleValuesParser::new(said()))]
    pub say: String,
    /// Where to write what the caller heard: 8 kHz, from the start of the stream. Several calls get a number each
    #[arg(long, value_name = "FILE")]
    pub heard: Option<PathBuf>,
    /// When the caller begins to speak, after the start of the stream [default: when the greeting is over]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub speak_at: Option<Duration>,
    /// The caller's number
    #[arg(long, default_value = "+15550100001", value_name = "NUMBER")]
    pub from: String,
    /// The dialled number
    #[arg(long, default_value = "+15550100002", value_name = "NUMBER")]
    pub to: String,
    /// The account the call belongs to
    #[arg(long, default_value = super::DEFAULT_ACCOUNT, value_name = "SID")]
    pub account: String,
    /// Keys the caller presses, each after the start of the stream: 3s:1,5s:#
    #[arg(long, value_name = "KEYS", value_delimiter = ',', value_parser = key)]
    pub dtmf: Vec<(Duration, char)>,
    /// When the caller hangs up, after the start of the stream [default: see below]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub hangup_after: Option<Duration>,
    /// No call lasts longer
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub longest: Duration,
    /// Sign requests and the upgrade with this token, as the carrier does
    #[arg(long, value_name = "TOKEN", value_parser = token)]
    pub auth_token: Option<Private<String>>,
    /// A custom parameter of the stream, with --stream; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter, conflicts_with = "url")]
    pub parameters: Vec<(String, String)>,
    /// How a person behaves whom the service dials
    #[arg(long, value_enum, default_value_t)]
    pub dial_outcome: DialOutcome,
    /// What the carrier does wrong, with --carrier waybeo; several separated by commas
    #[arg(long = "fault", value_enum, value_delimiter = ',')]
    pub faults: Vec<Fault>,
    /// Noise between the words instead of digital silence
    #[arg(long)]
    pub comfort_noise: bool,
    /// Certificate authorities (PEM) to trust beside the public ones
    #[arg(long, value_name = "FILE")]
    pub authorities: Option<PathBuf>,
    /// So many calls at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub calls: u16,
    /// Calls placed per second, with --calls
    #[arg(long, value_name = "R", default_value_t = 10.0, value_parser = ramp)]
    pub ramp: f64,
    /// Print the summary as JSON
    #[arg(long)]
    pub json: bool,
}

const EXAMPLES: &str = "\
Unless --hangup-after says otherwise, the caller hangs up when everything has been said and pressed, an answer to it was heard, \
and 4 s of silence followed it; or when no answer came for 12 s. A service that hangs up first is obeyed.

Exit code: 0 the calls went through, 1 something failed (no webhook, no stream, a lost socket), 2 bad usage.

Examples:
  switchboard call --url http://127.0.0.1:8080/twilio/voice --say en --heard heard.wav
  switchboard call --url http://127.0.0.1:8080/twilio/voice --wav caller.wav
  switchboard call --stream ws://127.0.0.1:8080/ws --parameter token=t --dtmf 3s:1,5s:# --hangup-after 20s --json
  switchboard call --url http://127.0.0.1:8080/twilio/voice --wav caller.wav --calls 20 --ramp 5
  switchboard call --carrier waybeo --stream 'ws://127.0.0.1:8080/waybeo/ws?token=t' --wav caller.wav --fault no-stop,no-close";

/// Why a command did not do what it was asked to. The words follow "failed to".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// It was asked for something impossible; nothing was started.
    #[error("{0}")]
    Usage(String),
    /// It failed while running.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// The exit code of the contract.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
        }
    }
}

/// Places the calls, shows them and prints what they came to.
///
/// # Errors
/// When the sound file cannot be used, a call failed, or a recording cannot be written.
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
    // Nobody was there to call: there is nothing to sum up.
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
            Err(CommandError::Failed(format!("{problem}; nobody listens there: is `switchboard serve` running?")))
        }
        Some(problem) => Err(CommandError::Failed(problem.clone())),
    }
}

impl CallArgs {
    /// What one call is to do.
    fn options(&self) -> Result<PhoneOptions, String> {
        let target = match (&self.url, &self.stream) {
            (Some(url), None) => Target::Webhook(url.clone()),
            (None, Some(url)) => Target::Stream(url.clone()),
            // Clap sees to this for the command line; others may build the arguments themselves.
            _ => return Err("choose what to call: --url or --stream, one of them".into()),
        };
        if self.carrier == twilio::CARRIER && !self.faults.is_empty() {
            return Err("--fault goes with --carrier waybeo".into());
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
            account_sid: self.account.clone(),
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

/// Places `count` calls, `ramp` a second, and shows them until all are over.
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
            // Without a signal handler the process is simply ended, as ever.
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

/// How long the caller waited for an answer: from the last word to the first sound behind it.
fn answered_after(summary: &Summary, heard: &[i16]) -> Option<u64> {
    let silent_from = summary.spoke_until_ms?;
    let rest = heard.get(usize::try_from(silent_from).ok()?.checked_mul(8)?..)?;
    let pieces = rest.chunks(160).position(|piece| piece.iter().any(|sample| sample.unsigned_abs() > AUDIBLE));
    pieces.map(|pieces| pieces as u64 * 20)
}

/// Whether a failure says that nobody listens where the call went.
fn is_refused(failure: &str) -> bool {
    failure.to_lowercase().contains("connection refused")
}

/// The report of a call that was left in the middle.
fn abandoned(reason: &str) -> CallReport {
    let failures = vec![format!("finish the call: {reason}")];
    CallReport { summary: Summary { failures, ..Summary::default() }, heard: Vec::new() }
}

/// Prints the summaries on stdout. A reader that went away is no failure of the call.
fn print(summaries: &[Summary], json: bool) {
    let text = match summaries {
        [only] if json => serde_json::to_string_pretty(only).unwrap_or_default() + "\n",
        [only] => only.to_text(),
        many if json => {
            let all = Many { total: Total::of(many), calls: many };
            serde_json::to_string_pretty(&all).unwrap_or_default() + "\n"
        }
        many => table(many),
    };
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Several calls for machines.
#[derive(Debug, Serialize)]
struct Many<'a> {
    total: Total,
    calls: &'a [Summary],
}

/// Several calls in one row.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Total {
    calls: usize,
    failed: usize,
    silent: usize,
    first_sound_ms_median: Option<u64>,
    first_sound_ms_p95: Option<u64>,
    first_sound_ms_max: Option<u64>,
    answered_ms_median: Option<u64>,
    answered_ms_p95: Option<u64>,
    answered_ms_max: Option<u64>,
    heard_seconds: f64,
    warnings: u64,
}

impl Total {
    fn of(summaries: &[Summary]) -> Self {
        let sorted = |time: fn(&Summary) -> Option<u64>| {
            let mut times: Vec<u64> = summaries.iter().filter_map(time).collect();
            times.sort_unstable();
            times
        };
        let rank = |times: &[u64], share: f64| {
            let index = ((times.len() as f64 * share).ceil() as usize).saturating_sub(1);
            times.get(index).copied()
        };
        let sounds = sorted(|summary| summary.time_to_first_sound_ms);
        let answers = sorted(|summary| summary.answered_after_ms);
        Self {
            calls: summaries.len(),
            failed: summaries.iter().filter(|summary| !summary.succeeded()).count(),
            silent: summaries.len() - sounds.len(),
            first_sound_ms_median: rank(&sounds, 0.5),
            first_sound_ms_p95: rank(&sounds, 0.95),
            first_sound_ms_max: sounds.last().copied(),
            answered_ms_median: rank(&answers, 0.5),
            answered_ms_p95: rank(&answers, 0.95),
            answered_ms_max: answers.last().copied(),
            heard_seconds: summaries.iter().map(|summary| summary.heard_seconds).sum(),
            warnings: summaries.iter().flat_map(|summary| &summary.warnings).map(|warning| warning.count).sum(),
        }
    }
}

fn table(summaries: &[Summary]) -> String {
    let dash = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let mut text = String::from(
        "call                                first sound    answered   heard  marks clears  warn  ended\n",
    );
    for summary in summaries {
        let warnings: u64 = summary.warnings.iter().map(|warning| warning.count).sum();
        let ended = summary.failures.first().unwrap_or(&summary.ended_how);
        text.push_str(&format!(
            "{:<34}  {:>8} ms {:>8} ms {:>5.1} s {:>6} {:>6} {:>5}  {ended}\n",
            summary.call_sid,
            dash(summary.time_to_first_sound_ms),
            dash(summary.answered_after_ms),
            summary.heard_seconds,
            summary.marks_echoed,
            summary.clears,
            warnings,
        ));
    }
    let total = Total::of(summaries);
    text.push_str(&format!(
        "{} calls, {} failed, {} heard nothing; first sound {} / {} / {} ms, answered after {} / {} / {} ms (median / 95 % / last); heard {:.1} s; {} warnings\n",
        total.calls,
        total.failed,
        total.silent,
        dash(total.first_sound_ms_median),
        dash(total.first_sound_ms_p95),
        dash(total.first_sound_ms_max),
        dash(total.answered_ms_median),
        dash(total.answered_ms_p95),
        dash(total.answered_ms_max),
        total.heard_seconds,
        total.warnings,
    ));
    text
}

/// `heard.wav` → `heard-0007.wav`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{stem}-{number:04}{extension}"))
}

/// Codes of bundled sentences, and the word for none.
fn said() -> Vec<&'static str> {
    Sentence::languages().into_iter().chain(["nothing"]).collect()
}

fn time(text: &str) -> Result<Duration, String> {
    let expected = |_| "expected a time with its unit, such as 500ms, 3s or 2m".to_owned();
    humantime::parse_duration(text).map_err(expected)
}

/// Reads a carrier's name, and knows those there are.
#[derive(Debug, Clone)]
pub(crate) struct CarrierName;

impl clap::builder::TypedValueParser for CarrierName {
    type Value = Carrier;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Carrier, clap::Error> {
        clap::builder::TypedValueParser::parse_ref(
            &(carrier as fn(&str) -> Result<Carrier, String>),
            command,
            argument,
            value,
        )
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = clap::builder::PossibleValue> + '_>> {
        Some(Box::new(Carrier::all().map(|carrier| clap::builder::PossibleValue::new(carrier.name()))))
    }
}

/// Calls at once whose sound is kept in memory, to say how long their answers took.
const MOST_LISTENED_TO: u16 = 20;

fn webhook_url(text: &str) -> Result<Url, String> {
    address(text, &["http", "https"])
}

fn socket_url(text: &str) -> Result<Url, String> {
    address(text, &["ws", "wss"])
}

fn address(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{error}"))?;
    if schemes.contains(&url.scheme()) && url.has_host() {
        Ok(url)
    } else {
        Err(format!("expected an address that begins with {}://", schemes.join(":// or ")))
    }
}

pub(crate) fn carrier(text: &str) -> Result<Carrier, String> {
    Carrier::named(text).ok_or_else(|| {
        let known: Vec<&str> = Carrier::all().map(Carrier::name).collect();
        format!("expected {}", known.join(" or "))
    })
}

fn key(text: &str) -> Result<(Duration, char), String> {
    let expected = || "expected TIME:KEY such as 3s:1, with a key out of 0-9 * # A-D".to_owned();
    let (time, key) = text.trim().split_once(':').ok_or_else(expected)?;
    let time = self::time(time).map_err(|error| format!("{error}; {}", expected()))?;
    let mut keys = key.chars();
    match (keys.next(), keys.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok((time, key)),
        _ => Err(expected()),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that clap calls")]
fn token(text: &str) -> Result<Private<String>, std::convert::Infallible> {
    Ok(Private::new(text.to_owned()))
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn ramp(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate: &f64| *rate > 0.0 && *rate <= 1000.0)
        .ok_or_else(|| "expected 0 to 1000 calls a second".into())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        call: CallArgs,
    }

    fn parse(line: &str) -> Result<CallArgs, String> {
        let words = std::iter::once("call").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.call).map_err(|error| error.to_string())
    }

    #[test]
    fn the_contracts_options_are_read() {
        let args = parse(
            "--url http://127.0.0.1:8080/twilio/voice --carrier twilio --from +1 --to +2 --dtmf 3s:1,5s:# \
             --hangup-after 20s --auth-token t --calls 5 --ramp 2.5 --json",
        )
        .expect("good usage");
        assert_eq!(args.dtmf, [(Duration::from_secs(3), '1'), (Duration::from_secs(5), '#')]);
        assert_eq!(args.hangup_after, Some(Duration::from_secs(20)));
        assert_eq!((args.calls, args.ramp, args.json), (5, 2.5, true));
        let options = args.options().expect("possible");
        assert_eq!(options.target, Target::Webhook("http://127.0.0.1:8080/twilio/voice".parse().expect("an address")));
    }

    #[test]
    fn bad_usage_says_what_was_expected() {
        for (line, expected) in [
            ("", "required"),
            ("--url http://a/ --stream ws://a/", "cannot be used with"),
            ("--url ws://a/", "http:// or https://"),
            ("--stream http://a/", "ws:// or wss://"),
            ("--stream ws://a/ --dtmf 3s", "TIME:KEY"),
            ("--stream ws://a/ --dtmf 3s:x", "TIME:KEY"),
            ("--stream ws://a/ --carrier pigeon", "expected twilio"),
            ("--stream ws://a/ --hangup-after soon", "--hangup-after"),
            ("--stream ws://a/ --calls 0", "1..=2000"),
            ("--stream ws://a/ --ramp 0", "calls a second"),
            ("--url http://a/ --parameter a=b", "cannot be used with"),
        ] {
            let problem = parse(line).expect_err(line);
            assert!(problem.contains(expected), "{line}: {problem}");
        }
    }

    #[test]
    fn without_a_file_the_caller_says_the_bundled_sentence_unless_told_to_be_mute() {
        let speech = |line: &str| parse(line).expect("good usage").options().expect("possible").speech.len();
        let english = speech("--stream ws://127.0.0.1:1/ws");
        assert!(english > 8_000 && speech("--stream ws://127.0.0.1:1/ws --say en") == english);
        assert_ne!(speech("--stream ws://127.0.0.1:1/ws --say hi"), english);
        assert_eq!(speech("--stream ws://127.0.0.1:1/ws --say nothing"), 0);
        assert!(parse("--stream ws://127.0.0.1:1/ws --say xx").is_err());
        assert!(parse("--stream ws://127.0.0.1:1/ws --say en --wav a.wav").is_err());
    }

    #[test]
    fn a_time_that_is_none_says_what_was_expected() {
        for option in ["--speak-at soon", "--hangup-after 5", "--longest x"] {
            let problem = parse(&format!("--stream ws://a/ {option}")).expect_err(option);
            assert!(problem.contains("such as 500ms, 3s or 2m"), "{option}: {problem}");
        }
    }

    #[test]
    fn an_answer_is_timed_from_the_last_word() {
        let summary = Summary { spoke_until_ms: Some(100), ..Summary::default() };
        let mut heard = vec![1_000; 800];
        heard.extend([0; 1_600]);
        assert_eq!(answered_after(&summary, &heard), None, "what was heard before is no answer");
        heard.extend([1_000; 160]);
        assert_eq!(answered_after(&summary, &heard), Some(200));
        assert_eq!(answered_after(&Summary::default(), &heard), None);
    }

    #[test]
    fn a_missing_sound_file_is_bad_usage() {
        let args = parse("--stream ws://127.0.0.1:1/ws --wav /nowhere/caller.wav").expect("good usage");
        let problem = args.options().expect_err("no such file");
        assert!(problem.contains("/nowhere/caller.wav"), "{problem}");
        assert_eq!(CommandError::Usage(problem).exit_code(), 2);
    }

    #[test]
    fn recordings_of_several_calls_are_numbered() {
        assert_eq!(numbered(Path::new("/a/heard.wav"), 7), Path::new("/a/heard-0007.wav"));
        assert_eq!(numbered(Path::new("heard"), 12), Path::new("heard-0012"));
    }

    #[test]
    fn several_calls_come_to_one_row() {
        let call = |first: Option<u64>, failed: bool| Summary {
            time_to_first_sound_ms: first,
            answered_after_ms: first.map(|first| first + 1_000),
            heard_seconds: 1.5,
            failures: if failed { vec!["x".into()] } else { vec![] },
            ..Summary::default()
        };
        let total =
            Total::of(&[call(Some(100), false), call(Some(300), false), call(Some(200), false), call(None, true)]);
        assert_eq!((total.calls, total.failed, total.silent), (4, 1, 1));
        let answers = (total.answered_ms_median, total.answered_ms_p95, total.answered_ms_max);
        assert_eq!(answers, (Some(1_200), Some(1_300), Some(1_300)));
        let sounds = (total.first_sound_ms_median, total.first_sound_ms_p95, total.first_sound_ms_max);
        assert_eq!(sounds, (Some(200), Some(300), Some(300)));
        assert!((total.heard_seconds - 6.0).abs() < 1e-9);
    }
}
