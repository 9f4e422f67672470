//! The journals' own thread, and the end of it that a Transcript holds.
//!
//! A Transcript appends to memory and never waits: its lines lie in a buffer of their own, and the journal on the desk of the thread,
//! which is woken for the first one only. Every `commit` (`records.journal_commit`) it writes out what has gathered in all calls; a
//! second thread syncs what was written, each journal once in five seconds at most and one after the other all through that time, so
//! that with many calls on a slow disk writing goes on at its beat and syncing falls behind. Both give way to calls ([`background`]).
//! What has been written survives the death of the process, what has been synced that of the machine.
//!
//! A disk that takes nothing costs no call anything: lines wait in memory, bounded for each call and for all of them
//! ([`MOST_WAITING_OF_A_CALL`], [`MOST_WAITING`]), and are written when there is space again. What did not fit is missing in the
//! journal alone; the call's record has it.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix::WeakRecipient;

use super::shelf::Shelf;
use super::{Closed, Entry, Framer, Header};
use crate::events::emit;
use crate::ids::CallTag;
use crate::incident::{Incident, IncidentKind};
use crate::realtime::report::Words;
use crate::recording::report::IncidentMet;
use crate::transcript::events::Event;
use crate::transcript::messages::Fact;
use crate::{background, clock};

/// The thread. Its end comes with the last journal and the last of these.
#[derive(Debug, Clone)]
pub(in crate::transcript) struct JournalWriter {
    disk_queue: DiskQueue,
    shelf: Arc<Shelf>,
    waiting: Arc<AtomicUsize>,
}

/// One call's journal: what its Transcript holds, and the thread while there is something to write.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Live>);

#[derive(Debug)]
struct Live {
    call: CallTag,
    /// Told of a disk that does not take it.
    told: Option<WeakRecipient<IncidentMet>>,
    path: PathBuf,
    pending: Mutex<Pending>,
    disk: Mutex<Disk>,
    disk_queue: DiskQueue,
    waiting: Arc<AtomicUsize>,
    /// Keeps the folder's lock.
    shelf: Arc<Shelf>,
}

/// Where journals lie that have something to be written, for the thread to find. A call's thread wakes it as seldom as may be: to
/// wake somebody costs more than to write a line.
#[derive(Debug, Clone)]
struct DiskQueue {
    pile: Arc<Mutex<Waiting>>,
    bell: mpsc::Sender<WakeUp>,
}

#[derive(Debug, Default)]
struct Waiting {
    journals: Vec<Journal>,
    /// The thread looks here by itself only after the bell.
    asleep: bool,
}

/// What wakes the thread.
#[derive(Debug)]
enum WakeUp {
    /// A journal that begins.
    Begun(Journal),
    /// The first journal on an empty desk.
    Waiting,
}

impl DiskQueue {
    fn put(&self, journal: Journal) {
        let woken = {
            let mut pile = locked(&self.pile);
            pile.journals.push(journal);
            std::mem::take(&mut pile.asleep)
        };
        if woken {
            self.ring(WakeUp::Waiting);
        }
    }

    fn ring(&self, bell: WakeUp) {
        // An error says that the thread is gone with the service.
        let _ = self.bell.send(bell);
    }
}

/// What was told and not yet taken by the thread.
#[derive(Debug, Default)]
struct Pending {
    framer: Framer,
    bytes: Vec<u8>,
    /// The thread knows that there is something.
    announced: bool,
    /// Bytes that wait, here and in [`Disk::tail`].
    waiting: usize,
    total: usize,
}

#[derive(Debug, Default)]
struct Disk {
    file: Option<Arc<File>>,
    /// Taken, and not yet wholly written.
    tail: Vec<u8>,
    done: usize,
    removed: bool,
    failing: bool,
    /// The thread that syncs knows that there is something.
    to_sync: bool,
}

