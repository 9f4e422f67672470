//! One streamed answer: takes deltas, gives pieces for a voice. Pure.

use unicode_segmentation::UnicodeSegmentation;

use super::abbreviations::Abbreviations;
use super::sentences;
use super::spoken::{Fence, Piece, piece};
use super::thoughts::Thoughts;

/// The sizes of pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The least graphemes of a piece after the first. Smaller: "Yes." is a piece of its own, with
    /// a pause behind it. Larger: the voice waits.
    pub shortest: usize,
    /// The most graphemes of a piece. Smaller: long sentences lose their melody. Larger: the voice
    /// waits for the end of a sentence that does not end.
    pub longest: usize,
    /// The words after which the first piece may end at a comma. Fewer: the first words sound cut
    /// off. More: the caller waits for a long sentence.
    pub first_words: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { shortest: 20, longest: 200, first_words: 8 }
    }
}

/// One streamed answer.
#[derive(Debug)]
pub struct Answer {
    language: String,
    limits: Limits,
    thoughts: Thoughts,
    fence: Fence,
    /// What belongs to the history.
    content: String,
    /// How much of the content went into pieces.
    given: usize,
    /// Whether a piece was given.
    has_spoken: bool,
    /// Whether the content exceeded its limit and the rest is ignored.
    is_full: bool,
}

impl Answer {
    /// An answer in `language`, a code or a tag.
    pub fn new(language: &str, limits: Limits) -> Self {
        Self {
            language: language.to_owned(),
            limits,
            thoughts: Thoughts::default(),
            fence: Fence::default(),
            content: String::new(),
            given: 0,
            has_spoken: false,
            is_full: false,
        }
    }

    /// Everything that came and is no reasoning.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// How much of the content the pieces so far speak, in bytes.
    pub fn given(&self) -> usize {
        self.given
    }

    /// Takes `delta` and appends to `pieces` what can be said now.
    pub fn push(&mut self, delta: &str, pieces: &mut Vec<Piece>) {
        if self.is_full || self.content.len() + delta.len() > LARGEST {
            self.is_full = true;
            return;
        }
        self.thoughts.pass(delta, &mut self.content);
        while let Some(end) = self.next_end() {
            self.give(end, pieces);
        }
    }

    /// The answer is complete: appends the rest to `pieces`.
    pub fn finish(&mut self, pieces: &mut Vec<Piece>) {
        self.thoughts.finish(&mut self.content);
        while let Some(end) = self.next_end() {
            self.give(end, pieces);
        }
        self.give(self.content.len(), pieces);
    }

    /// The answer was cut off: appends to `pieces` what came up to its last whole sentence, and
    /// forgets the rest.
    pub fn cut_off(&mut self, pieces: &mut Vec<Piece>) {
        let language = Abbreviations::of(&self.language);
        let last = sentences::ends(&self.content[self.given..], language, true).last().map(|end| self.given + end);
        self.content.truncate(last.unwrap_or(self.given));
        self.finish(pieces);
    }

    fn give(&mut self, end: usize, pieces: &mut Vec<Piece>) {
        let piece = piece(&self.content, self.given..end, &mut self.fence);
        self.given = end;
        self.has_spoken |= piece.is_some();
        pieces.extend(piece);
    }

    /// Where the next piece ends, as far as what came decides it.
    fn next_end(&self) -> Option<usize> {
        let pending = &self.content[self.given..];
        let shortest = if self.has_spoken { self.limits.shortest } else { 1 };
        let is_long_enough = |end: &usize| pending[..*end].trim().graphemes(true).nth(shortest - 1).is_some();
        let end = sentences::ends(pending, Abbreviations::of(&self.language), false).find(is_long_enough);
        let early = || {
            let early = sentences::early_end(pending, self.limits.first_words);
            early.filter(|_| !self.has_spoken && !pending.trim_start().starts_with(CODE))
        };
        let end = match (end, early()) {
            (Some(end), Some(early)) => Some(end.min(early)),
            (end, early) => end.or(early),
        };
        let forced = || sentences::forced_end(pending, self.limits.longest);
        let end = match end {
            Some(end) => Some(forced().map_or(end, |forced| forced.min(end))),
            None => forced(),
        };
        end.map(|end| self.given + end)
    }
}

