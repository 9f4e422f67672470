//! Keys: they count as the caller's turn, except during protected audio, and are recorded nowhere
//! while the recording is paused.

use std::sync::Arc;

use super::transfers::{granted, outcomes};
use super::*;
use crate::audio::report::{AudioReport, ItemPlayout};
use crate::call::messages::HangUp;
use crate::call::testing::{hindi, profile, sales};
use crate::ids::{ItemId, ResponseId};
use crate::line::messages::LineReport;
use crate::profile::no_input::NoInputPlan;
use crate::profile::{Greeting, InterruptionPlan, InterruptionPolicy, KeyAction, KeypadPlan, KeysWhilePaused};
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::report::{ModelLoss, ModelReport, ResponseOutcome};
use crate::transcript::messages::Fact;

use CallAction as A;

#[test]
fn a_notice_is_heard_to_its_last_word_and_the_key_does_its_work_then() {
    for (pressed, does) in [
        ("1", "We open at nine."),
        ("2", "go on in this language"),
        ("3", "Say goodbye"),
        ("42#", ""),
        ("11", "We open at nine."),
    ] {
        let mut call = noticed();
        for digit in pressed.chars() {
            call.now += ms(300);
            let done = call.on(key(digit));
            assert_eq!(done, [A::Record(Fact::KeyPressed(digit))], "{pressed}");
        }
        call.now += secs(4);
        assert_eq!(call.on(CallEvent::Line(LineReport::Alive)), [], "{pressed}: not even when the entry is whole");
        let done = call.on(heard("notice"));
        let whole = Fact::Heard { item: ItemId::new("item_notice"), heard: secs(6), of: secs(6), interrupted: false };
        assert_eq!(done[0], A::Record(whole));
        assert!(clears(&done), "{pressed}: what follows the notice gives way: {done:?}");
        assert!(done.contains(&A::Order(ModelOrder::Overtake)));
        assert!(said(&done).contains(does), "{pressed}: {done:?}");
        assert!(done.iter().any(|it| matches!(it, A::Order(ModelOrder::Speak(_)))), "{pressed}: {done:?}");
    }
}

#[test]
fn a_transfer_waits_for_the_notice_whoever_asked_for_it() {
    for by_key in [true, false] {
        let mut call = noticed();
        if by_key {
            call.on(key('9'));
        } else {
            call.on(CallEvent::TransferOrdered { destination: "sales".to_owned() });
            assert_eq!(call.on(granted()), [], "it is granted, and waits");
        }
        assert_eq!(call.state(), "greeting");
        let mut done = call.on(heard("notice"));
        if by_key {
            assert!(done.iter().any(|it| matches!(it, A::AskTransferPermit { .. })), "{done:?}");
            done = call.on(granted());
        }
        assert_eq!(call.state(), "transferring");
        assert!(said(&done).contains("put through"), "{done:?}");
    }
}

#[test]
fn an_operator_who_hangs_up_does_not_wait_for_the_notice() {
    let mut call = noticed();
    assert!(clears(&call.on(CallEvent::HangUp(HangUp::Operator))));
}

#[test]
fn a_notice_that_fails_is_said_again_and_protected_again() {
    for broken in [
        CallEvent::Model(ModelReport::ResponseFinished {
            response: ResponseId::new("notice"),
            outcome: ResponseOutcome::Failed("server_error".to_owned()),
            usage: None,
        }),
        CallEvent::Model(ModelReport::Faltered(ModelLoss { class: LossClass::Retryable, reason: "gone".to_owned() })),
    ] {
        let mut call = Harness::of(noticing());
        call.on(ready());
        call.on(response_started("notice"));
        call.on(broken);
        call.on(response_started("notice_2"));
        call.on(playing("notice_2"));
        assert!(!clears(&call.on(key('1'))));
        call.on(response_finished("notice_2"));
        assert!(said(&call.on(heard("notice_2"))).contains("We open at nine."));
    }
}

