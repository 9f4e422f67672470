//! What is wrong with a configuration, in words that an operator can act on. All problems are
//! reported at once.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The `config.toml` that is built into the program.
    Shipped,
    /// A file: its path and the line.
    File {
        /// The path as it was given.
        path: Arc<PathBuf>,
        /// The line, counted from 1.
        line: usize,
    },
    /// An environment variable, by its whole name.
    Variable {
        /// `SWITCHBOARD__SERVER__BIND`, `SWITCHBOARD_ADMIN_TOKEN`.
        name: String,
        /// The variable comes from `.env` and not from the process's own environment.
        dotenv: bool,
    },
    /// The program itself set it: a test or the demo.
    Override,
    /// The value is missing, so it has no place.
    Nowhere,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shipped => f.write_str("built-in defaults"),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Variable { name, dotenv: false } => write!(f, "variable {name}"),
            Self::Variable { name, dotenv: true } => write!(f, "variable {name} in .env"),
            Self::Override => f.write_str("set by the program"),
            Self::Nowhere => f.write_str("not set"),
        }
    }
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The full name of the key (`realtime.turn_detection.threshold`), or the name of a variable or
    /// a file.
    pub key: String,
    /// Where it was found.
    pub origin: Origin,
    /// What was found, what was expected, and the next step if that is something else.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if self.origin != Origin::Nowhere {
            write!(f, " ({})", self.origin)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The configuration cannot be used. Nothing was started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    /// Every problem, in the order of the sections; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => f.write_str("the configuration has a problem; nothing was started")?,
            many => write!(f, "the configuration has {many} problems; nothing was started")?,
        }
        for problem in &self.problems {
            write!(f, "\n  {problem}")?;
        }
        Ok(())
    }
}
