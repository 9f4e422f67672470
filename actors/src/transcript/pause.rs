//! Withholds what is said while the recording is paused. Pure.
//!
//! Every report about a call passes through here before it reaches the journal, the record or the
//! watchers. Privacy is decided per item, because words arrive late:
//!
//! - A turn of the caller is private if any part of it was spoken during the pause, however late
//!   its transcription arrives.
//! - An item of the agent is private if any of its words arrived during the pause, or if its
//!   response had begun by then.
//!
//! A private item appears once, as withheld, in place of its words.

use std::collections::{BTreeMap, BTreeSet};

use super::messages::Fact;
use crate::ids::{ItemId, ResponseId};
use crate::realtime::report::{Speaker, Words};
use crate::words::holds_words;

/// Decides which words of one call may be written.
#[derive(Debug, Default)]
pub(super) struct Pause {
    recording: Recording,
    /// Turns of the caller that have begun and are not over.
    open: BTreeSet<ItemId>,
    /// Turns of the caller that ended before the pause; their words may still arrive.
    over: BTreeSet<ItemId>,
    /// Items that belong to a pause.
    private: BTreeMap<ItemId, Announced>,
    /// The last response of the agent that belongs to a pause.
    response: Option<ResponseId>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Recording {
    #[default]
    Running,
    Paused,
}

/// Whether an item was already reported as withheld.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    NotYet,
    Once,
}

/// What may be written in place of reported words.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sifted {
    /// The words, unchanged.
    Words(Words),
    /// A marker that the words of `item` are withheld.
    Withheld {
        /// The item.
        item: ItemId,
        /// Who speaks in it.
        speaker: Speaker,
    },
    /// Nothing: the item was already reported as withheld.
    Nothing,
}

impl Pause {
    /// Tracks pauses and turns from a fact. The fact itself is always written.
    pub(super) fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::RecordingPaused(true) => {
                self.recording = Recording::Paused;
                for item in std::mem::take(&mut self.open) {
                    self.private.entry(item).or_insert(Announced::NotYet);
                }
            }
            Fact::RecordingPaused(false) => self.recording = Recording::Running,
            Fact::ResponseWithheld { response } => self.response = Some(response.clone()),
            Fact::CallerSpoke { item } => self.caller_spoke(item),
            Fact::Heard { .. }
            | Fact::LinePlayed { .. }
            | Fact::PersonSpoke { .. }
            | Fact::Steered { .. }
            | Fact::ToolUsed { .. }
            | Fact::ToolWithheld { .. }
            | Fact::WordsWithheld { .. }
            | Fact::Recorded { .. }
            | Fact::AnsweredBy(_)
            | Fact::KeyPressed(_)
            | Fact::KeyWithheld
            | Fact::LanguageSwitched { .. }
            | Fact::HandedOver { .. }
            | Fact::TransferAsked { .. }
            | Fact::Answered { .. }
            | Fact::TurnTimed(_)
            | Fact::Diagnosed(_)
            | Fact::Incident(_)
            | Fact::Serves { .. }
            | Fact::Used(_)
            | Fact::TranscriptionUsed(_)
            | Fact::Ended { .. } => {}
        }
    }

    /// Returns what may be written of `words`.
    pub(super) fn sift(&mut self, words: Words) -> Sifted {
        match &words {
            Words::Placed { item, speaker: Speaker::Caller, .. } => {
                self.caller_was_placed(item);
                Sifted::Words(words)
            }
            Words::CallerSaid { item, text } => {
                let private = match self.recording {
                    Recording::Paused => !self.over.contains(item),
                    Recording::Running => self.is_private(item),
                };
                self.open.remove(item);
                self.over.remove(item);
                let said = text.as_deref().is_some_and(holds_words);
                let item = item.clone();
                if private && said { self.withhold(item, Speaker::Caller) } else { Sifted::Words(words) }
            }
            Words::AgentSays { response, item, .. } | Words::AgentSaid { response, item, .. } => {
                let begun = self.response.as_ref() == Some(response);
                let private = self.recording == Recording::Paused || begun || self.is_private(item);
                if self.recording == Recording::Paused && !begun {
                    self.response = Some(response.clone());
                }
                let item = item.clone();
                if private { self.withhold(item, Speaker::Agent) } else { Sifted::Words(words) }
            }
            Words::Placed { .. } | Words::AgentTimed { .. } | Words::Inaudible { .. } => Sifted::Words(words),
        }
    }

    fn caller_spoke(&mut self, item: &ItemId) {
        match self.recording {
            Recording::Paused => {
                self.private.entry(item.clone()).or_insert(Announced::NotYet);
            }
            Recording::Running if self.open.len() < MOST_OPEN && !self.over.contains(item) => {
                self.open.insert(item.clone());
            }
            Recording::Running => {}
        }
    }

    /// A turn receives its place when it ends.
    fn caller_was_placed(&mut self, item: &ItemId) {
        self.open.remove(item);
        match self.recording {
            // A turn that ended before the pause is placed a second time when its words arrive.
            Recording::Paused if !self.over.contains(item) => {
                self.private.entry(item.clone()).or_insert(Announced::NotYet);
            }
            Recording::Running if self.over.len() < MOST_OPEN && !self.private.contains_key(item) => {
                self.over.insert(item.clone());
            }
            Recording::Paused | Recording::Running => {}
        }
    }

    fn is_private(&self, item: &ItemId) -> bool {
        // Beyond the bound, private items are unknown, so every item counts as private.
        self.private.contains_key(item) || self.private.len() >= MOST_PRIVATE
    }

    fn withhold(&mut self, item: ItemId, speaker: Speaker) -> Sifted {
        if self.private.len() >= MOST_PRIVATE && !self.private.contains_key(&item) {
            return Sifted::Nothing;
        }
        self.over.remove(&item);
        match self.private.insert(item.clone(), Announced::Once) {
            Some(Announced::Once) => Sifted::Nothing,
            Some(Announced::NotYet) | None => Sifted::Withheld { item, speaker },
        }
    }
}

/// The most turns that are in progress or wait for their words. A caller has one or two. More come
/// from a server that never ends turns; their words are withheld.
const MOST_OPEN: usize = 64;
/// The most private items of a call: as many items as a record takes. Beyond it, no more words are
/// written.
const MOST_PRIVATE: usize = super::log::MOST_ITEMS;

#[cfg(test)]
mod tests;
