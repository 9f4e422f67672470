//! Whether the upper half of a line's band is empty during speech. Pure.
//!
//! Speech that was slowed down to half its speed, because 16 kHz was taken for 8 kHz, has no energy
//! there. Tones and much music have none either. So speech is recognized by how its level and its
//! spectrum change from frame to frame.

use crate::carrier::AudioFormat;
use crate::finding::Finding;

/// The ratio of the energy above a quarter of the rate to the whole energy, for voiced audio.
#[derive(Debug, Default)]
pub(super) struct HighBand {
    high_energy: f64,
    all: f64,
    samples: u32,
    judged: bool,
    /// The variation of level and spectrum over the frames. Both vary in speech, but not in tones
    /// and music.
    levels: Swing,
    colours: Swing,
}

impl HighBand {
    /// Whether more audio is needed.
    pub(super) fn is_wanted(&self) -> bool {
        !self.judged
    }

    /// Takes a voiced frame. Returns whether it completes the measurement and gives a finding.
    pub(super) fn hear(&mut self, samples: impl Iterator<Item = i16>, format: AudioFormat) -> bool {
        if self.judged || format.rate_hz != 8_000 {
            self.judged = true;
            return false;
        }
        let (mut past, mut at) = ([0.0_f32; 2 * TAPS], 0);
        let (mut high_energy, mut all, mut steps, mut count) = (0.0_f32, 0.0_f32, 0.0_f32, 0_u32);
        for sample in samples {
            let sample = f32::from(sample);
            let step = sample - past[(at + TAPS - 1) % TAPS];
            (past[at], past[at + TAPS]) = (sample, sample);
            at = (at + 1) % TAPS;
            count += 1;
            // A frame begins in the middle of a sound, so the filter rings until it is full.
            if count as usize >= TAPS {
                let high: f32 = past[at..at + TAPS].iter().zip(HIGH_PASS).map(|(sample, tap)| sample * tap).sum();
                (high_energy, all, steps) = (high_energy + high * high, all + sample * sample, steps + step * step);
            }
        }
        if all <= 0.0 {
            return false;
        }
        self.levels.add(10.0 * (all / count as f32).log10());
        self.colours.add(10.0 * (steps / all).max(1e-9).log10());
        (self.high_energy, self.all) = (self.high_energy + f64::from(high_energy), self.all + f64::from(all));
        self.samples += count;
        self.judged = self.samples >= format.rate_hz * HIGH_BAND_MS / 1000;
        self.judged && self.finding().is_some()
    }

    /// The share of the upper half in dB, once enough was heard.
    pub(super) fn decibels(&self) -> Option<f32> {
        (self.judged && self.all > 0.0).then(|| (10.0 * (self.high_energy / self.all).max(1e-9).log10()) as f32)
    }

    /// The finding of an empty upper half during speech.
    pub(super) fn finding(&self) -> Option<Finding> {
        let speech = self.levels.decibels() > SPEECH_SWING && self.colours.decibels() > SPEECH_SWING;
        self.decibels().filter(|&high_energy| high_energy < EMPTY && speech).map(|_| Finding::HalfSpeed)
    }
}

/// The variation of a value in decibels: its standard deviation.
#[derive(Debug, Default)]
struct Swing {
    count: f32,
    sum: f32,
    squares: f32,
}

impl Swing {
    fn add(&mut self, decibels: f32) {
        self.count += 1.0;
        self.sum += decibels;
        self.squares += decibels * decibels;
    }

    fn decibels(&self) -> f32 {
        let count = self.count.max(1.0);
        (self.squares / count - (self.sum / count).powi(2)).max(0.0).sqrt()
    }
}

/// Voiced audio after which the upper half of the band is judged. Shorter: a sentence may happen to
/// contain no hiss.
const HIGH_BAND_MS: u32 = 1_500;
/// The upper half of the band is empty below this level. Speech at its own speed has -30 to -6 dB
/// there in any half second.
const EMPTY: f32 = -31.0;
/// Least variation of the levels of speech, dB. Music and tones vary less.
const SPEECH_SWING: f32 = 3.0;
/// Length of [`HIGH_PASS`].
const TAPS: usize = 31;
/// A half-band high-pass: half a sinc under a Hann window, with inverted signs. It has -60 dB below
/// an eighth of the rate.
static HIGH_PASS: [f32; TAPS] = high_pass();

const fn high_pass() -> [f32; TAPS] {
    // Hann's window times sin(pi n / 2) / (pi n) at the odd distances 1 to 15 from the middle. The
    // even ones are zero.
    let odd = [0.315_252, -0.097_162, 0.049_515, -0.027_172, 0.014_234, -0.006_43, 0.002_063, -0.000_204];
    let mut taps = [0.0; TAPS];
    taps[15] = 0.5;
    let mut n = 0;
    while n < odd.len() {
        taps[15 + 2 * n + 1] = -odd[n];
        taps[15 - 2 * n - 1] = -odd[n];
        n += 1;
    }
    taps
}
