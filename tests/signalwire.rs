//! SignalWire's callers against the whole service: trust in the carrier, its stream, and the
//! requests that it receives.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use common::{Answer, FakeStream, PATIENCE, Running, get, post_body, start_with, transcripts};
use serde_json::{Value, json};
use switchboard::tools::phone::{DialOutcome, Handset, PhoneOptions, Target, place_call};
use switchboard_actors::carrier::fake::{Calling, CarrierEvent, Fake, Part, Request, Verb};
use switchboard_actors::carrier::twilio::CARRIER_SIGNALWIRE;
use switchboard_actors::clock;
use switchboard_actors::ids::Private;
use tokio::time::{sleep, timeout};

const KEY: &str = "PSKtest1234567890abcdef";
const PROJECT: &str = "b3877c40-da60-4998-90ad-b792e98472af";
const CALL: &str = "11111111-2222-4333-8444-000000000001";

#[actix_rt::test]
async fn a_signed_call_is_answered_spoken_with_and_recorded() {
    let service = service(&[]).await;
    let options = PhoneOptions {
        speech: common::voice(180.0, 1_500).into(),
        dtmf: vec![(Duration::from_millis(200), '5')],
        ..options(&service)
    };
    let report = place_call(options, Handset::new().0).await;
    let summary = &report.summary;
    assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]));
    assert!(summary.heard_seconds > 1.5, "{}", summary.heard_seconds);
    let record = service.record(&summary.call_sid).await;
    assert_eq!((&record["carrier"], &record["ending"]["reason"]), (&json!("signalwire"), &json!("caller_hung_up")));
    assert_eq!((&record["from"], &record["to"]), (&json!("+15550100001"), &json!("+15550100002")));
    service.stop().await;
}

