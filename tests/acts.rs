//! What operators do with live calls: they watch all of them, let the agent speak, and tell it things.

mod common;

use std::time::Duration;

use awc::error::PayloadError;
use common::stage::{Stage, heard};
use common::{Answer, FakeStream, PATIENCE, Running, post_body, start, start_with};
use futures_util::future::join;
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};
use switchboard::tools::phone::CallReport;
use tokio::time::{sleep, timeout};

const CALL: &str = "CA00000000000000000000000000000001";

/// A reader of server-sent events.
struct Reader<S> {
    body: S,
    rest: String,
}

impl<S: Stream<Item = Result<actix_web::web::Bytes, PayloadError>> + Unpin> Reader<S> {
    /// The next event: its name and its data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.rest = rest;
                let Some((name, data)) = event.strip_prefix("event: ").and_then(|it| it.split_once("\ndata: ")) else {
                    continue;
                };
                return (name.to_owned(), serde_json::from_str(data).expect("JSON"));
            }
            let piece = timeout(PATIENCE, self.body.next()).await.expect("an event comes").expect("the stream goes on");
            self.rest += std::str::from_utf8(&piece.expect("no error")).expect("text");
        }
    }

    /// Reads until an event of this name whose data `fits`.
    async fn until(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let reading = async {
            loop {
                let (event, data) = self.next().await;
                if event == name && fits(&data) {
                    return data;
                }
            }
        };
        timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("no such {name} came"))
    }
}

/// Opens `GET /events`.
async fn all_events(
    running: &Running,
) -> Reader<impl Stream<Item = Result<actix_web::web::Bytes, PayloadError>> + Unpin + use<>> {
    let client = awc::Client::builder().timeout(Duration::from_secs(30)).finish();
    let answer = client.get(running.admin("/events")).send().await.expect("an answer");
    assert_eq!(answer.headers().get("content-type").expect("a type"), "text/event-stream");
    Reader { body: answer, rest: String::new() }
}

async fn ordered(running: &Running, path: &str, text: &str) -> Answer {
    let body = json!({ "text": text }).to_string();
    post_body(&running.admin(&format!("/calls/{CALL}/{path}")), "application/json", &body, &[]).await
}

#[actix_web::test]
async fn all_calls_are_watched_from_their_start_to_their_end() {
    let running = start(&[]).await;
    let mut reader = all_events(&running).await;
    let (first, stats) = reader.next().await;
    assert_eq!((first.as_str(), &stats["active"], &stats["draining"]), ("stats", &json!(0), &json!(false)));
    let mut stream = FakeStream::start(&running.stream(), CALL, None).await;
    let begun = reader.until("call.started", |_| true).await;
    let (call, id) = (&begun["call"], begun["call"]["id"].clone());
    assert_eq!((&call["carrier_call_id"], &call["agent"]), (&json!(CALL), &json!("default")));
    assert!(call.get("detail").is_none() && call["started_at"].is_string(), "{call}");
    let words = reader.until("call.words", |data| data["final"] == json!(true)).await;
    assert_eq!((&words["id"], &words["speaker"]), (&id, &json!("agent")));
    let changed =
        reader.until("call.updated", |data| data["state"] == "greeting" || data["state"] == "listening").await;
    assert_eq!(changed["id"], id);
    assert!(changed["duration_ms"].is_u64());
    stream.say(&json!({ "event": "stop", "sequenceNumber": "9", "streamSid": "MZ1", "stop": { "accountSid": "AC1", "callSid": CALL } })).await;
    let over = reader.until("call.ended", |_| true).await;
    assert_eq!((&over["id"], &over["state"], &over["ending"]["by"]), (&id, &json!("ended"), &json!("caller")));
    // The stop of the service ends the readers.
    let (last, ()) = join(reader.until("dropped", |_| true), running.stop()).await;
    assert_eq!(last["reason"], "stopping");
}

