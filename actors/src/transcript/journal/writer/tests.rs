use std::fs;

use super::*;
use crate::ending::Ending;
use crate::ids::ItemId;
use crate::transcript::journal::{LONGEST_LINE, read};
use crate::transcript::messages::Tally;
use crate::transcript::record::CallSettings;
use crate::transcript::testing::{identity, profile};

#[test]
fn journal_entries_are_written_soon_and_in_order() {
    for commit in [Duration::ZERO, Duration::from_millis(50)] {
        let (_dir, journal) = a_journal(commit);
        for key in '0'..='9' {
            journal.note(&Fact::KeyPressed(key), Duration::ZERO);
        }
        journal.close(closed());
        let entries = until(&journal, 12);
        assert!(matches!(entries[0], Entry::Opened(_)) && matches!(entries[11], Entry::Closed(_)));
        let nothing_waits = || journal.0.waiting.load(Ordering::Relaxed) == 0;
        assert!((0..1_000).any(|_| nothing_waits() || {
            std::thread::yield_now();
            false
        }));
    }
}

#[test]
fn a_journal_that_is_removed_never_comes_back() {
    let (_dir, journal) = a_journal(Duration::from_secs(10));
    until(&journal, 1);
    journal.remove().expect("there");
    journal.note(&Fact::KeyPressed('1'), Duration::ZERO);
    journal.write_out().expect("nothing to write");
    assert!(!journal.0.path.exists());
    let (_dir, early) = a_journal(Duration::from_secs(10));
    early.remove().expect("whether it is there yet or not");
    early.write_out().expect("nothing to write");
    assert!(!early.0.path.exists());
}

#[test]
fn a_disk_that_takes_nothing_costs_bounded_memory_and_gets_it_all_later() {
    let (dir, journal) = a_journal(Duration::ZERO);
    until(&journal, 1);
    journal.remove().expect("there");
    let folder = dir.path().join("journal");
    // Another call of the same process, whose file cannot be created.
    let moved = dir.path().join("away");
    fs::rename(&folder, &moved).expect("ours");
    let path = journal.0.path.with_file_name("other.journal");
    let other = Journal(Arc::new(Live {
        call: journal.0.call.clone(),
        incidents: None,
        path,
        pending: Mutex::default(),
        disk: Mutex::default(),
        disk_queue: journal.0.disk_queue.clone(),
        waiting: Arc::clone(&journal.0.waiting),
        folder: Arc::clone(&journal.0.folder),
    }));
    let text = "x".repeat(1_000);
    for _ in 0..3_000 {
        let words = Words::CallerSaid { item: ItemId::new("u1"), text: Some(text.clone()) };
        other.hear(&words, Duration::ZERO);
    }
    let waiting = other.0.waiting.load(Ordering::Relaxed);
    assert!((MOST_WAITING_OF_A_CALL..MOST_WAITING_OF_A_CALL + 2_000).contains(&waiting), "{waiting}");
    other.write_out().expect_err("no folder");
    assert_eq!(other.0.waiting.load(Ordering::Relaxed), waiting, "nothing is thrown away");
    fs::rename(&moved, &folder).expect("ours");
    other.write_out().expect("a folder");
    other.note(&Fact::KeyPressed('1'), Duration::ZERO);
    let kept = until(&other, waiting / 1_100);
    assert!(kept.len() > 900, "what was left out breaks no chain: {}", kept.len());
}

#[test]
fn an_entry_that_is_too_long_is_left_out_and_the_next_is_not() {
    let (_dir, journal) = a_journal(Duration::ZERO);
    let text = Some("x".repeat(LONGEST_LINE));
    journal.hear(&Words::CallerSaid { item: ItemId::new("u1"), text }, Duration::ZERO);
    journal.note(&Fact::KeyPressed('1'), Duration::ZERO);
    assert_eq!(until(&journal, 2).len(), 2);
}

fn a_journal(commit: Duration) -> (tempfile::TempDir, Journal) {
    let dir = tempfile::tempdir().expect("a directory");
    let writer = JournalWriter::start(dir.path(), "x", commit).expect("writable");
    let identity = identity();
    let journal = writer.open(identity.tag(), Header::new(&identity, &CallSettings::of(&profile())), None);
    (dir, journal)
}

fn closed() -> Closed {
    Closed { ending: Ending::CallerHungUp, tally: Tally::default(), duration: Duration::ZERO, filed_ms: 0 }
}

/// Waits until the file has this many entries and returns them.
fn until(journal: &Journal, entries: usize) -> Vec<Entry<'static>> {
    let patience = clock::now() + Duration::from_secs(10);
    loop {
        let found = fs::read(&journal.0.path).map(|bytes| read(&bytes).entries).unwrap_or_default();
        if found.len() >= entries {
            return found;
        }
        assert!(clock::now() < patience, "{} of {entries} entries", found.len());
        std::thread::yield_now();
    }
}
