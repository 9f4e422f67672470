//! The service's panels: deliveries with another try, and nodes with their drain.

mod common;

use std::time::Duration;

use common::receiver::{Receiver, ReceiverBehaviour};
use common::{FakeStream, PATIENCE, Running, get, post_body, silence, start_with};
use serde_json::{Value, json};
use tokio::time::timeout;

/// Tokens of every role, by name.
const TOKENS: &str = r#"[{ name = "wall", role = "viewer", token_env = "T_WALL" }, { name = "asha", role = "operator", token_env = "T_ASHA" }, { name = "root", role = "admin", token_env = "T_ROOT" }]"#;
const VALUES: [(&str, &str); 4] = [
    ("T_WALL", "wall-0123456789abcdef"),
    ("T_ASHA", "asha-0123456789abcdef"),
    ("T_ROOT", "root-0123456789abcdef"),
    ("SWITCHBOARD_WEBHOOK_SECRET", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
];
const WALL: (&str, &str) = ("Authorization", "Bearer wall-0123456789abcdef");
const ASHA: (&str, &str) = ("Authorization", "Bearer asha-0123456789abcdef");
const ROOT: (&str, &str) = ("Authorization", "Bearer root-0123456789abcdef");

#[actix_web::test]
async fn a_failed_delivery_is_listed_and_sent_again() {
    let receiver = Receiver::start(vec![ReceiverBehaviour::Status(410)]).await;
    let endpoints = format!(
        r#"[{{ name = "crm", url = "{}?key=not-to-be-shown", allow_private = ["127.0.0.1"], events = ["transcript.ready"] }}]"#,
        receiver.url
    );
    let running = start(&[("webhooks.endpoints", &endpoints)]).await;
    get(&running.admin("/deliveries"), &[]).await.problem(401);
    hold_a_call(&running, "CA31").await;
    let listed = until(&running, |listed| listed["failed"] == 1).await;
    let one = &listed["deliveries"][0];
    assert_eq!((&one["type"], &one["status"]), (&json!("transcript.ready"), &json!("failed")));
    assert_eq!(
        (&one["endpoints"]["crm"]["attempts"], &one["endpoints"]["crm"]["last"]),
        (&json!(1), &json!("HTTP 410"))
    );
    let text = listed.to_string();
    assert!(!text.contains("not-to-be-shown") && !text.contains("+1555"), "{text}");
    let id = one["id"].as_str().expect("an id");
    let retry = |id: &str| running.admin(&format!("/deliveries/{id}/retry"));
    post_body(&retry(id), "application/json", "", &[WALL]).await.problem(403);
    post_body(&retry(id), "application/json", "", &[ASHA, ("Origin", "https://attacker.example")]).await.problem(403);
    for unknown in ["evt_nobody_started", "..%2f..%2fspend"] {
        post_body(&retry(unknown), "application/json", "", &[ASHA]).await.problem(404);
    }
    let asked = post_body(&retry(id), "application/json", "", &[ASHA]).await;
    assert_eq!((asked.status, asked.json()["status"].as_str()), (202, Some("queued")));
    let listed = until(&running, |listed| listed["completed"] == 1).await;
    assert_eq!(listed["deliveries"][0]["status"], "completed");
    assert_eq!(receiver.until(2).await.len(), 2);
    let problem = post_body(&retry(id), "application/json", "", &[ASHA]).await.problem(409);
    assert!(problem.contains("has not failed"), "{problem}");
    let log = get(&running.admin("/audit"), &[ROOT]).await.json();
    let acts =
        log["entries"].as_array().expect("entries").iter().filter(|act| act["act"] == "retry" && act["target"] == id);
    let results: Vec<_> = acts.map(|act| (act["who"].clone(), act["result"].clone())).collect();
    assert_eq!(results, [(json!("asha"), json!(409)), (json!("asha"), json!(202)), (json!("wall"), json!(403))]);
    running.stop().await;
}

#[actix_web::test]
async fn a_service_that_tells_nobody_has_no_deliveries() {
    let running = start(&[]).await;
    let listed = get(&running.admin("/deliveries"), &[WALL]).await.json();
    assert_eq!(listed, json!({ "deliveries": [], "failed": 0, "pending": 0, "completed": 0 }));
    let url = running.admin("/deliveries/evt_x_started/retry");
    let problem = post_body(&url, "application/json", "", &[ASHA]).await.problem(409);
    assert!(problem.contains("webhooks.endpoints"), "{problem}");
    running.stop().await;
}

#[actix_web::test]
async fn one_node_alone_is_a_row_and_drains_by_its_name() {
    let running = start(&[]).await;
    let row = get(&running.admin("/nodes"), &[WALL]).await.json()["nodes"][0].clone();
    assert_eq!((&row["self"], &row["draining"], &row["active"]), (&json!(true), &json!(false), &json!(0)), "{row}");
    assert!(row["version"].is_string() && row["uptime_s"].is_u64() && row["max_calls"].is_u64(), "{row}");
    let calls = get(&running.admin("/calls"), &[WALL]).await.json();
    assert_eq!((&calls["active"], &calls["node_active"]), (&json!(0), &json!(0)));
    let name = row["node"].as_str().expect("a name");
    let drain = |name: &str| running.admin(&format!("/nodes/{name}/drain"));
    post_body(&drain(name), "application/json", "", &[ASHA]).await.problem(403);
    let problem = post_body(&drain("elsewhere"), "application/json", "", &[ROOT]).await.problem(404);
    assert!(problem.contains(name), "{problem}");
    assert_eq!(get(&running.public("/ready"), &[]).await.status, 200);
    assert_eq!(post_body(&drain(name), "application/json", "", &[ROOT]).await.status, 202);
    assert_eq!(get(&running.admin("/nodes"), &[WALL]).await.json()["nodes"][0]["draining"], true);
    assert_eq!(get(&running.public("/ready"), &[]).await.json()["reason"], "draining");
    let asked = timeout(PATIENCE, running.service.drain_ordered()).await;
    assert!(asked.is_ok(), "the process is told to stop once its calls have ended");
    running.stop().await;
}

async fn start(settings: &[(&str, &str)]) -> Running {
    let mut all = vec![
        ("admin.tokens", TOKENS),
        ("twilio.verify", "off"),
        ("webhooks.retry.initial", "100ms"),
        ("webhooks.retry.max", "1s"),
    ];
    all.extend_from_slice(settings);
    start_with(&VALUES, &all).await
}

/// Runs a short call without words.
async fn hold_a_call(running: &Running, call: &str) {
    let token = running.announce(call).await;
    let mut stream = FakeStream::start(&running.stream(), call, Some(&token)).await;
    stream.say(&silence(call, 0)).await;
    stream.hear("media").await;
    stream.say(&json!({"event": "stop", "streamSid": call.replacen("CA", "MZ", 1), "stop": {}})).await;
}

/// Waits for a list of deliveries.
async fn until(running: &Running, is_meant: impl Fn(&Value) -> bool) -> Value {
    let waiting = async {
        loop {
            let listed = get(&running.admin("/deliveries"), &[WALL]).await.json();
            if is_meant(&listed) {
                return listed;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("such a list")
}
