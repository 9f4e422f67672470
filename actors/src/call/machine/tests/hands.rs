//! Calls that a person takes over from the agent, and gives back.

use super::*;
use crate::call::messages::SteerRefusal;
use crate::ids::{ItemId, Private};
use crate::transcript::messages::{Fact, Steered};

/// A call that was taken over in the middle of an answer.
fn taken_over() -> (Harness, Vec<CallAction>) {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    let done = call.on(in_persons_hands(true));
    assert_eq!(call.state(), "taken_over");
    (call, done)
}

fn texts(done: &[CallAction]) -> String {
    let texts = done.iter().filter_map(|action| {
        if let A::Order(ModelOrder::AddText { text, .. }) = action { Some(text.as_str()) } else { None }
    });
    texts.collect::<Vec<_>>().join(" | ")
}

#[test]
fn the_agent_is_cut_at_once_with_what_was_heard_of_it() {
    let (mut call, done) = taken_over();
    let place = |wanted: &CallAction| done.iter().position(|action| action == wanted);
    let cleared = place(&A::ClearPlayout { response: Some(ResponseId::new("r2")) }).expect("the queue is dropped");
    let taken = place(&A::TakeOver(true)).expect("the person is played");
    assert!(cleared < taken && place(&A::Order(ModelOrder::Overtake)).is_some(), "{done:?}");
    assert!(texts(&done).contains("Say nothing"), "{done:?}");
    let by = "asha".to_owned();
    assert!(done.contains(&A::Record(Fact::Steered { act: Steered::TookOver, by, text: String::new() })), "{done:?}");
    let done = call.on(interrupted(vec![playout("r2", "i2", 4_000_000, 1_000_000)]));
    assert!(done.contains(&A::Order(ModelOrder::TruncateItem { item: "i2".into(), heard: secs(1) })), "{done:?}");
    assert!(done.contains(&heard_fact("i2", 1_000_000, 4_000_000)), "{done:?}");
}

#[test]
fn the_model_says_nothing_and_calls_nothing_meanwhile() {
    let (mut call, _) = taken_over();
    call.on(speech_started());
    let done = call.on(speech_stopped());
    assert_eq!(said(&done), "", "nothing is asked of it: {done:?}");
    let done = call.on(response_started("r3"));
    assert!(done.contains(&A::Order(ModelOrder::CancelResponse)), "{done:?}");
    // What it generated all the same was not heard.
    let done = call.on(interrupted(vec![playout("r3", "i3", 500_000, 0)]));
    assert!(done.contains(&A::Order(ModelOrder::DeleteItem { item: "i3".into() })), "{done:?}");
    for name in ["end_call", "transfer_call"] {
        let done = call.on(tool("t1", name, r#"{"destination":"sales"}"#));
        let refused = |action: &CallAction| matches!(action, A::Order(ModelOrder::AnswerTool { output, speak: false, .. }) if output.contains("colleague"));
        assert!(done.iter().any(refused) && call.state() == "taken_over", "{done:?}");
    }
}

#[test]
fn nobody_else_may_steer_and_a_second_person_waits() {
    let (mut call, _) = taken_over();
    assert_eq!(call.machine.may_take_over(), Err(SteerRefusal::TakenOver));
    assert_eq!(call.machine.may_say(), Err(SteerRefusal::TakenOver));
    assert_eq!(call.machine.may_whisper(), Ok(()));
    assert!(call.machine.may_transfer("sales", call.now).is_err());
    assert_eq!(call.on(in_persons_hands(true)), []);
    call.on(in_persons_hands(false));
    assert_eq!(call.machine.may_take_over(), Ok(()));
    assert_eq!(call.on(in_persons_hands(false)), [], "it is the agent's already");
}

#[test]
fn at_giving_back_the_agent_learns_what_was_said_and_goes_on() {
    let (mut call, _) = taken_over();
    for by_person in [true, false] {
        let item = || ItemId::new(if by_person { "p1" } else { "c1" });
        call.on(CallEvent::Model(ModelReport::SpeechStarted { item: item() }));
        call.on(CallEvent::Model(ModelReport::SpeechStopped { item: item() }));
        let done = call.on(CallEvent::Audio(AudioReport::TurnSpoken { by_person }));
        assert_eq!(done.contains(&A::Record(Fact::PersonSpoke { item: item() })), by_person, "{done:?}");
        let text = Private::new(if by_person { "Is ten fine?" } else { "It is." }.to_owned());
        call.on(CallEvent::Model(ModelReport::CallerWords { item: item(), text, last: true }));
    }
    let done = call.on(in_persons_hands(false));
    assert!(done.contains(&A::TakeOver(false)), "{done:?}");
    assert!(texts(&done).ends_with("Colleague: “Is ten fine?”\nCaller: “It is.”"), "{done:?}");
    assert!(said(&done).contains("You have the call again"), "{done:?}");
    assert_eq!(call.state(), "listening");
    call.says("r4");
    assert_eq!(call.state(), "speaking");
}

#[test]
fn a_caller_who_speaks_at_giving_back_is_answered_by_their_turn() {
    let (mut call, _) = taken_over();
    call.on(speech_started());
    let done = call.on(in_persons_hands(false));
    assert_eq!(said(&done), "", "{done:?}");
}

#[test]
fn silence_and_the_longest_duration_wait_for_the_person() {
    let (mut call, _) = taken_over();
    let end = call.started() + secs(4 * 3600);
    assert_eq!(call.alive_until(end), []);
    assert_eq!(call.state(), "taken_over");
    let done = call.on(CallEvent::HangUp(HangUp::Operator));
    assert_ending(&done, Ending::OperatorHungUp);
}

#[test]
fn a_limit_of_spending_gives_the_call_back_for_its_goodbye() {
    let (mut call, _) = taken_over();
    let done = call.on(CallEvent::HangUp(HangUp::Spent));
    assert!(done.contains(&A::TakeOver(false)) && said(&done).contains("goodbye"), "{done:?}");
    assert_eq!(call.state(), "closing");
}

#[test]
fn a_model_that_is_lost_meanwhile_ends_nothing_before_the_call_is_given_back() {
    let (mut call, _) = taken_over();
    call.on(lost(crate::realtime::report::LossClass::Retryable));
    assert_eq!(call.state(), "taken_over");
    call.on(in_persons_hands(false));
    assert_eq!(call.state(), "closing");
}

#[test]
fn a_person_goes_on_with_a_caller_who_is_back_on_another_stream() {
    let (mut call, _) = taken_over();
    call.on(CallEvent::Line(LineReport::Closed));
    assert_eq!((call.state(), call.machine.is_taken_over()), ("reconnecting", true));
    call.on(CallEvent::NextAsked);
    let done = call.on(CallEvent::LineReturned);
    assert_eq!((call.state(), said(&done)), ("taken_over", String::new()));
    assert!(done.contains(&A::AttachModel), "{done:?}");
}
