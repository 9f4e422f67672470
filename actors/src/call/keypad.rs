//! The keys that a caller presses, collected until they make an entry. Pure.

use std::time::Instant;

use super::brief::KeypadPlan;

/// One call's keypad.
#[derive(Debug, Default)]
pub(super) struct Keypad {
    pressed: String,
    /// When the entry is taken as complete, while there is one.
    due: Option<Instant>,
}

impl Keypad {
    /// A key was pressed. The terminator completes the entry, and so does a key behind which no configured action goes on.
    pub(super) fn press(&mut self, key: char, plan: &KeypadPlan, now: Instant) {
        let complete = key == plan.terminator || self.pressed.len() >= LONGEST_ENTRY;
        if !complete || self.pressed.is_empty() {
            self.pressed.push(key);
        }
        let complete = complete || self.is_an_action(plan);
        self.due = Some(if complete { now } else { now + plan.inter_digit });
    }

    /// When the entry will be complete.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The entry, once it is complete: without the terminator behind it, unless that is all of it.
    pub(super) fn take(&mut self, now: Instant) -> Option<String> {
        self.due.filter(|due| *due <= now)?;
        self.due = None;
        Some(std::mem::take(&mut self.pressed))
    }

    fn is_an_action(&self, plan: &KeypadPlan) -> bool {
        plan.actions.contains_key(&self.pressed)
            && !plan.actions.keys().any(|keys| keys.len() > self.pressed.len() && keys.starts_with(&self.pressed))
    }
}

/// Keys in one entry; more complete it. A card number has 19.
const LONGEST_ENTRY: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::brief::KeyAction;

    #[test]
    fn keys_make_an_entry_after_a_pause() {
        let (mut keypad, now) = (Keypad::default(), crate::clock::now());
        keypad.press('4', &plan(), now);
        keypad.press('2', &plan(), now + Duration::from_secs(1));
        assert_eq!(keypad.take(now + plan().inter_digit), None);
        let due = keypad.due().expect("keys are pending");
        assert_eq!(due, now + Duration::from_secs(1) + plan().inter_digit);
        assert_eq!(keypad.take(due).as_deref(), Some("42"));
        assert_eq!((keypad.due(), keypad.take(due)), (None, None));
    }

    #[test]
    fn a_hash_completes_an_entry_and_is_one_by_itself() {
        let (mut keypad, now) = (Keypad::default(), crate::clock::now());
        for key in ['1', '2', '#'] {
            keypad.press(key, &plan(), now);
        }
        assert_eq!(keypad.take(now).as_deref(), Some("12"));
        keypad.press('#', &plan(), now);
        assert_eq!(keypad.take(now).as_deref(), Some("#"));
    }

    #[test]
    fn a_stuck_key_does_not_grow_an_entry_for_ever() {
        let (mut keypad, now) = (Keypad::default(), crate::clock::now());
        for _ in 0..1_000 {
            keypad.press('5', &plan(), now);
        }
        assert_eq!(keypad.take(now).map(|entry| entry.len()), Some(LONGEST_ENTRY));
    }

    #[test]
    fn a_key_with_an_action_of_its_own_is_complete_at_once() {
        let (mut keypad, now) = (Keypad::default(), crate::clock::now());
        let action = |keys: &str| (keys.to_owned(), KeyAction::Repeat);
        let plan = KeypadPlan { actions: [action("*"), action("1"), action("12")].into(), ..KeypadPlan::default() };
        keypad.press('*', &plan, now);
        assert_eq!(keypad.take(now).as_deref(), Some("*"));
        keypad.press('1', &plan, now);
        assert_eq!(keypad.take(now), None, "12 may still come");
        keypad.press('2', &plan, now);
        assert_eq!(keypad.take(now).as_deref(), Some("12"));
    }

    fn plan() -> KeypadPlan {
        KeypadPlan::default()
    }
}
