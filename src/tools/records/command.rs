//! `switchboard records`: lists, shows, indexes and erases records.

use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::compare::{self, CompareArgs};
use super::erase::{self, EraseArgs};
use super::folders::{Call, RecordFolders};
use super::index::command as index;
use super::list::{self, ListArgs};
use super::show::{self, ShowArgs};
use crate::cli::KeptArgs;
use crate::tools::check;
pub(super) use crate::tools::terminal::{complain, print};

/// What `records` is asked.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  switchboard records list --since 1h --ending model_lost\n  \
    switchboard records show CA0123456789abcdef0123456789abcdef\n  \
    switchboard records --config /etc/switchboard/config.toml list\n  \
    switchboard records erase --caller +919800000001 --dry-run\n\n\
    Reads [records], [recording] and [numbers] of the configuration and nothing else: no secret is needed.")]
pub struct RecordsArgs {
    /// Where they are.
    #[command(flatten)]
    kept: KeptArgs,
    /// What to do.
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Lists the calls that have a record, oldest first
    #[command(after_long_help = list::HELP)]
    List(ListArgs),
    /// Shows how a call went, moment by moment
    #[command(after_long_help = show::HELP)]
    Show(ShowArgs),
    /// Puts two groups of calls side by side: endings, transfers, waits, what was heard, cost
    #[command(after_long_help = compare::HELP)]
    Compare(CompareArgs),
    /// Makes the index of past calls anew, from the records
    #[command(after_long_help = index::HELP)]
    Index,
    /// Erases everything of one call or one caller: transcript, queue file, deliveries, recordings,
    /// journals kept aside
    #[command(after_long_help = erase::HELP)]
    Erase(EraseArgs),
}

/// Runs `records`.
pub fn run(args: &RecordsArgs) -> ExitCode {
    let config = match args.kept.load() {
        Ok(config) => config,
        Err(error) => return check::refuse(&error),
    };
    if let Err(problem) = config.look() {
        complain(&problem);
        return ExitCode::FAILURE;
    }
    let dirs = RecordFolders::new(&config.records, &config.recording);
    let done = match &args.what {
        What::List(asked) => list::run(&dirs, config.numbering, asked, args.kept.json),
        What::Show(asked) => show::run(&dirs, &config, asked, args.kept.json),
        What::Compare(asked) => compare::run(&dirs, asked, args.kept.json),
        What::Index => index::run(&dirs, args.kept.json),
        What::Erase(asked) => return erase::run(&config, asked, args.kept.json),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            denied(&dirs, &error);
            ExitCode::FAILURE
        }
    }
}

/// Reports that the records cannot be read or changed.
pub(super) fn denied(dirs: &RecordFolders, error: &io::Error) {
    complain(&format!("{error}; check the permissions of `records.dir` = {}", dirs.dir().display()));
}

pub(super) fn is_call(call: &Call, id: &str) -> bool {
    !id.is_empty() && (call.id() == id || call.carrier_id() == id)
}

pub(super) fn tell(problems: &[String]) {
    problems.iter().for_each(|problem| complain(problem));
}
