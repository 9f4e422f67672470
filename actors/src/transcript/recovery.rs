//! Makes records of the journals that a dead process left.
//!
//! Recovery reads a journal to its last valid entry, replays it into a log, files the record and
//! only then removes the journal. A crash at any point is harmless: the next start reads the same
//! journal, makes the same record and finds the parts that exist. A journal with a torn end is
//! moved aside once its record is filed. An unreadable journal is moved aside and logged. None of
//! this prevents the start of the service.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::events::Event;
use super::journal::folder::{self, Orphans};
use super::journal::{Replay, read};
use super::writer::files::Folders;
use crate::erasure::Erasures;
use crate::events::emit;

/// The result of a recovery.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Records that were filed.
    pub filed: usize,
    /// The part of `filed` whose journals had a torn end.
    pub torn: usize,
    /// Journals that could not be read and are kept aside.
    pub unreadable: usize,
    /// Journals left for the next start, because the disk refused.
    pub left: usize,
}

/// Makes records of all journals whose process is gone. `epoch` may be any moment.
pub(super) fn recover(folders: &Folders, epoch: Instant) -> Recovered {
    let mut recovered = Recovered::default();
    match folder::orphans(&folders.dir) {
        Ok(orphans) => {
            for left in orphans {
                recover_process(folders, &left, epoch, &mut recovered);
            }
        }
        Err(problem) => emit(Event::JournalsUnread { problem: &problem.to_string() }),
    }
    recovered
}

fn recover_process(folders: &Folders, left: &Orphans, epoch: Instant, recovered: &mut Recovered) {
    for journal in &left.journals {
        match recover_journal(folders, journal, epoch) {
            Ok(Outcome::Filed) => recovered.filed += 1,
            Ok(Outcome::Torn) => {
                recovered.filed += 1;
                recovered.torn += 1;
            }
            Ok(Outcome::Unreadable) => recovered.unreadable += 1,
            Ok(Outcome::Empty) => {}
            Err(problem) => {
                recovered.left += 1;
                let advice = format!("{problem}; the journal stays and is tried again by the next start");
                emit(Event::JournalUnrecovered { path: &journal.to_string_lossy(), problem: &advice });
            }
        }
    }
}

enum Outcome {
    Filed,
    Torn,
    Unreadable,
    Empty,
}

fn recover_journal(folders: &Folders, journal: &Path, epoch: Instant) -> io::Result<Outcome> {
    let bytes = bytes_of(journal)?;
    if bytes.is_empty() {
        // The process died between creating the file and writing its header.
        fs::remove_file(journal)?;
        return Ok(Outcome::Empty);
    }
    let readout = read(&bytes);
    let Some(replay) = Replay::of(readout.entries, epoch) else {
        let why = readout.cut.map_or("it does not begin with whose call it is", |cut| cut.why);
        let path = folder::set_aside(&folders.dir, journal, UNREADABLE)?;
        emit(Event::JournalUnreadable { path: &path.to_string_lossy(), why });
        return Ok(Outcome::Unreadable);
    };
    let call = replay.call();
    if Erasures::of(&folders.dir).has(&call.id().to_string()) {
        fs::remove_file(journal)?;
        return Ok(Outcome::Empty);
    }
    let path = folders.file_once(&mut replay.record())?;
    emit(Event::RecordRecovered { call: &call, path: &path.to_string_lossy() });
    match readout.cut {
        None => {
            fs::remove_file(journal)?;
            Ok(Outcome::Filed)
        }
        Some(cut) => {
            let path: PathBuf = folder::set_aside(&folders.dir, journal, TORN)?;
            emit(Event::JournalTorn { call: &call, path: &path.to_string_lossy(), bytes: cut.bytes, why: cut.why });
            Ok(Outcome::Torn)
        }
    }
}

fn bytes_of(journal: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // A file larger than any journal is read up to the size of the largest.
    File::open(journal)?.take(LONGEST_FILE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The extension of a journal whose end was cut.
pub const TORN: &str = "torn";
/// The extension of a journal that could not be read.
pub const UNREADABLE: &str = "unreadable";
/// More than the longest journal and its last line.
const LONGEST_FILE: u64 = 32 * 1024 * 1024;

#[cfg(test)]
mod tests;
