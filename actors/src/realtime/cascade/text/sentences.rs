//! Where a sentence ends in text that is still arriving. Pure.
//!
//! A terminator alone decides nothing: `3.5`, `Dr. Rao` and `...` have full stops too. What follows
//! it decides, so the end of the text so far is no end of a sentence until the text is over.

use unicode_segmentation::UnicodeSegmentation;

use super::abbreviations::Abbreviations;

/// Characters that end a sentence if a space or the end of the text follows.
const TERMINATORS: [char; 5] = ['.', '!', '?', '…', '؟'];
/// Characters that end a sentence whatever follows.
const STRONG: [char; 6] = ['।', '॥', '。', '！', '？', '۔'];
/// Characters that may stand between a terminator and the space after it.
const CLOSERS: [char; 11] = ['"', '\'', ')', ']', '}', '”', '’', '»', '*', '_', '`'];
/// Characters after which a voice pauses, so that a cut is not heard.
const PAUSES: [char; 8] = [',', ';', ':', '—', '–', '،', '、', '，'];

/// The places in `text` where a sentence is over, each behind its terminator. `over` means that no
/// more text will come.
pub(super) fn ends<'a>(text: &'a str, language: &'a Abbreviations, over: bool) -> impl Iterator<Item = usize> + 'a {
    let mut skip_to = 0;
    text.char_indices().filter_map(move |(at, c)| {
        if at < skip_to {
            return None;
        }
        if c == '\n' {
            // A line is a unit: of a list, of a paragraph.
            return Some(at + 1).filter(|_| !text[..at].trim().is_empty());
        }
        if !TERMINATORS.contains(&c) && !STRONG.contains(&c) {
            return None;
        }
        let run = text[at..].find(|c| !is_terminator(c)).map_or(text.len(), |length| at + length);
        let close = text[run..].find(|c| !CLOSERS.contains(&c)).map_or(text.len(), |length| run + length);
        skip_to = close;
        is_end(text, at..run, close, language, over).then_some(close)
    })
}

/// Whether the terminators at `run` end a sentence, whose closing quotes and brackets end at
/// `close`.
fn is_end(text: &str, run: std::ops::Range<usize>, close: usize, language: &Abbreviations, over: bool) -> bool {
    let terminators = &text[run.clone()];
    let rest = &text[close..];
    if rest.is_empty() {
        return over;
    }
    if terminators.contains(STRONG) {
        return true;
    }
    if !rest.starts_with(char::is_whitespace) {
        return false;
    }
    if terminators.contains(['!', '?', '؟']) {
        return true;
    }
    let Some(next) = rest.trim_start().trim_start_matches(OPENERS).chars().next() else { return over };
    // After an ellipsis the sentence may go on, and after an unknown abbreviation it does.
    if next.is_lowercase() {
        return false;
    }
    if terminators != "." {
        return true;
    }
    let word = last_word(&text[..run.start]);
    let is_initial = word.chars().count() == 1 && word.chars().all(|c| c.is_uppercase() && c != 'I');
    let is_number = !word.is_empty() && word.chars().all(char::is_numeric);
    // `1. Apples`: the number of an item in a list.
    let is_item =
        is_number && text[..run.start].trim_start().rsplit('\n').next().is_some_and(|line| line.trim() == word);
    let is_decimal = is_number && next.is_numeric();
    !is_initial && !is_item && !is_decimal && !language.has(word, next.is_numeric())
}

/// The last place in `text` where a voice may pause, at most `longest` graphemes into it: behind a
/// comma, otherwise at a space, otherwise between two graphemes. `None` if `text` is not longer.
pub(super) fn forced_end(text: &str, longest: usize) -> Option<usize> {
    let (limit, _) = text.grapheme_indices(true).nth(longest)?;
    let fits = &text[..limit];
    let pause = last_pause(fits).filter(|at| fits[..*at].graphemes(true).count() * 3 > longest);
    pause.or_else(|| fits.rfind(char::is_whitespace).map(|at| at + 1)).or(Some(limit))
}

/// The first place in `text` where a voice may pause after `words` words or more.
pub(super) fn early_end(text: &str, words: usize) -> Option<usize> {
    let pauses = text.match_indices(PAUSES).map(|(at, pause)| at + pause.len());
    pauses.filter(|at| is_pause(text, *at)).find(|at| text[..*at].split_whitespace().count() >= words)
}

fn last_pause(text: &str) -> Option<usize> {
    text.rmatch_indices(PAUSES).map(|(at, pause)| at + pause.len()).find(|at| is_pause(text, *at))
}

/// Whether a space follows: the comma of `1,500` and the colon of `10:30` are no pauses.
fn is_pause(text: &str, at: usize) -> bool {
    text[at..].starts_with(char::is_whitespace)
}

fn is_terminator(c: char) -> bool {
    TERMINATORS.contains(&c) || STRONG.contains(&c)
}

