//! The audio of texts: in pieces that hold whole characters, at the pace of the server. Pure.

use bytes::Bytes;

use crate::tools::rehearsal::memory::Memory;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::protocol::Visit;
use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::Language;

/// The voice of an engine.
#[derive(Debug, Clone)]
pub(super) struct Speaker {
    format: Format,
    /// The language of the voice, if it has one alone.
    language: Option<&'static Language>,
    pace: Pace,
    is_silent: bool,
    memory: Memory,
}

/// Texts that are said one after the other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Timeline {
    /// When the last piece so far is sent.
    free_at_ms: u64,
    /// The audio so far.
    pub(super) said_ms: f64,
}

/// A piece of audio.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    /// When it is sent.
    pub(super) at_ms: u64,
    /// The audio.
    pub(super) audio: Bytes,
    /// Its characters, each with its beginning and its length in ms within the piece.
    pub(super) characters: Vec<(char, f64, f64)>,
}

/// A word, with its beginning and its end in seconds on the timeline.
pub(super) type Word = (String, f64, f64);

impl Speaker {
    /// The voice of a server.
    pub(super) fn new(format: Format, language: Option<&'static Language>, visit: &Visit<'_>) -> Self {
        Self::at(format, language, Pace::of(visit.options), &visit.misbehaviour, visit.memory)
    }

    /// A voice with a pace, which repeats what is in `memory`.
    pub(super) fn at(
        format: Format,
        language: Option<&'static Language>,
        pace: Pace,
        misbehaviour: &Misbehaviour,
        memory: &Memory,
    ) -> Self {
        let is_silent = Misbehaviour::on(misbehaviour.silent_responses);
        Self { format, language, pace: pace.with(misbehaviour), is_silent, memory: memory.clone() }
    }

    /// Pieces that are on their way when a text is cancelled.
    pub(super) fn on_their_way(&self) -> usize {
        self.pace.late_deltas as usize
    }

    /// Says a text at `now_ms`, behind everything on its timeline. Returns also its words.
    pub(super) fn say(&self, text: &str, now_ms: u64, timeline: &mut Timeline) -> (Vec<Piece>, Vec<Word>) {
        let sound = self.sound(text);
        let characters: Vec<char> = text.chars().collect();
        let (count, samples) = (characters.len().max(1), sound.bytes.len() / self.format.sample_bytes());
        let length_ms = samples as f64 * 1000.0 / f64::from(self.format.rate());
        let each_ms = length_ms / count as f64;
        let from_ms = timeline.said_ms;
        let at_a_time = (self.pace.delta.as_millis() as f64 / each_ms.max(0.1)) as usize;
        let first_ms = self.pace.first_audio.as_millis() as u64;
        let begin_ms = now_ms.max(timeline.free_at_ms) + if from_ms == 0.0 { first_ms } else { 0 };
        let mut pieces = Vec::new();
        for (number, part) in characters.chunks(at_a_time.max(1)).enumerate() {
            let from = number * at_a_time.max(1);
            let byte = |character: usize| character * samples / count * self.format.sample_bytes();
            let audio = sound.bytes.slice(byte(from)..byte(from + part.len()));
            let ahead = self.pace.speed.map_or(0.0, |speed| from as f64 * each_ms / speed);
            let timed = part.iter().enumerate().map(|(at, c)| (*c, at as f64 * each_ms, each_ms)).collect();
            pieces.push(Piece { at_ms: begin_ms + ahead as u64, audio, characters: timed });
        }
        timeline.free_at_ms = pieces.last().map_or(timeline.free_at_ms, |piece| piece.at_ms);
        timeline.said_ms += length_ms;
        (pieces, words(&characters, from_ms, each_ms))
    }

    /// When everything so far on a timeline is sent.
    pub(super) fn end_ms(timeline: &Timeline, now_ms: u64) -> u64 {
        timeline.free_at_ms.max(now_ms)
    }

    fn sound(&self, text: &str) -> Sound {
        let mut sound = self.memory.sound_of(text, self.format).unwrap_or_else(|| {
            let own = Language::speaking(text).or(self.language);
            own.unwrap_or_else(|| Language::of(None, "")).spoken(text, self.format)
        });
        if let Some(length) = self.pace.answer {
            sound = sound.lasting(length.as_millis() as u64);
        }
        if self.is_silent { sound.silence() } else { sound }
    }
}

impl Timeline {
    /// Begins anew: what was to be said is not said any more.
    pub(super) fn stop(&mut self, now_ms: u64) {
        *self = Self { free_at_ms: now_ms, said_ms: 0.0 };
    }
}

fn words(characters: &[char], from_ms: f64, each_ms: f64) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut is_open = false;
    for (number, character) in characters.iter().enumerate() {
        let (start, end) = (each_ms.mul_add(number as f64, from_ms), each_ms.mul_add(number as f64 + 1.0, from_ms));
        if character.is_whitespace() {
            is_open = false;
        } else if let Some(word) = words.last_mut().filter(|_| is_open) {
            word.0.push(*character);
            word.2 = end / 1000.0;
        } else {
            is_open = true;
            words.push((character.to_string(), start / 1000.0, end / 1000.0));
        }
    }
    words
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::tools::rehearsal::server::RehearsalOptions;

    /// An English voice of mu-law.
    pub(in crate::tools::rehearsal::cascade::voice) fn speaker(rehearse: &str) -> Speaker {
        let misbehaviour = Misbehaviour::default().with(rehearse).unwrap();
        Speaker::at(Format::MuLaw, None, Pace::of(&RehearsalOptions::default()), &misbehaviour, &Memory::default())
    }

    #[test]
    fn pieces_hold_whole_characters_and_tile_the_sound() {
        let (speaker, mut timeline) = (speaker("speed_percent:100"), Timeline::default());
        let (pieces, words) = speaker.say("Alright.", 100, &mut timeline);
        let bytes: usize = pieces.iter().map(|piece| piece.audio.len()).sum();
        assert_eq!(bytes as f64 / 8.0, timeline.said_ms);
        assert_eq!(pieces.iter().map(|piece| piece.characters.len()).sum::<usize>(), 8);
        assert!(pieces.iter().all(|piece| !piece.characters.is_empty() && piece.characters[0].1 == 0.0));
        assert!(pieces[0].at_ms == 100 && pieces.windows(2).all(|two| two[1].at_ms > two[0].at_ms));
        assert_eq!((words.len(), words[0].0.as_str(), words[0].1), (1, "Alright.", 0.0));
        let (next, words) = speaker.say("One two.", 100, &mut timeline);
        assert!(next[0].at_ms >= pieces[pieces.len() - 1].at_ms && words.len() == 2 && words[0].1 > 0.3);
    }

    #[test]
    fn a_part_of_a_line_sounds_like_that_part() {
        let (speaker, english) = (speaker("speed_percent:0"), Language::of(None, ""));
        let mut timeline = Timeline::default();
        let whole = speaker.say("Hello, this is Switchboard. How can I help you?", 0, &mut timeline).0;
        let length = timeline.said_ms;
        timeline.stop(0);
        speaker.say("Hello, this is Switchboard.", 0, &mut timeline);
        assert!(timeline.said_ms < length * 0.65 && timeline.said_ms > length * 0.5);
        assert!(whole.iter().all(|piece| piece.at_ms == 0));
        assert_eq!(Language::speaking("How can I help you?"), Some(english));
    }
}
