//! How words are spelled in the index, and what a search means. Pure.
//!
//! One word may be written in several ways that look alike: a letter with a nukta as one character or
//! two, a two-part vowel sign, a Malayalam chillu, invisible joiners. The index and a search use one
//! spelling. Upper and lower case, and accents of Latin letters, are the tokenizer's work.

use unicode_normalization::UnicodeNormalization as _;

/// The tokenizer. Vowel signs and viramas of Indic scripts are marks (`M`); by default they would end
/// a word.
pub(super) const TOKENIZER: &str = "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'";

/// Spells a text as the index has it.
pub(super) fn spelled(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut spelled = String::with_capacity(text.len());
    for sign in text.nfc() {
        match sign {
            // Joiners and soft hyphens change how a word looks, not which word it is.
            '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => {}
            sign => match CHILLUS.iter().find(|(chillu, _)| *chillu == sign) {
                Some((_, letter)) => spelled.extend([*letter, VIRAMA]),
                None => spelled.push(sign),
            },
        }
    }
    spelled
}

/// Reads a search as an expression of the index: every word must occur, each at the beginning of a
/// word that was said; words in double quotes must follow one another. `None` if it has no word.
pub fn search(text: &str) -> Option<String> {
    let mut terms = Vec::new();
    for (at, part) in spelled(text).split('"').enumerate() {
        let is_quoted = at % 2 == 1;
        if is_quoted {
            terms.extend(term(part));
        } else {
            terms.extend(part.split_whitespace().filter_map(term).map(|term| term + "*"));
        }
    }
    (!terms.is_empty()).then(|| terms.join(" AND "))
}

/// Quotes a term. The tokenizer finds no word in one without letters and digits.
fn term(text: &str) -> Option<String> {
    let text: String = text.chars().take(LONGEST_TERM).filter(|sign| *sign != '\0').collect();
    text.chars().any(char::is_alphanumeric).then(|| format!("\"{}\"", text.trim()))
}

/// Malayalam letters without a vowel as one character, and the letters of the older spelling.
/// <https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-12/#G684120>
const CHILLUS: [(char, char); 6] = [
    ('\u{d7a}', '\u{d23}'),
    ('\u{d7b}', '\u{d28}'),
    ('\u{d7c}', '\u{d30}'),
    ('\u{d7d}', '\u{d32}'),
    ('\u{d7e}', '\u{d33}'),
    ('\u{d7f}', '\u{d15}'),
];
const VIRAMA: char = '\u{d4d}';
/// The most characters of a term: more than any word, and than what a person types.
const LONGEST_TERM: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_look_alike_are_one() {
        for (one, other) in [
            // A letter with a nukta.
            ("\u{958}लम", "\u{915}\u{93c}लम"),
            // A two-part vowel sign of Tamil.
            ("க\u{bca}டு", "க\u{bc6}\u{bbe}டு"),
            // A chillu, and its older spelling with a joiner.
            ("അവ\u{d7b}", "അവന\u{d4d}\u{200d}"),
            ("e\u{301}te", "\u{e9}te"),
        ] {
            assert_eq!(spelled(one), spelled(other), "{one} {other}");
        }
    }

    #[test]
    fn a_search_finds_beginnings_and_quoted_words_in_order() {
        assert_eq!(search("slot Thurs").as_deref(), Some(r#""slot"* AND "Thurs"*"#));
        assert_eq!(search(r#"a "service slot" b"#).as_deref(), Some(r#""a"* AND "service slot" AND "b"*"#));
        assert_eq!(search(r#"unclosed "half past"#).as_deref(), Some(r#""unclosed"* AND "half past""#));
        assert_eq!(search("नमस्ते").as_deref(), Some("\"नमस्ते\"*"));
    }

    #[test]
    fn a_search_is_no_expression_of_the_callers() {
        assert_eq!(search("NEAR(a b) OR -c*").as_deref(), Some(r#""NEAR(a"* AND "b)"* AND "OR"* AND "-c*"*"#));
        for empty in ["", "  ", "\"\"", "— ?", "\0", "\" \""] {
            assert_eq!(search(empty), None, "{empty:?}");
        }
    }
}
