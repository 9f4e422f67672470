//! Random scripts: a server that says anything at any time, a call that orders anything, and two
//! strict judges. One checks every message of ours by the rules of the protocol, as a server that
//! closes the socket would. The other checks what the call is told.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::realtime::gemini::models::{Texts, Tools};

/// A step of a script. A number selects one of the possible targets.
#[derive(Debug, Clone, Copy)]
enum Step {
    Speak(usize),
    Thought,
    AgentWords,
    CallerWords { finished: bool },
    Interim,
    Interrupted,
    Generated,
    TurnComplete(usize),
    Call(usize),
    TakeBack(usize),
    Handle(bool),
    Usage,
    GoAway,
    Activity(bool),
    Garbage,
    Request(usize),
    AddText(usize),
    Cancel,
    Overtake,
    Answer { call: usize, speak: bool },
    Configure,
    Discard,
    Frame,
    Detector(bool),
    Wait(u64),
    Pass,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..3_usize).prop_map(Step::Speak),
        1 => Just(Step::Thought),
        4 => Just(Step::AgentWords),
        4 => any::<bool>().prop_map(|finished| Step::CallerWords { finished }),
        1 => Just(Step::Interim),
        3 => Just(Step::Interrupted),
        4 => Just(Step::Generated),
        8 => (0..4_usize).prop_map(Step::TurnComplete),
        3 => (1..3_usize).prop_map(Step::Call),
        1 => (0..4_usize).prop_map(Step::TakeBack),
        1 => any::<bool>().prop_map(Step::Handle),
        1 => Just(Step::Usage),
        1 => Just(Step::GoAway),
        1 => any::<bool>().prop_map(Step::Activity),
        1 => Just(Step::Garbage),
        6 => (0..7_usize).prop_map(Step::Request),
        3 => (0..3_usize).prop_map(Step::AddText),
        2 => Just(Step::Cancel),
        1 => Just(Step::Overtake),
        4 => (0..4_usize, any::<bool>()).prop_map(|(call, speak)| Step::Answer { call, speak }),
        1 => Just(Step::Configure),
        1 => Just(Step::Discard),
        4 => Just(Step::Frame),
        2 => any::<bool>().prop_map(Step::Detector),
        4 => (0..3_000_u64).prop_map(Step::Wait),
        4 => Just(Step::Pass),
    ]
}

/// What a strict server knows of us.
#[derive(Debug)]
struct Strict {
    family: Family,
    manual: bool,
    set_up: bool,
    configured: bool,
    /// Whether it waits for the announced history.
    history_due: bool,
    in_activity: bool,
    open_calls: BTreeSet<String>,
}

impl Strict {
    /// Judges a message of ours. `agent_speaks` is whether the call hears a response.
    fn judge(&mut self, message: &Value, agent_speaks: bool) {
        let fields = message.as_object().expect("an object");
        assert_eq!(fields.len(), 1, "one field a message: {message}");
        let (kind, value) = fields.iter().next().expect("one");
        if kind == "setup" {
            assert!(!std::mem::replace(&mut self.set_up, true), "one setup");
            self.history_due = value.get("historyConfig").is_some();
            return;
        }
        assert!(self.configured, "nothing before the configuration is accepted: {message}");
        assert!(!self.history_due || kind == "clientContent", "the history comes first: {message}");
        match kind.as_str() {
            "clientContent" => self.judge_content(value, agent_speaks),
            "realtimeInput" => self.judge_input(value, agent_speaks),
            "toolResponse" => self.judge_result(value),
            "contextUpdate" => {
                assert!(self.family.changes, "this model cannot change");
                assert!(!value.as_object().expect("an object").is_empty());
            }
            other => panic!("{other} is no message"),
        }
    }

