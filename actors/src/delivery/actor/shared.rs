//! One queue for several nodes: Redis Streams with a consumer group. This file has only the Redis
//! commands; the schedule decides.
//!
//! ```text
//!  this node's outbox ──XADD──▶ stream ──XREADGROUP──▶ any node's schedule ──result──▶ this node's
//!  (deliveries/pending)           ▲            │
//!                                 └─XAUTOCLAIM─┘ the entries of a dead node
//! ```
//!
//! | key | |
//! |---|---|
//! | `switchboard:deliveries` | the stream: a case and, if it has one, its record |
//! | `switchboard:progress` | the progress of a case, by its event's id, while it is in the stream |
//! | `switchboard:result:ID` | its result, until its node has read it or it expires |
//! | `switchboard:erased:KEY` | an erased call, by our id: nothing of it is written or sent any more |
//!
//! While Redis is away, new cases wait in the outbox on disk; cases under way continue and are
//! written later. A Redis that restarts without its last writes has lost entries: a node adds a
//! case again when it finds neither its entry nor its result. A node touches its entries every few
//! seconds. Another node may claim an entry that was not touched for `STALE_AFTER`.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamRangeReply, StreamReadReply};
use redis::{AsyncConnectionConfig, Client, RedisResult, Value, cmd, pipe};

use crate::delivery::case::{Case, Status};
use crate::delivery::notice::Notice;
use crate::delivery::queue::{CASE, ERASED, GROUP, PROGRESS, RECORD, RESULT, STREAM};
use crate::erasure::key;

/// The work of one exchange with Redis.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// New cases and their records.
    pub(super) push: Vec<(Case, Option<String>)>,
    /// Cases of this node that have advanced, by entry.
    pub(super) progress: Vec<(Arc<str>, Case)>,
    /// This node's entries, to be touched.
    pub(super) touch: Vec<Arc<str>>,
    /// Cases whose result is asked for.
    pub(super) ask: Vec<Asked>,
    /// Whether to check that those cases are still in the stream.
    pub(super) check: bool,
    /// How many cases this node may still claim.
    pub(super) room: usize,
    /// Whether to claim the cases of dead nodes.
    pub(super) claim: bool,
}

/// A case that was added to the stream.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Its event's id.
    pub(super) id: String,
    /// Our id of the call.
    pub(super) call: String,
    /// Its entry; `None` if that is unknown.
    pub(super) entry: Option<String>,
}

/// What the queue has of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The record.
    Record(String),
    /// The entry without a record.
    WithoutRecord,
    /// Its call was erased.
    Erased,
    /// Nothing.
    Lost,
}

/// The result of an exchange; partial if Redis went away.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Cases that are in the stream now, with their entries.
    pub(super) pushed: Vec<(Case, String)>,
    /// Cases whose progress is stored.
    pub(super) saved: Vec<Case>,
    /// Cases that this node has claimed, with their entries.
    pub(super) taken: Vec<(Arc<str>, Case)>,
    /// Cases of this node that any node has finished.
    pub(super) ended: Vec<Case>,
    /// Events of erased calls.
    pub(super) erased: Vec<String>,
    /// Cases of this node that the stream has lost, by their event's id.
    pub(super) lost: Vec<String>,
    /// Entries that no node can read.
    pub(super) unreadable: Vec<String>,
    /// Why it stopped early.
    pub(super) problem: Option<String>,
}

/// This node's end of the queue.
#[derive(Debug, Clone)]
pub(super) struct Link {
    client: Client,
    /// This process's name in the group.
    consumer: String,
    keep: Duration,
    connection: Option<MultiplexedConnection>,
}

impl Link {
    /// A link that is not connected yet.
    ///
    /// # Errors
    /// When the address is not one of Redis.
    pub(super) fn new(url: &str, consumer: String, keep: Duration) -> RedisResult<Self> {
        Ok(Self { client: Client::open(url)?, consumer, keep, connection: None })
    }

    /// Does the work. The outcome lists what was done, also after an error.
    pub(super) async fn work(&mut self, work: Work) -> Outcome {
        let mut outcome = Outcome::default();
        if let Err(problem) = self.try_work(work, &mut outcome).await {
            // The next work begins with a fresh connection.
            self.connection = None;
            outcome.problem = Some(problem.to_string());
        }
        outcome
    }

    /// The record in the entry of a notice.
    pub(super) async fn record(&mut self, entry: &str, notice: &Notice) -> RedisResult<Found> {
        let mut connection = self.connected().await?;
        let mut both = pipe();
        both.exists(erased_of(&notice.call.id)).add_command(cmd("XRANGE").arg(STREAM).arg(entry).arg(entry).clone());
        let (erased, found): (bool, StreamRangeReply) = both.query_async(&mut connection).await?;
        if erased {
            return Ok(Found::Erased);
        }
        // After a loss, Redis may have given the same id to another case.
        let own = |entry: &&StreamId| {
            let case = Case::read(entry.get::<String>(CASE).unwrap_or_default().as_bytes());
            case.is_ok_and(|case| case.notice.id == notice.id)
        };
        Ok(match found.ids.first().filter(own) {
            None => Found::Lost,
            Some(entry) => entry.get(RECORD).map_or(Found::WithoutRecord, Found::Record),
        })
    }

