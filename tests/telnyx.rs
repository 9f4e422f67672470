//! Telnyx's callers against the whole service: trust in the carrier, its stream, and the requests
//! that it receives.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use awc::ws::CloseCode;
use common::{Answer, FakeStream, PATIENCE, Running, post_body, start_with, transcripts};
use serde_json::{Value, json};
use switchboard::tools::phone::{DialOutcome, Handset, PhoneOptions, Target, place_call};
use switchboard_actors::carrier::fake::{Calling, CarrierEvent, Fake, Fault, Part, Request, Verb};
use switchboard_actors::carrier::telnyx;
use switchboard_actors::clock;
use switchboard_actors::ids::Private;
use tokio::time::{sleep, timeout};

/// The seed of the key that signs.
const SEED: &str = "a seed of a key of the carrier";
const CALL: &str = "v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg";

#[actix_rt::test]
async fn a_signed_call_is_answered_spoken_with_and_recorded_though_its_packets_change_places() {
    let service = service(&[]).await;
    let options = PhoneOptions {
        speech: common::voice(180.0, 1_500).into(),
        dtmf: vec![(Duration::from_millis(200), '5')],
        faults: vec![Fault::Shuffled],
        ..options(&service)
    };
    let report = place_call(options, Handset::new().0).await;
    let summary = &report.summary;
    assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]));
    assert!(summary.heard_seconds > 1.5, "{}", summary.heard_seconds);
    let record = service.record(&summary.call_sid).await;
    assert_eq!((&record["carrier"], &record["ending"]["reason"]), (&json!("telnyx"), &json!("caller_hung_up")));
    assert_eq!((&record["from"], &record["to"]), (&json!("+15550100001"), &json!("+15550100002")));
    service.stop().await;
}

#[actix_rt::test]
async fn a_caller_is_put_through_and_one_whom_nobody_takes_comes_back() {
    let sales = [("transfers.sales.number", "+14155550100"), ("transfers.sales.whisper", "For you. Press a key.")];
    let service = service(&sales).await;
    for (outcome, word) in [(DialOutcome::Answered, "answered"), (DialOutcome::Declined, "not_taken")] {
        let options = PhoneOptions {
            dtmf: vec![(Duration::from_secs(2), '1')],
            dial_outcome: outcome,
            answer_pause: Duration::from_secs(5),
            longest: Duration::from_secs(60),
            ..options(&service)
        };
        let report = place_call(options, Handset::new().0).await;
        let summary = &report.summary;
        assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]), "{word}");
        assert_eq!(summary.transfers[0].to, ["+14155550100"]);
        let streams = if outcome == DialOutcome::Answered { 1 } else { 2 };
        assert_eq!(summary.stream_sids.len(), streams, "{word}: {:?}", summary.trail);
        let transfers = service.record(&summary.call_sid).await["transfers"].to_string();
        assert!(transfers.contains(word), "{transfers}");
    }
    service.stop().await;
}

#[actix_rt::test]
async fn strangers_get_no_call_and_no_model() {
    let service = service(&[]).await;
    let path = |what: &str| service.public(&format!("/telnyx/{what}"));
    let form = format!("CallSid={CALL}&From=1&To=2&CallStatus=ringing");
    let forged = [("telnyx-signature-ed25519", "AAAA"), ("telnyx-timestamp", "1700000000")];
    for what in ["answer", "after-stream", "dial-result", "status", "stream-status", "whisper"] {
        for headers in [&[][..], &forged] {
            let answer = post_body(&path(what), "application/x-www-form-urlencoded", &form, headers).await;
            assert_eq!(answer.status, 403, "{what}");
        }
    }
    let socket = path("ws").replacen("http", "ws", 1);
    assert!(FakeStream::try_open(&socket, None).await.is_err(), "no token");
    let mut guessed = FakeStream::open(&format!("{socket}?token=guessed")).await;
    guessed.say(&start("S1")).await;
    assert_eq!(guessed.closed().await.0, CloseCode::Policy);
    assert!(service.calls().await.is_empty());
    service.stop().await;
}

