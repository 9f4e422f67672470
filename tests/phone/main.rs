//! The simulated phone against a minimal service that follows a test's script.

mod demo;
mod fake;

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fake::{Fake, Line, PATIENCE, call, call_stream, document, loud, mulaw_to_linear};
use futures_util::future::LocalBoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;
use switchboard::tools::phone::{DialOutcome, EndedBy, Handset, PhoneOptions, Target, place_call, wav};
use tokio::time::{Instant, sleep, timeout};

#[actix_rt::test]
async fn marks_come_back_in_order_and_never_before_their_audio_was_played() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            line.mark("empty").await;
            assert_eq!(line.next_mark().await, "empty");
            let sent = Instant::now();
            line.play(200, 3000).await;
            line.mark("a").await;
            line.play(200, 3000).await;
            line.mark("b").await;
            line.mark("c").await;
            assert_eq!(line.next_mark().await, "a");
            // The phone's clock ticks in milliseconds, and its stream began shortly before `sent`.
            assert!(sent.elapsed() >= Duration::from_millis(195), "{:?}", sent.elapsed());
            assert_eq!(line.next_mark().await, "b");
            assert!(sent.elapsed() >= Duration::from_millis(395), "{:?}", sent.elapsed());
            assert_eq!(line.next_mark().await, "c");
            line.close().await;
        })
    }
    let report = call_stream(script).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    assert_eq!((report.summary.marks_echoed, report.summary.marks_cleared), (4, 0));
    assert!((report.summary.heard_seconds - 0.4).abs() < 1e-9, "{}", report.summary.heard_seconds);
}

#[actix_rt::test]
async fn a_clear_gives_back_every_pending_mark_and_silences_the_line() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            line.play(60_000, 3000).await;
            line.mark("a").await;
            line.play(60_000, 3000).await;
            line.mark("b").await;
            line.clear().await;
            // This must happen much sooner than in two minutes; otherwise the call's limit ends the
            // test.
            assert_eq!(line.next_mark().await, "a");
            assert_eq!(line.next_mark().await, "b");
            line.mark("after").await;
            assert_eq!(line.next_mark().await, "after");
            line.close().await;
        })
    }
    let report = call_stream(script).await;
    let summary = &report.summary;
    assert_eq!(summary.failures, Vec::<String>::new());
    assert_eq!((summary.clears, summary.marks_echoed, summary.marks_cleared), (1, 3, 2));
    assert!((summary.heard_seconds + summary.unheard_seconds - 120.0).abs() < 1e-9);
    assert_eq!(loud(&report.heard), (summary.heard_seconds * 8000.0).round() as usize);
}

#[actix_rt::test]
async fn what_the_caller_heard_is_kept_sample_by_sample_from_the_streams_start() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            for level in 1..=10 {
                line.play(20, level * 1000).await;
            }
            line.mark("end").await;
            assert_eq!(line.next_mark().await, "end");
            line.close().await;
        })
    }
    let report = call_stream(script).await;
    let first = report.heard.iter().position(|sample| *sample != 0).expect("something was heard");
    assert_eq!(report.summary.time_to_first_sound_ms, Some(first as u64 / 8));
    let played = &report.heard[first..first + 1600];
    for (index, frame) in played.chunks(160).enumerate() {
        let level = (index as i16 + 1) * 1000;
        assert!(frame.iter().all(|sample| (sample - level).abs() <= level / 20), "frame {index}: {}", frame[0]);
    }
    assert!(report.heard[first + 1600..].iter().all(|sample| *sample == 0));
}

#[actix_rt::test]
async fn what_twilio_would_ignore_is_ignored_and_reported() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            let sid = line.sid.clone();
            line.session.binary(vec![1_u8, 2, 3]).await.expect("open");
            for text in [
                "not json".to_owned(),
                json!({"event": "media", "streamSid": sid, "media": {"payload": "!!"}}).to_string(),
                json!({"event": "media", "streamSid": sid, "media": {"payload": "//8=", "track": "x"}}).to_string(),
                json!({"event": "clear", "streamSid": "MZ0"}).to_string(),
                json!({"event": "hangup", "streamSid": sid}).to_string(),
            ] {
                line.session.text(text).await.expect("open");
            }
            line.mark("alive").await;
            assert_eq!(line.next_mark().await, "alive");
            line.close().await;
        })
    }
    let report = call_stream(script).await;
    let summary = &report.summary;
    assert_eq!(summary.failures, Vec::<String>::new());
    assert_eq!((summary.warned(31950), summary.warned(31951)), (1, 5));
    let texts: Vec<&str> = summary.warnings.iter().map(|warning| warning.text.as_str()).collect();
    for expected in ["binary", "not JSON", "base64", "media.track", "not this stream's", "unknown event `hangup`"] {
        assert!(texts.iter().any(|text| text.contains(expected)), "{expected} in {texts:?}");
    }
    assert_eq!((summary.clears, summary.media_received), (0, 0));
}

