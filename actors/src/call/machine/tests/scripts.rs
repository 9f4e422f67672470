//! The machine under events in any order: the table of its states, and thousands of random calls.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::Duration;

use super::*;
use crate::audio::report::{AudioReport, ItemPlayout};
use crate::call::floor::Holder;
use crate::call::messages::{Detected, HangUp};
use crate::call::shared::Recording;
use crate::call::testing::profile;
use crate::call::transfer::DialOutcome;
use crate::carrier::Handover;
use crate::carrier::control::CarrierAnswer;
use crate::carrier::desk::AnsweredBy;
use crate::child::Child;
use crate::ids::{ItemId, Private, ResponseId, ToolCallId};
use crate::incident::IncidentKind;
use crate::line::messages::LineReport;
use crate::profile::no_input::NoInputPlan;
use crate::profile::{InterruptionPlan, InterruptionPolicy, KeyAction, KeypadPlan};
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::report::{ModelLoss, ModelReport, ResponseOutcome};
use crate::transcript::messages::Fact;

use CallAction as A;

#[test]
fn the_table_in_the_docs_is_the_machine() {
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

fn states() -> [State; 8] {
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
        ("wish given up", CallEvent::Model(given_up)),
        ("answer not heard", missed("r2", IncidentKind::AnswerSilent, false)),
        ("session is mute", muted(None)),
        ("tool `end_call`", tool("t9", "end_call", "{}")),
        ("tool not to be had", tool("t9", "transfer_call", "{}")),
        ("key", key('5')),
        ("operator hangs up", CallEvent::HangUp(HangUp::Operator)),
        ("a machine has answered", detected(AnsweredBy::Machine, None)),
        ("nothing left to spend", CallEvent::HangUp(HangUp::Spent)),
        ("drain", CallEvent::HangUp(HangUp::Drain)),
        ("model session lost", faltered()),
        ("another one goes on", resumed(true)),
        ("model lost", lost(LossClass::Retryable)),
        ("model refused", lost(LossClass::Fatal)),
        ("carrier's stop", CallEvent::Line(LineReport::Stopped)),
        ("socket gone", CallEvent::Line(LineReport::Closed)),
        ("another stream comes", CallEvent::LineReplaced),
        ("call over, beside the stream", CallEvent::Line(LineReport::CallOver)),
        ("destination answered and done", CallEvent::DialEnded(DialOutcome::Bridged)),
        ("destination busy", CallEvent::DialEnded(DialOutcome::Busy)),
        ("caller returns", CallEvent::LineReturned),
        ("audio actor lost", CallEvent::ChildLost(Child::Audio)),
        ("model actor lost", CallEvent::ChildLost(Child::Model)),
        ("transcript actor lost", CallEvent::ChildLost(Child::Transcript)),
        ("first time-out", CallEvent::TimeUp),
    ]
}

