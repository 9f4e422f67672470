//! How long the answer to one turn of the caller took. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long the answer to one turn of the caller took, part by part. The parts follow one another; one that is absent was not
/// observed, or never came because the caller went on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TurnLatency {
    /// Which turn, from 1.
    pub turn: u64,
    /// From the caller's last frame of speech until the model told the end of the turn.
    pub end_of_speech_ms: Option<u64>,
    /// From there to the first audio of the answer.
    pub first_delta_ms: Option<u64>,
    /// From there to the first frame sent to the carrier.
    pub first_sent_ms: Option<u64>,
    /// From there until the first frame was heard.
    pub first_heard_ms: Option<u64>,
    /// All of it: from the caller's last frame of speech until the answer was heard. A filler of ours is no answer.
    pub total_ms: Option<u64>,
    /// From the caller's last frame of speech until a filler of ours was sent to them, where one was.
    #[serde(default)]
    pub filler_ms: Option<u64>,
}

impl TurnLatency {
    /// How long the caller waited for the answer, as far as it was observed.
    pub fn waited(&self) -> Duration {
        let parts = [self.end_of_speech_ms, self.first_delta_ms, self.first_sent_ms, self.first_heard_ms];
        Duration::from_millis(self.total_ms.unwrap_or_else(|| parts.into_iter().flatten().sum()))
    }
}
