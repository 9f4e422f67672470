//! The operators' view: calls, health, counters, and access control.

mod common;

use std::time::Duration;

use awc::ws::CloseCode;
use common::{FakeStream, get, post_body, start, start_with};
use serde_json::json;

const CALL: &str = "CA00000000000000000000000000000001";

#[actix_web::test]
async fn an_operator_ends_a_call() {
    let running = start(&[]).await;
    let mut stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    let call = running.calls().await.remove(0);
    let id = call["id"].as_str().expect("an id").to_owned();
    let shown = get(&running.admin(&format!("/calls/{CALL}")), &[]).await.json();
    assert_eq!(shown["id"], id.as_str());
    assert!(call.get("detail").is_none() && shown.get("detail").is_none());
    assert!(shown.get("usage").is_some() && call.get("usage").is_none(), "only one call is shown in full");
    assert_eq!(post_body(&running.admin(&format!("/calls/{id}/hangup")), "text/plain", "", &[]).await.status, 202);
    assert_eq!(stream.closed().await.0, CloseCode::Normal);
    running.until_calls(0).await;
    let over = get(&running.admin(&format!("/calls/{id}")), &[]).await.json();
    assert_eq!((&over["state"], &over["ending"]["by"]), (&json!("ended"), &json!("operator")));
    post_body(&running.admin(&format!("/calls/{id}/hangup")), "text/plain", "", &[]).await.problem(404);
    running.stop().await;
}

#[actix_web::test]
async fn calls_are_filtered_by_state_and_agent() {
    let running = start(&[]).await;
    let _stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    let agent = running.calls().await[0]["agent"].as_str().expect("an agent").to_owned();
    for (query, found) in [(format!("agent={agent}"), 1), ("agent=nobody".into(), 0), ("state=closing".into(), 0)] {
        let shown = get(&running.admin(&format!("/calls?{query}")), &[]).await.json();
        assert_eq!(shown["calls"].as_array().map(Vec::len), Some(found), "{query}");
        assert_eq!(shown["active"], 1);
    }
    get(&running.admin("/calls?colour=red"), &[]).await.problem(400);
    let problem = get(&running.admin("/calls?state=nowhere"), &[]).await.problem(400);
    assert!(problem.contains("nowhere") && problem.contains("listening"), "{problem}");
    running.stop().await;
}

#[actix_web::test]
async fn the_admin_door_asks_for_its_token() {
    let running = start_with(&[("SWITCHBOARD_ADMIN_TOKEN", "open sesame")], &[("twilio.verify", "off")]).await;
    let url = running.admin("/calls");
    let refused = get(&url, &[]).await;
    refused.problem(401);
    assert_eq!(refused.headers.get("www-authenticate").map(|value| value.as_bytes()), Some(b"Bearer".as_slice()));
    for wrong in ["Bearer open sesam", "Bearer ", "open sesame", "Basic open sesame"] {
        get(&url, &[("Authorization", wrong)]).await.problem(401);
    }
    get(&running.admin("/metrics"), &[]).await.problem(401);
    get(&running.admin("/nowhere"), &[]).await.problem(401);
    assert_eq!(get(&url, &[("Authorization", "bearer open sesame")]).await.status, 200);
    running.stop().await;
}

/// Tokens of every role, by name.
const TOKENS: &str = r#"[{ name = "wall", role = "viewer", token_env = "T_WALL" }, { name = "asha", role = "operator", token_env = "T_ASHA" }, { name = "root", role = "admin", token_env = "T_ROOT" }]"#;
const VALUES: [(&str, &str); 3] =
    [("T_WALL", "wall-0123456789abcdef"), ("T_ASHA", "asha-0123456789abcdef"), ("T_ROOT", "root-0123456789abcdef")];

