//! Calls with models that speak the Realtime API in a dialect: each through the whole service, with
//! the embedded model in that dialect.

mod common;

use std::time::Duration;

use common::{start_with, transcript, voice};
use futures_util::future::join_all;
use serde_json::Value;
use switchboard::tools::phone::{Handset, PhoneOptions, Target, place_call};
use switchboard::tools::rehearsal::{ClientLog, Rehearsal, RehearsalOptions};

/// The settings of each dialect: the provider, and the dialect where that is no provider.
const DIALECTS: [(&str, &str, &str); 5] = [
    ("partial", "rehearsal", "partial"),
    ("beta", "rehearsal", "beta"),
    ("xai", "xai", "auto"),
    ("azure_voice_live", "azure_voice_live", "auto"),
    ("inworld", "inworld", "auto"),
];
const KEYS: [(&str, &str); 3] =
    [("XAI_API_KEY", "xai-key"), ("INWORLD_API_KEY", "inworld-key"), ("OPENAI_API_KEY", "sk-key")];

#[actix_rt::test]
async fn a_call_in_every_dialect_is_greeted_answered_and_ended_by_a_tool() {
    join_all(DIALECTS.map(call)).await;
}

/// Places a call in one dialect and looks at its record and at what the model was sent.
async fn call((dialect, provider, chosen): (&str, &str, &str)) {
    let log = ClientLog::default();
    let options = RehearsalOptions { log: Some(log.clone()), ..RehearsalOptions::default() };
    let model = Rehearsal::start(options).await.expect("a model");
    let url = format!("{}?dialect={dialect}", model.url());
    let mut settings = vec![("twilio.verify", "off"), ("realtime.provider", provider), ("realtime.url", url.as_str())];
    settings.extend((chosen != "auto").then_some(("realtime.dialect", chosen)));
    settings.push(("agents.default.tools", "[\"end_call\"]"));
    let running = start_with(&KEYS, &settings).await;
    let url = running.public("/twilio/voice").parse().expect("a URL");
    let mut options = PhoneOptions::new(Target::Webhook(url));
    options.speech = voice(440.0, 2_000).into();
    options.longest = Duration::from_secs(40);
    options.dtmf = vec![(Duration::from_secs(12), '9')];
    options.hangup_after = Some(Duration::from_secs(30));
    let (handset, _remote) = Handset::new();
    let report = place_call(options, handset).await;
    let records = running.records;
    running.service.stop(Duration::ZERO).await;
    drop(model);
    assert_eq!(report.summary.failures, Vec::<String>::new(), "{dialect}");
    let record = transcript(records.path(), &report.summary.call_sid);
    check(dialect, &record, &log.of(1));
}

fn check(dialect: &str, record: &Value, sent: &[Value]) {
    let spoken = |speaker: &str| {
        let said = record["conversation"].as_array().expect("a conversation").iter();
        said.filter(|entry| entry["speaker"] == speaker && entry["text"] != "").count()
    };
    assert_eq!(record["ending"]["reason"], "agent_hung_up", "{dialect}: {record:#}");
    assert_eq!(spoken("user"), 1, "{dialect}: {record:#}");
    assert!(spoken("assistant") >= 3, "{dialect}: greeted, answered and said goodbye: {record:#}");
    let update = sent.iter().find(|event| event["type"] == "session.update").expect("configured");
    let flat = update["session"].get("input_audio_format").is_some();
    assert_eq!(flat, ["beta", "azure_voice_live"].contains(&dialect), "{update:#}");
    assert_eq!(update["session"].get("voice").is_some(), flat || dialect == "xai", "{update:#}");
    // What a dialect does not have is not sent.
    let has = |kind: &str| sent.iter().any(|event| event["type"] == kind);
    assert!(!has("conversation.item.truncate") || !["partial", "inworld"].contains(&dialect), "{dialect}");
}
