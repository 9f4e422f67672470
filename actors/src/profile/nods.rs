//! Words that never interrupt: they say "I am listening" and ask for nothing. Pure.

/// The words of one language that never interrupt the agent, as they are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nods(Vec<Vec<String>>);

impl Nods {
    /// These words and phrases, however they are written: `hmm` is also `Hmmmm.`
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let mut phrases: Vec<_> = words.into_iter().map(plain).filter(|phrase| !phrase.is_empty()).collect();
        phrases.sort();
        phrases.dedup();
        Self(phrases)
    }

    /// Whether `text` consists of these words alone, each as often as one likes. A text without any
    /// word does.
    pub fn are_all_of(&self, text: &str) -> bool {
        let said = plain(text);
        // Which beginnings of the text are made of these words.
        let mut made = vec![false; said.len() + 1];
        made[0] = true;
        for end in 1..=said.len() {
            made[end] = self.0.iter().any(|phrase| {
                end.checked_sub(phrase.len()).is_some_and(|begin| made[begin] && said[begin..end] == phrase[..])
            });
        }
        made[said.len()]
    }
}

/// The words of a text: small letters, without signs, and no letter twice in a row, because
/// transcription writes a long sound as it likes.
fn plain(text: &str) -> Vec<String> {
    let word = |word: &str| {
        let mut letters = String::new();
        for letter in word.chars().flat_map(char::to_lowercase).filter(|sign| is_letter(*sign)) {
            if !letters.ends_with(letter) {
                letters.push(letter);
            }
        }
        letters
    };
    let parts = text.split(|sign: char| sign.is_whitespace() || matches!(sign, ',' | '.' | '।' | '…' | '/'));
    parts.map(word).filter(|word| !word.is_empty()).collect()
}

/// Whether a sign belongs to a word: a letter or a digit, or a mark of an Indian script that no
/// letter is.
fn is_letter(sign: char) -> bool {
    matches!(sign, '\u{900}'..='\u{963}' | '\u{966}'..='\u{dff}') || sign.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_only_show_that_somebody_listens_are_known_however_they_are_written() {
        let nods = Nods::new(["haan", "ji", "hmm", "mm-hm", "theek hai", "हाँ", "जी", "ठीक है", "சரி", "ശരി"]);
        for nod in [
            "",
            "…",
            "Hmmmm.",
            "Haan, haan ji!",
            "mm-hm",
            "Mmhm.",
            "theek hai, hmm",
            "हाँ जी।",
            "ठीक है… ठीक है",
            "சரி, சரி.",
            "ശരി",
        ] {
            assert!(nods.are_all_of(nod), "{nod:?}");
        }
        for more in ["haan but wait", "theek", "hai", "jio", "हाँ लेकिन", "சரியில்லை", "stop", "7"]
        {
            assert!(!nods.are_all_of(more), "{more:?}");
        }
        assert!(!Nods::default().are_all_of("hmm") && Nods::default().are_all_of("."));
    }
}
