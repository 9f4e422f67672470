//! A line that breaks during a call: the caller is still there and gets another stream. Through the
//! machine.

use super::*;
use crate::call::line_link::RETURNING;
use crate::call::messages::{HangUp, Next};
use crate::call::steps::CallEvent;
use crate::call::testing::profile;
use crate::call::timers::Timer;
use crate::ids::ResponseId;
use crate::line::messages::LineReport;
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;

use CallAction as A;

const AGENT: &str =
    "Say in a few words that the line was interrupted for a moment, then go on where they stopped hearing you.";

#[test]
fn a_caller_whose_line_breaks_comes_back_and_the_agent_goes_on() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    let done = call.on(closed());
    assert!(done.contains(&A::ClearPlayout { response: Some(ResponseId::new("r2")) }), "{done:?}");
    assert!(done.contains(&A::Order(ModelOrder::CancelResponse)) && done.contains(&A::DetachModel));
    call.on(interrupted(Vec::new()));
    assert_eq!((call.state(), call.machine.next()), ("reconnecting", Next::Return));
    let done = call.on(CallEvent::LineReturned);
    assert_eq!(call.state(), "listening");
    assert!(done.contains(&A::ClearPlayout { response: Some(ResponseId::new("r2")) }), "late deltas are not heard");
    assert!(done.contains(&A::AttachModel) && done.contains(&speak(ResponsePurpose::Notice, Some(AGENT))), "{done:?}");
    assert_eq!(call.machine.next(), Next::HangUp);
}

#[test]
fn a_carrier_that_opens_another_stream_by_itself_is_waited_for() {
    for (reopens, state) in [(true, "reconnecting"), (false, "ended")] {
        let mut call = Harness::listening();
        let means = Means { handover: Some(Handover::Command { numbers: false }), reopens, ..Means::default() };
        call.machine = call.machine.with_means(means);
        call.on(closed());
        assert_eq!(call.state(), state);
    }
    let mut call = Harness::listening();
    call.on(CallEvent::StreamOffered);
    assert_eq!(call.machine.next(), Next::Return, "the first stream is still there");
    call.on(CallEvent::LineReplaced);
    call.on(CallEvent::LineReturned);
    assert_eq!(call.state(), "listening");
}

#[test]
fn a_socket_that_was_closed_in_order_is_not_waited_for() {
    let mut call = Harness::listening();
    call.on(CallEvent::Line(LineReport::Left));
    assert_eq!(call.machine.ending(), Some(Ending::LineLost));
}

#[test]
fn nobody_who_does_not_come_back_is_waited_for_longer_than_the_limit() {
    let mut call = Harness::listening();
    call.on(closed());
    assert_eq!(call.machine.deadline(), Some((call.now + profile().limits.lost_socket, Timer::Reconnect)));
    call.on(CallEvent::NextAsked);
    assert_eq!(call.machine.deadline(), Some((call.now + RETURNING, Timer::Reconnect)), "a stream is on its way");
    call.pass(RETURNING);
    call.on(CallEvent::TimeUp);
    assert_eq!(call.machine.ending(), Some(Ending::LineLost));
    for (event, ending) in [
        (CallEvent::Line(LineReport::CallOver), Ending::CallerHungUp),
        (CallEvent::HangUp(HangUp::Operator), Ending::OperatorHungUp),
    ] {
        let mut call = Harness::listening();
        call.on(closed());
        call.on(event);
        assert_eq!(call.machine.ending(), Some(ending));
    }
}

#[test]
fn speech_waits_while_the_line_is_gone_and_follows_when_it_is_back() {
    let mut call = Harness::listening();
    call.on(speech_started());
    call.on(speech_stopped());
    call.on(closed());
    let done = call.on(response_started("r2"));
    assert!(done.contains(&A::Order(ModelOrder::CancelResponse)), "{done:?}");
    call.on(response_finished("r2"));
    call.on(tool("t1", "end_call", "{}"));
    assert_eq!(call.state(), "reconnecting");
    let done = call.on(CallEvent::LineReturned);
    assert!(said(&done).ends_with("then answer what they said last."), "{done:?}");
}

