//! A model that rehearses as it is told, and a service that talks to it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use switchboard::tools::phone::{CallReport, Handset, PhoneOptions, Target, place_call};
use switchboard::tools::rehearsal::{ClientLog, Rehearsal, RehearsalOptions};

use super::{Running, start};

/// Both, and what the model was told.
pub struct Stage {
    /// The model, for as long as it is there.
    pub model: Option<Rehearsal>,
    /// What its sessions were told.
    pub log: ClientLog,
    /// The service.
    pub running: Running,
}

impl Stage {
    /// A model with the faults that `rehearse` names, and a service with these settings.
    pub async fn with(rehearse: &str, overrides: &[(&str, &str)]) -> Self {
        let log = ClientLog::default();
        let options = RehearsalOptions { log: Some(log.clone()), ..RehearsalOptions::default() };
        let model = Rehearsal::start(options).await.expect("a model");
        let url = format!("{}?rehearse={rehearse}", model.url());
        let mut all = vec![("realtime.url", url.as_str())];
        all.extend_from_slice(overrides);
        let running = start(&all).await;
        Self { model: Some(model), log, running }
    }

    /// A call by the webhook, to its end.
    pub async fn call(&self, change: impl FnOnce(&mut PhoneOptions)) -> CallReport {
        let url = self.running.public("/twilio/voice").parse().expect("a URL");
        let mut options = PhoneOptions::new(Target::Webhook(url));
        change(&mut options);
        let (handset, _remote) = Handset::new();
        place_call(options, handset).await
    }

    /// Stops everything and gives the call's record.
    pub async fn record(self, report: &CallReport) -> Value {
        let Running { service, records } = self.running;
        service.stop(Duration::ZERO).await;
        drop(self.model);
        assert_eq!(report.summary.failures, Vec::<String>::new());
        record(records.path(), &report.summary.call_sid)
    }
}

/// The one record of a call.
pub fn record(records: &Path, call_sid: &str) -> Value {
    let prefix = format!("call_{call_sid}_");
    let files = std::fs::read_dir(records).expect("the records").map(|entry| entry.expect("an entry").path());
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let transcript = files
        .filter(|path| name(path).starts_with(&prefix) && name(path).ends_with("_transcript.json"))
        .collect::<Vec<_>>();
    assert_eq!(transcript.len(), 1, "one record of {call_sid}: {transcript:?}");
    serde_json::from_str(&std::fs::read_to_string(&transcript[0]).expect("readable")).expect("JSON")
}
