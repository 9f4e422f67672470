//! The keys that a caller presses, collected until they make an entry. Pure.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use crate::profile::{KeyAction, KeypadPlan};

/// One call's keypad.
#[derive(Debug, Default)]
pub(super) struct Keypad {
    /// Entries that were complete before the next key came, the oldest first; while nobody takes them.
    complete: VecDeque<(Instant, Entry)>,
    entry: Entry,
    /// When the entry is taken as complete, while there is one.
    due: Option<Instant>,
}

/// Keys that belong together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The keys, without the terminator behind them, unless that is all of it.
    pub(super) keys: String,
    /// One of them or more was pressed while the recording was paused: it is written nowhere.
    pub(super) private: bool,
    /// They have stopped the agent.
    pub(super) stopped: bool,
}

impl Keypad {
    /// A key was pressed. The terminator completes the entry, and so does a key behind which no configured action goes on.
    /// Gives whether the key is private: the recording is `paused`, or what was pressed before the key will pause it.
    pub(super) fn press(&mut self, key: char, paused: bool, plan: &KeypadPlan, now: Instant) -> bool {
        self.close(paused, plan, now);
        let private = paused || self.pauses(plan) || pausing(&self.entry.keys, plan).is_some();
        let terminated = key == plan.terminator || self.entry.keys.len() >= LONGEST_ENTRY;
        if !terminated || self.entry.keys.is_empty() {
            self.entry.keys.push(key);
        }
        self.entry.private |= private;
        let is_action = plan.actions.contains_key(&self.entry.keys);
        if !is_action && (terminated || !self.goes_on(plan)) {
            self.split(paused, plan, now);
        }
        let complete = terminated || (is_action && !self.goes_on(plan));
        self.due = (!self.entry.keys.is_empty()).then(|| if complete { now } else { now + plan.inter_digit });
        private
    }

    /// The entry that is being made, or the last one, has stopped the agent.
    pub(super) fn has_stopped(&mut self) {
        match self.complete.back_mut() {
            Some((_, last)) if self.due.is_none() => last.stopped = true,
            Some(_) | None => self.entry.stopped = self.due.is_some(),
        }
    }

    /// Whether there are keys that nobody has taken.
    pub(super) fn is_pressed(&self) -> bool {
        self.due.is_some() || !self.complete.is_empty()
    }

    /// When the first entry is complete, or was.
    pub(super) fn due(&self) -> Option<Instant> {
        self.complete.front().map(|(at, _)| *at).or(self.due)
    }

    /// The first entry, once it is complete.
    pub(super) fn take(&mut self, paused: bool, plan: &KeypadPlan, now: Instant) -> Option<Entry> {
        self.close(paused, plan, now);
        self.complete.pop_front().map(|(_, entry)| entry)
    }

    /// The entry is over, if its time has come.
    fn close(&mut self, paused: bool, plan: &KeypadPlan, now: Instant) {
        if let Some(due) = self.due.take_if(|due| *due <= now) {
            if !plan.actions.contains_key(&self.entry.keys) {
                self.split(paused, plan, due);
            }
            let entry = std::mem::take(&mut self.entry);
            if !entry.keys.is_empty() {
                self.complete(entry, due);
            }
        }
    }

    /// Keys that pause the recording do so wherever they stand: whoever presses them fast, behind other keys, counts on it too.
    /// What was pressed before them is an entry of its own, and so is what follows.
    fn split(&mut self, paused: bool, plan: &KeypadPlan, now: Instant) {
        if paused || self.pauses(plan) {
            return;
        }
        let Some(found) = pausing(&self.entry.keys, plan) else { return };
        let whole = std::mem::take(&mut self.entry);
        for keys in [&whole.keys[..found.start], &whole.keys[found.clone()]] {
            if !keys.is_empty() {
                self.complete(Entry { keys: keys.to_owned(), ..whole }, now);
            }
        }
        let rest = whole.keys[found.end..].to_owned();
        self.entry = Entry { private: !rest.is_empty(), keys: rest, stopped: false };
    }

    fn complete(&mut self, entry: Entry, at: Instant) {
        if self.complete.len() < MOST_ENTRIES {
            self.complete.push_back((at, entry));
        }
    }

    /// Whether the recording will be paused once the entries that wait have been taken.
    fn pauses(&self, plan: &KeypadPlan) -> bool {
        // One that is not kept may have been to pause it.
        self.complete.len() == MOST_ENTRIES
            || self.complete.iter().fold(false, |paused, (_, entry)| match plan.actions.get(&entry.keys) {
                Some(KeyAction::PauseRecording(pause)) => *pause,
                _ => paused,
            })
    }

    /// Whether more keys could make the entry an action.
    fn goes_on(&self, plan: &KeypadPlan) -> bool {
        let pressed = &self.entry.keys;
        plan.actions.keys().any(|keys| keys.len() > pressed.len() && keys.starts_with(pressed))
    }
}

/// Where among `keys` those that pause the recording stand first.
fn pausing(keys: &str, plan: &KeypadPlan) -> Option<Range<usize>> {
    let pauses = plan.actions.iter().filter(|(_, action)| matches!(action, KeyAction::PauseRecording(true)));
    let found = pauses.filter_map(|(these, _)| keys.find(these).map(|at| at..at + these.len()));
    found.min_by_key(|found| found.end)
}

/// Keys in one entry; more complete it. A card number has 19.
const LONGEST_ENTRY: usize = 32;
/// Entries that wait while a notice is heard. More is somebody who plays with the keys.
const MOST_ENTRIES: usize = 8;

#[cfg(test)]
mod tests {
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
    fn entries_wait_one_by_one_for_whoever_takes_them() {
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
        // What is pressed without a pause; which keys are private; what it makes.
        for (others, pressed, private, entries) in [
            (vec![pauses("7")], "7417#", ".xxxx", vec!["7", "417"]),
            (vec![pauses("7")], "37417#", "..xxxx", vec!["3", "7", "417"]),
            (vec![pauses("77")], "37741#", "...xxx", vec!["3", "77", "41"]),
            (vec![pauses("*7")], "12*741#", "....xxx", vec!["12", "*7", "41"]),
            // A longer action may still come.
            (vec![pauses("7"), says("75")], "741#", ".xxx", vec!["7", "41"]),
            (vec![pauses("7"), says("75")], "75", ".x", vec!["75"]),
            (vec![pauses("7"), says("375")], "37#", "..x", vec!["3", "7"]),
            (vec![pauses("7"), says("375")], "374#", "..xx", vec!["3", "7", "4"]),
            // What goes on again is written again, but for the key that lets it.
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
    fn keys_are_private_once_more_wait_than_are_kept() {
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
}
