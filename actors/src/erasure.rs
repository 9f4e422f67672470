//! Marks of erased calls.
//!
//! ```text
//! <records.dir>/erased/KEY
//! ```
//!
//! A running service keeps parts of a call in memory: a delivery that waits, a record that the disk
//! refused. An eraser first writes the mark and then looks for the call's files. A writer first
//! writes and then looks for the mark; if it finds one, it removes what it wrote. One of the two
//! always comes second, so nothing of the call remains. A mark holds nothing of its call but our
//! id.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::disk::{make_folder, private};

/// The marks of one folder of records.
#[derive(Debug, Clone)]
pub struct Erasures {
    folder: PathBuf,
}

impl Erasures {
    /// The marks of a folder of records. Creates nothing yet.
    pub fn of(records: &Path) -> Self {
        Self { folder: records.join(FOLDER) }
    }

    /// Marks a call, by our id.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn mark(&self, call: &str) -> io::Result<()> {
        make_folder(&self.folder)?;
        let mut options = OpenOptions::new();
        private(options.write(true).create(true).truncate(false)).open(self.path(call))?.sync_all()?;
        #[cfg(unix)]
        fs::File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    /// Whether a call is marked.
    pub fn has(&self, call: &str) -> bool {
        self.path(call).exists()
    }

    /// When a mark was last added or removed; `None` while there is none.
    pub fn changed_at(&self) -> Option<SystemTime> {
        fs::metadata(&self.folder).and_then(|folder| folder.modified()).ok()
    }

    /// Removes the marks that are older than `keep`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn sweep(&self, keep: Duration, now: SystemTime) -> io::Result<()> {
        let marks = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            marks => marks?,
        };
        for mark in marks {
            let mark = mark?;
            if mark.metadata().and_then(|file| file.modified()).is_ok_and(|at| at + keep < now) {
                // Another process may have removed it already; the next round tries again.
                let _ = fs::remove_file(mark.path());
            }
        }
        Ok(())
    }

    fn path(&self, call: &str) -> PathBuf {
        self.folder.join(key(call))
    }
}

/// A call's id in a form that is safe in a file's name, an event's id and a Redis key: small
/// letters, digits, `_` and `-`.
pub fn key(call: &str) -> String {
    // Some verifiers split id and time at a dot, and file systems differ on other characters.
    let plain = |sign: char| if sign.is_ascii_alphanumeric() || sign == '_' { sign.to_ascii_lowercase() } else { '-' };
    call.chars().take(LONGEST_KEY).map(plain).collect()
}

/// The folder of marks within the records.
pub const FOLDER: &str = "erased";
/// Limits a key's length. Our ids have 36 characters; a file's name may have up to 130.
pub const LONGEST_KEY: usize = 160;
/// How long a mark is kept: longer than any delivery is retried and any result is stored. Shorter:
/// a node that was away for long can bring an erased call back. Longer: more empty files are kept.
pub const KEPT: Duration = Duration::from_secs(400 * 24 * 3600);

#[cfg(test)]
mod tests;
