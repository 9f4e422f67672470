//! The results of the agent's questions: how often and when each was asked, how good its answer is,
//! and where the caller dropped off. Pure.
//!
//! | status | |
//! |---|---|
//! | `verified` | the caller confirmed it: the model said so, or saved the same answer again |
//! | `captured` | it fits its question |
//! | `needs_to_be_validated` | it was said, and does not fit its question |
//! | `not_captured` | there is no answer |
//!
//! An attempt is one `save_answer` of the model. It begins with the agent's words before the
//! caller's, and ends when the answer is saved. In a call without words every question is
//! `not_captured`, and the completion is `none`.

use std::time::Duration;

use serde_json::Value;

use super::happenings::Answer;
use super::log::{Utterance, Voice};
use crate::profile::Question;

/// The results of all questions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Review {
    /// One result per question, in the order of the configuration. Without configured questions:
    /// one result per key of the model, in the order of the first answers.
    pub questions: Vec<Finding>,
    /// How many of the questions are answered.
    pub completion: Completion,
    /// Where the caller dropped off; `None` if no answer is missing.
    pub drop_off: Option<DropOff>,
}

/// The result of one question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    /// The question's key.
    pub key: String,
    /// The question's label.
    pub label: String,
    /// The last answer, which counts.
    pub value: Option<Value>,
    /// The status of the answer.
    pub status: &'static str,
    /// All attempts.
    pub attempts: Vec<Attempt>,
}

/// One attempt: an answer was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    /// When the agent asked, since the start of the call.
    pub asked_at: Duration,
    /// When the answer was saved, since the start of the call.
    pub saved_at: Duration,
}

/// How many of the questions are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completion {
    /// All questions.
    Complete,
    /// Some questions.
    Partial,
    /// No question.
    None,
}

/// Where the caller dropped off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DropOff {
    /// The first question without an answer.
    pub key: String,
    /// When the agent last spoke; `None` if it never did.
    pub at: Option<Duration>,
}

impl Completion {
    /// The word for it in records and payloads.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::None => "none",
        }
    }
}

impl Review {
    /// Sums up a call. `answers` and `said` are in chronological order.
    pub(super) fn new(questions: &[Question], answers: &[Answer], said: &[Utterance]) -> Self {
        let questions: Vec<Finding> =
            asked(questions, answers).into_iter().map(|(key, label)| Finding::new(key, label, answers, said)).collect();
        let answered = questions.iter().filter(|finding| finding.value.is_some()).count();
        let completion = match answered {
            0 => Completion::None,
            all if all == questions.len() => Completion::Complete,
            _ => Completion::Partial,
        };
        let missing = questions.iter().find(|finding| finding.value.is_none());
        let last_spoken = said.iter().filter(|it| it.voice != Voice::Caller).map(|it| it.at).max();
        let drop_off = missing.map(|finding| DropOff { key: finding.key.clone(), at: last_spoken });
        Self { questions, completion, drop_off }
    }

    /// The attempted keys, and the keys with an answer.
    pub(super) fn keys(&self) -> (Vec<String>, Vec<String>) {
        let keys =
            |wanted: fn(&&Finding) -> bool| self.questions.iter().filter(wanted).map(|it| it.key.clone()).collect();
        (keys(|finding| !finding.attempts.is_empty()), keys(|finding| finding.value.is_some()))
    }
}

/// How often the caller answered the agent.
pub(super) fn exchanges(said: &[Utterance]) -> usize {
    said.windows(2).filter(|two| two[0].voice != Voice::Caller && two[1].voice == Voice::Caller).count()
}

/// The keys and labels of all questions.
fn asked(questions: &[Question], answers: &[Answer]) -> Vec<(String, String)> {
    if !questions.is_empty() {
        return questions.iter().map(|question| (question.key.clone(), question.label.clone())).collect();
    }
    let mut chosen: Vec<(String, String)> = Vec::new();
    for answer in answers {
        if chosen.iter().all(|(key, _)| *key != answer.key) {
            chosen.push((answer.key.clone(), answer.key.clone()));
        }
    }
    chosen
}

impl Finding {
    fn new(key: String, label: String, answers: &[Answer], said: &[Utterance]) -> Self {
        let own: Vec<&Answer> = answers.iter().filter(|answer| answer.key == key).collect();
        let attempts = own.iter().map(|answer| Attempt { asked_at: asked_at(answer.at, said), saved_at: answer.at });
        Self {
            attempts: attempts.collect(),
            value: own.last().map(|last| last.value.clone()),
            status: status(&own),
            key,
            label,
        }
    }
}

fn status(own: &[&Answer]) -> &'static str {
    match own {
        [] => "not_captured",
        [.., last] if last.status == "needs_to_be_validated" => "needs_to_be_validated",
        [.., last] if last.status == "verified" => "verified",
        [.., before, last] if before.value == last.value && before.status != "needs_to_be_validated" => "verified",
        [..] => "captured",
    }
}

/// When the agent began the words that the caller then answered.
fn asked_at(saved_at: Duration, said: &[Utterance]) -> Duration {
    let before = said.iter().rposition(|it| it.voice == Voice::Caller && it.at <= saved_at).unwrap_or(said.len());
    let asked = said[..before].iter().rev().find(|it| it.voice != Voice::Caller && it.at <= saved_at);
    asked.map_or(saved_at, |it| it.at)
}

#[cfg(test)]
mod tests;
