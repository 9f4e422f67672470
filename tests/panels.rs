//! The service's panels: deliveries with another try, and nodes with their drain.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::receiver::{Receiver, ReceiverBehaviour};
use common::{FakeStream, PATIENCE, Running, get, post_body, silence, start_with};
use serde_json::{Value, json};
use switchboard::service::Service;
use switchboard::service::config::{Config, Sources};
use switchboard::service::reload::Reading;
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
async fn a_reload_is_applied_whole_to_new_calls_and_refused_whole() {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().to_str().expect("a plain path").to_owned();
    let file = Arc::new(Mutex::new(String::new()));
    let reading = {
        let (file, tokens) = (Arc::clone(&file), TOKENS.to_owned());
        move || {
            let text = file.lock().expect("not poisoned").clone();
            let sources = Sources::default().file("my.toml", &text).variables(&VALUES);
            Config::from_sources(&sources.overrides(&[
                ("server.public_url", "http://127.0.0.1:0"),
                ("server.workers", "1"),
                ("admin.bind", "127.0.0.1:0"),
                ("admin.tokens", &tokens),
                ("twilio.verify", "off"),
                ("records.dir", &dir),
                ("spend.file", ""),
            ]))
        }
    };
    let begin = "[server]\nbind = \"127.0.0.1:0\"\n";
    file.lock().expect("not poisoned").push_str(begin);
    let config = reading().expect("a configuration");
    let service = Service::build_reading(config, Reading::with(reading)).await.expect("a service");
    let running = Running { service, records: home };
    let reload = running.admin("/reload");
    let order = async |token| post_body(&reload, "application/json", "", &[token]).await;
    order(ASHA).await.problem(403);
    let nothing = order(ROOT).await;
    assert_eq!((nothing.status, nothing.json()["changed"].clone()), (200, json!([])));

    let mut before = FakeStream::try_open(&running.stream(), None).await.expect("a stream");
    before.say(&common::start_message("CA71", None)).await;
    before.hear("media").await;
    let more = "max_calls = 7\n[agents.sales]\ninstructions = \"Sell.\"\nlanguages = [\"en\"]\ngreeting = \"Ahoy!\"\n[transfers.shop]\nnumber = \"+14155550100\"\n";
    *file.lock().expect("not poisoned") = format!("{begin}{more}");
    let done = order(ROOT).await.json();
    assert_eq!(done["restart"], json!(["server.max_calls"]), "{done}");
    let changed = done["changed"].as_array().expect("a list");
    assert!(
        changed.contains(&json!("agents.sales.greeting")) && changed.contains(&json!("transfers.shop.number")),
        "{done}"
    );
    let shown = get(&running.admin("/configuration"), &[WALL]).await.json();
    assert_eq!((&shown["version"], &shown["transfers"]["shop"]), (&done["version"], &json!("number")));
    assert_eq!(shown["server"]["max_calls"], 200, "what takes a restart is not in force: {shown}");

    let mut after = FakeStream::try_open(&running.stream(), None).await.expect("a stream");
    after.say(&common::start_message("CA72", None)).await;
    after.hear("media").await;
    let calls = get(&running.admin("/calls"), &[WALL]).await.json();
    let version = |call: &str| {
        let calls = calls["calls"].as_array().expect("a list").iter();
        calls.clone().find(|it| it["carrier_call_id"] == call).expect("on")["configuration"].clone()
    };
    assert_eq!(version("CA72"), done["version"]);
    assert_eq!(version("CA71"), nothing.json()["version"], "a live call keeps what it began with");

    *file.lock().expect("not poisoned") = format!(
        "{begin}[agents.sales]\ninstructions = \"Sell.\"\nlanguages = [\"en\"]\ngreting = \"x\"\n[limits]\nmax_call_duration = 5\n"
    );
    let refused = order(ROOT).await;
    let detail = refused.problem(422);
    for key in ["agents.sales.greting", "limits.max_call_duration"] {
        assert!(detail.contains(key), "{detail}");
    }
    assert_eq!(refused.json()["problems"].as_array().map(Vec::len), Some(2), "{}", refused.text);
    let shown = get(&running.admin("/configuration"), &[WALL]).await.json();
    assert_eq!(shown["version"], done["version"], "nothing has changed");
    before.say(&json!({ "event": "stop", "streamSid": "MZ71", "stop": { "callSid": "CA71" } })).await;
    let record = async {
        loop {
            match common::transcripts(running.records.path(), "CA71").pop() {
                Some(record) => break record,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let record = timeout(PATIENCE, record).await.expect("a record");
    assert_eq!(record["configuration"], nothing.json()["version"]);
    let acts = get(&running.admin("/audit"), &[ROOT]).await.json();
    let acts = acts["entries"].as_array().expect("entries").iter().filter(|act| act["act"] == "reload");
    let results: Vec<_> = acts.map(|act| act["result"].clone()).collect();
    assert_eq!(results, [json!(422), json!(200), json!(200), json!(403)]);
    running.stop().await;
}

#[actix_web::test]
async fn a_named_node_without_a_cluster_has_its_name_in_the_addresses_of_its_calls() {
    let running = start(&[("cluster.node", "b")]).await;
    let answer = running.voice("CA81").await;
    let url = running.public("/n/b/ws").replacen("http", "ws", 1);
    assert!(answer.text.contains(&format!("url=\"{url}\"")), "{}", answer.text);
    let mut stream = FakeStream::try_open(&url, None).await.expect("a stream");
    stream.say(&common::start_message("CA81", Some(&answer.token()))).await;
    stream.hear("media").await;
    let nodes = get(&running.admin("/nodes"), &[WALL]).await.json();
    assert_eq!((&nodes["nodes"][0]["node"], &nodes["nodes"][0]["active"]), (&json!("b"), &json!(1)));
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