#[test]
fn a_notice_that_will_not_be_said_protects_nothing_else() {
    let mut call = Harness::of(noticing());
    call.on(ready());
    call.on(key('1'));
    let given_up = ModelReport::RequestGivenUp { purpose: Some(ResponsePurpose::Notice), reason: "failed".to_owned() };
    assert!(said(&call.on(CallEvent::Model(given_up))).contains("We open at nine."));
}

#[test]
fn a_silent_caller_is_not_hung_up_on_before_the_notice_was_heard() {
    let no_input = NoInputPlan { longest_without_words: secs(3), ..NoInputPlan::default() };
    let mut call = Harness::of(CallProfile { no_input, ..noticing() });
    call.on(ready());
    call.says("notice");
    call.now += secs(5);
    assert_eq!(call.on(CallEvent::TimeUp), []);
    call.on(heard("notice"));
    assert_eq!(call.state(), "closing");
}

#[test]
fn a_recorded_greeting_waits_for_the_notice_too() {
    let greeting = || Greeting::Clip { text: "Welcome.".to_owned(), pcm: Arc::from([1i16; 8]) };
    let plays = |done: &[CallAction]| done.iter().any(|it| matches!(it, A::PlayPcm { .. }));
    for pressed in [false, true] {
        let mut call = Harness::of(CallProfile { greeting: greeting(), ..noticing() });
        assert!(!plays(&call.on(CallEvent::Begun)));
        assert!(!plays(&call.on(ready())));
        call.says("notice");
        if pressed {
            call.on(key('1'));
        }
        let done = call.on(heard("notice"));
        assert_eq!(plays(&done), !pressed, "{done:?}");
        assert_eq!(texts(&done), if pressed { "" } else { "Welcome." });
    }
}

#[test]
fn keys_wait_for_the_protected_part_of_a_greeting() {
    let plan = InterruptionPlan { greeting_protection: ms(1500), ..InterruptionPlan::default() };
    let mut call = Harness::of(CallProfile { notice: None, interruption: plan, ..noticing() });
    call.on(ready());
    call.says("greet");
    call.now += ms(500);
    assert!(!clears(&call.on(key('1'))));
    call.now += ms(1000);
    let done = call.on(CallEvent::TimeUp);
    assert!(clears(&done) && said(&done).contains("We open at nine."), "{done:?}");
}

#[test]
fn a_key_stops_a_long_answer_at_once_and_its_answer_comes_next() {
    let mut call = Harness::listening();
    call.says("r2");
    let done = call.on(key('4'));
    assert!(clears(&done) && done.contains(&A::Order(ModelOrder::Overtake)), "{done:?}");
    assert_eq!((call.state(), call.machine.tally().barge_ins), ("listening", 1));
    let done = call.on(interrupted(vec![playout("r2", 15, 3)]));
    let cut = ModelOrder::TruncateItem { item: ItemId::new("item_r2"), heard: secs(3) };
    assert!(done.contains(&A::Order(cut)), "{done:?}");
    call.now += ms(1500);
    let done = call.on(CallEvent::TimeUp);
    assert!(texts(&done).contains("pressed 4") && !clears(&done), "{done:?}");
}

#[test]
fn what_began_between_the_keys_of_an_entry_gives_way_to_its_answer() {
    let mut call = Harness::listening();
    call.on(key('4'));
    call.says("r2");
    assert!(clears(&call.on(key('2'))));
    call.on(interrupted(Vec::new()));
    call.says("r3");
    call.now += ms(1500);
    let done = call.on(CallEvent::TimeUp);
    assert!(clears(&done) && texts(&done).contains("pressed 42"), "{done:?}");
}

#[test]
fn an_answer_that_has_not_begun_is_overtaken() {
    let mut call = Harness::listening();
    call.on(speech_started());
    call.on(speech_stopped());
    assert_eq!(call.state(), "thinking");
    let done = call.on(key('4'));
    assert!(done.contains(&A::Order(ModelOrder::Overtake)) && !clears(&done), "{done:?}");
    assert_eq!(call.state(), "listening");
}

