//! The entrances of the service: who is admitted, which answers they get, and what malformed input
//! costs.

mod common;

use std::process::Command;
use std::time::Duration;

use awc::error::WsClientError;
use awc::ws::{CloseCode, Message};
use common::receiver::{Receiver, ReceiverBehaviour};
use common::{
    ACCOUNT, AUTH_TOKEN, FakeStream, get, incoming, post, post_body, signed, silence, start, start_message,
    start_signed, start_with,
};
use serde_json::json;
use switchboard_actors::carrier::twilio::trust::sign;
use tokio::io::AsyncWriteExt;

const CALL: &str = "CA00000000000000000000000000000001";
const OTHER: &str = "CA00000000000000000000000000000009";

#[actix_web::test]
async fn a_webhook_is_answered_with_a_stream_and_the_same_when_repeated() {
    let running = start(&[]).await;
    let answer = running.voice(CALL).await;
    assert_eq!((answer.status, answer.kind.as_str()), (200, "text/xml; charset=utf-8"));
    assert!(answer.text.contains(&format!("<Stream url=\"{}\"", running.stream())), "{}", answer.text);
    assert!(answer.text.ends_with("</Connect><Hangup/></Response>"));
    assert!(answer.token().len() >= 22, "a token of 128 bits");
    assert_eq!(running.voice(CALL).await.text, answer.text);
    assert_ne!(running.voice(OTHER).await.token(), answer.token());
    running.stop().await;
}

#[actix_web::test]
async fn the_doctor_finds_nothing_at_a_good_service_and_the_account_that_refuses_us() {
    let running = start(&[]).await;
    let behaviour = [ReceiverBehaviour::Status(200), ReceiverBehaviour::Status(401)];
    let carrier = Receiver::start(behaviour.to_vec()).await;
    for wrong in [0, 1] {
        let home = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
        command.args(["doctor", "--json"]).current_dir(home.path()).env_clear().envs([
            ("SWITCHBOARD__SERVER__PUBLIC_URL", running.public("/").as_str()),
            ("SWITCHBOARD__TWILIO__API_URL", carrier.url.trim_end_matches("/hook")),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TWILIO_AUTH_TOKEN", AUTH_TOKEN),
        ]);
        let asked = actix_rt::task::spawn_blocking(move || command.output()).await.expect("no panic");
        let asked = asked.expect("the binary runs");
        let report: serde_json::Value = serde_json::from_slice(&asked.stdout).expect("JSON");
        assert_eq!((&report["wrong"], asked.status.code()), (&json!(wrong), Some(wrong)), "{report:#}");
        let text = report.to_string();
        assert!(text.contains("/ws takes WebSockets") && text.contains("closed to the outside"), "{report:#}");
        assert_eq!(text.contains("check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"), wrong == 1, "{report:#}");
    }
    running.stop().await;
}

#[actix_web::test]
async fn only_what_the_carrier_signed_is_answered() {
    let running = start_signed(&[]).await;
    let url = running.public("/twilio/voice");
    let form = incoming(CALL);
    let good = signed(&url, &form);
    post(&url, &form, None).await.problem(403);
    post(&url, &form, Some("UpxdD2geilNTnTZRVnovqvHfNz4=")).await.problem(403);
    post(&url, &format!("{form}&Extra="), Some(&good)).await.problem(403);
    assert_eq!(post(&url, &form, Some(&good)).await.status, 200);
    let doubled = format!("{form}&Extra=2&Extra=1&Extra=2");
    assert_eq!(post(&url, &doubled, Some(&signed(&url, &doubled))).await.status, 200);
    let query = format!("{url}?{form}");
    let headers = [("X-Twilio-Signature", sign(AUTH_TOKEN, &query, &[]))];
    assert_eq!(get(&query, &[(headers[0].0, headers[0].1.as_str())]).await.status, 200);
    get(&query, &[]).await.problem(403);
    for path in ["/twilio/after-stream", "/twilio/dial-result", "/twilio/status", "/twilio/stream-status"] {
        post(&running.public(path), &form, None).await.problem(403);
    }
    running.stop().await;
}

#[actix_web::test]
async fn another_account_is_refused_although_it_signs_well() {
    let variables = [("TWILIO_AUTH_TOKEN", AUTH_TOKEN), ("TWILIO_ACCOUNT_SID", ACCOUNT)];
    let running = start_with(&variables, &[("twilio.verify", "require")]).await;
    let (url, form) = (running.public("/twilio/voice"), incoming(CALL));
    let other = form.replace(ACCOUNT, "AC00000000000000000000000000000003");
    assert!(post(&url, &other, Some(&signed(&url, &other))).await.problem(403).contains("account"));
    assert_eq!(post(&url, &form, Some(&signed(&url, &form))).await.status, 200);
    running.stop().await;
}

