//! `switchboard records`, as an operator uses it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

#[test]
fn a_caller_is_forgotten_and_nobody_else() {
    let home = tempfile::tempdir().expect("a folder");
    let ours = leave(home.path(), "CA1", "11111111-0000-4000-8000-000000000001", "+919800000001");
    let other = leave(home.path(), "CA2", "22222222-0000-4000-8000-000000000002", "+919800000002");
    let listed: Value = serde_json::from_slice(&records(home.path(), &["list", "--json"]).stdout).expect("JSON");
    assert_eq!(listed["calls"].as_array().map(Vec::len), Some(2));

    let tried = records(home.path(), &["erase", "--caller", "0091 98000-00001", "--dry-run"]);
    assert!(tried.status.success() && ours.iter().all(|path| path.exists()), "nothing goes in a dry run");
    let erased = records(home.path(), &["erase", "--caller", "0091 98000-00001"]);
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    let left: Vec<_> = ours.iter().filter(|path| path.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
    let gone: Vec<_> = other.iter().filter(|path| !path.exists()).collect();
    assert!(gone.is_empty(), "{gone:?}");

    let shown = records(home.path(), &["show", "CA2"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("user: Hello?"));
    assert_eq!(records(home.path(), &["show", "CA1"]).status.code(), Some(1));
    assert!(records(home.path(), &["erase", "--call", "22222222-0000-4000-8000-000000000002"]).status.success());
    assert!(other.iter().all(|path| !path.exists()));
}

#[test]
fn what_could_be_anybodys_is_told_and_not_passed_over() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("records");
    fs::create_dir_all(dir.join("journal/aside")).expect("a folder");
    fs::write(dir.join("call_CA1_1760700000000_transcript.json"), "{ torn").expect("writable");
    fs::write(dir.join("journal/aside/x.unreadable"), "noise").expect("writable");
    let erased = records(home.path(), &["erase", "--caller", "+919800000001"]);
    assert_eq!(erased.status.code(), Some(1));
    let told = String::from_utf8_lossy(&erased.stderr).into_owned();
    assert!(told.contains("call_CA1_1760700000000") && told.contains("cannot be read"), "{told}");
    assert_eq!(records(home.path(), &["erase", "--caller", "anonymous"]).status.code(), Some(2));
    assert_eq!(records(home.path(), &["erase"]).status.code(), Some(2));
}

/// Everything that a call can leave.
fn leave(home: &Path, carrier_id: &str, id: &str, from: &str) -> Vec<std::path::PathBuf> {
    let dir = home.join("records");
    let stem = format!("call_{carrier_id}_1760700000000");
    let transcript = json!({
        "ucid": carrier_id, "call_id": carrier_id, "id": id, "direction": "inbound", "from": from, "to": "+15550100002",
        "call_start_time": 1_760_700_000_000_i64, "conversation": [{ "speaker": "user", "text": "Hello?" }],
    });
    let files = [
        (format!("{stem}_transcript.json"), transcript.to_string()),
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

fn records(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .arg("records")
        .args(arguments)
        .current_dir(home)
        .env("SWITCHBOARD__RECORDS__DIR", "records")
        .output()
        .expect("the binary runs")
}
