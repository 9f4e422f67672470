//! `switchboard records erase`: forgetting one call or one caller.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::command::{complain, denied, is_call, print, tell};
use super::shelf::{Call, Shelf, digits};

/// What `erase` is asked.
#[derive(Debug, Args)]
pub(super) struct EraseArgs {
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
}

/// Runs `erase`.
pub(super) fn run(shelf: &Shelf, asked: &EraseArgs, as_json: bool) -> ExitCode {
    let wanted = match wanted(asked.caller.as_deref(), asked.call.as_deref()) {
        Ok(wanted) => wanted,
        Err(problem) => {
            complain(&problem);
            return ExitCode::from(2);
        }
    };
    match erase(shelf, &wanted, asked.dry_run, as_json) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            denied(shelf, &error);
            ExitCode::FAILURE
        }
    }
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

/// Examples, under the command's options.
pub(super) const HELP: &str = "Examples:\n  switchboard records erase --caller +919800000001 --dry-run\n  \
    switchboard records erase --call CA0123456789abcdef0123456789abcdef\n\n\
    What was delivered already is with those who received it. A call that is still on is named and not erased.";
