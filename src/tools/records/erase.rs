//! `switchboard records erase`: erases one call or one caller.
//!
//! The command works in three steps. It reads everything that refers to a call (`known`). It
//! decides what goes (`plan`). Only then does it change anything: it marks each call, so that a
//! running service writes nothing more about it ([`Erasures`]), removes its part of the shared
//! queue, and then removes its files, the transcript last, and its entry in the index.

mod known;
mod plan;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{ArgGroup, Args};
use serde_json::json;
use switchboard_actors::delivery::queue::Location;
use switchboard_actors::erasure::Erasures;
use switchboard_actors::numbers::Party;

use self::known::{Gathered, Known, gather};
use self::plan::{Last, Plan, Wanted, plan};
use super::command::{complain, print, tell};
use super::folders::{RecordFolders, TRANSCRIPT, name};
use super::index;
use crate::service::config::Kept;

/// What `erase` is asked.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["caller", "call"]))]
pub(super) struct EraseArgs {
    /// The caller's number, however it is written; for calls that we made, the number we called
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    caller: Option<String>,
    /// The call: the carrier's id of it, or ours
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    call: Option<String>,
    /// A number that may be the caller's is theirs, written as the record has it; may be given
    /// again
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true, conflicts_with = "call")]
    also: Vec<String>,
    /// A number, as the record has it, to treat as another's; may be repeated
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true, conflicts_with = "call")]
    leave: Vec<String>,
    /// Shows what would be erased and erases nothing
    #[arg(long)]
    dry_run: bool,
    /// Erases without asking; without a terminal nothing is asked
    #[arg(long)]
    yes: bool,
}