#[actix_rt::test]
async fn the_caller_is_sent_in_real_time_with_every_field_of_the_reference() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            let start = line.start().await;
            assert_eq!(start["sequenceNumber"], "1");
            assert_eq!(
                start["start"]["mediaFormat"],
                json!({"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1})
            );
            let began = Instant::now();
            for frame in 1..=30_u32 {
                let media = line.next().await;
                assert_eq!(media["event"], "media");
                assert_eq!(media["sequenceNumber"], (frame + 1).to_string());
                assert_eq!(media["media"]["chunk"], frame.to_string());
                assert_eq!(media["media"]["timestamp"], (frame * 20).to_string());
                assert_eq!(media["media"]["track"], "inbound");
                let payload = BASE64_STANDARD.decode(media["media"]["payload"].as_str().expect("text"));
                assert_eq!(payload.expect("base64"), [0xFF; 160]);
            }
            assert!(began.elapsed() >= Duration::from_millis(29 * 20 - 10), "{:?}", began.elapsed());
            line.close().await;
        })
    }
    let report = call_stream(script).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    assert!(report.summary.frames_sent >= 30);
}

#[actix_rt::test]
async fn speech_of_any_rate_arrives_at_eight_kilohertz() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            let mut samples = Vec::new();
            while samples.len() < 8000 {
                let media = line.next().await;
                let payload = BASE64_STANDARD.decode(media["media"]["payload"].as_str().expect("text"));
                samples.extend(payload.expect("base64").into_iter().map(mulaw_to_linear));
            }
            // One period of a 1 kHz tone is eight samples at 8 kHz.
            let middle = &samples[1600..6400];
            let energy: f64 = middle.iter().map(|sample| sample * sample).sum();
            let again: f64 = middle.iter().zip(&middle[8..]).map(|(one, other)| one * other).sum();
            assert!(again / energy > 0.98, "{}", again / energy);
            let rms = (energy / middle.len() as f64).sqrt();
            assert!((rms - 8000.0 / 2_f64.sqrt()).abs() < 300.0, "{rms}");
            line.close().await;
        })
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("caller.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(&path, spec).expect("writable");
    for at in 0..44_100 {
        let value = 8000.0 * (std::f64::consts::TAU * 1000.0 * f64::from(at) / 44_100.0).sin();
        file.write_sample(value as i16).expect("writable");
        file.write_sample(value as i16).expect("writable");
    }
    file.finalize().expect("writable");
    let fake = Fake::start(script);
    let speech = wav::read(&path).expect("readable").into();
    let report = call(PhoneOptions { speech, speak_at: Some(Duration::ZERO), ..fake.to_stream() }).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    assert_eq!(report.summary.spoke_from_ms, Some(20));
    assert_eq!(report.summary.spoke_until_ms, Some(1020));
    fake.stop().await;
}

