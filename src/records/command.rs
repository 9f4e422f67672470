//! `switchboard records`: what is there, what was said, and forgetting it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use console::style;
use serde_json::{Value, json};

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
    #[command(after_help = "Examples:\n  switchboard records erase --caller +919800000001 --dry-run\n  \
        switchboard records erase --call CA0123456789abcdef0123456789abcdef\n\n\
        What was delivered already is with those who received it. A call that is still on is named and not erased.")]
    Erase {
        /// The caller's number, however it is written; for calls that we made, the number we called
        #[arg(
            long,
            value_name = "NUMBER",
            conflicts_with = "call",
            required_unless_present = "call",
            allow_hyphen_values = true
        )]
        caller: Option<String>,
        /// The call: the carrier's id of it, or ours
        #[arg(long, value_name = "ID", allow_hyphen_values = true)]
        call: Option<String>,
        /// Shows what would be erased and erases nothing
        #[arg(long)]
        dry_run: bool,
    },
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
        What::Erase { caller, call, dry_run } => match wanted(caller.as_deref(), call.as_deref()) {
            Ok(wanted) => erase(&shelf, &wanted, *dry_run, args.json),
            Err(problem) => {
                complain(&problem);
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&format!("{error}; check the permissions of `records.dir` = {}", shelf.dir().display()));
            ExitCode::FAILURE
        }
    }
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

/// Whose records are to go.
enum Wanted {
    Caller(String),
    Call(String),
}

impl Wanted {
    fn is(&self, call: &Call) -> bool {
        match self {
            Self::Caller(number) => digits(call.person()) == *number,
            Self::Call(id) => is_call(call, id),
        }
    }
}

fn wanted(caller: Option<&str>, call: Option<&str>) -> Result<Wanted, String> {
    match (caller.map(digits), call.map(str::trim)) {
        (Some(number), _) if number.is_empty() => {
            Err("--caller: found no digit, expected a number, as +919800000001".to_owned())
        }
        (Some(number), _) => Ok(Wanted::Caller(number)),
        (None, Some(id)) if !id.is_empty() => Ok(Wanted::Call(id.to_owned())),
        (None, Some(_) | None) => Err("--call: found nothing, expected the id of a call".to_owned()),
    }
}

fn erase(shelf: &Shelf, wanted: &Wanted, dry_run: bool, as_json: bool) -> io::Result<bool> {
    let found = shelf.calls()?;
    let mut problems = found.problems;
    let mut files: Vec<PathBuf> = Vec::new();
    let mut calls = 0;
    for call in found.calls.iter().filter(|call| wanted.is(call)) {
        calls += 1;
        files.extend(shelf.all_of(call)?);
    }
    files.extend(shelf.torn()?.into_iter().filter(|call| wanted.is(call)).map(|call| call.path));
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|path| seen.insert(path.clone()));
    for call in shelf.unfinished()?.into_iter().filter(|call| wanted.is(call)) {
        problems.push(format!(
            "the call {} is on, or waits for the next start to recover it; erase again once it has a record",
            call.carrier_id()
        ));
    }
    let unreadable = shelf.unreadable()?.len();
    if unreadable > 0 {
        problems.push(format!(
            "{unreadable} journals in {} cannot be read and may be anybody's; look at them and remove them by hand",
            shelf.aside().display()
        ));
    }
    let mut erased = Vec::new();
    for path in files {
        match if dry_run { Ok(()) } else { fs::remove_file(&path) } {
            Ok(()) => erased.push(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => problems.push(format!("erase {}: {error}", path.display())),
        }
    }
    if !dry_run && !erased.is_empty() {
        // Gone for good, and not only until the machine loses power.
        for folder in erased.iter().filter_map(|path| path.parent()).collect::<std::collections::BTreeSet<_>>() {
            File::open(folder)?.sync_all()?;
        }
    }
    say_erased(calls, &erased, &problems, dry_run, as_json)?;
    Ok(problems.is_empty())
}

fn say_erased(calls: usize, erased: &[PathBuf], problems: &[String], dry: bool, as_json: bool) -> io::Result<()> {
    let paths: Vec<String> = erased.iter().map(|path| path.display().to_string()).collect();
    if as_json {
        let told = json!({ "calls": calls, "erased": !dry, "files": paths, "problems": problems });
        print(&format!("{told:#}\n"))?;
    } else {
        for path in &paths {
            print(&format!("{path}\n"))?;
        }
        let what = if dry { "would be erased" } else { "erased" };
        print(&format!("{calls} calls, {} files {what}\n", paths.len()))?;
    }
    tell(problems);
    Ok(())
}

fn is_call(call: &Call, id: &str) -> bool {
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

fn tell(problems: &[String]) {
    problems.iter().for_each(|problem| complain(problem));
}

fn complain(problem: &str) {
    let text = format!("{} {problem}\n", style("error:").red().bold().for_stderr());
    // Nobody is left to be told when stderr is gone.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever read it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}
