//! `switchboard records erase`: a caller's or a call's files go, and nobody else's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use switchboard_actors::carrier::{AudioFormat, twilio};
use switchboard_actors::ids::{CallId, CarrierCallId, Private, StreamId};
use switchboard_actors::line::identity::{CallIdentity, Direction};
use switchboard_actors::profile::values::Values;
use switchboard_actors::transcript::record::CallSettings;
use switchboard_actors::transcript::writer::RecordWriter;

use crate::files::{leave, put, records, records_with, text, transcript};

const ONE: &str = "11111111-0000-4000-8000-000000000001";
const TWO: &str = "22222222-0000-4000-8000-000000000002";
const THREE: &str = "33333333-0000-4000-8000-000000000003";

#[test]
fn an_erasure_removes_one_caller_and_nobody_else() {
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
    assert!(String::from_utf8_lossy(&shown.stdout).contains("caller    Hello?"));
    assert_eq!(records(home.path(), &["show", "CA1"]).status.code(), Some(1));
    assert!(records(home.path(), &["erase", "--call", "22222222-0000-4000-8000-000000000002"]).status.success());
    assert!(other.iter().all(|path| !path.exists()));
}

#[test]
fn an_unreadable_record_is_reported_by_an_erasure() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("records");
    fs::create_dir_all(dir.join("journal/aside")).expect("a folder");
    fs::write(dir.join("call_CA1_1760700000000_transcript.json"), "{ torn").expect("writable");
    fs::write(dir.join("journal/aside/x.unreadable"), "noise").expect("writable");
    let erased = records(home.path(), &["erase", "--caller", "+919800000001"]);
    assert_eq!(erased.status.code(), Some(1));
    let problem = String::from_utf8_lossy(&erased.stderr).into_owned();
    assert!(problem.contains("call_CA1_1760700000000") && problem.contains("cannot be read"), "{problem}");
    assert_eq!(records(home.path(), &["erase", "--caller", "anonymous"]).status.code(), Some(2));
    assert_eq!(records(home.path(), &["erase"]).status.code(), Some(2));
}

