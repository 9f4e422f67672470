//! Enforces the limits of `[records.retention]`, on a thread that carries no call.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use log::{debug, info, warn};
use metrics::counter;
use serde_json::Value;
use switchboard_actors::background;
use switchboard_actors::delivery::queue::{Location, SharedQueue};
use switchboard_actors::erasure::{Erasures, KEPT};
use switchboard_actors::ids::Private;
use switchboard_actors::transcript::record::name_part;

use super::folders::{QUEUE, RecordFolders, TRANSCRIPT, files, folders_of, name, transcript};
use super::index;
use super::owners::{Owners, is_sound, our_id, recordings_of};
use crate::service::config::{DeliveryQueue, Keep, Recording, Records, Retention};

/// The sweeping thread. It ends when this value is dropped.
#[derive(Debug)]
pub struct Sweep {
    _stop: mpsc::Sender<()>,
}

impl Sweep {
    /// Starts sweeping: once now, and every ten minutes if a limit is set. Returns `None` if the
    /// system cannot create a thread; then old files stay, and no record is lost.
    pub fn start(records: &Records, recording: &Recording, delivery: &DeliveryQueue) -> Option<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let (dirs, retention) = (RecordFolders::new(records, recording), records.retention);
        let shared = delivery.redis_url.clone();
        let sweep = move || {
            loop {
                sweep(&dirs, &retention, shared.as_ref(), SystemTime::now());
                let wait = if retention == Retention::default() { FOR_EVER } else { EVERY };
                if !matches!(stopped.recv_timeout(wait), Err(mpsc::RecvTimeoutError::Timeout)) {
                    return;
                }
            }
        };
        match background::spawn("retention", None, sweep) {
            Ok(_) => Some(Self { _stop: stop }),
            Err(problem) => {
                warn!(problem:%; "no thread for the limits of records; nothing is removed");
                None
            }
        }
    }
}

/// A file with its age and size.
struct Aged {
    path: PathBuf,
    at: SystemTime,
    bytes: u64,
}

/// Removes files that exceed their limits. `shared` is the address of the queue that several nodes
/// share.
fn sweep(dirs: &RecordFolders, retention: &Retention, shared: Option<&Private<String>>, now: SystemTime) {
    let outcome = || -> io::Result<()> {
        let all = files(dirs.dir())?;
        remove("temporary", &abandoned(&all, now));
        Erasures::of(dirs.dir()).sweep(KEPT, now)?;
        if *retention == Retention::default() {
            return Ok(());
        }
        forget(dirs, &over(&ending(&all, TRANSCRIPT), retention.transcripts, now), shared)?;
        if retention.transcripts != Keep::default() {
            let (queue, sounds): (Vec<_>, Vec<_>) =
                orphans(dirs, now)?.into_iter().partition(|path| name(path).ends_with(QUEUE));
            remove("queue", &queue);
            remove("recordings", &sounds);
        }
        if retention.queue != Keep::default() {
            let done: Vec<PathBuf> =
                ending(&files(dirs.dir())?, QUEUE).into_iter().filter(|path| is_done(path)).collect();
            remove("queue", &self::over(&done, retention.queue, now));
        }
        let recordings: Vec<PathBuf> =
            dirs.recordings()?.into_iter().filter(|path| !is_being_written(path, now)).collect();
        // Every record is younger than this. An older recording has no record any more, so it could
        // not be found by its caller.
        let unrecorded = retention.transcripts.age.map(|age| age + LONGEST_CALL);
        remove("recordings", &self::over(&recordings, Keep { age: unrecorded, size: None }, now));
        remove("recordings", &self::over(&recordings, retention.recordings, now));
        remove("journals", &self::over(&files(&dirs.aside())?, retention.journals, now));
        Ok(())
    };
    if let Err(problem) = outcome() {
        warn!(problem:%; "records not looked through for their limits; the next round tries again");
    }
}

