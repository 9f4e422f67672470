//! What happened in a call besides words: languages switched, transfers asked for, questions answered, turns timed. Pure.
//!
//! Kept as told and bounded: at a bound the newest is not taken, and counted; of the timed turns, the newest are kept.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use crate::carrier::desk::AnsweredBy;
use crate::incident::Incidents;
use crate::latency::TurnLatency;
use crate::realtime::report::TranscriptionUsage;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Happenings {
    /// Switches of language.
    pub switches: Vec<LanguageSwitch>,
    /// Transfers, one entry each time that something came of one.
    pub transfers: Vec<Transfer>,
    /// Answers to configured questions; the last one to a question counts.
    pub answers: Vec<Answer>,
    /// How long the answers to the last turns took.
    pub latency: VecDeque<TurnLatency>,
    /// What the caller's audio is like.
    pub diagnosis: Option<Value>,
    /// Who has answered, where the carrier found out.
    pub answered_by: Option<AnsweredBy>,
    /// What transcription used.
    pub transcription: TranscriptionUsage,
    /// What went wrong.
    pub incidents: Incidents,
    /// The files of its recordings, by their bare names, in the order in which they were begun.
    pub recordings: Vec<String>,
    /// Keys that were pressed while the recording was paused.
    pub keys_withheld: u64,
    /// Items of the caller or the agent that were said while the recording was paused.
    pub words_withheld: u64,
    /// Tools that were called then.
    pub tools_withheld: u64,
    /// What was not taken.
    pub omitted: u64,
    bytes: usize,
}

/// A switch of language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageSwitch {
    /// When, since the start of the call.
    pub at: Duration,
    /// The language until then.
    pub from: String,
    /// The language from then on.
    pub to: String,
}

/// A transfer that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// When it was told, since the start of the call.
    pub at: Duration,
    /// Where to, by name.
    pub destination: String,
    /// Why.
    pub reason: String,
    /// What came of it.
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
    /// The language was switched.
    pub fn switched(&mut self, at: Duration, from: String, to: String) {
        if self.take(self.switches.len(), from.len() + to.len()) {
            self.switches.push(LanguageSwitch { at, from, to });
        }
    }

    /// A transfer was asked for, or something came of one.
    pub fn transferred(&mut self, at: Duration, destination: String, reason: String, outcome: String) {
        if self.take(self.transfers.len(), destination.len() + reason.len() + outcome.len()) {
            self.transfers.push(Transfer { at, destination, reason, outcome });
        }
    }

    /// A question was answered.
    pub fn answered(&mut self, at: Duration, key: String, value: Value, status: String) {
        if self.take(self.answers.len(), key.len() + status.len() + weight(&value)) {
            self.answers.push(Answer { at, key, value, status });
        }
    }

    /// A recording was begun.
    pub fn recorded(&mut self, file: String) {
        // Whatever else fills the log: what is not named here may be left behind when its call is erased.
        if self.recordings.len() < MOST_RECORDINGS {
            self.recordings.push(file);
        }
    }

    /// A turn was answered.
    pub fn timed(&mut self, latency: TurnLatency) {
        if self.latency.len() >= MOST_TIMED {
            self.latency.pop_front();
        }
        self.latency.push_back(latency);
    }

    /// In the order in which it happened.
    pub fn in_order(&self) -> Self {
        let mut ordered = self.clone();
        ordered.switches.sort_by_key(|switch| switch.at);
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

/// Turns whose times are kept, the newest: an hour of brisk talk. More: a long call's record is mostly numbers.
pub(super) const MOST_TIMED: usize = 200;
/// Files that one call is recorded in; a caller comes back eight times at most, and a Transcript may be begun anew.
const MOST_RECORDINGS: usize = 16;
/// Switches, transfers and answers, each. A call has a handful; this many is a model that goes round in circles.
pub(super) const MOST_OF_A_KIND: usize = 256;
/// Text in all of them. A question's answer is a sentence or two.
pub(super) const MOST_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_told_late_stands_where_it_happened() {
        let mut told = Happenings::default();
        told.switched(ms(20), "hi".to_owned(), "ta".to_owned());
        told.switched(ms(10), "en".to_owned(), "hi".to_owned());
        told.answered(ms(40), "name".to_owned(), json!("B"), "answered".to_owned());
        told.answered(ms(30), "name".to_owned(), json!("A"), "unclear".to_owned());
        told.timed(TurnLatency { turn: 2, ..TurnLatency::default() });
        told.timed(TurnLatency { turn: 1, ..TurnLatency::default() });
        let ordered = told.in_order();
        assert_eq!(ordered.switches.iter().map(|switch| &*switch.to).collect::<Vec<_>>(), ["hi", "ta"]);
        assert_eq!(ordered.answers.iter().map(|answer| answer.value.clone()).collect::<Vec<_>>(), ["A", "B"]);
        assert_eq!(ordered.latency.iter().map(|latency| latency.turn).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn the_newest_turns_are_kept() {
        let mut told = Happenings::default();
        for turn in 1..=1_000 {
            told.timed(TurnLatency { turn, ..TurnLatency::default() });
        }
        assert_eq!((told.latency.len(), told.latency[0].turn, told.omitted), (MOST_TIMED, 801, 0));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut told = Happenings::default();
        for _ in 0..MOST_OF_A_KIND + 3 {
            told.transferred(ms(0), "sales".to_owned(), String::new(), "refused".to_owned());
        }
        assert_eq!((told.transfers.len(), told.omitted), (MOST_OF_A_KIND, 3));
        told.answered(ms(0), "k".to_owned(), json!({"a": ["x".repeat(MOST_BYTES)]}), "answered".to_owned());
        assert_eq!((told.answers.len(), told.omitted), (0, 4));
        told.answered(ms(0), "k".to_owned(), json!(true), "answered".to_owned());
        assert_eq!(told.answers.len(), 1, "what fits is taken all the same");
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }
}
