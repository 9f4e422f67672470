//! How calls end: by the agent, by the caller, on an order, by a limit, or because something is
//! lost.

use std::time::Duration;

use super::*;
use crate::call::exit::GOODBYE;
use crate::call::floor::agent::WARNING;
use crate::call::messages::HangUp;
use crate::call::testing::profile;
use crate::child::Child;
use crate::ids::ResponseId;
use crate::line::messages::LineReport;
use crate::realtime::messages::{ModelOrder, ResponsePurpose};
use crate::realtime::report::ModelReport;

use CallAction as A;

#[test]
fn the_agents_goodbye_is_heard_before_the_line_is_closed() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    let done = call.on(tool("t1", "end_call", "{}"));
    assert!(done.iter().filter_map(as_order).any(|order| matches!(order, ModelOrder::AnswerTool { speak: false, .. })));
    assert_eq!(call.state(), "closing");
    call.on(drained());
    assert_eq!(call.state(), "closing", "the last words are still being generated");
    assert_eq!(call.on(response_finished("r2")), [A::TellWhenDrained]);
    assert_eq!(call.on(drained()), [A::TellWhenDrained], "this report may be older than the last audio");
    let done = call.on(drained());
    assert_ending(&done, Ending::AgentHungUp);
}

#[test]
fn a_goodbye_that_is_never_heard_is_waited_for_no_longer_than_the_limit() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(tool("t1", "end_call", ""));
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!((at, timer), (call.now + profile().limits.goodbye, Timer::Goodbye));
    assert_ending(&call.until(at), Ending::AgentHungUp);
}

#[test]
fn a_caller_who_speaks_into_the_goodbye_keeps_the_call() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(tool("t1", "end_call", "{}"));
    assert_eq!(call.state(), "closing");
    let done = call.on(speech_started());
    assert!(done.contains(&A::ClearPlayout { response: None }));
    assert!(done.iter().filter_map(as_order).any(|order| matches!(order, ModelOrder::AddText { .. })));
    assert_eq!(call.state(), "listening");
    assert_eq!(call.machine.tally().barge_ins, 1);
}

#[test]
fn a_goodbye_without_a_model_is_not_called_off() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(tool("t1", "end_call", "{}"));
    call.on(lost(LossClass::Retryable));
    call.on(speech_started());
    assert_eq!(call.state(), "closing", "nobody would answer");
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::AgentHungUp);
}

#[test]
fn an_operator_hangs_up_with_a_goodbye_instead_of_the_answer() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    let done = call.on(CallEvent::HangUp(HangUp::Operator));
    assert!(done.contains(&A::ClearPlayout { response: Some(ResponseId::new("r2")) }));
    assert!(done.contains(&A::Order(ModelOrder::CancelResponse)), "nobody else cancels it");
    assert!(done.contains(&speak(ResponsePurpose::Goodbye, Some(GOODBYE))));
    assert_eq!(call.on(response_finished("r2")), [], "the answer that was cut is not the goodbye");
    call.on(speech_started());
    assert_eq!(call.state(), "closing", "an order is not called off by the caller");
    call.says("r3");
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::OperatorHungUp);
    assert_eq!(call.machine.tally().barge_ins, 0);
}

#[test]
fn an_order_to_hang_up_ends_a_call_without_a_model_at_once() {
    let mut call = Harness::connecting();
    assert_ending(&call.on(CallEvent::HangUp(HangUp::Drain)), Ending::Drained);
}

#[test]
fn an_order_to_hang_up_is_not_called_off_by_the_callers_word() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(tool("t1", "end_call", "{}"));
    call.on(CallEvent::HangUp(HangUp::Drain));
    call.on(speech_started());
    assert_eq!(call.state(), "closing");
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::Drained);
}