    fn judge_content(&mut self, content: &Value, agent_speaks: bool) {
        let is_history = std::mem::take(&mut self.history_due);
        assert!(is_history || self.family.texts == Texts::AnyTime, "this model takes no texts later");
        assert!(!agent_speaks, "it would stop what the caller hears");
        assert!(content["turnComplete"].is_boolean());
        assert!(!is_history || content["turnComplete"] == true, "an announced history must be completed");
        let turns = content["turns"].as_array().expect("turns");
        assert!(!turns.is_empty());
        for turn in turns {
            assert!(turn["role"] == "user" || turn["role"] == "model", "{turn}");
            assert!(!turn["parts"][0]["text"].as_str().expect("a text").is_empty());
        }
    }

    fn judge_input(&mut self, input: &Value, agent_speaks: bool) {
        let fields = input.as_object().expect("an object");
        assert_eq!(fields.len(), 1, "one field a realtime input: {input}");
        match fields.keys().next().expect("one").as_str() {
            "audio" => {
                assert!(!self.manual || self.in_activity, "audio between turns is thrown away");
                assert!(
                    self.family.hears_during_calls || self.open_calls.is_empty(),
                    "CONTENT_TYPE_AUDIO not supported"
                );
                assert_eq!(input["audio"]["mimeType"], "audio/pcm;rate=16000");
                let data = input["audio"]["data"].as_str().expect("data");
                let bytes = base64_simd::STANDARD.decode_to_vec(data).expect("base64");
                assert!(!bytes.is_empty() && bytes.len().is_multiple_of(2));
            }
            "activityStart" => {
                assert!(self.manual && !std::mem::replace(&mut self.in_activity, true), "{input}");
            }
            "activityEnd" => assert!(self.manual && std::mem::take(&mut self.in_activity), "{input}"),
            "audioStreamEnd" => assert!(!self.manual, "only with automatic detection"),
            "text" => {
                assert!(self.family.texts == Texts::AtTheStart, "a text of the conversation is meant");
                assert!(!agent_speaks, "it counts as speech of the caller");
            }
            other => panic!("{other} is no input"),
        }
    }

    fn judge_result(&mut self, response: &Value) {
        let [response] = &response["functionResponses"].as_array().expect("a list")[..] else { panic!("one result") };
        let id = response["id"].as_str().expect("the server gives ids");
        assert!(self.open_calls.remove(id), "{id} is not open");
        assert!(response["name"].as_str().is_some_and(|name| !name.is_empty()));
        let result = response["response"].as_object().expect("an object");
        assert!(result.contains_key("output") != result.contains_key("error"), "{response}");
        let scheduling = response.get("scheduling").map(|word| word.as_str().expect("a word"));
        match self.family.tools {
            Tools::Blocking => assert_eq!(scheduling, None),
            Tools::NonBlocking => assert!(matches!(scheduling, Some("WHEN_IDLE" | "SILENT")), "{response}"),
        }
    }
}

/// What the call has been told.
#[derive(Debug, Default)]
struct Reported {
    running: Option<String>,
    speaking: Option<ItemId>,
    responses: BTreeSet<String>,
    sounded: BTreeSet<String>,
    complete: BTreeSet<String>,
    items: BTreeSet<ItemId>,
    spoken: BTreeSet<ItemId>,
    last_words: BTreeSet<ItemId>,
    calls: Vec<ToolCallId>,
    placed: Option<ItemId>,
}

impl Reported {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not judged needs no rule")]
    fn note(&mut self, action: &SessionAction) {
        match action {
            SessionAction::ToAudio(audio) => {
                assert_eq!(self.running.as_deref(), Some(audio.response.as_str()), "audio of a response that runs");
                assert!(!audio.audio.is_empty() && audio.audio.len().is_multiple_of(2));
                assert!(self.sounded.contains(audio.response.as_str()), "its first audio was reported");
                assert!(!self.complete.contains(audio.item.as_str()), "none follows the last");
            }
            SessionAction::Complete(complete) => {
                assert_eq!(self.running.as_deref(), Some(complete.response.as_str()));
                assert!(self.complete.insert(complete.item.to_string()), "once");
            }
            SessionAction::ToWords(words) => self.note_words(words),
            SessionAction::Report(report) => self.note_report(report),
            _ => {}
        }
    }

