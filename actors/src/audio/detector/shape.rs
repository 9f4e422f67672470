//! The shape of the last 32 ms: what distinguishes a voice from other loud sounds. Pure.

use super::STEP;
use super::classifier::Measures;
use super::product::product;
use super::spectrum::Spectrum;

/// The last two steps of a line.
pub(super) struct Shape {
    /// The samples, the newest last.
    recent: [f32; WINDOW],
    /// The state of the filter for sound above a hum's.
    filter: [f32; 2],
    /// The energy of the newest step, and the part of it that the filter passed.
    energy: f32,
    bright: f32,
    spectrum: Spectrum,
}

impl Shape {
    pub(super) fn new() -> Self {
        Self { recent: [0.0; WINDOW], filter: [0.0; 2], energy: 0.0, bright: 0.0, spectrum: Spectrum::new() }
    }

    /// Takes the next step.
    pub(super) fn take(&mut self, step: &[i16]) {
        self.recent.copy_within(STEP.., 0);
        (self.energy, self.bright) = (0.0, 0.0);
        let (feed, back) = HIGH_PASS;
        for (place, sample) in self.recent[STEP..].iter_mut().zip(step) {
            let sample = f32::from(*sample);
            *place = sample;
            let high = feed[0] * sample + self.filter[0];
            self.filter[0] = feed[1] * sample - back[0] * high + self.filter[1];
            self.filter[1] = feed[2] * sample - back[1] * high;
            self.energy += sample * sample;
            self.bright += high * high;
        }
    }

    /// Measures the newest step, which has this `score` and is `over` decibels louder than the
    /// line's noise.
    pub(super) fn measures(&mut self, score: f32, over: f32) -> Measures {
        let alike = likeness(&self.recent);
        let bright = (self.bright / self.energy.max(1.0)).max(LEAST_BRIGHT);
        Measures {
            score,
            over: over.min(MOST_OVER) / 10.0,
            gain: prediction_gain(&alike).log10(),
            bright: bright.log10(),
            periodic: periodicity(&self.recent),
            envelope: std::array::from_fn(|lag| alike[lag + 1] / alike[0]),
            bands: self.spectrum.bands(&self.recent),
        }
    }
}

/// The products of the samples with those up to [`ORDER`] before them.
fn likeness(samples: &[f32; WINDOW]) -> [f32; ORDER + 1] {
    let mut faded = *samples;
    // A parabola: a jump at the ends of the window would be unpredictable.
    for (at, sample) in faded.iter_mut().enumerate() {
        let place = (at as f32 + 0.5) / WINDOW as f32;
        *sample *= 4.0 * place * (1.0 - place);
    }
    let mut alike: [f32; ORDER + 1] = std::array::from_fn(|lag| product(&faded[lag..], &faded));
    alike[0] = (alike[0] * WHITENED).max(1.0);
    alike
}

/// The energy of samples over what the four before them do not predict of it: a hundred for a sum of
/// two tones, ten for a vowel, one for noise.
fn prediction_gain(alike: &[f32; ORDER + 1]) -> f32 {
    let (mut left, mut factors) = (alike[0], [0.0; ORDER + 1]);
    // The recursion of Levinson and Durbin.
    for order in 1..=ORDER {
        let known: f32 = (1..order).map(|past| factors[past] * alike[order - past]).sum();
        let reflection = (alike[order] - known) / left;
        let before = factors;
        factors[order] = reflection;
        for past in 1..order {
            factors[past] = before[past] - reflection * before[order - past];
        }
        left *= 1.0 - reflection * reflection;
    }
    (alike[0] / left.max(f32::MIN_POSITIVE)).clamp(1.0, MOST_GAIN)
}

/// How alike the samples are to those of one pitch period ago, from 0 to 1, for the best period.
/// Half of the rate is enough for that.
fn periodicity(samples: &[f32; WINDOW]) -> f32 {
    let (pairs, _) = samples.as_chunks::<2>();
    let halved: [f32; HALVED] = std::array::from_fn(|at| pairs[at][0] + pairs[at][1]);
    let energy = |part: &[f32]| product(part, part);
    // The energies of the two parts that are compared.
    let (mut now, mut past) = (energy(&halved[SHORTEST_PERIOD..]), energy(&halved[..HALVED - SHORTEST_PERIOD]));
    let mut best = 0.0_f32;
    for period in SHORTEST_PERIOD..=LONGEST_PERIOD {
        best = best.max(product(&halved[period..], &halved) / (now * past).max(1.0).sqrt());
        now -= halved[period] * halved[period];
        past -= halved[HALVED - 1 - period] * halved[HALVED - 1 - period];
    }
    best.min(1.0)
}

/// Samples that are measured together: 32 ms, two periods of a deep voice.
pub(super) const WINDOW: usize = 2 * STEP;
/// The same at half of the rate.
const HALVED: usize = WINDOW / 2;
/// Past samples that predict the next one: two for each of two tones.
pub(super) const ORDER: usize = 4;
/// A little white noise, without which pure tones make the recursion unstable.
const WHITENED: f32 = 1.000_01;
/// Most prediction gain that is told apart.
const MOST_GAIN: f32 = 1e3;
/// Most decibels over the noise that are told apart.
const MOST_OVER: f32 = 40.0;
/// Least part above a hum's that is told apart.
const LEAST_BRIGHT: f32 = 3e-3;
/// Pitch periods in samples of 4 kHz: 400 to 73 Hz.
const SHORTEST_PERIOD: usize = 10;
const LONGEST_PERIOD: usize = 55;
/// A filter that passes what is above 800 Hz (Butterworth, second order): the factors of its input
/// and of its output.
const HIGH_PASS: ([f32; 3], [f32; 2]) = ([0.638_917_2, -1.277_834_4, 0.638_917_2], [-1.142_929_8, 0.412_738_95]);
