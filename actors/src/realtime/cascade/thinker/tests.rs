use ThinkerAction as A;
use serde_json::{Map, json};

use super::super::failure::Head;
use super::super::mind::{LimitKey, NoteRole};
use super::*;
use crate::clock;

const OK: Head<'_> =
    Head { status: 200, content_type: "text/event-stream", retry_after_ms: None, retry_after: None, error: None };

struct Rig {
    thinker: Thinker,
    now: Instant,
    out: Vec<A>,
    /// The last body that was asked.
    body: Value,
}

impl Rig {
    fn new(engines: usize) -> Self {
        let plan = ChatPlan {
            model: "small".into(),
            most_tokens: None,
            limit_key: LimitKey::default(),
            temperature: None,
            notes: NoteRole::default(),
            asks_usage: true,
            extra: Map::new(),
        };
        let url = Url::parse("http://127.0.0.1:9/v1").expect("a URL");
        let engine = MindEngine { url, plan };
        assert_eq!(engine.endpoint().path(), "/v1/chat/completions");
        let tool = ToolSpec { name: "find".into(), description: String::new(), parameters: json!({}) };
        let thinker = Thinker::new(vec![engine; engines], "Be brief.", vec![tool], "en");
        Self { thinker, now: clock::now(), out: Vec::new(), body: Value::Null }
    }

    fn answer(&mut self, response: u64, is_eager: bool) {
        self.thinker.answer(response, Order::default(), is_eager, self.now, &mut self.out);
    }

    fn came(&mut self, number: u64, event: RequestEvent<'_>) {
        self.thinker.request(number, event, self.now, &mut self.out);
    }

    fn says(&mut self, number: u64, text: &str) {
        self.came(number, RequestEvent::Head(OK, ""));
        let chunk = json!({ "choices": [{ "delta": { "content": text } }] });
        self.came(number, RequestEvent::Bytes(format!("data: {chunk}\n\n").as_bytes()));
    }

    fn calls(&mut self, number: u64) {
        self.came(number, RequestEvent::Head(OK, ""));
        let call = json!({ "index": 0, "id": "a", "function": { "name": "find", "arguments": "" } });
        let chunk = json!({ "choices": [{ "delta": { "tool_calls": [call] } }] });
        self.came(number, RequestEvent::Bytes(format!("data: {chunk}\n\n").as_bytes()));
    }

    fn done(&mut self, number: u64) {
        self.came(number, RequestEvent::Bytes(b"data: [DONE]\n\n"));
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + std::time::Duration::from_millis(ms);
        while let Some(at) = self.thinker.deadline().filter(|at| *at <= end) {
            self.now = at;
            self.thinker.deadline_passed(at, &mut self.out);
        }
        self.now = end;
    }

    /// What followed, in short.
    fn took(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        for action in std::mem::take(&mut self.out) {
            words.push(match action {
                A::Ask { number, engine, body } => {
                    self.body = body;
                    format!("ask {number} of {engine}")
                }
                A::Abort { number } => format!("abort {number}"),
                A::Say { response, piece } => format!("{response}: {}", piece.text),
                A::CallTool { key, name, arguments, .. } => format!("{key} {name} {arguments}"),
                A::Ended { response, outcome, .. } => match outcome {
                    Outcome::Complete => format!("{response} complete"),
                    Outcome::Silent => format!("{response} silent"),
                    Outcome::Cancelled => format!("{response} cancelled"),
                    Outcome::Incomplete(reason) => format!("{response} {reason}"),
                    Outcome::Failed(_) => format!("{response} failed"),
                },
                A::Wasted(_) => "wasted".into(),
                A::TookOver { engine, .. } => format!("took over {engine}"),
                A::Lost(_) => "lost".into(),
            });
        }
        words
    }

