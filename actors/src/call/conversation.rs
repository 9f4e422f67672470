//! The regions of a call beneath its exit: the floor, the hands, the model link and the line link.
//! Pure.

use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::floor::Floor;
use super::hands::Hands;
use super::line_link::LineLink;
use super::model_link::ModelLink;
use super::shared::{Shared, Stage};
use super::steps::{CallAction, Note};
use crate::profile::CallProfile;
use crate::realtime::report::ToolCall;
use crate::tools::plan::failure;

/// The regions beneath the exit, which may call all of them. Each region knows no more of another
/// than its state.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) floor: Floor,
    pub(super) hands: Hands,
    pub(super) model: ModelLink,
    pub(super) line: LineLink,
    pub(super) call: Shared,
}

impl Conversation {
    pub(super) fn new(profile: Arc<CallProfile>, now: Instant) -> Self {
        Self {
            floor: Floor::new(&profile, now),
            hands: Hands::default(),
            model: ModelLink::new(),
            line: LineLink::new(now),
            call: Shared::new(profile, now),
        }
    }

    /// Answers a tool call and lets the model speak on the result. Without a line, that waits until
    /// the caller is back.
    pub(super) fn answer_tool(&mut self, asked: &ToolCall, output: String, speak: bool, stage: Stage) {
        if speak {
            self.line.owes_an_answer();
        }
        self.floor.answer_tool(asked, output, speak, stage, &mut self.call);
    }

    /// The agent gives the call to another one, who answers the tool call in its stead.
    pub(super) fn hand_over(&mut self, asked: &ToolCall, agent: &str, summary: &str, stage: Stage) {
        match self.call.hand_over(agent) {
            Some(plan) => {
                self.line.owes_an_answer();
                self.floor.hand_over(asked, handed_over(agent, summary), plan, &mut self.call);
            }
            None => {
                let reason = "the call was given on too often; go on with it yourself";
                self.answer_tool(asked, failure(reason), true, stage);
            }
        }
    }

    /// The line is gone, or another one replaces it; the caller is still there.
    pub(super) fn line_breaks(&mut self, stage: Stage) {
        self.line.breaks(stage, &mut self.floor, &mut self.call);
    }

    /// The agent has the call again. Returns what it is told; `None` if it had the call already.
    pub(super) fn take_back(&mut self) -> Option<String> {
        let told = self.hands.give_back()?;
        self.call.act(CallAction::TakeOver(false));
        self.call.tell(Note::TakenOver(false));
        Some(told)
    }

    /// Asks the AudioPipeline to report when everything was heard.
    pub(super) fn tell_when_drained(&mut self) {
        self.call.act(CallAction::TellWhenDrained);
    }
}

/// What the agent is told that has the call now.
fn handed_over(agent: &str, summary: &str) -> String {
    let note = "You have the call now, and your instructions hold from here on. What was said before was said by a colleague. Say \
        in one short sentence who you are, and go on where they left off; ask nothing that the caller has answered already.";
    json!({ "ok": true, "agent": agent, "summary": summary, "note": note }).to_string()
}
