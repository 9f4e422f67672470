//! The keypad: collects the caller's keys until they form an entry. Pure.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use crate::profile::{KeyAction, KeypadPlan};

/// One call's keypad.
#[derive(Debug, Default)]
pub(super) struct Keypad {
    /// Entries that were complete before the next key came and are not taken yet, the oldest first.
    complete: VecDeque<(Instant, Entry)>,
    entry: Entry,
    /// When the current entry counts as complete; `None` without one.
    due: Option<Instant>,
}

/// Keys that belong together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The keys without the terminator, unless it is the only key.
    pub(super) keys: String,
    /// Whether a key was pressed while the recording was paused: the entry is then recorded
    /// nowhere.
    pub(super) private: bool,
    /// Whether the keys have stopped the agent.
    pub(super) stopped: bool,
}

impl Keypad {
    /// Adds a key. The terminator completes the entry, and so does a key after which no configured
    /// action can follow. Returns whether the key is private: the recording is `paused`, or earlier
    /// keys will pause it.
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

    /// Notes that the current entry, or the last one, has stopped the agent.
    pub(super) fn has_stopped(&mut self) {
        match self.complete.back_mut() {
            Some((_, last)) if self.due.is_none() => last.stopped = true,
            Some(_) | None => self.entry.stopped = self.due.is_some(),
        }
    }

    /// Whether keys are waiting.
    pub(super) fn is_pressed(&self) -> bool {
        self.due.is_some() || !self.complete.is_empty()
    }

    /// When the first entry is, or was, complete.
    pub(super) fn due(&self) -> Option<Instant> {
        self.complete.front().map(|(at, _)| *at).or(self.due)
    }

    /// Returns the first entry, once it is complete.
    pub(super) fn take(&mut self, paused: bool, plan: &KeypadPlan, now: Instant) -> Option<Entry> {
        self.close(paused, plan, now);
        self.complete.pop_front().map(|(_, entry)| entry)
    }

    /// Completes the entry if its time is over.
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

    /// Splits the entry at keys that pause the recording. Such keys work at any position: a caller
    /// who presses them quickly after other keys relies on the pause. The keys before and after
    /// them become entries of their own.
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

    /// Whether the recording will be paused once the waiting entries are taken.
    fn pauses(&self, plan: &KeypadPlan) -> bool {
        // An entry that was dropped may have been the pause.
        self.complete.len() == MOST_ENTRIES
            || self.complete.iter().fold(false, |paused, (_, entry)| match plan.actions.get(&entry.keys) {
                Some(KeyAction::PauseRecording(pause)) => *pause,
                _ => paused,
            })
    }

    /// Whether more keys could turn the entry into an action.
    fn goes_on(&self, plan: &KeypadPlan) -> bool {
        let pressed = &self.entry.keys;
        plan.actions.keys().any(|keys| keys.len() > pressed.len() && keys.starts_with(pressed))
    }
}

/// Returns the first position in `keys` of an action that pauses the recording.
fn pausing(keys: &str, plan: &KeypadPlan) -> Option<Range<usize>> {
    let pauses = plan.actions.iter().filter(|(_, action)| matches!(action, KeyAction::PauseRecording(true)));
    let found = pauses.filter_map(|(these, _)| keys.find(these).map(|at| at..at + these.len()));
    found.min_by_key(|found| found.end)
}

/// Most keys in one entry; the next key completes it. A card number has 19.
const LONGEST_ENTRY: usize = 32;
/// Most entries that wait while a notice plays. More means that the caller plays with the keys.
const MOST_ENTRIES: usize = 8;

#[cfg(test)]
mod tests;
