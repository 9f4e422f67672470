//! Answers owed during the caller's turn, on a server that says nothing: they have a deadline like
//! any other answer.

use std::time::Duration;

use super::conversation::tools;
use super::outages::profile_with_sounds;
use super::*;
use crate::call::steps::CallEvent;
use crate::call::timers::Timer;
use crate::ids::ToolCallId;
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::report::ModelReport;

use CallAction as A;

#[test]
fn an_answer_to_a_late_tool_that_does_not_come_is_waited_for_as_any_other() {
    let mut call = tool_answered_late();
    assert_eq!(call.state(), "listening");
    assert!(lines(&next(&mut call, Timer::Wait)), "a word to one who waits");
}

#[test]
fn an_answer_to_keys_that_does_not_come_is_waited_for_as_any_other() {
    let mut call = keys_entered();
    assert!(lines(&next(&mut call, Timer::Wait)), "a word to one who waits");
    assert!(lines(&next(&mut call, Timer::Wait)), "another");
    let replaced = next(&mut call, Timer::Wait);
    assert!(replaced.contains(&A::Order(ModelOrder::Replace)), "then another session: {replaced:?}");
}

#[test]
fn an_answer_owed_while_listening_that_is_given_up_is_apologised_for() {
    for (mut call, purpose) in [(tool_answered_late(), None), (keys_entered(), Some(ResponsePurpose::Keypad))] {
        assert!(lines(&call.on(given_up(purpose))), "{purpose:?}: the caller hears something");
        assert_eq!(call.state(), "listening");
    }
}

#[test]
fn a_caller_who_speaks_hears_no_apology_for_a_missing_answer() {
    let mut call = keys_entered();
    call.on(speech_started());
    assert!(!lines(&call.on(given_up(Some(ResponsePurpose::Keypad)))));
    let mut call = talking();
    assert!(!lines(&call.on(given_up(None))), "nothing was owed");
}

/// A call whose tool answers after the end of the response that called it, when nothing is heard.
fn tool_answered_late() -> Harness {
    let mut call = talking();
    call.on(response_started("r2"));
    call.on(tool("t1", "stock", r#"{"model":"hatchback"}"#));
    call.on(response_finished("r2"));
    call.on(drained());
    call.on(CallEvent::ToolAnswered { call: ToolCallId::new("t1"), output: "{}".to_owned() });
    call
}

/// A call whose caller has entered a number.
fn keys_entered() -> Harness {
    let mut call = talking();
    call.on(key('4'));
    call.on(key('#'));
    call
}

fn talking() -> Harness {
    let mut call = Harness::of(CallProfile { tools: tools(), ..profile_with_sounds() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call
}

fn given_up(purpose: Option<ResponsePurpose>) -> CallEvent {
    CallEvent::Model(ModelReport::RequestGivenUp { purpose, reason: "failed".to_owned() })
}

/// The actions of the next deadline, which belongs to `timer`; recorded lines have been heard.
fn next(call: &mut Harness, timer: Timer) -> Vec<CallAction> {
    call.on(drained());
    let (at, due) = call.machine.deadline().expect("something is awaited");
    assert_eq!(due, timer);
    assert!(at <= call.now + Duration::from_secs(4));
    call.now = at;
    call.on(CallEvent::TimeUp)
}

fn lines(done: &[CallAction]) -> bool {
    done.iter().any(|action| matches!(action, A::PlayPcm { .. }))
}
