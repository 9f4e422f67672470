//! `switchboard records`: what is there, what was said, and forgetting it.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use console::style;
use serde_json::{Value, json};

use super::erase::{self, EraseArgs};
use super::shelf::{Call, Shelf, digits};
use crate::check;
use crate::cli::ConfigArgs;

/// What `records` is asked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  switchboard records list\n  \
    switchboard records show CA0123456789abcdef0123456789abcdef\n  \
    switchboard records erase --caller +919800000001 --dry-run\n  \
    switchboard records erase --call CA0123456789abcdef0123456789abcdef")]
pub struct RecordsArgs {
    /// Which configuration.
    #[command(flatten)]
    config: ConfigArgs,
    /// Prints JSON, for machines
    #[arg(long, global = true)]
    json: bool,
    /// What to do.
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists the calls that have a record, oldest first
    #[command(after_help = "Example: switchboard records list --last 20 --json")]
    List {
        /// Shows as many, the newest
        #[arg(long, value_name = "NUMBER")]
        last: Option<usize>,
    },
    /// Shows what was said in a call
    #[command(after_help = "Example: switchboard records show CA0123456789abcdef0123456789abcdef")]
    Show {
        /// The call: the carrier's id of it, or ours
        #[arg(value_name = "ID", allow_hyphen_values = true)]
        id: String,
    },
    /// Erases everything of one call or one caller: transcript, queue file, deliveries, recordings, journals kept aside
    #[command(after_help = erase::HELP)]
    Erase(EraseArgs),
}

/// Runs `records`.
pub fn run(args: &RecordsArgs) -> ExitCode {
    let config = match args.config.load() {
        Ok(config) => config,
        Err(error) => return check::refuse(&error),
    };
    let shelf = Shelf::new(&config.records);
    let done = match &args.what {
        What::List { last } => list(&shelf, *last, args.json),
        What::Show { id } => show(&shelf, id, args.json),
        What::Erase(asked) => return erase::run(&shelf, asked, args.json),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            denied(&shelf, &error);
            ExitCode::FAILURE
        }
    }
}

/// Tells that the records cannot be read or changed.
pub(super) fn denied(shelf: &Shelf, error: &io::Error) {
    complain(&format!("{error}; check the permissions of `records.dir` = {}", shelf.dir().display()));
}

fn list(shelf: &Shelf, last: Option<usize>, as_json: bool) -> io::Result<bool> {
    let found = shelf.calls()?;
    let skipped = last.map_or(0, |last| found.calls.len().saturating_sub(last));
    let calls = &found.calls[skipped..];
    if as_json {
        let rows: Vec<Value> = calls.iter().map(row).collect();
        print(&format!("{:#}\n", json!({ "calls": rows, "problems": found.problems })))?;
    } else if calls.is_empty() {
        print(&format!("no records in {}\n", shelf.dir().display()))?;
    } else {
        for call in calls {
            let row = row(call);
            let word = |key: &str| row[key].as_str().unwrap_or("-").to_owned();
            print(&format!(
                "{}  {:>6.1} s  {:<34}  {}  {}  {}  {}\n",
                word("started_at"),
                row["duration_ms"].as_f64().unwrap_or_default() / 1_000.0,
                word("carrier_call_id"),
                masked(call.person()),
                word("agent"),
                word("ending"),
                word("queue"),
            ))?;
        }
    }
    tell(&found.problems);
    Ok(found.problems.is_empty())
}

fn row(call: &Call) -> Value {
    let it = &call.transcript;
    let queue = fs::read(call.queue()).ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    let started = it["call_start_time"].as_i64().and_then(chrono::DateTime::from_timestamp_millis);
    json!({
        "id": it["id"],
        "carrier_call_id": it["ucid"],
        "carrier": it["carrier"],
        "started_at": started.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        "duration_ms": it["duration_ms"],
        "from": it["from"],
        "to": it["to"],
        "agent": it["agent"],
        "ending": it["ending"]["reason"],
        "queue": queue.map(|queue| queue["status"].clone()),
        "transcript_file": call.path.display().to_string(),
    })
}

fn show(shelf: &Shelf, id: &str, as_json: bool) -> io::Result<bool> {
    let found = shelf.calls()?;
    let calls: Vec<&Call> = found.calls.iter().filter(|call| is_call(call, id)).collect();
    if calls.is_empty() {
        tell(&found.problems);
        complain(&format!("no record of a call `{id}`; `switchboard records list` shows those there are"));
        return Ok(false);
    }
    for call in calls {
        if as_json {
            print(&format!("{:#}\n", call.transcript))?;
            continue;
        }
        let it = &call.transcript;
        print(&format!("{}\n", call.path.display()))?;
        for (key, value) in [
            ("call", format!("{} ({})", call.carrier_id(), call.id())),
            ("from", plain(&it["from"])),
            ("to", plain(&it["to"])),
            ("agent", plain(&it["agent"])),
            ("ending", format!("{} by {}", plain(&it["ending"]["reason"]), plain(&it["ending"]["by"]))),
            ("answers", it["answers"].to_string()),
        ] {
            print(&format!("{key:>8}  {value}\n"))?;
        }
        for turn in it["conversation"].as_array().into_iter().flatten() {
            print(&format!("{:>8}  {}: {}\n", "", plain(&turn["speaker"]), plain(&turn["text"])))?;
        }
    }
    Ok(true)
}

pub(super) fn is_call(call: &Call, id: &str) -> bool {
    !id.is_empty() && (call.id() == id || call.carrier_id() == id)
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The end of a number: enough to know it again, too little to call it.
fn masked(number: &str) -> String {
    let digits = digits(number);
    let shown = digits.len().saturating_sub(4);
    if digits.len() < 7 { "-".to_owned() } else { format!("…{}", &digits[shown..]) }
}

pub(super) fn tell(problems: &[String]) {
    problems.iter().for_each(|problem| complain(problem));
}

pub(super) fn complain(problem: &str) {
    let text = format!("{} {problem}\n", style("error:").red().bold().for_stderr());
    // Nobody is left to be told when stderr is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

pub(super) fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever read it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}
