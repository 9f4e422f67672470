//! The sound of whole calls: diagnosis, level and recording.

mod common;

use std::f64::consts::TAU;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{FakeStream, Running, get, post_body, start, transcript};
use futures_util::future::join;
use serde_json::{Value, json};
use switchboard::tools::phone::{CallReport, Handset, PhoneOptions, Target, place_call};
use switchboard_actors::g711;

#[actix_rt::test]
async fn a_recording_holds_both_sides_as_the_phone_knows_them() {
    let running = start(&[("recording.enabled", "true")]).await;
    // The caller interrupts the greeting, so part of the sent audio is never heard.
    let report = call(&running, voice(), Some(1_500), 6_000, |_| async {}).await;
    let sid = report.summary.call_sid.clone();
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    assert!(report.summary.clears >= 1, "the caller interrupts: {:?}", report.summary);

    let (name, [caller, agent]) = recording(records.path(), &sid);
    assert_eq!(transcript(records.path(), &sid)["recording"], name.as_str());
    let apart = caller.len().abs_diff(report.heard.len());
    assert!(apart < 2_400, "it is as long as the call: {} and {}", caller.len(), report.heard.len());

    // Offset of the phone's clock from the recording's. It is found from the agent's audio in
    // pieces of 100 ms, because each answer has its own delay.
    let lag = nearest(&agent, &report.heard, -800..=800).1;
    let pieces: Vec<f64> = agent
        .chunks_exact(800)
        .enumerate()
        .filter(|(n, piece)| *n > 0 && piece.iter().any(|sample| sample.unsigned_abs() > 2_000))
        .map(|(n, piece)| nearest(piece, &report.heard, n as i64 * 800 + lag - 160..=n as i64 * 800 + lag + 160).0)
        .collect();
    let found = pieces.iter().filter(|&&apart| apart < 0.05).count();
    // A piece at an interruption or at a network stall consists of two halves and does not match.
    assert!(
        pieces.len() >= 15 && found * 10 >= pieces.len() * 8,
        "within 20 ms the agent's side is what was played: {pieces:?}"
    );
    let heard = loud(&report.heard);
    assert!(loud(&agent).abs_diff(heard) <= 1_600, "and nothing that was cleared: {} and {heard}", loud(&agent));
    let began = first_loud(&caller).expect("the caller is on it") as i64 + lag;
    let spoke = report.summary.spoke_from_ms.expect("the caller spoke") as i64 * 8;
    assert!((began - spoke).abs() <= 160, "the sides are {} samples apart", began - spoke);
    let said = voice();
    let place = (began - lag) as usize;
    let first = first_loud(&said).expect("a voice");
    let same = caller[place..].iter().zip(&said[first..]).take(8_000);
    let worst = same.map(|(a, b)| a.abs_diff(*b)).max().expect("a second of it");
    assert!(worst <= 1_024, "mu-law apart, the caller's side is what the phone said: {worst}");
}