#[actix_web::test]
async fn a_viewer_watches_and_an_operator_steers() {
    const TOKENS: &str = r#"[{ name = "wall", role = "viewer", token_env = "T_WALL" }, { name = "asha", role = "operator", token_env = "T_ASHA" }]"#;
    let values = [("T_WALL", "wall-0123456789abcdef"), ("T_ASHA", "asha-0123456789abcdef")];
    let running = start_with(&values, &[("admin.tokens", TOKENS)]).await;
    let client = awc::Client::new();
    for (token, status) in [("", 401), ("wall-0123456789abcdef", 200), ("asha-0123456789abcdef", 200)] {
        let answer = client.get(running.admin("/events")).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{token}");
    }
    for (token, status) in [("wall-0123456789abcdef", 403), ("asha-0123456789abcdef", 404)] {
        let bearer = format!("Bearer {token}");
        let by = [("Authorization", bearer.as_str())];
        for act in ["say", "whisper"] {
            let url = running.admin(&format!("/calls/{CALL}/{act}"));
            let order = r#"{"text":"hello"}"#;
            post_body(&url, "application/json", order, &by).await.problem(status);
            post_body(&url, "text/plain", order, &by).await.problem(415);
            let foreign = [by[0], ("Origin", "https://attacker.example")];
            post_body(&url, "application/json", order, &foreign).await.problem(403);
        }
    }
    running.stop().await;
}

#[actix_web::test]
async fn words_to_the_agent_are_judged_before_they_are_passed_on() {
    let running = start(&[]).await;
    let url = running.admin(&format!("/calls/{CALL}/say"));
    ordered(&running, "say", "hello").await.problem(404);
    let mut stream = FakeStream::start(&running.stream(), CALL, None).await;
    stream.hear("media").await;
    for body in ["", "{}", "[]", r#"{"text":""}"#, r#"{"text":"  "}"#, r#"{"text":7}"#, r#"{"text":"a","to":"b"}"#] {
        post_body(&url, "application/json", body, &[]).await.problem(422);
    }
    let long = ordered(&running, "whisper", &"x".repeat(2_001)).await.problem(422);
    assert!(long.contains("2001") && long.contains("2000"), "{long}");
    assert_eq!(ordered(&running, "whisper", &"x".repeat(2_000)).await.status, 202);
    post_body(&running.admin(&format!("/calls/{CALL}/hangup")), "application/json", "", &[]).await;
    let refused = ordered(&running, "say", "hello").await.problem(409);
    assert!(refused.contains("closing"), "{refused}");
    running.stop().await;
}

/// Places a call with a silent caller, and gives an order once the greeting was heard.
async fn steered(protocol: &str, act: &str, text: &str) -> (CallReport, Value, Vec<Value>) {
    let stage = Stage::speaking(protocol, "", &[("limits.idle_prompts", "[]")]).await;
    let calling = stage.call(|options| {
        options.speech = Vec::new().into();
        options.hangup_after = Some(Duration::from_secs(9));
    });
    let ordering = async {
        loop {
            sleep(Duration::from_millis(50)).await;
            let calls = stage.running.calls().await;
            if calls.first().is_some_and(|call| call["state"] == "listening") {
                let id = calls[0]["id"].as_str().expect("an id");
                let body = json!({ "text": text }).to_string();
                let url = stage.running.admin(&format!("/calls/{id}/{act}"));
                assert_eq!(post_body(&url, "application/json", &body, &[]).await.status, 202);
                return;
            }
        }
    };
    let (report, ()) = join(calling, ordering).await;
    let sent = (1..=stage.log.connections()).flat_map(|connection| stage.log.of(connection)).collect();
    let record = stage.record(&report).await;
    (report, record, sent)
}

const PROTOCOLS: [&str; 4] = ["realtime", "live", "gemini", "cascade"];

#[actix_rt::test]
async fn the_agent_says_what_an_operator_orders() {
    for protocol in PROTOCOLS {
        let (_, record, _) = steered(protocol, "say", "We close at nine today.").await;
        let said = heard(&record, "assistant");
        assert!(said.len() == 2 && said[1] == "We close at nine today.", "{protocol}: {said:?}");
    }
}

#[actix_rt::test]
async fn the_agent_is_told_and_says_nothing_by_itself() {
    for protocol in PROTOCOLS {
        let (_, record, sent) = steered(protocol, "whisper", "Offer the discount of ten percent.").await;
        let said = heard(&record, "assistant");
        assert_eq!(said.len(), 1, "{protocol}: {said:?}");
        let told = sent.iter().filter(|event| event.to_string().contains("Offer the discount of ten percent.")).count();
        // A cascade's mind is told with the next turn, and there was none.
        assert_eq!(told, usize::from(protocol != "cascade"), "{protocol}: {sent:#?}");
    }
}
