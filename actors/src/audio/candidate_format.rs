//! The formats that a line's bytes may have, and how plausible each one is. Pure.
//!
//! A line whose samples are not in its declared format is noise to the model, and no counter shows
//! it. A sample of speech, music or a tone can be predicted from the samples before it. In a wrong
//! format the prediction is worse. So every candidate format is tried on the same bytes and rated
//! by its prediction gain: linear prediction, 20 ms at a time, in decibels. Noise cannot be
//! predicted in any format, so it proves nothing.

use serde::Serialize;

use crate::carrier::Encoding;
use crate::g711;

/// A format that a line's units may have: G.711 codes, or pairs of bytes of PCM16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CandidateFormat {
    /// The declared format.
    Declared,
    /// PCM16 with its bytes swapped.
    Swapped,
    /// Unsigned PCM16: 0 to 65,535, with silence in the middle.
    Unsigned,
    /// Unsigned PCM16 with its bytes swapped.
    UnsignedSwapped,
    /// A-law where mu-law is declared, or decoded as such upstream.
    ALaw,
    /// Mu-law where A-law is declared, or decoded as such upstream.
    MuLaw,
}

impl CandidateFormat {
    /// The formats that a line declared as `encoding` may really have, the declared one first.
    pub const fn of(encoding: Encoding) -> &'static [Self] {
        match encoding {
            Encoding::MuLaw => &[Self::Declared, Self::ALaw],
            Encoding::ALaw => &[Self::Declared, Self::MuLaw],
            Encoding::Pcm16 => {
                &[Self::Declared, Self::Swapped, Self::Unsigned, Self::UnsignedSwapped, Self::ALaw, Self::MuLaw]
            }
        }
    }

    /// The sample that `unit` of a line of `encoding` stands for in this format.
    pub const fn sample(self, encoding: Encoding, unit: u16) -> i16 {
        match (self, encoding) {
            (Self::ALaw, Encoding::MuLaw) | (Self::Declared, Encoding::ALaw) => g711::decode_alaw(unit as u8),
            (Self::MuLaw, Encoding::ALaw) | (Self::Declared, Encoding::MuLaw) => g711::decode_mulaw(unit as u8),
            (Self::Swapped, Encoding::Pcm16) => unit.swap_bytes() as i16,
            (Self::Unsigned, Encoding::Pcm16) => (unit ^ SIGN) as i16,
            (Self::UnsignedSwapped, Encoding::Pcm16) => (unit.swap_bytes() ^ SIGN) as i16,
            (Self::ALaw, Encoding::Pcm16) => g711::decode_alaw(g711::encode_mulaw(unit as i16)),
            (Self::MuLaw, Encoding::Pcm16) => g711::decode_mulaw(g711::encode_alaw(unit as i16)),
            // The format is the declared one, or it is no candidate for that line.
            (_, _) => unit as i16,
        }
    }

    /// Rewrites `bytes` of a line of `encoding` from this format to the declared one, in place.
    pub fn correct(self, encoding: Encoding, bytes: &mut [u8]) {
        match (self, encoding) {
            (Self::Declared, _) => {}
            (_, Encoding::MuLaw) => bytes.iter_mut().for_each(|byte| {
                *byte = g711::encode_mulaw(self.sample(encoding, u16::from(*byte)));
            }),
            (_, Encoding::ALaw) => bytes.iter_mut().for_each(|byte| {
                *byte = g711::encode_alaw(self.sample(encoding, u16::from(*byte)));
            }),
            (_, Encoding::Pcm16) => bytes.as_chunks_mut().0.iter_mut().for_each(|pair| {
                *pair = self.sample(encoding, u16::from_le_bytes(*pair)).to_le_bytes();
            }),
        }
    }

    /// Whether the correction only permutes bits, so that nothing is lost.
    pub const fn is_exact(self, encoding: Encoding) -> bool {
        match encoding {
            Encoding::MuLaw | Encoding::ALaw => true,
            Encoding::Pcm16 => !matches!(self, Self::ALaw | Self::MuLaw),
        }
    }
}

/// The prediction gain of `samples` in decibels: the mean over pieces of `piece` samples.
pub(super) fn predictability(samples: impl Iterator<Item = i16>, piece: usize) -> f32 {
    let mut frame = [0.0_f32; LONGEST_PIECE];
    let piece = piece.clamp(2 * ORDER, LONGEST_PIECE);
    let (mut at, mut pieces, mut total) = (0, 0_u32, 0.0);
    for sample in samples {
        frame[at] = f32::from(sample);
        at += 1;
        if at == piece {
            total += gain(&mut frame[..piece]);
            pieces += 1;
            at = 0;
        }
    }
    if pieces == 0 { 0.0 } else { total / pieces as f32 }
}

/// The prediction gain of one piece: the ratio of its energy to the residue of Levinson's
/// recursion.
fn gain(frame: &mut [f32]) -> f32 {
    let length = frame.len() as f32;
    let mean = frame.iter().sum::<f32>() / length;
    for (n, sample) in frame.iter_mut().enumerate() {
        // A parabola serves as the window. It is close enough to Hann's and needs no cosine.
        let x = (2.0 * n as f32 + 1.0) / length - 1.0;
        *sample = (*sample - mean) * (1.0 - x * x);
    }
    let mut correlation = [0.0_f64; ORDER + 1];
    for (lag, sum) in correlation.iter_mut().enumerate() {
        let pairs = frame[lag..].iter().zip(frame.iter());
        *sum = f64::from(pairs.map(|(a, b)| a * b).sum::<f32>());
    }
    if correlation[0] < 1.0 {
        return 0.0;
    }
    // Rounding to whole samples adds unpredictable noise. The term also keeps the recursion stable.
    let whole = correlation[0] * (1.0 + 1e-6);
    correlation[0] = whole;
    (10.0 * (whole / left_by(&correlation)).log10()) as f32
}

/// Levinson-Durbin recursion: the energy that linear prediction leaves.
fn left_by(correlation: &[f64; ORDER + 1]) -> f64 {
    let mut weights = [0.0_f64; ORDER + 1];
    let mut left = correlation[0];
    for order in 1..=ORDER {
        let known: f64 = (1..order).map(|n| weights[n] * correlation[order - n]).sum();
        let reflection = (correlation[order] - known) / left;
        let before = weights;
        weights[order] = reflection;
        for n in 1..order {
            weights[n] = before[n] - reflection * before[order - n];
        }
        left *= (1.0 - reflection * reflection).max(1e-6);
    }
    left
}

/// The bit in which signed and unsigned samples differ.
const SIGN: u16 = 0x8000;
/// Order of the prediction. Lower: formants are missed. Higher: more time for no gain.
const ORDER: usize = 8;
/// The longest piece: 20 ms at 24 kHz.
const LONGEST_PIECE: usize = 480;
