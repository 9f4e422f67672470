//! Plivo's and Vobiz's callers against the whole service: trust in the carrier, their streams, and
//! the requests that they receive.

mod common;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use awc::ws::CloseCode;
use common::{Answer, FakeStream, PATIENCE, Running, get, post_body, start_with, transcripts};
use serde_json::{Value, json};
use switchboard::tools::phone::{DialOutcome, Handset, PhoneOptions, Target, place_call};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::{Calling, CarrierEvent};
use switchboard_actors::carrier::plivo;
use switchboard_actors::ids::Private;
use tokio::time::{sleep, timeout};

const TOKEN: &str = "a-token-of-the-account";
const CALL: &str = "11111111-2222-3333-4444-555555555555";
const BOTH: [Carrier; 2] = [plivo::CARRIER, plivo::CARRIER_VOBIZ];

#[actix_rt::test]
async fn a_signed_call_is_answered_spoken_with_and_recorded() {
    for carrier in BOTH {
        let service = service(carrier, &[]).await;
        let speech: Vec<i16> = common::voice(180.0, 1_500);
        let options = PhoneOptions {
            speech: speech.into(),
            dtmf: vec![(Duration::from_millis(200), '5')],
            ..options(carrier, &service)
        };
        let report = place_call(options, Handset::new().0).await;
        let summary = &report.summary;
        assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]), "{carrier:?}");
        assert!(summary.heard_seconds > 1.5, "{carrier:?}: {}", summary.heard_seconds);
        let record = service.record(&summary.call_sid).await;
        assert_eq!(record["ending"]["reason"], "caller_hung_up");
        assert_eq!(record["carrier"], carrier.name());
        assert_eq!((&record["from"], &record["to"]), (&json!("+15550100001"), &json!("+15550100002")));
        service.stop().await;
    }
}

#[actix_rt::test]
async fn a_caller_is_put_through_and_one_whom_nobody_takes_comes_back() {
    let sales = [("transfers.sales.number", "+14155550100"), ("transfers.sales.whisper", "For you. Press 1.")];
    for (carrier, outcome, word) in [
        (plivo::CARRIER, DialOutcome::Answered, "answered"),
        (plivo::CARRIER, DialOutcome::Declined, "not_taken"),
        (plivo::CARRIER_VOBIZ, DialOutcome::Busy, "busy"),
    ] {
        let service = service(carrier, &sales).await;
        let options = PhoneOptions {
            dtmf: vec![(Duration::from_secs(2), '1')],
            dial_outcome: outcome,
            answer_pause: Duration::from_secs(5),
            longest: Duration::from_secs(60),
            ..options(carrier, &service)
        };
        let report = place_call(options, Handset::new().0).await;
        let summary = &report.summary;
        assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]), "{carrier:?} {word}");
        assert_eq!(summary.transfers[0].to, ["+14155550100"]);
        let streams = if outcome == DialOutcome::Answered { 1 } else { 2 };
        assert_eq!(summary.stream_sids.len(), streams, "{carrier:?} {word}: {:?}", summary.trail);
        let record = service.record(&summary.call_sid).await;
        let transfers = record["transfers"].to_string();
        assert!(transfers.contains(word), "{transfers}");
        service.stop().await;
    }
}

#[actix_rt::test]
async fn strangers_get_no_call_and_no_model() {
    for carrier in BOTH {
        let service = service(carrier, &[]).await;
        let path = |what: &str| service.public(&format!("/{}/{what}", carrier.name()));
        let form = format!("CallUUID={CALL}&From=1&To=2&CallStatus=ringing&Direction=inbound");
        for what in ["answer", "after-stream", "dial-result", "status", "stream-status", "whisper"] {
            let answer = post_body(&path(what), "application/x-www-form-urlencoded", &form, &[]).await;
            assert_eq!(answer.status, 403, "{what}");
        }
        let forged =
            [("x-plivo-signature-v3", "x"), ("x-plivo-signature-v3-nonce", "1"), ("x-vobiz-signature-v2", "x")];
        let answer = post_body(&path("answer"), "application/x-www-form-urlencoded", &form, &forged).await;
        assert_eq!(answer.status, 403);
        let socket = path("ws").replacen("http", "ws", 1);
        assert!(FakeStream::try_open(&socket, None).await.is_err(), "no token");
        let mut guessed = FakeStream::open(&format!("{socket}?token=guessed")).await;
        guessed.say(&start(CALL, "S1")).await;
        assert_eq!(guessed.closed().await.0, CloseCode::Policy);
        assert!(service.calls().await.is_empty());
        let metrics = get(&service.admin("/metrics"), &[]).await.text;
        assert!(common::counted(&metrics, "switchboard_calls_refused_total{reason=\"bad_signature\"}") >= 7.0);
        service.stop().await;
    }
}

