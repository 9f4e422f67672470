//! The thread that files records. Calls hand their records over and never wait for it.
//!
//! One thread files records in the order of their arrival (`files` has the steps). Another one
//! writes the journals of live calls ([`super::journal::writer`]). A slow disk makes their queues
//! longer and delays no frame.
//!
//! The thread keeps a record that the disk refuses and tries again, with growing pauses, for as
//! long as the service runs. The bytes of waiting records are bounded (`MOST_WAITING`). Beyond the
//! bound, and at the end of the service, a record is left to its journal, which the next start
//! files. A record is given up only if its journal could not be written either. It is then logged
//! as [`Event::RecordFailed`] and counted in [`RecordWriter::lost`].

pub(in crate::transcript) mod files;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fmt, io};

use actix::WeakRecipient;

use self::files::{Folders, Progress};
use super::events::Event;
use super::journal::Header;
use super::journal::writer::{Journal, JournalWriter};
use super::recent::RecentCalls;
use super::record::{CallSettings, Record};
use super::recovery::{self, Recovered};
use crate::disk::is_full;
use crate::events::emit;
use crate::ids::{CallId, CallTag};
use crate::line::identity::CallIdentity;
use crate::recording::report::IncidentMet;
use crate::recording::writer::RecordingWriter;
use crate::{background, clock};

/// The settings for records.
#[derive(Debug, Clone)]
pub struct RecordsPlan {
    /// The folder of records.
    pub dir: PathBuf,
    /// How long words may wait before they are written to the journal; zero writes every event by
    /// itself.
    pub journal_commit: Duration,
    /// The top of the second set of folders, for the queue processor of the predecessor service.
    pub legacy_dir: Option<PathBuf>,
    /// Who is told of each record that is on disk.
    pub filed: Option<WhenFiled>,
    /// The name of this node, for the records.
    pub node: Option<String>,
}

/// Is told the path of each transcript that is on disk. Runs on the thread that files records, so it
/// returns at once.
#[derive(Clone)]
pub struct WhenFiled(Arc<dyn Fn(&Path) + Send + Sync>);

impl WhenFiled {
    /// Calls `tell` with the path of each transcript.
    pub fn new(tell: impl Fn(&Path) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl fmt::Debug for WhenFiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WhenFiled")
    }
}

impl RecordsPlan {
    /// Settings with records in `dir` and defaults for everything else.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            journal_commit: Duration::from_millis(250),
            legacy_dir: None,
            filed: None,
            node: None,
        }
    }
}

/// A handle to the writer, cheap to clone. The writer's threads end with the last handle.
#[derive(Debug, Clone)]
pub struct RecordWriter {
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
    journals: JournalWriter,
    recent: RecentCalls,
    recordings: RecordingWriter,
}

/// A job of the thread.
#[derive(Debug)]
enum Job {
    /// Puts a call's pair of files on disk.
    File(Box<Task>),
    /// Reports when every earlier job is done or was tried once more.
    Flush(mpsc::Sender<()>),
    /// Looks at once for what dead processes left.
    Look,
}

/// Tells the thread that another process has died. It keeps no record waiting, so it is no handle.
#[derive(Debug, Clone)]
pub struct Looker(mpsc::Sender<Job>);

impl Looker {
    /// Makes records of the journals that a dead process has left in our folder, if it was also its
    /// own. Returns at once.
    pub fn look(&self) {
        // The thread ends with the service.
        let _ = self.0.send(Job::Look);
    }
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
    filed: Option<WhenFiled>,
    node: Option<String>,
}

/// Whether the disk currently refuses records, for health checks.
#[derive(Debug, Clone, Default)]
pub struct Unwritable(Arc<AtomicBool>);

