//! Audio formats of a line. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The encoding of samples on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// G.711 mu-law, one byte per sample.
    MuLaw,
    /// G.711 A-law, one byte per sample.
    ALaw,
    /// Signed 16-bit little-endian.
    Pcm16,
}

impl Encoding {
    /// Bytes of one sample.
    pub const fn sample_bytes(self) -> usize {
        match self {
            Self::MuLaw | Self::ALaw => 1,
            Self::Pcm16 => 2,
        }
    }

    /// The byte of silence.
    pub const fn silence(self) -> u8 {
        match self {
            Self::MuLaw => 0xFF,
            Self::ALaw => 0xD5,
            Self::Pcm16 => 0,
        }
    }
}

/// The format of one direction of audio; always mono.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AudioFormat {
    /// The encoding of samples.
    pub encoding: Encoding,
    /// Samples per second: 8000, 16000 or 24000.
    pub rate_hz: u32,
}

impl AudioFormat {
    /// A telephone line with mu-law.
    pub const MULAW_8K: Self = Self { encoding: Encoding::MuLaw, rate_hz: 8_000 };
    /// A telephone line with A-law.
    pub const ALAW_8K: Self = Self { encoding: Encoding::ALaw, rate_hz: 8_000 };
    /// A telephone line with PCM16.
    pub const PCM_8K: Self = Self { encoding: Encoding::Pcm16, rate_hz: 8_000 };
    /// The Realtime API's own format.
    pub const PCM_24K: Self = Self { encoding: Encoding::Pcm16, rate_hz: 24_000 };

    /// Bytes per millisecond.
    pub const fn bytes_per_ms(self) -> usize {
        self.rate_hz as usize / 1000 * self.encoding.sample_bytes()
    }

    /// The playing time of `bytes` in this format.
    pub fn duration_of(self, bytes: usize) -> Duration {
        let samples = bytes / self.encoding.sample_bytes();
        Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(self.rate_hz))
    }
}

/// The formats of a line; its two directions may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFormats {
    /// The caller's audio.
    pub hears: AudioFormat,
    /// Our audio.
    pub says: AudioFormat,
}

impl From<AudioFormat> for LineFormats {
    fn from(both: AudioFormat) -> Self {
        Self { hears: both, says: both }
    }
}
