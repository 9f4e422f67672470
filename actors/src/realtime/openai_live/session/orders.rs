//! Translates the call's orders to the protocol.

use std::time::Instant;

use super::voice::VoiceEvent;
use super::work::{STARTED, Way};
use super::{LAST_WORDS, LONGEST_CLOSE, MOST_HELD, Phase, Session, SessionAction, complain, send};
use crate::ids::ToolCallId;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest, TextRole};
use crate::realtime::openai_live::plan::{Backend, Delegation};
use crate::realtime::openai_live::protocol::EventId;
use crate::realtime::openai_live::protocol::client::{Change, ClientEvent, FunctionOutput};
use crate::realtime::report::{ModelReport, ResponseOutcome};
use crate::tools::spec::ToolSpec;

impl Session {
    pub(super) fn ordered(&mut self, order: ModelOrder, now: Instant, out: &mut Vec<SessionAction>) {
        if matches!(order, ModelOrder::Close) {
            return self.close(now, out);
        }
        if !matches!(self.phase, Phase::Running) {
            if self.is_ending() {
                return;
            }
            if self.held.len() < MOST_HELD {
                self.held.push_back(order);
            } else {
                complain("too_many_orders", "an order was dropped, as the session is not ready yet", out);
            }
            return;
        }
        match order {
            ModelOrder::Speak(request) => self.wish(request, out),
            ModelOrder::AnswerTool { call, output, speak } => self.answer_tool(&call, &output, speak, out),
            ModelOrder::AddText { role, text } => self.add_text(role, &text, out),
            ModelOrder::Overtake => self.overtake(now, out),
            ModelOrder::CancelResponse => self.cut(now, out),
            ModelOrder::DiscardInput => self.clock.discard(),
            ModelOrder::Configure { instructions, backend, transcription: _, language: _, tools } => {
                self.configure(instructions.as_deref(), backend, tools.as_deref(), out);
            }
            // There is nothing to cut or to delete: the layer above sends a note instead.
            ModelOrder::TruncateItem { .. } | ModelOrder::DeleteItem { .. } => {}
            // The layer that owns several sessions handles rotation.
            ModelOrder::HandOver { .. } | ModelOrder::Rotate | ModelOrder::Replace | ModelOrder::Close => {}
        }
    }

    /// Ends the session, once what was said last is transcribed.
    fn close(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        match self.phase {
            Phase::Running => {
                let words_follow = self.voice.sounds() || self.caller.is_awaited();
                if let Some(VoiceEvent::Ended { response, item }) = self.voice.end() {
                    self.segment_ended(response, item, ResponseOutcome::Cancelled, now, out);
                }
                if words_follow {
                    self.clock.end();
                    self.phase = Phase::Lingering(now + LAST_WORDS);
                } else {
                    self.say_goodbye(now, out);
                }
            }
            Phase::Lingering(_) | Phase::Closing(_) => {}
            // The session has not started, and costs nothing.
            Phase::Dialling | Phase::Prepared | Phase::Starting(_) | Phase::Over => self.end(out),
        }
    }

    /// Asks the server for the end, which it answers with its final usage.
    pub(super) fn say_goodbye(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        send(&ClientEvent::Close { event_id: EventId::Close }, out);
        self.phase = Phase::Closing(now + LONGEST_CLOSE);
    }

    fn answer_tool(&mut self, call: &ToolCallId, output: &str, speak: bool, out: &mut Vec<SessionAction>) {
        match self.work.answer(call, output) {
            Way::Output(output) if speak => self.give_output(call, &output, out),
            Way::Output(output) => self.give_output(call, &silent(&output), out),
            Way::Delegation(id) if speak => self.append(ClientEvent::Commentary, output, Some(&id), out),
            Way::Delegation(id) => self.append(ClientEvent::Thinking, output, Some(&id), out),
            Way::Report if speak => {
                let reported = format!("A result has come. Tell the caller in your own words: {output}");
                let instructions = Some(reported);
                self.wish(ResponseRequest { purpose: ResponsePurpose::ToolResult, instructions }, out);
            }
            Way::Report => self.append(ClientEvent::Thinking, &format!("A result has come: {output}"), None, out),
            Way::Nowhere => {
                complain("unknown_tool_call", "a result was dropped, as no call waits for it", out);
                if speak && self.owed_since.is_none() && !self.wishes.is_wished() {
                    out.push(SessionAction::Report(ModelReport::NothingOwed));
                }
            }
        }
    }

