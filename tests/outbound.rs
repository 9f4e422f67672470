//! Outbound calls: permitted numbers, status callbacks of the carrier, and results.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use common::{ACCOUNT, AUTH_TOKEN, Answer, Running, get, post, post_body, start, start_with, transcript};
use serde_json::{Value, json};
use switchboard::tools::phone::{Handset, PhoneOptions, Target, place_call};

const CALL: &str = "CA00000000000000000000000000000001";
const ORDER: &str =
    r#"{"to":"+919820000000","agent":"default","language":"hi","variables":{"name":"Asha","visits":3}}"#;

#[actix_rt::test]
async fn an_outbound_call_is_answered_and_spoken_with() {
    let api = Api::start(201);
    let running = api.service(&[]).await;
    let answer = order(&running, ORDER).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.json()["carrier_call_id"], CALL);
    let (path, form) = api.requests().remove(0);
    assert_eq!(path, format!("/2010-04-01/Accounts/{ACCOUNT}/Calls.json"));
    assert_eq!((field(&form, "To").as_str(), field(&form, "From").as_str()), ("+919820000000", "+14155550199"));
    assert_eq!(field(&form, "Timeout"), "45");

    let mut options = PhoneOptions::new(Target::Webhook(field(&form, "Url").parse().expect("a URL")));
    options.call_sid = Some(CALL.to_owned());
    options.account = Some(ACCOUNT.to_owned());
    options.hangup_after = Some(Duration::from_secs(4));
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    assert!(report.summary.failures.is_empty(), "{:?}", report.summary.failures);
    assert!(report.summary.heard_seconds > 1.0);
    let record = record(running).await;
    assert_eq!(record["direction"], "outbound");
    assert_eq!((&record["from"], &record["to"]), (&json!("+14155550199"), &json!("+919820000000")));
    assert_eq!(record["id"], answer.json()["id"]);
    assert_eq!(record["variables"], json!({ "name": "Asha", "visits": "3" }));
    api.stop().await;
}

