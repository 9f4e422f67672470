use std::fs;
use std::path::Path;
use std::sync::Mutex;

use actix::{Addr, Recipient};
use serde_json::Value;

use super::*;
use crate::ids::{ItemId, ResponseId};
use crate::incident::{Incident, IncidentKind};
use crate::realtime::report::Speaker;
use crate::transcript::messages::WITHHELD;
use crate::transcript::testing::{identity, profile};
use crate::transcript::watch::Watcher;

#[actix_rt::test]
async fn a_call_with_all_its_words_is_filed_at_once() {
    let scene = Scene::start();
    scene.caller_speaks("u1");
    scene.caller_said("u1", "Hello?");
    pass(Duration::from_millis(500)).await;
    scene.agent_said("a1", "Good morning.");
    scene.end(Ending::CallerHungUp);
    settle().await;
    assert!(!scene.transcript.connected());
    let record = scene.only_record();
    assert_eq!(record["transcripts"], serde_json::json!(["Hello?", "Good morning."]));
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert_eq!(record["analytics"]["turns"], 1);
    assert!(scene.losses().is_empty());
}

#[actix_rt::test]
async fn what_was_sent_before_the_end_was_heard_is_in_the_record() {
    let scene = Scene::start();
    scene.end(Ending::CallerHungUp);
    scene.agent_said("a1", "Good morning.");
    scene.transcript.do_send(Fact::KeyPressed('1'));
    settle().await;
    assert!(!scene.transcript.connected());
    let record = scene.only_record();
    assert_eq!(record["transcripts"], serde_json::json!(["Good morning."]));
    assert_eq!(record["keys"][0]["key"], "1");
}

#[actix_rt::test]
async fn the_last_words_are_waited_for_and_end_the_wait() {
    let scene = Scene::start();
    scene.agent_said("a1", "Shall I book it?");
    scene.caller_speaks("u1");
    scene.end(Ending::LineLost);
    pass(Duration::from_millis(1_900)).await;
    assert!(scene.transcript.connected());
    scene.caller_said("u1", "Yes, please.");
    settle().await;
    assert!(!scene.transcript.connected());
    let record = scene.only_record();
    assert_eq!(record["transcripts"], serde_json::json!(["Shall I book it?", "Yes, please."]));
    assert_eq!(record["duration_ms"], 0, "the wait is no part of the call");
}

#[actix_rt::test]
async fn words_that_never_come_are_not_waited_for_longer_than_two_seconds() {
    let scene = Scene::start();
    pass(Duration::from_secs(5)).await;
    scene.caller_speaks("u1");
    scene.end(Ending::CallerHungUp);
    pass(Duration::from_millis(1_990)).await;
    assert!(scene.transcript.connected());
    pass(Duration::from_millis(20)).await;
    assert!(!scene.transcript.connected());
    let record = scene.only_record();
    assert_eq!((&record["duration_ms"], &record["transcripts"]), (&5_000.into(), &serde_json::json!([])));
    assert_eq!(record["analytics"]["wordless_items"], 1);
}

#[actix_rt::test]
async fn words_during_a_paused_recording_reach_neither_record_nor_watchers() {
    let scene = Scene::start();
    let (watcher, events) = std::sync::mpsc::sync_channel(64);
    scene.transcript.do_send(Watch(Watcher::new(move |piece| watcher.try_send(piece).is_ok())));
    scene.agent_said("a1", "Your card number?");
    scene.transcript.do_send(Fact::RecordingPaused(true));
    scene.caller_speaks("u1");
    scene.caller_said("u1", "4 1 1 1");
    pass(Duration::from_millis(100)).await;
    let (response, item) = (ResponseId::new("r2"), ItemId::new("a2"));
    scene.transcript.do_send(Words::AgentSays { response, item, delta: "So 4111?".to_owned(), span: None });
    scene.transcript.do_send(Fact::ToolWithheld { name: "charge".to_owned() });
    scene.transcript.do_send(Fact::RecordingPaused(false));
    pass(Duration::from_millis(100)).await;
    scene.agent_said("a3", "Thank you.");
    scene.end(Ending::CallerHungUp);
    settle().await;
    let record = scene.only_record();
    let said = serde_json::json!(["Your card number?", WITHHELD, WITHHELD, "Thank you."]);
    assert_eq!(record["transcripts"], said, "{record:#}");
    assert_eq!((&record["analytics"]["words_withheld"], &record["tools"][0]["name"]), (&2.into(), &"charge".into()));
    let events: Vec<_> = events.try_iter().collect();
    for (place, text) in [("record", record.to_string()), ("watcher", format!("{events:?}"))] {
        assert!(!text.contains("4 1 1 1") && !text.contains("4111"), "{place}: {text}");
        assert!(text.contains("withheld"), "{place}: {text}");
    }
}

