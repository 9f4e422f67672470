//! Smartflo's callers against the whole service: the token, both codecs, goodbyes in band, and
//! transfers over its API.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use awc::ws::CloseCode;
use base64_simd::STANDARD;
use common::{FakeStream, PATIENCE, Running, get, post_body, start_with, transcripts};
use serde_json::{Value, json};
use switchboard::tools::phone::{Handset, PhoneOptions, Target, place_call};
use switchboard_actors::carrier::smartflo;
use tokio::time::{sleep, timeout};

const TOKEN: &str = "a-stream-token-of-some-length";

#[actix_rt::test]
async fn a_caller_is_greeted_and_answered_in_chunks_that_the_carrier_plays() {
    let service = service(&[]).await;
    let options = PhoneOptions {
        carrier: smartflo::CARRIER,
        speech: common::voice(180.0, 1_500).into(),
        dtmf: vec![(Duration::from_millis(300), '5')],
        answer_pause: Duration::from_secs(2),
        longest: Duration::from_secs(40),
        ..PhoneOptions::new(Target::Stream(service.stream_url("&agent=default").parse().expect("a URL")))
    };
    let report = place_call(options, Handset::new().0).await;
    let summary = &report.summary;
    assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]));
    assert!(summary.heard_seconds > 1.5, "{}", summary.heard_seconds);
    let record = service.record(&summary.call_sid).await;
    assert_eq!((&record["carrier"], &record["ending"]["reason"]), (&json!("smartflo"), &json!("caller_hung_up")));
    assert_eq!((&record["from"], &record["to"]), (&json!("+15550100001"), &json!("+15550100002")));
    assert!(!record.to_string().contains(TOKEN), "the token stands in no record");
    service.stop().await;
}

