//! The recordings' own thread. Calls hand blocks over and never wait for it.
//!
//! One thread writes all recordings of the process to disk, a few times a second. A thread per
//! recording would wake up as often as blocks come, and each wake-up takes a core from a call. The
//! work for one recording is short. Only its end, which waits until the disk has everything, runs
//! on a thread of its own.
//!
//! The blocks that wait per recording are bounded. A block that finds no room is dropped and
//! counted, and silence takes its place, so all sides keep their position in time. A disk failure
//! ends the recording, with one line in the log, and does not end the call.
//!
//! A file begins in stereo, which every player and dialler knows. When a person takes the call over,
//! it is written anew with a third channel and replaces the first in one step.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use actix::WeakRecipient;

use super::events::Event;
use super::tape::{Block, SIDES};
use super::wav;
use crate::background;
use crate::events::emit;
use crate::ids::CallTag;
use crate::incident::{Incident, IncidentKind};
use crate::recording::report::IncidentMet;

/// A handle to the recordings' thread; cheap to clone. The thread ends with the last handle and the
/// last [`Recorder`].
#[derive(Debug, Clone)]
pub struct RecordingWriter {
    jobs: Sender<Job>,
    next: Arc<AtomicU64>,
}

/// One recording's handle to the thread. Dropping it finishes the recording.
#[derive(Debug)]
pub struct Recorder {
    jobs: Sender<Job>,
    id: u64,
    /// Blocks that wait for the disk, or [`FAILED`].
    waiting: Arc<AtomicUsize>,
}

/// A job for the thread.
#[derive(Debug)]
enum Job {
    /// Starts a recording.
    Begin(u64, Box<Beginning>),
    /// Writes a block of a recording.
    Write(u64, Block),
    /// Finishes a recording.
    Finish(u64),
}

/// What a recording starts with.
struct Beginning {
    path: PathBuf,
    rate_hz: u32,
    owner: Owner,
    waiting: Arc<AtomicUsize>,
    /// Dropped when the recording is complete.
    guard: Box<dyn Send>,
}

/// The call of a recording.
#[derive(Debug, Clone)]
pub struct Owner {
    /// The call's names in the log.
    pub call: CallTag,
    /// Receives an incident when the disk fails during the call; `None` if nothing receives it.
    pub incidents: Option<WeakRecipient<IncidentMet>>,
}

impl Owner {
    fn tell_failed(&self, path: &Path, problem: &io::Error) {
        let incident = Incident::new(IncidentKind::Disk, format!("the recording could not be written: {problem}"));
        let problem = format!("{problem}; look for a disk that is full, or set recording.dir");
        emit(Event::RecordingFailed { call: &self.call, path: &path.display().to_string(), problem: &problem });
        if let Some(call) = self.incidents.as_ref().and_then(WeakRecipient::upgrade) {
            call.do_send(IncidentMet(incident));
        }
    }
}

impl fmt::Debug for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beginning").field("path", &self.path).field("rate_hz", &self.rate_hz).finish_non_exhaustive()
    }
}

impl RecordingWriter {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start() -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        background::spawn("recordings", Some(STACK), move || write_all(&queue))?;
        Ok(Self { jobs, next: Arc::default() })
    }

    /// Starts the recording of `owner`'s call at `path`, which must not exist yet, at
    /// `rate_hz`. `guard` is dropped when the recording is complete; until then it shows the
    /// service that something is still being written. A disk failure is logged as an event and
    /// reported to the call as an incident.
    pub fn record(&self, path: PathBuf, rate_hz: u32, owner: Owner, guard: impl Send + 'static) -> Recorder {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let waiting = Arc::new(AtomicUsize::new(0));
        let beginning = Beginning { path, rate_hz, owner, waiting: Arc::clone(&waiting), guard: Box::new(guard) };
        // The receiver is gone only if the thread is; then blocks find no room either.
        if self.jobs.send(Job::Begin(id, Box::new(beginning))).is_err() {
            waiting.store(FAILED, Ordering::Relaxed);
        }
        Recorder { jobs: self.jobs.clone(), id, waiting }
    }
}

