//! The noise of a line, and what exceeds it. Pure.
//!
//! The level of the noise falls at once and rises slowly, so that it rests on the pauses between
//! words.

use crate::audio::energy::Energy;

/// The noise of one line.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// Its mean square. `None` before the first step.
    level: Option<f32>,
}

impl Floor {
    /// Takes a step. Returns by how many decibels it is louder than the noise.
    pub(super) fn exceeded(&mut self, step: &[i16]) -> f32 {
        let energy = Energy::of(step).variance().max(1) as f32;
        let level = self.level.map_or(energy, |level| energy.min(level * RISE)).clamp(LOWEST, HIGHEST);
        self.level = Some(level);
        10.0 * (energy / level).log10()
    }
}

/// The rise from step to step: 3 dB a second. Slower: new noise counts as loud for longer. Faster:
/// a long vowel counts as noise.
const RISE: f32 = 1.011;
/// Lowest noise: -61 dBFS, so that a voice has at least -52 dBFS. Lower: a voice in the next room
/// counts.
const LOWEST: f32 = 850.0;
/// Highest noise: -36 dBFS. Higher: in a call that begins in the middle of speech, that speech is
/// not recognised.
const HIGHEST: f32 = 269_700.0;
