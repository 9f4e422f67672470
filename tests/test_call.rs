//! A test call from the console: a call like any other, on the operators' listener.

mod common;

use std::time::Duration;

use actix_codec::Framed;
use awc::BoxedSocket;
use awc::ws::{CloseCode, Codec, Frame, Message};
use common::{PATIENCE, Running, get, start, start_with, transcript};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::time::timeout;

#[actix_web::test]
async fn an_operator_talks_to_an_agent_and_the_call_has_a_record() {
    let running = start(&[]).await;
    let mut phone = Phone::open(&running, None).await.expect("an upgrade");
    phone.say(&json!({ "agent": "default", "language": "en", "variables": { "name": "Asha" } })).await;
    // Half a second of a greeting of some 1.3 s.
    phone.listen(25, true).await;
    let call = running.calls().await.remove(0);
    assert_eq!(
        (&call["carrier"], &call["agent"], &call["from"]),
        (&json!("browser"), &json!("default"), &json!("local"))
    );
    let id = call["carrier_call_id"].as_str().expect("an id").to_owned();
    phone.hang_up().await;
    running.until_calls(0).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    let record = transcript(records.path(), &id);
    assert_eq!((&record["carrier"], &record["ending"]["by"]), (&json!("browser"), &json!("caller")), "{record}");
    assert_eq!(record["carrier_parameters"]["name"], "Asha");
    let (text, said) = (&record["conversation"][0]["text"], &record["conversation"][0]["heard"]);
    let (text, said) = (text.as_str().expect("words"), said.as_str().expect("words"));
    assert!(
        !said.is_empty() && text.starts_with(said) && said.len() < text.len(),
        "a part was heard: {said:?} of {text:?}"
    );
}

#[actix_web::test]
async fn a_phone_that_reports_nothing_is_taken_to_play_what_it_gets() {
    let running = start(&[]).await;
    let mut phone = Phone::open(&running, None).await.expect("an upgrade");
    phone.say(&json!({ "agent": "default", "variables": {} })).await;
    phone.listen(25, false).await;
    let id = running.calls().await[0]["carrier_call_id"].as_str().expect("an id").to_owned();
    phone.hang_up().await;
    running.until_calls(0).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    assert!(
        transcript(records.path(), &id)["conversation"][0]["heard"].as_str().is_some_and(|heard| !heard.is_empty())
    );
}

#[actix_web::test]
async fn an_agent_that_is_not_there_is_said_so() {
    let running = start(&[]).await;
    for first in [json!({ "agent": "nobody" }), json!({ "agent": "default", "language": "xx" })] {
        let mut phone = Phone::open(&running, None).await.expect("an upgrade");
        phone.say(&first).await;
        let (code, reason) = phone.closed().await;
        assert!(reason.contains("no agent of this name") && code == CloseCode::Policy, "{code:?} {reason}");
    }
    assert_eq!(get(&running.admin("/calls"), &[]).await.json()["active"], 0);
    running.stop().await;
}

/// Tokens of every role, by name.
const TOKENS: &str = r#"[{ name = "wall", role = "viewer", token_env = "T_WALL" }, { name = "asha", role = "operator", token_env = "T_ASHA" }, { name = "root", role = "admin", token_env = "T_ROOT" }]"#;
const VALUES: [(&str, &str); 3] =
    [("T_WALL", "wall-0123456789abcdef"), ("T_ASHA", "asha-0123456789abcdef"), ("T_ROOT", "root-0123456789abcdef")];

#[actix_web::test]
async fn a_test_call_takes_an_operator_and_no_foreign_page() {
    let running = start_with(&VALUES, &[("admin.tokens", TOKENS), ("twilio.verify", "off")]).await;
    let status = async |headers: &[(&str, &str)]| Phone::open(&running, Some(headers)).await.err();
    assert_eq!(status(&[]).await, Some(401));
    assert_eq!(status(&[("Authorization", "Bearer wall-0123456789abcdef")]).await, Some(403));
    let asha = ("Authorization", "Bearer asha-0123456789abcdef");
    assert_eq!(status(&[asha, ("Origin", "https://attacker.example")]).await, Some(403));
    let mut phone = Phone::open(&running, Some(&[asha])).await.expect("an upgrade");
    phone.say(&json!({ "agent": "default" })).await;
    phone.listen(5, true).await;
    let root = [("Authorization", "Bearer root-0123456789abcdef")];
    let call = get(&running.admin("/calls"), &root).await.json()["calls"][0].clone();
    assert_eq!(call["from"], "asha");
    let audit = get(&running.admin("/audit"), &root).await.json();
    let acts: Vec<_> =
        audit["entries"].as_array().expect("entries").iter().filter(|act| act["act"] == "test_call").collect();
    assert_eq!((&acts[0]["who"], &acts[0]["result"]), (&json!("asha"), &json!(101)));
    phone.hang_up().await;
    running.stop().await;
}

/// A browser that does only what the test tells it to do.
struct Phone {
    socket: Framed<BoxedSocket, Codec>,
}

impl Phone {
    /// Opens the socket, or returns the status of the refusal.
    async fn open(running: &Running, headers: Option<&[(&str, &str)]>) -> Result<Self, u16> {
        let url = running.admin("/test-call").replacen("http", "ws", 1);
        let mut request = awc::Client::new().ws(url);
        for (name, value) in headers.unwrap_or_default() {
            request = request.set_header(*name, *value);
        }
        match request.connect().await {
            Ok((_, socket)) => Ok(Self { socket }),
            Err(awc::error::WsClientError::InvalidResponseStatus(status)) => Err(status.as_u16()),
            Err(problem) => panic!("{problem}"),
        }
    }

    async fn say(&mut self, message: &Value) {
        self.socket.send(Message::Text(message.to_string().into())).await.expect("an open socket");
    }

    /// Speaks silence and listens until this many messages of audio have come; reports what is played
    /// if it is to.
    async fn listen(&mut self, messages: usize, reports: bool) {
        let listening = async {
            let mut heard = 0;
            while heard < messages {
                match timeout(Duration::from_millis(20), self.socket.next()).await {
                    Err(_) => {
                        let silence = Message::Binary(vec![0xFF; 160].into());
                        self.socket.send(silence).await.expect("an open socket");
                    }
                    Ok(Some(Ok(Frame::Binary(bytes)))) => {
                        assert_eq!(bytes.len(), 160);
                        heard += 1;
                    }
                    Ok(Some(Ok(Frame::Text(text)))) => {
                        let order: Value = serde_json::from_slice(&text).expect("JSON");
                        if let Some(mark) = order["mark"].as_str().filter(|_| reports) {
                            self.say(&json!({ "played": mark })).await;
                        }
                    }
                    Ok(Some(Ok(_))) => {}
                    Ok(other) => panic!("the socket ended: {other:?}"),
                }
            }
        };
        timeout(PATIENCE, listening).await.expect("so much audio");
    }

    async fn hang_up(mut self) {
        let _ = self.socket.send(Message::Close(Some(CloseCode::Normal.into()))).await;
        let _ = timeout(PATIENCE, async { while let Some(Ok(_)) = self.socket.next().await {} }).await;
    }

    async fn closed(&mut self) -> (CloseCode, String) {
        let reading = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Frame::Close(Some(reason)))) => {
                        return (reason.code, reason.description.unwrap_or_default());
                    }
                    Some(Ok(_)) => {}
                    other => panic!("the socket ended without a close frame: {other:?}"),
                }
            }
        };
        timeout(PATIENCE, reading).await.expect("the service closes the socket")
    }
}
