use std::fs;
use std::path::Path;

use actix::Addr;
use serde_json::{Value, json};

use super::*;
use crate::delivery::payload::Payload;
use crate::delivery::plan::EndpointPlan;
use crate::delivery::schedule::RetryPlan;
use crate::delivery::testing::summary;

#[actix_rt::test]
async fn a_notice_is_on_disk_before_it_is_delivered() {
    let scene = Scene::start(&["crm", "mail"]);
    let summary = summary();
    scene.delivery.send(CallUpdate::Started(summary.clone())).await.expect("it listens");
    let path = scene.dir.path().join(format!("deliveries/pending/evt_{}_started.json", summary.id));
    let case = read(&path);
    assert_eq!(case["notice"]["type"], "call.started");
    assert_eq!(case["deliveries"]["crm"]["status"], "pending");
    assert_eq!(case["deliveries"]["mail"]["status"], "pending");
}

#[actix_rt::test]
async fn a_transferred_call_is_reported_as_transferred() {
    let scene = Scene::start(&["crm"]);
    let summary = summary();
    let update = CallUpdate::Ended { summary: summary.clone(), ending: Ending::Transferred, at: summary.started_at };
    scene.delivery.send(update).await.expect("it listens");
    let names = scene.pending();
    assert_eq!(names, [format!("evt_{}_ended.json", summary.id), format!("evt_{}_transferred.json", summary.id)]);
}

#[actix_rt::test]
async fn a_repeated_notice_is_delivered_once() {
    let scene = Scene::start(&["crm"]);
    let summary = summary();
    for _ in 0..3 {
        scene.delivery.send(CallUpdate::Started(summary.clone())).await.expect("it listens");
    }
    assert_eq!(scene.pending().len(), 1);
}

#[actix_rt::test]
async fn an_endpoint_that_is_configured_no_longer_makes_a_dead_letter() {
    let dir = {
        let scene = Scene::start(&["old"]);
        scene.delivery.send(CallUpdate::Started(summary())).await.expect("it listens");
        scene.dir
    };
    let scene = Scene::start_in(dir, &["new"]);
    scene.delivery.send(Finish { patience: Duration::ZERO }).await.expect("it answers");
    assert!(scene.pending().is_empty());
    let failed = names(&scene.dir.path().join("deliveries/failed"));
    assert_eq!(failed.len(), 1);
    let case = read(&scene.dir.path().join("deliveries/failed").join(&failed[0]));
    assert!(case["deliveries"]["old"]["last"].as_str().expect("words").contains("no longer"));
}

#[actix_rt::test]
async fn a_disk_that_refuses_is_tried_again_and_nothing_is_forgotten() {
    let scene = Scene::start(&["crm"]);
    let pending = scene.dir.path().join("deliveries/pending");
    fs::remove_dir(&pending).expect("empty");
    fs::write(&pending, "no folder").expect("writable");
    scene.delivery.send(CallUpdate::Started(summary())).await.expect("it listens");
    fs::remove_file(&pending).expect("ours");
    fs::create_dir(&pending).expect("writable");
    scene.delivery.send(Finish { patience: Duration::ZERO }).await.expect("it answers");
    assert_eq!(scene.pending().len(), 1);
}

#[actix_rt::test]
async fn a_record_whose_transcript_is_gone_is_no_trouble_for_others() {
    let scene = Scene::start(&["crm"]);
    let write = |name: &str, value: Value| fs::write(scene.dir.path().join(name), value.to_string()).expect("writable");
    write("call_A_1_queue.json", json!({"status": "pending"}));
    write("call_B_2_queue.json", json!({"status": "pending"}));
    write("call_B_2_transcript.json", json!({"id": "b", "call_id": "B", "timestamp": 2}));
    scene.delivery.send(Finish { patience: Duration::ZERO }).await.expect("it answers");
    assert_eq!(scene.pending(), ["evt_b_transcript.json"], "what is long past is not told again");
    assert_eq!(read(&scene.dir.path().join("call_B_2_queue.json"))["status"], "processing");
    assert_eq!(read(&scene.dir.path().join("call_A_1_queue.json"))["status"], "pending");
}

#[actix_rt::test]
async fn a_call_that_is_erased_while_its_delivery_waits_is_never_written_again() {
    let scene = Scene::start(&["crm"]);
    let (summary, other) = (summary(), summary());
    for summary in [&summary, &other] {
        scene.delivery.send(CallUpdate::Started(summary.clone())).await.expect("it listens");
    }
    // `records erase` does the same: the mark first, then the files.
    crate::erasure::Erasures::of(scene.dir.path()).mark(&summary.id.to_string()).expect("writable");
    let path = scene.dir.path().join(format!("deliveries/pending/evt_{}_started.json", summary.id));
    fs::remove_file(&path).expect("there");
    let update = CallUpdate::Ended { summary: summary.clone(), ending: Ending::Transferred, at: summary.started_at };
    scene.delivery.send(update).await.expect("it listens");
    scene.delivery.send(Finish { patience: Duration::from_secs(5) }).await.expect("it answers");
    let left = walk(scene.dir.path());
    let of = |id: CallId| left.iter().filter(|path| path.contains(&id.to_string())).cloned().collect::<Vec<_>>();
    assert_eq!(of(summary.id), [format!("erased/{}", summary.id)]);
    assert_eq!(of(other.id).len(), 1, "the other's is untouched: {left:?}");
}

/// Every file below a folder, by its path from there.
fn walk(top: &Path) -> Vec<String> {
    let (mut folders, mut found) = (vec![top.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(top).expect("below it").display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// Delivers to unroutable addresses, so that nothing ever leaves.
struct Scene {
    delivery: Addr<Delivery>,
    dir: tempfile::TempDir,
}

impl Scene {
    fn start(endpoints: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a directory"), endpoints)
    }

    fn start_in(dir: tempfile::TempDir, endpoints: &[&str]) -> Self {
        let endpoint = |name: &&str| EndpointPlan {
            name: (*name).to_owned(),
            url: "http://127.0.0.1:1/".parse().expect("a url"),
            events: Kind::ALL.to_vec(),
            payload: Payload::Switchboard,
            secrets: None,
            bearer: None,
            headers: Vec::new(),
            timeout: Duration::from_secs(1),
            concurrency: 1,
            allow_private: Vec::new(),
        };
        let hour = Duration::from_secs(3600);
        let plan = DeliveryPlan {
            records: dir.path().to_owned(),
            endpoints: endpoints.iter().map(endpoint).collect(),
            retry: RetryPlan { initial: hour, max: hour, give_up_after: 24 * hour },
            keep: 7 * 24 * hour,
            redis_url: None,
        };
        Self { delivery: Delivery::new(plan).expect("writable").start(), dir }
    }

    fn pending(&self) -> Vec<String> {
        names(&self.dir.path().join("deliveries/pending"))
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).expect("JSON")
}