#[actix_web::test]
async fn what_the_other_side_says_of_itself_does_not_enter_the_signed_url() {
    let running = start_signed(&[]).await;
    let url = running.public("/twilio/voice");
    let form = incoming(CALL);
    let elsewhere = signed("https://attacker.example/twilio/voice", &form);
    let headers = [
        ("X-Twilio-Signature", elsewhere.as_str()),
        ("Host", "attacker.example"),
        ("X-Forwarded-Host", "attacker.example"),
        ("X-Forwarded-Proto", "https"),
    ];
    post_body(&url, "application/x-www-form-urlencoded", &form, &headers).await.problem(403);
    running.stop().await;
}

#[actix_web::test]
async fn with_verification_off_nobody_comes_through_a_proxy() {
    let running = start(&[]).await;
    let headers = [("X-Forwarded-For", "203.0.113.7")];
    let url = running.public("/twilio/voice");
    post_body(&url, "application/x-www-form-urlencoded", &incoming(CALL), &headers).await.problem(403);
    running.stop().await;
}

#[actix_web::test]
async fn a_form_that_cannot_be_used_is_named() {
    let running = start(&[]).await;
    let url = running.public("/twilio/voice");
    assert!(post(&url, "CallSid=%4", None).await.problem(400).contains("byte 8"));
    assert!(post(&url, "AccountSid=AC1", None).await.problem(400).contains("`CallSid`"));
    assert!(post(&url, "CallSid=../../etc passwd&AccountSid=AC1", None).await.problem(400).contains("`CallSid`"));
    assert!(post_body(&url, "application/json", "{}", &[]).await.problem(400).contains("Content-Type"));
    post(&url, &"A=1&".repeat(20_000), None).await.problem(413);
    running.stop().await;
}

#[actix_web::test]
async fn a_full_service_says_so_politely_and_on_the_stream_too() {
    let running = start(&[("server.max_calls", "1")]).await;
    let token = running.announce(CALL).await;
    let answer = running.voice(OTHER).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("<Say language=\"en-US\">") && answer.text.ends_with("<Hangup/></Response>"));
    assert_eq!(get(&running.public("/ready"), &[]).await.json()["reason"], "full");
    let mut stranger = FakeStream::start(&running.stream(), OTHER, None).await;
    assert_eq!(stranger.closed().await.0, CloseCode::Again);
    let _stream = FakeStream::start(&running.stream(), CALL, Some(&token)).await;
    running.until_calls(1).await;
    running.stop().await;
}

#[actix_web::test]
async fn a_token_is_good_for_one_stream_of_its_own_call() {
    let running = start_signed(&[]).await;
    let (url, form) = (running.public("/twilio/voice"), incoming(CALL));
    let token = post(&url, &form, Some(&signed(&url, &form))).await.token();
    let stream = running.stream();
    let signature = sign(AUTH_TOKEN, &stream, &[]);
    let upgrade = |call: &'static str, token: Option<String>| {
        let (stream, signature) = (stream.clone(), signature.clone());
        async move {
            let mut socket = FakeStream::try_open(&stream, Some(&signature)).await.expect("an upgrade");
            socket.say(&start_message(call, token.as_deref())).await;
            socket
        }
    };
    assert_eq!(upgrade(CALL, None).await.closed().await.0, CloseCode::Policy, "no token");
    assert_eq!(upgrade(CALL, Some("guessed".to_owned())).await.closed().await.0, CloseCode::Policy);
    assert_eq!(upgrade(OTHER, Some(token.clone())).await.closed().await.0, CloseCode::Policy, "another call's");
    let form = incoming(OTHER);
    let token = post(&url, &form, Some(&signed(&url, &form))).await.token();
    let _first = upgrade(OTHER, Some(token.clone())).await;
    running.until_calls(1).await;
    assert_eq!(upgrade(OTHER, Some(token)).await.closed().await.0, CloseCode::Policy, "used");
    assert_eq!(running.calls().await.len(), 1);
    running.stop().await;
}

#[actix_web::test]
async fn an_upgrade_that_is_not_signed_is_refused() {
    let running = start_signed(&[]).await;
    for signature in [None, Some("UpxdD2geilNTnTZRVnovqvHfNz4=")] {
        let refused = FakeStream::try_open(&running.stream(), signature).await.err();
        assert!(matches!(refused, Some(WsClientError::InvalidResponseStatus(status)) if status == 403));
    }
    running.stop().await;
}

