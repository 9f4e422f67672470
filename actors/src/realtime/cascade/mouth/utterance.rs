//! An answer that is said, perhaps by several engines one after the other. Pure.

use std::time::{Duration, Instant};

use crate::realtime::cascade::playback::{Pace, Playback};
use crate::realtime::cascade::text::Piece;
use crate::realtime::cascade::voice::Timing;
use crate::realtime::word_times::{Span, TimedLetters, letters};

/// An answer that is said.
#[derive(Debug)]
pub(super) struct Utterance {
    pub(super) number: u64,
    /// The parts that one engine each has said.
    pub(super) parts: Vec<Said>,
    /// The pieces of the last part.
    pub(super) pieces: Vec<Piece>,
    /// How many of them were given to the engine.
    pub(super) given: usize,
    /// The letters of the pieces before those.
    letters: usize,
    /// Whether no more pieces will come.
    pub(super) is_complete: bool,
    /// Since when audio or the end is awaited.
    pub(super) awaited_since: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) playback: Playback,
    pub(super) audio: Duration,
}

impl Utterance {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            parts: vec![Said::default()],
            pieces: Vec::new(),
            given: 0,
            letters: 0,
            is_complete: false,
            awaited_since: None,
        }
    }

    /// The part that is being said.
    pub(super) fn part(&mut self) -> &mut Said {
        if self.parts.is_empty() {
            self.parts.push(Said::default());
        }
        let last = self.parts.len() - 1;
        &mut self.parts[last]
    }

    /// The engine says when words of the last part are said. Returns the same for the whole answer.
    pub(super) fn timed(&mut self, timings: &[Timing]) -> Vec<TimedLetters> {
        let (before, begins) = (self.letters, self.parts.iter().rev().skip(1).map(|part| part.audio).sum::<Duration>());
        let playback = &mut self.part().playback;
        playback.timed(timings);
        let ms = |time: Duration| u64::try_from((begins + time).as_millis()).unwrap_or(u64::MAX);
        let place = |at: usize| playback.text().get(..at).map(|text| before + letters(text));
        let timed = |timing: &Timing| {
            let span = Span { from_ms: ms(timing.start), to_ms: ms(timing.end) };
            Some(TimedLetters { before: place(timing.bytes.start)?, until: place(timing.bytes.end)?, span })
        };
        timings.iter().filter_map(timed).collect()
    }

    /// The engine has said everything that it was given.
    pub(super) fn end_part(&mut self, pace: &mut Pace) {
        let Said { playback, audio } = self.part();
        playback.took(*audio, pace);
        self.parts.push(Said::default());
        self.letters += self.pieces.drain(..self.given).map(|piece| letters(&piece.text)).sum::<usize>();
        (self.given, self.awaited_since) = (0, None);
    }

    /// Another engine goes on: with the piece that was being said, from its start.
    pub(super) fn begin_part(&mut self, pace: Pace) {
        let said = self.part();
        let heard = said.playback.heard_content(said.audio, pace);
        let nothing_came = said.audio.is_zero();
        let done = self.pieces.iter().take(self.given).take_while(|piece| !nothing_came && piece.content.end <= heard);
        let done = done.count();
        let mut whole = Said { audio: self.part().audio, playback: Playback::default() };
        for piece in self.pieces.drain(..done) {
            self.letters += letters(&piece.text);
            whole.playback.say(piece);
        }
        // Its length is that of the audio, whatever the pace: the pace learns nothing from it.
        let audio = whole.audio;
        whole.playback.took(audio, &mut Pace::default());
        *self.part() = whole;
        if !nothing_came {
            self.parts.push(Said::default());
        } else {
            *self.part() = Said::default();
        }
        self.given = 0;
    }

    pub(super) fn heard_letters(&self, played: Duration, pace: Pace) -> usize {
        let (mut begins, mut heard) = (Duration::ZERO, 0);
        for part in self.parts.iter().take_while(|part| !part.playback.is_empty()) {
            if played < begins {
                break;
            }
            heard += letters(part.playback.heard_text(played - begins, pace));
            begins += part.audio;
        }
        heard
    }

    pub(super) fn heard_content(&self, played: Duration, pace: Pace) -> usize {
        let (mut begins, mut heard) = (Duration::ZERO, 0);
        for part in &self.parts {
            if played < begins {
                break;
            }
            heard = heard.max(part.playback.heard_content(played - begins, pace));
            begins += part.audio;
        }
        heard
    }
}
