//! The bundled speech: the lines of the rehearsal model in each language, and its words for turns
//! that it cannot transcribe.
//!
//! The sounds are made by `speech/make.sh` from `speech/lines.tsv`. Both the table and the sounds
//! are committed, so nothing is synthesised at run time.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use bytes::Bytes;

use super::sound::{Format, Sound};

/// A bundled line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Line {
    /// The first words of a call.
    Greeting,
    /// The answer if there is no other.
    Alright,
    /// The last words of a call.
    Goodbye,
}

/// A language of the rehearsal model.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Language {
    /// The ISO 639-1 code.
    pub(super) code: &'static str,
    /// Names by which instructions may mention the language.
    names: &'static [&'static str],
    /// The text in place of the caller's words; `{s}` is their length in seconds. The text must not
    /// be only a description in brackets, because that would mark a noise without words.
    heard: &'static str,
    /// The description of a repeated turn.
    repeated: &'static str,
    /// The WAV files, in the order of [`Line`].
    sounds: [&'static [u8]; 3],
}

impl Language {
    /// The language of a session: the one it transcribes, else the first that its instructions
    /// name, else English.
    pub(super) fn of(transcribed: Option<&str>, instructions: &str) -> &'static Self {
        let english = &LANGUAGES[0];
        if let Some(code) = transcribed {
            // `hi-IN` counts as Hindi too.
            let code = code.split(['-', '_']).next().unwrap_or(code);
            return LANGUAGES.iter().find(|language| language.code.eq_ignore_ascii_case(code)).unwrap_or(english);
        }
        LANGUAGES
            .iter()
            .flat_map(|language| language.names.iter().map(move |name| (language, name)))
            .filter_map(|(language, name)| Some((instructions.find(name)?, language)))
            .min_by_key(|(place, _)| *place)
            .map_or(english, |(_, language)| language)
    }

    /// The words of a line.
    pub(super) fn text(&self, line: Line) -> &'static str {
        LINES
            .lines()
            .filter(|row| !row.starts_with('#'))
            .find_map(|row| {
                let mut cells = row.split('\t');
                let found = cells.next() == Some(self.code) && cells.next() == Some(line.name());
                found.then(|| cells.nth(2)).flatten()
            })
            .unwrap_or_default()
    }

    /// The sound of a line. It is decoded and converted once per format.
    pub(super) fn sound(&self, line: Line, format: Format) -> Sound {
        let mut spoken = SPOKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = spoken.entry((self.code, line, format)).or_insert_with(|| self.decode(line, format));
        Sound { format, bytes: bytes.clone() }
    }

    /// The sound of any text: that of a bundled line, or of the part of it that the text is. Another
    /// text has the sound of an answer, for as long as it takes to say it.
    pub(super) fn spoken(&self, text: &str, format: Format) -> Sound {
        let text = text.trim();
        let lines = [Line::Greeting, Line::Alright, Line::Goodbye];
        let known = lines.into_iter().find_map(|line| Some((line, self.text(line).find(text)?)));
        let Some((line, at)) = known.filter(|_| text.len() >= SHORTEST_PART) else {
            let ms = text.chars().count() as u64 * CHARACTER_MS;
            return self.sound(Line::Alright, format).lasting(ms.max(SHORTEST_MS));
        };
        part(&self.sound(line, format), self.text(line), at, text.len())
    }

    /// The language in which a text is a bundled line, or a part of one.
    pub(super) fn speaking(text: &str) -> Option<&'static Self> {
        let text = text.trim();
        let has = |language: &&Self| {
            [Line::Greeting, Line::Alright, Line::Goodbye].into_iter().any(|line| language.text(line).contains(text))
        };
        LANGUAGES.iter().find(has).filter(|_| text.len() >= SHORTEST_PART)
    }

    /// The text for a turn that was not transcribed.
    pub(super) fn heard(&self, ms: u64) -> String {
        self.heard.replace("{s}", &seconds(ms))
    }

    /// The text for a turn that was not transcribed, in parts: what is known when the turn begins, and
    /// what is known when it has ended.
    pub(super) fn heard_in_parts(&self, ms: u64) -> (String, String) {
        let text = self.heard(ms);
        let number = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
        let (beginning, rest) = text.split_at(number);
        (beginning.trim_end().to_owned(), rest.to_owned())
    }

    /// The text for a repeated turn.
    pub(super) fn repeated(&self, ms: u64) -> String {
        self.repeated.replace("{s}", &seconds(ms))
    }

    fn decode(&self, line: Line, format: Format) -> Bytes {
        let codes = data_chunk(self.sounds[line as usize]);
        let mut samples = Vec::with_capacity(codes.len());
        switchboard_actors::g711::decode(switchboard_actors::carrier::Encoding::MuLaw, codes, &mut samples);
        let pcm: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        Sound { format: Format::Pcm24k, bytes: pcm.into() }.in_format(format).bytes
    }
}

