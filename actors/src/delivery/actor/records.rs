//! Finds new queue files in the folder of records.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::time::SystemTime;

use actix::Context;

use super::Delivery;
use crate::clock;
use crate::delivery::events::Event;
use crate::delivery::notice::{Kind, Notice};
use crate::events::emit;

/// The last look at a folder.
#[derive(Default)]
pub(super) struct Watch {
    /// The folder's modification time at that moment.
    changed: Option<SystemTime>,
    /// Whether the folder had just changed: a file created in the same instant does not change its
    /// time again.
    pub(super) again: bool,
}

impl Watch {
    /// Whether a folder with the modification time `changed` has to be read.
    pub(super) fn is_due(&mut self, changed: Option<SystemTime>) -> bool {
        if changed == self.changed && !self.again {
            return false;
        }
        self.again = changed != self.changed;
        self.changed = changed;
        true
    }
}

/// Hashes of the names that were read, eight bytes each: a busy service's folder has a hundred
/// thousand. Two names collide with a chance of one in 10¹⁴, and the next start reads all names
/// again.
#[derive(Default)]
pub(super) struct Seen {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    fn hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(name)
    }
}

impl Delivery {
    /// Takes new queue files, and those that a dead process was working on.
    pub(super) fn look_for_records(&mut self, ctx: &mut Context<Self>) -> io::Result<()> {
        if !self.records.is_due(self.store.changed_at()) {
            return Ok(());
        }
        let mut there = HashSet::with_capacity(self.seen.hashes.len());
        let mut fresh = Vec::new();
        let store = self.store.clone();
        let listed = store.each_queue(|name| {
            let hash = self.seen.hash(&name);
            there.insert(hash);
            if !self.seen.hashes.contains(&hash) {
                fresh.push(name);
            }
            // A folder full of old records does not fit into memory as a whole.
            if fresh.len() >= MOST_AT_ONCE {
                self.open_all(&mut fresh, ctx);
            }
        });
        self.open_all(&mut fresh, ctx);
        if listed.is_ok() {
            self.seen.hashes = there;
        }
        listed
    }

    fn open_all(&mut self, fresh: &mut Vec<String>, ctx: &mut Context<Self>) {
        fresh.sort();
        for name in fresh.drain(..) {
            match self.store.open_queue(&name) {
                Ok(Some(notices)) => notices.into_iter().for_each(|notice| self.take_from_record(notice, ctx)),
                Ok(None) => {}
                // Erased, or removed by retention, since the folder was read.
                Err(problem) if problem.kind() == io::ErrorKind::NotFound && !self.store.has_queue(&name) => {}
                Err(problem) => emit(Event::QueueUnreadable { name: &name, problem: &problem.to_string() }),
            }
            let hash = self.seen.hash(&name);
            self.seen.hashes.insert(hash);
        }
    }

    fn take_from_record(&mut self, notice: Notice, ctx: &mut Context<Self>) {
        if notice.kind == Kind::TranscriptReady {
            // A crash came between the end of the case and its mark in the queue file.
            if !self.cases.contains_key(notice.id.as_str())
                && let Ok(Some(case)) = self.store.find(&notice.id)
            {
                self.mark(&case);
            }
            return self.take(notice, ctx);
        }
        // The call itself has usually reported it. An old notice was delivered long ago and its
        // case removed.
        let age = (clock::wall() - notice.at).to_std().unwrap_or_default();
        if age < self.plan.keep / 2 {
            self.take(notice, ctx);
        }
    }
}

/// The most names of new queue files in memory.
const MOST_AT_ONCE: usize = 1024;
