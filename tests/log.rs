//! The log of a service, for a reader who knows only the carrier's id of a call.

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use switchboard::tools::phone::{Handset, PhoneOptions, Target, place_call};

#[actix_rt::test]
async fn every_line_about_a_call_has_the_carriers_id_of_it() {
    // Nobody listens where its webhooks go.
    let endpoints = r#"[{ name = "crm", url = "http://127.0.0.1:9/", allow_private = ["127.0.0.1"] }]"#;
    let service = Logging::start(&[
        ("SWITCHBOARD__TWILIO__VERIFY", "off"),
        ("SWITCHBOARD__WEBHOOKS__ENDPOINTS", endpoints),
        ("SWITCHBOARD_WEBHOOK_SECRET", "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ]);
    let call = "CA00000000000000000000000000000101";
    let options = PhoneOptions {
        call_sid: Some(call.to_owned()),
        hangup_after: Some(Duration::from_secs(2)),
        ..PhoneOptions::new(Target::Webhook(service.url("/twilio/voice").parse().expect("a URL")))
    };
    let (handset, _remote) = Handset::new();
    let summary = place_call(options, handset).await.summary;
    assert!(summary.succeeded(), "{:?}", summary.failures);
    let mut stranger = common::FakeStream::start(&service.stream(), "CA202", Some("guessed")).await;
    stranger.closed().await;
    let log = service.stop();
    let about: Vec<&String> = log.iter().filter(|line| line.contains(" call=")).collect();
    let tag = format!(" carrier_call={call}");
    for line in &about {
        assert!(line.contains(&tag), "{line}");
    }
    for what in ["call started", "model connected", "first audio sent", "call ended", "record written"] {
        assert!(about.iter().any(|line| line.contains(what)), "no `{what}` in {log:#?}");
    }
    let delayed = log.iter().find(|line| line.contains("webhook delayed")).expect("nobody takes its webhooks");
    assert!(delayed.contains(&tag), "{delayed}");
    let started = about.iter().find(|line| line.contains("call started")).expect("just found");
    assert!(started.contains(" agent=default language=en route=-"), "{started}");
    let refused = log.iter().find(|line| line.contains("call refused")).expect("the stranger was refused");
    assert!(refused.contains(" carrier_call=CA202 reason=bad_token"), "{refused}");
}

#[actix_rt::test]
async fn a_webhook_that_nobody_signed_is_named_by_the_call_it_names_and_forges_no_line() {
    let service = Logging::start(&[("TWILIO_AUTH_TOKEN", "a_token_of_tests")]);
    for call in ["CA303", "CA404%0A%5BERROR%5D%20call%3Dx%20reason%3Dnone"] {
        let form = format!("CallSid={call}&AccountSid=AC1&From=%2B15550100001&To=%2B15550100002");
        let answer = common::post(&service.url("/twilio/voice"), &form, Some("forged")).await;
        answer.problem(403);
    }
    let log = service.stop();
    let about: Vec<&String> = log.iter().filter(|line| line.contains("refused")).collect();
    assert_eq!(about.len(), 4, "two lines each: {about:#?}");
    assert!(about[..2].iter().all(|line| line.contains(" carrier_call=CA303 ")), "{about:#?}");
    assert!(
        about[2..].iter().all(|line| line.contains(" carrier_call=CA404_[ERROR]_call_x_reason_none ")),
        "{about:#?}"
    );
}

#[actix_rt::test]
async fn a_stranger_who_is_refused_without_end_does_not_fill_the_disk() {
    let service = Logging::start(&[("TWILIO_AUTH_TOKEN", "a_token_of_tests"), ("SWITCHBOARD__SERVER__WORKERS", "1")]);
    let url = service.url("/twilio/voice");
    for number in 0..300 {
        let form = format!("CallSid=CA{number}&AccountSid=AC1&From=%2B15550100001&To=%2B15550100002");
        common::post(&url, &form, Some("forged")).await.problem(403);
        common::get(&service.url("/ws"), &[("Origin", "https://example.com")]).await.problem(403);
    }
    let log = service.stop();
    // Two reasons, and what was wrong with each request: 240 lines in a minute, 1,200 without a
    // limit. A slow machine may need two minutes.
    let about = log.iter().filter(|line| line.contains("refused")).count();
    assert!((120..=480).contains(&about), "{about} lines");
}

/// The service as a process whose log is captured.
struct Logging {
    child: Child,
    port: u16,
    log: Option<std::thread::JoinHandle<Vec<String>>>,
    _home: tempfile::TempDir,
}

impl Logging {
    fn start(variables: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(env!("CARGO_BIN_EXE_switchboard"))
            .arg("serve")
            .current_dir(home.path())
            .env("SWITCHBOARD__SERVER__BIND", "127.0.0.1:0")
            .env("SWITCHBOARD__ADMIN__BIND", "127.0.0.1:0")
            .env("SWITCHBOARD__REALTIME__PROVIDER", "rehearsal")
            .env("RUST_LOG", "info")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines().map_while(Result::ok);
        let listening = lines.find(|line| line.contains("listening for carriers at 127.0.0.1:")).expect("it starts");
        let (_, after) = listening.split_once("listening for carriers at 127.0.0.1:").expect("found by it");
        let port = after.split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
        let log = Some(std::thread::spawn(move || lines.collect()));
        Self { child, port, log, _home: home }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn stream(&self) -> String {
        format!("ws://127.0.0.1:{}/ws", self.port)
    }

    /// Stops the service properly. Returns the lines logged since it began to listen.
    fn stop(mut self) -> Vec<String> {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().expect("there is a kill");
        assert!(killed.success());
        self.log.take().expect("asked for once").join().expect("a thread that reads")
    }
}

impl Drop for Logging {
    /// Leaves no process behind if a test fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
