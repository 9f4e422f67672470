//! Tests the RealtimeLlm through its mailbox, against a local server that the test plays.

mod closing;
mod gemini;
mod kept;
mod losses;
mod peer;
mod rig;

use actix_http::ws::{self, Item, Message as WsMessage};
use futures_util::SinkExt as _;
use peer::{Peer, header, listen};
use rig::{Output, Rig, at, endpoint, plan, soon};
use serde_json::{Value, json};
use switchboard_actors::frame::Frame;
use switchboard_actors::ids::Private;
use switchboard_actors::incident::{Incident, IncidentKind};
use switchboard_actors::line::messages::ModelBound;
use switchboard_actors::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest};
use switchboard_actors::realtime::plan::{Credential, Endpoint};
use switchboard_actors::realtime::report::{LossClass, ModelReport};
use tokio::io::AsyncReadExt as _;

fn greet() -> ModelOrder {
    ModelOrder::Speak(ResponseRequest { purpose: ResponsePurpose::Greeting, instructions: None })
}

fn delta(bytes: &[u8]) -> Value {
    json!({"type": "response.output_audio.delta", "response_id": "resp_1", "item_id": "item_1",
        "delta": base64_simd::STANDARD.encode_to_string(bytes)})
}

#[actix::test]
async fn the_upgrade_carries_model_key_and_identifier_and_no_beta() {
    let (listener, port) = listen().await;
    let _rig = Rig::start(plan(port));
    let request = Peer::accept(&listener).await.request;
    assert!(request.starts_with("GET /v1/realtime?model=gpt-realtime-2.1 HTTP/1.1\r\n"), "{request}");
    assert_eq!(header(&request, "authorization"), Some("Bearer sk-test"));
    assert_eq!(header(&request, "openai-safety-identifier"), Some("hashed-caller"));
    assert_eq!(header(&request, "openai-beta"), None);
    assert_eq!(header(&request, "sec-websocket-extensions"), None);

    let credential = Credential::ApiKey(Private::new("azure-key".to_owned()));
    let _rig = Rig::start(at(Endpoint { credential, ..endpoint(port) }));
    let request = Peer::accept(&listener).await.request;
    assert_eq!(header(&request, "api-key"), Some("azure-key"));
    assert_eq!(header(&request, "authorization"), None);
}

