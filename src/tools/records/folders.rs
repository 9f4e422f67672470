//! The locations of a call's files. [`super::owners`] decides which file belongs to which call.
//!
//! ```text
//! <records.dir>/call_{carrier's id}_{ms}_transcript.json
//!     and _queue.json, and other files with this prefix (recordings)
//! <records.dir>/recordings/…, <recording.dir>/…
//!     the same names, by the call's start, or names with Switchboard's id
//! <records.dir>/deliveries/*/…
//!     deliveries and dead letters; they contain Switchboard's id
//! <records.dir>/journal/{process}/{id}.journal
//!     journals of live calls, or left by a crash
//! <records.dir>/journal/aside/{id}.torn, .unreadable
//!     journals that could not be read to their end
//! <records.legacy_dir>/*/…
//!     the second set
//! ```

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, io};

use serde_json::Value;
use switchboard_actors::transcript::journal::{Replay, folder, read};

use super::owners::{is_sound, our_id};
use crate::service::config::{Recording, Records};

/// The folders of the records.
#[derive(Debug, Clone)]
pub(super) struct RecordFolders {
    dir: PathBuf,
    legacy: Option<PathBuf>,
    recordings: PathBuf,
}

/// One call's record.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// Path of the transcript.
    pub(super) path: PathBuf,
    /// Content of the transcript.
    pub(super) transcript: Value,
}

/// Everything that was found, and everything that could not be read.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Calls, oldest first.
    pub(super) calls: Vec<Call>,
    /// Files that could not be read, with the reason. They are always reported, because they may
    /// belong to a caller whose data must be erased.
    pub(super) problems: Vec<String>,
}

impl RecordFolders {
    /// The folders of a configuration as absolute paths: a relative path says little in a message.
    pub(super) fn new(records: &Records, recording: &Recording) -> Self {
        let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            dir: whole(&records.dir),
            legacy: records.legacy_dir.as_deref().map(whole),
            recordings: whole(&recording.folder),
        }
    }

    /// All calls that have a record.
    pub(super) fn calls(&self) -> io::Result<Found> {
        let mut found = Found::default();
        for path in files(&self.dir)? {
            if !name(&path).ends_with(TRANSCRIPT) || name(&path).starts_with('.') {
                continue;
            }
            match transcript(&path) {
                Ok(transcript) => found.calls.push(Call { path, transcript }),
                Err(problem) => found.problems.push(problem),
            }
        }
        found.calls.sort_by_key(|call| (call.transcript["call_start_time"].as_i64(), call.path.clone()));
        Ok(found)
    }

    /// Journals of live calls and of calls that the next start will recover, as far as they are
    /// readable.
    pub(super) fn unfinished(&self) -> io::Result<Vec<Call>> {
        let mut calls = Vec::new();
        for folder in folders_of(&self.dir.join(folder::ROOT))? {
            if folder != self.aside() {
                calls.extend(files(&folder)?.iter().filter_map(|path| journaled(path)));
            }
        }
        Ok(calls)
    }

    /// The folder of journals kept aside.
    pub(super) fn aside(&self) -> PathBuf {
        self.dir.join(folder::ROOT).join(folder::ASIDE)
    }

    /// The folder of records.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of deliveries.
    pub(super) fn deliveries(&self) -> PathBuf {
        self.dir.join(DELIVERIES)
    }

    /// The folders that contain recordings, each once.
    pub(super) fn sounds(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.dir.clone(), self.dir.join(RECORDINGS)];
        let here = |folder: &Path| fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if !folders.iter().any(|known| here(known) == here(&self.recordings)) {
            folders.push(self.recordings.clone());
        }
        folders
    }

    /// The folders of the second set: where the service writes, and where its processor may have
    /// moved files.
    pub(super) fn second_set(&self) -> io::Result<Vec<PathBuf>> {
        let Some(top) = &self.legacy else { return Ok(Vec::new()) };
        let mut folders = folders_of(top)?;
        folders.push(top.clone());
        Ok(folders)
    }

    /// All recordings in all folders.
    pub(super) fn recordings(&self) -> io::Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        for folder in self.sounds() {
            // Other sound files in these folders do not belong to calls.
            all.extend(files(&folder)?.into_iter().filter(|path| is_sound(name(path)) && is_a_calls(name(path))));
        }
        Ok(all)
    }
}

impl Call {
    /// Switchboard's id of the call. Empty if the record has another producer, whatever its id
    /// field contains.
    pub(super) fn id(&self) -> &str {
        self.transcript["id"].as_str().filter(|id| our_id(id).as_deref() == Some(id)).unwrap_or_default()
    }

    /// The carrier's id of the call.
    pub(super) fn carrier_id(&self) -> &str {
        self.transcript["ucid"].as_str().or_else(|| self.transcript["call_id"].as_str()).unwrap_or_default()
    }

    /// The caller's number, or the callee's in an outbound call.
    pub(super) fn other_party(&self) -> &str {
        let side = if self.transcript["direction"] == "outbound" { "to" } else { "from" };
        self.transcript[side].as_str().unwrap_or_default()
    }

    /// Path of the call's queue file.
    pub(super) fn queue(&self) -> PathBuf {
        let queue = name(&self.path).replace(TRANSCRIPT, QUEUE);
        self.path.with_file_name(queue)
    }
}

/// The digits of a number, without the leading zeros of an international prefix.
pub(super) fn digits(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let plus = number.trim_start().starts_with('+');
    match digits.strip_prefix("00") {
        Some(rest) if !plus => rest.to_owned(),
        Some(_) | None => digits,
    }
}

/// A file's name. Empty if it is not valid UTF-8.
pub(super) fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// The files of a folder, including links. Empty if the folder does not exist.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = entries(folder)?;
    files.retain(|path| fs::symlink_metadata(path).is_ok_and(|about| !about.is_dir()));
    Ok(files)
}

pub(super) fn folders_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = entries(folder)?;
    folders.retain(|path| path.is_dir());
    Ok(folders)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

pub(super) fn transcript(path: &Path) -> Result<Value, String> {
    let explain = |problem: &dyn std::fmt::Display| format!("read {}: {problem}", path.display());
    let text = fs::read(path).map_err(|problem| explain(&problem))?;
    serde_json::from_slice(&text).map_err(|problem| explain(&problem))
}

/// Reads a journal as the record that it would become.
pub(super) fn journaled(path: &Path) -> Option<Call> {
    let replay = Replay::of(read(&fs::read(path).ok()?).entries, Instant::now())?;
    let transcript = serde_json::from_slice(&replay.record().transcript_json().ok()?).ok()?;
    Some(Call { path: path.to_owned(), transcript })
}

/// Whether a file's name is one that a call's files have.
fn is_a_calls(name: &str) -> bool {
    name.starts_with("call_") || name.split_once('.').is_some_and(|(id, _)| our_id(id).is_some())
}

/// Suffix of a transcript's name.
pub(super) const TRANSCRIPT: &str = "_transcript.json";
/// Suffix of a queue file's name.
pub(super) const QUEUE: &str = "_queue.json";
const RECORDINGS: &str = "recordings";
const DELIVERIES: &str = "deliveries";

#[cfg(test)]
mod tests;
