//! Tools: the model's tool calls are run, answered and recorded. Pure; part of [`super`].

use std::sync::Arc;

use super::Floor;
use crate::call::shared::{Shared, Stage, exactly};
use crate::call::steps::{CallAction, Note};
use crate::call::tools::{Answer, Outcome, Round};
use crate::ids::ToolCallId;
use crate::incident::{Incident, IncidentKind};
use crate::realtime::messages::{ModelOrder, ResponsePurpose};
use crate::realtime::plan::SessionPlan;
use crate::realtime::report::{LossClass, ModelLoss, ToolCall};
use crate::tools::plan::failure;

/// What a tool call requires of the other regions.
#[derive(Debug)]
pub(in crate::call) enum Called {
    /// Nothing: it was answered, is running, or has been run before.
    Nothing,
    /// A built-in tool has run; this is its result.
    Done(ToolCall, Answer),
    /// The model only calls tools: it counts as lost.
    Endless(ModelLoss),
}

impl Floor {
    /// The model calls a tool.
    pub(in crate::call) fn tool_called(&mut self, asked: ToolCall, stage: Stage, call: &mut Shared) -> Called {
        let asked = ToolCall { name: self.tools.name_of(&asked.name, &call.profile).to_owned(), ..asked };
        call.judge_tool(&asked);
        match self.tools.round(&asked) {
            Round::Usual => {}
            Round::Speak { first } => {
                self.speak_instead(&asked, first, stage, call);
                return Called::Nothing;
            }
            Round::End if matches!(stage, Stage::Closing | Stage::Transferring) => {}
            Round::End => return Called::Endless(endless()),
        }
        match self.tools.run(&asked, &call.profile, call.now) {
            Some(Outcome::Ask { plan, arguments }) => {
                call.act(CallAction::AskTool { call: asked.id, plan, arguments });
                Called::Nothing
            }
            Some(Outcome::Answer(answer)) => Called::Done(asked, answer),
            None => Called::Nothing,
        }
    }

    /// Whether `asked` belongs to a response that was interrupted.
    pub(in crate::call) fn was_cut(&self, asked: &ToolCall) -> bool {
        self.turn.was_cut(asked)
    }

    /// An operator's tool has answered, or failed in words. Returns its tool call, unless the call
    /// no longer waits for it.
    pub(in crate::call) fn tool_answered(&mut self, id: &ToolCallId) -> Option<ToolCall> {
        let asked = self.tools.answered(id)?;
        // Earlier speech was a filler, and does not count as the answer.
        self.turn.begins_anew();
        Some(asked)
    }

    /// The model calls tools again and again without speaking: it gets no result, and is asked to
    /// speak.
    fn speak_instead(&mut self, asked: &ToolCall, first: bool, stage: Stage, call: &mut Shared) {
        let reason = failure("too many calls in a row without a word to the caller; speak to them now");
        self.answer_tool(asked, reason, false, stage, call);
        if first && !matches!(stage, Stage::Closing | Stage::Transferring) {
            let detail = "tools were called again and again without a word to the caller";
            call.tell(Note::Incident(Incident::new(IncidentKind::ToolLoop, detail)));
            self.request(ResponsePurpose::Spoken, Some(SPEAK.to_owned()), call);
        }
    }

    /// Sends the result of `asked` to the model, which may speak on it. While the call closes, only
    /// the goodbye is said; without a line, nothing.
    pub(in crate::call) fn answer_tool(
        &mut self,
        asked: &ToolCall,
        output: String,
        speak: bool,
        stage: Stage,
        call: &mut Shared,
    ) {
        let speak = speak && matches!(stage, Stage::Connecting | Stage::Talking);
        call.record_tool(asked, &output);
        if speak {
            self.turn.owe();
        }
        call.order(ModelOrder::AnswerTool { call: asked.id.clone(), output, speak });
    }

    /// Another agent has the call, and is given the result of `asked`. `plan` is that of its session,
    /// if it needs one of its own.
    pub(in crate::call) fn hand_over(
        &mut self,
        asked: &ToolCall,
        output: String,
        plan: Option<Arc<SessionPlan>>,
        call: &mut Shared,
    ) {
        call.record_tool(asked, &output);
        self.turn.owe();
        let id = asked.id.clone();
        call.order(match plan {
            Some(plan) => ModelOrder::HandOver { plan, call: id, output },
            None => ModelOrder::AnswerTool { call: id, output, speak: true },
        });
    }

    /// A tool keeps the caller waiting: the agent says so, unless it is speaking anyway.
    pub(in crate::call) fn fill_the_wait(&mut self, call: &mut Shared) {
        if self.tools.fill(call.now) && !self.turn.is_sounding() && !self.turn.is_generating() {
            let words = call.spoken().map(|language| exactly(&language.filler));
            let words = words.unwrap_or_else(|| "Say in a few words that it takes a moment.".to_owned());
            self.request(ResponsePurpose::Notice, Some(words), call);
        }
    }
}

/// The loss of a model that only calls tools.
fn endless() -> ModelLoss {
    ModelLoss { class: LossClass::Retryable, reason: "it calls tools and says nothing".to_owned() }
}

/// The model's instructions in place of another tool call.
const SPEAK: &str =
    "Tell the caller in one or two short sentences how far you have come, or what you need from them. Call no tool.";
