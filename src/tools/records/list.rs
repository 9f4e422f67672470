//! `switchboard records list`: lists the calls, one per line.

use std::collections::BTreeSet;
use std::time::Duration;
use std::{fs, io};

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::{Value, json};
use switchboard_actors::clock;
use switchboard_actors::numbers::{Likeness, Numbering};

use super::command::{print, tell};
use super::folders::{Call, RecordFolders, digits};
use crate::tools::terminal::{columns, fitted, json_text, one_line, width};

/// What `list` is asked.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only the newest of them
    #[arg(long, value_name = "NUMBER")]
    last: Option<usize>,
    /// Only calls that began since then: `1h` ago, or a moment as 2026-11-29T03:00:00Z
    #[arg(long, value_name = "TIME", value_parser = Since::read)]
    since: Option<Since>,
    /// Only calls that ended so, as `model_lost`
    #[arg(long, value_name = "REASON")]
    ending: Option<String>,
    /// Only calls of this agent
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only calls with this caller or callee, in any spelling of the number
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    caller: Option<String>,
    /// Shows numbers unmasked
    #[arg(long)]
    full: bool,
}

/// The start of the period.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Since {
    /// This long ago.
    Ago(Duration),
    /// At this time.
    Moment(DateTime<Utc>),
}

/// Prints the list. Returns whether all records could be read.
pub(super) fn run(dirs: &RecordFolders, numbering: Numbering, asked: &ListArgs, as_json: bool) -> io::Result<bool> {
    let mut found = dirs.calls()?;
    let all = found.calls.len();
    let endings: BTreeSet<String> = found.calls.iter().map(|call| word(&call.transcript["ending"]["reason"])).collect();
    found.calls.retain(|call| asked.wants(call, numbering, clock::wall()));
    let skipped = asked.last.map_or(0, |last| found.calls.len().saturating_sub(last));
    let calls = &found.calls[skipped..];
    if as_json {
        let rows: Vec<Value> = calls.iter().map(row).collect();
        print(&json_text(&json!({ "calls": rows, "problems": found.problems })))?;
    } else if calls.is_empty() && all > 0 && asked.last != Some(0) {
        let endings: Vec<String> = endings.into_iter().collect();
        let there = one_line(&endings.join(", "));
        print(&format!(
            "none of {all} records in {} is such a call; endings there are: {there}\n",
            dirs.dir().display()
        ))?;
    } else if calls.is_empty() {
        print(&format!("no records in {}\n", dirs.dir().display()))?;
    } else {
        let lines: Vec<Line> = calls.iter().map(|call| line(call, asked.full)).collect();
        print(&table(&lines, width()))?;
    }
    tell(&found.problems);
    Ok(found.problems.is_empty())
}

impl ListArgs {
    fn wants(&self, call: &Call, numbering: Numbering, now: DateTime<Utc>) -> bool {
        let it = &call.transcript;
        let is = |wanted: &Option<String>, value: &Value| wanted.as_ref().is_none_or(|wanted| value == wanted);
        is(&self.agent, &it["agent"])
            && is(&self.ending, &it["ending"]["reason"])
            && self
                .caller
                .as_deref()
                .is_none_or(|caller| numbering.compare(call.other_party(), caller) == Likeness::Same)
            && self.since.is_none_or(|since| since.includes(it, now))
    }
}

impl Since {
    /// Reads the option's value.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        since(text)
    }

    /// Whether a record's call began in the period.
    pub(super) fn includes(self, record: &Value, now: DateTime<Utc>) -> bool {
        let began = record["call_start_time"].as_i64().or_else(|| record["timestamp"].as_i64());
        began.is_some_and(|began| began >= self.from(now).timestamp_millis())
    }

    fn from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Ago(ago) => {
                now.checked_sub_signed(chrono::TimeDelta::from_std(ago).unwrap_or_default()).unwrap_or(now)
            }
            Self::Moment(moment) => moment,
        }
    }
}

fn since(text: &str) -> Result<Since, String> {
    let moment = || DateTime::parse_from_rfc3339(text).ok().map(|moment| Since::Moment(moment.into()));
    let day = || {
        let midnight = text.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?;
        Some(Since::Moment(midnight.and_utc()))
    };
    let ago = || humantime::parse_duration(text).ok().map(Since::Ago);
    ago().or_else(moment).or_else(day).ok_or_else(|| {
        "expected how long ago, as 1h or 30min, or a moment, as 2026-11-29T03:00:00Z or 2026-11-29 (UTC)".to_owned()
    })
}

