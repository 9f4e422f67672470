//! When the caller was last heard: a gate on the energy of what the line brings. Pure.
//!
//! The model says that a turn has ended some time after it did, and how long after is the first part of what a caller waits. The gate
//! is coarse on purpose: it decides nothing and only dates the last speech. A piece of 20 ms is loud when it stands well above the
//! line's own noise, whose level is followed: down at once, up slowly, so that it rests on the pauses between words. One loud piece
//! alone is a click.

use std::time::{Duration, Instant};

use super::energy::Energy;
use super::scratch::Scratch;
use crate::carrier::AudioFormat;
use crate::g711;

/// The gate of one line.
#[derive(Debug)]
pub(super) struct VoiceGate {
    format: AudioFormat,
    /// The mean square of the line's noise; none before the first piece.
    floor: Option<f32>,
    /// The last piece was loud.
    loud: bool,
    /// When the last voice had arrived.
    last: Option<Instant>,
}

impl VoiceGate {
    /// A detector that has heard nothing.
    pub(super) fn new(format: AudioFormat) -> Self {
        Self { format, floor: None, loud: false, last: None }
    }

    /// Takes a frame whose last sample arrived now. An incomplete piece at its end is ignored.
    pub(super) fn hear(&mut self, frame: &[u8], now: Instant) {
        let piece = PIECE.as_millis() as usize * self.format.bytes_per_ms();
        for (at, bytes) in frame.chunks_exact(piece.min(frame.len()).max(1)).enumerate() {
            let after = self.format.duration_of(frame.len() - (at + 1) * bytes.len());
            let loud = self.is_loud(self.mean_square(bytes));
            if loud && self.loud {
                self.last = now.checked_sub(after).or(Some(now));
            }
            self.loud = loud;
        }
    }

    /// How long ago the last voice arrived; `None` if there was none.
    pub(super) fn last_voice(&self, now: Instant) -> Option<Duration> {
        self.last.map(|last| now.saturating_duration_since(last))
    }

    fn is_loud(&mut self, level: f32) -> bool {
        let floor = self.floor.map_or(level, |floor| level.min(floor * RISE)).clamp(LOWEST_FLOOR, HIGHEST_FLOOR);
        self.floor = Some(floor);
        level > floor * ABOVE_FLOOR
    }

    fn mean_square(&self, bytes: &[u8]) -> f32 {
        Scratch::lend(|Scratch { narrow, .. }| {
            Energy::of(g711::read(self.format.encoding, bytes, narrow)).mean_square()
        })
    }
}

/// Length of a judged piece: a usual frame. Shorter: a plosive counts as a voice. Longer: the time is coarser.
const PIECE: Duration = Duration::from_millis(20);
/// The floor's rise from piece to piece: about 3 dB a second. Slower: noise that sets in is a voice for longer. Faster: a long vowel
/// is taken for noise.
const RISE: f32 = 1.014;
/// How far above the floor a voice is: 10 dB in energy. Less: breathing is a voice. More: soft last syllables are none.
const ABOVE_FLOOR: f32 = 10.0;
/// No line is taken to be quieter: -60 dBFS. With lower, the hiss of a codec after digital silence is a voice.
const LOWEST_FLOOR: f32 = 1_074.0;
/// No line is taken to be louder: -36 dBFS. With higher, a call that begins in the midst of speech stays deaf to it.
const HIGHEST_FLOOR: f32 = 269_700.0;

#[cfg(test)]
mod tests;
