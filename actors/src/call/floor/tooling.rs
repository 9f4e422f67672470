//! Tools: what the model asks for is done, answered and recorded. Pure; part of [`super`].

use super::Floor;
use crate::call::shared::{Shared, Stage, exactly};
use crate::call::steps::{CallAction, Note};
use crate::call::tools::{Answer, Outcome, Round};
use crate::ids::ToolCallId;
use crate::incident::{Incident, IncidentKind};
use crate::realtime::messages::{ModelOrder, ResponsePurpose};
use crate::realtime::report::{LossClass, ModelLoss, ToolCall};
use crate::tools::plan::failure;

/// What a tool call leads to besides.
#[derive(Debug)]
pub(in crate::call) enum Called {
    /// Nothing: it was answered, is being asked, or has been before.
    Nothing,
    /// A built-in tool has run, and this comes of it.
    Done(ToolCall, Answer),
    /// The model does nothing but call tools: it is lost.
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
            Round::End if matches!(stage, Stage::Closing | Stage::HandedOn) => {}
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

    /// An operator's tool has answered, or failed in words; the call of it, unless nobody waits for that.
    pub(in crate::call) fn tool_answered(&mut self, id: &ToolCallId) -> Option<ToolCall> {
        let asked = self.tools.answered(id)?;
        // What was said before it was a word to one who waits.
        self.turn.begins_anew();
        Some(asked)
    }

    /// The model calls and calls and says nothing: it is not given what it asks for, and speaks.
    fn speak_instead(&mut self, asked: &ToolCall, first: bool, stage: Stage, call: &mut Shared) {
        let told = failure("too many calls in a row without a word to the caller; speak to them now");
        self.answer_tool(asked, told, false, stage, call);
        if first && !matches!(stage, Stage::Closing | Stage::HandedOn) {
            let detail = "tools were called again and again without a word to the caller";
            call.tell(Note::Incident(Incident::new(IncidentKind::ToolLoop, detail)));
            self.request(ResponsePurpose::Spoken, Some(SPEAK.to_owned()), call);
        }
    }

    /// The model is told what came of `asked`, and may speak on it. Nothing more is said than the goodbye, and nothing where nobody
    /// hears it.
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

    /// A tool keeps the caller waiting: a word, unless something is being said anyway.
    pub(in crate::call) fn fill_the_wait(&mut self, call: &mut Shared) {
        if self.tools.fill(call.now) && !self.turn.is_sounding() && !self.turn.is_generating() {
            let words = call.spoken().map(|language| exactly(&language.filler));
            let words = words.unwrap_or_else(|| "Say in a few words that it takes a moment.".to_owned());
            self.request(ResponsePurpose::Notice, Some(words), call);
        }
    }
}

/// How the model is lost that does nothing but call tools.
fn endless() -> ModelLoss {
    ModelLoss { class: LossClass::Retryable, reason: "it calls tools and says nothing".to_owned() }
}

/// What the model is told to do in the place of another call.
const SPEAK: &str =
    "Tell the caller in one or two short sentences how far you have come, or what you need from them. Call no tool.";