    /// Whether a call was erased.
    pub(super) async fn has_erased(&mut self, call: &str) -> RedisResult<bool> {
        let mut connection = self.connected().await?;
        cmd("EXISTS").arg(erased_of(call)).query_async(&mut connection).await
    }

    async fn try_work(&mut self, work: Work, outcome: &mut Outcome) -> RedisResult<()> {
        let mut connection = self.connected().await?;
        for (entry, case) in work.progress {
            if self.save(&mut connection, &entry, &case).await? {
                outcome.saved.push(case);
            } else {
                outcome.erased.push(case.notice.id);
            }
        }
        for (case, record) in work.push {
            match push(&mut connection, &case, record).await? {
                Some(entry) => outcome.pushed.push((case, entry)),
                None => outcome.erased.push(case.notice.id),
            }
        }
        if !work.touch.is_empty() {
            let mut touch = cmd("XCLAIM");
            touch.arg(STREAM).arg(GROUP).arg(&self.consumer).arg(0);
            work.touch.iter().for_each(|entry| {
                touch.arg(entry.as_ref());
            });
            let _: Value = touch.arg("JUSTID").query_async(&mut connection).await?;
        }
        for asked in work.ask.chunks(MOST_ASKED) {
            ask(&mut connection, asked, work.check, outcome).await?;
        }
        if work.claim && work.room > 0 {
            let claimed: StreamAutoClaimReply = cmd("XAUTOCLAIM")
                .arg(STREAM)
                .arg(GROUP)
                .arg(&self.consumer)
                .arg(millis(STALE_AFTER))
                .arg("0-0")
                .arg("COUNT")
                .arg(work.room)
                .query_async(&mut connection)
                .await?;
            self.take(&mut connection, claimed.claimed, outcome).await?;
        }
        let room = work.room.saturating_sub(outcome.taken.len());
        if room > 0 {
            let fresh: Option<StreamReadReply> = cmd("XREADGROUP")
                .arg("GROUP")
                .arg(GROUP)
                .arg(&self.consumer)
                .arg("COUNT")
                .arg(room)
                .arg("STREAMS")
                .arg(STREAM)
                .arg(">")
                .query_async(&mut connection)
                .await?;
            let entries = fresh.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids);
            self.take(&mut connection, entries.collect(), outcome).await?;
        }
        Ok(())
    }

    async fn take(
        &self,
        connection: &mut MultiplexedConnection,
        entries: Vec<StreamId>,
        outcome: &mut Outcome,
    ) -> RedisResult<()> {
        for entry in entries {
            let pushed: String = entry.get(CASE).unwrap_or_default();
            let Ok(case) = Case::read(pushed.as_bytes()) else {
                // No node can ever read it.
                drop_entry(connection, &entry.id).await?;
                outcome.unreadable.push(entry.id);
                continue;
            };
            let id = &case.notice.id;
            let (further, over, erased): (Option<String>, bool, bool) = pipe()
                .hget(PROGRESS, id)
                .exists(result_of(id))
                .exists(erased_of(&case.notice.call.id))
                .query_async(connection)
                .await?;
            if over || erased {
                // It was added twice and is finished, or no node may send it any more.
                drop_entry(connection, &entry.id).await?;
                continue;
            }
            let further = further.and_then(|text| Case::read(text.as_bytes()).ok());
            outcome.taken.push((Arc::from(entry.id), further.unwrap_or(case)));
        }
        Ok(())
    }

    /// Stores the progress of a case. A finished case leaves the stream and leaves a result.
    /// Returns `false` if its call was erased: then nothing of it is stored.
    async fn save(&self, connection: &mut MultiplexedConnection, entry: &str, case: &Case) -> RedisResult<bool> {
        let id = &case.notice.id;
        let mut steps = pipe();
        steps.atomic();
        if case.status() == Status::Pending {
            steps.hset(PROGRESS, id, text_of(case)).ignore();
        } else {
            steps.set_ex(result_of(id), text_of(case), self.keep.as_secs().max(1)).ignore();
            steps.hdel(PROGRESS, id).ignore().xack(STREAM, GROUP, &[entry]).ignore().xdel(STREAM, &[entry]).ignore();
        }
        // An eraser sets the mark first and then looks for entries.
        let (erased,): (bool,) = steps.exists(erased_of(&case.notice.call.id)).query_async(connection).await?;
        if erased {
            let mut gone = pipe();
            gone.atomic().hdel(PROGRESS, id).ignore().del(result_of(id)).ignore();
            gone.xack(STREAM, GROUP, &[entry]).ignore().xdel(STREAM, &[entry]).ignore();
            gone.query_async::<()>(connection).await?;
        }
        Ok(!erased)
    }

    async fn connected(&mut self) -> RedisResult<MultiplexedConnection> {
        if let Some(connection) = &self.connection {
            return Ok(connection.clone());
        }
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let made: RedisResult<()> = cmd("XGROUP")
            .arg("CREATE")
            .arg(STREAM)
            .arg(GROUP)
            .arg("0")
            .arg("MKSTREAM")
            .query_async(&mut connection)
            .await;
        match made {
            // Another node has created it.
            Err(error) if error.code() == Some("BUSYGROUP") => {}
            made => made?,
        }
        self.connection = Some(connection.clone());
        Ok(connection)
    }
}