/// Removes all files of the calls whose transcripts exceed their limit. The transcripts go last:
/// after an interruption, the next round finds the rest through them.
fn forget(dirs: &RecordFolders, transcripts: &[PathBuf], shared: Option<&Private<String>>) -> io::Result<()> {
    if transcripts.is_empty() {
        return Ok(());
    }
    let mut owners = Owners::default();
    let mut ids = Vec::new();
    for (number, path) in transcripts.iter().enumerate() {
        // If a transcript cannot be read, its files are found by the common prefix alone.
        let mut record = transcript(path).unwrap_or_default();
        keep_own_names(&mut record);
        ids.push(record["id"].as_str().and_then(our_id));
        owners.add(number, Some(name(path)), &record, ids[number].as_deref());
    }
    if let Some(url) = shared {
        // If the queue cannot be reached, its content is unknown. The transcripts then stay, and
        // the next round finds the rest through them.
        let gone = ids.iter().flatten().map(String::as_str).collect();
        forget_shared(url, &gone)?;
    }
    let is_own = |path: &PathBuf| !owners.of(name(path)).is_empty() && !transcripts.contains(path);
    let own = |folder: &Path| -> io::Result<Vec<PathBuf>> { Ok(files(folder)?.into_iter().filter(is_own).collect()) };
    for folder in dirs.second_set()? {
        remove("second_set", &own(&folder)?);
    }
    let marks = Erasures::of(dirs.dir());
    for folder in folders_of(&dirs.deliveries())? {
        let gone = own(&folder)?;
        // A pending delivery is also in the memory of the service.
        for number in gone.iter().flat_map(|path| owners.of(name(path))) {
            if let Some(id) = ids[number].as_ref().filter(|_| matches!(name(&folder), "pending" | "shared")) {
                marks.mark(id)?;
            }
        }
        remove("deliveries", &gone);
    }
    for folder in dirs.sounds() {
        let (sounds, others): (Vec<_>, Vec<_>) = own(&folder)?.into_iter().partition(|path| is_sound(name(path)));
        remove("recordings", &sounds);
        // A queue file without its transcript would only fail.
        remove("queue", &others);
    }
    remove("transcripts", transcripts);
    let names: Vec<String> = transcripts.iter().map(|path| name(path).to_owned()).collect();
    if let Err(problem) = index::forget(dirs.dir(), &names) {
        // The service's own look at the folder finds that they are gone.
        warn!(problem:%; "not removed from the index of past calls yet");
    }
    Ok(())
}

/// Removes these calls from the shared queue, by Switchboard's ids. Each call is marked first, so
/// that no node writes it back.
fn forget_shared(url: &Private<String>, calls: &BTreeSet<&str>) -> io::Result<()> {
    if calls.is_empty() {
        return Ok(());
    }
    let mut queue = SharedQueue::connect(url.expose()).map_err(unreachable)?;
    for call in calls {
        queue.mark(call).map_err(unreachable)?;
        queue.remove(&[], Some(call)).map_err(unreachable)?;
    }
    let cases = queue.cases().map_err(unreachable)?;
    let places: Vec<Location> =
        cases.into_iter().filter(|it| calls.contains(&*it.case.notice.call.id)).map(|it| it.place).collect();
    queue.remove(&places, None).map_err(unreachable)
}

fn unreachable(problem: impl Display) -> io::Error {
    io::Error::other(format!("reach the shared queue (delivery.redis_url): {problem}"))
}

/// Recordings and queue files of calls that have no record and will not get one. They could not be
/// found by their caller.
fn orphans(dirs: &RecordFolders, now: SystemTime) -> io::Result<Vec<PathBuf>> {
    let records = files(dirs.dir())?;
    let known: HashSet<&str> = records
        .iter()
        .map(|path| name(path))
        .filter(|name| name.ends_with(TRANSCRIPT))
        .filter_map(carrier_part)
        .collect();
    let queue = ending(&records, QUEUE);
    let all = dirs.recordings()?.into_iter().chain(queue).filter(|path| !is_being_written(path, now));
    let old = |path: &PathBuf| {
        aged(path).is_some_and(|file| now.duration_since(file.at).is_ok_and(|passed| passed > LONGEST_CALL))
    };
    let mut orphans: Vec<PathBuf> =
        all.filter(|path| old(path) && carrier_part(name(path)).is_some_and(|part| !known.contains(part))).collect();
    if !orphans.is_empty() {
        // A crash may have left the call's journal, which the next start turns into the record.
        let waiting: HashSet<String> = dirs.unfinished()?.iter().map(|call| name_part(call.carrier_id())).collect();
        orphans.retain(|path| carrier_part(name(path)).is_none_or(|part| !waiting.contains(part)));
    }
    Ok(orphans)
}

/// The carrier's id in a file name of the form `call_{id}_{moment}_…`.
fn carrier_part(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("call_")?;
    let (end, _) = rest.match_indices(['_', '.']).find(|(at, _)| {
        let moment = rest[at + 1..].split(['_', '.']).next().unwrap_or_default();
        moment.parse::<u64>().is_ok_and(|ms| (FIRST_MS..LAST_MS).contains(&ms))
    })?;
    Some(&rest[..end])
}

