//! The words of a turn, joined of segments. Pure.

/// The settled words of a turn, and those that may still change.
#[derive(Debug, Default)]
pub(super) struct TurnWords {
    settled: String,
    interim: String,
}

impl TurnWords {
    /// All words.
    pub(super) fn all(&self) -> String {
        let mut all = self.settled.clone();
        join(&mut all, &self.interim);
        all
    }

    /// Whether there are none.
    pub(super) fn are_none(&self) -> bool {
        self.settled.is_empty() && self.interim.is_empty()
    }

    /// The words that may still change.
    pub(super) fn interim(&self) -> &str {
        &self.interim
    }

    /// The words of the segment in progress. Returns whether they changed.
    pub(super) fn guess(&mut self, interim: &str) -> bool {
        let interim = bounded(interim.trim());
        let is_new = self.interim != interim;
        if is_new {
            interim.clone_into(&mut self.interim);
        }
        is_new
    }

    /// The segment in progress is settled.
    pub(super) fn settle(&mut self, segment: &str) {
        self.interim.clear();
        if self.settled.len() < LONGEST {
            join(&mut self.settled, bounded(segment.trim()));
        }
    }

    /// Forgets all words.
    pub(super) fn clear(&mut self) {
        self.settled.clear();
        self.interim.clear();
    }
}

/// The words of `segment` behind those of `taken`, which it repeats. A final segment repeats its
/// interim words, perhaps with other spelling, so words are counted.
pub(super) fn behind<'a>(segment: &'a str, taken: &str) -> &'a str {
    let skipped = taken.split_whitespace().count();
    let mut words = segment.split_whitespace();
    match skipped.checked_sub(1) {
        None => segment,
        Some(before) => words.nth(before).map_or("", |last| {
            let at = last.as_ptr().addr() - segment.as_ptr().addr() + last.len();
            segment[at..].trim_start()
        }),
    }
}

fn join(all: &mut String, more: &str) {
    if !all.is_empty() && !more.is_empty() {
        all.push(' ');
    }
    all.push_str(more);
}

fn bounded(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The most bytes of a segment, and of the settled words after which no more are joined. A caller
/// who speaks for five minutes stays below.
const LONGEST: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_joined_and_guesses_replaced() {
        let mut words = TurnWords::default();
        assert!(words.are_none());
        assert!(words.guess(" I need") && words.guess("I need a") && !words.guess("I need a "));
        words.settle("I need a table");
        words.guess("for two");
        assert_eq!((words.all().as_str(), words.interim()), ("I need a table for two", "for two"));
        words.settle("");
        assert_eq!(words.all(), "I need a table");
        words.clear();
        assert!(words.are_none());
    }

    #[test]
    fn what_was_taken_is_not_taken_again() {
        assert_eq!(behind("I need a table.", "i need a table"), "");
        assert_eq!(behind("I need a table for two.", "i need a table"), "for two.");
        assert_eq!(behind("मुझे टेबल चाहिए", "मुझे टेबल"), "चाहिए");
        assert_eq!(behind("a b", ""), "a b");
        assert_eq!(behind("a", "a b c"), "");
    }

    #[test]
    fn words_are_bounded() {
        let mut words = TurnWords::default();
        for _ in 0..100 {
            words.settle(&"मुझे ".repeat(1000));
            words.guess(&"x".repeat(1_000_000));
        }
        assert!(words.all().len() <= 3 * LONGEST + 2);
    }
}