#[test]
fn a_key_confirms_an_interruption_that_waits_for_words() {
    let pausing = InterruptionPlan {
        policy: InterruptionPolicy::PauseAndConfirm { resume_after: ms(700) },
        ..InterruptionPlan::default()
    };
    for ended in [false, true] {
        let mut call = Harness::of(CallProfile { interruption: pausing, ..profile() });
        call.on(ready());
        call.says("greet");
        call.on(drained());
        call.says("r2");
        assert!(call.on(speech_started()).contains(&A::PausePlayout));
        if ended {
            call.on(speech_stopped());
        }
        let done = call.on(key('4'));
        assert!(clears(&done) && !done.contains(&A::ResumePlayout), "{done:?}");
        call.now += secs(2);
        assert!(!call.on(CallEvent::TimeUp).contains(&A::ResumePlayout));
    }
}

#[test]
fn a_key_calls_off_the_agents_end_and_nobody_elses() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(tool("t1", "end_call", ""));
    let done = call.on(key('4'));
    assert_eq!(call.state(), "listening");
    assert!(clears(&done) && texts(&done).contains("pressed a key before the call was ended"), "{done:?}");

    let mut call = Harness::listening();
    call.on(CallEvent::HangUp(HangUp::Operator));
    assert_eq!(call.on(key('4')), [A::Record(Fact::KeyPressed('4'))]);
    assert_eq!(call.state(), "closing");
}

#[test]
fn a_key_that_pauses_the_recording_in_mid_answer_lets_the_agent_go_on() {
    let actions = [("9".to_owned(), KeyAction::PauseRecording(true))].into();
    let mut call = Harness::of(CallProfile { keypad: KeypadPlan { actions, ..KeypadPlan::default() }, ..profile() });
    call.on(ready());
    call.says("greet");
    let done = call.on(key('9'));
    assert!(clears(&done) && done.contains(&A::PauseRecording(true)), "{done:?}");
    assert!(said(&done).contains("recording is paused, and go on"), "{done:?}");
    call.says("r2");
    call.on(drained());
    assert!(said(&call.on(key('9'))).is_empty(), "into silence it needs no words");
}

#[test]
fn keys_are_withheld_while_the_recording_is_paused() {
    let mut call = paused(KeysWhilePaused::default());
    let mut done = Vec::new();
    for digit in "4111111111111111#".chars() {
        done.extend(call.on(key(digit)));
    }
    assert_eq!(done.iter().filter(|it| **it == A::Record(Fact::KeyWithheld)).count(), 17);
    assert!(!format!("{done:?}").contains("KeyPressed") && !format!("{done:?}").contains("41"), "{done:?}");
    assert!(texts(&done).contains("pressed 16 keys"), "{done:?}");
}

#[test]
fn keys_of_a_paused_recording_reach_the_model_only_if_configured() {
    let mut call = paused(KeysWhilePaused::Model);
    let mut done = Vec::new();
    for digit in "411#".chars() {
        done.extend(call.on(key(digit)));
    }
    assert!(texts(&done).contains("pressed 411 on"), "{done:?}");
    assert!(!done.iter().any(|it| matches!(it, A::Record(Fact::KeyPressed(_)))), "{done:?}");
}

#[test]
fn an_entry_that_was_begun_or_ended_in_a_pause_is_withheld_as_a_whole() {
    let mut call = paused(KeysWhilePaused::default());
    call.on(key('4'));
    call.on(CallEvent::RecordingPaused(false));
    assert_eq!(call.on(key('2'))[0], A::Record(Fact::KeyPressed('2')), "the record is written again");
    call.now += ms(1500);
    assert!(texts(&call.on(CallEvent::TimeUp)).contains("pressed 2 keys"));
    call.on(key('5'));
    call.on(CallEvent::RecordingPaused(true));
    assert_eq!(call.on(key('6'))[0], A::Record(Fact::KeyWithheld));
    call.now += ms(1500);
    assert!(texts(&call.on(CallEvent::TimeUp)).contains("pressed 2 keys"));
}

