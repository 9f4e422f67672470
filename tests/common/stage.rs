//! A rehearsal model with configurable faults, and a service that uses it.

use std::time::Duration;

use serde_json::Value;
use switchboard::tools::phone::{CallReport, Handset, PhoneOptions, Target, place_call};
use switchboard::tools::rehearsal::{ClientLog, Rehearsal, RehearsalOptions};

use super::{Running, start, transcript};

/// The model, the service, and the client events that the model received.
pub struct Stage {
    /// The model, while it runs.
    pub model: Option<Rehearsal>,
    /// The client events of its sessions.
    pub log: ClientLog,
    /// The service.
    pub running: Running,
}

impl Stage {
    /// Starts a model with the faults in `rehearse`, and a service with these settings.
    pub async fn with(rehearse: &str, overrides: &[(&str, &str)]) -> Self {
        Self::speaking("realtime", rehearse, overrides).await
    }

    /// The same with a model that speaks this protocol.
    pub async fn speaking(protocol: &str, rehearse: &str, overrides: &[(&str, &str)]) -> Self {
        let log = ClientLog::default();
        let options = RehearsalOptions { log: Some(log.clone()), ..RehearsalOptions::default() };
        let model = Rehearsal::start(options).await.expect("a model");
        let url = format!("{}?rehearse={rehearse}", model.url_for(protocol).expect("it is served"));
        let mut all = vec![("realtime.rehearsal_protocol", protocol), ("realtime.url", url.as_str())];
        all.extend_from_slice(overrides);
        let running = start(&all).await;
        Self { model: Some(model), log, running }
    }

    /// Places a call through the webhook and waits for its end.
    pub async fn call(&self, change: impl FnOnce(&mut PhoneOptions)) -> CallReport {
        let url = self.running.public("/twilio/voice").parse().expect("a URL");
        let mut options = PhoneOptions::new(Target::Webhook(url));
        change(&mut options);
        let (handset, _remote) = Handset::new();
        place_call(options, handset).await
    }

    /// Stops both and returns the call's record.
    pub async fn record(self, report: &CallReport) -> Value {
        let Running { service, records } = self.running;
        service.stop(Duration::ZERO).await;
        drop(self.model);
        assert_eq!(report.summary.failures, Vec::<String>::new());
        transcript(records.path(), &report.summary.call_sid)
    }
}

/// The words of one side that were heard, according to the record.
pub fn heard(record: &Value, speaker: &str) -> Vec<String> {
    let said = record["conversation"].as_array().expect("a conversation");
    let said = said.iter().filter(|entry| entry["speaker"] == speaker && entry["heard"] != "");
    said.map(|entry| entry["heard"].as_str().unwrap_or_default().to_owned()).collect()
}