#[actix_rt::test]
async fn failed_transcription_ends_the_wait() {
    let scene = Scene::start();
    scene.caller_speaks("u1");
    scene.end(Ending::CallerHungUp);
    scene.transcript.do_send(Words::CallerSaid { item: ItemId::new("u1"), text: None });
    settle().await;
    assert!(!scene.transcript.connected());
    scene.only_record();
}

#[actix_rt::test]
async fn without_transcription_nothing_is_waited_for() {
    let mut untranscribed = profile();
    Arc::make_mut(&mut untranscribed.model).common_mut().transcription = None;
    let scene = Scene::start_with(untranscribed);
    scene.caller_speaks("u1");
    scene.end(Ending::CallerHungUp);
    settle().await;
    assert!(!scene.transcript.connected());
    scene.only_record();
}

#[actix_rt::test]
async fn a_transcript_dropped_without_an_ending_files_the_call_as_crashed() {
    let scene = Scene::start();
    scene.agent_said("a1", "Good morning.");
    let Scene { transcript, dir, writer, lost } = scene;
    drop(transcript);
    settle().await;
    let record = only_record(dir.path(), &writer);
    assert_eq!(record["transcripts"], serde_json::json!(["Good morning."]));
    assert_eq!(record["ending"], serde_json::json!({ "reason": "crashed", "by": "system" }));
    assert_eq!(lost.losses(), [Child::Transcript]);
}

#[actix_rt::test]
async fn a_transcript_dropped_after_the_end_still_waits_for_late_words() {
    let scene = Scene::start();
    scene.caller_speaks("u1");
    scene.end(Ending::CallerHungUp);
    let words: Recipient<Words> = scene.transcript.clone().recipient();
    let Scene { transcript, dir, writer, lost } = scene;
    drop(transcript);
    pass(Duration::from_secs(1)).await;
    words.do_send(Words::CallerSaid { item: ItemId::new("u1"), text: Some("Bye.".to_owned()) });
    drop(words);
    settle().await;
    let record = only_record(dir.path(), &writer);
    assert_eq!(record["transcripts"], serde_json::json!(["Bye."]));
    assert_eq!(record["ending"]["reason"], "caller_hung_up");
    assert!(lost.losses().is_empty());
}

#[actix_rt::test]
async fn a_panic_of_the_transcript_leaves_a_record_too() {
    let scene = Scene::start();
    scene.agent_said("a1", "Good morning.");
    scene.transcript.do_send(Panic);
    settle().await;
    assert!(!scene.transcript.connected());
    let record = scene.only_record();
    assert_eq!(record["ending"]["reason"], "crashed");
    assert_eq!(record["transcripts"], serde_json::json!(["Good morning."]));
    assert_eq!(scene.losses(), [Child::Transcript]);
}

/// Receives the journal's incidents in place of a call.
struct Listener(tokio::sync::mpsc::UnboundedSender<Incident>);

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<IncidentMet> for Listener {
    type Result = ();

    fn handle(&mut self, IncidentMet(incident): IncidentMet, _: &mut Self::Context) {
        self.0.send(incident).ok();
    }
}

#[actix_rt::test]
async fn a_disk_that_takes_no_journal_is_reported_to_the_call_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let writer = RecordWriter::start(dir.path()).expect("writable");
    let folder = dir.path().join("journal");
    fs::rename(&folder, dir.path().join("away")).expect("ours");
    fs::write(&folder, "no folder").expect("what stands in the way");
    let (tell, mut incidents) = tokio::sync::mpsc::unbounded_channel();
    let listener = Listener(tell).start().recipient();
    let identity = identity();
    let journal = writer.open_journal(&identity, &CallSettings::of(&profile()), Some(listener.downgrade()));
    let incident = incidents.recv().await.expect("it is reported");
    assert_eq!(incident.kind, IncidentKind::Disk);
    assert!(incident.detail.starts_with("the record's journal could not be written: "), "{}", incident.detail);
    for _ in 0..10 {
        journal.note(&Fact::KeyPressed('1'), Duration::ZERO);
        settle().await;
    }
    fs::remove_file(&folder).expect("ours");
    fs::rename(dir.path().join("away"), &folder).expect("ours");
    // The files are the lock of the process and then the journal beside it.
    let files = || {
        let folders = fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.map(|it| fs::read_dir(it.path()).map_or(0, Iterator::count)).sum::<usize>()
    };
    while files() < 2 {
        journal.note(&Fact::KeyPressed('1'), Duration::ZERO);
        settle().await;
    }
    assert!(incidents.try_recv().is_err(), "however often it was tried");
}

