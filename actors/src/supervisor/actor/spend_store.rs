//! The day's spending on disk, so that a restart does not reset a limit.
//!
//! It fails closed: an unreadable file does not count as a day without spending. A thread of its
//! own writes and syncs the file, in order, because the Supervisor must not wait for a disk while
//! callers wait for the Supervisor.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::background;
use crate::events::emit;
use crate::supervisor::events::Event;
use crate::supervisor::ledger::SpendStore;

/// Why the stored spending cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{problem}; today's spending is unknown: restore the file from a copy, or remove it so that the day begins at 0"
)]
pub struct SpendStoreUnreadable {
    problem: String,
}

/// Keeps the day's spending in a file.
pub(super) struct SpendWriter {
    file: Option<PathBuf>,
    /// The writing thread, started by the first write.
    writer: Option<Sender<Job>>,
    /// Whether the spending has changed since the last write.
    pub(super) stale: bool,
}

enum Job {
    Write(Vec<u8>),
    Flush(Sender<()>),
}

/// Reads the stored spending; `None` if there is no file yet.
///
/// # Errors
/// When the file exists and cannot be used: it is empty, truncated, of another format, or not
/// readable.
pub fn read_spend_store(file: &Path) -> Result<Option<SpendStore>, SpendStoreUnreadable> {
    let unreadable = |problem: &dyn std::fmt::Display| SpendStoreUnreadable { problem: problem.to_string() };
    let text = match fs::read(file) {
        Ok(text) => text,
        // A link whose target is gone is no day without spending.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !file.is_symlink() => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    if text.is_empty() {
        return Err(unreadable(&"the file is empty"));
    }
    // A list of the fields would be read too.
    if text.trim_ascii_start().first() != Some(&b'{') {
        return Err(unreadable(&"the file holds no spending: it does not begin with `{`"));
    }
    serde_json::from_slice(&text).map(Some).map_err(|error| unreadable(&format!("the file holds no spending: {error}")))
}

impl SpendWriter {
    pub(super) fn new(file: Option<PathBuf>) -> Self {
        Self { file, writer: None, stale: false }
    }

    /// Reads the file, if there is one.
    ///
    /// # Errors
    /// When it cannot be read; that is logged.
    pub(super) fn read(&self) -> Result<Option<SpendStore>, SpendStoreUnreadable> {
        let Some(file) = &self.file else { return Ok(None) };
        read_spend_store(file).inspect_err(|error| complain(file, error))
    }

    /// Queues a write. A crash leaves the old file or the new one.
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

    /// Waits until the queued writes are on disk, up to a limit.
    pub(super) fn flush(&self) {
        let (tell, flushed) = channel();
        if self.writer.as_ref().is_some_and(|writer| writer.send(Job::Flush(tell)).is_ok()) {
            // A disk that takes longer is broken.
            let _ = flushed.recv_timeout(LONGEST_FLUSH);
        }
    }
}

fn start(file: &Path) -> Option<Sender<Job>> {
    let (sender, jobs) = channel();
    let (own, file) = (file.to_owned(), file);
    match background::spawn("spend-file", Some(STACK), move || write_all(&own, &jobs)) {
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
            // The waiting side may be gone.
            Job::Flush(tell) => drop(tell.send(())),
        }
    }
}

/// Replaces the file atomically, readable only for this user and group. A power cut leaves the old
/// file or the new one.
fn replace(file: &Path, text: &[u8]) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let fresh = file.with_extension("new");
    // A temp file left by a crash keeps its old mode.
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

/// Readable only for the service and its group.
#[cfg(unix)]
const MODE: u32 = 0o640;
/// What the thread needs, with a margin.
const STACK: usize = 256 * 1024;
/// Longest wait for a write.
const LONGEST_FLUSH: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
