//! The demo command, on a service that follows a script.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::LocalBoxFuture;
use serde_json::json;
use switchboard::tools::phone::{CommandError, DemoArgs, DemoReport, Stage, run_demo, wav};

use crate::fake::{Fake, Line, loud};

#[actix_rt::test]
async fn the_demo_passes_on_a_service_that_greets_answers_and_writes_records() {
    let records = tempfile::tempdir().expect("a temporary directory");
    let report = demo(records.path()).await.expect("the demo passes");
    assert!(report.passed && report.words.share > 0.9, "{:?}", report.words);
    assert!((report.greeting_seconds - 1.0).abs() < 0.1, "{}", report.greeting_seconds);
    assert_eq!(report.states.iter().map(|seen| seen.state.as_str()).collect::<Vec<_>>(), ["Talking"]);
    let heard = wav::read(&report.heard).expect("a recording");
    assert_eq!(report.heard.parent(), Some(records.path()));
    assert!(loud(&heard) > 8000);
    // Named as its record is, it goes with it.
    let transcript = report.transcript.expect("a record").display().to_string();
    assert_eq!(report.heard.display().to_string(), transcript.replace("_transcript.json", "_heard.wav"));
    let erasing = std::process::Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(["records", "erase", "--call", &report.call.call_sid, "--dir"])
        .arg(records.path())
        .current_dir(records.path())
        .output()
        .expect("the binary runs");
    assert!(erasing.status.success(), "{}", String::from_utf8_lossy(&erasing.stderr));
    assert!(!report.heard.exists(), "{}", String::from_utf8_lossy(&erasing.stdout));
}

/// Runs the demo on a service that greets, waits for the end of the caller's speech and repeats it.
async fn demo(records: &std::path::Path) -> Result<DemoReport, CommandError> {
    struct Theatre(Fake);
    impl Stage for Theatre {
        fn public_url(&self) -> String {
            self.0.url("http", "")
        }
        fn admin_url(&self) -> String {
            self.0.url("http", "/admin")
        }
        async fn stop(self, _: Duration) {
            self.0.stop().await;
        }
    }
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            line.play(1000, 3000).await;
            let (mut words, mut quiet) = (Vec::new(), 0);
            while words.is_empty() || quiet < 25 {
                let payload = line.next().await["media"]["payload"].as_str().expect("text").to_owned();
                let frame = BASE64_STANDARD.decode(payload).expect("base64");
                quiet = if frame.iter().all(|byte| *byte == 0xFF) { quiet + 1 } else { 0 };
                if quiet == 0 || !words.is_empty() {
                    words.extend(frame);
                }
            }
            let payload = BASE64_STANDARD.encode(words);
            line.send(json!({"event": "media", "streamSid": line.sid, "media": {"payload": payload}})).await;
            while line.next_or_close().await.is_some() {}
        })
    }
    let directory = records.to_owned();
    let args = DemoArgs {
        wav: None,
        carrier: switchboard_actors::carrier::twilio::CARRIER,
        model: "realtime".into(),
        language: "en".into(),
        heard: None,
        records: directory.clone(),
        json: true,
    };
    run_demo(args, async |settings: Vec<(&'static str, String)>| {
        assert!(settings.contains(&("records.dir", directory.display().to_string())));
        let fake = Fake::start(script);
        let ws = fake.url("ws", "/ws");
        fake.answer("/twilio/voice", &format!(r#"<Connect><Stream url="{ws}"/></Connect>"#));
        fake.answer_raw("/admin/calls", r#"{"calls":[{"state":"Talking"}]}"#);
        fake.write_records(directory.clone());
        Ok(Theatre(fake))
    })
    .await
}
