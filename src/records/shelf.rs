//! Which file belongs to which call.
//!
//! ```text
//! <records.dir>/call_{carrier's id}_{ms}_transcript.json    and _queue.json, and anything else that begins so (recordings)
//! <records.dir>/recordings/…                                the same names, or names with our id in them
//! <records.dir>/deliveries/*/…                              deliveries and dead letters; our id stands in them
//! <records.dir>/journal/aside/{our id}.torn, .unreadable    journals that a crash left
//! <records.legacy_dir>/transcripts/…, processing/…          the second set
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use switchboard_actors::transcript::journal::{Replay, read, shelf};
use switchboard_actors::transcript::{legacy, recovery};

use crate::config::Records;

/// The folders.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    dir: PathBuf,
    legacy: Option<PathBuf>,
}

/// One call's record.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The transcript.
    pub(super) path: PathBuf,
    /// Its content.
    pub(super) transcript: Value,
}

/// Everything that was found, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Calls, oldest first.
    pub(super) calls: Vec<Call>,
    /// Files that could not be read, and why. Never passed over in silence: somebody may have asked to be forgotten.
    pub(super) problems: Vec<String>,
}

impl Shelf {
    pub(super) fn new(records: &Records) -> Self {
        Self { dir: records.dir.clone(), legacy: records.legacy_dir.clone() }
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

    /// Everything of a call besides its transcript, the transcript last: whoever is interrupted finds the rest by it.
    pub(super) fn all_of(&self, call: &Call) -> io::Result<Vec<PathBuf>> {
        let id = call.id();
        let mut all = Vec::new();
        let mut folders = vec![self.dir.clone(), self.dir.join(RECORDINGS)];
        if let Some(top) = &self.legacy {
            folders.extend([top.join(legacy::TRANSCRIPTS), top.join(legacy::PROCESSING)]);
        }
        for folder in folders {
            all.extend(files(&folder)?.into_iter().filter(|path| *path != call.path && call.owns(name(path))));
        }
        for folder in folders_of(&self.dir.join(DELIVERIES))? {
            for path in files(&folder)? {
                let text = fs::read(&path)?;
                if !id.is_empty() && (name(&path).contains(id) || contains(&text, id.as_bytes())) {
                    all.push(path);
                }
            }
        }
        let aside = files(&self.aside())?;
        all.extend(aside.into_iter().filter(|path| !id.is_empty() && name(path).starts_with(id)));
        all.push(call.path.clone());
        Ok(all)
    }

    /// Journals of calls that are on or that a start will recover, as far as they can be read.
    pub(super) fn unfinished(&self) -> io::Result<Vec<Call>> {
        let mut calls = Vec::new();
        for folder in folders_of(&self.dir.join(shelf::ROOT))? {
            if folder != self.aside() {
                calls.extend(files(&folder)?.iter().filter_map(|path| journaled(path)));
            }
        }
        Ok(calls)
    }

    /// Journals kept aside of which it can be read whose they are.
    pub(super) fn torn(&self) -> io::Result<Vec<Call>> {
        Ok(files(&self.aside())?.iter().filter_map(|path| journaled(path)).collect())
    }

    /// Journals kept aside that might be anybody's.
    pub(super) fn unreadable(&self) -> io::Result<Vec<PathBuf>> {
        let aside = files(&self.aside())?;
        Ok(aside.into_iter().filter(|path| path.extension().is_some_and(|it| it == recovery::UNREADABLE)).collect())
    }

    /// The folder of journals kept aside.
    pub(super) fn aside(&self) -> PathBuf {
        self.dir.join(shelf::ROOT).join(shelf::ASIDE)
    }

    /// The folder of records.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Recordings, wherever they lie.
    pub(super) fn recordings(&self) -> io::Result<Vec<PathBuf>> {
        let mut all = files(&self.dir.join(RECORDINGS))?;
        let sound = |path: &PathBuf| path.extension().is_some_and(|it| SOUND.iter().any(|known| it == *known));
        all.extend(files(&self.dir)?.into_iter().filter(sound));
        Ok(all)
    }
}

impl Call {
    /// Our id of it; empty in a record that is not ours.
    pub(super) fn id(&self) -> &str {
        self.transcript["id"].as_str().unwrap_or_default()
    }

