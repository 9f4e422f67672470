use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[test]
fn an_expired_call_is_removed_with_its_queue_file_only() {
    let (dir, dirs) = some_folders();
    let now = at(1_760_700_000_000);
    for (name, text) in [
        ("call_CA1_1760000000000_transcript.json", "{}"),
        ("call_CA1_1760000000000_queue.json", r#"{"status":"pending"}"#),
        ("call_CA2_1760699000000_transcript.json", "{}"),
        ("call_CA2_1760699000000_queue.json", r#"{"status":"completed"}"#),
        ("notes.txt", "somebody's"),
    ] {
        fs::write(dir.path().join(name), text).expect("writable");
    }
    let keep = Keep { age: Some(DAY), size: None };
    sweep(&dirs, &Retention { transcripts: keep, ..Retention::default() }, None, now);
    assert_eq!(
        names(dir.path()),
        ["call_CA2_1760699000000_queue.json", "call_CA2_1760699000000_transcript.json", "notes.txt"]
    );
}

#[test]
fn removing_a_transcript_removes_every_file_of_its_call() {
    let (dir, dirs) = some_folders();
    let id = "48b7f720-aa86-4a7d-8698-a8643a397676";
    let record = |carrier_id: &str, names: &[&str]| {
        serde_json::json!({ "ucid": carrier_id, "id": id, "call_start_time": 1_760_000_000_000_i64, "recordings": names })
            .to_string()
    };
    let put = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(&path, text).expect("writable");
        path
    };
    let theirs = "call_CA2_1760699000000_recording.wav";
    let names = ["call_CA1_1760000000000_recording.wav", theirs, "../notes.txt"];
    let gone = [
        put("call_CA1_1760000060000_transcript.json", &record("CA1", &names)),
        put("call_CA1_1760000060000_queue.json", "{}"),
        put("sound/call_CA1_1760000000000_recording.wav", "RIFF"),
        put("sound/call_CA1_1760000000000_recording_2.wav", "RIFF"),
        put(&format!("deliveries/failed/evt_{id}_ended.json"), "{}"),
        put(&format!("deliveries/pending/evt_{id}_transcript.json"), "{}"),
        // The record of this call is long gone, or was never written.
        put("sound/call_CA7_1750000000000_recording.wav", "RIFF"),
    ];
    let kept = [put(&format!("sound/{theirs}"), "RIFF"), put("notes.txt", ""), put("sound/theme.wav", "RIFF")];
    let keep = Keep { age: Some(DAY), size: None };
    sweep(&dirs, &Retention { transcripts: keep, ..Retention::default() }, None, at(1_760_700_000_000));
    let left: Vec<_> = gone.iter().filter(|path| path.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(kept.iter().all(|path| path.exists()));
    assert!(Erasures::of(dir.path()).has(id), "the service has a delivery of it in hand");
}

#[test]
fn recordings_in_a_folder_of_their_own_have_their_limit_there() {
    let (dir, dirs) = some_folders();
    let sound = dir.path().join("sound");
    fs::create_dir(&sound).expect("ours");
    for name in ["call_CA1_1760000000000_recording.wav", "call_CA1_1760699000000_recording.wav", "theme.wav"] {
        fs::write(sound.join(name), "RIFF").expect("writable");
    }
    let recordings = Keep { age: Some(DAY), size: None };
    sweep(&dirs, &Retention { recordings, ..Retention::default() }, None, at(1_760_700_000_000));
    assert_eq!(names(&sound), ["call_CA1_1760699000000_recording.wav", "theme.wav"]);
}

#[test]
fn recordings_without_a_record_are_removed_under_a_size_limit() {
    let (dir, dirs) = some_folders();
    let put = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(&path, text).expect("writable");
        path
    };
    let gone = [
        put("call_CA1_1760000000000_queue.json", "{}"),
        put("sound/call_CA1_1760000000000_recording.wav", "RIFF"),
        put("sound/call_CA2_x_1760000000000_recording_2.wav", "RIFF"),
    ];
    let kept = [
        put("call_CA2_1760000060000_transcript.json", "{}"),
        put("sound/call_CA2_1760000000000_recording.wav", "RIFF"),
        // A file of a call that may be live.
        put("sound/call_CA3_1760699000000_recording.wav", "RIFF"),
        put("sound/theme.wav", "RIFF"),
        put("notes.txt", ""),
    ];
    let keep = Keep { age: None, size: Some(1_000_000) };
    sweep(&dirs, &Retention { transcripts: keep, ..Retention::default() }, None, at(1_760_700_000_000));
    let left: Vec<_> = gone.iter().filter(|path| path.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
    let lost: Vec<_> = kept.iter().filter(|path| !path.exists()).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn a_shared_queue_that_cannot_be_reached_keeps_the_transcripts() {
    let (dir, dirs) = some_folders();
    let id = "48b7f720-aa86-4a7d-8698-a8643a397676";
    let path = dir.path().join("call_CA1_1760000060000_transcript.json");
    fs::write(&path, format!(r#"{{"id":"{id}"}}"#)).expect("writable");
    let keep = Keep { age: Some(DAY), size: None };
    let nobody = Private::new("redis://127.0.0.1:1".to_owned());
    sweep(&dirs, &Retention { transcripts: keep, ..Retention::default() }, Some(&nobody), at(1_760_700_000_000));
    assert!(path.exists(), "the rest is found by it");
}

#[test]
fn queue_files_go_only_when_they_are_done() {
    let (dir, dirs) = some_folders();
    for (call, status) in [("1", "pending"), ("2", "processing"), ("3", "completed"), ("4", "failed")] {
        let text = serde_json::json!({ "status": status }).to_string();
        fs::write(dir.path().join(format!("call_CA{call}_1760000000000_queue.json")), text).expect("writable");
    }
    let queue = Keep { age: Some(DAY), size: None };
    sweep(&dirs, &Retention { queue, ..Retention::default() }, None, at(1_760_700_000_000));
    assert_eq!(names(dir.path()), ["call_CA1_1760000000000_queue.json", "call_CA2_1760000000000_queue.json"]);
}

#[test]
fn above_the_size_limit_the_oldest_calls_are_removed() {
    let (dir, dirs) = some_folders();
    let recordings = dir.path().join("recordings");
    fs::create_dir(&recordings).expect("ours");
    for second in 1..=4 {
        fs::write(recordings.join(format!("call_CA1_176070000{second}000.wav")), [0; 400]).expect("writable");
    }
    let keep = Keep { age: None, size: Some(1_000) };
    sweep(&dirs, &Retention { recordings: keep, ..Retention::default() }, None, at(1_760_700_100_000));
    assert_eq!(names(&recordings), ["call_CA1_1760700003000.wav", "call_CA1_1760700004000.wav"]);
}

#[test]
fn without_limits_only_abandoned_temporary_files_go() {
    let (dir, dirs) = some_folders();
    fs::write(dir.path().join("call_CA1_1000000000001_transcript.json"), "{}").expect("writable");
    fs::write(dir.path().join(".call_CA1_1_queue.json.tmp"), "").expect("writable");
    sweep(&dirs, &Retention::default(), None, SystemTime::now());
    assert_eq!(names(dir.path()).len(), 2, "it may be being written");
    sweep(&dirs, &Retention::default(), None, SystemTime::now() + 2 * WRITING_TAKES);
    assert_eq!(names(dir.path()), ["call_CA1_1000000000001_transcript.json"]);
}

fn some_folders() -> (tempfile::TempDir, RecordFolders) {
    let dir = tempfile::tempdir().expect("a directory");
    let records = Records {
        dir: dir.path().to_owned(),
        journal_commit: Duration::ZERO,
        legacy_dir: None,
        retention: Retention::default(),
    };
    let folder = dir.path().join("sound").into();
    let keys_while_paused = switchboard_actors::profile::KeysWhilePaused::default();
    let recording = Recording { dir: None, folder, consent: None, keys_while_paused };
    let dirs = RecordFolders::new(&records, &recording);
    (dir, dirs)
}

fn at(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = files(dir).expect("readable").iter().map(|path| name(path).to_owned()).collect();
    names.sort();
    names
}
