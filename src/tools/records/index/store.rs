//! The database of the index.
//!
//! ```text
//! <records.dir>/index/calls-{generation}.sqlite    and SQLite's own files beside it
//! ```
//!
//! A damaged database is followed by the next generation, and so is one that was made anew by hand. A
//! process that has an older one open notices and opens the newest: a database is never replaced
//! under a name that somebody has open.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _, Transaction, TransactionBehavior, params};
use switchboard_actors::disk::{make_folder, private};

use super::entry::Entry;
use super::words::TOKENIZER;

/// An open database.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
    folder: PathBuf,
    generation: u64,
}

/// Why the database does not do as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It is damaged, or not one of this version: it has to be made anew.
    Damaged(String),
    /// Anything else, such as a full disk: a later try may work.
    Failed(String),
}

/// Which calls are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The earliest beginning, in milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// The latest beginning, in milliseconds since 1970.
    pub to_ms: Option<i64>,
    /// The agent.
    pub agent: Option<String>,
    /// The carrier.
    pub carrier: Option<String>,
    /// The reason of the ending.
    pub ending: Option<String>,
    /// The disposition.
    pub disposition: Option<String>,
    /// A search, as [`super::search`] has read it.
    pub words: Option<String>,
    /// Only calls after this one in the list: the cursor of the page before.
    pub after: Option<i64>,
    /// The most calls of the page.
    pub most: usize,
}

/// A page of the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Rows as JSON, the newest call first.
    pub rows: Vec<String>,
    /// The cursor of the next page, if there is one.
    pub cursor: Option<i64>,
}

/// The state of a file when it was indexed: its time of modification in nanoseconds, and its size.
pub(super) type Stamp = (i64, i64);

impl Store {
    /// Whether a folder has a database.
    pub(super) fn exists(folder: &Path) -> bool {
        newest(folder).is_some()
    }

    /// Opens the newest database of a folder, or makes an empty one.
    ///
    /// # Errors
    /// When it is damaged, or the disk refuses.
    pub(super) fn open(folder: &Path) -> Result<Self, Trouble> {
        make_folder(folder)?;
        let generation = newest(folder).unwrap_or(FIRST);
        let mut store = Self::at(folder, generation, &database(folder, generation))?;
        store.check()?;
        store.prepare()?;
        remove_older(folder, generation);
        Ok(store)
    }

    /// Opens the newest database of a folder for questions; `None` if there is none yet.
    ///
    /// # Errors
    /// When it is damaged, or the disk refuses.
    pub(super) fn view(folder: &Path) -> Result<Option<Self>, Trouble> {
        let Some(generation) = newest(folder).filter(|generation| database(folder, *generation).exists()) else {
            return Ok(None);
        };
        let store = Self::at(folder, generation, &database(folder, generation))?;
        let version: i64 = store.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        // It is being made, or is of another version and about to be made anew.
        Ok((version == VERSION).then_some(store))
    }

