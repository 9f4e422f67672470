//! What can be wrong with the sound of a line. Pure.

use serde::{Serialize, Serializer};

/// A number with one decimal place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenths(i32);

impl Tenths {
    /// Rounds `value`.
    pub fn of(value: f32) -> Self {
        Self((value * 10.0).round() as i32)
    }

    /// Returns it as a number.
    pub fn value(self) -> f64 {
        f64::from(self.0) / 10.0
    }
}

impl Serialize for Tenths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

/// Something that is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// PCM16 with its bytes swapped.
    ByteOrder,
    /// PCM16 with unsigned samples.
    Unsigned,
    /// PCM16 with unsigned samples and swapped bytes.
    UnsignedByteOrder,
    /// A-law taken for mu-law.
    AlawAsMulaw,
    /// Mu-law taken for A-law.
    MulawAsAlaw,
    /// The samples come at twice the stated rate: 16 kHz read as 8 kHz.
    RateTooLow,
    /// The samples come at half the stated rate: 8 kHz read as 16 kHz.
    RateTooHigh,
    /// The upper half of the band is empty during speech: an earlier step has probably slowed the
    /// sound down to half its speed.
    HalfSpeed,
    /// The samples' mean is not zero.
    Offset,
    /// The peaks are clipped.
    Clipped,
    /// Speech is uncomfortably loud.
    TooLoud,
    /// Speech is too quiet to be understood well.
    TooQuiet,
    /// Every sample has the same value.
    Silent,
    /// Packets are missing.
    Loss,
}

impl Finding {
    /// Every finding.
    pub const ALL: [Self; 14] = [
        Self::ByteOrder,
        Self::Unsigned,
        Self::UnsignedByteOrder,
        Self::AlawAsMulaw,
        Self::MulawAsAlaw,
        Self::RateTooLow,
        Self::RateTooHigh,
        Self::HalfSpeed,
        Self::Offset,
        Self::Clipped,
        Self::TooLoud,
        Self::TooQuiet,
        Self::Silent,
        Self::Loss,
    ];

    /// The word in records, labels and logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::ByteOrder => "byte_order",
            Self::Unsigned => "unsigned",
            Self::UnsignedByteOrder => "unsigned_byte_order",
            Self::AlawAsMulaw => "alaw_as_mulaw",
            Self::MulawAsAlaw => "mulaw_as_alaw",
            Self::RateTooLow => "rate_too_low",
            Self::RateTooHigh => "rate_too_high",
            Self::HalfSpeed => "half_speed",
            Self::Offset => "offset",
            Self::Clipped => "clipped",
            Self::TooLoud => "too_loud",
            Self::TooQuiet => "too_quiet",
            Self::Silent => "silent",
            Self::Loss => "loss",
        }
    }

    /// What it means and what to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::ByteOrder => {
                "the two bytes of each sample are swapped; have the carrier send little-endian, or set audio.correct"
            }
            Self::Unsigned => {
                "samples count from 0 instead of around it; have the carrier send signed samples, or set audio.correct"
            }
            Self::UnsignedByteOrder => {
                "samples are unsigned and big-endian; have the carrier send signed little-endian ones, or set audio.correct"
            }
            Self::AlawAsMulaw => {
                "the audio is A-law, but mu-law was declared; have the carrier declare the encoding it sends, or set audio.correct"
            }
            Self::MulawAsAlaw => {
                "the audio is mu-law, but A-law was declared; have the carrier declare the encoding it sends, or set audio.correct"
            }
            Self::RateTooLow => {
                "twice as many samples arrive as the declared rate says, so the model hears everything at half speed; have the carrier declare the rate it sends"
            }
            Self::RateTooHigh => {
                "half as many samples arrive as the declared rate says, so the model hears everything at double speed; have the carrier declare the rate it sends"
            }
            Self::HalfSpeed => {
                "the upper half of the band is empty, as if 16 kHz audio had been taken for 8 kHz earlier; ask the carrier how it converts"
            }
            Self::Offset => "the samples' mean is far from zero; have the line's equipment checked",
            Self::Clipped => {
                "the loudest parts are cut off; have the carrier lower its level (a lower gain here does not bring them back)"
            }
            Self::TooLoud => "the line is very loud; lower the carrier's level, or its gain_in_db",
            Self::TooQuiet => "the line is very quiet; raise the carrier's level, or its gain_in_db",
            Self::Silent => "only digital silence arrives; a muted phone, or the carrier sends the wrong track",
            Self::Loss => {
                "packets are missing by the carrier's clock; look at the network between the carrier and this service"
            }
        }
    }
}
