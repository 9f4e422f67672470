//! The machine under events in any order: thousands of random calls.

mod dice;

use std::collections::HashSet;
use std::time::Duration;

use self::dice::{Dice, any_means, any_profile, event};
use super::*;
use crate::audio::report::AudioReport;
use crate::call::floor::Holder;
use crate::call::shared::Recording;
use crate::child::Child;
use crate::line::messages::LineReport;
use crate::realtime::messages::ModelOrder;
use crate::realtime::report::ModelReport;
use crate::transcript::messages::Fact;

use CallAction as A;

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
    let calm = dice.below(4) > 0;
    for _ in 0..dice.below(200) {
        match call.machine.deadline() {
            Some(_) => assert_eq!(ended, None, "an ended call waits for nothing"),
            None => assert!(ended.is_some(), "a call always has a deadline"),
        }
        call.now += Duration::from_millis(dice.below(if calm { 300 } else { 20_000 }));
        let event = event(&mut dice, calm, &call);
        let (before, from) = (Before::of(&call), call.state());
        let done = call.on(event.clone());
        check(&done, &mut ended, &event);
        before.check(&event, &done, &call);
        heard.after(&event, &done, from);
        if call.machine.ending().is_none() {
            check_the_floor(&heard, &call.machine);
        }
        assert!(!(model_gone && done.iter().any(is_request)), "a request to a model that is gone: {done:?}");
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
            // With a person on the line it is they who are heard.
            self.agent |= from != "taken_over";
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
        A::TellSupervisor { ending: reported },
        A::Stop,
    ] = &done[at..at + 6]
    else {
        panic!("not in order: {done:?}");
    };
    assert_eq!(ending, reported);
    assert!(
        done[at + 6..].iter().all(|action| matches!(action, A::Tell(_))),
        "nothing is done after the end: {done:?}"
    );
    *ended = Some(*ending);
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
            let reported = if let A::Record(Fact::KeyPressed(key)) = action {
                key.to_string()
            } else if let A::Record(Fact::TransferAsked { reason: text, .. })
            | A::Order(ModelOrder::AddText { text, .. }) = action
            {
                text.clone()
            } else {
                continue;
            };
            assert!(!private(&reported), "a key of a paused recording is revealed: {action:?}");
        }
        if key && self.paused {
            assert!(done.contains(&A::Record(Fact::KeyWithheld)), "it is counted: {done:?}");
        }
    }
}
