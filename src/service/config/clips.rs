//! Recordings that are played in place of speech of the model. They are read once, before a port is
//! bound.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::kinds::any_text;
use super::reader::Section;
use crate::tools::wav;

/// A recording, ready for the line.
#[derive(Clone, PartialEq, Eq)]
pub struct Clip {
    /// The file it was read from.
    pub path: PathBuf,
    /// The audio: 8 kHz mono.
    pub pcm: Arc<[i16]>,
}

impl std::fmt::Debug for Clip {
    /// Leaves out the samples, which are useless in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clip").field("path", &self.path).field("samples", &self.pcm.len()).finish()
    }
}

/// Reads the recording that a key names, if it names one. A relative path starts at `base`. The
/// outer `None` means that a problem was reported.
#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: there is none")]
pub(super) fn read(section: &Section<'_>, key: &'static str, base: &Path) -> Option<Option<Clip>> {
    let name = section.read_if_set(key, any_text)?.unwrap_or_default();
    if name.trim().is_empty() {
        return Some(None);
    }
    let path = base.join(name.trim());
    match samples(&path) {
        Ok(pcm) => Some(Some(Clip { path, pcm: pcm.into() })),
        Err(what) => {
            section.problem(key, format!("found {what}, expected a WAV file of at most {LONGEST_SECONDS} s"));
            None
        }
    }
}

fn samples(path: &Path) -> Result<Vec<i16>, String> {
    let shown = path.display();
    let about = std::fs::metadata(path).map_err(|error| format!("no file at {shown} ({error})"))?;
    // This check comes first: a pipe may never end, and a disk image does not fit into memory.
    if !about.is_file() || about.len() > LARGEST {
        return Err(format!("no sound file of at most {} MiB at {shown}", LARGEST >> 20));
    }
    let samples = wav::read(path).map_err(|error| format!("a file that cannot be used: failed to {error}"))?;
    if samples.is_empty() {
        return Err(format!("no sound in {shown}"));
    }
    if samples.len() > LONGEST_SECONDS * 8_000 {
        return Err(format!("{} s of sound in {shown}", samples.len() / 8_000));
    }
    Ok(samples)
}

/// Limit of a recording. Longer greetings lose callers, and each recording stays in memory.
const LONGEST_SECONDS: usize = 30;
/// Limit of a file: thirty seconds in any usual format fit (96 kHz, stereo, 32 bits are 23 MB).
const LARGEST: u64 = 32 << 20;
