//! The finer rules of the conversation: interruptions, silence, keys, tools and languages.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::audio::report::{AudioReport, ItemPlayout};
use crate::call::testing::{hindi, plan_where, profile};
use crate::ids::{ItemId, ResponseId, ToolCallId};
use crate::latency::TurnLatency;
use crate::profile::LanguageProfile;
use crate::profile::no_input::NoInputPlan;
use crate::profile::nods::Nods;
use crate::profile::{Greeting, InterruptionPlan, InterruptionPolicy, KeyAction, KeypadPlan};
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::messages::TextRole;
use crate::realtime::plan::Transcription;
use crate::realtime::report::{ModelLoss, ModelReport};
use crate::tools::plan::{ToolMethod, ToolPlan, ToolSettings};
use crate::transcript::messages::Fact;

use CallAction as A;

#[test]
fn a_cough_leaves_the_answer_alone_and_speech_that_lasts_does_not() {
    let mut call = speaking(InterruptionPlan { min_speech: ms(400), ..InterruptionPlan::default() });
    assert!(!clears(&call.on(speech_started())));
    call.now += ms(200);
    let done = call.on(speech_stopped());
    assert!(!clears(&done) && done.contains(&A::Tell(Note::InterruptionDismissed)), "{done:?}");
    assert_eq!((call.state(), call.machine.tally().turns), ("speaking", 0));

    call.on(speech_started());
    assert_eq!(call.machine.deadline(), Some((call.now + ms(400), Timer::Interruption)));
    call.now += ms(400);
    assert!(clears(&call.on(CallEvent::TimeUp)));
    assert_eq!((call.state(), call.machine.tally().barge_ins), ("listening", 1));
}

#[test]
fn a_paused_answer_goes_on_where_it_stopped_unless_words_confirm() {
    let pausing = InterruptionPlan {
        policy: InterruptionPolicy::PauseAndConfirm { resume_after: ms(700) },
        ..InterruptionPlan::default()
    };
    let mut call = speaking(pausing);
    assert!(call.on(speech_started()).contains(&A::PausePlayout));
    call.now += ms(300);
    call.on(speech_stopped());
    let done = call.on(words("mm-hm"));
    assert!(done.contains(&A::ResumePlayout) && !clears(&done), "what never interrupts is not waited for: {done:?}");
    call.on(speech_started());
    call.now += ms(300);
    call.on(speech_stopped());
    call.now += ms(700);
    let done = call.on(CallEvent::TimeUp);
    assert!(done.contains(&A::ResumePlayout) && !clears(&done), "{done:?}");
    assert_eq!(call.state(), "speaking");

    call.on(speech_started());
    call.now += ms(300);
    call.on(speech_stopped());
    let done = call.on(words("no, wait"));
    assert!(clears(&done) && !done.contains(&A::ResumePlayout), "{done:?}");
    assert_eq!(
        (call.state(), call.machine.tally().turns),
        ("thinking", 1),
        "the words were a turn, and an answer is due"
    );
}

#[test]
fn words_that_confirm_an_interruption_do_not_call_off_an_order_to_hang_up() {
    let pausing = InterruptionPlan {
        policy: InterruptionPolicy::PauseAndConfirm { resume_after: ms(700) },
        ..InterruptionPlan::default()
    };
    let mut call = speaking(pausing);
    call.on(speech_started());
    call.on(CallEvent::HangUp(HangUp::Operator));
    let done = call.on(words("no, wait"));
    assert!(!clears(&done), "the goodbye is said to its end: {done:?}");
    assert_eq!(call.state(), "closing");
}

#[test]
fn the_callers_words_are_held_while_the_legal_notice_is_heard() {
    let mut call = Harness::of(CallProfile { notice: Some("Calls are recorded.".to_owned()), ..profile() });
    let done = call.on(ready());
    let attach = place(&done, &A::AttachModel);
    assert_eq!(done.get(attach + 1), Some(&A::DetachModel), "{done:?}");
    assert!(said(&done).contains("Calls are recorded."));
    call.on(response_started("notice"));
    call.on(playing("notice"));
    call.on(response_finished("notice"));
    let whole = heard_whole("notice");
    assert!(call.on(CallEvent::Audio(AudioReport::ItemHeard(whole))).contains(&A::AttachModel));
}

#[test]
fn a_greeting_is_protected_for_its_first_part_only() {
    let plan = InterruptionPlan { greeting_protection: ms(1500), ..InterruptionPlan::default() };
    let mut call = Harness::of(CallProfile { interruption: plan, ..profile() });
    assert!(call.on(ready()).contains(&A::DetachModel));
    call.says("greet");
    assert_eq!(call.machine.deadline(), Some((call.now + ms(1500), Timer::Protection)));
    call.now += ms(1500);
    assert_eq!(call.on(CallEvent::TimeUp), [A::AttachModel]);
}

