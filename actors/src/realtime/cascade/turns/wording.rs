//! What the last words of a turn say about its end, in each language. Pure.

/// How words end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// As a sentence or a short answer does.
    Complete,
    /// In no special way.
    Usual,
    /// In the middle of a number that is dictated.
    Number,
    /// With a word that something has to follow.
    Incomplete,
}

/// How `text` ends.
pub(super) fn ending(text: &str, language: &str) -> Ending {
    let text = text.trim_end();
    let plain = |word: &str| word.trim_matches(|c: char| !is_of_a_word(c)).to_lowercase();
    let last = text.split_whitespace().next_back().map(plain).unwrap_or_default();
    let words = Words::of(language);
    // Engines write a full stop after anything, so the word counts first.
    if text.ends_with([',', ';', ':', '-', '…']) || words.have_more(&last) || ENGLISH.have_more(&last) {
        return Ending::Incomplete;
    }
    match digits_at_the_end(text) {
        SHORTEST_NUMBER..LONGEST_NUMBER => return Ending::Number,
        LONGEST_NUMBER.. => return Ending::Complete,
        _ => {}
    }
    let is_answer = text.split_whitespace().count() <= MOST_WORDS_OF_AN_ANSWER
        && (words.are_an_answer(&last) || ENGLISH.are_an_answer(&last));
    if is_answer || text.ends_with(['.', '?', '!', '।', '॥']) { Ending::Complete } else { Ending::Usual }
}

/// Whether two texts have the same words, apart from case, punctuation and spaces.
pub(super) fn same_words(one: &str, other: &str) -> bool {
    let plain =
        |text: &str| -> Vec<char> { text.chars().filter(|c| is_of_a_word(*c)).flat_map(char::to_lowercase).collect() };
    plain(one) == plain(other)
}

/// Letters, digits, and the signs of Indian scripts that are neither.
fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{0900}'..='\u{0963}' | '\u{0966}'..='\u{0D7F}' | '\u{200C}' | '\u{200D}')
}

/// The number of digits in the words at the end of `text` that have digits alone.
fn digits_at_the_end(text: &str) -> usize {
    let numbers = text.split_whitespace().rev().map_while(|word| {
        let digits = word.chars().filter(|c| c.is_numeric()).count();
        let others = word.chars().filter(|c| !c.is_numeric() && !"-.,+()।".contains(*c)).count();
        (digits > 0 && others == 0).then_some(digits)
    });
    numbers.sum()
}

/// The words of a language that say something about an end.
struct Words {
    /// Something has to follow them.
    more: &'static [&'static str],
    /// They answer a question.
    answers: &'static [&'static str],
}

const ENGLISH: Words = Words {
    more: &[
        "and", "but", "or", "so", "because", "um", "uh", "er", "hmm", "the", "a", "an", "to", "of", "with", "for",
        "my", "if", "that", "which", "from", "at", "is", "are",
    ],
    answers: &["yes", "no", "yeah", "yep", "nope", "okay", "ok", "sure", "correct", "right", "thanks"],
};
const HINDI: Words = Words {
    more: &["और", "लेकिन", "मगर", "तो", "कि", "या", "क्योंकि", "मतलब", "अगर", "के", "का", "की", "में", "को", "से", "वो"],
    answers: &["हाँ", "हां", "जी", "नहीं", "ठीक", "सही", "अच्छा"],
};
const MARATHI: Words = Words {
    more: &["आणि", "पण", "की", "किंवा", "कारण", "म्हणजे", "तर", "जर", "साठी", "मग"],
    answers: &["हो", "होय", "नाही", "नको", "ठीक", "बरं", "बरोबर"],
};
const TELUGU: Words = Words {
    more: &["మరియు", "కానీ", "లేదా", "అంటే", "ఎందుకంటే", "కాబట్టి", "అయితే", "కోసం"],
    answers: &["అవును", "కాదు", "లేదు", "సరే", "వద్దు"],
};
const TAMIL: Words = Words {
    more: &["மற்றும்", "ஆனால்", "அல்லது", "என்றால்", "ஏனென்றால்", "அப்புறம்", "அதனால்", "வந்து"],
    answers: &["ஆமா", "ஆமாம்", "ஆம்", "இல்லை", "சரி", "வேண்டாம்"],
};
const MALAYALAM: Words = Words {
    more: &["പക്ഷേ", "അല്ലെങ്കിൽ", "കാരണം", "എന്നാൽ", "പിന്നെ", "അതായത്", "അപ്പോൾ"],
    answers: &["അതെ", "ഉവ്വ്", "ഇല്ല", "അല്ല", "ശരി", "വേണ്ട"],
};

impl Words {
    fn of(language: &str) -> &'static Self {
        match language.split(['-', '_']).next().unwrap_or_default() {
            "hi" => &HINDI,
            "mr" => &MARATHI,
            "te" => &TELUGU,
            "ta" => &TAMIL,
            "ml" => &MALAYALAM,
            _ => &ENGLISH,
        }
    }

    fn have_more(&self, word: &str) -> bool {
        self.more.contains(&word)
    }

    fn are_an_answer(&self, word: &str) -> bool {
        self.answers.contains(&word)
    }
}

/// Digits from which on a number may go on: a code, a phone number.
const SHORTEST_NUMBER: usize = 3;
/// Digits of a number that is complete: a phone number.
const LONGEST_NUMBER: usize = 10;
const MOST_WORDS_OF_AN_ANSWER: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_tell_whether_more_follows() {
        use Ending::{Complete, Incomplete, Number, Usual};
        for (language, text, expected) in [
            ("en", "I need a table and", Incomplete),
            ("en", "I need a table and.", Incomplete),
            ("en", "I need a table,", Incomplete),
            ("en", "Um", Incomplete),
            ("en", "I need a table", Usual),
            ("en", "I need a table.", Complete),
            ("en", "Is it free?", Complete),
            ("en", "yes please okay", Complete),
            ("en", "it will be okay for us all yes", Usual),
            ("en", "for 2", Usual),
            ("en", "my number is 98220", Number),
            ("en", "my number is 98220.", Number),
            ("en", "9 8 2 2", Number),
            ("en", "98220 12345", Complete),
            ("hi", "मुझे टेबल चाहिए और", Incomplete),
            ("hi", "मुझे टेबल चाहिए।", Complete),
            ("hi", "जी हाँ", Complete),
            ("hi", "मेरा नंबर है ९८२२०", Number),
            ("hi", "मुझे टेबल चाहिए", Usual),
            ("mr", "मला टेबल पाहिजे पण", Incomplete),
            ("mr", "हो", Complete),
            ("te", "నాకు టేబుల్ కావాలి కానీ", Incomplete),
            ("te", "అవును", Complete),
            ("ta", "எனக்கு டேபிள் வேண்டும் ஆனால்", Incomplete),
            ("ta", "சரி", Complete),
            ("ml", "എനിക്ക് ടേബിൾ വേണം പക്ഷേ", Incomplete),
            ("ml", "ശരി", Complete),
            ("hi-IN", "but", Incomplete),
            ("hi", "", Usual),
        ] {
            assert_eq!(ending(text, language), expected, "{language} {text:?}");
        }
    }

    #[test]
    fn words_are_compared_without_their_spelling() {
        assert!(same_words("Yes, please.", "yes please"));
        assert!(!same_words("कि", "की"), "a vowel sign is a part of the word");
        assert!(!same_words("yes", "yes please"));
    }
}
