//! Words before a full stop that does not end a sentence, for each language. Pure.

/// The abbreviations of a language.
pub(super) struct Abbreviations {
    /// Never the last word of a sentence: titles and the like.
    always: &'static [&'static str],
    /// Not the last word if a number follows: `Rs. 500`, `No. 5`.
    before_numbers: &'static [&'static str],
}

const ENGLISH: Abbreviations = Abbreviations {
    always: &[
        "mr", "mrs", "ms", "dr", "prof", "sr", "smt", "shri", "st", "capt", "col", "gen", "lt", "sgt", "hon", "rev",
        "e.g", "i.e", "vs", "viz", "cf", "messrs",
    ],
    before_numbers: &[
        "rs", "inr", "no", "nos", "ph", "tel", "ext", "fig", "approx", "ca", "pp", "ch", "sec", "vol", "apt", "jan",
        "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
    ],
};
const HINDI: Abbreviations = Abbreviations {
    always: &["डॉ", "श्री", "श्रीमती", "प्रो", "पं", "सुश्री", "कु", "मो", "स्व"],
    before_numbers: &["रु", "रू", "क्र", "सं", "नं", "लगभग", "ई"],
};
const MARATHI: Abbreviations = Abbreviations {
    always: &["डॉ", "श्री", "श्रीमती", "सौ", "प्रा", "कु", "पं", "कै", "मा", "ता", "जि", "चि"],
    before_numbers: &["रु", "रू", "क्र", "नं", "दि", "इ"],
};
const TELUGU: Abbreviations = Abbreviations {
    always: &["డా", "శ్రీ", "శ్రీమతి", "ప్రొ", "కు"],
    before_numbers: &["రూ", "రు", "నం", "నెం", "సం"],
};
const TAMIL: Abbreviations = Abbreviations {
    always: &["டாக்", "திரு", "திருமதி", "செல்வி", "பேரா"],
    before_numbers: &["ரூ", "எண்", "கி.மீ"],
};
const MALAYALAM: Abbreviations = Abbreviations {
    always: &["ഡോ", "ശ്രീ", "ശ്രീമതി", "പ്രൊഫ", "അഡ്വ"],
    before_numbers: &["രൂ", "നം", "നമ്പർ"],
};

impl Abbreviations {
    /// Those of a language, by its code or tag: `hi`, `hi-IN`.
    pub(super) fn of(language: &str) -> &'static Self {
        match language.split(['-', '_']).next().unwrap_or_default() {
            "hi" => &HINDI,
            "mr" => &MARATHI,
            "te" => &TELUGU,
            "ta" => &TAMIL,
            "ml" => &MALAYALAM,
            _ => &ENGLISH,
        }
    }

    /// Whether a full stop after `word` is a part of the word. Callers mix languages, so English
    /// abbreviations count in every language.
    pub(super) fn has(&self, word: &str, number_follows: bool) -> bool {
        let word = word.to_lowercase();
        [self, &ENGLISH].into_iter().any(|those| {
            those.always.contains(&word.as_str()) || number_follows && those.before_numbers.contains(&word.as_str())
        })
    }
}