    /// Makes an empty database as the next generation, and removes the others.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn anew(folder: &Path) -> Result<Self, Trouble> {
        make_folder(folder)?;
        let generation = newest(folder).map_or(FIRST, |generation| generation + 1);
        let mut store = Self::at(folder, generation, &database(folder, generation))?;
        store.prepare()?;
        remove_older(folder, generation);
        Ok(store)
    }

    /// Makes the next generation aside: nobody sees it before [`Self::publish`].
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn aside(folder: &Path) -> Result<Self, Trouble> {
        make_folder(folder)?;
        let path = folder.join(format!("{ASIDE}{}", std::process::id()));
        remove_database(&path);
        let mut store = Self::at(folder, newest(folder).map_or(FIRST, |generation| generation + 1), &path)?;
        store.connection.pragma_update(None, "synchronous", "OFF")?;
        store.prepare()?;
        Ok(store)
    }

    /// Closes a database that was made aside and gives it its name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn publish(self) -> Result<(), Trouble> {
        let path = PathBuf::from(self.connection.path().unwrap_or_default());
        self.settle()?;
        // The last connection to close leaves one file alone.
        self.connection.close().map_err(|(_, problem)| Trouble::from(problem))?;
        fs::File::open(&path)?.sync_all()?;
        let generation = newest(&self.folder).map_or(FIRST, |newest| newest + 1).max(self.generation);
        fs::rename(&path, database(&self.folder, generation))?;
        remove_older(&self.folder, generation);
        Ok(())
    }

    /// Removes every database of a folder.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn discard(folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if is_ours(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn at(folder: &Path, generation: u64, path: &Path) -> Result<Self, Trouble> {
        // SQLite's other files get the permissions of this one.
        private(OpenOptions::new().write(true).create(true).truncate(false)).open(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // What was erased is overwritten, and not only left out.
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.pragma_update(None, "cache_size", CACHE_KIB)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(Self { connection, folder: folder.to_owned(), generation })
    }

    /// Refuses a database that is damaged or of another version.
    fn check(&self) -> Result<(), Trouble> {
        let version: i64 = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version != 0 && version != VERSION {
            return Err(Trouble::Damaged(format!("found version {version}, expected {VERSION}")));
        }
        let found: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" { Ok(()) } else { Err(Trouble::Damaged(found)) }
    }

    /// Makes the tables, if there are none.
    fn prepare(&mut self) -> Result<(), Trouble> {
        let work = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = work.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version == 0 {
            work.execute_batch(TABLES)?;
            work.execute_batch(&format!(
                "CREATE VIRTUAL TABLE words USING fts5(said, names, tokenize = \"{TOKENIZER}\")"
            ))?;
            // As `secure_delete`, for the words.
            work.execute_batch("INSERT INTO words(words, rank) VALUES('secure-delete', 1)")?;
            work.pragma_update(None, "user_version", VERSION)?;
        }
        work.commit()?;
        Ok(())
    }

    /// Whether this is still the newest database of its folder.
    pub(super) fn is_newest(&self) -> bool {
        newest(&self.folder) == Some(self.generation)
    }

    /// The names of the indexed transcripts, with their files' state.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn files(&self) -> Result<HashMap<String, Stamp>, Trouble> {
        let mut statement = self.connection.prepare_cached("SELECT file, changed, size FROM calls")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Enters records, each in place of what was known of its file, in one transaction.
    ///
    /// # Errors
    /// When the disk refuses; then none of them is entered.
    pub(super) fn put(&mut self, entries: &[(String, Stamp, Entry)]) -> Result<(), Trouble> {
        let work = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (file, stamp, entry) in entries {
            put(&work, file, *stamp, entry)?;
        }
        work.commit()?;
        Ok(())
    }

    /// Removes records by the names of their transcripts.
    ///
    /// # Errors
    /// When the disk refuses; then none is removed.
    pub(super) fn remove(&mut self, files: &[String]) -> Result<(), Trouble> {
        let work = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for file in files {
            take(&work, file)?;
        }
        work.commit()?;
        Ok(())
    }

    /// Moves everything from SQLite's log into the database, so that the log keeps nothing of what
    /// was removed.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn settle(&self) -> Result<(), Trouble> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// The name of the newest transcript of a call, by our id or the carrier's.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn find(&self, id: &str) -> Result<Option<String>, Trouble> {
        let mut statement = self.connection.prepare_cached(
            "SELECT file FROM (SELECT n, file FROM calls WHERE id = ?1 UNION SELECT n, file FROM calls WHERE carrier_call = ?1) \
             ORDER BY n DESC LIMIT 1",
        )?;
        Ok(statement.query_row([id], |row| row.get(0)).optional()?)
    }

    /// A page of the list.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn page(&self, wanted: &Wanted) -> Result<Page, Trouble> {
        let (query, values) = select(wanted);
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_map(rusqlite::params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut rows: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
        let more = rows.len() > wanted.most;
        rows.truncate(wanted.most);
        let cursor = rows.last().map(|(n, _)| *n).filter(|_| more);
        Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), cursor })
    }
}

/// The query of a page, with its values. Both tables are in the order of the calls' beginnings, so a
/// page ends after its last row however many calls match.
fn select(wanted: &Wanted) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = Vec::new();
    let (mut query, number) = match &wanted.words {
        Some(words) => {
            values.push(words.clone().into());
            // The words come first: `CROSS JOIN` keeps the planner from turning it round.
            let tables = "words CROSS JOIN calls ON calls.n = words.rowid WHERE words MATCH ?";
            (format!("SELECT calls.n, shown FROM {tables}"), "words.rowid")
        }
        None => ("SELECT n, shown FROM calls WHERE 1".to_owned(), "n"),
    };
    for (bound, number_at) in [
        (">=", wanted.from_ms.map(first_number)),
        ("<=", wanted.to_ms.map(|ms| first_number(ms.saturating_add(1)).saturating_sub(1))),
        ("<", wanted.after),
    ] {
        if let Some(at) = number_at {
            query += &format!(" AND {number} {bound} ?");
            values.push(at.into());
        }
    }
    for (column, value) in [
        ("agent", &wanted.agent),
        ("carrier", &wanted.carrier),
        ("ending", &wanted.ending),
        ("disposition", &wanted.disposition),
    ] {
        if let Some(value) = value {
            query += &format!(" AND {column} = ?");
            values.push(value.clone().into());
        }
    }
    query += &format!(" ORDER BY {number} DESC LIMIT ?");
    values.push(i64::try_from(wanted.most.saturating_add(1)).unwrap_or(i64::MAX).into());
    (query, values)
}

