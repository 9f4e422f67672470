//! The files that calls leave, and the command that an operator runs over them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

/// Writes every kind of file that a call can leave.
pub(super) fn leave(home: &Path, carrier_id: &str, id: &str, from: &str) -> Vec<PathBuf> {
    let dir = home.join("records");
    let stem = format!("call_{carrier_id}_1760700060000");
    let files = [
        (format!("{stem}_transcript.json"), transcript(carrier_id, id, from)),
        (format!("{stem}_queue.json"), json!({ "id": id, "status": "completed" }).to_string()),
        (format!("recordings/{stem}.wav"), "RIFF".to_owned()),
        (format!("recordings/{id}.wav"), "RIFF".to_owned()),
        (format!("deliveries/failed/{carrier_id}.json"), json!({ "data": { "call": id } }).to_string()),
        (format!("journal/aside/{id}.torn"), "noise".to_owned()),
    ];
    let paths = files.map(|(name, text)| {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(&path, text).expect("writable");
        path
    });
    paths.into()
}

pub(super) fn transcript(carrier_id: &str, id: &str, from: &str) -> String {
    json!({
        "ucid": carrier_id, "call_id": carrier_id, "id": id, "direction": "inbound", "from": from, "to": "+15550100002",
        "call_start_time": 1_760_700_000_000_i64, "conversation": [{ "speaker": "user", "text": "Hello?" }],
        "recording": format!("call_{carrier_id}_1760700000000_recording.wav"),
    })
    .to_string()
}

pub(super) fn put(home: &Path, path: &str, text: &str) -> PathBuf {
    let path = home.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
    fs::write(&path, text).expect("writable");
    path
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn records(home: &Path, arguments: &[&str]) -> Output {
    records_with(home, arguments, &[])
}

pub(super) fn records_with(home: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .arg("records")
        .args(arguments)
        .current_dir(home)
        .env("SWITCHBOARD__RECORDS__DIR", "records")
        .env("SWITCHBOARD__RECORDS__LEGACY_DIR", "old")
        .env("SWITCHBOARD__RECORDING__DIR", "sound")
        .envs(settings.iter().copied())
        .output()
        .expect("the binary runs")
}
