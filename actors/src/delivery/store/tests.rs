use serde_json::json;

use super::*;
use crate::delivery::notice::Kind;
use crate::delivery::testing::summary;

#[test]
fn a_case_is_in_one_folder_at_a_time() {
    let scene = Scene::new();
    let mut case = scene.case();
    for (status, folder) in [
        (Status::Pending, PENDING),
        (Status::Failed, FAILED),
        (Status::Pending, PENDING),
        (Status::Completed, COMPLETED),
    ] {
        case.deliveries.get_mut("crm").expect("there").status = status;
        scene.store.save(&case).expect("saved");
        for other in [PENDING, COMPLETED, FAILED] {
            assert_eq!(scene.store.path(other, &case.notice.id).exists(), other == folder, "{status:?} {other}");
        }
        assert_eq!(scene.store.find(&case.notice.id).expect("readable"), Some(case.clone()));
    }
    assert!(scene.store.knows(&case.notice.id));
    assert!(!scene.store.knows("evt_other_started"));
}

#[test]
fn a_queue_file_is_followed_and_keeps_what_others_wrote_in_it() {
    let scene = Scene::new();
    scene.file("call_U1_1_queue.json", &json!({"status": "pending", "call_id": "U1", "priority": "high"}));
    scene.file("call_U1_1_transcript.json", &json!({"id": "0-1", "call_id": "U1"}));
    let notices = scene.store.open_queue("call_U1_1_queue.json").expect("readable").expect("open");
    let notice = notices.into_iter().find(|n| n.kind == Kind::TranscriptReady).expect("one");
    let mut case = Case::new(notice, &["crm"], summary().started_at);
    let mark = |case: &Case| {
        scene.store.mark_queue("call_U1_1_queue.json", case, summary().started_at).expect("written");
        scene.store.read_json(&scene.dir.path().join("call_U1_1_queue.json")).expect("JSON")
    };
    let queue = mark(&case);
    assert_eq!((&queue["status"], &queue["priority"]), (&"processing".into(), &"high".into()));
    assert!(scene.store.open_queue("call_U1_1_queue.json").expect("readable").is_some(), "taken up again");
    let course = case.deliveries.get_mut("crm").expect("there");
    (course.status, course.last, course.attempts) = (Status::Failed, Some("HTTP 500".to_owned()), 3);
    let queue = mark(&case);
    assert_eq!((&queue["status"], &queue["error"]), (&"failed".into(), &"crm: HTTP 500".into()));
    case.deliveries.get_mut("crm").expect("there").status = Status::Completed;
    let queue = mark(&case);
    assert_eq!((&queue["status"], &queue["attempts"], queue.get("error")), (&"completed".into(), &3.into(), None));
    assert!(scene.store.open_queue("call_U1_1_queue.json").expect("readable").is_none());
}

#[test]
fn an_unreadable_case_is_put_aside_once() {
    let scene = Scene::new();
    fs::write(scene.store.path(PENDING, "evt_a_started"), "{ torn").expect("writable");
    assert_eq!(scene.store.ids(Status::Pending).expect("readable"), ["evt_a_started"]);
    assert!(scene.store.pending("evt_a_started").is_err());
    assert!(scene.store.ids(Status::Pending).expect("readable").is_empty());
    assert!(scene.store.path(PENDING, "evt_a_started").with_extension("unreadable").exists());
}

#[test]
fn an_endpoint_that_moved_is_not_shut() {
    let scene = Scene::new();
    scene.store.shut("my crm/1", "https://a/").expect("written");
    assert!(scene.store.is_shut("my crm/1", "https://a/"));
    assert!(!scene.store.is_shut("my crm/1", "https://b/"));
    scene.store.reopen("my crm/1").expect("removed");
    scene.store.reopen("my crm/1").expect("nothing to remove");
    assert!(!scene.store.is_shut("my crm/1", "https://a/"));
}

#[test]
fn a_retry_request_is_found_until_it_is_handled() {
    let scene = Scene::new();
    scene.store.ask_retry("evt_a_started").expect("written");
    assert_eq!(scene.store.retries().expect("readable"), ["evt_a_started"]);
    scene.store.retried("evt_a_started").expect("removed");
    assert!(scene.store.retries().expect("readable").is_empty());
}

#[test]
fn what_is_done_is_kept_for_a_while() {
    let scene = Scene::new();
    let mut case = scene.case();
    case.deliveries.get_mut("crm").expect("there").status = Status::Completed;
    scene.store.save(&case).expect("saved");
    let path = scene.store.path(COMPLETED, &case.notice.id);
    let saved = fs::metadata(&path).and_then(|file| file.modified()).expect("a time");
    let keep = Duration::from_secs(60);
    assert_eq!(scene.store.sweep(keep, saved + keep).expect("swept"), 0);
    assert_eq!(scene.store.sweep(keep, saved + 2 * keep).expect("swept"), 1);
    assert!(!path.exists());
}

#[test]
fn nothing_outside_of_the_folder_is_read() {
    let scene = Scene::new();
    let files = RecordFiles { transcript: "../secret.json".to_owned(), queue: String::new() };
    let error = scene.store.transcript(&files).expect_err("refused");
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert_eq!(scene.store.find("../secret").expect("nothing"), None);
}

struct Scene {
    dir: tempfile::TempDir,
    store: Store,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(dir.path()).expect("writable");
        Self { dir, store }
    }

    fn case(&self) -> Case {
        let summary = summary();
        Case::new(Notice::of_call(Kind::CallStarted, &summary, summary.started_at, None), &["crm"], summary.started_at)
    }

    fn file(&self, name: &str, content: &Value) {
        fs::write(self.dir.path().join(name), content.to_string()).expect("writable");
    }
}
