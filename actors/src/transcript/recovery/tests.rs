use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::clock;
use crate::ending::Ending;
use crate::ids::{ItemId, ResponseId};
use crate::realtime::report::Words;
use crate::transcript::journal::writer::{Journal, JournalWriter};
use crate::transcript::journal::{Closed, Header};
use crate::transcript::messages::{Fact, Tally};
use crate::transcript::record::CallSettings;
use crate::transcript::testing::{identity, profile};
use crate::transcript::writer::DiskQueue;

#[test]
fn what_a_dead_process_left_becomes_a_record_once() {
    let dir = tempfile::tempdir().expect("a directory");
    leave(dir.path(), &[]);
    assert_eq!(recovered(dir.path()), Recovered { filed: 1, ..Recovered::default() });
    let record = only(dir.path());
    assert_eq!(record["transcripts"], serde_json::json!(["Good morning."]));
    assert_eq!(record["ending"]["reason"], "interrupted");
    assert_eq!(recovered(dir.path()), Recovered::default());
    only(dir.path());
}

#[test]
fn a_survivor_makes_records_of_what_another_left_and_nobody_does_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let survivors = [disk_queue(dir.path()), disk_queue(dir.path())];
    leave(dir.path(), &[]);
    settle(dir.path());
    let threads = survivors.map(|mut disk_queue| {
        crate::background::spawn("survivor", None, move || disk_queue.look_now()).expect("a thread")
    });
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert_eq!(only(dir.path())["ending"]["reason"], "interrupted");
    assert_eq!(recovered(dir.path()), Recovered::default());
}

#[test]
fn what_was_erased_becomes_no_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let journal = leave(dir.path(), &[]);
    let id = journal.file_stem().and_then(|id| id.to_str()).expect("an id").to_owned();
    Erasures::of(dir.path()).mark(&id).expect("writable");
    assert_eq!(recovered(dir.path()), Recovered::default());
    assert!(!journal.exists());
    assert!(fs::read_dir(dir.path()).expect("there").all(|entry| entry.expect("an entry").path().is_dir()));
}

#[cfg(unix)]
#[test]
fn recovered_records_are_readable_by_the_services_group_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let records = dir.path().join("calls");
    let journal = leave(&records, &[]);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&journal), 0o640);
    assert_eq!(mode(&journal.with_file_name("lock")), 0o640);
    for folder in [journal.parent().expect("a folder"), &records.join("journal"), &records] {
        assert_eq!(mode(folder) & 0o027, 0, "{}", folder.display());
    }
}

#[test]
fn a_crash_at_any_step_of_recovery_changes_nothing() {
    // The parts of the record that are on disk when the process dies for the second time.
    for step in ["nothing", "half a transcript", "a transcript", "half a queue file", "both"] {
        let dir = tempfile::tempdir().expect("a directory");
        let journal = leave(dir.path(), &[]);
        let kept = fs::read(&journal).expect("a journal");
        recovered(dir.path());
        let (transcript, queue) = pair(dir.path());
        match step {
            "nothing" => [&transcript, &queue].into_iter().for_each(|path| fs::remove_file(path).expect("ours")),
            "half a transcript" => {
                fs::rename(&transcript, hidden(&transcript)).expect("ours");
                fs::remove_file(&queue).expect("ours");
            }
            "a transcript" => fs::remove_file(&queue).expect("ours"),
            "half a queue file" => fs::rename(&queue, hidden(&queue)).expect("ours"),
            _ => {
                // A delivery has already begun.
                fs::write(&queue, r#"{"status":"processing"}"#).expect("ours");
            }
        }
        fs::create_dir_all(journal.parent().expect("a folder")).expect("ours");
        fs::write(journal.with_file_name("lock"), "").expect("ours");
        fs::write(&journal, kept).expect("ours");
        assert_eq!(recovered(dir.path()).filed, 1, "{step}");
        let (transcript, queue) = pair(dir.path());
        assert_eq!(json(&transcript)["transcripts"], serde_json::json!(["Good morning."]), "{step}");
        let expected = if step == "both" { "processing" } else { "pending" };
        assert_eq!(json(&queue)["status"], expected, "{step}");
        assert!(!journal.exists(), "{step}");
    }
}

#[test]
fn a_record_whose_filing_was_cut_off_keeps_its_ending_and_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let tally = Tally { turns: 2, ..Tally::default() };
    let closed =
        Closed { ending: Ending::CallerHungUp, tally, duration: Duration::from_secs(3), filed_ms: 1_760_700_005_000 };
    leave(dir.path(), &[closed]);
    recovered(dir.path());
    let record = only(dir.path());
    assert_eq!((&record["ending"]["reason"], &record["analytics"]["turns"]), (&"caller_hung_up".into(), &2.into()));
    assert_eq!(record["timestamp"], 1_760_700_005_000_i64);
}