#[test]
fn every_folder_that_is_configured_is_looked_through_and_nobody_elses_file_is_touched() {
    let home = tempfile::tempdir().expect("a folder");
    let ours = leave(home.path(), "CA1", ONE, "+919800000001");
    let other = leave(home.path(), "CA1_1760700000000", TWO, "+919800000002");
    let file = |path: &str, text: &str| put(home.path(), path, text);
    let mine = [
        // Recordings: one named in the record, a second one after the caller was reconnected, and
        // one that an operator converted.
        file("sound/call_CA1_1760700000000_recording.wav", "RIFF"),
        file("sound/call_CA1_1760700000000_recording_2.wav", "RIFF"),
        file("sound/call_CA1_1760700000000_recording.mp3", "ID3"),
        file("old/transcripts/call_CA1_1760700060000_transcript.json", &transcript("CA1", ONE, "+919800000001")),
        file("old/processing/call_CA1_1760700060000_queue.json", "{}"),
        file("old/done/call_CA1_1760700060000_queue.json", "{}"),
        file("records/.call_CA1_1760700060000_queue.json.tmp", "{"),
        file(&format!("records/deliveries/pending/evt_{ONE}_ended.json"), &case(ONE, "ended", "CA1", "+919800000001")),
        file(
            &format!("records/deliveries/shared/evt_{ONE}_started.json"),
            &case(ONE, "started", "CA1", "+919800000001"),
        ),
        file(&format!("records/deliveries/retry/evt_{ONE}_transcript"), ""),
        file(&format!("records/deliveries/pending/evt_{ONE}_started.unreadable"), "{ torn"),
        file(&format!("records/deliveries/failed/.evt_{ONE}_ended.json.tmp"), "{"),
        // A dead letter of a call whose record was removed by the retention limit.
        file(
            &format!("records/deliveries/failed/evt_{THREE}_ended.json"),
            &case(THREE, "ended", "CA9", "+919800000001"),
        ),
    ];
    let theirs = [
        file("sound/call_CA1_1760700000000_1760700000000_recording.wav", "RIFF"),
        file("sound/call_CA1_1760700000001_recording.wav", "RIFF"),
        file("sound/theme.wav", "RIFF"),
        file("old/transcripts/call_CA1_1760700000000_1760700060000_transcript.json", "{}"),
        file(&format!("records/deliveries/failed/evt_{TWO}_ended.json"), &case(TWO, "ended", "CA2", "+919800000002")),
        file("records/spend.json", "{}"),
    ];
    let tried = erase(home.path(), &["--caller", "+919800000001", "--dry-run"]);
    assert!(tried.status.success(), "{tried:?}");
    assert!(mine.iter().chain(&ours).all(|path| path.exists()), "nothing goes in a dry run");
    let erased = erase(home.path(), &["--caller", "+919800000001"]);
    assert!(erased.status.success(), "{erased:?}");
    assert!(text(&erased.stdout).contains("2 calls, "), "{}", text(&erased.stdout));
    let left: Vec<_> = mine.iter().chain(&ours).filter(|path| path.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
    let gone: Vec<_> = theirs.iter().chain(&other).filter(|path| !path.exists()).collect();
    assert!(gone.is_empty(), "{gone:?}");
    for id in [ONE, THREE] {
        assert!(home.path().join("records/erased").join(id).exists(), "a service that runs is told of {id}");
    }
}

#[test]
fn what_another_wrote_into_a_record_leads_to_no_other_file() {
    let home = tempfile::tempdir().expect("a folder");
    let others: Vec<_> = (0..50)
        .flat_map(|n| {
            leave(home.path(), &format!("CA5{n}"), &format!("{n:08}-5555-4555-8555-555555555555"), "+919800000002")
        })
        .collect();
    let outside = put(home.path(), "secret.wav", "RIFF");
    let names = [
        "../secret.wav",
        "../records/call_CA50_1760700060000_transcript.json",
        "call_CA50_1760700060000_transcript.json",
        "call_CA50_1760700000000_recording.wav",
        "..",
        "",
        "/etc/passwd",
    ];
    let theirs = put(home.path(), "sound/call_CA50_1760700000000_recording.wav", "RIFF");
    let foreign =
        json!({ "ucid": "CA7", "id": "5", "from": "+15550100007", "recording": names[0], "recordings": names });
    let path = put(home.path(), "records/call_CA7_1760700060000_transcript.json", &foreign.to_string());
    let erased = erase(home.path(), &["--call", "CA7"]);
    assert!(!path.exists(), "{erased:?}");
    let gone: Vec<_> = others.iter().chain([&outside, &theirs]).filter(|path| !path.exists()).collect();
    assert!(gone.is_empty(), "{gone:?}");
    // A record from another producer claims an id that belongs to a different call; that call loses
    // nothing.
    let claims = json!({ "ucid": "CA8", "id": "00000003-5555-4555-8555-555555555555", "from": "+15550100008" });
    put(home.path(), "records/call_CA8_1760700060000_transcript.json", &claims.to_string());
    let erased = erase(home.path(), &["--call", "CA8"]);
    assert_eq!(erased.status.code(), Some(1), "it is told: {erased:?}");
    let gone: Vec<_> = others.iter().filter(|path| !path.exists()).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[cfg(unix)]
#[test]
fn an_erasure_reports_a_link_and_leaves_its_target() {
    let home = tempfile::tempdir().expect("a folder");
    leave(home.path(), "CA1", ONE, "+919800000001");
    let outside = put(home.path(), "elsewhere.wav", "RIFF");
    let link = home.path().join("sound/call_CA1_1760700000000_recording.wav");
    fs::create_dir_all(link.parent().expect("a folder")).expect("writable");
    std::os::unix::fs::symlink(&outside, &link).expect("a link");
    let erased = erase(home.path(), &["--call", "CA1"]);
    assert_eq!(erased.status.code(), Some(1));
    let problem = text(&erased.stderr);
    assert!(problem.contains("it is a link to") && outside.exists(), "{problem}");
    let transcript = home.path().join("records/call_CA1_1760700060000_transcript.json");
    assert!(transcript.exists(), "by its record it is found again");
    fs::remove_file(&link).expect("ours");
    assert!(erase(home.path(), &["--call", "CA1"]).status.success());
    assert!(!transcript.exists());
}

#[test]
fn erasing_without_a_match_is_no_success() {
    let home = tempfile::tempdir().expect("a folder");
    leave(home.path(), "CA25039ff85b0840b7b93e3bfe6b1e4219", ONE, "+919800000001");
    let dir = fs::canonicalize(home.path().join("records")).expect("there").display().to_string();
    for (asked, says) in [
        (["--call", "CA25039ff85b0840b7b93e3bfe6b1e4210"], "nearest: CA25039ff85b0840b7b93e3bfe6b1e4219"),
        (["--call", "CA25039ff85b0840b7b93e3bfe6b1e421"], "no call CA25039ff85b0840b7b93e3bfe6b1e421 in /"),
        (["--call", "0"], dir.as_str()),
        (["--caller", "+919800000011"], "nearest: +919800000001"),
        (["--caller", "+15550100077"], "no call of +15550100077 in /"),
    ] {
        for dry in [&["--dry-run"][..], &[]] {
            let erased = erase(home.path(), &[&asked[..], dry].concat());
            assert_eq!(erased.status.code(), Some(1), "{asked:?}");
            assert!(text(&erased.stderr).contains(says), "{asked:?}: {}", text(&erased.stderr));
        }
    }
    let shown = erase(home.path(), &[]);
    assert_eq!(shown.status.code(), Some(2));
    let shown = text(&shown.stderr);
    assert!(shown.contains("--caller") && shown.contains("--call <ID>"), "{shown}");
    assert_eq!(erase(home.path(), &["--call", "CA1", "--caller", "+15550100001"]).status.code(), Some(2));
    // An id in capital letters is also accepted.
    let erased = erase(home.path(), &["--call", &ONE.to_uppercase(), "--yes", "--json"]);
    let shown: Value = serde_json::from_slice(&erased.stdout).expect("JSON");
    assert_eq!((&shown["calls"], &shown["erased"], &shown["problems"]), (&json!(1), &json!(true), &json!([])));
}

#[test]
fn a_number_in_another_spelling_is_theirs_or_asked_about_and_never_passed_over() {
    let spellings = ["+919800000001", "919800000001", "09800000001", "00919800000001"];
    let home = tempfile::tempdir().expect("a folder");
    let mut files = Vec::new();
    for (n, from) in spellings.iter().enumerate() {
        files.push(leave(home.path(), &format!("CA{n}"), &format!("{n}1111111-0000-4000-8000-000000000001"), from));
    }
    let there = |n: usize| files[n].iter().any(|path: &PathBuf| path.exists());
    let tried = erase(home.path(), &["--caller", spellings[0], "--dry-run"]);
    assert!(text(&tried.stderr).contains("09800000001 may be theirs"), "{tried:?}");
    let erased = erase(home.path(), &["--caller", spellings[0]]);
    assert_eq!(erased.status.code(), Some(1), "one waits for a word");
    assert_eq!([there(0), there(1), there(2), there(3)], [false, false, true, false]);
    let left = erase(home.path(), &["--caller", spellings[0], "--leave", "09800000001"]);
    assert!(there(2) && text(&left.stderr).contains("no call of"), "{left:?}");
    assert!(erase(home.path(), &["--caller", spellings[0], "--also", "09800000001"]).status.success());
    assert!(!there(2));

    // If the country is known, no confirmation is needed; a number with the same ending belongs to
    // another caller.
    let ours = leave(home.path(), "CA5", ONE, "09800000001");
    let other = leave(home.path(), "CA6", TWO, "+19198000000");
    let country = [("SWITCHBOARD__NUMBERS__COUNTRY", "IN")];
    let erased = records_with(home.path(), &["erase", "--caller", spellings[0]], &country);
    assert!(erased.status.success(), "{erased:?}");
    assert!(text(&erased.stdout).contains("1 call, "), "{erased:?}");
    assert!(ours.iter().all(|path| !path.exists()) && other.iter().all(|path| path.exists()));
}

#[test]
fn a_queue_that_cannot_be_reached_is_no_success_and_nothing_goes() {
    let home = tempfile::tempdir().expect("a folder");
    let ours = leave(home.path(), "CA1", ONE, "+919800000001");
    let shared =
        [("SWITCHBOARD__DELIVERY__BACKEND", "redis"), ("SWITCHBOARD__DELIVERY__REDIS_URL", "redis://127.0.0.1:1/0")];
    for dry in [&["--dry-run"][..], &[]] {
        let asked = [&["erase", "--call", "CA1"], dry].concat();
        let erased = records_with(home.path(), &asked, &shared);
        assert_eq!(erased.status.code(), Some(1));
        assert!(text(&erased.stderr).contains("cannot reach the shared queue"), "{erased:?}");
        assert!(ours.iter().all(|path| path.exists()));
    }
}

#[test]
fn a_call_that_is_on_is_refused_by_name_and_a_journal_that_a_crash_left_goes() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("records");
    let (identity, settings) = on_the_line();
    let writer = RecordWriter::start(&dir).expect("writable");
    let journal = writer.open_journal(&identity, &settings, None);
    let journals = || {
        let folders = fs::read_dir(dir.join("journal")).expect("there").map(|entry| entry.expect("an entry").path());
        let files = folders.flat_map(|folder| fs::read_dir(folder).expect("a folder"));
        files
            .map(|file| file.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "journal"))
            .filter(|path| fs::metadata(path).is_ok_and(|about| about.len() > 0))
            .count()
    };
    while journals() == 0 {
        std::thread::yield_now();
    }
    for asked in [["--caller", "+919800000001"], ["--call", "CA1"]] {
        let erased = erase(home.path(), &asked);
        assert_eq!(erased.status.code(), Some(1));
        assert!(text(&erased.stderr).contains("the call CA1 is on"), "{erased:?}");
    }
    assert_eq!(journals(), 1);
    // The process is gone, but its files remain.
    let kept = tempfile::tempdir().expect("a folder");
    copy(&dir.join("journal"), &kept.path().join("journal"));
    drop((journal, writer));
    fs::remove_dir_all(dir.join("journal")).expect("ours");
    copy(&kept.path().join("journal"), &dir.join("journal"));
    let erased = erase(home.path(), &["--caller", "+919800000001"]);
    assert!(erased.status.success(), "{erased:?}");
    assert_eq!(journals(), 0);
}

