//! The disk's own thread: what is to be written is handed over and never waited for.
//!
//! One thread does everything that touches `records.dir`, in the order in which it was handed over. A slow disk makes the queue
//! longer and delays no frame; the queue is bounded in bytes (`MOST_WAITING`), and a record that comes when it is full is given
//! up, told as [`Event::RecordFailed`] and counted in [`RecordWriter::lost`].
//!
//! A record becomes visible under its name only when it is whole: temp file, fsync, rename, fsync of the directory. The transcript
//! comes before the queue file that points at it. Names that are taken are never written over: the record is filed a
//! millisecond later.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::record::Record;
use crate::events::{Event, emit};
use crate::ids::CallId;

/// A handle to the writer; cheap to clone, one thread behind all of them. The thread ends with the last handle.
#[derive(Debug, Clone)]
pub struct RecordWriter {
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

/// What the thread is asked to do.
#[derive(Debug)]
enum Job {
    /// Put a call's pair of files on disk.
    File(Box<Record>),
    /// Say when everything before this is done.
    Flush(mpsc::Sender<()>),
}

#[derive(Debug, Default)]
struct Shared {
    waiting_bytes: AtomicUsize,
    lost: AtomicU64,
}

impl RecordWriter {
    /// Starts the writer for `dir`, which is made if it is missing and proved writable.
    ///
    /// # Errors
    /// When the directory cannot be made or written to, or the thread cannot be started.
    pub fn start(dir: &Path) -> io::Result<Self> {
        prove_writable(dir).map_err(|e| {
            io::Error::new(e.kind(), format!("write to the records directory `{}` (`records.dir`): {e}", dir.display()))
        })?;
        let shared = Arc::new(Shared::default());
        let (jobs, queue) = mpsc::channel();
        let desk = Desk { dir: dir.to_owned(), shared: Arc::clone(&shared) };
        std::thread::Builder::new().name("records".to_owned()).spawn(move || desk.work(&queue))?;
        Ok(Self { jobs, shared })
    }

    /// Hands a record over. Returns at once; how it went is told as an event.
    pub fn file(&self, record: Record) {
        let (call, weight) = (record.call(), record.weight());
        let waiting = self.shared.waiting_bytes.fetch_add(weight, Ordering::Relaxed);
        // A record alone is always taken, whatever its size: the log has bounded it.
        if waiting > 0 && waiting + weight > MOST_WAITING {
            self.shared.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
            self.shared.give_up(
                call,
                &format!(
                    "{} MiB of records wait for the disk already; look for a disk that is full or hangs",
                    waiting >> 20
                ),
            );
        } else if self.jobs.send(Job::File(Box::new(record))).is_err() {
            self.shared.give_up(call, "the writer's thread is gone; restart the service");
        }
    }

    /// Waits until everything handed over so far is on disk, or given up. Blocks; for the end of the process.
    pub fn flush(&self) {
        let (done, wait) = mpsc::channel();
        if self.jobs.send(Job::Flush(done)).is_ok() {
            // An error says that the thread is gone, and nothing is to be waited for.
            let _ = wait.recv();
        }
    }

    /// Records given up since the start.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn give_up(&self, call: CallId, problem: &str) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        emit(Event::RecordFailed { call, problem });
    }
}

/// The thread's own things.
struct Desk {
    dir: PathBuf,
    shared: Arc<Shared>,
}

impl Desk {
    fn work(self, queue: &mpsc::Receiver<Job>) {
        for job in queue {
            match job {
                Job::File(record) => {
                    let (call, weight) = (record.call(), record.weight());
                    // One call's record may fail in a way nobody thought of; the others' go on.
                    if catch_unwind(AssertUnwindSafe(|| self.file(*record))).is_err() {
                        self.shared
                            .give_up(call, "writing it panicked; this is a bug, the panic stands above in the log");
                    }
                    self.shared.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
                }
                Job::Flush(done) => {
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }
            }
        }
    }

    fn file(&self, mut record: Record) {
        let call = record.call();
        let mut transcript_filed = false;
        let mut pauses = PAUSES.iter();
        loop {
            match self.try_file(&mut record, &mut transcript_filed) {
                Ok(path) => return emit(Event::RecordWritten { call, path: &path.to_string_lossy() }),
                Err(problem) => match pauses.next() {
                    Some(&pause) => {
                        emit(Event::RecordDelayed { call, problem: &problem.to_string() });
                        #[expect(clippy::disallowed_methods, reason = "the writer's own thread carries no call")]
                        std::thread::sleep(pause);
                    }
                    None => {
                        let told = format!(
                            "gave up after {} tries: {problem}; check space and permissions of `{}`",
                            PAUSES.len() + 1,
                            self.dir.display()
                        );
                        return self.shared.give_up(call, &told);
                    }
                },
            }
        }
    }