/// Adds a case to the stream. Returns its entry, or `None` if its call was erased.
async fn push(
    connection: &mut MultiplexedConnection,
    case: &Case,
    record: Option<String>,
) -> RedisResult<Option<String>> {
    let mut add = cmd("XADD");
    add.arg(STREAM).arg("*").arg(CASE).arg(text_of(case));
    if let Some(record) = record {
        add.arg(RECORD).arg(record);
    }
    let (result, erased) = (result_of(&case.notice.id), erased_of(&case.notice.call.id));
    // A result from before its revival does not count.
    let (entry, erased): (String, bool) =
        pipe().atomic().del(result).ignore().add_command(add).exists(erased).query_async(connection).await?;
    if erased {
        drop_entry(connection, &entry).await?;
        return Ok(None);
    }
    Ok(Some(entry))
}

/// Reads the results of cases. With `check`, it also finds unfinished cases that are no longer in
/// the stream.
async fn ask(
    connection: &mut MultiplexedConnection,
    asked: &[Asked],
    check: bool,
    outcome: &mut Outcome,
) -> RedisResult<()> {
    // A finished case's entry is removed and its result written in one step: a missing entry has a
    // result by now, or is lost.
    let mut gone = vec![false; asked.len()];
    if check {
        let there = are_there(connection, asked).await?;
        gone.iter_mut().zip(there).for_each(|(gone, there)| *gone = !there);
    }
    let keys = |of: fn(&Asked) -> String| asked.iter().map(of).collect::<Vec<_>>();
    let (found, erased): (Vec<Option<String>>, Vec<Option<String>>) = pipe()
        .add_command(cmd("MGET").arg(keys(|asked| result_of(&asked.id))).clone())
        .add_command(cmd("MGET").arg(keys(|asked| erased_of(&asked.call))).clone())
        .query_async(connection)
        .await?;
    for (n, asked) in asked.iter().enumerate() {
        let result = found.get(n).cloned().flatten().and_then(|text| Case::read(text.as_bytes()).ok());
        match (erased.get(n).is_some_and(Option::is_some), result) {
            (true, _) => outcome.erased.push(asked.id.clone()),
            (false, Some(case)) => outcome.ended.push(case),
            (false, None) if gone[n] => outcome.lost.push(asked.id.clone()),
            (false, None) => {}
        }
    }
    Ok(())
}

/// Whether each case's own entry is in the stream. Records are not transferred.
async fn are_there(connection: &mut MultiplexedConnection, asked: &[Asked]) -> RedisResult<Vec<bool>> {
    let mut each = pipe();
    for asked in asked {
        let entry = asked.entry.as_deref().unwrap_or(NO_ENTRY);
        each.cmd("EVAL").arg(IS_THERE).arg(1).arg(STREAM).arg(entry).arg(&asked.id);
    }
    each.query_async(connection).await
}

async fn drop_entry(connection: &mut MultiplexedConnection, entry: &str) -> RedisResult<()> {
    pipe().atomic().xack(STREAM, GROUP, &[entry]).ignore().xdel(STREAM, &[entry]).ignore().query_async(connection).await
}

fn text_of(case: &Case) -> String {
    serde_json::to_string(case).expect("a case is plain data")
}

fn result_of(id: &str) -> String {
    format!("{RESULT}{id}")
}

fn erased_of(call: &str) -> String {
    format!("{ERASED}{}", key(call))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// An id that no entry has.
const NO_ENTRY: &str = "0-0";
/// Finds an entry by its first field, the case, which contains the event's id verbatim.
const IS_THERE: &str = "local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1]) \
    return #found > 0 and string.find(found[1][2][2], '\"' .. ARGV[2] .. '\"', 1, true) ~= nil and 1 or 0";
/// Results fetched in one command: Redis does nothing else meanwhile.
const MOST_ASKED: usize = 512;
/// The time limit for one answer of Redis.
const PATIENCE: Duration = Duration::from_secs(3);
/// Another node claims an entry that is untouched for this long. Shorter: the work of a stalled
/// node is done twice, under the same ids. Longer: the cases of a dead node wait.
pub(super) const STALE_AFTER: Duration = Duration::from_secs(15);
