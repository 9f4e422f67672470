//! The caller's keys: what they stop, what they do, and what is kept of them. Part of [`super`].
//!
//! A key is the caller's word. It stops what is being said as speech does, and at once, whatever it does besides; what was asked for and
//! has not begun is not said any more. What has to be heard to its end (see `protection`) is not stopped: entries wait for that end.
//! While the recording is paused, keys are written nowhere.

use std::time::Instant;

use super::ends::Closing;
use super::hearing::exactly;
use super::{CallMachine, Protection, State};
use crate::call::keypad::Entry;
use crate::call::steps::CallAction;
use crate::call::transfer::{By, Transfer};
use crate::call::turn::Interrupter;
use crate::ending::Ending;
use crate::profile::{KeyAction, KeysWhilePaused};
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};
use crate::transcript::messages::Fact;

/// Whether what happens is recorded, in a call that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recording {
    /// It is.
    Running,
    /// Neither sound nor keys are.
    Paused,
}

impl CallMachine {
    /// Records silence and no keys from now on, or everything again.
    pub(super) fn pause_recording(&mut self, paused: bool) {
        self.recording = if paused { Recording::Paused } else { Recording::Running };
        self.out.push(CallAction::PauseRecording(paused));
    }

    pub(super) fn key_pressed(&mut self, key: char, now: Instant) {
        let private = self.recording == Recording::Paused;
        self.record(if private { Fact::KeyWithheld } else { Fact::KeyPressed(key) });
        match self.state {
            // The end is not the caller's to call off, or they are with somebody else.
            State::Closing(Closing { revocable: false, .. })
            | State::Reconnecting(_)
            | State::Transferring(_)
            | State::Ended(_) => {}
            // While connecting, the entry waits for the model.
            State::Connecting
            | State::Greeting
            | State::Listening
            | State::Thinking { .. }
            | State::Speaking
            | State::Closing(_) => {
                self.no_input.caller_answered(now);
                self.keypad.press(key, private, &self.profile.keypad, now);
                if self.protection == Protection::Over {
                    self.yield_to_keys(now);
                }
            }
        }
    }

    /// The caller has the word by their keys.
    pub(super) fn yield_to_keys(&mut self, now: Instant) {
        match self.state {
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => self.overtake(now),
            // The agent wished to end the call and the caller does not.
            State::Closing(Closing { revocable: true, .. }) => {
                self.overtake(now);
                self.goes_on("pressed a key");
            }
            // There is no model yet that could go on, or the end is not the caller's to call off.
            State::Connecting
            | State::Closing(_)
            | State::Reconnecting(_)
            | State::Transferring(_)
            | State::Ended(_) => {}
        }
    }

    /// What the agent says, or is about to, gives way to the answer to the keys.
    fn overtake(&mut self, now: Instant) {
        self.wait_anew();
        self.turn_anew();
        if self.turn.is_over() && self.state == State::Listening {
            return;
        }
        if self.turn.interrupt(Interrupter::Key, now, &mut self.out) {
            self.tally.barge_ins += 1;
        }
        self.turn.forgive();
        self.barge_in.forget();
        self.stopwatch.abandon();
        self.state = State::Listening;
        self.out.push(CallAction::Order(ModelOrder::Overtake));
        self.keypad.has_stopped();
    }

    /// A complete entry of the keypad: an action of the configuration, or something to tell the model.
    pub(super) fn keys_entered(&mut self, now: Instant) {
        let Some(entry) = self.keypad.take(now) else { return };
        if !self.turn.is_over() {
            // What was begun since the last key was pressed knows nothing of the entry.
            self.overtake(now);
        }
        match self.profile.keypad.actions.get(&entry.keys).cloned() {
            Some(KeyAction::HangUp) => self.say_goodbye(Ending::CallerHungUp, now),
            Some(KeyAction::Language(code)) => {
                self.switch_language(&code);
                self.answer_keys(Some("Say in one short sentence that you go on in this language.".to_owned()));
            }
            Some(KeyAction::Repeat) => self.answer_keys(Some("Say what you said last once more.".to_owned())),
            Some(KeyAction::Say(words)) => self.answer_keys(Some(exactly(&words))),
            Some(KeyAction::PauseRecording(paused)) => {
                self.pause_recording(paused);
                if entry.stopped {
                    let done = if paused { "is paused" } else { "goes on" };
                    let words = format!("Tell the caller in a few words that the recording {done}, and go on.");
                    self.answer_keys(Some(words));
                }
            }
            Some(KeyAction::Transfer(destination)) => {
                let keys = if entry.private { "a key" } else { &entry.keys };
                let reason = format!("pressed {keys} on the keypad");
                self.transfer_asked(Transfer::new(destination, reason, By::Caller), now);
            }
            None => {
                let text = self.told_of(&entry);
                self.out.push(CallAction::Order(ModelOrder::AddText { role: TextRole::User, text }));
                self.answer_keys(None);
            }
        }
    }

    /// What the model is told of keys that mean nothing to the configuration.
    fn told_of(&self, Entry { keys, private, .. }: &Entry) -> String {
        if *private && self.profile.keypad.while_paused == KeysWhilePaused::Withheld {
            let number = keys.len();
            return format!(
                "The caller pressed {number} keys on the keypad. Which ones is kept from you while the recording is paused."
            );
        }
        format!("The caller pressed {keys} on the keypad.")
    }

    fn answer_keys(&mut self, instructions: Option<String>) {
        self.request(ResponsePurpose::Keypad, instructions);
    }
}
