//! Streams that break, never arrive, or arrive twice during a call, tested through the whole
//! service.

mod common;

use std::time::Duration;

use common::{ACCOUNT, FakeStream, PATIENCE, Running, get, incoming, post, silence, start, transcripts};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const CALL: &str = "CA00000000000000000000000000000001";
const OTHER: &str = "CA00000000000000000000000000000002";
const THIRD: &str = "CA00000000000000000000000000000003";
const REFUSED: &str = "We cannot take your call right now.";

#[actix_rt::test]
async fn a_stream_that_breaks_is_followed_by_another_and_the_call_goes_on() {
    let running = start(&[]).await;
    let mut stream = talking(&running).await;
    for round in 0..2 {
        drop(stream);
        if round == 0 {
            until_state(&running, "reconnecting").await;
        }
        // In the second round, the carrier asks before the service has noticed the loss.
        let document = after_stream(&running, CALL, "in-progress").await;
        assert!(document.contains("<Stream"), "{document}");
        let again = after_stream(&running, CALL, "in-progress").await;
        assert_eq!(token(&document), token(&again), "a question that is repeated");
        stream = FakeStream::start(&running.stream(), CALL, Some(&token(&document))).await;
        stream.hear("media").await;
        assert_eq!(running.calls().await.len(), 1);
    }
    stream.say(&json!({"event": "stop", "stop": {"callSid": CALL, "accountSid": ACCOUNT}})).await;
    running.until_calls(0).await;
    let records = records(&running, 1).await;
    assert_eq!((&records[0]["ending"]["reason"], &records[0]["ucid"]), (&json!("caller_hung_up"), &json!(CALL)));
    let metrics = get(&running.admin("/metrics"), &[]).await.text;
    assert!(metrics.contains("switchboard_line_breaks_total{result=\"back\"}"), "{metrics}");
    running.stop().await;
}

#[actix_rt::test]
async fn a_stream_that_nothing_follows_ends_the_call_in_time() {
    let running = start(&[("twilio.lost_socket", "1s")]).await;
    drop(talking(&running).await);
    running.until_calls(0).await;
    assert_eq!(records(&running, 1).await[0]["ending"]["reason"], "line_lost");
    let document = after_stream(&running, CALL, "in-progress").await;
    assert!(
        document.contains(REFUSED) && document.contains("<Hangup/>"),
        "too late, but not without a word: {document}"
    );
    running.stop().await;
}

#[actix_rt::test]
async fn a_caller_who_has_hung_up_is_not_waited_for() {
    let running = start(&[]).await;
    drop(talking(&running).await);
    until_state(&running, "reconnecting").await;
    assert!(!after_stream(&running, CALL, "completed").await.contains("<Stream"));
    running.until_calls(0).await;
    assert_eq!(records(&running, 1).await[0]["ending"]["reason"], "caller_hung_up");
    running.stop().await;
}

#[actix_rt::test]
async fn a_call_keeps_its_slot_while_its_line_is_gone_and_the_service_is_full() {
    let running = start(&[("server.max_calls", "1")]).await;
    drop(talking(&running).await);
    until_state(&running, "reconnecting").await;
    assert!(running.voice(OTHER).await.text.contains(REFUSED));
    let document = after_stream(&running, CALL, "in-progress").await;
    let mut stream = FakeStream::start(&running.stream(), CALL, Some(&token(&document))).await;
    stream.hear("media").await;
    running.stop().await;
}

