//! Warm transfers through the machine: the caller waits, a callee is called, and they are joined or
//! not.

use std::time::Duration;

use super::transfers::{granted, outcomes};
use super::*;
use crate::call::messages::Next;
use crate::call::messages::{Briefing, HangUp};
use crate::call::testing::{profile, sales};
use crate::call::transfer::DialOutcome;
use crate::carrier::Handover;
use crate::carrier::control::CarrierAnswer;
use crate::ids::CarrierCallId;
use crate::line::messages::LineReport;
use crate::profile::destinations::Destination;

use CallAction as A;

#[test]
fn a_person_is_called_once_the_caller_waits_and_not_before() {
    let mut call = waiting(true);
    assert_eq!(call.on(CallEvent::CarrierAnswered(CarrierAnswer::Done)), [], "the conference is not given yet");
    assert_eq!(call.machine.next(), Next::Meet);
    let asked = call.on(CallEvent::NextAsked);
    assert!(
        matches!(&asked[..], [A::CallCallee { ring, caller_id: None, .. }, A::Reply(Next::Meet)] if ring.as_secs() == 20),
        "{asked:?}"
    );
    assert_eq!(call.on(CallEvent::NextAsked), [A::Reply(Next::Meet)], "once");
    assert_eq!(call.machine.next(), Next::Meet);
}

#[test]
fn a_callee_hears_reason_and_summary_and_joins_by_a_key() {
    let mut call = ringing();
    let expected = Briefing { words: "A quote. Ms {reason} wants ten. A key.".to_owned(), language: "en".to_owned() };
    assert_eq!(call.machine.briefing(), Some(expected));
    assert_eq!(call.on(CallEvent::CalleeAccepted), [A::Reply(Next::Meet)]);
    assert_eq!(call.machine.briefing(), None, "nobody else takes it");
    assert_eq!(call.on(CallEvent::CalleeAccepted), [A::Reply(Next::HangUp)]);
    call.on(CallEvent::CalleeEnded(DialOutcome::Bridged));
    let done = call.on(CallEvent::DialEnded(DialOutcome::Bridged));
    assert_eq!((call.machine.ending(), outcomes(&done)), (Some(Ending::Transferred), vec!["answered".to_owned()]));
}

#[test]
fn a_caller_alone_in_the_conference_returns_to_the_agent() {
    for (ended, expected) in [
        (DialOutcome::Busy, "busy"),
        (DialOutcome::NoAnswer, "no_answer"),
        (DialOutcome::Failed, "failed"),
        (DialOutcome::Bridged, "not_taken"),
    ] {
        let mut call = ringing();
        let done = call.on(CallEvent::CalleeEnded(ended));
        assert_eq!(outcomes(&done), [expected]);
        assert!(
            done.contains(&A::AskHandover(None)) && !done.iter().any(|it| matches!(it, A::DropCallee(_))),
            "{done:?}"
        );
        assert_eq!(call.machine.next(), Next::Return);
        call.on(CallEvent::CarrierAnswered(CarrierAnswer::Done));
        let done = call.on(CallEvent::LineReturned);
        assert_eq!(call.state(), "listening");
        assert!(done.contains(&A::AttachModel));
    }
}

#[test]
fn a_person_who_cannot_be_called_brings_the_caller_back() {
    let mut call = waiting(true);
    call.on(CallEvent::NextAsked);
    let done = call.on(CallEvent::CalleeCalled(Err("HTTP 400".to_owned())));
    assert_eq!(outcomes(&done), ["failed"]);
    assert!(done.contains(&A::AskHandover(None)));
}

#[test]
fn a_carrier_that_leaves_the_caller_in_the_conference_is_asked_repeatedly() {
    let mut call = ringing();
    call.on(CallEvent::CalleeEnded(DialOutcome::Busy));
    for attempt in 1..=5 {
        if attempt == 3 {
            // The carrier does not answer at all.
            let (at, _) = call.machine.deadline().expect("its answer");
            call.now = at;
            call.on(CallEvent::TimeUp);
        } else {
            call.on(CallEvent::CarrierAnswered(CarrierAnswer::Failed { reason: "HTTP 500".to_owned() }));
        }
        if attempt < 5 {
            let (at, _) = call.machine.deadline().expect("another try");
            assert_eq!((at - call.now).as_secs(), 2);
            call.now = at;
            assert!(call.on(CallEvent::TimeUp).contains(&A::AskHandover(None)), "{attempt}");
        }
    }
    assert_eq!(call.machine.ending(), Some(Ending::LineLost), "which is hung up on over the API");
}