    /// One try. What an earlier try has finished is not done twice.
    fn try_file(&self, record: &mut Record, transcript_filed: &mut bool) -> io::Result<PathBuf> {
        if !*transcript_filed {
            self.file_transcript(record)?;
            *transcript_filed = true;
        }
        // Before the queue file may point at it, it is there for good.
        sync_dir(&self.dir)?;
        let queue_name = record.queue_name();
        let mut temp = Temp::replace(&self.dir, &queue_name)?;
        temp.fill(&record.queue_json(&self.dir)?)?;
        temp.keep_as(&self.dir, &queue_name)?;
        sync_dir(&self.dir)?;
        Ok(self.dir.join(record.transcript_name()))
    }

    fn file_transcript(&self, record: &mut Record) -> io::Result<()> {
        loop {
            // The temp file is the lock on the name: two services that share a directory cannot both have it.
            let name = record.transcript_name();
            match Temp::create(&self.dir, &name) {
                Ok(mut temp) if !self.is_taken(record) => {
                    temp.fill(&record.transcript_json()?)?;
                    return temp.keep_as(&self.dir, &name);
                }
                Ok(_) => record.file_later(),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => record.file_later(),
                // Somebody has cleared it away; the next try finds it again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir_all(&self.dir)?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn is_taken(&self, record: &Record) -> bool {
        [record.transcript_name(), record.queue_name()].iter().any(|name| self.dir.join(name).exists())
    }
}

/// A file that is not yet whole; removed unless it is kept.
struct Temp {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl Temp {
    fn create(dir: &Path, name: &str) -> io::Result<Self> {
        Self::open(dir, name, OpenOptions::new().write(true).create_new(true))
    }

    /// Takes over what an earlier try may have left.
    fn replace(dir: &Path, name: &str) -> io::Result<Self> {
        Self::open(dir, name, OpenOptions::new().write(true).create(true).truncate(true))
    }

    fn open(dir: &Path, name: &str, options: &mut OpenOptions) -> io::Result<Self> {
        // Speech is private: nobody but the service's user and group.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(options, 0o640);
        // The dot keeps it from whoever looks for `call_*.json`.
        let path = dir.join(format!(".{name}.tmp"));
        let file = options.open(&path)?;
        Ok(Self { path, file, kept: false })
    }

    fn fill(&mut self, content: &[u8]) -> io::Result<()> {
        self.file.write_all(content)?;
        self.file.write_all(b"\n")?;
        self.file.sync_all()
    }

    fn keep_as(mut self, dir: &Path, name: &str) -> io::Result<()> {
        fs::rename(&self.path, dir.join(name))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if !self.kept {
            // It is but a temp file; the next start of the disk's troubles is told elsewhere.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn prove_writable(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let mut proof = Temp::replace(dir, &format!("writable-{}", std::process::id()))?;
    proof.fill(b"This file proves that records can be written, and is removed at once.")?;
    drop(proof);
    sync_dir(dir)
}

/// A rename is on disk when its directory is.
#[cfg(unix)]
fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(not(unix))]
fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Bytes of records that may wait for the disk: some three thousand calls of ordinary length. Less loses records when a disk
/// hangs for a while, more takes memory from live calls.
const MOST_WAITING: usize = 64 * 1024 * 1024;
/// Pauses between tries. Long enough together for a hiccup of a network disk, short enough not to hold up a stopping service.
const PAUSES: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(250), Duration::from_millis(1_000)];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{DateTime, TimeDelta};
    use serde_json::Value;

    use super::*;
    use crate::ending::Ending;
    use crate::transcript::log::ConversationLog;
    use crate::transcript::messages::Tally;
    use crate::transcript::record::Closing;
    use crate::transcript::testing::{brief, identity};

    #[test]
    fn a_record_is_a_pair_of_whole_files_and_nothing_else() {
        let dir = tempfile::tempdir().expect("a directory");
        let writer = RecordWriter::start(dir.path()).expect("writable");
        writer.file(record(0));
        writer.flush();
        assert_eq!(names(dir.path()), ["call_CA1_1760700000000_queue.json", "call_CA1_1760700000000_transcript.json"]);
        let queue = json(&dir.path().join("call_CA1_1760700000000_queue.json"));
        let transcript = json(Path::new(queue["transcript_file"].as_str().expect("a path")));
        assert_eq!(transcript["id"], queue["id"]);
        assert_eq!(writer.lost(), 0);
        assert_eq!(writer.shared.waiting_bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn names_that_are_taken_are_never_written_over() {
        let dir = tempfile::tempdir().expect("a directory");
        let writer = RecordWriter::start(dir.path()).expect("writable");
        let foreign = dir.path().join("call_CA1_1760700000001_queue.json");
        fs::write(&foreign, "somebody's").expect("writable");
        fs::write(dir.path().join(".call_CA1_1760700000002_transcript.json.tmp"), "being written").expect("writable");
        let records = [record(0), record(0), record(0)];
        let calls: BTreeSet<String> = records.iter().map(|r| r.call().to_string()).collect();
        records.into_iter().for_each(|record| writer.file(record));
        writer.flush();
        let mut filed = BTreeSet::new();
        for ms in [0, 3, 4] {
            let stem = format!("call_CA1_{}", 1_760_700_000_000_i64 + ms);
            let transcript = json(&dir.path().join(format!("{stem}_transcript.json")));
            let queue = json(&dir.path().join(format!("{stem}_queue.json")));
            assert_eq!(transcript["timestamp"], 1_760_700_000_000_i64 + ms);
            assert_eq!(transcript["id"], queue["id"]);
            filed.insert(transcript["id"].as_str().expect("an id").to_owned());
        }
        assert_eq!(filed, calls);
        assert_eq!(fs::read_to_string(foreign).expect("still there"), "somebody's");
    }

    #[test]
    fn many_hands_file_at_once_and_nothing_is_lost() {
        let dir = tempfile::tempdir().expect("a directory");
        let writer = RecordWriter::start(dir.path()).expect("writable");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let writer = writer.clone();
                scope.spawn(move || (0..10).for_each(|n| writer.file(record(n % 3))));
            }
        });
        writer.flush();
        assert_eq!(names(dir.path()).len(), 80);
    }

    #[test]
    fn a_directory_that_was_cleared_away_is_made_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let records = dir.path().join("deep/calls");
        let writer = RecordWriter::start(&records).expect("writable");
        fs::remove_dir_all(&records).expect("ours");
        writer.file(record(0));
        writer.flush();
        assert_eq!((names(&records).len(), writer.lost()), (2, 0));
    }