#[actix_rt::test]
async fn a_paused_recording_is_silent_and_goes_on_in_time() {
    let running = start(&[("recording.enabled", "true")]).await;
    let report = call(&running, voice().repeat(4), Some(200), 5_000, async |id: String| {
        let url = running.admin(&format!("/calls/{id}/recording"));
        actix_rt::time::sleep(Duration::from_millis(1_500)).await;
        let paused = post_body(&url, "application/json", r#"{"paused":true}"#, &[]).await;
        assert_eq!((paused.status, paused.json()), (200, json!({ "recording": "paused" })));
        actix_rt::time::sleep(Duration::from_millis(1_500)).await;
        let running = post_body(&url, "application/json", r#"{"paused":false}"#, &[]).await;
        assert_eq!(running.json(), json!({ "recording": "running" }));
        post_body(&url, "application/json", "{}", &[]).await.problem(400);
    })
    .await;
    let sid = report.summary.call_sid.clone();
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    let (_, sides) = recording(records.path(), &sid);
    let silent = |at: usize| sides.iter().all(|side| side[at..at + 400].iter().all(|&sample| sample == 0));
    let quiet: Vec<usize> = (0..sides[0].len() - 400).step_by(400).filter(|&at| silent(at)).collect();
    let middle = quiet.iter().filter(|&&at| (8_000..32_000).contains(&at)).count();
    assert!((24..=36).contains(&middle), "about a second and a half of 50 ms pieces, not {middle}");
    assert!(first_loud(&sides[0]).is_some_and(|at| at < 8_000), "the caller is heard before");
    assert!(sides[0][sides[0].len() - 8_000..].iter().any(|sample| sample.unsigned_abs() > 3_000), "and after");
}

#[actix_rt::test]
async fn a_call_that_is_not_recorded_cannot_be_paused_and_leaves_no_file() {
    let running = start(&[]).await;
    let mut stream = FakeStream::start(&running.stream(), "CA1", None).await;
    running.until_calls(1).await;
    let url = running.admin("/calls/CA1/recording");
    let problem = post_body(&url, "application/json", r#"{"paused":true}"#, &[]).await.problem(409);
    assert!(problem.contains("recording.enabled"), "{problem}");
    stream.say(&json!({ "event": "stop", "stop": {} })).await;
    running.until_calls(0).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    assert_eq!(files(records.path(), ".wav"), Vec::<PathBuf>::new());
}

#[actix_rt::test]
async fn a_failed_recording_is_noted_in_the_record_and_the_call_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let dir = folder.path().join("recordings");
    let running = start(&[("recording.enabled", "true"), ("recording.dir", &dir.to_string_lossy())]).await;
    std::fs::remove_dir(&dir).expect("it was made, and is empty");
    std::fs::write(&dir, "no folder").expect("written");
    let mut shown = Value::Null;
    let report = call(&running, voice(), Some(200), 3_000, async |id: String| {
        actix_rt::time::sleep(Duration::from_millis(1_500)).await;
        shown = get(&running.admin(&format!("/calls/{id}")), &[]).await.json()["incidents"].clone();
    })
    .await;
    assert!(report.summary.failures.is_empty(), "{:?}", report.summary.failures);
    let sid = report.summary.call_sid.clone();
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    let recorded = transcript(records.path(), &sid);
    for incidents in [&shown, &recorded["incidents"]] {
        let disk: Vec<&Value> =
            incidents.as_array().expect("a list").iter().filter(|incident| incident["kind"] == "disk").collect();
        assert_eq!(disk.len(), 1, "{incidents}");
        let detail = disk[0]["detail"].as_str().expect("words");
        assert!(detail.starts_with("the recording could not be written: "), "{detail}");
    }
}

#[actix_rt::test]
async fn a_carrier_that_sends_a_law_as_mu_law_is_found_and_corrected() {
    for correct in [false, true] {
        let running = start(&[("audio.correct", if correct { "true" } else { "false" })]).await;
        // The bytes that the phone encodes as mu-law are then A-law.
        let wrong: Vec<i16> = voice().iter().map(|&s| g711::decode_mulaw(g711::encode_alaw(s))).collect();
        let mut shown = Value::Null;
        let report = call(&running, wrong, Some(0), 4_000, async |id: String| {
            actix_rt::time::sleep(Duration::from_millis(2_500)).await;
            shown = get(&running.admin(&format!("/calls/{id}")), &[]).await.json()["diagnosis"].clone();
            let again = post_body(&running.admin(&format!("/calls/{id}/diagnosis")), "text/plain", "", &[]).await;
            assert_eq!(again.status, 202);
        })
        .await;
        assert_eq!(shown["verdict"], "faulty", "{shown}");
        assert_eq!(shown["findings"], json!(["alaw_as_mulaw"]));
        assert_eq!((&shown["corrected"], &shown["reading"]), (&json!(correct), &json!("a_law")));
        let metrics = get(&running.admin("/metrics"), &[]).await.text;
        let found = r#"switchboard_audio_findings_total{carrier="twilio",finding="alaw_as_mulaw"}"#;
        assert!(common::counted(&metrics, found) >= 1.0);
        let sid = report.summary.call_sid.clone();
        let Running { service, records } = running;
        service.stop(Duration::ZERO).await;
        let record = transcript(records.path(), &sid);
        assert_eq!(record["analytics"]["audio"]["findings"], json!(["alaw_as_mulaw"]));
    }
}

#[actix_rt::test]
async fn a_good_line_has_no_finding() {
    let running = start(&[]).await;
    let report = call(&running, voice(), Some(0), 4_000, |_| async {}).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    let audio = transcript(records.path(), &report.summary.call_sid)["analytics"]["audio"].clone();
    assert_eq!((&audio["verdict"], &audio["findings"]), (&json!("good"), &json!([])), "{audio}");
    assert!(audio["level_dbfs"].as_f64().is_some_and(|level| (-30.0..-5.0).contains(&level)), "{audio}");
}

#[actix_rt::test]
async fn an_agent_is_as_loud_as_the_carrier_s_gain_makes_it() {
    let mut levels = Vec::new();
    for gain in ["0.0", "-12.0"] {
        let running = start(&[("audio.twilio.gain_out_db", gain)]).await;
        let report = call(&running, vec![], None, 2_500, |_| async {}).await;
        running.stop().await;
        let heard = &report.heard[4_000..12_000];
        levels.push((heard.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / heard.len() as f64).sqrt());
    }
    let apart = 20.0 * (levels[0] / levels[1]).log10();
    assert!((apart - 12.0).abs() < 0.5, "{apart} dB");
}

/// Places a call that hangs up after `length_ms`, runs `meanwhile` with its id, and returns
/// the phone's report.
async fn call<F>(
    running: &Running,
    speech: Vec<i16>,
    speak_at_ms: Option<u64>,
    length_ms: u64,
    meanwhile: impl FnOnce(String) -> F,
) -> CallReport
where
    F: Future<Output = ()>,
{
    let url = running.public("/twilio/voice").parse().expect("a URL");
    let mut options = PhoneOptions::new(Target::Webhook(url));
    options.speech = speech.into();
    options.speak_at = speak_at_ms.map(Duration::from_millis);
    options.hangup_after = Some(Duration::from_millis(length_ms));
    let (handset, _remote) = Handset::new();
    let watch = async {
        running.until_calls(1).await;
        let id = running.calls().await[0]["id"].as_str().expect("an id").to_owned();
        meanwhile(id).await;
    };
    let (report, ()) = join(place_call(options, handset), watch).await;
    assert!(report.summary.failures.is_empty(), "{:?}", report.summary.failures);
    report
}

/// Two seconds of a synthetic voice: harmonics of a moving pitch, in syllables.
fn voice() -> Vec<i16> {
    let mut phase = 0.0;
    (0..16_000)
        .map(|n| {
            let t = f64::from(n) / 8_000.0;
            phase += (130.0 + 20.0 * (TAU * 1.5 * t).sin()) / 8_000.0;
            let sound: f64 = (1..=12).map(|k| (TAU * phase * f64::from(k)).sin() / f64::from(k)).sum();
            (6_000.0 * (0.55 + 0.45 * (TAU * 4.0 * t).cos()) * sound) as i16
        })
        .collect()
}

fn first_loud(samples: &[i16]) -> Option<usize> {
    samples.iter().position(|sample| sample.unsigned_abs() > 500)
}

/// Finds the offset in `b`, within `lags`, at which it resembles `a` most. Returns the difference,
/// where 0 is identical and 1 is as different as silence, and the offset.
fn nearest(a: &[i16], b: &[i16], lags: std::ops::RangeInclusive<i64>) -> (f64, i64) {
    let difference = |lag: i64| {
        let (mut apart, mut all) = (0.0, 1.0);
        for n in (0..a.len()).step_by(3) {
            let there = usize::try_from(n as i64 + lag).ok().and_then(|at| b.get(at)).copied().unwrap_or(0);
            apart += (f64::from(a[n]) - f64::from(there)).powi(2);
            all += f64::from(a[n]).powi(2);
        }
        apart / all
    };
    lags.map(|lag| (difference(lag), lag)).min_by(|a, b| a.0.total_cmp(&b.0)).expect("a lag")
}

/// Number of samples in audible pieces of 20 ms.
fn loud(samples: &[i16]) -> usize {
    samples.chunks(160).filter(|piece| piece.iter().any(|sample| sample.unsigned_abs() > 500)).count() * 160
}

/// The name and both channels of the single recording of this call.
fn recording(records: &Path, sid: &str) -> (String, [Vec<i16>; 2]) {
    let found = files(records, "_recording.wav");
    assert_eq!(found.len(), 1, "{found:?}");
    let name = found[0].file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    assert!(name.starts_with(&format!("call_{sid}_")), "{name}");
    let bytes = std::fs::read(&found[0]).expect("readable");
    let said = u32::from_le_bytes([bytes[40], bytes[41], bytes[42], bytes[43]]) as usize;
    assert_eq!(said, bytes.len() - 44, "the head is true");
    assert_eq!(bytes[22..28], [2, 0, 0x40, 0x1F, 0, 0], "stereo, 8 kHz");
    let side = |offset: usize| {
        bytes[44..].chunks_exact(4).map(|moment| i16::from_le_bytes([moment[offset], moment[offset + 1]])).collect()
    };
    (name, [side(0), side(2)])
}

fn files(dir: &Path, end: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(dir).expect("the records").map(|entry| entry.expect("an entry").path());
    all.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}
