use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::clock;
use crate::ids::{ItemId, ResponseId};
use crate::incident::{Incident, IncidentKind};
use crate::realtime::report::Speaker;
use crate::transcript::testing::{identity, profile};

#[test]
fn the_checksum_is_standard_crc_32() {
    assert_eq!(checksum(0, b"123456789"), 0xCBF4_3926);
    assert_eq!(checksum(checksum(0, b"1234"), b"56789"), 0xCBF4_3926);
}

#[test]
fn a_journal_reads_as_it_was_written() {
    let (entries, journal) = a_call();
    let readout = read(&journal);
    assert_eq!((readout.entries, readout.cut), (entries, None));
}

#[test]
fn a_damaged_journal_gives_the_entries_before_the_damage_and_no_other() {
    let (entries, journal) = a_call();
    let mut chance = Chance(0x5EED);
    for round in 0..10_000 {
        let mut damaged = journal.clone();
        let at = chance.below(journal.len());
        match round % 4 {
            0 => damaged.truncate(at),
            1 => damaged[at] ^= 1 << chance.below(8),
            2 => {
                let end = (at + 1 + chance.below(4_096)).min(damaged.len());
                damaged[at..end].fill(0);
            }
            _ => {
                damaged.splice(at..at, (0..chance.below(64)).map(|n| n as u8).collect::<Vec<_>>());
            }
        }
        let readout = read(&damaged);
        let known = readout.entries.len();
        assert_eq!(readout.entries, entries[..known], "round {round}, damage at {at}");
        // Every line that ends before the damage is there.
        let whole = journal[..at].iter().filter(|byte| **byte == b'\n').count();
        assert!(known >= whole, "round {round}: {known} of {whole} whole lines");
        if let Some(cut) = readout.cut {
            assert_eq!(cut.at + cut.bytes, damaged.len());
            assert_eq!(damaged[..cut.at], journal[..cut.at]);
        }
        // The readable part makes a record, or is reported as unusable.
        if let Some(replay) = Replay::of(readout.entries, clock::now()) {
            replay.record().transcript_json().expect("JSON");
        }
    }
}

#[test]
fn a_line_that_stands_elsewhere_is_not_taken() {
    let (_, journal) = a_call();
    let lines: Vec<&[u8]> = journal.split_inclusive(|byte| *byte == b'\n').collect();
    let without_the_second = [&[lines[0]], &lines[2..]].concat().concat();
    let readout = read(&without_the_second);
    assert_eq!(readout.entries.len(), 1);
    assert_eq!(readout.cut.expect("a cut").why, "a checksum that does not match");
}

#[test]
fn a_journal_makes_the_record_that_the_call_would_have_made() {
    let (entries, _) = a_call();
    let record = as_json(&Replay::of(entries, clock::now()).expect("a header").record());
    assert_eq!(record["transcripts"], serde_json::json!(["Hello?", "Good morning."]));
    assert_eq!(record["ending"], serde_json::json!({ "reason": "interrupted", "by": "system" }));
    assert_eq!((&record["duration_ms"], &record["ucid"]), (&1_900.into(), &"CA1".into()));
    assert_eq!(record["timestamp"], 1_760_700_001_900_i64, "the same journal always makes the same name");
    assert_eq!(record["incidents"][0]["kind"], "answer_empty", "what went wrong survives a crash");
    assert_eq!(record["from"], "+15550100001");
}

#[test]
fn an_ending_in_the_journal_is_kept_by_recovery() {
    let (mut entries, _) = a_call();
    let tally = Tally { turns: 1, ..Tally::default() };
    entries.push(fact(2_000, Fact::Ended { ending: Ending::CallerHungUp, tally }));
    let ended = as_json(&Replay::of(entries.clone(), clock::now()).expect("a header").record());
    assert_eq!((&ended["ending"]["reason"], &ended["duration_ms"]), (&"caller_hung_up".into(), &2_000.into()));
    let closed =
        Closed { ending: Ending::CallerHungUp, tally, duration: Duration::from_secs(2), filed_ms: 1_760_700_009_000 };
    entries.push(Entry::Closed(closed));
    let closed = as_json(&Replay::of(entries, clock::now()).expect("a header").record());
    assert_eq!((&closed["timestamp"], &closed["analytics"]["turns"]), (&1_760_700_009_000_i64.into(), &1.into()));
}