impl JournalWriter {
    /// Starts the thread for a shelf of our own below `dir`.
    pub(in crate::transcript) fn start(dir: &Path, name: &str, commit: Duration) -> io::Result<Self> {
        let shelf = Arc::new(Shelf::open(dir, name)?);
        let (bell, told) = mpsc::channel();
        let (to_sync, written) = mpsc::channel();
        let pile = Arc::default();
        let thread = Thread { commit, pile: Arc::clone(&pile), to_write: Vec::new(), to_sync };
        background::spawn("journal-sync", None, move || sync_all(&written))?;
        background::spawn("journals", None, move || thread.work(&told))?;
        Ok(Self { disk_queue: DiskQueue { pile, bell }, shelf, waiting: Arc::default() })
    }

    /// Opens the journal of a call that begins. Returns at once; the file is there a moment later.
    pub(in crate::transcript) fn open(
        &self,
        call: CallTag,
        header: Header,
        told: Option<WeakRecipient<IncidentMet>>,
    ) -> Journal {
        let journal = Journal(Arc::new(Live {
            path: self.shelf.path(&call.id().to_string()),
            call,
            told,
            pending: Mutex::default(),
            disk: Mutex::default(),
            disk_queue: self.disk_queue.clone(),
            waiting: Arc::clone(&self.waiting),
            shelf: Arc::clone(&self.shelf),
        }));
        if journal.frame(&Entry::Opened(Box::new(header))) {
            journal.0.disk_queue.ring(WakeUp::Begun(journal.clone()));
        }
        journal
    }
}

impl Journal {
    /// Takes down words, told so long after the start of the call.
    pub fn hear(&self, words: &Words, at: Duration) {
        self.append(&Entry::Words(micros(at), Cow::Borrowed(words)));
    }

    /// Takes down a fact.
    pub fn note(&self, fact: &Fact, at: Duration) {
        self.append(&Entry::Fact(micros(at), Cow::Borrowed(fact)));
    }

    /// The last entry: how the call ended and when its record is filed.
    pub fn close(&self, closed: Closed) {
        self.append(&Entry::Closed(closed));
    }

    fn append(&self, entry: &Entry<'_>) {
        if self.frame(entry) {
            self.0.disk_queue.put(self.clone());
        }
    }

