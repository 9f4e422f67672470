//! A notice: one event of one call, for receivers. Pure.
//!
//! A notice's id is derived from its call and its kind alone. It is therefore the same however
//! often the event is found: reported by the live call, or read from its record after a crash.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::messages::CallSummary;
use crate::ending::Ending;
use crate::erasure::{LONGEST_KEY, key};
use crate::profile::values::Values;

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// A call's stream has started.
    #[serde(rename = "call.started")]
    CallStarted,
    /// A call has ended.
    #[serde(rename = "call.ended")]
    CallEnded,
    /// A call was transferred to a person.
    #[serde(rename = "call.transferred")]
    CallTransferred,
    /// A call's record is on disk.
    #[serde(rename = "transcript.ready")]
    TranscriptReady,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::CallStarted, Self::CallEnded, Self::CallTransferred, Self::TranscriptReady];

    /// Its name in the configuration and in payloads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CallStarted => "call.started",
            Self::CallEnded => "call.ended",
            Self::CallTransferred => "call.transferred",
            Self::TranscriptReady => "transcript.ready",
        }
    }

    /// The last part of an id.
    const fn word(self) -> &'static str {
        match self {
            Self::CallStarted => "started",
            Self::CallEnded => "ended",
            Self::CallTransferred => "transferred",
            Self::TranscriptReady => "transcript",
        }
    }
}

/// One event of one call, as it is kept until it is delivered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Its id: small letters, digits, `_` and `-`. Sent as `webhook-id`.
    pub id: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When.
    pub at: DateTime<Utc>,
    /// The call.
    pub call: Party,
    /// Why the call ended, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Close>,
    /// The record's files, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordFiles>,
}

/// A call as receivers see it, with the field names of `GET /calls`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Party {
    /// Our id.
    pub id: String,
    /// The carrier.
    pub carrier: String,
    /// The carrier's id of the call.
    pub carrier_call_id: String,
    /// The carrier's id of the stream.
    pub stream_id: String,
    /// Who called whom.
    pub direction: String,
    /// The caller's number.
    pub from: String,
    /// The dialled number.
    pub to: String,
    /// The agent.
    pub agent: String,
    /// The language it began in.
    pub language: String,
    /// The model.
    pub model: String,
    /// When the stream started.
    pub started_at: Option<DateTime<Utc>>,
    /// The values that stood in the agent's texts.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub variables: Values,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Close {
    /// Why: a word of the record's `ending`.
    pub reason: String,
    /// Who ended it.
    pub by: String,
    /// Counted from the stream's start.
    pub duration_ms: u64,
}

/// A record's files, by their names in the folder of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFiles {
    /// The transcript.
    pub transcript: String,
    /// The queue file.
    pub queue: String,
}

impl Notice {
    /// A notice reported by a live call.
    pub fn of_call(kind: Kind, summary: &CallSummary, at: DateTime<Utc>, ending: Option<Ending>) -> Self {
        let took = (at - summary.started_at).to_std().unwrap_or_default();
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let close = |ending: Ending| Close {
            reason: ending.reason().to_owned(),
            by: ending.by().word().to_owned(),
            duration_ms,
        };
        let call = Party {
            id: summary.id.to_string(),
            carrier: summary.carrier.to_owned(),
            carrier_call_id: summary.carrier_call.as_str().to_owned(),
            stream_id: summary.stream.as_str().to_owned(),
            direction: summary.direction.word().to_owned(),
            from: summary.from.expose().clone(),
            to: summary.to.expose().clone(),
            agent: summary.agent.clone(),
            language: summary.language.clone(),
            model: summary.model.clone(),
            started_at: Some(summary.started_at),
            variables: summary.variables.clone(),
        };
        Self { id: id_of(&call.id, kind), kind, at, call, ending: ending.map(close), record: None }
    }

    /// The notices that follow from a record: the call started, it ended, and the record is ready.
    pub fn of_record(record: &Value, files: &RecordFiles) -> Vec<Self> {
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        let moment = |key: &str| record[key].as_i64().and_then(DateTime::from_timestamp_millis);
        let call = Party {
            // A record that another program wrote may lack our id; its file name is unique too.
            id: record["id"].as_str().map_or_else(|| files.transcript.clone(), str::to_owned),
            carrier: text("carrier"),
            carrier_call_id: text("call_id"),
            stream_id: text("stream_id"),
            direction: text("direction"),
            from: text("from"),
            to: text("to"),
            agent: text("agent"),
            language: text("language"),
            model: text("model"),
            started_at: moment("call_start_time"),
            variables: Values::deserialize(&record["variables"]).unwrap_or_default(),
        };
        let word = |key: &str| record["ending"][key].as_str().unwrap_or("unknown").to_owned();
        let duration_ms = record["duration_ms"].as_u64().unwrap_or_default();
        let close = Close { reason: word("reason"), by: word("by"), duration_ms };
        let filed = moment("timestamp").unwrap_or_default();
        let ended = moment("call_end_time").unwrap_or(filed);
        let transferred = close.reason == Ending::Transferred.reason();
        let notice = |kind, at, ending: Option<&Close>, record: Option<&RecordFiles>| Self {
            id: id_of(&call.id, kind),
            kind,
            at,
            call: call.clone(),
            ending: ending.cloned(),
            record: record.cloned(),
        };
        let mut all = vec![
            notice(Kind::CallStarted, call.started_at.unwrap_or(filed), None, None),
            notice(Kind::CallEnded, ended, Some(&close), None),
            notice(Kind::TranscriptReady, filed, Some(&close), Some(files)),
        ];
        if transferred {
            all.push(notice(Kind::CallTransferred, ended, Some(&close), None));
        }
        all
    }
}

/// The ids of every event that a call can have, by our id of the call.
pub fn ids_of(call: &str) -> [String; 4] {
    Kind::ALL.map(|kind| id_of(call, kind))
}

/// Whether a text is a valid notice id, and so a safe file name.
pub fn is_id(text: &str) -> bool {
    let sign = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_' || sign == '-';
    text.starts_with("evt_") && text.len() <= LONGEST_ID && text.chars().all(sign)
}

fn id_of(call: &str, kind: Kind) -> String {
    format!("evt_{}_{}", key(call), kind.word())
}

const LONGEST_ID: usize = LONGEST_KEY + 20;

#[cfg(test)]
mod tests;
