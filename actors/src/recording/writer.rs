//! A recording's own thread: blocks are handed over and never waited for.
//!
//! The queue is short and bounded; a block that finds no room is dropped and counted, and silence stands in its place, so that both sides
//! stay where they are in time. A disk that fails ends the recording, with one line in the log, and not the call.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::tape::Block;
use super::wav::{self, MOMENT_BYTES};
use crate::background;
use crate::events::{Event, emit};
use crate::ids::CallTag;

/// The way to a recording's thread; dropped, the recording is finished.
#[derive(Debug)]
pub struct Recorder {
    blocks: SyncSender<Block>,
}

impl Recorder {
    /// Starts the recording of `call` at `path`, which must not be there yet, in stereo at `rate_hz`. `held` is dropped when the recording
    /// is whole: it tells the service that something is still being written.
    ///
    /// # Errors
    /// When there is no thread to be had. What the disk says is told as an event.
    pub fn start(path: PathBuf, rate_hz: u32, call: CallTag, held: impl Send + 'static) -> io::Result<Self> {
        let (blocks, queue) = sync_channel(MOST_WAITING);
        let work = move || {
            if let Err(problem) = record(&path, rate_hz, &queue, &call) {
                let problem = format!("{problem}; look for a disk that is full, or set recording.dir");
                emit(Event::RecordingFailed { call: &call, path: &path.display().to_string(), problem: &problem });
            }
            drop(held);
        };
        background::spawn("recording", Some(STACK), work)?;
        Ok(Self { blocks })
    }

    /// Hands a block over; whether there was room.
    #[must_use]
    pub fn take(&self, block: Block) -> bool {
        self.blocks.try_send(block).is_ok()
    }
}

/// Writes until nobody hands over any more.
fn record(path: &Path, rate_hz: u32, queue: &Receiver<Block>, call: &CallTag) -> io::Result<()> {
    let mut sheet = Sheet::create(path, rate_hz)?;
    for block in queue {
        sheet.write(&block)?;
    }
    sheet.finish()?;
    emit(Event::RecordingWritten {
        call,
        path: &path.display().to_string(),
        length_ms: sheet.moments * 1_000 / u64::from(rate_hz),
    });
    Ok(())
}

/// The file, with a head that is never far behind.
#[derive(Debug)]
struct Sheet {
    file: BufWriter<File>,
    rate_hz: u32,
    moments: u64,
    /// So many moments the head knows of.
    told: u64,
    bytes: Vec<u8>,
}

impl Sheet {
    fn create(path: &Path, rate_hz: u32) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Speech is private: nobody but the service's user and group.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
        let mut file = BufWriter::new(options.open(path)?);
        file.write_all(&wav::head(rate_hz, 0))?;
        file.flush()?;
        Ok(Self { file, rate_hz, moments: 0, told: 0, bytes: Vec::new() })
    }

    fn write(&mut self, block: &Block) -> io::Result<()> {
        // A block that was dropped, or a spell in which nobody made a sound.
        while self.moments < block.at {
            let silence = (block.at - self.moments).min(u64::from(self.rate_hz));
            self.bytes.clear();
            self.bytes.resize(usize::try_from(silence).unwrap_or(0) * MOMENT_BYTES, 0);
            self.file.write_all(&self.bytes)?;
            self.moments += silence;
        }
        self.bytes.clear();
        self.bytes.extend(block.samples.iter().flatten().flat_map(|sample| sample.to_le_bytes()));
        self.file.write_all(&self.bytes)?;
        self.moments += block.samples.len() as u64;
        if self.moments >= self.told + HEAD_EVERY_S * u64::from(self.rate_hz) {
            self.tell()?;
        }
        Ok(())
    }

    /// Makes the head true.
    fn tell(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&wav::head(self.rate_hz, self.moments))?;
        self.file.seek(SeekFrom::End(0))?;
        self.told = self.moments;
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.tell()?;
        self.file.flush()?;
        self.file.get_ref().sync_all()
    }
}

/// Blocks that may wait for the disk: ten seconds. Less: a hiccup of the disk is heard. More: a hanging disk takes more memory.
const MOST_WAITING: usize = 50;
/// How old the head may be, in seconds.
const HEAD_EVERY_S: u64 = 2;
/// The thread needs little.
const STACK: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ids::{CallId, CarrierCallId};

    fn tag() -> CallTag {
        CallTag::new(CallId::random(), &CarrierCallId::new("CA1"))
    }

    #[test]
    fn blocks_stand_where_they_belong_and_what_is_missing_is_silence() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("call.wav");
        let mut sheet = Sheet::create(&path, 8_000).expect("a file");
        sheet.write(&Block { at: 0, samples: vec![[1, 2]; 3] }).expect("written");
        sheet.write(&Block { at: 20_000, samples: vec![[3, 4]; 2] }).expect("written");
        sheet.finish().expect("finished");
        let bytes = std::fs::read(&path).expect("there");
        assert_eq!(bytes.len(), 44 + 20_002 * 4);
        assert_eq!(bytes[..44], wav::head(8_000, 20_002));
        assert_eq!(bytes[44..56], [1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2, 0]);
        assert!(bytes[56..44 + 80_000].iter().all(|&byte| byte == 0));
        assert_eq!(bytes[44 + 80_000..], [3, 0, 4, 0, 3, 0, 4, 0]);
    }

    #[test]
    fn what_a_crash_leaves_is_a_wav_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("call.wav");
        let mut sheet = Sheet::create(&path, 8_000).expect("a file");
        for n in 0..30 {
            sheet.write(&Block { at: n * 1_600, samples: vec![[5, 6]; 1_600] }).expect("written");
        }
        // As a crash would: nothing is finished.
        std::mem::forget(sheet);
        let bytes = std::fs::read(&path).expect("there");
        let said = u32::from_le_bytes([bytes[40], bytes[41], bytes[42], bytes[43]]) as usize;
        assert!(said >= 44 * 1_600 / 44 * 4 * 20, "the head knows of all but the last two seconds: {said}");
        assert!(bytes.len() >= 44 + said, "and what it knows of is there");
    }

    #[test]
    fn a_name_that_is_taken_is_never_written_over() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("call.wav");
        std::fs::write(&path, "mine").expect("written");
        assert!(Sheet::create(&path, 8_000).is_err());
        assert_eq!(std::fs::read(&path).expect("there"), b"mine");
    }

    #[test]
    fn a_recorder_writes_what_it_is_given_until_it_is_dropped() {
        let dir = tempfile::tempdir().expect("a folder");
        let (path, held) = (dir.path().join("call.wav"), Arc::new(()));
        let recorder = Recorder::start(path.clone(), 8_000, tag(), Arc::clone(&held)).expect("a thread");
        for n in 0..10 {
            assert!(recorder.take(Block { at: n * 1_600, samples: vec![[1, 1]; 1_600] }));
        }
        drop(recorder);
        while Arc::strong_count(&held) > 1 {
            std::thread::yield_now();
        }
        assert_eq!(std::fs::metadata(&path).expect("there").len(), 44 + 16_000 * 4);
    }

    #[test]
    fn a_disk_that_fails_ends_the_recording_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("nowhere/call.wav");
        let recorder = Recorder::start(path, 8_000, tag(), ()).expect("a thread");
        while recorder.take(Block { at: 0, samples: vec![[0; 2]] }) {
            std::thread::yield_now();
        }
    }
}
