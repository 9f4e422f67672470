//! Deliveries on disk.
//!
//! ```text
//! <records.dir>/                      the calls' queue files, with an up-to-date status
//!   deliveries/pending/ID.json        being delivered
//!   deliveries/completed/ID.json      done, kept for a while for look-ups
//!   deliveries/failed/ID.json         dead letters, until an operator retries or removes them
//!   deliveries/shared/ID.json         in the queue that several nodes share; some node delivers it
//!   deliveries/retry/ID               an operator's request to retry a dead letter
//!   deliveries/shut/ENDPOINT          an endpoint that answered 410, with its address
//! ```
//!
//! Every file gets its name only when it is complete: temp file, fsync, rename, fsync of the
//! folder. A crash between two folders leaves a case in both; the more advanced one counts.

mod newest;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::case::{Case, Status, rfc3339};
use super::notice::{Notice, RecordFiles, is_id};
use crate::disk::{is_full, make_folder, private};
use crate::erasure::Erasures;

/// The folders.
#[derive(Debug, Clone)]
pub struct Store {
    erasures: Erasures,
    records: PathBuf,
    deliveries: PathBuf,
}

impl Store {
    /// The store of a folder of records. No folder is created yet.
    pub fn of(records: &Path) -> Self {
        Self { erasures: Erasures::of(records), records: records.to_owned(), deliveries: records.join("deliveries") }
    }

    /// Creates the folders.
    ///
    /// # Errors
    /// When they cannot be created.
    pub fn open(records: &Path) -> io::Result<Self> {
        let store = Self::of(records);
        for folder in [PENDING, COMPLETED, FAILED, SHARED, RETRY, SHUT] {
            match make_folder(&store.deliveries.join(folder)) {
                // The folder is created with its first file, once there is room.
                Err(error) if !is_full(&error) => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(store)
    }

    /// Writes a case into the folder of its status and removes it from the others.
    ///
    /// # Errors
    /// When the disk refuses; the old file then stays.
    pub fn save(&self, case: &Case) -> io::Result<()> {
        self.put(folder_of(case.status()), &case.notice, &case.json()?)
    }

    /// Moves a case aside that is now in the shared queue, under `entry`.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn share(&self, case: &Case, entry: &str) -> io::Result<()> {
        let mut file = serde_json::to_value(case)?;
        file[ENTRY] = entry.into();
        self.put(SHARED, &case.notice, &serde_json::to_vec_pretty(&file)?)
    }

    /// The entry of a case in the shared queue; `None` if an older version put it there.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub fn entry(&self, id: &str) -> io::Result<Option<String>> {
        Ok(self.read_json(&self.path(SHARED, id))?[ENTRY].as_str().map(str::to_owned))
    }

