//! The level of one direction: a gain, and a limiter that keeps what is made louder from being cut off. Pure.
//!
//! Off, which is the default, nothing is touched: what goes through is the same, bit for bit. A gain that moves gets there over 10 ms
//! in steps too small to be heard. The limiter is a curve and no control loop, so it neither pumps nor delays: up to a knee samples
//! are only multiplied, above it they approach full scale with a slope that begins at one. The knee is at what full scale would
//! become by the gain upside down, so that without gain there is no curve, and never below -6 dBFS.

/// A gain in decibels; 0 is off.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Gain(f32);

impl Gain {
    /// What is not touched.
    pub const OFF: Self = Self(0.0);

    /// A gain of `decibels`; `None` if it is no number or more than [`MOST_GAIN_DB`] in either direction.
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
    /// For what the model hears.
    pub from_caller: Gain,
    /// For what the caller hears.
    pub to_caller: Gain,
}

/// The stage of one direction.
#[derive(Debug)]
pub struct Level {
    /// The factor now.
    factor: f32,
    /// Where it moves to.
    target: f32,
    /// How it moves with each sample.
    step: f32,
    /// Samples that it still moves for.
    moving: u32,
    /// Samples that a move takes.
    travel: u32,
}

impl Level {
    /// A stage at `gain` for samples at `rate_hz`.
    pub fn new(gain: Gain, rate_hz: u32) -> Self {
        let factor = gain.factor();
        let travel = rate_hz / MOVES_PER_SECOND;
        Self { factor, target: factor, step: 0.0, moving: 0, travel }
    }

    /// Moves to `gain` with the samples to come.
    pub fn move_to(&mut self, gain: Gain) {
        self.target = gain.factor();
        self.moving = self.travel;
        self.step = (self.target - self.factor) / self.travel as f32;
    }

    /// Whether samples pass as they are.
    #[expect(clippy::float_cmp, reason = "off is exactly one: ten to the power of zero")]
    pub fn is_off(&self) -> bool {
        self.moving == 0 && self.factor == 1.0
    }

    /// Levels `samples`.
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

/// `sample`, which was multiplied by `factor`, within 16 bits.
fn limited(sample: f32, factor: f32) -> i16 {
    let knee = (FULL_SCALE / factor.max(1.0)).max(LOWEST_KNEE);
    let over = sample.abs() - knee;
    let magnitude = if over > 0.0 {
        let range = FULL_SCALE - knee;
        // Approaches the full range and never gets there.
        knee + over * range / (over + range)
    } else {
        sample.abs()
    };
    (magnitude + 0.5).copysign(sample) as i16
}

/// More than this is a line that needs repair, not a setting.
pub const MOST_GAIN_DB: f32 = 24.0;
/// The largest sample.
const FULL_SCALE: f32 = 32_767.0;
/// -6 dBFS. Lower: usual speech is bent too. Higher: loud speech is bent harder.
const LOWEST_KNEE: f32 = 16_384.0;
/// A move takes 10 ms. Shorter: a click. Longer: a swell.
const MOVES_PER_SECOND: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_is_every_sample_as_it_was() {
        let mut level = Level::new(Gain::OFF, 8_000);
        assert!(level.is_off());
        let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let mut samples = all.clone();
        level.process(&mut samples);
        assert_eq!(samples, all);
    }

    #[test]
    fn a_gain_multiplies_what_is_below_the_knee() {
        for (decibels, factor) in [(6.020_6, 2.0), (-6.020_6, 0.5), (12.041_2, 4.0), (-20.0, 0.1)] {
            let mut samples: Vec<i16> = (-4_000..=4_000).collect();
            Level::new(gain(decibels), 8_000).process(&mut samples);
            for (before, after) in (-4_000_i16..=4_000).zip(samples) {
                let expected = f32::from(before) * factor;
                assert!((f32::from(after) - expected).abs() <= 0.6, "{before} at {decibels} dB is {after}");
            }
        }
    }

    #[test]
    fn the_limiter_bends_smoothly_and_never_overflows() {
        for decibels in [-24.0, -1.0, 0.1, 1.0, 3.0, 6.0, 12.0, 24.0] {
            let mut samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
            let mut level = Level::new(gain(decibels), 8_000);
            level.process(&mut samples);
            assert!(samples.is_sorted(), "louder in is louder out, {decibels} dB");
            let largest = level.factor.ceil() as i32 + 1;
            let steps = samples.windows(2).map(|pair| i32::from(pair[1]) - i32::from(pair[0]));
            assert!(steps.into_iter().all(|step| step <= largest), "a corner at {decibels} dB");
            for n in 0..32_768 {
                assert_eq!(samples[32_768 + n], -samples[32_768 - n], "odd symmetry");
            }
        }
    }

    #[test]
    fn a_gain_that_moves_takes_10_ms_and_makes_no_click() {
        for rate_hz in [8_000_u32, 24_000] {
            let mut level = Level::new(Gain::OFF, rate_hz);
            let mut samples = vec![10_000; rate_hz as usize / 10];
            let (before, moving) = samples.split_at_mut(rate_hz as usize / 50);
            level.process(before);
            level.move_to(gain(12.0));
            // Whatever the frames.
            moving.chunks_mut(7).for_each(|frame| level.process(frame));
            let most = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
            assert!(most.is_some_and(|most| most <= 400), "{most:?}");
            let there = rate_hz as usize / 50 + rate_hz as usize / 100;
            assert!(samples[there - 2] != samples[there - 1]);
            assert!(samples[there..].iter().all(|&sample| sample == samples[there - 1]), "10 ms later it is there");

            level.move_to(Gain::OFF);
            let mut samples = vec![30_000; rate_hz as usize / 100];
            level.process(&mut samples);
            assert!(level.is_off(), "and back to the bit");
        }
    }

    #[test]
    fn a_gain_that_is_no_gain_is_refused() {
        for decibels in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 24.1, -24.1] {
            assert_eq!(Gain::decibels(decibels), None);
        }
        assert_eq!(Gain::decibels(0.0), Some(Gain::OFF));
        assert_eq!(Levels::default(), Levels { from_caller: Gain::OFF, to_caller: Gain::OFF });
    }

    fn gain(decibels: f32) -> Gain {
        Gain::decibels(decibels).expect("a gain")
    }
}
