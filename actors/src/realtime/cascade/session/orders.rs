//! The call's orders. Pure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Phase, Session, SessionAction};
use crate::ids::ToolCallId;
use crate::realtime::cascade::listener::ListenerAction;
use crate::realtime::cascade::thinker::Order;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest, TextRole, exact_words};
use crate::realtime::named::{LinkName, LinkOrder};
use crate::realtime::report::ModelReport;

impl Session {
    pub(super) fn ordered(&mut self, order: ModelOrder, now: Instant, out: &mut Vec<SessionAction>) {
        match (order, self.phase) {
            (ModelOrder::Close, _) => self.close(now, out),
            (order, Phase::Ready) => self.carry_out(order, now, out),
            (_, Phase::Lingering { .. } | Phase::Over) => {}
            (order, Phase::Dialling | Phase::Opening { .. } | Phase::Prepared) => {
                if self.held.len() < MOST_HELD {
                    self.held.push_back(order);
                } else {
                    let message = "an order was dropped, as the session is not ready yet".to_owned();
                    let code = "too_many_orders".to_owned();
                    out.push(SessionAction::Report(ModelReport::Complained { code, message }));
                }
            }
        }
    }

    pub(super) fn carry_out(&mut self, order: ModelOrder, now: Instant, out: &mut Vec<SessionAction>) {
        let mut actions = std::mem::take(&mut self.actions);
        let dialogue = &mut self.dialogue;
        match order {
            ModelOrder::Speak(request) => {
                self.listen_until = None;
                let ResponseRequest { purpose, instructions } = request;
                match instructions.as_deref().and_then(exact_words) {
                    // The model need not repeat words that are given.
                    Some(words) => dialogue.say(words, Some(purpose), now, &mut actions),
                    None => {
                        let words_only = purpose == ResponsePurpose::Spoken;
                        let order = Order { purpose: Some(purpose), instructions, words_only };
                        dialogue.think(order, now, &mut actions);
                    }
                }
            }
            ModelOrder::AnswerTool { call, output, speak } => {
                self.answer_tool(&call, &output, speak, now, out);
            }
            ModelOrder::AddText { role, text } => match role {
                TextRole::System | TextRole::Instruction => dialogue.mind().note(&text),
                TextRole::User => {
                    self.texts += 1;
                    dialogue.mind().caller(&format!("text{}", self.texts), &text);
                }
                TextRole::Assistant => {
                    self.texts += 1;
                    dialogue.mind().has_said(&format!("text{}", self.texts), &text);
                }
            },
            ModelOrder::CancelResponse => dialogue.cancel(now, &mut actions),
            ModelOrder::Overtake => {
                self.listen_until = None;
                dialogue.overtake(now, &mut actions);
            }
            ModelOrder::TruncateItem { item, heard } => {
                if let Some(response) = self.responses.of_item(&item)
                    && let Some(letters) = dialogue.heard(response, heard)
                {
                    self.was_heard(response, letters, heard, out);
                }
            }
            ModelOrder::DeleteItem { item } => {
                if let Some(response) = self.responses.of_item(&item) {
                    dialogue.unheard(response);
                }
            }
            ModelOrder::DiscardInput => dialogue.discard(now, &mut actions),
            ModelOrder::Configure { instructions, backend: _, transcription, language, tools } => {
                self.transcribes = transcription.as_ref().map_or(self.transcribes, Option::is_some);
                dialogue.configure(instructions, tools);
                if language.is_some() {
                    let next = Arc::clone(self.first.speaking(language.as_deref()).unwrap_or(&self.first));
                    let parts = Box::new(next.parts());
                    self.next = Some(next);
                    dialogue.speak(parts, now, &mut actions);
                }
            }
            // The layer above rotates and replaces.
            ModelOrder::HandOver { .. } | ModelOrder::Rotate | ModelOrder::Replace | ModelOrder::Close => {}
        }
        self.follow(actions, now, out);
    }

    /// The result of a tool. A call that an earlier session made is not in this conversation as one,
    /// so its result is a note.
    fn answer_tool(
        &mut self,
        call: &ToolCallId,
        output: &str,
        speak: bool,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        let mut actions = Vec::new();
        match call.as_str().strip_prefix(&self.call_prefix()) {
            Some(key) => self.dialogue.answer_tool(key, output, speak, now, &mut actions),
            None => {
                self.dialogue.mind().note(&format!("The result of the tool that was called: {output}"));
                if speak {
                    self.dialogue.think(Order::default(), now, &mut actions);
                }
            }
        }
        self.follow(actions, now, out);
    }

    /// The call is over. The ears are asked for the caller's last words, if they were speaking.
    fn close(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let mut actions = std::mem::take(&mut self.actions);
        let waits = self.phase == Phase::Ready && self.dialogue.is_turn();
        if waits && self.detector.is_speech() {
            self.dialogue.speech(false, now, &mut actions);
        }
        self.dialogue.close(now, &mut actions);
        self.follow(actions, now, out);
        if waits && self.turn.is_some() {
            self.phase = Phase::Lingering { until: now + LAST_WORDS };
        } else {
            self.end(out);
        }
    }

    /// An action of the ears while the session waits for the last words.
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is no end goes on as ever")]
    pub(super) fn last_ears(&mut self, action: ListenerAction, out: &mut Vec<SessionAction>) {
        match action {
            // The engine has said everything and closed.
            ListenerAction::Open { .. } | ListenerAction::Close => self.end(out),
            other => out.extend(super::links::of_ears(&self.plan, other).map(SessionAction::ToLink)),
        }
    }

    /// Ends the session with the words that are known.
    pub(super) fn end(&mut self, out: &mut Vec<SessionAction>) {
        if self.phase == Phase::Over {
            return;
        }
        self.tell_last_words(out);
        self.report_used(out);
        self.phase = Phase::Over;
        out.push(SessionAction::ToLink(LinkOrder::Close(LinkName::Ears)));
        out.push(SessionAction::ToLink(LinkOrder::Close(LinkName::Voice)));
        out.push(SessionAction::Close);
    }
}

/// The number of orders to keep for a session that is not ready. A call gives one or two.
const MOST_HELD: usize = 64;
/// How long the caller's last words are waited for.
const LAST_WORDS: Duration = Duration::from_secs(3);