#[actix_rt::test]
async fn a_request_that_is_sent_again_is_refused_and_a_repeated_question_gets_the_same_answer() {
    let service = service(plivo::CARRIER, &[]).await;
    let request = service.request("answer", &CarrierEvent::Next);
    let (first, again) = (service.send(&request).await, service.send(&request).await);
    assert_eq!((first.status, again.status), (200, 403), "{}", again.text);
    let repeated = service.send(&service.request("answer", &CarrierEvent::Next)).await;
    assert_eq!(first.text, repeated.text);
    service.stop().await;
}

#[actix_rt::test]
async fn a_lost_stream_comes_back_on_another_one_with_the_same_token() {
    let service = service(plivo::CARRIER, &[]).await;
    let url = service.stream_of(&service.send(&service.request("answer", &CarrierEvent::Next)).await);
    let mut first = FakeStream::open(&url).await;
    first.say(&start(CALL, "S1")).await;
    let played = first.hear("playAudio").await;
    assert_eq!(
        (&played["media"]["contentType"], &played["media"]["sampleRate"]),
        (&json!("audio/x-mulaw"), &json!(8000))
    );
    assert_eq!(first.hear("checkpoint").await["streamId"], "S1");
    drop(first);
    let mut second = FakeStream::open(&url).await;
    second.say(&start(CALL, "S2")).await;
    second.hear("playAudio").await;
    assert_eq!(second.hear("checkpoint").await["streamId"], "S2");
    assert_eq!(service.calls().await.len(), 1);
    // A second `start` on the same socket is a fresh stream, too; one of another call ends it.
    second.say(&start(CALL, "S3")).await;
    second.say(&json!({"event": "stop"})).await;
    service.until_calls(0).await;
    assert_eq!(service.record(CALL).await["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn a_stream_that_does_not_come_back_is_ended_over_the_api() {
    for carrier in BOTH {
        let api = Api::start();
        let short = format!("{}.lost_socket", carrier.name());
        let url = format!("{}.api_url", carrier.name());
        let service = service(carrier, &[(&short, "500ms"), (&url, &api.url)]).await;
        let stream = service.stream_of(&service.send(&service.request("answer", &CarrierEvent::Next)).await);
        let mut lost = FakeStream::open(&stream).await;
        lost.say(&start(CALL, "S1")).await;
        lost.hear("playAudio").await;
        drop(lost);
        let (method, path, secret) = api.asked().await;
        let root = if carrier == plivo::CARRIER { "/v1" } else { "/api/v1" };
        assert_eq!((method.as_str(), path), ("DELETE", format!("{root}/Account/MA1/Call/{CALL}/")));
        assert!(secret.contains(if carrier == plivo::CARRIER { "Basic" } else { TOKEN }), "{secret}");
        assert_eq!(service.record(CALL).await["ending"]["reason"], "line_lost");
        service.stop().await;
    }
}

#[actix_rt::test]
async fn the_carriers_word_ends_a_call_and_bad_messages_end_a_stream() {
    let service = service(plivo::CARRIER, &[]).await;
    let url = service.stream_of(&service.send(&service.request("answer", &CarrierEvent::Next)).await);
    let mut stream = FakeStream::open(&url).await;
    stream.say(&start(CALL, "S1")).await;
    stream.hear("playAudio").await;
    for _ in 0..5 {
        stream.say(&json!({"event": "media", "media": {"track": "inbound", "payload": "!"}})).await;
    }
    assert_eq!(service.calls().await.len(), 1, "some bad chunks cost nobody the call");
    let gone = CarrierEvent::CalleeGone { outcome: switchboard_actors::carrier::fake::Outcome::Answered };
    assert_eq!(service.send(&service.request("status", &gone)).await.status, 204);
    service.until_calls(0).await;
    assert_eq!(service.record(CALL).await["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn a_call_of_ours_is_placed_answered_and_reported() {
    for carrier in BOTH {
        let api = Api::start();
        let url = format!("{}.api_url", carrier.name());
        let outbound =
            [("outbound.enabled", "true"), ("outbound.allow", r#"["+91"]"#), ("outbound.from", "+14155550199")];
        let service = service(carrier, &[outbound[0], outbound[1], outbound[2], (&url, &api.url)]).await;
        let order = r#"{"to":"+919820000000","agent":"default"}"#;
        let placed = post_body(&service.admin("/calls"), "application/json", order, &[]).await;
        assert_eq!(placed.status, 202, "{}", placed.text);
        let asked = api.bodies.lock().expect("whole").last().cloned().expect("an order");
        assert_eq!((&asked["to"], &asked["from"]), (&json!("919820000000"), &json!("14155550199")));
        let options = PhoneOptions {
            target: Target::Webhook(asked["answer_url"].as_str().expect("a URL").parse().expect("a URL")),
            call_sid: Some(CALL.to_owned()),
            hangup_after: Some(Duration::from_secs(3)),
            ..options(carrier, &service)
        };
        let report = place_call(options, Handset::new().0).await;
        assert_eq!(report.summary.failures, Vec::<String>::new(), "{carrier:?}");
        let record = service.record(CALL).await;
        assert_eq!((&record["direction"], &record["to"]), (&json!("outbound"), &json!("+919820000000")));
        service.stop().await;
    }
}

/// A service for one of the two, with its secrets.
struct Plivo {
    carrier: Carrier,
    running: Running,
}

impl std::ops::Deref for Plivo {
    type Target = Running;

    fn deref(&self) -> &Running {
        &self.running
    }
}

async fn service(carrier: Carrier, overrides: &[(&str, &str)]) -> Plivo {
    let name = carrier.name();
    let enabled = format!("{name}.enabled");
    let mut all = vec![("twilio.verify", "off"), (enabled.as_str(), "true"), ("limits.goodbye", "1s")];
    all.extend_from_slice(overrides);
    let upper = name.to_uppercase();
    let (id, token) = (format!("{upper}_AUTH_ID"), format!("{upper}_AUTH_TOKEN"));
    let running = start_with(&[(&id, "MA1"), (&token, TOKEN)], &all).await;
    Plivo { carrier, running }
}

impl Plivo {
    async fn stop(self) {
        self.running.stop().await;
    }

    /// A signed request of the carrier to one of its paths.
    fn request(&self, what: &str, event: &CarrierEvent) -> switchboard_actors::carrier::fake::Request {
        let calling = Calling {
            id: CALL.to_owned(),
            account: "MA1".to_owned(),
            from: "15550100001".to_owned(),
            to: "15550100002".to_owned(),
            answered: false,
            secret: Some(Private::new(TOKEN.to_owned())),
            faults: Vec::new(),
            clock: switchboard_actors::clock::wall,
        };
        let documents = self.carrier.fake().and_then(|fake| fake.documents()).expect("documents");
        let url = self.public(&format!("/{}/{what}", self.carrier.name())).parse().expect("a URL");
        documents.request(&calling, &url, false, event)
    }

    async fn send(&self, request: &switchboard_actors::carrier::fake::Request) -> Answer {
        let (kind, body) = request.body.as_ref().expect("a form");
        let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        post_body(request.url.as_str(), kind, body, &headers).await
    }

    /// The address of the stream in an answer.
    fn stream_of(&self, answer: &Answer) -> String {
        let documents = self.carrier.fake().and_then(|fake| fake.documents()).expect("documents");
        let verbs = documents.read(&answer.text).expect("a document").verbs;
        match &verbs[..] {
            [switchboard_actors::carrier::fake::Verb::Connect { stream, .. }] => stream.url.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// The one record of a call.
    async fn record(&self, call: &str) -> Value {
        let waiting = async {
            loop {
                if let Some(found) = transcripts(self.records.path(), call).pop() {
                    return found;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let found = timeout(PATIENCE, waiting).await.expect("a record");
        assert_eq!(transcripts(self.records.path(), call).len(), 1, "one record of {call}");
        found
    }
}

fn options(carrier: Carrier, service: &Plivo) -> PhoneOptions {
    let url = service.public(&format!("/{}/answer", carrier.name())).parse().expect("a URL");
    PhoneOptions {
        carrier,
        auth_token: Some(Private::new(TOKEN.to_owned())),
        answer_pause: Duration::from_secs(2),
        longest: Duration::from_secs(40),
        ..PhoneOptions::new(Target::Webhook(url))
    }
}

fn start(call: &str, stream: &str) -> Value {
    json!({
        "sequenceNumber": 0, "event": "start", "extra_headers": "{}",
        "start": {
            "callId": call, "streamId": stream, "accountId": "MA1", "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        },
    })
}

/// A REST API that records what it is asked.
struct Api {
    url: String,
    asked: Arc<Mutex<BTreeSet<(String, String, String)>>>,
    bodies: Arc<Mutex<Vec<Value>>>,
}

impl Api {
    fn start() -> Self {
        let (asked, bodies) = (Arc::<Mutex<BTreeSet<_>>>::default(), Arc::<Mutex<Vec<Value>>>::default());
        let (seen, told) = (Arc::clone(&asked), Arc::clone(&bodies));
        let server = HttpServer::new(move || {
            let (seen, told) = (Arc::clone(&seen), Arc::clone(&told));
            App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                let header = |name: &str| {
                    request.headers().get(name).and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned()
                };
                let secret = header("authorization") + &header("x-auth-token");
                seen.lock().expect("whole").insert((request.method().to_string(), request.path().to_owned(), secret));
                told.lock().expect("whole").extend(serde_json::from_slice::<Value>(&body));
                let fired = json!({"api_id": "a", "message": "call fired", "request_uuid": CALL});
                async move { HttpResponse::Created().json(fired) }
            }))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", server.addrs()[0]);
        actix_rt::spawn(server.run());
        Self { url, asked, bodies }
    }

    /// The first thing that it was asked.
    async fn asked(&self) -> (String, String, String) {
        let waiting = async {
            loop {
                if let Some(asked) = self.asked.lock().expect("whole").first().cloned() {
                    return asked;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(2 * PATIENCE, waiting).await.expect("the carrier is asked")
    }
}
