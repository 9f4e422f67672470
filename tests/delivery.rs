//! Webhooks of real calls to misbehaving receivers: no event is lost, and no call is affected.

mod common;

use std::path::Path;
use std::time::Duration;

use common::receiver::{Received, Receiver, ReceiverBehaviour};
use common::{FakeStream, PATIENCE, Running, silence, start_with};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[actix_rt::test]
async fn every_event_of_a_call_is_delivered_signed_and_fits_its_record() {
    let receiver = Receiver::start(vec![]).await;
    let running = start_telling(&receiver.url, "").await;
    hold_a_call(&running, "CA01").await;
    let received = receiver.until(3).await;
    for letter in &received {
        assert!(letter.is_signed_with(SECRET), "{letter:?}");
        assert_eq!(letter.header("webhook-id"), letter.body["id"]);
        assert_eq!(letter.body["data"]["call"]["carrier_call_id"], "CA01");
    }
    assert_eq!(kinds(&received), ["call.ended", "call.started", "transcript.ready"]);
    let ready = received.iter().find(|letter| letter.body["type"] == "transcript.ready").expect("there");
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    let (queue, transcript) = files(records.path(), "CA01");
    assert_eq!(ready.body["data"]["record"], transcript);
    assert_eq!((&queue["status"], &queue["attempts"]), (&"completed".into(), &1.into()));
    assert!(queue["completed_at"].is_string());
    assert_eq!(receiver.received().len(), 3, "none twice");
}

