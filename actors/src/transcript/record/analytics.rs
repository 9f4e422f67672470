//! The figures of a call in its transcript file: counters, and how far its questions came. Pure;
//! part of [`super`].

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;

use super::values::{RFC3339_LENGTH, moment, rfc3339, shallow};
use crate::transcript::answers::{self, Attempt, Finding, Review};
use crate::transcript::happenings;
use crate::transcript::log::{Conversation, Voice};
use crate::transcript::messages::Tally;

/// The figures.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Analytics {
    turns: u64,
    barge_ins: u64,
    dropped_frames: u64,
    first_audio_ms: Option<u64>,
    total_exchanges: usize,
    user_messages: usize,
    assistant_messages: usize,
    interrupted_messages: usize,
    wordless_items: u64,
    turns_without_words: u64,
    keys_withheld: u64,
    words_withheld: u64,
    tools_withheld: u64,
    omitted: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Value>,
    completion: &'static str,
    drop_off: Option<DropOffEntry>,
    pub(super) questions: Vec<QuestionEntry>,
    question_answer_pairs: usize,
    parameters_attempted: Vec<String>,
    parameters_captured: Vec<String>,
}

/// The question that the caller was asked last before they left.
#[derive(Debug, Clone, Serialize)]
struct DropOffEntry {
    key: String,
    timestamp: Option<String>,
}

/// A question that the agent was configured to ask.
#[derive(Debug, Clone, Serialize)]
pub(super) struct QuestionEntry {
    key: String,
    label: String,
    value: Option<Value>,
    status: &'static str,
    attempts: usize,
    attempts_details: Vec<AttemptEntry>,
}

/// One attempt at an answer.
#[derive(Debug, Clone, Serialize)]
struct AttemptEntry {
    sequence: usize,
    start_time: String,
    end_time: String,
}

impl Analytics {
    pub(super) fn new(conversation: &Conversation, tally: Tally, review: Review, started_at: DateTime<Utc>) -> Self {
        let said = &conversation.utterances;
        let user_messages = said.iter().filter(|u| u.voice == Voice::Caller).count();
        let at = |after: Duration| rfc3339(moment(started_at, after));
        let (parameters_attempted, parameters_captured) = review.keys();
        Self {
            turns: tally.turns,
            barge_ins: tally.barge_ins,
            dropped_frames: tally.dropped_frames,
            first_audio_ms: tally.first_audio_ms,
            total_exchanges: said.len(),
            user_messages,
            assistant_messages: said.len() - user_messages,
            interrupted_messages: said.iter().filter(|u| u.interrupted).count(),
            wordless_items: conversation.wordless,
            turns_without_words: tally.turns_without_words,
            keys_withheld: conversation.happenings.keys_withheld,
            words_withheld: conversation.happenings.words_withheld,
            tools_withheld: conversation.happenings.tools_withheld,
            omitted: conversation.omitted,
            audio: conversation.happenings.diagnosis.clone(),
            completion: review.completion.word(),
            drop_off: review.drop_off.map(|drop| DropOffEntry { key: drop.key, timestamp: drop.at.map(at) }),
            questions: review.questions.into_iter().map(|finding| QuestionEntry::new(finding, started_at)).collect(),
            question_answer_pairs: answers::exchanges(said),
            parameters_attempted,
            parameters_captured,
        }
    }
}

impl QuestionEntry {
    fn new(finding: Finding, started_at: DateTime<Utc>) -> Self {
        let at = |after: Duration| rfc3339(moment(started_at, after));
        let attempt = |(before, attempt): (usize, &Attempt)| AttemptEntry {
            sequence: before + 1,
            start_time: at(attempt.asked_at),
            end_time: at(attempt.saved_at),
        };
        Self {
            attempts: finding.attempts.len(),
            attempts_details: finding.attempts.iter().enumerate().map(attempt).collect(),
            key: finding.key,
            label: finding.label,
            value: finding.value.map(shallow),
            status: finding.status,
        }
    }

    pub(super) fn weight(&self) -> usize {
        // A key appears up to three times: here, among the attempted keys and among the captured
        // keys.
        let attempts = self.attempts_details.len() * (size_of::<AttemptEntry>() + 2 * RFC3339_LENGTH);
        let value = self.value.as_ref().map_or(0, happenings::weight);
        size_of::<Self>() + 3 * (size_of::<String>() + self.key.len()) + self.label.len() + value + attempts
    }
}
