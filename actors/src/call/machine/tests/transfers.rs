//! Transfers through the machine: to a destination, and back if the transfer fails.

use std::time::Duration;

use super::*;
use crate::call::messages::HangUp;
use crate::call::messages::Next;
use crate::call::testing::{profile, sales};
use crate::call::transfer::DialOutcome;
use crate::carrier::Handover;
use crate::carrier::control::{CarrierAnswer, Target};
use crate::ids::Private;
use crate::line::messages::LineReport;
use crate::profile::destinations::Destination;
use crate::profile::hours::Hours;
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::messages::TextRole;
use crate::transcript::messages::Fact;

use CallAction as A;

#[test]
fn a_transfer_waits_until_the_last_word_was_heard() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    let asked = call.on(ask("sales"));
    assert_eq!(asked, [A::AskTransferPermit { destination: "sales".to_owned(), most_an_hour: 10 }]);
    call.on(granted());
    assert_eq!(call.state(), "transferring");
    assert_eq!(call.machine.next(), Next::HangUp, "the carrier may not ring yet");
    assert!(!call.on(drained()).contains(&A::ReleaseLine), "the model is not done");
    call.on(response_finished("r2"));
    assert!(!call.on(drained()).contains(&A::ReleaseLine), "this report may be an old one");
    let done = call.on(drained());
    assert!(done.contains(&A::ReleaseLine));
    assert!(matches!(call.machine.next(), Next::Dial { name, .. } if name == "sales"));
    assert_eq!(outcomes(&done), ["dialled"]);
}

#[test]
fn the_caller_s_word_calls_off_the_agent_s_transfer_but_not_an_operator_s() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(ask("sales"));
    call.on(granted());
    let done = call.on(speech_started());
    assert_eq!((call.state(), outcomes(&done)), ("listening", vec!["called_off".to_owned()]));
    assert_eq!(call.on(drained()), []);

    let mut call = Harness::listening();
    call.on(CallEvent::TransferOrdered { destination: "sales".to_owned() });
    let done = call.on(granted());
    assert!(done.iter().any(|action| matches!(action, A::Order(ModelOrder::Speak(_)))), "the caller is told: {done:?}");
    call.on(speech_started());
    assert_eq!(call.state(), "transferring");
}

