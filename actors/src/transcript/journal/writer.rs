//! The threads that write journals, and the handle that a Transcript keeps.
//!
//! A Transcript appends to memory and never waits. Each journal has its own buffer. The first line
//! in an empty buffer puts the journal into the queue of the writing thread; only the first journal
//! in an empty queue wakes the thread. Every `commit` (`records.journal_commit`) the thread writes
//! out the buffers of all calls.
//!
//! A second thread syncs the written files. It syncs each journal at most once in five seconds and
//! spreads the journals over that time. With many calls on a slow disk, writing stays on schedule
//! and syncing falls behind. Both threads run at a lower priority than calls ([`background`]).
//! Written lines survive the death of the process; synced lines survive the death of the machine.
//!
//! A disk that refuses writes does not harm a call. Lines wait in memory, bounded per call
//! ([`MOST_WAITING_OF_A_CALL`]) and in total ([`MOST_WAITING`]), and are written when there is
//! space again. Lines beyond a bound are missing in the journal only; the call's record has them.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix::WeakRecipient;

use super::folder::JournalFolder;
use super::{Closed, Entry, Framer, Header};
use crate::events::emit;
use crate::ids::CallTag;
use crate::incident::{Incident, IncidentKind};
use crate::realtime::report::Words;
use crate::recording::report::IncidentMet;
use crate::transcript::events::Event;
use crate::transcript::messages::Fact;
use crate::{background, clock};

/// A handle to the writing thread. The thread ends with the last journal and the last of these
/// handles.
#[derive(Debug, Clone)]
pub(in crate::transcript) struct JournalWriter {
    disk_queue: DiskQueue,
    folder: Arc<JournalFolder>,
    waiting: Arc<AtomicUsize>,
}

/// One call's journal. Its Transcript keeps one handle; the thread keeps another while there is
/// something to write.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Live>);

#[derive(Debug)]
struct Live {
    call: CallTag,
    /// Receives an incident when the disk refuses the journal.
    incidents: Option<WeakRecipient<IncidentMet>>,
    path: PathBuf,
    pending: Mutex<Pending>,
    disk: Mutex<Disk>,
    disk_queue: DiskQueue,
    waiting: Arc<AtomicUsize>,
    /// Keeps the folder locked.
    folder: Arc<JournalFolder>,
}

/// The queue of journals that have something to write. Call threads wake the writing thread as
/// rarely as possible: a wake-up costs more than writing a line.
#[derive(Debug, Clone)]
struct DiskQueue {
    queue: Arc<Mutex<Waiting>>,
    wake_up: mpsc::Sender<WakeUp>,
}

#[derive(Debug, Default)]
struct Waiting {
    journals: Vec<Journal>,
    /// Whether the thread waits for a wake-up before it looks at the queue.
    asleep: bool,
}

/// A wake-up of the thread.
#[derive(Debug)]
enum WakeUp {
    /// The journal of a new call.
    Begun(Journal),
    /// The first journal in an empty queue.
    Waiting,
}

impl DiskQueue {
    fn put(&self, journal: Journal) {
        let woken = {
            let mut queue = locked(&self.queue);
            queue.journals.push(journal);
            std::mem::take(&mut queue.asleep)
        };
        if woken {
            self.ring(WakeUp::Waiting);
        }
    }

    fn ring(&self, wake_up: WakeUp) {
        // An error means that the thread has ended with the service.
        let _ = self.wake_up.send(wake_up);
    }
}

/// Lines that the thread has not taken yet.
#[derive(Debug, Default)]
struct Pending {
    framer: Framer,
    bytes: Vec<u8>,
    /// Whether the journal is already in the thread's queue.
    announced: bool,
    /// Bytes that wait, here and in [`Disk::tail`].
    waiting: usize,
    total: usize,
}

#[derive(Debug, Default)]
struct Disk {
    file: Option<Arc<File>>,
    /// Lines that the thread has taken and not completely written.
    tail: Vec<u8>,
    done: usize,
    removed: bool,
    failing: bool,
    /// Whether the journal is already in the syncing thread's queue.
    to_sync: bool,
}

