//! The table of the call's states: the next state for each of them and each event.

use std::fmt::Write;

use super::*;
use crate::call::messages::HangUp;
use crate::call::transfer::DialOutcome;
use crate::carrier::webhook_api::AnsweredBy;
use crate::child::Child;
use crate::incident::IncidentKind;
use crate::line::messages::LineReport;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::report::ModelReport;

#[test]
fn the_documented_table_matches_the_machine() {
    let table = table();
    let docs: String = include_str!("../../machine.md")
        .lines()
        .filter(|line| line.starts_with('|'))
        .fold(String::new(), |docs, line| docs + line + "\n");
    assert!(docs == table, "machine.md should say:\n{table}");
}

/// The next state for each state and event; a dot means no change.
fn table() -> String {
    let mut table = "| |".to_owned();
    for (name, _) in states() {
        write!(table, " {name} |").expect("a string");
    }
    table += &format!("\n|---|{}\n", "---|".repeat(states().len()));
    for (name, event) in events() {
        write!(table, "| {name} |").expect("a string");
        for (from, call) in states() {
            let mut call = call();
            assert_eq!(call.state(), from);
            // A time-out is that of the state's own deadline; the recorded lines for a waiting
            // caller come before it.
            while let (CallEvent::TimeUp, Some((at, timer))) = (&event, call.machine.deadline()) {
                call.now = at;
                if timer != Timer::Wait {
                    break;
                }
                call.on(CallEvent::TimeUp);
            }
            call.on(event.clone());
            let to = match call.machine.ending() {
                _ if call.state() == from => ".",
                Some(ending) => ending.reason(),
                None => call.state(),
            };
            write!(table, " {to} |").expect("a string");
        }
        table.push('\n');
    }
    table
}

type State = (&'static str, fn() -> Harness);

fn states() -> [State; 9] {
    let greeting = || {
        let mut call = Harness::connecting();
        call.on(ready());
        call
    };
    let thinking = || {
        let mut call = Harness::listening();
        call.on(response_started("r2"));
        call
    };
    let speaking = || {
        let mut call = Harness::listening();
        call.says("r2");
        call
    };
    // The agent's own goodbye is playing.
    let closing = || {
        let mut call = Harness::listening();
        call.says("r2");
        call.on(tool("t0", "end_call", ""));
        call
    };
    // A destination rings.
    let transferring = || {
        let mut call = Harness::listening();
        call.on(tool("t0", "transfer_call", r#"{"destination":"sales"}"#));
        call.on(CallEvent::TransferPermitGiven { granted: true });
        call.on(drained());
        call.on(drained());
        call
    };
    // An operator talks with the caller.
    let taken_over = || {
        let mut call = Harness::listening();
        call.on(in_persons_hands(true));
        call
    };
    // The stream is gone and the caller is not.
    let reconnecting = || {
        let mut call = Harness::listening();
        call.on(CallEvent::Line(LineReport::Closed));
        call
    };
    [
        ("connecting", Harness::connecting),
        ("greeting", greeting),
        ("listening", Harness::listening),
        ("thinking", thinking),
        ("speaking", speaking),
        ("taken_over", taken_over),
        ("closing", closing),
        ("transferring", transferring),
        ("reconnecting", reconnecting),
    ]
}

fn events() -> Vec<(&'static str, CallEvent)> {
    let given_up =
        ModelReport::RequestGivenUp { purpose: Some(ResponsePurpose::Greeting), reason: "failed".to_owned() };
    vec![
        ("model ready", ready()),
        ("caller speaks", speech_started()),
        ("caller is done", speech_stopped()),
        ("response begins", response_started("r9")),
        ("response ends", response_finished("r2")),
        ("agent is heard", playing("r2")),
        ("all was heard", drained()),
        ("request given up", CallEvent::Model(given_up)),
        ("answer not heard", missed("r2", IncidentKind::AnswerSilent, false)),
        ("session is mute", muted(None)),
        ("tool `end_call`", tool("t9", "end_call", "{}")),
        ("tool with wrong arguments", tool("t9", "transfer_call", "{}")),
        ("key", key('5')),
        ("operator hangs up", CallEvent::HangUp(HangUp::Operator)),
        ("operator takes over", in_persons_hands(true)),
        ("operator gives back", in_persons_hands(false)),
        ("a machine has answered", detected(AnsweredBy::Machine, None)),
        ("spending limit reached", CallEvent::HangUp(HangUp::Spent)),
        ("drain", CallEvent::HangUp(HangUp::Drain)),
        ("model session lost", faltered()),
        ("another session goes on", resumed(true)),
        ("model lost", lost(LossClass::Retryable)),
        ("model refused", lost(LossClass::Fatal)),
        ("carrier's stop", CallEvent::Line(LineReport::Stopped)),
        ("socket gone", CallEvent::Line(LineReport::Closed)),
        ("another stream comes", CallEvent::LineReplaced),
        ("call over, by its webhook", CallEvent::Line(LineReport::CallOver)),
        ("destination hung up", CallEvent::DialEnded(DialOutcome::Bridged)),
        ("destination busy", CallEvent::DialEnded(DialOutcome::Busy)),
        ("caller returns", CallEvent::LineReturned),
        ("audio actor lost", CallEvent::ChildLost(Child::Audio)),
        ("model actor lost", CallEvent::ChildLost(Child::Model)),
        ("transcript actor lost", CallEvent::ChildLost(Child::Transcript)),
        ("first time-out", CallEvent::TimeUp),
    ]
}
