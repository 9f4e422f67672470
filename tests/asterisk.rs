//! An Asterisk's callers against the whole service: its channel driver in both forms of its texts,
//! the token, and what its dialplan is told after the stream.

mod common;

use std::time::Duration;

use awc::ws::Message;
use common::{FakeStream, PATIENCE, Running, get, start_with, transcripts};
use serde_json::{Value, json};
use switchboard::tools::phone::{Handset, PhoneOptions, Target, place_call};
use switchboard_actors::carrier::asterisk;
use switchboard_actors::ids::Private;
use tokio::time::{sleep, timeout};

const TOKEN: &str = "a-stream-token-of-some-length";

#[actix_rt::test]
async fn a_caller_is_greeted_and_answered_in_both_forms_of_the_driver() {
    let service = service().await;
    // The last digit decides the form.
    for call in ["1700000000.10", "1700000000.11"] {
        let options = PhoneOptions {
            carrier: asterisk::CARRIER,
            speech: common::voice(180.0, 1_500).into(),
            call_sid: Some(call.to_owned()),
            auth_token: Some(Private::new(TOKEN.to_owned())),
            dtmf: vec![(Duration::from_millis(300), '5')],
            answer_pause: Duration::from_secs(2),
            longest: Duration::from_secs(40),
            ..PhoneOptions::new(Target::Stream(service.public("/").parse().expect("a URL")))
        };
        let summary = place_call(options, Handset::new().0).await.summary;
        assert_eq!((&summary.failures, &summary.warnings), (&vec![], &vec![]));
        assert!(summary.heard_seconds > 1.5, "{}", summary.heard_seconds);
        assert!(summary.marks_echoed > 0);
        let record = service.record(call).await;
        assert_eq!((&record["carrier"], &record["ending"]["reason"]), (&json!("asterisk"), &json!("caller_hung_up")));
        assert_eq!((&record["from"], &record["to"]), (&json!("+15550100001"), &json!("+15550100002")));
        assert!(!record.to_string().contains(TOKEN), "the token stands in no record");
    }
    service.stop().await;
}

#[actix_rt::test]
async fn strangers_get_no_stream_and_no_dial_string() {
    let service = service().await;
    for query in ["", "?token=", "?token=a-stream-token-of-some-lengti", "?call=c1"] {
        let url = service.public(&format!("/asterisk/ws{query}")).replacen("http", "ws", 1);
        assert!(FakeStream::try_open(&url, None).await.is_err(), "{query}");
        for path in ["after-stream", "dial-result", "status"] {
            let answer = get(&service.public(&format!("/asterisk/{path}{query}")), &[]).await;
            assert_eq!(answer.status, 403, "{path}{query}");
        }
    }
    assert!(service.calls().await.is_empty());
    service.stop().await;
}

#[actix_rt::test]
async fn a_caller_is_put_through_by_the_dialplan_and_comes_back_when_nobody_answers() {
    let service = service().await;
    for (call, status, returns) in [("1.1", "NOANSWER", true), ("1.2", "ANSWER", false)] {
        let mut stream = service.channel(call).await;
        let ask = |path: &str, more: &str| service.public(&format!("/asterisk/{path}?token={TOKEN}&call={call}{more}"));
        let order = async {
            let url = service.admin(&format!("/calls/{call}/transfer"));
            while common::post_body(&url, "application/json", r#"{"destination":"sales"}"#, &[]).await.status != 202 {
                sleep(Duration::from_millis(100)).await;
            }
        };
        timeout(PATIENCE, order).await.expect("the transfer is accepted");
        stream.play_out().await;
        let told = get(&ask("after-stream", ""), &[]).await;
        assert_eq!((told.status, told.text.as_str()), (200, "PJSIP/+14155550100@trunk"));
        let result = get(&ask("dial-result", &format!("&status={status}")), &[]).await;
        assert_eq!((result.status / 100, result.text.as_str()), (2, if returns { "agent" } else { "" }));
        if returns {
            let mut back = service.channel(call).await;
            assert_eq!(service.calls().await.len(), 1, "it is the same call");
            assert!(!back.play_until_mark().await.is_empty(), "the agent is back");
            // A caller who hangs up; no message says so.
            back.send(Message::Close(None)).await;
        }
        service.until_calls(0).await;
        let expected = if returns { "caller_hung_up" } else { "transferred" };
        assert_eq!(service.record(call).await["ending"]["reason"], expected);
    }
    let unknown = get(&service.public(&format!("/asterisk/after-stream?token={TOKEN}&call=c9")), &[]).await;
    assert_eq!((unknown.status / 100, unknown.text.as_str()), (2, ""));
    service.stop().await;
}

/// A service for Asterisk with a token, on loopback.
async fn service() -> Running {
    let settings = [
        ("twilio.verify", "off"),
        ("asterisk.enabled", "true"),
        ("limits.goodbye", "1s"),
        ("transfers.sales.number", "+14155550100"),
        ("transfers.sales.announce", "One moment."),
    ];
    start_with(&[("ASTERISK_STREAM_TOKEN", TOKEN)], &settings).await
}

/// A channel that plays what comes.
trait Plays {
    /// Processes marks until the service closes the stream.
    async fn play_out(&mut self);
    /// The name of the first mark, which is processed.
    async fn play_until_mark(&mut self) -> String;
}

impl Plays for FakeStream {
    async fn play_out(&mut self) {
        while !self.play_until_mark().await.is_empty() {}
    }

    async fn play_until_mark(&mut self) -> String {
        while let Ok(Some(message)) = timeout(PATIENCE, self.next_text()).await {
            if message["command"] == "MARK_MEDIA" {
                let name = &message["correlation_id"];
                let echo = json!({"event": "MEDIA_MARK_PROCESSED", "channel_id": "1.9", "correlation_id": name});
                self.say(&echo).await;
                return name.as_str().expect("a name").to_owned();
            }
        }
        String::new()
    }
}

/// Helpers for these tests.
trait Pbx {
    /// A started stream of a call. The channel's own id is another.
    async fn channel(&self, call: &str) -> FakeStream;
    /// The one record of a call.
    async fn record(&self, call: &str) -> Value;
}

impl Pbx for Running {
    async fn channel(&self, call: &str) -> FakeStream {
        let url = format!("/asterisk/ws?token={TOKEN}&call={call}&from=09876543210&to=100");
        let mut stream = FakeStream::open(&self.public(&url).replacen("http", "ws", 1)).await;
        let start = json!({
            "event": "MEDIA_START", "connection_id": "switchboard", "channel": "WebSocket/switchboard/0x7f",
            "channel_id": "1.9", "format": "ulaw", "optimal_frame_size": 160, "ptime": 20, "channel_variables": {},
        });
        stream.say(&start).await;
        stream
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
