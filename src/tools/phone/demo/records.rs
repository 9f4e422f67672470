//! Checks that a call's records exist and are complete.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The two record files of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Records {
    /// Path of the transcript.
    pub(super) transcript: Option<PathBuf>,
    /// Path of the queue file.
    pub(super) queue: Option<PathBuf>,
    /// The values that stood in the agent's texts.
    pub(super) variables: Value,
    /// What is missing or wrong.
    pub(super) problems: Vec<String>,
}

/// Finds and reads the records in `dir` of the call whose carrier id is `id`.
pub(super) fn check(dir: &Path, id: &str) -> Records {
    let mut records = Records::default();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            records.problems.push(format!("read {}: {error}", dir.display()));
            return records;
        }
    };
    // Other characters of an id are none of a file's name.
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let start = format!("call_{}_", id.chars().map(plain).collect::<String>());
    let mine = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| name(path).starts_with(&start));
    let (mut transcripts, mut queues) = (Vec::new(), Vec::new());
    for path in mine {
        if name(&path).ends_with("_transcript.json") {
            transcripts.push(path);
        } else if name(&path).ends_with("_queue.json") {
            queues.push(path);
        }
    }
    records.transcript = only("transcript", transcripts, &mut records.problems);
    records.queue = only("queue file", queues, &mut records.problems);
    if let Some(path) = records.transcript.clone() {
        records.variables = check_transcript(&path, id, &mut records.problems);
    }
    if let (Some(queue), Some(transcript)) = (records.queue.clone(), &records.transcript) {
        let transcript = name(transcript);
        check_queue(&queue, &transcript, id, &mut records.problems);
    }
    records
}

/// Checks a transcript, and returns its values.
fn check_transcript(path: &Path, id: &str, problems: &mut Vec<String>) -> Value {
    let Some(transcript) = parse(path, TRANSCRIPT_FIELDS, problems) else { return Value::Null };
    if transcript["ucid"] != id {
        problems.push(format!("{}: `ucid` is not the call's id", name(path)));
    }
    if transcript["ending"]["reason"].as_str().is_none_or(str::is_empty) {
        problems.push(format!("{}: `ending` has no reason", name(path)));
    }
    let said = |speaker: &str| {
        let turns = transcript["conversation"].as_array().map(Vec::as_slice).unwrap_or_default();
        turns.iter().any(|turn| {
            let who = turn["speaker"].as_str().unwrap_or_default();
            who == speaker && turn["text"].as_str().is_some_and(|text| !text.trim().is_empty())
        })
    };
    if !AGENT_WORDS.iter().any(|word| said(word)) {
        problems.push(format!("{}: the agent says nothing in `conversation`", name(path)));
    }
    if !CALLER_WORDS.iter().any(|word| said(word)) {
        problems.push(format!("{}: the caller says nothing in `conversation`", name(path)));
    }
    transcript["variables"].clone()
}

fn check_queue(path: &Path, transcript: &str, id: &str, problems: &mut Vec<String>) {
    let Some(queue) = parse(path, QUEUE_FIELDS, problems) else { return };
    if queue["ucid"] != id {
        problems.push(format!("{}: `ucid` is not the call's id", name(path)));
    }
    let named = queue["transcript_file"].as_str().unwrap_or_default();
    if Path::new(named).file_name().is_none_or(|file| file != transcript) {
        problems.push(format!("{}: `transcript_file` is not the call's transcript", name(path)));
    }
}

/// Reads a JSON object that must have these fields.
fn parse(path: &Path, fields: &[&str], problems: &mut Vec<String>) -> Option<Value> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!("{}: {error}", name(path)));
            return None;
        }
    };
    let value: Value = match serde_json::from_str(&text) {
        Ok(value) => value,
        Err(error) => {
            problems.push(format!("{}: not JSON ({error})", name(path)));
            return None;
        }
    };
    let missing: Vec<&str> = fields.iter().copied().filter(|field| value.get(field).is_none()).collect();
    if !missing.is_empty() {
        problems.push(format!("{}: without {}", name(path), missing.join(", ")));
    }
    Some(value)
}

/// Returns the single file that is expected.
fn only(what: &str, mut files: Vec<PathBuf>, problems: &mut Vec<String>) -> Option<PathBuf> {
    if files.len() > 1 {
        problems.push(format!("{} {what}s of one call, expected one", files.len()));
    }
    let file = files.pop();
    if file.is_none() {
        problems.push(format!("no {what} of the call"));
    }
    file
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

const TRANSCRIPT_FIELDS: &[&str] = &[
    "ucid",
    "call_id",
    "carrier",
    "timestamp",
    "duration_ms",
    "call_start_time",
    "call_end_time",
    "from",
    "to",
    "agent",
    "language",
    "ending",
    "transcripts",
    "rich_transcript",
    "conversation",
    "tools",
    "answers",
    "usage",
    "analytics",
];
const QUEUE_FIELDS: &[&str] =
    &["ucid", "call_id", "timestamp", "created_at", "transcript_file", "status", "attempts", "priority"];
/// Labels of an agent turn.
const AGENT_WORDS: &[&str] = &["agent", "assistant"];
/// Labels of a caller turn.
const CALLER_WORDS: &[&str] = &["caller", "user"];

#[cfg(test)]
mod tests;