#[actix::test]
async fn a_session_is_set_up_in_order_and_then_carries_audio_both_ways() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    rig.llm.do_send(greet());
    let mut peer = Peer::accept(&listener).await;
    rig.llm.do_send(ModelBound(Frame::copy_of(&[9; 960])));
    assert!(peer.heard_nothing().await, "nothing before session.created");
    peer.say(&json!({"type": "session.created", "session": {"id": "sess_1"}})).await;
    assert_eq!(peer.hear().await["type"], "session.update");
    rig.llm.do_send(ModelBound(Frame::copy_of(&[9; 960])));
    assert!(peer.heard_nothing().await, "nothing but the update before session.updated");

    // As large as long instructions and many tools make it: larger than awc's own limit of 64 KiB.
    let instructions = "x".repeat(200_000);
    peer.say(&json!({"type": "session.updated", "session": {"id": "sess_1", "instructions": instructions,
        "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}}))
        .await;
    let lost = Incident::new(IncidentKind::AudioDropped, "in: model_not_ready");
    assert_eq!(rig.report().await, ModelReport::Incident(lost), "once, of the frames before");
    assert!(matches!(rig.report().await, ModelReport::Ready { session, .. } if session == "sess_1"));
    assert_eq!(peer.hear().await["type"], "response.create", "the order that was held");

    rig.llm.do_send(ModelBound(Frame::copy_of(&[1, 2, 3])));
    let append = peer.hear().await;
    assert_eq!((&append["type"], &append["audio"]), (&json!("input_audio_buffer.append"), &json!("AQID")));
    assert!(append["event_id"].is_string());
    peer.say(&delta(&[4, 5])).await;
    assert!(matches!(rig.audio().await, Output::Audio(audio) if audio == [4, 5]));
}

#[actix::test]
async fn a_wss_endpoint_is_dialled_with_tls_and_http_1_alone() {
    let (listener, port) = listen().await;
    let url = format!("wss://localhost:{port}/v1/realtime");
    let mut rig = Rig::start(at(Endpoint { url, ..endpoint(port) }));
    let (mut stream, _) = soon(listener.accept()).await.expect("a connection");
    let mut head = [0; 5];
    soon(stream.read_exact(&mut head)).await.expect("a TLS record");
    assert_eq!(head[0], 22, "a handshake");
    let mut hello = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    soon(stream.read_exact(&mut hello)).await.expect("a hello");
    let offers = |protocol: &[u8]| hello.windows(protocol.len()).any(|window| window == protocol);
    assert!(offers(b"\x00\x09\x08http/1.1"), "as the only protocol");
    assert!(offers(b"localhost"), "by its name");
    drop(stream);
    assert_eq!(rig.loss().await.class, LossClass::Retryable);
}

#[actix::test]
async fn a_ping_is_answered_with_its_payload() {
    let (listener, port) = listen().await;
    let _rig = Rig::start(plan(port));
    let mut peer = Peer::accept(&listener).await;
    peer.send(WsMessage::Ping("1234".into())).await;
    assert_eq!(peer.frame().await, Some(ws::Frame::Pong("1234".into())));
}

#[actix::test]
async fn a_fragmented_message_is_one_message() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    let bytes = vec![7; 90_000];
    let text = delta(&bytes).to_string();
    let (first, rest) = text.split_at(10);
    let (second, third) = rest.split_at(60_000);
    peer.send(WsMessage::Continuation(Item::FirstText(first.to_owned().into()))).await;
    peer.send(WsMessage::Continuation(Item::Continue(second.to_owned().into()))).await;
    peer.send(WsMessage::Ping("between".into())).await;
    peer.send(WsMessage::Continuation(Item::Last(third.to_owned().into()))).await;
    assert!(matches!(rig.audio().await, Output::Audio(audio) if audio == bytes));
}

#[actix::test]
async fn a_burst_of_thirty_seconds_arrives_whole_and_in_order() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    // 300 deltas of 100 ms are written as fast as possible. The neighbour's mailbox accepts
    // sixteen.
    for number in 0..300_u32 {
        // Loud: a silent answer is reported as missed.
        let mut piece = vec![0x30; 4_800];
        piece[..4].copy_from_slice(&number.to_le_bytes());
        peer.socket.feed(WsMessage::Text(delta(&piece).to_string().into())).await.expect("fed");
    }
    peer.say(&json!({"type": "response.output_audio.done", "response_id": "resp_1", "item_id": "item_1"})).await;
    let mut heard = Vec::new();
    let complete = loop {
        match rig.audio().await {
            Output::Audio(audio) => heard.extend(audio),
            Output::Complete(item) => break item,
            // The item's place in the conversation.
            Output::Words => {}
            other @ (Output::Report(_) | Output::Lost) => panic!("no audio: {other:?}"),
        }
    };
    assert_eq!(complete, "item_1");
    assert_eq!(heard.len(), 300 * 4_800);
    let order: Vec<u32> =
        heard.chunks(4_800).map(|piece| u32::from_le_bytes(piece[..4].try_into().expect("four bytes"))).collect();
    assert_eq!(order, (0..300).collect::<Vec<_>>());
}

#[actix::test]
async fn garbage_of_every_kind_is_survived() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    peer.send(WsMessage::Binary(vec![0xff; 100].into())).await;
    peer.send(WsMessage::Text("{\"type\":\"response.done\"".into())).await;
    peer.say(&json!({"type": "something.new", "deep": [[[[{}]]]]})).await;
    for _ in 0..2 {
        assert!(matches!(rig.report().await, ModelReport::Complained { code, .. } if code == "unreadable_event"));
    }
    peer.say(&delta(&[1])).await;
    assert!(matches!(rig.audio().await, Output::Audio(_)));
}
