//! The disk's own thread: what is to be written is handed over and never waited for.

use std::io;
use std::path::Path;

/// A handle to the writer; cheap to clone, one thread behind all of them.
#[derive(Debug, Clone)]
pub struct RecordWriter {}

impl RecordWriter {
    /// Starts the writer for `dir`, which is made if it is missing and proved writable.
    ///
    /// # Errors
    /// When the directory cannot be made or written to.
    pub fn start(_dir: &Path) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits until everything handed over so far is on disk. Blocks; for the end of the process.
    pub fn flush(&self) {}
}
