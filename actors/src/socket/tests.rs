use actix_codec::{Decoder as _, Framed};
use actix_http::ws::Frame as F;
use futures_util::FutureExt as _;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;

const MOST_BYTES: usize = 1024 * 1024;

/// Returns a socket and the server's end of it, whose buffer has `capacity` bytes.
fn socket(capacity: usize) -> (Socket, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(capacity);
    let framed = Framed::new(Box::new(ours) as BoxedSocket, ws::Codec::new().client_mode().max_size(MOST_BYTES));
    (Socket::new(framed.into_parts(), MOST_BYTES), theirs)
}

/// Texts that fill less than a read, about one, and more.
fn texts(tag: u8) -> Vec<String> {
    let text = |length: usize| char::from(tag).to_string().repeat(length);
    [1, 6_500, 125, 16_384, 60_000, 300].map(text).into()
}

#[actix_rt::test]
async fn messages_come_whole_however_they_are_cut_and_sockets_do_not_mix() {
    for at_once in [1, 7, 1_000, 20_000, 200_000] {
        let (mut sockets, mut servers): (Vec<_>, Vec<_>) = (0..2).map(|_| socket(1 << 20)).unzip();
        let mut wires = [b'a', b'b'].map(|tag| {
            let mut wire = BytesMut::new();
            texts(tag).iter().for_each(|text| Parser::write_message(&mut wire, text, OpCode::Text, true, false));
            wire
        });
        let mut heard = [Vec::new(), Vec::new()];
        while heard.iter().any(|heard| heard.len() < 6) {
            // A task that never yields gets no more data.
            tokio::task::yield_now().await;
            for n in 0..2 {
                let piece = wires[n].split_to(at_once.min(wires[n].len()));
                servers[n].write_all(&piece).await.expect("room");
                while let Some(frame) = sockets[n].next().now_or_never() {
                    let Some(Ok(F::Text(text))) = frame else { panic!("a text, not {frame:?}") };
                    heard[n].push(String::from_utf8(text.to_vec()).expect("text"));
                }
            }
        }
        assert!(heard == [texts(b'a'), texts(b'b')], "{at_once} bytes at once");
        drop(servers);
        assert!(sockets[0].next().await.is_none(), "the end");
    }
}

#[actix_rt::test]
async fn what_is_announced_beyond_the_limit_is_not_waited_for() {
    for (opcode, length) in [(1_u8, 1_u64 << 40), (2, 1 << 63), (0, MOST_BYTES as u64 + 1), (9, 126)] {
        let (mut socket, mut server) = socket(1 << 16);
        server.write_all(&[0x80 | opcode, 127]).await.expect("room");
        assert!(socket.next().now_or_never().is_none(), "a head that is on its way");
        server.write_all(&length.to_be_bytes()).await.expect("room");
        let refused = socket.next().await.expect("a verdict").expect_err("none of it has come");
        assert_eq!(matches!(refused, ProtocolError::Overflow), opcode != 9, "{refused}");
        assert!(socket.next().await.is_none(), "nothing that follows is a frame");
    }
}

proptest! {
    #[test]
    fn a_head_is_read_as_the_decoder_reads_it(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        most in 0_usize..300,
    ) {
        let mut wire = BytesMut::from(&bytes[..]);
        let decoded = ws::Codec::new().max_size(most).decode(&mut wire);
        match head::judge(&bytes, most) {
            // A frame that the head check refuses, the decoder refuses too.
            Err(_) => prop_assert!(!matches!(decoded, Ok(Some(_)))),
            Ok(Some(length)) if decoded.as_ref().is_ok_and(Option::is_some) => {
                prop_assert_eq!(length, (bytes.len() - wire.len()) as u64);
            }
            Ok(_) => {}
        }
    }
}

#[actix_rt::test]
async fn a_frame_that_trickles_in_is_kept_once_and_no_more() {
    let (mut socket, mut server) = socket(1 << 16);
    let mut wire = BytesMut::new();
    Parser::write_message(&mut wire, vec![7; MOST_BYTES], OpCode::Binary, true, false);
    for piece in wire.chunks(997) {
        server.write_all(piece).await.expect("room");
        tokio::task::yield_now().await;
        if let Some(frame) = socket.next().now_or_never() {
            assert!(matches!(frame, Some(Ok(F::Binary(bytes))) if bytes.len() == MOST_BYTES));
            return;
        }
        assert!(socket.unread.capacity() <= 2 * MOST_BYTES, "{} bytes kept", socket.unread.capacity());
    }
    panic!("the frame did not come");
}

#[actix_rt::test]
async fn what_a_server_does_not_take_at_once_is_kept_in_order() {
    let (mut slow, mut server) = socket(64);
    let (mut quick, mut other) = socket(1 << 20);
    for text in texts(b'a') {
        // A socket that finishes in between does not affect the waiting data.
        let word = Outgoing::Text("word".to_owned());
        slow.feed(Outgoing::Text(text.clone())).now_or_never();
        quick.send(word).await.expect("taken");
        let mut codec = ws::Codec::new().max_size(MOST_BYTES);
        let mut wire = BytesMut::new();
        let frame = loop {
            tokio::task::yield_now().await;
            assert!(slow.flush().now_or_never().is_none_or(|flushed| flushed.is_ok()));
            server.read_buf(&mut wire).await.expect("bytes");
            if let Some(frame) = codec.decode(&mut wire).expect("a frame") {
                break frame;
            }
        };
        assert_eq!(frame, F::Text(text.into()));
        assert!(wire.is_empty());
    }
    let mut words = BytesMut::new();
    while words.len() < 6 * 10 {
        other.read_buf(&mut words).await.expect("words");
    }
    let mut codec = ws::Codec::new();
    for _ in 0..6 {
        assert_eq!(codec.decode(&mut words).expect("a frame"), Some(F::Text("word".into())));
    }
}
