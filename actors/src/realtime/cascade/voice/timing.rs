//! When the words of an utterance are said. Pure.

use std::ops::Range;
use std::time::Duration;

/// A word of an utterance and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Its bytes in the text of the utterance: its pieces, each followed by a space.
    pub bytes: Range<usize>,
    /// When it begins, from the beginning of the utterance's audio.
    pub start: Duration,
    /// When it ends.
    pub end: Duration,
}

/// The text of an utterance, and how far its words are placed.
#[derive(Debug, Default)]
pub(super) struct Script {
    text: String,
    placed: usize,
}

impl Script {
    /// Adds a piece.
    pub(super) fn add(&mut self, piece: &str) {
        if self.text.len() + piece.len() < LONGEST {
            self.text.push_str(piece);
            self.text.push(' ');
        }
    }

    /// Places `word`, the next one that is said. An engine may say a word that was not written,
    /// such as a number in words; it has no place.
    pub(super) fn place(&mut self, word: &str) -> Option<Range<usize>> {
        let word = word.trim();
        let ahead = self.text.get(self.placed..)?;
        let at = ahead.find(word).filter(|at| !word.is_empty() && *at <= FARTHEST)?;
        let start = self.placed + at;
        self.placed = start + word.len();
        Some(start..self.placed)
    }
}

/// How far ahead a word is looked for. Farther: a word that was not written is found in a later
/// sentence, and everything before it counts as said.
const FARTHEST: usize = 60;
/// The most bytes of an utterance.
const LONGEST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_placed_in_order() {
        let mut script = Script::default();
        script.add("Your table, your choice.");
        assert_eq!(script.place("Your"), Some(0..4));
        assert_eq!(script.place("table,"), Some(5..11));
        assert_eq!(script.place("forty"), None);
        assert_eq!(script.place(""), None);
        assert_eq!(script.place("your"), Some(12..16));
        script.add("Thanks.");
        assert_eq!(script.place("Thanks."), Some(25..32));
        let mut script = Script::default();
        script.add(&format!("five {} five", "x".repeat(FARTHEST)));
        script.place("five");
        assert_eq!(script.place("five"), None, "too far ahead");
    }
}
