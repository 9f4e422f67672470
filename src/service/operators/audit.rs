//! The audit log: every act of an operator as one line of JSON, only ever appended.
//!
//! An entry names no number and no words: its target is a call's id, a node or a delivery.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use switchboard_actors::disk::{make_folder, private};

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// The name of the token; empty if nobody was recognised.
    pub who: String,
    /// The role of the token; empty if nobody was recognised.
    pub role: String,
    /// What was ordered, for example `hangup`.
    pub act: String,
    /// What it was ordered of: a call's id as the operator wrote it, a node, a delivery.
    pub target: String,
    /// The HTTP status of the answer.
    pub result: u16,
}

impl Entry {
    /// An act at `now`.
    pub fn new(now: DateTime<Utc>, who: &str, role: &str, act: &str, target: &str, result: u16) -> Self {
        Self {
            at: now.to_rfc3339_opts(SecondsFormat::Millis, true),
            who: who.to_owned(),
            role: role.to_owned(),
            act: act.to_owned(),
            target: target.chars().take(LONGEST_TARGET).collect(),
            result,
        }
    }
}

/// The log's file. Clones share it.
#[derive(Debug, Clone)]
pub struct Audit {
    path: Arc<Path>,
    file: Arc<Mutex<Option<File>>>,
}

impl Audit {
    /// The log in `path`. The file is opened with the first entry.
    pub fn new(path: PathBuf) -> Self {
        Self { path: path.into(), file: Arc::default() }
    }

    /// Appends an entry and waits until it is on the disk. Blocks.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&self, entry: &Entry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut open = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A file that was moved away, as by a rotation, gets a successor.
        if open.is_none() || !self.path.exists() {
            *open = Some(self.open()?);
        }
        let Some(file) = open.as_mut() else { return Ok(()) };
        let written = file.write_all(&line).and_then(|()| file.sync_data());
        if written.is_err() {
            *open = None;
        }
        written
    }

    fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            make_folder(folder)?;
        }
        let mut file = private(OpenOptions::new().append(true).read(true).create(true)).open(&self.path)?;
        // A line that a crash cut stays by itself.
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(file)
    }

    /// Returns up to `most` entries before byte `cursor` of the file, newest first, and the cursor
    /// of the next page; without a `cursor`, the newest ones. Lines that are no entries are left
    /// out. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read. A file that does not exist has no entries.
    pub fn page(&self, cursor: Option<u64>, most: usize) -> io::Result<(Vec<Entry>, Option<u64>)> {
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
            Err(problem) => return Err(problem),
        };
        let end = file.seek(SeekFrom::End(0))?;
        let mut end = cursor.map_or(end, |cursor| cursor.min(end));
        let mut entries = Vec::new();
        while end > 0 && entries.len() < most {
            let start = end.saturating_sub(BLOCK);
            file.seek(SeekFrom::Start(start))?;
            let mut block = vec![0; usize::try_from(end - start).unwrap_or(0)];
            file.read_exact(&mut block)?;
            // The line that begins before the block belongs to the next one.
            let whole =
                if start == 0 { 0 } else { block.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) };
            if whole == block.len() {
                // One line fills the block: no line of ours is as long, so its head is skipped.
                end = start;
                continue;
            }
            let mut at = block.len();
            while at > whole && entries.len() < most {
                let line =
                    block[whole..at - 1].iter().rposition(|byte| *byte == b'\n').map_or(whole, |end| whole + end + 1);
                entries.extend(serde_json::from_slice(&block[line..at]).ok());
                at = line;
            }
            end = start + at as u64;
        }
        Ok((entries, (end > 0).then_some(end)))
    }
}

/// Bytes that are read at once.
const BLOCK: u64 = 64 * 1024;
/// Longest target, in characters: an id that an operator writes may be anything.
const LONGEST_TARGET: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: usize) -> Entry {
        Entry::new(
            DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
            "asha",
            "operator",
            "hangup",
            &format!("call-{number}"),
            202,
        )
    }

    #[test]
    fn pages_go_back_to_the_first_entry() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::new(folder.path().join("new/audit.jsonl"));
        assert_eq!(audit.page(None, 10).unwrap(), (Vec::new(), None));
        for number in 0..2_500 {
            audit.append(&entry(number)).unwrap();
        }
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let (page, next) = audit.page(cursor, 100).unwrap();
            assert!(page.len() <= 100);
            seen.extend(page.into_iter().map(|entry| entry.target));
            if next.is_none() {
                break;
            }
            cursor = next;
        }
        let expected: Vec<String> = (0..2_500).rev().map(|number| format!("call-{number}")).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_line_that_a_crash_cut_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        std::fs::write(&path, "{\"at\":\"2026").unwrap();
        let audit = Audit::new(path);
        audit.append(&entry(1)).unwrap();
        assert_eq!(audit.page(None, 10).unwrap(), (vec![entry(1)], None));
    }

    #[test]
    fn a_file_that_was_moved_away_gets_a_successor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let audit = Audit::new(path.clone());
        audit.append(&entry(1)).unwrap();
        std::fs::rename(&path, folder.path().join("audit.1")).unwrap();
        audit.append(&entry(2)).unwrap();
        assert_eq!(audit.page(None, 10).unwrap().0, [entry(2)]);
    }

    #[test]
    fn a_target_is_bounded() {
        let long = "x".repeat(10_000);
        assert_eq!(Entry::new(DateTime::UNIX_EPOCH, "", "", "hangup", &long, 404).target.len(), LONGEST_TARGET);
    }
}
