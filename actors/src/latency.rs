//! How long the answer to one caller turn took. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long the answer to one caller turn took, part by part. The parts follow one another. A part
/// is `None` if it was not observed, or if it never came because the caller went on speaking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLatency {
    /// The number of the turn, from 1.
    pub turn: u64,
    /// From the caller's last frame of speech until the model reported the end of the turn.
    pub end_of_speech_ms: Option<u64>,
    /// From there to the first audio of the answer.
    pub first_delta_ms: Option<u64>,
    /// From there to the first frame sent to the carrier.
    pub first_sent_ms: Option<u64>,
    /// From there until the first frame was heard.
    pub first_heard_ms: Option<u64>,
    /// The total: from the caller's last frame of speech until the answer was heard. A filler
    /// phrase is not an answer.
    pub total_ms: Option<u64>,
    /// Of the first three, the part of the engines that hear: from the caller's last frame of speech
    /// until the turn was over. Only where a model is joined of engines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ears_ms: Option<u64>,
    /// The chat model's part: until its first words for the voice. Likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mind_ms: Option<u64>,
    /// The part of the engine that speaks: from there to its first audio. Likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voice_ms: Option<u64>,
    /// Our own part: what is left until the first frame was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours_ms: Option<u64>,
    /// The part of the line: from there until the first frame was heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playout_ms: Option<u64>,
    /// From the caller's last frame of speech until a filler phrase was sent, if there was one.
    #[serde(default)]
    pub filler_ms: Option<u64>,
}

impl TurnLatency {
    /// How long the caller waited for the answer, as far as that was observed.
    pub fn waited(&self) -> Duration {
        let parts = [self.end_of_speech_ms, self.first_delta_ms, self.first_sent_ms, self.first_heard_ms];
        Duration::from_millis(self.total_ms.unwrap_or_else(|| parts.into_iter().flatten().sum()))
    }
}