/// The file of a delivery.
fn case(id: &str, word: &str, carrier_id: &str, from: &str) -> String {
    let at = "2025-10-17T11:20:00Z";
    json!({
        "version": 1,
        "notice": {
            "id": format!("evt_{id}_{word}"), "type": format!("call.{word}"), "at": at,
            "call": {
                "id": id, "carrier": "twilio", "carrier_call_id": carrier_id, "stream_id": "MZ1", "direction": "inbound",
                "from": from, "to": "+15550100002", "agent": "default", "language": "en", "model": "m", "started_at": at,
            },
        },
        "deliveries": { "crm": { "status": "failed", "attempts": 3, "since": at } },
    })
    .to_string()
}

fn on_the_line() -> (CallIdentity, CallSettings) {
    let identity = CallIdentity {
        id: CallId::random(),
        carrier: twilio::CARRIER,
        carrier_call: CarrierCallId::new("CA1"),
        stream: StreamId::new("MZ1"),
        direction: Direction::Inbound,
        from: Private::new("+919800000001".to_owned()),
        to: Private::new("+15550100002".to_owned()),
        line: AudioFormat::MULAW_8K.into(),
        started_at: chrono::DateTime::from_timestamp_millis(1_760_700_000_000).expect("a time"),
        parameters: Private::default(),
    };
    let word = || "x".to_owned();
    let settings = CallSettings {
        node: None,
        agent: word(),
        language: word(),
        provider: word(),
        model: word(),
        recording: true,
        variant: None,
        configuration: "".into(),
        answered_by: None,
        route: None,
        questions: Vec::new(),
        variables: Values::default(),
    };
    (identity, settings)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let there = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &there) } else { fs::copy(&path, &there).map(drop).expect("copied") }
    }
}

fn erase(home: &Path, arguments: &[&str]) -> Output {
    records(home, &[&["erase"], arguments].concat())
}
