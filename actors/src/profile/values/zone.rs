//! The time zone of an agent. Pure.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, Offset as _, Utc};
use chrono_tz::Tz;

/// A time zone: a name of the tz database, or an offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// `Asia/Kolkata`.
    Named(Tz),
    /// `+05:30`.
    Offset(FixedOffset),
}

impl Zone {
    /// The moment by the clocks of this zone.
    pub fn at(&self, moment: DateTime<Utc>) -> DateTime<FixedOffset> {
        match self {
            Self::Named(zone) => moment.with_timezone(zone).fixed_offset(),
            Self::Offset(offset) => moment.with_timezone(offset),
        }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::Offset(Utc.fix())
    }
}

impl FromStr for Zone {
    type Err = NoZone;

    fn from_str(text: &str) -> Result<Self, NoZone> {
        if text.starts_with(['+', '-']) {
            return text.parse().map(Self::Offset).map_err(|_| NoZone);
        }
        text.parse().map(Self::Named).map_err(|_| NoZone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(zone) => f.write_str(zone.name()),
            Self::Offset(offset) => offset.fmt(f),
        }
    }
}

/// A text is no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no zone of the tz database, as \"Asia/Kolkata\", and no offset, as \"+05:30\"")]
pub struct NoZone;
