//! When the caller was last heard: a gate on the energy of the line's audio. Pure.
//!
//! The model reports the end of a turn some time after it, and that delay is the first part of the
//! caller's wait. The gate is coarse on purpose: it decides nothing and only dates the last speech.
//! A piece of 20 ms is loud when it is well above the line's own noise. The noise level falls at
//! once and rises slowly, so that it rests on the pauses between words. One loud piece alone is a
//! click.

use std::time::{Duration, Instant};

use super::energy::Energy;
use super::scratch::Scratch;
use crate::carrier::AudioFormat;
use crate::g711;

/// The gate of one line.
#[derive(Debug)]
pub(crate) struct VoiceActivity {
    format: AudioFormat,
    /// The mean square of the line's noise. `None` before the first piece.
    floor: Option<f32>,
    /// Whether the last piece was loud.
    loud: bool,
    /// When the last voice arrived.
    last: Option<Instant>,
}

impl VoiceActivity {
    /// A gate that has heard nothing.
    pub(crate) fn new(format: AudioFormat) -> Self {
        Self { format, floor: None, loud: false, last: None }
    }

    /// Takes a frame whose last sample arrived now. An incomplete piece at its end is ignored.
    pub(crate) fn hear(&mut self, frame: &[u8], now: Instant) {
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

    /// The time since the last voice arrived. `None` if there was none.
    pub(crate) fn last_voice(&self, now: Instant) -> Option<Duration> {
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

/// Length of a judged piece: a usual frame. Shorter: a plosive counts as a voice. Longer: the time
/// is coarser.
const PIECE: Duration = Duration::from_millis(20);
/// The floor's rise from piece to piece: about 3 dB a second. Slower: new noise counts as a voice
/// for longer. Faster: a long vowel counts as noise.
const RISE: f32 = 1.014;
/// Distance of a voice from the floor: 10 dB in energy. Less: breathing counts as a voice. More:
/// soft last syllables do not.
const ABOVE_FLOOR: f32 = 10.0;
/// Lowest noise floor: -60 dBFS. Lower: the hiss of a codec after digital silence counts as a
/// voice.
const LOWEST_FLOOR: f32 = 1_074.0;
/// Highest noise floor: -36 dBFS. Higher: in a call that begins in the middle of speech, that
/// speech is not recognized.
const HIGHEST_FLOOR: f32 = 269_700.0;

#[cfg(test)]
mod tests;
