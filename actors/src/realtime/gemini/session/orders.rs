//! Translates the call's orders to the protocol.

use std::time::Instant;

use super::runs::Rest;
use super::{Session, SessionAction, complain, send};
use crate::realtime::gemini::protocol::client::{
    self, ClientMessage, Content, ContextUpdate, FunctionTools, ToolList, bracketed,
};
use crate::realtime::messages::{ModelOrder, TextRole};
use crate::tools::spec::ToolSpec;

impl Session {
    pub(super) fn ordered(&mut self, order: ModelOrder, now: Instant, out: &mut Vec<SessionAction>) {
        if matches!(order, ModelOrder::Close) {
            return self.close(now, out);
        }
        if !self.is_ready() {
            if self.held.len() < MOST_HELD {
                self.held.push_back(order);
            } else {
                complain("too_many_orders", "an order was dropped, as the session is not ready yet", out);
            }
            return;
        }
        match order {
            ModelOrder::Speak(request) => self.request(request, out),
            ModelOrder::AnswerTool { call, output, speak } => self.answer_tool(&call, &output, speak, now, out),
            ModelOrder::AddText { role, text } => self.note(as_note(role, &text), out),
            ModelOrder::Overtake => self.overtake(now, out),
            ModelOrder::CancelResponse => self.cancel(now, out),
            ModelOrder::DiscardInput => {
                // What was sent cannot be taken back.
                self.input.forget();
                self.note(bracketed("Ignore the caller's last words."), out);
            }
            ModelOrder::Configure { instructions, backend: _, transcription, language: _, tools } => {
                self.transcribes = transcription.map_or(self.transcribes, |it| it.is_some());
                self.change(instructions.as_deref(), tools.as_deref(), out);
            }
            // A note takes the place of a cut, and the layer above sends it. That layer also
            // handles rotation.
            ModelOrder::TruncateItem { .. }
            | ModelOrder::DeleteItem { .. }
            | ModelOrder::HandOver { .. }
            | ModelOrder::Rotate
            | ModelOrder::Replace
            | ModelOrder::Close => {}
        }
    }

    /// Ends the response for the call. The protocol cannot stop it, so the rest of it is dropped;
    /// the next request stops it at the server.
    fn cancel(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if self.run.as_ref().is_some_and(|run| !run.dropped) {
            self.end_run(None, false, Rest::Dropped, now, out);
        }
        if let Some(asked) = &mut self.asked {
            asked.unwanted = true;
        }
    }

    /// Drops all current, requested and owed speech.
    fn overtake(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.requests.clear();
        self.listen_until = None;
        let owed = self.unanswered.take().is_some() && self.run.is_none();
        self.obsolete_until = owed.then(|| now + self.family.patience);
        self.cancel(now, out);
    }

    fn change(&self, instructions: Option<&str>, tools: Option<&[ToolSpec]>, out: &mut Vec<SessionAction>) {
        if (instructions.is_none() && tools.is_none()) || !self.family.changes {
            return;
        }
        let prompt = instructions.map(client::prompt);
        let update = ContextUpdate {
            system_instruction: prompt.as_deref().map(Content::prompt),
            tools: tools.map(|tools| ToolList { tools: FunctionTools::of(tools, self.family.tools) }),
        };
        send(&ClientMessage::ContextUpdate(update), out);
    }
}

/// A text as the model receives it. Only the caller's words stand without brackets.
fn as_note(role: TextRole, text: &str) -> String {
    match role {
        TextRole::User => text.to_owned(),
        TextRole::System | TextRole::Instruction => bracketed(text),
        TextRole::Assistant => bracketed(&format!("You have said to the caller: {text}")),
    }
}

/// The number of orders to keep for a session that is not ready. A call gives one or two. More
/// indicates a loop; the excess is dropped and reported.
const MOST_HELD: usize = 64;
