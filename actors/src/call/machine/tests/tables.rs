//! The tables of the regions: the next state and the actions for each of their states and events.
//! Every page shows its own table, as the machine produces it; `SWITCHBOARD_TABLES=write cargo test
//! -p switchboard-actors tables` writes them again.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use super::conversation::tools;
use super::outages::profile_with_sounds;
use super::*;
use crate::call::floor::Holder;
use crate::call::testing::sales;
use crate::call::transfer::DialOutcome;
use crate::carrier::control::CarrierAnswer;
use crate::ids::CarrierCallId;
use crate::line::messages::LineReport;
use crate::profile::destinations::Destination;
use crate::profile::{CallProfile, InterruptionPlan, InterruptionPolicy};
use crate::realtime::messages::ModelOrder as Order;
use crate::transcript::messages::Fact;

use CallAction as A;

/// A state of a region, and how a call gets there.
type State = (&'static str, fn() -> Harness);

#[test]
fn the_floor_s_page_has_its_whole_table() {
    let states: [State; 7] = [
        ("greeting", || {
            let mut call = Harness::of(talkative());
            call.on(ready());
            call
        }),
        ("silent", silent),
        ("caller", || {
            let mut call = silent();
            call.on(speech_started());
            call
        }),
        ("due, aside", || {
            let mut call = silent();
            call.on(key('4'));
            call.on(key('#'));
            call
        }),
        ("due", || {
            let mut call = silent();
            call.on(speech_started());
            call.on(speech_stopped());
            call
        }),
        ("agent", || {
            let mut call = silent();
            call.on(response_started("r2"));
            call.on(playing("r2"));
            call
        }),
        ("agent, contested", || {
            let mut call = silent();
            call.on(response_started("r2"));
            call.on(playing("r2"));
            call.on(speech_started());
            call
        }),
    ];
    let given_up = ModelReport::RequestGivenUp { purpose: None, reason: "failed".to_owned() };
    let events = [
        ("caller speaks", speech_started()),
        ("caller is done", speech_stopped()),
        ("caller says words", words("no, wait")),
        ("a key", key('5')),
        ("response begins", response_started("r2")),
        ("response ends", response_finished("r2")),
        ("answer is heard", playing("r2")),
        ("all was heard", drained()),
        ("answer is empty, asked for again", missed("r2", IncidentKind::AnswerEmpty, true)),
        ("answer has no level", missed("r2", IncidentKind::AnswerSilent, false)),
        ("request given up", CallEvent::Model(given_up)),
        ("no answer is due", CallEvent::Model(ModelReport::NothingOwed)),
        ("a tool is called", tool("t9", "stock", r#"{"model":"hatchback"}"#)),
        ("session lost", faltered()),
        ("another session answers", resumed(true)),
        ("another session listens", resumed(false)),
        ("first time-out", CallEvent::TimeUp),
    ];
    compare("floor.md", include_str!("../../floor.md"), &states, &events, floor);
}

#[test]
fn the_hands_page_has_its_whole_table() {
    let states: [State; 2] = [
        ("agent", || {
            let mut call = silent();
            call.on(response_started("r2"));
            call.on(playing("r2"));
            call
        }),
        ("person", || {
            let mut call = silent();
            call.on(in_persons_hands(true));
            call
        }),
    ];
    let by = || "asha".to_owned();
    let events = [
        ("operator takes over", in_persons_hands(true)),
        ("operator gives back", in_persons_hands(false)),
        (
            "operator lets the agent say something",
            CallEvent::Steered(Steer::Say { text: "Hello.".to_owned(), by: by() }),
        ),
        ("operator whispers", CallEvent::Steered(Steer::Whisper { text: "Be brief.".to_owned(), by: by() })),
        ("caller speaks", speech_started()),
        ("caller is done", speech_stopped()),
        ("a key", key('5')),
        ("response begins", response_started("r3")),
        ("response ends", response_finished("r2")),
        ("sound is heard", playing("r3")),
        ("all was heard", drained()),
        ("a tool is called", tool("t9", "stock", r#"{"model":"hatchback"}"#)),
        ("tool `end_call`", tool("t9", "end_call", "{}")),
        ("session lost", faltered()),
        ("no session can be opened", lost(LossClass::Retryable)),
        ("operator hangs up", CallEvent::HangUp(HangUp::Operator)),
        ("spending limit reached", CallEvent::HangUp(HangUp::Spent)),
        ("carrier's stop", CallEvent::Line(LineReport::Stopped)),
        ("socket gone", CallEvent::Line(LineReport::Closed)),
        ("first time-out", CallEvent::TimeUp),
    ];
    compare("hands.md", include_str!("../../hands.md"), &states, &events, |call| {
        let ending = call.machine.ending().map(|ending| ending.reason().to_owned());
        ending.unwrap_or_else(|| call.machine.talk.hands.name().to_owned())
    });
}

#[test]
fn the_model_link_s_page_has_its_whole_table() {
    let states: [State; 5] = [
        ("dialling", || Harness::of(talkative())),
        ("up", silent),
        ("expiring", || {
            let mut call = silent();
            call.on(speech_started());
            call.on(CallEvent::Model(ModelReport::Renewable));
            call
        }),
        ("down", || {
            let mut call = silent();
            call.on(faltered());
            call
        }),
        ("gone", || {
            let mut call = silent();
            call.on(lost(LossClass::Retryable));
            call
        }),
    ];
    let events = [
        ("session ready", ready()),
        ("session lost", faltered()),
        ("another session goes on", resumed(false)),
        ("session will expire", CallEvent::Model(ModelReport::Renewable)),
        ("session is mute", muted(None)),
        ("no session can be opened", lost(LossClass::Retryable)),
        ("model refused", lost(LossClass::Fatal)),
        ("model actor lost", CallEvent::ChildLost(Child::Model)),
        ("first time-out", CallEvent::TimeUp),
    ];
    compare("model_link.md", include_str!("../../model_link.md"), &states, &events, |call| {
        call.machine.talk.model.name().to_owned()
    });
}

#[test]
fn the_line_link_s_page_has_its_whole_table() {
    let states: [State; 3] = [
        ("up", silent),
        ("offered", || {
            let mut call = silent();
            call.on(CallEvent::StreamOffered);
            call
        }),
        ("broken", || {
            let mut call = silent();
            call.on(CallEvent::Line(LineReport::Closed));
            call
        }),
    ];
    let events = [
        ("carrier's stop", CallEvent::Line(LineReport::Stopped)),
        ("socket closed in order", CallEvent::Line(LineReport::Left)),
        ("socket gone", CallEvent::Line(LineReport::Closed)),
        ("call over, by its webhook", CallEvent::Line(LineReport::CallOver)),
        ("carrier fetches a stream's document", CallEvent::StreamOffered),
        ("carrier asks how to continue", CallEvent::NextAsked),
        ("another stream is here", CallEvent::LineReplaced),
        ("caller is on it", CallEvent::LineReturned),
        ("response begins", response_started("r2")),
        ("caller's input discarded", CallEvent::Line(LineReport::InputDiscarded)),
        ("operator hangs up", CallEvent::HangUp(HangUp::Operator)),
        ("first time-out", CallEvent::TimeUp),
    ];
    compare("line_link.md", include_str!("../../line_link.md"), &states, &events, |call| {
        let ending = call.machine.ending().map(|ending| ending.reason().to_owned());
        ending.unwrap_or_else(|| call.machine.talk.line.name().to_owned())
    });
}

#[test]
fn the_exit_s_page_has_its_whole_table() {
    let states: [State; 15] = [
        ("staying", warm),
        ("requested", requested),
        ("granted", || {
            let mut call = Harness::of(CallProfile { notice: Some("Recorded.".to_owned()), ..warm_profile() });
            call.machine.talk.call.means.requests = true;
            call.on(ready());
            call.says("notice");
            call.on(CallEvent::TransferOrdered { destination: "sales".to_owned() });
            call.on(permit(true));
            call
        }),
        ("closing, due", closing),
        ("closing, speaking", || {
            let mut call = closing();
            call.on(response_started("r9"));
            call
        }),
        ("closing, playing", || {
            let mut call = warm();
            call.says("r2");
            call.on(tool("t1", "end_call", "{}"));
            call
        }),
        ("closing, proof", || {
            let mut call = closing();
            call.says("r9");
            call.on(drained());
            call
        }),
        ("announcing, playing", announcing),
        ("asking", asking),
        ("calling", calling),
        ("ringing", ringing),
        ("answered", || {
            let mut call = ringing();
            call.on(CallEvent::CalleeAccepted);
            call
        }),
        ("recalling", recalling),
        ("pausing", || {
            let mut call = recalling();
            call.on(CallEvent::CarrierAnswered(failed()));
            call
        }),
        ("returning", || {
            let mut call = recalling();
            call.on(CallEvent::CarrierAnswered(CarrierAnswer::Done));
            call
        }),
    ];
    compare("exit.md", include_str!("../../exit.md"), &states, &exit_events(), |call| call.machine.exit.name());
}

fn exit_events() -> Vec<(&'static str, CallEvent)> {
    vec![
        ("tool `transfer_call`", tool("t9", "transfer_call", r#"{"destination":"sales"}"#)),
        ("operator transfers", CallEvent::TransferOrdered { destination: "sales".to_owned() }),
        ("permit given", permit(true)),
        ("permit refused", permit(false)),
        ("tool `end_call`", tool("t9", "end_call", "{}")),
        ("caller speaks", speech_started()),
        ("a key", key('5')),
        ("response begins", response_started("r9")),
        ("response ends", response_finished("r9")),
        ("all was heard", drained()),
        ("operator hangs up", CallEvent::HangUp(HangUp::Operator)),
        ("drain", CallEvent::HangUp(HangUp::Drain)),
        ("model lost", lost(LossClass::Retryable)),
        ("audio actor lost", CallEvent::ChildLost(Child::Audio)),
        ("carrier: done", CallEvent::CarrierAnswered(CarrierAnswer::Done)),
        ("carrier: call is over", CallEvent::CarrierAnswered(CarrierAnswer::Gone)),
        ("carrier: failed", CallEvent::CarrierAnswered(failed())),
        ("carrier asks how to continue", CallEvent::NextAsked),
        ("destination answered", CallEvent::DialAnswered),
        ("destination hung up", CallEvent::DialEnded(DialOutcome::Bridged)),
        ("destination busy", CallEvent::DialEnded(DialOutcome::Busy)),
        ("callee is called", CallEvent::CalleeCalled(Ok(CarrierCallId::new("CA2")))),
        ("callee cannot be called", CallEvent::CalleeCalled(Err("HTTP 500".to_owned()))),
        ("callee accepts the call", CallEvent::CalleeAccepted),
        ("callee is gone", CallEvent::CalleeEnded(DialOutcome::Bridged)),
        ("carrier's stop", CallEvent::Line(LineReport::Stopped)),
        ("call over, by its webhook", CallEvent::Line(LineReport::CallOver)),
        ("carrier fetches a stream's document", CallEvent::StreamOffered),
        ("caller returns", CallEvent::LineReturned),
        ("first time-out", CallEvent::TimeUp),
    ]
}

/// Compares a page with the machine, or writes it.
fn compare(
    page: &str,
    text: &str,
    states: &[State],
    events: &[(&'static str, CallEvent)],
    name: impl Fn(&Harness) -> String,
) {
    let table = table(states, events, name);
    if std::env::var("SWITCHBOARD_TABLES").is_ok_and(|mode| mode == "write") {
        let path = format!("{}/src/call/{page}", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, &table).expect("the page is ours");
        return;
    }
    assert!(text == table, "{page} should say:\n{table}");
}

fn table(states: &[State], events: &[(&'static str, CallEvent)], name: impl Fn(&Harness) -> String) -> String {
    let mut table =
        "\nEach cell has the next state, in bold, and the actions. A dot: nothing happens. Of facts for the record and \
        notes for operators, only the results of transfers are shown.\n\n| |"
            .to_owned();
    for (state, _) in states {
        write!(table, " {state} |").expect("a string");
    }
    table += &format!("\n|---|{}\n", "---|".repeat(states.len()));
    for (event_name, event) in events {
        write!(table, "| {event_name} |").expect("a string");
        for (from, call) in states {
            let mut call = call();
            let before = name(&call);
            assert!(from.starts_with(&before), "{from} is {before}");
            if *event == CallEvent::TimeUp {
                call.now = call.machine.deadline().expect("something is awaited").0;
            }
            let done = words_of(&call.on(event.clone()));
            let to = name(&call);
            let cell = match (to == before, done.is_empty()) {
                (true, true) => ".".to_owned(),
                (true, false) => done.join(", "),
                (false, true) => format!("**{to}**"),
                (false, false) => format!("**{to}**: {}", done.join(", ")),
            };
            write!(table, " {cell} |").expect("a string");
        }
        table.push('\n');
    }
    table
}

fn floor(call: &Harness) -> String {
    let floor = &call.machine.talk.floor;
    if floor.name() == "greeting" {
        return "greeting".to_owned();
    }
    let holder = match floor.holder() {
        Holder::Silent => "silent",
        Holder::Caller => "caller",
        Holder::Due if floor.name() == "listening" => "due, aside",
        Holder::Due => "due",
        Holder::Agent if floor.is_contested() => "agent, contested",
        Holder::Agent => "agent",
    };
    holder.to_owned()
}

/// The actions in words.
fn words_of(done: &[CallAction]) -> Vec<String> {
    let ends = done.contains(&A::Stop);
    let of_the_end = |action: &CallAction| {
        matches!(
            action,
            A::CloseLine | A::CloseModel | A::FinishAudio | A::FinishRecord { .. } | A::TellSupervisor { .. }
        )
    };
    let lasting = done.iter().filter(|action| !ends || !of_the_end(action));
    lasting.filter_map(word).collect()
}

fn word(action: &CallAction) -> Option<String> {
    let word = match action {
        A::AttachModel => "forward caller audio",
        A::DetachModel => "hold caller audio",
        A::ClearPlayout { .. } => "clear",
        A::PausePlayout => "pause",
        A::ResumePlayout => "resume",
        A::PlayPcm { item, .. } => {
            return Some(format!("play the {}", item.as_str().split('_').nth(1).unwrap_or_default()));
        }
        A::FetchClip(_) => "fetch a recording",
        A::TakeOver(true) => "play the person",
        A::TakeOver(false) => "play the agent",
        A::PauseRecording(true) => "pause the recording",
        A::PauseRecording(false) => "resume recording",
        A::AskTool { .. } => "ask the tool",
        A::TellSpent(_) => "report spending",
        A::TellWhenDrained => "ask for the drained report",
        A::LimitLead(_) => "limit the lead",
        A::CompareSpeech(_) => "compare the speech",
        A::CallerTurn { open: true } => "open the caller's turn",
        A::CallerTurn { open: false } => "close the caller's turn",
        A::Order(order) => return Some(order_word(order)),
        A::Record(Fact::TransferAsked { outcome, .. }) => return Some(format!("record `{outcome}`")),
        A::Record(_) | A::Tell(_) => return None,
        A::AskTransferPermit { .. } => "ask for a transfer permit",
        A::AskHandover(_) => "ask the carrier to redirect the call",
        A::CallCallee { .. } => "call the callee",
        A::DropCallee(_) => "hang up on the callee",
        A::Reply(Next::Dial { .. }) => "reply `dial`",
        A::Reply(Next::Meet) => "reply `meet`",
        A::Reply(Next::Return) => "reply `return`",
        A::Reply(Next::HangUp) => "reply `hang up`",
        A::ReleaseLine => "release the line",
        A::RenewTranscript => "start another transcript",
        A::CloseLine => "close the line",
        A::CloseModel => "close the model",
        A::FinishAudio => "finish the audio",
        A::FinishRecord { .. } => "finish the record",
        A::TellSupervisor { .. } => "free the slot",
        A::Stop => "end",
    };
    Some(word.to_owned())
}

fn order_word(order: &Order) -> String {
    match order {
        Order::Speak(request) => format!("request {}", request.purpose.word()),
        Order::CancelResponse => "cancel".to_owned(),
        Order::TruncateItem { .. } => "truncate".to_owned(),
        Order::DeleteItem { .. } => "delete".to_owned(),
        Order::AddText { .. } => "add text".to_owned(),
        Order::AnswerTool { speak: true, .. } => "answer the tool".to_owned(),
        Order::AnswerTool { speak: false, .. } => "answer the tool, without speech".to_owned(),
        Order::Configure { .. } => "configure".to_owned(),
        Order::Overtake => "overtake".to_owned(),
        Order::DiscardInput => "discard the input".to_owned(),
        Order::HandOver { .. } => "hand over".to_owned(),
        Order::Rotate => "rotate".to_owned(),
        Order::Replace => "replace the session".to_owned(),
        Order::Close => "close".to_owned(),
    }
}

/// A caller whose speech over the agent only counts with words; tools, recordings and a prompt for
/// a silent caller.
fn talkative() -> CallProfile {
    let policy = InterruptionPolicy::PauseAndConfirm { resume_after: Duration::from_millis(700) };
    CallProfile {
        interruption: InterruptionPlan { policy, ..InterruptionPlan::default() },
        tools: tools(),
        no_input: crate::profile::no_input::NoInputPlan::default(),
        ..profile_with_sounds()
    }
}

fn silent() -> Harness {
    listening(talkative())
}

fn listening(profile: CallProfile) -> Harness {
    let mut call = Harness::of(profile);
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call
}

/// A carrier with an API, and a destination of a warm transfer.
fn warm_profile() -> CallProfile {
    let destination = Destination { briefing: Some("A caller. A key.".to_owned()), ..sales() };
    CallProfile { transfers: Arc::new([("sales".to_owned(), destination)].into()), ..profile_with_sounds() }
}

fn warm() -> Harness {
    let mut call = listening(warm_profile());
    call.machine.talk.call.means.requests = true;
    call
}

fn requested() -> Harness {
    let mut call = warm();
    call.says("r2");
    call.on(tool("t1", "transfer_call", r#"{"destination":"sales"}"#));
    call
}

fn announcing() -> Harness {
    let mut call = requested();
    call.on(permit(true));
    call
}

fn asking() -> Harness {
    let mut call = announcing();
    call.on(drained());
    call.on(drained());
    call
}

/// An operator has ended the call, and the goodbye is requested.
fn closing() -> Harness {
    let mut call = warm();
    call.on(CallEvent::HangUp(HangUp::Operator));
    call
}

fn calling() -> Harness {
    let mut call = asking();
    call.on(CallEvent::NextAsked);
    call
}

fn ringing() -> Harness {
    let mut call = calling();
    call.on(CallEvent::CalleeCalled(Ok(CarrierCallId::new("CA2"))));
    call
}

fn recalling() -> Harness {
    let mut call = ringing();
    call.on(CallEvent::CalleeEnded(DialOutcome::Busy));
    call
}

fn permit(granted: bool) -> CallEvent {
    CallEvent::TransferPermitGiven { granted }
}

fn failed() -> CarrierAnswer {
    CarrierAnswer::Failed { reason: "HTTP 500".to_owned() }
}
