//! Random scripts: whatever the line, the server and the call do, in whatever order, no rule of the
//! protocol is broken, every item is complete once, and the session ends once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::Rig;
use super::rig::{LOUD, SILENT};
use crate::ids::ItemId;
use crate::realtime::conversation::SessionEvent;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};
use crate::realtime::openai_live::plan::{Delegation, sample};

/// A step of a script.
#[derive(Debug, Clone, Copy)]
enum Step {
    Line(u64, bool),
    Nothing(u64),
    Burst(u64),
    ModelSpeaks(bool),
    AgentWords(u64),
    CallerWords(u64),
    Request(u8),
    Text(u8, usize),
    Order(u8),
    Tool(ToolStep),
    Ack(u64),
    Refuse(u64, u8),
    Used(u64),
    Garbage(u8),
}

/// A step of a tool's call or of a delegation.
#[derive(Debug, Clone, Copy)]
enum ToolStep {
    Called,
    Completes(bool),
    Answered(usize, usize, bool),
    Delegated,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..80_u64, any::<bool>()).prop_map(|(frames, loud)| Step::Line(frames * 20, loud)),
        2 => (1..3_000_u64).prop_map(Step::Nothing),
        1 => (1..100_u64).prop_map(Step::Burst),
        3 => any::<bool>().prop_map(Step::ModelSpeaks),
        2 => (0..3_000_u64).prop_map(Step::AgentWords),
        2 => (0..3_000_u64).prop_map(Step::CallerWords),
        3 => (0..8_u8).prop_map(Step::Request),
        2 => (0..4_u8, 0..2_000_usize).prop_map(|(role, length)| Step::Text(role, length)),
        2 => (0..6_u8).prop_map(Step::Order),
        2 => Just(Step::Tool(ToolStep::Called)),
        2 => any::<bool>().prop_map(|well| Step::Tool(ToolStep::Completes(well))),
        2 => (0..9_usize, 0..5_000_usize, any::<bool>()).prop_map(|(call, length, speak)| {
            Step::Tool(ToolStep::Answered(call, length, speak))
        }),
        1 => Just(Step::Tool(ToolStep::Delegated)),
        2 => (0..40_u64).prop_map(Step::Ack),
        1 => (0..40_u64, 0..4_u8).prop_map(|(number, kind)| Step::Refuse(number, kind)),
        1 => (0..60_u64).prop_map(Step::Used),
        1 => (0..6_u8).prop_map(Step::Garbage),
    ]
}

struct Script {
    rig: Rig,
    calls: usize,
    response: Option<usize>,
    hosted: bool,
}