#[test]
fn a_caller_who_was_cut_is_asked_again() {
    let mut call = Harness::listening();
    call.on(speech_started());
    assert!(call.on(closed()).contains(&A::Order(ModelOrder::DiscardInput)));
    assert!(said(&call.on(CallEvent::LineReturned)).ends_with("ask them to repeat what they said last."));
}

#[test]
fn an_opening_that_was_cut_is_heard_from_its_beginning() {
    let notice = Some("Calls are recorded.".to_owned());
    let mut call = Harness::of(CallProfile { notice, ..profile() });
    call.on(ready());
    call.on(response_started("notice"));
    call.on(playing("notice"));
    call.on(closed());
    let done = call.on(CallEvent::LineReturned);
    let purposes: Vec<_> = requests(&done).map(|(purpose, _)| purpose).collect();
    assert_eq!((purposes, call.state()), (vec![ResponsePurpose::Notice, ResponsePurpose::Greeting], "greeting"));

    let mut call = Harness::connecting();
    call.on(closed());
    call.on(ready());
    assert_eq!(call.state(), "reconnecting");
    let done = call.on(CallEvent::LineReturned);
    assert_eq!(requests(&done).map(|(purpose, _)| purpose).collect::<Vec<_>>(), [ResponsePurpose::Greeting]);

    let mut call = Harness::connecting();
    call.on(closed());
    call.on(CallEvent::LineReturned);
    assert_eq!(call.state(), "connecting");
    assert_eq!(requests(&call.on(ready())).count(), 1);
}

#[test]
fn a_line_may_break_and_return_any_number_of_times() {
    let mut call = Harness::listening();
    for _ in 0..3 {
        call.on(closed());
        assert_eq!(call.state(), "reconnecting");
        call.on(CallEvent::LineReturned);
        assert_eq!(call.state(), "listening");
    }
}

#[test]
fn a_transfer_in_preparation_survives_a_broken_line() {
    let mut call = Harness::listening();
    call.on(tool("t0", "transfer_call", r#"{"destination":"sales"}"#));
    call.on(CallEvent::TransferPermitGiven { granted: true });
    call.on(closed());
    call.on(CallEvent::NextAsked);
    assert_eq!(call.state(), "transferring");
    assert!(matches!(call.machine.next(), Next::Dial { name, .. } if name == "sales"));
}

#[test]
fn a_live_call_that_is_sent_here_again_goes_on_over_its_second_stream() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(CallEvent::StreamOffered);
    assert_eq!((call.state(), call.machine.next()), ("speaking", Next::Return), "nothing is cut before it has to be");
    call.on(CallEvent::Line(LineReport::Stopped));
    assert_eq!(call.state(), "reconnecting");
    call.on(closed());
    call.on(CallEvent::LineReturned);
    call.on(CallEvent::Line(LineReport::Stopped));
    assert_eq!(call.machine.ending(), Some(Ending::CallerHungUp), "the second stream's stop is the caller's");

    let mut call = Harness::listening();
    call.on(CallEvent::StreamOffered);
    call.on(CallEvent::LineReplaced);
    call.on(CallEvent::LineReturned);
    call.on(CallEvent::Line(LineReport::Stopped));
    call.on(closed());
    assert_eq!(call.state(), "listening", "the first stream's end, told late");
    call.on(drained());
}

#[test]
fn an_offer_that_nobody_takes_changes_nothing() {
    let mut call = Harness::listening();
    call.on(CallEvent::StreamOffered);
    call.pass(RETURNING);
    call.on(CallEvent::Line(LineReport::Stopped));
    assert_eq!(call.machine.ending(), Some(Ending::CallerHungUp));
}

fn closed() -> CallEvent {
    CallEvent::Line(LineReport::Closed)
}

fn requests(done: &[CallAction]) -> impl Iterator<Item = (ResponsePurpose, &str)> {
    done.iter().filter_map(|action| {
        let A::Order(ModelOrder::Speak(request)) = action else { return None };
        Some((request.purpose, request.instructions.as_deref().unwrap_or_default()))
    })
}

fn said(done: &[CallAction]) -> &str {
    requests(done).next().map_or("", |(_, words)| words)
}
