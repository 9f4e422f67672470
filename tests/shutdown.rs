//! Signals. This is the only test of its process, because a signal affects the whole process.
#![cfg(unix)]

mod common;

use std::process::{Command, ExitCode};
use std::time::Duration;

use awc::ws::CloseCode;
use common::{FakeStream, get, incoming, post};
use switchboard::service::config::Config;
use tokio::time::timeout;

const CALL: &str = "CA00000000000000000000000000000001";

#[actix_web::test]
async fn the_first_signal_drains_and_the_second_means_now() {
    let records = tempfile::tempdir().expect("a temporary folder");
    let (public, admin) = (free_port(), free_port());
    let url = format!("http://127.0.0.1:{public}");
    let config = Config::builtin_with(&[
        ("server.bind", &format!("127.0.0.1:{public}")),
        ("server.public_url", &url),
        ("server.drain_timeout", "10m"),
        ("admin.bind", &format!("127.0.0.1:{admin}")),
        ("twilio.verify", "off"),
        ("realtime.provider", "rehearsal"),
        ("records.dir", records.path().to_str().expect("a plain path")),
    ])
    .expect("a test's configuration");
    let serving = actix_rt::spawn(switchboard::service::shutdown::serve(config));

    let stream_url = format!("ws://127.0.0.1:{public}/ws");
    let connecting = async {
        loop {
            match FakeStream::try_open(&stream_url, None).await {
                Ok(stream) => break stream,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    let mut stream = timeout(common::PATIENCE, connecting).await.expect("the service listens");
    stream.say(&common::start_message(CALL, None)).await;
    stream.hear("media").await;

    for other in ["USR1", "USR2", "ALRM", "PWR"] {
        signal_this_process(other);
    }
    stream.hear("media").await;

    let permit = post(&format!("{url}/twilio/voice"), &incoming("CA3"), None).await.token();
    signal_this_process("TERM");
    let ready = format!("{url}/ready");
    let draining = async {
        while get(&ready, &[]).await.json()["reason"] != "draining" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(common::PATIENCE, draining).await.expect("the service drains");
    let refused = post(&format!("{url}/twilio/voice"), &incoming("CA2"), None).await;
    assert!(refused.status == 200 && refused.text.contains("<Say"), "newcomers are turned away politely");
    let nodes = get(&format!("http://127.0.0.1:{admin}/nodes"), &[]).await.json();
    let left = nodes["nodes"][0]["drain_left_s"].as_u64().expect("how long it lasts");
    assert!((580..=600).contains(&left), "{nodes}");
    let mut permitted = FakeStream::try_open(&stream_url, None).await.expect("a stream");
    permitted.say(&common::start_message("CA3", Some(&permit))).await;
    permitted.hear("media").await;
    assert!(!serving.is_finished(), "the calls may go on");

    signal_this_process("TERM");
    assert_eq!(stream.closed().await.0, CloseCode::Normal);
    let code = timeout(common::PATIENCE, serving).await.expect("the service stops").expect("without a panic");
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::SUCCESS));
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn signal_this_process(name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &std::process::id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()));
}
