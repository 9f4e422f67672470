//! An answer that is said, perhaps by several engines one after the other. Pure.

use std::time::{Duration, Instant};

use crate::realtime::cascade::playback::{Pace, Playback};
use crate::realtime::cascade::text::Piece;

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

    /// The engine has said everything that it was given.
    pub(super) fn end_part(&mut self, pace: &mut Pace) {
        let Said { playback, audio } = self.part();
        playback.took(*audio, pace);
        self.parts.push(Said::default());
        self.pieces.drain(..self.given);
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
        self.pieces.drain(..done).for_each(|piece| {
            whole.playback.say(piece);
        });
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
