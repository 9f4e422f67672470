//! Whole calls with the embedded model speaking GPT-Live, which listens while it speaks.

mod common;

use std::time::Duration;

use common::stage::{Stage, heard};
use common::voice;
use serde_json::Value;
use switchboard::tools::phone::{CallReport, PhoneOptions};

/// Places a call to a service whose model has the faults in `rehearse`. Returns the report, the
/// record, and the events of the first session.
async fn call(
    rehearse: &str,
    settings: &[(&str, &str)],
    change: impl FnOnce(&mut PhoneOptions),
) -> (CallReport, Value, Vec<Value>) {
    let stage = Stage::speaking("live", rehearse, settings).await;
    let report = stage
        .call(|options| {
            options.speech = voice(440.0, 2_000).into();
            options.longest = Duration::from_secs(40);
            change(options);
        })
        .await;
    let log = stage.log.clone();
    let record = stage.record(&report).await;
    (report, record, log.of(1))
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
