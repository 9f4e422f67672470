//! The records' own thread: what is to be filed is handed over and never waited for.
//!
//! One thread files records in the order in which they were handed over (`files` has the steps); another one writes the journals
//! of live calls ([`super::journal::writer`]). A slow disk makes their queues longer and delays no frame.
//!
//! A record that the disk refuses waits and is tried again, at longer and longer intervals, for as long as the service runs; when
//! there is space again it is filed. What waits is bounded in bytes (`MOST_WAITING`). Beyond that, and at the end of the service,
//! a record is left to its journal, which the next start files; only where even the journal could not be written is a record
//! given up, told as [`Event::RecordFailed`] and counted in [`RecordWriter::lost`].

pub(in crate::transcript) mod files;

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use actix::WeakRecipient;

use self::files::{Folders, Progress};
use super::events::Event;
use super::journal::Header;
use super::journal::writer::{Journal, JournalWriter};
use super::recent::RecentCalls;
use super::record::{Held, Record};
use super::recovery::{self, Recovered};
use crate::disk::is_full;
use crate::events::emit;
use crate::ids::{CallId, CallTag};
use crate::line::identity::CallIdentity;
use crate::recording::report::IncidentMet;
use crate::recording::writer::RecordingWriter;
use crate::{background, clock};

/// Where records go, and how.
#[derive(Debug, Clone)]
pub struct RecordsPlan {
    /// The folder of records.
    pub dir: PathBuf,
    /// How long what was said may wait before it is written to the journal; zero writes every event by itself.
    pub journal_commit: Duration,
    /// The top of the second set of folders, for the queue processor of the service before this one.
    pub legacy_dir: Option<PathBuf>,
}

impl RecordsPlan {
    /// Records in `dir`, everything else as shipped.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), journal_commit: Duration::from_millis(250), legacy_dir: None }
    }
}

/// A handle to the writer; cheap to clone, its threads behind all of them. They end with the last handle.
#[derive(Debug, Clone)]
pub struct RecordWriter {
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    journals: JournalWriter,
    recent: RecentCalls,
    recordings: RecordingWriter,
}

/// What the thread is asked to do.
#[derive(Debug)]
enum Job {
    /// Put a call's pair of files on disk.
    File(Box<Task>),
    /// Say when everything before this is done, or was tried once more.
    Flush(mpsc::Sender<()>),
}

/// A record on its way to the disk.
#[derive(Debug)]
struct Task {
    record: Record,
    journal: Option<Journal>,
    progress: Progress,
}

#[derive(Debug, Default)]
pub(in crate::transcript) struct Shared {
    waiting_bytes: AtomicUsize,
    lost: AtomicU64,
    unwritable: Unwritable,
}

/// Whether the disk takes no records at the moment, for whoever is asked how the service is.
#[derive(Debug, Clone, Default)]
pub struct Unwritable(Arc<AtomicBool>);

