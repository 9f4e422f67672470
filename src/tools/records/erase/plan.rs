//! Decides what is erased and what stays, before anything changes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use switchboard_actors::delivery::queue::Location;
use switchboard_actors::numbers::{Likeness, Numbering};

use super::known::{Gathered, Known, Source};
use crate::tools::records::folders::{Call, RecordFolders, TRANSCRIPT, files, folders_of, name};
use crate::tools::records::owners::{Owners, is_of_carrier_id, our_id, recordings_of};

/// The records to erase.
#[derive(Debug)]
pub(super) enum Wanted {
    /// All records of one caller.
    Caller {
        /// The number as the operator wrote it.
        number: String,
        /// Spellings that belong to the caller too.
        also: Vec<String>,
        /// Spellings that belong to someone else.
        leave: Vec<String>,
    },
    /// One call, by the carrier's id or Switchboard's.
    Call(String),
}

impl Wanted {
    fn likeness(&self, call: &Call, numbering: Numbering) -> Likeness {
        match self {
            Self::Caller { number, also, leave } => {
                let other_party = call.other_party().trim();
                if also.iter().any(|spelling| spelling.trim() == other_party) {
                    return Likeness::Same;
                }
                let likeness = numbering.compare(number, other_party);
                let left = leave.iter().any(|spelling| spelling.trim() == other_party);
                if left && likeness == Likeness::Perhaps { Likeness::Other } else { likeness }
            }
            Self::Call(id) => {
                let ours = our_id(id).is_some_and(|id| id == call.id());
                let is = ours || call.carrier_id() == id || call.transcript["id"] == *id.as_str();
                if is { Likeness::Same } else { Likeness::Other }
            }
        }
    }
}

/// What will be erased.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Number of calls.
    pub(super) calls: usize,
    /// Switchboard's ids of these calls, which will be marked.
    pub(super) ids: BTreeSet<String>,
    /// Files, and whether they are removed last: after an interruption, a second run finds the rest
    /// through them.
    pub(super) files: BTreeMap<PathBuf, Last>,
    /// Entries of these calls in the shared queue.
    pub(super) places: BTreeSet<Location>,
    /// Calls that may be the caller's: the number as written in the record, and the carrier's id.
    pub(super) perhaps: Vec<(String, String)>,
    /// Problems that prevent a complete erasure.
    pub(super) problems: Vec<String>,
    /// Notes for the operator.
    pub(super) notes: Vec<String>,
}

/// When a file is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Last {
    /// Together with the rest.
    No,
    /// After the rest, and only if all of it is gone.
    Yes,
}

/// The decision for each known item.
struct Verdict<'a> {
    known: &'a [Known],
    likeness: Vec<Likeness>,
    /// Ids that occur in records of different callers. They identify no call.
    disputed: HashSet<&'a str>,
}

/// Decides what is erased. Changes nothing.
///
/// # Errors
/// Fails if a folder cannot be read.
pub(super) fn plan(dirs: &RecordFolders, all: &Gathered, wanted: &Wanted, numbering: Numbering) -> io::Result<Plan> {
    let mut plan = Plan::default();
    let verdict = Verdict::of(&all.known, wanted, numbering);
    let live = verdict.live(&mut plan);
    let gone: Vec<bool> = (0..all.known.len())
        .map(|n| verdict.likeness[n] == Likeness::Same && !live.contains(&key_of(&all.known[n].call)))
        .collect();
    verdict.count(&gone, &mut plan);
    let mut owners = Owners::default();
    for (n, known) in all.known.iter().enumerate() {
        let id = known.call.id();
        let believed = Some(id).filter(|id| !id.is_empty() && !verdict.disputed.contains(id));
        let transcript = Some(name(&known.call.path)).filter(|name| name.ends_with(TRANSCRIPT));
        owners.add(n, transcript, &known.call.transcript, believed);
        if gone[n] {
            plan.ids.extend(believed.map(str::to_owned));
            match &known.source {
                Source::Shared(place) => {
                    plan.places.insert(place.clone());
                }
                Source::Record => plan.take(&known.call.path, Last::Yes),
                Source::Copy | Source::Journal | Source::Delivery => plan.take(&known.call.path, Last::No),
                Source::Live => {}
            }
        }
    }
    let search = Search { owners: &owners, gone: &gone, known: &all.known, wanted };
    search.folders(dirs, &mut plan)?;
    search.missing(dirs, &mut plan);
    if !verdict.disputed.is_empty() && gone.iter().any(|gone| *gone) {
        plan.problems.push("records of different callers bear the same id; files that bear it were left".to_owned());
    }
    Ok(plan)
}

