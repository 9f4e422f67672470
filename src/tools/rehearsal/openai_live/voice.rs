//! What the model says: one endless stream of pieces of 100 ms, digital silence included. Pure.
//!
//! The stream follows the session's clock by a fixed delay. An utterance is a text with a sound. It
//! has no beginning and no end in the protocol: its words come as fragments beside the pieces.

use std::collections::VecDeque;

use super::hearing::{Fragment, GRID_MS, on_grid};
use crate::tools::rehearsal::sound::{Format, Sound};

/// The stream of one session.
#[derive(Debug)]
pub(super) struct Voice {
    format: Format,
    /// The session time at which the next piece is due.
    next_at: u64,
    waiting: VecDeque<Utterance>,
    current: Option<Speaking>,
    /// How much earlier than its sound a word is sent.
    words_ahead_ms: u64,
}

/// Something to say.
#[derive(Debug, Clone)]
pub(super) struct Utterance {
    /// The words; none for a clip of the client.
    pub(super) text: String,
    /// The audio.
    pub(super) sound: Sound,
    /// Whether it is a clip of the client.
    pub(super) clip: bool,
}

#[derive(Debug)]
struct Speaking {
    utterance: Utterance,
    /// The session time at which it began.
    from_ms: u64,
    /// Bytes that were sent.
    sent: usize,
    /// The words that were not sent, by the time from its beginning.
    words: VecDeque<(u64, String)>,
}

/// A piece of the stream, and what goes with it.
#[derive(Debug)]
pub(super) struct Piece {
    /// The audio.
    pub(super) audio: Vec<u8>,
    /// Words that are due.
    pub(super) words: Vec<Fragment>,
    /// The utterance that ends with this piece.
    pub(super) ended: Option<Utterance>,
}

impl Voice {
    /// A silent stream.
    pub(super) const fn new(format: Format, words_ahead_ms: u64) -> Self {
        Self { format, next_at: DELAY_MS + PIECE_MS, waiting: VecDeque::new(), current: None, words_ahead_ms }
    }

    /// The session time at which the next piece is due.
    pub(super) const fn next_at(&self) -> u64 {
        self.next_at
    }

    /// Whether something is said, or waits to be.
    pub(super) fn speaks(&self) -> bool {
        self.current.is_some() || !self.waiting.is_empty()
    }

    /// How much of the current utterance was sent, in pieces.
    pub(super) fn pieces(&self) -> usize {
        let piece = self.format.bytes_per_ms() * PIECE_MS as usize;
        self.current.as_ref().map_or(0, |speaking| speaking.sent / piece)
    }

    /// Says something after everything else.
    pub(super) fn say(&mut self, utterance: Utterance) {
        self.waiting.push_back(utterance);
    }

    /// Falls silent. Words that were not sent are lost.
    pub(super) fn stop(&mut self) {
        self.current = None;
        self.waiting.clear();
    }

    /// The next piece.
    pub(super) fn piece(&mut self) -> Piece {
        if self.current.is_none()
            && let Some(utterance) = self.waiting.pop_front()
        {
            self.current = Some(Speaking::new(utterance, self.next_at - PIECE_MS));
        }
        let length = self.format.bytes_per_ms() * PIECE_MS as usize;
        let mut audio = Vec::with_capacity(length);
        let mut words = Vec::new();
        if let Some(speaking) = &mut self.current {
            let rest = &speaking.utterance.sound.bytes[speaking.sent..];
            audio.extend_from_slice(&rest[..length.min(rest.len())]);
            speaking.sent += audio.len();
            let sent_ms = (speaking.sent / self.format.bytes_per_ms()) as u64;
            speaking.take_words(sent_ms + self.words_ahead_ms, &mut words);
        }
        audio.resize(length, self.format.silent_byte());
        self.next_at += PIECE_MS;
        let over = |speaking: &mut Speaking| speaking.sent >= speaking.utterance.sound.bytes.len();
        let ended = self.current.take_if(over).map(|mut speaking| {
            speaking.take_words(u64::MAX, &mut words);
            speaking.utterance
        });
        Piece { audio, words, ended }
    }
}

impl Speaking {
    fn new(utterance: Utterance, from_ms: u64) -> Self {
        let parts: Vec<&str> = utterance.text.split_whitespace().collect();
        let steps = (utterance.sound.ms() / GRID_MS).max(1);
        // The words are spread evenly over the steps of the grid.
        let mut words: VecDeque<(u64, String)> = VecDeque::new();
        for (number, word) in parts.iter().enumerate() {
            let at = number as u64 * steps / parts.len() as u64 * GRID_MS;
            match words.back_mut() {
                Some((last, text)) if *last == at => {
                    text.push(' ');
                    text.push_str(word);
                }
                _ => words.push_back((at, format!(" {word}"))),
            }
        }
        Self { utterance, from_ms, sent: 0, words }
    }

    fn take_words(&mut self, until_ms: u64, out: &mut Vec<Fragment>) {
        while self.words.front().is_some_and(|(at, _)| *at < until_ms)
            && let Some((at, text)) = self.words.pop_front()
        {
            let start_ms = on_grid(self.from_ms) + at;
            out.push(Fragment { text, start_ms, end_ms: start_ms + GRID_MS });
        }
    }
}

/// The length of a piece, in ms.
pub(super) const PIECE_MS: u64 = 100;
/// How far the stream is behind the caller's audio, in ms.
const DELAY_MS: u64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    fn utterance(text: &str, ms: usize) -> Utterance {
        let sound = Sound { format: Format::MuLaw, bytes: vec![0x20; ms * 8].into() };
        Utterance { text: text.to_owned(), sound, clip: false }
    }

    #[test]
    fn words_come_with_their_sound_on_the_grid() {
        let mut voice = Voice::new(Format::MuLaw, 0);
        assert_eq!(voice.next_at(), 700);
        assert!(voice.piece().audio.iter().all(|byte| *byte == 0xFF));
        voice.say(utterance("one two three four five", 1_050));
        let (mut text, mut pieces, mut last) = (String::new(), 0, 0);
        while voice.speaks() {
            let now = voice.next_at();
            let piece = voice.piece();
            pieces += 1;
            for words in &piece.words {
                assert!(words.start_ms >= last && words.start_ms % GRID_MS == 0 && words.start_ms <= now);
                last = words.end_ms;
                text.push_str(&words.text);
            }
        }
        assert_eq!((pieces, text.as_str()), (11, " one two three four five"));
    }

    #[test]
    fn a_stop_loses_the_words_that_were_not_said() {
        let mut voice = Voice::new(Format::MuLaw, 0);
        voice.say(utterance("one two three four five", 1_000));
        voice.say(utterance("six", 200));
        let said: String = (0..3).flat_map(|_| voice.piece().words).map(|words| words.text).collect();
        voice.stop();
        assert_eq!(said, " one two");
        assert!(!voice.speaks() && voice.piece().words.is_empty());
    }
}
