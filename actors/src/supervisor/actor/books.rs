//! The books of the day on disk, so that a restart is no way around a limit.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::events::{Event, emit};
use crate::supervisor::ledger::Books;

/// Keeps the books in a file.
pub(super) struct Bookkeeper {
    file: Option<PathBuf>,
    /// Whether the books have changed since they were written.
    pub(super) stale: bool,
}

impl Bookkeeper {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file, stale: false }
    }

    /// What was kept; nothing where there is nothing, or where it cannot be read, which operators are told.
    pub(super) fn read(&self) -> Option<Books> {
        let file = self.file.as_ref()?;
        let text = match fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => return complain(file, &error),
        };
        serde_json::from_slice(&text).map_or_else(|error| complain(file, &error), Some)
    }

    /// Writes them whole: a crash leaves the old ones or the new ones.
    pub(super) fn write(&mut self, books: &Books) {
        let Some(file) = &self.file else { return };
        self.stale = false;
        let fresh = file.with_extension("new");
        let write = || -> io::Result<()> {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&fresh, serde_json::to_vec(books)?)?;
            fs::rename(&fresh, file)
        };
        if let Err(error) = write() {
            complain::<()>(file, &error);
        }
    }
}

fn complain<T>(file: &Path, error: &dyn std::fmt::Display) -> Option<T> {
    emit(Event::BooksFailed { problem: &format!("`spend.file` = {}: {error}", file.display()) });
    None
}