#[actix_web::test]
async fn each_role_does_what_it_may_and_acts_are_audited() {
    let running = start_with(&VALUES, &[("admin.tokens", TOKENS)]).await;
    let bearer = |name: &str| format!("Bearer {name}-0123456789abcdef");
    let hang_up = running.admin(&format!("/calls/{CALL}/hangup"));
    let kill = running.admin("/spend/kill");
    for (name, hanging_up, killing, audit) in
        [("wall", 403, 403, 403), ("asha", 404, 403, 403), ("root", 404, 200, 200)]
    {
        let by = bearer(name);
        let by = [("Authorization", by.as_str())];
        assert_eq!(get(&running.admin("/calls"), &by).await.status, 200, "{name}");
        assert_eq!(get(&running.admin("/me"), &by).await.json()["name"], name);
        assert_eq!(post_body(&hang_up, "application/json", "", &by).await.status, hanging_up, "{name}");
        assert_eq!(post_body(&kill, "application/json", r#"{"on":false}"#, &by).await.status, killing, "{name}");
        assert_eq!(get(&running.admin("/audit"), &by).await.status, audit, "{name}");
    }
    let root = bearer("root");
    let log = get(&running.admin("/audit"), &[("Authorization", &root)]).await.json();
    let entries: Vec<_> = log["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|it| (it["who"].clone(), it["act"].clone(), it["target"].clone(), it["result"].clone()))
        .collect();
    let entry =
        |who: &str, act: &str, target: &str, result: u16| (json!(who), json!(act), json!(target), json!(result));
    let expected = [
        entry("root", "kill_switch", "", 200),
        entry("root", "hangup", CALL, 404),
        entry("asha", "kill_switch", "", 403),
        entry("asha", "hangup", CALL, 404),
        entry("wall", "kill_switch", "", 403),
        entry("wall", "hangup", CALL, 403),
    ];
    assert_eq!(entries, expected);
    running.stop().await;
}

#[actix_web::test]
async fn a_sign_in_is_a_cookie_that_ends_with_the_sign_out() {
    let running = start_with(&VALUES, &[("admin.tokens", TOKENS)]).await;
    let sign_in = running.admin("/sign-in");
    post_body(&sign_in, "application/json", r#"{"token":"wrong"}"#, &[]).await.problem(401);
    let signed = post_body(&sign_in, "application/json", r#"{"token":"asha-0123456789abcdef"}"#, &[]).await;
    assert_eq!((signed.status, signed.json()), (200, json!({"name": "asha", "role": "operator"})));
    let cookie = signed.headers.get("set-cookie").and_then(|it| it.to_str().ok()).expect("a cookie").to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains("Secure"),
        "{cookie}"
    );
    assert!(!cookie.contains("0123456789abcdef"), "{cookie}");
    let session = cookie.split(';').next().expect("a value").to_owned();
    let with = [("Cookie", session.as_str())];
    assert_eq!(get(&running.admin("/me"), &with).await.json()["role"], "operator");
    get(&running.admin("/calls"), &[with[0], ("Origin", "https://attacker.example")]).await.problem(403);
    let behind_tls = [("X-Forwarded-Proto", "https")];
    let signed = post_body(&sign_in, "application/json", r#"{"token":"asha-0123456789abcdef"}"#, &behind_tls).await;
    assert!(signed.headers.get("set-cookie").and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("Secure")));
    assert_eq!(post_body(&running.admin("/sign-out"), "application/json", "", &with).await.status, 204);
    get(&running.admin("/me"), &with).await.problem(401);
    let wrong = [("Authorization", "Bearer not-one-of-ours-0123456789")];
    get(&running.admin("/calls"), &wrong).await.problem(401);
    let root = [("Authorization", "Bearer root-0123456789abcdef")];
    let log = get(&running.admin("/audit"), &root).await.json();
    let acts: Vec<_> = log["entries"].as_array().expect("entries").iter().rev().map(|it| &it["act"]).collect();
    assert_eq!(acts, ["sign_in", "sign_in", "sign_in", "sign_out", "wrong_token"]);
    assert!(!log.to_string().contains("0123456789"), "{log}");
    let counted = get(&running.admin("/metrics"), &root).await.text;
    for reason in ["wrong_token", "no_session", "sign_in"] {
        let line = format!("switchboard_admin_refusals_total{{reason=\"{reason}\"}} ");
        assert!(counted.contains(&line) && !counted.contains(&format!("{line}0\n")), "{reason}");
    }
    running.stop().await;
}

#[actix_web::test]
async fn a_web_page_cannot_steer_an_admin_door_without_a_token() {
    let running = start(&[]).await;
    let url = running.admin(&format!("/calls/{CALL}/hangup"));
    post_body(&url, "text/plain", "", &[("Origin", "https://attacker.example")]).await.problem(403);
    get(&running.admin("/calls"), &[("Host", "attacker.example")]).await.problem(403);
    running.stop().await;
}

#[actix_web::test]
async fn the_console_needs_no_token_and_what_it_reads_does() {
    let running = start_with(&[("SWITCHBOARD_ADMIN_TOKEN", "open sesame")], &[("twilio.verify", "off")]).await;
    let page = get(&running.admin("/console/"), &[]).await;
    assert!(page.status == 200 && page.text.contains("app.js"), "{}", page.text);
    let policy = page.headers.get("content-security-policy").and_then(|value| value.to_str().ok());
    assert!(
        policy.is_some_and(|policy| policy.contains("default-src 'none'") && !policy.contains("unsafe")),
        "{policy:?}"
    );
    let etag = page.headers.get("etag").and_then(|value| value.to_str().ok()).expect("an etag");
    assert_eq!(get(&running.admin("/console/"), &[("If-None-Match", etag)]).await.status, 304);
    assert_eq!(get(&running.admin("/console/nothing.js"), &[]).await.status, 404);
    get(&running.admin("/"), &[("Accept", "application/json")]).await.problem(401);
    get(&running.admin("/configuration"), &[]).await.problem(401);
    running.stop().await;
}

#[actix_web::test]
async fn the_index_lists_the_paths_there_are() {
    let running = start(&[]).await;
    let index = get(&running.admin("/"), &[("Accept", "application/json")]).await.json();
    let routes = index["routes"].as_array().expect("routes");
    for route in routes {
        let path = route["path"].as_str().expect("a path").replace("{id}", CALL);
        if path == "/events" {
            // It does not end.
            continue;
        }
        // A path that is not there is 404; one that is there says what it takes, or which call it does not know.
        let answer = get(&running.admin(&path), &[("Accept", "application/json")]).await;
        let unknown = ["no live call", "no record of a call"].iter().any(|words| answer.text.contains(words));
        assert!(answer.status != 404 || unknown, "{path}: {}", answer.text);
    }
    let expected = json!({ "agent": "default", "language": "en", "recorded": false });
    let asked = json!({ "carrier": "twilio", "from": "+15550100001", "to": "+15550100002" }).to_string();
    let route = running.admin("/configuration/route");
    assert_eq!(post_body(&route, "application/json", &asked, &[]).await.json(), expected);
    let unknown = asked.replace("twilio", "pigeon");
    assert!(post_body(&route, "application/json", &unknown, &[]).await.problem(400).contains("pigeon"));
    let configuration = get(&running.admin("/configuration"), &[]).await.json();
    assert_eq!(configuration["secrets"]["SWITCHBOARD_ADMIN_TOKEN"], "absent");
    running.stop().await;
}

#[actix_web::test]
async fn a_transfer_goes_to_configured_names_only() {
    let running = start(&[]).await;
    let _stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    let transfer = running.admin(&format!("/calls/{CALL}/transfer"));
    let order = json!({ "destination": "+15550100099" }).to_string();
    post_body(&transfer, "application/json", &order, &[]).await.problem(422);
    running.stop().await;
}

#[actix_web::test]
async fn health_readiness_and_metrics_are_served() {
    let running = start(&[]).await;
    let health = get(&running.public("/health"), &[]).await.json();
    assert_eq!((&health["status"], &health["active_calls"]), (&json!("ok"), &json!(0)));
    assert!(health["version"].is_string() && health["uptime_s"].is_u64());
    let ready = get(&running.public("/ready"), &[]).await;
    assert_eq!(ready.status, 200, "{}", ready.text);
    let _stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    let metrics = get(&running.admin("/metrics"), &[]).await;
    assert!(metrics.kind.starts_with("text/plain"));
    assert!(metrics.text.contains("switchboard_calls_active"), "{}", metrics.text);
    running.stop().await;
}

#[actix_web::test]
async fn a_call_is_watched_until_it_ends() {
    let running = start(&[]).await;
    let mut stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    let client = awc::Client::builder().timeout(Duration::from_secs(10)).finish();
    // From the beginning: the call may have changed its state before anybody watches.
    let mut answer = client
        .get(running.admin(&format!("/calls/{CALL}/events")))
        .insert_header(("Last-Event-ID", "0"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.headers().get("content-type").expect("a type"), "text/event-stream");
    // The greeting is said and heard; then the caller hangs up.
    stream.hear("media").await;
    stream.say(&json!({ "event": "stop", "sequenceNumber": "9", "streamSid": "MZ1", "stop": { "accountSid": "AC1", "callSid": CALL } })).await;
    let mut received = String::new();
    while let Some(piece) = futures_util::StreamExt::next(&mut answer).await {
        received += std::str::from_utf8(&piece.expect("the stream goes on")).expect("text");
    }
    for expected in ["id: 1\nevent: state\ndata: {\"at\":\"", "event: ended\ndata: {\"at\":\""] {
        assert!(received.contains(expected), "{expected} is not in {received}");
    }
    assert!(received.contains("\"by\":\"caller\",\"reason\":\"caller_hung_up\"}"), "{received}");
    assert_eq!(get(&running.admin("/calls/nobody/events"), &[]).await.status, 404);
    // A client that reconnects receives the events after the one it names, although the call is
    // over, and is then asked to stop.
    let events = running.admin(&format!("/calls/{CALL}/events"));
    let again = get(&events, &[("Last-Event-ID", "1")]).await;
    let (_, rest) = received.split_once("\n\nid: 2\n").expect("a second event");
    assert_eq!(
        (again.status, again.text.trim_end()),
        (200, format!("id: 2\n{}", rest.replace(": the call goes on\n\n", "").trim_end()).as_str())
    );
    let newest = received.matches("\nevent: ").count().to_string();
    assert_eq!(get(&events, &[("Last-Event-ID", &newest)]).await.status, 204);
    assert_eq!(get(&events, &[]).await.status, 404, "whoever names no event is no reader who comes back");
    // Erased is erased for readers too.
    let id = get(&running.admin(&format!("/calls/{CALL}")), &[]).await.json()["id"].as_str().expect("an id").to_owned();
    switchboard_actors::erasure::Erasures::of(running.records.path()).mark(&id).expect("writable");
    for name in [CALL, &id] {
        let events = running.admin(&format!("/calls/{name}/events"));
        get(&events, &[("Last-Event-ID", "0")]).await.problem(404);
    }
    running.stop().await;
}

#[actix_web::test]
async fn a_call_is_shown_with_its_words_while_it_is_on_and_after_it_has_ended() {
    let running = start(&[]).await;
    let mut stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    stream.hear("media").await;
    let url = running.admin(&format!("/calls/{CALL}"));
    let live = get(&url, &[]).await.json();
    assert_eq!(live["conversation"][0]["speaker"], "assistant", "{live}");
    stream.say(&json!({ "event": "stop", "sequenceNumber": "9", "streamSid": "MZ1", "stop": { "accountSid": "AC1", "callSid": CALL } })).await;
    stream.closed().await;
    running.until_calls(0).await;
    for id in [CALL, live["id"].as_str().expect("an id")] {
        let over = get(&running.admin(&format!("/calls/{id}")), &[]).await.json();
        assert_eq!((&over["state"], &over["ending"]["reason"]), (&json!("ended"), &json!("caller_hung_up")), "{over}");
        // Every field of the live call still exists under the same name.
        for (name, value) in live.as_object().expect("an object") {
            assert!(over.get(name).is_some(), "{name} is gone: {over}");
            if matches!(value, serde_json::Value::String(_)) && name != "state" {
                assert_eq!(&over[name], value, "{name}");
            }
        }
        let began = live["conversation"][0]["text"].as_str().expect("words");
        assert!(over["conversation"][0]["text"].as_str().is_some_and(|said| said.starts_with(began)), "{over}");
        assert!(over["ended_at"].as_str() > over["started_at"].as_str());
    }
    let problem = get(&running.admin("/calls/CA404"), &[]).await.problem(404);
    assert!(problem.contains("switchboard records show CA404"), "{problem}");
    let erasures = switchboard_actors::erasure::Erasures::of(running.records.path());
    erasures.mark(live["id"].as_str().expect("an id")).expect("writable");
    get(&url, &[]).await.problem(404);
    running.stop().await;
}

#[actix_web::test]
async fn the_folder_of_recordings_is_created_and_its_loss_makes_the_service_unready() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wavs = folder.path().join("deep/wavs");
    let dir = wavs.display().to_string();
    let running = start(&[("recording.enabled", "true"), ("recording.dir", dir.as_str())]).await;
    assert!(wavs.is_dir(), "made at the start");
    let readiness = async || {
        let ready = get(&running.public("/ready"), &[]).await;
        let metrics = get(&running.admin("/metrics"), &[]).await.text;
        let line =
            metrics.lines().find(|line| line.starts_with("switchboard_recording_dir_missing ")).map(str::to_owned);
        (ready.status, ready.json()["degraded"][0].as_str().map(str::to_owned), line)
    };
    let line = |value| Some(format!("switchboard_recording_dir_missing {value}"));
    assert_eq!(readiness().await, (200, None, line(0)));
    std::fs::remove_dir(&wavs).expect("removed");
    assert_eq!(readiness().await, (200, Some("recording_dir_missing".to_owned()), line(1)));
    running.stop().await;
}
