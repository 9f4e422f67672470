//! What the model hears: the caller's turns, and the words that it makes of them. Pure.
//!
//! All times are in milliseconds of appended audio. The words of a turn are the bundled description
//! of it: its beginning comes while the caller speaks, and its rest, which tells the length, at the
//! end.

use crate::tools::rehearsal::input::{Detection, Input, SpeechChange};
use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::Language;
use crate::tools::rehearsal::turns::Tuning;

/// The caller's audio of one session.
#[derive(Debug)]
pub(super) struct Hearing {
    format: Format,
    input: Input,
    /// Whether the client has muted the caller.
    muted: bool,
    /// The turn that runs.
    turn: Option<Turn>,
    /// Audio that came since the last tenth of a second was judged.
    piece: Vec<u8>,
}

/// A turn that runs.
#[derive(Debug)]
struct Turn {
    from_ms: u64,
    /// How much of it was loud.
    loud_ms: u64,
    /// Where its next words stand.
    words_at: u64,
}

/// A piece of the caller's words, with its place on the grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fragment {
    /// The words, with the space before them.
    pub(super) text: String,
    /// Where they begin.
    pub(super) start_ms: u64,
    /// Where they end.
    pub(super) end_ms: u64,
}

/// What was heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// The caller began to speak.
    Began,
    /// The caller has finished.
    Ended {
        /// The audio of the turn.
        sound: Sound,
        /// How much of it was loud, in ms.
        loud_ms: u64,
    },
    /// Words of the caller, to be sent at this time.
    Words(u64, Fragment),
}

impl Hearing {
    /// Nothing heard.
    pub(super) fn new(format: Format) -> Self {
        let detection = Detection { tuning: Tuning { threshold: 0.5, silence_ms: TURN_ENDS_AFTER_MS }, prefix_ms: 120 };
        Self { format, input: Input::new(format, Some(detection)), muted: false, turn: None, piece: Vec::new() }
    }

    /// The session's clock.
    pub(super) fn ms(&self) -> u64 {
        self.input.written_ms()
    }

    /// Whether a turn runs, and how much of it was loud.
    pub(super) fn voice_ms(&self) -> Option<u64> {
        self.turn.as_ref().map(|turn| turn.loud_ms)
    }

    /// Puts silence in place of the caller, or the caller again.
    pub(super) const fn mute(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Hears a piece of audio. `deaf` is what plays an own clip: nothing is heard meanwhile.
    pub(super) fn hear(&mut self, bytes: &[u8], deaf: bool, language: &Language, out: &mut Vec<Heard>) {
        if deaf || self.muted {
            self.input.append(&vec![self.format.silent_byte(); bytes.len()]);
        } else {
            self.input.append(bytes);
            self.measure(bytes);
        }
        while let Some(change) = self.input.listen() {
            match change {
                SpeechChange::SpeechBegan { at_ms } => self.began(at_ms, language, out),
                SpeechChange::SpeechEnded { turn, .. } => self.ended(&turn, language, out),
            }
        }
    }

    fn measure(&mut self, bytes: &[u8]) {
        let Some(turn) = &mut self.turn else { return };
        self.piece.extend_from_slice(bytes);
        let length = self.format.bytes_per_ms() * PIECE_MS as usize;
        while self.piece.len() >= length {
            let power = self.format.power(&self.piece[..length]);
            turn.loud_ms += if power > LOUD { PIECE_MS } else { 0 };
            self.piece.drain(..length);
        }
    }

    fn began(&mut self, at_ms: u64, language: &Language, out: &mut Vec<Heard>) {
        let mut words_at = on_grid(at_ms);
        let (beginning, _) = language.heard_in_parts(0);
        for word in beginning.split_inclusive(' ') {
            let fragment = fragment(word.trim_end(), words_at);
            out.push(Heard::Words(fragment.end_ms, fragment));
            words_at += GRID_MS;
        }
        self.piece.clear();
        self.turn = Some(Turn { from_ms: at_ms, loud_ms: 0, words_at });
        out.push(Heard::Began);
    }

    fn ended(&mut self, sound: &Sound, language: &Language, out: &mut Vec<Heard>) {
        let Some(turn) = self.turn.take() else { return };
        let sound = sound.trimmed();
        let (_, rest) = language.heard_in_parts(sound.ms());
        let last = on_grid((turn.from_ms + sound.ms()).saturating_sub(GRID_MS));
        let fragment = fragment(&rest, last.max(turn.words_at));
        out.push(Heard::Words(fragment.end_ms, fragment));
        out.push(Heard::Ended { sound, loud_ms: turn.loud_ms });
    }
}

fn fragment(text: &str, start_ms: u64) -> Fragment {
    Fragment { text: format!(" {text}"), start_ms, end_ms: start_ms + GRID_MS }
}

/// The beginning of the step of the grid on which a time lies.
pub(super) const fn on_grid(ms: u64) -> u64 {
    ms / GRID_MS * GRID_MS
}

/// The grid of transcripts and acknowledgements, in ms.
pub(super) const GRID_MS: u64 = 200;
/// Silence that ends a turn of the caller. Shorter: a pause between sentences ends one.
const TURN_ENDS_AFTER_MS: u32 = 600;
/// The piece whose level is judged, in ms.
const PIECE_MS: u64 = 20;
/// The least power of a voice: -46 dB of full scale.
const LOUD: f32 = 2.5e-5;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(ms: usize, byte: u8, hearing: &mut Hearing) -> Vec<Heard> {
        let mut out = Vec::new();
        let frame: Vec<u8> = (0..160).map(|n| if n % 20 < 10 { byte } else { byte | 0x80 }).collect();
        for _ in 0..ms / 20 {
            hearing.hear(&frame, false, Language::of(None, ""), &mut out);
        }
        out
    }

    #[test]
    fn a_turn_has_its_words_on_the_grid_and_in_order() {
        let mut hearing = Hearing::new(Format::MuLaw);
        assert!(heard(1_000, 0xFF, &mut hearing).is_empty());
        let mut events = heard(1_000, 0x20, &mut hearing);
        assert!(hearing.voice_ms().is_some_and(|ms| (800..=1_000).contains(&ms)));
        events.extend(heard(1_000, 0xFF, &mut hearing));
        let words: Vec<&Fragment> = events
            .iter()
            .filter_map(|event| if let Heard::Words(_, words) = event { Some(words) } else { None })
            .collect();
        assert_eq!(
            words.iter().map(|words| words.text.as_str()).collect::<String>().trim(),
            "[caller speech, 1.2 s] some words"
        );
        assert!(words.windows(2).all(|two| two[0].end_ms <= two[1].start_ms), "{words:?}");
        assert!(words.iter().all(|words| words.start_ms % GRID_MS == 0 && words.end_ms == words.start_ms + GRID_MS));
        assert!(matches!(events.last(), Some(Heard::Ended { loud_ms: 800..=1_000, .. })));
        assert_eq!(hearing.ms(), 3_000);
    }

    #[test]
    fn a_muted_caller_is_silent_and_the_clock_runs() {
        let mut hearing = Hearing::new(Format::MuLaw);
        heard(1_000, 0xFF, &mut hearing);
        hearing.mute(true);
        assert!(heard(2_000, 0x20, &mut hearing).is_empty());
        assert_eq!(hearing.ms(), 3_000);
        hearing.mute(false);
        assert!(!heard(500, 0x20, &mut hearing).is_empty());
    }
}