#[test]
fn ten_thousand_calls_in_any_order_end_exactly_once() {
    // `SWITCHBOARD_SEED=<seed> cargo test -p switchboard-actors any_order` replays one script.
    let replay = std::env::var("SWITCHBOARD_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = replay.map_or(1..10_001, |seed: u64| seed..seed + 1);
    let mut endings = HashSet::new();
    for seed in seeds {
        let ending =
            std::panic::catch_unwind(|| play(seed)).unwrap_or_else(|_| panic!("replay with SWITCHBOARD_SEED={seed}"));
        endings.insert(ending);
    }
    if replay.is_none() {
        assert!(endings.len() >= 9, "the scripts reach every ending there is, not only {endings:?}");
    }
}

/// One random call, to its end and beyond.
fn play(seed: u64) -> Ending {
    let mut dice = Dice(seed);
    let mut call = Harness::of(any_profile(&mut dice));
    call.machine = call.machine.with_means(any_means(&mut dice));
    let mut ended: Option<Ending> = None;
    let mut model_gone = false;
    let mut heard = Heard::default();
    let calm = dice.roll(4) > 0;
    for _ in 0..dice.roll(200) {
        match call.machine.deadline() {
            Some(_) => assert_eq!(ended, None, "an ended call waits for nothing"),
            None => assert!(ended.is_some(), "a call always has a deadline"),
        }
        call.now += Duration::from_millis(dice.roll(if calm { 300 } else { 20_000 }));
        let event = event(&mut dice, calm, &call);
        let (before, from) = (Before::of(&call), call.state());
        let done = call.on(event.clone());
        check(&done, &mut ended, &event);
        before.check(&event, &done, &call);
        heard.after(&event, &done, from);
        if call.machine.ending().is_none() {
            check_the_floor(&heard, &call.machine);
        }
        assert!(!(model_gone && done.iter().any(is_request)), "a wish to a model that is gone: {done:?}");
        model_gone |= matches!(event, CallEvent::Model(ModelReport::Lost(_)) | CallEvent::ChildLost(Child::Model));
    }
    // Without further events it ends.
    for _ in 0..100 {
        let Some((at, _)) = call.machine.deadline() else { break };
        call.now = call.now.max(at);
        let done = call.on(CallEvent::TimeUp);
        check(&done, &mut ended, &CallEvent::TimeUp);
        assert!(call.machine.deadline().is_none_or(|(at, _)| at > call.now), "a deadline that passed is dealt with");
    }
    assert!(call.now.duration_since(call.started()) <= Duration::from_secs(200 * 20 + 900));
    assert_eq!(call.machine.ending(), ended);
    ended.expect("every call ends")
}

/// Exactly one side holds the floor: the agent while the caller hears it, else the caller while
/// they speak. A due answer has a deadline, and so has the silence of both.
fn check_the_floor(heard: &Heard, machine: &CallMachine) {
    let floor = &machine.talk.floor;
    let holder = match (heard.agent, heard.caller, floor.is_owed() || floor.is_generating()) {
        (true, _, _) => Holder::Agent,
        (false, true, _) => Holder::Caller,
        (false, false, true) => Holder::Due,
        (false, false, false) => Holder::Silent,
    };
    assert_eq!(floor.holder(), holder, "{heard:?}: {machine:?}");
    if machine.stage() != Stage::Talking {
        return;
    }
    let (mut timers, call) = (TimerTable::default(), &machine.talk.call);
    match holder {
        // A recorded line, another session, or the end of the call; an outage has a timer and an
        // end of its own.
        Holder::Due if machine.talk.model.is_down() => {}
        Holder::Due => timers.set(Timer::Wait, floor.wait_due(Stage::Talking, call)),
        // A prompt, or the goodbye. A running tool, keys, protected audio and the end of the
        // prompts come first.
        Holder::Silent | Holder::Caller | Holder::Agent => return,
    }
    let waits = timers.next().is_some() || machine.talk.model.is_down();
    assert!(waits, "an answer is due and nothing minds it: {machine:?}");
}

/// Who is heard, according to the reports from outside.
#[derive(Debug, Default)]
struct Heard {
    agent: bool,
    caller: bool,
}

impl Heard {
    /// Updates it after `event` in the state `from` and the actions of the call.
    fn after(&mut self, event: &CallEvent, done: &[CallAction], from: &str) {
        if let CallEvent::Audio(AudioReport::PlayoutStarted { .. }) = event {
            self.agent = true;
        } else if *event == drained() {
            self.agent = false;
        } else if *event == speech_started() {
            self.caller = true;
        } else if *event == speech_stopped() {
            self.caller = false;
        }
        if done.iter().any(|action| matches!(action, A::ClearPlayout { .. })) {
            self.agent = false;
        }
        if done.contains(&A::CallerTurn { open: false }) {
            self.caller = false;
        }
        if *event == CallEvent::LineReturned && ["reconnecting", "transferring"].contains(&from) {
            (self.agent, self.caller) = (false, false);
        }
    }
}

fn is_request(action: &CallAction) -> bool {
    matches!(action, A::Order(ModelOrder::Speak(_)))
}

fn check(done: &[CallAction], ended: &mut Option<Ending>, event: &CallEvent) {
    if let Some(ending) = ended {
        assert_eq!(done, [], "{event:?} after {ending:?}");
    }
    for action in done {
        if let A::Order(ModelOrder::TruncateItem { heard, .. }) = action {
            assert!(!heard.is_zero() && heard.subsec_nanos() % 1_000_000 == 0, "whole milliseconds: {heard:?}");
        }
    }
    let endings = done.iter().filter(|action| matches!(action, A::FinishRecord { .. })).count();
    assert!(endings <= 1);
    if endings == 0 {
        let lasting = |action: &CallAction| {
            !matches!(action, A::CloseLine | A::CloseModel | A::FinishAudio | A::TellSupervisor { .. } | A::Stop)
        };
        assert!(done.iter().all(lasting), "half an end: {done:?}");
        return;
    }
    let at = done.iter().position(|action| *action == A::CloseLine).expect("the line is closed");
    let [
        A::CloseLine,
        A::CloseModel,
        A::FinishAudio,
        A::FinishRecord { ending, .. },
        A::TellSupervisor { ending: told },
        A::Stop,
    ] = &done[at..at + 6]
    else {
        panic!("not in order: {done:?}");
    };
    assert_eq!(ending, told);
    assert!(
        done[at + 6..].iter().all(|action| matches!(action, A::Tell(_))),
        "nothing is done after the end: {done:?}"
    );
    *ended = Some(*ending);
}

fn event(dice: &mut Dice, calm: bool, call: &Harness) -> CallEvent {
    let response = format!("r{}", dice.roll(4));
    // Events that end a call are rare, or most scripts would be short.
    match dice.roll(if calm { 100 } else { 112 }) {
        0..6 => ready(),
        6..16 => speech_started(),
        16..26 => speech_stopped(),
        26..38 => response_started(&response),
        38..50 => response_finished(&response),
        50..62 => playing(&response),
        62..74 => drained(),
        74..80 => interrupted(playouts(dice)),
        80 if dice.roll(3) == 0 => CallEvent::RecordingPaused(dice.roll(2) == 0),
        // The digit says whether the key was private.
        80..84 if call.machine.talk.call.recording == Recording::Paused => key(['6', '7', '8', '9'][any_of(dice, 4)]),
        80..84 => key(['1', '5', '*', '#'][any_of(dice, 4)]),
        84..88 => tool(&format!("t{}", dice.roll(50)), ["transfer_call", "?"][usize::from(calm)], "{"),
        88..91 => tool(&format!("t{}", dice.roll(50)), "end_call", "{}"),
        91 if dice.roll(3) == 0 => CallEvent::Line(LineReport::Alive),
        91 => transfer(dice),
        92 if dice.roll(2) == 0 => {
            [faltered(), resumed(false), resumed(true), CallEvent::Model(ModelReport::Renewable)]
                [usize::try_from(dice.roll(4)).expect("small")]
            .clone()
        }
        92 => words(["", "okay", "no, stop"][usize::try_from(dice.roll(3)).expect("small")]),
        93 => measure(dice, &response),
        94 => {
            CallEvent::ToolAnswered { call: ToolCallId::new(&format!("t{}", dice.roll(50))), output: "{}".to_owned() }
        }
        95 => CallEvent::TimeUp,
        96 => CallEvent::Model(ModelReport::RequestGivenUp { purpose: purpose(dice), reason: "failed".to_owned() }),
        97 => CallEvent::ChildLost(Child::Transcript),
        98 => match dice.roll(4) {
            0 => failed(&response),
            1 => missed(&response, IncidentKind::AnswerEmpty, true),
            2 => missed(&response, IncidentKind::AnswerSilent, false),
            _ => muted(purpose(dice)),
        },
        99 => CallEvent::Audio(AudioReport::ItemHeard(playouts(dice).remove(0))),
        100..102 => lost(LossClass::Retryable),
        102 => lost(LossClass::Fatal),
        103..105 => CallEvent::HangUp(HangUp::Operator),
        105..106 => CallEvent::HangUp(HangUp::Drain),
        106..107 => CallEvent::HangUp(HangUp::Spent),
        107 => CallEvent::ChildLost(Child::Audio),
        108 => CallEvent::ChildLost(Child::Model),
        109 => CallEvent::Line(LineReport::Stopped),
        110 => {
            let told = (dice.roll(2) == 0).then_some("Leave one short message.");
            detected([AnsweredBy::Human, AnsweredBy::Machine, AnsweredBy::Unknown][any_of(dice, 3)], told)
        }
        _ => CallEvent::Line(LineReport::Closed),
    }
}

fn detected(by: AnsweredBy, told: Option<&'static str>) -> CallEvent {
    CallEvent::Detected(Detected { by, told })
}

/// Facts before an event that forbid something after it.
struct Before {
    /// A notice had to be heard to its end.
    notice: bool,
    /// The agent could be heard and interrupted.
    sounding: bool,
    /// The recording was paused.
    paused: bool,
}

impl Before {
    fn of(call: &Harness) -> Self {
        let machine = &call.machine;
        let talks = matches!(call.state(), "greeting" | "listening" | "thinking" | "speaking");
        Self {
            notice: machine.talk.floor.must_be_heard(),
            sounding: talks && machine.talk.floor.is_sounding() && machine.talk.floor.is_open(),
            paused: machine.talk.call.recording == Recording::Paused && machine.ending().is_none(),
        }
    }

    fn check(&self, event: &CallEvent, done: &[CallAction], call: &Harness) {
        let clears = done.iter().any(|action| matches!(action, A::ClearPlayout { .. } | A::PausePlayout));
        // A notice without audible level is not heard, and is repeated.
        let hard_end = matches!(
            event,
            CallEvent::HangUp(_) | CallEvent::TimeUp | CallEvent::Model(ModelReport::AnswerMissed { .. })
        );
        // A notice whose line is gone is repeated on the next line.
        let no_line = call.state() == "reconnecting" || *event == CallEvent::LineReturned;
        if self.notice
            && call.machine.talk.floor.must_be_heard()
            && !hard_end
            && !no_line
            && call.machine.ending().is_none()
        {
            assert!(!clears, "a notice is cut by {event:?}: {done:?}");
        }
        let key = matches!(event, CallEvent::Line(LineReport::KeyPressed(_)));
        if key && self.sounding {
            assert!(clears, "a key leaves the agent speaking: {done:?}");
            assert_ne!(call.state(), "speaking");
        }
        // The number of private keys is no secret.
        let private = |text: &str| text.contains(['6', '7', '8', '9']) && !text.contains("kept from you");
        for action in done {
            let told = if let A::Record(Fact::KeyPressed(key)) = action {
                key.to_string()
            } else if let A::Record(Fact::TransferAsked { reason: text, .. })
            | A::Order(ModelOrder::AddText { text, .. }) = action
            {
                text.clone()
            } else {
                continue;
            };
            assert!(!private(&told), "a key of a paused recording is told: {action:?}");
        }
        if key && self.paused {
            assert!(done.contains(&A::Record(Fact::KeyWithheld)), "it is counted: {done:?}");
        }
    }
}

fn any_of(dice: &mut Dice, number: u64) -> usize {
    usize::try_from(dice.roll(number)).expect("small")
}

/// Any line.
fn any_means(dice: &mut Dice) -> Means {
    let handover =
        [None, Some(Handover::Document), Some(Handover::Command)][usize::try_from(dice.roll(3)).expect("small")];
    Means { handover, requests: dice.roll(2) == 0, ..Means::default() }
}

/// Any combination of interruption and no-input settings.
fn any_profile(dice: &mut Dice) -> CallProfile {
    let policy = [
        InterruptionPolicy::Immediate,
        InterruptionPolicy::PauseAndConfirm { resume_after: Duration::from_millis(700) },
    ];
    CallProfile {
        interruption: InterruptionPlan {
            min_speech: Duration::from_millis(400 * dice.roll(2)),
            greeting_protection: Duration::from_millis(1000 * dice.roll(2)),
            policy: policy[usize::try_from(dice.roll(2)).expect("small")],
        },
        keypad: KeypadPlan { actions: any_keys(dice), ..KeypadPlan::default() },
        notice: (dice.roll(3) == 0).then(|| "Calls are recorded.".to_owned()),
        no_input: if dice.roll(2) == 0 { NoInputPlan::default() } else { profile().no_input },
        ..profile()
    }
}

/// Any key actions; some are private.
fn any_keys(dice: &mut Dice) -> std::collections::BTreeMap<String, KeyAction> {
    let actions = [
        ("1", KeyAction::Say("We open at nine.".to_owned())),
        ("5", KeyAction::Repeat),
        ("6", KeyAction::Transfer("sales".to_owned())),
        ("7", KeyAction::PauseRecording(false)),
        ("*", KeyAction::PauseRecording(true)),
        ("8", KeyAction::HangUp),
    ];
    actions.into_iter().filter(|_| dice.roll(3) == 0).map(|(keys, action)| (keys.to_owned(), action)).collect()
}

/// Any event of a transfer, in any order.
fn transfer(dice: &mut Dice) -> CallEvent {
    match dice.roll(11) {
        0 | 1 => tool(&format!("t{}", dice.roll(50)), "transfer_call", r#"{"destination":"sales"}"#),
        2 => CallEvent::TransferOrdered { destination: "sales".to_owned() },
        3 => CallEvent::TransferPermitGiven { granted: dice.roll(4) > 0 },
        4 => CallEvent::CarrierAnswered(match dice.roll(3) {
            0 => CarrierAnswer::Done,
            1 => CarrierAnswer::Gone,
            _ => CarrierAnswer::Failed { reason: "HTTP 500".to_owned() },
        }),
        5 => CallEvent::DialEnded(
            [DialOutcome::Busy, DialOutcome::Bridged][usize::try_from(dice.roll(2)).expect("small")],
        ),
        6 => CallEvent::LineReturned,
        7 => CallEvent::NextAsked,
        8 => CallEvent::StreamOffered,
        9 => CallEvent::LineReplaced,
        _ => CallEvent::DialAnswered,
    }
}

fn words(text: &str) -> CallEvent {
    let (item, text) = (ItemId::new("item_user"), Private::new(text.to_owned()));
    CallEvent::Model(ModelReport::CallerWords { item, text, last: true })
}

fn faltered() -> CallEvent {
    CallEvent::Model(ModelReport::Faltered(ModelLoss { class: LossClass::Retryable, reason: "gone".to_owned() }))
}

fn resumed(answering: bool) -> CallEvent {
    CallEvent::Model(ModelReport::Resumed { session: "s".to_owned(), gap: Duration::ZERO, answering })
}

fn measure(dice: &mut Dice, response: &str) -> CallEvent {
    let (response, time) = (ResponseId::new(response), Duration::from_millis(dice.roll(900)));
    match dice.roll(4) {
        0 => CallEvent::Model(ModelReport::FirstAudio { response }),
        1 => CallEvent::Audio(AudioReport::LastVoice { ago: time }),
        2 => CallEvent::Audio(AudioReport::Queued { remaining: time }),
        _ => CallEvent::Audio(AudioReport::FirstHeard { response, item: ItemId::new("i0"), after_sent: time }),
    }
}

fn purpose(dice: &mut Dice) -> Option<ResponsePurpose> {
    [None, Some(ResponsePurpose::Goodbye), Some(ResponsePurpose::Greeting)]
        [usize::try_from(dice.roll(3)).expect("small")]
}

fn failed(response: &str) -> CallEvent {
    let (response, outcome) = (ResponseId::new(response), ResponseOutcome::Failed("server_error".to_owned()));
    CallEvent::Model(ModelReport::ResponseFinished {
        response,
        outcome,
        usage: Some(crate::realtime::report::Usage::default()),
    })
}

/// One or more items, partly heard; the heard time may be invalid.
fn playouts(dice: &mut Dice) -> Vec<ItemPlayout> {
    (0..1 + dice.roll(3))
        .map(|item| ItemPlayout {
            response: ResponseId::new(&format!("r{}", dice.roll(4))),
            item: ItemId::new(&format!("i{item}")),
            received: Duration::from_micros(dice.roll(3_000_000)),
            heard: Duration::from_micros(dice.roll(3_000_000)),
        })
        .collect()
}

/// SplitMix64: one seed is one script.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}
