//! `switchboard records show`: shows one call in detail, for questions such as "why was it
//! silent?".

use std::io;
use std::path::PathBuf;

use clap::Args;
use console::style;
use serde_json::Value;
use switchboard_actors::delivery::case::Status;
use switchboard_actors::delivery::store::Store;

use super::command::{complain, is_call, print, tell};
use super::folders::{Call, RecordFolders};
use super::list::{masked, queue};
use super::timeline::{Entry, ending, text, timeline};
use crate::service::config::Kept;
use crate::tools::terminal::{columns, json_text, one_line, width, wrapped};

/// What `show` is asked.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// The call: the carrier's id of it, or ours
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: String,
    /// Shows the caller's or callee's number unmasked
    #[arg(long)]
    full: bool,
}

/// Shows the call. Returns whether a record was found.
pub(super) fn run(dirs: &RecordFolders, config: &Kept, asked: &ShowArgs, as_json: bool) -> io::Result<bool> {
    let found = dirs.calls()?;
    let calls: Vec<&Call> = found.calls.iter().filter(|call| is_call(call, &asked.id)).collect();
    if calls.is_empty() {
        tell(&found.problems);
        let folder = dirs.dir().display();
        let id = &asked.id;
        complain(&if dirs.unfinished()?.iter().any(|call| is_call(call, id)) {
            format!(
                "the call `{id}` has no record in {folder} yet: it is on (`GET /calls/{id}` shows it), or waits for the next start to recover it"
            )
        } else {
            format!("no record of a call `{id}` in {folder}; `switchboard records list` shows those there are")
        });
        return Ok(false);
    }
    for (at, call) in calls.iter().enumerate() {
        if as_json {
            print(&json_text(&call.transcript))?;
            continue;
        }
        if at > 0 {
            print("\n")?;
        }
        let webhooks = webhooks(&Store::of(dirs.dir()), call.id());
        print(&in_words(call, config, asked.full, &webhooks, width()))?;
    }
    Ok(true)
}

