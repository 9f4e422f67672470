//! The connections of requests to engines: they are kept for the next one.
#![expect(clippy::disallowed_methods, reason = "the server of the test runs beside it")]

use std::cell::Cell;
use std::rc::Rc;

use switchboard_actors::http::Request;
use switchboard_actors::http::kept::Kept;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How many connections and whole requests a server has seen.
#[derive(Debug, Default)]
struct Seen {
    connections: Cell<u32>,
    requests: Cell<u32>,
}

/// A server that closes its first connection when the third request comes on it, without an answer.
async fn serve(listener: TcpListener, seen: Rc<Seen>) {
    loop {
        let (socket, _) = listener.accept().await.expect("a connection");
        seen.connections.set(seen.connections.get() + 1);
        let last = if seen.connections.get() == 1 { 2 } else { u32::MAX };
        answer(socket, last, &seen).await;
    }
}

async fn answer(mut socket: TcpStream, last: u32, seen: &Seen) {
    for number in 1.. {
        let mut request = Vec::new();
        while !request.ends_with(b"what is said") {
            let mut piece = [0; 1024];
            match socket.read(&mut piece).await {
                Ok(count) if count > 0 => request.extend_from_slice(&piece[..count]),
                _ => return,
            }
        }
        if number > last {
            return;
        }
        seen.requests.set(seen.requests.get() + 1);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        assert!(!text.contains("connection: close"), "{text}");
        let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nye\r\n1\r\ns\r\n0\r\n\r\n";
        socket.write_all(answer).await.expect("the client listens");
    }
}

#[actix::test]
async fn one_connection_serves_the_turns_of_a_call_and_a_closed_one_costs_no_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url: url::Url = format!("http://{}/v1", listener.local_addr().expect("an address")).parse().expect("a URL");
    let (kept, seen) = (Kept::default(), Rc::new(Seen::default()));
    let server = actix::spawn(serve(listener, Rc::clone(&seen)));
    for turn in 1..=4 {
        let request = Request::post(url.clone(), "what is said");
        let mut answer = request.send_kept(&kept, |_| true).await.expect("an answer");
        let mut body = Vec::new();
        while let Some(piece) = answer.piece().await {
            body.extend_from_slice(&piece.expect("the whole body"));
        }
        assert_eq!((answer.status, &body[..]), (200, &b"yes"[..]), "turn {turn}");
        assert_eq!(kept.len(), 1, "turn {turn}");
        assert_eq!((seen.connections.get(), seen.requests.get()), (if turn < 3 { 1 } else { 2 }, turn));
    }
    server.abort();
}

#[actix::test]
async fn an_answer_that_nobody_reads_to_its_end_costs_the_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url: url::Url = format!("http://{}/v1", listener.local_addr().expect("an address")).parse().expect("a URL");
    let (kept, seen) = (Kept::default(), Rc::new(Seen::default()));
    let server = actix::spawn(serve(listener, Rc::clone(&seen)));
    let answer = Request::post(url, "what is said").send_kept(&kept, |_| true).await.expect("an answer");
    drop(answer);
    assert!(kept.is_empty());
    server.abort();
}