/// The most bytes of an answer. An answer of ten minutes of speech has a tenth of it.
const LARGEST: usize = 64 * 1024;
const CODE: &str = "```";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(pieces: &[Piece]) -> Vec<&str> {
        pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    fn said(language: &str, text: &str) -> Vec<String> {
        let (mut answer, mut pieces) = (Answer::new(language, Limits::default()), Vec::new());
        for c in text.chars() {
            answer.push(c.encode_utf8(&mut [0; 4]), &mut pieces);
        }
        answer.finish(&mut pieces);
        pieces.into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn the_first_piece_is_short_and_the_later_ones_are_not() {
        assert_eq!(
            said("en", "Yes. No. We are open until ten today. Shall I book it? Ok."),
            ["Yes.", "No. We are open until ten today.", "Shall I book it? Ok."]
        );
        assert_eq!(
            said(
                "en",
                "For two persons at eight o'clock this very evening, we have a table by the window, if you like."
            ),
            ["For two persons at eight o'clock this very evening,", "we have a table by the window, if you like."]
        );
        assert_eq!(
            said("hi", "जी हाँ। आपकी टेबल रु. 500 में बुक हो गई है। धन्यवाद।"),
            ["जी हाँ।", "आपकी टेबल रु. 500 में बुक हो गई है।", "धन्यवाद।"]
        );
    }

    #[test]
    fn a_piece_is_given_as_soon_as_its_end_is_certain() {
        let (mut answer, mut pieces) = (Answer::new("en", Limits::default()), Vec::new());
        for (delta, given) in [
            ("<think>hm", 0),
            ("</think>Hel", 0),
            ("lo.", 0),
            (" W", 1),
            ("e are open from nine to five.", 1),
            (" So", 2),
        ] {
            answer.push(delta, &mut pieces);
            assert_eq!(pieces.len(), given, "{delta}");
        }
        assert_eq!(answer.content(), "Hello. We are open from nine to five. So");
        assert_eq!(answer.given(), "Hello. We are open from nine to five.".len());
    }

    #[test]
    fn a_sentence_without_an_end_is_cut_between_words() {
        let long = "word ".repeat(200);
        let pieces = said("en", &long);
        assert!(pieces.len() >= 5, "{pieces:?}");
        assert!(pieces.iter().all(|piece| piece.len() <= 200 && piece.ends_with(['d', '.'])), "{pieces:?}");
    }

    #[test]
    fn a_cut_answer_ends_with_its_last_whole_sentence() {
        let (mut answer, mut pieces) = (Answer::new("en", Limits::default()), Vec::new());
        answer.push("The table is booked for you. It is at eight. You will be s", &mut pieces);
        answer.cut_off(&mut pieces);
        assert_eq!(texts(&pieces), ["The table is booked for you.", "It is at eight."]);
        assert_eq!(answer.content(), "The table is booked for you. It is at eight.");
        let (mut answer, mut pieces) = (Answer::new("en", Limits::default()), Vec::new());
        answer.push("The table is b", &mut pieces);
        answer.cut_off(&mut pieces);
        assert_eq!((pieces.len(), answer.content()), (0, ""));
    }

    #[test]
    fn an_endless_answer_is_bounded() {
        let (mut answer, mut pieces) = (Answer::new("en", Limits::default()), Vec::new());
        for _ in 0..100_000 {
            answer.push("blah ", &mut pieces);
        }
        assert!(answer.content().len() <= LARGEST);
    }

    proptest! {
        #[test]
        fn pieces_cover_the_content_whatever_the_deltas(
            text in "[a-dA-D0-2 .,!?\n*]{0,300}|[कखि।,. ]{0,200}",
            size in 1_usize..40,
        ) {
            let (mut answer, mut pieces) = (Answer::new("hi", Limits::default()), Vec::new());
            let characters: Vec<char> = text.chars().collect();
            for delta in characters.chunks(size) {
                answer.push(&delta.iter().collect::<String>(), &mut pieces);
            }
            answer.finish(&mut pieces);
            prop_assert_eq!(answer.content(), &text);
            let mut last = 0;
            for piece in &pieces {
                prop_assert!(piece.content.start >= last && !piece.text.is_empty());
                let unsaid = &text[last..piece.content.start];
                prop_assert!(!unsaid.contains(char::is_alphanumeric), "{:?} is not said", unsaid);
                last = piece.content.end;
            }
            prop_assert!(!text[last..].contains(char::is_alphanumeric));
        }
    }
}