#[actix_rt::test]
async fn failures_of_every_kind_are_tried_again_under_the_same_id() {
    use ReceiverBehaviour::{CloseAtOnce, CloseMidBody, Status};
    let manners = vec![Status(500), Status(404), Status(302), CloseAtOnce, CloseMidBody, Status(200)];
    let receiver = Receiver::start(manners).await;
    let running = start_telling(&receiver.url, r#"events = ["transcript.ready"]"#).await;
    hold_a_call(&running, "CA02").await;
    let received = receiver.until(6).await;
    let ids: std::collections::BTreeSet<_> = received.iter().map(|letter| letter.header("webhook-id")).collect();
    assert_eq!(ids.len(), 1, "one event, one id");
    assert!(received.iter().all(|letter| letter.path == "/hook"), "the redirect was not followed");
    let queue = until_status(running.records.path(), "CA02", "completed").await;
    assert_eq!(queue["attempts"], 6);
    running.stop().await;
}

#[actix_rt::test]
async fn a_pause_that_is_asked_for_is_kept() {
    let receiver = Receiver::start(vec![ReceiverBehaviour::RetryAfter(2), ReceiverBehaviour::Status(204)]).await;
    let running = start_telling(&receiver.url, r#"events = ["transcript.ready"]"#).await;
    hold_a_call(&running, "CA03").await;
    let received = receiver.until(2).await;
    let pause = received[1].at - received[0].at;
    assert!(pause >= Duration::from_millis(1_900), "{pause:?}; without it, pauses here are at most a second");
    running.stop().await;
}

#[actix_rt::test]
async fn status_410_stops_an_endpoint_until_an_operator_retries() {
    let receiver = Receiver::start(vec![ReceiverBehaviour::Status(410)]).await;
    let running = start_telling(&receiver.url, r#"events = ["transcript.ready"]"#).await;
    hold_a_call(&running, "CA04").await;
    let queue = until_status(running.records.path(), "CA04", "failed").await;
    assert_eq!(queue["error"], "test: HTTP 410");
    hold_a_call(&running, "CA05").await;
    let queue = until_status(running.records.path(), "CA05", "failed").await;
    assert_eq!(queue["attempts"], 0);
    assert_eq!(receiver.received().len(), 1, "nothing is sent to who is gone");

    let failed = running.records.path().join("deliveries/failed");
    let letters: Vec<_> =
        std::fs::read_dir(&failed).expect("dead letters").map(|e| e.expect("an entry").file_name()).collect();
    assert_eq!(letters.len(), 2);
    for letter in letters {
        let id = letter.to_string_lossy().trim_end_matches(".json").to_owned();
        std::fs::write(running.records.path().join("deliveries/retry").join(id), "").expect("writable");
    }
    until_status(running.records.path(), "CA04", "completed").await;
    until_status(running.records.path(), "CA05", "completed").await;
    running.stop().await;
}

#[actix_rt::test]
async fn a_receiver_that_was_down_gets_everything_after_a_restart_of_ours() {
    let (closed, port) = Receiver::reserve();
    let url = format!("http://127.0.0.1:{port}/hook");
    let records = {
        let running = start_telling(&url, "").await;
        hold_a_call(&running, "CA06").await;
        until_status(running.records.path(), "CA06", "processing").await;
        let Running { service, records } = running;
        service.stop(Duration::ZERO).await;
        records
    };
    let (queue, _) = files(records.path(), "CA06");
    assert_eq!(queue["status"], "processing", "as a dead process leaves it");
    drop(closed);
    let receiver = Receiver::at(port, vec![]).await;
    let running = start_in(records, &url, "").await;
    let received = receiver.until(3).await;
    assert_eq!(kinds(&received), ["call.ended", "call.started", "transcript.ready"]);
    until_status(running.records.path(), "CA06", "completed").await;
    running.stop().await;
    assert_eq!(receiver.received().len(), 3);
}

#[actix_rt::test]
async fn events_lost_with_a_process_are_delivered_from_its_record() {
    let records = {
        let running = common::start(&[]).await;
        hold_a_call(&running, "CA07").await;
        let Running { service, records } = running;
        service.stop(Duration::ZERO).await;
        records
    };
    let receiver = Receiver::start(vec![]).await;
    let running = start_in(records, &receiver.url, "").await;
    let received = receiver.until(3).await;
    assert_eq!(kinds(&received), ["call.ended", "call.started", "transcript.ready"]);
    until_status(running.records.path(), "CA07", "completed").await;
    running.stop().await;
}

#[actix_rt::test]
async fn a_receiver_that_hangs_keeps_no_call_waiting() {
    let receiver = Receiver::start(vec![ReceiverBehaviour::Hang; 64]).await;
    let running = start_telling(&receiver.url, r#"timeout = "30s", concurrency = 1"#).await;
    for call in ["CA08", "CA09", "CA10"] {
        let finished = timeout(Duration::from_secs(5), hold_a_call(&running, call)).await;
        assert!(finished.is_ok(), "calls go on as if nothing were");
    }
    assert_eq!(receiver.until(1).await.len(), 1, "one at once, as configured");
    let stopping = timeout(PATIENCE, running.stop()).await;
    assert!(stopping.is_ok(), "a stop waits for no receiver for long");
}

#[actix_rt::test]
async fn the_old_receivers_get_their_own_shapes_for_calls_without_words() {
    let receiver = Receiver::start(vec![]).await;
    let endpoints = format!(
        r#"[{{ name = "waybeo", url = "{url}", payload = "waybeo_data_record", allow_private = ["127.0.0.1"] }},
            {{ name = "si", url = "{url}", payload = "singleinterface_v2", allow_private = ["127.0.0.1"] }}]"#,
        url = receiver.url
    );
    let running =
        start_with(&[("WAYBEO_AUTH_TOKEN", "a.b.c")], &[("twilio.verify", "off"), ("webhooks.endpoints", &endpoints)])
            .await;
    hold_a_call(&running, "CA11").await;
    let received = receiver.until(2).await;
    let of = |agent: &str| received.iter().find(|letter| letter.header("user-agent") == agent).expect("one of each");
    let waybeo = of("VoiceAgent-Waybeo/2.0");
    assert_eq!(waybeo.header("authorization"), "Bearer a.b.c");
    let parameters = json!([
        {"key": "bot_reference_id", "value": "bot_CA11"},
        {"key": "data_capture_status", "value": "none"},
    ]);
    assert_eq!(waybeo.body, json!({"callId": "CA11", "command": "data_record", "parameters": parameters}));
    let si = of("VoiceAgent-Webhook/1.0");
    assert_eq!((&si.body["id"], &si.body["call_vendor"]), (&"bot_CA11".into(), &"Twilio".into()));
    assert_eq!(si.body["Customer_number"], 15_550_100_001_u64);
    running.stop().await;
}

#[actix_rt::test]
async fn https_is_spoken_to_the_handshake() {
    let receiver = Receiver::start(vec![]).await;
    let url = receiver.url.replacen("http", "https", 1);
    let running = start_telling(&url, r#"events = ["call.started"]"#).await;
    running.announce("CA12").await;
    hold_a_call(&running, "CA13").await;
    let hello = receiver.until_bytes().await;
    assert_eq!(hello[..2], [0x16, 0x03], "a TLS record with a handshake in it: {hello:?}");
    running.stop().await;
}

/// Starts a service with one receiver and retry delays of at most a second.
async fn start_telling(url: &str, more: &str) -> Running {
    start_in(tempfile::tempdir().expect("a temporary folder"), url, more).await
}

async fn start_in(records: TempDir, url: &str, more: &str) -> Running {
    let more = if more.is_empty() { String::new() } else { format!(", {more}") };
    let endpoints = format!(r#"[{{ name = "test", url = "{url}", allow_private = ["127.0.0.1"]{more} }}]"#);
    let dir = records.path().to_str().expect("a plain path").to_owned();
    let settings = [
        ("twilio.verify", "off"),
        ("records.dir", dir.as_str()),
        ("webhooks.retry.initial", "100ms"),
        ("webhooks.retry.max", "1s"),
        ("webhooks.endpoints", &endpoints),
    ];
    let running = start_with(&[("SWITCHBOARD_WEBHOOK_SECRET", SECRET)], &settings).await;
    Running { service: running.service, records }
}

/// Runs a short call without words. Returns when its record is on disk.
async fn hold_a_call(running: &Running, call: &str) {
    let token = running.announce(call).await;
    let mut stream = FakeStream::start(&running.stream(), call, Some(&token)).await;
    stream.say(&silence(call, 0)).await;
    stream.hear("media").await;
    stream.say(&json!({"event": "stop", "streamSid": call.replacen("CA", "MZ", 1), "stop": {}})).await;
    let waiting = async {
        while try_files(running.records.path(), call).is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "{call} has a record");
}

fn kinds(received: &[Received]) -> Vec<&str> {
    let mut kinds: Vec<_> = received.iter().filter_map(|letter| letter.body["type"].as_str()).collect();
    kinds.sort_unstable();
    kinds
}

async fn until_status(records: &Path, call: &str, status: &str) -> Value {
    let waiting = async {
        loop {
            if let Some((queue, _)) = try_files(records, call).filter(|(queue, _)| queue["status"] == status) {
                return queue;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let found = timeout(PATIENCE, waiting).await;
    found
        .unwrap_or_else(|_| panic!("{call} should be {status}, is {:?}", try_files(records, call).map(|files| files.0)))
}

fn files(records: &Path, call: &str) -> (Value, Value) {
    try_files(records, call).unwrap_or_else(|| panic!("the files of {call}"))
}

/// A call's queue file and transcript.
fn try_files(records: &Path, call: &str) -> Option<(Value, Value)> {
    let find = |end: &str| {
        let names = std::fs::read_dir(records).ok()?.filter_map(Result::ok);
        let path = names.map(|entry| entry.path()).find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with(&format!("call_{call}_")) && name.ends_with(end)
        })?;
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    };
    Some((find("_queue.json")?, find("_transcript.json")?))
}