    /// The ids of the cases in the shared queue.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn shared(&self) -> io::Result<Vec<String>> {
        self.ids_in(SHARED)
    }

    fn put(&self, here: &str, notice: &Notice, content: &[u8]) -> io::Result<()> {
        if self.has_erased(notice) {
            return self.forget(&notice.id);
        }
        let name = format!("{}.json", notice.id);
        write(&self.deliveries.join(here), &name, content)?;
        for other in [PENDING, COMPLETED, FAILED, SHARED].into_iter().filter(|other| *other != here) {
            match fs::remove_file(self.deliveries.join(other).join(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        // An eraser sets the mark first and then looks for files.
        if self.has_erased(notice) { self.forget(&notice.id) } else { Ok(()) }
    }

    /// Whether the call of a notice was erased.
    pub fn has_erased(&self, notice: &Notice) -> bool {
        self.erasures.has(&notice.call.id)
    }

    /// When a call was last erased, as far as is known.
    pub fn erased_at(&self) -> Option<SystemTime> {
        self.erasures.changed_at()
    }

    /// Removes every file of a case.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget(&self, id: &str) -> io::Result<()> {
        for path in self.files_of(id) {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Every file that a case can have.
    pub fn files_of(&self, id: &str) -> Vec<PathBuf> {
        let name = format!("{id}.json");
        let in_folder = |folder: &str| {
            let folder = self.deliveries.join(folder);
            let names = [name.clone(), format!(".{name}.tmp"), format!("{id}.unreadable")];
            names.map(|name| folder.join(name))
        };
        let mut files: Vec<PathBuf> = [PENDING, COMPLETED, FAILED, SHARED].into_iter().flat_map(in_folder).collect();
        let retry = self.deliveries.join(RETRY);
        files.extend([retry.join(id), retry.join(format!(".{id}.tmp"))]);
        files
    }

    /// Whether this notice already has a case.
    pub fn knows(&self, id: &str) -> bool {
        [PENDING, COMPLETED, FAILED, SHARED].iter().any(|folder| self.path(folder, id).exists())
    }

    /// The case with this id, in whichever folder it is.
    ///
    /// # Errors
    /// When it exists and cannot be read.
    pub fn find(&self, id: &str) -> io::Result<Option<Case>> {
        if !is_id(id) {
            return Ok(None);
        }
        // The more advanced one counts.
        for folder in [COMPLETED, FAILED, SHARED, PENDING] {
            match self.read_case(&self.path(folder, id)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found.map(Some),
            }
        }
        Ok(None)
    }

    /// The ids in a folder, sorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn ids(&self, status: Status) -> io::Result<Vec<String>> {
        self.ids_in(folder_of(status))
    }

    fn ids_in(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut ids = names(&self.deliveries.join(folder))?;
        ids.retain_mut(|name| match name.strip_suffix(".json").filter(|id| is_id(id)) {
            Some(id) => {
                *name = id.to_owned();
                true
            }
            None => false,
        });
        ids.sort();
        Ok(ids)
    }

    /// Reads a pending case. An unreadable one is moved aside, so that it is logged once.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn pending(&self, id: &str) -> io::Result<Case> {
        let path = self.path(PENDING, id);
        let read = self.read_case(&path);
        if read.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::InvalidData) {
            fs::rename(&path, path.with_extension("unreadable"))?;
        }
        read
    }

    /// Requests a retry of a dead letter; the service that uses this folder sees the request.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn ask_retry(&self, id: &str) -> io::Result<()> {
        make_folder(&self.deliveries.join(RETRY))?;
        write(&self.deliveries.join(RETRY), id, b"")
    }

    /// The dead letters with a retry request. Call [`Self::retried`] for each.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn retries(&self) -> io::Result<Vec<String>> {
        let mut ids = names(&self.deliveries.join(RETRY))?;
        ids.retain(|id| is_id(id));
        Ok(ids)
    }

    /// Removes a request that was handled.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn retried(&self, id: &str) -> io::Result<()> {
        fs::remove_file(self.deliveries.join(RETRY).join(id))
    }

    /// Notes that an endpoint answered 410.
    ///
    /// # Errors
    /// When the note cannot be written.
    pub fn shut(&self, endpoint: &str, url: &str) -> io::Result<()> {
        write(&self.deliveries.join(SHUT), &file_name(endpoint), url.as_bytes())
    }

    /// Whether an endpoint is shut. An endpoint with a new address is not.
    pub fn is_shut(&self, endpoint: &str, url: &str) -> bool {
        let path = self.deliveries.join(SHUT).join(file_name(endpoint));
        fs::read_to_string(path).is_ok_and(|found| found.trim() == url)
    }

    /// Opens an endpoint again.
    ///
    /// # Errors
    /// When the note cannot be removed.
    pub fn reopen(&self, endpoint: &str) -> io::Result<()> {
        match fs::remove_file(self.deliveries.join(SHUT).join(file_name(endpoint))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The modification time of the folder of records.
    pub fn changed_at(&self) -> Option<SystemTime> {
        fs::metadata(&self.records).and_then(|folder| folder.modified()).ok()
    }

    /// Calls `each` with the name of every queue file, unsorted.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn each_queue(&self, mut each: impl FnMut(String)) -> io::Result<()> {
        for entry in fs::read_dir(&self.records)? {
            if let Ok(name) = entry?.file_name().into_string()
                && name.starts_with("call_")
                && name.ends_with(QUEUE_END)
            {
                each(name);
            }
        }
        Ok(())
    }

    /// Whether this queue file exists.
    pub fn has_queue(&self, name: &str) -> bool {
        self.records.join(name).exists()
    }

    /// Reads a queue file: the notices that follow from its record; `None` when it is finished.
    ///
    /// # Errors
    /// When it, or its transcript, cannot be read.
    pub fn open_queue(&self, name: &str) -> io::Result<Option<Vec<Notice>>> {
        let queue = self.read_json(&self.records.join(name))?;
        if matches!(queue["status"].as_str(), Some("completed" | "failed")) {
            return Ok(None);
        }
        // Uses the file's name and not its recorded path: the folder may have moved, and nothing
        // outside it is ever read.
        let stem = name.strip_suffix(QUEUE_END).unwrap_or(name);
        let files = RecordFiles { transcript: format!("{stem}_transcript.json"), queue: name.to_owned() };
        let record = self.transcript(&files)?;
        Ok(Some(Notice::of_record(&record, &files)))
    }

    /// A record's transcript.
    ///
    /// # Errors
    /// When it is missing, too large or not JSON.
    pub fn transcript(&self, files: &RecordFiles) -> io::Result<Value> {
        if Path::new(&files.transcript).file_name() != Some(OsStr::new(&files.transcript)) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the transcript's name is not a file name"));
        }
        self.read_json(&self.records.join(&files.transcript))
    }

    /// Updates the status in a queue file; everything else in it stays as it is.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn mark_queue(&self, name: &str, case: &Case, now: DateTime<Utc>) -> io::Result<()> {
        let Value::Object(mut queue) = self.read_json(&self.records.join(name))? else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a JSON object"));
        };
        let was = queue.clone();
        mark(&mut queue, case, now);
        if queue == was {
            return Ok(());
        }
        write(&self.records, name, &serde_json::to_vec_pretty(&queue)?)?;
        if self.has_erased(&case.notice) { fs::remove_file(self.records.join(name)) } else { Ok(()) }
    }

    /// Removes cases that were completed longer than `keep` ago and returns their number.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn sweep(&self, keep: Duration, now: SystemTime) -> io::Result<u64> {
        let mut swept = 0;
        for entry in fs::read_dir(self.deliveries.join(COMPLETED))? {
            let entry = entry?;
            let old = entry.metadata().and_then(|file| file.modified()).is_ok_and(|at| at + keep < now);
            if old && fs::remove_file(entry.path()).is_ok() {
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn path(&self, folder: &str, id: &str) -> PathBuf {
        self.deliveries.join(folder).join(format!("{id}.json"))
    }

    fn read_case(&self, path: &Path) -> io::Result<Case> {
        Case::read(&read(path)?).map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))
    }

    fn read_json(&self, path: &Path) -> io::Result<Value> {
        serde_json::from_slice(&read(path)?).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

/// Uses the words of older readers: `processing` from the moment it is accepted, then `completed`
/// or `failed`, each with its time.
fn mark(queue: &mut Map<String, Value>, case: &Case, now: DateTime<Utc>) {
    let mut set = |key: &str, value: Value| {
        queue.insert(key.to_owned(), value);
    };
    set("attempts", case.attempts().into());
    match case.status() {
        Status::Pending => {
            set("status", "processing".into());
            let since = case.deliveries.values().map(|course| course.since).min().unwrap_or(now);
            set("processing_started_at", rfc3339(since).into());
        }
        Status::Completed => {
            set("status", "completed".into());
            set("completed_at", rfc3339(now).into());
        }
        Status::Failed => {
            let failed = case.deliveries.iter().filter(|(_, course)| course.status == Status::Failed);
            let problems: Vec<String> =
                failed.map(|(name, course)| format!("{name}: {}", course.last.as_deref().unwrap_or("?"))).collect();
            set("status", "failed".into());
            set("failed_at", rfc3339(now).into());
            set("error", problems.join("; ").into());
        }
    }
    let later: &[&str] = match case.status() {
        Status::Pending => &["completed_at", "failed_at", "error"],
        Status::Completed => &["failed_at", "error"],
        Status::Failed => &["completed_at"],
    };
    for key in later {
        queue.remove(*key);
    }
}

fn folder_of(status: Status) -> &'static str {
    match status {
        Status::Pending => PENDING,
        Status::Completed => COMPLETED,
        Status::Failed => FAILED,
    }
}

