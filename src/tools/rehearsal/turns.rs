//! Finds the caller's turns by energy: an adaptive noise floor, an onset that a click does not
//! trigger, and a hangover. Pure.
//!
//! The detector receives the mean power of consecutive 10 ms blocks and reports when speech begins
//! or ends.

/// Settings of a detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tuning {
    /// `threshold`, 0–1: how much louder than the noise of the line speech must be.
    pub(super) threshold: f32,
    /// `silence_duration_ms`: silence that ends a turn.
    pub(super) silence_ms: u32,
}

/// A start or an end of speech.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Speech began this many blocks ago, including this one.
    Began(u32),
    /// Speech ended. This block is the last of the silence that ended it.
    Ended,
}

/// The length of a block.
pub(super) const BLOCK_MS: usize = 10;

/// The detector of one session.
#[derive(Debug)]
pub(super) struct Detector {
    tuning: Tuning,
    /// Whether a turn is open.
    speaking: bool,
    /// The last blocks, one bit each, the newest lowest. A bit is set if the block was loud.
    recent: u8,
    /// Number of quiet blocks since the last loud ones.
    quiet: u32,
    /// Number of blocks to skip before the noise floor is measured.
    settling: u32,
    /// Sum of the power of the blocks since the last mean.
    sum: f32,
    /// The lowest 100 ms mean in each of the last half-second intervals. The last interval is still
    /// open.
    minima: [f32; MINIMA],
    /// Number of blocks in the open interval.
    filled: u32,
}

impl Detector {
    /// A detector without any input yet.
    pub(super) fn new(tuning: Tuning) -> Self {
        Self {
            tuning,
            speaking: false,
            recent: 0,
            quiet: 0,
            settling: SETTLING,
            sum: 0.0,
            minima: [f32::INFINITY; MINIMA],
            filled: 0,
        }
    }

    /// Applies new settings and keeps the noise floor.
    pub(super) fn tune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    /// Forgets an open turn but keeps the noise floor.
    pub(super) fn forget_turn(&mut self) {
        self.speaking = false;
        self.recent = 0;
        self.quiet = 0;
    }

    /// Whether a turn is open.
    pub(super) fn speaking(&self) -> bool {
        self.speaking
    }

    /// Processes the next block.
    pub(super) fn hear(&mut self, power: f32) -> Option<Change> {
        let start = self.start_power();
        self.learn(power);
        // Speech continues at 5 dB below its starting level, so that soft syllables do not end a
        // turn.
        let loud = power > if self.speaking { start * 0.32 } else { start };
        self.recent = (self.recent << 1) | u8::from(loud);
        if self.speaking { self.hear_in_turn() } else { self.hear_outside() }
    }

    /// Detects the start of a turn: four loud blocks of six. A click is one or two.
    fn hear_outside(&mut self) -> Option<Change> {
        let window = self.recent & 0b11_1111;
        if window.count_ones() < 4 {
            return None;
        }
        self.speaking = true;
        self.quiet = 0;
        Some(Change::Began(u8::BITS - window.leading_zeros()))
    }

    /// Detects the end of a turn: during the whole hangover, no two of three neighbouring blocks
    /// were loud. A single crackle does not prolong it.
    fn hear_in_turn(&mut self) -> Option<Change> {
        self.quiet = if (self.recent & 0b111).count_ones() >= 2 { 0 } else { self.quiet + 1 };
        if (self.quiet as usize * BLOCK_MS) < self.tuning.silence_ms.max(LEAST_SILENCE_MS) as usize {
            return None;
        }
        self.forget_turn();
        Some(Change::Ended)
    }

    fn learn(&mut self, power: f32) {
        // Digital silence is artificial filler and says nothing about the noise of the line.
        if power <= QUIETEST {
            return;
        }
        if self.settling > 0 {
            self.settling -= 1;
            return;
        }
        self.sum += power;
        self.filled += 1;
        if !self.filled.is_multiple_of(BLOCKS_PER_MEAN) {
            return;
        }
        let newest = &mut self.minima[MINIMA - 1];
        *newest = newest.min(self.sum / BLOCKS_PER_MEAN as f32);
        self.sum = 0.0;
        if self.filled == BLOCKS_PER_MINIMUM {
            self.filled = 0;
            self.minima.rotate_left(1);
            self.minima[MINIMA - 1] = f32::INFINITY;
        }
    }

    fn start_power(&self) -> f32 {
        // At first the floor is unknown; if the caller speaks from the first frame on, only the
        // minimum level applies.
        let least = self.minima.iter().copied().fold(f32::INFINITY, f32::min);
        let floor = if least.is_finite() { least.clamp(QUIETEST, LOUDEST_FLOOR) } else { QUIETEST };
        // At 0.5: 12 dB over the floor, and at least -46 dB of full scale. At 1: 19 dB and -36 dB;
        // at 0: 5 dB and -56 dB.
        let margin_db = 14.0f32.mul_add(self.tuning.threshold, 5.0);
        let least_db = 20.0f32.mul_add(self.tuning.threshold, -56.0);
        (floor * decibels(margin_db)).max(decibels(least_db))
    }
}

fn decibels(level: f32) -> f32 {
    10f32.powf(level / 10.0)
}

/// Number of half-second intervals over which the floor is the minimum: six seconds. Shorter: a
/// long word becomes the floor. Longer: a vacuum cleaner that is switched on counts as speech for
/// that time.
const MINIMA: usize = 12;
const BLOCKS_PER_MINIMUM: u32 = 50;
/// Blocks per mean: 100 ms. A pause between syllables is shorter.
const BLOCKS_PER_MEAN: u32 = 10;
/// Blocks skipped at the start, while the line fades in as codecs and noise gates open. That is not
/// its noise.
const SETTLING: u32 = 10;
/// Digital silence counts as -80 dB of full scale.
const QUIETEST: f32 = 1e-8;
/// Highest noise floor. A sound above -35 dB for six seconds is continuous speech rather than
/// noise.
const LOUDEST_FLOOR: f32 = 3.2e-4;
/// Minimum hangover. If it were shorter, the closure of a plosive would end a turn.
const LEAST_SILENCE_MS: u32 = 60;

#[cfg(test)]
mod tests;
