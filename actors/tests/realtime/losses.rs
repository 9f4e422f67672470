//! Sessions that are lost or never begin: how the loss is classified, and when it is reported.

use actix_http::ws::{self, CloseCode, CloseReason, Message as WsMessage};
use serde_json::json;
use switchboard_actors::realtime::report::LossClass;
use tokio::io::AsyncWriteExt as _;

use crate::peer::{Peer, listen, read_request};
use crate::rig::{Rig, plan};

#[actix::test]
async fn closes_are_classified_by_their_words() {
    for (code, words, class) in [
        (3000, "invalid_request_error.invalid_api_key", LossClass::Fatal),
        (4000, "invalid_request_error.invalid_model", LossClass::Fatal),
        (4004, "invalid_request_error.model_not_found", LossClass::Fatal),
        (1013, "insufficient_quota.credit_balance_exhausted", LossClass::Fatal),
        (1013, "busy", LossClass::Retryable),
        (1001, "going away", LossClass::Retryable),
    ] {
        let (listener, port) = listen().await;
        let mut rig = Rig::start(plan(port));
        let mut peer = Peer::accept(&listener).await;
        let reason = CloseReason { code: CloseCode::from(code), description: Some(words.to_owned()) };
        peer.send(WsMessage::Close(Some(reason))).await;
        let loss = rig.loss().await;
        assert_eq!(loss.class, class, "{loss:?}");
        assert!(loss.reason.contains(words) && loss.reason.contains(&code.to_string()), "{loss:?}");
        assert!(matches!(peer.frame().await, Some(ws::Frame::Close(_))), "the good-bye is answered");
        assert!(peer.frame().await.is_none(), "and the socket closed");
    }
}

#[actix::test]
async fn an_error_before_the_close_says_why() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::accept(&listener).await;
    peer.say(&json!({"type": "error", "error": {"type": "insufficient_quota", "code": "credit_balance_exhausted",
        "message": "m"}}))
        .await;
    assert_eq!(rig.loss().await.class, LossClass::Fatal);
}

#[actix::test]
async fn a_refused_upgrade_is_classified_by_its_status() {
    for (status, class) in [
        (401, LossClass::Fatal),
        (403, LossClass::Fatal),
        (404, LossClass::Fatal),
        (429, LossClass::Retryable),
        (500, LossClass::Retryable),
    ] {
        let (listener, port) = listen().await;
        let mut rig = Rig::start(plan(port));
        let (mut stream, _) = read_request(&listener).await;
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno");
        stream.write_all(answer.as_bytes()).await.expect("written");
        let loss = rig.loss().await;
        assert_eq!(loss.class, class, "{loss:?}");
        assert!(loss.reason.contains(&status.to_string()));
    }
}

#[actix::test]
async fn a_server_that_is_not_there_can_be_tried_again() {
    let (listener, port) = listen().await;
    drop(listener);
    assert_eq!(Rig::start(plan(port)).loss().await.class, LossClass::Retryable);
}

#[actix::test]
async fn a_server_that_never_answers_the_upgrade_is_left_in_time() {
    let (_listener, port) = listen().await;
    tokio::time::pause();
    let loss = Rig::start(plan(port)).loss().await;
    assert_eq!(loss.class, LossClass::Retryable);
    assert!(loss.reason.contains("10s"), "{loss:?}");
}

#[actix::test]
async fn a_server_that_never_creates_the_session_is_left_in_time() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::accept(&listener).await;
    assert!(peer.heard_nothing().await);
    tokio::time::pause();
    let loss = rig.loss().await;
    assert!(loss.class == LossClass::Retryable && loss.reason.contains("session.created"), "{loss:?}");
}

#[actix::test]
async fn a_server_that_never_confirms_the_configuration_is_left_in_time() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::accept(&listener).await;
    peer.say(&json!({"type": "session.created", "session": {}})).await;
    assert_eq!(peer.hear().await["type"], "session.update");
    tokio::time::pause();
    let loss = rig.loss().await;
    assert!(loss.class == LossClass::Retryable && loss.reason.contains("session.updated"), "{loss:?}");
}

#[actix::test]
async fn a_connection_that_dies_silently_is_reported_lost_once() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    drop(peer);
    assert_eq!(rig.loss().await.class, LossClass::Retryable);
    let last = rig.last_words().await;
    assert!(last.is_empty(), "no ChildLost after the call has ended: {last:?}");
}