fn put(work: &Transaction<'_>, file: &str, stamp: Stamp, entry: &Entry) -> Result<(), Trouble> {
    let before = take(work, file)?;
    let first = first_number(entry.began_ms);
    let last = first + MOST_AT_ONCE - 1;
    // A record that is entered again keeps its place, and with it the cursors that name it.
    let number = match before.filter(|number| (first..=last).contains(number)) {
        Some(number) => number,
        None => {
            let taken: Option<i64> = work
                .prepare_cached("SELECT max(n) FROM calls WHERE n BETWEEN ?1 AND ?2")?
                .query_row(params![first, last], |row| row.get(0))?;
            taken.map_or(first, |taken| taken + 1)
        }
    };
    work.prepare_cached("INSERT INTO calls VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)")?.execute(
        params![
            number,
            file,
            stamp.0,
            stamp.1,
            entry.id,
            entry.carrier_call,
            entry.agent,
            entry.carrier,
            entry.ending,
            entry.disposition,
            entry.shown,
        ],
    )?;
    work.prepare_cached("INSERT INTO words(rowid, said, names) VALUES (?1, ?2, ?3)")?.execute(params![
        number,
        entry.said,
        entry.names
    ])?;
    Ok(())
}

/// Removes a record and returns the number that it had.
fn take(work: &Transaction<'_>, file: &str) -> Result<Option<i64>, Trouble> {
    let number: Option<i64> =
        work.prepare_cached("SELECT n FROM calls WHERE file = ?1")?.query_row([file], |row| row.get(0)).optional()?;
    if let Some(number) = number {
        work.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([number])?;
        work.prepare_cached("DELETE FROM calls WHERE n = ?1")?.execute([number])?;
    }
    Ok(number)
}

/// The number of the first call that began in this millisecond. A call's number is its place in the
/// list, and a cursor.
fn first_number(ms: i64) -> i64 {
    ms.saturating_mul(MOST_AT_ONCE)
}

impl From<rusqlite::Error> for Trouble {
    fn from(problem: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        let broken = matches!(problem.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
        // Tables or values that no version of ours wrote.
        let foreign =
            matches!(problem, E::SqlInputError { .. } | E::FromSqlConversionFailure(..) | E::InvalidColumnType(..));
        let damaged = broken || foreign;
        if damaged { Self::Damaged(problem.to_string()) } else { Self::Failed(problem.to_string()) }
    }
}

impl From<io::Error> for Trouble {
    fn from(problem: io::Error) -> Self {
        Self::Failed(problem.to_string())
    }
}

/// The newest generation of a folder.
fn newest(folder: &Path) -> Option<u64> {
    let names = fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.strip_prefix(NAMED)?.strip_suffix(SUFFIX)?.parse().ok()).max()
}

fn database(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{NAMED}{generation}{SUFFIX}"))
}

/// Removes the databases of older generations. One that cannot be removed only takes room.
fn remove_older(folder: &Path, generation: u64) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let found = name.strip_prefix(NAMED).and_then(|rest| rest.split('.').next()?.parse::<u64>().ok());
        if found.is_some_and(|found| found < generation) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes a database and SQLite's files beside it, if they are there.
fn remove_database(path: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let _ = fs::remove_file(name);
    }
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with(NAMED) || name.starts_with(ASIDE)
}

const TABLES: &str = "
CREATE TABLE calls (
    n INTEGER PRIMARY KEY,
    file TEXT NOT NULL UNIQUE,
    changed INTEGER NOT NULL,
    size INTEGER NOT NULL,
    id TEXT NOT NULL,
    carrier_call TEXT NOT NULL,
    agent TEXT NOT NULL,
    carrier TEXT NOT NULL,
    ending TEXT NOT NULL,
    disposition TEXT NOT NULL,
    shown TEXT NOT NULL
);
CREATE INDEX by_id ON calls(id);
CREATE INDEX by_carrier_call ON calls(carrier_call);
CREATE INDEX by_agent ON calls(agent);
CREATE INDEX by_carrier ON calls(carrier);
CREATE INDEX by_ending ON calls(ending);
CREATE INDEX by_disposition ON calls(disposition);
";
/// The version of the tables and of the words' spelling. Another one is made anew.
const VERSION: i64 = 1;
const FIRST: u64 = 1;
const NAMED: &str = "calls-";
const SUFFIX: &str = ".sqlite";
/// What the name of a database begins with while it is made aside.
const ASIDE: &str = "making-";
/// Calls that may begin in one millisecond.
const MOST_AT_ONCE: i64 = 1024;
/// How long another process may hold the database. Longer keeps questions waiting; shorter gives up
/// on what only has to wait its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// Memory for pages of the database: a negative number is in KiB.
const CACHE_KIB: i64 = -16 * 1024;
/// Statements that are kept prepared: the fixed ones, and the most usual filters.
const STATEMENTS: usize = 32;
