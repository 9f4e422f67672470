//! `switchboard records` from the operator's point of view.

mod erase;
mod files;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use files::{leave, records};
use serde_json::{Value, json};

/// The operator's configuration on the service's host. It requires secrets that the operator does
/// not have.
const PRODUCTION: &str = "[server]\npublic_url = \"https://voice.example.com\"\nbind = \"0.0.0.0:8080\"\n\
    [realtime]\nprovider = \"openai\"\n[records]\ndir = \"DIR\"\n";

#[test]
fn records_and_deliveries_need_no_secrets_and_take_their_options_in_any_place() {
    let home = tempfile::tempdir().expect("a folder");
    leave(home.path(), "CA1", "11111111-0000-4000-8000-000000000001", "+919800000001");
    let dir = home.path().join("records").display().to_string();
    let file = home.path().join("production.toml").display().to_string();
    fs::write(&file, PRODUCTION.replace("DIR", &dir)).expect("writable");
    let elsewhere = tempfile::tempdir().expect("a folder");
    for arguments in [
        &["records", "--config", &file, "list"][..],
        &["records", "list", "--config", &file],
        &["records", "list", "--dir", &dir],
        &["records", "--dir", &dir, "show", "CA1"],
        &["deliveries", "--config", &file, "list"],
        &["deliveries", "list", "--dir", &dir, "--json"],
        &["records", "erase", "--config", &file, "--caller", "+919800000001", "--dry-run"],
    ] {
        let output = run(elsewhere.path(), arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let listed = run(elsewhere.path(), &["records", "list", "--dir", &dir]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("CA1"));
}

#[test]
fn a_missing_folder_is_an_error_and_not_an_empty_list() {
    let home = tempfile::tempdir().expect("a folder");
    for command in ["records", "deliveries"] {
        let output = run(home.path(), &[command, "list"]);
        assert_eq!(output.status.code(), Some(1), "{command}");
        let problem = String::from_utf8_lossy(&output.stderr).into_owned();
        let folder = home.path().canonicalize().expect("there").join("data/calls");
        let expected =
            format!("there is no folder {} (records.dir of built-in defaults); give --config", folder.display());
        assert!(problem.contains(&expected), "{problem}");
    }
    let output = run(home.path(), &["records", "list", "--config", "nowhere.toml"]);
    assert_eq!(output.status.code(), Some(2), "a configuration that is not there is no records");
}

#[test]
fn a_call_is_shown_moment_by_moment_and_nothing_of_it_moves_the_terminal() {
    let home = tempfile::tempdir().expect("a folder");
    let paths = leave(home.path(), "CA1", "11111111-0000-4000-8000-000000000001", "+919800000001");
    let mut record: Value = serde_json::from_slice(&fs::read(&paths[0]).expect("there")).expect("JSON");
    record["duration_ms"] = json!(34_000);
    record["ending"] = json!({ "reason": "model_lost", "by": "model" });
    record["agent"] = json!("sales");
    record["conversation"] = json!([{
        "timestamp": "2025-10-17T11:20:09.610Z", "speaker": "assistant", "text": "Hello, this is\u{1b}[2J Anna\u{202e}",
        "heard": "Hello, this is", "interrupted": true, "event_type": "response_audio_transcript_done",
    }]);
    record["incidents"] = json!([{ "timestamp": "2025-10-17T11:20:15.200Z", "at_ms": 15_200, "kind": "model_mute", "detail": "an answer was owed", "times": 1 }]);
    record["recordings"] = json!(["call_CA1_1_recording.wav", "call_CA1_1_recording_2.wav"]);
    fs::write(&paths[0], record.to_string()).expect("writable");
    let shown = String::from_utf8(records(home.path(), &["show", "CA1"]).stdout).expect("text");
    for expected in [
        "CA1  11111111-0000-4000-8000-000000000001",
        "…0001 → +15550100002",
        "ended model_lost by the model after 34.0 s",
        "    9.61  agent     Hello, this is [not heard: ",
        "heard 5",
        "interrupted",
        "   15.20  !         model mute: an answer was owed",
        "call_CA1_1_recording_2.wav",
    ] {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    let json = String::from_utf8(records(home.path(), &["show", "CA1", "--json"]).stdout).expect("text");
    for text in [&shown, &json] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON"), record);
    let full = records(home.path(), &["show", "CA1", "--full"]);
    assert!(String::from_utf8_lossy(&full.stdout).contains("+919800000001 → "));
}

#[test]
fn calls_are_found_by_how_they_ended_when_and_with_whom() {
    let home = tempfile::tempdir().expect("a folder");
    for (call, caller, ending, began) in [
        ("CA1", "+919800000001", "model_lost", "2025-10-17T11:20:00Z"),
        ("CA2", "+919800000002", "caller_hung_up", "2025-10-17T12:20:00Z"),
    ] {
        let id = format!("{}{}-0000-4000-8000-000000000001", "1111111", &call[2..]);
        let path = leave(home.path(), call, &id, caller).swap_remove(0);
        let mut record: Value = serde_json::from_slice(&fs::read(&path).expect("there")).expect("JSON");
        record["ending"] = json!({ "reason": ending, "by": "caller" });
        record["agent"] = json!("sales");
        record["call_start_time"] =
            json!(chrono::DateTime::parse_from_rfc3339(began).expect("a moment").timestamp_millis());
        fs::write(&path, record.to_string()).expect("writable");
    }
    let found = |arguments: &[&str]| -> Vec<String> {
        let printed = records(home.path(), &[&["list", "--json"], arguments].concat());
        let printed: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
        let calls = printed["calls"].as_array().expect("a list").iter();
        calls.map(|call| call["carrier_call_id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(found(&["--ending", "model_lost"]), ["CA1"]);
    assert_eq!(found(&["--agent", "sales"]), ["CA1", "CA2"]);
    assert_eq!(found(&["--caller", "0091 98000 00002"]), ["CA2"]);
    assert_eq!(found(&["--since", "2025-10-17T12:00:00Z"]), ["CA2"]);
    assert!(found(&["--since", "1h"]).is_empty());
    let none = records(home.path(), &["list", "--ending", "drained"]);
    let printed = String::from_utf8_lossy(&none.stdout).into_owned();
    assert!(
        none.status.success() && printed.contains("none of 2 records") && printed.contains("model_lost"),
        "{printed}"
    );
    let listed = records(home.path(), &["list"]);
    assert!(String::from_utf8_lossy(&listed.stdout).starts_with("STARTED (UTC)"));
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(arguments).current_dir(folder).output().expect("the binary runs")
}
