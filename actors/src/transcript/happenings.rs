//! What happened in a call besides words: language switches, transfers, answers to questions, turn
//! latencies. Pure.
//!
//! The values stay as reported. Every list is bounded: at its bound it drops the newest entry and
//! counts it. The list of turn latencies keeps the newest instead.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use crate::carrier::webhook_api::AnsweredBy;
use crate::incident::Incidents;
use crate::latency::TurnLatency;
use crate::realtime::report::TranscriptionUsage;
use crate::transcript::messages::Steered;

/// All happenings of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Happenings {
    /// Language switches.
    pub switches: Vec<Switch>,
    /// From which agent to which the call was given.
    pub hand_overs: Vec<Switch>,
    /// The models that answered, in their order.
    pub models: Vec<Served>,
    /// What operators did with the call.
    pub steering: Vec<SteeredBy>,
    /// Transfers, one entry for each change of a transfer's outcome.
    pub transfers: Vec<Transfer>,
    /// Answers to configured questions; the last answer to a question counts.
    pub answers: Vec<Answer>,
    /// The latencies of the last turns.
    pub latency: VecDeque<TurnLatency>,
    /// What the caller's audio is like.
    pub diagnosis: Option<Value>,
    /// The kind of answerer (person or machine), if the carrier detected it.
    pub answered_by: Option<AnsweredBy>,
    /// The usage of transcription.
    pub transcription: TranscriptionUsage,
    /// What went wrong.
    pub incidents: Incidents,
    /// Bare file names of the recordings, in the order of their start.
    pub recordings: Vec<String>,
    /// Keys pressed while the recording was paused.
    pub keys_withheld: u64,
    /// Items of the caller or the agent spoken while the recording was paused.
    pub words_withheld: u64,
    /// Tools called while the recording was paused.
    pub tools_withheld: u64,
    /// Entries dropped at a bound.
    pub omitted: u64,
    bytes: usize,
}

/// A change of the language or of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    /// When, since the start of the call.
    pub at: Duration,
    /// What it was before.
    pub from: String,
    /// What it is from then on.
    pub to: String,
}

/// A model that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Since when, from the start of the call.
    pub at: Duration,
    /// The word of its provider.
    pub provider: String,
    /// Its name.
    pub model: String,
}

/// What an operator did with the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SteeredBy {
    /// When, since the start of the call.
    pub at: Duration,
    /// What they did.
    pub act: Steered,
    /// The name of their token.
    pub by: String,
    /// The words, if there were any.
    pub text: String,
}

/// A requested transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// When it was reported, since the start of the call.
    pub at: Duration,
    /// The destination's name.
    pub destination: String,
    /// Why.
    pub reason: String,
    /// The outcome.
    pub outcome: String,
}

/// An answer to a configured question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When, since the start of the call.
    pub at: Duration,
    /// The question's key.
    pub key: String,
    /// The answer.
    pub value: Value,
    /// How good it is.
    pub status: String,
}

impl Happenings {
    /// Notes a language switch.
    pub fn switched(&mut self, at: Duration, from: String, to: String) {
        if self.take(self.switches.len(), from.len() + to.len()) {
            self.switches.push(Switch { at, from, to });
        }
    }

    /// Notes that another agent has the call.
    pub fn handed_over(&mut self, at: Duration, from: String, to: String) {
        if self.take(self.hand_overs.len(), from.len() + to.len()) {
            self.hand_overs.push(Switch { at, from, to });
        }
    }

    /// Notes the model that answers from now on.
    pub fn served(&mut self, at: Duration, provider: String, model: String) {
        // The model at the end is always known: at the bound it takes the place of the one before.
        if self.models.len() >= MOST_MODELS {
            self.models.pop();
            self.omitted += 1;
        }
        self.models.push(Served { at, provider, model });
    }

    /// Notes what an operator did.
    pub fn steered(&mut self, at: Duration, act: Steered, by: String, text: String) {
        if self.take(self.steering.len(), by.len() + text.len()) {
            self.steering.push(SteeredBy { at, act, by, text });
        }
    }

    /// Notes a transfer request or its outcome.
    pub fn transferred(&mut self, at: Duration, destination: String, reason: String, outcome: String) {
        if self.take(self.transfers.len(), destination.len() + reason.len() + outcome.len()) {
            self.transfers.push(Transfer { at, destination, reason, outcome });
        }
    }

    /// Notes an answer to a question.
    pub fn answered(&mut self, at: Duration, key: String, value: Value, status: String) {
        if self.take(self.answers.len(), key.len() + status.len() + weight(&value)) {
            self.answers.push(Answer { at, key, value, status });
        }
    }

    /// Notes a recording that has started.
    pub fn recorded(&mut self, file: String) {
        // Recordings have their own bound: an erasure may miss a file that is not named here.
        if self.recordings.len() < MOST_RECORDINGS {
            self.recordings.push(file);
        }
    }

    /// Notes the latency of a turn.
    pub fn timed(&mut self, latency: TurnLatency) {
        if self.latency.len() >= MOST_TIMED {
            self.latency.pop_front();
        }
        self.latency.push_back(latency);
    }

    /// Sorts every list by time.
    pub fn in_order(&self) -> Self {
        let mut ordered = self.clone();
        ordered.switches.sort_by_key(|switch| switch.at);
        ordered.steering.sort_by_key(|steered| steered.at);
        ordered.transfers.sort_by_key(|transfer| transfer.at);
        ordered.answers.sort_by_key(|answer| answer.at);
        ordered.incidents = ordered.incidents.in_order();
        ordered.latency.make_contiguous().sort_by_key(|latency| latency.turn);
        ordered
    }

    fn take(&mut self, known: usize, bytes: usize) -> bool {
        let fits = known < MOST_OF_A_KIND && self.bytes + bytes <= MOST_BYTES;
        if fits {
            self.bytes += bytes;
        } else {
            self.omitted += 1;
        }
        fits
    }
}

/// Roughly the memory that `value` takes.
pub(super) fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(weight).sum(),
        Value::Object(fields) => fields.iter().map(|(key, value)| key.len() + weight(value)).sum(),
    };
    size_of::<Value>() + inside
}

/// The newest turns whose latencies are kept: an hour of brisk talk. With more, the record of a
/// long call is mostly numbers.
pub(super) const MOST_TIMED: usize = 200;
/// The most recordings of one call. A caller returns at most eight times, and a Transcript may be
/// restarted.
const MOST_RECORDINGS: usize = 16;
/// The most models of one call. A call that changes more often goes back and forth.
const MOST_MODELS: usize = 64;
/// The most switches, transfers and answers, each. A call has a handful; this many means that the
/// model loops.
pub(super) const MOST_OF_A_KIND: usize = 256;
/// The most bytes of text in all of them. An answer to a question is a sentence or two.
pub(super) const MOST_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests;
