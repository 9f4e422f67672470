//! The keys that a caller presses, collected until they make an entry. Pure.

use std::time::{Duration, Instant};

/// One call's keypad.
#[derive(Debug, Default)]
pub(super) struct Keypad {
    pressed: String,
    /// When the entry is taken as complete, while there is one.
    due: Option<Instant>,
}

impl Keypad {
    /// A key was pressed; `#` completes the entry.
    pub(super) fn press(&mut self, key: char, now: Instant) {
        let complete = key == TERMINATOR || self.pressed.len() >= LONGEST_ENTRY;
        if !complete || self.pressed.is_empty() {
            self.pressed.push(key);
        }
        self.due = Some(if complete { now } else { now + BETWEEN_KEYS });
    }

    /// When the entry will be complete.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The entry, once it is complete: without the `#` behind it, unless that is all of it.
    pub(super) fn take(&mut self, now: Instant) -> Option<String> {
        self.due.filter(|due| *due <= now)?;
        self.due = None;
        Some(std::mem::take(&mut self.pressed))
    }
}

/// The key that completes an entry.
const TERMINATOR: char = '#';
/// The pause that completes an entry. Shorter: slow fingers are cut in two. Longer: a single key is answered late.
const BETWEEN_KEYS: Duration = Duration::from_millis(1500);
/// Keys in one entry; more complete it. A card number has 19.
const LONGEST_ENTRY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_make_an_entry_after_a_pause() {
        let (mut keypad, now) = (Keypad::default(), crate::clock::now());
        keypad.press('4', now);
        keypad.press('2', now + Duration::from_secs(1));
        assert_eq!(keypad.take(now + BETWEEN_KEYS), None);
        let due = keypad.due().expect("keys are pending");
        assert_eq!(due, now + Duration::from_secs(1) + BETWEEN_KEYS);
        assert_eq!(keypad.take(due).as_deref(), Some("42"));
        assert_eq!((keypad.due(), keypad.take(due)), (None, None));
    }

    #[test]
    fn a_hash_completes_an_entry_and_is_one_by_itself() {
        let (mut keypad, now) = (Keypad::default(), crate::clock::now());
        for key in ['1', '2', '#'] {
            keypad.press(key, now);
        }
        assert_eq!(keypad.take(now).as_deref(), Some("12"));
        keypad.press('#', now);
        assert_eq!(keypad.take(now).as_deref(), Some("#"));
    }

    #[test]
    fn a_stuck_key_does_not_grow_an_entry_for_ever() {
        let (mut keypad, now) = (Keypad::default(), crate::clock::now());
        for _ in 0..1_000 {
            keypad.press('5', now);
        }
        assert_eq!(keypad.take(now).map(|entry| entry.len()), Some(LONGEST_ENTRY));
    }
}
