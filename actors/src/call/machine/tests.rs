//! Tests of the machine by its events and actions.

mod barge_in;
mod budget;
mod conversation;
mod detected;
mod endings;
mod handing_over;
mod hands;
mod lines;
mod meeting;
mod missed;
mod outages;
mod owed;
mod presence;
mod pressed;
mod reconnecting;
mod scripts;
mod state_table;
mod tables;
mod testing;
mod transfers;
mod waiting;

use std::time::Duration;

use self::testing::*;
use super::*;
use crate::audio::report::AudioReport;
use crate::call::messages::HangUp;
use crate::call::steps::Steer;
use crate::call::testing::profile;
use crate::child::Child;
use crate::ids::ResponseId;
use crate::incident::IncidentKind;
use crate::line::messages::LineReport;
use crate::profile::Greeting;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};
use crate::realtime::report::{ModelReport, ResponseOutcome};
use crate::transcript::messages::Fact;

use CallAction as A;

#[test]
fn a_carriers_clear_message_clears_the_models_input() {
    let discarded = || CallEvent::Line(LineReport::InputDiscarded);
    assert_eq!(Harness::listening().on(discarded()), [A::Order(ModelOrder::DiscardInput)]);
    assert_eq!(Harness::connecting().on(discarded()), [], "nobody has heard any");
}

#[test]
fn the_agent_greets_without_waiting_for_the_caller() {
    let mut call = Harness::connecting();
    let done = call.on(ready());
    assert_eq!(done[1], A::AttachModel);
    assert_eq!(done[2], speak(ResponsePurpose::Greeting, Some("Greet the caller.")));
    assert_eq!(call.state(), "greeting");
}

#[test]
fn a_call_without_a_greeting_listens_at_once() {
    let mut call = Harness::of(CallProfile { greeting: Greeting::None, ..profile() });
    let done = call.on(ready());
    assert!(!done.iter().any(|action| matches!(action, A::Order(_))));
    assert_eq!(call.state(), "listening");
}

#[test]
fn a_turn_goes_from_greeting_to_listening_to_thinking_to_speaking() {
    let mut call = Harness::connecting();
    call.on(ready());
    call.says("greet");
    assert_eq!(call.on(drained()), [state("listening")]);
    call.on(speech_started());
    assert_eq!(call.state(), "listening");
    call.on(speech_stopped());
    assert_eq!(call.state(), "thinking");
    call.on(response_started("r2"));
    call.pass(Duration::from_millis(700));
    let done = call.on(playing("r2"));
    assert_eq!(done, [A::Tell(Note::AnswerTimed(Duration::from_millis(700))), state("speaking")]);
    call.on(drained());
    assert_eq!(call.state(), "thinking", "the response goes on although the playout has run dry");
    call.on(playing("r2"));
    assert_eq!(call.on(response_finished("r2")), [A::TellWhenDrained]);
    call.on(drained());
    assert_eq!(call.state(), "listening");
    assert_eq!(call.machine.tally().turns, 1);
}

#[test]
fn the_time_to_the_first_sound_is_reported_once() {
    let mut call = Harness::connecting();
    call.pass(Duration::from_millis(400));
    call.on(ready());
    call.pass(Duration::from_millis(500));
    assert_eq!(call.says("greet")[0], A::Tell(Note::FirstAudioSent(Duration::from_millis(900))));
    assert_eq!(call.machine.detail().first_audio_ms, Some(900));
    call.on(drained());
    assert!(!call.says("r2").iter().any(|action| matches!(action, A::Tell(Note::FirstAudioSent(_)))));
}

#[test]
fn an_unavailable_tool_is_answered_with_an_error_once() {
    let mut call = Harness::listening();
    let done = call.on(tool("t1", "send_dtmf", r#"{"digits":"1"}"#));
    let [
        A::Record(Fact::ToolUsed { output, .. }),
        A::Order(ModelOrder::AnswerTool { speak: true, output: answered, .. }),
    ] = &done[..]
    else {
        panic!("answered and recorded, got {done:?}");
    };
    assert_eq!(output, answered);
    assert_eq!(call.on(tool("t1", "send_dtmf", "{}")), []);
}

#[test]
fn keys_are_passed_to_the_model_as_one_entry() {
    let mut call = Harness::listening();
    assert_eq!(call.on(key('4')), [A::Record(Fact::KeyPressed('4'))]);
    call.on(key('2'));
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!(timer, Timer::Keypad);
    let text = "The caller pressed 42 on the keypad.".to_owned();
    let note = A::Order(ModelOrder::AddText { role: TextRole::User, text });
    assert_eq!(call.until(at), [note, speak(ResponsePurpose::Keypad, None)]);
}

#[test]
fn keys_pressed_before_the_model_is_there_wait_for_it() {
    let mut call = Harness::connecting();
    call.on(key('7'));
    call.on(key('#'));
    assert_ne!(call.machine.deadline().map(|(_, timer)| timer), Some(Timer::Keypad));
    let done = call.on(ready());
    assert!(done.contains(&speak(ResponsePurpose::Keypad, None)));
}

#[test]
fn a_failed_response_is_reported_and_a_cancelled_one_is_not() {
    let mut call = Harness::listening();
    for (outcome, expected) in [
        (ResponseOutcome::Failed("server_error".to_owned()), Some("server_error")),
        (ResponseOutcome::Incomplete("max_output_tokens".to_owned()), Some("max_output_tokens")),
        (ResponseOutcome::Cancelled, None),
    ] {
        let response = ResponseId::new("r2");
        let done = call.on(CallEvent::Model(ModelReport::ResponseFinished { response, outcome, usage: None }));
        let code = done.iter().find_map(|action| {
            if let A::Tell(Note::ModelComplained { code, .. }) = action { Some(code.as_str()) } else { None }
        });
        assert_eq!(code, expected);
    }
}

#[test]
fn dropped_frames_are_counted_wherever_they_fell() {
    let mut call = Harness::listening();
    call.on(CallEvent::Line(LineReport::FramesDropped(3)));
    call.on(CallEvent::Audio(AudioReport::FramesDropped(4)));
    assert_eq!(call.machine.tally().dropped_frames, 7);
}