#[actix_rt::test]
async fn a_number_outside_the_allowed_list_is_not_called() {
    let running = start(&[]).await;
    assert!(order(&running, ORDER).await.problem(403).contains("outbound.enabled"));
    running.stop().await;
    let api = Api::start(201);
    let running = api.service(&[]).await;
    for (body, status, word) in [
        (r#"{"to":"+442070000000"}"#, 403, "outbound.allow"),
        (r#"{"to":"+19005550100"}"#, 403, "premium"),
        (r#"{"to":"sip:+91@evil.example"}"#, 422, "E.164"),
        (r#"{"to":"+919820000000","agent":"nobody"}"#, 422, "configured: default"),
        (r#"{"to":"+919820000000","language":"xx"}"#, 422, "it speaks"),
        (r#"{"to":"+919820000000","twiml":"<Dial/>"}"#, 400, "twiml"),
        (r#"{"to":"+919820000000","variables":{"caller":"+1"}}"#, 422, "built-in"),
        (r#"{"to":"+919820000000","variables":{"name":["a"]}}"#, 422, "a text, a number"),
        ("[]", 400, "expected"),
    ] {
        let detail = order(&running, body).await.problem(status);
        assert!(detail.contains(word), "{body}: {detail}");
    }
    assert!(api.requests().is_empty(), "the carrier was asked for nothing");
    running.stop().await;
    api.stop().await;
}

#[actix_rt::test]
async fn an_outbound_call_refused_by_the_carrier_returns_its_code_and_frees_the_slot() {
    for (status, answered, word) in [(400, 502, "21212"), (429, 429, "code 21212"), (500, 502, "HTTP 500")] {
        let api = Api::start(status);
        let running = api.service(&[("outbound.max_concurrent", "1")]).await;
        for _ in 0..2 {
            let detail = order(&running, ORDER).await.problem(answered);
            assert!(detail.contains(word), "{detail}");
        }
        running.stop().await;
        api.stop().await;
    }
}

#[actix_rt::test]
async fn outbound_calls_are_limited_at_once_and_a_minute() {
    let api = Api::start(201);
    let running = api.service(&[("outbound.max_concurrent", "1"), ("outbound.max_per_minute", "2")]).await;
    for _ in 0..2 {
        assert_eq!(order(&running, ORDER).await.status, 202);
        assert!(order(&running, ORDER).await.problem(429).contains("outbound.max_concurrent"));
        // The line is busy, so the place is free again.
        let url = field(&api.requests().pop().expect("an order").1, "StatusCallback");
        let busy = format!("CallSid={CALL}&AccountSid={ACCOUNT}&CallStatus=busy&Direction=outbound-api");
        assert_eq!(post(&url, &busy, None).await.status, 204);
    }
    assert!(order(&running, ORDER).await.problem(429).contains("outbound.max_per_minute"));
    let metrics = get(&running.admin("/metrics"), &[]).await.text;
    assert!(common::counted(&metrics, "switchboard_outbound_unanswered_total{status=\"busy\"}") >= 1.0, "counted");
    running.stop().await;
    api.stop().await;
}

#[actix_rt::test]
async fn an_answering_machine_is_hung_up_on_or_spoken_to_as_configured() {
    for (voicemail, begins) in [("hang_up", "<Hangup"), ("speak", "<Connect")] {
        let api = Api::start(201);
        let running = api.service(&[("outbound.voicemail", voicemail)]).await;
        let order = order(&running, r#"{"to":"+919820000000","amd":"message_end"}"#).await;
        assert_eq!(order.status, 202, "{}", order.text);
        let form = api.requests().remove(0).1;
        assert_eq!(field(&form, "MachineDetection"), "DetectMessageEnd");
        let answered =
            format!("CallSid={CALL}&AccountSid={ACCOUNT}&AnsweredBy=machine_end_beep&Direction=outbound-api");
        let document = post(&field(&form, "Url"), &answered, None).await.text;
        assert!(document.contains(&format!("<Response>{begins}")), "{document}");
        running.stop().await;
        api.stop().await;
    }
}

async fn order(running: &Running, body: &str) -> Answer {
    post_body(&running.admin("/calls"), "application/json", body, &[]).await
}

/// Stops the service and reads its single record.
async fn record(running: Running) -> Value {
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    transcript(records.path(), "")
}

fn field(form: &str, name: &str) -> String {
    let found = url::form_urlencoded::parse(form.as_bytes()).find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("no {name} in {form}")).1.into_owned()
}

/// A carrier's API that answers every request with the same status.
struct Api {
    address: String,
    handle: ServerHandle,
    requests: Requests,
}

/// The paths and forms of the requests.
type Requests = Arc<Mutex<Vec<(String, String)>>>;

impl Api {
    fn start(status: u16) -> Self {
        let requests = Requests::default();
        let shared = Arc::clone(&requests);
        let server = HttpServer::new(move || {
            let requests = Arc::clone(&shared);
            App::new().default_service(web::post().to(move |request: HttpRequest, body: String| {
                requests.lock().expect("whole").push((request.path().to_owned(), body));
                let body = if status == 201 { json!({ "sid": CALL }) } else { json!({ "code": 21212 }) };
                let status = StatusCode::from_u16(status).expect("a status");
                async move { HttpResponse::build(status).json(body) }
            }))
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(0)
        .bind("127.0.0.1:0")
        .expect("a free port");
        let address = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix_rt::spawn(server);
        Self { address, handle, requests }
    }

    async fn service(&self, overrides: &[(&str, &str)]) -> Running {
        let variables = [("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN", AUTH_TOKEN)];
        let mut all = vec![
            ("twilio.verify", "off"),
            ("twilio.api_url", self.address.as_str()),
            ("outbound.enabled", "true"),
            ("outbound.allow", r#"["+91", "+1900"]"#),
            ("outbound.from", "+14155550199"),
        ];
        all.extend_from_slice(overrides);
        start_with(&variables, &all).await
    }

    fn requests(&self) -> Vec<(String, String)> {
        self.requests.lock().expect("whole").clone()
    }

    async fn stop(self) {
        self.handle.stop(false).await;
    }
}
