//! Whole calls in which our own detector says when the caller speaks, because the model does not, or
//! gives a second opinion beside a model that does.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Running, counted, get, transcript};
use switchboard::tools::phone::{CallReport, Handset, PhoneOptions, Target, place_call};
use switchboard::tools::rehearsal::{Rehearsal, RehearsalOptions};
use switchboard_actors::carrier::Encoding;
use switchboard_actors::g711;

/// Places a call to a model that listens while it speaks. The caller says `speech` into a long
/// answer.
async fn call(settings: &[(&str, &str)], speech: Arc<[i16]>) -> CallReport {
    let (report, running) = call_to("live", settings, speech).await;
    running.service.stop(Duration::ZERO).await;
    report
}

/// The same, to a model that speaks `protocol`. The service still runs.
async fn call_to(protocol: &str, settings: &[(&str, &str)], speech: Arc<[i16]>) -> (CallReport, Running) {
    let model = Rehearsal::start(RehearsalOptions::default()).await.expect("a model");
    let url = format!("{}?rehearse=answer_ms:15000", model.url_for(protocol).expect("it is served"));
    let mut all = vec![("realtime.rehearsal_protocol", protocol), ("realtime.url", url.as_str())];
    all.extend_from_slice(settings);
    let running = common::start(&all).await;
    let target = running.public("/twilio/voice").parse().expect("a URL");
    let mut options = PhoneOptions::new(Target::Webhook(target));
    options.speech = speech;
    options.speak_at = Some(Duration::from_secs(4));
    options.hangup_after = Some(Duration::from_secs(9));
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    (report, running)
}

/// A sentence of a caller, as it is bundled: mu-law in a WAV file.
fn sentence() -> Arc<[i16]> {
    let wav = include_bytes!("../src/tools/phone/speech/en.wav");
    let data = wav.windows(4).position(|name| name == b"data").expect("a WAV file") + 8;
    let mut samples = Vec::new();
    g711::decode(Encoding::MuLaw, &wav[data..], &mut samples);
    samples.into()
}

/// A sound that a server which listens to the level takes for speech, and our detector does not.
fn hum() -> Arc<[i16]> {
    common::voice(440.0, 1_500).into()
}

/// The setting that lets us cut the model.
const WE_DECIDE: (&str, &str) = ("interruption.policy", "immediate");

#[actix_rt::test]
async fn a_voice_over_the_agent_cuts_it() {
    let report = call(&[WE_DECIDE], sentence()).await;
    assert!(report.summary.clears >= 1, "{:?}", report.summary);
}

#[actix_rt::test]
async fn a_voice_over_a_paused_agent_cuts_it_once_it_lasts() {
    let report = call(&[("interruption.policy", "pause")], sentence()).await;
    assert!(report.summary.clears >= 1, "{:?}", report.summary);
}

#[actix_rt::test]
async fn by_default_the_model_decides_about_a_voice() {
    let report = call(&[], sentence()).await;
    assert_eq!(report.summary.clears, 0, "{:?}", report.summary);
}

#[actix_rt::test]
async fn beside_a_model_that_reports_speech_it_gives_a_second_opinion() {
    let (report, running) = call_to("realtime", &[("speech_detector.enabled", "true")], sentence()).await;
    let metrics = get(&running.admin("/metrics"), &[]).await.text;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    let record = transcript(records.path(), &report.summary.call_sid);
    let opinions = &record["analytics"]["audio"]["speech_opinions"];
    assert!(opinions["agreed"].as_u64() >= Some(1), "{record:#}");
    assert!(counted(&metrics, r#"switchboard_speech_opinions_total{result="agreed"}"#) >= 1.0);
}

#[actix_rt::test]
async fn a_noise_that_the_model_takes_for_speech_is_counted() {
    let (report, running) = call_to("realtime", &[("speech_detector.enabled", "true")], hum()).await;
    let Running { service, records } = running;
    service.stop(Duration::ZERO).await;
    let record = transcript(records.path(), &report.summary.call_sid);
    let opinions = &record["analytics"]["audio"]["speech_opinions"];
    assert_eq!((opinions["noise"].as_u64(), opinions["agreed"].as_u64()), (Some(1), Some(0)), "{record:#}");
}
