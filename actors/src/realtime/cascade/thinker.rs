//! The mind of a call: one answer at a time, as pieces for the voice, with the tools that it calls.
//! Pure.
//!
//! ```text
//! answer ──▶ asked ──words──▶ pieces … ──▶ Ended
//!              │ failed         │ cut off
//!              ▼                ▼
//!   the same engine again,   what came to its last whole sentence, then asked on once,
//!   the next one, or Lost    then a word of ours
//! ```
//!
//! An eager answer is thought and not told: its pieces and its calls wait until it is released.

mod words;

use std::time::Instant;

use serde_json::Value;
use url::Url;

use self::words::sorry;
use super::address::endpoint;
use super::engines::{Engines, Verdict};
use super::failure::{Failure, Part};
use super::mind::{Ask, Call, ChatPlan, ChatUsage, Exchange, Finish, History, MindEvent, Note, Patience, body};
use super::text::{Answer, Limits, Piece};
use super::wire::RequestEvent;
use crate::realtime::messages::ResponsePurpose;
use crate::tools::spec::ToolSpec;

/// A chat model at a server.
#[derive(Debug, Clone, PartialEq)]
pub struct MindEngine {
    /// The API's base.
    pub url: Url,
    /// What it is asked, and how.
    pub plan: ChatPlan,
}

impl MindEngine {
    /// The address of a request.
    pub fn endpoint(&self) -> Url {
        endpoint(&self.url, "/v1/chat/completions")
    }
}

/// What an answer is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Order {
    /// The purpose; `None` is the answer to the caller or to results of tools.
    pub purpose: Option<ResponsePurpose>,
    /// Instructions for this answer alone.
    pub instructions: Option<String>,
    /// Whether no tool may be called.
    pub words_only: bool,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum ThinkerAction {
    /// Send this request to this engine.
    Ask {
        /// Its number. Everything that comes of it carries it back.
        number: u64,
        /// The engine's place in the list.
        engine: usize,
        /// The body.
        body: Value,
    },
    /// Drop the connection of this request.
    Abort {
        /// Its number.
        number: u64,
    },
    /// Say this.
    Say {
        /// The answer.
        response: u64,
        /// The next piece of it.
        piece: Piece,
    },
    /// Run this tool.
    CallTool {
        /// The answer.
        response: u64,
        /// The key under which its result is given. It is unique in the conversation.
        key: String,
        /// The tool.
        name: String,
        /// The arguments as the model wrote them.
        arguments: String,
    },
    /// The answer is thought to its end.
    Ended {
        /// The answer.
        response: u64,
        /// How it ended.
        outcome: Outcome,
        /// What it cost.
        usage: ChatUsage,
    },
    /// An eager answer was thrown away after it cost so much.
    Wasted(ChatUsage),
    /// Another engine thinks from here on.
    TookOver {
        /// Its place in the list.
        engine: usize,
        /// Why.
        failure: Failure,
    },
    /// No engine answers.
    Lost(Failure),
}

/// How an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The model has said or called what it wanted.
    Complete,
    /// The model has neither said nor called anything.
    Silent,
    /// We stopped it.
    Cancelled,
    /// A part of it is missing, for this reason.
    Incomplete(&'static str),
    /// No engine answered.
    Failed(Failure),
}

/// The mind of a call.
#[derive(Debug)]
pub struct Thinker {
    engines: Vec<MindEngine>,
    standings: Engines,
    history: History,
    instructions: String,
    tools: Vec<ToolSpec>,
    language: String,
    limits: Limits,
    patience: Patience,
    current: Option<Thought>,
    last_request: u64,
}

/// An answer in progress.
#[derive(Debug)]
struct Thought {
    response: u64,
    order: Order,
    answer: Answer,
    /// The request that is running.
    request: Option<(u64, Exchange)>,
    /// When a failed engine is tried again.
    retry_at: Option<Instant>,
    /// Whether the rest was asked for already.
    went_on: bool,
    /// Whether it is not told yet.
    is_eager: bool,
    /// What waits until it is told.
    held: Vec<ThinkerAction>,
    usage: ChatUsage,
}

