use std::time::Duration;

use super::*;
use crate::profile::KeyAction;

#[test]
fn keys_make_an_entry_after_a_pause() {
    let (mut keypad, now) = (Keypad::default(), crate::clock::now());
    keypad.press('4', false, &plan(), now);
    keypad.press('2', false, &plan(), now + Duration::from_secs(1));
    assert_eq!(keypad.take(false, &plan(), now + plan().inter_digit), None);
    let due = keypad.due().expect("keys are pending");
    assert_eq!(due, now + Duration::from_secs(1) + plan().inter_digit);
    assert_eq!(taken(&mut keypad, due).as_deref(), Some("42"));
    assert_eq!((keypad.due(), keypad.take(false, &plan(), due)), (None, None));
}

#[test]
fn a_hash_completes_an_entry_and_is_one_by_itself() {
    let (mut keypad, now) = (Keypad::default(), crate::clock::now());
    for key in ['1', '2', '#'] {
        keypad.press(key, false, &plan(), now);
    }
    assert_eq!(taken(&mut keypad, now).as_deref(), Some("12"));
    keypad.press('#', false, &plan(), now);
    assert_eq!(taken(&mut keypad, now).as_deref(), Some("#"));
}

#[test]
fn a_stuck_key_does_not_grow_an_entry_for_ever() {
    let (mut keypad, now) = (Keypad::default(), crate::clock::now());
    for _ in 0..1_000 {
        keypad.press('5', false, &plan(), now);
    }
    assert_eq!(taken(&mut keypad, now).map(|keys| keys.len()), Some(LONGEST_ENTRY));
}

#[test]
fn a_key_with_an_action_of_its_own_is_complete_at_once() {
    let (mut keypad, now) = (Keypad::default(), crate::clock::now());
    let action = |keys: &str| (keys.to_owned(), KeyAction::Repeat);
    let plan = KeypadPlan { actions: [action("*"), action("1"), action("12")].into(), ..KeypadPlan::default() };
    keypad.press('*', false, &plan, now);
    assert_eq!(taken(&mut keypad, now).as_deref(), Some("*"));
    keypad.press('1', false, &plan, now);
    assert_eq!(keypad.take(false, &plan, now), None, "12 may still come");
    keypad.press('2', false, &plan, now);
    assert_eq!(taken(&mut keypad, now).as_deref(), Some("12"));
}

#[test]
fn complete_entries_queue_until_they_are_taken() {
    let (mut keypad, now) = (Keypad::default(), crate::clock::now());
    let action = |keys: &str| (keys.to_owned(), KeyAction::Repeat);
    let plan = KeypadPlan { actions: [action("1"), action("2")].into(), ..KeypadPlan::default() };
    for (second, key) in [(0, '1'), (1, '2'), (2, '4'), (3, '2')] {
        keypad.press(key, false, &plan, now + Duration::from_secs(second));
    }
    let later = now + Duration::from_secs(9);
    let entries: Vec<_> = std::iter::from_fn(|| taken(&mut keypad, later)).collect();
    assert_eq!(entries, ["1", "2", "42"]);
    assert!(!keypad.is_pressed());
}

#[test]
fn an_entry_with_one_private_key_is_private() {
    let (mut keypad, now) = (Keypad::default(), crate::clock::now());
    for (key, private) in [('4', false), ('1', true), ('1', false), ('#', false), ('7', false), ('#', false)] {
        keypad.press(key, private, &plan(), now);
    }
    let entries: Vec<_> =
        std::iter::from_fn(|| keypad.take(false, &plan(), now)).map(|entry| (entry.keys, entry.private)).collect();
    assert_eq!(entries, [("411".to_owned(), true), ("7".to_owned(), false)]);
}

#[test]
fn what_follows_the_keys_that_pause_the_recording_is_private_at_any_speed() {
    let pauses = |keys: &str| (keys.to_owned(), KeyAction::PauseRecording(true));
    let says = |keys: &str| (keys.to_owned(), KeyAction::Repeat);
    let resumes = ("8".to_owned(), KeyAction::PauseRecording(false));
    // The keys pressed without a pause; which of them are private; the resulting entries.
    for (others, pressed, private, entries) in [
        (vec![pauses("7")], "7417#", ".xxxx", vec!["7", "417"]),
        (vec![pauses("7")], "37417#", "..xxxx", vec!["3", "7", "417"]),
        (vec![pauses("77")], "37741#", "...xxx", vec!["3", "77", "41"]),
        (vec![pauses("*7")], "12*741#", "....xxx", vec!["12", "*7", "41"]),
        // A longer action may still follow.
        (vec![pauses("7"), says("75")], "741#", ".xxx", vec!["7", "41"]),
        (vec![pauses("7"), says("75")], "75", ".x", vec!["75"]),
        (vec![pauses("7"), says("375")], "37#", "..x", vec!["3", "7"]),
        (vec![pauses("7"), says("375")], "374#", "..xx", vec!["3", "7", "4"]),
        // Keys after the resumption are recorded again; the key that resumes the recording is not.
        (vec![pauses("7")], "741#85", ".xxxx.", vec!["7", "41", "8", "5"]),
    ] {
        let actions = others.into_iter().chain([resumes.clone()]).collect();
        let plan = KeypadPlan { actions, ..KeypadPlan::default() };
        let (mut keypad, now) = (Keypad::default(), crate::clock::now());
        let press = |key| if keypad.press(key, false, &plan, now) { 'x' } else { '.' };
        assert_eq!(pressed.chars().map(press).collect::<String>(), private, "{pressed}");
        let later = now + plan.inter_digit;
        let made: Vec<_> = std::iter::from_fn(|| keypad.take(false, &plan, later)).map(|it| it.keys).collect();
        assert_eq!(made, entries, "{pressed}");
    }
}

#[test]
fn entries_beyond_the_bound_are_private() {
    let actions = [("1".to_owned(), KeyAction::Repeat), ("7".to_owned(), KeyAction::PauseRecording(true))].into();
    let plan = KeypadPlan { actions, ..KeypadPlan::default() };
    let (mut keypad, now) = (Keypad::default(), crate::clock::now());
    for _ in 0..MOST_ENTRIES {
        assert!(!keypad.press('1', false, &plan, now));
    }
    keypad.press('7', false, &plan, now);
    assert!(keypad.press('4', false, &plan, now));
}

fn taken(keypad: &mut Keypad, now: Instant) -> Option<String> {
    keypad.take(false, &plan(), now).map(|entry| entry.keys)
}

fn plan() -> KeypadPlan {
    KeypadPlan::default()
}
