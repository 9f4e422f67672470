//! The index of records: which calls there were and what was said in them, for filters and
//! full-text search over years of calls.
//!
//! The files are the truth. The index is made of them, kept up as calls end, and made anew when it
//! is missing or damaged. It is a SQLite database beside the records, which several processes may
//! share.
//!
//! - [`entry`] (pure) is what the index knows of a record.
//! - [`words`] (pure) spells words so that a search finds them, and reads a search.
//! - [`store`] is the database.
//! - [`keeper`] is the thread that keeps it up, and [`reader`] the one that answers questions. No other
//!   thread of the service waits for its disk.
//! - [`command`] is `switchboard records index`.

pub(super) mod command;
mod entry;
mod keeper;
mod reader;
mod store;
mod words;

use std::path::Path;

pub use self::entry::{Listed, of_record};
pub use self::keeper::RecordsIndex;
pub use self::reader::IndexTrouble;
pub use self::store::{Page, Wanted};
use self::store::{Store, Trouble};
pub use self::words::search;

/// Removes records from the index of a folder, by the names of their transcripts. An index that is
/// damaged is removed as a whole: the service makes it anew from the files that are left.
///
/// # Errors
/// In words, when the disk refuses.
pub(super) fn forget(dir: &Path, names: &[String]) -> Result<(), String> {
    let folder = dir.join(FOLDER);
    if names.is_empty() || !Store::exists(&folder) {
        return Ok(());
    }
    let forget = || {
        let mut store = Store::open(&folder)?;
        store.remove(names)?;
        store.settle()
    };
    match forget() {
        Ok(()) => Ok(()),
        Err(Trouble::Damaged(_)) => Store::discard(&folder).map_err(|problem| problem.to_string()),
        Err(Trouble::Failed(problem)) => Err(problem),
    }
}

/// The folder of the index, within the records.
const FOLDER: &str = "index";

#[cfg(test)]
mod tests;
