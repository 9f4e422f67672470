//! Finds and removes a call's data in the shared queue, for erasure. Blocks.
//!
//! The eraser marks the call there before it removes anything, so that no node writes its own copy
//! back; see [`crate::erasure`].

use std::time::Duration;

use redis::streams::{StreamId, StreamRangeReply};
use redis::{Client, Commands, Connection, RedisResult, cmd, pipe};

use super::case::Case;
use super::notice::ids_of;
use crate::erasure::{KEPT, key};

/// A connection to the queue.
pub struct SharedQueue {
    connection: Connection,
}

/// One case in the queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedCase {
    /// Where it is.
    pub place: Location,
    /// The case.
    pub case: Case,
}

/// A place in the queue.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// An entry of the stream, by its id.
    Entry(String),
    /// The progress of a case, by its event's id.
    Progress(String),
    /// The result of a case, by its event's id.
    Result(String),
}

impl Location {
    /// Its name in messages to people.
    pub fn name(&self) -> String {
        match self {
            Self::Entry(entry) => format!("{STREAM} {entry}"),
            Self::Progress(id) => format!("{PROGRESS} {id}"),
            Self::Result(id) => format!("{RESULT}{id}"),
        }
    }
}

impl SharedQueue {
    /// Connects.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub fn connect(url: &str) -> RedisResult<Self> {
        let connection = Client::open(url)?.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { connection })
    }

    /// Every case in the queue, wherever it is, without its record.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub fn cases(&mut self) -> RedisResult<Vec<QueuedCase>> {
        let mut cases = self.entries()?;
        let read =
            |place: Location, text: &str| Case::read(text.as_bytes()).ok().map(|case| QueuedCase { place, case });
        let progress: Vec<(String, String)> = self.connection.hscan(PROGRESS)?.collect::<RedisResult<_>>()?;
        cases.extend(progress.into_iter().filter_map(|(id, text)| read(Location::Progress(id), &text)));
        let results: Vec<String> = self.connection.scan_match(format!("{RESULT}*"))?.collect::<RedisResult<_>>()?;
        for result in results {
            let text: Option<String> = self.connection.get(&result)?;
            let id = result.strip_prefix(RESULT).unwrap_or_default().to_owned();
            cases.extend(text.and_then(|text| read(Location::Result(id), &text)));
        }
        Ok(cases)
    }

    fn entries(&mut self) -> RedisResult<Vec<QueuedCase>> {
        let (mut cases, mut from) = (Vec::new(), "-".to_owned());
        loop {
            let page: StreamRangeReply =
                cmd("XRANGE").arg(STREAM).arg(&from).arg("+").arg("COUNT").arg(PAGE).query(&mut self.connection)?;
            let Some(last) = page.ids.last() else { return Ok(cases) };
            from = format!("({}", last.id);
            cases.extend(page.ids.iter().filter_map(case_in));
        }
    }

    /// Marks a call as erased, for all nodes.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub fn mark(&mut self, call: &str) -> RedisResult<()> {
        self.connection.set_ex(format!("{ERASED}{}", key(call)), 1, KEPT.as_secs())
    }

    /// Removes the data at `places`, and all data of the events of `call`.
    ///
    /// # Errors
    /// When Redis does not answer in time.
    pub fn remove(&mut self, places: &[Location], call: Option<&str>) -> RedisResult<()> {
        let mut steps = pipe();
        steps.atomic();
        for place in places {
            match place {
                Location::Entry(entry) => {
                    steps.xack(STREAM, GROUP, &[entry]).ignore().xdel(STREAM, &[entry]).ignore();
                }
                Location::Progress(id) => {
                    steps.hdel(PROGRESS, id).ignore();
                }
                Location::Result(id) => {
                    steps.del(format!("{RESULT}{id}")).ignore();
                }
            }
        }
        for id in call.map(ids_of).into_iter().flatten() {
            steps.hdel(PROGRESS, &id).ignore().del(format!("{RESULT}{id}")).ignore();
        }
        steps.query(&mut self.connection)
    }
}

fn case_in(entry: &StreamId) -> Option<QueuedCase> {
    let text: String = entry.get(CASE)?;
    Some(QueuedCase { place: Location::Entry(entry.id.clone()), case: Case::read(text.as_bytes()).ok()? })
}

/// The stream of cases.
pub const STREAM: &str = "switchboard:deliveries";
/// The group of all nodes.
pub const GROUP: &str = "switchboard";
/// The progress of cases.
pub const PROGRESS: &str = "switchboard:progress";
/// The result of a case; its event's id follows.
pub const RESULT: &str = "switchboard:result:";
/// The mark of an erased call; its key follows.
pub const ERASED: &str = "switchboard:erased:";
/// The field of an entry with the case.
pub const CASE: &str = "case";
/// The field of an entry with the record.
pub const RECORD: &str = "record";
/// Entries per command, each with its record.
const PAGE: usize = 32;
/// How long Redis may take for one answer.
const PATIENCE: Duration = Duration::from_secs(5);