impl Thinker {
    /// A mind without a conversation yet. There is at least one engine.
    pub fn new(engines: Vec<MindEngine>, instructions: &str, tools: Vec<ToolSpec>, language: &str) -> Self {
        Self {
            standings: Engines::new(Part::Mind, engines.len()),
            engines,
            history: History::default(),
            instructions: instructions.to_owned(),
            tools,
            language: language.to_owned(),
            limits: Limits::default(),
            patience: Patience::default(),
            current: None,
            last_request: 0,
        }
    }

    /// The conversation goes on in another language, which these engines think in. An answer in
    /// progress is thought to its end.
    pub fn change(&mut self, engines: &[MindEngine], language: &str) {
        language.clone_into(&mut self.language);
        if self.engines != engines {
            self.engines = engines.to_vec();
            self.standings = Engines::new(Part::Mind, engines.len());
        }
    }

    /// The place of the engine that serves.
    pub fn engine(&self) -> usize {
        self.standings.current()
    }

    /// The answer in progress.
    pub fn response(&self) -> Option<u64> {
        self.current.as_ref().map(|thought| thought.response)
    }

    /// Changes what is given, from the next answer on.
    pub fn configure(&mut self, instructions: Option<String>, tools: Option<Vec<ToolSpec>>) {
        self.instructions = instructions.unwrap_or_else(|| std::mem::take(&mut self.instructions));
        self.tools = tools.unwrap_or_else(|| std::mem::take(&mut self.tools));
    }

    /// The caller said this. A later text of the same item replaces the earlier one.
    pub fn caller(&mut self, item: &str, text: &str) {
        self.history.caller(item, text);
    }

    /// What the caller said in this item does not count.
    pub fn forget(&mut self, item: &str) {
        self.history.delete(item);
    }

    /// Adds facts or instructions.
    pub fn note(&mut self, text: &str) {
        self.history.note(Note(text.to_owned()));
    }

    /// Adds what another session said, or what was played without a model.
    pub fn has_said(&mut self, item: &str, text: &str) {
        self.history.agent(item, text, Vec::new());
    }

    /// Adds words that are said as a response without having been thought.
    pub fn says(&mut self, response: u64, words: &str) {
        self.history.agent(&name(response), words, Vec::new());
    }

    /// Gives the result of a tool. Returns whether it was awaited.
    pub fn answer_tool(&mut self, key: &str, output: &str) -> bool {
        self.history.answer_tool(key, output)
    }

    /// Begins an answer; an earlier one is cancelled. An eager one is not told until it is released.
    pub fn answer(&mut self, response: u64, order: Order, is_eager: bool, now: Instant, out: &mut Vec<ThinkerAction>) {
        self.cancel(out);
        self.current = Some(Thought {
            response,
            order,
            answer: Answer::new(&self.language, self.limits),
            request: None,
            retry_at: None,
            went_on: false,
            is_eager,
            held: Vec::new(),
            usage: ChatUsage::default(),
        });
        self.ask(now, out);
    }

    /// The eager answer is the answer: tells what it has so far. Returns whether there is one.
    pub fn release(&mut self, out: &mut Vec<ThinkerAction>) -> bool {
        let Some(thought) = self.current.as_mut().filter(|thought| thought.is_eager) else { return false };
        thought.is_eager = false;
        let held = std::mem::take(&mut thought.held);
        let is_over = held.iter().any(|action| matches!(action, ThinkerAction::Ended { .. }));
        out.extend(held);
        if is_over {
            self.current = None;
        }
        true
    }