#[actix_rt::test]
async fn a_call_is_placed_and_one_whose_stream_is_lost_is_ended_over_the_api() {
    let api = Api::start();
    let service = service(&[
        ("telnyx.api_url", &api.url),
        ("telnyx.application", "1293384261075731499"),
        ("telnyx.lost_socket", "500ms"),
        ("outbound.enabled", "true"),
        ("outbound.allow", r#"["+91"]"#),
        ("outbound.from", "+14155550199"),
    ])
    .await;
    let order = r#"{"to":"+919820000000","agent":"default"}"#;
    let placed = post_body(&service.admin("/calls"), "application/json", order, &[]).await;
    assert_eq!(placed.status, 202, "{}", placed.text);
    let (path, secret, asked) = api.asked(0).await;
    assert_eq!((path.as_str(), secret.as_str()), ("/v2/texml/calls/1293384261075731499", "Bearer an-api-key"));
    assert_eq!((&asked["To"], &asked["From"]), (&json!("+919820000000"), &json!("+14155550199")));
    // It is answered, and its first stream is lost, then its second.
    let document = asked["Url"].as_str().expect("a URL");
    let stream = stream_of(&send(&request(document, true)).await);
    for name in ["S1", "S2"] {
        let mut lost = FakeStream::open(&stream).await;
        lost.say(&start(name)).await;
        lost.hear("media").await;
        drop(lost);
    }
    let (path, _, asked) = api.asked(1).await;
    assert_eq!(path, format!("/v2/calls/{CALL}/actions/hangup"));
    assert!(asked["command_id"].is_string());
    let record = service.record(CALL).await;
    assert_eq!((&record["direction"], &record["ending"]["reason"]), (&json!("outbound"), &json!("line_lost")));
    service.stop().await;
}

async fn service(overrides: &[(&str, &str)]) -> Running {
    let mut all = vec![("twilio.verify", "off"), ("telnyx.enabled", "true"), ("limits.goodbye", "1s")];
    all.extend_from_slice(overrides);
    let mut secrets = fake().setup(Part::Played { secret: Some(SEED) }).secrets;
    secrets.push(("TELNYX_API_KEY", "an-api-key".to_owned()));
    let secrets: Vec<(&str, &str)> = secrets.iter().map(|(name, secret)| (*name, secret.as_str())).collect();
    start_with(&secrets, &all).await
}

fn fake() -> &'static dyn Fake {
    telnyx::CARRIER.fake().expect("a fake")
}

fn options(service: &Running) -> PhoneOptions {
    let url = service.public("/telnyx/answer").parse().expect("a URL");
    PhoneOptions {
        carrier: telnyx::CARRIER,
        auth_token: Some(Private::new(SEED.to_owned())),
        answer_pause: Duration::from_secs(2),
        longest: Duration::from_secs(40),
        ..PhoneOptions::new(Target::Webhook(url))
    }
}

/// The carrier's signed question for a call.
fn request(url: &str, answered: bool) -> Request {
    let calling = Calling {
        id: CALL.to_owned(),
        account: "a".to_owned(),
        from: "+14155550199".to_owned(),
        to: "+919820000000".to_owned(),
        answered,
        secret: Some(Private::new(SEED.to_owned())),
        faults: Vec::new(),
        clock: clock::wall,
    };
    let documents = fake().documents().expect("documents");
    documents.request(&calling, &url.parse().expect("a URL"), false, &CarrierEvent::Next)
}

async fn send(request: &Request) -> Answer {
    let (kind, body) = request.body.as_ref().expect("a form");
    let headers: Vec<(&str, &str)> = request.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    post_body(request.url.as_str(), kind, body, &headers).await
}

/// The address of the stream in an answer.
fn stream_of(answer: &Answer) -> String {
    let document = fake().documents().expect("documents").read(&answer.text).expect("a document");
    match &document.verbs[..] {
        [Verb::Connect { stream, action: Some(_) }] => stream.url.clone(),
        other => panic!("{other:?}"),
    }
}

fn start(stream: &str) -> Value {
    let format = json!({"encoding": "PCMU", "sample_rate": 8000, "channels": 1});
    let start = json!({"user_id": "u", "call_control_id": CALL, "media_format": format});
    json!({"event": "start", "sequence_number": "1", "stream_id": stream, "start": start})
}

/// What the service's records say.
trait Recorded {
    /// The one record of a call.
    async fn record(&self, call: &str) -> Value;
}

impl Recorded for Running {
    async fn record(&self, call: &str) -> Value {
        // A colon is written otherwise in the name of a file.
        let found = || {
            let mut found = transcripts(self.records.path(), "");
            found.retain(|record| record["call_id"] == call);
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

/// A request to the API: its path, its authorization, its body.
type Asked = (String, String, Value);

/// A REST API that records what it is asked.
struct Api {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Api {
    fn start() -> Self {
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let seen = Arc::clone(&asked);
        let server = HttpServer::new(move || {
            let seen = Arc::clone(&seen);
            App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                let secret = request.headers().get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or_default();
                seen.lock().expect("whole").push((request.path().to_owned(), secret.to_owned(), body));
                async move { HttpResponse::Ok().json(json!({"call_sid": CALL, "status": "queued"})) }
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