impl Unwritable {
    /// Whether the disk refuses records, so that they wait in memory.
    pub fn is_so(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl RecordWriter {
    /// Starts the writer for `dir`, with defaults for everything else.
    ///
    /// # Errors
    /// As [`Self::start_with`].
    pub fn start(dir: &Path) -> io::Result<Self> {
        Self::start_with(&RecordsPlan::new(dir)).map(|(writer, _)| writer)
    }

    /// Starts the writer. Creates the directory if it is missing and checks that it is writable.
    /// Before it returns, the journals of dead processes become records.
    ///
    /// # Errors
    /// Fails if a directory cannot be created or written to, unless the disk is full, or if a
    /// thread cannot be started.
    pub fn start_with(plan: &RecordsPlan) -> io::Result<(Self, Recovered)> {
        let prove = |dir: &Path, key: &str| {
            let explain = |e: &io::Error| format!("write to the records directory `{}` (`{key}`): {e}", dir.display());
            match files::prove_writable(dir) {
                // A full disk must not keep the service from taking calls: records wait in memory,
                // as they do at run time.
                Err(e) if is_full(&e) => {
                    emit(Event::RecordsUnwritable { problem: &explain(&e) });
                    Ok(false)
                }
                Err(e) => Err(io::Error::new(e.kind(), explain(&e))),
                Ok(()) => Ok(true),
            }
        };
        let mut writable = prove(&plan.dir, "records.dir")?;
        if let Some(top) = &plan.legacy_dir {
            writable &= prove(top, "records.legacy_dir")?;
        }
        let folders = Folders { dir: plan.dir.clone(), legacy: plan.legacy_dir.clone() };
        let recovered = recovery::recover(&folders, clock::now());
        // Another container that shares the folder may have the same process id.
        let name = format!("{}-{}", std::process::id(), CallId::random());
        let journals = JournalWriter::start(&plan.dir, &name, plan.journal_commit)?;
        let shared = Arc::new(Shared { filed: plan.filed.clone(), node: plan.node.clone(), ..Shared::default() });
        shared.unwritable.0.store(!writable, Ordering::Relaxed);
        let (jobs, queue) = mpsc::channel();
        let disk_queue = DiskQueue::new(folders, Arc::clone(&shared));
        background::spawn("records", None, move || disk_queue.work(&queue))?;
        let (recent, recordings) = (RecentCalls::new(&plan.dir), RecordingWriter::start()?);
        Ok((Self { jobs, shared, journals, recent, recordings }, recovered))
    }

    /// Opens the journal of a new call. `incidents` receives an incident if the disk refuses it.
    /// Returns at once.
    pub fn open_journal(
        &self,
        identity: &CallIdentity,
        settings: &CallSettings,
        incidents: Option<WeakRecipient<IncidentMet>>,
    ) -> Journal {
        self.recent.opened(identity.id, &identity.carrier_call);
        self.journals.open(identity.tag(), Header::new(identity, settings), incidents)
    }

    /// The name of this node, if it has one.
    pub fn node(&self) -> Option<&str> {
        self.shared.node.as_deref()
    }

    /// Who may ask for a look at what dead processes left.
    pub fn looker(&self) -> Looker {
        Looker(self.jobs.clone())
    }

    /// The handle to the thread that writes recordings to disk.
    pub fn recordings(&self) -> &RecordingWriter {
        &self.recordings
    }

    /// The number of live handles. Each call's Transcript keeps one until its record is handed
    /// over. When only the permanent handles are left, no more records will arrive.
    pub fn handles(&self) -> usize {
        // The thread keeps one reference too.
        Arc::strong_count(&self.shared) - 1
    }

    /// Hands a record over, with the journal that it replaces. Returns at once; the outcome is
    /// logged as an event.
    pub fn file(&self, record: Record, journal: Option<Journal>) {
        if let Ok(transcript) = record.transcript_json() {
            self.recent.ended(record.call(), transcript);
        }
        let weight = record.weight();
        let waiting = self.shared.waiting_bytes.fetch_add(weight, Ordering::Relaxed);
        let task = Box::new(Task { record, journal, progress: Progress::default() });
        // A single record is always accepted, whatever its size, because the log bounds it.
        if waiting > 0 && waiting + weight > MOST_WAITING {
            self.shared.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
            let why = format!("{} MiB of records wait for the disk; look for one that is full or hangs", waiting >> 20);
            self.shared.leave(&task, &why);
        } else if let Err(mpsc::SendError(Job::File(task))) = self.jobs.send(Job::File(task)) {
            self.shared.leave(&task, "the writer's thread is gone; restart the service");
        }
    }

    /// Waits until every record handed over so far is on disk or was tried once more. Blocks; for
    /// the end of the process.
    pub fn flush(&self) {
        let (done, wait) = mpsc::channel();
        if self.jobs.send(Job::Flush(done)).is_ok() {
            // An error means that the thread has ended, so there is nothing to wait for.
            let _ = wait.recv();
        }
    }

    /// The recently ended calls.
    pub fn recent(&self) -> RecentCalls {
        self.recent.clone()
    }

    /// A live view of whether the disk refuses records.
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

    /// Leaves a record to its journal, which the next start files. Returns `false` if the record is
    /// lost instead.
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

/// The state of the filing thread.
pub(in crate::transcript) struct DiskQueue {
    folders: Folders,
    shared: Arc<Shared>,
    /// Records that the disk refused, oldest first.
    waiting: VecDeque<Task>,
    /// Failed rounds in a row, and the time of the next try.
    failures: u32,
    due: Instant,
    /// The time of the next look for journals of dead processes.
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
                // New records queue behind the waiting ones, so that a refusing disk is not tried
                // for each of them.
                Ok(Job::File(task)) => self.waiting.push_back(*task),
                Ok(Job::Flush(done)) => {
                    self.retry();
                    // The thread that called `flush` may have gone.
                    let _ = done.send(());
                }
                Ok(Job::Look) => self.look_at = clock::now(),
                Err(RecvTimeoutError::Timeout) => {
                    if clock::now() >= self.due {
                        self.retry();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return self.close(),
            }
        }
    }

    /// Makes records of the journals that another process on the same folder left when it died.
    /// Waiting for the next start of a service could take long. The lock of the dead process's
    /// folder ensures that only one process recovers it.
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

    /// Runs the look at once.
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

    /// Tries the waiting records in order until the disk refuses one.
    fn retry(&mut self) {
        if self.waiting.is_empty() && self.shared.unwritable.is_so() {
            // The disk had no room when the service started, and no call has ended since.
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

    /// Ends the thread and leaves waiting records to their journals.
    fn close(mut self) {
        self.retry();
        for task in std::mem::take(&mut self.waiting) {
            self.shared.leave(&task, "the service ended before the disk took it");
        }
    }

    /// Tries once to file a record. Returns the task if the disk refused it.
    fn file(&self, mut task: Task) -> Option<Task> {
        let (call, weight) = (task.record.call().clone(), task.record.weight());
        // An unexpected panic in one call's record must not stop the records of others.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.folders.file(&mut task.record, &mut task.progress)));
        match outcome {
            Ok(Ok(path)) => {
                self.found_room();
                emit(Event::RecordWritten { call: &call, path: &path.to_string_lossy() });
                if let Some(WhenFiled(tell)) = &self.shared.filed {
                    tell(&path);
                }
                if let Some(Err(problem)) = task.journal.as_ref().map(Journal::remove) {
                    emit(Event::JournalFailed {
                        call: &call,
                        step: "journal_remove",
                        problem: Some(&problem.to_string()),
                    });
                }
            }
            Ok(Err(problem)) => {
                let transcript =
                    format!("{problem}; it waits, check space and permissions of `{}`", self.folders.dir.display());
                self.shared.unwritable.0.store(true, Ordering::Relaxed);
                emit(Event::RecordDelayed { call: &call, problem: &transcript });
                if !task.progress.has_begun() {
                    task.record.met_a_disk(&problem);
                    self.shared.waiting_bytes.fetch_add(task.record.weight() - weight, Ordering::Relaxed);
                }
                return Some(task);
            }
            Err(_) => {
                self.shared.give_up(&call, "writing it panicked; this is a bug, see the panic above in the log");
            }
        }
        self.shared.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
        None
    }
}

/// The pause after this many failures in a row. A hiccup of a network disk is over in a moment; a
/// full disk needs an operator to make room.
fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_PAUSE)
}

/// The most bytes of records that may wait for the disk: some three thousand calls of ordinary
/// length. Less leaves records to their journals when a disk hangs for a while. More takes memory
/// from live calls.
const MOST_WAITING: usize = 64 * 1024 * 1024;
/// The interval between looks for journals of dead processes. A longer interval delays their
/// records.
const LOOK_EVERY: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between tries. A longer one notices free space later; a shorter one fills the
/// log.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
