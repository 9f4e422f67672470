//! Waybeo's callers against the whole service: trust in the carrier, its protocol errors, and the
//! requests it receives.

mod common;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use awc::ws::{CloseCode, Message};
use common::{FakeStream, PATIENCE, Running, get, post_body, start_with, transcripts};
use serde_json::{Value, json};
use switchboard::tools::phone::{Fault, Handset, PhoneOptions, Target, place_call};
use switchboard_actors::carrier::waybeo;
use tokio::time::{sleep, timeout};

const TOKEN: &str = "a-stream-token-of-some-length";

#[actix_rt::test]
async fn a_caller_hears_the_greeting_and_an_answer_whatever_the_carrier_gets_wrong() {
    let service = waybeo(&[]).await;
    let speech: Vec<i16> = (0..8_000).map(|n| if n / 20 % 2 == 0 { 6_000 } else { -6_000 }).collect();
    let options = PhoneOptions {
        carrier: waybeo::CARRIER,
        speech: speech.into(),
        answer_pause: Duration::from_millis(800),
        longest: Duration::from_secs(40),
        parameters: BTreeMap::from([("store_code".to_owned(), "10001".to_owned())]),
        faults: vec![Fault::MediaFirst, Fault::DuplicateStart, Fault::FirstAt16k],
        ..PhoneOptions::new(Target::Stream(service.waybeo("").parse().expect("a URL")))
    };
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    let summary = &report.summary;
    assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]));
    let answered = summary.spoke_until_ms.expect("spoken") as usize * 8;
    assert!(audible(&report.heard[..answered]) > 0.5, "the greeting");
    assert!(audible(&report.heard[answered..]) > 0.5, "an answer");
    let transcript = service.transcript(&summary.call_sid).await;
    assert_eq!((&transcript["carrier"], &transcript["ucid"]), (&json!("waybeo"), &json!(summary.call_sid)));
    assert_eq!((&transcript["from"], &transcript["to"]), (&json!("+15550100001"), &json!("+15550100002")));
    let parameters = json!({"did": "+15550100001", "vmn": "+15550100002", "store_code": "10001"});
    assert_eq!(transcript["carrier_parameters"], parameters);
    assert_eq!(transcript["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn a_refused_phone_gets_the_reason_without_another_carriers_code() {
    let off = common::start(&[]).await;
    let url = format!("ws://{}/waybeo/ws?token={TOKEN}", off.service.public_addr());
    let options =
        PhoneOptions { carrier: waybeo::CARRIER, ..PhoneOptions::new(Target::Stream(url.parse().expect("a URL"))) };
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    let failure = report.summary.failures.join("; ");
    assert!(failure.contains("404 Not Found") && failure.contains("set waybeo.enabled = true"), "{failure}");
    assert!(!failure.contains("Twilio") && !failure.contains(TOKEN), "{failure}");
    off.stop().await;
}

#[actix_rt::test]
async fn samples_without_a_sign_cost_nobody_the_call() {
    let service = waybeo(&[]).await;
    let mut stream = service.begin("u-unsigned").await;
    for _ in 0..50 {
        stream.say(&media("u-unsigned", &[65_535; 80], 8_000)).await;
    }
    stream.hear("media").await;
    let metrics = get(&service.admin("/metrics"), &[]).await.text;
    // The service reports this once a second.
    let reported = async {
        let clamped = "switchboard_line_oddities_total{carrier=\"waybeo\",what=\"sample_clamped\"}";
        while common::counted(&get(&service.admin("/metrics"), &[]).await.text, clamped) < 1.0 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    assert!(timeout(PATIENCE, reported).await.is_ok(), "{metrics}");
    assert_eq!(service.calls().await.len(), 1);
    service.stop().await;
}

#[actix_rt::test]
async fn a_call_that_gets_neither_stop_nor_close_ends_when_its_audio_does() {
    let service = waybeo(&[("waybeo.inactivity", "5s")]).await;
    let mut stream = service.begin("u-silent").await;
    for _ in 0..10 {
        stream.say(&media("u-silent", &[0; 80], 8_000)).await;
    }
    // Pings keep the socket open, but do not count as activity of a caller.
    let pinging = async {
        loop {
            stream.send(Message::Ping("still here".into())).await;
            stream.say(&json!({"event": "heartbeat"})).await;
            sleep(Duration::from_millis(500)).await;
            if service.calls().await.is_empty() {
                break;
            }
        }
    };
    assert!(timeout(Duration::from_secs(20), pinging).await.is_ok(), "the call should have ended");
    assert_eq!(service.transcript("u-silent").await["ending"]["reason"], "line_silent");
    service.stop().await;
}

#[actix_rt::test]
async fn strangers_reach_no_model() {
    let model = TcpListener::bind("127.0.0.1:0").expect("a free port");
    model.set_nonblocking(true).expect("settable");
    let url = format!("ws://{}/v1/realtime", model.local_addr().expect("bound"));
    let service = waybeo(&[("realtime.url", &url), ("limits.start_timeout", "1s")]).await;
    for query in ["", "?token=", "?token=a-stream-token-of-some-lengti", "?token=x&token=y", "?agent=default"] {
        let url = service.public(&format!("/waybeo/ws{query}")).replacen("http", "ws", 1);
        let refused = FakeStream::try_open(&url, None).await;
        assert!(refused.is_err(), "{query}");
    }
    assert!(get(&service.public("/waybeo/ws?token=no"), &[]).await.problem(403).contains("WAYBEO_STREAM_TOKEN"));
    assert!(get(&service.public("/waybeo/answer?token=no"), &[]).await.problem(403).contains("WAYBEO_STREAM_TOKEN"));
    // The token alone is not enough: the stream must belong to a caller.
    let mut silent = FakeStream::open(&service.waybeo("")).await;
    silent.say(&media("u1", &[1; 80], 8_000)).await;
    assert_eq!(silent.closed().await.0, CloseCode::Policy);
    assert_eq!(model.accept().map(|_| ()).map_err(|error| error.kind()), Err(std::io::ErrorKind::WouldBlock));
    service.stop().await;
}

#[actix_rt::test]
async fn a_second_start_is_ignored_and_one_of_another_call_ends_the_socket() {
    let service = waybeo(&[]).await;
    let mut stream = service.begin("u-one").await;
    stream.hear("media").await;
    stream.say(&start("u-one")).await;
    stream.hear("media").await;
    assert_eq!(service.calls().await.len(), 1);
    stream.say(&start("u-two")).await;
    assert_eq!(stream.closed().await.0, CloseCode::Policy);
    service.until_calls(0).await;
    assert_eq!(service.transcript("u-one").await["ending"]["reason"], "line_lost");
    service.stop().await;
}

#[actix_rt::test]
async fn a_call_that_is_on_is_not_taken_over_by_another_socket() {
    let service = waybeo(&[]).await;
    let mut stream = service.begin("u-once").await;
    stream.hear("media").await;
    let mut other = FakeStream::open(&service.waybeo("")).await;
    other.say(&start("u-once")).await;
    let (code, reason) = other.closed().await;
    assert!(code == CloseCode::Policy && reason.contains("on already"), "{reason}");
    stream.hear("media").await;
    assert_eq!(service.calls().await.len(), 1);
    stream.say(&json!({"command": "callDisconnect"})).await;
    service.until_calls(0).await;
    service.stop().await;
}

#[actix_rt::test]
async fn the_url_chooses_the_agent_and_an_unknown_one_is_refused() {
    let service = waybeo(&[("agents.sales.instructions", "Sell."), ("agents.sales.languages", "[\"hi\"]")]).await;
    let mut stream = FakeStream::open(&service.waybeo("&agent=sales")).await;
    stream.say(&start("u-sales")).await;
    stream.hear("media").await;
    let call = &service.calls().await[0];
    assert_eq!(
        (&call["agent"], &call["language"], &call["carrier"]),
        (&json!("sales"), &json!("hi"), &json!("waybeo"))
    );
    assert_eq!((&call["from"], &call["to"]), (&json!("+919800000000"), &json!("+911140000000")));
    let detail = get(&service.public(&format!("/waybeo/ws?token={TOKEN}&agent=nobody")), &[]).await.problem(404);
    assert!(detail.contains("default, sales"), "{detail}");
    service.stop().await;
}

#[actix_rt::test]
async fn a_service_that_does_not_answer_waybeo_says_so() {
    let service = common::start(&[]).await;
    assert!(get(&service.public("/waybeo/ws"), &[]).await.problem(404).contains("waybeo.enabled"));
    service.stop().await;
}

#[actix_rt::test]
async fn ozonetel_receives_the_address_of_the_stream() {
    let service = waybeo(&[]).await;
    let asked = format!("/waybeo/answer?token={TOKEN}&event=NewCall&outbound_sid=A%3CB&agent=default");
    let answer = get(&service.public(&asked), &[]).await;
    assert_eq!((answer.status, answer.kind.as_str()), (200, "text/xml; charset=utf-8"));
    assert_eq!(answer.headers.get("cache-control").expect("set"), "no-store");
    let url = service.waybeo("&agent=default").replace('&', "&amp;");
    assert_eq!(answer.text, format!("<response><stream is_sip='true' url='{url}'>A&lt;B</stream></response>"));
    let over = get(&service.public(&asked.replace("NewCall", "Hangup")), &[]).await;
    assert_eq!(over.text, "<response></response>");
    service.stop().await;
}

#[actix_rt::test]
async fn kookoo_names_the_caller_once_and_a_call_that_has_had_its_stream_gets_no_other() {
    let service = waybeo(&[("waybeo.did", "dialled")]).await;
    let ask = |rest: &str| service.public(&format!("/waybeo/answer?token={TOKEN}&sid=12345678901&{rest}"));
    let new = "event=NewCall&cid=09800000001&called_number=918012345678";
    assert!(get(&ask(new), &[]).await.text.contains("<stream"));
    assert!(get(&ask(new), &[]).await.text.contains("<stream"), "asked again before the stream has come");
    let mut stream = FakeStream::open(&service.waybeo("")).await;
    stream.say(&json!({"event": "start", "type": "text", "ucid": "12345678901", "did": "918012345678"})).await;
    stream.hear("media").await;
    let shown = service.calls().await.remove(0);
    assert_eq!((&shown["from"], &shown["to"]), (&json!("09800000001"), &json!("918012345678")));
    stream.say(&json!({"command": "callDisconnect"})).await;
    service.until_calls(0).await;
    for event in ["event=Stream&status=completed", "event=GotDTMF&data=1", new] {
        assert_eq!(get(&ask(event), &[]).await.text, "<response><hangup/></response>", "{event}");
    }
    let record = service.transcript("12345678901").await;
    assert_eq!(record["from"], "09800000001");
    assert!(!record["carrier_parameters"].to_string().contains("09800000001"));
    service.stop().await;
}

#[actix_rt::test]
async fn an_operator_who_hangs_up_hangs_up_at_the_carrier_before_the_stream_closes() {
    let api = Api::answering(200);
    let service = waybeo(&[("waybeo.api_url", &api.url), ("limits.goodbye", "1s")]).await;
    let mut stream = service.begin("u-over").await;
    stream.hear("media").await;
    assert_eq!(post_body(&service.admin("/calls/u-over/hangup"), "application/json", "", &[]).await.status, 202);
    assert_eq!(stream.closed().await.0, CloseCode::Normal);
    let expected = ("Bearer secret".to_owned(), json!({"command": "hangup_call", "callId": "u-over"}));
    assert_eq!(*api.asked.lock().expect("not poisoned"), [expected]);
    assert_eq!(service.transcript("u-over").await["ending"]["reason"], "operator_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn a_call_whose_line_is_lost_is_ended_at_the_carrier_unless_that_says_it_is_over() {
    let api = Api::answering(200);
    let service = waybeo(&[("waybeo.api_url", &api.url)]).await;
    // One connection breaks, and one is closed without a word about the call.
    let mut broken = service.begin("u-broken").await;
    broken.hear("media").await;
    let options = PhoneOptions {
        carrier: waybeo::CARRIER,
        call_sid: Some("u-closed".to_owned()),
        hangup_after: Some(Duration::from_millis(500)),
        faults: vec![Fault::NoStop],
        ..PhoneOptions::new(Target::Stream(service.waybeo("").parse().expect("a URL")))
    };
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    // This carrier says afterwards that the call is over.
    let mut parameters = service.begin("u-told").await;
    parameters.hear("media").await;
    drop((broken, parameters));
    let over = format!("/waybeo/answer?token={TOKEN}&sid=u-told&event=Hangup");
    assert_eq!(get(&service.public(&over), &[]).await.status, 200);
    service.until_calls(0).await;
    api.until_asked(2).await;
    for call in ["u-broken", "u-closed", "u-told"] {
        assert_eq!(service.transcript(call).await["ending"]["reason"], "line_lost", "{call}");
    }
    // The carrier has answered: nobody is asked again, and nothing is asked about the third call.
    sleep(Duration::from_secs(6)).await;
    let mut asked: Vec<Value> = api.asked.lock().expect("not poisoned").iter().map(|(_, body)| body.clone()).collect();
    asked.sort_by_key(|body| body["callId"].to_string());
    let expected = ["u-broken", "u-closed"].map(|call| json!({"command": "hangup_call", "callId": call}));
    assert_eq!(asked, expected);
    service.stop().await;
}

#[actix_rt::test]
async fn a_caller_is_handed_on_by_the_carrier_which_then_ends_the_stream() {
    let api = Api::answering(202);
    let service =
        waybeo(&[("waybeo.api_url", &api.url), ("transfers.sales.carrier", "true"), ("limits.goodbye", "1s")]).await;
    let mut stream = service.begin("u-sales").await;
    service.transfer("u-sales").await;
    api.until_asked(1).await;
    stream.say(&json!({"event": "stop", "ucid": "u-sales"})).await;
    service.until_calls(0).await;
    let asked = api.asked.lock().expect("not poisoned").clone();
    assert_eq!(asked, [("Bearer secret".to_owned(), json!({"command": "transfer", "callId": "u-sales"}))]);
    assert_eq!(service.transcript("u-sales").await["ending"]["reason"], "transferred");
    service.stop().await;
}

#[actix_rt::test]
async fn a_caller_whom_the_carrier_does_not_hand_on_stays_with_the_agent() {
    let api = Api::answering(500);
    let service =
        waybeo(&[("waybeo.api_url", &api.url), ("transfers.sales.carrier", "true"), ("limits.goodbye", "1s")]).await;
    let mut stream = service.begin("u-back").await;
    service.transfer("u-back").await;
    api.until_asked(1).await;
    // The agent announces the failure.
    stream.hear("media").await;
    assert_eq!(service.calls().await.len(), 1);
    stream.say(&json!({"event": "stop", "ucid": "u-back"})).await;
    service.until_calls(0).await;
    assert_eq!(service.transcript("u-back").await["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

/// A service for Waybeo with a token, on loopback.
async fn waybeo(overrides: &[(&str, &str)]) -> Running {
    let mut all = vec![("twilio.verify", "off"), ("waybeo.enabled", "true")];
    all.extend_from_slice(overrides);
    start_with(&[("WAYBEO_STREAM_TOKEN", TOKEN), ("WAYBEO_AUTH_TOKEN", "secret")], &all).await
}

/// Helpers for the Waybeo tests.
trait Waybeo {
    /// The stream's URL, with more query parameters.
    fn waybeo(&self, more: &str) -> String;
    /// Starts a stream.
    async fn begin(&self, ucid: &str) -> FakeStream;
    /// Requests a transfer as soon as the call can be transferred.
    async fn transfer(&self, ucid: &str);
    /// Waits for the transcript of a call.
    async fn transcript(&self, ucid: &str) -> Value;
}

impl Waybeo for Running {
    fn waybeo(&self, more: &str) -> String {
        self.public(&format!("/waybeo/ws?token={TOKEN}{more}")).replacen("http", "ws", 1)
    }

    async fn begin(&self, ucid: &str) -> FakeStream {
        let mut stream = FakeStream::open(&self.waybeo("")).await;
        stream.say(&start(ucid)).await;
        stream
    }

    async fn transfer(&self, ucid: &str) {
        let order = async {
            let url = self.admin(&format!("/calls/{ucid}/transfer"));
            while post_body(&url, "application/json", r#"{"destination":"sales"}"#, &[]).await.status != 202 {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, order).await.expect("the transfer is accepted");
    }

    async fn transcript(&self, ucid: &str) -> Value {
        let waiting = async {
            loop {
                if let Some(transcript) = transcripts(self.records.path(), ucid).pop() {
                    return transcript;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("a transcript")
    }
}

/// A `bot-call` API that records its requests.
struct Api {
    url: String,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Api {
    fn answering(status: u16) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let server = HttpServer::new(move || {
            let seen = Arc::clone(&seen);
            App::new().default_service(web::post().to(move |request: HttpRequest, body: web::Json<Value>| {
                let bearer = request.headers().get("authorization").and_then(|it| it.to_str().ok()).unwrap_or_default();
                seen.lock().expect("not poisoned").push((bearer.to_owned(), body.into_inner()));
                let status = status.try_into().expect("a status");
                async move { HttpResponse::build(status).body("not JSON") }
            }))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/bot-call", server.addrs()[0]);
        actix_rt::spawn(server.run());
        Self { url, asked }
    }

    async fn until_asked(&self, times: usize) {
        let waiting = async {
            while self.asked.lock().expect("not poisoned").len() < times {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("the carrier is asked");
    }
}

fn start(ucid: &str) -> Value {
    json!({"event": "start", "type": "text", "ucid": ucid, "did": "+919800000000", "vmn": "+911140000000"})
}

fn media(ucid: &str, samples: &[i64], rate_hz: u32) -> Value {
    json!({"event": "media", "type": "media", "ucid": ucid, "data": {
        "samples": samples, "bitsPerSample": 16, "sampleRate": rate_hz, "channelCount": 1,
        "numberOfFrames": samples.len(), "type": "data",
    }})
}

/// Seconds of audible sound.
fn audible(samples: &[i16]) -> f64 {
    let loud = samples.chunks(160).filter(|piece| piece.iter().any(|sample| sample.unsigned_abs() > 256));
    loud.count() as f64 * 0.02
}
