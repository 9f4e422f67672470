//! Finds the record of a notice that is about to be sent.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::shared::{Found, Link};
use crate::delivery::notice::Notice;
use crate::delivery::schedule::Answer;
use crate::delivery::store::Store;

/// The place of a notice's record.
pub(super) enum Source {
    /// Its call was erased.
    Erased,
    /// It has no record.
    None(Option<Box<Link>>),
    /// The result of reading it from the folder of records.
    Disk(io::Result<Value>),
    /// It is in the notice's entry in the shared queue. If the queue has lost it, this node's own
    /// folder may have it.
    Shared(Box<Link>, Arc<str>, Store),
}

impl Source {
    /// Finds the record's place; `entry` is the notice's entry in the shared queue.
    pub(super) fn of(notice: &Notice, entry: Option<(Link, Arc<str>)>, store: &Store) -> Self {
        if store.has_erased(notice) {
            return Self::Erased;
        }
        match (&notice.record, entry) {
            (None, entry) => Self::None(entry.map(|(link, _)| Box::new(link))),
            (Some(_), Some((link, entry))) => Self::Shared(Box::new(link), entry, store.clone()),
            (Some(files), None) => Self::Disk(store.transcript(files)),
        }
    }

    /// The record, or the result of a try that cannot have it.
    pub(super) async fn record(self, notice: &Notice) -> Result<Option<Value>, (Answer, String)> {
        let impossible =
            |problem: &dyn std::fmt::Display| (Answer::Impossible, format!("the transcript cannot be read: {problem}"));
        match self {
            Self::Erased => Err((Answer::Erased, String::new())),
            Self::None(None) => Ok(None),
            // An unreachable queue does not mean that the call was erased.
            Self::None(Some(mut link)) => match link.has_erased(&notice.call.id).await {
                Ok(true) => Err((Answer::Erased, String::new())),
                Ok(false) | Err(_) => Ok(None),
            },
            Self::Disk(read) => read.map(Some).map_err(|problem| impossible(&problem)),
            Self::Shared(mut link, entry, store) => {
                let own = || notice.record.as_ref().and_then(|files| store.transcript(files).ok());
                // A failure of Redis says nothing about the receiver.
                let found = link.record(&entry, notice).await;
                match found.map_err(|problem| (Answer::Unsent, format!("the shared queue: {problem}")))? {
                    Found::Record(text) => {
                        serde_json::from_str(&text).map(Some).map_err(|problem| impossible(&problem))
                    }
                    Found::Erased => Err((Answer::Erased, String::new())),
                    // The case's own node notices this and adds it again.
                    Found::Lost => own().map(Some).ok_or_else(|| (Answer::Lost, String::new())),
                    Found::WithoutRecord => {
                        own().map(Some).ok_or_else(|| impossible(&"it was gone when it was shared"))
                    }
                }
            }
        }
    }
}