/// Keeps only those file names in a record that begin like its call's files: a record from another
/// producer may name any file.
fn keep_own_names(record: &mut Value) {
    let stem = format!("call_{}_", name_part(record["ucid"].as_str().unwrap_or_default()));
    let own: Vec<String> = recordings_of(record).filter(|name| name.starts_with(&stem)).map(str::to_owned).collect();
    if let Some(record) = record.as_object_mut() {
        record.remove("recording");
        record.insert("recordings".to_owned(), own.into());
    }
}

fn is_being_written(path: &Path, now: SystemTime) -> bool {
    let changed = fs::metadata(path).and_then(|about| about.modified()).ok();
    changed.and_then(|at| now.duration_since(at).ok()).is_some_and(|passed| passed < STILL)
}

/// Returns those of `paths` that are too old, or that exceed the total size.
fn over(paths: &[PathBuf], keep: Keep, now: SystemTime) -> Vec<PathBuf> {
    if keep == Keep::default() {
        return Vec::new();
    }
    let mut aged: Vec<Aged> = paths.iter().filter_map(|path| aged(path)).collect();
    aged.sort_by_key(|file| file.at);
    let mut bytes: u64 = aged.iter().map(|file| file.bytes).sum();
    let mut gone = Vec::new();
    for file in aged {
        let old = keep.age.is_some_and(|age| now.duration_since(file.at).is_ok_and(|passed| passed > age));
        let much = keep.size.is_some_and(|most| bytes > most as u64);
        if old || much {
            bytes -= file.bytes;
            gone.push(file.path);
        }
    }
    gone
}

/// The time of a file: the one in its name, which copying does not change, or else its last
/// modification.
fn aged(path: &Path) -> Option<Aged> {
    let about = fs::metadata(path).ok()?;
    let named = name(path).strip_prefix("call_").and_then(|rest| {
        let mut parts = rest.rsplit(['_', '.']);
        parts.find_map(|part| part.parse::<u64>().ok().filter(|ms| (FIRST_MS..LAST_MS).contains(ms)))
    });
    let at = match named {
        Some(ms) => SystemTime::UNIX_EPOCH + Duration::from_millis(ms),
        None => about.modified().ok()?,
    };
    Some(Aged { path: path.to_owned(), at, bytes: about.len() })
}

fn ending(all: &[PathBuf], end: &str) -> Vec<PathBuf> {
    all.iter().filter(|path| name(path).starts_with("call_") && name(path).ends_with(end)).cloned().collect()
}

/// Temporary files of a process that died while writing.
fn abandoned(all: &[PathBuf], now: SystemTime) -> Vec<PathBuf> {
    let left = |path: &&PathBuf| {
        let temporary = name(path).starts_with(".call_") && name(path).ends_with(".tmp");
        let changed = || fs::metadata(path).and_then(|about| about.modified()).ok();
        temporary && changed().and_then(|at| now.duration_since(at).ok()).is_some_and(|passed| passed > WRITING_TAKES)
    };
    all.iter().filter(left).cloned().collect()
}

fn is_done(queue: &Path) -> bool {
    let file: Option<Value> = fs::read(queue).ok().and_then(|text| serde_json::from_slice(&text).ok());
    file.is_some_and(|file| matches!(file["status"].as_str(), Some("completed" | "failed")))
}

fn remove(kind: &'static str, paths: &[PathBuf]) {
    let mut removed = HashMap::<&str, u64>::new();
    for path in paths {
        match fs::remove_file(path) {
            Ok(()) => {
                *removed.entry(kind).or_default() += 1;
                debug!(kind, path:% = path.display(); "removed by its limit");
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(problem) => warn!(kind, path:% = path.display(), problem:%; "not removed"),
        }
    }
    for (kind, files) in removed {
        counter!("switchboard_records_removed_total", "kind" => kind).increment(files);
        info!(kind, files; "removed by their limits");
    }
}

/// Interval between two rounds; the precision of every limit.
const EVERY: Duration = Duration::from_secs(600);
/// Wait of a thread without limits, until the service ends.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// A recording unchanged for this long is finished: its header is written every two seconds.
const STILL: Duration = Duration::from_secs(60);
/// Maximum time for a call and for writing its record.
const LONGEST_CALL: Duration = Duration::from_secs(25 * 3600);
/// A temporary file older than this has no writer any more.
const WRITING_TAKES: Duration = Duration::from_secs(3600);
/// Numbers that can be a time in milliseconds: from 2001 to 2286.
const FIRST_MS: u64 = 1_000_000_000_000;
const LAST_MS: u64 = 10_000_000_000_000;

#[cfg(test)]
mod tests;
