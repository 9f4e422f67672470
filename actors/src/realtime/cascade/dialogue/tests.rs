mod scripts;

use DialogueAction as A;
use serde_json::{Map, Value, json};
use url::Url;

use super::super::ears::EarsPlan;
use super::super::listener::EarsEngine;
use super::super::mind::{ChatPlan, LimitKey, NoteRole};
use super::super::mouth::VoiceEngine;
use super::super::thinker::MindEngine;
use super::super::turns::TurnPolicy;
use super::super::voice::VoicePlan;
use super::*;
use crate::carrier::AudioFormat;
use crate::clock;

const OK: Head<'_> =
    Head { status: 200, content_type: "audio/pcm", retry_after_ms: None, retry_after: None, error: None };

/// A conversation whose engines are played by the test: uploads, chat completions, one request for
/// each piece of speech.
struct Rig {
    dialogue: Dialogue,
    now: Instant,
    out: Vec<A>,
    /// The last requests to each part, and the last body to the mind.
    upload: u64,
    ask: u64,
    speech: Vec<u64>,
    body: Value,
}

impl Rig {
    fn new(policy: TurnPolicy) -> Self {
        let url = || Url::parse("http://127.0.0.1:9/v1").expect("a URL");
        let ears = EarsPlan {
            url: url(),
            model: "small".into(),
            language: "en".into(),
            format: AudioFormat::MULAW_8K,
            endpointing: Duration::ZERO,
            keywords: Vec::new(),
            eager: false,
        };
        let plan = ChatPlan {
            model: "small".into(),
            most_tokens: None,
            limit_key: LimitKey::default(),
            temperature: None,
            notes: NoteRole::default(),
            asks_usage: false,
            extra: Map::new(),
        };
        let voice = VoicePlan {
            url: url(),
            model: "small".into(),
            voice: "asha".into(),
            language: "en".into(),
            format: AudioFormat::PCM_24K,
            instructions: None,
        };
        let listener = Listener::new(vec![EarsEngine::Uploads { plan: ears }], AudioFormat::MULAW_8K, "en", policy);
        let tool = ToolSpec { name: "find".into(), description: String::new(), parameters: json!({}) };
        let thinker = Thinker::new(vec![MindEngine { url: url(), plan }], "Be brief.", vec![tool], "en");
        let voice = VoiceEngine::Requests { plan: voice, response_format: "pcm".into() };
        let dialogue = Dialogue::new(listener, thinker, Mouth::new(vec![voice], AudioFormat::PCM_24K));
        Self { dialogue, now: clock::now(), out: Vec::new(), upload: 0, ask: 0, speech: Vec::new(), body: Value::Null }
    }

    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.dialogue.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.dialogue.deadline_passed(self.now, &mut self.out);
        }
        self.now = end;
    }

    /// The caller says this, and is silent until the turn is over.
    fn caller(&mut self, words: &str) {
        self.dialogue.speech(true, self.now, &mut self.out);
        for _ in 0..50 {
            self.pass(20);
            self.dialogue.hear_caller(&[0x55; 160], self.now, &mut self.out);
        }
        self.dialogue.speech(false, self.now, &mut self.out);
        self.note();
        let body = json!({ "text": words }).to_string();
        self.dialogue.uploaded(self.upload, &OK, &body, self.now, &mut self.out);
        self.pass(500);
    }

    fn thinks(&mut self, text: &str) {
        self.note();
        let chunk = json!({ "choices": [{ "delta": { "content": text } }] });
        self.mind(RequestEvent::Head(OK, ""));
        self.mind(RequestEvent::Bytes(format!("data: {chunk}\n\n").as_bytes()));
    }

    fn calls(&mut self, id: &str) {
        self.note();
        let call = json!({ "id": id, "function": { "name": "find" } });
        let chunk = json!({ "choices": [{ "delta": { "tool_calls": [call] } }] });
        self.mind(RequestEvent::Head(OK, ""));
        self.mind(RequestEvent::Bytes(format!("data: {chunk}\n\n").as_bytes()));
    }

    fn done(&mut self) {
        self.mind(RequestEvent::Bytes(b"data: [DONE]\n\n"));
    }

    fn mind(&mut self, event: RequestEvent<'_>) {
        self.dialogue.mind_request(self.ask, event, self.now, &mut self.out);
    }

    /// The voice says the next piece, in one second.
    fn sounds(&mut self) {
        self.note();
        let number = self.speech.remove(0);
        for event in [RequestEvent::Head(OK, ""), RequestEvent::Bytes(&[0; 48_000]), RequestEvent::End] {
            self.dialogue.voice_request(number, event, self.now, &mut self.out);
        }
    }

    /// Notes the requests among what followed.
    fn note(&mut self) {
        for action in &self.out {
            if let A::Ears(ListenerAction::Upload { turn, .. }) = action {
                self.upload = turn.number;
            } else if let A::Mind(ThinkerAction::Ask { number, body, .. }) = action {
                (self.ask, self.body) = (*number, body.clone());
            } else if let A::Voice(MouthAction::Request { number, .. }) = action {
                self.speech.push(*number);
            }
        }
        let is_told = |action: &A| {
            !matches!(
                action,
                A::Ears(_) | A::Mind(_) | A::Voice(_) | A::Took { .. } | A::Timed { .. } | A::Eager { .. }
            )
        };
        self.out.retain(is_told);
    }

    /// What followed for the call, in short.
    fn took(&mut self) -> Vec<String> {
        self.note();
        let word = |action| match action {
            A::CallerBegan { turn } => format!("turn {turn}"),
            A::CallerSays { text, .. } => format!("({text})"),
            A::CallerSaid { turn, text } => format!("turn {turn}: {text}"),
            A::CallerSaidNothing { turn } => format!("turn {turn}: nothing"),
            A::ResponseBegan { response, .. } => format!("response {response}"),
            A::AgentSays { response, text } => format!("{response}: {text}"),
            A::Audio { response, .. } => format!("audio {response}"),
            A::AudioComplete { response } => format!("sounded {response}"),
            A::CallTool { key, .. } => key,
            A::ResponseEnded { response, outcome, .. } => format!("{response} {outcome:?}"),
            A::Wasted(_) => "wasted".into(),
            A::Speaks => "speaks another language".into(),
            A::Took { .. } | A::Timed { .. } | A::Eager { .. } => "no part of the story".into(),
            A::TookOver { failure, .. } => format!("took over: {failure}"),
            A::Complained { code, .. } => code,
            A::Lost(failure) => format!("lost {:?}", failure.part),
            A::Ears(_) | A::Mind(_) | A::Voice(_) => "wire".into(),
        };
        std::mem::take(&mut self.out).into_iter().map(word).collect()
    }

    fn told(&self) -> Vec<String> {
        let line = |message: &Value| format!("{} {}", message["role"], message["content"]).replace('"', "");
        self.body["messages"].as_array().expect("a list").iter().skip(1).map(line).collect()
    }
}