/// An endpoint's name as a safe file name: operators choose it freely.
fn file_name(endpoint: &str) -> String {
    endpoint.bytes().take(100).map(|byte| if byte.is_ascii_alphanumeric() { byte as char } else { '_' }).collect()
}

/// Names in a folder, without temp files.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string()
            && !name.starts_with('.')
        {
            found.push(name);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is larger than {} MiB", LARGEST >> 20)));
    }
    Ok(content)
}

fn write(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let temp = folder.join(format!(".{name}.tmp"));
    if !folder.exists() {
        make_folder(folder)?;
    }
    let written = fill(&temp, content).and_then(|()| fs::rename(&temp, folder.join(name)));
    if written.is_err() {
        // This is only a temp file; the first error is the one to report.
        let _ = fs::remove_file(&temp);
    }
    written?;
    sync_dir(folder)
}

fn fill(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = private(options.write(true).create(true).truncate(true)).open(path)?;
    file.write_all(content)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Syncs a folder, which makes a rename durable.
#[cfg(unix)]
fn sync_dir(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

const PENDING: &str = "pending";
const COMPLETED: &str = "completed";
const FAILED: &str = "failed";
const SHARED: &str = "shared";
const RETRY: &str = "retry";
const SHUT: &str = "shut";
/// The key of the stream entry in a shared case's file.
const ENTRY: &str = "entry";
const QUEUE_END: &str = "_queue.json";
/// The largest file that is read. A record's log is bounded far below this.
const LARGEST: u64 = 32 * 1024 * 1024;

#[cfg(test)]
mod tests;
