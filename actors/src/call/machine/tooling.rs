//! Tools: what the model asks for is done, answered and recorded. Part of [`super`].

use std::time::Instant;

use super::ends::{Awaiting, SILENCE};
use super::hearing::exactly;
use super::{CallMachine, State};
use crate::call::steps::{CallAction, Note};
use crate::call::tools::{Answer, Effect, Outcome, Round};
use crate::call::transfer::{By, Transfer};
use crate::ending::Ending;
use crate::ids::ToolCallId;
use crate::incident::{Incident, IncidentKind};
use crate::realtime::messages::{ModelOrder, ResponsePurpose};
use crate::realtime::report::{LossClass, ModelLoss, ToolCall};
use crate::tools::plan::failure;
use crate::transcript::messages::Fact;

impl CallMachine {
    pub(super) fn tool_called(&mut self, call: &ToolCall, state: State, now: Instant) {
        let call = &ToolCall { name: self.tools.name_of(&call.name, &self.profile).to_owned(), ..call.clone() };
        match self.tools.round(call) {
            Round::Usual => {}
            Round::Speak { first } => return self.speak_instead(call, first),
            Round::End if matches!(state, State::Closing(_) | State::Transferring(_)) => {}
            Round::End => return self.model_lost(endless(), now),
        }
        match self.tools.run(call, &self.profile, now) {
            Some(Outcome::Ask { plan, arguments }) => {
                self.out.push(CallAction::AskTool { call: call.id.clone(), plan, arguments });
            }
            Some(Outcome::Answer(answer)) => self.tool_done(call, answer, state, now),
            None => {}
        }
    }

    /// A built-in tool has run.
    fn tool_done(&mut self, call: &ToolCall, answer: Answer, state: State, now: Instant) {
        let Answer { mut output, speak, effect } = answer;
        match (effect, state) {
            // Answered when it is known what comes of it.
            (Some(Effect::Transfer { destination, reason, summary }), _) => {
                let transfer = Transfer::new(destination, reason, By::Model(call.clone()));
                return self.transfer_asked(Transfer { summary, ..transfer }, now);
            }
            (Some(Effect::HangUp), State::Closing(_) | State::Transferring(_)) => {}
            (Some(Effect::HangUp), State::Reconnecting(_)) => {
                output = r#"{"ok":false,"error":"the line broke, so the call goes on"}"#.to_owned();
            }
            (Some(Effect::HangUp), _) if self.turn.was_cut(call) => {
                output = r#"{"ok":false,"error":"the caller spoke, so the call goes on"}"#.to_owned();
            }
            (Some(Effect::HangUp), _) => {
                let awaiting = if self.turn.is_generating() { Awaiting::Words } else { SILENCE };
                self.close(Ending::AgentHungUp, awaiting, now);
            }
            (Some(Effect::SwitchLanguage(code)), _) => self.switch_language(&code),
            (Some(Effect::Answered { key, value, status }), _) => {
                self.record(Fact::Answered { key, value, status: status.to_owned() });
            }
            (None, _) => {}
        }
        self.answer_tool(call, output, speak);
    }

    /// An operator's tool has answered, or failed in words.
    pub(super) fn tool_answered(&mut self, id: &ToolCallId, output: String) {
        if let Some(call) = self.tools.answered(id) {
            // What was said before it was a word to one who waits.
            self.turn.begins_anew();
            self.answer_tool(&call, output, true);
        }
    }

    /// The model calls and calls and says nothing: it is not given what it asks for, and speaks.
    fn speak_instead(&mut self, call: &ToolCall, first: bool) {
        self.answer_tool(
            call,
            failure("too many calls in a row without a word to the caller; speak to them now"),
            false,
        );
        if first && !matches!(self.state, State::Closing(_) | State::Transferring(_)) {
            let detail = "tools were called again and again without a word to the caller";
            self.tell(Note::Incident(Incident::new(IncidentKind::ToolLoop, detail)));
            self.request(ResponsePurpose::Spoken, Some(SPEAK.to_owned()));
        }
    }

    pub(super) fn answer_tool(&mut self, call: &ToolCall, output: String, speak: bool) {
        if speak {
            self.owed_on_return();
        }
        // Nothing more is said than the goodbye, and nothing where nobody hears it.
        let elsewhere = matches!(self.state, State::Closing(_) | State::Reconnecting(_) | State::Transferring(_));
        let speak = speak && !elsewhere;
        let (name, arguments) = (call.name.clone(), call.arguments.clone());
        self.record(Fact::ToolUsed { name, arguments, output: output.clone() });
        if speak {
            self.turn.owe();
        }
        self.out.push(CallAction::Order(ModelOrder::AnswerTool { call: call.id.clone(), output, speak }));
    }

    /// A tool keeps the caller waiting: a word, unless something is being said anyway.
    pub(super) fn fill_the_wait(&mut self, now: Instant) {
        if self.tools.fill(now) && !self.turn.is_sounding() && !self.turn.is_generating() {
            let words = self.spoken().map(|language| exactly(&language.filler));
            let words = words.unwrap_or_else(|| "Say in a few words that it takes a moment.".to_owned());
            self.request(ResponsePurpose::Notice, Some(words));
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