#[actix_rt::test]
async fn a_stream_that_never_came_is_no_silence_for_the_caller() {
    let hindi = [("agents.default.languages", r#"["hi"]"#), ("server.max_calls", "1")];
    let running = start(&hindi).await;
    running.announce(CALL).await;
    let failed =
        format!("AccountSid={ACCOUNT}&CallSid={CALL}&StreamSid=MZ1&StreamEvent=stream-error&StreamError=31920");
    assert_eq!(post(&running.public("/twilio/stream-status"), &failed, None).await.status, 204);
    let document = after_stream(&running, CALL, "in-progress").await;
    assert!(document.contains("hi-IN") && document.contains("<Hangup/>"), "{document}");
    running.announce(OTHER).await;
    running.stop().await;
}

#[actix_rt::test]
async fn a_live_call_that_is_sent_here_again_goes_on_over_its_second_stream() {
    let running = start(&[]).await;
    let mut first = talking(&running).await;
    let again = voice(&running, CALL, "in-progress").await;
    assert_eq!(token(&again), token(&voice(&running, CALL, "in-progress").await), "a question that is repeated");
    first.say(&json!({"event": "stop", "stop": {"callSid": CALL, "accountSid": ACCOUNT}})).await;
    drop(first);
    let mut second = FakeStream::start(&running.stream(), CALL, Some(&token(&again))).await;
    second.hear("media").await;
    assert_eq!(running.calls().await.len(), 1);
    // In the second round, the end of the second stream comes last.
    let again = voice(&running, CALL, "in-progress").await;
    let mut third = FakeStream::start(&running.stream(), CALL, Some(&token(&again))).await;
    third.hear("media").await;
    drop(second);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(running.calls().await.len(), 1);
    assert_ne!(running.calls().await[0]["state"], "reconnecting");
    running.stop().await;
}

#[actix_rt::test]
async fn a_redirected_call_whose_stream_has_ended_first_is_taken_all_the_same() {
    let running = start(&[]).await;
    hang_up(&running, CALL, talking(&running).await).await;
    assert!(
        voice(&running, CALL, "ringing").await.contains("<Response><Hangup/>"),
        "its first webhook, which was kept"
    );
    let again = voice(&running, CALL, "in-progress").await;
    let mut stream = FakeStream::start(&running.stream(), CALL, Some(&token(&again))).await;
    stream.hear("media").await;
    hang_up(&running, CALL, stream).await;
    for status in ["ringing", "in-progress"] {
        assert!(voice(&running, CALL, status).await.contains("<Response><Hangup/>"), "{status}");
    }
    assert_eq!(records(&running, 2).await.len(), 2);
    running.stop().await;
}

#[actix_rt::test]
async fn a_call_that_is_over_begins_no_second_time() {
    let running = start(&[]).await;
    hang_up(&running, CALL, talking(&running).await).await;
    let status = format!("AccountSid={ACCOUNT}&CallSid={CALL}&CallStatus=completed");
    assert_eq!(post(&running.public("/twilio/status"), &status, None).await.status, 204);
    for status in ["ringing", "in-progress"] {
        let document = voice(&running, CALL, status).await;
        assert!(document.contains("<Response><Hangup/></Response>"), "{document}");
    }
    let list = get(&running.admin("/calls"), &[]).await.json();
    assert_eq!(list["active"], 0);
    running.stop().await;
}

#[actix_rt::test]
async fn status_callbacks_at_the_voice_url_take_no_slot() {
    let running = start(&[("server.max_calls", "2")]).await;
    hang_up(&running, CALL, talking(&running).await).await;
    let common =
        format!("AccountSid={ACCOUNT}&ApiVersion=2010-04-01&Direction=inbound&From=%2B15550100001&To=%2B15550100002");
    for (call, rest) in [
        (CALL, "CallStatus=completed&CallDuration=31&CallbackSource=call-progress-events&SequenceNumber=0"),
        (OTHER, "CallStatus=busy"),
        (OTHER, "CallStatus=failed"),
        (OTHER, "CallStatus=no-answer"),
        (OTHER, "CallStatus=canceled"),
        (OTHER, "CallStatus=ringing&CallbackSource=call-progress-events"),
        (OTHER, "RecordingSid=RE1&RecordingStatus=completed&RecordingUrl=x"),
        (OTHER, "AnsweredBy=machine_start&MachineDetectionDuration=3000"),
        (OTHER, "StreamSid=MZ1&StreamEvent=stream-stopped"),
    ] {
        let form = format!("{common}&CallSid={call}&{rest}");
        for _ in 0..2 {
            let answer = post(&running.public("/twilio/voice"), &form, None).await;
            assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{rest}");
        }
    }
    running.announce(THIRD).await;
    // The end of an announced call frees its place.
    let form = format!("{common}&CallSid={THIRD}&CallStatus=canceled");
    post(&running.public("/twilio/voice"), &form, None).await;
    running.announce("CA00000000000000000000000000000004").await;
    running.announce("CA00000000000000000000000000000005").await;
    running.stop().await;
}

#[actix_rt::test]
async fn callees_of_an_external_dialler_have_budgets_of_their_own() {
    let running = start(&[("spend.caller_hard", "0.01")]).await;
    for n in 1..=3 {
        let call = format!("CA0000000000000000000000000000001{n}");
        let form = format!(
            "AccountSid={ACCOUNT}&CallSid={call}&CallStatus=in-progress&Direction=outbound-api&From=%2B15550100002&To=%2B1555017700{n}"
        );
        let answer = post(&running.public("/twilio/voice"), &form, None).await;
        let mut stream = FakeStream::start(&running.stream(), &call, Some(&answer.token())).await;
        stream.hear("media").await;
        let shown = running.calls().await.remove(0);
        assert_eq!((&shown["direction"], &shown["to"]), (&json!("outbound"), &json!(format!("+1555017700{n}"))));
        hang_up(&running, &call, stream).await;
    }
    let machine = format!(
        "AccountSid={ACCOUNT}&CallSid={CALL}&CallStatus=in-progress&Direction=outbound-api&From=%2B15550100002&To=%2B15550177004&AnsweredBy=machine_start"
    );
    let answer = post(&running.public("/twilio/voice"), &machine, None).await;
    assert!(answer.text.contains("<Response><Hangup/>"), "outbound.voicemail: {}", answer.text);
    running.stop().await;
}

#[actix_rt::test]
async fn a_live_call_receives_the_answering_machine_detection() {
    for (path, voicemail, answered, ends) in [
        ("/twilio/status", "hang_up", "machine_start", true),
        ("/twilio/voice", "hang_up", "machine_end_beep", true),
        ("/twilio/status", "speak", "machine_end_beep", false),
        ("/twilio/status", "hang_up", "human", false),
    ] {
        let running = start(&[("outbound.voicemail", voicemail)]).await;
        let mut stream = talking(&running).await;
        let form = format!("AccountSid={ACCOUNT}&CallSid={CALL}&AnsweredBy={answered}&MachineDetectionDuration=3000");
        assert_eq!(post(&running.public(path), &form, None).await.status, 204);
        let word = if answered == "human" { "human" } else { "machine" };
        if ends {
            stream.closed().await;
            let document = after_stream(&running, CALL, "in-progress").await;
            assert!(document.contains("<Response><Hangup/>"), "{path}: {document}");
        } else {
            let shown = get(&running.admin(&format!("/calls/{CALL}")), &[]).await.json();
            assert_eq!(shown["answered_by"], word, "{shown}");
            hang_up(&running, CALL, stream).await;
        }
        let record = records(&running, 1).await.remove(0);
        assert_eq!(record["answered_by"], word);
        assert_eq!(record["ending"]["reason"] == "answering_machine", ends, "{voicemail}, {answered}: {record}");
        running.stop().await;
    }
}

#[actix_rt::test]
async fn a_socket_whose_request_came_without_its_upgrade_leaves_a_trace() {
    let running = start(&[]).await;
    let address = running.service.public_url().socket_addrs(|| None).expect("an address")[0];
    for path in ["/ws", "/waybeo/ws"] {
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        let status = if path == "/ws" { " 400 " } else { " 404 " };
        assert!(answer.lines().next().is_some_and(|line| line.contains(status)), "{answer}");
    }
    let metrics = get(&running.admin("/metrics"), &[]).await.text;
    assert!(metrics.contains("switchboard_calls_refused_total{reason=\"no_upgrade\"}"), "{metrics}");
    running.stop().await;
}

#[actix_rt::test]
async fn a_caller_without_a_number_is_put_through_under_ours_and_any_key_takes_the_call() {
    for (from, shown) in [
        ("client%3Aalice", Some("+15550100002")),
        ("sip%3Abob%40pbx.example.com", Some("+15550100002")),
        ("%2B266696687", Some("+15550100002")),
        ("%2B15550100001", None),
    ] {
        let whisper = ("transfers.desk.whisper", "A caller: {reason}. Press any key to take the call.");
        let running = start(&[
            ("transfers.desk.number", "+14155550100"),
            whisper,
            ("agents.default.keypad", r#"{ "1" = "transfer desk" }"#),
            ("agents.default.languages", r#"["hi"]"#),
            ("limits.goodbye", "1s"),
        ])
        .await;
        let form = incoming(CALL).replace("%2B15550100001", from);
        let token = post(&running.public("/twilio/voice"), &form, None).await.token();
        let mut stream = FakeStream::start(&running.stream(), CALL, Some(&token)).await;
        let mark = stream.hear("mark").await;
        stream.say(&mark).await;
        sleep(Duration::from_millis(500)).await;
        let key = json!({"event": "dtmf", "streamSid": "x", "dtmf": {"track": "inbound_track", "digit": "1"}});
        stream.say(&key).await;
        stream.closed().await;
        let document = after_stream(&running, CALL, "in-progress").await;
        assert!(document.contains("<Dial"), "{document}");
        let found = document.split_once("callerId=\"").map(|(_, rest)| rest.split('"').next().expect("a quote"));
        assert_eq!(found, shown, "{from}");
        let form = format!("AccountSid={ACCOUNT}&CallSid=CA9&ParentCallSid={CALL}&CallStatus=in-progress");
        let briefed = post(&running.public("/twilio/whisper?destination=desk"), &form, None).await.text;
        assert!(briefed.contains("finishOnKey=\"\"") && briefed.contains("<Say language=\"hi-IN\">"), "{briefed}");
        let taken = post(&running.public("/twilio/whisper-taken"), &format!("{form}&Digits=%23"), None).await.text;
        assert!(!taken.contains("Hangup"), "{taken}");
        running.stop().await;
    }
}

/// Starts a call in which the greeting is playing.
async fn talking(running: &Running) -> FakeStream {
    let token = running.announce(CALL).await;
    let mut stream = FakeStream::start(&running.stream(), CALL, Some(&token)).await;
    stream.hear("media").await;
    stream.say(&silence(CALL, 1)).await;
    stream
}

async fn hang_up(running: &Running, call: &str, mut stream: FakeStream) {
    stream.say(&json!({"event": "stop", "stop": {"callSid": call, "accountSid": ACCOUNT}})).await;
    drop(stream);
    running.until_calls(0).await;
}

async fn voice(running: &Running, call: &str, status: &str) -> String {
    let form = incoming(call).replace("ringing", status);
    post(&running.public("/twilio/voice"), &form, None).await.text
}

async fn after_stream(running: &Running, call: &str, status: &str) -> String {
    let form = incoming(call).replace("ringing", status);
    post(&running.public("/twilio/after-stream"), &form, None).await.text
}

fn token(document: &str) -> String {
    let (_, rest) = document.split_once("name=\"token\" value=\"").unwrap_or_else(|| panic!("{document}"));
    rest.split('"').next().expect("a quote").to_owned()
}

async fn until_state(running: &Running, state: &str) {
    let waiting = async {
        while running.calls().await.first().is_none_or(|call| call["state"] != state) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "the call should be {state}");
}

/// Waits for this number of transcripts.
async fn records(running: &Running, number: usize) -> Vec<Value> {
    let waiting = async {
        loop {
            let found = transcripts(running.records.path(), "");
            if found.len() >= number {
                return found;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("records")
}
