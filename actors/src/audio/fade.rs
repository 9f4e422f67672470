//! A short fade-in after a seam, from silence to full level, so that the caller hears no click.
//! Pure.

use std::time::Duration;

use crate::carrier::{AudioFormat, Encoding};
use crate::g711;

/// A fade-in that continues from frame to frame until it is complete.
#[derive(Debug)]
pub(super) struct FadeIn {
    encoding: Encoding,
    /// Samples of the whole ramp.
    length: u32,
    /// Samples of the ramp that are over.
    done: u32,
}

impl FadeIn {
    /// A fade-in for a line of `format`. It does nothing until [`Self::begin`].
    pub(super) fn new(format: AudioFormat) -> Self {
        let length = (u128::from(format.rate_hz) * FADE.as_millis() / 1000) as u32;
        Self { encoding: format.encoding, length, done: length }
    }

    /// Starts the ramp: the next samples follow a seam.
    pub(super) fn begin(&mut self) {
        self.done = 0;
    }

    /// Ends the ramp, because its seam no longer exists.
    pub(super) fn end(&mut self) {
        self.done = self.length;
    }

    /// Scales the samples of `bytes` that are within the ramp. All others stay unchanged, bit for
    /// bit.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
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
            // The result is no larger than the original, so it fits into 16 bits.
            *sample = encode(leveled as i16);
            self.done = step + 1;
        }
    }
}

/// Length of the ramp. Shorter: a click. Longer: the first consonant is lost.
const FADE: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests;
