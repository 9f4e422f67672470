//! `[log]`: what is logged, and in which form. Pure.

use log::LevelFilter;

use super::kinds::word;
use super::reader::Section;

/// `[log]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    /// One line for a person, or one object for a program.
    pub format: LogFormat,
    /// From which level up this program's own lines are logged; those of its libraries from warnings up.
    pub level: LevelFilter,
}

/// The form of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Time, level, target, message, then `name=value` fields.
    Text,
    /// A JSON object a line.
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
