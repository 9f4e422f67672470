//! Exotel's callers against the whole service: the token, the stream's spellings and chunks, and
//! how its calls end.

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use awc::ws::CloseCode;
use common::{FakeStream, PATIENCE, Running, get, start_with, transcripts};
use serde_json::{Value, json};
use switchboard::tools::phone::{Handset, PhoneOptions, Target, place_call};
use switchboard_actors::carrier::exotel;
use tokio::time::{sleep, timeout};

const TOKEN: &str = "a-stream-token-of-some-length";

#[actix_rt::test]
async fn a_caller_is_greeted_and_answered_in_chunks_that_the_carrier_plays() {
    let service = service().await;
    for call_sid in ["00000000000000000000000000000010", "00000000000000000000000000000011"] {
        let options = PhoneOptions {
            carrier: exotel::CARRIER,
            speech: common::voice(180.0, 1_500).into(),
            call_sid: Some(call_sid.to_owned()),
            dtmf: vec![(Duration::from_millis(300), '5')],
            answer_pause: Duration::from_secs(2),
            longest: Duration::from_secs(40),
            ..PhoneOptions::new(Target::Stream(service.stream_url("&agent=default").parse().expect("a URL")))
        };
        let report = place_call(options, Handset::new().0).await;
        let summary = &report.summary;
        assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]));
        assert!(summary.heard_seconds > 1.5, "{}", summary.heard_seconds);
        let record = service.record(call_sid).await;
        assert_eq!((&record["carrier"], &record["ending"]["reason"]), (&json!("exotel"), &json!("caller_hung_up")));
        assert_eq!((&record["from"], &record["to"]), (&json!("+15550100001"), &json!("+15550100002")));
        assert!(!record.to_string().contains(TOKEN), "the token stands in no record");
    }
    service.stop().await;
}

#[actix_rt::test]
async fn strangers_get_no_stream_and_no_address() {
    let service = service().await;
    for query in ["", "?token=", "?token=a-stream-token-of-some-lengti", "?agent=default"] {
        let url = service.public(&format!("/exotel/ws{query}")).replacen("http", "ws", 1);
        assert!(FakeStream::try_open(&url, None).await.is_err(), "{query}");
        assert_eq!(get(&service.public(&format!("/exotel/answer{query}")), &[]).await.status, 403, "{query}");
        assert_eq!(get(&service.public(&format!("/exotel/status{query}")), &[]).await.status, 403, "{query}");
    }
    assert!(service.calls().await.is_empty());
    service.stop().await;
}

#[actix_rt::test]
async fn the_dynamic_url_leads_to_the_stream_and_keeps_the_numbers() {
    let service = service().await;
    let asked = format!("/exotel/answer?token={TOKEN}&CallSid=c1&CallFrom=09876543210&CallTo=08047491899");
    let answer = get(&service.public(&asked), &[]).await;
    assert_eq!((answer.status, answer.kind.as_str()), (200, "application/json"));
    let url = answer.json()["url"].as_str().expect("an address").to_owned();
    assert_eq!(url, service.stream_url(""));
    let mut stream = FakeStream::open(&url).await;
    stream.say(&json!({"event": "connected"})).await;
    stream.say(&start("c1", "s1")).await;
    let media = stream.hear("media").await;
    assert_eq!((&media["stream_sid"], &media["media"]["chunk"]), (&json!("s1"), &json!("1")));
    let call = &service.calls().await[0];
    assert_eq!((&call["from"], &call["to"]), (&json!("09876543210"), &json!("08047491899")));
    // Bad chunks cost nobody the call; a `start` of another call ends the socket.
    for payload in ["!", "AA==", ""] {
        stream.say(&json!({"event": "media", "stream_sid": "s1", "media": {"payload": payload}})).await;
    }
    assert_eq!(service.calls().await.len(), 1);
    stream.say(&start("c2", "s2")).await;
    assert_eq!(stream.closed().await.0, CloseCode::Policy);
    service.until_calls(0).await;
    assert_eq!(service.record("c1").await["from"], "09876543210");
    service.stop().await;
}

