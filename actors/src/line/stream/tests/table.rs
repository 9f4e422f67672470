//! Compares the table on the module's page with what the machine does.
//! `SWITCHBOARD_TABLES=write cargo test -p switchboard-actors stream` writes it anew.

use std::fmt::Write as _;

use super::*;
use crate::carrier::FlowSignal;

/// A way to bring a stream into a state.
type Make = fn() -> Rig;
/// Causes an event.
type Happen = fn(&mut Rig) -> Vec<StreamAction>;

const STATES: [Make; 7] = [
    Rig::new,
    || Rig::asking(&plain()),
    || Rig::attached(&plain()),
    || {
        let mut rig = Rig::attached(&Capabilities { our_close: OurClose::LeavesCallUp, ..plain() });
        rig.pass(false);
        rig
    },
    || {
        let mut rig = Rig::asking(&plain());
        rig.on(StreamEvent::Broken(Broken::NotText));
        rig
    },
    || {
        let mut rig = Rig::attached(&plain());
        rig.on(StreamEvent::Command(LineCommand::Close));
        rig
    },
    || {
        let mut rig = Rig::attached(&plain());
        rig.on(StreamEvent::Gone);
        rig
    },
];

const EVENTS: [(&str, Happen); 23] = [
    ("`start`", |rig| rig.on(message(started("CA1")))),
    ("`start` of another call", |rig| rig.on(message(started("CA2")))),
    ("audio", |rig| rig.on(message(LineEvent::Audio(frame())))),
    ("a key", |rig| rig.on(message(LineEvent::KeyPressed('1')))),
    ("a mark comes back", |rig| rig.on(message(LineEvent::MarkEchoed("a".to_owned())))),
    ("more audio is to wait", |rig| rig.on(message(LineEvent::Flow(FlowSignal::Hold)))),
    ("the carrier says stop", |rig| rig.on(message(LineEvent::Stopped))),
    ("an unknown message", |rig| rig.on(message(LineEvent::Other("x".to_owned())))),
    ("an unreadable message", |rig| rig.on(unreadable())),
    ("the hundredth of them", |rig| {
        rig.stream.malformed = 99;
        rig.on(unreadable())
    }),
    ("the call takes the line", |rig| rig.on(StreamEvent::Taken)),
    ("no call is to be had", |rig| rig.on(StreamEvent::Refused { later: false, reason: "no".to_owned() })),
    ("no call is to be had now", |rig| rig.on(StreamEvent::Refused { later: true, reason: "full".to_owned() })),
    ("the call plays", |rig| rig.on(StreamEvent::Command(LineCommand::Clear))),
    ("the call closes the line", |rig| rig.on(StreamEvent::Command(LineCommand::Close))),
    ("text that is none, in fragments", |rig| rig.on(StreamEvent::Broken(Broken::NotText))),
    ("a message too large", |rig| rig.on(StreamEvent::Spoilt(Broken::TooLarge))),
    ("no WebSocket frame", |rig| rig.on(StreamEvent::Spoilt(Broken::Protocol))),
    ("close frame, in order", |rig| rig.on(StreamEvent::PeerClosed { in_order: true })),
    ("close frame of a fault", |rig| rig.on(StreamEvent::PeerClosed { in_order: false })),
    ("a second passes", |rig| second(rig, true)),
    ("and the call is gone", |rig| second(rig, false)),
    ("the socket is gone", |rig| rig.on(StreamEvent::Gone)),
];

/// Lets the time limit of the state pass, or one second if that does not end it.
fn second(rig: &mut Rig, call_is_there: bool) -> Vec<StreamAction> {
    if rig.stream.deadline().is_none() {
        return rig.on(StreamEvent::TimeUp { call_is_there });
    }
    if let State::AwaitingStart { until } | State::Asking { until, .. } | State::Orphaned { until } = rig.stream.state {
        rig.now = until;
    }
    rig.pass(call_is_there)
}

#[test]
fn the_table_says_what_the_machine_does() {
    let mut table = String::from(
        "\nWhere each event leads from each state, and what is done; a dot changes nothing. `a second passes` is all of the time that \
        a state has, where it has an end. In `orphaned` the call is gone, and its close is waited for.\n\n| |",
    );
    for make in STATES {
        write!(table, " {} |", make().name()).expect("a string");
    }
    table += &format!("\n|---|{}\n", "---|".repeat(STATES.len()));
    for (event, happen) in EVENTS {
        write!(table, "| {event} |").expect("a string");
        for make in STATES {
            let mut rig = make();
            let before = rig.name();
            let done = shown(&happen(&mut rig));
            let after = rig.name();
            let cell = match (after == before, done.is_empty()) {
                (true, true) => ".".to_owned(),
                (true, false) => done,
                (false, true) => format!("**{after}**"),
                (false, false) => format!("**{after}**: {done}"),
            };
            write!(table, " {cell} |").expect("a string");
        }
        table.push('\n');
    }
    if std::env::var("SWITCHBOARD_TABLES").is_ok_and(|mode| mode == "write") {
        let path = format!("{}/src/line/stream.md", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, &table).expect("the page is ours");
        return;
    }
    assert!(include_str!("../../stream.md") == table, "stream.md should say:\n{table}");
}

/// The actions in a word or two each.
fn shown(actions: &[StreamAction]) -> String {
    use StreamAction as A;
    let words = actions.iter().map(|action| match action {
        A::Ask(_) => "ask for a call".to_owned(),
        A::ConfirmTaken => "confirm".to_owned(),
        A::Frame(_) | A::MismatchedFrame(_) => "hand it on".to_owned(),
        A::Playout(_) => "report to the playout".to_owned(),
        A::Report(report) => format!("report {}", format!("{report:?}").split('(').next().unwrap_or_default()),
        A::Write(_) => "write".to_owned(),
        A::Ping => "ping".to_owned(),
        A::TellMalformed(_) => "log it".to_owned(),
        A::TellRefused(word) => format!("count `{word}`"),
        A::TellEarly(_) => "log the frames".to_owned(),
        A::Close { code, .. } => format!("close ({code:?})"),
        A::Stop => "stop".to_owned(),
    });
    words.collect::<Vec<_>>().join(", ")
}