impl<'a> Verdict<'a> {
    fn of(known: &'a [Known], wanted: &Wanted, numbering: Numbering) -> Self {
        let mut likeness: Vec<Likeness> = known.iter().map(|it| wanted.likeness(&it.call, numbering)).collect();
        let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
        for (n, it) in known.iter().enumerate().filter(|(_, it)| !it.call.id().is_empty()) {
            by_id.entry(it.call.id()).or_default().push(n);
        }
        let mut disputed = HashSet::new();
        for (id, bearers) in by_id {
            let is_record = |n: &usize| matches!(known[*n].source, Source::Record | Source::Copy);
            let same = bearers.iter().any(|n| likeness[*n] == Likeness::Same);
            if same && bearers.iter().any(|n| likeness[*n] == Likeness::Other && is_record(n)) {
                disputed.insert(id);
            } else if same {
                bearers.iter().for_each(|n| likeness[*n] = Likeness::Same);
            }
        }
        Self { known, likeness, disputed }
    }

    /// Reports the live calls and leaves them out, because their records are not yet written.
    fn live(&self, plan: &mut Plan) -> HashSet<String> {
        let on = self.known.iter().zip(&self.likeness);
        let on = on.filter(|(it, likeness)| it.source == Source::Live && **likeness != Likeness::Other);
        let keys: BTreeMap<String, &str> = on.map(|(it, _)| (key_of(&it.call), it.call.carrier_id())).collect();
        for id in keys.values() {
            plan.problems.push(format!("the call {id} is on; erase again when it is over"));
        }
        keys.into_keys().collect()
    }

    fn count(&self, gone: &[bool], plan: &mut Plan) {
        let keys = |wanted: &dyn Fn(usize) -> bool| -> BTreeMap<String, (String, String)> {
            let chosen = self.known.iter().enumerate().filter(|(n, _)| wanted(*n));
            chosen
                .map(|(_, it)| (key_of(&it.call), (it.call.other_party().to_owned(), it.call.carrier_id().to_owned())))
                .collect()
        };
        plan.calls = keys(&|n| gone[n]).len();
        plan.perhaps = keys(&|n| self.likeness[n] == Likeness::Perhaps).into_values().collect();
    }
}

/// The key that joins several items of one call.
fn key_of(call: &Call) -> String {
    match call.id() {
        "" => call.transcript["record"]
            .as_str()
            .filter(|name| !name.is_empty())
            .map_or_else(|| name(&call.path).to_owned(), str::to_owned),
        id => id.to_owned(),
    }
}

impl Plan {
    fn take(&mut self, path: &Path, last: Last) {
        self.files.insert(path.to_owned(), last);
    }
}

/// Finds the files that belong to the erased calls.
struct Search<'a> {
    owners: &'a Owners,
    gone: &'a [bool],
    known: &'a [Known],
    wanted: &'a Wanted,
}

impl Search<'_> {
    fn folders(&self, dirs: &RecordFolders, plan: &mut Plan) -> io::Result<()> {
        let mut folders: BTreeSet<PathBuf> = dirs.sounds().into_iter().collect();
        folders.extend(dirs.second_set()?);
        for folder in folders {
            for path in files(&folder)? {
                self.judge(&path, &self.owners.of(name(&path)), plan);
            }
        }
        for folder in folders_of(&dirs.deliveries())? {
            for path in files(&folder)? {
                let mut owners = self.owners.of(name(&path));
                if owners.is_empty() && !plan.files.contains_key(&path) {
                    let text = fs::read(&path).unwrap_or_default();
                    owners = self.owners.within(&String::from_utf8_lossy(&text));
                }
                self.judge(&path, &owners, plan);
            }
        }
        for path in files(&dirs.aside())? {
            self.judge(&path, &self.owners.of(name(&path)), plan);
        }
        Ok(())
    }

    fn judge(&self, path: &Path, owners: &BTreeSet<usize>, plan: &mut Plan) {
        let going = owners.iter().filter(|n| self.gone[**n]).count();
        let orphan = || match self.wanted {
            Wanted::Call(id) => is_of_carrier_id(name(path), id),
            Wanted::Caller { .. } => false,
        };
        if going > 0 && going < owners.len() {
            plan.problems.push(format!("{} may be another call's too and was left", path.display()));
        } else if going > 0 || owners.is_empty() && orphan() {
            plan.files.entry(path.to_owned()).or_insert(Last::No);
        }
    }

    /// Reports recordings that a record names but that cannot be found.
    fn missing(&self, dirs: &RecordFolders, plan: &mut Plan) {
        let there: HashSet<&str> = plan.files.keys().map(|path| name(path)).collect();
        let named = self.known.iter().zip(self.gone).filter(|(it, gone)| **gone && it.source == Source::Record);
        let names: BTreeSet<&str> = named.flat_map(|(it, _)| recordings_of(&it.call.transcript)).collect();
        let folders: Vec<String> = dirs.sounds().iter().map(|folder| folder.display().to_string()).collect();
        for name in names.into_iter().filter(|name| !there.contains(name)) {
            plan.notes.push(format!("the recording {name} is not in {}", folders.join(", nor in ")));
        }
    }
}
