//! Untrusted clients of the listeners: web pages, incomplete requests, and frames that announce
//! more than the limit.

mod common;

use std::time::Duration;

use common::{AUTH_TOKEN, FakeStream, PATIENCE, get, incoming, post_body, start, start_signed, start_with};
use switchboard::tools::rehearsal::{Rehearsal, RehearsalOptions};
use switchboard_actors::carrier::twilio::trust::sign;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CALL: &str = "CA0000000000000000000000000000000b";

/// The address in a URL.
fn address(url: &str) -> String {
    url.split('/').nth(2).expect("a host").to_owned()
}

async fn connect(url: &str) -> TcpStream {
    TcpStream::connect(address(url)).await.expect("a connection")
}

/// Sends `bytes` and returns the status of the answer.
async fn asked(url: &str, bytes: &str) -> u16 {
    let mut socket = connect(url).await;
    socket.write_all(bytes.as_bytes()).await.expect("sent");
    status(&mut socket).await
}

/// Reads the status of the next answer. Returns 0 if the connection ends without one.
async fn status(socket: &mut TcpStream) -> u16 {
    let mut answer = Vec::new();
    let reading = async {
        while !answer.windows(2).any(|two| two == b"\r\n") {
            if socket.read_buf(&mut answer).await.unwrap_or(0) == 0 {
                return;
            }
        }
    };
    timeout(2 * PATIENCE, reading).await.expect("an answer, or an end");
    String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

fn upgrade(path: &str, host: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

#[actix_rt::test]
async fn a_web_page_reaches_nothing_of_a_service_that_verifies_nobody() {
    let running = start(&[("waybeo.enabled", "true")]).await;
    for url in [running.public(""), running.admin("")] {
        let host = address(&url);
        let port = host.rsplit(':').next().expect("a port");
        for path in ["/ws", "/waybeo/ws", "/health", "/ready", "/nowhere", "/calls", "/metrics", "/calls/x/listen"] {
            for (host, more) in [
                (host.as_str(), "origin: https://attacker.example\r\n"),
                (&host, "origin: null\r\n"),
                (&host, "origin: http://localhost:3000\r\n"),
                (&host, "sec-fetch-site: cross-site\r\n"),
                (&host, "sec-fetch-site: same-site\r\n"),
                ("evil.example", ""),
                (&format!("evil.example:{port}"), ""),
                (&format!("localhost.evil.example:{port}"), ""),
                ("192.0.2.1", ""),
            ] {
                let plain = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{more}\r\n");
                assert_eq!(asked(&url, &plain).await, 403, "{url}{path} {host} {more}");
                assert_eq!(asked(&url, &upgrade(path, host, more)).await, 403, "upgrade {url}{path} {host} {more}");
            }
        }
    }
    let url = running.public("");
    let host = address(&url);
    let port = host.rsplit(':').next().expect("a port");
    for path in ["/ws", "/waybeo/ws"] {
        for (host, more) in [
            (host.as_str(), ""),
            (&format!("LOCALHOST.:{port}"), ""),
            (&format!("[::1]:{port}"), ""),
            (&host, &format!("origin: http://{host}\r\nsec-fetch-site: same-origin\r\n")),
        ] {
            assert_eq!(asked(&url, &upgrade(path, host, more)).await, 101, "{path} {host} {more}");
        }
    }
    let form = incoming(CALL);
    let (url, from) = (running.public("/twilio/voice"), [("Origin", "https://attacker.example")]);
    post_body(&url, "application/x-www-form-urlencoded", &form, &from).await.problem(403);
    assert!(running.calls().await.is_empty());
    running.stop().await;
}

#[actix_rt::test]
async fn a_web_page_has_no_use_of_a_signature_or_a_token() {
    let running = start_signed(&[]).await;
    let host = address(&running.public(""));
    let signature = sign(AUTH_TOKEN, &running.stream(), &[]);
    let signed = format!("x-twilio-signature: {signature}\r\n");
    for (more, expected) in [
        ("", 101),
        ("origin: https://attacker.example\r\n", 403),
        ("origin: null\r\n", 403),
        // Some clients other than browsers send the host name that they connect to.
        (&format!("origin: http://{host}\r\n"), 101),
    ] {
        let asking = upgrade("/ws", &host, &format!("{signed}{more}"));
        assert_eq!(asked(&running.public(""), &asking).await, expected, "{more}");
    }
    running.stop().await;

    let running = start_with(&[("SWITCHBOARD_ADMIN_TOKEN", "open-sesame")], &[("twilio.verify", "off")]).await;
    let token = ("Authorization", "Bearer open-sesame");
    get(&running.admin("/calls"), &[token, ("Origin", "https://attacker.example")]).await.problem(403);
    assert_eq!(get(&running.admin("/calls"), &[token, ("Host", "switchboard.example.com")]).await.status, 200);
    let own = [token, ("Host", "switchboard.example.com"), ("Origin", "https://switchboard.example.com")];
    assert_eq!(get(&running.admin("/calls"), &own).await.status, 200);
    running.stop().await;
}

#[actix_rt::test]
async fn an_order_is_json_and_says_so() {
    let running = start(&[]).await;
    let url = running.admin(&format!("/calls/{CALL}/transfer"));
    let order = r#"{"destination":"sales"}"#;
    for kind in ["text/plain", "text/plain;charset=UTF-8", "multipart/form-data; boundary=x", "text/json"] {
        post_body(&url, kind, order, &[]).await.problem(415);
    }
    for kind in ["application/json", "application/json; charset=utf-8"] {
        post_body(&url, kind, order, &[]).await.problem(404);
    }
    running.stop().await;
}

#[actix_rt::test]
async fn half_a_request_is_not_waited_for() {
    let running = start(&[]).await;
    for url in [running.public(""), running.admin("")] {
        let host = address(&url);
        let half = format!("POST /twilio/voice HTTP/1.1\r\nhost: {host}\r\ncontent-length: 60000\r\n\r\na");
        let chunks =
            format!("POST /spend/kill HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n");
        let nowhere = half.replace("/twilio/voice", "/nowhere");
        let (mut silent, mut trickling, mut chunked, mut lost) =
            (connect(&url).await, connect(&url).await, connect(&url).await, connect(&url).await);
        silent.write_all(half.as_bytes()).await.expect("sent");
        trickling.write_all(half.as_bytes()).await.expect("sent");
        chunked.write_all(chunks.as_bytes()).await.expect("sent");
        lost.write_all(nowhere.as_bytes()).await.expect("sent");
        // Sends one byte per second for as long as the server accepts it.
        let trickle = async {
            loop {
                let mut answer = [0; 16];
                match timeout(Duration::from_secs(1), trickling.read(&mut answer)).await {
                    Ok(_) => return String::from_utf8_lossy(&answer).into_owned(),
                    Err(_) => trickling.write_all(b"a").await.expect("sent"),
                }
            }
        };
        let (silent, trickled, chunked, lost) = futures_util::join!(
            status(&mut silent),
            timeout(PATIENCE, trickle),
            status(&mut chunked),
            status(&mut lost)
        );
        assert_eq!((silent, chunked, lost), (408, 408, 408));
        assert!(trickled.expect("an end").contains(" 408 "));
    }
    running.stop().await;
}

#[actix_rt::test]
async fn a_body_is_no_larger_than_it_may_be() {
    let running = start(&[]).await;
    let url = running.public("/twilio/voice");
    let form = "application/x-www-form-urlencoded";
    post_body(&url, form, &"a".repeat(64 * 1024 + 1), &[]).await.problem(413);
    let host = address(&url);
    let giant = format!("POST /twilio/voice HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1000000000\r\n\r\n");
    assert_eq!(asked(&url, &giant).await, 413, "none of it is waited for");
    let chunks = format!("POST /twilio/voice HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n")
        + &format!("1000\r\n{}\r\n", "a".repeat(0x1000)).repeat(17);
    assert_eq!(asked(&url, &chunks).await, 413);
    running.stop().await;
}

/// The head of a masked client text frame that announces `length` bytes.
fn head(length: u64) -> Vec<u8> {
    let mut head = vec![0x81, 0xFF];
    head.extend(length.to_be_bytes());
    head.extend([0; 4]);
    head
}

/// Sends `head` and more data to the socket at `path`. Returns the code of the close frame that
/// follows.
async fn closed_after(url: &str, path: &str, head: &[u8]) -> u16 {
    let mut socket = connect(url).await;
    socket.write_all(upgrade(path, &address(url), "").as_bytes()).await.expect("sent");
    assert_eq!(status(&mut socket).await, 101);
    socket.write_all(head).await.expect("sent");
    let (mut from, mut to) = socket.into_split();
    let flood = actix_rt::spawn(async move { while to.write_all(&[b'x'; 4096]).await.is_ok() {} });
    let mut came = Vec::new();
    timeout(PATIENCE, from.read_to_end(&mut came)).await.expect("an end").ok();
    flood.abort();
    let close = came.windows(4).rev().find(|four| four[0] == 0x88).unwrap_or_else(|| panic!("no close in {came:?}"));
    u16::from_be_bytes([close[2], close[3]])
}

#[actix_rt::test]
async fn a_frame_that_announces_more_than_it_may_have_ends_its_socket() {
    let running = start(&[("waybeo.enabled", "true")]).await;
    let rehearsal = Rehearsal::start(RehearsalOptions::default()).await.expect("a model");
    for (url, path) in [
        (running.public(""), "/ws"),
        (running.public(""), "/waybeo/ws"),
        (rehearsal.url().replacen("ws", "http", 1), "/v1/realtime?model=m"),
    ] {
        for length in [1 << 32, 1 << 40, 1 << 63, u64::MAX] {
            assert_eq!(closed_after(&url, path, &head(length)).await, 1009, "{path} {length}");
        }
        // A ping of more than 125 bytes.
        assert_eq!(closed_after(&url, path, &[0x89, 0xFE, 0x10, 0, 0, 0, 0, 0]).await, 1002, "{path}");
    }
    let stream = FakeStream::start(&running.stream(), CALL, None).await;
    running.until_calls(1).await;
    drop(stream);
    rehearsal.stop().await;
    running.stop().await;
}
