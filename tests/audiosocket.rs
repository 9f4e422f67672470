//! Callers over AudioSocket against the whole service: the permit, the packets, the silence that keeps
//! the line, and what the dialplan is told after the stream.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{PATIENCE, Running, get, post, start_with, transcripts};
use serde_json::{Value, json};
use switchboard::tools::phone::{Handset, PhoneOptions, Target, place_call};
use switchboard_actors::carrier::audiosocket;
use switchboard_actors::ids::Private;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const TOKEN: &str = "a-stream-token-of-some-length";

#[actix_rt::test]
async fn a_caller_is_greeted_and_answered() {
    let service = service().await;
    let call = "1700000000.10";
    let at = format!("{}#{}", service.public("/"), service.packets());
    let options = PhoneOptions {
        carrier: audiosocket::CARRIER,
        speech: common::voice(180.0, 1_500).into(),
        call_sid: Some(call.to_owned()),
        auth_token: Some(Private::new(TOKEN.to_owned())),
        dtmf: vec![(Duration::from_millis(300), '5')],
        answer_pause: Duration::from_secs(2),
        longest: Duration::from_secs(40),
        ..PhoneOptions::new(Target::Webhook(at.parse().expect("a URL")))
    };
    let summary = place_call(options, Handset::new().0).await.summary;
    assert_eq!(summary.failures, [] as [String; 0]);
    // A thread that was held up sends at once what is due by then.
    let others: Vec<_> =
        summary.warnings.iter().filter(|warning| !warning.text.contains("ahead of real time")).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(summary.heard_seconds > 1.5, "{}", summary.heard_seconds);
    let record = service.record(call).await;
    assert_eq!((&record["carrier"], &record["ending"]["reason"]), (&json!("audiosocket"), &json!("caller_hung_up")));
    assert_eq!((&record["from"], &record["to"]), (&json!("+15550100001"), &json!("+15550100002")));
    assert!(!record.to_string().contains(TOKEN), "the token stands in no record");
    service.stop().await;
}