#[actix_rt::test]
async fn twiml_is_obeyed_from_the_stream_over_a_transfer_to_the_hang_up() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            let start = line.start().await;
            assert_eq!(start["start"]["customParameters"], json!({"token": "q<7", "n": "1"}));
            line.close().await;
        })
    }
    let fake = Fake::start(script);
    let stream = format!(
        r#"<Stream url="{}" statusCallback="{}"><Parameter name="token" value="q&lt;7"/><Parameter name="n" value="1"/></Stream>"#,
        fake.url("ws", "/ws"),
        fake.url("http", "/status"),
    );
    fake.answer("/voice", &format!(r#"<Say>Hello</Say><Connect action="/after?x=1">{stream}</Connect><Reject/>"#));
    fake.answer("/after", r#"<Dial action="dial-result" method="GET"><Number>+15550100009</Number></Dial><Reject/>"#);
    fake.answer("/dial-result", r#"<Redirect>/bye</Redirect>"#);
    fake.answer("/bye", "<Say>Bye</Say><Hangup/>");
    fake.answer("/status", "");
    let report = call(PhoneOptions { dial_outcome: DialOutcome::Busy, ..fake.to_webhook() }).await;
    let summary = &report.summary;
    assert_eq!(summary.failures, Vec::<String>::new());
    assert_eq!(summary.ended_by, EndedBy::Service);
    assert!(summary.ended_how.starts_with("stream closed by the service (1000)"), "{}", summary.ended_how);
    assert!(summary.ended_how.ends_with("Hangup"), "{}", summary.ended_how);
    assert_eq!(summary.transfers[0].to, ["+15550100009"]);
    assert_eq!(summary.transfers[0].outcome, "busy");

    let asked = fake.asked();
    let paths: Vec<&str> = asked.iter().map(|ask| ask.path.as_str()).filter(|path| *path != "/status").collect();
    assert_eq!(paths, ["/voice", "/ws", "/after", "/dial-result", "/bye"]);
    let field = |path: &str, name: &str| {
        let ask = asked.iter().find(|ask| ask.path == path).expect("asked");
        ask.fields.get(name).cloned().unwrap_or_default()
    };
    assert_eq!(
        (field("/voice", "CallStatus"), field("/after", "CallStatus")),
        ("ringing".into(), "in-progress".into())
    );
    assert_eq!(field("/after", "CallSid"), summary.call_sid);
    assert_eq!(field("/dial-result", "DialCallStatus"), "busy");
    assert_eq!(field("/dial-result", "DialBridged"), "false");
    let events: Vec<String> = asked.iter().filter_map(|ask| ask.fields.get("StreamEvent").cloned()).collect();
    assert_eq!(events, ["stream-started", "stream-stopped"]);
    fake.stop().await;
}

#[actix_rt::test]
async fn everything_is_signed_as_the_reference_says() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            line.close().await;
        })
    }
    let fake = Fake::start(script);
    let ws = fake.url("ws", "/ws");
    fake.answer(
        "/voice",
        &format!(r#"<Connect><Stream url="{ws}"/></Connect><Redirect method="GET">/more</Redirect>"#),
    );
    fake.answer("/more", "<Hangup/>");
    let report = call(PhoneOptions { auth_token: Some("secret".to_owned().into()), ..fake.to_webhook() }).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    let asked = fake.asked();
    let signature = |text: &str| {
        let mut hmac = Hmac::<Sha1>::new_from_slice(b"secret").expect("any key");
        hmac.update(text.as_bytes());
        Some(BASE64_STANDARD.encode(hmac.finalize().into_bytes()))
    };
    let form: String = asked[0].fields.iter().map(|(name, value)| format!("{name}{value}")).collect();
    assert_eq!(asked[0].signature, signature(&(fake.url("http", "/voice") + &form)));
    assert_eq!(asked[1].signature, signature(&ws));
    assert_eq!(asked[2].signature, signature(&fake.url("http", &asked[2].target)));
    assert!(asked[2].target.starts_with("/more?CallSid=CA"), "{}", asked[2].target);
    fake.stop().await;
}

#[actix_rt::test]
async fn the_caller_hangs_up_with_a_stop_and_no_document_follows() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            let mut last = Value::Null;
            while let Some(message) = line.next_or_close().await {
                last = message;
            }
            assert_eq!(last["event"], "stop");
            assert_eq!(last["stop"]["accountSid"], "AC00000000000000000000000000000000");
        })
    }
    let fake = Fake::start(script);
    let ws = fake.url("ws", "/ws");
    fake.answer("/voice", &format!(r#"<Connect action="/after"><Stream url="{ws}"/></Connect>"#));
    let hangup_after = Some(Duration::from_millis(300));
    let report = call(PhoneOptions { hangup_after, ..fake.to_webhook() }).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    assert_eq!((report.summary.ended_by, report.summary.ended_how.as_str()), (EndedBy::Caller, "caller hung up"));
    assert_eq!(fake.asked().len(), 2);
    fake.stop().await;

    let fake = Fake::start(script);
    let (handset, remote) = Handset::new();
    let running = actix_rt::spawn(place_call(fake.to_stream(), handset));
    sleep(Duration::from_millis(200)).await;
    remote.hang_up();
    let report = timeout(PATIENCE, running).await.expect("in time").expect("no panic");
    assert_eq!(report.summary.ended_by, EndedBy::Caller);
    fake.stop().await;
}

#[actix_rt::test]
async fn keys_are_pressed_at_their_times() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            let (mut frames, mut keys) = (0, Vec::new());
            while keys.len() < 2 {
                let message = line.next().await;
                if message["event"] == "dtmf" {
                    assert_eq!(message["dtmf"]["track"], "inbound_track");
                    keys.push((frames, message["dtmf"]["digit"].as_str().expect("text").to_owned()));
                } else {
                    frames += 1;
                }
            }
            assert_eq!(keys, [(5, "4".to_owned()), (10, "#".to_owned())]);
            line.close().await;
        })
    }
    let fake = Fake::start(script);
    let dtmf = vec![(Duration::from_millis(200), '#'), (Duration::from_millis(100), '4')];
    let report = call(PhoneOptions { dtmf, ..fake.to_stream() }).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    assert_eq!(report.summary.dtmf_sent, "4#");
    fake.stop().await;
}