impl Script {
    fn take(&mut self, step: Step) {
        let rig = &mut self.rig;
        match step {
            Step::Line(ms, loud) => rig.line(ms, if loud { LOUD } else { SILENT }),
            Step::Nothing(ms) => rig.pass(ms),
            Step::Burst(frames) => {
                // Frames that come all at once.
                for _ in 0..frames {
                    let mut out = Vec::new();
                    let _ = rig.session.hear_caller(&[LOUD; 160], rig.now, &mut out);
                    rig.perform_all(out);
                }
            }
            Step::ModelSpeaks(loud) => rig.model = Some(if loud { LOUD } else { SILENT }),
            Step::AgentWords(back) => {
                let start = rig.ms().saturating_sub(back);
                rig.server(&json!({"type": "session.output_transcript.delta", "delta": " word", "start_ms": start,
                    "end_ms": start + 200}));
            }
            Step::CallerWords(back) => rig.caller_words(" word", rig.ms().saturating_sub(back)),
            Step::Request(number) => {
                let purposes = ResponsePurpose::ALL;
                let purpose = purposes[usize::from(number) % purposes.len()];
                rig.speak(purpose, &"Say this. ".repeat(usize::from(number) * 10));
            }
            Step::Text(role, length) => {
                let role =
                    [TextRole::System, TextRole::Instruction, TextRole::User, TextRole::Assistant][usize::from(role)];
                rig.order(ModelOrder::AddText { role, text: "word ".repeat(length / 5) });
            }
            Step::Order(number) => rig.order(match number {
                0 => ModelOrder::Overtake,
                1 => ModelOrder::CancelResponse,
                2 => ModelOrder::DiscardInput,
                3 => ModelOrder::DeleteItem { item: ItemId::new("live1_a1") },
                4 => ModelOrder::Configure {
                    backend: None,
                    language: None,
                    instructions: Some("Be brief. ".repeat(100)),
                    transcription: None,
                    tools: Some(vec![sample::tool("other")]),
                },
                _ => ModelOrder::Rotate,
            }),
            Step::Tool(step) => self.take_tool(step),
            Step::Ack(number) => {
                let id = format!("append-{number}");
                rig.server(&json!({"type": "session.commentary.appended", "client_event_id": id}));
            }
            Step::Refuse(number, kind) => {
                let kinds = ["append", "output", "go-on", "audio"];
                // A refused output is open again, which only the server knows.
                let kind = kinds[usize::from(kind)];
                if kind != "output" {
                    let error = json!({"type": "invalid_request_error", "code": null, "client_event_id": format!("{kind}-{number}")});
                    rig.server(&json!({"type": "error", "error": error}));
                }
            }
            Step::Used(seconds) => {
                rig.server(&json!({"type": "session.usage.updated", "usage": {"seconds": seconds}}));
            }
            Step::Garbage(kind) => {
                let texts =
                    ["", "{}", "[1]", r#"{"type":"session.output_audio.delta"}"#, r#"{"type":"error"}"#, "null"];
                rig.on(SessionEvent::Text(texts[usize::from(kind)]));
            }
        }
    }

    /// The steps of tools and delegations.
    fn take_tool(&mut self, step: ToolStep) {
        match step {
            ToolStep::Called if self.hosted => {
                let (response, call) = (self.response.unwrap_or(self.calls), self.calls);
                self.calls += 1;
                if self.response.replace(response).is_none() {
                    let id = format!("resp_{response}");
                    self.rig.nested(&json!({"type": "response.created", "response": {"id": id, "output": []}}));
                }
                let item = json!({"type": "function_call", "call_id": format!("call_{call}"), "name": "t",
                    "arguments": "{}", "status": "completed"});
                self.rig.nested(&json!({"type": "response.output_item.done", "item": item}));
            }
            ToolStep::Completes(well) => {
                if let Some(response) = self.response.take() {
                    let kind = if well { "response.completed" } else { "response.failed" };
                    let id = format!("resp_{response}");
                    self.rig.nested(&json!({"type": kind, "response": {"id": id, "output": []}}));
                }
            }
            ToolStep::Answered(call, length, speak) => {
                let name = if self.hosted { format!("call_{call}") } else { format!("deleg_{call}") };
                self.rig.answer_tool(&name, &"x".repeat(length), speak);
            }
            ToolStep::Delegated => {
                let (id, target) = (format!("deleg_{}", self.calls), if self.hosted { "responses" } else { "client" });
                self.calls += 1;
                self.rig
                    .server(&json!({"type": "session.delegation.created", "delegation": {"id": id, "target": target}}));
            }
            // A client's delegation has no call.
            ToolStep::Called => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn no_rule_is_ever_broken(steps in prop::collection::vec(step(), 1..60), hosted in any::<bool>()) {
        let rig = Rig::running_with(|common, plan| {
            common.tools = vec![sample::tool("ask_backend")];
            if !hosted {
                plan.delegation = Delegation::Client { tool: Some("ask_backend".to_owned()) };
            }
        });
        let mut script = Script { rig, calls: 0, response: None, hosted };
        for step in steps {
            if script.rig.loss.is_some() {
                break;
            }
            script.take(step);
        }
        let Script { mut rig, response, .. } = script;
        if rig.loss.is_none() {
            if let Some(response) = response {
                rig.completes(&format!("resp_{response}"));
            }
            rig.model = Some(SILENT);
            rig.line(2_000, SILENT);
        }
        if rig.loss.is_none() {
            prop_assert_eq!(rig.oracle.unanswered(), 0, "a call is left open");
            rig.order(ModelOrder::Close);
            // The last words are awaited.
            rig.pass(800);
            rig.server(&json!({"type": "session.closed", "reason": "close_requested", "usage": {"seconds": 1}}));
            prop_assert!(rig.closed);
            rig.oracle.end(rig.ms() as f64, true);
            prop_assert!(rig.oracle.is_closing());
            prop_assert_eq!(rig.used.0, rig.sent_ms.max(rig.used.0));
        }
        prop_assert_eq!(&rig.oracle.bad, &Vec::<String>::new());
        let mut seen = BTreeMap::new();
        for event in &rig.story {
            if let Some(item) = event.strip_suffix(" complete") {
                *seen.entry(item.to_owned()).or_insert(0) += 1;
            }
        }
        prop_assert!(seen.values().all(|count| *count == 1), "{:?}", seen);
        let begun = rig.story.iter().filter(|event| event.ends_with(" begins")).count();
        let ended = rig.story.iter().filter(|event| event.contains(" ends ")).count();
        prop_assert!(begun == ended || rig.loss.is_some() && begun == ended + 1, "{} begun, {} ended", begun, ended);
    }
}