#[actix_rt::test]
async fn an_account_that_streams_linear_samples_is_spoken_with_in_them() {
    let service = service(&[]).await;
    let mut stream = FakeStream::open(&service.stream_url("")).await;
    stream.say(&start("c1", "s1", json!({"encoding": "slin16", "sampleRate": 8000, "bitDepth": 16}))).await;
    let media = stream.hear("media").await;
    let payload = STANDARD.decode_to_vec(media["media"]["payload"].as_str().expect("audio")).expect("base64");
    assert!(!payload.is_empty() && payload.len().is_multiple_of(160), "{} bytes", payload.len());
    // Bad chunks, half samples and messages that repeat cost nobody the call.
    for payload in ["!", "AA==", ""] {
        for chunk in [7, 7, 3] {
            let media = json!({"chunk": chunk, "payload": payload});
            stream.say(&json!({"event": "media", "streamSid": "s1", "media": media})).await;
        }
    }
    assert_eq!(service.calls().await.len(), 1);
    stream.say(&stop("s1", "c1")).await;
    assert_eq!(service.record("c1").await["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn strangers_get_no_stream_and_no_address() {
    let service = service(&[]).await;
    for query in ["", "?token=", "?token=a-stream-token-of-some-lengti", "?agent=default"] {
        let url = service.public(&format!("/smartflo/ws{query}")).replacen("http", "ws", 1);
        assert!(FakeStream::try_open(&url, None).await.is_err(), "{query}");
        for path in ["answer", "status"] {
            assert_eq!(get(&service.public(&format!("/smartflo/{path}{query}")), &[]).await.status, 403, "{query}");
        }
    }
    assert!(service.calls().await.is_empty());
    service.stop().await;
}

#[actix_rt::test]
async fn the_dynamic_endpoint_leads_to_the_stream_and_the_status_webhook_ends_the_call() {
    let service = service(&[]).await;
    let asked = format!("/smartflo/answer?token={TOKEN}&callId=c1&fromNumber=09876543210&toNumber=08047491899");
    let answer = get(&service.public(&asked), &[]).await.json();
    assert_eq!((&answer["success"], &answer["wss_url"]), (&json!(true), &json!(service.stream_url(""))));
    let mut stream = FakeStream::open(answer["wss_url"].as_str().expect("an address")).await;
    let mut first = start("c1", "s1", mulaw());
    for field in ["from", "to"] {
        first["start"].as_object_mut().expect("an object").remove(field);
    }
    stream.say(&first).await;
    stream.hear("media").await;
    let call = &service.calls().await[0];
    assert_eq!((&call["from"], &call["to"]), (&json!("09876543210"), &json!("08047491899")));
    // A `start` of another call ends the socket, and not the call at once.
    stream.say(&start("c2", "s2", mulaw())).await;
    assert_eq!(stream.closed().await.0, CloseCode::Policy);
    let over = format!("/smartflo/status?token={TOKEN}&call_id=c1&status=hangup");
    assert_eq!(get(&service.public(&over), &[]).await.status, 204);
    service.until_calls(0).await;
    service.record("c1").await;
    service.stop().await;
}

#[actix_rt::test]
async fn a_caller_is_put_through_to_the_number_of_the_transfer_or_to_the_panels_own() {
    let api = Api::answering(StatusCode::OK);
    let service = service(&[
        ("smartflo.api_url", &api.url),
        ("smartflo.transfer_to", "helpdesk"),
        ("transfers.sales.number", "+911140000000"),
        ("transfers.support.carrier", "true"),
    ])
    .await;
    for (number, (call, destination, to)) in
        [("c-sales", "sales", "911140000000"), ("c-support", "support", "helpdesk")].into_iter().enumerate()
    {
        let mut stream = service.begin(call).await;
        service.transfer(call, destination, &mut stream).await;
        let (secret, path, asked) = api.asked(number).await;
        assert_eq!((secret.as_str(), path.as_str()), ("Bearer panel-token", "/v1/call/options"));
        assert_eq!(asked, json!({"type": "4", "call_id": call, "intercom": to}));
        // The carrier takes the call off its stream.
        stream.say(&stop(&format!("{call}-s"), call)).await;
        let record = service.record(call).await;
        assert_eq!(record["ending"]["reason"], "transferred");
        assert!(record["transfers"].to_string().contains(destination), "{}", record["transfers"]);
    }
    service.stop().await;
}

#[actix_rt::test]
async fn a_caller_whom_the_carrier_does_not_put_through_stays_with_the_agent() {
    let api = Api::answering(StatusCode::UNAUTHORIZED);
    let service = service(&[("smartflo.api_url", &api.url), ("transfers.sales.number", "+911140000000")]).await;
    let mut stream = service.begin("c-back").await;
    service.transfer("c-back", "sales", &mut stream).await;
    api.asked(0).await;
    // The agent says that it did not work.
    stream.hear("media").await;
    assert_eq!(service.calls().await.len(), 1);
    stream.say(&stop("c-back-s", "c-back")).await;
    assert_eq!(service.record("c-back").await["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn an_operators_hang_up_is_said_in_band() {
    let service = service(&[]).await;
    let mut stream = service.begin("c-end").await;
    stream.hear("media").await;
    let ordered = post_body(&service.admin("/calls/c-end/hangup"), "application/json", "", &[]).await;
    assert_eq!(ordered.status, 202, "{}", ordered.text);
    let end = timeout(PATIENCE, async {
        loop {
            match stream.next_text().await {
                Some(message) if message["event"] == "end" => return message,
                Some(message) if message["event"] == "mark" => stream.say(&message).await,
                Some(_) => {}
                None => panic!("closed without `end`"),
            }
        }
    });
    let end = end.await.expect("in time");
    assert_eq!(end, json!({"event": "end", "streamSid": "c-end-s", "call_sid": "c-end"}));
    drop(stream);
    service.record("c-end").await;
    service.stop().await;
}

/// A service for Smartflo with a token, on loopback.
async fn service(more: &[(&str, &str)]) -> Running {
    let mut all = vec![("twilio.verify", "off"), ("smartflo.enabled", "true"), ("limits.goodbye", "1s")];
    all.extend_from_slice(more);
    start_with(&[("SMARTFLO_STREAM_TOKEN", TOKEN), ("SMARTFLO_API_TOKEN", "panel-token")], &all).await
}

fn mulaw() -> Value {
    json!({"encoding": "audio/x-mulaw", "sampleRate": 8000, "bitRate": 64, "bitDepth": 8})
}

fn start(call: &str, stream: &str, format: Value) -> Value {
    let mut start = json!({"streamSid": stream, "accountSid": "a", "callSid": call, "from": "919820000000"});
    start["to"] = json!("918047491899");
    start["direction"] = json!("inbound");
    start["mediaFormat"] = format;
    json!({"event": "start", "sequenceNumber": "1", "streamSid": stream, "start": start})
}

fn stop(stream: &str, call: &str) -> Value {
    json!({"event": "stop", "streamSid": stream, "stop": {"accountSid": "a", "callSid": call, "reason": "callended"}})
}

/// Helpers for the Smartflo tests.
trait Smartflo {
    /// The stream's URL, with more query parameters.
    fn stream_url(&self, more: &str) -> String;
    /// Starts a stream of a call.
    async fn begin(&self, call: &str) -> FakeStream;
    /// Orders a transfer as soon as the call can be transferred, and plays what is said before it.
    async fn transfer(&self, call: &str, destination: &str, stream: &mut FakeStream);
    /// The one record of a call.
    async fn record(&self, call: &str) -> Value;
}

impl Smartflo for Running {
    fn stream_url(&self, more: &str) -> String {
        self.public(&format!("/smartflo/ws?token={TOKEN}{more}")).replacen("http", "ws", 1)
    }

    async fn begin(&self, call: &str) -> FakeStream {
        let mut stream = FakeStream::open(&self.stream_url("")).await;
        stream.say(&json!({"event": "connected"})).await;
        stream.say(&start(call, &format!("{call}-s"), mulaw())).await;
        stream
    }

    async fn transfer(&self, call: &str, destination: &str, stream: &mut FakeStream) {
        let (url, order) = (self.admin(&format!("/calls/{call}/transfer")), json!({"destination": destination}));
        let ordered = async {
            while post_body(&url, "application/json", &order.to_string(), &[]).await.status != 202 {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, ordered).await.expect("the transfer is accepted");
        // What was asked of the carrier comes once its marks are back.
        while let Ok(Some(message)) = timeout(Duration::from_secs(1), stream.next_text()).await {
            if message["event"] == "mark" {
                stream.say(&message).await;
            }
        }
    }

    async fn record(&self, call: &str) -> Value {
        let found = || {
            let mut found = transcripts(self.records.path(), "");
            found.retain(|record| record["ucid"] == call);
            found
        };
        let waiting = async {
            while found().is_empty() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("a record");
        assert_eq!(found().len(), 1, "one record of {call}");
        found().remove(0)
    }
}

/// A request to the API: its authorization, its path, its body.
type Asked = (String, String, Value);

/// A REST API that records what it is asked.
struct Api {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Api {
    fn answering(status: StatusCode) -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let seen = Arc::clone(&asked);
        let server = HttpServer::new(move || {
            let seen = Arc::clone(&seen);
            App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                let secret = request.headers().get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                seen.lock().expect("whole").push((secret.to_owned(), request.path().to_owned(), body));
                async move { HttpResponse::build(status).json(json!({"success": status.is_success()})) }
            }))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", server.addrs()[0]);
        actix_rt::spawn(server.run());
        Self { url, asked }
    }

    /// What it was asked as number `number`, from 0.
    async fn asked(&self, number: usize) -> Asked {
        let waiting = async {
            loop {
                if let Some(asked) = self.asked.lock().expect("whole").get(number).cloned() {
                    return asked;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(2 * PATIENCE, waiting).await.expect("the carrier is asked")
    }
}
