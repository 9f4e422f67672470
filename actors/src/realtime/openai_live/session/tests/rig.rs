//! A session with a small server around it. The server streams as the real one does: 100 ms of
//! audio every 100 ms. Everything that the session sends goes through the oracle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::now;
use super::oracle::Sequence;
use crate::ids::ToolCallId;
use crate::realtime::conversation::{SessionAction, SessionEvent};
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest, TextRole};
use crate::realtime::openai_live::plan::{OpenAiLivePlan, sample};
use crate::realtime::openai_live::session::Session;
use crate::realtime::plan::Common;
use crate::realtime::report::{ModelLoss, ModelReport, Words};
use crate::realtime::seed::{Handoff, Opening};

pub(crate) const LOUD: u8 = 0x10;
pub(crate) const SILENT: u8 = 0xFF;

pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    pub(crate) began: Instant,
    /// What the model's stream holds now: a code of mu-law. `None` if it has stopped.
    pub(crate) model: Option<u8>,
    next_delta: Instant,
    pub(crate) oracle: Sequence,
    /// What was sent, apart from audio.
    pub(crate) sent: Vec<Value>,
    /// Audio sent, in ms.
    pub(crate) sent_ms: u64,
    /// Audio for the caller, in ms.
    pub(crate) played_ms: u64,
    /// Everything reported, as words.
    pub(crate) story: Vec<String>,
    pub(crate) loss: Option<ModelLoss>,
    pub(crate) closed: bool,
    /// The usage reported, in ms of session and in tokens of text.
    pub(crate) used: (u64, u64),
    frame: u64,
}

impl Rig {
    /// A session that is about to be dialled.
    pub(crate) fn dialling(change: impl FnOnce(&mut Common, &mut OpenAiLivePlan)) -> Self {
        let (mut common, mut plan) = (sample::common(), sample::live());
        change(&mut common, &mut plan);
        let now = now();
        let opening = Opening { number: 1, caller: Some("hash".to_owned()), ..Opening::default() };
        Self {
            session: Session::standby(Arc::new(common), Arc::new(plan), &opening, now),
            now,
            began: now,
            model: None,
            next_delta: now,
            oracle: Sequence::default(),
            sent: Vec::new(),
            sent_ms: 0,
            played_ms: 0,
            story: Vec::new(),
            loss: None,
            closed: false,
            used: (0, 0),
            frame: 0,
        }
    }

    /// A session that runs, before it was asked anything.
    pub(crate) fn running() -> Self {
        Self::running_with(|_, _| {})
    }

    pub(crate) fn running_with(change: impl FnOnce(&mut Common, &mut OpenAiLivePlan)) -> Self {
        Self::continuing(change, Handoff::default())
    }

    pub(crate) fn continuing(change: impl FnOnce(&mut Common, &mut OpenAiLivePlan), handoff: Handoff) -> Self {
        let mut rig = Self::dialling(change);
        rig.on(SessionEvent::Opened);
        rig.on(SessionEvent::HandedOver(handoff));
        rig.started();
        rig.story.clear();
        rig.sent.retain(|event| event["type"] != "session.start");
        rig
    }

    pub(crate) fn on(&mut self, event: SessionEvent<'_>) {
        let mut out = Vec::new();
        self.session.handle(event, self.now, &mut out);
        self.perform_all(out);
    }

    pub(crate) fn order(&mut self, order: ModelOrder) {
        self.on(SessionEvent::Ordered(order));
    }

    pub(crate) fn speak(&mut self, purpose: ResponsePurpose, words: &str) {
        let instructions = (!words.is_empty()).then(|| words.to_owned());
        self.order(ModelOrder::Speak(ResponseRequest { purpose, instructions }));
    }

    pub(crate) fn tell(&mut self, text: &str) {
        self.order(ModelOrder::AddText { role: TextRole::System, text: text.to_owned() });
    }

    pub(crate) fn answer_tool(&mut self, call: &str, output: &str, speak: bool) {
        self.order(ModelOrder::AnswerTool { call: ToolCallId::new(call), output: output.to_owned(), speak });
    }

    /// The server sends `event`.
    pub(crate) fn server(&mut self, event: &Value) {
        self.oracle.server(event);
        let text = event.to_string();
        self.on(SessionEvent::Text(&text));
    }