#[actix_rt::test]
async fn a_lost_stream_comes_back_on_another_one_of_the_call() {
    let service = service().await;
    let mut first = FakeStream::open(&service.stream_url("")).await;
    first.say(&start("c1", "s1")).await;
    first.hear("media").await;
    drop(first);
    let mut second = FakeStream::open(&service.stream_url("")).await;
    second.say(&start("c1", "s2")).await;
    assert_eq!(second.hear("media").await["stream_sid"], "s2");
    assert_eq!(service.calls().await.len(), 1);
    second.say(&json!({"event": "stop", "stream_sid": "s2", "stop": {"reason": "callended"}})).await;
    service.until_calls(0).await;
    assert_eq!(service.record("c1").await["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn a_caller_is_put_through_by_the_flow_and_comes_back_when_nobody_answers() {
    for (status, returns) in [("no-answer", true), ("completed", false)] {
        let sales = ("transfers.sales.number", "+14155550100");
        let service = service_with(&[sales, ("transfers.sales.announce", "One moment.")]).await;
        let mut stream = FakeStream::open(&service.stream_url("")).await;
        stream.say(&start("c1", "s1")).await;
        stream.hear("media").await;
        let ask = |path: &str, more: &str| service.public(&format!("/exotel/{path}?token={TOKEN}&CallSid=c1{more}"));
        let nobody = get(&ask("connect", ""), &[]).await.json();
        assert_eq!(nobody["destination"]["numbers"], json!([]), "nothing is to be dialled yet");
        let order = async {
            let url = service.admin("/calls/c1/transfer");
            let body = r#"{"destination":"sales"}"#;
            while common::post_body(&url, "application/json", body, &[]).await.status != 202 {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, order).await.expect("the transfer is accepted");
        stream.play_out().await;
        assert_eq!(get(&ask("after-stream", "&Stream[DisconnectedBy]=bot"), &[]).await.status, 200, "hand on");
        let told = get(&ask("connect", ""), &[]).await.json();
        assert_eq!(told["destination"]["numbers"], json!(["+14155550100"]));
        let result = get(&ask("dial-result", &format!("&DialCallStatus={status}")), &[]).await;
        assert_eq!(result.status, if returns { 200 } else { 302 });
        if returns {
            let mut back = FakeStream::open(&service.stream_url("")).await;
            back.say(&start("c1", "s2")).await;
            assert_eq!(back.hear("media").await["stream_sid"], "s2");
            back.say(&json!({"event": "stop"})).await;
        }
        service.until_calls(0).await;
        let expected = if returns { "caller_hung_up" } else { "transferred" };
        assert_eq!(service.record("c1").await["ending"]["reason"], expected);
        let unknown =
            service.public(&format!("/exotel/after-stream?token={TOKEN}&CallSid=c9&Stream[DisconnectedBy]=bot"));
        assert_eq!(get(&unknown, &[]).await.status, 302);
        service.stop().await;
    }
}

#[actix_rt::test]
async fn a_call_is_placed_and_its_stream_is_the_answer() {
    let asked = Arc::<Mutex<Vec<Vec<(String, String)>>>>::default();
    let seen = Arc::clone(&asked);
    let server = HttpServer::new(move || {
        let seen = Arc::clone(&seen);
        App::new().default_service(web::to(move |form: web::Form<Vec<(String, String)>>| {
            seen.lock().expect("whole").push(form.into_inner());
            async { HttpResponse::Ok().json(json!({"Call": {"Sid": "c1", "Status": "queued"}})) }
        }))
    });
    let server = server.workers(1).disable_signals().bind("127.0.0.1:0").expect("a free port");
    let api = format!("http://{}", server.addrs()[0]);
    actix_rt::spawn(server.run());
    let secrets = [("EXOTEL_API_KEY", "k"), ("EXOTEL_API_TOKEN", "t"), ("EXOTEL_ACCOUNT_SID", "acme1")];
    let settings = [
        ("twilio.verify", "off"),
        ("exotel.enabled", "true"),
        ("exotel.api_url", &api),
        ("outbound.enabled", "true"),
        ("outbound.carrier", "exotel"),
        ("outbound.allow", r#"["+91"]"#),
        ("outbound.from", "+14155550199"),
    ];
    let service = start_with(&[&secrets[..], &[("EXOTEL_STREAM_TOKEN", TOKEN)]].concat(), &settings).await;
    let order = r#"{"to":"+919820000000","agent":"default"}"#;
    let placed = common::post_body(&service.admin("/calls"), "application/json", order, &[]).await;
    assert_eq!(placed.status, 202, "{}", placed.text);
    assert_eq!(placed.json()["carrier_call_id"], "c1");
    let form: BTreeMap<String, String> = asked.lock().expect("whole").remove(0).into_iter().collect();
    assert_eq!((form["From"].as_str(), form["CallerId"].as_str()), ("+919820000000", "+14155550199"));
    let mut stream = FakeStream::open(&form["StreamUrl"]).await;
    stream.say(&start("c1", "s1")).await;
    stream.hear("media").await;
    // A stream of a call that nobody has placed is none.
    let mut other = FakeStream::open(&form["StreamUrl"]).await;
    other.say(&start("c2", "s2")).await;
    assert_eq!(other.closed().await.0, CloseCode::Policy);
    assert_eq!(service.calls().await.len(), 1);
    stream.say(&json!({"event": "stop", "stream_sid": "s1", "stop": {"reason": "callended"}})).await;
    let over = r#"{"CallSid":"c1","Status":"completed","EventType":"terminal"}"#;
    assert_eq!(common::post_body(&form["StatusCallback"], "application/json", over, &[]).await.status, 204);
    service.until_calls(0).await;
    let record = service.record("c1").await;
    assert_eq!((&record["direction"], &record["to"]), (&json!("outbound"), &json!("+919820000000")));
    service.stop().await;
}

/// A service for Exotel with a token, on loopback.
async fn service() -> Running {
    service_with(&[]).await
}

async fn service_with(more: &[(&str, &str)]) -> Running {
    let settings = [("twilio.verify", "off"), ("exotel.enabled", "true"), ("limits.goodbye", "1s")];
    start_with(&[("EXOTEL_STREAM_TOKEN", TOKEN)], &[&settings[..], &[("exotel.lost_socket", "2s")], more].concat())
        .await
}

/// A carrier that plays all that comes.
trait Plays {
    /// Echoes every mark until the service closes the stream.
    async fn play_out(&mut self);
}

impl Plays for FakeStream {
    async fn play_out(&mut self) {
        loop {
            match timeout(Duration::from_secs(2), self.next_text()).await {
                Ok(Some(message)) if message["event"] == "mark" => self.say(&message).await,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }
}

/// Helpers for the Exotel tests.
trait Exotel {
    /// The stream's URL, with more query parameters.
    fn stream_url(&self, more: &str) -> String;
    /// The one record of a call.
    async fn record(&self, call: &str) -> Value;
}

impl Exotel for Running {
    fn stream_url(&self, more: &str) -> String {
        self.public(&format!("/exotel/ws?token={TOKEN}{more}")).replacen("http", "ws", 1)
    }

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

fn start(call: &str, stream: &str) -> Value {
    json!({
        "event": "start", "sequence_number": "1", "stream_sid": stream,
        "start": {
            "stream_sid": stream, "call_sid": call, "account_sid": "a", "from": "09876543210", "to": "08047491899",
            "custom_parameters": {"token": TOKEN},
            "media_format": {"encoding": "base64", "sample_rate": "8000", "bit_rate": "128kbps"},
        },
    })
}