impl Unwritable {
    /// Whether it takes none: they wait in memory.
    pub fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl RecordWriter {
    /// Starts the writer for `dir`, everything else as shipped.
    ///
    /// # Errors
    /// As [`Self::start_with`].
    pub fn start(dir: &Path) -> io::Result<Self> {
        Self::start_with(&RecordsPlan::new(dir)).map(|(writer, _)| writer)
    }

    /// Starts the writer. Its directory is made if it is missing and proved writable; then the journals of processes that are gone
    /// become records, before this returns.
    ///
    /// # Errors
    /// When a directory cannot be made or written to for another reason than that the disk is full, or a thread cannot be started.
    pub fn start_with(plan: &RecordsPlan) -> io::Result<(Self, Recovered)> {
        let prove = |dir: &Path, key: &str| {
            let told = |e: &io::Error| format!("write to the records directory `{}` (`{key}`): {e}", dir.display());
            match files::prove_writable(dir) {
                // The line is not to be dead until somebody makes room: records wait in memory, as they do at run time.
                Err(e) if is_full(&e) => {
                    emit(Event::RecordsUnwritable { problem: &told(&e) });
                    Ok(false)
                }
                Err(e) => Err(io::Error::new(e.kind(), told(&e))),
                Ok(()) => Ok(true),
            }
        };
        let mut writable = prove(&plan.dir, "records.dir")?;
        if let Some(top) = &plan.legacy_dir {
            writable &= prove(top, "records.legacy_dir")?;
        }
        let folders = Folders { dir: plan.dir.clone(), legacy: plan.legacy_dir.clone() };
        let recovered = recovery::recover(&folders, clock::now());
        // The number alone may come again in another container that shares the folder.
        let name = format!("{}-{}", std::process::id(), CallId::random());
        let journals = JournalWriter::start(&plan.dir, &name, plan.journal_commit)?;
        let shared = Arc::new(Shared::default());
        shared.unwritable.0.store(!writable, Ordering::Relaxed);
        let (jobs, queue) = mpsc::channel();
        let disk_queue = DiskQueue::new(folders, Arc::clone(&shared));
        background::spawn("records", None, move || disk_queue.work(&queue))?;
        let (recent, recordings) = (RecentCalls::new(&plan.dir), RecordingWriter::start()?);
        Ok((Self { jobs, shared, journals, recent, recordings }, recovered))
    }

    /// Opens the journal of a call that begins; `told` hears of a disk that does not take it. Returns at once.
    pub fn open_journal(
        &self,
        identity: &CallIdentity,
        held: &Held,
        told: Option<WeakRecipient<IncidentMet>>,
    ) -> Journal {
        self.recent.opened(identity.id, &identity.carrier_call);
        self.journals.open(identity.tag(), Header::new(identity, held), told)
    }

    /// The way to the thread that brings recordings to disk.
    pub fn recordings(&self) -> &RecordingWriter {
        &self.recordings
    }

    /// Handles that are alive: each call's Transcript holds one until its record is handed over, so when only those who keep one for
    /// good are left, nothing more will come.
    pub fn handles(&self) -> usize {
        // The thread keeps one of these too.
        Arc::strong_count(&self.shared) - 1
    }

    /// Hands a record over, with the journal that it replaces. Returns at once; how it went is told as an event.
    pub fn file(&self, record: Record, journal: Option<Journal>) {
        if let Ok(told) = record.transcript_json() {
            self.recent.ended(record.call(), told);
        }
        let weight = record.weight();
        let waiting = self.shared.waiting_bytes.fetch_add(weight, Ordering::Relaxed);
        let task = Box::new(Task { record, journal, progress: Progress::default() });
        // A record alone is always taken, whatever its size: the log has bounded it.
        if waiting > 0 && waiting + weight > MOST_WAITING {
            self.shared.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
            let why = format!("{} MiB of records wait for the disk; look for one that is full or hangs", waiting >> 20);
            self.shared.leave(&task, &why);
        } else if let Err(mpsc::SendError(Job::File(task))) = self.jobs.send(Job::File(task)) {
            self.shared.leave(&task, "the writer's thread is gone; restart the service");
        }
    }

    /// Waits until everything handed over so far is on disk, or was tried once more. Blocks; for the end of the process.
    pub fn flush(&self) {
        let (done, wait) = mpsc::channel();
        if self.jobs.send(Job::Flush(done)).is_ok() {
            // An error says that the thread is gone, and nothing is to be waited for.
            let _ = wait.recv();
        }
    }

    /// Calls that have ended lately.
    pub fn recent(&self) -> RecentCalls {
        self.recent.clone()
    }

    /// Whether the disk takes no records, now and later.
    pub fn unwritable(&self) -> Unwritable {
        self.shared.unwritable.clone()
    }

    /// Records given up since the start.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn give_up(&self, call: &CallTag, problem: &str) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        emit(Event::RecordFailed { call, problem });
    }

    /// Leaves a record to its journal, which the next start files; `false` when it is lost instead.
    fn leave(&self, task: &Task, why: &str) -> bool {
        let call = task.record.call();
        let left = task.journal.is_some();
        if left {
            emit(Event::RecordDeferred { call, problem: why });
        } else {
            self.give_up(call, why);
        }
        left
    }
}

/// The thread's own things.
pub(in crate::transcript) struct DiskQueue {
    folders: Folders,
    shared: Arc<Shared>,
    /// Refused by the disk, oldest first.
    waiting: VecDeque<Task>,
    /// Failed rounds in a row, and when the next one is due.
    failures: u32,
    due: Instant,
    /// When it is looked next for journals of processes that are gone.
    look_at: Instant,
}

impl DiskQueue {
    pub(in crate::transcript) fn new(folders: Folders, shared: Arc<Shared>) -> Self {
        Self {
            folders,
            shared,
            waiting: VecDeque::new(),
            failures: 0,
            due: clock::now(),
            look_at: clock::now() + LOOK_EVERY,
        }
    }