    /// The carrier's id of it.
    pub(super) fn carrier_id(&self) -> &str {
        self.transcript["ucid"].as_str().unwrap_or_default()
    }

    /// The person's number, whoever called whom.
    pub(super) fn person(&self) -> &str {
        let side = if self.transcript["direction"] == "outbound" { "to" } else { "from" };
        self.transcript[side].as_str().unwrap_or_default()
    }

    /// The queue file beside it.
    pub(super) fn queue(&self) -> PathBuf {
        let queue = name(&self.path).replace(TRANSCRIPT, QUEUE);
        self.path.with_file_name(queue)
    }

    /// Whether a file of this name is this call's: it has our id in it, or begins as its transcript does.
    fn owns(&self, name: &str) -> bool {
        let id = self.id();
        if !id.is_empty() && name.contains(id) {
            return true;
        }
        let own = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(stem) = own.strip_suffix(TRANSCRIPT) else { return false };
        let rest = name.trim_start_matches('.').strip_prefix(stem);
        rest.is_some_and(|rest| rest.starts_with('_') || rest.starts_with('.'))
    }
}

/// Digits alone, without the zeros of an international call.
pub(super) fn digits(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let plus = number.trim_start().starts_with('+');
    match digits.strip_prefix("00") {
        Some(rest) if !plus => rest.to_owned(),
        Some(_) | None => digits,
    }
}

/// A file's name, or nothing where it is no text.
pub(super) fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// The files of a folder, none when there is no such folder.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = entries(folder)?;
    files.retain(|path| path.is_file());
    Ok(files)
}

fn folders_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
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

fn transcript(path: &Path) -> Result<Value, String> {
    let told = |problem: &dyn std::fmt::Display| format!("read {}: {problem}", path.display());
    let text = fs::read(path).map_err(|problem| told(&problem))?;
    serde_json::from_slice(&text).map_err(|problem| told(&problem))
}

/// A journal as the record that it would make.
fn journaled(path: &Path) -> Option<Call> {
    let replay = Replay::of(read(&fs::read(path).ok()?).entries, Instant::now())?;
    let transcript = serde_json::from_slice(&replay.record().transcript_json().ok()?).ok()?;
    Some(Call { path: path.to_owned(), transcript })
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

/// How a transcript's name ends.
pub(super) const TRANSCRIPT: &str = "_transcript.json";
/// How a queue file's name ends.
pub(super) const QUEUE: &str = "_queue.json";
const RECORDINGS: &str = "recordings";
const DELIVERIES: &str = "deliveries";
const SOUND: [&str; 5] = ["wav", "flac", "mp3", "ogg", "opus"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_its_digits_however_it_is_written() {
        for written in ["+91 98000 00001", "0091-98000-00001", "919800000001"] {
            assert_eq!(digits(written), "919800000001", "{written}");
        }
        assert_eq!(digits("+0044"), "0044");
        assert_eq!(digits("anonymous"), "");
    }

    #[test]
    fn a_call_owns_what_begins_as_its_transcript_does_and_what_bears_its_id() {
        let call = Call {
            path: PathBuf::from("x/call_CA1_17_transcript.json"),
            transcript: serde_json::json!({ "id": "aaaa-1", "ucid": "CA1" }),
        };
        for own in ["call_CA1_17_queue.json", "call_CA1_17.wav", "aaaa-1.wav", ".call_CA1_17_queue.json.tmp"] {
            assert!(call.owns(own), "{own}");
        }
        for foreign in ["call_CA1_170_queue.json", "call_CA1_18_queue.json", "call_CA11_17_queue.json", "aaaa-2.wav"] {
            assert!(!call.owns(foreign), "{foreign}");
        }
        assert_eq!(call.queue(), Path::new("x/call_CA1_17_queue.json"));
    }
}
