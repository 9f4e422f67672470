//! A sample record, with fictitious numbers and words.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};
use serde_json::{Value, json};

use super::Material;
use crate::delivery::notice::{Kind, Notice, RecordFiles};

/// The record of a call whose caller has given the name and nothing else.
pub(super) fn record() -> Value {
    json!({
        "ucid": "U1", "call_id": "U1", "id": "6f1b1c1e-0000-4000-8000-000000000001", "carrier": "testing",
        "timestamp": 1_760_700_065_100_i64, "duration_ms": 64_600,
        "call_start_time": 1_760_700_000_000_i64, "call_end_time": 1_760_700_064_600_i64,
        "from": "+91 98000 00000", "to": "+912200000000", "agent": "reception", "language": "hi", "model": "m",
        "stream_id": "U1", "direction": "inbound",
        "ending": {"reason": "caller_hung_up", "by": "caller"},
        "transcripts": ["What is your name?", "Asha"],
        "conversation": [
            {"timestamp": "2025-10-17T11:20:08.000Z", "speaker": "assistant", "text": "What is your name?", "heard": null, "interrupted": false},
            {"timestamp": "2025-10-17T11:20:11.000Z", "speaker": "user", "text": "Asha", "heard": null, "interrupted": false},
            {"timestamp": "2025-10-17T11:20:14.000Z", "speaker": "assistant", "text": "Which model?", "heard": null, "interrupted": true},
        ],
        "answers": {"name": "Asha"},
        "language_switches": [],
        "transfers": [],
        "analytics": {
            "completion": "partial",
            "drop_off": {"key": "model", "timestamp": "2025-10-17T11:20:14.000Z"},
            "questions": [
                {"key": "name", "label": "What's your name", "value": "Asha", "status": "verified", "attempts": 1,
                 "attempts_details": [
                    {"sequence": 1, "start_time": "2025-10-17T11:20:08.000Z", "end_time": "2025-10-17T11:20:11.000Z"}]},
                {"key": "model", "label": "Which model you are looking for", "value": null, "status": "not_captured",
                 "attempts": 0, "attempts_details": []},
                {"key": "email", "label": "What is your email id", "value": null, "status": "not_captured",
                 "attempts": 0, "attempts_details": []},
            ],
        },
    })
}

/// Runs `make` with the notice that `record` is ready.
pub(super) fn material<T>(record: &Value, make: impl FnOnce(Material<'_>) -> T) -> T {
    let files = RecordFiles { transcript: "t".to_owned(), queue: "q".to_owned() };
    let notices = Notice::of_record(record, &files);
    let notice = notices.iter().find(|notice| notice.kind == Kind::TranscriptReady).expect("there");
    material_of(notice, Some(record), make)
}

/// Runs `make` with a notice.
pub(super) fn material_of<T>(notice: &Notice, record: Option<&Value>, make: impl FnOnce(Material<'_>) -> T) -> T {
    make(Material { notice, record, local: in_india })
}

fn in_india(moment: DateTime<Utc>) -> NaiveDateTime {
    let zone = FixedOffset::east_opt(5 * 3600 + 1800).expect("a zone");
    moment.with_timezone(&zone).naive_local()
}
