//! The folders of journals, and the processes that own them.
//!
//! ```text
//! <records.dir>/journal/<process>/lock          locked by the process for as long as it lives
//! <records.dir>/journal/<process>/<call>.journal
//! <records.dir>/journal/aside/*.torn, *.unreadable
//! ```
//!
//! A folder whose lock is free belongs to a dead process. This is true however the process died,
//! and even if another process has its id now. The journals of such a folder may be recovered, so
//! several services can share one folder of records.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::disk::{is_full, make_folder, private};

/// This process's own folder. Dropping it releases the lock.
#[derive(Debug)]
pub(in crate::transcript) struct JournalFolder {
    root: PathBuf,
    name: String,
    folder: PathBuf,
    /// `None` until the folder is created.
    lock: Mutex<Option<File>>,
}

impl JournalFolder {
    /// Creates our own folder below `dir`. If the disk is full, the folder is created with the
    /// first journal that fits.
    pub(in crate::transcript) fn open(dir: &Path, name: &str) -> io::Result<Self> {
        let folder = Self::unmade(dir, name);
        match folder.ensure() {
            Err(error) if !is_full(&error) => Err(error),
            Ok(()) | Err(_) => Ok(folder),
        }
    }

    fn unmade(dir: &Path, name: &str) -> Self {
        let root = dir.join(ROOT);
        Self { folder: root.join(name), root, name: name.to_owned(), lock: Mutex::default() }
    }

    /// Creates the folder if it is missing, and locks it before another process can see it.
    pub(in crate::transcript) fn ensure(&self) -> io::Result<()> {
        let mut slot = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return Ok(());
        }
        make_folder(&self.root)?;
        let hidden = self.root.join(format!(".{}", self.name));
        make_folder(&hidden)?;
        let lock = private(OpenOptions::new().write(true).create(true).truncate(false)).open(hidden.join(LOCK))?;
        lock.try_lock().map_err(io::Error::from)?;
        fs::rename(&hidden, &self.folder)?;
        *slot = Some(lock);
        Ok(())
    }

    /// The path of a journal.
    pub(in crate::transcript) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{JOURNAL}"))
    }
}

impl Drop for JournalFolder {
    /// Removes the folder if it contains nothing to recover.
    fn drop(&mut self) {
        clear(&self.folder);
    }
}

/// The journals of one dead process, locked against other processes.
#[derive(Debug)]
pub struct Orphans {
    /// The journals.
    pub journals: Vec<PathBuf>,
    folder: PathBuf,
    _lock: File,
}

impl Drop for Orphans {
    fn drop(&mut self) {
        clear(&self.folder);
    }
}

/// All journals below `dir` whose process is gone.
///
/// # Errors
/// Fails if a folder cannot be read or its lock cannot be queried.
pub fn orphans(dir: &Path) -> io::Result<Vec<Orphans>> {
    let mut found = Vec::new();
    for folder in folders(&dir.join(ROOT))? {
        let lock = match OpenOptions::new().write(true).open(folder.join(LOCK)) {
            Ok(lock) => lock,
            // Another process has just removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut journals = match files(&folder, JOURNAL) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            journals => journals?,
        };
        journals.sort();
        found.push(Orphans { journals, folder, _lock: lock });
    }
    Ok(found)
}

/// Moves a journal to the folder [`ASIDE`], for an operator to look at.
pub(in crate::transcript) fn set_aside(dir: &Path, journal: &Path, ending: &str) -> io::Result<PathBuf> {
    let aside = dir.join(ROOT).join(ASIDE);
    make_folder(&aside)?;
    let name = journal.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut path = aside.join(format!("{name}.{ending}"));
    let mut number = 1;
    while path.exists() {
        number += 1;
        path = aside.join(format!("{name}-{number}.{ending}"));
    }
    fs::rename(journal, &path)?;
    Ok(path)
}

fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        // A name that begins with a dot belongs to a folder that is being created.
        let known = path.file_name().is_some_and(|name| name != ASIDE && !name.to_string_lossy().starts_with('.'));
        if known && path.is_dir() {
            folders.push(path);
        }
    }
    Ok(folders)
}

fn files(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Removes a folder that no longer contains a journal.
fn clear(folder: &Path) {
    if files(folder, JOURNAL).is_ok_and(|left| left.is_empty()) {
        // A folder that cannot be removed is empty; the next start tries again.
        let _ = fs::remove_file(folder.join(LOCK));
        let _ = fs::remove_dir(folder);
    }
}

/// The folder of journals within the records.
pub const ROOT: &str = "journal";
/// The folder of journals for an operator to look at, within [`ROOT`].
pub const ASIDE: &str = "aside";
const LOCK: &str = "lock";
const JOURNAL: &str = "journal";

#[cfg(test)]
mod tests;
