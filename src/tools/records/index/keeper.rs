//! The handle to the index, and the thread that keeps it up, in small steps and with a low priority: a
//! folder of 100,000 records is indexed while the service answers calls, and its operators look at
//! what is indexed so far.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, io, thread};

use log::{debug, info, warn};
use switchboard_actors::background;
use switchboard_actors::erasure::Erasures;
use tokio::sync::{Semaphore, oneshot};

use super::entry::Entry;
use super::reader::{IndexTrouble, Question, Reader};
use super::store::{Page, Stamp, Store, Trouble, Wanted};
use crate::tools::records::folders::{TRANSCRIPT, name, transcript};

/// A handle to the index, cheap to clone. The threads end with the last handle.
#[derive(Debug, Clone)]
pub struct RecordsIndex {
    jobs: mpsc::Sender<Job>,
    questions: mpsc::Sender<Question>,
    /// Room for questions that wait.
    room: Arc<Semaphore>,
    progress: Arc<Progress>,
}

/// How far the index is behind the folder.
#[derive(Debug, Default)]
struct Progress {
    /// Records that wait to be indexed.
    waiting: AtomicUsize,
}

/// A job of the thread.
pub(super) enum Job {
    /// A record has been filed.
    Filed(String),
    /// A question has met a damage; says when the index is made anew.
    Damaged(String, mpsc::Sender<()>),
}

