//! The level of one direction: a gain, and a limiter that keeps amplified samples from clipping.
//! Pure.
//!
//! By default the level is off and samples pass unchanged, bit for bit. A change of gain takes 10
//! ms, in steps too small to hear. The limiter is a curve and not a control loop, so it neither
//! pumps nor delays. Up to a knee, samples are only multiplied. Above it, they approach full scale
//! with a slope that begins at one. The knee is full scale divided by the gain, so that there is no
//! curve without gain, and it is never below -6 dBFS.

/// A gain in decibels. 0 is off.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Gain(f32);

impl Gain {
    /// No change.
    pub const OFF: Self = Self(0.0);

    /// A gain of `decibels`. `None` if it is not a number or exceeds [`MOST_GAIN_DB`] in either
    /// direction.
    pub fn decibels(decibels: f32) -> Option<Self> {
        (decibels.abs() <= MOST_GAIN_DB).then_some(Self(decibels))
    }

    fn factor(self) -> f32 {
        10_f32.powf(self.0 / 20.0)
    }
}

/// The levels of a line.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Levels {
    /// The gain for the model.
    pub from_caller: Gain,
    /// The gain for the caller.
    pub to_caller: Gain,
}

/// The gain stage of one direction.
#[derive(Debug)]
pub struct Level {
    /// The current factor.
    factor: f32,
    /// The factor at the end of the move.
    target: f32,
    /// The change of the factor with each sample.
    step: f32,
    /// Remaining samples of the move.
    moving: u32,
    /// Samples of a whole move.
    travel: u32,
}

impl Level {
    /// A stage at `gain` for samples at `rate_hz`.
    pub fn new(gain: Gain, rate_hz: u32) -> Self {
        let factor = gain.factor();
        let travel = rate_hz / MOVES_PER_SECOND;
        Self { factor, target: factor, step: 0.0, moving: 0, travel }
    }

    /// Moves to `gain` over the next samples.
    pub fn move_to(&mut self, gain: Gain) {
        self.target = gain.factor();
        self.moving = self.travel;
        self.step = (self.target - self.factor) / self.travel as f32;
    }

    /// Whether samples pass unchanged.
    #[expect(clippy::float_cmp, reason = "off is exactly one: ten to the power of zero")]
    pub fn is_off(&self) -> bool {
        self.moving == 0 && self.factor == 1.0
    }

    /// Applies the level to `samples`.
    pub fn process(&mut self, samples: &mut [i16]) {
        if self.is_off() {
            return;
        }
        for sample in samples {
            if self.moving > 0 {
                self.moving -= 1;
                self.factor = if self.moving == 0 { self.target } else { self.factor + self.step };
            }
            *sample = limited(f32::from(*sample) * self.factor, self.factor);
        }
    }
}

/// `sample`, which was multiplied by `factor`, limited to 16 bits.
fn limited(sample: f32, factor: f32) -> i16 {
    let knee = (FULL_SCALE / factor.max(1.0)).max(LOWEST_KNEE);
    let over = sample.abs() - knee;
    let magnitude = if over > 0.0 {
        let range = FULL_SCALE - knee;
        // The curve approaches the full range and never reaches it.
        knee + over * range / (over + range)
    } else {
        sample.abs()
    };
    (magnitude + 0.5).copysign(sample) as i16
}

/// Largest gain in either direction, dB. A line that needs more needs repair, not a setting.
pub const MOST_GAIN_DB: f32 = 24.0;
/// The largest sample.
const FULL_SCALE: f32 = 32_767.0;
/// Lowest knee: -6 dBFS. Lower: usual speech is bent too. Higher: loud speech is bent harder.
const LOWEST_KNEE: f32 = 16_384.0;
/// Moves per second: a move takes 10 ms. Shorter: a click. Longer: a swell.
const MOVES_PER_SECOND: u32 = 100;

#[cfg(test)]
mod tests;