    /// The conversation as the next request tells it, without the prompt.
    fn told(&mut self) -> Vec<String> {
        self.took();
        self.answer(99, true);
        self.took();
        let line = |message: &Value| {
            let calls = message["tool_calls"].as_array().map_or(0, Vec::len);
            format!("{} {}{}", message["role"], message["content"], if calls > 0 { " +calls" } else { "" })
                .replace('"', "")
        };
        let told = self.body["messages"].as_array().expect("a list").iter().skip(1).map(line).collect();
        self.thinker.cancel(&mut self.out);
        self.took();
        told
    }
}

#[test]
fn an_answer_is_told_by_sentences_and_kept() {
    let mut rig = Rig::new(1);
    rig.thinker.caller("u1", "Is it free?");
    rig.answer(1, false);
    rig.says(1, "Yes, it is. Shall ");
    assert_eq!(rig.took(), ["ask 1 of 0", "1: Yes, it is."]);
    rig.says(1, "I book it?");
    rig.done(1);
    assert_eq!(rig.took(), ["1: Shall I book it?", "1 complete"]);
    assert_eq!(rig.told(), ["user Is it free?", "assistant Yes, it is. Shall I book it?"]);
}

#[test]
fn what_was_not_heard_is_not_told_again() {
    let mut rig = Rig::new(1);
    rig.thinker.caller("u1", "Is it free?");
    rig.answer(1, false);
    rig.says(1, "Yes, it is. Shall I book it for you now? And th");
    rig.thinker.cancel(&mut rig.out);
    assert_eq!(rig.took()[3..], ["abort 1", "1 cancelled"]);
    rig.says(1, "late");
    assert_eq!(rig.took(), Vec::<String>::new());
    rig.thinker.heard(1, "Yes, it".len());
    assert_eq!(rig.told(), ["user Is it free?", "assistant Yes, it…"]);
}

#[test]
fn a_cut_answer_is_asked_on_once_and_then_a_word_of_ours_is_said() {
    let mut rig = Rig::new(1);
    rig.thinker.caller("u1", "Is it free?");
    rig.answer(1, false);
    rig.says(1, "Yes, it is. Shall I bo");
    rig.came(1, RequestEvent::End);
    assert_eq!(rig.took(), ["ask 1 of 0", "1: Yes, it is.", "ask 2 of 0"]);
    let messages = rig.body["messages"].as_array().expect("a list").clone();
    assert_eq!(messages[2], json!({"role":"assistant","content":"Yes, it is."}));
    rig.says(2, "Shall I book it for you? A");
    rig.came(2, RequestEvent::Broken("reset"));
    let expected = ["1: Shall I book it for you?", "1: I am sorry, could you say that again?", "1 cut_off"];
    assert_eq!(rig.took(), expected);
    let said = "assistant Yes, it is. Shall I book it for you? I am sorry, could you say that again?";
    assert_eq!(rig.told(), ["user Is it free?", said]);
}

#[test]
fn another_engine_is_asked_if_one_does_not_answer() {
    let mut rig = Rig::new(2);
    rig.answer(1, false);
    rig.pass(4000);
    assert_eq!(rig.took(), ["ask 1 of 0", "ask 2 of 0"]);
    rig.came(2, RequestEvent::Head(Head { status: 503, ..OK }, ""));
    assert_eq!(rig.took(), ["took over 1", "ask 3 of 1"]);
    rig.says(3, "Yes.");
    rig.done(3);
    assert_eq!(rig.took(), ["1: Yes.", "1 complete"]);
    assert_eq!(rig.thinker.engine(), 1);
}

#[test]
fn when_no_engine_is_left_the_call_is_told() {
    let mut rig = Rig::new(2);
    rig.answer(1, false);
    for number in 1..=2 {
        rig.came(number, RequestEvent::Head(Head { status: 401, ..OK }, ""));
    }
    assert_eq!(rig.took(), ["ask 1 of 0", "took over 1", "ask 2 of 1", "1 failed", "lost"]);
    assert_eq!((rig.thinker.response(), rig.thinker.deadline()), (None, None));
}

