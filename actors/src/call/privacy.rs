//! What is kept of a call while its recording is paused. Pure.
//!
//! A pause is private: no sound, no keys and no words are recorded, and of tools only their names.
//! `transcript::pause` withholds the words; this file reports the pause to it. Tools, answers and
//! transfers are withheld here, because only the call knows when they were asked for. The answer
//! that the agent owes when the recording resumes belongs to the pause.

use std::collections::VecDeque;

use super::shared::{Recording, Shared};
use super::steps::CallAction;
use super::tools::{Answer, Effect, is_known};
use crate::ids::{ResponseId, ToolCallId};
use crate::realtime::report::ToolCall;
use crate::tools::plan::failure;
use crate::transcript::messages::{Fact, WITHHELD};

/// What belongs to a pause, during it and after it.
#[derive(Debug, Default)]
pub(super) struct Privacy {
    answer: PrivateAnswer,
    /// Tool calls of which only the name may be recorded, the newest last.
    tools: VecDeque<ToolCallId>,
}

/// The agent's answer to input of a pause, after the recording resumes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum PrivateAnswer {
    /// There is no such answer.
    #[default]
    None,
    /// The answer is owed.
    Owed,
    /// The answer is, or was, this response.
    Begun(ResponseId),
}

impl Shared {
    /// Pauses or resumes recording. `answer` is what the agent is about to say at that moment.
    pub(super) fn pause_recording(&mut self, paused: bool, answer: PrivateAnswer) {
        let recording = if paused { Recording::Paused } else { Recording::Running };
        if recording != self.recording {
            self.recording = recording;
            self.record(Fact::RecordingPaused(paused));
            self.privacy.answer = if paused { PrivateAnswer::None } else { answer };
            self.tell_private_answer();
        }
        self.act(CallAction::PauseRecording(paused));
    }

    /// Reports the pause to a replacement Transcript.
    pub(super) fn recall_pause(&mut self) {
        if self.recording == Recording::Paused {
            self.record(Fact::RecordingPaused(true));
        }
        self.tell_private_answer();
    }

    /// The model begins a response.
    pub(super) fn private_answer_begins(&mut self, response: &ResponseId) {
        if self.privacy.answer == PrivateAnswer::Owed {
            self.privacy.answer = PrivateAnswer::Begun(response.clone());
            self.tell_private_answer();
        }
    }

    fn tell_private_answer(&mut self) {
        if let PrivateAnswer::Begun(response) = &self.privacy.answer {
            let response = response.clone();
            self.record(Fact::ResponseWithheld { response });
        }
    }

    /// Notes whether a tool call belongs to a pause.
    pub(super) fn judge_tool(&mut self, asked: &ToolCall) {
        let paused = self.recording == Recording::Paused;
        if paused || self.privacy.answer == PrivateAnswer::Begun(asked.response.clone()) {
            if self.privacy.tools.len() == MOST_REMEMBERED {
                self.privacy.tools.pop_front();
            }
            self.privacy.tools.push_back(asked.id.clone());
        }
    }

    /// Whether only the name of a tool call may be recorded.
    pub(super) fn is_withheld(&self, asked: &ToolCall) -> bool {
        self.recording == Recording::Paused || self.privacy.tools.contains(&asked.id)
    }

    /// Records a tool call that was answered.
    pub(super) fn record_tool(&mut self, asked: &ToolCall, output: &str) {
        let name = asked.name.clone();
        let fact = if self.is_withheld(asked) {
            // An unknown name is the model's own text and may be anything.
            Fact::ToolWithheld { name: if is_known(&name, &self.profile) { name } else { WITHHELD.to_owned() } }
        } else {
            Fact::ToolUsed { name, arguments: asked.arguments.clone(), output: output.to_owned() }
        };
        self.record(fact);
    }

    /// Strips the result of a built-in tool that belongs to a pause: no answer of the caller is
    /// saved, and the reason of a transfer is withheld.
    pub(super) fn keep_private(&self, asked: &ToolCall, answer: Answer) -> Answer {
        if !self.is_withheld(asked) {
            return answer;
        }
        match answer {
            Answer { effect: Some(Effect::Answered { .. }), speak, .. } => {
                let advice = "the recording is paused, so nothing is saved; ask again when it goes on";
                Answer { output: failure(advice), speak, effect: None }
            }
            Answer { effect: Some(Effect::Transfer { destination, summary, .. }), output, speak } => {
                let reason = WITHHELD.to_owned();
                Answer { output, speak, effect: Some(Effect::Transfer { destination, reason, summary }) }
            }
            other => other,
        }
    }
}

/// Most tool calls remembered: as many as are known to have run.
const MOST_REMEMBERED: usize = 256;