#[test]
fn a_carrier_that_fetched_the_next_document_is_not_asked_again() {
    let mut call = ringing();
    call.on(CallEvent::CalleeEnded(DialOutcome::Busy));
    call.on(CallEvent::CarrierAnswered(CarrierAnswer::Failed { reason: "no answer".to_owned() }));
    assert_eq!(call.machine.next(), Next::Return);
    call.on(CallEvent::NextAsked);
    call.now += Duration::from_secs(3);
    assert_eq!(call.on(CallEvent::TimeUp), []);
}

#[test]
fn the_callee_is_hung_up_on_when_the_caller_is_gone() {
    for event in [
        CallEvent::Line(LineReport::CallOver),
        CallEvent::HangUp(HangUp::Operator),
        CallEvent::HangUp(HangUp::Drain),
        CallEvent::DialEnded(DialOutcome::Failed),
        CallEvent::DialEnded(DialOutcome::Bridged),
    ] {
        let mut call = ringing();
        let done = call.on(event.clone());
        assert!(done.contains(&A::DropCallee(CarrierCallId::new("CA9"))), "{event:?}: {done:?}");
        assert!(call.machine.ending() != Some(Ending::Transferred), "{event:?}");
        assert_eq!(call.machine.briefing(), None, "{event:?}");
    }
}

#[test]
fn a_person_who_is_gone_before_they_have_joined_brings_the_caller_back() {
    let mut call = ringing();
    call.on(CallEvent::CalleeAccepted);
    call.on(CallEvent::CalleeEnded(DialOutcome::Bridged));
    let (at, _) = call.machine.deadline().expect("the carrier's word");
    assert_eq!((at - call.now).as_secs(), 5);
    call.now = at;
    let done = call.on(CallEvent::TimeUp);
    assert!(done.contains(&A::AskHandover(None)), "{done:?}");
    assert_eq!(outcomes(&done), ["not_taken"]);
}

#[test]
fn a_callee_whose_end_is_never_reported_is_given_up() {
    let mut call = ringing();
    call.now = call.machine.deadline().expect("the person's word").0;
    let done = call.on(CallEvent::TimeUp);
    assert!(
        done.contains(&A::AskHandover(None)) && done.contains(&A::DropCallee(CarrierCallId::new("CA9"))),
        "{done:?}"
    );
}

#[test]
fn without_the_api_there_is_no_warm_transfer() {
    let mut call = Harness::of(table());
    call.on(ready());
    call.says("greet");
    call.on(drained());
    assert_eq!(outcomes(&call.on(ask())), ["unreachable"]);
}

fn table() -> CallProfile {
    let briefing = Some("{reason}. {summary} A key.".to_owned());
    CallProfile { transfers: Arc::new([("sales".to_owned(), Destination { briefing, ..sales() })].into()), ..profile() }
}

fn ask() -> CallEvent {
    let arguments =
        serde_json::json!({"destination": "sales", "reason": "A quote", "summary": "Ms {reason}\nwants  ten."});
    tool("t1", "transfer_call", &arguments.to_string())
}

/// The carrier was asked to take the caller to our document.
fn waiting(requests: bool) -> Harness {
    let mut call = Harness::of(table());
    let means = Means { handover: Some(Handover::Document), requests, ..Means::default() };
    call.machine = call.machine.with_means(means);
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call.on(ask());
    call.on(granted());
    call.on(drained());
    assert!(call.on(drained()).contains(&A::AskHandover(None)));
    call
}

/// The callee's phone rings.
fn ringing() -> Harness {
    let mut call = waiting(true);
    call.on(CallEvent::CarrierAnswered(CarrierAnswer::Done));
    call.on(CallEvent::NextAsked);
    call.on(CallEvent::CalleeCalled(Ok(CarrierCallId::new("CA9"))));
    call
}