    fn work(mut self, queue: &mpsc::Receiver<Job>) {
        loop {
            self.look();
            let idle = self.waiting.is_empty() && !self.shared.unwritable.is_so();
            let next = if idle { self.look_at } else { self.look_at.min(self.due) };
            match queue.recv_timeout(next.saturating_duration_since(clock::now())) {
                Ok(Job::File(task)) if self.waiting.is_empty() => self.attempt(*task),
                // Behind those that wait: a disk that refuses is not asked for each of them.
                Ok(Job::File(task)) => self.waiting.push_back(*task),
                Ok(Job::Flush(done)) => {
                    self.retry();
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {
                    if clock::now() >= self.due {
                        self.retry();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            }
        }
    }

    /// Makes records of what another process left that shared the folder and is gone: it may be long before anybody starts again.
    /// Its lock sees to it that only one does.
    fn look(&mut self) {
        let now = clock::now();
        if now < self.look_at {
            return;
        }
        self.look_at = now + LOOK_EVERY;
        let Recovered { filed, torn, unreadable, left: _ } = recovery::recover(&self.folders, now);
        if filed + torn + unreadable > 0 {
            emit(Event::OthersRecovered { filed, torn, unreadable });
        }
    }

    /// Looks at once.
    #[cfg(test)]
    pub(in crate::transcript) fn look_now(&mut self) {
        self.look_at = clock::now();
        self.look();
    }

    fn attempt(&mut self, task: Task) {
        if let Some(refused) = self.file(task) {
            self.waiting.push_front(refused);
            self.failures += 1;
            self.due = clock::now() + pause(self.failures);
        }
    }

    /// Tries those that wait, in order, until one is refused.
    fn retry(&mut self) {
        if self.waiting.is_empty() && self.shared.unwritable.is_so() {
            // There was no room when the service started, and no call has ended since.
            match files::prove_writable(&self.folders.dir) {
                Ok(()) => self.found_room(),
                Err(_) => {
                    self.failures += 1;
                    self.due = clock::now() + pause(self.failures);
                }
            }
        }
        while let Some(task) = self.waiting.pop_front() {
            match self.file(task) {
                None => self.failures = 0,
                Some(refused) => {
                    self.waiting.push_front(refused);
                    self.failures += 1;
                    self.due = clock::now() + pause(self.failures);
                    return;
                }
            }
        }
    }

    fn found_room(&self) {
        self.shared.unwritable.0.store(false, Ordering::Relaxed);
    }

    /// The service ends: what waits is left to its journals.
    fn close(mut self) {
        self.retry();
        for task in std::mem::take(&mut self.waiting) {
            self.shared.leave(&task, "the service ended before the disk took it");
        }
    }

    /// One try; gives back what the disk refused.
    fn file(&self, mut task: Task) -> Option<Task> {
        let (call, weight) = (task.record.call().clone(), task.record.weight());
        // One call's record may fail in a way nobody thought of; the others' go on.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.folders.file(&mut task.record, &mut task.progress)));
        match outcome {
            Ok(Ok(path)) => {
                self.found_room();
                emit(Event::RecordWritten { call: &call, path: &path.to_string_lossy() });
                if let Some(Err(problem)) = task.journal.as_ref().map(Journal::remove) {
                    emit(Event::JournalFailed {
                        call: &call,
                        step: "journal_remove",
                        problem: Some(&problem.to_string()),
                    });
                }
            }
            Ok(Err(problem)) => {
                let told =
                    format!("{problem}; it waits, check space and permissions of `{}`", self.folders.dir.display());
                self.shared.unwritable.0.store(true, Ordering::Relaxed);
                emit(Event::RecordDelayed { call: &call, problem: &told });
                if !task.progress.has_begun() {
                    task.record.met_a_disk(&problem);
                    self.shared.waiting_bytes.fetch_add(task.record.weight() - weight, Ordering::Relaxed);
                }
                return Some(task);
            }
            Err(_) => {
                self.shared.give_up(&call, "writing it panicked; this is a bug, the panic stands above in the log");
            }
        }
        self.shared.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
        None
    }
}

/// How long a disk that has refused so many times in a row is left alone: a hiccup of a network disk is over in a moment, a full
/// one takes somebody to make room.
fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}

/// Bytes of records that may wait for the disk: some three thousand calls of ordinary length. Less leaves records to their
/// journals when a disk hangs for a while, more takes memory from live calls.
const MOST_WAITING: usize = 64 * 1024 * 1024;
/// How often it is looked for journals of processes that are gone. Longer leaves their records unwritten for longer.
const LOOK_EVERY: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// More finds space later, less fills the log.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