#[test]
fn a_turn_is_answered() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.dialogue.begin(rig.now, &mut rig.out);
    rig.caller("Is it free?");
    assert_eq!(rig.took(), ["turn 1", "(Is it free?)", "turn 1: Is it free?", "response 1"]);
    rig.thinks("Yes, it is. Shall I book it for you?");
    rig.done();
    rig.sounds();
    rig.sounds();
    assert_eq!(
        rig.took(),
        ["1: Yes, it is.", "1: Shall I book it for you?", "audio 1", "audio 1", "sounded 1", "1 Complete"]
    );
    assert!(!rig.dialogue.is_busy() && !rig.dialogue.is_turn());
    assert_eq!(rig.dialogue.take_used(), (Duration::from_secs(1), 35));
}

#[test]
fn the_model_is_told_what_was_heard_after_an_interruption() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.caller("Is it free?");
    rig.thinks("Yes, it is. Shall I book it for you? And anoth");
    rig.sounds();
    rig.took();
    rig.dialogue.speech(true, rig.now, &mut rig.out);
    rig.dialogue.cancel(rig.now, &mut rig.out);
    rig.dialogue.heard(1, Duration::from_millis(600));
    assert_eq!(rig.took(), ["turn 2", "1 Cancelled"]);
    rig.thinks("late");
    rig.dialogue.speech(false, rig.now, &mut rig.out);
    rig.pass(5000);
    assert_eq!(rig.took(), ["turn 2: nothing"]);
    rig.caller("Wait.");
    rig.note();
    assert_eq!(rig.told(), ["user Is it free?", "assistant Yes,…", "user Wait."]);
}