/// One call as JSON, with complete numbers.
fn row(call: &Call) -> Value {
    let it = &call.transcript;
    json!({
        "id": it["id"],
        "carrier_call_id": it["ucid"],
        "carrier": it["carrier"],
        "started_at": started(call).map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
        "duration_ms": it["duration_ms"],
        "from": it["from"],
        "to": it["to"],
        "agent": it["agent"],
        "ending": it["ending"]["reason"],
        "queue": queue(call),
        "transcript_file": call.path.display().to_string(),
    })
}

fn started(call: &Call) -> Option<DateTime<Utc>> {
    call.transcript["call_start_time"].as_i64().and_then(DateTime::from_timestamp_millis)
}

/// The status of the call's queue file, if there is one.
pub(super) fn queue(call: &Call) -> Option<Value> {
    let queue = serde_json::from_slice::<Value>(&fs::read(call.queue()).ok()?).ok()?;
    Some(queue["status"].clone())
}

/// One call as text, column by column.
type Line = [String; 7];

const HEAD: [&str; 7] = ["STARTED (UTC)", "LASTED", "CALL", "PERSON", "AGENT", "ENDING", "QUEUE"];
/// Columns that are dropped first if the table is too wide. Anything further is cut at the end of
/// the line.
const DISPENSABLE: [usize; 2] = [6, 4];

fn line(call: &Call, full: bool) -> Line {
    let it = &call.transcript;
    let lasted = it["duration_ms"].as_f64().map_or_else(|| "-".to_owned(), |ms| format!("{:.1} s", ms / 1_000.0));
    [
        started(call).map_or_else(|| "-".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S").to_string()),
        lasted,
        word(&it["ucid"]),
        if full { one_line(call.other_party()) } else { masked(call.other_party()) },
        word(&it["agent"]),
        word(&it["ending"]["reason"]),
        queue(call).as_ref().map_or_else(|| "-".to_owned(), word),
    ]
}

/// Formats the table, at most `room` columns wide if that is given.
fn table(lines: &[Line], room: Option<usize>) -> String {
    let mut shown: Vec<usize> = (0..HEAD.len()).collect();
    let wide = |column: usize| {
        let cells = lines.iter().map(|line| columns(&line[column]));
        cells.chain([columns(HEAD[column])]).max().unwrap_or_default()
    };
    let total = |shown: &[usize]| shown.iter().map(|column| wide(*column) + 2).sum::<usize>().saturating_sub(2);
    for column in DISPENSABLE {
        if room.is_some_and(|room| total(&shown) > room) {
            shown.retain(|shown| *shown != column);
        }
    }
    let written = |cells: &dyn Fn(usize) -> String| {
        let cells: Vec<String> = shown.iter().map(|column| fitted(&cells(*column), wide(*column))).collect();
        let line = cells.join("  ");
        let line = line.trim_end();
        room.filter(|room| columns(line) > *room).map_or_else(|| line.to_owned(), |room| fitted(line, room)) + "\n"
    };
    let head = written(&|column| HEAD[column].to_owned());
    lines.iter().fold(head, |text, line| text + &written(&|column| line[column].clone()))
}

fn word(value: &Value) -> String {
    let word = value.as_str().map(one_line).unwrap_or_default();
    if word.is_empty() { "-".to_owned() } else { word }
}

/// The last digits of a number: enough to recognise it, too few to call it.
pub(super) fn masked(number: &str) -> String {
    let digits = digits(number);
    let shown = digits.len().saturating_sub(4);
    if digits.len() < 7 { "-".to_owned() } else { format!("…{}", &digits[shown..]) }
}

/// Examples, shown below the command's options.
pub(super) const HELP: &str = "Examples:\n  switchboard records list --last 20 --json\n  \
    switchboard records list --since 1h --ending model_lost --agent sales\n\n\
    Numbers of people are shown by their last four digits; --full shows them whole, and so does --json.";

#[cfg(test)]
mod tests;