#[actix_rt::test]
async fn a_permit_is_good_once_and_strangers_get_none() {
    let service = service().await;
    for query in ["", "?token=", "?token=a-stream-token-of-some-lengti"] {
        let answer = post(&service.public(&format!("/audiosocket/answer{query}")), "call=c1&from=1", None).await;
        assert_eq!(answer.status, 403, "{query}");
    }
    let guessed = "40325ec2-5efd-4bd3-805f-53576e581d13".to_owned();
    assert!(Line::open(&service, &guessed).await.ends().await, "nobody has given this one out");
    assert!(service.calls().await.is_empty());

    let permit = service.permit("1.1").await;
    let mut line = Line::open(&service, &permit).await;
    line.hear(0x10).await;
    assert!(Line::open(&service, &permit).await.ends().await, "it is used up");
    assert_eq!(service.calls().await.len(), 1);
    drop(line);
    service.until_calls(0).await;
    assert_eq!(service.record("1.1").await["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn a_caller_is_put_through_by_the_dialplan_and_comes_back_when_nobody_answers() {
    let service = service().await;
    let call = "1.2";
    let ask = |path: &str, more: &str| service.public(&format!("/audiosocket/{path}?token={TOKEN}&call={call}{more}"));
    let mut line = Line::open(&service, &service.permit(call).await).await;
    // It is greeted, and then the line is kept open.
    line.hear(0x10).await;
    let order = async {
        let url = service.admin(&format!("/calls/{call}/transfer"));
        while common::post_body(&url, "application/json", r#"{"destination":"sales"}"#, &[]).await.status != 202 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, order).await.expect("the transfer is accepted");
    assert!(line.ends().await);
    let told = get(&ask("after-stream", ""), &[]).await;
    assert_eq!((told.status, told.text.as_str()), (200, "PJSIP/+14155550100@trunk"));
    let again = get(&ask("dial-result", "&status=NOANSWER"), &[]).await;
    assert_eq!(again.status, 200);
    let mut back = Line::open(&service, &again.text).await;
    back.hear(0x10).await;
    assert_eq!(service.calls().await.len(), 1, "it is the same call");
    drop(back);
    service.until_calls(0).await;
    assert_eq!(service.record(call).await["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn a_connection_that_is_reset_is_a_hang_up_as_any_other() {
    let service = service().await;
    let mut line = Line::open(&service, &service.permit("1.3").await).await;
    line.hear(0x10).await;
    // The caller has hung up while audio of ours was on the way.
    line.0.set_zero_linger().expect("an option");
    drop(line);
    service.until_calls(0).await;
    assert_eq!(service.record("1.3").await["ending"]["reason"], "caller_hung_up");
    service.stop().await;
}

#[actix_rt::test]
async fn a_session_waits_for_calls_on_the_threads_of_this_listener_too() {
    let service = service_with(&[("realtime.warm_sessions", "1"), ("server.workers", "1")]).await;
    let opened = "switchboard_model_warm_total{what=\"opened\"}";
    let taken = "switchboard_model_warm_total{what=\"taken\"}";
    let counted = async |series: &str| common::counted(&get(&service.admin("/metrics"), &[]).await.text, series);
    let both = async {
        // One for each thread on which calls run.
        while counted(opened).await < 2.0 {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, both).await.expect("both threads keep a session");
    let mut line = Line::open(&service, &service.permit("1.4").await).await;
    line.hear(0x10).await;
    assert!(counted(taken).await >= 1.0, "the call has taken it");
    drop(line);
    service.until_calls(0).await;
    service.stop().await;
}

/// A service for AudioSocket with a token, on loopback.
async fn service() -> Running {
    service_with(&[]).await
}

async fn service_with(more: &[(&str, &str)]) -> Running {
    let mut settings = vec![
        ("twilio.verify", "off"),
        ("audiosocket.enabled", "true"),
        ("audiosocket.bind", "127.0.0.1:0"),
        ("limits.goodbye", "1s"),
        ("transfers.sales.number", "+14155550100"),
        ("transfers.sales.announce", "One moment."),
    ];
    settings.extend_from_slice(more);
    start_with(&[("ASTERISK_STREAM_TOKEN", TOKEN)], &settings).await
}

/// A connection of the PBX.
struct Line(TcpStream);

impl Line {
    /// Connects and shows a permit.
    async fn open(service: &Running, permit: &str) -> Self {
        let mut connection = TcpStream::connect(service.packets()).await.expect("it listens");
        let mut packet = vec![0x01, 0, 16];
        let hex = permit.replace('-', "");
        packet.extend((0..16).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).expect("a UUID")));
        connection.write_all(&packet).await.expect("it is read");
        Self(connection)
    }

    /// The next packet; `None` at the end of the connection.
    async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let reading = async {
            let mut head = [0; 3];
            self.0.read_exact(&mut head).await.ok()?;
            let mut payload = vec![0; usize::from(u16::from_be_bytes([head[1], head[2]]))];
            self.0.read_exact(&mut payload).await.ok()?;
            Some((head[0], payload))
        };
        timeout(PATIENCE, reading).await.expect("a packet, or the end")
    }

    /// Reads until a packet of this kind comes, and returns its payload.
    async fn hear(&mut self, kind: u8) -> Vec<u8> {
        loop {
            let (found, payload) = self.next().await.expect("the connection is open");
            if found == kind {
                return payload;
            }
        }
    }

    /// Reads until the service ends the connection. All packets are audio of 20 ms but the last,
    /// which is the end.
    async fn ends(mut self) -> bool {
        while let Some((kind, payload)) = self.next().await {
            assert!(kind == 0x00 && payload.is_empty() || kind == 0x10 && payload.len() == 320, "{kind}");
        }
        true
    }
}

/// Helpers for these tests.
trait Pbx {
    /// Where the packets go.
    fn packets(&self) -> SocketAddr;
    /// A permit for a call.
    async fn permit(&self, call: &str) -> String;
    /// The one record of a call.
    async fn record(&self, call: &str) -> Value;
}

impl Pbx for Running {
    fn packets(&self) -> SocketAddr {
        self.service.packet_addr(audiosocket::CARRIER).expect("it listens")
    }

    async fn permit(&self, call: &str) -> String {
        let form = format!("call={call}&from=09876543210&to=100");
        let answer = post(&self.public(&format!("/audiosocket/answer?token={TOKEN}")), &form, None).await;
        assert_eq!((answer.status, answer.text.len()), (200, 36), "{}", answer.text);
        answer.text
    }

    async fn record(&self, call: &str) -> Value {
        // The dot of an id is no part of a file's name.
        let of_call = || transcripts(self.records.path(), "").into_iter().filter(|it| it["ucid"] == call);
        let waiting = async {
            loop {
                if let Some(found) = of_call().next() {
                    return found;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let found = timeout(PATIENCE, waiting).await.expect("a record");
        assert_eq!(of_call().count(), 1, "one record of {call}");
        found
    }
}