    /// Answers calls whose results take too long.
    pub(super) fn answer_overdue_calls(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        for call in self.work.overdue(now) {
            self.give_output(&call, STARTED, out);
        }
    }

    pub(super) fn give_output(&mut self, call: &ToolCallId, output: &str, out: &mut Vec<SessionAction>) {
        let number = self.next_number();
        let item = FunctionOutput::new(call.as_str(), output);
        send(&ClientEvent::Output { event_id: EventId::Output(number), item }, out);
        self.work.answered(call, output, number);
    }

    fn add_text(&mut self, role: TextRole, text: &str, out: &mut Vec<SessionAction>) {
        match role {
            TextRole::System => self.append(ClientEvent::Thinking, text, None, out),
            TextRole::Instruction => self.append(ClientEvent::Instructions, text, None, out),
            TextRole::User => {
                self.append(ClientEvent::Thinking, &format!("The caller entered: {text}"), None, out);
            }
            TextRole::Assistant => {
                let reported = format!("The caller has just been told: “{text}”");
                self.append(ClientEvent::Instructions, &reported, None, out);
            }
        }
    }

    /// Drops everything that was to be said, and what is being said.
    fn overtake(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let wished = self.wishes.overtake();
        self.owed_since = None;
        if wished || self.voice.sounds() {
            self.append(ClientEvent::Instructions, STOP, None, out);
        }
        self.cut(now, out);
    }

    /// Ends the running segment for the caller. The model cannot be stopped: its output is dropped
    /// until it is silent.
    fn cut(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if let Some(VoiceEvent::Ended { response, item }) = self.voice.end() {
            self.voice.hush(now);
            self.segment_ended(response, item, ResponseOutcome::Cancelled, now, out);
        }
    }

    /// Changes what can change: the model behind the voice by an update, the voice by an order.
    fn configure(
        &mut self,
        instructions: Option<&str>,
        backend: Option<Option<String>>,
        tools: Option<&[ToolSpec]>,
        out: &mut Vec<SessionAction>,
    ) {
        let common = std::sync::Arc::make_mut(&mut self.common);
        if let Some(instructions) = instructions {
            instructions.clone_into(&mut common.instructions);
        }
        if let Some(tools) = tools {
            tools.clone_into(&mut common.tools);
        }
        // A prompt of its own does not change with the agent's.
        let prompted = backend.is_some() || (instructions.is_some() && common.backend.is_none());
        if let Some(backend) = backend {
            common.backend = backend;
        }
        if matches!(self.plan.delegation, Delegation::Responses(_)) && (prompted || tools.is_some()) {
            let prompt = prompted.then(|| Backend::prompt(&self.common));
            let event_id = EventId::Update(self.next_number());
            let session = Change::of(prompt.as_deref(), tools);
            send(&ClientEvent::Update { event_id, session }, out);
        }
        if let Some(instructions) = instructions {
            let reported = format!("From now on these instructions replace your earlier ones. {instructions}");
            self.append(ClientEvent::Instructions, &reported, None, out);
        }
    }
}

/// A result about which nothing should be said. The model has no silent results: it is asked.
fn silent(output: &str) -> String {
    let value = serde_json::from_str(output).unwrap_or_else(|_| serde_json::Value::from(output));
    serde_json::json!({"result": value, "say": "nothing"}).to_string()
}

/// What the model is told when something comes before its words.
const STOP: &str = "Stop speaking now, and drop what you were about to say. Wait for what comes next.";
