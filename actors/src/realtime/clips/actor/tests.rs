//! The actor against a server on a loopback port.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::super::plan::sample;
use super::*;
use crate::ids::Private;

/// A server that gives these answers, one for each connection and the last one for all others, and
/// keeps the requests.
async fn server(answers: Vec<Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&asked);
    #[expect(clippy::disallowed_methods, reason = "a server for a test")]
    actix_rt::spawn(async move {
        for at in 0.. {
            let Ok((mut socket, _)) = listener.accept().await else { return };
            let mut request = Vec::new();
            while !request.ends_with(b"}") && socket.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
            requests.lock().expect("no panic").push(String::from_utf8_lossy(&request).into_owned());
            let answer = &answers[at.min(answers.len() - 1)];
            let _ = socket.write_all(answer).await;
        }
    });
    (url, asked)
}

fn answer(status: u16, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Raw samples of a tone at 24 kHz.
fn tone(seconds: usize) -> Vec<u8> {
    let tone = |at: usize| ((at as f32 * 0.1).sin() * 9_000.0) as i16;
    (0..seconds * 24_000).flat_map(|at| tone(at).to_le_bytes()).collect()
}

fn count(asked: &Arc<Mutex<Vec<String>>>) -> usize {
    asked.lock().expect("no panic").len()
}

#[actix::test]
async fn a_text_is_rendered_once_for_all_calls() {
    let (url, asked) = server(vec![answer(200, "audio/pcm", &tone(2))]).await;
    let mut order = sample::order(&url, "Thank you, goodbye.");
    order.source = Arc::new(ClipSource { key: Some(Private::new("sk".to_owned())), ..sample::source(&url) });
    let clips = Clips::default().start();
    let ask = || clips.send(FetchClip(order.clone()));
    let both = futures_util::future::join(ask(), ask()).await;
    let (first, second) = (both.0.expect("it lives").expect("made"), both.1.expect("it lives").expect("made"));
    assert_eq!((first.samples.len(), &first.samples), (16_000, &second.samples), "two seconds of a line");
    let third = clips.send(FetchClip(order)).await.expect("it lives").expect("kept");
    assert!(Arc::ptr_eq(&first.samples, &third.samples));
    assert_eq!([first, second, third].map(|clip| clip.characters), [19, 0, 0], "one call is charged");
    let asked = asked.lock().expect("no panic");
    let [request] = &asked[..] else { panic!("one request: {asked:?}") };
    assert!(request.starts_with("POST /v1/audio/speech "), "{request}");
    assert!(request.contains("authorization: Bearer sk"), "{request}");
    let body: serde_json::Value =
        serde_json::from_str(request.split("\r\n\r\n").nth(1).expect("a body")).expect("JSON");
    let wanted = serde_json::json!({
        "model": "small", "input": "Thank you, goodbye.", "voice": "asha", "response_format": "pcm"
    });
    assert_eq!(body, wanted);
}

#[actix::test]
async fn known_words_outlive_the_process_and_a_callers_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let (url, asked) = server(vec![answer(200, "audio/pcm", &tone(1))]).await;
    let kept = |words| {
        let mut order = sample::order(&url, words);
        order.source = Arc::new(ClipSource { folder: Some(folder.path().join("clips")), ..sample::source(&url) });
        FetchClip(order)
    };
    for _ in 0..2 {
        let clips = Clips::default().start();
        assert!(clips.send(kept("Namaste.")).await.expect("it lives").is_ok());
        assert!(clips.send(kept("Your name is Asha.")).await.expect("it lives").is_ok());
    }
    assert_eq!(count(&asked), 3, "the words of the configuration were rendered once");
    assert_eq!(std::fs::read_dir(folder.path().join("clips")).expect("a folder").count(), 1);
}

#[actix::test]
async fn a_failure_is_tried_again_and_then_the_server_is_left_alone() {
    let (url, asked) = server(vec![answer(503, "text/plain", b"rate_limit"), answer(200, "audio/pcm", &tone(1))]).await;
    let clips = Clips::default().start();
    assert!(clips.send(FetchClip(sample::order(&url, "Bye."))).await.expect("it lives").is_ok());
    assert_eq!(count(&asked), 2);
    let (url, asked) = server(vec![answer(401, "application/json", b"{\"error\":\"no\"}")]).await;
    for _ in 0..3 {
        let refused = clips.send(FetchClip(sample::order(&url, "Bye."))).await.expect("it lives");
        assert!(refused.expect_err("refused").contains("401"));
    }
    assert_eq!(count(&asked), 1, "a refusal is no reason to ask again at once");
}

#[test]
fn only_speech_is_a_recording() {
    let of = |status, content_type, body: &[u8]| samples_of(&Head { status, content_type, ..Head::default() }, body);
    assert_eq!(of(200, "audio/pcm", &tone(1)).map(|samples| samples.len()).ok(), Some(8_000));
    for (status, kind, body) in [
        (200, "audio/pcm", Vec::new()),
        (200, "audio/pcm", vec![0; 48_000]),
        (200, "application/json", tone(1)),
        (200, "audio/mpeg", b"ID3\x04 and much more".to_vec()),
        (200, "audio/pcm", tone(61)),
        (500, "audio/pcm", tone(1)),
    ] {
        assert!(of(status, kind, &body).is_err(), "{status} {kind} {}", body.len());
    }
}