#[test]
fn a_tool_is_called_and_its_result_is_told() {
    let mut rig = Rig::new(1);
    rig.thinker.caller("u1", "Is it free?");
    rig.answer(1, false);
    rig.says(1, "Let me look.");
    rig.calls(1);
    rig.done(1);
    assert_eq!(rig.took(), ["ask 1 of 0", "1: Let me look.", "call_1_0 find {}", "1 complete"]);
    assert!(rig.thinker.answer_tool("call_1_0", "free") && !rig.thinker.answer_tool("call_1_0", "x"));
    assert_eq!(rig.told(), ["user Is it free?", "assistant Let me look. +calls", "tool free"]);
    // The server gives the same id again in another answer.
    rig.answer(2, false);
    rig.calls(4);
    rig.calls(rig.thinker.last_request);
    rig.done(rig.thinker.last_request);
    assert!(rig.took().contains(&"call_2_0 find {}".to_owned()));
}

#[test]
fn an_eager_answer_waits_and_calls_no_tool_before_it_is_released() {
    let mut rig = Rig::new(1);
    rig.thinker.caller("u1", "Is it free?");
    rig.answer(1, true);
    rig.says(1, "Let me look. One");
    rig.calls(1);
    assert_eq!(rig.took(), ["ask 1 of 0"]);
    assert!(rig.thinker.release(&mut rig.out));
    assert_eq!(rig.took(), ["1: Let me look."]);
    rig.done(1);
    assert_eq!(rig.took(), ["1: One", "call_1_0 find {}", "1 complete"]);
    assert!(!rig.thinker.release(&mut rig.out));
}

#[test]
fn an_eager_answer_that_is_thrown_away_leaves_nothing() {
    for is_over in [false, true] {
        let mut rig = Rig::new(1);
        rig.thinker.caller("u1", "Is it");
        rig.answer(1, true);
        rig.says(1, "Let me look. One");
        if is_over {
            rig.done(1);
        }
        rig.took();
        rig.thinker.cancel(&mut rig.out);
        rig.thinker.forget("u1");
        assert_eq!(rig.took().last().map(String::as_str), Some("wasted"));
        rig.thinker.caller("u2", "Is it free?");
        assert_eq!(rig.told(), ["user Is it free?"], "{is_over}");
    }
}

#[test]
fn an_eager_answer_that_is_over_is_told_at_once() {
    let mut rig = Rig::new(1);
    rig.answer(1, true);
    rig.says(1, "Yes.");
    rig.done(1);
    rig.took();
    assert!(rig.thinker.release(&mut rig.out));
    assert_eq!(rig.took(), ["1: Yes.", "1 complete"]);
    assert_eq!(rig.thinker.response(), None);
}

#[test]
fn limits_filters_and_silence_are_told_apart() {
    for (finish, expected) in [
        ("length", vec!["1: Yes.", "1 max_tokens"]),
        ("content_filter", vec!["1: Yes.", "1: I am sorry, could you say that again?", "1 content_filter"]),
        ("stop", vec!["1: Yes.", "1: And", "1 complete"]),
    ] {
        let mut rig = Rig::new(1);
        rig.answer(1, false);
        rig.says(1, "Yes. And");
        let chunk = json!({ "choices": [{ "finish_reason": finish }] });
        rig.came(1, RequestEvent::Bytes(format!("data: {chunk}\n\ndata: [DONE]\n\n").as_bytes()));
        assert_eq!(rig.took()[1..], expected, "{finish}");
    }
    let mut rig = Rig::new(1);
    rig.answer(1, false);
    rig.says(1, "");
    rig.done(1);
    assert_eq!(rig.took(), ["ask 1 of 0", "1 silent"]);
}

#[test]
fn a_change_counts_from_the_next_answer_on() {
    let mut rig = Rig::new(1);
    rig.thinker.configure(Some("In Hindi.".into()), Some(Vec::new()));
    rig.thinker.note("The caller is Asha.");
    rig.thinker.has_said("a0", "Namaste.");
    rig.answer(1, false);
    rig.took();
    assert_eq!((&rig.body["messages"][0]["content"], rig.body.get("tools")), (&json!("In Hindi."), None));
    assert_eq!(rig.told(), ["system The caller is Asha.", "assistant Namaste."]);
}
