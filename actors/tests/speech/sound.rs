//! Sound as numbers: filters, levels, and the way through a telephone line.

use std::f32::consts::PI;

use switchboard_actors::carrier::Encoding;
use switchboard_actors::g711;

use crate::random::Random;

/// Samples per second.
pub(crate) const RATE: f32 = 8_000.0;

/// Samples in `seconds`.
pub(crate) fn samples(seconds: f32) -> usize {
    (seconds * RATE) as usize
}

/// A filter of the second order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    feed: [f32; 3],
    back: [f32; 2],
    past: [f32; 2],
}

impl Filter {
    fn new(feed: [f32; 3], back: [f32; 3]) -> Self {
        let [first, second, third] = back;
        Self { feed: feed.map(|factor| factor / first), back: [second / first, third / first], past: [0.0; 2] }
    }

    /// Passes what is near `hertz`, `width` wide, with a gain of one there.
    pub(crate) fn band(hertz: f32, width: f32) -> Self {
        let (turn, alpha) = Self::alpha(hertz, hertz / width);
        Self::new([alpha, 0.0, -alpha], [1.0 + alpha, -2.0 * turn.cos(), 1.0 - alpha])
    }

    /// Passes what is above `hertz`.
    pub(crate) fn high(hertz: f32) -> Self {
        let (turn, alpha) = Self::alpha(hertz, 0.707);
        let side = f32::midpoint(1.0, turn.cos());
        Self::new([side, -2.0 * side, side], [1.0 + alpha, -2.0 * turn.cos(), 1.0 - alpha])
    }

    /// Passes what is below `hertz`.
    pub(crate) fn low(hertz: f32) -> Self {
        let (turn, alpha) = Self::alpha(hertz, 0.707);
        let side = (1.0 - turn.cos()) / 2.0;
        Self::new([side, 2.0 * side, side], [1.0 + alpha, -2.0 * turn.cos(), 1.0 - alpha])
    }

    fn alpha(hertz: f32, quality: f32) -> (f32, f32) {
        let turn = 2.0 * PI * hertz / RATE;
        (turn, turn.sin() / (2.0 * quality))
    }

    /// The next sample.
    pub(crate) fn pass(&mut self, input: f32) -> f32 {
        let out = self.feed[0] * input + self.past[0];
        self.past[0] = self.feed[1] * input - self.back[0] * out + self.past[1];
        self.past[1] = self.feed[2] * input - self.back[1] * out;
        out
    }
}

/// The root of the mean square.
pub(crate) fn level(sound: &[f32]) -> f32 {
    (sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len().max(1) as f32).sqrt()
}

/// The loudest 50 ms of `sound`, as [`level`] measures it.
pub(crate) fn loudest(sound: &[f32]) -> f32 {
    sound.chunks(400).map(level).fold(0.0, f32::max)
}

/// Brings the loudest part of `sound` to `decibels` of full scale.
pub(crate) fn scale(sound: &mut [f32], decibels: f32) {
    let factor = 32_768.0 * 10_f32.powf(decibels / 20.0) / loudest(sound).max(1e-6);
    for sample in sound {
        *sample *= factor;
    }
}

/// Adds `sound` to `to` from sample `at` on.
pub(crate) fn mix(to: &mut [f32], sound: &[f32], at: usize) {
    for (sample, more) in to[at..].iter_mut().zip(sound) {
        *sample += more;
    }
}

/// What arrives of `sound` at the other end of a telephone line.
pub(crate) fn through_the_line(sound: &[f32], encoding: Encoding) -> Vec<i16> {
    let mut filters = [Filter::high(200.0), Filter::low(3_500.0), Filter::low(3_600.0)];
    let sent: Vec<i16> = sound
        .iter()
        .map(|sample| filters.iter_mut().fold(*sample, |sample, filter| filter.pass(sample)))
        .map(|sample| sample.clamp(-32_700.0, 32_700.0) as i16)
        .collect();
    let (mut bytes, mut arrived) = (Vec::new(), Vec::new());
    g711::encode(encoding, &sent, &mut bytes);
    g711::decode(encoding, &bytes, &mut arrived);
    arrived
}

/// The noise of a quiet line, `decibels` of full scale: white, or dull as of a room.
pub(crate) fn background(length: usize, decibels: f32, random: &mut Random) -> Vec<f32> {
    let mut dull = random.chance(50).then(|| Filter::low(700.0));
    let mut sound: Vec<f32> = (0..length)
        .map(|_| {
            let white = random.noise();
            dull.as_mut().map_or(white, |filter| filter.pass(white) + white * 0.05)
        })
        .collect();
    scale(&mut sound, decibels);
    sound
}
