//! When the agent's words are heard, where a provider gives times with them. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::words::first_words;

/// Where words stand in the audio of their item, in ms from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Where they begin.
    pub from_ms: u64,
    /// Where they end.
    pub to_ms: u64,
}

/// The time of words that were told before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedLetters {
    /// The letters of the item before them, without whitespace.
    pub before: usize,
    /// The letters up to their end.
    pub until: usize,
    /// Where they stand in the item's audio.
    pub span: Span,
}

/// The times of one item's words, in the order in which they are spoken.
///
/// Words are counted in letters, because whitespace between pieces may change until the text is
/// whole.
#[derive(Debug, Default)]
pub struct WordTimes {
    pieces: Vec<TimedLetters>,
    /// The letters of all pieces, timed or not.
    letters: usize,
}

impl WordTimes {
    /// Adds the next words of the item, with their time if they have one.
    pub fn add(&mut self, words: &str, span: Option<Span>) {
        let before = self.letters;
        self.letters += letters(words);
        if let Some(span) = span.filter(|_| self.pieces.len() < MOST_PIECES) {
            self.pieces.push(TimedLetters { span, before, until: self.letters });
        }
    }

    /// Adds the time of words that were added without one. Times come in the order of the words.
    pub fn time(&mut self, words: TimedLetters) {
        if self.pieces.len() < MOST_PIECES {
            self.pieces.push(words);
        }
    }

    /// The beginning of `text` that was heard to the end of a word, when `heard` of the item's audio
    /// was. `None` where the times do not say it: there are none, or they end before.
    pub fn cut<'t>(&self, text: &'t str, heard: Duration) -> Option<&'t str> {
        let heard_ms = heard.as_millis() as u64;
        let begun = self.pieces.iter().take_while(|piece| piece.span.from_ms < heard_ms);
        let Some(last) = begun.last() else {
            return self.pieces.first().filter(|first| first.before == 0).map(|_| "");
        };
        let TimedLetters { span: Span { from_ms, to_ms }, before, until } = *last;
        if heard_ms > to_ms && self.pieces.last().is_some_and(|end| end.until == until) && letters(text) > until {
            return None;
        }
        let share = (heard_ms - from_ms) as f64 / to_ms.saturating_sub(from_ms).max(1) as f64;
        let count = before + ((until - before) as f64 * share.min(1.0)) as usize;
        let mut seen = 0;
        let end = text.char_indices().find(|(_, sign)| {
            seen += usize::from(!sign.is_whitespace());
            seen > count
        });
        Some(first_words(text, end.map_or(text.len(), |(at, _)| at)))
    }
}

/// The letters of a text: all but whitespace.
pub fn letters(text: &str) -> usize {
    text.chars().filter(|sign| !sign.is_whitespace()).count()
}

/// Most timed pieces of an item: ten minutes on a grid of 200 ms. Later words are cut by proportion.
const MOST_PIECES: usize = 3_000;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Wait. One moment, please, I am looking it up.";

    /// The text as a provider tells it: a slow first word, a pause, then fast ones.
    fn times() -> WordTimes {
        let mut times = WordTimes::default();
        let pieces = [
            (" Wa", 0, 200),
            ("it.", 200, 400),
            (" One mom", 1_400, 1_600),
            ("ent, please,", 1_600, 1_800),
            (" I am looking", 1_800, 2_000),
            (" it up.", 2_000, 2_200),
        ];
        for (words, from_ms, to_ms) in pieces {
            times.add(words, Some(Span { from_ms, to_ms }));
        }
        times
    }

    fn heard(times: &WordTimes, ms: u64) -> Option<&'static str> {
        times.cut(TEXT, Duration::from_millis(ms))
    }

    #[test]
    fn words_are_heard_when_their_time_is_over() {
        let times = times();
        for (ms, expected) in [
            (0, ""),
            (390, ""),
            (400, "Wait."),
            (1_390, "Wait."),
            (1_550, "Wait. One"),
            (1_690, "Wait. One moment,"),
            (1_800, "Wait. One moment, please,"),
            (2_000, "Wait. One moment, please, I am looking"),
            (2_200, TEXT),
            (9_000, TEXT),
        ] {
            assert_eq!(heard(&times, ms), Some(expected), "at {ms} ms");
        }
    }

    #[test]
    fn without_times_nothing_is_said() {
        let mut times = WordTimes::default();
        assert_eq!(heard(&times, 500), None);
        times.add(TEXT, None);
        assert_eq!(heard(&times, 500), None);
    }

    #[test]
    fn words_behind_the_last_time_are_left_to_the_proportion() {
        let mut times = WordTimes::default();
        times.add("Wait.", Some(Span { from_ms: 0, to_ms: 400 }));
        times.add(" One moment, please, I am looking it up.", None);
        assert_eq!(heard(&times, 400), Some("Wait."));
        assert_eq!(heard(&times, 900), None);
    }

    #[test]
    fn times_may_come_after_their_words() {
        let mut times = WordTimes::default();
        times.add("Wait. One moment,", None);
        times.add(" please.", None);
        for (before, until, from_ms, to_ms) in [(0, 5, 0, 400), (5, 8, 600, 800), (8, 15, 800, 1_200)] {
            times.time(TimedLetters { before, until, span: Span { from_ms, to_ms } });
        }
        let cut = |ms| times.cut("Wait. One moment, please.", Duration::from_millis(ms));
        assert_eq!((cut(0), cut(500), cut(800)), (Some(""), Some("Wait."), Some("Wait. One")));
        assert_eq!((cut(1_200), cut(1_400)), (Some("Wait. One moment,"), None));
    }

    #[test]
    fn blanks_between_pieces_may_change() {
        let mut times = WordTimes::default();
        times.add("Wait.", Some(Span { from_ms: 0, to_ms: 400 }));
        times.add("One", Some(Span { from_ms: 600, to_ms: 800 }));
        assert_eq!(times.cut("Wait. One", Duration::from_millis(700)), Some("Wait."));
        assert_eq!(times.cut("Wait. One", Duration::from_millis(800)), Some("Wait. One"));
    }
}