    /// Stops the answer in progress. What was told of it stays in the conversation, to be cut to
    /// what was heard.
    pub fn cancel(&mut self, out: &mut Vec<ThinkerAction>) {
        let Some(mut thought) = self.current.take() else { return };
        let is_over = thought.held.iter().any(|action| matches!(action, ThinkerAction::Ended { .. }));
        if let Some((number, mut exchange)) = thought.request.take() {
            thought.usage = sum(thought.usage, exchange.abandon());
            out.push(ThinkerAction::Abort { number });
        }
        if thought.is_eager {
            if is_over {
                // Nothing of it was heard, and none of its tools runs.
                self.history.cut(&name(thought.response), 0);
                self.history.cancel_tools();
                self.history.delete(&name(thought.response));
            }
            return out.push(ThinkerAction::Wasted(thought.usage));
        }
        let given = &thought.answer.content()[..thought.answer.given()];
        self.history.agent(&name(thought.response), given, Vec::new());
        let (response, usage) = (thought.response, thought.usage);
        out.push(ThinkerAction::Ended { response, outcome: Outcome::Cancelled, usage });
    }

    /// The caller heard only so much of an answer's content, in bytes.
    pub fn heard(&mut self, response: u64, content: usize) {
        self.history.cut(&name(response), content);
    }

    /// Something came of a request.
    pub fn request(&mut self, number: u64, event: RequestEvent<'_>, now: Instant, out: &mut Vec<ThinkerAction>) {
        let mut came = Vec::new();
        let running = self.current.as_mut().and_then(|thought| thought.request.as_mut());
        // A request that was aborted may still bring something.
        let Some((_, exchange)) = running.filter(|(running, _)| *running == number) else { return };
        match event {
            RequestEvent::Head(head, error_body) => exchange.head(&head, error_body, &mut came),
            RequestEvent::Bytes(bytes) => exchange.bytes(bytes, now, &mut came),
            RequestEvent::End => exchange.end(now, &mut came),
            RequestEvent::Broken(problem) => exchange.broken(problem, &mut came),
        }
        self.came(came, now, out);
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        let thought = self.current.as_ref()?;
        thought.retry_at.or_else(|| thought.request.as_ref()?.1.deadline())
    }

