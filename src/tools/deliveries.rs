//! The command `deliveries`: lists pending and failed deliveries, and sends failed ones again.
//!
//! It works on the same folder as a running service and requests a retry by a file. Nothing is
//! written twice, whether or not a service runs.

use std::io;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use switchboard_actors::delivery::case::{Case, Status, rfc3339};
use switchboard_actors::delivery::store::Store;

use crate::cli::KeptArgs;
use crate::tools::check::refuse;
use crate::tools::terminal::{complain, json_text, one_line, print};

/// What `deliveries` is asked.
#[derive(Debug, Args)]
pub struct DeliveriesArgs {
    /// Where they are.
    #[command(flatten)]
    pub kept: KeptArgs,
    /// What to do.
    #[command(subcommand)]
    pub ask: Ask,
}

/// What to do with deliveries.
#[derive(Debug, Subcommand)]
pub enum Ask {
    /// Lists what is on its way and what could not be delivered
    #[command(after_long_help = "Examples:\n  switchboard deliveries list\n  \
        switchboard deliveries list --status failed --json")]
    List {
        /// Only these; without it, pending and failed
        #[arg(long, value_enum)]
        status: Option<Wanted>,
    },
    /// Shows one delivery in full: the call, each endpoint, each try's outcome
    #[command(
        after_long_help = "Example: switchboard deliveries show evt_48b7f720-aa86-4a7d-8698-a8643a397676_transcript"
    )]
    Show {
        /// The event's id, as `list` shows it
        id: String,
    },
    /// Sends dead letters again, under their old ids; an endpoint that answered 410 is asked again
    /// too
    #[command(
        after_long_help = "Example: switchboard deliveries retry evt_48b7f720-aa86-4a7d-8698-a8643a397676_transcript\n\n\
        A running service begins within a second, another one when it starts."
    )]
    Retry {
        /// The events' ids, as `list` shows them
        #[arg(required = true)]
        ids: Vec<String>,
    },
}

/// Which deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Wanted {
    /// On their way
    Pending,
    /// Dead letters
    Failed,
    /// Done, and not yet removed
    Completed,
}

/// Runs the command.
pub fn run(args: &DeliveriesArgs) -> ExitCode {
    let config = match args.kept.load() {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    if let Err(problem) = config.look() {
        complain(&problem);
        return ExitCode::FAILURE;
    }
    let (store, json) = (Store::of(&config.records.dir), args.kept.json);
    let done = match &args.ask {
        Ask::List { status } => list(&store, *status, json),
        Ask::Show { id } => show(&store, id, json),
        Ask::Retry { ids } => retry(&store, ids, json),
    };
    let done = done.map_err(|problem| format!("{problem} (in {})", config.records.dir.display()));
    match done {
        Ok(text) => {
            // The text contains words of the receivers. If stdout is gone, it cannot be delivered
            // anywhere.
            let _ = print(&text.lines().map(|line| one_line(line) + "\n").collect::<String>());
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&problem);
            ExitCode::FAILURE
        }
    }
}

fn list(store: &Store, wanted: Option<Wanted>, for_machines: bool) -> Result<String, String> {
    let statuses: &[Status] = match wanted {
        None => &[Status::Pending, Status::Failed],
        Some(Wanted::Pending) => &[Status::Pending],
        Some(Wanted::Failed) => &[Status::Failed],
        Some(Wanted::Completed) => &[Status::Completed],
    };
    let mut cases = Vec::new();
    for status in statuses {
        let mut ids = store.ids(*status).map_err(|error| unreadable(&error))?;
        if *status == Status::Pending {
            ids.extend(store.shared().map_err(|error| unreadable(&error))?);
        }
        for id in ids {
            // A delivery that completes at this moment moves to another folder.
            cases.extend(store.find(&id).map_err(|error| unreadable(&error))?);
        }
    }
    if for_machines {
        let all: Vec<Value> = cases.iter().map(summary).collect();
        return Ok(json_text(&Value::Array(all)));
    }
    if cases.is_empty() {
        return Ok("nothing\n".to_owned());
    }
    Ok(cases.iter().map(in_a_few_lines).collect())
}

