//! The events of a call in order, read from its record. Pure.
//!
//! A record may have been written by any version: missing fields are left out, and an entry without
//! a time keeps its place.

use chrono::DateTime;
use serde_json::Value;

use crate::tools::terminal::one_line;

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Seconds since the start of the call. `None` if the record does not have the time.
    pub(super) at: Option<f64>,
    /// The source: `caller`, `agent`, `tool`, `key`, …; `!` for an error.
    pub(super) who: &'static str,
    /// What was said or done, on one line.
    pub(super) what: String,
    /// How much of it was heard, or how long it took.
    pub(super) note: String,
}

/// All entries of a record, in order.
pub(super) fn timeline(record: &Value) -> Vec<Entry> {
    let clock = Clock { began: record["call_start_time"].as_i64() };
    let mut entries = vec![Entry { at: Some(0.0), who: "stream", what: stream(record), note: String::new() }];
    entries.extend(said(record, &clock));
    entries.extend(listed(record, "tools", &clock, "tool", tool));
    entries.extend(listed(record, "keys", &clock, "key", |it| text(&it["key"])));
    entries.extend(listed(record, "answer_details", &clock, "answer", answer));
    let switch = |it: &Value| format!("{} → {}", text(&it["from"]), text(&it["to"]));
    entries.extend(listed(record, "language_switches", &clock, "language", switch));
    entries.extend(listed(record, "transfers", &clock, "transfer", transfer));
    entries.extend(listed(record, "incidents", &clock, "!", incident));
    in_order(&mut entries);
    let lasted = record["duration_ms"].as_f64().map(|ms| ms / 1_000.0);
    entries.push(Entry { at: lasted, who: "end", what: ending(record), note: String::new() });
    entries
}

/// How the call ended, and by whom.
pub(super) fn ending(record: &Value) -> String {
    match (&record["ending"]["reason"], &record["ending"]["by"]) {
        (Value::String(reason), Value::String(by)) => format!("{} by the {}", one_line(reason), one_line(by)),
        (Value::String(reason), _) => one_line(reason),
        _ => "not known how".to_owned(),
    }
}

/// Converts times of a record to seconds since the start of its call.
struct Clock {
    began: Option<i64>,
}

impl Clock {
    fn since(&self, timestamp: &Value) -> Option<f64> {
        let at = match timestamp {
            Value::String(text) => DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis(),
            // Previous services wrote milliseconds.
            Value::Number(ms) => ms.as_i64()?,
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
        };
        #[expect(clippy::cast_precision_loss, reason = "a call has fewer milliseconds")]
        let ms = (at - self.began?) as f64;
        Some(ms / 1_000.0)
    }
}

/// Sorts by time. An entry without a time stays behind its predecessor.
fn in_order(entries: &mut Vec<Entry>) {
    let mut last = 0.0;
    let mut placed: Vec<(f64, Entry)> = Vec::with_capacity(entries.len());
    for entry in entries.drain(..) {
        last = entry.at.unwrap_or(last);
        placed.push((last, entry));
    }
    placed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    entries.extend(placed.into_iter().map(|(_, entry)| entry));
}

fn listed(record: &Value, key: &str, clock: &Clock, who: &'static str, what: impl Fn(&Value) -> String) -> Vec<Entry> {
    let entry = |it: &Value| Entry { at: clock.since(&it["timestamp"]), who, what: what(it), note: String::new() };
    record[key].as_array().into_iter().flatten().map(entry).collect()
}

fn stream(record: &Value) -> String {
    text(&record["stream_id"])
}

/// The spoken words, with how much of them was heard and how long an answer took.
fn said(record: &Value, clock: &Clock) -> Vec<Entry> {
    let turns = spoken(record);
    let mut latencies: Vec<&Value> = record["latency"].as_array().into_iter().flatten().collect();
    let mut turn = 0_u64;
    let mut entries = Vec::with_capacity(turns.len());
    for it in turns {
        let of_caller = it.speaker == "user";
        turn += u64::from(of_caller);
        let mut note = Vec::new();
        // The agent's first words after a turn of the caller are its answer.
        if !of_caller && it.by_model {
            let answers = latencies.iter().position(|latency| latency["turn"].as_u64() == Some(turn));
            note.extend(answers.map(|at| waited(latencies.remove(at))));
        }
        let (what, heard) =
            if of_caller { (one_line(it.text), None) } else { heard(it.text, it.heard, it.interrupted) };
        note.extend(heard);
        let who = if of_caller { "caller" } else { "agent" };
        entries.push(Entry { at: clock.since(it.timestamp), who, what, note: note.join(", ") });
    }
    let left = |latency: &Value| Entry {
        at: None,
        who: "turn",
        what: format!("the answer to turn {} came {}", latency["turn"], waited(latency)),
        note: String::new(),
    };
    entries.extend(latencies.into_iter().map(left));
    entries
}

/// The words of one turn.
struct Spoken<'r> {
    speaker: &'r str,
    text: &'r str,
    heard: Option<&'r str>,
    interrupted: bool,
    /// Whether the model said it. A line that the service plays itself has `false`.
    by_model: bool,
    timestamp: &'r Value,
}