    pub(crate) fn started(&mut self) {
        self.server(&json!({"type": "session.started", "event_id": "e", "client_event_id": "start",
            "session": {"id": "live_abc", "expires_at": 1_796_000_000, "status": "active", "model": "gpt-live-1.1",
                "audio": {"format": {"type": "audio/pcmu", "rate": 8000}}}}));
        self.model = Some(SILENT);
        self.next_delta = self.now + Duration::from_millis(100);
        // The stream begins with a tick that is no voice.
        self.pass(1_000);
    }

    /// The server acknowledges the last append.
    pub(crate) fn ack(&mut self) {
        let id = self.sent.last().map(|event| event["event_id"].clone()).unwrap_or_default();
        self.server(&json!({"type": "session.commentary.appended", "client_event_id": id, "start_ms": 1, "end_ms": 2}));
    }

    pub(crate) fn agent_words(&mut self, text: &str) {
        let start = self.ms();
        self.server(&json!({"type": "session.output_transcript.delta", "delta": text,
            "start_ms": start, "end_ms": start + 200}));
    }

    pub(crate) fn caller_words(&mut self, text: &str, start_ms: u64) {
        self.server(&json!({"type": "session.input_transcript.delta", "delta": text,
            "start_ms": start_ms, "end_ms": start_ms + 200}));
    }

    pub(crate) fn nested(&mut self, event: &Value) {
        self.server(&json!({"type": "response.event", "delegation_id": "deleg_1", "event": event}));
    }

    /// The server's model begins a response and calls a tool.
    pub(crate) fn tool_call(&mut self, response: &str, call: &str) {
        self.nested(&json!({"type": "response.created", "response": {"id": response, "output": []}}));
        self.nested(&json!({"type": "response.output_item.done", "item": {"type": "reasoning"}}));
        self.nested(&json!({"type": "response.output_item.done", "item": {"type": "function_call", "id": "fc",
            "call_id": call, "name": "order_status", "arguments": "{}", "status": "completed"}}));
    }

    pub(crate) fn completes(&mut self, response: &str) {
        self.nested(&json!({"type": "response.completed", "response": {"id": response, "output": [],
            "usage": {"input_tokens": 300, "output_tokens": 20}}}));
    }

    /// Time passes without audio of the caller.
    pub(crate) fn pass(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        let mut steps = 0;
        loop {
            steps += 1;
            assert!(steps < 10_000, "a deadline is not met, and time stands still");
            let deadline = self.session.deadline().filter(|_| self.loss.is_none() && !self.closed);
            let delta = self.model.is_some().then_some(self.next_delta);
            let Some(next) = deadline.into_iter().chain(delta).min().filter(|at| *at <= until) else { break };
            self.now = self.now.max(next);
            if delta.is_some_and(|at| at <= self.now) {
                self.next_delta += Duration::from_millis(100);
                let audio = vec![self.model.unwrap_or(SILENT); 800];
                let delta = base64_simd::STANDARD.encode_to_string(audio);
                self.server(&json!({"type": "session.output_audio.delta", "delta": delta}));
            } else {
                self.on(SessionEvent::DeadlinePassed);
            }
        }
        self.now = until;
    }

    /// Time passes, and the line carries this code: a tone, or silence.
    pub(crate) fn line(&mut self, ms: u64, code: u8) {
        for _ in 0..ms / 20 {
            self.pass(20);
            self.frame += 1;
            let frame: Vec<u8> = (0..160).map(|n| if n % 8 < 4 { code } else { code | 0x80 }).collect();
            let mut out = Vec::new();
            self.session.hear_caller(&frame, self.now, &mut out);
            self.perform_all(out);
        }
    }

    /// The model speaks for this long, then is silent for a second.
    pub(crate) fn model_speaks(&mut self, ms: u64) {
        self.model = Some(LOUD);
        self.line(ms, SILENT);
        self.model = Some(SILENT);
        self.line(1_000, SILENT);
    }

    pub(crate) fn ms(&self) -> u64 {
        (self.now - self.began).as_millis() as u64
    }

    /// What was sent since the last question, apart from audio: the event's kind without
    /// `session.`, and its text.
    pub(crate) fn said(&mut self) -> Vec<String> {
        let word = |event: Value| {
            let kind = event["type"].as_str().unwrap_or_default().trim_start_matches("session.").to_owned();
            let text = event["content"].as_str().or(event["item"]["output"].as_str());
            text.map_or(kind.clone(), |text| format!("{kind} {text}"))
        };
        std::mem::take(&mut self.sent).into_iter().map(word).collect()
    }