/// Runs `erase`.
pub(super) fn run(config: &Kept, asked: &EraseArgs, as_json: bool) -> ExitCode {
    let wanted = match wanted(config, asked) {
        Ok(wanted) => wanted,
        Err(problem) => {
            complain(&problem);
            return ExitCode::from(2);
        }
    };
    let dirs = RecordFolders::new(&config.records, &config.recording);
    match erase(config, &dirs, &wanted, asked, as_json) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

fn wanted(config: &Kept, asked: &EraseArgs) -> Result<Wanted, String> {
    match (&asked.caller, asked.call.as_deref().map(str::trim)) {
        (Some(number), _) => match config.numbering.read(number) {
            Party::Withheld => Err("--caller: found no number, expected one, as +919800000001".to_owned()),
            Party::Number(_) | Party::Local(_) | Party::Address(_) => {
                Ok(Wanted::Caller { number: number.clone(), also: asked.also.clone(), leave: asked.leave.clone() })
            }
        },
        (None, Some(id)) if !id.is_empty() => Ok(Wanted::Call(id.to_owned())),
        (None, Some(_) | None) => Err("--call: found nothing, expected the id of a call".to_owned()),
    }
}

fn erase(
    config: &Kept,
    dirs: &RecordFolders,
    wanted: &Wanted,
    asked: &EraseArgs,
    as_json: bool,
) -> Result<bool, String> {
    let unread =
        |error: io::Error| format!("{error}; check the permissions of `records.dir` = {}", dirs.dir().display());
    let mut all = gather(dirs, config)?;
    let mut plan = plan(dirs, &all, wanted, config.numbering).map_err(unread)?;
    let mut problems = std::mem::take(&mut all.problems);
    problems.append(&mut plan.problems);
    if all.queue.is_some() {
        plan.notes.push("nodes with their own folder of records keep theirs; erase there too".to_owned());
    }
    let nothing = plan.files.is_empty() && plan.places.is_empty();
    if nothing && plan.perhaps.is_empty() && problems.is_empty() {
        problems.push(none_such(dirs, &all, wanted));
    }
    problems.extend(plan.perhaps.iter().map(|(number, id)| may_be_theirs(number, id)));
    let mut erased: Vec<PathBuf> = Vec::new();
    if asked.dry_run || nothing {
        erased.extend(plan.files.keys().cloned());
    } else if !as_json && !confirmed(&plan, asked).map_err(unread)? {
        return Err("nothing was erased".to_owned());
    } else {
        mark(dirs, &mut all, &plan)?;
        remove(&plan, &mut erased, &mut problems).map_err(unread)?;
        let names = erased.iter().map(|path| name(path)).filter(|name| name.ends_with(TRANSCRIPT));
        let names: Vec<String> = names.map(str::to_owned).collect();
        if let Err(problem) = index::forget(dirs.dir(), &names) {
            problems.push(format!(
                "the index of past calls may have their words: {problem}; `switchboard records index` makes it anew"
            ));
        }
    }
    say(&Said { plan: &plan, erased: &erased, problems: &problems, dry: asked.dry_run, as_json }).map_err(unread)?;
    Ok(problems.is_empty())
}

/// Marks the calls for the running service and the other nodes, and removes them from the shared
/// queue.
fn mark(dirs: &RecordFolders, all: &mut Gathered, plan: &Plan) -> Result<(), String> {
    let marks = Erasures::of(dirs.dir());
    for id in &plan.ids {
        marks
            .mark(id)
            .map_err(|error| format!("mark {id} in {}: {error}; nothing was erased", dirs.dir().display()))?;
    }
    let Some(queue) = &mut all.queue else { return Ok(()) };
    let mut work = || {
        for id in &plan.ids {
            queue.mark(id)?;
            queue.remove(&[], Some(id))?;
        }
        queue.remove(&plan.places.iter().cloned().collect::<Vec<_>>(), None)
    };
    let done = work();
    done.map_err(|error| format!("cannot reach the shared queue any more: {error}; no file was erased, erase again"))
}

/// Removes the files. A transcript stays if another file of its call could not be removed: a later
/// run finds the rest through it.
fn remove(plan: &Plan, erased: &mut Vec<PathBuf>, problems: &mut Vec<String>) -> io::Result<()> {
    let mut refused = 0;
    for last in [Last::No, Last::Yes] {
        for path in plan.files.iter().filter(|(_, when)| **when == last).map(|(path, _)| path) {
            if last == Last::Yes && refused > 0 {
                problems.push(format!("{} stays until the rest can be erased", path.display()));
                continue;
            }
            match remove_file(path) {
                Ok(()) => erased.push(path.clone()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    refused += 1;
                    problems.push(format!("erase {}: {error}", path.display()));
                }
            }
        }
    }
    // Syncs the folders, so that a power failure cannot undo the removal.
    for folder in erased.iter().filter_map(|path| path.parent()).collect::<BTreeSet<&Path>>() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn remove_file(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_symlink() {
        // The link's target is outside the service's folders.
        let leads_to = fs::read_link(path)?;
        return Err(io::Error::other(format!("it is a link to {}; remove both by hand", leads_to.display())));
    }
    fs::remove_file(path)
}

/// Asks the user at the terminal for confirmation.
fn confirmed(plan: &Plan, asked: &EraseArgs) -> io::Result<bool> {
    if asked.yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(true);
    }
    let mut prompt = io::stderr().lock();
    for path in plan.files.keys() {
        writeln!(prompt, "{}", path.display())?;
    }
    write!(prompt, "Erase {}, {}? [y/N] ", calls(plan.calls), counted(plan.files.len(), "file"))?;
    prompt.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// The error if nothing was found. The id may be mistyped, or the number written differently.
fn none_such(dirs: &RecordFolders, all: &Gathered, wanted: &Wanted) -> String {
    let dir = dirs.dir().display();
    let near = |wanted: &str, known: &dyn Fn(&Known) -> Vec<String>| {
        let names: BTreeSet<String> = all.known.iter().flat_map(known).filter(|name| !name.is_empty()).collect();
        let mut names: Vec<(f64, String)> =
            names.into_iter().map(|name| (strsim::jaro_winkler(&name, wanted), name)).collect();
        names.retain(|(likeness, _)| *likeness >= NEAR);
        names.sort_by(|one, other| other.0.total_cmp(&one.0));
        let names: Vec<String> = names.into_iter().take(MOST_NEAR).map(|(_, name)| name).collect();
        if names.is_empty() { String::new() } else { format!("; nearest: {}", names.join(", ")) }
    };
    match wanted {
        Wanted::Call(id) => {
            let ids = |it: &Known| vec![it.call.carrier_id().to_owned(), it.call.id().to_owned()];
            format!("no call {id} in {dir}{}; `switchboard records list` shows those there are", near(id, &ids))
        }
        Wanted::Caller { number, .. } => {
            let numbers = |it: &Known| vec![it.call.other_party().to_owned()];
            format!("no call of {number} in {dir}{}", near(number, &numbers))
        }
    }
}

fn may_be_theirs(number: &str, id: &str) -> String {
    format!(
        "the call {id} of {number} may be theirs and was left; say --also {number} to erase it, --leave {number} if it is not"
    )
}

/// The result that is printed at the end.
struct Said<'a> {
    plan: &'a Plan,
    erased: &'a [PathBuf],
    problems: &'a [String],
    dry: bool,
    as_json: bool,
}

fn say(said: &Said<'_>) -> io::Result<()> {
    let Said { plan, erased, problems, dry, as_json } = *said;
    let paths: Vec<String> = erased.iter().map(|path| path.display().to_string()).collect();
    let places: Vec<String> = plan.places.iter().map(Location::name).collect();
    let perhaps = plan.perhaps.iter().map(|(number, id)| json!({ "number": number, "carrier_call_id": id }));
    if as_json {
        let summary = json!({
            "calls": plan.calls, "erased": !dry, "files": paths, "shared_queue": places,
            "perhaps": perhaps.collect::<Vec<_>>(), "problems": problems, "notes": plan.notes,
        });
        print(&format!("{summary:#}\n"))?;
    } else {
        for path in paths.iter().chain(&places) {
            print(&format!("{path}\n"))?;
        }
        let what = if dry { "would be erased" } else { "erased" };
        let shared = if places.is_empty() { String::new() } else { format!(", {} of the shared queue", places.len()) };
        print(&format!("{}, {}{shared} {what}\n", calls(plan.calls), counted(paths.len(), "file")))?;
        plan.notes.iter().try_for_each(|note| print(&format!("note: {note}\n")))?;
    }
    tell(problems);
    Ok(())
}

fn calls(number: usize) -> String {
    counted(number, "call")
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Minimum similarity of a name to be suggested in place of the one that was given.
const NEAR: f64 = 0.85;
/// Maximum number of suggestions.
const MOST_NEAR: usize = 3;

/// Examples, shown below the command's options.
pub(super) const HELP: &str = "Examples:\n  switchboard records erase --caller +919800000001 --dry-run\n  \
    switchboard records erase --caller +919800000001 --also 09800000001 --yes\n  \
    switchboard records erase --call CA0123456789abcdef0123456789abcdef\n\n\
    What was delivered already is with those who received it. A call that is still on is named and not erased. \
    The books of spending know a caller by a salted hash, until the day is over.\n\n\
    Exit codes: 0 all of it is erased; 1 something was not, or nothing was found; 2 bad usage";
