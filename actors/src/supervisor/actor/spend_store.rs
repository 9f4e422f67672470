//! The books of the day on disk, so that a restart is no way around a limit.
//!
//! They fail closed: what cannot be read is not taken for a day on which nothing was spent. They are written by a thread of their
//! own, down to the disk and in order, because the Supervisor must not wait for a disk while callers wait for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::background;
use crate::events::emit;
use crate::supervisor::events::Event;
use crate::supervisor::ledger::SpendStore;

/// Why the books cannot be gone by.
#[derive(Debug, thiserror::Error)]
#[error(
    "{problem}; nobody knows what was spent today: put the file back from a copy, or remove it so that the day begins at 0"
)]
pub struct SpendStoreUnreadable {
    problem: String,
}

/// Keeps the books in a file.
pub(super) struct SpendWriter {
    file: Option<PathBuf>,
    /// The thread that writes; there from the first time on that something is written.
    writer: Option<Sender<Job>>,
    /// Whether the books have changed since they were written.
    pub(super) stale: bool,
}

enum Job {
    Write(Vec<u8>),
    Flush(Sender<()>),
}

/// Reads the books; `None` where there are none yet.
///
/// # Errors
/// When there is something and it cannot be read as books: it is empty, cut off, of another kind, or closed to us.
pub fn read_spend_store(file: &Path) -> Result<Option<SpendStore>, SpendStoreUnreadable> {
    let unreadable = |problem: &dyn std::fmt::Display| SpendStoreUnreadable { problem: problem.to_string() };
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    if text.is_empty() {
        return Err(unreadable(&"the file is empty"));
    }
    serde_json::from_slice(&text).map(Some).map_err(|error| unreadable(&format!("no books: {error}")))
}

impl SpendWriter {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file, writer: None, stale: false }
    }

    /// What was kept; nothing where there is nothing.
    ///
    /// # Errors
    /// When it cannot be read, which operators are told.
    pub(super) fn read(&self) -> Result<Option<SpendStore>, SpendStoreUnreadable> {
        let Some(file) = &self.file else { return Ok(None) };
        read_spend_store(file).inspect_err(|error| complain(file, error))
    }

    /// Has them written whole: a crash leaves the old ones or the new ones.
    pub(super) fn write(&mut self, spend_store: &SpendStore) {
        let Some(file) = self.file.clone() else { return };
        self.stale = false;
        let text = match serde_json::to_vec(spend_store) {
            Ok(text) => text,
            Err(error) => return complain(&file, &error),
        };
        let writer = self.writer.take().or_else(|| start(&file));
        self.writer = writer.filter(|writer| writer.send(Job::Write(text)).is_ok());
    }

    /// Waits until what was written is on the disk, but not for ever.
    pub(super) fn flush(&self) {
        let (tell, told) = channel();
        if self.writer.as_ref().is_some_and(|writer| writer.send(Job::Flush(tell)).is_ok()) {
            // A disk that takes longer is broken, and whoever waits has waited long enough.
            let _ = told.recv_timeout(LONGEST_FLUSH);
        }
    }
}

fn start(file: &Path) -> Option<Sender<Job>> {
    let (sender, jobs) = channel();
    let (own, file) = (file.to_owned(), file);
    match background::spawn("books", Some(STACK), move || write_all(&own, &jobs)) {
        Ok(_) => Some(sender),
        Err(error) => {
            complain(file, &error);
            None
        }
    }
}

fn write_all(file: &Path, jobs: &Receiver<Job>) {
    while let Ok(job) = jobs.recv() {
        match job {
            Job::Write(text) => {
                if let Err(error) = replace(file, &text) {
                    complain(file, &error);
                }
            }
            // Nobody may be waiting any more.
            Job::Flush(tell) => drop(tell.send(())),
        }
    }
}

/// Puts a whole new file in the place of the old one, for this user and group alone, so that a power cut leaves one of them.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let fresh = file.with_extension("new");
    // One that a crash has left has whatever mode it had.
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, MODE);
    let mut written = options.open(&fresh)?;
    written.write_all(text)?;
    written.sync_all()?;
    fs::rename(&fresh, file)?;
    File::open(folder)?.sync_all()
}

fn complain(file: &Path, error: &dyn std::fmt::Display) {
    emit(Event::SpendStoreFailed { problem: &format!("`spend.file` = {}: {error}", file.display()) });
}

/// Readable for the service and its group, for nobody else.
#[cfg(unix)]
const MODE: u32 = 0o640;
/// What the thread needs and some more.
const STACK: usize = 256 * 1024;
/// Longest wait for a write.
const LONGEST_FLUSH: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
