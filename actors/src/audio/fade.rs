//! The first milliseconds after a seam, from silence to full level, so that no click is heard. Pure.

use std::time::Duration;

use crate::carrier::{AudioFormat, Encoding};
use crate::g711;

/// A fade-in that goes on from frame to frame until it is done.
#[derive(Debug)]
pub struct FadeIn {
    encoding: Encoding,
    /// Samples of the whole ramp.
    length: u32,
    /// Samples of it that are over.
    done: u32,
}

impl FadeIn {
    /// For a line of `format`; it does nothing until [`Self::begin`].
    pub fn new(format: AudioFormat) -> Self {
        let length = (u128::from(format.rate_hz) * FADE.as_millis() / 1000) as u32;
        Self { encoding: format.encoding, length, done: length }
    }

    /// The next samples stand at a seam.
    pub fn begin(&mut self) {
        self.done = 0;
    }

    /// The seam it was for has gone.
    pub fn end(&mut self) {
        self.done = self.length;
    }

    /// Levels the samples of `bytes` that are within the ramp; all others stay as they are, bit for bit.
    pub fn apply(&mut self, bytes: &mut [u8]) {
        if self.done == self.length {
            return;
        }
        match self.encoding {
            Encoding::MuLaw => self.level(bytes, |[code]| g711::decode_mulaw(code), |s| [g711::encode_mulaw(s)]),
            Encoding::ALaw => self.level(bytes, |[code]| g711::decode_alaw(code), |s| [g711::encode_alaw(s)]),
            Encoding::Pcm16 => self.level(bytes, i16::from_le_bytes, i16::to_le_bytes),
        }
    }

    fn level<const N: usize>(
        &mut self,
        bytes: &mut [u8],
        decode: impl Fn([u8; N]) -> i16,
        encode: impl Fn(i16) -> [u8; N],
    ) {
        let ramp = self.done..self.length;
        for (sample, step) in bytes.as_chunks_mut().0.iter_mut().zip(ramp) {
            let leveled = i32::from(decode(*sample)) * step as i32 / self.length as i32;
            // No larger than what it was made of, which is 16 bits.
            *sample = encode(leveled as i16);
            self.done = step + 1;
        }
    }
}

/// Shorter: a click. Longer: the first consonant is gone.
const FADE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seam_rises_from_silence_within_5_ms_whatever_the_frames() {
        for frame in [1, 7, 40, 160] {
            let mut fade = FadeIn::new(AudioFormat::PCM_8K);
            fade.begin();
            let mut bytes = 8_000_i16.to_le_bytes().repeat(320);
            for frame in bytes.chunks_mut(2 * frame) {
                fade.apply(frame);
            }
            let samples: Vec<i16> = bytes.as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
            let expected: Vec<i16> = (0..320).map(|n| if n < 40 { n * 200 } else { 8_000 }).collect();
            assert_eq!(samples, expected);
        }
    }

    #[test]
    fn a_fade_speaks_the_line_s_code() {
        for (format, decode) in [
            (AudioFormat::MULAW_8K, g711::decode_mulaw as fn(u8) -> i16),
            (AudioFormat::ALAW_8K, g711::decode_alaw as fn(u8) -> i16),
        ] {
            let mut loud = vec![];
            g711::encode(format.encoding, &[-20_000; 60], &mut loud);
            let before = loud.clone();
            let mut fade = FadeIn::new(format);
            fade.apply(&mut loud);
            assert_eq!(loud, before, "not asked for");
            fade.begin();
            fade.apply(&mut loud);
            let levels: Vec<i16> = loud.iter().map(|&code| decode(code)).collect();
            assert!(levels[0].abs() <= 8, "{levels:?}");
            assert!(levels.is_sorted_by(|earlier, later| earlier >= later), "{levels:?}");
            assert_eq!(loud[40..], before[40..]);
            assert_ne!(loud[30], before[30]);
            fade.begin();
            fade.end();
            let after = loud.clone();
            fade.apply(&mut loud);
            assert_eq!(loud, after, "its seam has gone");
        }
    }
}