impl Line {
    const fn name(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Alright => "alright",
            Self::Goodbye => "goodbye",
        }
    }
}

fn seconds(ms: u64) -> String {
    format!("{}.{}", ms / 1000, ms % 1000 / 100)
}

/// The samples of a bundled WAV file. The tests read every one of them.
fn data_chunk(wav: &'static [u8]) -> &'static [u8] {
    let mut rest = wav.get(12..).unwrap_or_default();
    while let [a, b, c, d, s0, s1, s2, s3, body @ ..] = rest {
        let size = u32::from_le_bytes([*s0, *s1, *s2, *s3]) as usize;
        if [*a, *b, *c, *d] == *b"data" {
            return &body[..size.min(body.len())];
        }
        rest = body.get(size + size % 2..).unwrap_or_default();
    }
    &[]
}

/// Shorter parts of lines are parts of too many, in bytes.
const SHORTEST_PART: usize = 4;
/// The time that a voice takes for a character.
const CHARACTER_MS: u64 = 60;
/// The least time that a voice takes for a text.
const SHORTEST_MS: u64 = 300;

type Spoken = HashMap<(&'static str, Line, Format), Bytes>;

static SPOKEN: LazyLock<Mutex<Spoken>> = LazyLock::new(Mutex::default);

const LINES: &str = include_str!("speech/lines.tsv");

macro_rules! sounds {
    ($code:literal) => {
        [
            include_bytes!(concat!("speech/", $code, "-greeting.wav")),
            include_bytes!(concat!("speech/", $code, "-alright.wav")),
            include_bytes!(concat!("speech/", $code, "-goodbye.wav")),
        ]
    };
}

static LANGUAGES: [Language; 6] = [
    Language {
        code: "en",
        names: &["English", "english"],
        heard: "[caller speech, {s} s] some words",
        repeated: "[the caller's own words, {s} s]",
        sounds: sounds!("en"),
    },
    Language {
        code: "hi",
        names: &["Hindi", "hindi", "हिन्दी", "हिंदी"],
        heard: "[कॉलर की आवाज़, {s} से.] कुछ शब्द",
        repeated: "[कॉलर के अपने शब्द, {s} से.]",
        sounds: sounds!("hi"),
    },
    Language {
        code: "mr",
        names: &["Marathi", "marathi", "मराठी"],
        heard: "[कॉलरचा आवाज, {s} से.] काही शब्द",
        repeated: "[कॉलरचेच शब्द, {s} से.]",
        sounds: sounds!("mr"),
    },
    Language {
        code: "te",
        names: &["Telugu", "telugu", "తెలుగు"],
        heard: "[కాలర్ మాటలు, {s} సె.] కొన్ని మాటలు",
        repeated: "[కాలర్ సొంత మాటలు, {s} సె.]",
        sounds: sounds!("te"),
    },
    Language {
        code: "ta",
        names: &["Tamil", "tamil", "தமிழ்"],
        heard: "[அழைப்பவரின் பேச்சு, {s} வி.] சில வார்த்தைகள்",
        repeated: "[அழைப்பவரின் சொந்த வார்த்தைகள், {s} வி.]",
        sounds: sounds!("ta"),
    },
    Language {
        code: "ml",
        names: &["Malayalam", "malayalam", "മലയാളം"],
        heard: "[വിളിക്കുന്നയാളുടെ സംസാരം, {s} സെ.] ചില വാക്കുകൾ",
        repeated: "[വിളിക്കുന്നയാളുടെ വാക്കുകൾ, {s} സെ.]",
        sounds: sounds!("ml"),
    },
];

/// The part of a sound that belongs to `length` bytes of its text from `at` on, with the space behind
/// them.
pub(super) fn part(sound: &Sound, text: &str, at: usize, length: usize) -> Sound {
    let behind = text.get(at + length..).unwrap_or_default();
    let end = text.len() - behind.trim_start().len();
    let samples = sound.bytes.len() / sound.format.sample_bytes();
    let place = |bytes: usize| samples * bytes / text.len().max(1) * sound.format.sample_bytes();
    Sound { format: sound.format, bytes: sound.bytes.slice(place(at)..place(end)) }
}

/// The end of the word at byte `at`, including the space after it.
pub(super) fn word_end(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    let at = text.ceil_char_boundary(at);
    text[at..].find(' ').map_or(text.len(), |space| at + space + 1)
}

#[cfg(test)]
mod tests;