#[actix_rt::test]
async fn a_call_whose_thread_is_stopped_has_a_record() {
    let dir = tempfile::tempdir().expect("a directory");
    let writer = RecordWriter::start(dir.path()).expect("writable");
    let probe = Probe::default().start().recipient();
    let setup = TranscriptSetup {
        identity: identity(),
        profile: Arc::new(profile()),
        writer: writer.clone(),
        incidents: None,
        lost: probe.downgrade(),
    };
    let thread = actix_rt::Arbiter::new();
    let transcript = Transcript::start_in_arbiter(&thread.handle(), |_| Transcript::new(setup));
    transcript.send(Fact::KeyPressed('1')).await.expect("it listens");
    thread.stop();
    thread.join().expect("no panic");
    let record = only_record(dir.path(), &writer);
    assert_eq!((&record["ending"]["reason"], &record["keys"][0]["key"]), (&"crashed".into(), &"1".into()));
}

#[actix_rt::test]
async fn of_two_endings_the_first_counts() {
    let scene = Scene::start();
    scene.caller_speaks("u1");
    scene.end(Ending::Transferred);
    pass(Duration::from_secs(1)).await;
    scene.end(Ending::LineLost);
    pass(Duration::from_millis(1_010)).await;
    assert!(!scene.transcript.connected());
    assert_eq!(scene.only_record()["ending"]["reason"], "transferred");
}

/// Makes the actor's handler panic.
#[derive(actix::Message)]
#[rtype(result = "()")]
struct Panic;

impl Handler<Panic> for Transcript {
    type Result = ();

    fn handle(&mut self, _: Panic, _: &mut Self::Context) {
        panic!("a test's panic");
    }
}

/// Stands in for the CallActor and keeps the messages that it receives.
#[derive(Default)]
struct Probe(Arc<Mutex<Vec<Child>>>);

impl Actor for Probe {
    type Context = Context<Self>;
}

impl Handler<ChildLost> for Probe {
    type Result = ();

    fn handle(&mut self, ChildLost(child): ChildLost, _: &mut Self::Context) {
        self.0.lock().expect("no panic holds it").push(child);
    }
}

struct Losses {
    lost: Arc<Mutex<Vec<Child>>>,
    _probe: Recipient<ChildLost>,
}

impl Losses {
    fn losses(&self) -> Vec<Child> {
        self.lost.lock().expect("no panic holds it").clone()
    }
}

/// A Transcript on a paused clock, with its disk and its parent.
struct Scene {
    transcript: Addr<Transcript>,
    dir: tempfile::TempDir,
    writer: RecordWriter,
    lost: Losses,
}

impl Scene {
    fn start() -> Self {
        Self::start_with(profile())
    }

    fn start_with(profile: CallProfile) -> Self {
        tokio::time::pause();
        let dir = tempfile::tempdir().expect("a directory");
        let writer = RecordWriter::start(dir.path()).expect("writable");
        let probe = Probe::default();
        let lost = Arc::clone(&probe.0);
        let probe = probe.start().recipient();
        let setup = TranscriptSetup {
            identity: identity(),
            profile: Arc::new(profile),
            writer: writer.clone(),
            incidents: None,
            lost: probe.downgrade(),
        };
        Self { transcript: Transcript::new(setup).start(), dir, writer, lost: Losses { lost, _probe: probe } }
    }

    fn caller_speaks(&self, item: &str) {
        self.transcript.do_send(Fact::CallerSpoke { item: ItemId::new(item) });
        let placed = Words::Placed { item: ItemId::new(item), speaker: Speaker::Caller, previous: None };
        self.transcript.do_send(placed);
    }

    fn caller_said(&self, item: &str, text: &str) {
        self.transcript.do_send(Words::CallerSaid { item: ItemId::new(item), text: Some(text.to_owned()) });
    }

    fn agent_said(&self, item: &str, text: &str) {
        let response = ResponseId::new("r");
        self.transcript.do_send(Words::AgentSaid { response, item: ItemId::new(item), text: text.to_owned() });
    }

    fn end(&self, ending: Ending) {
        self.transcript.do_send(Fact::Ended { ending, tally: Tally { turns: 1, ..Tally::default() } });
    }

    fn only_record(&self) -> Value {
        only_record(self.dir.path(), &self.writer)
    }

    fn losses(&self) -> Vec<Child> {
        self.lost.losses()
    }
}

fn only_record(dir: &Path, writer: &RecordWriter) -> Value {
    writer.flush();
    let paths: Vec<_> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    assert_eq!(paths.len(), 2, "one pair of files and no more: {paths:?}");
    let transcript = paths.iter().find(|path| path.to_string_lossy().ends_with("_transcript.json"));
    serde_json::from_slice(&fs::read(transcript.expect("a transcript")).expect("a file")).expect("JSON")
}

/// Lets every actor process its pending messages.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

async fn pass(time: Duration) {
    settle().await;
    tokio::time::advance(time).await;
    settle().await;
}
