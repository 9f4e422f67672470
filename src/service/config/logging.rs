//! `[log]`: which lines are logged, and their format. Pure.

use log::LevelFilter;

use super::kinds::word;
use super::reader::Section;

/// `[log]`: level and format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// Text for people, or JSON for programs.
    pub format: LogFormat,
    /// The lowest level of this program's own lines; lines of its libraries are logged from
    /// warnings up.
    pub level: LevelFilter,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Time, level, target and message, then `name=value` fields.
    Text,
    /// One JSON object per line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: LevelFilter::Info }
    }
}

impl Log {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let format = section.read("format", word(FORMATS));
        let level = section.read("level", word(LEVELS));
        Some(Self { format: format?, level: level? })
    }
}

const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];
const LEVELS: &[(&str, LevelFilter)] = &[
    ("error", LevelFilter::Error),
    ("warn", LevelFilter::Warn),
    ("info", LevelFilter::Info),
    ("debug", LevelFilter::Debug),
    ("trace", LevelFilter::Trace),
];
