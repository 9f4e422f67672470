//! Sessions that we close: on an order, or because their call is gone.

use actix_http::ws::{self, CloseCode};
use serde_json::json;
use switchboard_actors::frame::Frame;
use switchboard_actors::line::messages::ModelBound;
use switchboard_actors::realtime::messages::ModelOrder;
use tokio::io::AsyncReadExt as _;

use crate::peer::{Peer, listen, read_request};
use crate::rig::{Output, Rig, plan, soon, transcribing};

#[actix::test]
async fn an_order_to_close_closes_the_socket_and_tells_nobody() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    rig.llm.do_send(ModelOrder::Close);
    let Some(ws::Frame::Close(Some(reason))) = peer.frame().await else { panic!("no good-bye") };
    assert_eq!(reason.code, CloseCode::Normal);
    assert!(peer.frame().await.is_none());
    let last = rig.last_words().await;
    assert!(last.is_empty(), "{last:?}");
}

#[actix::test]
async fn an_order_to_close_ends_the_dialling_too() {
    let (listener, port) = listen().await;
    let rig = Rig::start(plan(port));
    let (mut stream, _) = read_request(&listener).await;
    rig.llm.do_send(ModelOrder::Close);
    assert_eq!(soon(stream.read(&mut [0; 16])).await.expect("the end of the stream"), 0);
    assert!(rig.last_words().await.is_empty());
}

#[actix::test]
async fn a_session_without_a_call_is_closed() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(plan(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    // The session's address is still in use, as it is by the AudioPipeline. The call is gone all
    // the same.
    rig.drop_call();
    tokio::time::pause();
    assert!(matches!(peer.frame().await, Some(ws::Frame::Close(_))));
    assert!(peer.frame().await.is_none());
}

#[actix::test]
async fn the_callers_last_words_are_waited_for_while_no_audio_goes_out() {
    let (listener, port) = listen().await;
    let mut rig = Rig::start(transcribing(port));
    let mut peer = Peer::ready(&listener).await;
    rig.is_ready().await;
    rig.callers_turn_is_open(&mut peer).await;
    rig.llm.do_send(ModelOrder::Close);
    rig.llm.do_send(ModelBound(Frame::copy_of(&[1; 960])));
    assert_eq!(peer.hear().await["type"], "input_audio_buffer.commit");
    peer.say(&json!({"type": "input_audio_buffer.committed", "item_id": "u", "previous_item_id": null})).await;
    assert!(matches!(rig.next().await, Output::Words), "its place");
    peer.say(&json!({"type": "conversation.item.input_audio_transcription.completed", "item_id": "u",
        "transcript": "Never mind."}))
        .await;
    assert!(matches!(rig.next().await, Output::Words), "and its words");
    assert!(matches!(peer.frame().await, Some(ws::Frame::Close(_))), "nothing but a good-bye");
    assert!(rig.last_words().await.is_empty());
}

#[actix::test]
async fn a_session_whose_last_words_never_come_is_closed_with_or_without_a_call() {
    for call_is_gone in [false, true] {
        let (listener, port) = listen().await;
        let mut rig = Rig::start(transcribing(port));
        let mut peer = Peer::ready(&listener).await;
        rig.is_ready().await;
        rig.callers_turn_is_open(&mut peer).await;
        if call_is_gone {
            rig.drop_call();
        } else {
            rig.llm.do_send(ModelOrder::Close);
        }
        tokio::time::pause();
        assert_eq!(peer.hear().await["type"], "input_audio_buffer.commit");
        assert!(matches!(peer.frame().await, Some(ws::Frame::Close(_))));
        tokio::time::resume();
        assert!(rig.last_words().await.is_empty());
    }
}
