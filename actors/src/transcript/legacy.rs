//! The second set of files, in the folders and shapes that the queue processor of the predecessor
//! service reads. Pure.
//!
//! The processor polls `processing` for `*_queue.json`, reads `call_id` and the bare name in
//! `transcript_file`, and looks that name up in `transcripts`. It ignores the other fields of our
//! files.

use serde_json::{Map, Value, json};

/// The folder of transcripts, within the top folder.
pub(super) const TRANSCRIPTS: &str = "transcripts";
/// The folder of queue files.
pub(super) const PROCESSING: &str = "processing";

/// A transcript in the old shape: ours with the additional fields that the processor reads.
///
/// # Errors
/// Fails if `ours` is not a JSON object. A record always is one.
pub(super) fn transcript(ours: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut file: Map<String, Value> = serde_json::from_slice(ours)?;
    if let Some(ms) = file.get("timestamp").and_then(Value::as_i64) {
        // The old file has an ISO time; ours has milliseconds.
        file.insert("timestamp".to_owned(), json!(rfc3339(ms)));
    }
    if let Some(duration) = file.get("duration_ms").cloned() {
        file.insert("call_duration".to_owned(), duration);
    }
    let said = file.get("conversation").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let users: Vec<&Value> = said.iter().filter(|turn| turn["speaker"] == "user").map(|turn| &turn["text"]).collect();
    let simple = json!(&users[users.len().saturating_sub(LAST_WORDS)..]);
    file.insert("simple_transcripts".to_owned(), simple);
    file.insert(
        "current_sales_data".to_owned(),
        json!({ "full_name": null, "car_model": null, "email_id": null, "verified_fields": [], "processing_status": "pending" }),
    );
    if let Some(Value::Object(analytics)) = file.get_mut("analytics") {
        let pairs = analytics.get("user_messages").cloned().unwrap_or_default();
        for (key, value) in
            [("question_answer_pairs", pairs), ("parameters_attempted", json!([])), ("parameters_captured", json!([]))]
        {
            analytics.entry(key).or_insert(value);
        }
    }
    serde_json::to_vec_pretty(&file)
}

/// A queue file in the old shape: `transcript_file` is a bare name.
///
/// # Errors
/// Fails if `ours` is not a JSON object. A record always is one.
pub(super) fn queue(ours: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut file: Map<String, Value> = serde_json::from_slice(ours)?;
    if let Some(name) = file.get("transcript_name").cloned() {
        file.insert("transcript_file".to_owned(), name);
    }
    serde_json::to_vec_pretty(&file)
}

fn rfc3339(ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(ms)
        .map(|moment| moment.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
        .unwrap_or_default()
}

/// The number of the caller's last utterances, which the old file lists separately.
const LAST_WORDS: usize = 5;

#[cfg(test)]
mod tests;