/// The words in the most detailed form that the record has.
fn spoken(record: &Value) -> Vec<Spoken<'_>> {
    let list = |key: &str| record[key].as_array().filter(|list| !list.is_empty());
    if let Some(list) = list("conversation") {
        return list
            .iter()
            .map(|it| Spoken {
                speaker: it["speaker"].as_str().unwrap_or_default(),
                text: it["text"].as_str().unwrap_or_default(),
                heard: it["heard"].as_str(),
                interrupted: it["interrupted"] == true,
                by_model: it["event_type"] != "line_played",
                timestamp: &it["timestamp"],
            })
            .collect();
    }
    let plain =
        |speaker, text, timestamp| Spoken { speaker, text, heard: None, interrupted: false, by_model: true, timestamp };
    if let Some(list) = list("rich_transcript") {
        let each = list.iter();
        return each
            .map(|it| {
                plain(
                    it["role"].as_str().unwrap_or_default(),
                    it["content"].as_str().unwrap_or_default(),
                    &it["timestamp"],
                )
            })
            .collect();
    }
    let each = list("transcripts").into_iter().flatten();
    each.map(|it| plain("", it.as_str().unwrap_or_default(), &Value::Null)).collect()
}

/// Separates the words that were not heard, and returns how much was heard.
fn heard(text: &str, heard: Option<&str>, interrupted: bool) -> (String, Option<String>) {
    let Some(heard) = heard else {
        return (one_line(text), interrupted.then(|| "interrupted".to_owned()));
    };
    let (all, ear) = (text.trim().chars().count(), heard.trim().chars().count());
    let share = (ear * 100).checked_div(all).map_or(100, |share| share.min(100));
    let note = format!("heard {share} %{}", if interrupted { ", interrupted" } else { "" });
    let what = match text.trim().strip_prefix(heard.trim()) {
        _ if share == 100 => one_line(text),
        Some(rest) if heard.trim().is_empty() => format!("[not heard: {}]", one_line(rest.trim())),
        Some(rest) => format!("{} [not heard: {}]", one_line(heard.trim()), one_line(rest.trim())),
        None => format!("{} [heard: {}]", one_line(text), one_line(heard.trim())),
    };
    (what, Some(note))
}

/// How long an answer took, and the share of each part.
fn waited(latency: &Value) -> String {
    let seconds = |key: &str| latency[key].as_f64().map(|ms| ms / 1_000.0);
    let play = match (seconds("first_sent_ms"), seconds("first_heard_ms")) {
        (None, None) => None,
        (sent, heard) => Some(sent.unwrap_or_default() + heard.unwrap_or_default()),
    };
    let parts = [
        ("end of turn", seconds("end_of_speech_ms")),
        // Of a model that is joined of engines, the share of each is known.
        ("model", seconds("first_delta_ms").filter(|_| latency["mind_ms"].is_null())),
        ("mind", seconds("mind_ms")),
        ("voice", seconds("voice_ms")),
        ("play", play),
        ("filler after", seconds("filler_ms")),
        ("tools", seconds("tools_ms")),
    ];
    let parts: Vec<String> =
        parts.iter().filter_map(|(name, took)| took.map(|took| format!("{name} {took:.2}"))).collect();
    let total = seconds("total_ms").map_or_else(|| "at an unknown time".to_owned(), |total| format!("{total:.2} s"));
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    format!("{total} after the last word{parts}")
}

fn tool(it: &Value) -> String {
    let arguments = match &it["arguments"] {
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| format!("{}={}", one_line(key), text(value))).collect::<Vec<_>>().join(" ")
        }
        Value::Null => String::new(),
        other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => text(other),
    };
    let output = Some(text(&it["output"])).filter(|output| !output.is_empty());
    let output = output.map(|output| format!("→ {output}")).unwrap_or_default();
    let parts = [text(&it["name"]), clipped(&arguments), clipped(&output)];
    parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn answer(it: &Value) -> String {
    let status = it["status"].as_str().map(|status| format!(" ({})", one_line(status))).unwrap_or_default();
    format!("{} = {}{status}", text(&it["key"]), clipped(&text(&it["value"])))
}

fn transfer(it: &Value) -> String {
    let reason = it["reason"].as_str().filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| format!(" ({})", one_line(reason))).unwrap_or_default();
    format!("{} → {}{reason}", text(&it["destination"]), text(&it["outcome"]))
}

fn incident(it: &Value) -> String {
    let times = it["times"].as_u64().filter(|times| *times > 1).map(|times| format!(" ({times} times)"));
    let detail = it["detail"].as_str().filter(|detail| !detail.is_empty());
    let detail = detail.map(|detail| format!(": {}", one_line(detail))).unwrap_or_default();
    format!("{}{detail}{}", text(&it["kind"]).replace('_', " "), times.unwrap_or_default())
}

/// A value on one line: text unchanged, empty if missing, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => one_line(text),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            one_line(&other.to_string())
        }
    }
}

fn clipped(text: &str) -> String {
    if text.chars().count() <= LONGEST_VALUE {
        return text.to_owned();
    }
    text.chars().take(LONGEST_VALUE - 1).chain(['…']).collect()
}

/// Maximum number of characters shown of a tool's arguments or its result. `--json` has all of
/// them.
const LONGEST_VALUE: usize = 160;

#[cfg(test)]
mod tests;
