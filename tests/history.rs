//! Past calls: their list, their records and recordings, and who may see them.

mod common;

use std::process::Command;
use std::time::Duration;

use common::{Answer, FakeStream, PATIENCE, Running, get, post_body, silence, start, start_with};
use serde_json::{Value, json};
use tokio::time::timeout;

const CALL: &str = "CA00000000000000000000000000000021";

#[actix_web::test]
async fn a_call_that_has_ended_is_found_by_its_fields_and_its_words() {
    let running = start(&[]).await;
    hold_a_call(&running, CALL).await;
    let listed = until_listed(&running, "", 1).await;
    let row = &listed["records"][0];
    assert_eq!(
        (&row["carrier_call_id"], &row["carrier"], &row["cursor"]),
        (&json!(CALL), &json!("twilio"), &json!(null))
    );
    assert!(row["ending"]["reason"].is_string() && row["duration_ms"].is_u64() && row["recorded"] == false, "{row}");
    let day = &row["started_at"].as_str().expect("a time")[..10];
    let agent = row["agent"].as_str().expect("an agent");
    let id = row["id"].as_str().expect("an id");
    for (query, found) in [
        (format!("agent={agent}&carrier=twilio&from={day}&to={day}"), 1),
        ("from=2020-01-01T00:00:00%2B05:30&agent=&ending=&disposition=&text=&cursor=".to_owned(), 1),
        ("to=2020-01-01".to_owned(), 0),
        ("agent=nobody".to_owned(), 0),
        ("carrier=waybeo".to_owned(), 0),
        ("ending=model_lost".to_owned(), 0),
        ("disposition=booked".to_owned(), 0),
        // What the rehearsal model greets with, the caller's number, and a sign that is no word.
        ("text=how+can+I+help".to_owned(), 1),
        ("text=%22how+can+help%22".to_owned(), 0),
        ("text=15550100001".to_owned(), 1),
        ("text=%E2%80%94".to_owned(), 0),
        (format!("text={CALL}"), 1),
        ("limit=1".to_owned(), 1),
    ] {
        let answer = get(&running.admin(&format!("/records?{query}")), &[]).await.json();
        assert_eq!(answer["records"].as_array().map(Vec::len), Some(found), "{query}: {answer}");
    }
    for wrong in ["colour=red", "from=yesterday", "cursor=x", "limit=many"] {
        let problem = get(&running.admin(&format!("/records?{wrong}")), &[]).await.problem(400);
        assert!(problem.contains("expected"), "{problem}");
    }
    for id in [id, CALL] {
        let record = get(&running.admin(&format!("/records/{id}")), &[]).await.json();
        assert_eq!(
            (&record["ucid"], &record["carrier_call_id"], &record["id"]),
            (&json!(CALL), &json!(CALL), &row["id"])
        );
        assert!(record["conversation"][0]["text"].is_string() && record["started_at"] == row["started_at"], "{record}");
        get(&running.admin(&format!("/records/{id}/audio")), &[]).await.problem(404);
    }
    get(&running.admin("/records/CA0"), &[]).await.problem(404);
    running.stop().await;
}

#[actix_web::test]
async fn a_recording_is_served_in_ranges() {
    let running = start(&[("recording.enabled", "true")]).await;
    hold_a_call(&running, CALL).await;
    let row = until_listed(&running, "", 1).await["records"][0].clone();
    assert_eq!(row["recorded"], true);
    let url = running.admin(&format!("/records/{CALL}/audio"));
    let name = common::transcript(running.records.path(), CALL)["recording"].as_str().expect("a name").to_owned();
    let file = std::fs::read(running.records.path().join(name)).expect("a recording");
    let (status, kind, whole) = sound(&url, None).await;
    assert_eq!((status, kind.as_str(), whole == file), (200, "audio/wav", true));
    let (status, _, part) = sound(&url, Some("bytes=44-143")).await;
    assert_eq!((status, part == file[44..144]), (206, true));
    assert_eq!(sound(&url, Some("bytes=99999999-")).await.0, 416);
    get(&format!("{url}?part=2"), &[]).await.problem(404);
    get(&format!("{url}?part=0"), &[]).await.problem(404);
    running.stop().await;
}