#[test]
fn a_card_number_behind_the_pausing_key_is_written_nowhere_however_fast_it_comes() {
    for (pressed, wait, kept) in [
        ("374111111111111111#85", ms(200), "375"),
        ("374111111111111111#85", ms(1), "375"),
        ("374111111111111111#", secs(2), "37"),
        ("74111111111111111#85", ms(0), "75"),
    ] {
        for noticed in [false, true] {
            let mut call = pausable(noticed);
            let mut done = Vec::new();
            for key_pressed in pressed.chars() {
                call.now += wait;
                done.extend(call.on(key(key_pressed)));
            }
            if noticed {
                done.extend(call.on(heard("notice")));
            }
            call.now += ms(1500);
            done.extend(call.on(CallEvent::TimeUp));
            let keys =
                done.iter().filter_map(|it| if let A::Record(Fact::KeyPressed(key)) = it { Some(*key) } else { None });
            assert_eq!(keys.collect::<String>(), kept, "{pressed} {wait:?} {noticed}");
            assert!(done.contains(&A::PauseRecording(true)), "{pressed} {wait:?} {noticed}");
            assert!(!format!("{done:?}").contains("411"), "{pressed} {wait:?} {noticed}: {done:?}");
        }
    }
}

/// A call where 7 pauses the recording and 8 resumes it: its notice is playing, or nothing is.
fn pausable(noticed: bool) -> Harness {
    let actions = [("7", KeyAction::PauseRecording(true)), ("8", KeyAction::PauseRecording(false))];
    let actions = actions.map(|(keys, action)| (keys.to_owned(), action)).into();
    let notice = noticed.then(|| "This call is recorded.".to_owned());
    let keypad = KeypadPlan { actions, ..KeypadPlan::default() };
    let mut call = Harness::of(CallProfile { notice, keypad, ..profile() });
    call.on(ready());
    call.says(if noticed { "notice" } else { "greet" });
    if !noticed {
        call.on(drained());
    }
    call
}

#[test]
fn what_a_private_key_does_is_done_without_naming_it() {
    let mut call = Harness::of(noticing());
    call.on(ready());
    call.says("notice");
    call.on(heard("notice"));
    call.on(CallEvent::RecordingPaused(true));
    call.on(key('9'));
    let done = call.on(granted());
    assert_eq!(call.state(), "transferring", "{done:?}");
    let ended = call.on(CallEvent::HangUp(HangUp::Operator));
    assert_eq!(outcomes(&ended), ["called_off"]);
    assert!(!format!("{ended:?}").contains('9'), "{ended:?}");
}

