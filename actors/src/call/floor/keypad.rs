//! The keys that a caller presses, collected until they make an entry. Pure.

use std::collections::VecDeque;
use std::time::Instant;

use crate::profile::KeypadPlan;

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
    pub(super) fn press(&mut self, key: char, private: bool, plan: &KeypadPlan, now: Instant) {
        self.close(now);
        let complete = key == plan.terminator || self.entry.keys.len() >= LONGEST_ENTRY;
        if !complete || self.entry.keys.is_empty() {
            self.entry.keys.push(key);
        }
        self.entry.private |= private;
        let complete = complete || self.is_an_action(plan);
        self.due = Some(if complete { now } else { now + plan.inter_digit });
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
    pub(super) fn take(&mut self, now: Instant) -> Option<Entry> {
        self.close(now);
        self.complete.pop_front().map(|(_, entry)| entry)
    }

    /// The entry is over, if its time has come.
    fn close(&mut self, now: Instant) {
        if let Some(due) = self.due.take_if(|due| *due <= now) {
            let entry = std::mem::take(&mut self.entry);
            if self.complete.len() < MOST_ENTRIES {
                self.complete.push_back((due, entry));
            }
        }
    }

    fn is_an_action(&self, plan: &KeypadPlan) -> bool {
        let pressed = &self.entry.keys;
        plan.actions.contains_key(pressed)
            && !plan.actions.keys().any(|keys| keys.len() > pressed.len() && keys.starts_with(pressed))
    }
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
        assert_eq!(keypad.take(now + plan().inter_digit), None);
        let due = keypad.due().expect("keys are pending");
        assert_eq!(due, now + Duration::from_secs(1) + plan().inter_digit);
        assert_eq!(taken(&mut keypad, due).as_deref(), Some("42"));
        assert_eq!((keypad.due(), keypad.take(due)), (None, None));
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
        assert_eq!(keypad.take(now), None, "12 may still come");
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
            std::iter::from_fn(|| keypad.take(now)).map(|entry| (entry.keys, entry.private)).collect();
        assert_eq!(entries, [("411".to_owned(), true), ("7".to_owned(), false)]);
    }

    fn taken(keypad: &mut Keypad, now: Instant) -> Option<String> {
        keypad.take(now).map(|entry| entry.keys)
    }

    fn plan() -> KeypadPlan {
        KeypadPlan::default()
    }
}
