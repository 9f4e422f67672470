//! What a call tells: what the servers know, what the machine did, and what is recorded.

use serde_json::Value;

use super::*;

impl Call {
    /// Everything that the models of this call learned.
    pub(crate) fn known(&mut self) -> Vec<Known> {
        self.servers.iter_mut().flat_map(|seated| seated.server.base().knows.clone()).collect()
    }

    /// The reports of the model's side, each with its time in the call, for problems.
    pub(crate) fn story(&self) -> Vec<String> {
        self.reports.iter().map(|(at, report)| format!("{:?} {report:?}", *at - self.began)).collect()
    }

    /// What the client did against the protocol.
    pub(crate) fn wrongs(&mut self) -> Vec<String> {
        self.servers.iter_mut().flat_map(|seated| seated.server.base().wrong.clone()).collect()
    }

    pub(crate) fn conversation(&self) -> Conversation {
        self.log.conversation()
    }

    /// How much of each agent's item was heard, in order; the last report of each.
    pub(crate) fn heard(&self) -> Vec<(ItemId, Duration, bool)> {
        let mut heard: Vec<(ItemId, Duration, bool)> = Vec::new();
        for (_, fact) in &self.facts {
            if let Fact::Heard { item, heard: length, interrupted, .. } = fact {
                match heard.iter_mut().find(|(known, ..)| known == item) {
                    Some(known) => (known.1, known.2) = (*length, *interrupted),
                    None => heard.push((item.clone(), *length, *interrupted)),
                }
            }
        }
        heard
    }

    /// The record of the call, which is over.
    pub(crate) fn record(&self) -> Value {
        let End { ending, tally, at, .. } = self.ended.expect("an end");
        let record = Record::new(Closing {
            call: (&self.identity).into(),
            settings: &CallSettings::of(&self.profile),
            conversation: self.log.conversation(),
            ending,
            tally,
            duration: at - self.began,
            filed_at: chrono::DateTime::UNIX_EPOCH,
        });
        serde_json::from_slice(&record.transcript_json().expect("JSON")).expect("JSON")
    }

    pub(crate) fn state(&self) -> &'static str {
        self.machine.state()
    }
}
