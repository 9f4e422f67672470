//! The caller's keys: what they stop and what they do. Pure; part of [`super`].
//!
//! A key counts as the caller's turn. It stops the agent as speech does, at once and whatever else
//! the key does. Responses that were requested and have not begun are dropped. Protected audio (see
//! `opening`) is not stopped: entries wait for its end. While the recording is paused, keys are
//! recorded nowhere, and neither are keys after those that will pause it.

use super::keypad::Entry;
use super::{Floor, Interrupter, Phase};
use crate::call::shared::{Recording, Shared, exactly};
use crate::profile::{KeyAction, KeysWhilePaused};
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};

/// What an entry of the keypad requests of the other regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::call) enum Entered {
    /// End the call.
    HangUp,
    /// Transfer the caller to a destination of the table.
    Transfer {
        /// The destination's name.
        destination: String,
        /// The reason, for the record.
        reason: String,
    },
}

impl Floor {
    /// A key was pressed. The agent's speech stops, unless it is protected.
    pub(in crate::call) fn key_pressed(&mut self, key: char, call: &mut Shared) {
        self.no_input.caller_answered(call.now);
        let paused = call.recording == Recording::Paused;
        let private = self.keypad.press(key, paused, &call.profile.keypad, call.now);
        call.record_key(key, private);
    }

    /// Whether keys are waiting.
    pub(in crate::call) fn is_pressed(&self) -> bool {
        self.keypad.is_pressed()
    }

    /// Stops what the agent says, or is about to say, for the answer to the keys.
    pub(in crate::call) fn overtake(&mut self, call: &mut Shared) {
        self.wait.begin_anew();
        self.turn_anew();
        if self.turn.is_over() && self.phase == Phase::Talk && !self.turn.is_thinking() {
            return;
        }
        if self.turn.interrupt(Interrupter::Key, call) {
            call.tally.barge_ins += 1;
        }
        self.turn.forgive();
        self.barge_in.forget();
        self.stopwatch.abandon();
        self.caller_has_the_word();
        call.order(ModelOrder::Overtake);
        self.keypad.has_stopped();
    }

    /// Takes a complete entry of the keypad: a configured action, or keys to report to the model.
    pub(in crate::call) fn keys_entered(&mut self, call: &mut Shared) -> Option<Entered> {
        let paused = call.recording == Recording::Paused;
        let mut entry = self.keypad.take(paused, &call.profile.keypad, call.now)?;
        if !self.turn.is_over() {
            // A response that began since the last key does not know the entry.
            self.overtake(call);
            entry.stopped = true;
        }
        match call.profile.keypad.actions.get(&entry.keys).cloned() {
            Some(KeyAction::HangUp) => return Some(Entered::HangUp),
            Some(KeyAction::Transfer(destination)) => {
                let keys = if entry.private { "a key" } else { &entry.keys };
                return Some(Entered::Transfer { destination, reason: format!("pressed {keys} on the keypad") });
            }
            Some(KeyAction::Language(code)) => {
                call.switch_language(&code);
                self.answer_keys(Some("Say in one short sentence that you go on in this language.".to_owned()), call);
            }
            Some(KeyAction::Repeat) => self.answer_keys(Some("Say what you said last once more.".to_owned()), call),
            Some(KeyAction::Say(words)) => self.answer_keys(Some(exactly(&words)), call),
            Some(KeyAction::PauseRecording(paused)) => {
                self.pause_recording(paused, call);
                if entry.stopped {
                    let done = if paused { "is paused" } else { "goes on" };
                    let words = format!("Tell the caller in a few words that the recording {done}, and go on.");
                    self.answer_keys(Some(words), call);
                }
            }
            None => {
                call.add_text(TextRole::User, keys_in_words(&entry, call.profile.keypad.while_paused));
                self.answer_keys(None, call);
            }
        }
        None
    }

    fn answer_keys(&mut self, instructions: Option<String>, call: &mut Shared) {
        self.request(ResponsePurpose::Keypad, instructions, call);
    }
}

/// Returns the report to the model about keys without a configured action.
fn keys_in_words(Entry { keys, private, .. }: &Entry, while_paused: KeysWhilePaused) -> String {
    if *private && while_paused == KeysWhilePaused::Withheld {
        let number = keys.len();
        return format!(
            "The caller pressed {number} keys on the keypad. Which ones is kept from you while the recording is paused."
        );
    }
    format!("The caller pressed {keys} on the keypad.")
}
