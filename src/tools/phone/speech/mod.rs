//! The bundled callers: one sentence per language, spoken by espeak-ng (`make.sh`), 8 kHz mu-law.

use super::wav::{WavError, read_bundled};

/// The sentence of a bundled caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sentence {
    /// The language's code.
    pub(super) language: &'static str,
    /// The spoken words.
    pub(super) text: &'static str,
    wav: &'static [u8],
}

impl Sentence {
    /// Returns the sentence in this language.
    pub(super) fn in_language(code: &str) -> Option<Self> {
        Self::all().find(|sentence| sentence.language == code)
    }

    /// The codes of the available languages, in the table's order.
    pub(super) fn languages() -> Vec<&'static str> {
        Self::all().map(|sentence| sentence.language).collect()
    }

    /// The decoded audio, 8 kHz.
    pub(super) fn samples(self) -> Result<Vec<i16>, WavError> {
        read_bundled(self.wav, self.language)
    }

    fn all() -> impl Iterator<Item = Self> {
        SENTENCES.lines().filter_map(|line| {
            let (language, text) = line.split_once('\t')?;
            let (_, wav) = *SOUNDS.iter().find(|(code, _)| *code == language)?;
            Some(Self { language, text, wav })
        })
    }
}

/// One code and sentence per line. `make.sh` reads this file too.
const SENTENCES: &str = include_str!("sentences.tsv");

const SOUNDS: [(&str, &[u8]); 6] = [
    ("en", include_bytes!("en.wav")),
    ("hi", include_bytes!("hi.wav")),
    ("mr", include_bytes!("mr.wav")),
    ("te", include_bytes!("te.wav")),
    ("ta", include_bytes!("ta.wav")),
    ("ml", include_bytes!("ml.wav")),
];

#[cfg(test)]
mod tests;