    fn note_words(&mut self, words: &Words) {
        assert!(!format!("{words:?}").contains("THOUGHT"), "a thought is never recorded");
        match words {
            Words::Placed { item, previous, .. } => {
                assert!(self.items.insert(item.clone()), "placed once");
                assert_eq!(*previous, self.placed.replace(item.clone()));
            }
            Words::AgentSays { item, response, .. } => {
                assert!(self.items.contains(item), "placed before its words");
                assert_eq!(self.running.as_deref(), Some(response.as_str()));
            }
            Words::AgentSaid { item, .. } => assert!(self.items.contains(item), "placed before its words"),
            Words::CallerSaid { item, .. } => assert!(self.last_words.insert(item.clone()), "once"),
            Words::AgentTimed { .. } | Words::Inaudible { .. } => {}
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not judged needs no rule")]
    fn note_report(&mut self, report: &ModelReport) {
        match report {
            ModelReport::SpeechStarted { item } => {
                assert_eq!(self.speaking.replace(item.clone()), None, "the caller speaks already");
                assert!(self.spoken.insert(item.clone()), "each turn is another item");
            }
            ModelReport::SpeechStopped { item } => assert_eq!(self.speaking.take().as_ref(), Some(item)),
            ModelReport::CallerWords { item, last, text } => {
                assert!(self.spoken.contains(item) && !self.last_words.contains(item), "{item}");
                assert!(*last || !text.expose().is_empty());
            }
            ModelReport::ResponseStarted { response } => {
                assert_eq!(self.running.replace(response.to_string()), None, "one at a time");
                assert!(self.responses.insert(response.to_string()), "each is another one");
            }
            ModelReport::FirstAudio { response } => assert!(self.sounded.insert(response.to_string()), "once"),
            ModelReport::AnswerMissed { response, .. } => assert_eq!(self.running.as_deref(), Some(response.as_str())),
            ModelReport::ResponseFinished { response, .. } => {
                assert_eq!(self.running.take().as_deref(), Some(response.as_str()));
            }
            ModelReport::ToolCalled(call) => {
                assert_eq!(self.running.as_deref(), Some(call.response.as_str()));
                assert!(!self.calls.contains(&call.id), "once");
                self.calls.push(call.id.clone());
            }
            _ => {}
        }
    }
}

struct Stage {
    harness: Harness,
    server: Strict,
    reported: Reported,
    last_call: usize,
    over: bool,
}

impl Stage {
    fn on(&mut self, event: SessionEvent<'_>) -> usize {
        let mut actions = Vec::new();
        self.harness.session.handle(event, self.harness.now, &mut actions);
        self.perform(&actions)
    }

    /// Judges the actions. Returns the number of pings.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the call hears everything else")]
    fn perform(&mut self, actions: &[SessionAction]) -> usize {
        let mut pings = 0;
        for action in actions {
            assert!(!self.over, "nothing follows the end: {action:?}");
            match action {
                SessionAction::Send(text) => {
                    let message = serde_json::from_str(text).expect("our own JSON");
                    self.server.judge(&message, self.reported.running.is_some());
                }
                SessionAction::SendAudio(frame) => {
                    let message = serde_json::from_slice(frame).expect("our own JSON");
                    self.server.judge(&message, false);
                }
                SessionAction::Ping => pings += 1,
                SessionAction::Lose(_) | SessionAction::Close => self.over = true,
                other => self.reported.note(other),
            }
        }
        assert_eq!(self.harness.session.deadline().is_none(), self.over, "a living session has a deadline");
        pings
    }

    #[expect(clippy::needless_pass_by_value, reason = "an event is written where it is said")]
    fn hear(&mut self, message: Value) {
        self.on(SessionEvent::Binary(message.to_string().as_bytes()));
    }

    #[expect(clippy::needless_pass_by_value, reason = "an event is written where it is said")]
    fn content(&mut self, content: Value) {
        self.hear(json!({"serverContent": content}));
    }

    fn order(&mut self, order: ModelOrder) {
        self.on(SessionEvent::Ordered(order));
    }

    /// Advances time to the next deadline. A ping is answered.
    fn pass(&mut self) {
        if let Some((at, _)) = self.harness.session.deadline() {
            self.harness.now = self.harness.now.max(at);
        }
        if self.on(SessionEvent::DeadlinePassed) > 0 {
            self.on(SessionEvent::Pong);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Speak(size) => self.content(audio_of([20, 200, 2_000][size], 60)),
            Step::Thought => self.content(json!({"modelTurn": {"parts": [{"text": "THOUGHT", "thought": true}]}})),
            Step::AgentWords => self.content(json!({"outputTranscription": {"text": "words "}})),
            Step::CallerWords { finished } => {
                self.content(json!({"inputTranscription": {"text": " words", "finished": finished}}));
            }
            Step::Interim => self.content(json!({"interimInputTranscription": {"text": "w"}})),
            Step::Interrupted => self.content(json!({"interrupted": true})),
            Step::Generated => self.content(json!({"generationComplete": true})),
            Step::TurnComplete(reason) => self.content(match reason {
                0 => json!({"turnComplete": true, "turnCompleteReason": "RESPONSE_REJECTED"}),
                1 => json!({"turnComplete": true, "turnCompleteReason": "NEED_MORE_INPUT"}),
                _ => json!({"turnComplete": true}),
            }),
            Step::Call(count) => {
                let ids: Vec<String> = (1..=count).map(|more| format!("c{}", self.last_call + more)).collect();
                self.last_call += count;
                self.server.open_calls.extend(ids.iter().cloned());
                let calls: Vec<Value> = ids.iter().map(|id| json!({"id": id, "name": "check", "args": {}})).collect();
                self.hear(json!({"toolCall": {"functionCalls": calls}}));
            }
            Step::TakeBack(call) => {
                let Some(id) = self.server.open_calls.iter().nth(call).cloned() else { return };
                self.server.open_calls.remove(&id);
                self.hear(json!({"toolCallCancellation": {"ids": [id]}}));
            }
            Step::Handle(resumable) => {
                self.hear(json!({"sessionResumptionUpdate": {"newHandle": "h", "resumable": resumable}}));
            }
            Step::Usage => self.hear(json!({"usageMetadata": {"promptTokenCount": 5}})),
            Step::GoAway => self.hear(json!({"goAway": {"timeLeft": "50s"}})),
            Step::Activity(start) => {
                let kind = if start { "ACTIVITY_START" } else { "ACTIVITY_END" };
                self.hear(json!({"voiceActivity": {"voiceActivityType": kind}}));
            }
            Step::Garbage => {
                self.on(SessionEvent::Text("{"));
            }
            Step::Request(_) | Step::AddText(_) | Step::Cancel | Step::Overtake | Step::Answer { .. } => {
                self.call(step);
            }
            Step::Configure | Step::Discard | Step::Frame | Step::Detector(_) => self.call(step),
            Step::Wait(ms) => self.harness.wait(ms),
            Step::Pass => self.pass(),
        }
    }

    /// A step of the call's side.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other steps are the server's")]
    fn call(&mut self, step: Step) {
        match step {
            Step::Request(purpose) => {
                let purpose = ResponsePurpose::ALL[purpose];
                self.order(ModelOrder::Speak(ResponseRequest { purpose, instructions: None }));
            }
            Step::AddText(role) => {
                let role = [TextRole::System, TextRole::User, TextRole::Assistant][role];
                self.order(ModelOrder::AddText { role, text: "A fact.".to_owned() });
            }
            Step::Cancel => self.order(ModelOrder::CancelResponse),
            Step::Overtake => self.order(ModelOrder::Overtake),
            Step::Answer { call, speak } => {
                let Some(call) = self.reported.calls.iter().rev().nth(call).cloned() else { return };
                self.order(ModelOrder::AnswerTool { call, output: "{}".to_owned(), speak });
            }
            Step::Configure => {
                let instructions = Some("New.".to_owned());
                self.order(ModelOrder::Configure {
                    backend: None,
                    language: None,
                    instructions,
                    transcription: None,
                    tools: None,
                });
            }
            Step::Discard => self.order(ModelOrder::DiscardInput),
            Step::Frame => {
                let mut actions = Vec::new();
                self.harness.session.hear_caller(&[1; 640], self.harness.now, &mut actions);
                self.perform(&actions);
            }
            Step::Detector(begins) => {
                self.on(SessionEvent::CallerSpeech { begins });
            }
            other => unreachable!("{other:?} is a step of the server's"),
        }
    }
}

/// A session before its upgrade, of any family and kind.
fn stage(model: usize, manual: bool, interrupts: bool, transcribes: bool, continues: bool) -> Stage {
    let model = ["3.8-live", "3.8-live-extended-thinking", "3.1-flash-live-preview", "2.5-flash-native-audio"][model];
    let opening = Opening { number: 1, continues, resumption: None, caller: None };
    let harness = Harness::beginning(opening, |common, plan| {
        plan.address.model = format!("gemini-{model}");
        if manual {
            plan.activity = Activity::Manual { interrupts };
        } else if let Activity::Automatic { interrupts: automatic, .. } = &mut plan.activity {
            *automatic = interrupts;
        }
        if !transcribes {
            common.transcription = None;
        }
    });
    let server = Strict {
        family: harness.session.family,
        manual,
        set_up: false,
        configured: false,
        history_due: false,
        in_activity: false,
        open_calls: BTreeSet::new(),
    };
    Stage { harness, server, reported: Reported::default(), last_call: 0, over: false }
}

proptest! {
    #[test]
    fn no_rule_of_the_protocol_is_broken_and_the_call_is_reported_a_story_that_holds_together(
        (model, manual, interrupts, transcribes, continues) in (0..4_usize, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        before in prop::collection::vec(step(), 0..6),
        steps in prop::collection::vec(step(), 0..80),
        closes in any::<bool>(),
    ) {
        let mut stage = stage(model, manual, interrupts, transcribes, continues);
        stage.on(SessionEvent::Opened);
        before.into_iter().filter(|step| !matches!(step, Step::Call(_) | Step::Wait(_) | Step::Pass)).for_each(|it| stage.step(it));
        stage.server.configured = true;
        stage.hear(json!({"setupComplete": {}}));
        stage.on(SessionEvent::HandedOver(Handoff::default()));
        prop_assert!(!stage.over);
        for step in steps {
            if stage.over {
                return Ok(());
            }
            stage.step(step);
        }
        if closes {
            stage.order(ModelOrder::Close);
            stage.pass();
            stage.pass();
            prop_assert!(stage.over, "an order to close is obeyed");
            return Ok(());
        }
        // With a server that says nothing any more, nothing stays open for ever.
        let calls: Vec<_> = stage.reported.calls.clone();
        for call in calls {
            stage.order(ModelOrder::AnswerTool { call, output: String::new(), speak: false });
        }
        for _ in 0..150 {
            let before = stage.harness.now;
            for _ in 0..20 {
                if stage.harness.now == before {
                    stage.pass();
                }
            }
            prop_assert!(stage.harness.now > before, "a deadline that is handled is over");
        }
        let session = &stage.harness.session;
        prop_assert!(stage.reported.running.is_none() && session.run.is_none() && session.asked.is_none());
        prop_assert!(session.requests.is_empty() && session.unanswered.is_none());
    }
}
