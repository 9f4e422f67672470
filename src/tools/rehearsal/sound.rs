//! Audio in the formats of the protocols. Pure.

use bytes::Bytes;
use serde_json::{Value, json};
use switchboard_actors::audio::resample::Resampler;
use switchboard_actors::carrier::Encoding;
use switchboard_actors::g711;

/// The encoding of audio in one direction of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Format {
    /// `audio/pcm` at 24 kHz: 16 bit, little-endian.
    Pcm24k,
    /// `audio/pcm` at 16 kHz, which not every protocol has.
    Pcm16k,
    /// `audio/pcm` at 8 kHz, which few protocols have.
    Pcm8k,
    /// `audio/pcmu`: G.711 mu-law at 8 kHz.
    MuLaw,
    /// `audio/pcma`: G.711 A-law at 8 kHz.
    ALaw,
}

impl Format {
    /// Reads a checked format object.
    pub(super) fn read(format: &Value) -> Self {
        match format["type"].as_str() {
            Some("audio/pcmu") => Self::MuLaw,
            Some("audio/pcma") => Self::ALaw,
            _ if format["rate"] == 16_000 => Self::Pcm16k,
            _ => Self::Pcm24k,
        }
    }

    /// The format object, exactly as the protocol spells it.
    pub(super) fn object(self) -> Value {
        match self {
            Self::Pcm24k | Self::Pcm16k | Self::Pcm8k => json!({"type": "audio/pcm", "rate": self.rate()}),
            Self::MuLaw => json!({"type": "audio/pcmu"}),
            Self::ALaw => json!({"type": "audio/pcma"}),
        }
    }

    /// A byte of silence.
    pub(super) const fn silent_byte(self) -> u8 {
        match self {
            Self::Pcm24k | Self::Pcm16k | Self::Pcm8k => 0,
            Self::MuLaw => 0xFF,
            Self::ALaw => 0xD5,
        }
    }

    /// Bytes per millisecond.
    pub(super) const fn bytes_per_ms(self) -> usize {
        match self {
            Self::Pcm24k => 48,
            Self::Pcm16k => 32,
            Self::Pcm8k => 16,
            Self::MuLaw | Self::ALaw => 8,
        }
    }

    /// Bytes per sample.
    pub(super) const fn sample_bytes(self) -> usize {
        match self {
            Self::Pcm24k | Self::Pcm16k | Self::Pcm8k => 2,
            Self::MuLaw | Self::ALaw => 1,
        }
    }

    /// Samples per second.
    pub(super) const fn rate(self) -> u32 {
        match self {
            Self::Pcm24k => 24_000,
            Self::Pcm16k => 16_000,
            Self::Pcm8k | Self::MuLaw | Self::ALaw => 8_000,
        }
    }

    const fn encoding(self) -> Encoding {
        match self {
            Self::Pcm24k | Self::Pcm16k | Self::Pcm8k => Encoding::Pcm16,
            Self::MuLaw => Encoding::MuLaw,
            Self::ALaw => Encoding::ALaw,
        }
    }

    /// Mean power of `bytes`, relative to full scale 1.
    pub(super) fn power(self, bytes: &[u8]) -> f32 {
        let (sum, samples) = match self {
            Self::Pcm24k | Self::Pcm16k | Self::Pcm8k => {
                let sum = bytes
                    .chunks_exact(2)
                    .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])))
                    .fold(0.0, |sum, sample| sample.mul_add(sample, sum));
                (sum, bytes.len() / 2)
            }
            Self::MuLaw => (sum_of_squares(&MU_LAW_SQUARES, bytes), bytes.len()),
            Self::ALaw => (sum_of_squares(&A_LAW_SQUARES, bytes), bytes.len()),
        };
        sum / (samples.max(1) as f32 * 32_768.0 * 32_768.0)
    }
}

/// Audio and its encoding. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sound {
    /// The encoding.
    pub(super) format: Format,
    /// The encoded audio.
    pub(super) bytes: Bytes,
}

