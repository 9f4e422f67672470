//! Converts or drops frames that differ from the line's format, and counts them. Pure.
//!
//! Some carriers send their first packet at another rate than all later ones. It would sound as a
//! chirp, so it is dropped. A later packet at another rate is speech and is resampled. Both are
//! counted. Clamped samples are counted too, because they reveal a carrier that sends unsigned
//! samples.

use super::resample::Resampler;
use crate::carrier::{AudioFormat, CallerFrame, Encoding, MismatchedFrame};
use crate::frame::Frame;
use crate::g711;

/// The incoming frames of one stream.
#[derive(Debug)]
pub struct Intake {
    line: AudioFormat,
    begun: bool,
    /// The resampler for the last mismatched rate.
    resampler: Option<(u32, Resampler)>,
    found: [u64; FormatMismatch::ALL.len()],
    given: Vec<i16>,
    made: Vec<i16>,
}

/// A difference between a frame and the line's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormatMismatch {
    /// The first frame had another rate and was dropped. Counted in frames.
    FirstOffRate,
    /// A later frame had another rate and was resampled. Counted in frames.
    Resampled,
    /// A frame had a rate that cannot be resampled and was dropped. Counted in frames.
    UnknownRate,
    /// A sample was clamped. Counted in samples.
    Clamped,
}

impl FormatMismatch {
    /// All mismatches, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::FirstOffRate, Self::Resampled, Self::UnknownRate, Self::Clamped];

    /// The word for logs and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::FirstOffRate => "first_packet_off_rate",
            Self::Resampled => "packet_resampled",
            Self::UnknownRate => "packet_of_unknown_rate",
            Self::Clamped => "sample_clamped",
        }
    }
}

impl Intake {
    /// A stream of format `line` that has brought nothing yet.
    pub fn new(line: AudioFormat) -> Self {
        let found = [0; FormatMismatch::ALL.len()];
        Self { line, begun: false, resampler: None, found, given: Vec::new(), made: Vec::new() }
    }

    /// Notes a frame that needs no conversion.
    pub fn plain(&mut self) {
        self.begun = true;
    }

    /// Converts a mismatched frame to the line's format. The result is `None` when the frame is
    /// dropped.
    pub fn mismatched(&mut self, mismatched: MismatchedFrame) -> Option<CallerFrame> {
        let first = !std::mem::replace(&mut self.begun, true);
        self.count(FormatMismatch::Clamped, mismatched.clamped.into());
        match mismatched.rate_hz.filter(|rate| *rate != self.line.rate_hz) {
            None => Some(mismatched.frame),
            Some(_) if first => {
                self.count(FormatMismatch::FirstOffRate, 1);
                None
            }
            Some(rate_hz) => {
                let fitted = self.resample(rate_hz, &mismatched.frame.payload);
                self.count(if fitted.is_some() { FormatMismatch::Resampled } else { FormatMismatch::UnknownRate }, 1);
                fitted.map(|payload| CallerFrame { timestamp: mismatched.frame.timestamp, payload })
            }
        }
    }

    /// The mismatches since the last call, with their counts.
    pub fn take_findings(&mut self) -> impl Iterator<Item = (FormatMismatch, u64)> + use<> {
        let found = std::mem::take(&mut self.found);
        FormatMismatch::ALL.into_iter().zip(found).filter(|(_, count)| *count > 0)
    }

    fn resample(&mut self, rate_hz: u32, payload: &[u8]) -> Option<Frame> {
        if self.line.encoding != Encoding::Pcm16 {
            return None;
        }
        if self.resampler.as_ref().is_none_or(|(known, _)| *known != rate_hz) {
            self.resampler = Some((rate_hz, Resampler::new(rate_hz, self.line.rate_hz).ok()?));
        }
        let (_, resampler) = self.resampler.as_mut()?;
        self.given.clear();
        self.made.clear();
        g711::decode(self.line.encoding, payload, &mut self.given);
        resampler.process(&self.given, &mut self.made);
        let mut frame = Frame::with_room(self.made.len() * self.line.encoding.sample_bytes());
        g711::encode(self.line.encoding, &self.made, &mut frame);
        Some(frame)
    }

    fn count(&mut self, mismatch: FormatMismatch, times: u64) {
        self.found[mismatch as usize] += times;
    }
}

#[cfg(test)]
mod tests;