#[test]
fn what_is_asked_for_meanwhile_waits_and_is_said_in_order() {
    let mut rig = Rig::new(TurnPolicy::default());
    let order = Order { purpose: None, instructions: Some("Greet.".into()), words_only: true };
    rig.dialogue.think(order, rig.now, &mut rig.out);
    rig.dialogue.say("This call is recorded.", None, rig.now, &mut rig.out);
    rig.dialogue.think(Order::default(), rig.now, &mut rig.out);
    rig.dialogue.think(Order::default(), rig.now, &mut rig.out);
    rig.thinks("Hello.");
    rig.done();
    assert_eq!(rig.told(), ["system Greet."]);
    rig.sounds();
    rig.sounds();
    let expected = [
        "response 1",
        "1: Hello.",
        "audio 1",
        "sounded 1",
        "1 Complete",
        "response 2",
        "2: This call is recorded.",
        "audio 2",
        "sounded 2",
        "2 Complete",
        "response 3",
    ];
    assert_eq!(rig.took(), expected);
    assert_eq!(rig.told(), ["assistant Hello.\\nThis call is recorded."]);
    rig.dialogue.overtake(rig.now, &mut rig.out);
    assert_eq!((rig.took(), rig.dialogue.is_busy()), (vec!["3 Cancelled".to_owned()], false));
}

#[test]
fn results_of_tools_are_answered_once_all_are_there() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.caller("Is it free?");
    rig.calls("a");
    rig.calls("b");
    rig.done();
    assert_eq!(rig.took()[4..], ["call_1_0", "call_1_1", "1 Complete"]);
    rig.dialogue.answer_tool("call_1_0", "one", true, rig.now, &mut rig.out);
    rig.dialogue.answer_tool("call_9_9", "unknown", true, rig.now, &mut rig.out);
    assert_eq!(rig.took(), Vec::<String>::new());
    rig.dialogue.answer_tool("call_1_1", "two", false, rig.now, &mut rig.out);
    assert_eq!(rig.took(), ["response 2"]);
    assert_eq!(rig.told(), ["user Is it free?", "assistant null", "tool one", "tool two"]);
}

#[test]
fn an_eager_answer_sounds_when_the_turn_is_over() {
    let mut rig = Rig::new(TurnPolicy { is_eager: true, ..TurnPolicy::default() });
    rig.dialogue.speech(true, rig.now, &mut rig.out);
    for _ in 0..50 {
        rig.dialogue.hear_caller(&[0x55; 160], rig.now, &mut rig.out);
    }
    rig.dialogue.speech(false, rig.now, &mut rig.out);
    rig.note();
    rig.dialogue.uploaded(rig.upload, &OK, r#"{"text":"A table."}"#, rig.now, &mut rig.out);
    rig.thinks("Of course.");
    rig.done();
    assert_eq!(rig.took(), ["turn 1", "(A table.)"], "nothing of it is told yet");
    rig.pass(300);
    assert_eq!(rig.took(), ["turn 1: A table.", "response 1", "1: Of course."]);
    rig.sounds();
    assert_eq!(rig.took(), ["audio 1", "sounded 1", "1 Complete"]);
}

#[test]
fn a_caller_who_goes_on_is_heard_out() {
    let mut rig = Rig::new(TurnPolicy { is_eager: true, ..TurnPolicy::default() });
    rig.dialogue.speech(true, rig.now, &mut rig.out);
    for _ in 0..50 {
        rig.dialogue.hear_caller(&[0x55; 160], rig.now, &mut rig.out);
    }
    rig.dialogue.speech(false, rig.now, &mut rig.out);
    rig.note();
    rig.dialogue.uploaded(rig.upload, &OK, r#"{"text":"A table."}"#, rig.now, &mut rig.out);
    rig.thinks("Of course.");
    rig.caller("For two.");
    let took = rig.took();
    assert!(took.contains(&"wasted".to_owned()) && !took.contains(&"1: Of course.".to_owned()), "{took:?}");
    assert_eq!(took.last().map(String::as_str), Some("response 2"), "the eager one had a number of its own");
    assert_eq!(rig.told(), ["user A table. For two."]);
}

#[test]
fn a_voice_that_is_lost_ends_the_response_and_is_told() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.caller("Is it free?");
    rig.thinks("Yes, it is. Shall ");
    rig.took();
    let number = rig.speech.remove(0);
    let refused = RequestEvent::Head(Head { status: 401, ..OK }, "");
    rig.dialogue.voice_request(number, refused, rig.now, &mut rig.out);
    let took = rig.took();
    assert!(took[0].starts_with("1 Failed") && took[1] == "lost Voice", "{took:?}");
}

#[test]
fn a_mind_that_is_lost_ends_the_response_and_is_told() {
    let mut rig = Rig::new(TurnPolicy::default());
    rig.caller("Is it free?");
    rig.took();
    rig.mind(RequestEvent::Head(Head { status: 401, ..OK }, ""));
    let took = rig.took();
    assert!(took.contains(&"lost Mind".to_owned()) && took.iter().any(|it| it.starts_with("1 Failed")), "{took:?}");
    rig.dialogue.close(rig.now, &mut rig.out);
    assert!(!rig.dialogue.is_busy());
}