impl Sound {
    /// Silence of the same length.
    pub(super) fn silence(&self) -> Self {
        Self { format: self.format, bytes: vec![self.format.silent_byte(); self.bytes.len()].into() }
    }

    /// The length in whole milliseconds.
    pub(super) fn ms(&self) -> u64 {
        (self.bytes.len() / self.format.bytes_per_ms()) as u64
    }

    /// The sound repeated, or cut, to this length in milliseconds.
    pub(super) fn lasting(&self, ms: u64) -> Self {
        let length = usize::try_from(ms).unwrap_or(usize::MAX).saturating_mul(self.format.bytes_per_ms());
        let bytes: Vec<u8> = self.bytes.iter().copied().cycle().take(length).collect();
        Self { format: self.format, bytes: bytes.into() }
    }

    /// The same sound in another format. If the format is the same, the bytes are shared.
    pub(super) fn in_format(&self, format: Format) -> Self {
        if self.format == format {
            return self.clone();
        }
        let mut heard = Vec::new();
        g711::decode(self.format.encoding(), &self.bytes, &mut heard);
        let samples = resampled(&heard, self.format.rate(), format.rate());
        let mut bytes = Vec::with_capacity(samples.len() * format.sample_bytes());
        g711::encode(format.encoding(), &samples, &mut bytes);
        Self { format, bytes: bytes.into() }
    }

    /// Removes the silence at both ends except a margin of [`MARGIN_MS`]. Returns the sound
    /// unchanged if all of it is silent.
    pub(super) fn trimmed(&self) -> Self {
        let block = self.format.bytes_per_ms() * 10;
        let powers: Vec<f32> = self.bytes.chunks_exact(block).map(|bytes| self.format.power(bytes)).collect();
        let loudest = powers.iter().copied().fold(0.0, f32::max);
        // -50 dB of full scale, or 35 dB below the loudest block.
        let audible = |power: &f32| *power > (loudest * 3.2e-4).max(1e-5);
        let (Some(first), Some(last)) = (powers.iter().position(audible), powers.iter().rposition(audible)) else {
            return self.clone();
        };
        let margin = MARGIN_MS / 10;
        let from = first.saturating_sub(margin) * block;
        let to = ((last + 1 + margin) * block).min(self.bytes.len());
        Self { format: self.format, bytes: self.bytes.slice(from..to) }
    }
}

/// Margin around speech when a turn is trimmed: it preserves the soft start of a consonant and the
/// end of a breath.
const MARGIN_MS: usize = 120;

/// Converts a whole sound at once. The filter is drained at the end and its delay is removed from
/// the front, so nothing is lost or shifted.
fn resampled(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    let mut resampler = Resampler::new(from, to).expect("these rates are among the rates the resampler has");
    let expected = samples.len() * to as usize / from as usize;
    let mut out = Vec::with_capacity(expected + to as usize / 25);
    resampler.process(samples, &mut out);
    resampler.drain(&mut out);
    let delay = (resampler.delay().as_micros() as usize * to as usize) / 1_000_000;
    out.drain(..delay.min(out.len()));
    out.truncate(expected);
    out
}

fn sum_of_squares(squares: &[f32; 256], bytes: &[u8]) -> f32 {
    bytes.iter().map(|&byte| squares[usize::from(byte)]).sum()
}

static MU_LAW_SQUARES: std::sync::LazyLock<[f32; 256]> = std::sync::LazyLock::new(|| squares(Encoding::MuLaw));
static A_LAW_SQUARES: std::sync::LazyLock<[f32; 256]> = std::sync::LazyLock::new(|| squares(Encoding::ALaw));

fn squares(encoding: Encoding) -> [f32; 256] {
    let codes: [u8; 256] = std::array::from_fn(|code| code as u8);
    let mut samples = Vec::with_capacity(256);
    g711::decode(encoding, &codes, &mut samples);
    std::array::from_fn(|code| f32::from(samples[code]).powi(2))
}

#[cfg(test)]
mod tests;
