//! The recordings on disk: one WAV file each, PCM16 at 8 kHz, mono. The functions block.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::samples::CLIP_HZ;
use crate::disk;

/// Reads a recording; `None` if there is none that can be used.
pub fn read(folder: &Path, name: &str) -> Option<Vec<i16>> {
    let path = place(folder, name);
    if fs::metadata(&path).ok()?.len() > LARGEST {
        return None;
    }
    let bytes = fs::read(&path).ok()?;
    let (head, samples) = bytes.split_at_checked(HEAD_BYTES)?;
    // Only what `write` wrote is read. A file that a crash cut short has another length.
    let samples = samples.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect::<Vec<i16>>();
    (!samples.is_empty() && *head == header(samples.len())).then_some(samples)
}

/// Writes a recording. The oldest ones are deleted when there are more than [`MOST_FILES`].
///
/// # Errors
/// When the disk refuses.
pub fn write(folder: &Path, name: &str, samples: &[i16]) -> io::Result<()> {
    disk::make_folder(folder)?;
    let (path, new) = (place(folder, name), folder.join(format!("{name}.{}.tmp", std::process::id())));
    let mut file = disk::private(fs::OpenOptions::new().write(true).create(true).truncate(true)).open(&new)?;
    let mut bytes = header(samples.len()).to_vec();
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    let written = file.write_all(&bytes).and_then(|()| fs::rename(&new, &path));
    if written.is_err() {
        // A leftover would only take space.
        let _ = fs::remove_file(&new);
    }
    written.and_then(|()| sweep(folder))
}

/// Deletes the oldest files of the folder beyond [`MOST_FILES`].
fn sweep(folder: &Path) -> io::Result<()> {
    let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "wav")).collect();
    if files.len() <= MOST_FILES {
        return Ok(());
    }
    let age = |path: &PathBuf| fs::metadata(path).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    files.sort_by_cached_key(age);
    let over = files.len() - MOST_FILES;
    files[..over].iter().try_for_each(fs::remove_file)
}

fn place(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.wav"))
}

fn header(samples: usize) -> [u8; HEAD_BYTES] {
    let data = u32::try_from(samples * 2).unwrap_or(u32::MAX);
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(b"RIFF");
    head[4..8].copy_from_slice(&data.saturating_add(HEAD_BYTES as u32 - 8).to_le_bytes());
    head[8..16].copy_from_slice(b"WAVEfmt ");
    head[16..20].copy_from_slice(&16_u32.to_le_bytes());
    head[20..22].copy_from_slice(&1_u16.to_le_bytes());
    head[22..24].copy_from_slice(&1_u16.to_le_bytes());
    head[24..28].copy_from_slice(&CLIP_HZ.to_le_bytes());
    head[28..32].copy_from_slice(&(CLIP_HZ * 2).to_le_bytes());
    head[32..34].copy_from_slice(&2_u16.to_le_bytes());
    head[34..36].copy_from_slice(&16_u16.to_le_bytes());
    head[36..40].copy_from_slice(b"data");
    head[40..].copy_from_slice(&data.to_le_bytes());
    head
}

const HEAD_BYTES: usize = 44;
/// Files in the folder. A configuration has some dozens of texts.
const MOST_FILES: usize = 500;
/// The largest file, in bytes: more than the longest recording.
const LARGEST: u64 = 2 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_read_as_it_was_written_and_a_cut_one_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let samples: Vec<i16> = (0..4_000).collect();
        assert_eq!(read(folder.path(), "a"), None);
        write(folder.path(), "a", &samples).expect("written");
        assert_eq!(read(folder.path(), "a"), Some(samples));
        let path = place(folder.path(), "a");
        let bytes = fs::read(&path).expect("a file");
        fs::write(&path, &bytes[..bytes.len() - 100]).expect("cut");
        assert_eq!(read(folder.path(), "a"), None);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing else is left");
    }

    #[test]
    fn the_oldest_files_are_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..MOST_FILES {
            fs::write(place(folder.path(), &format!("old{number}")), b"x").expect("written");
        }
        write(folder.path(), "new", &[1, 2]).expect("written");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), MOST_FILES);
        assert!(read(folder.path(), "new").is_some());
    }
}