#[actix_web::test]
async fn a_stream_without_a_webhook_is_a_call_where_nothing_is_verified() {
    let running = start(&[]).await;
    let mut stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    assert_eq!(running.calls().await[0]["carrier_call_id"], CALL);
    stream.hear("media").await;
    running.stop().await;
}

#[actix_web::test]
async fn a_stream_that_does_not_start_is_closed() {
    let running = start(&[("limits.start_timeout", "500ms")]).await;
    let mut stream = FakeStream::open(&running.stream()).await;
    stream.say(&json!({ "event": "connected", "protocol": "Call", "version": "1.0.0" })).await;
    let (code, reason) = stream.closed().await;
    assert_eq!((code, reason.as_str()), (CloseCode::Policy, "no `start` within limits.start_timeout"));
    running.stop().await;
}

#[actix_web::test]
async fn an_address_may_hold_a_limited_number_of_unstarted_streams() {
    let running = start(&[("limits.sockets_per_address", "2")]).await;
    let _first = FakeStream::open(&running.stream()).await;
    let second = FakeStream::open(&running.stream()).await;
    let refused = FakeStream::try_open(&running.stream(), None).await.err();
    assert!(matches!(refused, Some(WsClientError::InvalidResponseStatus(status)) if status == 503));
    drop(second);
    let mut tries = 0;
    while FakeStream::try_open(&running.stream(), None).await.is_err() {
        tries += 1;
        assert!(tries < 100, "a place given back is free again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.stop().await;
}

#[actix_web::test]
async fn admitted_calls_do_not_count_towards_the_address_limit() {
    let running = start(&[("limits.sockets_per_address", "1")]).await;
    let mut streams = Vec::new();
    for call in [CALL, OTHER] {
        streams.push(FakeStream::start(&running.stream(), call, None).await);
        running.until_calls(streams.len()).await;
    }
    running.stop().await;
}

#[actix_web::test]
async fn garbage_does_not_cost_the_call() {
    let running = start(&[]).await;
    let mut stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    for garbage in ["", "{", "[]", "{\"event\":7}", "{\"event\":\"media\"}", "\u{0}", "{\"event\":\"later\"}"] {
        stream.send(Message::Text(garbage.into())).await;
    }
    stream.send(Message::Binary(vec![0, 159, 146, 150].into())).await;
    stream.say(&start_message(CALL, None)).await;
    stream.say(&silence(CALL, 0)).await;
    stream.hear("media").await;
    assert_eq!(running.calls().await.len(), 1);
    running.stop().await;
}

#[actix_web::test]
async fn a_peer_that_sends_nothing_but_garbage_is_let_go() {
    let running = start(&[]).await;
    let mut stream = FakeStream::open(&running.stream()).await;
    for _ in 0..200 {
        stream.send(Message::Text("garbage".into())).await;
    }
    assert_eq!(stream.closed().await.0, CloseCode::Policy);
    running.stop().await;
}

#[actix_web::test]
async fn a_message_larger_than_allowed_closes_the_stream_whole_or_in_fragments() {
    let running = start(&[]).await;
    let mut whole = FakeStream::open(&running.stream()).await;
    whole.send(Message::Text("x".repeat(70_000).into())).await;
    assert_eq!(whole.closed().await.0, CloseCode::Size);
    let mut parts = FakeStream::open(&running.stream()).await;
    parts.send(Message::Continuation(actix_http::ws::Item::FirstText("x".repeat(40_000).into()))).await;
    parts.send(Message::Continuation(actix_http::ws::Item::Continue("x".repeat(40_000).into()))).await;
    assert_eq!(parts.closed().await.0, CloseCode::Size);
    running.stop().await;
}

#[actix_web::test]
async fn a_peer_that_takes_nothing_is_cut() {
    let running = start(&[("limits.line_silence", "1s"), ("limits.start_timeout", "1m")]).await;
    let mut peer = tokio::net::TcpStream::connect(running.service.public_addr()).await.expect("a connection");
    let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    peer.write_all(upgrade.as_bytes()).await.expect("an upgrade");
    // Endless pings without reading the pongs: eventually the buffers of both sides are full.
    let mut pings = Vec::new();
    for _ in 0..100 {
        pings.extend([0x89, 0x80 | 100, 0, 0, 0, 0]);
        pings.extend([b'x'; 100]);
    }
    let flood = async { while peer.write_all(&pings).await.is_ok() {} };
    assert!(tokio::time::timeout(common::PATIENCE * 3, flood).await.is_ok(), "the connection should be cut");
    running.stop().await;
}

#[actix_web::test]
async fn a_message_in_fragments_is_read() {
    let running = start(&[]).await;
    let mut stream = FakeStream::open(&running.stream()).await;
    let start = start_message(CALL, None).to_string();
    let (first, last) = start.split_at(40);
    stream.send(Message::Continuation(actix_http::ws::Item::FirstText(first.to_owned().into()))).await;
    stream.send(Message::Continuation(actix_http::ws::Item::Last(last.to_owned().into()))).await;
    running.until_calls(1).await;
    running.stop().await;
}

#[actix_web::test]
async fn a_call_ends_when_its_socket_is_gone_without_a_word() {
    let running = start(&[]).await;
    let stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    drop(stream);
    running.until_calls(0).await;
    running.stop().await;
}

#[actix_web::test]
async fn a_socket_that_goes_at_once_leaves_no_call_behind() {
    let running = start(&[]).await;
    for number in 0..20 {
        drop(FakeStream::start(&running.stream(), &format!("CA{number:032}"), None).await);
    }
    // This call is requested after all the others. When it is live, they have been handled.
    let last = FakeStream::start(&running.stream(), OTHER, None).await;
    let admitted = async {
        while !running.calls().await.iter().any(|call| call["carrier_call_id"] == OTHER) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(common::PATIENCE, admitted).await.is_ok(), "the last one is on");
    drop(last);
    running.until_calls(0).await;
    assert_eq!(get(&running.public("/health"), &[]).await.json()["active_calls"], 0);
    running.stop().await;
}

#[actix_web::test]
async fn every_error_is_a_problem() {
    let running = start(&[]).await;
    get(&running.public("/nowhere"), &[]).await.problem(404);
    get(&running.admin("/nowhere"), &[]).await.problem(404);
    let wrong = get(&running.public("/twilio/status"), &[]).await;
    wrong.problem(405);
    assert_eq!(wrong.headers.get("allow").map(|value| value.as_bytes()), Some(b"POST".as_slice()));
    post_body(&running.admin("/metrics"), "text/plain", "", &[]).await.problem(405);
    get(&running.public("/ws"), &[]).await.problem(400);
    get(&running.admin(&format!("/calls/{CALL}")), &[]).await.problem(404);
    let transfer = running.admin(&format!("/calls/{CALL}/transfer"));
    for bad in ["", "{", "[]", "{\"destination\":7}", "{\"destination\":\"a\",\"number\":\"+1\"}"] {
        post_body(&transfer, "application/json", bad, &[]).await.problem(400);
    }
    post_body(&transfer, "application/json", "{\"destination\":\"nobody\"}", &[]).await.problem(404);
    running.stop().await;
}

#[actix_web::test]
async fn callbacks_are_acknowledged_and_what_follows_a_stream_is_a_hang_up() {
    let running = start(&[]).await;
    let form = incoming(CALL);
    for path in ["/twilio/after-stream", "/twilio/dial-result"] {
        let answer = post(&running.public(path), &form, None).await;
        assert!(answer.status == 200 && answer.text.ends_with("<Response><Hangup/></Response>"), "{}", answer.text);
    }
    assert_eq!(post(&running.public("/twilio/status"), &form, None).await.status, 204);
    let failed =
        format!("AccountSid={ACCOUNT}&CallSid={CALL}&StreamSid=MZ1&StreamEvent=stream-error&StreamError=31920");
    assert_eq!(post(&running.public("/twilio/stream-status"), &failed, None).await.status, 204);
    running.stop().await;
}

#[actix_web::test]
async fn a_caller_who_hangs_up_before_the_stream_gives_the_place_back() {
    let running = start(&[("server.max_calls", "1")]).await;
    running.announce(CALL).await;
    assert_eq!(get(&running.public("/ready"), &[]).await.status, 503);
    let over = incoming(CALL).replace("ringing", "completed");
    assert_eq!(post(&running.public("/twilio/status"), &over, None).await.status, 204);
    running.announce(OTHER).await;
    running.stop().await;
}

#[actix_web::test]
async fn a_stopping_service_ends_its_calls_politely() {
    let running = start(&[]).await;
    let mut stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    let stopping = actix_rt::spawn(running.service.stop(Duration::ZERO));
    assert_eq!(stream.closed().await.0, CloseCode::Normal);
    stopping.await.expect("an orderly stop");
}
