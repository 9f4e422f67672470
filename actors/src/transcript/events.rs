//! Log events and counters of records and their journals.

use log::{debug, error, info, warn};
use metrics::counter;

use crate::events::{Emit, TARGET};
use crate::ids::CallTag;

/// Something that is logged and counted.
#[derive(Debug)]
pub enum Event<'a> {
    /// A call's record is on disk.
    RecordWritten {
        /// The call.
        call: &'a CallTag,
        /// The transcript file.
        path: &'a str,
    },
    /// The disk refused a call's record; the writer tries again.
    RecordDelayed {
        /// The call.
        call: &'a CallTag,
        /// Why.
        problem: &'a str,
    },
    /// The writer gave up a call's record.
    RecordFailed {
        /// The call.
        call: &'a CallTag,
        /// Why, and what to do about it.
        problem: &'a str,
    },
    /// A call's record is not on disk; the next start makes it from the journal.
    RecordDeferred {
        /// The call.
        call: &'a CallTag,
        /// Why.
        problem: &'a str,
    },
    /// A journal of a dead process became a record.
    RecordRecovered {
        /// The call.
        call: &'a CallTag,
        /// The transcript file.
        path: &'a str,
    },
    /// The end of a recovered journal could not be read; it is kept aside.
    JournalTorn {
        /// The call.
        call: &'a CallTag,
        /// Where it is kept.
        path: &'a str,
        /// What could not be read.
        bytes: usize,
        /// Why.
        why: &'static str,
    },
    /// A journal of a dead process cannot be read at all; it is moved aside.
    JournalUnreadable {
        /// Where it is kept.
        path: &'a str,
        /// Why.
        why: &'static str,
    },
    /// A journal of a dead process could not become a record yet.
    JournalUnrecovered {
        /// The journal.
        path: &'a str,
        /// Why.
        problem: &'a str,
    },
    /// The folder of journals could not be read.
    JournalsUnread {
        /// Why.
        problem: &'a str,
    },
    /// The disk refused a step for a call's journal. The call goes on.
    JournalFailed {
        /// The call.
        call: &'a CallTag,
        /// The step: `journal_write`, `journal_sync` or `journal_remove`.
        step: &'static str,
        /// The reason; only for the first of several failures in a row.
        problem: Option<&'a str>,
    },
    /// A call's journal lacks an entry: too much waits for the disk, or the entry is too long.
    JournalGap {
        /// The call.
        call: &'a CallTag,
    },
    /// The disk has no room for records at the start. The service accepts calls all the same.
    RecordsUnwritable {
        /// The error and its path.
        problem: &'a str,
    },
    /// Journals of another process that shared the folder became records.
    OthersRecovered {
        /// Records that were filed.
        filed: usize,
        /// The part of `filed` whose journals had a torn end.
        torn: usize,
        /// Journals that could not be read and are kept aside.
        unreadable: usize,
    },
}

impl Emit for Event<'_> {
    fn emit(self) {
        match self {
            Self::RecordWritten { call, path } => {
                counter!("switchboard_records_total", "result" => "written").increment(1);
                info!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), path; "record written");
            }
            Self::RecordDelayed { call, problem } => {
                counter!("switchboard_records_failed_total", "step" => "file").increment(1);
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), problem; "record delayed");
            }
            Self::RecordFailed { call, problem } => {
                counter!("switchboard_records_total", "result" => "failed").increment(1);
                error!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), problem; "record not written");
            }
            Self::RecordDeferred { call, problem } => {
                counter!("switchboard_records_total", "result" => "deferred").increment(1);
                error!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), problem; "record left to its journal");
            }
            Self::RecordRecovered { call, path } => {
                counter!("switchboard_records_total", "result" => "recovered").increment(1);
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), path; "record recovered");
            }
            Self::JournalTorn { call, path, bytes, why } => {
                warn!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), path, bytes, why; "journal cut");
            }
            Self::JournalUnreadable { path, why } => {
                counter!("switchboard_records_failed_total", "step" => "recover").increment(1);
                error!(target: TARGET, path, why; "journal not readable");
            }
            Self::JournalUnrecovered { path, problem } => {
                counter!("switchboard_records_failed_total", "step" => "recover").increment(1);
                error!(target: TARGET, path, problem; "journal not recovered");
            }
            Self::JournalsUnread { problem } => {
                counter!("switchboard_records_failed_total", "step" => "recover").increment(1);
                error!(target: TARGET, problem; "folder of journals not read");
            }
            Self::JournalFailed { call, step, problem } => {
                counter!("switchboard_records_failed_total", "step" => step).increment(1);
                if let Some(problem) = problem {
                    error!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(), step, problem; "journal not written");
                }
            }
            Self::JournalGap { call } => {
                counter!("switchboard_journal_gaps_total").increment(1);
                debug!(target: TARGET, call:% = call.id(), carrier_call = call.carrier_call(); "an entry is missing in the journal");
            }
            Self::RecordsUnwritable { problem } => {
                error!(target: TARGET, problem; "the records' disk is full; records wait in memory: free some space");
            }
            Self::OthersRecovered { filed, torn, unreadable } => {
                warn!(target: TARGET, filed, torn, unreadable; "recovered calls of another process that did not end in order");
            }
        }
    }
}
