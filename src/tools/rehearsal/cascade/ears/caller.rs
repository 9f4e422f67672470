//! The caller's audio of a stream: its turns, and the words of each. Pure.
//!
//! All times are in milliseconds of audio. The words are the bundled description of a turn: its
//! beginning comes word by word while the caller speaks, and its rest, which tells the length, at
//! the end.

use crate::tools::rehearsal::input::{Detection, Input, SpeechChange};
use crate::tools::rehearsal::memory::Memory;
use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::Language;
use crate::tools::rehearsal::turns::Tuning;

/// The caller's audio of one stream.
#[derive(Debug)]
pub(super) struct Caller {
    format: Format,
    language: &'static Language,
    input: Input,
    turn: Option<Turn>,
    memory: Memory,
}

/// A turn that runs.
#[derive(Debug)]
struct Turn {
    from_ms: u64,
    /// Words that were told.
    told: usize,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// The caller began to speak.
    Began {
        /// When.
        at_ms: u64,
    },
    /// Another word of the turn.
    Word {
        /// All words so far.
        text: String,
        /// Whether no more follows before the end.
        is_last: bool,
    },
    /// The caller has finished.
    Ended(Ended),
}

/// A turn that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// When it began.
    pub(super) from_ms: u64,
    /// When it ended.
    pub(super) to_ms: u64,
    /// All words.
    pub(super) text: String,
    /// The words that follow those which were told.
    pub(super) rest: String,
}

impl Caller {
    /// Nothing heard. A turn is over after `silence_ms`, and kept in `memory`.
    pub(super) fn new(format: Format, language: &'static Language, silence_ms: u32, memory: &Memory) -> Self {
        let input = Input::new(format, Some(detection(silence_ms)));
        Self { format, language, input, turn: None, memory: memory.clone() }
    }

    /// Changes what is spoken, and after which silence a turn is over.
    pub(super) fn configure(&mut self, language: &'static Language, silence_ms: u32) {
        self.language = language;
        self.input.configure(self.format, Some(detection(silence_ms)));
    }

    /// The audio so far.
    pub(super) fn ms(&self) -> u64 {
        self.input.written_ms()
    }

    /// Hears a piece of audio.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Vec<Heard> {
        let mut out = Vec::new();
        self.input.append(bytes);
        while let Some(change) = self.input.listen() {
            match change {
                SpeechChange::SpeechBegan { at_ms } => {
                    self.turn = Some(Turn { from_ms: at_ms, told: 0 });
                    out.push(Heard::Began { at_ms });
                }
                SpeechChange::SpeechEnded { at_ms, turn } => out.extend(self.ended(at_ms, &turn).map(Heard::Ended)),
            }
        }
        self.tell(&mut out);
        out
    }

    /// Ends the turn that runs, as if the caller had finished.
    pub(super) fn finish(&mut self) -> Option<Ended> {
        match self.input.finish()? {
            SpeechChange::SpeechEnded { at_ms, turn } => self.ended(at_ms, &turn),
            SpeechChange::SpeechBegan { .. } => None,
        }
    }

    /// Tells the words that are due.
    fn tell(&mut self, out: &mut Vec<Heard>) {
        let ms = self.ms();
        let Some(turn) = &mut self.turn else { return };
        let (beginning, _) = self.language.heard_in_parts(0);
        let words: Vec<&str> = beginning.split_whitespace().collect();
        let due = usize::try_from(ms.saturating_sub(turn.from_ms) / WORD_MS).unwrap_or(usize::MAX).min(words.len());
        while turn.told < due {
            turn.told += 1;
            out.push(Heard::Word { text: words[..turn.told].join(" "), is_last: turn.told == words.len() });
        }
    }

    fn ended(&mut self, to_ms: u64, sound: &Sound) -> Option<Ended> {
        let turn = self.turn.take()?;
        let sound = sound.trimmed();
        let text = self.language.heard(sound.ms());
        self.memory.keep(&text, sound);
        let told = text.split(' ').take(turn.told).map(|word| word.len() + 1).sum::<usize>();
        let rest = text.get(told..).unwrap_or_default().to_owned();
        Some(Ended { from_ms: turn.from_ms, to_ms, text, rest })
    }
}

fn detection(silence_ms: u32) -> Detection {
    Detection { tuning: Tuning { threshold: 0.5, silence_ms }, prefix_ms: PREFIX_MS }
}

/// The words of a text with the time of each, spread evenly.
pub(super) fn timed<'a>(text: &'a str, from_ms: u64, to_ms: u64) -> Vec<(&'a str, f64, f64)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let step = to_ms.saturating_sub(from_ms) as f64 / 1000.0 / words.len().max(1) as f64;
    let from = from_ms as f64 / 1000.0;
    let timed = |(number, word): (usize, &'a str)| {
        let start = step.mul_add(number as f64, from);
        (word, start, start + step)
    };
    words.into_iter().enumerate().map(timed).collect()
}

/// The time after which a word of the beginning is known.
const WORD_MS: u64 = 250;
/// Audio before the onset that belongs to a turn.
const PREFIX_MS: u32 = 120;

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(caller: &mut Caller, ms: usize, byte: u8) -> Vec<Heard> {
        let frame: Vec<u8> = (0..160).map(|n| if n % 20 < 10 { byte } else { byte | 0x80 }).collect();
        (0..ms / 20).flat_map(|_| caller.hear(&frame)).collect()
    }

    #[test]
    fn a_turn_has_its_words_one_after_the_other_and_its_length_at_the_end() {
        let mut caller = Caller::new(Format::MuLaw, Language::of(None, ""), 300, &Memory::default());
        assert_eq!(hear(&mut caller, 1_000, 0xFF), []);
        let mut heard = hear(&mut caller, 1_000, 0x20);
        heard.extend(hear(&mut caller, 600, 0xFF));
        let word = |text: &str, is_last| Heard::Word { text: text.to_owned(), is_last };
        assert!(matches!(heard[0], Heard::Began { at_ms: 880 }), "{heard:?}");
        assert_eq!(heard[1..3], [word("[caller", false), word("[caller speech,", true)]);
        let Heard::Ended(ended) = &heard[3] else { panic!("{heard:?}") };
        assert_eq!(
            (ended.text.as_str(), ended.rest.as_str()),
            ("[caller speech, 1.2 s] some words", "1.2 s] some words")
        );
        assert!(ended.from_ms == 880 && ended.to_ms > 2_000);
        assert_eq!((caller.ms(), caller.finish()), (2_600, None));
    }

    #[test]
    fn a_turn_may_be_ended_before_its_silence() {
        let mut caller = Caller::new(Format::MuLaw, Language::of(Some("hi-IN"), ""), 3_000, &Memory::default());
        hear(&mut caller, 1_000, 0xFF);
        hear(&mut caller, 200, 0x20);
        let ended = caller.finish().expect("a turn runs");
        assert_eq!(ended.text, format!("[कॉलर {}", ended.rest));
        assert_eq!(timed("one two", 1_000, 2_000), [("one", 1.0, 1.5), ("two", 1.5, 2.0)]);
    }
}