fn show(store: &Store, id: &str, for_machines: bool) -> Result<String, String> {
    let case = found(store, id)?;
    if for_machines {
        let value = serde_json::to_value(&case).map_err(|error| error.to_string())?;
        return Ok(json_text(&value));
    }
    let notice = &case.notice;
    let mut text = format!(
        "{}\n  call       {} ({} {})\n  happened   {}\n",
        in_a_few_lines(&case).lines().next().unwrap_or_default(),
        notice.call.id,
        notice.call.carrier,
        notice.call.carrier_call_id,
        rfc3339(notice.at),
    );
    if let Some(close) = &notice.ending {
        text += &format!("  ending     {} by {}, after {} ms\n", close.reason, close.by, close.duration_ms);
    }
    if let Some(files) = &notice.record {
        text += &format!("  record     {}\n", files.transcript);
    }
    for (name, course) in &case.deliveries {
        text += &format!("  endpoint   {name}: {}, {} tries\n", course.status.word(), course.attempts);
        for (what, moment) in [
            ("since", Some(course.since)),
            ("last", course.last_at),
            ("next", course.next_at),
            ("ended", course.ended_at),
        ] {
            if let Some(moment) = moment {
                text += &format!("    {what:<8} {}\n", rfc3339(moment));
            }
        }
        if let Some(last) = &course.last {
            text += &format!("    answer   {last}\n");
        }
    }
    Ok(text)
}

fn retry(store: &Store, ids: &[String], for_machines: bool) -> Result<String, String> {
    // All ids are checked before any retry is requested.
    for id in ids {
        let case = found(store, id)?;
        if !case.deliveries.values().any(|course| course.status == Status::Failed) {
            return Err(format!("{id} has not failed, it is {}; nothing was asked for", case.status().word()));
        }
    }
    for id in ids {
        store.ask_retry(id).map_err(|error| format!("ask for {id}: {error}"))?;
    }
    if for_machines {
        return Ok(json_text(&json!({"asked": ids})));
    }
    Ok(format!("asked for {}\n", ids.join(", ")))
}

fn found(store: &Store, id: &str) -> Result<Case, String> {
    store
        .find(id)
        .map_err(|error| unreadable(&error))?
        .ok_or_else(|| format!("there is no delivery {id:?}; `switchboard deliveries list` shows what there is"))
}

fn unreadable(error: &io::Error) -> String {
    format!("read the deliveries in `records.dir`: {error}")
}

/// A summary without private data.
pub(crate) fn summary(case: &Case) -> Value {
    let endpoints: serde_json::Map<_, _> = case
        .deliveries
        .iter()
        .map(|(name, course)| {
            let row = json!({
                "status": course.status.word(),
                "attempts": course.attempts,
                "next_at": course.next_at.map(rfc3339),
                "last": course.last,
            });
            (name.clone(), row)
        })
        .collect();
    json!({
        "id": case.notice.id,
        "type": case.notice.kind.name(),
        "at": rfc3339(case.notice.at),
        "call": case.notice.call.id,
        "status": case.status().word(),
        "endpoints": endpoints,
    })
}

fn in_a_few_lines(case: &Case) -> String {
    let mut text = format!("{:<9}  {:<16}  {}\n", case.status().word(), case.notice.kind.name(), case.notice.id);
    for (name, course) in &case.deliveries {
        let next = course.next_at.map(|at| format!(", next {}", rfc3339(at))).unwrap_or_default();
        let last = course.last.as_deref().map(|last| format!(": {last}")).unwrap_or_default();
        text += &format!("           {name} {}, {} tries{next}{last}\n", course.status.word(), course.attempts);
    }
    text
}