    /// Adds `entry` to what waits; whether the thread is to be told.
    fn frame(&self, entry: &Entry<'_>) -> bool {
        let mut pending = locked(&self.0.pending);
        let before = pending.bytes.len();
        let full = pending.waiting >= MOST_WAITING_OF_A_CALL
            || self.0.waiting.load(Ordering::Relaxed) >= MOST_WAITING
            || pending.total >= LONGEST_JOURNAL;
        // The chain of checksums goes on behind what is left out, so that later entries stay readable.
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

    /// Writes out what has gathered, from whatever thread may wait for the disk.
    ///
    /// # Errors
    /// Whatever the disk says; nothing is lost by it, and the next try goes on where this one stopped.
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
                self.0.shelf.ensure()?;
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
            // Both buffers keep their room.
            std::mem::swap(&mut disk.tail, &mut pending.bytes);
        } else {
            disk.tail.append(&mut pending.bytes);
        }
    }

    fn release(&self, bytes: usize) {
        locked(&self.0.pending).waiting -= bytes;
        self.0.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The file, for what was written so far to be put on disk for good. What is written from now on is for another time.
    fn to_sync(&self) -> Option<Arc<File>> {
        let mut disk = locked(&self.0.disk);
        disk.to_sync = false;
        disk.file.clone()
    }

    /// Removes it: the record is on disk. Nothing of it is written any more.
    ///
    /// # Errors
    /// Whatever the disk says; it is tried again by a start of the service, which finds the record and files no second one.
    pub(in crate::transcript) fn remove(&self) -> io::Result<()> {
        let mut disk = locked(&self.0.disk);
        disk.removed = true;
        match disk.file.take().map(|_| std::fs::remove_file(&self.0.path)) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Some(Ok(()) | Err(_)) | None => Ok(()),
        }
    }

    /// Whether its file is still to be made, by a disk that has not refused it.
    fn begins(&self) -> bool {
        let disk = locked(&self.0.disk);
        disk.file.is_none() && !disk.removed && !disk.failing
    }

    /// Whether nobody but the thread holds it any more: its record was filed or given up.
    fn is_forsaken(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// One number for one journal.
    fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Tells operators when its trouble begins, and counts every part of it.
    fn report(&self, step: &'static str, outcome: &io::Result<()>) {
        let failing = outcome.is_err();
        let begins = !std::mem::replace(&mut locked(&self.0.disk).failing, failing);
        if let Err(problem) = outcome {
            if begins && let Some(call) = self.0.told.as_ref().and_then(WeakRecipient::upgrade) {
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

/// The thread's own things.
struct Thread {
    commit: Duration,
    pile: Arc<Mutex<Waiting>>,
    to_write: Vec<Journal>,
    to_sync: mpsc::Sender<Weak<Live>>,
}

impl Thread {
    fn work(mut self, told: &mpsc::Receiver<WakeUp>) {
        let mut due = clock::now();
        loop {
            if self.gather(told, due).is_err() {
                self.write();
                return;
            }
            due = clock::now() + self.commit;
            if self.write() {
                // A disk that refuses is asked a few times a second and not in a loop.
                due = due.max(clock::now() + AFTER_FAILURE);
            }
        }
    }

    /// Waits until it is time to write and there is something to be written. An error is the end of the service.
    fn gather(&mut self, told: &mpsc::Receiver<WakeUp>, due: Instant) -> Result<(), mpsc::RecvError> {
        if self.to_write.is_empty() && self.falls_asleep() {
            let first = told.recv();
            locked(&self.pile).asleep = false;
            self.wake_to(first?);
        }
        let ended = loop {
            match told.recv_timeout(due.saturating_duration_since(clock::now())) {
                Ok(bell) => self.wake_to(bell),
                Err(RecvTimeoutError::Timeout) => break Ok(()),
                Err(RecvTimeoutError::Disconnected) => break Err(mpsc::RecvError),
            }
        };
        self.to_write.append(&mut locked(&self.pile).journals);
        ended
    }

    /// Whether there is nothing on the desk, so that the bell is waited for.
    fn falls_asleep(&self) -> bool {
        let mut pile = locked(&self.pile);
        pile.asleep = pile.journals.is_empty();
        pile.asleep
    }

    /// A journal that begins is written at once, out of turn: from then on its call cannot be forgotten.
    fn wake_to(&mut self, bell: WakeUp) {
        match bell {
            WakeUp::Begun(journal) if journal.begins() => self.write_one(journal),
            WakeUp::Begun(journal) => self.to_write.push(journal),
            WakeUp::Waiting => {}
        }
    }

    /// Writes out every journal that has something; `true` when the disk refused one.
    fn write(&mut self) -> bool {
        let mut journals = std::mem::take(&mut self.to_write);
        // One that was refused may have been told of again.
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
                    // The thread that takes them lives as long as this one.
                    let _ = self.to_sync.send(Arc::downgrade(&journal.0));
                }
            }
            // Its folder is gone, and so is its call: nothing will ever read it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && journal.is_forsaken() => {}
            Err(_) => self.to_write.push(journal),
        }
    }
}

/// The second thread: each journal at most once a round, however often it was written meanwhile. A round's journals are spread over
/// it: all at once they would hold up the disk, and whoever shares a processor with it. One that is removed meanwhile is left out.
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

/// Whether there was something to be synced, with whatever outcome. Nothing of the journal is held after it.
fn synced(journal: &Weak<Live>) -> bool {
    let Some(journal) = journal.upgrade().map(Journal) else { return false };
    let Some(file) = journal.to_sync() else { return false };
    journal.report("journal_sync", &file.sync_data());
    true
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    // Speech is private: nobody but the service's user and group.
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

/// What of one call may wait for the disk: an hour of brisk talk. Less leaves gaps sooner when a disk hangs.
pub const MOST_WAITING_OF_A_CALL: usize = 1024 * 1024;
/// What of all calls may wait for the disk. More takes memory from live calls.
pub const MOST_WAITING: usize = 64 * 1024 * 1024;
/// The longest journal. Pieces and whole texts together come to three times what a log takes.
pub const LONGEST_JOURNAL: usize = 16 * 1024 * 1024;
/// How soon a disk that refused is asked again.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// How often one journal is synced at most: as often as Linux writes out a file system's own journal. Shorter is work for the disk
/// with every word of every call (a sync a second of each was a twentieth of the service's time); longer loses more of them when the
/// machine itself goes down.
const SYNCED_EVERY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
