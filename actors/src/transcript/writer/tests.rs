use std::collections::BTreeSet;
use std::fs;

use chrono::{DateTime, TimeDelta};
use serde_json::Value;

use super::*;
use crate::ending::Ending;
use crate::transcript::log::ConversationLog;
use crate::transcript::messages::Tally;
use crate::transcript::record::Closing;
use crate::transcript::testing::{identity, profile};

#[test]
fn a_record_is_a_pair_of_whole_files_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let writer = RecordWriter::start(dir.path()).expect("writable");
    writer.file(record(0), None);
    writer.flush();
    assert_eq!(names(dir.path()), ["call_CA1_1760700000000_queue.json", "call_CA1_1760700000000_transcript.json"]);
    let queue = json(&dir.path().join("call_CA1_1760700000000_queue.json"));
    let transcript = json(Path::new(queue["transcript_file"].as_str().expect("a path")));
    assert_eq!(transcript["id"], queue["id"]);
    assert_eq!(writer.lost(), 0);
    assert_eq!(writer.shared.waiting_bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn names_that_are_taken_are_never_written_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let writer = RecordWriter::start(dir.path()).expect("writable");
    let foreign = dir.path().join("call_CA1_1760700000001_queue.json");
    fs::write(&foreign, "somebody's").expect("writable");
    fs::write(dir.path().join(".call_CA1_1760700000002_transcript.json.tmp"), "being written").expect("writable");
    let records = [record(0), record(0), record(0)];
    let calls: BTreeSet<String> = records.iter().map(|r| r.call().id().to_string()).collect();
    records.into_iter().for_each(|record| writer.file(record, None));
    writer.flush();
    let mut filed = BTreeSet::new();
    for ms in [0, 3, 4] {
        let stem = format!("call_CA1_{}", 1_760_700_000_000_i64 + ms);
        let transcript = json(&dir.path().join(format!("{stem}_transcript.json")));
        let queue = json(&dir.path().join(format!("{stem}_queue.json")));
        assert_eq!(transcript["timestamp"], 1_760_700_000_000_i64 + ms);
        assert_eq!(transcript["id"], queue["id"]);
        filed.insert(transcript["id"].as_str().expect("an id").to_owned());
    }
    assert_eq!(filed, calls);
    assert_eq!(fs::read_to_string(foreign).expect("still there"), "somebody's");
}

#[test]
fn concurrent_filing_loses_no_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let writer = RecordWriter::start(dir.path()).expect("writable");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let writer = writer.clone();
            scope.spawn(move || (0..10).for_each(|n| writer.file(record(n % 3), None)));
        }
    });
    writer.flush();
    assert_eq!(names(dir.path()).len(), 80);
}

#[test]
fn a_directory_that_was_cleared_away_is_made_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let records = dir.path().join("deep/calls");
    let writer = RecordWriter::start(&records).expect("writable");
    fs::remove_dir_all(&records).expect("ours");
    writer.file(record(0), None);
    writer.flush();
    assert_eq!((names(&records).len(), writer.lost()), (2, 0));
}

#[test]
fn what_the_disk_refuses_waits_until_there_is_room_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let records = dir.path().join("calls");
    let writer = RecordWriter::start(&records).expect("writable");
    fs::remove_dir_all(&records).expect("ours");
    fs::write(&records, "a file where the directory was").expect("writable");
    writer.file(record(0), None);
    writer.file(record(1), None);
    writer.flush();
    assert_eq!(writer.lost(), 0);
    assert!(writer.shared.waiting_bytes.load(Ordering::Relaxed) > 0);
    fs::remove_file(&records).expect("ours");
    writer.flush();
    // The first try finds the folder missing and creates it; the second try files the record.
    writer.flush();
    assert_eq!((names(&records).len(), writer.lost()), (4, 0));
    assert_eq!(writer.shared.waiting_bytes.load(Ordering::Relaxed), 0);
}

#[test]
fn a_full_queue_gives_up_the_newest_and_counts_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let writer = RecordWriter::start(dir.path()).expect("writable");
    writer.shared.waiting_bytes.fetch_add(MOST_WAITING, Ordering::Relaxed);
    writer.file(record(0), None);
    writer.flush();
    assert_eq!((names(dir.path()).len(), writer.lost()), (0, 1));
    writer.shared.waiting_bytes.fetch_sub(MOST_WAITING, Ordering::Relaxed);
    writer.file(record(0), None);
    writer.flush();
    assert_eq!((names(dir.path()).len(), writer.lost()), (2, 1));
}

#[test]
fn a_directory_that_cannot_be_is_refused_by_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("a-file");
    fs::write(&file, "").expect("writable");
    let problem = RecordWriter::start(&file.join("calls")).expect_err("a file is no directory").to_string();
    assert!(problem.contains("records.dir") && problem.contains("a-file/calls"), "{problem}");
}

#[cfg(unix)]
#[test]
fn a_record_is_readable_by_owner_and_group_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let writer = RecordWriter::start(dir.path()).expect("writable");
    writer.file(record(0), None);
    writer.flush();
    for name in names(dir.path()) {
        let mode = fs::metadata(dir.path().join(&name)).expect("there").permissions().mode();
        assert_eq!(mode & 0o007, 0, "{name}");
    }
}

/// The record of a wordless call, filed `after_ms` milliseconds after it began.
fn record(after_ms: i64) -> Record {
    let (identity, profile) = (identity(), profile());
    let filed_at: DateTime<_> = identity.started_at + TimeDelta::milliseconds(after_ms);
    Record::new(Closing {
        call: (&identity).into(),
        settings: &CallSettings::of(&profile),
        conversation: ConversationLog::new(crate::clock::now()).conversation(),
        ending: Ending::CallerHungUp,
        tally: Tally::default(),
        duration: Duration::ZERO,
        filed_at,
    })
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.path().is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}
