//! What is known of one item: its words, and how much of them was heard. Pure; part of [`super`].

use std::time::Duration;

use super::{Utterance, Voice};
use crate::ids::ItemId;
use crate::realtime::report::Speaker;
use crate::realtime::word_times::WordTimes;
use crate::transcript::messages::WITHHELD;
use crate::words::{first_words, holds_words};

/// An item, from the first report of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Duration,
    pub(super) speaker: Option<Speaker>,
    pub(super) placed: bool,
    pub(super) previous: Option<ItemId>,
    pub(super) line: bool,
    /// Whether a person spoke it who had taken the call over.
    pub(super) person: bool,
    /// Whether the item's audio was silent.
    pub(super) inaudible: bool,
    pub(super) said: Said,
    /// When the words are heard, where their times are known.
    pub(super) times: WordTimes,
    pub(super) playout: Option<Playout>,
}

/// The known words of an item.
#[derive(Debug)]
pub(super) enum Said {
    /// No words yet.
    Nothing,
    /// The first part of the agent's words.
    Pieces(String),
    /// All words.
    Whole(String),
    /// No words will arrive: transcription failed.
    Failed,
}

/// How much of an item was heard.
#[derive(Debug, Clone, Copy)]
pub(super) struct Playout {
    pub(super) heard: Duration,
    pub(super) of: Duration,
    /// The number of characters known when the item was cut short. The transcript may have grown
    /// since then, without audio.
    pub(super) cut_at: Option<usize>,
}

impl Entry {
    pub(super) fn new(at: Duration, speaker: Option<Speaker>) -> Self {
        Self {
            at,
            speaker,
            placed: false,
            previous: None,
            line: false,
            person: false,
            inaudible: false,
            said: Said::Nothing,
            times: WordTimes::default(),
            playout: None,
        }
    }

    /// The item as an utterance; `None` if it has no words.
    pub(super) fn utterance(&self) -> Option<Utterance> {
        let text = match &self.said {
            Said::Pieces(text) | Said::Whole(text) => text.trim(),
            Said::Nothing | Said::Failed => return None,
        };
        let withheld = text.ends_with(WITHHELD);
        // Transcription writes text without words for noise; it is not an utterance.
        if text.is_empty() || self.speaker == Some(Speaker::Caller) && !withheld && !holds_words(text) {
            return None;
        }
        let (voice, heard) = match (self.speaker?, self.playout) {
            (Speaker::System, _) => return None,
            (Speaker::Caller, _) if self.person => (Voice::Person, Some(text)),
            (Speaker::Caller, _) => (Voice::Caller, Some(text)),
            (Speaker::Agent, _) if self.inaudible => (self.agents_voice(), Some("")),
            (Speaker::Agent, Some(_)) if withheld => (self.agents_voice(), Some(text)),
            (Speaker::Agent, Some(playout)) if playout.is_whole() => (self.agents_voice(), Some(text)),
            (Speaker::Agent, Some(playout)) => {
                let by_time = self.times.cut(text, playout.heard);
                (self.agents_voice(), Some(by_time.unwrap_or_else(|| playout.cut(text))))
            }
            // Our own lines are reported after they have been played.
            (Speaker::Agent, None) if self.line => (Voice::Line, Some(text)),
            (Speaker::Agent, None) => (Voice::Agent, None),
        };
        Some(Utterance {
            at: self.at,
            voice,
            text: text.to_owned(),
            heard: heard.map(str::to_owned),
            interrupted: voice != Voice::Caller
                && (self.inaudible || self.playout.is_some_and(|playout| !playout.is_whole())),
        })
    }

    fn agents_voice(&self) -> Voice {
        if self.line { Voice::Line } else { Voice::Agent }
    }
}

impl Said {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Pieces(text) | Self::Whole(text) => text.len(),
            Self::Nothing | Self::Failed => 0,
        }
    }

    pub(super) fn letters(&self) -> usize {
        match self {
            // The blank at the end of the last piece has no sound.
            Self::Pieces(text) | Self::Whole(text) => text.trim().chars().count(),
            Self::Nothing | Self::Failed => 0,
        }
    }
}

impl Playout {
    fn is_whole(self) -> bool {
        self.cut_at.is_none() && !self.heard.is_zero() && self.heard + SLACK >= self.of
    }

    /// The words that were heard to their end, assuming that every character lasts equally long.
    /// The base is the whole text, or the part that was known at the cut if the item was cut short.
    /// The text known at a cut runs a little ahead of the audio.
    pub(super) fn cut(self, text: &str) -> &str {
        let letters = text.chars().count();
        let voiced = self.cut_at.filter(|known| *known > 0).map_or(letters, |known| known.min(letters));
        let share = self.heard.as_secs_f64() / self.of.as_secs_f64().max(f64::MIN_POSITIVE);
        let letters = (voiced as f64 * share.min(1.0)) as usize;
        first_words(text, text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at))
    }
}

/// The part that may be missing at the end of a playout that counts as heard whole: one inaudible
/// frame.
const SLACK: Duration = Duration::from_millis(20);