fn in_words(call: &Call, config: &Kept, full: bool, webhooks: &str, room: Option<usize>) -> String {
    let entries = timeline(&call.transcript);
    let mut lines: Vec<String> = wrapped(&header(call, full), room);
    lines.push(format!("  record  {}", call.path.display()));
    lines.extend(entries.iter().flat_map(|entry| entry_lines(entry, room)));
    let foot = foot(call, config, webhooks);
    lines.extend(foot.into_iter().map(|(label, what)| format!("  {label:<9} {what}")));
    lines.iter().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Who called whom, who answered, how the call ended and what it cost.
fn header(call: &Call, full: bool) -> String {
    let it = &call.transcript;
    let number = |side: &str| {
        let number = it[side].as_str().unwrap_or_default();
        let other_party = number == call.other_party();
        let shown = if other_party && !full { masked(number) } else { one_line(number) };
        if shown.is_empty() { "-".to_owned() } else { shown }
    };
    let lasted = it["duration_ms"].as_f64().map(|ms| format!("after {:.1} s", ms / 1_000.0)).unwrap_or_default();
    let route = it["route"].as_u64().map(|at| format!("(routes[{at}])")).unwrap_or_default();
    let agent = it["agent"].as_str().map(|agent| format!("agent {}", one_line(agent))).unwrap_or_default();
    let models = it["models"].as_array().map(|models| models.iter().map(|it| text(&it["model"])).collect::<Vec<_>>());
    let parts = [
        one_line(call.carrier_id()),
        one_line(call.id()),
        text(&it["carrier"]),
        direction(it),
        format!("{} → {}", number("from"), number("to")),
        format!("{agent} {route}").trim().to_owned(),
        text(&it["language"]),
        models.filter(|models| !models.is_empty()).map_or_else(|| text(&it["model"]), |models| models.join(" → ")),
        format!("ended {} {lasted}", ending(it)).trim().to_owned(),
        it["cost_usd"].as_f64().map(|usd| format!("${usd:.4}")).unwrap_or_default(),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
}

/// Who called whom, and who answered if the carrier detected that.
fn direction(record: &Value) -> String {
    let answered = record["answered_by"].as_str().map(|by| format!(", answered by {}", one_line(by)));
    text(&record["direction"]) + &answered.unwrap_or_default()
}

fn entry_lines(entry: &Entry, room: Option<usize>) -> Vec<String> {
    let at = entry.at.map_or_else(|| "-".to_owned(), |at| format!("{at:.2}"));
    let head = format!("{at:>8}  {:<9} ", entry.who);
    let note = if entry.note.is_empty() { String::new() } else { format!("   [{}]", entry.note) };
    let room = room.map(|room| room.saturating_sub(columns(&head)).max(20));
    let body = wrapped(&format!("{}{note}", entry.what), room);
    let indent = " ".repeat(columns(&head));
    let line = |(at, text): (usize, String)| {
        let line = format!("{}{text}", if at == 0 { &head } else { &indent });
        // Errors are coloured, because readers look for them first.
        if entry.who == "!" { style(line).yellow().to_string() } else { line }
    };
    body.into_iter().enumerate().map(line).collect()
}

/// Facts about the call that are not part of the timeline.
fn foot(call: &Call, config: &Kept, webhooks: &str) -> Vec<(&'static str, String)> {
    let it = &call.transcript;
    let mut foot = Vec::new();
    if let Some(recordings) = recordings(it) {
        let dir = config.recording.dir.as_deref().unwrap_or(&config.records.dir);
        let shown = |name: &String| {
            let places = [dir.join(name), config.records.dir.join(name)];
            let path = places.iter().find(|path| path.exists()).cloned().unwrap_or_else(|| PathBuf::from(name));
            let gone = if path.exists() { "" } else { " (not there any more)" };
            one_line(&format!("{}{gone}", path.display()))
        };
        foot.push(("recording", recordings.iter().map(shown).collect::<Vec<_>>().join(", ")));
    }
    if let Some(audio) = line_quality(&it["analytics"]["audio"]) {
        foot.push(("line", audio));
    }
    let dropped = it["analytics"]["dropped_frames"].as_u64().filter(|frames| *frames > 0);
    foot.extend(dropped.map(|frames| ("dropped", format!("{frames} frames of 20 ms"))));
    if let Some(answers) = it["answers"].as_object().filter(|answers| !answers.is_empty()) {
        let shown: Vec<String> =
            answers.iter().map(|(key, value)| format!("{}={}", one_line(key), text(value))).collect();
        foot.push(("answers", shown.join("  ")));
    }
    if let Some(usage) = it["usage"].as_object() {
        let used = |(name, value): (&String, &Value)| {
            value.as_f64().filter(|it| *it > 0.0).map(|it| format!("{} {it}", one_line(name).replace('_', " ")))
        };
        let shown: Vec<String> = usage.iter().filter_map(used).collect();
        if !shown.is_empty() {
            foot.push(("usage", shown.join(", ")));
        }
    }
    let queue = queue(call).map_or_else(|| "none".to_owned(), |status| text(&status));
    foot.push(("queue", queue));
    foot.push(("webhooks", webhooks.to_owned()));
    foot
}

/// The names of the call's recordings. A record with a single recording has just one name.
fn recordings(record: &Value) -> Option<Vec<String>> {
    let names = |value: &Value| value.as_str().map(str::to_owned);
    let all: Vec<String> = record["recordings"].as_array().into_iter().flatten().filter_map(names).collect();
    let all = if all.is_empty() { names(&record["recording"]).into_iter().collect() } else { all };
    Some(all).filter(|all| !all.is_empty())
}

/// Quality of the caller's audio: the verdict, the findings and the level.
fn line_quality(audio: &Value) -> Option<String> {
    let verdict = audio["verdict"].as_str()?;
    let findings = audio["findings"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(", ");
    let level = audio["level_dbfs"].as_f64().map(|level| format!("{level:.0} dBFS")).unwrap_or_default();
    let lost = audio["packets"]["lost_ms"].as_u64().filter(|lost| *lost > 0).map(|lost| format!("{lost} ms lost"));
    let corrected = if audio["corrected"] == true { "corrected" } else { "" };
    let parts = [one_line(verdict), findings, level, lost.unwrap_or_default(), corrected.to_owned()];
    Some(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  "))
}

/// Progress of the call's webhooks: the number in each state, and one reason for failure.
fn webhooks(store: &Store, call: &str) -> String {
    let ids = [Status::Pending, Status::Completed, Status::Failed].map(|status| store.ids(status)).into_iter();
    let ids: io::Result<Vec<Vec<String>>> = ids.chain([store.shared()]).collect();
    let ids = match ids {
        Ok(ids) => ids.concat(),
        Err(error) => return format!("cannot be read: {error}"),
    };
    let mut counts = [("delivered", 0_usize), ("pending", 0), ("failed", 0)];
    let mut reasons = Vec::new();
    let mine: std::collections::BTreeSet<String> =
        ids.into_iter().filter(|id| !call.is_empty() && id.contains(call)).collect();
    for case in mine.iter().filter_map(|id| store.find(id).ok().flatten()) {
        for (endpoint, course) in &case.deliveries {
            let place = match course.status {
                Status::Completed => 0,
                Status::Pending => 1,
                Status::Failed => 2,
            };
            counts[place].1 += 1;
            let last = course.last.as_deref().filter(|_| course.status != Status::Completed);
            reasons.extend(
                last.map(|last| format!("{} {}: {}", one_line(endpoint), case.notice.kind.name(), one_line(last))),
            );
        }
    }
    let counted: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}")).collect();
    match (counted.is_empty(), reasons.is_empty()) {
        (true, _) => "none kept".to_owned(),
        (false, true) => counted.join(", "),
        (false, false) => format!("{} ({})", counted.join(", "), reasons.join("; ")),
    }
}

/// An example, shown below the command's options.
pub(super) const HELP: &str = "Example: switchboard records show CA0123456789abcdef0123456789abcdef\n\n\
    A moment a line, in seconds since the call began. `!` is what went wrong; [not heard: …] is what the agent had said and the \
    caller did not hear.";