impl JournalWriter {
    /// Starts the threads for our own folder below `dir`.
    pub(in crate::transcript) fn start(dir: &Path, name: &str, commit: Duration) -> io::Result<Self> {
        let folder = Arc::new(JournalFolder::open(dir, name)?);
        let (wake_up, wake_ups) = mpsc::channel();
        let (to_sync, written) = mpsc::channel();
        let queue = Arc::default();
        let thread = Thread { commit, queue: Arc::clone(&queue), to_write: Vec::new(), to_sync };
        background::spawn("journal-sync", None, move || sync_all(&written))?;
        background::spawn("journals", None, move || thread.work(&wake_ups))?;
        Ok(Self { disk_queue: DiskQueue { queue, wake_up }, folder, waiting: Arc::default() })
    }

    /// Opens the journal of a new call. Returns at once; the file appears a moment later.
    pub(in crate::transcript) fn open(
        &self,
        call: CallTag,
        header: Header,
        incidents: Option<WeakRecipient<IncidentMet>>,
    ) -> Journal {
        let journal = Journal(Arc::new(Live {
            path: self.folder.path(&call.id().to_string()),
            call,
            incidents,
            pending: Mutex::default(),
            disk: Mutex::default(),
            disk_queue: self.disk_queue.clone(),
            waiting: Arc::clone(&self.waiting),
            folder: Arc::clone(&self.folder),
        }));
        if journal.frame(&Entry::Opened(Box::new(header))) {
            journal.0.disk_queue.ring(WakeUp::Begun(journal.clone()));
        }
        journal
    }
}

impl Journal {
    /// Adds words. `at` is the time since the start of the call.
    pub fn hear(&self, words: &Words, at: Duration) {
        self.append(&Entry::Words(micros(at), Cow::Borrowed(words)));
    }

    /// Adds a fact. `at` is the time since the start of the call.
    pub fn note(&self, fact: &Fact, at: Duration) {
        self.append(&Entry::Fact(micros(at), Cow::Borrowed(fact)));
    }

    /// Adds the last entry: how the call ended and when its record is filed.
    pub fn close(&self, closed: Closed) {
        self.append(&Entry::Closed(closed));
    }

    fn append(&self, entry: &Entry<'_>) {
        if self.frame(entry) {
            self.0.disk_queue.put(self.clone());
        }
    }

    /// Adds `entry` to the waiting lines. Returns whether the thread needs a notice.
    fn frame(&self, entry: &Entry<'_>) -> bool {
        let mut pending = locked(&self.0.pending);
        let before = pending.bytes.len();
        let full = pending.waiting >= MOST_WAITING_OF_A_CALL
            || self.0.waiting.load(Ordering::Relaxed) >= MOST_WAITING
            || pending.total >= LONGEST_JOURNAL;
        // The chain of checksums skips an omitted entry, so that later entries stay readable.
        let pending = &mut *pending;
        if full || !pending.framer.frame(entry, &mut pending.bytes) {
            emit(Event::JournalGap { call: &self.0.call });
            return false;
        }
        let bytes = pending.bytes.len() - before;
        pending.waiting += bytes;
        pending.total += bytes;
        self.0.waiting.fetch_add(bytes, Ordering::Relaxed);
        !std::mem::replace(&mut pending.announced, true)
    }