#[test]
fn a_caller_who_returns_in_a_pause_is_not_recorded() {
    let mut call = Harness::listening();
    call.on(CallEvent::RecordingPaused(true));
    call.on(tool("t1", "transfer_call", r#"{"destination":"sales"}"#));
    call.on(granted());
    call.on(drained());
    call.on(drained());
    call.on(CallEvent::DialEnded(crate::call::transfer::DialOutcome::Busy));
    assert!(call.on(CallEvent::LineReturned).contains(&A::PauseRecording(true)));
}

#[test]
fn only_the_name_of_a_tool_called_in_a_pause_is_kept() {
    let mut call = paused(KeysWhilePaused::Model);
    let saved = call.on(tool("t1", "save_answer", r#"{"key":"card","value":"4111"}"#));
    let sent = call.on(tool("t2", "transfer_call", r#"{"destination":"4111","reason":"4111"}"#));
    let ended = call.on(tool("t3", "functions.4111", "{}"));
    let kept = records(&[saved.clone(), sent, ended].concat());
    assert!(!format!("{kept:?}").contains("4111"), "{kept:?}");
    assert_eq!(kept.iter().filter(|it| matches!(it, Fact::ToolWithheld { .. })).count(), 3, "{kept:?}");
    assert!(format!("{saved:?}").contains("nothing is saved"), "the model is told: {saved:?}");
    call.on(CallEvent::RecordingPaused(false));
    let kept = records(&call.on(tool("t4", "save_answer", r#"{"key":"name","value":"Asha"}"#)));
    assert!(format!("{kept:?}").contains("Asha"), "{kept:?}");
}

#[test]
fn the_answer_that_is_owed_or_under_way_when_the_recording_goes_on_belongs_to_the_pause() {
    for begun in [true, false] {
        let mut call = paused(KeysWhilePaused::Model);
        call.on(speech_started());
        call.on(speech_stopped());
        let mut done = Vec::new();
        if begun {
            done.extend(call.on(response_started("r2")));
        }
        done.extend(call.on(CallEvent::RecordingPaused(false)));
        if !begun {
            done.extend(call.on(response_started("r2")));
        }
        let withheld = Fact::ResponseWithheld { response: ResponseId::new("r2") };
        assert!(records(&done).contains(&withheld), "{done:?}");
        let kept = records(&call.on(tool("t1", "save_answer", r#"{"key":"card","value":"4111"}"#)));
        assert!(!format!("{kept:?}").contains("4111"), "{kept:?}");
        call.on(response_finished("r2"));
        assert!(
            !records(&call.on(response_started("r3"))).iter().any(|it| matches!(it, Fact::ResponseWithheld { .. }))
        );
    }
}

#[test]
fn a_transcript_that_is_begun_anew_learns_of_the_pause() {
    let mut call = paused(KeysWhilePaused::default());
    let done = call.on(CallEvent::ChildLost(crate::child::Child::Transcript));
    assert_eq!(records(&done), [Fact::RecordingPaused(true)]);
}

/// A call whose notice of six seconds is playing, with the greeting after it.
fn noticed() -> Harness {
    let mut call = Harness::of(noticing());
    call.on(ready());
    call.says("notice");
    call.on(response_started("greet"));
    call.on(response_finished("greet"));
    call
}

fn noticing() -> CallProfile {
    let actions = [
        ("1", KeyAction::Say("We open at nine.".to_owned())),
        ("2", KeyAction::Language("hi".to_owned())),
        ("3", KeyAction::HangUp),
        ("9", KeyAction::Transfer("sales".to_owned())),
    ];
    let actions = actions.map(|(keys, action)| (keys.to_owned(), action)).into();
    CallProfile {
        notice: Some("This call is recorded.".to_owned()),
        keypad: KeypadPlan { actions, ..KeypadPlan::default() },
        languages: hindi(),
        transfers: Arc::new([("sales".to_owned(), sales())].into()),
        ..profile()
    }
}

/// A call in conversation whose recording is paused.
fn paused(while_paused: KeysWhilePaused) -> Harness {
    let keypad = KeypadPlan { while_paused, ..KeypadPlan::default() };
    let mut call = Harness::of(CallProfile { keypad, ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    let recorded = A::Record(Fact::RecordingPaused(true));
    assert_eq!(call.on(CallEvent::RecordingPaused(true)), [recorded, A::PauseRecording(true)]);
    call
}

fn heard(response: &str) -> CallEvent {
    CallEvent::Audio(AudioReport::ItemHeard(playout(response, 6, 6)))
}

fn playout(response: &str, received: u64, heard: u64) -> ItemPlayout {
    ItemPlayout {
        response: ResponseId::new(response),
        item: ItemId::new(&format!("item_{response}")),
        received: secs(received),
        heard: secs(heard),
    }
}

/// The texts added to the model's context.
fn texts(done: &[CallAction]) -> String {
    let texts = done.iter().filter_map(|action| {
        if let A::Order(ModelOrder::AddText { text, .. }) = action { Some(text.clone()) } else { None }
    });
    texts.collect::<Vec<_>>().join(" | ")
}

/// The recorded facts.
fn records(done: &[CallAction]) -> Vec<Fact> {
    done.iter().filter_map(|it| if let A::Record(fact) = it { Some(fact.clone()) } else { None }).collect()
}