#[test]
fn a_journal_without_whose_call_it_is_makes_no_record() {
    let (mut entries, _) = a_call();
    entries.remove(0);
    assert!(Replay::of(entries, clock::now()).is_none());
    assert!(Replay::of(Vec::new(), clock::now()).is_none());
    let (mut entries, _) = a_call();
    if let Entry::Opened(header) = &mut entries[0] {
        header.version += 1;
    }
    assert!(Replay::of(entries, clock::now()).is_none(), "a version that we do not know");
}

#[test]
fn an_entry_longer_than_a_reader_takes_is_not_written() {
    let (mut framer, mut out) = (Framer::default(), Vec::new());
    let text = "x".repeat(LONGEST_LINE);
    assert!(!framer.frame(&said("a1", &text), &mut out));
    assert!(out.is_empty());
    assert!(framer.frame(&said("a1", "short"), &mut out));
    assert_eq!(read(&out).entries.len(), 1);
}

#[test]
fn a_time_beyond_any_call_does_no_harm() {
    let (mut entries, _) = a_call();
    entries.push(fact(0, Fact::KeyPressed('1')));
    if let Some(Entry::Fact(at, _)) = entries.last_mut() {
        *at = u64::MAX;
    }
    let record = as_json(&Replay::of(entries, clock::now()).expect("a header").record());
    assert_eq!(record["duration_ms"], 7 * 24 * 3_600_000);
}

/// A call is recovered even if its carrier is no longer supported.
#[test]
fn a_call_of_a_carrier_that_is_not_served_any_more_becomes_a_record() {
    let (mut entries, _) = a_call();
    let Entry::Opened(header) = &entries[0] else { panic!("it begins with whose call it is") };
    let mut written = serde_json::to_value(header).expect("JSON");
    written["carrier"] = "pigeon".into();
    let journal = serde_json::json!({ "opened": written }).to_string();
    entries[0] = serde_json::from_str(&journal).expect("a header, whoever the carrier was");
    let record = as_json(&Replay::of(entries, clock::now()).expect("a header").record());
    assert_eq!((&record["carrier"], &record["call_id"]), (&"pigeon".into(), &"CA1".into()));
}

/// A caller says hello and gets an answer; the process dies after 1.9 s.
fn a_call() -> (Vec<Entry<'static>>, Vec<u8>) {
    let placed = |item: &str, speaker, previous: Option<&str>| Words::Placed {
        item: ItemId::new(item),
        speaker,
        previous: previous.map(ItemId::new),
    };
    let entries = vec![
        Entry::Opened(Box::new(Header::new(&identity(), &CallSettings::of(&profile())))),
        fact(700, Fact::CallerSpoke { item: ItemId::new("u1") }),
        words(900, placed("u1", Speaker::Caller, None)),
        words(1_000, placed("a1", Speaker::Agent, Some("u1"))),
        words(
            1_200,
            Words::AgentSays {
                response: ResponseId::new("r1"),
                item: ItemId::new("a1"),
                delta: "Good ".to_owned(),
                span: None,
            },
        ),
        said("a1", "Good morning."),
        words(1_600, Words::CallerSaid { item: ItemId::new("u1"), text: Some("Hello?".to_owned()) }),
        fact(1_650, Fact::Incident(Incident::new(IncidentKind::AnswerEmpty, "nothing to hear"))),
        fact(1_700, Fact::ToolUsed { name: "look".to_owned(), arguments: "{}".to_owned(), output: "क".to_owned() }),
        fact(1_800, Fact::Answered { key: "name".to_owned(), value: Value::from("A"), status: "captured".to_owned() }),
        fact(
            1_900,
            Fact::Heard {
                item: ItemId::new("a1"),
                heard: Duration::from_millis(500),
                of: Duration::from_millis(500),
                interrupted: false,
            },
        ),
    ];
    let (mut framer, mut journal) = (Framer::default(), Vec::new());
    assert!(entries.iter().all(|entry| framer.frame(entry, &mut journal)));
    (entries, journal)
}

fn words(ms: u64, words: Words) -> Entry<'static> {
    Entry::Words(ms * 1_000, Cow::Owned(words))
}

fn fact(ms: u64, fact: Fact) -> Entry<'static> {
    Entry::Fact(ms * 1_000, Cow::Owned(fact))
}

fn said(item: &str, text: &str) -> Entry<'static> {
    words(1_500, Words::AgentSaid { response: ResponseId::new("r1"), item: ItemId::new(item), text: text.to_owned() })
}

fn as_json(record: &Record) -> Value {
    serde_json::from_slice(&record.transcript_json().expect("JSON")).expect("JSON")
}

/// A small deterministic random generator (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