    /// The deadline has passed.
    pub fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ThinkerAction>) {
        let Some(thought) = &mut self.current else { return };
        if thought.retry_at.take_if(|at| *at <= now).is_some() {
            return self.ask(now, out);
        }
        let mut came = Vec::new();
        if let Some((_, exchange)) = &mut thought.request {
            exchange.deadline_passed(now, &mut came);
        }
        self.came(came, now, out);
    }

    fn ask(&mut self, now: Instant, out: &mut Vec<ThinkerAction>) {
        let (Some(thought), Some(engine)) = (&mut self.current, self.engines.get(self.standings.current())) else {
            return;
        };
        let content = thought.answer.content();
        let ask = Ask {
            instructions: &self.instructions,
            extra: thought.order.instructions.as_deref(),
            go_on: Some(content).filter(|content| !content.is_empty()),
            tools: &self.tools,
            words_only: thought.order.words_only,
        };
        let body = body(&engine.plan, &ask, &mut self.history);
        let asked = body["messages"].to_string().chars().count();
        if ask.go_on.is_some() {
            // The rest is joined to what came.
            thought.answer.push(" ", &mut Vec::new());
        }
        self.last_request += 1;
        thought.request = Some((self.last_request, Exchange::new(asked, self.patience, now)));
        out.push(ThinkerAction::Ask { number: self.last_request, engine: self.standings.current(), body });
    }

    fn came(&mut self, came: Vec<MindEvent>, now: Instant, out: &mut Vec<ThinkerAction>) {
        for event in came {
            match event {
                MindEvent::Said(delta) => {
                    let Some(thought) = &mut self.current else { return };
                    let mut pieces = Vec::new();
                    thought.answer.push(&delta, &mut pieces);
                    thought.say(pieces, out);
                }
                MindEvent::Finished { finish, calls, usage } => self.finished(finish, calls, usage, now, out),
                MindEvent::Failed(failure) => self.failed(&failure, now, out),
            }
        }
    }

    fn finished(
        &mut self,
        finish: Finish,
        calls: Vec<Call>,
        usage: ChatUsage,
        now: Instant,
        out: &mut Vec<ThinkerAction>,
    ) {
        let Some(thought) = &mut self.current else { return };
        thought.request = None;
        thought.usage = sum(thought.usage, usage);
        let mut pieces = Vec::new();
        match finish {
            Finish::Complete => thought.answer.finish(&mut pieces),
            Finish::Length | Finish::Filtered | Finish::Cut => thought.answer.cut_off(&mut pieces),
        }
        thought.say(pieces, out);
        if finish == Finish::Cut && calls.is_empty() {
            if !std::mem::replace(&mut thought.went_on, true) {
                return self.failed(&Failure::of_network(Part::Mind, "the answer was cut off"), now, out);
            }
            thought.apologise(&self.language, out);
        } else {
            self.standings.worked();
        }
        let outcome = match finish {
            Finish::Complete if thought.answer.content().trim().is_empty() && calls.is_empty() => Outcome::Silent,
            Finish::Complete => Outcome::Complete,
            Finish::Length => Outcome::Incomplete("max_tokens"),
            Finish::Filtered => {
                thought.apologise(&self.language, out);
                Outcome::Incomplete("content_filter")
            }
            Finish::Cut => Outcome::Incomplete("cut_off"),
        };
        self.end(outcome, calls, out);
    }

    /// The request brought nothing, or not all.
    fn failed(&mut self, failure: &Failure, now: Instant, out: &mut Vec<ThinkerAction>) {
        let Some(thought) = &mut self.current else { return };
        thought.request = None;
        let at = match self.standings.failed(failure, now) {
            Verdict::Again(at) => at,
            Verdict::TakeOver { engine, at } => {
                out.push(ThinkerAction::TookOver { engine, failure: failure.clone() });
                at
            }
            Verdict::Lost(failure) => {
                let outcome = if thought.answer.content().is_empty() {
                    Outcome::Failed(failure.clone())
                } else {
                    thought.apologise(&self.language, out);
                    Outcome::Incomplete("cut_off")
                };
                self.end(outcome, Vec::new(), out);
                return out.push(ThinkerAction::Lost(failure));
            }
        };
        if at > now {
            thought.retry_at = Some(at);
        } else {
            self.ask(now, out);
        }
    }

    /// The answer goes into the conversation, and its tools run.
    fn end(&mut self, outcome: Outcome, calls: Vec<Call>, out: &mut Vec<ThinkerAction>) {
        let Some(thought) = &mut self.current else { return };
        let response = thought.response;
        let keyed: Vec<(String, Call)> =
            (0..).zip(calls).map(|(place, call): (u32, _)| (format!("call_{response}_{place}"), call)).collect();
        let call = |(key, call): &(String, Call)| ThinkerAction::CallTool {
            response,
            key: key.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        };
        let usage = thought.usage;
        let told = keyed.iter().map(call).chain([ThinkerAction::Ended { response, outcome, usage }]).collect();
        self.history.agent(&name(response), thought.answer.content(), keyed);
        thought.tell(told, out);
        if !thought.is_eager {
            self.current = None;
        }
    }
}

impl Thought {
    fn say(&mut self, pieces: Vec<Piece>, out: &mut Vec<ThinkerAction>) {
        let response = self.response;
        self.tell(pieces.into_iter().map(|piece| ThinkerAction::Say { response, piece }).collect(), out);
    }

    fn tell(&mut self, actions: Vec<ThinkerAction>, out: &mut Vec<ThinkerAction>) {
        if self.is_eager { self.held.extend(actions) } else { out.extend(actions) }
    }

    /// Says a word of ours in place of what is missing.
    fn apologise(&mut self, language: &str, out: &mut Vec<ThinkerAction>) {
        let mut pieces = Vec::new();
        self.answer.push(" ", &mut pieces);
        self.answer.push(sorry(language), &mut pieces);
        self.answer.finish(&mut pieces);
        self.say(pieces, out);
    }
}

/// The name of an answer in the conversation.
fn name(response: u64) -> String {
    format!("answer{response}")
}

fn sum(one: ChatUsage, other: ChatUsage) -> ChatUsage {
    ChatUsage {
        input: one.input + other.input,
        cached: one.cached + other.cached,
        output: one.output + other.output,
        reasoning: one.reasoning + other.reasoning,
        is_estimate: one.is_estimate || other.is_estimate,
    }
}

#[cfg(test)]
mod tests;