impl Recorder {
    /// Hands a block over. Returns whether there was room.
    #[must_use]
    pub fn take(&self, block: Block) -> bool {
        // One call hands over from one thread, so nothing else adds between these two.
        if self.waiting.load(Ordering::Relaxed) >= MOST_WAITING {
            return false;
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.jobs.send(Job::Write(self.id, block)).is_ok()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // If the thread is gone, nothing is left to finish.
        self.jobs.send(Job::Finish(self.id)).ok();
    }
}

/// Performs jobs until every handle is gone.
#[expect(clippy::disallowed_methods, reason = "a thread of its own, which waits for no one")]
fn write_all(queue: &Receiver<Job>) {
    let (mut recordings, mut room) = (HashMap::new(), Room::default());
    while let Ok(job) = queue.recv() {
        perform(job, &mut recordings, &mut room);
        while let Ok(job) = queue.try_recv() {
            perform(job, &mut recordings, &mut room);
        }
        thread::sleep(BETWEEN);
    }
}

fn perform(job: Job, recordings: &mut HashMap<u64, Recording>, room: &mut Room) {
    match job {
        Job::Begin(id, beginning) => {
            if let Some(recording) = Recording::begin(*beginning) {
                recordings.insert(id, recording);
            }
        }
        Job::Write(id, block) => {
            // Its disk has failed, or its name was taken: there is no file to write to.
            let Some(recording) = recordings.get_mut(&id) else { return };
            recording.waiting.fetch_sub(1, Ordering::Relaxed);
            if let Err(problem) = recording.file.write(&block, room) {
                recording.fail(&problem);
                recordings.remove(&id);
            }
        }
        Job::Finish(id) => {
            if let Some(recording) = recordings.remove(&id) {
                recording.finish();
            }
        }
    }
}

/// A recording in progress.
struct Recording {
    file: WavFile,
    path: PathBuf,
    owner: Owner,
    waiting: Arc<AtomicUsize>,
    guard: Box<dyn Send>,
}

impl Recording {
    fn begin(beginning: Beginning) -> Option<Self> {
        let Beginning { path, rate_hz, owner, waiting, guard } = beginning;
        match WavFile::create(&path, rate_hz) {
            Ok(file) => Some(Self { file, path, owner, waiting, guard }),
            Err(problem) => {
                waiting.store(FAILED, Ordering::Relaxed);
                owner.tell_failed(&path, &problem);
                None
            }
        }
    }

    fn fail(&self, problem: &io::Error) {
        self.waiting.store(FAILED, Ordering::Relaxed);
        self.owner.tell_failed(&self.path, problem);
    }

    /// Waits, on a thread of its own, until the disk has everything.
    fn finish(self) {
        let recording = Arc::new(std::sync::Mutex::new(Some(self)));
        let taken = Arc::clone(&recording);
        let work = move || {
            if let Some(recording) = taken.lock().ok().and_then(|mut taken| taken.take()) {
                recording.close();
            }
        };
        if background::spawn("recording", Some(STACK), work).is_err()
            && let Some(recording) = recording.lock().ok().and_then(|mut taken| taken.take())
        {
            recording.close();
        }
    }

    fn close(mut self) {
        if let Err(problem) = self.file.finish() {
            self.owner.tell_failed(&self.path, &problem);
        } else {
            let length_ms = self.file.moments * 1_000 / u64::from(self.file.rate_hz);
            emit(Event::RecordingWritten { call: &self.owner.call, path: &self.path.display().to_string(), length_ms });
        }
        drop(self.guard);
    }
}

/// Buffers for decoding a block, shared by all recordings.
#[derive(Debug, Default)]
struct Room {
    moments: Vec<[i16; SIDES]>,
    samples: Vec<i16>,
    bytes: Vec<u8>,
}

/// The file, with a header that is never far behind.
#[derive(Debug)]
struct WavFile {
    file: File,
    path: PathBuf,
    rate_hz: u32,
    channels: u16,
    moments: u64,
    /// The number of moments in the header.
    in_header: u64,
}

impl WavFile {
    fn create(path: &Path, rate_hz: u32) -> io::Result<Self> {
        let mut file = create_new(path)?;
        file.write_all(&wav::head(rate_hz, STEREO, 0))?;
        Ok(Self { file, path: path.to_owned(), rate_hz, channels: STEREO, moments: 0, in_header: 0 })
    }

