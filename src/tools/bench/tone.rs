//! Sends a tone through a converter and separates the result into the tone and the rest.

use std::f64::consts::TAU;

/// Amplitude of all test tones: -1 dBFS, which leaves room for overshoot of the interpolation.
pub(super) const AMPLITUDE: f64 = 29_204.0;

/// A tone after a conversion.
#[derive(Debug)]
pub(super) struct Measured {
    amplitude: f64,
    residue: Vec<f64>,
    rate: f64,
}

/// A tone of this many samples.
pub(super) fn sine(tone: f64, rate_hz: u32, samples: usize) -> Vec<i16> {
    (0..samples).map(|n| (AMPLITUDE * (TAU * tone * n as f64 / f64::from(rate_hz)).sin()).round() as i16).collect()
}

impl Measured {
    /// Fits a sine and a cosine of `tone` by least squares to the middle 80 % of `samples`.
    pub(super) fn fit(samples: &[i16], tone: f64, rate_hz: u32) -> Self {
        let samples = &samples[samples.len() / 10..samples.len() * 9 / 10];
        let basis = |n: usize| (TAU * tone * n as f64 / f64::from(rate_hz)).sin_cos();
        let (mut ss, mut sc, mut cc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (n, &sample) in samples.iter().enumerate() {
            let ((s, c), x) = (basis(n), f64::from(sample));
            (ss, sc, cc) = (ss + s * s, sc + s * c, cc + c * c);
            (xs, xc) = (xs + x * s, xc + x * c);
        }
        let determinant = ss * cc - sc * sc;
        let (a, b) = ((xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant);
        let residue = samples.iter().enumerate().map(|(n, &sample)| {
            let (s, c) = basis(n);
            f64::from(sample) - a * s - b * c
        });
        Self { amplitude: a.hypot(b), residue: residue.collect(), rate: f64::from(rate_hz) }
    }

    /// Level of the tone relative to the input, in dB.
    pub(super) fn gain(&self) -> f64 {
        20.0 * (self.amplitude / AMPLITUDE).log10()
    }

    /// Number of samples that differ from the tone by more than `distance`.
    pub(super) fn beyond(&self, distance: f64) -> usize {
        self.residue.iter().filter(|x| x.abs() > distance).count()
    }

    /// Level of the tone relative to everything else, in dB.
    pub(super) fn sinad(&self) -> f64 {
        let noise = self.residue.iter().map(|x| x * x).sum::<f64>() / self.residue.len() as f64;
        10.0 * (self.amplitude.powi(2) / 2.0 / noise).log10()
    }

    /// Level of everything above `edge` Hz relative to the tone, in dB.
    pub(super) fn above(&self, edge: f64) -> f64 {
        let size = self.rate as usize / 10;
        let from = (edge * size as f64 / self.rate) as usize + 1;
        let power: f64 = spectrum(&self.residue[..size]).into_iter().skip(from).sum();
        10.0 * (power.max(1e-12) / (self.amplitude.powi(2) / 2.0)).log10()
    }
}

/// Mean power of `samples` relative to a test tone, in dB.
pub(super) fn level(samples: &[i16]) -> f64 {
    let middle = &samples[samples.len() / 10..samples.len() * 9 / 10];
    let power = middle.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / middle.len() as f64;
    10.0 * (power.max(1e-12) / (AMPLITUDE.powi(2) / 2.0)).log10()
}

/// Power in each bin up to half the sample rate, by a plain Fourier transform: slow, but short and
/// easy to verify.
pub(super) fn spectrum(samples: &[f64]) -> Vec<f64> {
    let size = samples.len();
    let turns: Vec<(f64, f64)> = (0..size).map(|n| (TAU * n as f64 / size as f64).sin_cos()).collect();
    let bin = |bin: usize| {
        let (mut re, mut im) = (0.0, 0.0);
        for (n, x) in samples.iter().enumerate() {
            let (s, c) = turns[bin * n % size];
            (re, im) = (re + x * c, im + x * s);
        }
        2.0 * (re * re + im * im) / (size * size) as f64
    };
    (0..size / 2).map(bin).collect()
}

#[cfg(test)]
mod tests;
