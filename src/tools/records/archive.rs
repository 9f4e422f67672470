//! The records as the service reads them, for the console: past calls by filter, one record, one
//! recording.

use std::io;
use std::path::PathBuf;

use log::warn;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::folders::{RecordFolders, transcript};
use super::index::{IndexTrouble, Page, RecordsIndex, Wanted};
use super::owners::recordings_of;
use crate::service::config::{Recording, Records};

/// The records of the service, cheap to clone.
#[derive(Debug, Clone)]
pub struct Archive {
    dirs: RecordFolders,
    index: RecordsIndex,
}

impl Archive {
    /// Opens the records and starts to keep their index. Returns `None` if the system cannot create a
    /// thread; then past calls cannot be looked through, and no record is lost.
    pub fn start(records: &Records, recording: &Recording) -> Option<Self> {
        match RecordsIndex::start(&records.dir) {
            Ok(index) => Some(Self { dirs: RecordFolders::new(records, recording), index }),
            Err(problem) => {
                warn!(problem:%; "no thread for the index of records; past calls cannot be looked through");
                None
            }
        }
    }

    /// The index, which is told of each record that is filed.
    pub fn index(&self) -> &RecordsIndex {
        &self.index
    }

    /// A page of past calls, newest first.
    ///
    /// # Errors
    /// When too many questions wait, or the index cannot be used.
    pub async fn page(&self, wanted: Wanted) -> Result<Page, IndexTrouble> {
        self.index.page(wanted).await
    }

    /// The record of a call, by our id or the carrier's; `None` if there is none.
    ///
    /// # Errors
    /// As [`Self::page`].
    pub async fn record(&self, id: &str) -> Result<Option<Value>, IndexTrouble> {
        let Some(name) = self.index.find(id).await? else { return Ok(None) };
        let path = self.dirs.dir().join(name);
        // One that was erased after it was found is not there any more.
        let read = spawn_blocking(move || if path.exists() { transcript(&path).map(Some) } else { Ok(None) });
        match read.await {
            Ok(read) => read.map_err(IndexTrouble::Failed),
            Err(problem) => Err(IndexTrouble::Failed(io::Error::other(problem).to_string())),
        }
    }

    /// The path of a record's recording, counted from 0; `None` if the record has no such one, or its
    /// file is gone. Checks the disk.
    pub fn recording(&self, record: &Value, part: usize) -> Option<PathBuf> {
        let mut names: Vec<&str> = Vec::new();
        // The first one may be named twice.
        recordings_of(record).for_each(|name| {
            if !names.contains(&name) {
                names.push(name);
            }
        });
        let name = names.get(part)?;
        self.dirs.sounds().into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }
}