    fn write(&mut self, block: &Block, room: &mut Room) -> io::Result<()> {
        if block.has_person() && self.channels == STEREO {
            self.widen()?;
        }
        block.decode(&mut room.moments, &mut room.samples);
        room.bytes.clear();
        // A dropped block, or a stretch without sound. A skipped range reads as zeros.
        let skipped = block.at.saturating_sub(self.moments);
        if skipped > 0 {
            let skipped = skipped * u64::from(wav::moment_bytes(self.channels));
            self.file.seek(SeekFrom::Current(i64::try_from(skipped).unwrap_or(i64::MAX)))?;
            self.moments = block.at;
        }
        let channels = usize::from(self.channels);
        let samples = room.moments.iter().flat_map(|moment| &moment[..channels]);
        room.bytes.extend(samples.flat_map(|sample| sample.to_le_bytes()));
        self.file.write_all(&room.bytes)?;
        self.moments += room.moments.len() as u64;
        if self.moments >= self.in_header + HEAD_EVERY_S * u64::from(self.rate_hz) {
            self.tell()?;
        }
        Ok(())
    }

    /// Brings the header up to date.
    fn tell(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&wav::head(self.rate_hz, self.channels, self.moments))?;
        self.file.seek(SeekFrom::End(0))?;
        self.in_header = self.moments;
        Ok(())
    }

    /// Gives the file a third channel, which is silent so far.
    fn widen(&mut self) -> io::Result<()> {
        // Whoever erases or sweeps records knows such a name, should the process end here.
        let aside = self.path.with_file_name(format!(".{}.tmp", name_of(&self.path)));
        let mut wide = BufWriter::with_capacity(COPIED_AT_ONCE, create_new(&aside)?);
        let copied = self.copy_into(&mut wide).and_then(|()| wide.into_inner().map_err(io::IntoInnerError::into_error));
        match copied.and_then(|file| std::fs::rename(&aside, &self.path).map(|()| file)) {
            Ok(file) => {
                (self.file, self.channels, self.in_header) = (file, SIDES as u16, self.moments);
                Ok(())
            }
            Err(problem) => {
                std::fs::remove_file(&aside).ok();
                Err(problem)
            }
        }
    }

    /// Writes a head and what the file has so far, with a third channel.
    fn copy_into(&self, wide: &mut impl Write) -> io::Result<()> {
        wide.write_all(&wav::head(self.rate_hz, SIDES as u16, self.moments))?;
        let mut from = BufReader::with_capacity(COPIED_AT_ONCE, File::open(&self.path)?);
        from.seek(SeekFrom::Start(wav::HEAD_BYTES as u64))?;
        let mut moment = [0; 2 * SIDES];
        let stereo = usize::from(wav::moment_bytes(STEREO));
        for _ in 0..self.moments {
            from.read_exact(&mut moment[..stereo])?;
            wide.write_all(&moment)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.tell()?;
        self.file.sync_all()
    }
}

/// Makes a file that must not exist yet. Speech is private: only the service's user and group may
/// read it.
fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Channels of a recording in which no person speaks.
const STEREO: u16 = 2;
/// Bytes that are copied at once into a file with another channel: an hour of a call takes about a
/// tenth of a second.
const COPIED_AT_ONCE: usize = 256 * 1024;
/// The blocks of one recording that may wait for the disk: ten seconds. Fewer: a short stall of the
/// disk is audible. More: a hanging disk takes more memory.
const MOST_WAITING: usize = 50;
/// Marks a recording that accepts nothing any more.
const FAILED: usize = usize::MAX / 2;
/// How long the thread lets blocks gather. Shorter: it wakes up more often, and each wake-up takes
/// a core from a call. Longer: more is lost with the process, and more memory waits.
const BETWEEN: Duration = Duration::from_millis(40);
/// The largest age of the header, in seconds.
const HEAD_EVERY_S: u64 = 2;
/// The stack of these threads, which need little.
const STACK: usize = 128 * 1024;

#[cfg(test)]
mod tests;