#[test]
fn a_goodbye_the_model_will_not_say_is_not_waited_for() {
    let mut call = Harness::listening();
    call.on(CallEvent::HangUp(HangUp::Operator));
    let purpose = Some(ResponsePurpose::Goodbye);
    call.on(CallEvent::Model(ModelReport::RequestGivenUp { purpose, reason: "rate_limit".to_owned() }));
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::OperatorHungUp);
}

#[test]
fn a_lost_model_lets_what_is_queued_be_heard() {
    for (class, ending) in [
        (LossClass::Retryable, Ending::ModelLost),
        (LossClass::Expired, Ending::ModelLost),
        (LossClass::Fatal, Ending::ModelRefused),
    ] {
        let mut call = Harness::listening();
        call.on(response_started("r2"));
        call.on(playing("r2"));
        let done = call.on(lost(class));
        assert!(done.contains(&A::TellWhenDrained) && done.contains(&A::DetachModel));
        assert_eq!(call.state(), "closing");
        call.on(drained());
        assert_ending(&call.on(drained()), ending);
        assert_eq!(call.on(lost(class)), [], "a loss after the end is nothing");
    }
}

#[test]
fn a_model_that_never_comes_up_is_waited_for_no_longer_than_the_limit() {
    let mut call = Harness::connecting();
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!(timer, Timer::ModelSetup);
    assert_ending(&call.until(at), Ending::ModelLost);
}

#[test]
fn the_streams_end_sets_the_ending_unless_we_did() {
    for (report, ending) in [(LineReport::Stopped, Ending::CallerHungUp), (LineReport::Closed, Ending::LineLost)] {
        // A carrier that does not ask what follows its stream.
        for mut call in [Harness::connecting(), Harness::listening()] {
            call.machine = call.machine.with_means(Means::default());
            assert_ending(&call.on(CallEvent::Line(report.clone())), ending);
        }
        let mut closing = Harness::listening();
        closing.on(tool("t1", "end_call", "{}"));
        assert_ending(&closing.on(CallEvent::Line(report)), Ending::AgentHungUp);
    }
}

#[test]
fn a_line_that_says_nothing_is_given_up() {
    let mut call = Harness::listening();
    call.pass(Duration::from_secs(50));
    call.on(CallEvent::Line(LineReport::Alive));
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!((at, timer), (call.now + profile().limits.line_silence, Timer::LineSilence));
    assert_ending(&call.until(at), Ending::LineSilent);
}

#[test]
fn the_caller_is_warned_before_the_longest_duration() {
    let mut call = Harness::listening();
    let (started, limit) = (call.started, profile().limits.max_duration);
    assert_eq!(
        call.alive_until(started + limit - Duration::from_secs(30)),
        [speak(ResponsePurpose::Notice, Some(WARNING))]
    );
    call.says("warning");
    call.on(drained());
    let done = call.alive_until(started + limit);
    assert!(done.contains(&speak(ResponsePurpose::Goodbye, Some(GOODBYE))));
    call.says("bye");
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::DurationLimit);
}

#[test]
fn a_call_too_short_for_a_warning_has_none() {
    let limits = crate::profile::Limits { max_duration: Duration::from_secs(40), ..profile().limits };
    let mut call = Harness::of(CallProfile { limits, ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    assert_eq!(call.machine.deadline(), Some((call.started + limits.max_duration, Timer::DurationLimit)));
}

#[test]
fn a_lost_child_ends_the_call_in_order_and_a_lost_transcript_is_replaced_once() {
    assert_ending(&Harness::listening().on(CallEvent::ChildLost(Child::Audio)), Ending::Crashed);
    let mut call = Harness::listening();
    call.on(CallEvent::ChildLost(Child::Model));
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::Crashed);
    let mut call = Harness::listening();
    assert!(call.on(CallEvent::ChildLost(Child::Transcript)).contains(&A::RenewTranscript));
    assert!(call.on(CallEvent::ChildLost(Child::Transcript)).contains(&A::Tell(Note::RecordLost)));
    assert_eq!(call.state(), "listening");
}