#[test]
fn a_torn_journal_gives_what_is_whole_and_is_kept_aside() {
    let dir = tempfile::tempdir().expect("a directory");
    let journal = leave(dir.path(), &[]);
    let whole = fs::read(&journal).expect("a journal");
    fs::write(&journal, &whole[..whole.len() - 3]).expect("ours");
    assert_eq!(recovered(dir.path()), Recovered { filed: 1, torn: 1, ..Recovered::default() });
    assert_eq!(only(dir.path())["transcripts"], serde_json::json!(["Good"]));
    assert_eq!(aside(dir.path()), ["torn"]);
    assert_eq!(recovered(dir.path()), Recovered::default());
}

#[test]
fn what_cannot_be_read_is_kept_aside_and_stops_nobody() {
    let dir = tempfile::tempdir().expect("a directory");
    for garbage in [&b"no journal at all"[..], &[0; 4_096], b"00000000 2 {}\n"] {
        let journal = leave(dir.path(), &[]);
        fs::write(&journal, garbage).expect("ours");
    }
    let journal = leave(dir.path(), &[]);
    fs::write(&journal, "").expect("ours");
    let good = leave(dir.path(), &[]);
    assert_eq!(recovered(dir.path()), Recovered { filed: 1, unreadable: 3, ..Recovered::default() });
    assert!(!good.exists() && !journal.exists());
    assert_eq!(aside(dir.path()), ["unreadable", "unreadable", "unreadable"]);
}

#[test]
fn a_disk_that_refuses_leaves_the_journal_for_the_next_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let journal = leave(dir.path(), &[]);
    // A file blocks the path of the second set of files.
    let folders = Folders { dir: dir.path().to_owned(), legacy: Some(journal.clone()) };
    assert_eq!(recovered_to(&folders), Recovered { left: 1, ..Recovered::default() });
    assert!(journal.exists());
    assert_eq!(recovered(dir.path()).filed, 1);
    only(dir.path());
}

#[test]
fn the_second_set_of_files_is_where_the_old_processor_looks() {
    let dir = tempfile::tempdir().expect("a directory");
    leave(dir.path(), &[]);
    let old = dir.path().join("old");
    recovered_to(&Folders { dir: dir.path().to_owned(), legacy: Some(old.clone()) });
    let queue: Vec<_> = fs::read_dir(old.join("processing")).expect("made").collect();
    assert_eq!(queue.len(), 1);
    let queue = json(&queue[0].as_ref().expect("an entry").path());
    let transcript = json(&old.join("transcripts").join(queue["transcript_file"].as_str().expect("a bare name")));
    assert_eq!((&queue["status"], &transcript["call_id"]), (&"pending".into(), &"CA1".into()));
}

/// Leaves the journal of a dead process.
fn leave(dir: &Path, closed: &[Closed]) -> PathBuf {
    let identity = identity();
    let writer = JournalWriter::start(dir, &identity.id.to_string(), Duration::ZERO).expect("writable");
    let journal: Journal = writer.open(identity.tag(), Header::new(&identity, &CallSettings::of(&profile())), None);
    let (response, item) = (ResponseId::new("r1"), ItemId::new("a1"));
    for (delta, ms) in [("Good ", 1_000), ("morning.", 1_500)] {
        let words =
            Words::AgentSays { response: response.clone(), item: item.clone(), delta: delta.to_owned(), span: None };
        journal.hear(&words, Duration::from_millis(ms));
    }
    for closed in closed {
        journal.note(&Fact::KeyPressed('1'), Duration::from_millis(1_700));
        journal.close(*closed);
    }
    journal.write_out().expect("a disk with room");
    dir.join(format!("journal/{0}/{0}.journal", identity.id))
}

fn disk_queue(dir: &Path) -> DiskQueue {
    DiskQueue::new(Folders { dir: dir.to_owned(), legacy: None }, std::sync::Arc::default())
}

fn recovered(dir: &Path) -> Recovered {
    recovered_to(&Folders { dir: dir.to_owned(), legacy: None })
}

/// Recovers once the threads of [`leave`] have released their folders.
fn recovered_to(folders: &Folders) -> Recovered {
    settle(&folders.dir);
    recover(folders, clock::now())
}

fn settle(dir: &Path) {
    let locked = || {
        let all = fs::read_dir(dir.join("journal")).expect("there").count();
        let free = folder::orphans(dir).expect("readable").len();
        all > free + usize::from(dir.join("journal/aside").exists())
    };
    while locked() {
        std::thread::yield_now();
    }
}

fn only(dir: &Path) -> Value {
    json(&pair(dir).0)
}

fn pair(dir: &Path) -> (PathBuf, PathBuf) {
    let ending = |end: &str| {
        let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
        let found: Vec<PathBuf> = entries
            .filter(|path| {
                path.file_name().is_some_and(|name| {
                    let name = name.to_string_lossy();
                    name.starts_with("call_") && name.ends_with(end)
                })
            })
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    (ending("_transcript.json"), ending("_queue.json"))
}

fn hidden(path: &Path) -> PathBuf {
    path.with_file_name(format!(".{}.tmp", path.file_name().expect("a name").to_string_lossy()))
}

fn aside(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("journal/aside")).expect("there");
    entries
        .map(|entry| entry.expect("an entry").path().extension().expect("an ending").to_string_lossy().into_owned())
        .collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}