    #[test]
    fn what_cannot_be_written_is_given_up_and_counted_and_the_next_goes_on() {
        let dir = tempfile::tempdir().expect("a directory");
        let records = dir.path().join("calls");
        let writer = RecordWriter::start(&records).expect("writable");
        fs::remove_dir_all(&records).expect("ours");
        fs::write(&records, "a file where the directory was").expect("writable");
        writer.file(record(0));
        writer.flush();
        assert_eq!(writer.lost(), 1);
        fs::remove_file(&records).expect("ours");
        writer.file(record(1));
        writer.flush();
        assert_eq!((names(&records).len(), writer.lost()), (2, 1));
    }

    #[test]
    fn a_full_queue_gives_up_the_newest_and_counts_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let writer = RecordWriter::start(dir.path()).expect("writable");
        writer.shared.waiting_bytes.fetch_add(MOST_WAITING, Ordering::Relaxed);
        writer.file(record(0));
        writer.flush();
        assert_eq!((names(dir.path()).len(), writer.lost()), (0, 1));
        writer.shared.waiting_bytes.fetch_sub(MOST_WAITING, Ordering::Relaxed);
        writer.file(record(0));
        writer.flush();
        assert_eq!((names(dir.path()).len(), writer.lost()), (2, 1));
    }

    #[test]
    fn a_directory_that_cannot_be_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("a-file");
        fs::write(&file, "").expect("writable");
        let told = RecordWriter::start(&file.join("calls")).expect_err("a file is no directory").to_string();
        assert!(told.contains("records.dir") && told.contains("a-file/calls"), "{told}");
    }

    #[cfg(unix)]
    #[test]
    fn strangers_cannot_read_a_record() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a directory");
        let writer = RecordWriter::start(dir.path()).expect("writable");
        writer.file(record(0));
        writer.flush();
        for name in names(dir.path()) {
            let mode = fs::metadata(dir.path().join(&name)).expect("there").permissions().mode();
            assert_eq!(mode & 0o007, 0, "{name}");
        }
    }

    /// The record of a wordless call that was filed so many milliseconds after it began.
    fn record(after_ms: i64) -> Record {
        let (identity, brief) = (identity(), brief());
        let filed_at: DateTime<_> = identity.started_at + TimeDelta::milliseconds(after_ms);
        Record::new(Closing {
            identity: &identity,
            brief: &brief,
            conversation: ConversationLog::new(crate::clock::now()).conversation(),
            ending: Ending::CallerHungUp,
            tally: Tally::default(),
            duration: Duration::ZERO,
            filed_at,
        })
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    fn json(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
    }
}
