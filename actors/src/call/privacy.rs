//! What may be kept of a call whose recording is paused. Pure.
//!
//! A pause is private: no sound is recorded, no key and no words are written, and of tools no more than their names. The words are sifted
//! where they are written down (`transcript::pause`), which is told here of the pause; tools, answers and transfers are sifted here,
//! because only the call knows when they were asked for. The answer that the agent owes when the recording goes on belongs to the pause.

use std::collections::VecDeque;

use super::shared::{Recording, Shared};
use super::steps::CallAction;
use super::tools::{Answer, Effect, is_known};
use crate::ids::{ResponseId, ToolCallId};
use crate::realtime::report::ToolCall;
use crate::tools::plan::failure;
use crate::transcript::messages::{Fact, WITHHELD};

/// What belongs to a pause, during it and behind it.
#[derive(Debug, Default)]
pub(super) struct Privacy {
    answer: PrivateAnswer,
    /// The calls of tools of which no more than their names may be written down, the newest last.
    tools: VecDeque<ToolCallId>,
}

/// The agent's answer to what came in a pause, once the recording goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum PrivateAnswer {
    /// There is none.
    #[default]
    None,
    /// It is owed.
    Owed,
    /// It is this one, or was.
    Begun(ResponseId),
}

impl Shared {
    /// Records silence, no keys and no words from now on, or everything again; `answer` is what the agent is about to say then.
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

    /// A Transcript that is begun anew learns of the pause.
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

    /// A tool is called: from now on it is known whether it belongs to a pause.
    pub(super) fn judge_tool(&mut self, asked: &ToolCall) {
        let paused = self.recording == Recording::Paused;
        if paused || self.privacy.answer == PrivateAnswer::Begun(asked.response.clone()) {
            if self.privacy.tools.len() == MOST_REMEMBERED {
                self.privacy.tools.pop_front();
            }
            self.privacy.tools.push_back(asked.id.clone());
        }
    }

    /// Whether no more of a tool's call than its name may be written down.
    pub(super) fn is_withheld(&self, asked: &ToolCall) -> bool {
        self.recording == Recording::Paused || self.privacy.tools.contains(&asked.id)
    }

    /// Writes down a tool that was answered.
    pub(super) fn record_tool(&mut self, asked: &ToolCall, output: &str) {
        let name = asked.name.clone();
        let fact = if self.is_withheld(asked) {
            // What is no tool's name is the model's own word and may be anything.
            Fact::ToolWithheld { name: if is_known(&name, &self.profile) { name } else { WITHHELD.to_owned() } }
        } else {
            Fact::ToolUsed { name, arguments: asked.arguments.clone(), output: output.to_owned() }
        };
        self.record(fact);
    }

    /// What comes of a built-in tool that belongs to a pause: no answer of the caller is saved, and why they are transferred is nobody's
    /// to read.
    pub(super) fn keep_private(&self, asked: &ToolCall, answer: Answer) -> Answer {
        if !self.is_withheld(asked) {
            return answer;
        }
        match answer {
            Answer { effect: Some(Effect::Answered { .. }), speak, .. } => {
                let told = "the recording is paused, so nothing is saved; ask again when it goes on";
                Answer { output: failure(told), speak, effect: None }
            }
            Answer { effect: Some(Effect::Transfer { destination, summary, .. }), output, speak } => {
                let reason = WITHHELD.to_owned();
                Answer { output, speak, effect: Some(Effect::Transfer { destination, reason, summary }) }
            }
            other => other,
        }
    }
}

/// Calls of tools that are remembered: as many as are known to have run.
const MOST_REMEMBERED: usize = 256;