    /// What was reported since the last question.
    pub(crate) fn reported(&mut self) -> Vec<String> {
        std::mem::take(&mut self.story)
    }

    /// Fails if the session has broken a rule of the protocol.
    #[track_caller]
    pub(crate) fn check(&self) {
        assert_eq!(self.oracle.bad, Vec::<String>::new());
    }

    pub(crate) fn perform_all(&mut self, actions: Vec<SessionAction>) {
        use SessionAction as A;
        for action in actions {
            assert!(!self.closed && self.loss.is_none(), "{action:?} follows the end");
            match action {
                A::Send(text) => {
                    let event: Value = serde_json::from_str(&text).expect("JSON");
                    self.oracle.client(&event, self.ms() as f64);
                    self.sent.push(event);
                }
                A::SendAudio(frame) => {
                    let event: Value = serde_json::from_slice(&frame).expect("JSON");
                    self.oracle.client(&event, self.ms() as f64);
                    let audio = event["audio"].as_str().unwrap_or_default();
                    let bytes = base64_simd::STANDARD.decode_to_vec(audio).expect("base64");
                    self.sent_ms += bytes.len() as u64 / 8;
                }
                A::ToAudio(audio) => self.played_ms += audio.audio.len() as u64 / 8,
                A::Complete(complete) => self.story.push(format!("{} complete", complete.item)),
                A::ToWords(words) => self.story.extend(word_of(words)),
                A::Report(report) => self.report(report),
                A::Prepared => self.story.push("prepared".to_owned()),
                A::ExpiresAt(at) => self.story.push(format!("expires at {at}")),
                A::EndsIn(_) | A::Resumable(_) | A::ToLink(_) | A::Learned { .. } => {
                    panic!("this provider says none of them")
                }
                A::Pong(_) => self.story.push("pong".to_owned()),
                A::Ping => self.story.push("ping".to_owned()),
                A::Lose(loss) => self.loss = Some(loss),
                A::Close => self.closed = true,
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the others print as they are")]
    fn report(&mut self, report: ModelReport) {
        self.story.push(match report {
            ModelReport::Ready { session, .. } => format!("ready {session}"),
            ModelReport::SpeechStarted { item } => format!("{item} speaks"),
            ModelReport::SpeechStopped { item } => format!("{item} stops"),
            ModelReport::ResponseStarted { response } => format!("{response} begins"),
            ModelReport::FirstAudio { response } => format!("{response} sounds"),
            ModelReport::ResponseFinished { response, outcome, .. } => format!("{response} ends {outcome:?}"),
            ModelReport::CallerWords { item, text, last: true } => format!("{item} said “{}”", text.expose()),
            ModelReport::CallerWords { item, text, last: false } => format!("{item} says “{}”", text.expose()),
            ModelReport::ToolCalled(call) => format!("calls {} {} {}", call.name, call.id, call.arguments),
            ModelReport::RequestGivenUp { purpose, reason } => format!("given up {purpose:?}: {reason}"),
            ModelReport::Muted { purpose, reason } => format!("mute {purpose:?}: {reason}"),
            ModelReport::Complained { code, .. } => format!("complains {code}"),
            ModelReport::Used(usage) => {
                self.used.0 += usage.session_ms;
                return;
            }
            ModelReport::Worked { model, usage } => {
                assert_eq!(model, "gpt-5.6-luna", "the model behind the voice has its own price");
                self.used.1 += usage.input_text + usage.output_text;
                return;
            }
            other => format!("{other:?}"),
        });
    }
}

fn word_of(words: Words) -> Option<String> {
    match words {
        Words::AgentSays { item, delta, .. } => Some(format!("{item} +{delta}")),
        Words::AgentSaid { item, text, .. } => Some(format!("{item} = {text}")),
        Words::CallerSaid { item, text } => Some(format!("{item} = {}", text.unwrap_or_default())),
        Words::Placed { item, previous, .. } => {
            Some(format!("{item} after {}", previous.map_or("nothing".to_owned(), |item| item.to_string())))
        }
        Words::AgentTimed { .. } | Words::Inaudible { .. } => None,
    }
}