/// The word that ends `text`, with the full stops inside it: `e.g`.
fn last_word(text: &str) -> &str {
    let start = text
        .rfind(|c: char| c.is_whitespace() || OPENERS.contains(&c))
        .map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
    &text[start..]
}

/// Characters that may stand before the first letter of a sentence.
const OPENERS: [char; 10] = ['"', '\'', '(', '[', '“', '‘', '«', '*', '_', '`'];

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` cut at every end of a sentence.
    fn cut<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
        let language = Abbreviations::of(language);
        let mut start = 0;
        let mut cut = Vec::new();
        for end in ends(text, language, true) {
            cut.push(text[start..end].trim());
            start = end;
        }
        cut.extend(Some(text[start..].trim()).filter(|rest| !rest.is_empty()));
        cut
    }

    #[test]
    fn sentences_end_as_each_language_ends_them() {
        for (language, text, expected) in [
            ("en", "Hello. How are you? Fine!", vec!["Hello.", "How are you?", "Fine!"]),
            ("en", "He said \"Yes.\" Then he left.", vec!["He said \"Yes.\"", "Then he left."]),
            ("en", "Really?! Yes.", vec!["Really?!", "Yes."]),
            ("en", "One\nTwo", vec!["One", "Two"]),
            ("hi", "नमस्ते। आप कैसे हैं?", vec!["नमस्ते।", "आप कैसे हैं?"]),
            ("hi", "हाँ।जी", vec!["हाँ।", "जी"]),
            ("mr", "टेबल बुक झालं. धन्यवाद!", vec!["टेबल बुक झालं.", "धन्यवाद!"]),
            ("te", "నమస్కారం. మీరు ఎలా ఉన్నారు?", vec!["నమస్కారం.", "మీరు ఎలా ఉన్నారు?"]),
            ("ta", "வணக்கம். எப்படி இருக்கிறீர்கள்?", vec!["வணக்கம்.", "எப்படி இருக்கிறீர்கள்?"]),
            ("ml", "നമസ്കാരം. സുഖമാണോ?", vec!["നമസ്കാരം.", "സുഖമാണോ?"]),
        ] {
            assert_eq!(cut(text, language), expected, "{language}");
        }
    }

    #[test]
    fn a_full_stop_inside_a_sentence_ends_none() {
        for (language, text) in [
            ("en", "It costs Rs. 500 today"),
            ("en", "Dr. Rao and Mrs. Sharma at 3.5 per cent"),
            ("en", "Well... maybe, e.g. tomorrow"),
            ("en", "J. R. D. Tata lives at No. 5"),
            ("en", "Open from 9 a.m. to 5 p.m. daily"),
            ("en", "See example.com for more"),
            ("en", "Fruits etc. are sold"),
            ("hi", "डॉ. शर्मा को रु. 500 दीजिए"),
            ("mr", "सौ. कुलकर्णी यांना रु. ५०० द्या"),
            ("te", "డా. రావు రూ. 500 ఇచ్చారు"),
            ("ta", "திரு. குமார் ரூ. 500 கொடுத்தார்"),
            ("ml", "ഡോ. നായർ രൂ. 500 തന്നു"),
            ("hi", "Dr. शर्मा"),
            ("en", "1. Apples"),
        ] {
            assert_eq!(cut(text, language), [text], "{language}");
        }
        assert_eq!(cut("No. I am not.", "en"), ["No.", "I am not."]);
        assert_eq!(cut("So do I. Bye.", "en"), ["So do I.", "Bye."]);
        assert_eq!(cut("Wait... Yes.", "en"), ["Wait...", "Yes."]);
    }

    #[test]
    fn what_has_not_arrived_yet_may_still_change_the_meaning() {
        let english = Abbreviations::of("en");
        let end = |text, english, over| ends(text, english, over).next();
        for text in ["It is 3.", "Hello.", "Hello. ", "Hello", "Yes?", "Rs. "] {
            assert_eq!(end(text, english, false), None, "{text:?}");
        }
        assert_eq!(end("Hello. H", english, false), Some(6));
        assert_eq!(end("Yes? ", english, false), Some(4));
        assert_eq!(end("Hello.", english, true), Some(6));
    }

    #[test]
    fn a_cut_never_splits_a_grapheme_or_a_number() {
        let text = "कि ".repeat(40);
        let at = forced_end(&text, 50).expect("too long");
        assert!(text[..at].ends_with("कि "), "{:?}", &text[..at]);
        let text = "कि".repeat(40);
        let at = forced_end(&text, 30).expect("too long");
        assert_eq!(&text[..at], "कि".repeat(30));
        assert_eq!(forced_end("short", 30), None);
        let text = "it costs 1,500 rupees, which is much, and then some";
        assert_eq!(early_end(text, 3).map(|at| &text[..at]), Some("it costs 1,500 rupees,"));
        assert_eq!(early_end(text, 40), None);
        let at = forced_end(text, 40).expect("too long");
        assert_eq!(&text[..at], "it costs 1,500 rupees, which is much,");
    }
}