#[actix_rt::test]
async fn a_service_that_fails_is_named_with_its_fault() {
    fn refuse(line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            // Drops the connection without a close frame, as after a crash.
            drop(line);
        })
    }
    let fake = Fake::start(refuse);
    let ws = fake.url("ws", "/ws");
    let expectations = [
        ("/missing", None, "404"),
        ("/empty", Some(String::new()), "12100"),
        ("/broken", Some("<Response>".to_owned()), "12100"),
        ("/round", Some("<Response><Redirect>/round</Redirect></Response>".to_owned()), "in circles"),
        ("/nowhere", Some(document(&format!(r#"<Connect><Stream url="{ws}x"/></Connect>"#))), "31920"),
        ("/query", Some(document(&format!(r#"<Connect><Stream url="{ws}?a=1"/></Connect>"#))), "31920"),
        ("/drops", Some(document(&format!(r#"<Connect><Stream url="{ws}"/></Connect>"#))), "31903"),
    ];
    for (path, answer, expected) in expectations {
        if let Some(answer) = answer {
            fake.answer_raw(path, &answer);
        }
        let url = fake.url("http", path).parse().expect("an address");
        let report = call(PhoneOptions::new(Target::Webhook(url))).await;
        let failures = report.summary.failures.join("; ");
        assert!(failures.contains(expected), "{path}: {failures}");
        assert_eq!(report.summary.ended_by, EndedBy::Failure, "{path}");
    }
    let nobody = "http://127.0.0.1:9/twilio/voice".parse().expect("an address");
    let report = call(PhoneOptions::new(Target::Webhook(nobody))).await;
    assert!(report.summary.failures[0].contains("11205"), "{:?}", report.summary.failures);
    fake.stop().await;
}

#[actix_rt::test]
async fn calls_at_once_hear_only_their_own() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            let start = line.start().await;
            let level: i16 =
                start["start"]["customParameters"]["level"].as_str().expect("text").parse().expect("number");
            line.play(300, level).await;
            line.mark("end").await;
            assert_eq!(line.next_mark().await, "end");
            line.close().await;
        })
    }
    let fake = Fake::start(script);
    let mut calls = Vec::new();
    for number in 1..=8 {
        let parameters = BTreeMap::from([("level".to_owned(), (number * 2000).to_string())]);
        let options = PhoneOptions { parameters, ..fake.to_stream() };
        calls.push((number * 2000, actix_rt::spawn(call(options))));
    }
    for (level, running) in calls {
        let report = running.await.expect("no panic");
        let heard: Vec<i16> = report.heard.into_iter().filter(|sample| *sample != 0).collect();
        assert_eq!(heard.len(), 2400);
        assert!(heard.iter().all(|sample| (i32::from(*sample) - level).abs() < level / 20), "{level}");
    }
    fake.stop().await;
}

#[actix_rt::test]
async fn a_call_that_comes_back_to_the_agent_is_heard_on_one_clock() {
    fn script(mut line: Line) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            line.start().await;
            line.play(100, 5000).await;
            line.mark("end").await;
            assert_eq!(line.next_mark().await, "end");
            line.close().await;
        })
    }
    let fake = Fake::start(script);
    let connect = format!(r#"<Connect><Stream url="{}"/></Connect>"#, fake.url("ws", "/ws"));
    fake.answer("/voice", &format!("{connect}<Pause length='1'/>{connect}<Hangup/>"));
    let report = call(fake.to_webhook()).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    assert_eq!(report.summary.stream_sids.len(), 2);
    assert_eq!(loud(&report.heard), 1600);
    let first = report.heard.iter().position(|sample| *sample != 0).expect("heard");
    let last = report.heard.iter().rposition(|sample| *sample != 0).expect("heard");
    assert!(last - first > 8000 + 1600, "a second of silence stands between the two: {first}..{last}");
    fake.stop().await;
}