#[actix_rt::test]
async fn a_caller_is_put_through_and_one_whom_nobody_takes_comes_back() {
    let sales = [("transfers.sales.number", "+14155550100"), ("transfers.sales.whisper", "For you. Press a key.")];
    let service = service(&sales).await;
    for (outcome, word) in
        [(DialOutcome::Answered, "answered"), (DialOutcome::Declined, "not_taken"), (DialOutcome::Busy, "busy")]
    {
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
    let path = |what: &str| service.public(&format!("/signalwire/{what}"));
    let form = format!("CallSid={CALL}&AccountSid={PROJECT}&From=1&To=2&CallStatus=ringing");
    let forged = [("x-signalwire-signature", "AAAA"), ("x-signalwire-sha256-signature", "00")];
    for what in ["answer", "after-stream", "dial-result", "status", "stream-status", "whisper", "person/briefing"] {
        for headers in [&[][..], &forged] {
            let answer = post_body(&path(what), "application/x-www-form-urlencoded", &form, headers).await;
            assert_eq!(answer.status, 403, "{what}");
        }
    }
    let socket = path("ws").replacen("http", "ws", 1);
    assert!(FakeStream::try_open(&socket, None).await.is_err(), "no token");
    assert!(FakeStream::try_open(&socket, Some("AAAA")).await.is_err(), "a forged signature");
    assert!(service.calls().await.is_empty());
    let metrics = get(&service.admin("/metrics"), &[]).await.text;
    assert!(common::counted(&metrics, "switchboard_calls_refused_total{reason=\"bad_signature\"}") >= 16.0);
    service.stop().await;
}

#[actix_rt::test]
async fn a_call_is_placed_and_answered_over_its_space() {
    let api = Api::start();
    let service = service(&[
        ("signalwire.api_url", &api.url),
        ("outbound.enabled", "true"),
        ("outbound.carrier", "signalwire"),
        ("outbound.allow", r#"["+91"]"#),
        ("outbound.from", "+14155550199"),
    ])
    .await;
    let order = r#"{"to":"+919820000000","agent":"default"}"#;
    let placed = post_body(&service.admin("/calls"), "application/json", order, &[]).await;
    assert_eq!(placed.status, 202, "{}", placed.text);
    let (path, secret, form) = api.asked(0).await;
    assert_eq!(path, format!("/api/laml/2010-04-01/Accounts/{PROJECT}/Calls.json"));
    assert!(secret.starts_with("Basic "), "{secret}");
    let field = |name: &str| {
        let found = url::form_urlencoded::parse(form.as_bytes()).find(|(field, _)| field == name);
        found.map(|(_, value)| value.into_owned()).unwrap_or_default()
    };
    assert_eq!((field("To").as_str(), field("From").as_str()), ("+919820000000", "+14155550199"));
    // It is answered, and the call begins.
    let answer = send(&request(&field("Url"), true)).await;
    let document = fake().documents().expect("documents").read(&answer.text).expect("a document");
    let [Verb::Connect { stream, action: Some(_) }] = &document.verbs[..] else { panic!("{}", answer.text) };
    assert!(stream.bearer.is_some(), "{}", answer.text);
    let options = PhoneOptions { call_sid: Some(CALL.to_owned()), ..options(&service) };
    let callee = PhoneOptions { target: Target::Webhook(field("Url").parse().expect("a URL")), ..options };
    let report = place_call(callee, Handset::new().0).await;
    assert_eq!((&report.summary.failures, &report.summary.warnings), (&vec![], &vec![]));
    let record = service.record(CALL).await;
    assert_eq!((&record["direction"], &record["to"]), (&json!("outbound"), &json!("+919820000000")));
    service.stop().await;
}

async fn service(overrides: &[(&str, &str)]) -> Running {
    let mut all = vec![("twilio.verify", "off"), ("signalwire.enabled", "true"), ("limits.goodbye", "1s")];
    all.extend_from_slice(overrides);
    let mut secrets = fake().setup(Part::Played { secret: Some(KEY) }).secrets;
    secrets.push(("SIGNALWIRE_PROJECT_ID", PROJECT.to_owned()));
    secrets.push(("SIGNALWIRE_API_TOKEN", "PTtoken".to_owned()));
    let secrets: Vec<(&str, &str)> = secrets.iter().map(|(name, secret)| (*name, secret.as_str())).collect();
    start_with(&secrets, &all).await
}

fn fake() -> &'static dyn Fake {
    CARRIER_SIGNALWIRE.fake().expect("a fake")
}

fn options(service: &Running) -> PhoneOptions {
    let url = service.public("/signalwire/answer").parse().expect("a URL");
    PhoneOptions {
        carrier: CARRIER_SIGNALWIRE,
        account: Some(PROJECT.to_owned()),
        auth_token: Some(Private::new(KEY.to_owned())),
        answer_pause: Duration::from_secs(2),
        longest: Duration::from_secs(40),
        ..PhoneOptions::new(Target::Webhook(url))
    }
}

/// The carrier's signed question for a call.
fn request(url: &str, answered: bool) -> Request {
    let calling = Calling {
        id: CALL.to_owned(),
        account: PROJECT.to_owned(),
        from: "+14155550199".to_owned(),
        to: "+919820000000".to_owned(),
        answered,
        secret: Some(Private::new(KEY.to_owned())),
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

/// What the service's records say.
trait Recorded {
    /// The one record of a call.
    async fn record(&self, call: &str) -> Value;
}

impl Recorded for Running {
    async fn record(&self, call: &str) -> Value {
        let waiting = async {
            while transcripts(self.records.path(), call).is_empty() {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("a record");
        common::transcript(self.records.path(), call)
    }
}

/// A request to the API: its path, its authorization, its body.
type Asked = (String, String, String);

/// A space that records what it is asked.
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
            App::new().default_service(web::to(move |request: HttpRequest, body: String| {
                let secret = request.headers().get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
                seen.lock().expect("whole").push((request.path().to_owned(), secret.to_owned(), body));
                async move { HttpResponse::Created().json(json!({"sid": CALL, "status": "queued"})) }
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