#[test]
fn an_announcement_is_said_word_for_word_and_heard_before() {
    let destination = Destination { announce: Some("One moment.".to_owned()), ..sales() };
    let mut call =
        Harness::of(CallProfile { transfers: Arc::new([("sales".to_owned(), destination)].into()), ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call.on(ask("sales"));
    let done = call.on(granted());
    assert!(
        done.contains(&speak(
            ResponsePurpose::Goodbye,
            Some("Say exactly these words and nothing else: “One moment.”")
        ))
    );
    assert!(!call.on(drained()).contains(&A::ReleaseLine));
    call.says("r2");
    call.on(drained());
    assert!(call.on(drained()).contains(&A::ReleaseLine));
}

#[test]
fn a_caller_whom_nobody_takes_comes_back_and_the_model_knows_why() {
    let mut call = ringing();
    assert_eq!(outcomes(&call.on(CallEvent::DialEnded(DialOutcome::Busy))), ["busy"]);
    assert_eq!(call.machine.next(), Next::Return);
    assert_eq!(call.on(CallEvent::Line(LineReport::Closed)), [], "the first stream's end");
    let done = call.on(CallEvent::LineReturned);
    assert_eq!(call.state(), "listening");
    let [
        A::AttachModel,
        A::Order(ModelOrder::AddText { role: TextRole::Instruction, text }),
        A::Order(ModelOrder::Speak(_)),
        ..,
    ] = &done[..]
    else {
        panic!("the model is attached, told and asked: {done:?}");
    };
    assert!(text.contains("sales") && text.contains("busy"));
    assert_eq!(call.machine.next(), Next::HangUp);
    call.on(tool("t2", "transfer_call", r#"{"destination":"sales"}"#));
    assert!(call.on(granted()).iter().any(|action| matches!(action, A::TellWhenDrained)), "another try is possible");
}

#[test]
fn the_first_stream_s_late_end_does_not_end_the_second() {
    let mut call = ringing();
    call.on(CallEvent::DialEnded(DialOutcome::NoAnswer));
    call.on(CallEvent::LineReturned);
    call.on(CallEvent::Line(LineReport::Stopped));
    call.on(CallEvent::Line(LineReport::Closed));
    assert_eq!(call.state(), "listening");
    call.on(CallEvent::Line(LineReport::Closed));
    assert_eq!(call.state(), "reconnecting");
}

#[test]
fn the_end_of_the_stream_does_not_end_a_call_that_is_handed_on() {
    let mut call = ringing();
    call.on(CallEvent::Line(LineReport::Stopped));
    call.on(CallEvent::Line(LineReport::Closed));
    assert_eq!(call.state(), "transferring");
    call.on(CallEvent::DialEnded(DialOutcome::Bridged));
    assert_eq!(call.machine.ending(), Some(Ending::Transferred));
}

#[test]
fn a_caller_who_hangs_up_while_it_rings_was_not_transferred_and_one_who_speaks_was() {
    let mut call = ringing();
    call.on(CallEvent::Line(LineReport::CallOver));
    assert_eq!(call.machine.ending(), Some(Ending::CallerHungUp));
    let mut call = ringing();
    call.on(CallEvent::DialAnswered);
    call.on(CallEvent::Line(LineReport::CallOver));
    assert_eq!(call.machine.ending(), Some(Ending::Transferred));
}

#[test]
fn a_carrier_that_ignores_the_redirect_gets_the_transfer_by_its_next_document() {
    for answer in [Some(CarrierAnswer::Failed { reason: "HTTP 429".to_owned() }), None] {
        let mut call = asking(Handover::Document);
        let done = match answer {
            Some(answer) => call.on(CallEvent::CarrierAnswered(answer)),
            // The carrier does not answer at all.
            None => {
                call.now = call.machine.deadline().expect("it is waited for").0;
                call.on(CallEvent::TimeUp)
            }
        };
        assert!(done.contains(&A::ReleaseLine), "{done:?}");
        assert!(matches!(call.machine.next(), Next::Dial { .. }));
    }
    let mut call = asking(Handover::Document);
    assert_eq!(call.on(CallEvent::CarrierAnswered(CarrierAnswer::Done)), []);
    assert!(matches!(call.machine.next(), Next::Dial { .. }));
    call.on(CallEvent::CarrierAnswered(CarrierAnswer::Gone));
    assert_eq!(call.state(), "transferring", "the second answer is nobody's");
    let mut call = asking(Handover::Document);
    call.on(CallEvent::CarrierAnswered(CarrierAnswer::Gone));
    assert_eq!(call.machine.ending(), Some(Ending::CallerHungUp));
}

#[test]
fn a_carrier_that_knows_where_keeps_its_stream_until_it_has_handed_the_caller_on() {
    let mut call = asking(Handover::Command { numbers: false });
    call.on(CallEvent::CarrierAnswered(CarrierAnswer::Done));
    call.on(CallEvent::Line(LineReport::Closed));
    assert_eq!(call.machine.ending(), Some(Ending::Transferred));

    let mut call = asking(Handover::Command { numbers: false });
    let done = call.on(CallEvent::CarrierAnswered(CarrierAnswer::Failed { reason: "HTTP 400".to_owned() }));
    assert_eq!(call.state(), "listening");
    assert!(done.contains(&A::AttachModel) && !done.contains(&A::ReleaseLine), "{done:?}");
}

#[test]
fn a_command_names_the_number_where_the_carrier_takes_one() {
    let (number, carrier) = (sales().target, Target::Carrier);
    let sip = Target::Sip(Private::new("sip:desk@example.com".to_owned()));
    for (numbers, target, asks) in [
        (true, &number, true),
        (true, &carrier, true),
        (true, &sip, false),
        (false, &number, false),
        (false, &carrier, true),
    ] {
        let table = [("sales".to_owned(), Destination { target: target.clone(), ..sales() })].into();
        let mut call = Harness::of(CallProfile { transfers: Arc::new(table), ..profile() });
        let means = Means { handover: Some(Handover::Command { numbers }), requests: true, ..Means::default() };
        call.machine = call.machine.with_means(means);
        call.on(ready());
        call.says("greet");
        call.on(drained());
        let mut done = call.on(ask("sales"));
        if asks {
            done.extend(call.on(granted()));
            done.extend(call.on(drained()));
            done.extend(call.on(drained()));
        }
        let asked = A::AskHandover(Some(target.clone()));
        assert_eq!(done.contains(&asked), asks, "{numbers} {target:?}: {done:?}");
        assert_eq!(outcomes(&done), if asks { ["dialled"] } else { ["unreachable"] }, "{numbers} {target:?}");
    }
}

#[test]
fn a_transfer_that_cannot_be_is_refused_in_words_and_written_down() {
    let shut = Destination { hours: Some(Hours::parse(["mon 09:00-10:00 +00:00"]).expect("hours")), ..sales() };
    let elsewhere = Destination { target: Target::Carrier, ..sales() };
    let table = [("sales", sales()), ("shut", shut), ("carrier", elsewhere)].map(|(name, to)| (name.to_owned(), to));
    for (name, outcome) in [
        ("nowhere", "unknown_destination"),
        ("+15550100009", "unknown_destination"),
        ("shut", "outside_hours"),
        ("carrier", "unreachable"),
    ] {
        let mut call = Harness::of(CallProfile { transfers: Arc::new(table.clone().into()), ..profile() });
        call.on(ready());
        call.says("greet");
        call.on(drained());
        let done = call.on(ask(name));
        assert_eq!(outcomes(&done), [outcome]);
        assert!(done.iter().any(|action| matches!(action, A::Order(ModelOrder::AnswerTool { speak: true, .. }))));
        assert_eq!(call.state(), "listening");
    }
    let mut call = Harness::listening();
    call.on(ask("sales"));
    let done = call.on(CallEvent::TransferPermitGiven { granted: false });
    assert_eq!(outcomes(&done), ["too_many"]);
    assert_eq!(call.state(), "listening");
}

#[test]
fn one_transfer_at_a_time() {
    let mut call = Harness::listening();
    call.on(ask("sales"));
    let again = call.on(tool("t8", "transfer_call", r#"{"destination":"sales"}"#));
    assert_eq!(outcomes(&again), ["wrong_state"]);
}

#[test]
fn a_drain_does_not_end_a_connected_transfer() {
    let mut call = ringing();
    call.on(CallEvent::HangUp(HangUp::Drain));
    assert_eq!(call.machine.ending(), Some(Ending::Transferred));
}

#[test]
fn a_transfer_without_a_result_counts_as_connected() {
    let mut call = ringing();
    let (at, timer) = call.machine.deadline().expect("the carrier's word");
    assert_eq!((at - call.now, timer), (Duration::from_secs(50), Timer::Transfer));
    call.now = at;
    call.on(CallEvent::TimeUp);
    assert_eq!(call.machine.ending(), Some(Ending::Transferred));
}

#[test]
fn a_caller_who_comes_back_to_no_model_hears_why() {
    let mut call = ringing();
    call.on(lost(LossClass::Retryable));
    assert_eq!(call.state(), "transferring");
    call.on(CallEvent::DialEnded(DialOutcome::Failed));
    call.on(CallEvent::LineReturned);
    assert_eq!(call.state(), "closing");
}

fn ask(destination: &str) -> CallEvent {
    tool("t1", "transfer_call", &serde_json::json!({"destination": destination, "reason": "a quote"}).to_string())
}

pub(super) fn granted() -> CallEvent {
    CallEvent::TransferPermitGiven { granted: true }
}

/// The destination rings, without a request to the carrier.
fn ringing() -> Harness {
    hand_over(Harness::listening())
}

/// The carrier was asked to dial.
fn asking(handover: Handover) -> Harness {
    let target = match handover {
        Handover::Document | Handover::Command { numbers: true } => sales().target,
        Handover::Command { numbers: false } => Target::Carrier,
    };
    let table = Arc::new([("sales".to_owned(), Destination { target, ..sales() })].into());
    let mut call = Harness::of(CallProfile { transfers: table, ..profile() });
    call.machine = call.machine.with_means(Means { handover: Some(handover), requests: true, ..Means::default() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    hand_over(call)
}

fn hand_over(mut call: Harness) -> Harness {
    call.on(ask("sales"));
    call.on(granted());
    call.on(drained());
    call.on(drained());
    assert!(matches!(call.machine.next(), Next::Dial { .. }));
    call
}

/// The recorded results of a transfer.
pub(super) fn outcomes(done: &[CallAction]) -> Vec<String> {
    let outcome = |action: &CallAction| {
        if let A::Record(Fact::TransferAsked { outcome, .. }) = action { Some(outcome.clone()) } else { None }
    };
    done.iter().filter_map(outcome).collect()
}