    /// Writes out the waiting lines. Blocks, so the calling thread must be allowed to wait for the
    /// disk.
    ///
    /// # Errors
    /// Returns the disk's error. No line is lost, and the next try continues where this one
    /// stopped.
    pub(in crate::transcript) fn write_out(&self) -> io::Result<()> {
        let mut disk = locked(&self.0.disk);
        self.take_pending(&mut disk);
        if disk.removed {
            self.release(disk.tail.len() - disk.done);
            disk.tail = Vec::new();
            disk.done = 0;
            return Ok(());
        }
        let file = match &disk.file {
            Some(file) => Arc::clone(file),
            None => {
                self.0.folder.ensure()?;
                Arc::clone(disk.file.insert(Arc::new(create(&self.0.path)?)))
            }
        };
        while disk.done < disk.tail.len() {
            match (&*file).write(&disk.tail[disk.done..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    disk.done += written;
                    self.release(written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        disk.tail.clear();
        disk.done = 0;
        Ok(())
    }

    fn take_pending(&self, disk: &mut Disk) {
        let mut pending = locked(&self.0.pending);
        pending.announced = false;
        if disk.tail.is_empty() {
            // The swap keeps the capacity of both buffers.
            std::mem::swap(&mut disk.tail, &mut pending.bytes);
        } else {
            disk.tail.append(&mut pending.bytes);
        }
    }

    fn release(&self, bytes: usize) {
        locked(&self.0.pending).waiting -= bytes;
        self.0.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Returns the file, if there is one, to sync all lines written so far. Lines written later
    /// need another sync.
    fn to_sync(&self) -> Option<Arc<File>> {
        let mut disk = locked(&self.0.disk);
        disk.to_sync = false;
        disk.file.clone()
    }

    /// Removes the journal, because the record is on disk. Nothing more is written to it.
    ///
    /// # Errors
    /// Returns the disk's error. The next start of the service tries again; it finds the record and
    /// files no second one.
    pub(in crate::transcript) fn remove(&self) -> io::Result<()> {
        let mut disk = locked(&self.0.disk);
        disk.removed = true;
        match disk.file.take().map(|_| std::fs::remove_file(&self.0.path)) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Some(Ok(()) | Err(_)) | None => Ok(()),
        }
    }

    /// Whether its file does not exist yet and the disk has not refused it.
    fn begins(&self) -> bool {
        let disk = locked(&self.0.disk);
        disk.file.is_none() && !disk.removed && !disk.failing
    }

    /// Whether only the thread still keeps it, because its record was filed or given up.
    fn is_forsaken(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// A number that is unique to this journal.
    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Counts and logs every failure. Only the first failure of a series is logged with its reason
    /// and reported to the call.
    fn report(&self, step: &'static str, outcome: &io::Result<()>) {
        let failing = outcome.is_err();
        let begins = !std::mem::replace(&mut locked(&self.0.disk).failing, failing);
        if let Err(problem) = outcome {
            if begins && let Some(call) = self.0.incidents.as_ref().and_then(WeakRecipient::upgrade) {
                let detail = format!("the record's journal could not be written: {problem}");
                call.do_send(IncidentMet(Incident::new(IncidentKind::Disk, detail)));
            }
            let problem = begins.then(|| format!("{problem}; the call goes on and its journal is tried again"));
            emit(Event::JournalFailed { call: &self.0.call, step, problem: problem.as_deref() });
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let left = locked(&self.pending).waiting;
        self.waiting.fetch_sub(left, Ordering::Relaxed);
    }
}

/// The state of the writing thread.
struct Thread {
    commit: Duration,
    queue: Arc<Mutex<Waiting>>,
    to_write: Vec<Journal>,
    to_sync: mpsc::Sender<Weak<Live>>,
}

impl Thread {
    fn work(mut self, wake_ups: &mpsc::Receiver<WakeUp>) {
        let mut due = clock::now();
        loop {
            if self.gather(wake_ups, due).is_err() {
                self.write();
                return;
            }
            due = clock::now() + self.commit;
            if self.write() {
                // The thread retries a refusing disk a few times a second, not in a busy loop.
                due = due.max(clock::now() + AFTER_FAILURE);
            }
        }
    }

    /// Waits until there is something to write and it is time to write. An error means that the
    /// service ends.
    fn gather(&mut self, wake_ups: &mpsc::Receiver<WakeUp>, due: Instant) -> Result<(), mpsc::RecvError> {
        if self.to_write.is_empty() && self.falls_asleep() {
            let first = wake_ups.recv();
            locked(&self.queue).asleep = false;
            self.wake_to(first?);
        }
        let ended = loop {
            match wake_ups.recv_timeout(due.saturating_duration_since(clock::now())) {
                Ok(wake_up) => self.wake_to(wake_up),
                Err(RecvTimeoutError::Timeout) => break Ok(()),
                Err(RecvTimeoutError::Disconnected) => break Err(mpsc::RecvError),
            }
        };
        self.to_write.append(&mut locked(&self.queue).journals);
        ended
    }

    /// Whether the queue is empty, so that the thread waits for a wake-up.
    fn falls_asleep(&self) -> bool {
        let mut queue = locked(&self.queue);
        queue.asleep = queue.journals.is_empty();
        queue.asleep
    }

    /// Writes the journal of a new call at once, out of turn. From then on a crash cannot lose the
    /// call.
    fn wake_to(&mut self, wake_up: WakeUp) {
        match wake_up {
            WakeUp::Begun(journal) if journal.begins() => self.write_one(journal),
            WakeUp::Begun(journal) => self.to_write.push(journal),
            WakeUp::Waiting => {}
        }
    }

    /// Writes out every journal that has waiting lines. Returns `true` if the disk refused one.
    fn write(&mut self) -> bool {
        let mut journals = std::mem::take(&mut self.to_write);
        // A refused journal may have been queued again.
        journals.sort_by_key(Journal::address);
        journals.dedup_by_key(|journal| journal.address());
        for journal in journals {
            self.write_one(journal);
        }
        !self.to_write.is_empty()
    }

    fn write_one(&mut self, journal: Journal) {
        let outcome = journal.write_out();
        journal.report("journal_write", &outcome);
        match outcome {
            Ok(()) => {
                if !std::mem::replace(&mut locked(&journal.0.disk).to_sync, true) {
                    // The syncing thread lives as long as this one.
                    let _ = self.to_sync.send(Arc::downgrade(&journal.0));
                }
            }
            // The folder and the call are gone: nothing will ever read this journal.
            Err(error) if error.kind() == io::ErrorKind::NotFound && journal.is_forsaken() => {}
            Err(_) => self.to_write.push(journal),
        }
    }
}

/// The syncing thread. It syncs each journal at most once a round, however often it was written. It
/// spreads the journals over the round: all at once would block the disk and threads on the same
/// processor. It skips a journal that was removed in the meantime.
fn sync_all(written: &mpsc::Receiver<Weak<Live>>) {
    while let Ok(first) = written.recv() {
        let round: Vec<_> = std::iter::once(first).chain(written.try_iter()).collect();
        let pause = SYNCED_EVERY / u32::try_from(round.len()).unwrap_or(u32::MAX);
        for journal in round {
            let next = clock::now() + pause;
            if !synced(&journal) {
                continue;
            }
            #[expect(clippy::disallowed_methods, reason = "a thread of its own, which no call is on")]
            std::thread::sleep(next.saturating_duration_since(clock::now()));
        }
    }
}

/// Whether there was something to sync, whatever the outcome. Keeps no handle to the journal.
fn synced(journal: &Weak<Live>) -> bool {
    let Some(journal) = journal.upgrade().map(Journal) else { return false };
    let Some(file) = journal.to_sync() else { return false };
    journal.report("journal_sync", &file.sync_data());
    true
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // Speech is private: only the service's user and group may read it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

fn micros(at: Duration) -> u64 {
    u64::try_from(at.as_micros()).unwrap_or(u64::MAX)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The most bytes of one call that may wait for the disk: an hour of brisk talk. With less, gaps
/// appear sooner when a disk hangs.
pub const MOST_WAITING_OF_A_CALL: usize = 1024 * 1024;
/// The most bytes of all calls that may wait for the disk. More would take memory from live calls.
pub const MOST_WAITING: usize = 64 * 1024 * 1024;
/// The most bytes of a journal. Pieces and whole texts together take three times the bound of a
/// log.
pub const LONGEST_JOURNAL: usize = 16 * 1024 * 1024;
/// The pause before the next try after the disk refused a write.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// The minimum time between two syncs of one journal: the interval at which Linux writes out a file
/// system's own journal. A shorter time costs disk work with every word of every call (one sync a
/// second per journal took a twentieth of the service's time). A longer time loses more words when
/// the machine fails.
const SYNCED_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
