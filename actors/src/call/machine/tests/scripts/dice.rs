//! What a random call is made of: its settings, its line and its events.

use std::time::Duration;

use crate::audio::report::{AudioReport, ItemPlayout};
use crate::call::machine::Means;
use crate::call::machine::tests::*;
use crate::call::messages::HangUp;
use crate::call::shared::Recording;
use crate::call::steps::CallEvent;
use crate::call::testing::profile;
use crate::call::transfer::DialOutcome;
use crate::carrier::Handover;
use crate::carrier::control::CarrierAnswer;
use crate::carrier::webhook_api::AnsweredBy;
use crate::child::Child;
use crate::ids::{ItemId, ResponseId, ToolCallId};
use crate::incident::IncidentKind;
use crate::line::messages::LineReport;
use crate::profile::no_input::NoInputPlan;
use crate::profile::{CallProfile, InterruptionPlan, InterruptionPolicy, KeyAction, KeypadPlan};
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::report::{LossClass, ModelReport, ResponseOutcome};

/// Any event, as likely as it keeps scripts long.
pub(super) fn event(dice: &mut Dice, calm: bool, call: &Harness) -> CallEvent {
    let response = format!("r{}", dice.below(4));
    // Events that end a call are rare, or most scripts would be short.
    match dice.below(if calm { 100 } else { 112 }) {
        0..6 => ready(),
        6..16 => speech_started(),
        16..26 => speech_stopped(),
        26..38 => response_started(&response),
        38..50 => response_finished(&response),
        50..62 => playing(&response),
        62..74 => drained(),
        74..80 => interrupted(playouts(dice)),
        80 if dice.below(3) == 0 => CallEvent::RecordingPaused(dice.below(2) == 0),
        // The digit says whether the key was private.
        80..84 if call.machine.talk.call.recording == Recording::Paused => key(['6', '7', '8', '9'][any_of(dice, 4)]),
        80..84 => key(['1', '5', '*', '#'][any_of(dice, 4)]),
        84..88 => tool(&format!("t{}", dice.below(50)), ["transfer_call", "?"][usize::from(calm)], "{"),
        88..91 => tool(&format!("t{}", dice.below(50)), "end_call", "{}"),
        91 if dice.below(3) == 0 => CallEvent::Line(LineReport::Alive),
        91 if dice.below(3) == 0 => in_persons_hands(dice.below(2) == 0),
        91 => transfer(dice),
        92 if dice.below(2) == 0 => {
            [faltered(), resumed(false), resumed(true), CallEvent::Model(ModelReport::Renewable)]
                [usize::try_from(dice.below(4)).expect("small")]
            .clone()
        }
        92 => words(["", "okay", "no, stop"][usize::try_from(dice.below(3)).expect("small")]),
        93 => measure(dice, &response),
        94 => {
            CallEvent::ToolAnswered { call: ToolCallId::new(&format!("t{}", dice.below(50))), output: "{}".to_owned() }
        }
        95 => CallEvent::TimeUp,
        96 => CallEvent::Model(ModelReport::RequestGivenUp { purpose: purpose(dice), reason: "failed".to_owned() }),
        97 => CallEvent::ChildLost(Child::Transcript),
        98 => match dice.below(4) {
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
            let note = (dice.below(2) == 0).then_some("Leave one short message.");
            detected([AnsweredBy::Human, AnsweredBy::Machine, AnsweredBy::Unknown][any_of(dice, 3)], note)
        }
        _ => CallEvent::Line(LineReport::Closed),
    }
}

fn any_of(dice: &mut Dice, number: u64) -> usize {
    usize::try_from(dice.below(number)).expect("small")
}

/// Any line.
pub(super) fn any_means(dice: &mut Dice) -> Means {
    let handover = [
        None,
        Some(Handover::Document),
        Some(Handover::Command { numbers: false }),
        Some(Handover::Command { numbers: true }),
    ][any_of(dice, 4)];
    Means { handover, requests: dice.below(2) == 0, reopens: dice.below(2) == 0, ..Means::default() }
}

/// Any combination of interruption and no-input settings.
pub(super) fn any_profile(dice: &mut Dice) -> CallProfile {
    let policy = [
        InterruptionPolicy::Immediate,
        InterruptionPolicy::PauseAndConfirm { resume_after: Duration::from_millis(700) },
    ];
    CallProfile {
        interruption: InterruptionPlan {
            min_speech: Duration::from_millis(400 * dice.below(2)),
            greeting_protection: Duration::from_millis(1000 * dice.below(2)),
            policy: policy[usize::try_from(dice.below(2)).expect("small")],
        },
        keypad: KeypadPlan { actions: any_keys(dice), ..KeypadPlan::default() },
        notice: (dice.below(3) == 0).then(|| "Calls are recorded.".to_owned()),
        no_input: if dice.below(2) == 0 { NoInputPlan::default() } else { profile().no_input },
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
    actions.into_iter().filter(|_| dice.below(3) == 0).map(|(keys, action)| (keys.to_owned(), action)).collect()
}

/// Any event of a transfer, in any order.
fn transfer(dice: &mut Dice) -> CallEvent {
    match dice.below(11) {
        0 | 1 => tool(&format!("t{}", dice.below(50)), "transfer_call", r#"{"destination":"sales"}"#),
        2 => CallEvent::TransferOrdered { destination: "sales".to_owned() },
        3 => CallEvent::TransferPermitGiven { granted: dice.below(4) > 0 },
        4 => CallEvent::CarrierAnswered(match dice.below(3) {
            0 => CarrierAnswer::Done,
            1 => CarrierAnswer::Gone,
            _ => CarrierAnswer::Failed { reason: "HTTP 500".to_owned() },
        }),
        5 => CallEvent::DialEnded(
            [DialOutcome::Busy, DialOutcome::Bridged][usize::try_from(dice.below(2)).expect("small")],
        ),
        6 => CallEvent::LineReturned,
        7 => CallEvent::NextAsked,
        8 => CallEvent::StreamOffered,
        9 => CallEvent::LineReplaced,
        _ => CallEvent::DialAnswered,
    }
}

fn measure(dice: &mut Dice, response: &str) -> CallEvent {
    let (response, time) = (ResponseId::new(response), Duration::from_millis(dice.below(900)));
    match dice.below(4) {
        0 => CallEvent::Model(ModelReport::FirstAudio { response }),
        1 => CallEvent::Audio(AudioReport::LastVoice { ago: time }),
        2 => CallEvent::Audio(AudioReport::Queued { remaining: time }),
        _ => CallEvent::Audio(AudioReport::FirstHeard { response, item: ItemId::new("i0"), after_sent: time }),
    }
}

fn purpose(dice: &mut Dice) -> Option<ResponsePurpose> {
    [None, Some(ResponsePurpose::Goodbye), Some(ResponsePurpose::Greeting)]
        [usize::try_from(dice.below(3)).expect("small")]
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
    (0..1 + dice.below(3))
        .map(|item| ItemPlayout {
            response: ResponseId::new(&format!("r{}", dice.below(4))),
            item: ItemId::new(&format!("i{item}")),
            received: Duration::from_micros(dice.below(3_000_000)),
            heard: Duration::from_micros(dice.below(3_000_000)),
        })
        .collect()
}

/// SplitMix64: one seed is one script.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }
}