#[test]
fn a_recorded_greeting_plays_before_the_model_is_ready_and_is_added_to_its_context() {
    let greeting = Greeting::Clip { text: "Welcome.".to_owned(), pcm: Arc::from([1i16; 8]) };
    let mut call = Harness::of(CallProfile { greeting, ..profile() });
    let done = call.on(CallEvent::Begun);
    assert!(done.iter().any(|action| matches!(action, A::PlayPcm { .. })), "{done:?}");
    call.on(playing("clip"));
    let done = call.on(ready());
    let text = "Welcome.".to_owned();
    assert!(done.contains(&A::Order(ModelOrder::AddText { role: TextRole::Assistant, text })), "{done:?}");
    assert_eq!((call.state(), said(&done)), ("greeting", String::new()), "nothing more is asked of the model");
    call.on(drained());
    assert_eq!(call.state(), "listening");
}

#[test]
fn silence_is_asked_about_and_then_ended() {
    let no_input = NoInputPlan {
        before_prompts: vec![secs(10), secs(10)],
        before_goodbye: secs(10),
        longest_without_words: secs(180),
    };
    let mut call = Harness::of(CallProfile { no_input, ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    for round in 0..2 {
        assert_eq!(call.machine.deadline(), Some((call.now + secs(10), Timer::Idle)), "round {round}");
        call.now += secs(10);
        let done = call.on(CallEvent::TimeUp);
        assert!(done.iter().any(|action| requests(action, ResponsePurpose::IdlePrompt)), "{done:?}");
        call.says("prompt");
        call.on(drained());
    }
    call.now += secs(10);
    let done = call.on(CallEvent::TimeUp);
    assert!(done.iter().any(|action| requests(action, ResponsePurpose::Goodbye)), "{done:?}");
    call.now += secs(20);
    call.on(CallEvent::TimeUp);
    assert_eq!(call.machine.ending(), Some(Ending::CallerSilent));
}

#[test]
fn keys_do_what_the_configuration_says() {
    let actions = [
        ("1", KeyAction::Language("hi".to_owned())),
        ("*", KeyAction::Repeat),
        ("5", KeyAction::Say("We open at nine.".to_owned())),
        ("0", KeyAction::HangUp),
    ];
    let actions = actions.map(|(keys, action)| (keys.to_owned(), action)).into();
    let keypad = KeypadPlan { actions, ..KeypadPlan::default() };
    let mut call = Harness::of(CallProfile { keypad, languages: hindi(), ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    let done = call.on(key('1'));
    assert!(done.iter().any(|action| matches!(action, A::Order(ModelOrder::Configure { .. }))), "{done:?}");
    assert_eq!(call.machine.language(), "hi");
    assert!(said(&call.on(key('5'))).contains("We open at nine."));
    assert!(said(&call.on(key('*'))).contains("once more"));
    assert!(call.on(key('0')).iter().any(|action| requests(action, ResponsePurpose::Goodbye)));
}

#[test]
fn a_switch_of_language_keeps_the_voice_and_is_recorded() {
    let mut call = Harness::of(CallProfile { languages: hindi(), ..profile() });
    call.on(ready());
    call.says("greet");
    let done = call.on(tool("t1", "switch_language", r#"{"language":"hi"}"#));
    let transcription =
        Some(Transcription { model: "t".to_owned(), language: Some("hi".to_owned()), ..Transcription::default() });
    let configured = A::Order(ModelOrder::Configure {
        instructions: Some("Speak Hindi.".to_owned()),
        backend: Some(None),
        transcription: Some(transcription),
        language: Some("hi".to_owned()),
        tools: None,
    });
    assert!(done.contains(&configured), "{done:?}");
    let switched = Fact::LanguageSwitched { from: "en".to_owned(), to: "hi".to_owned() };
    assert!(done.contains(&A::Record(switched)));
    let again = call.on(tool("t2", "switch_language", r#"{"language":"hi"}"#));
    assert!(!again.iter().any(|action| matches!(action, A::Order(ModelOrder::Configure { .. }))));
}

#[test]
fn an_operators_tool_is_asked_once_and_a_long_wait_is_filled() {
    let mut call = Harness::of(CallProfile { tools: tools(), ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call.on(response_started("r2"));
    let done = call.on(tool("t1", "stock", r#"{"model":"hatchback"}"#));
    assert!(done.iter().any(|action| matches!(action, A::AskTool { .. })), "{done:?}");
    assert!(call.on(tool("t1", "stock", r#"{"model":"hatchback"}"#)).is_empty());
    call.on(response_finished("r2"));
    call.on(drained());
    assert_eq!(call.machine.deadline().map(|(_, timer)| timer), Some(Timer::Filler));
    call.now += ms(800);
    assert!(call.on(CallEvent::TimeUp).iter().any(|action| requests(action, ResponsePurpose::Notice)));
    let answered = CallEvent::ToolAnswered { call: ToolCallId::new("t1"), output: "{}".to_owned() };
    let done = call.on(answered.clone());
    assert!(done.iter().any(|action| matches!(action, A::Order(ModelOrder::AnswerTool { speak: true, .. }))));
    assert!(call.on(answered).is_empty(), "an answer nobody waits for");
    let bad = call.on(tool("t2", "stock", r#"{"model":7}"#));
    assert!(!bad.iter().any(|action| matches!(action, A::AskTool { .. })), "{bad:?}");
}

#[test]
fn a_long_goodbye_is_heard_to_its_end() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    call.on(tool("t1", "end_call", "{}"));
    assert!(call.on(response_finished("r2")).contains(&A::TellWhenDrained));
    call.on(CallEvent::Audio(AudioReport::Queued { remaining: secs(30) }));
    let (due, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!((due, timer), (call.now + secs(30) + profile().limits.goodbye, Timer::Goodbye));
}

#[test]
fn a_server_that_does_not_answer_by_itself_is_asked_to() {
    let mut call = Harness::of(CallProfile { model: Arc::new(plan_where(false, false)), ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call.on(speech_started());
    assert!(call.on(speech_stopped()).iter().any(|action| requests(action, ResponsePurpose::Answer)));
}

#[test]
fn a_caller_whose_model_is_lost_hears_a_voice_all_the_same() {
    let mut languages = (*hindi()).clone();
    let hindi = languages["hi"].clone();
    languages.insert("en".to_owned(), LanguageProfile { apology_sound: Some(Arc::from([1i16; 8])), ..hindi });
    let profile = CallProfile { languages: Arc::new(languages), ..profile() };
    let gone = ModelReport::Lost(ModelLoss { class: LossClass::Fatal, reason: "gone".to_owned() });
    for lost in [CallEvent::Model(gone), CallEvent::TimeUp] {
        let mut call = Harness::of(profile.clone());
        call.now += profile.limits.model_setup;
        let done = call.on(lost);
        let sound = done.iter().position(|action| matches!(action, A::PlayPcm { .. })).expect("a voice");
        assert!(sound < place(&done, &A::TellWhenDrained) && call.state() == "closing", "{done:?}");
        call.on(drained());
        assert!(call.on(drained()).contains(&A::CloseLine));
    }
    let mut call = Harness::of(profile);
    call.on(ready());
    let given_up =
        ModelReport::RequestGivenUp { purpose: Some(ResponsePurpose::Greeting), reason: "failed".to_owned() };
    assert!(call.on(CallEvent::Model(given_up)).iter().any(|action| matches!(action, A::PlayPcm { .. })));
    assert_eq!(call.state(), "listening");
}

#[test]
fn the_latency_of_a_turn_is_measured_up_to_the_callers_ear() {
    let mut call = Harness::listening();
    call.on(speech_started());
    call.on(speech_stopped());
    call.on(CallEvent::Audio(AudioReport::LastVoice { ago: ms(500) }));
    call.on(response_started("r2"));
    let response = ResponseId::new("r2");
    call.now += ms(250);
    call.on(CallEvent::Model(ModelReport::FirstAudio { response: response.clone() }));
    call.now += ms(1);
    call.on(playing("r2"));
    call.now += ms(40);
    let item = ItemId::new("item_r2");
    call.on(CallEvent::Audio(AudioReport::FirstHeard { response, item, after_sent: ms(40) }));
    let expected = TurnLatency {
        turn: 1,
        end_of_speech_ms: Some(500),
        first_delta_ms: Some(250),
        first_sent_ms: Some(1),
        first_heard_ms: Some(40),
        total_ms: Some(791),
        ours_ms: Some(1),
        playout_ms: Some(40),
        ..TurnLatency::default()
    };
    assert_eq!(call.machine.detail().latency, [expected]);
}

/// A call whose agent is giving an answer.
fn speaking(interruption: InterruptionPlan) -> Harness {
    let mut languages = (*hindi()).clone();
    let nods = Nods::new(["mm-hm"]);
    languages.insert("en".to_owned(), LanguageProfile { never_interrupts: nods, ..languages["hi"].clone() });
    let mut call = Harness::of(CallProfile { interruption, languages: Arc::new(languages), ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call.says("r2");
    assert_eq!(call.state(), "speaking");
    // An answer to a second clear would be an error of the test.
    assert!(call.on(interrupted(Vec::new())).is_empty());
    call
}

fn place(done: &[CallAction], wanted: &CallAction) -> usize {
    done.iter().position(|action| action == wanted).unwrap_or_else(|| panic!("{wanted:?} is not in {done:?}"))
}

fn requests(action: &CallAction, purpose: ResponsePurpose) -> bool {
    matches!(action, A::Order(ModelOrder::Speak(request)) if request.purpose == purpose)
}

fn heard_whole(response: &str) -> ItemPlayout {
    ItemPlayout { response: ResponseId::new(response), item: ItemId::new("i"), received: secs(2), heard: secs(2) }
}

pub(super) fn tools() -> Arc<std::collections::BTreeMap<String, Arc<ToolPlan>>> {
    let plan = ToolPlan::new(ToolSettings {
        name: "stock".to_owned(),
        description: "What is in stock.".to_owned(),
        url: "https://crm.example.com/stock".parse().expect("a url"),
        method: ToolMethod::Get,
        parameters: json!({"type": "object", "properties": {"model": {"type": "string"}}, "required": ["model"]}),
        headers: Vec::new(),
        timeout: secs(5),
        max_result: 4096,
        allowed_private: Vec::new(),
    });
    Arc::new([("stock".to_owned(), Arc::new(plan.expect("a good tool")))].into())
}
