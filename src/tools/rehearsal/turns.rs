//! Finds the caller's turns by energy: an adaptive noise floor, an onset that wants more than a click, a hangover. Pure.
//!
//! It is fed the mean power of blocks of 10 ms, one after the other, and answers when speech began or ended.

/// How a detector is set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tuning {
    /// `threshold`, 0–1: how much louder than the line's noise speech has to be.
    pub(super) threshold: f32,
    /// `silence_duration_ms`: silence that ends a turn.
    pub(super) silence_ms: u32,
}

/// What a block changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Speech began so many blocks ago, this one included.
    Began(u32),
    /// Speech ended; this block is the last of the silence that ended it.
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
    /// The last blocks, one bit each, the newest lowest: whether it was loud.
    recent: u8,
    /// Quiet blocks since the last loud ones.
    quiet: u32,
    /// Blocks still to come before anything is learnt of the line.
    settling: u32,
    /// The power of the blocks since the last mean.
    sum: f32,
    /// The least mean over 100 ms in each of the last half seconds; the last one is still growing.
    minima: [f32; MINIMA],
    /// Blocks that went into the growing minimum.
    filled: u32,
}

impl Detector {
    /// A detector that has heard nothing yet.
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

    /// Takes new settings; what was learnt of the line stays.
    pub(super) fn tune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    /// Forgets an open turn, not the line.
    pub(super) fn forget_turn(&mut self) {
        self.speaking = false;
        self.recent = 0;
        self.quiet = 0;
    }

    /// Whether a turn is open.
    pub(super) fn speaking(&self) -> bool {
        self.speaking
    }

    /// Hears the next block.
    pub(super) fn hear(&mut self, power: f32) -> Option<Change> {
        let start = self.start_power();
        self.learn(power);
        // Speech goes on at 5 dB less than it starts with, so that soft syllables do not end a turn.
        let loud = power > if self.speaking { start * 0.32 } else { start };
        self.recent = (self.recent << 1) | u8::from(loud);
        if self.speaking { self.hear_in_turn() } else { self.hear_outside() }
    }

    /// Four loud blocks of six begin a turn: a click is one or two.
    fn hear_outside(&mut self) -> Option<Change> {
        let window = self.recent & 0b11_1111;
        if window.count_ones() < 4 {
            return None;
        }
        self.speaking = true;
        self.quiet = 0;
        Some(Change::Began(u8::BITS - window.leading_zeros()))
    }

    /// A turn ends when for the whole hangover no two of three neighbours were loud: one crackle does not prolong it.
    fn hear_in_turn(&mut self) -> Option<Change> {
        self.quiet = if (self.recent & 0b111).count_ones() >= 2 { 0 } else { self.quiet + 1 };
        if (self.quiet as usize * BLOCK_MS) < self.tuning.silence_ms.max(LEAST_SILENCE_MS) as usize {
            return None;
        }
        self.forget_turn();
        Some(Change::Ended)
    }

    fn learn(&mut self, power: f32) {
        // Digital silence is a gap that somebody filled and says nothing of the line's noise.
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
        // Nothing is known at first; a caller who speaks from the first frame on is heard by the least level alone.
        let least = self.minima.iter().copied().fold(f32::INFINITY, f32::min);
        let floor = if least.is_finite() { least.clamp(QUIETEST, LOUDEST_FLOOR) } else { QUIETEST };
        // At 0.5: 12 dB over the floor, and at least -46 dB of full scale. At 1: 19 dB and -36 dB; at 0: 5 dB and -56 dB.
        let margin_db = 14.0f32.mul_add(self.tuning.threshold, 5.0);
        let least_db = 20.0f32.mul_add(self.tuning.threshold, -56.0);
        (floor * decibels(margin_db)).max(decibels(least_db))
    }
}

fn decibels(level: f32) -> f32 {
    10f32.powf(level / 10.0)
}

/// The floor is the quietest half second part of the last six seconds. Shorter, and a long word becomes the floor;
/// longer, and a vacuum cleaner that is switched on is taken for speech all that time.
const MINIMA: usize = 12;
const BLOCKS_PER_MINIMUM: u32 = 50;
/// The floor is measured over 100 ms at a time: a pause between syllables is shorter.
const BLOCKS_PER_MEAN: u32 = 10;
/// A line fades in while codecs and gates open; that is not its noise.
const SETTLING: u32 = 10;
/// Digital silence counts as -80 dB of full scale.
const QUIETEST: f32 = 1e-8;
/// What is louder than -35 dB for six seconds is someone speaking without a breath rather than noise.
const LOUDEST_FLOOR: f32 = 3.2e-4;
/// With a shorter hangover the closure of a plosive would end a turn.
const LEAST_SILENCE_MS: u32 = 60;

#[cfg(test)]
mod tests;
