//! A recording in the format of a call's model audio. Pure.

use crate::audio::resample::Resampler;
use crate::carrier::AudioFormat;
use crate::g711;

/// The samples (8 kHz) as bytes of `format`. Their length stays the same to the sample. Empty for a
/// rate that no call has.
pub(in crate::realtime) fn in_format(samples: &[i16], format: AudioFormat) -> Vec<u8> {
    let converted = resampled(samples, CLIP_HZ, format.rate_hz).unwrap_or_default();
    let mut bytes = Vec::with_capacity(converted.len() * format.encoding.sample_bytes());
    g711::encode(format.encoding, &converted, &mut bytes);
    bytes
}

/// The samples at another rate, without the delay of the filter. `None` for a rate that cannot be
/// converted.
pub(super) fn resampled(samples: &[i16], from_hz: u32, to_hz: u32) -> Option<Vec<i16>> {
    let mut resampler = Resampler::new(from_hz, to_hz).ok()?;
    let length = (samples.len() as u64 * u64::from(to_hz) / u64::from(from_hz)) as usize;
    let delay = (resampler.delay().as_nanos() * u128::from(to_hz) / 1_000_000_000) as usize;
    let mut converted = Vec::with_capacity(length + 2 * delay);
    resampler.process(samples, &mut converted);
    resampler.drain(&mut converted);
    converted.drain(..delay.min(converted.len()));
    converted.resize(length, 0);
    Some(converted)
}

/// The rate at which recordings are kept: that of a telephone line.
pub(super) const CLIP_HZ: u32 = 8_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_stays_and_nothing_is_late() {
        let mut samples = vec![0; 800];
        samples[400] = 20_000;
        let wide = resampled(&samples, 8_000, 24_000).expect("a known rate");
        let loudest = (0..wide.len()).max_by_key(|at| wide[*at]).expect("samples");
        assert_eq!((wide.len(), loudest), (2_400, 1_200));
        assert_eq!(resampled(&wide, 24_000, 8_000).expect("a known rate").len(), 800);
        assert_eq!(resampled(&samples, 8_000, 44_100), None);
        assert_eq!(in_format(&samples, AudioFormat::MULAW_8K).len(), 800);
        assert_eq!(in_format(&samples, AudioFormat::PCM_24K).len(), 4_800);
        assert_eq!(in_format(&samples, AudioFormat::PCM_8K).len(), 1_600);
    }
}
