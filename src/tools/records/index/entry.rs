//! What the index knows of a record. Pure.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::words::spelled;
use crate::tools::records::owners::{our_id, recordings_of};

/// A record as it is indexed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// When the call began, in milliseconds since 1970.
    pub(super) began_ms: i64,
    /// Our id of the call; for a record of another producer, the carrier's.
    pub(super) id: String,
    /// The carrier's id of the call.
    pub(super) carrier_call: String,
    /// The agent.
    pub(super) agent: String,
    /// The carrier.
    pub(super) carrier: String,
    /// Why the call ended.
    pub(super) ending: String,
    /// What the analysis of the call made of it; empty without one.
    pub(super) disposition: String,
    /// What was said, summed up and answered, in the index's spelling.
    pub(super) said: String,
    /// Ids and numbers, by which people look for a call.
    pub(super) names: String,
    /// The record's row in the list, as JSON.
    pub(super) shown: String,
}

/// A row of the list: the fields of a call, as far as a list needs them.
pub type Listed = Map<String, Value>;

impl Entry {
    /// The entry of a record, filed in `name`.
    pub(super) fn of(record: &Value, name: &str) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let carrier_call = text(if record["ucid"].is_string() { &record["ucid"] } else { &record["call_id"] });
        let ours = record["id"].as_str().filter(|id| our_id(id).as_deref() == Some(id));
        let stem = name.strip_suffix(super::super::folders::TRANSCRIPT).unwrap_or(name);
        let id = [ours.unwrap_or_default(), &carrier_call, stem].into_iter().find(|id| !id.is_empty());
        let id = id.unwrap_or_default().to_owned();
        let began_ms = record["call_start_time"].as_i64().or_else(|| record["timestamp"].as_i64()).unwrap_or(0);
        let shown = Value::Object(listed(record, &id, &carrier_call));
        Self {
            began_ms: began_ms.clamp(0, LATEST_MS),
            agent: text(&record["agent"]),
            carrier: text(&record["carrier"]),
            ending: text(&record["ending"]["reason"]),
            disposition: text(&record["disposition"]),
            said: said(record),
            names: [&id, &carrier_call, &text(&record["from"]), &text(&record["to"])].map(String::as_str).join(" "),
            shown: shown.to_string(),
            id,
            carrier_call,
        }
    }
}

/// The row of a record, with the field names of `GET /calls`.
fn listed(record: &Value, id: &str, carrier_call: &str) -> Listed {
    let mut row = Map::new();
    row.insert("id".to_owned(), id.into());
    row.insert("carrier_call_id".to_owned(), carrier_call.into());
    for name in LISTED {
        if let Some(value) = record.get(*name) {
            row.insert((*name).to_owned(), value.clone());
        }
    }
    for name in ["turns", "barge_ins", "dropped_frames"] {
        row.insert(name.to_owned(), record["analytics"][name].clone());
    }
    for (name, ms) in [("started_at", "call_start_time"), ("ended_at", "call_end_time")] {
        row.insert(name.to_owned(), moment(&record[ms]));
    }
    row.insert("recorded".to_owned(), recordings_of(record).next().is_some().into());
    row
}

/// A record in full, for `GET /records/{id}`: as it was filed, and with the names of `GET /calls` for
/// what it calls otherwise.
pub fn of_record(mut record: Value) -> Value {
    let also = json!({
        "carrier_call_id": record["ucid"],
        "state": "ended",
        "started_at": moment(&record["call_start_time"]),
        "ended_at": moment(&record["call_end_time"]),
    });
    if let (Value::Object(record), Value::Object(also)) = (&mut record, also) {
        also.into_iter().for_each(|(name, value)| {
            record.entry(name).or_insert(value);
        });
    }
    record
}

fn moment(ms: &Value) -> Value {
    let moment = ms.as_i64().and_then(DateTime::from_timestamp_millis);
    moment.map_or(Value::Null, |at| at.to_rfc3339_opts(SecondsFormat::Millis, true).into())
}

/// Everything in words: the conversation, the summary, the disposition, the answers.
fn said(record: &Value) -> String {
    let mut said = String::new();
    let mut add = |text: &str| {
        if said.len() + text.len() < MOST_SAID {
            said.push_str(text);
            said.push('\n');
        }
    };
    match record["conversation"].as_array() {
        Some(entries) => entries.iter().filter_map(|entry| entry["text"].as_str()).for_each(&mut add),
        None => record["transcripts"].as_array().into_iter().flatten().filter_map(Value::as_str).for_each(&mut add),
    }
    for name in ["summary", "disposition"] {
        record[name].as_str().into_iter().for_each(&mut add);
    }
    for answer in record["answers"].as_object().into_iter().flat_map(|answers| answers.values()) {
        match answer.as_str() {
            Some(answer) => add(answer),
            None => add(&answer.to_string()),
        }
    }
    spelled(&said)
}

/// Fields of a record that its row has under the same name.
const LISTED: &[&str] = &[
    "carrier",
    "direction",
    "from",
    "to",
    "agent",
    "language",
    "model_provider",
    "model",
    "duration_ms",
    "ending",
    "disposition",
    "summary",
    "cost_usd",
    "variant",
    "node",
];
/// The most bytes of words that are indexed of one call: more than a day of speech has.
const MOST_SAID: usize = 4 * 1024 * 1024;
/// The year 5138: a wrong clock must not overflow the index's numbers.
const LATEST_MS: i64 = 100_000_000_000_000;
