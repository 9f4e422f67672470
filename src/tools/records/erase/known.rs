//! Everything that refers to a call: its record, the copy in the second set, journals, and
//! deliveries on disk and in the shared queue.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::{Value, json};
use switchboard_actors::delivery::case::Case;
use switchboard_actors::delivery::queue::{Location, SharedQueue};
use switchboard_actors::transcript::journal::folder::{Orphans, ROOT, orphans};
use switchboard_actors::transcript::recovery;

use crate::service::config::Kept;
use crate::tools::records::folders::{Call, RecordFolders, TRANSCRIPT, files, folders_of, journaled, name, transcript};

/// One item that refers to a call.
#[derive(Debug)]
pub(super) struct Known {
    /// The item's content and its file.
    pub(super) call: Call,
    /// The kind of item.
    pub(super) source: Source,
}

/// The kinds of items that refer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The call's record.
    Record,
    /// The copy of the record in the second set.
    Copy,
    /// The journal of a live call.
    Live,
    /// A journal whose process is gone, or that was kept aside.
    Journal,
    /// A delivery on disk.
    Delivery,
    /// A delivery in the shared queue.
    Shared(Location),
}

/// All items.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) known: Vec<Known>,
    /// Items that could not be read, and that may belong to any caller.
    pub(super) problems: Vec<String>,
    /// The shared queue, if there is one.
    pub(super) queue: Option<SharedQueue>,
    /// Keeps a service that starts meanwhile from turning journals into records while they are
    /// being erased.
    orphans: Vec<Orphans>,
}

/// Reads everything that refers to a call.
///
/// # Errors
/// Fails if a folder cannot be read, or if the shared queue cannot be reached: its content would be
/// unknown.
pub(super) fn gather(dirs: &RecordFolders, config: &Kept) -> Result<Gathered, String> {
    let mut all = Gathered::default();
    if let Some(url) = &config.delivery.redis_url {
        let unreachable = |problem: String| {
            format!("cannot reach the shared queue (delivery.redis_url): {problem}; nothing was erased")
        };
        let mut queue = SharedQueue::connect(url.expose()).map_err(|error| unreachable(error.to_string()))?;
        for queued in queue.cases().map_err(|error| unreachable(error.to_string()))? {
            all.add(Source::Shared(queued.place), PathBuf::new(), of_case(&queued.case));
        }
        all.queue = Some(queue);
    }
    all.read_folders(dirs)
        .map_err(|error| format!("{error}; check the permissions of `records.dir` = {}", dirs.dir().display()))?;
    Ok(all)
}

impl Gathered {
    fn add(&mut self, source: Source, path: PathBuf, transcript: Value) {
        self.known.push(Known { call: Call { path, transcript }, source });
    }

    fn read_folders(&mut self, dirs: &RecordFolders) -> io::Result<()> {
        let found = dirs.calls()?;
        self.problems.extend(found.problems);
        self.known.extend(found.calls.into_iter().map(|call| Known { call, source: Source::Record }));
        for folder in dirs.second_set()? {
            for path in files(&folder)?.into_iter().filter(|path| name(path).ends_with(TRANSCRIPT)) {
                match transcript(&path) {
                    Ok(text) => self.add(Source::Copy, path, text),
                    Err(problem) => self.problems.push(problem),
                }
            }
        }
        self.read_journals(dirs)?;
        for folder in folders_of(&dirs.deliveries())? {
            for path in files(&folder)? {
                // Other files are identified by their name and by the ids inside.
                if let Some(case) = fs::read(&path).ok().and_then(|text| Case::read(&text).ok()) {
                    self.add(Source::Delivery, path, of_case(&case));
                }
            }
        }
        Ok(())
    }

    fn read_journals(&mut self, dirs: &RecordFolders) -> io::Result<()> {
        self.orphans = orphans(dirs.dir())?;
        let left: Vec<PathBuf> = self.orphans.iter().flat_map(|process| process.journals.clone()).collect();
        let aside = dirs.aside();
        for folder in folders_of(&dirs.dir().join(ROOT))? {
            for path in files(&folder)?.into_iter().filter(|path| is_journal(path)) {
                let kept = folder == aside || left.contains(&path);
                if let Some(call) = journaled(&path) {
                    let source = if kept { Source::Journal } else { Source::Live };
                    self.known.push(Known { call, source });
                }
            }
        }
        let unreadable = files(&aside)?.iter().filter(|path| ends(path, recovery::UNREADABLE)).count();
        if unreadable > 0 {
            let what = if unreadable == 1 { "1 journal" } else { &format!("{unreadable} journals") };
            self.problems.push(format!(
                "{what} in {} cannot be read and may belong to any call; look and remove it by hand",
                aside.display()
            ));
        }
        Ok(())
    }
}

/// Formats a delivery like the record of its call.
fn of_case(case: &Case) -> Value {
    let call = &case.notice.call;
    json!({
        "id": call.id,
        "ucid": call.carrier_call_id,
        "from": call.from,
        "to": call.to,
        "direction": call.direction,
        "call_start_time": call.started_at.map(|at| at.timestamp_millis()),
        "record": case.notice.record.as_ref().map(|files| files.transcript.clone()),
    })
}

fn is_journal(path: &Path) -> bool {
    ends(path, "journal") || ends(path, recovery::TORN)
}

fn ends(path: &Path, with: &str) -> bool {
    path.extension().is_some_and(|end| end == with)
}
