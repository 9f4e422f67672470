//! Writes files that appear under their names only when they are complete: temp file, fsync,
//! rename, fsync of the directory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::legacy;
use super::super::record::Record;
use crate::disk::{make_folder, private};
use crate::ids::CallId;

/// The folders of a record's files.
#[derive(Debug, Clone)]
pub(in crate::transcript) struct Folders {
    /// The folder of records.
    pub(in crate::transcript) dir: PathBuf,
    /// The top of the second set of folders, if it is configured.
    pub(in crate::transcript) legacy: Option<PathBuf>,
}

/// The progress of a record's files, for a retry.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::transcript) struct Progress {
    transcript_filed: bool,
}

impl Progress {
    /// Whether a part of the record is on disk, so that its content must not change.
    pub(in crate::transcript) fn has_begun(self) -> bool {
        self.transcript_filed
    }
}

impl Folders {
    /// Tries once to put a record on disk. Skips the steps that an earlier try has finished.
    pub(in crate::transcript) fn file(&self, record: &mut Record, progress: &mut Progress) -> io::Result<PathBuf> {
        if !progress.transcript_filed {
            self.file_transcript(record)?;
            progress.transcript_filed = true;
        }
        // The transcript must be durable before the queue file refers to it.
        sync_dir(&self.dir)?;
        if let Some(top) = &self.legacy {
            file_legacy(top, record)?;
        }
        let queue_name = record.queue_name();
        put(&self.dir, &queue_name, &record.queue_json(&self.dir)?)?;
        Ok(self.dir.join(record.transcript_name()))
    }

    /// Files a journal's record exactly once, however often it is tried. The call's id identifies
    /// files that an earlier try left on disk.
    pub(in crate::transcript) fn file_once(&self, record: &mut Record) -> io::Result<PathBuf> {
        let mut progress = Progress::default();
        if let Some(filed_ms) = self.filed_before(record)? {
            record.file_at(filed_ms);
            progress.transcript_filed = true;
            // The queue file exists, so its delivery may have begun.
            if self.dir.join(record.queue_name()).exists() {
                return Ok(self.dir.join(record.transcript_name()));
            }
        }
        self.file(record, &mut progress)
    }

    /// The moment of filing in the name of this call's transcript, if that file exists.
    fn filed_before(&self, record: &Record) -> io::Result<Option<i64>> {
        #[derive(Deserialize)]
        struct Owner {
            id: CallId,
        }
        let prefix = format!("{}_", record.stem());
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            let moment = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.strip_suffix("_transcript.json"));
            let Some(moment) = moment.and_then(|moment| moment.parse().ok()) else { continue };
            let owner: Option<Owner> = serde_json::from_slice(&fs::read(entry.path())?).ok();
            if owner.is_some_and(|owner| owner.id == record.call().id()) {
                return Ok(Some(moment));
            }
        }
        Ok(None)
    }

    fn file_transcript(&self, record: &mut Record) -> io::Result<()> {
        loop {
            // The temp file locks the name: two services that share a directory cannot both create
            // it.
            let name = record.transcript_name();
            match Temp::create(&self.dir, &name) {
                Ok(mut temp) if !self.is_taken(record) => {
                    temp.fill(&record.transcript_json()?)?;
                    return temp.keep_as(&self.dir, &name);
                }
                Ok(_) => record.file_later(),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => record.file_later(),
                // The folder was removed. The next try finds it again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    make_folder(&self.dir)?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn is_taken(&self, record: &Record) -> bool {
        [record.transcript_name(), record.queue_name()].iter().any(|name| self.dir.join(name).exists())
    }
}

/// Files the second pair, for the processor of the predecessor service. A queue file that already
/// exists is left alone.
fn file_legacy(top: &Path, record: &Record) -> io::Result<()> {
    let (transcripts, processing) = (top.join(legacy::TRANSCRIPTS), top.join(legacy::PROCESSING));
    make_folder(&transcripts)?;
    make_folder(&processing)?;
    put(&transcripts, &record.transcript_name(), &legacy::transcript(&record.transcript_json()?)?)?;
    let queue_name = record.queue_name();
    if processing.join(&queue_name).exists() {
        return Ok(());
    }
    put(&processing, &queue_name, &legacy::queue(&record.queue_json(&transcripts)?)?)
}

/// Writes a complete file under its name, durably.
fn put(dir: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let mut temp = Temp::replace(dir, name)?;
    temp.fill(content)?;
    temp.keep_as(dir, name)?;
    sync_dir(dir)
}

/// An incomplete file; it is removed on drop unless it is kept.
struct Temp {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Temp {
    fn create(dir: &Path, name: &str) -> io::Result<Self> {
        Self::open(dir, name, OpenOptions::new().write(true).create_new(true))
    }

    /// Overwrites a temp file that an earlier try may have left.
    fn replace(dir: &Path, name: &str) -> io::Result<Self> {
        Self::open(dir, name, OpenOptions::new().write(true).create(true).truncate(true))
    }

    fn open(dir: &Path, name: &str, options: &mut OpenOptions) -> io::Result<Self> {
        // The dot hides it from processes that look for `call_*.json`.
        let path = dir.join(format!(".{name}.tmp"));
        let file = private(options).open(&path)?;
        Ok(Self { path, file, kept: false })
    }

    fn fill(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.file.write_all(b"\n")?;
        self.file.sync_all()
    }

    fn keep_as(mut self, dir: &Path, name: &str) -> io::Result<()> {
        fs::rename(&self.path, dir.join(name))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.kept {
            // An error here is harmless: the file is temporary, and problems of the disk are
            // reported elsewhere.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates the directory if it is missing and checks that files can be written there.
pub(in crate::transcript) fn prove_writable(dir: &Path) -> io::Result<()> {
    make_folder(dir)?;
    let mut proof = Temp::replace(dir, &format!("writable-{}", std::process::id()))?;
    proof.fill(b"This file proves that records can be written, and is removed at once.")?;
    drop(proof);
    sync_dir(dir)
}

/// Syncs a directory. A rename is durable only after its directory is synced.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}