#[actix_web::test]
async fn a_table_has_every_call_that_the_filters_find_and_no_formula() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for n in 0..1_203_i64 {
        let name = format!("call_77{n}_{}_transcript.json", 1_760_700_000_000 + n);
        let from = if n == 7 { "=HYPERLINK(\"http://x\")" } else { "+919800000001" };
        let record = json!({
            "ucid": format!("77{n}"), "call_start_time": 1_760_700_000_000 + n, "carrier": "waybeo", "agent": "sales", "from": from,
            "conversation": [{ "text": "नमस्ते" }],
        });
        std::fs::write(folder.path().join(name), record.to_string()).expect("writable");
    }
    let running = start(&[("records.dir", folder.path().to_str().expect("a plain path"))]).await;
    let url = running.admin("/records.csv?agent=sales");
    let all = async {
        loop {
            let answer = get(&url, &[]).await;
            assert_eq!((answer.status, answer.kind.split(';').next()), (200, Some("text/csv")));
            if answer.text.lines().count() == 1_204 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let answer = timeout(Duration::from_secs(60), all).await.expect("every call");
    let bare = |cell: &str| cell.trim_start_matches('"').chars().next();
    let formulas: Vec<&str> = answer
        .text
        .lines()
        .flat_map(|line| line.split(','))
        .filter(|cell| matches!(bare(cell), Some('=' | '+' | '-' | '@')))
        .collect();
    assert_eq!(formulas, Vec::<&str>::new());
    assert!(answer.text.lines().next().is_some_and(|head| head.starts_with("started_at,")), "{}", &answer.text[..200]);
    assert!(answer.text.contains("\"'=HYPERLINK(\"\"http://x\"\")\""), "it is quoted");
    let page = get(&running.admin("/records?text=%E0%A4%A8%E0%A4%AE%E0%A4%B8&limit=3"), &[]).await.json();
    assert_eq!(page["records"].as_array().map(Vec::len), Some(3), "{page}");
    let next = page["cursor"].as_str().expect("more");
    let next = get(&running.admin(&format!("/records?limit=3&cursor={next}")), &[]).await.json();
    assert!(next["records"][0]["started_at"].as_str() < page["records"][2]["started_at"].as_str(), "{next} {page}");
    running.stop().await;
}

#[actix_web::test]
async fn an_erased_call_is_in_no_list() {
    let running = start(&[]).await;
    hold_a_call(&running, CALL).await;
    until_listed(&running, "?text=help", 1).await;
    let erased = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["records", "erase", "--yes", "--call", CALL, "--dir"])
        .arg(running.records.path())
        .output()
        .expect("the binary runs");
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    let listed = get(&running.admin("/records"), &[]).await.json();
    assert_eq!(listed["records"], json!([]));
    get(&running.admin(&format!("/records/{CALL}")), &[]).await.problem(404);
    let indexed = Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["records", "index", "--json", "--dir"])
        .arg(running.records.path())
        .output()
        .expect("the binary runs");
    let indexed: Value = serde_json::from_slice(&indexed.stdout).expect("JSON");
    assert_eq!(indexed["indexed"], 0);
    running.stop().await;
}

/// Tokens of every role, by name.
const TOKENS: &str = r#"[{ name = "wall", role = "viewer", token_env = "T_WALL" }, { name = "asha", role = "operator", token_env = "T_ASHA" }]"#;
const VALUES: [(&str, &str); 2] = [("T_WALL", "wall-0123456789abcdef"), ("T_ASHA", "asha-0123456789abcdef")];

#[actix_web::test]
async fn past_calls_take_a_viewer_and_no_foreign_page() {
    let running = start_with(&VALUES, &[("admin.tokens", TOKENS), ("twilio.verify", "off")]).await;
    let wall = [("Authorization", "Bearer wall-0123456789abcdef")];
    for path in ["/records", "/records.csv", "/records/x", "/records/x/audio"] {
        let url = running.admin(path);
        get(&url, &[]).await.problem(401);
        get(&url, &[wall[0], ("Origin", "https://attacker.example")]).await.problem(403);
        assert!(matches!(get(&url, &wall).await.status, 200 | 404), "{path}");
        post_body(&url, "application/json", "{}", &wall).await.problem(403);
    }
    running.stop().await;
    let running = start(&[]).await;
    get(&running.admin("/records"), &[("Host", "attacker.example")]).await.problem(403);
    running.stop().await;
}

/// Holds a call of a second, and waits for its end.
async fn hold_a_call(running: &Running, call: &str) {
    let token = running.announce(call).await;
    let mut stream = FakeStream::start(&running.stream(), call, Some(&token)).await;
    stream.hear("media").await;
    for number in 0..50 {
        stream.say(&silence(call, number)).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stream
        .say(&json!({ "event": "stop", "streamSid": call.replacen("CA", "MZ", 1), "stop": { "callSid": call } }))
        .await;
    running.until_calls(0).await;
}

/// Waits until the list has this many calls.
async fn until_listed(running: &Running, query: &str, calls: usize) -> Value {
    let waiting = async {
        loop {
            let answer: Answer = get(&running.admin(&format!("/records{query}")), &[]).await;
            let answer = answer.json();
            if answer["records"].as_array().map(Vec::len) == Some(calls) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("the list should have {calls} calls"))
}

/// The status, the type and the bytes of a recording.
async fn sound(url: &str, range: Option<&str>) -> (u16, String, Vec<u8>) {
    let mut request = awc::Client::new().get(url).timeout(PATIENCE);
    if let Some(range) = range {
        request = request.insert_header(("Range", range));
    }
    let mut answer = request.send().await.expect("an answer");
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let body = answer.body().limit(16 * 1024 * 1024).await.expect("a body");
    (answer.status().as_u16(), kind, body.to_vec())
}
