//! Whole calls with the embedded model speaking GPT-Live, which listens while it speaks.

mod common;

use std::time::Duration;

use common::voice;
use serde_json::Value;
use switchboard::tools::phone::{CallReport, Handset, PhoneOptions, Target, place_call};
use switchboard::tools::rehearsal::{ClientLog, Rehearsal, RehearsalOptions};

/// Places a call to a service whose model has the faults in `rehearse`. Returns the report, the
/// record, and the events of the first session.
async fn call(
    rehearse: &str,
    settings: &[(&str, &str)],
    change: impl FnOnce(&mut PhoneOptions),
) -> (CallReport, Value, Vec<Value>) {
    let log = ClientLog::default();
    let options = RehearsalOptions { log: Some(log.clone()), ..RehearsalOptions::default() };
    let model = Rehearsal::start(options).await.expect("a model");
    let url = format!("{}?rehearse={rehearse}", model.url_for("live").expect("it is served"));
    let mut all = vec![("realtime.rehearsal_protocol", "live"), ("realtime.url", url.as_str())];
    all.extend_from_slice(settings);
    let running = common::start(&all).await;
    let target = running.public("/twilio/voice").parse().expect("a URL");
    let mut options = PhoneOptions::new(Target::Webhook(target));
    options.speech = voice(440.0, 2_000).into();
    options.longest = Duration::from_secs(40);
    change(&mut options);
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    running.service.stop(Duration::ZERO).await;
    assert_eq!(report.summary.failures, Vec::<String>::new());
    let record = common::transcript(running.records.path(), &report.summary.call_sid);
    (report, record, log.of(1))
}

/// The words of one side that were heard, according to the record.
fn heard(record: &Value, speaker: &str) -> Vec<String> {
    let said = record["conversation"].as_array().expect("a conversation");
    let said = said.iter().filter(|entry| entry["speaker"] == speaker && entry["heard"] != "");
    said.map(|entry| entry["heard"].as_str().unwrap_or_default().to_owned()).collect()
}

#[actix_rt::test]
async fn a_call_is_greeted_answered_and_closed() {
    let (_, record, sent) = call("", &[], |_| {}).await;
    let agent = heard(&record, "assistant");
    assert!(agent[0].starts_with("Hello") && agent[1].starts_with("[the caller's own words, 2."), "{agent:?}");
    assert!(heard(&record, "user")[0].starts_with("[caller speech, 2."), "{record:#}");
    let kinds: Vec<&str> = sent.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(kinds.first(), Some(&"session.start"));
    assert_eq!(kinds.last(), Some(&"session.close"), "{kinds:?}");
}

#[actix_rt::test]
async fn the_model_decides_alone_when_it_stops_if_that_is_the_policy() {
    let (report, record, _) = call("answer_ms:15000", &[("interruption.policy", "model")], |options| {
        options.speak_at = Some(Duration::from_secs(4));
        options.hangup_after = Some(Duration::from_secs(9));
    })
    .await;
    assert_eq!(report.summary.clears, 0, "nobody cuts the model: {:?}", report.summary);
    assert!(heard(&record, "assistant").len() >= 2, "{record:#}");
}

#[actix_rt::test]
async fn a_key_calls_a_tool_behind_the_voice() {
    let (_, record, sent) = call("", &[("agents.default.tools", "[\"save_answer\"]")], |options| {
        options.speech = [].into();
        options.dtmf = vec![(Duration::from_secs(5), '3')];
        options.hangup_after = Some(Duration::from_secs(12));
    })
    .await;
    assert_eq!(record["answers"]["answer"], "rehearsed", "{record:#}");
    let outputs = sent.iter().filter(|event| event["type"] == "response.item.create").count();
    let continued = sent.iter().filter(|event| event["type"] == "response.create").count();
    assert_eq!((outputs, continued), (1, 1));
}
