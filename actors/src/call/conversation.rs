//! What goes on as long as a call stays: its floor, and its links to model and line. Pure.

use std::sync::Arc;
use std::time::Instant;

use super::floor::Floor;
use super::line_link::LineLink;
use super::model_link::ModelLink;
use super::shared::{Shared, Stage};
use super::steps::CallAction;
use crate::profile::CallProfile;
use crate::realtime::report::ToolCall;

/// The regions beneath the exit, which may touch all of them; none of them knows another by more than its state.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) floor: Floor,
    pub(super) model: ModelLink,
    pub(super) line: LineLink,
    pub(super) call: Shared,
}

impl Conversation {
    pub(super) fn new(profile: Arc<CallProfile>, now: Instant) -> Self {
        Self {
            floor: Floor::new(&profile, now),
            model: ModelLink::new(),
            line: LineLink::new(now),
            call: Shared::new(profile, now),
        }
    }

    /// The model is told what came of a tool call, and may speak on it; where nobody hears that, once the caller is back.
    pub(super) fn answer_tool(&mut self, asked: &ToolCall, output: String, speak: bool, stage: Stage) {
        if speak {
            self.line.owes_an_answer();
        }
        self.floor.answer_tool(asked, output, speak, stage, &mut self.call);
    }

    /// The line is gone, or another one takes its place; the caller is not.
    pub(super) fn line_breaks(&mut self, stage: Stage) {
        self.line.breaks(stage, &mut self.floor, &mut self.call);
    }

    /// The AudioPipeline is to say when all was heard.
    pub(super) fn tell_when_drained(&mut self) {
        self.call.act(CallAction::TellWhenDrained);
    }
}