impl RecordsIndex {
    /// Starts the threads for the records in `dir`. What is there is indexed, and from time to time what
    /// other processes have filed or removed.
    ///
    /// # Errors
    /// When the system cannot start a thread.
    pub fn start(dir: &Path) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let progress = Arc::new(Progress::default());
        let keeper = Keeper::new(dir, Arc::clone(&progress));
        background::spawn("index", None, move || keeper.work(&queue))?;
        let (questions, asked) = mpsc::channel();
        let reader = Reader::new(&dir.join(super::FOLDER), jobs.clone());
        // Somebody waits for its answers, which take milliseconds: it has the usual priority.
        thread::Builder::new().name("history".to_owned()).spawn(move || reader.work(&asked))?;
        Ok(Self { jobs, questions, room: Arc::new(Semaphore::new(MOST_WAITING)), progress })
    }

    /// Notes that a record has been filed. Returns at once.
    pub fn filed(&self, path: &Path) {
        // Without its thread the index is made at the next start.
        let _ = self.jobs.send(Job::Filed(name(path).to_owned()));
    }

    /// A page of past calls, newest first.
    ///
    /// # Errors
    /// When too many questions wait, or the index cannot be used.
    pub async fn page(&self, wanted: Wanted) -> Result<Page, IndexTrouble> {
        self.ask(|answer| Question::Page(Box::new(wanted), answer)).await
    }

    /// The name of the newest transcript of a call, by our id or the carrier's.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub async fn find(&self, id: &str) -> Result<Option<String>, IndexTrouble> {
        self.ask(|answer| Question::Find(id.to_owned(), answer)).await
    }

    /// How many records wait to be indexed: more than a few only after the first start with a folder
    /// of records, or after a damage.
    pub fn waiting(&self) -> usize {
        self.progress.waiting.load(Ordering::Relaxed)
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<Result<T, IndexTrouble>>) -> Question,
    ) -> Result<T, IndexTrouble> {
        let _place = self.room.try_acquire().map_err(|_| IndexTrouble::Busy)?;
        let (answer, answered) = oneshot::channel();
        let gone = || IndexTrouble::Failed("its thread is gone; restart the service".to_owned());
        self.questions.send(question(answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// The state of the thread.
struct Keeper {
    dir: PathBuf,
    folder: PathBuf,
    erasures: Erasures,
    progress: Arc<Progress>,
    store: Option<Store>,
    /// Names of transcripts that may have changed.
    due: VecDeque<String>,
    /// Files that are no records, with the state they were read in.
    unreadable: HashMap<String, Stamp>,
    /// When the folder had changed last, at the last look; `None` if it may have changed since.
    seen: Option<SystemTime>,
    /// The time of the next look at the folder.
    look_at: Instant,
    /// When a long work of indexing began, and how many records it has indexed.
    building: Option<(Instant, usize)>,
    /// Whether the last trouble was logged.
    complained: bool,
}

impl Keeper {
    fn new(dir: &Path, progress: Arc<Progress>) -> Self {
        Self {
            dir: dir.to_owned(),
            folder: dir.join(super::FOLDER),
            erasures: Erasures::of(dir),
            progress,
            store: None,
            due: VecDeque::new(),
            unreadable: HashMap::new(),
            seen: None,
            look_at: Instant::now(),
            building: None,
            complained: false,
        }
    }

    fn work(mut self, jobs: &mpsc::Receiver<Job>) {
        loop {
            let patience = self.look_at.saturating_duration_since(Instant::now());
            let idle = self.due.is_empty() && !patience.is_zero();
            let job = if idle {
                jobs.recv_timeout(patience)
            } else {
                jobs.try_recv().map_err(|gone| match gone {
                    TryRecvError::Empty => RecvTimeoutError::Timeout,
                    TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                })
            };
            match job {
                Ok(Job::Filed(name)) => self.due.push_front(name),
                Ok(Job::Damaged(problem, done)) => {
                    self.make_anew(&problem);
                    // Whoever asked may have gone on.
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => self.advance(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.progress.waiting.store(self.due.len(), Ordering::Relaxed);
        }
    }

    /// The newest database, open.
    fn store(&mut self) -> Result<&mut Store, Trouble> {
        if self.store.as_ref().is_some_and(|store| !store.is_newest()) {
            // It was made anew, or removed.
            self.store = None;
        }
        if self.store.is_none() {
            let opened = Store::open(&self.folder).or_else(|trouble| match trouble {
                Trouble::Damaged(problem) => {
                    warn!(problem; "the index of records is damaged or of another version and is made anew");
                    Store::anew(&self.folder)
                }
                failed @ Trouble::Failed(_) => Err(failed),
            })?;
            self.store = Some(opened);
            (self.seen, self.look_at) = (None, Instant::now());
        }
        self.store.as_mut().ok_or_else(|| Trouble::Failed("it is not open".to_owned()))
    }

    fn make_anew(&mut self, problem: &str) {
        if self.store.as_ref().is_some_and(|store| !store.is_newest()) {
            // Another process has made it anew.
            self.store = None;
            (self.seen, self.look_at) = (None, Instant::now());
            return;
        }
        warn!(problem; "the index of records is damaged and is made anew");
        self.store = None;
        match Store::anew(&self.folder) {
            Ok(store) => self.store = Some(store),
            Err(Trouble::Damaged(problem) | Trouble::Failed(problem)) => self.complain(&problem),
        }
        (self.seen, self.look_at) = (None, Instant::now());
    }

    /// One step of indexing, or a look at the folder.
    fn advance(&mut self) {
        let done = if self.due.is_empty() { self.look() } else { self.index_some() };
        match done {
            Ok(()) => self.complained = false,
            Err(Trouble::Damaged(problem)) => self.make_anew(&problem),
            Err(Trouble::Failed(problem)) => {
                self.complain(&problem);
                // The next look finds again what is not indexed.
                self.due.clear();
                (self.seen, self.look_at) = (None, Instant::now() + AFTER_TROUBLE);
            }
        }
    }

    fn complain(&mut self, problem: &str) {
        if !self.complained {
            warn!(problem; "the index of records cannot be kept up; records are complete without it");
        }
        self.complained = true;
    }

    /// Compares the folder with the index.
    fn look(&mut self) -> Result<(), Trouble> {
        self.look_at = Instant::now() + LOOK_EVERY;
        let now = SystemTime::now();
        let changed = match fs::metadata(&self.dir) {
            Ok(about) => about.modified()?,
            // No call has ended yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if self.store.as_ref().is_some_and(Store::is_newest) && self.seen == Some(changed) {
            return Ok(());
        }
        let mut known = self.store()?.files()?;
        for entry in fs::read_dir(&self.dir)? {
            let Ok(name) = entry?.file_name().into_string() else { continue };
            if !is_transcript(&name) {
                continue;
            }
            let Some(stamp) = stamp(&self.dir.join(&name)) else { continue };
            if known.remove(&name) != Some(stamp) && self.unreadable.get(&name) != Some(&stamp) {
                self.due.push_back(name);
            }
        }
        // The newest calls are the ones that people look for first.
        self.due.make_contiguous().sort_by_cached_key(|name| std::cmp::Reverse(moment_in(name)));
        let gone: Vec<String> = known.into_keys().collect();
        for some in gone.chunks(STEP) {
            self.store()?.remove(some)?;
        }
        // A file that follows within the file system's resolution of time does not show in it.
        let settled = now.duration_since(changed).is_ok_and(|passed| passed > RESOLUTION);
        self.seen = settled.then_some(changed);
        self.building = (self.due.len() > STEP).then(|| (Instant::now(), 0));
        Ok(())
    }

    /// Indexes the next records that are due.
    fn index_some(&mut self) -> Result<(), Trouble> {
        let mut entries = Vec::new();
        while let Some(name) = self.due.pop_front() {
            // The files of a marked call are about to go; nobody is to find it meanwhile.
            if let Some((stamp, entry)) = self.read(&name).filter(|(_, entry)| !self.erasures.has(&entry.id)) {
                entries.push((name, stamp, entry));
            }
            if entries.len() >= STEP {
                break;
            }
        }
        let indexed = entries.len();
        let store = self.store()?;
        store.put(&entries)?;
        // An eraser marks a call, removes its files and then its entry: if it came in between, what
        // was just entered goes.
        let erased: Vec<String> = entries
            .into_iter()
            .filter(|(name, _, entry)| self.erasures.has(&entry.id) || !self.dir.join(name).exists())
            .map(|(name, ..)| name)
            .collect();
        if !erased.is_empty() {
            let store = self.store()?;
            store.remove(&erased)?;
            store.settle()?;
        }
        if let Some((since, so_far)) = &mut self.building {
            *so_far += indexed;
            if self.due.is_empty() {
                let took_s = since.elapsed().as_secs();
                info!(records = *so_far, took_s; "past calls are indexed");
                self.building = None;
            }
        }
        Ok(())
    }

    /// Reads a record; `None` if there is none under this name.
    fn read(&mut self, name: &str) -> Option<(Stamp, Entry)> {
        let path = self.dir.join(name);
        let stamp = stamp(&path)?;
        match transcript(&path) {
            Ok(record) if record.is_object() => Some((stamp, Entry::of(&record, name))),
            Ok(_) | Err(_) => {
                debug!(file = name; "a file that is no record is not indexed");
                self.unreadable.insert(name.to_owned(), stamp);
                None
            }
        }
    }
}

pub(super) fn is_transcript(name: &str) -> bool {
    name.ends_with(TRANSCRIPT) && !name.starts_with('.')
}

/// The state of a file; `None` if it is gone.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    let about = fs::metadata(path).ok()?;
    let changed = about.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Some((i64::try_from(changed.as_nanos()).unwrap_or(i64::MAX), i64::try_from(about.len()).unwrap_or(i64::MAX)))
}

/// The moment in a transcript's name, in milliseconds.
fn moment_in(name: &str) -> u64 {
    let stem = name.strip_suffix(TRANSCRIPT).unwrap_or(name);
    stem.rsplit('_').next().and_then(|moment| moment.parse().ok()).unwrap_or(0)
}

/// Records that are indexed in one step. More keeps a call that has just ended waiting for its turn;
/// fewer makes the indexing of a folder take longer.
const STEP: usize = 32;
/// Questions that may wait. More would be asked in vain: people give up after some seconds.
const MOST_WAITING: usize = 32;
/// Interval between two looks at the folder. A record that another process files is listed after
/// this time at the latest.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Pause after a trouble, such as a full disk.
const AFTER_TROUBLE: Duration = Duration::from_secs(10);
/// The coarsest resolution of file times that is met in practice.
const RESOLUTION: Duration = Duration::from_secs(2);
